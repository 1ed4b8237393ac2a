/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of id allocation: order, wrap, ids kept by groups and sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "sentry/kernel/task_private.h"

static struct task g_task;
static struct process_group g_pgrp;
static struct session g_session;

static int next(void)
{
	int pid;

	tasklist_lock();
	pid = pid_alloc_locked();
	tasklist_unlock();
	return pid;
}

static void ids_rise_from_one(void **state)
{
	(void)state;
	assert_int_equal(next(), 1);
	assert_int_equal(next(), 2);
	assert_int_equal(next(), 3); /* not bound, not reused at once either */
}

static void ids_out_of_range_are_taken(void **state)
{
	(void)state;
	tasklist_lock();
	assert_true(pid_in_use_locked(0));
	assert_true(pid_in_use_locked(PID_MAX));
	assert_true(pid_in_use_locked(UINT32_MAX));
	assert_null(pid_peek_task_locked(0));
	assert_null(pid_peek_task_locked(PID_MAX));
	assert_null(pid_peek_pgrp_locked(UINT32_MAX));
	tasklist_unlock();
}

static void wraps_to_the_first_that_is_not_reserved(void **state)
{
	int pid = 0;

	(void)state;
	while (pid != PID_MAX - 1)
		pid = next();
	tasklist_lock();
	pid_bind_task_locked(RESERVED_PIDS, &g_task);
	pid_bind_pgrp_locked(RESERVED_PIDS + 1, &g_pgrp);
	pid_bind_session_locked(RESERVED_PIDS + 2, &g_session);
	tasklist_unlock();
	assert_int_equal(next(), RESERVED_PIDS + 3);
	tasklist_lock();
	assert_ptr_equal(pid_peek_task_locked(RESERVED_PIDS), &g_task);
	assert_ptr_equal(pid_peek_pgrp_locked(RESERVED_PIDS + 1), &g_pgrp);
	pid_bind_task_locked(RESERVED_PIDS, NULL);
	assert_false(pid_in_use_locked(RESERVED_PIDS));
	tasklist_unlock();
}

static void a_full_table_says_eagain(void **state)
{
	(void)state;
	tasklist_lock();
	for (uint32_t i = 1; i < PID_MAX; i++)
		pid_bind_task_locked(i, &g_task);
	tasklist_unlock();
	assert_int_equal(next(), -EAGAIN);
	tasklist_lock();
	pid_bind_task_locked(4711, NULL);
	tasklist_unlock();
	assert_int_equal(next(), 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_rise_from_one),
		cmocka_unit_test(ids_out_of_range_are_taken),
		cmocka_unit_test(wraps_to_the_first_that_is_not_reserved),
		cmocka_unit_test(a_full_table_says_eagain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
