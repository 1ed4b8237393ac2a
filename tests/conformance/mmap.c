/* SPDX-License-Identifier: Apache-2.0 */
/* mmap(2), munmap(2): placement, sharing, copy-on-write, faults. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define PAGE  4096UL
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW    (PROT_READ | PROT_WRITE)
#define SHARE (MAP_SHARED | MAP_ANONYMOUS)

static sigjmp_buf fault_jump;
static volatile int fault_signo, fault_code;
static void *volatile fault_addr;

static void on_fault(int signo, siginfo_t *info, void *ctx)
{
	(void)ctx;
	fault_signo = signo;
	fault_code = info->si_code;
	fault_addr = info->si_addr;
	siglongjmp(fault_jump, 1);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	EXPECT_OK(sigaction(SIGSEGV, &sa, NULL));
	EXPECT_OK(sigaction(SIGBUS, &sa, NULL));
}

/* The access must fault with @signo, @code, and the address of @p. */
#define EXPECT_FAULT(signo, code, p, access)                              \
	do {                                                              \
		fault_signo = 0;                                          \
		if (!sigsetjmp(fault_jump, 1)) {                          \
			access;                                           \
			FAIL("line %d: no fault: %s", __LINE__, #access); \
		}                                                         \
		EXPECT_EQ(signo, fault_signo);                            \
		EXPECT_EQ(code, fault_code);                              \
		EXPECT_EQ((uintptr_t)(p), (uintptr_t)fault_addr);         \
	} while (0)

static volatile char *map_anon(size_t size, int flags)
{
	return EXPECT_OK(mmap(NULL, size, RW, flags, -1, 0));
}

/* A file of @pages pages; each byte of page n is 'a' + n. */
static int make_file(const char *name, int pages)
{
	char page[PAGE];
	int fd = EXPECT_OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));

	for (int i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		EXPECT_EQ(PAGE, write(fd, page, PAGE));
	}
	return fd;
}

TEST(mmap, refuses_bad_arguments)
{
	int fd = make_file("f", 1);
	int ro = EXPECT_OK(open("f", O_RDONLY));
	int wo = EXPECT_OK(open("f", O_WRONLY));
	int path = EXPECT_OK(open("f", O_PATH));
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_ERRNO(EINVAL, mmap(NULL, 0, RW, ANON, -1, 0));
	EXPECT_ERRNO(EINVAL, mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_mmap, 0, PAGE, RW, ANON, -1, 1));
	EXPECT_ERRNO(ENOMEM, mmap(NULL, SIZE_MAX & -PAGE, RW, ANON, -1, 0));
	EXPECT_ERRNO(ENOMEM, mmap(NULL, SIZE_MAX, RW, ANON, -1, 0));
	EXPECT_ERRNO(EBADF, mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0));
	EXPECT_ERRNO(EBADF, mmap(NULL, PAGE, RW, MAP_PRIVATE, path, 0));
	EXPECT_ERRNO(EACCES, mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0));
	EXPECT_ERRNO(EACCES, mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, wo, 0));
	EXPECT_ERRNO(EACCES, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0));
	EXPECT_ERRNO(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0));
	EXPECT_ERRNO(EOVERFLOW, syscall(SYS_mmap, 0, 2 * PAGE, PROT_READ,
					MAP_PRIVATE, fd, -(long)PAGE));
	/* A private mapping of a read-only file may be written. */
	EXPECT_OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, ro, 0));
}

TEST(mmap, shared_validate_refuses_unknown_flags)
{
	int fd = make_file("f", 1);

	EXPECT_OK(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE, fd, 0));
	EXPECT_ERRNO(EOPNOTSUPP, mmap(NULL, PAGE, RW,
				      MAP_SHARED_VALIDATE | (1 << 22), fd, 0));
	EXPECT_OK(mmap(NULL, PAGE, RW, MAP_SHARED | (1 << 22), fd, 0));
}

