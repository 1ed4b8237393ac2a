#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# analyze.sh BUILD FILE...: clang-tidy and cppcheck; any finding fails.
build=$1
shift
flags="-std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -Iinclude -I$build/gen"
files=
for f in "$@"; do [ -f "$f" ] && files="$files $f"; done
printf '%s\n' $files | xargs -P 2 -n 8 sh -c '
	clang-tidy --quiet "$@" -- '"$flags"' 2>/dev/null' sh >"$build/tidy.txt"
status=$?
grep -E 'warning:|error:' "$build/tidy.txt" && exit 1
[ $status = 0 ] || { tail -20 "$build/tidy.txt"; exit 1; }
cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,portability \
	--inline-suppr --suppressions-list=tests/lanes/cppcheck.txt -j 2 \
	-D_GNU_SOURCE -D__x86_64__ -I. -Iinclude -I"$build/gen" $files || exit 1
echo "analyze: $# files"
