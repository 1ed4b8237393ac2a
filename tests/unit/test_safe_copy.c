/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_safe_copy: accesses that fault end with the exact count; all others
 * behave as memcpy() and its family.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off: cmocka needs the four above */
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/host/host_memory.h"
#include "sentry/mm/safe_copy.h"

/* Two pages, of which the second faults: SIGSEGV, or SIGBUS by a file's end. */
struct edge {
	char *page;
	const char *name;
};

/* cmocka puts its own handlers in before each test. */
static void install(void)
{
	assert_int_equal(host_fault_start(), 0);
}

static struct edge make_edge(bool bus)
{
	struct edge e = { .name = bus ? "SIGBUS" : "SIGSEGV" };
	int fd;

	if (bus) {
		fd = memfd_create("edge", 0);
		assert_int_equal(ftruncate(fd, PAGE_SIZE), 0);
		e.page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			      MAP_SHARED, fd, 0);
		close(fd);
	} else {
		e.page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(e.page + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
	}
	assert_true(e.page != MAP_FAILED);
	for (size_t i = 0; i < PAGE_SIZE; i++)
		e.page[i] = (char)(i * 7 + 1);
	return e;
}

static void check_copies(struct edge *e)
{
	static char buf[2 * PAGE_SIZE];
	size_t sizes[] = { 0, 1, 7, 8, 9, 63, 64, 255, 256, 257, 700, 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (size_t have = 0; have <= sizes[i]; have++) {
			char *at = e->page + PAGE_SIZE - have;

			memset(buf, 0, sizeof(buf));
			assert_int_equal(safe_copy(buf, at, sizes[i]),
					 sizes[i] - have);
			assert_memory_equal(buf, at, have);
			assert_int_equal(safe_copy(at, buf, sizes[i]),
					 sizes[i] - have);
		}
}

static void test_copy(void **state)
{
	struct edge segv = make_edge(false), bus = make_edge(true);

	(void)state;
	install();
	check_copies(&segv);
	check_copies(&bus);
}

static void test_zero(void **state)
{
	struct edge e = make_edge(true);

	(void)state;
	install();
	assert_int_equal(safe_zero(e.page, 100), 0);
	assert_int_equal(e.page[99], 0);
	assert_int_not_equal(e.page[100], 0);
	assert_int_equal(safe_zero(e.page + PAGE_SIZE - 10, 30), 20);
}

static void test_string(void **state)
{
	struct edge e = make_edge(false);
	char buf[64];

	(void)state;
	install();
	strcpy(e.page, "hello");
	assert_int_equal(safe_strncpy(buf, e.page, sizeof(buf)), 6);
	assert_string_equal(buf, "hello");
	assert_int_equal(safe_strncpy(buf, e.page, 3), 3);
	assert_int_equal(safe_strncpy(buf, e.page, 0), 0);
	memset(e.page + PAGE_SIZE - 4, 'x', 4);
	assert_int_equal(safe_strncpy(buf, e.page + PAGE_SIZE - 4, 64),
			 -EFAULT);
	assert_int_equal(safe_strncpy(buf, e.page + PAGE_SIZE - 4, 4), 4);
}

static void test_words(void **state)
{
	struct edge e = make_edge(true);
	uint32_t *bad = (uint32_t *)(e.page + PAGE_SIZE);
	uint32_t word = 5, out = 0;

	(void)state;
	install();
	assert_int_equal(safe_load32(&word, &out), 0);
	assert_int_equal(out, 5);
	assert_int_equal(safe_store32(&word, 6), 0);
	assert_int_equal(word, 6);
	assert_int_equal(safe_cmpxchg32(&word, 6, 7, &out), 0);
	assert_int_equal(out, 6);
	assert_int_equal(word, 7);
	assert_int_equal(safe_cmpxchg32(&word, 6, 8, &out), 0);
	assert_int_equal(out, 7);
	assert_int_equal(word, 7);
	assert_int_equal(safe_load32(bad, &out), -EFAULT);
	assert_int_equal(safe_store32(bad, 1), -EFAULT);
	assert_int_equal(safe_cmpxchg32(bad, 1, 2, &out), -EFAULT);
}

static void report_crash(int signo, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	_exit(signo == SIGSEGV ? 42 : 43);
}

/* A fault anywhere else goes to the crash hook. */
static void test_crash_hook(void **state)
{
	struct edge e = make_edge(false);
	int status;
	pid_t pid;

	(void)state;
	install();
	pid = fork();
	if (pid == 0) {
		host_crash_hook = report_crash;
		/* The handler reads it: not to be stored later. */
		__asm__ volatile("" ::: "memory");
		*(volatile char *)(e.page + PAGE_SIZE) = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 42)
		fail_msg("wait status %#x", status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),	   cmocka_unit_test(test_zero),
		cmocka_unit_test(test_string),	   cmocka_unit_test(test_words),
		cmocka_unit_test(test_crash_hook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
