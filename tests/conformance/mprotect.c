/* SPDX-License-Identifier: Apache-2.0 */
/* mprotect(2). */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>

#include "tests/harness/guest_test.h"

#define PAGE 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static sigjmp_buf fault_jump;
static volatile int fault_code;

static void on_fault(int signo, siginfo_t *info, void *ctx)
{
	(void)signo;
	(void)ctx;
	fault_code = info->si_code;
	siglongjmp(fault_jump, 1);
}

/* si_code of the fault when @addr is touched; 0 without one. */
static int touch(volatile char *addr, int writing)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	EXPECT_OK(sigaction(SIGSEGV, &sa, NULL));
	fault_code = 0;
	if (!sigsetjmp(fault_jump, 1)) {
		if (writing)
			*addr = 1;
		else
			(void)*addr;
	}
	return fault_code;
}

static char *map(size_t pages, int prot)
{
	return EXPECT_OK(mmap(NULL, pages * PAGE, prot, ANON, -1, 0));
}

TEST(mprotect, refuses_bad_arguments)
{
	char *p = map(3, RW);

	EXPECT_ERRNO(EINVAL, mprotect(p + 1, PAGE, PROT_READ));
	EXPECT_ERRNO(EINVAL, mprotect(p, PAGE, 0x40));
	EXPECT_OK(mprotect(p, 0, PROT_READ));
	EXPECT_ERRNO(EINVAL, mprotect(p + 1, 0, PROT_READ));
	EXPECT_ERRNO(ENOMEM, mprotect(p, -PAGE, PROT_READ));
	EXPECT_OK(munmap(p + PAGE, PAGE));
	EXPECT_ERRNO(ENOMEM, mprotect(p + PAGE, PAGE, PROT_READ));
	EXPECT_ERRNO(
		EINVAL,
		mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
	EXPECT_ERRNO(EINVAL, mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
}

TEST(mprotect, changes_up_to_the_hole)
{
	char *p = map(3, RW);

	EXPECT_OK(munmap(p + PAGE, PAGE));
	EXPECT_ERRNO(ENOMEM, mprotect(p, 3 * PAGE, PROT_READ));
	EXPECT_EQ(SEGV_ACCERR, touch(p, 1));
	EXPECT_EQ(0, touch(p + 2 * PAGE, 1));
}

TEST(mprotect, none_and_back_keeps_the_contents)
{
	char *p = map(4, RW);

	memset(p, 'k', 4 * PAGE);
	EXPECT_OK(mprotect(p + PAGE, 2 * PAGE, PROT_NONE));
	EXPECT_EQ(0, touch(p, 0));
	EXPECT_EQ(SEGV_ACCERR, touch(p + PAGE, 0));
	EXPECT_EQ(SEGV_ACCERR, touch(p + 2 * PAGE, 1));
	EXPECT_EQ(0, touch(p + 3 * PAGE, 1));
	EXPECT_OK(mprotect(p, 4 * PAGE, RW));
	EXPECT_EQ('k', p[PAGE]);
	EXPECT_EQ('k', p[2 * PAGE]);
}

TEST(mprotect, shared_mapping_of_a_read_only_file)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT, 0644)), ro;
	char *s, *v;

	EXPECT_OK(ftruncate(fd, 2 * PAGE));
	ro = EXPECT_OK(open("f", O_RDONLY));
	s = EXPECT_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0));
	v = EXPECT_OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, ro, 0));
	EXPECT_ERRNO(EACCES, mprotect(s, PAGE, RW));
	EXPECT_EQ(SEGV_ACCERR, touch(s, 1));
	EXPECT_OK(mprotect(v, PAGE, RW));
	EXPECT_EQ(0, touch(v, 1));
	s = EXPECT_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_OK(mprotect(s, PAGE, RW));
	EXPECT_EQ(0, touch(s, 1));
}

TEST(mprotect, read_only_after_fork_stays_private)
{
	char *p = map(2, RW);

	p[0] = 'o';
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(mprotect(p, PAGE, PROT_READ));
			    EXPECT_EQ(SEGV_ACCERR, touch(p, 1));
			    EXPECT_OK(mprotect(p, PAGE, RW));
			    p[0] = 'c';
		    }));
	EXPECT_EQ('o', p[0]);
	EXPECT_EQ(0, touch(p, 1));
}

TEST(mprotect, code_is_made_and_run)
{
	unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	char *p = map(1, RW);

	for (int i = 0; i < 3; i++) {
		code[1] = (unsigned char)(40 + i);
		EXPECT_OK(mprotect(p, PAGE, RW));
		memcpy(p, code, sizeof(code));
		EXPECT_OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
		EXPECT_EQ(40 + i, ((int (*)(void))(uintptr_t)p)());
	}
}

TEST(mprotect, write_alone_gives_read_too)
{
	char *p = map(1, PROT_WRITE);

	EXPECT_EQ(0, touch(p, 1));
	EXPECT_EQ(0, touch(p, 0));
}

TEST(mprotect, splits_and_merges)
{
	char *p = map(64, RW);

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 64; i += 2)
			EXPECT_OK(mprotect(p + i * PAGE, PAGE,
					   round % 2 ? RW : PROT_NONE));
		for (int i = 0; i < 64; i++)
			EXPECT_EQ(i % 2 || round % 2 ? 0 : SEGV_ACCERR,
				  touch(p + i * PAGE, 1));
	}
}

static char *volatile shared_page;
static volatile int got_fault, ready;

static void *wait_for_fault(void *arg)
{
	struct timespec ms = { 0, 1000000 };

	(void)arg;
	while (touch(shared_page, 1) == 0) {
		ready = 1;
		nanosleep(&ms, NULL);
	}
	got_fault = 1;
	return NULL;
}

/* A permission that is taken away is gone for the other threads at once. */
TEST(mprotect, is_seen_by_other_threads)
{
	pthread_t th;

	shared_page = map(1, RW);
	EXPECT_EQ(0, pthread_create(&th, NULL, wait_for_fault, NULL));
	EXPECT_SOON(ready);
	EXPECT_OK(mprotect(shared_page, PAGE, PROT_READ));
	EXPECT_SOON(got_fault);
	EXPECT_EQ(0, pthread_join(th, NULL));
}

TEST(mprotect, fault_is_repaired_by_the_handler)
{
	char *p = map(1, PROT_NONE);

	EXPECT_EQ(SEGV_ACCERR, touch(p, 1));
	EXPECT_OK(mprotect(p, PAGE, RW));
	EXPECT_EQ(0, touch(p, 1));
	EXPECT_EQ(1, p[0]);
}

TEST_MAIN
