/* SPDX-License-Identifier: Apache-2.0 */
/* madvise(2). */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "tests/harness/guest_test.h"

#define PAGE 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static volatile char *map(size_t pages, int flags)
{
	volatile char *p = EXPECT_OK(
		mmap(NULL, pages * PAGE, RW, flags | MAP_ANONYMOUS, -1, 0));

	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = (char)('a' + i);
	return p;
}

static int advise(volatile char *p, size_t size, int advice)
{
	return madvise((void *)p, size, advice);
}

TEST(madvise, refuses_bad_arguments)
{
	volatile char *p = map(2, MAP_PRIVATE);

	EXPECT_ERRNO(EINVAL, advise(p + 1, PAGE, MADV_NORMAL));
	EXPECT_ERRNO(EINVAL, advise(p, PAGE, 9999));
	EXPECT_ERRNO(EINVAL, advise(p, -1UL, MADV_NORMAL));
	EXPECT_OK(advise(p, 0, MADV_DONTNEED));
	EXPECT_ERRNO(EINVAL, advise(p, 0, 9999));
	EXPECT_EQ('a', p[0]);
}

TEST(madvise, hints_change_nothing)
{
	static const int hints[] = { MADV_NORMAL,     MADV_RANDOM,
				     MADV_SEQUENTIAL, MADV_WILLNEED,
				     MADV_COLD,	      MADV_DONTDUMP,
				     MADV_DODUMP };
	volatile char *p = map(2, MAP_PRIVATE);

	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		EXPECT_OK(advise(p, 2 * PAGE, hints[i]));
	EXPECT_EQ('b', p[PAGE]);
}

TEST(madvise, dontneed_zeroes_private_memory)
{
	volatile char *p = map(20, MAP_PRIVATE);

	EXPECT_OK(advise(p + PAGE, 3 * PAGE, MADV_DONTNEED));
	EXPECT_EQ('a', p[0]);
	for (int i = 1; i < 4; i++)
		EXPECT_EQ(0, p[i * PAGE]);
	EXPECT_EQ('e', p[4 * PAGE]);
	p[PAGE] = 'n';
	EXPECT_EQ('n', p[PAGE]);
}

TEST(madvise, dontneed_in_one_process_only)
{
	volatile char *p = map(4, MAP_PRIVATE);

	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(advise(p, 4 * PAGE, MADV_DONTNEED));
			    EXPECT_EQ(0, p[0]);
			    p[0] = 'c';
		    }));
	EXPECT_EQ('a', p[0]);
	EXPECT_EQ('d', p[3 * PAGE]);
}

TEST(madvise, dontneed_keeps_shared_memory)
{
	volatile char *p = map(2, MAP_SHARED);

	EXPECT_OK(advise(p, 2 * PAGE, MADV_DONTNEED));
	EXPECT_EQ('a', p[0]);
	EXPECT_EQ('b', p[PAGE]);
}

TEST(madvise, dontneed_brings_back_the_file)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	volatile char *p;

	EXPECT_EQ(4, write(fd, "file", 4));
	p = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
	p[0] = 'P';
	EXPECT_EQ(1, pwrite(fd, "F", 1, 0));
	EXPECT_EQ('P', p[0]);
	EXPECT_OK(advise(p, PAGE, MADV_DONTNEED));
	EXPECT_EQ('F', p[0]);
	EXPECT_EQ('i', p[1]);
}

