/* SPDX-License-Identifier: Apache-2.0 */
/* sched_setaffinity(2) has effect, and getcpu(2) and /proc tell the truth. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define MAX_CPUS 1024

static int g_cpus[MAX_CPUS], g_nr;

static void find_cpus(void)
{
	cpu_set_t set;

	EXPECT_OK(sched_getaffinity(0, sizeof(set), &set));
	for (int i = 0; i < MAX_CPUS; i++)
		if (CPU_ISSET(i, &set))
			g_cpus[g_nr++] = i;
	if (g_nr < 2)
		SKIP("needs two CPUs");
}

static void bind_to(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	EXPECT_OK(sched_setaffinity(tid, sizeof(set), &set));
}

static int cpu_by_call(void)
{
	unsigned int cpu = 99999, node = 99999;

	EXPECT_OK(syscall(SYS_getcpu, &cpu, &node, NULL));
	EXPECT_TRUE(node != 99999);
	return (int)cpu;
}

/* Field @n of /proc/self/stat, counted from 1, behind the name. */
static long stat_field(int n)
{
	static char text[4096];
	FILE *f = EXPECT_OK(fopen("/proc/thread-self/stat", "r"));
	char *p;

	EXPECT_TRUE(fgets(text, sizeof(text), f));
	fclose(f);
	p = strrchr(text, ')');
	for (; n > 2; n--)
		p = strchr(p + 1, ' ');
	return atol(p + 1);
}

static const char *status_field(const char *name)
{
	static char line[512];
	FILE *f = EXPECT_OK(fopen("/proc/thread-self/status", "r"));
	size_t len = strlen(name);

	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len) || line[len] != ':')
			continue;
		fclose(f);
		line[strcspn(line, "\n")] = '\0';
		return line + len + 2;
	}
	FAIL("no %s", name);
}

TEST(sched_cpu, affinity_decides_where_it_runs)
{
	find_cpus();
	for (int round = 0; round < 20; round++) {
		int cpu = g_cpus[round % g_nr];

		bind_to(0, cpu);
		for (int i = 0; i < 50; i++) {
			EXPECT_EQ(cpu, cpu_by_call());
			EXPECT_EQ(cpu, sched_getcpu());
			if (i % 10 == 0)
				sched_yield();
		}
		EXPECT_EQ(cpu, stat_field(39));
	}
}

TEST(sched_cpu, getcpu_is_one_that_is_allowed)
{
	unsigned int *bad = (unsigned int *)8;

	find_cpus();
	EXPECT_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getcpu, bad, NULL, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getcpu, NULL, bad, NULL));
	for (int i = 0; i < 100; i++) {
		int cpu = cpu_by_call(), known = 0;

		for (int k = 0; k < g_nr; k++)
			known |= g_cpus[k] == cpu;
		EXPECT_TRUE(known);
	}
}

TEST(sched_cpu, proc_shows_it)
{
	const char *mask, *last;
	char want[32];

	find_cpus();
	for (int i = 0; i < 2; i++) {
		bind_to(0, g_cpus[i]);
		snprintf(want, sizeof(want), "%d", g_cpus[i]);
		EXPECT_STR(want, status_field("Cpus_allowed_list"));
		mask = status_field("Cpus_allowed");
		last = strrchr(mask, ',');
		if (g_cpus[i] < 32)
			EXPECT_EQ(1ul << g_cpus[i],
				  strtoul(last ? last + 1 : mask, NULL, 16));
	}
}

TEST(sched_cpu, children_and_programs_inherit)
{
	char arg[16];
	pid_t kid;

	find_cpus();
	bind_to(0, g_cpus[1]);
	kid = CHILD(EXPECT_EQ(g_cpus[1], cpu_by_call()));
	EXPECT_EXIT(0, kid);
	snprintf(arg, sizeof(arg), "%d", g_cpus[1]);
	kid = CHILD(execl("/bin/sh", "sh", "-c",
			  "read a b c <<EOT\n$(grep Cpus_allowed_list "
			  "/proc/self/status)\nEOT\n[ \"$b\" = \"$0\" ]",
			  arg, NULL));
	EXPECT_EXIT(0, kid);
}

static _Atomic int g_tid, g_seen, g_stop;

static void *run(void *arg)
{
	(void)arg;
	atomic_store(&g_tid, gettid());
	while (!atomic_load(&g_stop))
		atomic_store(&g_seen, cpu_by_call());
	return NULL;
}

/* Computes without a system call, so that it has to be moved while it runs. */
static void *compute(void *arg)
{
	(void)arg;
	atomic_store(&g_tid, gettid());
	while (!atomic_load(&g_stop))
		;
	atomic_store(&g_seen, cpu_by_call());
	return NULL;
}

TEST(sched_cpu, another_thread_is_moved)
{
	pthread_t th;

	find_cpus();
	EXPECT_EQ(0, pthread_create(&th, NULL, run, NULL));
	EXPECT_SOON(atomic_load(&g_tid) != 0);
	for (int i = 0; i < 20; i++) {
		int cpu = g_cpus[i % g_nr];

		bind_to(atomic_load(&g_tid), cpu);
		EXPECT_SOON(atomic_load(&g_seen) == cpu);
	}
	atomic_store(&g_stop, 1);
	EXPECT_EQ(0, pthread_join(th, NULL));
}

TEST(sched_cpu, a_computing_thread_is_moved)
{
	pthread_t th;

	find_cpus();
	EXPECT_EQ(0, pthread_create(&th, NULL, compute, NULL));
	EXPECT_SOON(atomic_load(&g_tid) != 0);
	for (int i = 0; i < 4; i++)
		bind_to(atomic_load(&g_tid), g_cpus[i % 2]);
	atomic_store(&g_stop, 1);
	EXPECT_EQ(0, pthread_join(th, NULL));
	EXPECT_EQ(g_cpus[1], atomic_load(&g_seen));
}

TEST(sched_cpu, more_threads_than_cpus_keep_to_theirs)
{
	pid_t kids[6];

	find_cpus();
	for (int k = 0; k < 6; k++) {
		int cpu = g_cpus[k % 2];

		kids[k] = CHILD({
			bind_to(0, cpu);
			for (int i = 0; i < 2000; i++)
				EXPECT_EQ(cpu, cpu_by_call());
		});
	}
	for (int k = 0; k < 6; k++)
		EXPECT_EXIT(0, kids[k]);
}

static void *race(void *arg)
{
	int n = (int)(long)arg;

	for (int i = 0; i < 500; i++)
		bind_to(getpid(), g_cpus[(n + i) % 2]);
	return NULL;
}

/* Whatever came last: kept and real are the same. */
TEST(sched_cpu, two_change_it_at_once)
{
	pthread_t th[2];
	cpu_set_t set;

	find_cpus();
	for (long i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_create(&th[i], NULL, race, (void *)i));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_join(th[i], NULL));
	EXPECT_OK(sched_getaffinity(0, sizeof(set), &set));
	EXPECT_EQ(1, CPU_COUNT(&set));
	EXPECT_TRUE(CPU_ISSET(cpu_by_call(), &set));
}

TEST_MAIN
