/* SPDX-License-Identifier: Apache-2.0 */
/* brk(2): the raw call, which gives the old break when it refuses. */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define PAGE 4096UL

static uintptr_t raw_brk(uintptr_t addr)
{
	return (uintptr_t)syscall(SYS_brk, addr);
}

static uintptr_t aligned_end(void)
{
	return (raw_brk(0) + PAGE - 1) & -PAGE;
}

TEST(brk, zero_tells)
{
	EXPECT_TRUE(raw_brk(0) != 0);
	EXPECT_EQ(raw_brk(0), raw_brk(0));
	EXPECT_EQ((uintptr_t)sbrk(0), raw_brk(0));
}

TEST(brk, grows_with_zeroes_and_shrinks)
{
	uintptr_t end = aligned_end();
	volatile char *p = (volatile char *)end;
	unsigned char v;

	EXPECT_EQ(end + 4 * PAGE, raw_brk(end + 4 * PAGE));
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(0, p[i * PAGE]);
		p[i * PAGE] = 1;
	}
	EXPECT_EQ(end + PAGE, raw_brk(end + PAGE));
	EXPECT_ERRNO(ENOMEM, mincore((void *)(end + PAGE), PAGE, &v));
	EXPECT_EQ(1, p[0]);
	EXPECT_EQ(end + 4 * PAGE, raw_brk(end + 4 * PAGE));
	EXPECT_EQ(1, p[0]);
	EXPECT_EQ(0, p[PAGE]);
}

TEST(brk, odd_sizes_are_kept)
{
	uintptr_t end = aligned_end();

	EXPECT_EQ(end + 5, raw_brk(end + 5));
	*(volatile char *)(end + PAGE - 1) = 1;
	EXPECT_EQ(end + 5, raw_brk(0));
	EXPECT_EQ(end + PAGE + 1, raw_brk(end + PAGE + 1));
	*(volatile char *)(end + 2 * PAGE - 1) = 1;
}

TEST(brk, refusals_give_the_old_break)
{
	uintptr_t old = raw_brk(0);

	EXPECT_EQ(old, raw_brk(1));
	EXPECT_EQ(old, raw_brk(UINTPTR_MAX));
	EXPECT_EQ(old, raw_brk(1UL << 47));
	EXPECT_EQ(old, raw_brk(0));
}

TEST(brk, stops_at_another_mapping)
{
	uintptr_t end = aligned_end();

	EXPECT_TRUE((void *)(end + 8 * PAGE) ==
		    mmap((void *)(end + 8 * PAGE), PAGE, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	end = raw_brk(0);
	EXPECT_EQ(end, raw_brk(end + 16 * PAGE));
	EXPECT_EQ(end, raw_brk(0));
}

TEST(brk, data_limit)
{
	struct rlimit lim = { 16UL << 20, 16UL << 20 };
	uintptr_t end = raw_brk(0);

	EXPECT_OK(setrlimit(RLIMIT_DATA, &lim));
	EXPECT_EQ(end, raw_brk(end + (17UL << 20)));
	EXPECT_EQ(end + (1UL << 20), raw_brk(end + (1UL << 20)));
	EXPECT_ERRNO(ENOMEM, mmap(NULL, 17UL << 20, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT_OK(mmap(NULL, 17UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0));
}

TEST(brk, address_space_limit)
{
	struct rlimit lim = { 64UL << 20, RLIM_INFINITY };
	uintptr_t end = raw_brk(0);

	EXPECT_OK(setrlimit(RLIMIT_AS, &lim));
	EXPECT_EQ(end, raw_brk(end + (64UL << 20)));
	EXPECT_EQ(end + (16UL << 20), raw_brk(end + (16UL << 20)));
}

TEST(brk, is_copied_by_fork)
{
	uintptr_t end = aligned_end();
	volatile char *p = (volatile char *)end;

	EXPECT_EQ(end + PAGE, raw_brk(end + PAGE));
	p[0] = 'p';
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ(end + PAGE, raw_brk(0));
			    EXPECT_EQ('p', p[0]);
			    p[0] = 'c';
			    EXPECT_EQ(end, raw_brk(end));
		    }));
	EXPECT_EQ('p', p[0]);
	EXPECT_EQ(end + PAGE, raw_brk(0));
}

TEST_MAIN