TEST(mmap, munmap_checks_and_ignores_holes)
{
	volatile char *p = map_anon(4 * PAGE, ANON);

	EXPECT_ERRNO(EINVAL, munmap((void *)(p + 1), PAGE));
	EXPECT_ERRNO(EINVAL, munmap((void *)p, 0));
	EXPECT_ERRNO(EINVAL, munmap((void *)p, SIZE_MAX - 4095));
	EXPECT_ERRNO(EINVAL, munmap((void *)(1UL << 62), PAGE));
	EXPECT_OK(munmap((void *)(p + PAGE), PAGE));
	EXPECT_OK(munmap((void *)(p + PAGE), PAGE));
	p[0] = p[2 * PAGE] = 1;
	EXPECT_OK(munmap((void *)p, 4 * PAGE));
	catch_faults();
	EXPECT_FAULT(SIGSEGV, SEGV_MAPERR, p, p[0] = 1);
}

TEST(mmap, fixed_replaces_and_noreplace_refuses)
{
	volatile char *p = map_anon(3 * PAGE, ANON);
	void *mid = (void *)(p + PAGE);

	p[0] = p[PAGE] = p[2 * PAGE] = 7;
	EXPECT_ERRNO(EEXIST,
		     mmap(mid, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	EXPECT_EQ(7, p[PAGE]);
	EXPECT_TRUE(mid == mmap(mid, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	EXPECT_EQ(7, p[0]);
	EXPECT_EQ(0, p[PAGE]);
	EXPECT_EQ(7, p[2 * PAGE]);
	EXPECT_OK(munmap(mid, PAGE));
	EXPECT_TRUE(mid ==
		    mmap(mid, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	EXPECT_ERRNO(EINVAL,
		     mmap((char *)mid + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	EXPECT_ERRNO(ENOMEM, mmap((void *)(1UL << 47), PAGE, RW,
				  ANON | MAP_FIXED, -1, 0));
}

TEST(mmap, hint_is_taken_when_free)
{
	volatile char *p = map_anon(4 * PAGE, ANON);

	EXPECT_OK(munmap((void *)p, 4 * PAGE));
	EXPECT_TRUE(p + PAGE ==
		    mmap((void *)(p + PAGE + 5), PAGE, RW, ANON, -1, 0));
	/* A taken place only means another one. */
	EXPECT_TRUE(p + PAGE !=
		    EXPECT_OK(mmap((void *)(p + PAGE), PAGE, RW, ANON, -1, 0)));
}

TEST(mmap, low_32_bits_flag)
{
	uintptr_t p = (uintptr_t)EXPECT_OK(
		mmap(NULL, PAGE, RW, ANON | MAP_32BIT, -1, 0));

	EXPECT_TRUE(p + PAGE <= 1UL << 31);
}

TEST(mmap, prot_none_faults_with_siginfo)
{
	volatile char *p =
		EXPECT_OK(mmap(NULL, 2 * PAGE, PROT_NONE, ANON, -1, 0));
	volatile char *r = EXPECT_OK(mmap(NULL, PAGE, PROT_READ, ANON, -1, 0));

	catch_faults();
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, p + 100, (void)p[100]);
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, r + 4095, r[4095] = 1);
	EXPECT_EQ(0, r[4095]);
	EXPECT_FAULT(SIGSEGV, SEGV_MAPERR, (char *)8, *(volatile char *)8 = 1);
}

TEST(mmap, no_exec_faults)
{
	volatile char *p = map_anon(PAGE, ANON);
	void (*fn)(void) = (void (*)(void))(uintptr_t)p;

	p[0] = (char)0xc3;
	catch_faults();
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, p, fn());
	EXPECT_OK(mprotect((void *)p, PAGE, PROT_READ | PROT_EXEC));
	fn();
}

TEST(mmap, system_calls_say_efault)
{
	char *none = EXPECT_OK(mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0));
	char *ro = EXPECT_OK(mmap(NULL, PAGE, PROT_READ, ANON, -1, 0));
	char *two = (char *)map_anon(2 * PAGE, ANON);
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_OK(munmap(two + PAGE, PAGE));
	EXPECT_ERRNO(EFAULT, write(p[1], none, 1));
	EXPECT_EQ(PAGE, write(p[1], two, PAGE));
	EXPECT_ERRNO(EFAULT, read(p[0], ro, 1));
	EXPECT_ERRNO(EFAULT, read(p[0], none, 1));
}

TEST(mmap, fork_copies_in_both_directions)
{
	volatile char *p = map_anon(64 * PAGE, ANON);
	int up[2], down[2];
	char c;

	EXPECT_OK(pipe(up));
	EXPECT_OK(pipe(down));
	for (int i = 0; i < 64; i++)
		p[i * PAGE] = (char)i;
	pid_t child = CHILD({
		for (int i = 0; i < 64; i += 2)
			p[i * PAGE] = 'c';
		EXPECT_EQ(1, write(up[1], "x", 1));
		EXPECT_EQ(1, read(down[0], &c, 1));
		for (int i = 1; i < 64; i += 2)
			EXPECT_EQ(i, p[i * PAGE]);
		for (int i = 0; i < 64; i += 2)
			EXPECT_EQ('c', p[i * PAGE]);
	});
	EXPECT_EQ(1, read(up[0], &c, 1));
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(i, p[i * PAGE]);
	for (int i = 1; i < 64; i += 2)
		p[i * PAGE] = 'p';
	EXPECT_EQ(1, write(down[1], "x", 1));
	EXPECT_EXIT(0, child);
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(i % 2 ? 'p' : i, p[i * PAGE]);
}

TEST(mmap, fork_of_fork_keeps_each_copy)
{
	volatile int *p = (volatile int *)map_anon(PAGE, ANON);

	p[0] = 1;
	EXPECT_EXIT(0, CHILD({
			    p[0]++;
			    EXPECT_EXIT(0, CHILD({
						p[0]++;
						EXPECT_EXIT(
							0, CHILD(EXPECT_EQ(
								   4, ++p[0])));
						EXPECT_EQ(3, p[0]);
					}));
			    EXPECT_EQ(2, p[0]);
		    }));
	EXPECT_EQ(1, p[0]);
}

/* The kernel's copies break copy-on-write as the program's do. */
TEST(mmap, read_into_shared_page_after_fork_copies)
{
	char *p = (char *)map_anon(PAGE, ANON);
	int fds[2];

	EXPECT_OK(pipe(fds));
	p[0] = 'o';
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ(1, write(fds[1], "n", 1));
			    EXPECT_EQ(1, read(fds[0], p, 1));
			    EXPECT_EQ('n', p[0]);
		    }));
	EXPECT_EQ('o', p[0]);
}

TEST(mmap, shared_anonymous_is_seen_by_both)
{
	volatile int *p = (volatile int *)map_anon(2 * PAGE, SHARE);
	pid_t child = CHILD({
		p[0] = 42;
		EXPECT_SOON(p[1024] == 43);
	});

	EXPECT_SOON(p[0] == 42);
	p[1024] = 43;
	EXPECT_EXIT(0, child);
}

static void *count_up(void *arg)
{
	for (int i = 0; i < 20000; i++)
		__atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

TEST(mmap, shared_counter_of_processes_and_threads)
{
	int *p = (int *)map_anon(PAGE, SHARE);
	pid_t pid[4];
	pthread_t th;

	for (int i = 0; i < 4; i++)
		pid[i] = CHILD({
			EXPECT_EQ(0, pthread_create(&th, NULL, count_up, p));
			count_up(p);
			EXPECT_EQ(0, pthread_join(th, NULL));
		});
	for (int i = 0; i < 4; i++)
		EXPECT_EXIT(0, pid[i]);
	EXPECT_EQ(4 * 2 * 20000, *p);
}

TEST(mmap, shared_file_is_coherent_with_read_and_write)
{
	int fd = make_file("f", 2);
	volatile char *p =
		EXPECT_OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
	char c;

	EXPECT_EQ('a', p[0]);
	p[1] = 'M';
	EXPECT_EQ(1, pread(fd, &c, 1, 1));
	EXPECT_EQ('M', c);
	EXPECT_EQ(1, pwrite(fd, "W", 1, PAGE + 3));
	EXPECT_EQ('W', p[PAGE + 3]);
	EXPECT_EXIT(0, CHILD(p[2] = 'C'));
	EXPECT_EQ('C', p[2]);
	/* The mapping outlives the descriptor and the name. */
	EXPECT_OK(close(fd));
	EXPECT_OK(unlink("f"));
	p[5] = 'x';
	EXPECT_EQ('C', p[2]);
}

TEST(mmap, two_mappings_of_one_file_agree)
{
	int fd = make_file("f", 1);
	volatile char *a = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	int fd2 = EXPECT_OK(open("f", O_RDWR));
	volatile char *b = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd2, 0));

	a[9] = '9';
	EXPECT_EQ('9', b[9]);
	b[10] = '0';
	EXPECT_EQ('0', a[10]);
}

