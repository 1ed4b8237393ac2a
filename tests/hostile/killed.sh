# SPDX-License-Identifier: Apache-2.0
# SIGKILL of any of our processes: within 2 s nothing of the sandbox remains,
# and the caller is told which part died.
. "$(dirname "$0")/lib.sh.inc"

for who in launcher gofer sentry; do
	mounts=$(wc -l </proc/self/mountinfo)
	: >"$TMP/out"
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

# A stub is a process of the program: it dies alone, as by SIGKILL, and the log
# says who did it.
echo tail >"$TMP/up"
: >"$TMP/out"
mkfifo "$TMP/go"
"$MOAT" run -- sh -c "echo sh; read -r x; tail -f $TMP/up; echo ended \$?" \
	<"$TMP/go" >"$TMP/out" 2>"$TMP/err" &
pid=$!
exec 9>"$TMP/go"
soon 10 grep -q sh "$TMP/out"
stubs() {
	for p in $(cat /proc/"$(victim sentry $pid)"/task/*/children); do
		runs_guest "$p" && echo "$p"
	done
}
stubs >"$TMP/stubs"
echo >&9
exec 9>&-
soon 10 grep -q tail "$TMP/out"
all=$(tree "$pid")
kill -KILL "$(stubs | grep -vxFf "$TMP/stubs")"
wait "$pid"
status=$?
[ $status = 0 ] && grep -q 'ended 137' "$TMP/out" && ok stub-dies-alone ||
	not_ok stub-dies-alone "status $status: $(cat "$TMP/out" "$TMP/err")"
grep -q 'the host killed' "$TMP/err" && ok stub-named || not_ok stub-named "$(cat "$TMP/err")"
soon 2 none_alive $all && ok stub-nothing-left || not_ok stub-nothing-left "$(ps -o pid,args $all)"

# All of them at once: the program is gone, nothing remains.
echo up >"$TMP/up"
: >"$TMP/out"
"$MOAT" run -- sh -c "tail -f $TMP/up; echo ended \$?" >"$TMP/out" 2>"$TMP/err" &
pid=$!
soon 10 grep -q up "$TMP/out"
all=$(tree "$pid")
kill -KILL $(cat /proc/"$(victim sentry $pid)"/task/*/children)
soon 5 none_alive $all && ok stubs-nothing-left || not_ok stubs-nothing-left "$(ps -o pid,args $all)"
kill -KILL $all 2>/dev/null
wait "$pid" 2>/dev/null
status=$?
# Ended by the kill, by a fault of what it did just then, or by moat.
case $status in
125 | 137 | 139) ok stubs-status ;;
*) not_ok stubs-status "$status: $(cat "$TMP/out" "$TMP/err")" ;;
esac

# A signal to the launcher reaches the program.
: >"$TMP/out"
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