TEST(madvise, holes_are_enomem_after_the_rest)
{
	volatile char *p = map(3, MAP_PRIVATE);

	EXPECT_OK(munmap((void *)(p + PAGE), PAGE));
	EXPECT_ERRNO(ENOMEM, advise(p, 3 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, p[0]);
	EXPECT_EQ(0, p[2 * PAGE]);
	EXPECT_ERRNO(ENOMEM, advise(p + PAGE, PAGE, MADV_NORMAL));
}

TEST(madvise, locked_memory_is_not_given_back)
{
	volatile char *p = map(1, MAP_PRIVATE);

	EXPECT_OK(mlock((void *)p, PAGE));
	EXPECT_ERRNO(EINVAL, advise(p, PAGE, MADV_DONTNEED));
	EXPECT_EQ('a', p[0]);
	EXPECT_OK(munlock((void *)p, PAGE));
	EXPECT_OK(advise(p, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, p[0]);
}

TEST(madvise, free_wants_private_anonymous_memory)
{
	volatile char *p = map(1, MAP_PRIVATE), *s = map(1, MAP_SHARED);

	EXPECT_OK(advise(p, PAGE, MADV_FREE));
	p[0] = 'w';
	EXPECT_EQ('w', p[0]);
	EXPECT_ERRNO(EINVAL, advise(s, PAGE, MADV_FREE));
}

TEST(madvise, remove_punches_a_hole_in_shared_memory)
{
	volatile char *s = map(3, MAP_SHARED), *p = map(1, MAP_PRIVATE);

	EXPECT_OK(advise(s + PAGE, PAGE, MADV_REMOVE));
	EXPECT_EQ('a', s[0]);
	EXPECT_EQ(0, s[PAGE]);
	EXPECT_EQ('c', s[2 * PAGE]);
	EXPECT_ERRNO(EINVAL, advise(p, PAGE, MADV_REMOVE));
}

TEST(madvise, dontfork_leaves_a_hole_in_the_child)
{
	volatile char *p = map(3, MAP_PRIVATE);
	unsigned char v;

	EXPECT_OK(advise(p + PAGE, PAGE, MADV_DONTFORK));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ('a', p[0]);
			    EXPECT_EQ('c', p[2 * PAGE]);
			    EXPECT_ERRNO(ENOMEM,
					 mincore((void *)(p + PAGE), PAGE, &v));
		    }));
	EXPECT_EQ('b', p[PAGE]);
	EXPECT_OK(advise(p + PAGE, PAGE, MADV_DOFORK));
	EXPECT_EXIT(0, CHILD(EXPECT_EQ('b', p[PAGE])));
}

TEST(madvise, wipeonfork_zeroes_the_child)
{
	volatile char *p = map(2, MAP_PRIVATE), *s = map(1, MAP_SHARED);

	EXPECT_ERRNO(EINVAL, advise(s, PAGE, MADV_WIPEONFORK));
	EXPECT_OK(advise(p, PAGE, MADV_WIPEONFORK));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ(0, p[0]);
			    EXPECT_EQ('b', p[PAGE]);
			    p[0] = 'c';
			    EXPECT_EXIT(0, CHILD(EXPECT_EQ(0, p[0])));
		    }));
	EXPECT_EQ('a', p[0]);
	EXPECT_OK(advise(p, PAGE, MADV_KEEPONFORK));
	EXPECT_EXIT(0, CHILD(EXPECT_EQ('a', p[0])));
}

TEST(madvise, populate_read_and_write)
{
	char *p = EXPECT_OK(mmap(NULL, 4 * PAGE, RW, ANON, -1, 0));
	char *ro = EXPECT_OK(mmap(NULL, PAGE, PROT_READ, ANON, -1, 0));
	char *none = EXPECT_OK(mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0));

	EXPECT_OK(madvise(p, 4 * PAGE, MADV_POPULATE_READ));
	EXPECT_OK(madvise(p, 4 * PAGE, MADV_POPULATE_WRITE));
	EXPECT_EQ(0, p[3 * PAGE]);
	EXPECT_OK(madvise(ro, PAGE, MADV_POPULATE_READ));
	EXPECT_ERRNO(EINVAL, madvise(ro, PAGE, MADV_POPULATE_WRITE));
	EXPECT_TRUE(madvise(none, PAGE, MADV_POPULATE_READ) == -1);
}

static volatile int stop;

static void *zap(void *arg)
{
	for (int i = 0; i < 500 && !stop; i++)
		EXPECT_OK(madvise(arg, 4 * PAGE, MADV_DONTNEED));
	stop = 1;
	return NULL;
}

/* A page is either what was stored or zero, and never another one's. */
TEST(madvise, dontneed_races_with_stores)
{
	volatile char *p = map(4, MAP_PRIVATE);
	pthread_t th;

	EXPECT_EQ(0, pthread_create(&th, NULL, zap, (void *)p));
	while (!stop)
		for (int i = 0; i < 4; i++) {
			char c = p[i * PAGE + 8];

			EXPECT_TRUE(c == 0 || c == 'A' + i);
			p[i * PAGE + 8] = (char)('A' + i);
		}
	EXPECT_EQ(0, pthread_join(th, NULL));
}

TEST_MAIN
