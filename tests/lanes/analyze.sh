#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# analyze.sh BUILD FILE...: clang-tidy and cppcheck; any finding fails.
# One file a run: clang-tidy 14 carries va_list state from file to file.
build=$1
shift
flags="-std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -Iinclude -I$build/gen"
files=
for f in "$@"; do [ -f "$f" ] && files="$files $f"; done
set -- $files
bad=0
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 sh -c '
	out=$(clang-tidy --quiet "$1" -- '"$flags"' 2>&1) && exit 0
	printf "%s\n" "$out"
	exit 1' sh >"$build/tidy.txt" || bad=1
grep -E '(warning|error):' "$build/tidy.txt" | sort -u
[ $bad = 0 ] || echo "analyze: the paths to it are in $build/tidy.txt"
cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,portability \
	--inline-suppr --suppressions-list=tests/lanes/cppcheck.txt \
	-j "$(nproc)" -D_GNU_SOURCE -D__x86_64__ -I. -Iinclude \
	-I"$build/gen" "$@" || bad=1
[ $bad = 0 ] && echo "analyze: $# files"
exit $bad
