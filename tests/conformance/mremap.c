/* SPDX-License-Identifier: Apache-2.0 */
/* mremap(2). */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/harness/guest_test.h"

#define PAGE 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static char *map(size_t pages)
{
	char *p = EXPECT_OK(mmap(NULL, pages * PAGE, RW, ANON, -1, 0));

	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = (char)('a' + i);
	return p;
}

/* Is there a mapping at @p?  (mincore says ENOMEM for a hole.) */
static int mapped(char *p)
{
	unsigned char v;

	return mincore(p, PAGE, &v) == 0;
}

TEST(mremap, refuses_bad_arguments)
{
	char *p = map(4), *q = map(4);

	EXPECT_ERRNO(EINVAL, mremap(p, PAGE, PAGE, 0x80));
	EXPECT_ERRNO(EINVAL, mremap(p, PAGE, PAGE, MREMAP_FIXED, q));
	EXPECT_ERRNO(EINVAL, mremap(p, PAGE, 2 * PAGE,
				    MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	EXPECT_ERRNO(EINVAL, mremap(p, PAGE, PAGE, MREMAP_DONTUNMAP, 0));
	EXPECT_ERRNO(EINVAL, mremap(p + 1, PAGE, PAGE, 0));
	EXPECT_ERRNO(EINVAL, mremap(p, PAGE, 0, 0));
	EXPECT_ERRNO(EINVAL, mremap(p, PAGE, PAGE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, q + 1));
	/* The old and the new range overlap. */
	EXPECT_ERRNO(EINVAL, mremap(p, 2 * PAGE, 2 * PAGE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE));
	EXPECT_ERRNO(EINVAL,
		     mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			    (void *)(1UL << 62)));
	EXPECT_OK(munmap(q, 4 * PAGE));
	EXPECT_ERRNO(EFAULT, mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ('a', p[0]);
}

TEST(mremap, shrinks_in_place)
{
	char *p = map(4);

	EXPECT_TRUE(p == mremap(p, 4 * PAGE, 2 * PAGE, 0));
	EXPECT_TRUE(mapped(p + PAGE));
	EXPECT_TRUE(!mapped(p + 2 * PAGE));
	EXPECT_EQ('b', p[PAGE]);
}

TEST(mremap, grows_in_place_when_free)
{
	char *p = map(8);

	EXPECT_OK(munmap(p + 2 * PAGE, 4 * PAGE));
	EXPECT_TRUE(p == mremap(p, 2 * PAGE, 6 * PAGE, 0));
	EXPECT_EQ('b', p[PAGE]);
	EXPECT_EQ(0, p[2 * PAGE]);
	EXPECT_EQ('g', p[6 * PAGE]);
	EXPECT_ERRNO(ENOMEM, mremap(p, 6 * PAGE, 7 * PAGE, 0));
}

TEST(mremap, moves_when_it_must)
{
	char *p = map(4), *q;

	q = EXPECT_OK(mremap(p, 2 * PAGE, 20 * PAGE, MREMAP_MAYMOVE));
	EXPECT_TRUE(q != p);
	EXPECT_EQ('a', q[0]);
	EXPECT_EQ('b', q[PAGE]);
	EXPECT_EQ(0, q[19 * PAGE]);
	EXPECT_TRUE(!mapped(p));
	EXPECT_EQ('c', p[2 * PAGE]);
}

TEST(mremap, to_a_fixed_place_replaces)
{
	char *p = map(4), *q = map(8);

	EXPECT_TRUE(q + 2 * PAGE == mremap(p, 4 * PAGE, 3 * PAGE,
					   MREMAP_MAYMOVE | MREMAP_FIXED,
					   q + 2 * PAGE));
	EXPECT_EQ('b', q[PAGE]);
	EXPECT_EQ('a', q[2 * PAGE]);
	EXPECT_EQ('c', q[4 * PAGE]);
	EXPECT_EQ('f', q[5 * PAGE]);
	EXPECT_TRUE(!mapped(p));
	EXPECT_TRUE(!mapped(p + 3 * PAGE));
}

TEST(mremap, moves_the_middle_of_a_mapping)
{
	char *p = map(5), *q = map(1);

	EXPECT_TRUE(q == mremap(p + 2 * PAGE, PAGE, PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, q));
	EXPECT_EQ('c', q[0]);
	EXPECT_EQ('b', p[PAGE]);
	EXPECT_EQ('d', p[3 * PAGE]);
	EXPECT_TRUE(!mapped(p + 2 * PAGE));
}

TEST(mremap, dontunmap_leaves_zeroes)
{
	char *p = map(3), *q;

	q = EXPECT_OK(mremap(p, 3 * PAGE, 3 * PAGE,
			     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	EXPECT_TRUE(p != q);
	EXPECT_EQ('c', q[2 * PAGE]);
	EXPECT_EQ(0, p[2 * PAGE]);
	p[0] = 'n';
	EXPECT_EQ('a', q[0]);
}

TEST(mremap, old_size_zero_duplicates_a_shared_mapping)
{
	char *s = EXPECT_OK(
		mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	char *p = map(1), *d;

	s[0] = 's';
	d = EXPECT_OK(mremap(s, 0, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_TRUE(d != s);
	EXPECT_EQ('s', d[0]);
	d[PAGE] = 'd';
	EXPECT_EQ('d', s[PAGE]);
	EXPECT_ERRNO(EINVAL, mremap(p, 0, PAGE, MREMAP_MAYMOVE));
}

TEST(mremap, file_mapping_grows_with_the_file)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	char *p, c;

	EXPECT_OK(ftruncate(fd, PAGE));
	p = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	p[0] = '1';
	EXPECT_OK(ftruncate(fd, 3 * PAGE));
	p = EXPECT_OK(mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE));
	p[2 * PAGE] = '3';
	EXPECT_EQ('1', p[0]);
	EXPECT_EQ(1, pread(fd, &c, 1, 2 * PAGE));
	EXPECT_EQ('3', c);
	/* A moved piece keeps its place in the file. */
	p = EXPECT_OK(mremap(p + 2 * PAGE, PAGE, PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, p));
	EXPECT_EQ('3', p[0]);
}

TEST(mremap, after_fork_the_copies_stay_apart)
{
	char *p = map(16), *q;

	EXPECT_EXIT(0, CHILD({
			    q = EXPECT_OK(mremap(p, 16 * PAGE, 64 * PAGE,
						 MREMAP_MAYMOVE));
			    for (int i = 0; i < 16; i++) {
				    EXPECT_EQ('a' + i, q[i * PAGE]);
				    q[i * PAGE] = 'x';
			    }
		    }));
	for (int i = 0; i < 16; i++)
		EXPECT_EQ('a' + i, p[i * PAGE]);
	q = EXPECT_OK(mremap(p, 16 * PAGE, 16 * PAGE,
			     MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	EXPECT_EQ('p', q[15 * PAGE]);
}

TEST(mremap, keeps_written_pages_of_a_private_file_mapping)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	char *p, *q;

	EXPECT_OK(ftruncate(fd, 4 * PAGE));
	EXPECT_EQ(1, pwrite(fd, "F", 1, 2 * PAGE));
	p = EXPECT_OK(mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0));
	p[PAGE] = 'P';
	q = EXPECT_OK(mremap(
		p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		EXPECT_OK(mmap(NULL, 4 * PAGE, PROT_NONE, ANON, -1, 0))));
	EXPECT_EQ('P', q[PAGE]);
	EXPECT_EQ('F', q[2 * PAGE]);
	EXPECT_TRUE(!mapped(p));
}

TEST(mremap, grows_again_and_again)
{
	size_t pages = 1;
	char *p = map(1);

	for (int i = 0; i < 10; i++, pages *= 2) {
		p = EXPECT_OK(mremap(p, pages * PAGE, pages * 2 * PAGE,
				     MREMAP_MAYMOVE));
		EXPECT_EQ('a', p[0]);
		EXPECT_EQ(0, p[(pages * 2 - 1) * PAGE]);
		p[(pages * 2 - 1) * PAGE] = 'e';
	}
	EXPECT_EQ('e', p[PAGE]);
}

TEST(mremap, address_space_limit)
{
	struct rlimit lim = { 256UL << 20, RLIM_INFINITY };
	char *p = map(4);

	EXPECT_OK(setrlimit(RLIMIT_AS, &lim));
	EXPECT_ERRNO(ENOMEM, mremap(p, 4 * PAGE, 512UL << 20, MREMAP_MAYMOVE));
	EXPECT_EQ('d', p[3 * PAGE]);
}

TEST_MAIN
