/* SPDX-License-Identifier: Apache-2.0 */
/* mincore(2). */
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/harness/guest_test.h"

/* Not mapped; volatile, so that the compiler does not see it. */
static void *volatile nowhere = (void *)8;

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)

static char *map(size_t pages)
{
	return EXPECT_OK(mmap(NULL, pages * PAGE, RW,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

TEST(mincore, refuses_bad_arguments)
{
	unsigned char v[4];
	char *p = map(2);

	EXPECT_ERRNO(EINVAL, mincore(p + 1, PAGE, v));
	EXPECT_ERRNO(EFAULT, mincore(p, PAGE, nowhere));
	EXPECT_ERRNO(ENOMEM, mincore(p, 1UL << 62, v));
	EXPECT_OK(mincore(p, 0, v));
	EXPECT_OK(munmap(p + PAGE, PAGE));
	EXPECT_ERRNO(ENOMEM, mincore(p, 2 * PAGE, v));
	EXPECT_ERRNO(ENOMEM, mincore(p + PAGE, PAGE, v));
}

TEST(mincore, touched_pages_are_resident)
{
	unsigned char v[8] = { 0 };
	char *p = map(8);

	for (int i = 0; i < 8; i++)
		p[i * PAGE] = 1;
	memset(v, 0, sizeof(v));
	EXPECT_OK(mincore(p, 8 * PAGE, v));
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(1, v[i] & 1);
}

TEST(mincore, part_of_a_page_counts_as_one)
{
	unsigned char v[3] = { 7, 7, 7 };
	char *p = map(3);

	p[0] = p[PAGE] = 1;
	EXPECT_OK(mincore(p, PAGE + 1, v));
	EXPECT_EQ(1, v[0] & 1);
	EXPECT_EQ(1, v[1] & 1);
	EXPECT_EQ(7, v[2]);
}

TEST(mincore, written_file_is_in_the_cache)
{
	unsigned char v[2] = { 0 };
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	char *p;

	EXPECT_OK(ftruncate(fd, 2 * PAGE));
	p = EXPECT_OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
	p[0] = p[PAGE] = 1;
	EXPECT_OK(mincore(p, 2 * PAGE, v));
	EXPECT_EQ(1, v[0] & 1);
	EXPECT_EQ(1, v[1] & 1);
}

TEST(mincore, dontneed_makes_it_absent)
{
	unsigned char v = 1;
	char *p = map(1);

	p[0] = 1;
	EXPECT_OK(madvise(p, PAGE, MADV_DONTNEED));
	EXPECT_OK(mincore(p, PAGE, &v));
	EXPECT_EQ(0, v & 1);
}

TEST_MAIN
