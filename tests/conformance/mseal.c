/* SPDX-License-Identifier: Apache-2.0 */
/* mseal(2), remap_file_pages(2), and mremap(2) of several mappings. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define PAGE 4096ul

static long seal(void *addr, size_t size, unsigned long flags)
{
	return syscall(462, addr, size, flags);
}

static char *map(size_t pages, int prot)
{
	char *at = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	EXPECT_TRUE(at != MAP_FAILED);
	return at;
}

TEST(mseal, keeps_place_size_and_protection)
{
	char *at = map(4, PROT_READ | PROT_WRITE);

	at[PAGE] = 1;
	EXPECT_OK(seal(at + PAGE, 2 * PAGE, 0));
	EXPECT_ERRNO(EPERM, munmap(at, 4 * PAGE));
	EXPECT_ERRNO(EPERM, munmap(at + PAGE, PAGE));
	EXPECT_ERRNO(EPERM, mprotect(at + PAGE, PAGE, PROT_READ));
	EXPECT_ERRNO(EPERM,
		     (long)mremap(at + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_ERRNO(EPERM, (long)mmap(at + PAGE, PAGE, PROT_READ,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				       -1, 0));
	EXPECT_EQ(1, at[PAGE]);
	at[PAGE] = 2; /* its contents are free */
	EXPECT_OK(munmap(at, PAGE));
	EXPECT_OK(munmap(at + 3 * PAGE, PAGE));
	EXPECT_OK(seal(at + PAGE, 2 * PAGE, 0)); /* twice is fine */
}

TEST(mseal, advice_that_drops_what_cannot_be_written)
{
	char *at = map(2, PROT_READ | PROT_WRITE);

	EXPECT_OK(mprotect(at + PAGE, PAGE, PROT_READ));
	EXPECT_OK(seal(at, 2 * PAGE, 0));
	EXPECT_OK(madvise(at, PAGE, MADV_DONTNEED));
	EXPECT_ERRNO(EPERM, madvise(at + PAGE, PAGE, MADV_DONTNEED));
	EXPECT_OK(madvise(at + PAGE, PAGE, MADV_WILLNEED));
}

TEST(mseal, checks_its_arguments)
{
	char *at = map(3, PROT_READ);

	EXPECT_ERRNO(EINVAL, seal(at, PAGE, 1));
	EXPECT_ERRNO(EINVAL, seal(at + 1, PAGE, 0));
	EXPECT_OK(seal(at, 0, 0));
	EXPECT_OK(munmap(at + PAGE, PAGE));
	EXPECT_ERRNO(ENOMEM, seal(at, 3 * PAGE, 0));
	EXPECT_OK(munmap(at, PAGE)); /* nothing was sealed */
}

TEST(mseal, children_inherit_and_exec_ends_it)
{
	char *at = map(1, PROT_READ);
	pid_t kid;

	EXPECT_OK(seal(at, PAGE, 0));
	kid = CHILD(_exit(munmap(at, PAGE) == -1 && errno == EPERM ? 0 : 1));
	EXPECT_EXIT(0, kid);
}

/* --- mremap --------------------------------------------------------------- */

TEST(mseal, mremap_moves_several_mappings)
{
	char *from = map(3, PROT_READ | PROT_WRITE), *to = map(3, PROT_NONE);

	from[0] = 1;
	from[2 * PAGE] = 3;
	EXPECT_OK(mprotect(from + PAGE, PAGE, PROT_READ));
	EXPECT_EQ((long)to, (long)mremap(from, 3 * PAGE, 3 * PAGE,
					 MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(1, to[0]);
	EXPECT_EQ(0, to[PAGE]);
	EXPECT_EQ(3, to[2 * PAGE]);
	EXPECT_ERRNO(ENOMEM, msync(from, 3 * PAGE, MS_ASYNC));
	/* With another size it is still one mapping at a time. */
	EXPECT_ERRNO(EFAULT, (long)mremap(to, 3 * PAGE, 2 * PAGE,
					  MREMAP_MAYMOVE | MREMAP_FIXED, from));
}

/* --- remap_file_pages ----------------------------------------------------- */

TEST(mseal, remap_file_pages_shows_other_pages)
{
	int fd = EXPECT_OK(memfd_create("pages", 0));
	char *at;

	EXPECT_OK(ftruncate(fd, 4 * PAGE));
	EXPECT_EQ(1, pwrite(fd, "c", 1, 2 * PAGE));
	at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT_OK(syscall(SYS_remap_file_pages, at, PAGE, 0, 2, 0));
	EXPECT_EQ('c', at[0]);
	EXPECT_EQ(0, at[PAGE]);
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_remap_file_pages, at, PAGE, PROT_READ, 2, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_remap_file_pages, at, 0, 0, 2, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_remap_file_pages, map(1, PROT_READ),
				     PAGE, 0, 0, 0));
}

TEST_MAIN
