# SPDX-License-Identifier: Apache-2.0
# Tracers that wait for each other before their ends: no process of the guest
# can make the sandbox live on.
. "$(dirname "$0")/lib.sh.inc"

command -v gcc >/dev/null || { echo "gcc is not installed"; exit 77; }
cat >"$TMP/ring.c" <<'C'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXITS (void *)PTRACE_O_TRACEEXIT

static volatile pid_t *ring; /* of mutual tracers, each seized by the next */

static void member(int i, int n)
{
	while (!ring[(i + 1) % n])
		usleep(1000);
	if (ptrace(PTRACE_SEIZE, ring[(i + 1) % n], 0, EXITS))
		_exit(1);
	ring[n + i] = 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int n = atoi(argv[1]);

	ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			member(i, n);
		ring[i] = pid;
	}
	for (int i = 0; i < n; i++)
		while (!ring[n + i])
			usleep(1000);
	for (int i = 0; i < n; i++)
		kill(ring[i], SIGKILL);
	puts("up");
	fflush(stdout);
	if (argc > 2 && !strcmp(argv[2], "exit"))
		return 7;
	for (;;)
		pause();
}
C
gcc -O1 -o "$TMP/ring" "$TMP/ring.c" || { echo "gcc does not work"; exit 77; }

for n in 2 5; do
	expect "ring-of-$n-ends-with-process-1" 7 '^up$' \
		timeout 200 "$MOAT" run -- "$TMP/ring" $n exit
	for signo in TERM KILL; do
		: >"$TMP/out"
		"$MOAT" run -- "$TMP/ring" $n >"$TMP/out" 2>"$TMP/err" &
		pid=$!
		soon 20 grep -q up "$TMP/out" ||
			not_ok "ring-of-$n-starts" "$(cat "$TMP/err")"
		all=$(tree "$pid")
		kill -$signo "$pid"
		wait "$pid"
		soon 5 none_alive $all && ok "ring-of-$n-ends-by-$signo" ||
			not_ok "ring-of-$n-ends-by-$signo" "$(ps -o pid,args $all)"
	done
done
finish
