/* SPDX-License-Identifier: Apache-2.0 */
/* mlock(2), mlock2(2), munlock(2), mlockall(2). */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/harness/guest_test.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)

static char *map(size_t pages)
{
	return EXPECT_OK(mmap(NULL, pages * PAGE, RW,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/* VmLck of this process in KiB. */
static long locked_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	EXPECT_TRUE(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld kB", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* Gives up the right to lock without limit. */
static void be_ordinary(rlim_t bytes)
{
	struct rlimit lim = { bytes, bytes };

	EXPECT_OK(setrlimit(RLIMIT_MEMLOCK, &lim));
	if (geteuid() == 0)
		EXPECT_OK(setresuid(65534, 65534, 65534));
}

TEST(mlock, refuses_bad_arguments)
{
	char *p = map(3);

	/* An ordinary user's limit is looked at first: ENOMEM. */
	EXPECT_TRUE(mlock(p, -PAGE) == -1);
	EXPECT_TRUE(errno == EINVAL || (errno == ENOMEM && geteuid()));
	EXPECT_ERRNO(EINVAL, mlock2(p, PAGE, 2));
	EXPECT_ERRNO(EINVAL, mlockall(0));
	EXPECT_ERRNO(EINVAL, mlockall(8));
	EXPECT_ERRNO(EINVAL, mlockall(MCL_ONFAULT));
	EXPECT_OK(munmap(p + PAGE, PAGE));
	EXPECT_ERRNO(ENOMEM, mlock(p + PAGE, PAGE));
	EXPECT_ERRNO(ENOMEM, mlock(p, 3 * PAGE));
	EXPECT_ERRNO(ENOMEM, munlock(p, 3 * PAGE));
	EXPECT_OK(mlock(p, 0));
}

TEST(mlock, makes_pages_resident_and_counts_them)
{
	unsigned char v[4] = { 0 };
	char *p = map(4);

	EXPECT_OK(mlock(p + 1, 2 * PAGE));
	EXPECT_EQ(12, locked_kib());
	EXPECT_OK(mincore(p, 4 * PAGE, v));
	EXPECT_EQ(1, v[0] & v[1] & v[2] & 1);
	EXPECT_OK(mlock(p, PAGE));
	EXPECT_EQ(12, locked_kib());
	EXPECT_OK(munlock(p + PAGE, PAGE));
	EXPECT_EQ(8, locked_kib());
	EXPECT_OK(munmap(p, 4 * PAGE));
	EXPECT_EQ(0, locked_kib());
}

TEST(mlock, onfault_counts_at_once)
{
	char *p = map(2);

	EXPECT_OK(mlock2(p, 2 * PAGE, MLOCK_ONFAULT));
	EXPECT_EQ(8, locked_kib());
	EXPECT_OK(munlockall());
	EXPECT_EQ(0, locked_kib());
}

TEST(mlock, limit_of_an_ordinary_user)
{
	char *p = map(32);

	be_ordinary(16 * PAGE);
	EXPECT_OK(mlock(p, 16 * PAGE));
	EXPECT_ERRNO(ENOMEM, mlock(p + 16 * PAGE, PAGE));
	/* What is locked already does not count twice. */
	EXPECT_OK(mlock(p, 16 * PAGE));
	EXPECT_OK(munlock(p, PAGE));
	EXPECT_OK(mlock(p + 16 * PAGE, PAGE));
	EXPECT_ERRNO(EAGAIN,
		     mmap(NULL, PAGE, RW,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
}

TEST(mlock, limit_zero_is_eperm)
{
	char *p = map(1);

	be_ordinary(0);
	EXPECT_ERRNO(EPERM, mlock(p, PAGE));
	EXPECT_ERRNO(EPERM, mlockall(MCL_CURRENT));
	EXPECT_ERRNO(EPERM,
		     mmap(NULL, PAGE, RW,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
	EXPECT_OK(munlock(p, PAGE));
}

TEST(mlock, is_not_inherited)
{
	char *p = map(1);

	EXPECT_OK(mlock(p, PAGE));
	EXPECT_EXIT(0, CHILD(EXPECT_EQ(0, locked_kib())));
	EXPECT_EQ(4, locked_kib());
}

TEST(mlock, all_and_future)
{
	struct rlimit lim;
	char *p;
	long before;

	EXPECT_OK(getrlimit(RLIMIT_MEMLOCK, &lim));
	if (geteuid() && lim.rlim_cur < 64UL << 20)
		SKIP("needs root");
	EXPECT_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	before = locked_kib();
	EXPECT_TRUE(before > 0);
	p = map(4);
	EXPECT_EQ(before + 16, locked_kib());
	EXPECT_OK(munmap(p, 4 * PAGE));
	EXPECT_OK(munlockall());
	EXPECT_EQ(0, locked_kib());
}

TEST(mlock, prot_none_is_enomem)
{
	char *p = EXPECT_OK(mmap(NULL, PAGE, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	EXPECT_ERRNO(ENOMEM, mlock(p, PAGE));
	EXPECT_EQ(4, locked_kib());
}

TEST_MAIN
