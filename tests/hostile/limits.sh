# SPDX-License-Identifier: Apache-2.0
# --memory, --timeout, --strace, --log-level: what a person does who wants to
# know or to bound what a program does.
. "$(dirname "$0")/lib.sh.inc"

run="$MOAT run"
if command -v python3 >/dev/null; then
	expect memory-error 1 '^MemoryError' $run --memory 256M -- python3 -c 'bytearray(10**9)'
	expect memory-in-steps 0 '^[1-9][0-9]* MB$' $run --memory 256M -- python3 -c '
l = []
try:
    while True:
        l.append(bytearray(10**6))
except MemoryError:
    n = len(l)
    del l
    print(n, "MB")
    assert 200 < n < 269'
	expect memory-of-a-child 0 '^parent lives$' $run --memory 128M -- sh -c '
		python3 -c "x = bytearray(10**9)" 2>/dev/null; echo parent lives'
	# Touched copy-on-write pages have nowhere to go: the guest is killed,
	# the sandbox lives.
	expect memory-fork 0 '^parent lives$' $run --memory 128M -- sh -c '
		python3 -c "
import os
b = bytearray(80 * 10**6)
pid = os.fork()
for i in range(0, len(b), 4096): b[i] = 1
if pid: os.waitpid(pid, 0)
" 2>/dev/null; echo parent lives'
	expect memory-stack 0 '^parent lives$' $run --memory 64M -- sh -c '
		python3 -c "
import sys, threading
l = []
while True: l.append(threading.Thread(target=threading.Event().wait)); l[-1].start()
" 2>/dev/null & p=$!; sleep 1; kill -9 $p; wait $p; echo parent lives'
fi
expect memory-tmpfs 0 '^still here$' $run --memory 64M -- sh -c '
	cd /tmp; dd if=/dev/zero of=big bs=1M count=200 2>/dev/null && exit 1
	rm big; dd if=/dev/zero of=big bs=1M count=20 2>/dev/null || exit 2
	echo still here'
expect memory-pipe-and-files 0 '^still here$' $run --memory 64M -- sh -c '
	cd /tmp; for i in 1 2 3 4 5 6 7 8 9; do head -c 20000000 /dev/zero >f$i || break; done 2>/dev/null
	rm f?; echo still here'

start=$(date +%s%N)
expect timeout-busy 124 'the time limit of 0.5 s is over' $run --timeout 500ms -- sh -c 'while :; do :; done'
expect timeout-ignores-term 124 'time limit' $run --timeout 500ms -- sh -c 'trap "" TERM INT; while :; do sleep 1; done'
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 1000 ] && [ $took -lt 40000 ] && ok timeout-takes-its-time ||
	not_ok timeout-takes-its-time "$took ms"
expect timeout-not-reached 5 '' $run --timeout 200 -- sh -c 'exit 5'

expect strace 0 '^\[1\] echo: write\(1, "hi\\n", 3' $run --strace -- /bin/echo hi
$run --strace="$TMP/trace" -- sh -c 'cat /no/such/file; exit 3' >"$TMP/out" 2>&1
[ $? = 3 ] && ok strace-status || not_ok strace-status "not 3"
grep -q strace "$TMP/out" && not_ok strace-quiet "$(cat "$TMP/out")" || ok strace-quiet
while read -r pattern; do
	grep -Eq -- "$pattern" "$TMP/trace" && ok "strace: $pattern" ||
		not_ok "strace: $pattern" "$(tail -20 "$TMP/trace")"
done <<'L'
sh: execve\("/.*cat", \["cat", "/no/such/file"\]
^\[[0-9]+\] cat: openat\(AT_FDCWD, "/no/such/file", O_RDONLY.*\) = -1 ENOENT \(No such file or directory\)$
exit_group\(3\)
wait4\(
SIGCHLD
L

$run --log="$TMP/log" --log-level=debug -- true
for step in 'sentry confined' 'platform started' 'clocks started' \
	'filter closed' 'gofer connected' 'program loaded'; do
	grep -Eq "D sentry: start: $step, [0-9]+ us" "$TMP/log" && ok "budget: $step" ||
		not_ok "budget: $step" "$(cat "$TMP/log")"
done
expect quiet-by-default 0 '' $run -- true
finish