TEST(mmap, private_file_writes_stay_private)
{
	int fd = make_file("f", 4);
	volatile char *p =
		EXPECT_OK(mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, PAGE));
	char c;

	EXPECT_EQ('b', p[0]);
	EXPECT_EQ('d', p[2 * PAGE]);
	p[0] = 'P';
	EXPECT_EQ(1, pread(fd, &c, 1, PAGE));
	EXPECT_EQ('b', c);
	/* A page that was written keeps its copy; its rest is the file's. */
	EXPECT_EQ('b', p[1]);
	EXPECT_EQ(1, pwrite(fd, "F", 1, PAGE));
	EXPECT_EQ('P', p[0]);
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ('P', p[0]);
			    p[0] = 'C';
		    }));
	EXPECT_EQ('P', p[0]);
}

TEST(mmap, beyond_end_of_file)
{
	int fd = make_file("f", 1);
	volatile char *p;

	EXPECT_OK(ftruncate(fd, PAGE + 100));
	p = EXPECT_OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
	EXPECT_EQ(0, p[PAGE + 101]);
	catch_faults();
	EXPECT_FAULT(SIGBUS, BUS_ADRERR, p + 2 * PAGE + 7,
		     (void)p[2 * PAGE + 7]);
	EXPECT_FAULT(SIGBUS, BUS_ADRERR, p + 3 * PAGE, p[3 * PAGE] = 1);
	/* Growing makes it good. */
	EXPECT_OK(ftruncate(fd, 4 * PAGE));
	p[3 * PAGE] = 5;
	EXPECT_EQ(5, p[3 * PAGE]);
	EXPECT_EQ(0, p[2 * PAGE]);
}

