/* SPDX-License-Identifier: Apache-2.0 */
/* membarrier(2). */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

enum {
	QUERY = 0,
	GLOBAL = 1,
	GLOBAL_EXPEDITED = 2,
	REG_GLOBAL_EXPEDITED = 4,
	PRIVATE_EXPEDITED = 8,
	REG_PRIVATE_EXPEDITED = 16,
	SYNC_CORE = 32,
	REG_SYNC_CORE = 64,
	GET_REGISTRATIONS = 512
};

static int mb(int cmd, unsigned int flags)
{
	return (int)syscall(SYS_membarrier, cmd, flags, 0);
}

TEST(membarrier, query_names_the_basic_commands)
{
	int all = EXPECT_OK(mb(QUERY, 0));
	int basic = GLOBAL | GLOBAL_EXPEDITED | REG_GLOBAL_EXPEDITED |
		    PRIVATE_EXPEDITED | REG_PRIVATE_EXPEDITED |
		    GET_REGISTRATIONS;

	EXPECT_EQ(basic, all & basic);
}

TEST(membarrier, unknown_commands_and_flags)
{
	EXPECT_ERRNO(EINVAL, mb(QUERY, 1));
	EXPECT_ERRNO(EINVAL, mb(GLOBAL, 1));
	EXPECT_ERRNO(EINVAL, mb(3, 0));
	EXPECT_ERRNO(EINVAL, mb(1 << 20, 0));
	EXPECT_ERRNO(EINVAL, mb(-1, 0));
}

TEST(membarrier, private_ones_need_registration)
{
	EXPECT_EQ(0, mb(GET_REGISTRATIONS, 0));
	EXPECT_ERRNO(EPERM, mb(PRIVATE_EXPEDITED, 0));
	EXPECT_EQ(0, mb(REG_PRIVATE_EXPEDITED, 0));
	EXPECT_EQ(0, mb(PRIVATE_EXPEDITED, 0));
	EXPECT_EQ(REG_PRIVATE_EXPEDITED, mb(GET_REGISTRATIONS, 0));
	EXPECT_EQ(0, mb(REG_GLOBAL_EXPEDITED, 0));
	EXPECT_EQ(REG_PRIVATE_EXPEDITED | REG_GLOBAL_EXPEDITED,
		  mb(GET_REGISTRATIONS, 0));
	EXPECT_EQ(0, mb(GLOBAL_EXPEDITED, 0));
}

/*
 * Dekker's pattern, the fast side with a compiler barrier only: both sides
 * seeing zero is what the slow side's membarrier forbids.
 */
static _Atomic int g_x, g_y, g_round, g_fast_saw, g_done;

static void *fast_side(void *arg)
{
	int seen = 0;

	(void)arg;
	for (;;) {
		int r;

		while ((r = atomic_load(&g_round)) == seen)
			;
		if (r < 0)
			return NULL;
		seen = r;
		atomic_store_explicit(&g_x, 1, memory_order_relaxed);
		atomic_signal_fence(memory_order_seq_cst);
		g_fast_saw = atomic_load_explicit(&g_y, memory_order_relaxed);
		atomic_store(&g_done, seen);
	}
}

static void dekker(int cmd, int rounds)
{
	pthread_t th;
	int saw;

	EXPECT_EQ(0, pthread_create(&th, NULL, fast_side, NULL));
	for (int i = 1; i <= rounds; i++) {
		atomic_store(&g_x, 0);
		atomic_store(&g_y, 0);
		atomic_store(&g_round, i);
		atomic_store_explicit(&g_y, 1, memory_order_relaxed);
		EXPECT_EQ(0, mb(cmd, 0));
		saw = atomic_load_explicit(&g_x, memory_order_relaxed);
		while (atomic_load(&g_done) != i)
			;
		EXPECT_TRUE(saw || g_fast_saw);
	}
	atomic_store(&g_round, -1);
	pthread_join(th, NULL);
}

TEST(membarrier, orders_a_running_thread)
{
	EXPECT_EQ(0, mb(REG_PRIVATE_EXPEDITED, 0));
	dekker(PRIVATE_EXPEDITED, 300);
}

/* Threads that run code which another one writes. */
TEST(membarrier, sync_core)
{
	int has = EXPECT_OK(mb(QUERY, 0)) & (SYNC_CORE | REG_SYNC_CORE);

	EXPECT_ERRNO(EINVAL, mb(SYNC_CORE, 1));
	EXPECT_ERRNO(EINVAL, mb(REG_SYNC_CORE, 1));
	if (!has) {
		EXPECT_ERRNO(EINVAL, mb(SYNC_CORE, 0));
		EXPECT_ERRNO(EINVAL, mb(REG_SYNC_CORE, 0));
		return;
	}
	EXPECT_EQ(SYNC_CORE | REG_SYNC_CORE, has);
	EXPECT_ERRNO(EPERM, mb(SYNC_CORE, 0));
	EXPECT_EQ(0, mb(REG_SYNC_CORE, 0));
	EXPECT_EQ(REG_SYNC_CORE | REG_PRIVATE_EXPEDITED,
		  mb(GET_REGISTRATIONS, 0));
	EXPECT_ERRNO(EPERM, mb(PRIVATE_EXPEDITED, 0));
	EXPECT_EQ(0, mb(SYNC_CORE, 0));
	dekker(SYNC_CORE, 100);
}

TEST(membarrier, registration_goes_with_fork_not_with_threads_only)
{
	pid_t kid;

	EXPECT_EQ(0, mb(REG_PRIVATE_EXPEDITED, 0));
	kid = CHILD(_exit(mb(PRIVATE_EXPEDITED, 0)));
	EXPECT_EXIT(0, kid);
}

TEST_MAIN
