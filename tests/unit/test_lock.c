/* SPDX-License-Identifier: Apache-2.0 */
/* test_lock: debug builds abort on a breach of the lock order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/lib/lock.h"

static struct mutex g_low = MUTEX_INIT(LOCK_INODE);
static struct mutex g_high = MUTEX_INIT(LOCK_MM);
static struct mutex g_high2 = MUTEX_INIT(LOCK_MM);
static struct rwlock g_rw = RWLOCK_INIT(LOCK_DCACHE);

/* True if @fn ends its process by abort(). */
static bool aborts(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		close(2);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void rising(void)
{
	mutex_lock(&g_low);
	mutex_lock(&g_high);
	rwlock_rdlock(&g_rw);
	mutex_assert_held(&g_high);
	/* Not in reverse order: allowed. */
	mutex_unlock(&g_low);
	rwlock_unlock(&g_rw);
	mutex_unlock(&g_high);
	lock_assert_none_held();
}

static void falling(void)
{
	mutex_lock(&g_high);
	mutex_lock(&g_low);
}

static void same_rank(void)
{
	mutex_lock(&g_high);
	mutex_lock(&g_high2);
}

static void same_rank_nested(void)
{
	mutex_lock(&g_high);
	mutex_lock_nested(&g_high2);
	mutex_unlock(&g_high);
	mutex_unlock(&g_high2);
	lock_assert_none_held();
}

static void nested_but_lower(void)
{
	mutex_lock(&g_high);
	mutex_lock_nested(&g_low);
}

static void twice(void)
{
	mutex_lock(&g_high);
	mutex_lock_nested(&g_high);
}

static void not_held(void)
{
	mutex_unlock(&g_high);
}

static void assert_without(void)
{
	mutex_assert_held(&g_high);
}

static void none_but_one(void)
{
	rwlock_wrlock(&g_rw);
	lock_assert_none_held();
}

static void after_release(void)
{
	rwlock_wrlock(&g_rw);
	rwlock_unlock(&g_rw);
	mutex_lock(&g_low);
	mutex_unlock(&g_low);
}

static void order_is_checked(void **state)
{
	(void)state;
	assert_false(aborts(rising));
	assert_false(aborts(same_rank_nested));
	assert_false(aborts(after_release));
#ifdef MOAT_DEBUG
	assert_true(aborts(falling));
	assert_true(aborts(same_rank));
	assert_true(aborts(nested_but_lower));
	assert_true(aborts(twice));
	assert_true(aborts(not_held));
	assert_true(aborts(assert_without));
	assert_true(aborts(none_but_one));
#else
	(void)falling, (void)same_rank, (void)nested_but_lower, (void)twice;
	(void)not_held, (void)assert_without, (void)none_but_one;
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
