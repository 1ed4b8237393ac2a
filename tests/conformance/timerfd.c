/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd_create(2). */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/timerfd.h>

#include "tests/harness/guest_test.h"

#define MS(n) ((n)*1000000l)

static int armed(int flags, long first, long interval)
{
	struct itimerspec its = { { 0, interval }, { 0, first } };
	int fd = EXPECT_OK(timerfd_create(CLOCK_MONOTONIC, flags));

	EXPECT_OK(timerfd_settime(fd, 0, &its, NULL));
	return fd;
}

TEST(timerfd, fires_once)
{
	int fd = armed(0, MS(20), 0);
	struct itimerspec now;
	uint64_t n = 0;

	EXPECT_EQ(8, read(fd, &n, sizeof(n)));
	EXPECT_EQ(1, n);
	EXPECT_OK(timerfd_gettime(fd, &now));
	EXPECT_EQ(0, now.it_value.tv_sec);
	EXPECT_EQ(0, now.it_value.tv_nsec);
}

TEST(timerfd, counts_periods)
{
	int fd = armed(TFD_NONBLOCK, MS(100), MS(10));
	struct timespec pause = { 0, MS(155) };
	struct itimerspec now;
	uint64_t n = 0;

	nanosleep(&pause, NULL);
	EXPECT_EQ(8, read(fd, &n, sizeof(n)));
	EXPECT_TRUE(n >= 6);
	EXPECT_OK(timerfd_gettime(fd, &now));
	EXPECT_EQ(MS(10), now.it_interval.tv_nsec);
	EXPECT_TRUE(now.it_value.tv_nsec > 0);
	EXPECT_TRUE(now.it_value.tv_nsec <= MS(10));
}

TEST(timerfd, poll_and_disarm)
{
	struct itimerspec off = { { 0, 0 }, { 0, 0 } }, old;
	int fd = armed(TFD_CLOEXEC, MS(10), MS(10));
	struct pollfd p = { .fd = fd, .events = POLLIN };

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_OK(timerfd_settime(fd, 0, &off, &old));
	EXPECT_EQ(MS(10), old.it_interval.tv_nsec);
	EXPECT_EQ(0, poll(&p, 1, 30));
}

TEST(timerfd, absolute_time)
{
	struct itimerspec its = { { 0, 0 }, { 0, 0 } };
	int fd = EXPECT_OK(timerfd_create(CLOCK_REALTIME, 0));
	struct timespec now;
	uint64_t n;

	clock_gettime(CLOCK_REALTIME, &its.it_value);
	its.it_value.tv_sec++;
	EXPECT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL));
	EXPECT_EQ(8, read(fd, &n, sizeof(n)));
	clock_gettime(CLOCK_REALTIME, &now);
	EXPECT_TRUE(now.tv_sec > its.it_value.tv_sec ||
		    (now.tv_sec == its.it_value.tv_sec &&
		     now.tv_nsec >= its.it_value.tv_nsec));
	its.it_value.tv_sec = 1; /* long ago */
	EXPECT_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL));
	EXPECT_EQ(8, read(fd, &n, sizeof(n)));
	EXPECT_EQ(1, n);
}

TEST(timerfd, refuses)
{
	struct itimerspec its = { { 0, 0 }, { 0, -1 } };
	int fd = armed(0, MS(1), 0);
	uint32_t small;

	EXPECT_ERRNO(EINVAL, timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	EXPECT_ERRNO(EINVAL, timerfd_create(CLOCK_MONOTONIC, 1));
	EXPECT_ERRNO(EINVAL, timerfd_settime(fd, 0, &its, NULL));
	its.it_value.tv_nsec = 0;
	EXPECT_ERRNO(EINVAL, timerfd_settime(fd, 4, &its, NULL));
	EXPECT_ERRNO(EBADF, timerfd_settime(999, 0, &its, NULL));
	EXPECT_ERRNO(EINVAL, timerfd_settime(0, 0, &its, NULL));
	EXPECT_ERRNO(EFAULT, timerfd_gettime(fd, (struct itimerspec *)8));
	EXPECT_ERRNO(EINVAL, read(fd, &small, sizeof(small)));
	EXPECT_ERRNO(EINVAL, write(fd, &its, 8));
}

static int has_cap(int cap)
{
	unsigned long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %lx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	return (int)(caps >> cap & 1);
}

TEST(timerfd, alarm_clocks_need_privilege)
{
	struct itimerspec its = { { 0, 0 }, { 0, MS(2) } };
	uint64_t n;
	int fd;

	if (!has_cap(35)) { /* CAP_WAKE_ALARM */
		EXPECT_ERRNO(EPERM, timerfd_create(CLOCK_BOOTTIME_ALARM, 0));
		EXPECT_ERRNO(EPERM, timerfd_create(CLOCK_REALTIME_ALARM, 0));
		return;
	}
	fd = EXPECT_OK(timerfd_create(CLOCK_REALTIME_ALARM, 0));
	EXPECT_OK(timerfd_settime(fd, 0, &its, NULL));
	EXPECT_EQ(8, read(fd, &n, sizeof(n)));
	EXPECT_EQ(1, n);
	fd = EXPECT_OK(timerfd_create(CLOCK_BOOTTIME_ALARM, 0));
	EXPECT_OK(timerfd_settime(fd, 0, &its, NULL));
	EXPECT_EQ(8, read(fd, &n, sizeof(n)));
}

TEST(timerfd, cancel_on_set_is_for_absolute_real_time)
{
	struct itimerspec its = { { 0, 0 }, { 0, MS(2) } };
	int fd = EXPECT_OK(timerfd_create(CLOCK_REALTIME, 0));
	uint64_t n;

	clock_gettime(CLOCK_REALTIME, &its.it_value);
	EXPECT_OK(timerfd_settime(
		fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL));
	EXPECT_EQ(8, read(fd, &n, sizeof(n))); /* nobody set the clock */
}

TEST_MAIN
