/* SPDX-License-Identifier: Apache-2.0 */
/*
 * get_mempolicy(2), set_mempolicy(2), mbind(2), migrate_pages(2),
 * move_pages(2), on a machine with one node.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL, PREFERRED_MANY };
#define STATIC	 (1 << 15)
#define RELATIVE (1 << 14)
enum { F_NODE = 1, F_ADDR = 2, F_ALLOWED = 4 };
#define MASK_BITS 1025

static unsigned long g_mask[1024 / 64];

static long get(int *mode, unsigned long *mask, unsigned long maxnode,
		void *addr, unsigned int flags)
{
	return syscall(SYS_get_mempolicy, mode, mask, maxnode, addr, flags);
}

static long set(int mode, const unsigned long *mask, unsigned long maxnode)
{
	return syscall(SYS_set_mempolicy, mode, mask, maxnode);
}

static long bind_to(void *addr, size_t size, int mode,
		    const unsigned long *mask, unsigned int flags)
{
	return syscall(SYS_mbind, addr, size, mode, mask, MASK_BITS, flags);
}

static void need_one_node(void)
{
	unsigned long mask[1024 / 64] = { 0 };

	if (get(NULL, mask, MASK_BITS, NULL, F_ALLOWED) < 0 || mask[0] != 1)
		SKIP("needs a machine with one node");
}

TEST(mempolicy, begins_as_default)
{
	int mode = 99;

	need_one_node();
	g_mask[0] = 5;
	EXPECT_EQ(0, get(&mode, g_mask, MASK_BITS, NULL, 0));
	EXPECT_EQ(DEFAULT, mode);
	EXPECT_EQ(0, g_mask[0]);
}

TEST(mempolicy, is_kept_and_told)
{
	unsigned long one = 1;
	int mode;

	need_one_node();
	EXPECT_EQ(0, set(BIND, &one, 64));
	EXPECT_EQ(0, get(&mode, g_mask, MASK_BITS, NULL, 0));
	EXPECT_EQ(BIND, mode);
	EXPECT_EQ(1, g_mask[0]);
	EXPECT_EQ(0, set(INTERLEAVE | STATIC, &one, 64));
	EXPECT_EQ(0, get(&mode, NULL, 0, NULL, 0));
	EXPECT_EQ(INTERLEAVE | STATIC, mode);
	EXPECT_EQ(0, get(&mode, NULL, 0, NULL, F_NODE));
	EXPECT_EQ(0, mode);
	EXPECT_EQ(0, set(PREFERRED, NULL, 0));
	EXPECT_EQ(0, get(&mode, NULL, 0, NULL, 0));
	EXPECT_EQ(LOCAL, mode);
	EXPECT_EQ(0, set(DEFAULT, NULL, 0));
}

TEST(mempolicy, children_inherit)
{
	unsigned long one = 1;
	int mode;
	pid_t kid;

	need_one_node();
	EXPECT_EQ(0, set(BIND, &one, 64));
	kid = CHILD(_exit(
		get(&mode, NULL, 0, NULL, 0) == 0 && mode == BIND ? 0 : 1));
	EXPECT_EXIT(0, kid);
}

TEST(mempolicy, bad_policies)
{
	unsigned long one = 1, other = 2;

	need_one_node();
	EXPECT_ERRNO(EINVAL, set(99, &one, 64));
	EXPECT_ERRNO(EINVAL, set(-1, &one, 64));
	EXPECT_ERRNO(EINVAL, set(BIND | STATIC | RELATIVE, &one, 64));
	EXPECT_ERRNO(EINVAL, set(DEFAULT, &one, 64));
	EXPECT_ERRNO(EINVAL, set(BIND, NULL, 0));
	EXPECT_ERRNO(EINVAL, set(BIND, &other, 64));
	EXPECT_ERRNO(EINVAL, set(LOCAL, &one, 64));
	EXPECT_ERRNO(EFAULT, set(BIND, (void *)8, 64));
}

TEST(mempolicy, bad_questions)
{
	int mode, local;

	need_one_node();
	EXPECT_ERRNO(EINVAL, get(&mode, NULL, 0, NULL, 8));
	EXPECT_ERRNO(EINVAL, get(&mode, NULL, 0, NULL, F_ALLOWED | F_NODE));
	EXPECT_ERRNO(EINVAL, get(&mode, NULL, 0, &local, 0));
	EXPECT_ERRNO(EINVAL, get(&mode, NULL, 0, NULL, F_NODE));
	EXPECT_ERRNO(EINVAL, get(&mode, g_mask, 0, NULL, 0));
	EXPECT_ERRNO(EFAULT, get(&mode, NULL, 0, NULL, F_ADDR));
	EXPECT_EQ(0, get(&mode, NULL, 0, &local, F_ADDR | F_NODE));
	EXPECT_EQ(0, mode);
	EXPECT_ERRNO(EFAULT, get((void *)8, NULL, 0, NULL, 0));
}

TEST(mempolicy, mbind_checks_the_range)
{
	unsigned long one = 1;
	char *at = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need_one_node();
	EXPECT_EQ(0, bind_to(at, 3 * 4096, BIND, &one, 0));
	EXPECT_EQ(0, bind_to(at, 0, BIND, &one, 0));
	EXPECT_ERRNO(EINVAL, bind_to(at + 1, 4096, BIND, &one, 0));
	EXPECT_ERRNO(EINVAL, bind_to(at, 4096, BIND, &one, 64));
	EXPECT_ERRNO(EINVAL, bind_to(at, 4096, 99, &one, 0));
	EXPECT_OK(munmap(at + 4096, 4096));
	EXPECT_ERRNO(EFAULT, bind_to(at, 3 * 4096, BIND, &one, 0));
}

TEST(mempolicy, pages_are_on_node_0)
{
	static int word = 1;
	void *pages[2] = { &word, (void *)8 };
	int status[2] = { 99, 99 }, zero[2] = { 0, 0 }, far[2] = { 1, 1 };

	need_one_node();
	EXPECT_EQ(0, syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0));
	EXPECT_EQ(0, status[0]);
	EXPECT_EQ(-EFAULT, status[1]);
	EXPECT_EQ(0, syscall(SYS_move_pages, 0, 1, pages, zero, status, 2));
	EXPECT_EQ(0, status[0]);
	EXPECT_ERRNO(ENODEV,
		     syscall(SYS_move_pages, 0, 1, pages, far, status, 2));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_move_pages, 0, 1, pages, zero, status, 1));
	EXPECT_ERRNO(ESRCH, syscall(SYS_move_pages, 99999999, 1, pages, NULL,
				    status, 0));
}

TEST(mempolicy, migrating_to_the_only_node)
{
	unsigned long one = 1, none = 0;

	need_one_node();
	EXPECT_EQ(0, syscall(SYS_migrate_pages, 0, 64, &one, &one));
	EXPECT_ERRNO(EINVAL, syscall(SYS_migrate_pages, 0, 64, &one, &none));
	EXPECT_ERRNO(ESRCH,
		     syscall(SYS_migrate_pages, 99999999, 64, &one, &one));
}

TEST_MAIN
