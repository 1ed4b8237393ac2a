/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, priorities, affinity: sched(7), getpriority(2). */
#include <linux/sched.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

struct param {
	int sched_priority;
};

int sched_yield(void);

static long set_policy(pid_t pid, int policy, int prio)
{
	struct param p = { prio };

	return syscall(SYS_sched_setscheduler, pid, policy, &p);
}

static long get_policy(pid_t pid)
{
	return syscall(SYS_sched_getscheduler, pid);
}

/* The call itself answers 20 - nice. */
static long raw_prio(int which, int who)
{
	return syscall(SYS_getpriority, which, who);
}

/* The tests count from there; whoever started us may have been nice. */
static void have_nice_0(void)
{
	if (getpriority(PRIO_PROCESS, 0) && setpriority(PRIO_PROCESS, 0, 0))
		SKIP("started with a nice value");
}

TEST(sched, policy_checks)
{
	struct param p;

	have_nice_0();
	EXPECT_EQ(SCHED_NORMAL, get_policy(0));
	EXPECT_ERRNO(EINVAL, get_policy(-1));
	EXPECT_ERRNO(ESRCH, get_policy(99999999));
	EXPECT_OK(set_policy(0, SCHED_NORMAL, 0));
	EXPECT_ERRNO(EINVAL, set_policy(0, SCHED_NORMAL, 5));
	EXPECT_ERRNO(EINVAL, set_policy(0, 99, 0));
	EXPECT_ERRNO(EINVAL, set_policy(0, -1, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_setscheduler, 0, 0, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getparam, 0, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_setparam, 0, NULL));
	EXPECT_OK(syscall(SYS_sched_getparam, 0, &p));
	EXPECT_EQ(0, p.sched_priority);
	p.sched_priority = 100;
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_setparam, 0, &p));
	EXPECT_OK(set_policy(0, SCHED_BATCH, 0));
	EXPECT_EQ(SCHED_BATCH, get_policy(0));
	EXPECT_EXIT(SCHED_BATCH, CHILD(_exit((int)get_policy(0))));
}

TEST(sched, reset_on_fork)
{
	EXPECT_OK(set_policy(0, SCHED_BATCH | SCHED_RESET_ON_FORK, 0));
	EXPECT_EQ(SCHED_BATCH | SCHED_RESET_ON_FORK, get_policy(0));
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 5));
	EXPECT_EXIT(0, CHILD(_exit(get_policy(0) & SCHED_RESET_ON_FORK)));
	EXPECT_EQ(15, raw_prio(PRIO_PROCESS, 0));
}

TEST(sched, priority_ranges)
{
	EXPECT_EQ(99, syscall(SYS_sched_get_priority_max, SCHED_FIFO));
	EXPECT_EQ(1, syscall(SYS_sched_get_priority_min, SCHED_FIFO));
	EXPECT_EQ(99, syscall(SYS_sched_get_priority_max, SCHED_RR));
	EXPECT_EQ(0, syscall(SYS_sched_get_priority_max, SCHED_NORMAL));
	EXPECT_EQ(0, syscall(SYS_sched_get_priority_max, SCHED_DEADLINE));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_get_priority_max, 77));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_get_priority_min, -1));
}

TEST(sched, affinity)
{
	unsigned long m[128], all;
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(m), m);

	EXPECT_TRUE(n >= 8 && n % 8 == 0);
	all = m[0];
	EXPECT_TRUE(all);
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getaffinity, 0, 7, m));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getaffinity, 0, 0, m));
	EXPECT_ERRNO(ESRCH,
		     syscall(SYS_sched_getaffinity, 99999999, sizeof(m), m));
	EXPECT_ERRNO(EFAULT, syscall(SYS_sched_getaffinity, 0, sizeof(m), 8));
	m[0] = all & -all; /* the lowest one */
	EXPECT_OK(syscall(SYS_sched_setaffinity, 0, 8, m));
	EXPECT_TRUE(syscall(SYS_sched_getaffinity, 0, sizeof(m), m) > 0);
	EXPECT_EQ(all & -all, m[0]);
	m[0] = 0;
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_setaffinity, 0, 8, m));
	m[0] = ~0ul; /* what there is not is left out */
	EXPECT_OK(syscall(SYS_sched_setaffinity, 0, 8, m));
	EXPECT_TRUE(syscall(SYS_sched_getaffinity, 0, sizeof(m), m) > 0);
	EXPECT_EQ(all, m[0]);
	EXPECT_ERRNO(EFAULT, syscall(SYS_sched_setaffinity, 0, 8, 8));
	EXPECT_ERRNO(ESRCH, syscall(SYS_sched_setaffinity, 99999999, 8, m));
}

TEST(sched, nice)
{
	have_nice_0();
	EXPECT_EQ(20, raw_prio(PRIO_PROCESS, 0));
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 5));
	EXPECT_EQ(15, raw_prio(PRIO_PROCESS, 0));
	EXPECT_EXIT(15, CHILD(_exit((int)raw_prio(PRIO_PROCESS, 0))));
	EXPECT_ERRNO(EINVAL, raw_prio(3, 0));
	EXPECT_ERRNO(ESRCH, raw_prio(PRIO_PROCESS, 99999999));
	EXPECT_ERRNO(ESRCH, raw_prio(PRIO_PGRP, 99999999));
	EXPECT_ERRNO(ESRCH, setpriority(PRIO_PROCESS, 99999999, 3));
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 100)); /* cut to 19 */
	EXPECT_EQ(1, raw_prio(PRIO_PROCESS, 0));
	EXPECT_EQ(1, raw_prio(PRIO_PGRP, 0));
	EXPECT_EXIT(0, CHILD({
			    if (getuid() == 0 && setuid(1000))
				    _exit(1);
			    if (setpriority(PRIO_PROCESS, 0, 0) != -1 ||
				errno != EACCES)
				    _exit(2);
		    }));
}

