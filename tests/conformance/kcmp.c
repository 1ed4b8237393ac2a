/* SPDX-License-Identifier: Apache-2.0 */
/* kcmp(2). */
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

enum { FILE_, VM, FILES, FS, SIGHAND, IO, SYSVSEM, EPOLL_TFD };

static long cmp(pid_t a, pid_t b, int type, unsigned long x, unsigned long y)
{
	return syscall(SYS_kcmp, a, b, type, x, y);
}

TEST(kcmp, files_are_compared_by_description)
{
	int a = EXPECT_OK(open("/dev/null", O_RDONLY));
	int b = EXPECT_OK(open("/dev/null", O_RDONLY));
	int c = EXPECT_OK(dup(a));
	unsigned long ua = (unsigned long)a, ub = (unsigned long)b,
		      uc = (unsigned long)c;
	pid_t me = getpid();
	long ab, ba;

	EXPECT_EQ(0, cmp(me, me, FILE_, ua, ua));
	EXPECT_EQ(0, cmp(me, me, FILE_, ua, uc));
	ab = cmp(me, me, FILE_, ua, ub);
	ba = cmp(me, me, FILE_, ub, ua);
	EXPECT_TRUE(ab == 1 || ab == 2);
	EXPECT_EQ(3, ab + ba); /* an order */
	EXPECT_ERRNO(EBADF, cmp(me, me, FILE_, ua, 999));
	EXPECT_ERRNO(EBADF, cmp(me, me, FILE_, 999, ua));
}

TEST(kcmp, a_child_shares_what_clone_says)
{
	pid_t me = getpid();
	pid_t kid = CHILD(for (;;) pause());
	int fd = EXPECT_OK(open("/dev/null", O_RDONLY));

	EXPECT_EQ(0, cmp(me, kid, FILE_, 0, 0));
	EXPECT_TRUE(cmp(me, kid, VM, 0, 0) > 0);
	EXPECT_TRUE(cmp(me, kid, FILES, 0, 0) > 0);
	EXPECT_TRUE(cmp(me, kid, FS, 0, 0) > 0);
	EXPECT_TRUE(cmp(me, kid, SIGHAND, 0, 0) > 0);
	EXPECT_EQ(0, cmp(me, me, VM, 0, 0));
	EXPECT_EQ(0, cmp(me, me, SIGHAND, 0, 0));
	EXPECT_EQ(0, cmp(me, me, FS, 0, 0));
	EXPECT_EQ(0, cmp(me, kid, SYSVSEM, 0, 0));
	EXPECT_ERRNO(EBADF,
		     cmp(me, kid, FILE_, (unsigned long)fd, (unsigned long)fd));
	kill(kid, SIGKILL);
}

TEST(kcmp, epoll_targets_are_found)
{
	struct {
		unsigned int efd, tfd, toff;
	} slot;
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = EXPECT_OK(epoll_create1(0)), p[2];
	pid_t me = getpid();

	EXPECT_OK(pipe(p));
	EXPECT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	slot.efd = (unsigned int)ep;
	slot.tfd = (unsigned int)p[0];
	slot.toff = 0;
	EXPECT_EQ(0, cmp(me, me, EPOLL_TFD, (unsigned long)p[0],
			 (unsigned long)&slot));
	EXPECT_TRUE(cmp(me, me, EPOLL_TFD, (unsigned long)p[1],
			(unsigned long)&slot) > 0);
	slot.toff = 1;
	EXPECT_ERRNO(ENOENT, cmp(me, me, EPOLL_TFD, (unsigned long)p[0],
				 (unsigned long)&slot));
	slot.efd = (unsigned int)p[0];
	slot.toff = 0;
	EXPECT_ERRNO(EINVAL, cmp(me, me, EPOLL_TFD, (unsigned long)p[0],
				 (unsigned long)&slot));
	EXPECT_ERRNO(EFAULT, cmp(me, me, EPOLL_TFD, (unsigned long)p[0], 8));
}

TEST(kcmp, errors)
{
	pid_t me = getpid();

	EXPECT_ERRNO(ESRCH, cmp(me, 99999999, VM, 0, 0));
	EXPECT_ERRNO(ESRCH, cmp(99999999, me, VM, 0, 0));
	EXPECT_ERRNO(EINVAL, cmp(me, me, 8, 0, 0));
	EXPECT_ERRNO(EINVAL, cmp(me, me, -1, 0, 0));
}

TEST(kcmp, others_are_not_compared)
{
	pid_t me = getpid(), kid;

	if (geteuid() != 0)
		SKIP("needs root");
	kid = CHILD(
		if (setgid(65534) || setuid(65534)) _exit(2);
		_exit(cmp(me, me, VM, 0, 0) == -1 && errno == EPERM ? 0 : 1));
	EXPECT_EXIT(0, kid);
}

TEST_MAIN
