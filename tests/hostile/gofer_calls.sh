# SPDX-License-Identifier: Apache-2.0
# How many messages file operations cost: what is known is not asked again, and
# what is opened first is found and opened in one exchange.
. "$(dirname "$0")/lib.sh.inc"

T=$TMP/tree
mkdir -p $T/a/b $T/many
for i in 1 2 3 4 5; do echo $i >$T/a/b/f$i; done
i=0
while [ $i -lt 200 ]; do echo >$T/many/n$i; i=$((i + 1)); done
chmod -R a+rX $TMP

# messages COMMANDS: how many a shell sends that does these (builtins only)
messages() {
	$MOAT run --cwd / --log-level debug --log $TMP/log -- sh -c "$1" \
		</dev/null >/dev/null 2>&1
	sed -n 's/.*end: \([0-9]*\) messages.*/\1/p' $TMP/log | tail -1
	rm -f $TMP/log
}
# costs NAME NUMBER BEFORE COMMANDS: these cost so many more than BEFORE
costs() {
	local base with
	base=$(messages "$3")
	with=$(messages "$3; $4")
	[ -n "$base" ] && [ "$((with - base))" = "$2" ] && ok "$1" ||
		not_ok "$1" "$base, then $with messages, not $2 more"
}

known="read x <$T/a/b/f1"
costs first-open 1 "$known" "read x <$T/a/b/f2"
costs open-again 0 "$known" "$known; $known"
# Others than the owner have the access list of each new directory asked for.
[ "$(id -u)" = 0 ] && costs deep-first-open 1 : "$known"
costs stat-again 0 "[ -e $T/a/b/f3 ]" "[ -e $T/a/b/f3 ]; [ -f $T/a/b/f3 ]"
costs open-after-stat 1 "$known; [ -e $T/a/b/f3 ]" "read x <$T/a/b/f3"
costs missing-again 0 "[ -e $T/a/none ]" "[ -e $T/a/none ]"
# The first name that is made asks once for a default access list.
costs create-and-write 0 "$known; echo x >$T/a/b/new0; [ -e $T/a/b/new ]" \
	"echo x >$T/a/b/new; echo y >>$T/a/b/new; read x <$T/a/b/new"
# A directory that was listed: its names come in one piece (and the end in
# the same), not one by one.
# Not for the user nobody, to whom files without a known owner seem to belong:
# what it may do with each is asked of the host.
[ "$(id -u)" = 65534 ] || costs many-after-list 1 "for f in $T/many/*; do :; done" \
	"for f in $T/many/*; do [ -f \$f ]; done"
costs many-missing 0 "for f in $T/many/*; do [ -f \$f ]; done; [ -e $T/many/x ]" \
	"[ -e $T/many/y ]; [ -e $T/many/z ]"
finish
