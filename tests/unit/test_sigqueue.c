/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of pending signals: order, limits, flushing; and default actions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "sentry/kernel/task_private.h"

#define NO_LIMIT 1000

static int add(struct sigpending *p, int signo, int code, uint64_t value)
{
	struct linux_siginfo si = { .signo = signo, .code = code };

	si.rt.value = value;
	return sigpending_add(p, &si, NULL, NO_LIMIT, false);
}

static void expect(struct sigpending *p, int signo, uint64_t value)
{
	struct linux_siginfo si;

	assert_true(sigpending_take(p, UINT64_MAX, &si));
	assert_int_equal(si.signo, signo);
	assert_int_equal(si.rt.value, value);
}

static void lowest_number_first_and_fifo_within(void **state)
{
	struct sigpending p;
	struct linux_siginfo si;

	(void)state;
	sigpending_init(&p);
	assert_int_equal(add(&p, 40, LINUX_SI_QUEUE, 1), 0);
	assert_int_equal(add(&p, 34, LINUX_SI_QUEUE, 2), 0);
	assert_int_equal(add(&p, 40, LINUX_SI_QUEUE, 3), 0);
	assert_int_equal(add(&p, LINUX_SIGTERM, LINUX_SI_USER, 4), 0);
	expect(&p, LINUX_SIGTERM, 4);
	expect(&p, 34, 2);
	expect(&p, 40, 1);
	assert_true(p.mask & LINUX_SIGMASK(40));
	expect(&p, 40, 3);
	assert_int_equal(p.mask, 0);
	assert_false(sigpending_take(&p, UINT64_MAX, &si));
}

static void synchronous_signals_come_first(void **state)
{
	struct sigpending p;
	struct linux_siginfo si;

	(void)state;
	sigpending_init(&p);
	assert_int_equal(add(&p, LINUX_SIGHUP, LINUX_SI_USER, 1), 0);
	assert_int_equal(add(&p, LINUX_SIGSEGV, LINUX_SEGV_MAPERR, 2), 0);
	expect(&p, LINUX_SIGSEGV, 2);
	expect(&p, LINUX_SIGHUP, 1);
	/* Only the kernel's own count for sigpending_take_sync(). */
	assert_int_equal(add(&p, LINUX_SIGSEGV, LINUX_SI_USER, 3), 0);
	assert_false(sigpending_take_sync(&p, 0, &si));
	assert_int_equal(add(&p, LINUX_SIGFPE, LINUX_FPE_INTDIV, 4), 0);
	assert_false(
		sigpending_take_sync(&p, LINUX_SIGMASK(LINUX_SIGFPE), &si));
	assert_true(sigpending_take_sync(&p, 0, &si));
	assert_int_equal(si.signo, LINUX_SIGFPE);
	sigpending_flush(&p, UINT64_MAX);
}

static void a_mask_selects(void **state)
{
	struct sigpending p;
	struct linux_siginfo si;

	(void)state;
	sigpending_init(&p);
	assert_int_equal(add(&p, LINUX_SIGINT, LINUX_SI_USER, 1), 0);
	assert_false(sigpending_take(&p, ~LINUX_SIGMASK(LINUX_SIGINT), &si));
	assert_true(sigpending_take(&p, LINUX_SIGMASK(LINUX_SIGINT), &si));
}

static void beyond_the_limit_real_time_fails_and_standard_is_bare(void **state)
{
	struct linux_siginfo rt = { .signo = 40, .code = LINUX_SI_QUEUE };
	struct linux_siginfo user = { .signo = LINUX_SIGUSR1,
				      .code = LINUX_SI_USER };
	struct sigpending p;
	struct cred *c;
	struct linux_siginfo si;

	(void)state;
	assert_int_equal(cred_new(1, 1, NULL, 0, &c), 0);
	sigpending_init(&p);
	assert_int_equal(sigpending_add(&p, &rt, c->user, 1, false), 0);
	assert_int_equal(sigpending_add(&p, &rt, c->user, 1, false), -EAGAIN);
	assert_int_equal(c->user->nr_signals, 1);
	user.rt.pid = 7;
	assert_int_equal(sigpending_add(&p, &user, c->user, 1, false), 0);
	assert_int_equal(c->user->nr_signals, 1);
	assert_true(sigpending_take(&p, UINT64_MAX, &si));
	assert_int_equal(si.signo, LINUX_SIGUSR1);
	assert_int_equal(si.rt.pid, 0);
	/* The kernel's own go over the limit. */
	assert_int_equal(sigpending_add(&p, &user, c->user, 1, true), 0);
	assert_int_equal(c->user->nr_signals, 2);
	sigpending_flush(&p, LINUX_SIGMASK(LINUX_SIGUSR1));
	assert_int_equal(c->user->nr_signals, 1);
	sigpending_flush(&p, UINT64_MAX);
	assert_int_equal(c->user->nr_signals, 0);
	assert_true(list_empty(&p.queue));
	cred_put(c);
}

static void execve_resets_caught_signals_only(void **state)
{
	struct sig_actions *a;

	(void)state;
	assert_int_equal(sig_actions_new(&a), 0);
	a->a[LINUX_SIGHUP - 1].handler = LINUX_SIG_IGN;
	a->a[LINUX_SIGINT - 1].handler = 0x400000;
	a->a[LINUX_SIGINT - 1].flags = LINUX_SA_RESTART;
	sig_actions_reset(a);
	assert_int_equal(a->a[LINUX_SIGHUP - 1].handler, LINUX_SIG_IGN);
	assert_int_equal(a->a[LINUX_SIGINT - 1].handler, LINUX_SIG_DFL);
	assert_int_equal(a->a[LINUX_SIGINT - 1].flags, 0);
	sig_actions_put(a);
}

static void default_actions(void **state)
{
	(void)state;
	assert_true(sig_default_ignores(LINUX_SIGCHLD));
	assert_true(sig_default_ignores(LINUX_SIGWINCH));
	assert_false(sig_default_ignores(LINUX_SIGTERM));
	assert_true(sig_default_stops(LINUX_SIGTSTP));
	assert_false(sig_default_stops(LINUX_SIGCONT));
	assert_true(sig_default_cores(LINUX_SIGABRT));
	assert_false(sig_default_cores(LINUX_SIGKILL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lowest_number_first_and_fifo_within),
		cmocka_unit_test(synchronous_signals_come_first),
		cmocka_unit_test(a_mask_selects),
		cmocka_unit_test(
			beyond_the_limit_real_time_fails_and_standard_is_bare),
		cmocka_unit_test(execve_resets_caught_signals_only),
		cmocka_unit_test(default_actions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
