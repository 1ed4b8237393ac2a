/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_thread: threads of the sentry, and the CPUs it may use.
 *
 * Invariant: a thread blocks every host signal except those that a fault of
 *            the sentry itself raises, which must reach their handler.
 * Locks:     none.
 * Tests:     every conformance test with threads
 */
#include "sentry/host/host.h"
#include "sentry/host/host_threads.h"

#include <cpuid.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The sanitizers' frames are larger, and their reports run on these stacks. */
#ifdef MOAT_SANITIZED
#define STACK_SIZE (1024 * 1024)
#else
#define STACK_SIZE (128 * 1024)
#endif
#define NAME_SIZE 16

struct thread_start {
	void (*fn)(void *arg);
	void *arg;
	char name[NAME_SIZE];
};

static void *thread_main(void *p)
{
	struct thread_start start = *(struct thread_start *)p;

	free(p);
	prctl(PR_SET_NAME, start.name);
	host_threads_enter();
	start.fn(start.arg);
	host_threads_leave();
	return NULL;
}

static void fill_mask(sigset_t *mask)
{
	static const int synchronous[] = { SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
					   SIGTRAP, SIGABRT, SIGSYS };

	sigfillset(mask);
	for (size_t i = 0; i < ARRAY_SIZE(synchronous); i++)
		sigdelset(mask, synchronous[i]);
}

static int create(struct thread_start *start)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t mask;
	int err;

	fill_mask(&mask);
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(
		&attr,
		MAX((size_t)STACK_SIZE, (size_t)sysconf(_SC_THREAD_STACK_MIN)));
	err = pthread_attr_setsigmask_np(&attr, &mask);
	if (!err)
		err = pthread_create(&thread, &attr, thread_main, start);
	pthread_attr_destroy(&attr);
	return err ? -EAGAIN : 0;
}

int host_thread_new(void (*fn)(void *arg), void *arg, const char *name)
{
	struct thread_start *start = calloc(1, sizeof(*start));
	int ret;

	if (!start)
		return -EAGAIN;
	start->fn = fn;
	start->arg = arg;
	strncpy(start->name, name, NAME_SIZE - 1);
	ret = create(start); /* owns start only on success */
	if (ret < 0)
		free(start);
	return ret;
}

uint32_t host_gettid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

struct cpu_info {
	uint32_t nr;
	bool contiguous; /* 0..nr-1 */
	bool rdpid;
};
static struct cpu_info g_cpus;
static pthread_once_t g_cpus_once = PTHREAD_ONCE_INIT;

static void read_cpus(void)
{
	unsigned int eax, ebx, ecx = 0, edx;
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		CPU_SET(0, &set);
	g_cpus.nr = (uint32_t)CPU_COUNT(&set);
	g_cpus.contiguous = true;
	for (uint32_t i = 0; i < g_cpus.nr; i++)
		g_cpus.contiguous &= CPU_ISSET(i, &set) != 0;
	if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		g_cpus.rdpid = ecx & bit_RDPID;
}

static const struct cpu_info *cpus(void)
{
	pthread_once(&g_cpus_once, read_cpus);
	return &g_cpus;
}

uint32_t host_nr_cpus(void)
{
	return cpus()->nr;
}

bool host_cpu_numbers_exposed(void)
{
	return cpus()->contiguous && cpus()->rdpid;
}

/* From libc's vDSO; a host without one pays a system call. */
uint32_t host_getcpu(void)
{
	unsigned int cpu = 0;

	if (getcpu(&cpu, NULL) < 0)
		return 0;
	return cpu;
}
