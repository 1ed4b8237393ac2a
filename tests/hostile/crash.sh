# SPDX-License-Identifier: Apache-2.0
# A sentry that fails tells where each of its threads was and what each task was
# doing, takes all processes with it, and the caller gets 125.
. "$(dirname "$0")/lib.sh.inc"

command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
cat >"$TMP/guest.py" <<'P'
import threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
threading.Thread(target=lambda: sum(i for i in range(10**12))).start()
print("up", flush=True)
time.sleep(1000)
P
for signo in SEGV ABRT BUS ILL FPE SYS TRAP; do
	: >"$TMP/out"
	"$MOAT" run -- python3 "$TMP/guest.py" >"$TMP/out" 2>"$TMP/err" &
	pid=$!
	soon 20 grep -q up "$TMP/out" || not_ok "$signo-starts" "$(cat "$TMP/err")"
	all=$(tree "$pid")
	kill -"$signo" "$(victim sentry "$pid")"
	wait "$pid"
	status=$?
	[ $status = 125 ] && ok "$signo-status" || not_ok "$signo-status" $status
	soon 2 none_alive $all && ok "$signo-nothing-left" ||
		not_ok "$signo-nothing-left" "$(ps -o pid,args $all)"
	[ "$signo" = SEGV ] || [ "$signo" = ABRT ] || continue
	cp "$TMP/err" "$TMP/$signo"
	# Each line is awaited somewhere in the report; names are functions
	# that every build keeps.
	while read -r pattern; do
		grep -Eq -- "$pattern" "$TMP/$signo" && ok "$signo: $pattern" ||
			not_ok "$signo: $pattern" "$(cat "$TMP/$signo")"
	done <<-L
		^moat: the sentry has crashed: signal
		#[0-9]+ +sentry_main
		#[0-9]+ +cmd_run\\+
		#[0-9]+ +sys_clock_nanosleep
		#[0-9]+ +task_run
		#[0-9]+ +libc\\.so
		^  task 1 \\(python3\\): clock_nanosleep
		^  task [0-9]+ \\(python3\\): guest code
		the sentry crashed by signal
	L
	grep -q 'does not answer' "$TMP/$signo" &&
		not_ok "$signo-all-answer" "$(cat "$TMP/$signo")" ||
		ok "$signo-all-answer"
done
finish
