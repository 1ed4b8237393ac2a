/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare_sysemu: what one PTRACE_SYSEMU stop, two register transfers and the
 * way back cost on one CPU: the floor of the ptrace platform.  Prints ns.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 11
#define CALLS  2000

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void round_trip(pid_t child)
{
	struct user_regs_struct regs;
	int status;

	ptrace(PTRACE_SYSEMU, child, NULL, NULL);
	waitpid(child, &status, 0);
	ptrace(PTRACE_GETREGS, child, NULL, &regs);
	regs.rax = 1;
	ptrace(PTRACE_SETREGS, child, NULL, &regs);
}

int main(void)
{
	double rounds[ROUNDS];
	cpu_set_t set;
	int status;
	pid_t child;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		for (;;)
			syscall(SYS_getppid);
	}
	waitpid(child, &status, 0);
	for (int r = 0; r < ROUNDS; r++) {
		double start = now_ns();

		for (int i = 0; i < CALLS; i++)
			round_trip(child);
		rounds[r] = (now_ns() - start) / CALLS;
	}
	kill(child, SIGKILL);
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	printf("%.1f\n", rounds[ROUNDS / 2]);
	return 0;
}
