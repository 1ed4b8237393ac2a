# SPDX-License-Identifier: Apache-2.0
# The end of memory: one process dies for it, the one that oom_score_adj and
# size point at; never the sandbox.  And --pids, --cpus.
. "$(dirname "$0")/lib.sh.inc"

run="$MOAT run --memory 256M"
hog='
import mmap, os, sys
def touch(mb):
    m = mmap.mmap(-1, mb << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
    for i in range(0, mb << 20, 4096): m[i] = 1
    return m
'
if command -v python3 >/dev/null; then
	# Two children share more than there is: the larger dies.
	expect largest-dies 0 '^small 0 large 9$' $run -- python3 -c "$hog
r, w = os.pipe()
def child(mb):
    pid = os.fork()
    if pid == 0:
        m = touch(mb); os.write(w, b'x')
        touch(300) if mb > 100 else os.read(r2, 1)
        os._exit(0)
    return pid
r2, w2 = os.pipe()
a = child(20); os.read(r, 1)
b = child(120)
sb = os.waitpid(b, 0)[1]
os.write(w2, b'x')
print('small', os.waitpid(a, 0)[1], 'large', sb)" 2>/dev/null
	# A small one with a bad score goes first.
	expect adj-chooses 0 '^marked 9 hog 0$' $run -- python3 -c "$hog
r, w = os.pipe()
a = os.fork()
if a == 0:
    open('/proc/self/oom_score_adj', 'w').write('1000')
    m = touch(40); os.write(w, b'x'); os.pause() if hasattr(os, 'pause') else __import__('signal').pause()
os.read(r, 1)
b = os.fork()
if b == 0:
    m = touch(230); os._exit(0)
print('marked', os.waitpid(a, 0)[1], 'hog', os.waitpid(b, 0)[1])" 2>/dev/null
	out=$($run -- python3 -c "$hog
touch(400)" 2>&1)
	[ $? = 137 ] && ok alone-dies || not_ok alone-dies "$out"
	echo "$out" | grep -q 'out of memory: killed process 1 (python3)' && ok logged ||
		not_ok logged "$out"
	expect reported 0 '^1$' $run -- sh -c "python3 -c '$(echo "$hog" | sed "s/'/\"/g")
touch(400)' 2>/dev/null; awk '/^oom_kill/{print \$2}' /proc/vmstat" 2>/dev/null
fi
expect pids 2 'annot fork' $MOAT run --pids 3 -- sh -c '
	sleep 100 & sleep 100 & (true); echo no limit'
expect pids-shown 0 '^7$' $MOAT run --pids 7 -- cat /sys/fs/cgroup/pids.max
expect cpus-shown 0 '^50000 100000$' $MOAT run --cpus 0.5 -- cat /sys/fs/cgroup/cpu.max
expect memory-shown 0 '^268435456$' $run -- cat /sys/fs/cgroup/memory.max
expect cpus-bad 125 "does not accept '0'" $MOAT run --cpus 0 -- true
expect pids-bad 125 "does not accept 'x'" $MOAT run --pids x -- true
# 0.2 of a CPU: half a second of work takes at least 1.5 s.
start=$(date +%s%N)
$MOAT run --cpus 0.2 --timeout 200 -- sh -c '
	while [ "$(awk "/^usage_usec/{print (\$2 > 500000)}" /sys/fs/cgroup/cpu.stat)" != 1 ]; do
		i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done
	done'
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 1500 ] && ok cpus-throttle || not_ok cpus-throttle "$took ms"
finish
