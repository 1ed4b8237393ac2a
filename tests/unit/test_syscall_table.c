/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_syscall_table: the generated table, and what dispatch makes of numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sentry/kernel/task.h"
#include "sentry/syscalls/dispatch.h"
#include "sentry/syscalls/strace.h"
#include "syscalls.h"

/* --- what dispatch needs -------------------------------------------------- */

bool g_strace_enabled;
static uint64_t g_args[6];
static int g_called = -1;

static long note_call(struct task *t, const uint64_t a[6])
{
	memcpy(g_args, a, sizeof(g_args));
	g_called = t->syscall_nr;
	return 1234;
}

syscall_thunk *const g_syscall_thunks[SYSCALL_TABLE_SIZE] = {
	[0 ... LINUX_NR_uselib - 1] = note_call,
	[LINUX_NR_uselib] = syscall_unknown,
	[LINUX_NR_uselib + 1 ... SYSCALL_TABLE_SIZE - 1] = note_call,
};

void strace_enter(struct strace_call *c, struct task *t, uint32_t nr,
		  const uint64_t args[6])
{
	(void)c;
	(void)t;
	(void)nr;
	(void)args;
}

void strace_exit(struct strace_call *c, struct task *t, long result)
{
	(void)c;
	(void)t;
	(void)result;
}

size_t mm_copy_in(struct mm *mm, void *dst, uint64_t src, size_t size,
		  uint32_t flags)
{
	(void)mm;
	(void)dst;
	(void)src;
	(void)flags;
	return size;
}

/* --- tests ---------------------------------------------------------------- */

static long call(int nr)
{
	static const uint64_t args[6] = { 1, 2, 3, 4, 5, 6 };
	struct task t = { .syscall_nr = nr };

	g_called = -1;
	return syscall_dispatch(&t, nr, args);
}

static void test_every_number_is_there(void **state)
{
	(void)state;
	for (int nr = 0; nr < SYSCALL_TABLE_SIZE; nr++) {
		bool gap = nr > LINUX_NR_uprobe && nr < 424;

		assert_int_equal(g_syscalls[nr].name == NULL, gap);
		if (!gap)
			assert_true(g_syscalls[nr].level != LEVEL_NONE);
	}
	assert_int_equal(LINUX_NR_file_setattr, 469);
	assert_int_equal(SYSCALL_TABLE_SIZE, 470);
}

/* The host's headers are the oracle for names that they know. */
static void test_numbers_are_linux(void **state)
{
	(void)state;
	assert_int_equal(LINUX_NR_read, SYS_read);
	assert_int_equal(LINUX_NR_rt_sigreturn, SYS_rt_sigreturn);
	assert_int_equal(LINUX_NR_exit_group, SYS_exit_group);
	assert_int_equal(LINUX_NR_openat, SYS_openat);
	assert_int_equal(LINUX_NR_prlimit64, SYS_prlimit64);
	assert_int_equal(LINUX_NR_rseq, SYS_rseq);
	assert_int_equal(LINUX_NR_pidfd_send_signal, SYS_pidfd_send_signal);
	assert_int_equal(LINUX_NR_clone3, SYS_clone3);
	assert_int_equal(LINUX_NR_futex_waitv, SYS_futex_waitv);
}

static void test_descriptions_are_complete(void **state)
{
	(void)state;
	for (int nr = 0; nr < SYSCALL_TABLE_SIZE; nr++) {
		const struct syscall_desc *d = &g_syscalls[nr];

		assert_true(d->nr_args <= 6);
		for (unsigned int i = 0; i < d->nr_args; i++) {
			const struct syscall_arg *a = &d->args[i];

			assert_true(a->len_at < (int)d->nr_args);
			assert_int_equal(a->kind == ARG_STRUCT, a->put != NULL);
			assert_int_equal(a->kind == ARG_FLAGS ||
						 a->kind == ARG_ENUM ||
						 a->kind == ARG_UENUM,
					 a->xlat != NULL);
			if (a->kind == ARG_BUF)
				assert_true(a->len_at >= 0);
		}
	}
}

static void test_dispatch(void **state)
{
	(void)state;
	assert_int_equal(call(0), 1234);
	assert_int_equal(g_called, 0);
	assert_int_equal(g_args[5], 6);
	assert_int_equal(call(SYSCALL_TABLE_SIZE - 1), 1234);
	assert_int_equal(g_called, SYSCALL_TABLE_SIZE - 1);
}

static void test_what_is_not_there(void **state)
{
	static const int numbers[] = { SYSCALL_TABLE_SIZE, -1,
				       INT32_MIN,	   INT32_MAX,
				       0x40000000,	   0x40000001,
				       LINUX_NR_uselib };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		assert_int_equal(call(numbers[i]), -ENOSYS);
		assert_int_equal(g_called, -1);
	}
}

/* --- the generator -------------------------------------------------------- */

#define GENERATOR "syscalls-table/gen.awk"

/* Exit status of the generator on the table edited by @sed. */
static int generate(const char *sed)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "sed -E '%s' syscalls-table/x86_64.tbl | awk -v "
		 "product=header -f " GENERATOR " - >/dev/null 2>&1",
		 sed);
	return system(cmd); /* NOLINT(cert-env33-c): a test */
}

static void test_generator_refuses(void **state)
{
	static const char *const bad[] = {
		"/^5 /d",			  /* a number is missing */
		"/^469 /d",			  /* the end is missing */
		"s/^5 /4 /",			  /* twice */
		"s/^7 /8 /;s/^8 /7 /",		  /* out of order */
		"/^0 /s/ read / write /",	  /* a name twice */
		"/^0 /s/ full / most /",	  /* no such level */
		"/^0 /s/ sys_read / sys_write /", /* somebody else's handler */
		"/^0 /s/ sys_read / - /",	  /* full without a handler */
		"/^0 /s/ full / enosys /",  /* a handler that is not there */
		"/^0 /s/ [a-z]+$/ -/",	    /* full without a test */
		"/^0 /s/ full / partial /", /* partial without a note */
		"/^0 /s/fd:fd/fd:int/",	    /* no such type */
		"/^0 /s/out.size./out[length]/", /* no such argument */
		"/^0 /s/block,restart/sleeps/",	 /* no such trait */
		"/^2 /s/flags.open./flags/",	 /* flags without names */
	};

	(void)state;
	if (access(GENERATOR, R_OK) != 0)
		skip();
	assert_int_equal(generate(""), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (generate(bad[i]) == 0)
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_is_there),
		cmocka_unit_test(test_numbers_are_linux),
		cmocka_unit_test(test_descriptions_are_complete),
		cmocka_unit_test(test_dispatch),
		cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test(test_generator_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