TEST(mmap, truncation_takes_pages_away)
{
	int fd = make_file("f", 4);
	volatile char *s =
		EXPECT_OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
	volatile char *q =
		EXPECT_OK(mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0));

	q[2 * PAGE] = 'Q';
	EXPECT_EQ('d', s[3 * PAGE]);
	EXPECT_EQ('d', q[3 * PAGE]);
	EXPECT_OK(ftruncate(fd, PAGE + 10));
	catch_faults();
	EXPECT_FAULT(SIGBUS, BUS_ADRERR, s + 3 * PAGE, (void)s[3 * PAGE]);
	EXPECT_FAULT(SIGBUS, BUS_ADRERR, q + 3 * PAGE, (void)q[3 * PAGE]);
	/* A private copy beyond the end is taken away too. */
	EXPECT_FAULT(SIGBUS, BUS_ADRERR, q + 2 * PAGE, (void)q[2 * PAGE]);
	EXPECT_EQ('b', s[PAGE + 9]);
	EXPECT_EQ(0, s[PAGE + 10]);
	EXPECT_OK(ftruncate(fd, 4 * PAGE));
	EXPECT_EQ(0, s[3 * PAGE]);
}

TEST(mmap, system_call_on_truncated_page_says_efault)
{
	int fd = make_file("f", 2), p[2];
	char *m = EXPECT_OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));

	EXPECT_OK(pipe(p));
	EXPECT_EQ('b', m[PAGE]);
	EXPECT_OK(ftruncate(fd, PAGE));
	EXPECT_ERRNO(EFAULT, write(p[1], m + PAGE, 1));
	EXPECT_EQ(1, write(p[1], m, 1));
	EXPECT_ERRNO(EFAULT, read(p[0], m + PAGE, 1));
}

