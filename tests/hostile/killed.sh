# SPDX-License-Identifier: Apache-2.0
# SIGKILL of any of our processes: within 2 s nothing of the sandbox remains,
# and the caller is told which part died.
. "$(dirname "$0")/lib.sh.inc"

for who in launcher gofer sentry; do
	mounts=$(wc -l </proc/self/mountinfo)
	"$MOAT" run -- sh -c 'echo up; sleep 1000 & sleep 1000; :' \
		>"$TMP/out" 2>"$TMP/err" &
	pid=$!
	if ! soon 10 grep -q up "$TMP/out"; then
		not_ok "$who-starts" "$(cat "$TMP/err")"
		continue
	fi
	all=$(tree "$pid")
	kill -KILL "$(victim "$who" "$pid")"
	if soon 2 none_alive $all; then
		ok "$who-nothing-left"
	else
		not_ok "$who-nothing-left" "$(ps -o pid,args $all)"
		kill -KILL $all 2>/dev/null
	fi
	wait "$pid" 2>/dev/null
	[ "$mounts" = "$(wc -l </proc/self/mountinfo)" ] &&
		ok "$who-no-mount" || not_ok "$who-no-mount" "mounts changed"
	[ "$who" = launcher ] && continue
	grep -q "the $who" "$TMP/err" && ok "$who-named" ||
		not_ok "$who-named" "$(cat "$TMP/err")"
done

# A signal to the launcher reaches the program.
"$MOAT" run -- sh -c 'trap "echo got; exit 3" TERM; echo up; while :; do sleep 0.05; done' \
	>"$TMP/out" 2>&1 &
pid=$!
soon 10 grep -q up "$TMP/out"
kill -TERM "$pid"
wait "$pid"
[ $? = 3 ] && grep -q got "$TMP/out" && ok term-passed || not_ok term-passed "$(cat "$TMP/out")"
"$MOAT" run -- sleep 1000 &
pid=$!
soon 10 sh -c "[ \$(cat /proc/$pid/task/*/children | wc -w) = 2 ]"
sleep 0.3
kill -INT "$pid" 2>/dev/null
kill -TERM "$pid"
wait "$pid"
status=$?
[ $status = 143 ] || [ $status = 130 ] && ok term-ends || not_ok term-ends "status $status"
finish
