# needs: gdb gcc
cat >prog.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

int counter;

static int square(int x)
{
	counter += x;
	return x * x;
}

static void *worker(void *arg)
{
	return (void *)(long)square(*(int *)arg);
}

int main(void)
{
	pthread_t th;
	int n = 7;
	void *r;

	printf("%d\n", square(2));
	fflush(stdout);
	pthread_create(&th, NULL, worker, &n);
	pthread_join(th, &r);
	printf("%ld %d\n", (long)r, counter);
	return 3;
}
C
gcc -g -O0 -pthread -o prog prog.c
cat >loop.c <<'C'
#include <signal.h>
#include <unistd.h>
volatile int go = 1;
static void wait_here(void)
{
	while (go)
		pause();
}
static void wake(int sig)
{
	(void)sig;
}
int main(void)
{
	close(1);
	signal(SIGUSR1, wake);
	wait_here();
	return 4;
}
C
gcc -g -O0 -o loop loop.c
clean() {
	sed -E 's/0x[0-9a-f]+/0x/g; s/LWP [0-9]+/LWP/g; s/process [0-9]+/process/
		/warning:|libthread_db|^\[(New|Switching|Thread)/d'
}
# The program's own output must not end up within a line of gdb's.
run() {
	: >out
	gdb -batch -nx "$@" 2>/dev/null | clean
	cat out
}
echo "--- breakpoints and backtraces"
run -ex 'break square' -ex 'run >>out' -ex bt -ex c -ex 'info threads' -ex bt -ex c \
	./prog | grep -v -e pthread_create.c -e '^  1 ' -e '^  Id '
echo "--- watchpoint"
run -ex 'break main' -ex 'run >>out' -ex 'watch counter' -ex c -ex c -ex c ./prog
echo "--- software watchpoint"
run -ex 'set can-use-hw-watchpoints 0' -ex 'break square' -ex 'run >>out' \
	-ex 'watch counter' -ex c ./prog | tail -6
echo "--- steps and variables"
run -ex 'break square' -ex 'run >>out' -ex next -ex 'print counter' \
	-ex 'print $rip != 0' -ex stepi -ex 'set var counter = 40' -ex finish \
	-ex 'print square(5)' -ex 'print counter' -ex c ./prog
echo "--- hardware breakpoint, registers"
run -ex 'break main' -ex 'run >>out' -ex 'hbreak square' -ex c -ex 'info registers cs ss' \
	-ex 'print $_siginfo.si_signo' -ex 'print $fctrl' -ex kill \
	./prog
echo "--- fork and exec"
run -ex 'set detach-on-fork off' -ex 'catch fork' -ex 'run >>out' -ex bt -ex kill \
	--args sh -c '(exit 3); exit 4' | grep -c fork
run -ex 'catch exec' -ex 'run >>out' -ex c --args sh -c 'exec true' |
	grep -c -e 'exec.d' -e 'exited normally'
echo "--- core file"
cat >crash.c <<'C'
#include <pthread.h>
#include <stdlib.h>
int value = 42;
volatile int spins;
static pthread_barrier_t up;
static void *other(void *arg)
{
	pthread_barrier_wait(&up);
	for (;;)
		spins++;
	return arg;
}
int main(void)
{
	pthread_t th;
	pthread_barrier_init(&up, 0, 2);
	pthread_create(&th, 0, other, 0);
	pthread_barrier_wait(&up);
	value = 43;
	abort();
}
C
gcc -g -O0 -pthread -o crash crash.c
ulimit -c unlimited
if [ "$(cat /proc/sys/kernel/core_pattern)" = core ]; then
	./crash 2>/dev/null
	echo "status $?"
	run -ex 'info threads' -ex 'print value' -ex 'frame function main' \
		-ex 'info sharedlibrary' ./crash core |
		grep -v -e '^  Id' -e '^  1 ' -e '^  2 ' -e pthread_kill
fi
echo "--- attach"
./loop &
pid=$!
# In pause(2), so in its own code.
until [ "$(cut -d' ' -f1 /proc/$pid/syscall)" = 34 ]; do
	sleep 0.05
done
run -p $pid -ex 'frame function main' -ex 'print go' -ex 'set var go = 0' \
	-ex detach | grep -v -e pause -e '^\$0'
kill -USR1 $pid 2>/dev/null
wait $pid
echo "status $?"
