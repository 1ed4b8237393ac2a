# SPDX-License-Identifier: Apache-2.0
# A writable bind: what the host does to it is seen inside, and the other way
# round; random operations on it agree with a model (fsx, fsstress).
# FSX_OPS and FSX_SEED are for longer and for repeated runs.
. "$(dirname "$0")/lib.sh.inc"

programs=$BUILD/tests/conformance
mkdir -p "$TMP/a" "$TMP/b" "$TMP/dir"
chmod 0777 "$TMP/dir"

guest() {
	$MOAT run --bind "$TMP/dir:$TMP/a" --bind "$TMP/dir:$TMP/b" \
		--env SHARED_A="$TMP/a" --env SHARED_B="$TMP/b" \
		--env FSX_DIR="$TMP/a" "$@"
}

# verdicts COMMAND...: the lines of a conformance program, as ours
verdicts() {
	"$@" 2>&1 </dev/null | grep -v '^skip '
}
out=$(verdicts guest -- "$programs/shared_bind")
echo "${out:-not ok shared_bind: no output}"
for p in fsx fsstress; do
	out=$(verdicts guest -- "$programs/$p" $p.given_directory)
	echo "${out:-not ok $p: no output}"
done
rm -rf "$TMP"/dir/*

# The host edits while the guest polls.
echo one >"$TMP/dir/f"
(
	soon 10 test -e "$TMP/dir/ready"
	echo longer >"$TMP/dir/f"
	soon 10 test -e "$TMP/dir/again"
	mv "$TMP/dir/f" "$TMP/dir/g"
) &
expect host-edits-are-seen 0 '^seen$' guest -- sh -c '
	cd "$SHARED_A"
	[ $(stat -c %s f) = 4 ] || exit 1
	: >ready
	until [ $(stat -c %s f) = 7 ]; do :; done
	: >again
	while [ -e f ]; do :; done
	cat g >/dev/null && echo seen'
wait
[ "$(cat "$TMP/dir/g")" = longer ] && ok host-keeps-its-file ||
	not_ok host-keeps-its-file "$(ls -l "$TMP/dir")"

# What was opened before needs no gofer: it is stopped meanwhile.
mkfifo "$TMP/in" "$TMP/out"
echo data >"$TMP/dir/known"
guest -- sh -c '
	f=$SHARED_A/known
	cat "$f" /etc/passwd >/dev/null; stat "$f" >/dev/null
	cat "$f" /etc/passwd >/dev/null; stat "$f" >/dev/null
	echo ready
	read -r go
	cat "$f" && cat /etc/passwd >/dev/null && stat -c %s "$f"' \
	<"$TMP/in" >"$TMP/out" 2>&1 &
pid=$!
exec 3>"$TMP/in" 4<"$TMP/out"
read -r line <&4
gofer=$(victim gofer $pid)
kill -STOP "$gofer"
echo go >&3
if read -r -t 60 one <&4 && read -r -t 60 two <&4 && [ "$one$two" = data5 ]; then
	ok no-message-for-what-is-known
else
	not_ok no-message-for-what-is-known "$line/$one/$two"
fi
kill -CONT "$gofer"
exec 3>&- 4<&-
wait $pid

# The gofer ends in the midst of it: so does the sandbox, and soon.
guest -- sh -c 'cd "$SHARED_A"; : >begun; while :; do echo x >h; rm h; done' \
	>/dev/null 2>&1 &
pid=$!
soon 10 test -e "$TMP/dir/begun"
kill -9 "$(victim gofer $pid)"
soon 5 none_alive $pid && ok gofer-dies || not_ok gofer-dies "the sandbox lives on"
kill -9 $pid 2>/dev/null
finish
