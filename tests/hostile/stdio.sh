# SPDX-License-Identifier: Apache-2.0
# Whatever the caller's stdin, stdout, stderr, signals and umask are, the program
# finds the same, and moat survives it.
. "$(dirname "$0")/lib.sh.inc"

# same NAME SCRIPT: SCRIPT (with $M before the program) natively and inside
# prints the same and ends in the same way
same() {
	want=$(M='' timeout 100 bash -c "$2" 2>&1; echo "status $?")
	got=$(M="$MOAT run --" timeout 100 bash -c "$2" 2>&1; echo "status $?")
	[ "$want" = "$got" ] && ok "$1" || not_ok "$1" "native $want, inside $got"
}
stdio='for i in 0 1 2; do [ -e /proc/self/fd/$i ] && echo $i; done'
export stdio
same closed-stdin '$M sh -c "$stdio; exit 3" <&-'
same closed-stdin-read '$M cat <&-'
same closed-stdout '$M sh -c "{ $stdio; } >&2; exit 4" >&-'
same closed-stdout-write '$M cat /etc/passwd >&-'
same closed-stderr '$M sh -c "echo out; echo err >&2; echo \$?" 2>&-'
same closed-all '$M sh -c "exit 5" <&- >&- 2>&-'
same full '$M cat /etc/passwd >/dev/full'
same full-stderr '$M ls /no/such/file 2>/dev/full'
same pipe-in 'seq 100000 | $M md5sum'
same pipe-out '$M seq 100000 | md5sum'
same pipe-both 'seq 100000 | $M cat | $M cat | md5sum'
same file-in '$M wc -l </etc/passwd'
same file-offset '{ read -r x; $M cat; } </etc/passwd'
same file-offset-after '{ $M head -c 5 >/dev/null; cat; } </etc/passwd'
same append 'echo a >$TMP/f; $M echo b >>$TMP/f; cat $TMP/f'
same shared-offset '(echo 1; $M echo 2; echo 3) >$TMP/f; cat $TMP/f'
same null '$M cat </dev/null'
same dir '$M cat </'
same broken-pipe '$M yes | head -1; echo ${PIPESTATUS[0]}'
same broken-pipe-ignored 'trap "" PIPE; $M sh -c "yes; echo \$? >&2" 2>$TMP/e | head -1; cat $TMP/e'
same broken-pipe-inner '$M sh -c "yes | head -1; echo done"'
same umask 'umask 077; $M sh -c umask'
# Only HUP: which others the runner ignores is its own affair.
same ignored-hup 'trap "" HUP; $M sh -c "grep -c SigIgn.*[13579bdf]\$ /proc/self/status"'
same ignored-chld 'trap "" CHLD; $M true'
same nohup 'nohup $M sh -c "kill -HUP \$\$; echo alive" </dev/null 2>/dev/null'

# Other descriptors are not passed on, on purpose.
expect fd-3-is-not-passed 2 'descriptor' bash -c 'exec 3</etc/passwd; $MOAT run -- sh -c "read x <&3"'

# A socket for stdin and stdout, as inetd gives it.
if command -v python3 >/dev/null; then
	python3 - "$MOAT" >"$TMP/out" 2>&1 <<'P' && ok socket || not_ok socket "$(cat "$TMP/out")"
import socket, subprocess, sys
a, b = socket.socketpair()
p = subprocess.Popen([sys.argv[1], "run", "--", "sh", "-c",
                      "read a; echo got $a; tr a-z A-Z"], stdin=b, stdout=b)
b.close()
a.sendall(b"hello\nrest\n")
a.shutdown(socket.SHUT_WR)
a.settimeout(100)
data = b""
while True:
    got = a.recv(100)
    if not got:
        break
    data += got
assert data == b"got hello\nREST\n", data
assert p.wait() == 0
P
	python3 - "$MOAT" >"$TMP/out" 2>&1 <<'P' && ok blocked-mask || not_ok blocked-mask "$(cat "$TMP/out")"
import signal, subprocess, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
cmd = ["grep", "SigBlk", "/proc/self/status"]
want = subprocess.run(cmd, capture_output=True, timeout=100)
got = subprocess.run([sys.argv[1], "run", "--"] + cmd, capture_output=True,
                     timeout=100)
assert want.stdout == got.stdout, (want, got)
P
fi

# The launcher under nohup lives on, and so does the program.
: >"$TMP/out"
nohup "$MOAT" run -- sh -c 'echo up; while [ ! -e /proc/nothing ]; do sleep 0.02; done' \
	>"$TMP/out" 2>&1 </dev/null &
pid=$!
soon 10 grep -q up "$TMP/out"
kill -HUP "$pid"
sleep 0.2
kill -0 "$pid" 2>/dev/null && ok nohup-launcher || not_ok nohup-launcher "it died"
kill -TERM "$pid"
wait "$pid"
[ $? = 143 ] && ok nohup-term || not_ok nohup-term "status $?"
finish
