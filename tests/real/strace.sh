# needs: strace
# A pipeline, followed into its children; each has a file of its own, so that
# no line is cut by another process.
mkdir log
strace -f -ff -o log/p -e trace=execve,write,dup2,exit_group \
	sh -c 'echo hello | cat | wc -c'
echo "status $?"
cat log/* | grep -v -e SIGCHLD -e 'vars \*/' | sort
# How many are one signal is a matter of time.
cat log/* | grep -q SIGCHLD && echo SIGCHLD
# One file for all, and all calls.
strace -f -o all sh -c 'true; /bin/true | /bin/false'
echo "status $?"
grep -c 'exited with' all
# Signals, restarts, and what an injected error does.
strace -o sig -e trace=none sh -c 'trap "echo got" USR1; kill -USR1 $$; exit 5'
echo "status $?"
grep -v -e SIGCHLD sig | sed 's/si_[pu]id=[0-9]*/ID/g'
strace -e trace=none -e inject=getppid:error=EPERM:when=1 -o inj true
echo "status $?"
# With seccomp's help, and attached to a process that runs.
strace --seccomp-bpf -f -o bpf -e trace=execve sh -c 'true | true; /bin/true'
grep -c execve bpf
sleep 1000 &
pid=$!
strace -p $pid -o att -e trace=exit_group 2>err &
tracer=$!
until grep -qs attached err; do sleep 0.05; done
kill $pid
wait $pid 2>/dev/null
echo "status $?"
wait $tracer
sed 's/si_[pu]id=[0-9]*/ID/g' att
