/* SPDX-License-Identifier: Apache-2.0 */
/* process_vm_readv(2), process_vm_writev(2). */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include "tests/harness/guest_test.h"

/* Not mapped; volatile, so that the compiler does not see it. */
static void *volatile nowhere = (void *)8;

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)

static char *target;
static pid_t child;
static int wake[2];

/* A child with @target filled with 'c', that waits. */
static void start_child(void)
{
	int up[2];
	char c;

	target = EXPECT_OK(
		mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memset(target, 'p', 4 * PAGE);
	EXPECT_OK(pipe(up));
	EXPECT_OK(pipe(wake));
	child = CHILD({
		memset(target, 'c', 4 * PAGE);
		EXPECT_OK(munmap(target + 2 * PAGE, PAGE));
		EXPECT_OK(mprotect(target + 3 * PAGE, PAGE, PROT_READ));
		EXPECT_EQ(1, write(up[1], "x", 1));
		EXPECT_EQ(1, read(wake[0], &c, 1));
		_exit(target[0]);
	});
	EXPECT_EQ(1, read(up[0], &c, 1));
}

static long get(void *to, size_t n, void *from, size_t rn)
{
	struct iovec l = { to, n }, r = { from, rn };

	return process_vm_readv(child, &l, 1, &r, 1, 0);
}

static long put(void *from, size_t n, void *to, size_t rn)
{
	struct iovec l = { from, n }, r = { to, rn };

	return process_vm_writev(child, &l, 1, &r, 1, 0);
}

TEST(process_vm, reads_and_writes_the_other)
{
	char buf[16];

	start_child();
	EXPECT_EQ(16, get(buf, 16, target + 5, 16));
	EXPECT_EQ('c', buf[0]);
	EXPECT_EQ('c', buf[15]);
	EXPECT_EQ(1, put("w", 1, target, 1));
	EXPECT_EQ('p', target[0]);
	EXPECT_EQ(1, write(wake[1], "x", 1));
	EXPECT_EXIT('w', child);
}

TEST(process_vm, shorter_side_counts)
{
	char buf[16] = "";

	start_child();
	EXPECT_EQ(4, get(buf, 4, target, 100));
	EXPECT_EQ(0, buf[4]);
	EXPECT_EQ(8, get(buf, 16, target, 8));
	EXPECT_EQ(0, get(buf, 0, target, 8));
	EXPECT_EQ(0, process_vm_readv(child, NULL, 0, NULL, 0, 0));
}

TEST(process_vm, vectors_are_joined)
{
	char a[3], b[PAGE];
	struct iovec l[2] = { { a, 3 }, { b, sizeof(b) } };
	struct iovec r[3] = { { target, 0 }, { 0 }, { 0 } };

	start_child();
	r[0] = (struct iovec){ target, 1 };
	r[1] = (struct iovec){ target + PAGE - 1, 2 };
	r[2] = (struct iovec){ target + 10, 7 };
	EXPECT_EQ(1, put("1", 1, target, 1));
	EXPECT_EQ(2, put("23", 2, target + PAGE - 1, 2));
	EXPECT_EQ(10, process_vm_readv(child, l, 2, r, 3, 0));
	EXPECT_EQ(0, memcmp(a, "123", 3));
	EXPECT_EQ(0, memcmp(b, "ccccccc", 7));
}

TEST(process_vm, faults_end_the_transfer)
{
	static char buf[4 * PAGE];

	start_child();
	EXPECT_EQ(PAGE, get(buf, 2 * PAGE, target + PAGE, 2 * PAGE));
	EXPECT_ERRNO(EFAULT, get(buf, 1, target + 2 * PAGE, 1));
	EXPECT_EQ(PAGE, get(buf, PAGE, target + 3 * PAGE, PAGE));
	EXPECT_ERRNO(EFAULT, put(buf, 1, target + 3 * PAGE, 1));
	EXPECT_ERRNO(EFAULT, get(nowhere, 1, target, 1));
	EXPECT_ERRNO(EFAULT,
		     process_vm_readv(child, nowhere, 1, nowhere, 1, 0));
}

TEST(process_vm, refuses_bad_arguments)
{
	char c;
	struct iovec v = { &c, 1 }, neg = { &c, (size_t)-1 };

	EXPECT_ERRNO(EINVAL, process_vm_readv(getpid(), &v, 1, &v, 1, 1));
	EXPECT_ERRNO(EINVAL, process_vm_readv(getpid(), &v, 1025, &v, 1, 0));
	EXPECT_ERRNO(EINVAL, process_vm_readv(getpid(), &neg, 1, &v, 1, 0));
	EXPECT_ERRNO(ESRCH, process_vm_readv(0x3fffff, &v, 1, &v, 1, 0));
	EXPECT_EQ(1, process_vm_readv(getpid(), &v, 1, &v, 1, 0));
}

TEST(process_vm, other_user_is_eperm)
{
	char c;

	if (geteuid())
		SKIP("needs root");
	start_child();
	EXPECT_OK(setresuid(65534, 65534, 65534));
	EXPECT_ERRNO(EPERM, get(&c, 1, target, 1));
}

TEST(process_vm, breaks_copy_on_write_of_the_target)
{
	char c = 0;
	int up[2], down[2];
	char *p = EXPECT_OK(
		mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	p[0] = 'o';
	EXPECT_OK(pipe(up));
	EXPECT_OK(pipe(down));
	child = CHILD({
		EXPECT_EQ(1, write(up[1], "x", 1));
		EXPECT_EQ(1, read(down[0], &c, 1));
		_exit(p[0]);
	});
	EXPECT_EQ(1, read(up[0], &c, 1));
	EXPECT_EQ(1, put("n", 1, p, 1));
	EXPECT_EQ('o', p[0]);
	EXPECT_EQ(1, write(down[1], "x", 1));
	EXPECT_EXIT('n', child);
}

TEST_MAIN
