# SPDX-License-Identifier: Apache-2.0
# A guest that attacks its own stub: the sandbox goes on.
. "$(dirname "$0")/lib.sh.inc"

out=$(timeout 250 "$MOAT" run --platform=trap -- \
	"$BUILD/tests/hostile/stub_guest" 2>"$TMP/err")
status=$?
if [ "$status" = 77 ]; then
	echo "the trap platform does not patch here"
	exit 77
fi
printf '%s\n' "$out" | sort -u
if [ "$status" != 0 ]; then
	not_ok stub_guest "status $status: $(tail -5 "$TMP/err")"
elif grep -q crashed "$TMP/err"; then
	not_ok stub_guest "$(grep crashed "$TMP/err")"
else
	ok stub_guest
fi
exit $failed
