# SPDX-License-Identifier: Apache-2.0
# A launcher that is killed or interrupted while it starts, at any moment, and
# many sandboxes at once: nothing remains, no file, no mount, no process.
. "$(dirname "$0")/lib.sh.inc"

# With job control, so that background jobs do not ignore SIGINT.
set -m
mounts=$(wc -l </proc/self/mountinfo)
files=$(ls -A /tmp /dev/shm 2>/dev/null | grep -i moat | grep -v moat- | sort)
# The sandboxes of this test are found by a word in their command line, which
# fork hands on to gofer, sentry and stubs.
mark="moat-starting-$$"
left() {
	local p
	for p in /proc/[0-9]*/cmdline; do
		{ tr '\0' ' ' <"$p"; } 2>/dev/null | grep -q "$mark" &&
			echo "${p//[!0-9]/}"
	done
}
nothing_left() { [ -z "$(left | grep -v "^$$\$")" ]; }

for signo in KILL INT TERM; do
	bad=0
	for i in $(seq 1 60); do
		"$MOAT" run --env "M=$mark" -- sleep 1000 >"$TMP/out" 2>&1 &
		pid=$!
		# 0 to 30 ms in steps of half a millisecond
		sleep "$(printf '0.%04d' $((i * 5)))"
		kill -"$signo" "$pid"
		wait "$pid" 2>/dev/null
		status=$?
		case $signo:$status in
		KILL:137 | INT:130 | TERM:143) ;;
		*) bad=$status ;;
		esac
	done
	[ $bad = 0 ] && ok "$signo-status" || not_ok "$signo-status" "$bad: $(cat "$TMP/out")"
	soon 2 nothing_left && ok "$signo-nothing-left" ||
		not_ok "$signo-nothing-left" "$(ps -o pid,ppid,args -p "$(left | tr '\n' ,)0")"
done

# Twenty at once.
for i in $(seq 1 20); do
	"$MOAT" run --env "M=$mark" -- sh -c "echo $i" >"$TMP/out.$i" 2>"$TMP/err.$i" &
done
wait
bad=
for i in $(seq 1 20); do
	[ "$(cat "$TMP/out.$i")" = "$i" ] && [ ! -s "$TMP/err.$i" ] ||
		bad="$bad $i: $(cat "$TMP/out.$i" "$TMP/err.$i")"
done
[ -z "$bad" ] && ok parallel || not_ok parallel "$bad"
soon 2 nothing_left && ok parallel-nothing-left || not_ok parallel-nothing-left "$(left)"

[ "$mounts" = "$(wc -l </proc/self/mountinfo)" ] && ok no-mount || not_ok no-mount "mounts changed"
[ "$files" = "$(ls -A /tmp /dev/shm 2>/dev/null | grep -i moat | grep -v moat- | sort)" ] &&
	ok no-file || not_ok no-file "$(ls -A /tmp /dev/shm | grep -i moat)"
finish
