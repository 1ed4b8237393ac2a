/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gofer_filter: what the gofer's system call filter lets through, and what
 * it kills for; with and without a writable export.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gofer/session.h"
#include "sentry/lib/compiler.h"

static void try_socket(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static void try_exec(void)
{
	execl("/bin/true", "true", NULL);
}

static void try_open(void)
{
	(void)open("/etc/passwd", O_RDONLY);
}

static void try_map(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_fork(void)
{
	(void)syscall(SYS_fork);
}

static void try_write(void)
{
	if (write(7, "x", 1) < 0)
		return;
}

static void try_mkdir(void)
{
	(void)mkdirat(5, "x", 0755);
}

static void try_close(void)
{
	close(99);
}

/* How a process ends that closes the filter and then makes the call. */
static int end_of(void (*fn)(void), bool writable)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (gofer_seccomp_load(writable, false) < 0)
			_exit(99);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void forbidden_calls_kill(void **state)
{
	static void (*const calls[])(void) = {
		try_socket, try_exec, try_open, try_map, try_fork, try_write
	};

	(void)state;
#ifndef MOAT_SANITIZED /* the rules of those builds are wider */
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int status = end_of(calls[i], true);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
#else
	(void)calls;
#endif
	assert_int_equal(WTERMSIG(end_of(try_mkdir, false)), SIGSYS);
	assert_int_equal(end_of(try_mkdir, true), 0);
	assert_int_equal(end_of(try_close, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbidden_calls_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
