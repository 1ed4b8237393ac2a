/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_strace: how arguments and results are printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "sentry/kernel/task.h"
#include "sentry/mm/mm.h"
#include "sentry/syscalls/strace.h"
#include "syscalls.h"

/* Guest memory: g_mem at GUEST. */
#define GUEST 0x10000ul
static uint8_t g_mem[4096];

size_t mm_copy_in(struct mm *mm, void *dst, uint64_t src, size_t size,
		  uint32_t flags)
{
	uint64_t off = src - GUEST;
	size_t n;

	(void)mm;
	(void)flags;
	if (off >= sizeof(g_mem))
		return size;
	n = MIN(size, sizeof(g_mem) - off);
	memcpy(dst, g_mem + off, n);
	return size - n;
}

/* The whole line of a call that gave @result. */
static const char *line(int nr, long result, const uint64_t args[6])
{
	static char buf[STRACE_LINE_SIZE];
	struct strace_out o = { .buf = buf,
				.size = sizeof(buf),
				.mm = (struct mm *)g_mem,
				.exiting = true,
				.result = result };
	const struct syscall_desc *d = &g_syscalls[nr];

	strace_printf(&o, "%s(", d->name);
	strace_put_args(&o, d, args, 0, d->nr_args);
	strace_printf(&o, ")");
	strace_put_result(&o, d, result);
	buf[o.len] = '\0';
	assert_true(o.len + 2 <= o.size);
	return buf;
}

#define LINE(nr, result, ...) \
	line(nr, result, (const uint64_t[6]){ __VA_ARGS__ })

static void test_numbers_flags_and_paths(void **state)
{
	(void)state;
	strcpy((char *)g_mem, "/etc/\"x\"\n");
	assert_string_equal(LINE(LINUX_NR_openat, 3, (uint64_t)-100, GUEST,
				 O_RDWR | O_CREAT | O_CLOEXEC, 0644),
			    "openat(AT_FDCWD, \"/etc/\\\"x\\\"\\n\", "
			    "O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 3");
	assert_string_equal(
		LINE(LINUX_NR_openat, -ENOENT, 5, 0, 0x100000000ul, 0),
		"openat(5, NULL, O_RDONLY, 0000) = -1 ENOENT "
		"(No such file or directory)");
	assert_string_equal(LINE(LINUX_NR_kill, 0, (uint64_t)-1, 9),
			    "kill(-1, SIGKILL) = 0");
	assert_string_equal(LINE(LINUX_NR_chown, -EPERM, 1, (uint64_t)-1, 7),
			    "chown(0x1, -1, 7) = -1 EPERM "
			    "(Operation not permitted)");
}

static void test_buffers(void **state)
{
	(void)state;
	memset(g_mem, 'a', 64);
	assert_string_equal(
		LINE(LINUX_NR_write, 64, 1, GUEST, 64),
		"write(1, \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"..., 64) = 64");
	/* Of an output only what the result says was written. */
	assert_string_equal(LINE(LINUX_NR_read, 2, 0, GUEST, 64),
			    "read(0, \"aa\", 64) = 2");
	assert_string_equal(LINE(LINUX_NR_read, -EAGAIN, 0, GUEST, 64),
			    "read(0, 0x10000, 64) = -1 EAGAIN "
			    "(Resource temporarily unavailable)");
	memcpy(g_mem, "\0\1\0012", 4);
	assert_string_equal(LINE(LINUX_NR_write, 4, 1, GUEST, 4),
			    "write(1, \"\\0\\1\\0012\", 4) = 4");
	assert_string_equal(LINE(LINUX_NR_write, -EFAULT, 1, 0xdead, 4),
			    "write(1, 0xdead, 4) = -1 EFAULT (Bad address)");
}

static void test_structs(void **state)
{
	int64_t ts[2] = { 5, 7 };

	(void)state;
	memcpy(g_mem, ts, sizeof(ts));
	assert_string_equal(LINE(LINUX_NR_nanosleep, 0, GUEST, 0),
			    "nanosleep({tv_sec=5, tv_nsec=7}, NULL) = 0");
	assert_string_equal(
		LINE(LINUX_NR_clock_gettime, 0, 1, GUEST),
		"clock_gettime(CLOCK_MONOTONIC, {tv_sec=5, tv_nsec=7}) = 0");
	assert_string_equal(LINE(LINUX_NR_nanosleep, -EFAULT, 1, 0),
			    "nanosleep(0x1, NULL) = -1 EFAULT (Bad address)");
	assert_string_equal(LINE(LINUX_NR_mmap, 0x7000, 0, 4096, 3,
				 MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0),
			    "mmap(NULL, 4096, PROT_READ|PROT_WRITE, "
			    "MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7000");
	assert_string_equal(LINE(LINUX_NR_read, -ERESTARTSYS, 0, 0, 0),
			    "read(0, NULL, 0) = ? ERESTARTSYS");
}

/* However long, a line stays in its buffer and shows its result. */
static void test_long_lines_are_cut(void **state)
{
	struct {
		uint64_t base, len;
	} *iov = (void *)g_mem;
	const char *text;

	(void)state;
	for (int i = 0; i < 16; i++) {
		iov[i].base = GUEST + 2048;
		iov[i].len = 1 << 20;
	}
	memset(g_mem + 2048, 0xff, 64);
	text = LINE(LINUX_NR_writev, 77, 1, GUEST, 1024);
	assert_non_null(strstr(text, " = 77"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_flags_and_paths),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_structs),
		cmocka_unit_test(test_long_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