TEST(sched, nice_of_others)
{
	if (getuid() != 0)
		SKIP("needs root");
	pid_t kid = CHILD(for (;;) pause());
	EXPECT_OK(setpriority(PRIO_PROCESS, (id_t)kid, 7));
	EXPECT_EQ(13, raw_prio(PRIO_PROCESS, kid));
	EXPECT_EXIT(0, CHILD({
			    if (setuid(1000))
				    _exit(1);
			    if (setpriority(PRIO_PROCESS, (id_t)kid, 19) !=
					-1 ||
				errno != EPERM)
				    _exit(2);
		    }));
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
}

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

TEST(sched, attributes)
{
	struct attr a = { 0 };

	EXPECT_OK(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
	EXPECT_EQ(56, a.size);
	EXPECT_EQ(0, a.policy);
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getattr, 0, &a, 40, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getattr, 0, NULL, 48, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getattr, 0, &a, 48, 1));
	EXPECT_ERRNO(ESRCH, syscall(SYS_sched_getattr, 99999999, &a, 48, 0));
	a = (struct attr){ .size = 48, .nice = 3 };
	EXPECT_OK(syscall(SYS_sched_setattr, 0, &a, 0));
	EXPECT_EQ(17, raw_prio(PRIO_PROCESS, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sched_setattr, 0, &a, 1));
	a.size = 10;
	EXPECT_ERRNO(E2BIG, syscall(SYS_sched_setattr, 0, &a, 0));
	EXPECT_EQ(56, a.size);
}

static struct attr get_attr(void)
{
	struct attr a = { 0 };

	EXPECT_OK(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
	return a;
}

static long set_attr(struct attr a)
{
	a.size = a.size ? a.size : sizeof(a);
	return syscall(SYS_sched_setattr, 0, &a, 0);
}

enum { KEEP_POLICY = 8, KEEP_PARAMS = 16, CLAMP_MIN = 32 };

TEST(sched, attributes_that_stay)
{
	EXPECT_OK(set_attr((struct attr){ .policy = SCHED_BATCH, .nice = 6 }));
	EXPECT_ERRNO(EINVAL, set_attr((struct attr){ .priority = 7,
						     .flags = KEEP_POLICY }));
	EXPECT_OK(set_attr((struct attr){ .nice = 7, .flags = KEEP_POLICY }));
	EXPECT_EQ(SCHED_BATCH, get_attr().policy);
	EXPECT_EQ(7, get_attr().nice);
	EXPECT_OK(set_attr((struct attr){
		.policy = 99, .nice = 8, .flags = KEEP_POLICY }));
	EXPECT_EQ(8, get_attr().nice);
	EXPECT_ERRNO(EINVAL, set_attr((struct attr){ .policy = (uint32_t)-1,
						     .flags = KEEP_POLICY }));
	/* The policy stays as well. */
	EXPECT_OK(set_attr((struct attr){ .nice = 9, .flags = KEEP_PARAMS }));
	EXPECT_EQ(SCHED_BATCH, get_attr().policy);
	EXPECT_EQ(8, get_attr().nice);
	EXPECT_ERRNO(EINVAL, set_attr((struct attr){ .policy = 99,
						     .flags = KEEP_PARAMS }));
	EXPECT_OK(set_attr((struct attr){
		.policy = SCHED_RR, .flags = KEEP_PARAMS | KEEP_POLICY }));
	EXPECT_EQ(SCHED_BATCH, get_attr().policy);
}

TEST(sched, unknown_attributes)
{
	EXPECT_ERRNO(EINVAL, set_attr((struct attr){ .flags = 0x80 }));
	EXPECT_ERRNO(EINVAL,
		     set_attr((struct attr){ .size = 48, .flags = CLAMP_MIN }));
	/* Only for SCHED_DEADLINE: no effect. */
	EXPECT_OK(set_attr((struct attr){ .flags = 2 }));
	EXPECT_OK(set_attr((struct attr){ .flags = 4 }));
}

/* How long a thread runs in a row can be asked for since Linux 6.12. */
TEST(sched, slices)
{
	struct attr a = get_attr();
	uint64_t usual = a.runtime;
	struct timespec ts;

	if (!usual)
		SKIP("needs Linux 6.12");
	EXPECT_OK(set_attr((struct attr){ .runtime = 5000000 }));
	EXPECT_EQ(5000000, get_attr().runtime);
	EXPECT_OK(sched_rr_get_interval(0, &ts));
	EXPECT_EQ(0, ts.tv_sec);
	EXPECT_TRUE(ts.tv_nsec <= 5000000);
	EXPECT_OK(set_attr((struct attr){ .runtime = 1000 }));
	EXPECT_EQ(100000, get_attr().runtime);
	EXPECT_OK(set_attr((struct attr){ .runtime = 1000000000 }));
	EXPECT_EQ(100000000, get_attr().runtime);
	EXPECT_EXIT(0, CHILD(EXPECT_EQ(100000000, get_attr().runtime)));
	EXPECT_OK(set_attr((struct attr){ .flags = 1 }));
	EXPECT_EQ(usual, get_attr().runtime);
}

TEST(sched, yield)
{
	EXPECT_OK(sched_yield());
}

TEST_MAIN