TEST(mmap, huge_sparse_reservation)
{
	const size_t huge = 16UL << 40;
	volatile char *p = EXPECT_OK(
		mmap(NULL, huge, PROT_NONE, ANON | MAP_NORESERVE, -1, 0));

	EXPECT_OK(mprotect((void *)(p + (huge >> 1)), PAGE, RW));
	p[huge >> 1] = 3;
	EXPECT_TRUE(p + (1UL << 40) == mmap((void *)(p + (1UL << 40)), PAGE, RW,
					    ANON | MAP_FIXED, -1, 0));
	p[1UL << 40] = 4;
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ(3, p[huge >> 1]);
			    EXPECT_EQ(4, p[1UL << 40]);
		    }));
	EXPECT_OK(munmap((void *)p, huge));
}

TEST(mmap, thousands_of_mappings)
{
	const int n = 4000;
	volatile char *p = map_anon(2 * n * PAGE, ANON);

	for (int i = 0; i < n; i++)
		EXPECT_OK(
			mprotect((void *)(p + 2 * i * PAGE), PAGE, PROT_READ));
	for (int i = 0; i < n; i += 50)
		p[(2 * i + 1) * PAGE] = 1;
	for (int i = 0; i < n; i++)
		EXPECT_OK(munmap((void *)(p + 2 * i * PAGE), PAGE));
	for (int i = 0; i < n; i += 50)
		EXPECT_EQ(1, p[(2 * i + 1) * PAGE]);
	EXPECT_OK(munmap((void *)p, 2 * n * PAGE));
}

TEST(mmap, address_space_limit)
{
	struct rlimit lim = { 256UL << 20, RLIM_INFINITY };
	void *p;

	EXPECT_OK(setrlimit(RLIMIT_AS, &lim));
	EXPECT_ERRNO(ENOMEM, mmap(NULL, 256UL << 20, RW, ANON, -1, 0));
	EXPECT_ERRNO(ENOMEM, mmap(NULL, 256UL << 20, PROT_NONE, ANON, -1, 0));
	p = EXPECT_OK(mmap(NULL, 128UL << 20, RW, ANON, -1, 0));
	EXPECT_ERRNO(ENOMEM, mmap(NULL, 128UL << 20, RW, ANON, -1, 0));
	/* What MAP_FIXED replaces does not count twice. */
	EXPECT_OK(mmap(p, 128UL << 20, RW, ANON | MAP_FIXED, -1, 0));
	EXPECT_OK(munmap(p, 128UL << 20));
	EXPECT_OK(mmap(NULL, 128UL << 20, RW, ANON, -1, 0));
}

static volatile int churn_stop;

static void *churn(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		volatile char *p = map_anon(8 * PAGE, ANON);

		for (int k = 0; k < 8; k++) {
			EXPECT_EQ(0, p[k * PAGE]);
			p[k * PAGE] = 1;
		}
		EXPECT_OK(munmap((void *)p, 8 * PAGE));
	}
	return NULL;
}

TEST(mmap, threads_map_and_unmap_while_forking)
{
	pthread_t th[4];

	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_create(&th[i], NULL, churn, NULL));
	for (int i = 0; i < 5; i++)
		EXPECT_EXIT(0, CHILD((void)0));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_join(th[i], NULL));
}

static void *write_it(void *arg)
{
	volatile int *p = arg;

	while (!churn_stop)
		p[0]++;
	return NULL;
}

/* A store in one thread and the fork of another: no lost update after it. */
TEST(mmap, fork_while_another_thread_writes)
{
	volatile int *p = (volatile int *)map_anon(PAGE, ANON);
	pthread_t th;

	EXPECT_EQ(0, pthread_create(&th, NULL, write_it, (void *)p));
	for (int i = 0; i < 20; i++) {
		int before;

		EXPECT_EXIT(0, CHILD({
				    int seen = p[0];

				    for (int k = 0; k < 1000; k++)
					    EXPECT_EQ(seen, p[0]);
			    }));
		before = p[0];
		EXPECT_SOON(p[0] != before);
	}
	churn_stop = 1;
	EXPECT_EQ(0, pthread_join(th, NULL));
}

static int use_stack(int depth)
{
	volatile char page[PAGE];

	page[0] = (char)depth;
	return depth ? use_stack(depth - 1) + page[0] * 0 : 0;
}

