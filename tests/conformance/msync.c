/* SPDX-License-Identifier: Apache-2.0 */
/* msync(2). */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)

static int fd;

static char *map_file(void)
{
	fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	EXPECT_OK(ftruncate(fd, 3 * PAGE));
	return EXPECT_OK(mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0));
}

TEST(msync, refuses_bad_arguments)
{
	char *p = map_file();

	EXPECT_ERRNO(EINVAL, msync(p, PAGE, 8));
	EXPECT_ERRNO(EINVAL, msync(p + 1, PAGE, MS_SYNC));
	EXPECT_ERRNO(EINVAL, msync(p, PAGE, MS_SYNC | MS_ASYNC));
	EXPECT_ERRNO(ENOMEM, msync(p, -PAGE, MS_SYNC));
	EXPECT_OK(msync(p, 0, MS_SYNC));
	EXPECT_OK(msync(p, PAGE, 0));
}

TEST(msync, holes_are_enomem)
{
	char *p = map_file();

	EXPECT_OK(munmap(p + PAGE, PAGE));
	EXPECT_ERRNO(ENOMEM, msync(p, 3 * PAGE, MS_SYNC));
	EXPECT_ERRNO(ENOMEM, msync(p, 3 * PAGE, MS_ASYNC));
	EXPECT_ERRNO(ENOMEM, msync(p + PAGE, PAGE, MS_SYNC));
	EXPECT_OK(msync(p + 2 * PAGE, PAGE, MS_SYNC));
}

TEST(msync, writes_what_was_stored)
{
	char *p = map_file(), c;

	p[PAGE] = 'm';
	EXPECT_OK(msync(p, 3 * PAGE, MS_SYNC));
	EXPECT_OK(msync(p, 3 * PAGE, MS_ASYNC));
	EXPECT_OK(msync(p, 3 * PAGE, MS_SYNC | MS_INVALIDATE));
	EXPECT_EQ(1, pread(fd, &c, 1, PAGE));
	EXPECT_EQ('m', c);
}

TEST(msync, invalidate_of_locked_memory_is_busy)
{
	char *p = map_file();

	EXPECT_OK(mlock(p, PAGE));
	EXPECT_ERRNO(EBUSY, msync(p, PAGE, MS_INVALIDATE));
	EXPECT_OK(msync(p + PAGE, PAGE, MS_INVALIDATE));
	EXPECT_OK(munlock(p, PAGE));
	EXPECT_OK(msync(p, PAGE, MS_INVALIDATE));
}

TEST(msync, anonymous_and_private_memory_is_fine)
{
	char *p = EXPECT_OK(
		mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	EXPECT_OK(msync(p, PAGE, MS_SYNC));
	map_file();
	p = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
	p[0] = 1;
	EXPECT_OK(msync(p, PAGE, MS_SYNC));
}

TEST_MAIN
