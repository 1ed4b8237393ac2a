# SPDX-License-Identifier: Apache-2.0
# Which calls sentry and gofer really make of the host while bash, python and gcc
# run: only such as their filters name.  strace follows their threads; the stubs,
# which the sentry traces itself, are children of other processes.
. "$(dirname "$0")/lib.sh.inc"

command -v strace >/dev/null || { echo "strace is not installed"; exit 77; }
src=$(dirname "$0")/../..
# listed FILE: the calls that a filter names
listed() {
	grep -oE '(ANY|ALWAYS|IF[0-9]?)\([a-z_0-9]+,' "$1" |
		sed 's/.*(//; s/,//' | sort -u
}
listed "$src/sentry/seccomp.c" >"$TMP/sentry.list"
echo clone3 >>"$TMP/sentry.list" # answered ENOSYS
listed "$src/gofer/seccomp.c" >"$TMP/gofer.list"
for who in sentry gofer; do
	n=$(wc -l <"$TMP/$who.list")
	[ "$n" -ge 15 ] && ok "$who-list" || not_ok "$who-list" "$n calls found"
done

# made FILE: the calls in a trace.  strace may be too old for their names.
made() {
	sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p
		s/^[0-9]+ +<\.\.\. ([a-z_0-9]+) resumed.*/\1/p' "$1" |
		sed 's/^syscall_0x1c3$/cachestat/' | sort -u
}

# watch NAME SCRIPT: runs it inside under strace from its first call on
watch() {
	local who
	rm -f "$TMP"/*.err "$TMP/out"
	mkfifo "$TMP/go"
	"$MOAT" run -- bash -c "echo up; read -r x; $2" <"$TMP/go" \
		>"$TMP/out" 2>&1 &
	pid=$!
	exec 9>"$TMP/go"
	soon 20 grep -qs up "$TMP/out"
	for who in sentry gofer; do
		strace -f -o "$TMP/$1.$who" -p "$(victim $who $pid)" \
			2>"$TMP/$who.err" &
		if ! soon 10 grep -qs attached "$TMP/$who.err"; then
			kill -KILL $pid
			echo "strace cannot attach: $(cat "$TMP/$who.err")"
			exit 77
		fi
	done
	echo go >&9
	exec 9>&-
	wait $pid
	status=$?
	wait
	rm "$TMP/go"
	[ $status = 0 ] && grep -q finished "$TMP/out" && ok "$1-runs" ||
		not_ok "$1-runs" "status $status: $(cat "$TMP/out")"
	for who in sentry gofer; do
		made "$TMP/$1.$who" >"$TMP/made"
		n=$(wc -l <"$TMP/made")
		extra=$(sort -u "$TMP/$who.list" | comm -13 - "$TMP/made")
		[ "$n" -ge 2 ] && [ -z "$extra" ] && ok "$1-$who-calls" ||
			not_ok "$1-$who-calls" "$n calls, not listed: $(echo $extra)"
		grep -q 'SIGSYS' "$TMP/$1.$who" &&
			not_ok "$1-$who-refused" "$(grep -B2 SIGSYS "$TMP/$1.$who")" ||
			ok "$1-$who-refused"
	done
	grep -hE '(open|openat|openat2|execve|socket|connect)\(' "$TMP/$1.sentry" |
		head -1 | grep . && not_ok "$1-no-paths" "see above" || ok "$1-no-paths"
}
watch bash "cd $TMP; for i in {1..30}; do echo \$i | cat >f; ls -l / >/dev/null; done;
	(exit 3); mkdir d; mv f d; rm -r d; kill -0 \$\$; sleep 0.05; echo finished"
command -v python3 >/dev/null && watch python "python3 -c '
import threading, subprocess, os, time, mmap, socket, select, signal
ts = [threading.Thread(target=time.sleep, args=(0.01,)) for i in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]
subprocess.run([\"true\"], check=True)
b = bytearray(50 * 10**6); b[::4096] = b[::4096]
a, c = socket.socketpair(); a.send(b\"x\"); select.select([c], [], [], 1)
open(\"$TMP/x\", \"w\").write(\"y\" * 10**6); os.listdir(\"/usr/lib\")
signal.setitimer(signal.ITIMER_REAL, 0.01); signal.signal(signal.SIGALRM, lambda *a: None); time.sleep(0.05)
print(\"finished\")'"
command -v gcc >/dev/null && watch gcc "cd $TMP;
	echo '#include <stdio.h>
	int main(void) { puts(\"finished\"); return 0; }' >a.c; gcc -O2 a.c -o a && ./a"
finish