TEST(mmap, stack_grows_to_its_limit)
{
	struct rlimit lim;

	EXPECT_EQ(0, use_stack(1000));
	EXPECT_OK(getrlimit(RLIMIT_STACK, &lim));
	EXPECT_EXIT(0, CHILD({
			    lim.rlim_cur = 1 << 20;
			    EXPECT_OK(setrlimit(RLIMIT_STACK, &lim));
			    EXPECT_EQ(0, use_stack(100));
		    }));
}

TEST(mmap, stack_overflow_is_a_fault_on_the_signal_stack)
{
	struct rlimit lim = { 1 << 20, RLIM_INFINITY };
	stack_t ss = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };

	EXPECT_OK(setrlimit(RLIMIT_STACK, &lim));
	EXPECT_OK(sigaltstack(&ss, NULL));
	EXPECT_OK(sigaction(SIGSEGV, &sa, NULL));
	if (!sigsetjmp(fault_jump, 1)) {
		use_stack(100000);
		FAIL("no fault");
	}
	EXPECT_EQ(SIGSEGV, fault_signo);
	EXPECT_EQ(SEGV_MAPERR, fault_code);
	EXPECT_TRUE((char *)&lim - (char *)fault_addr < (2 << 20));
	EXPECT_TRUE((char *)&lim - (char *)fault_addr > (1 << 19));
}

TEST(mmap, growsdown_mapping_grows_and_stops_at_the_gap)
{
	/* Free space below, so that nothing is in the way. */
	char *hole = EXPECT_OK(mmap(NULL, 64UL << 20, PROT_NONE, ANON, -1, 0));
	volatile char *p;

	EXPECT_OK(munmap(hole, 64UL << 20));
	p = EXPECT_OK(mmap(hole + (60UL << 20), 4 * PAGE, RW,
			   ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
	p[0] = 1;
	p[-1] = 2;
	p[-(long)(8 * PAGE)] = 3;
	EXPECT_EQ(2, p[-1]);
	/* With a mapping below, growth stops 256 pages above it. */
	EXPECT_OK(mmap(hole + (59UL << 20), PAGE, RW, ANON | MAP_FIXED, -1, 0));
	catch_faults();
	fault_signo = 0;
	if (!sigsetjmp(fault_jump, 1))
		*(volatile char *)(hole + (59UL << 20) + 4 * PAGE) = 1;
	EXPECT_EQ(SIGSEGV, fault_signo);
}

TEST(mmap, populate_and_locked_are_accepted)
{
	int fd = make_file("f", 4);
	volatile char *p = EXPECT_OK(
		mmap(NULL, 16 * PAGE, RW, ANON | MAP_POPULATE, -1, 0));
	volatile char *q = EXPECT_OK(mmap(NULL, 4 * PAGE, PROT_READ,
					  MAP_SHARED | MAP_POPULATE, fd, 0));

	EXPECT_EQ(0, p[15 * PAGE]);
	EXPECT_EQ('d', q[3 * PAGE]);
}

/* Until a page is written through it, a private mapping shows the file. */
TEST(mmap, private_shows_what_is_written_to_the_file_later)
{
	int fd = make_file("f", 4);
	volatile char *p =
		EXPECT_OK(mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0));

	EXPECT_EQ(1, pwrite(fd, "A", 1, PAGE));
	EXPECT_EQ('A', p[PAGE]);
	EXPECT_EQ(1, pwrite(fd, "B", 1, PAGE));
	EXPECT_EQ('B', p[PAGE]);
	p[PAGE + 1] = 1;
	EXPECT_EQ(1, pwrite(fd, "C", 1, PAGE));
	EXPECT_EQ('B', p[PAGE]);
}

TEST(mmap, dev_zero_gives_anonymous_memory)
{
	int fd = EXPECT_OK(open("/dev/zero", O_RDWR));
	volatile char *p = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
	volatile char *s = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	volatile char *z = EXPECT_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));

	EXPECT_EQ(0, p[0]);
	p[0] = 1;
	EXPECT_EXIT(0, CHILD({
			    p[0] = 2;
			    s[0] = 2;
		    }));
	EXPECT_EQ(1, p[0]);
	EXPECT_EQ(2, s[0]);
	EXPECT_EQ(0, z[0]);
}

TEST_MAIN
