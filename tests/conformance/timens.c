/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timens: time namespaces: offsets of the monotonic and boottime clocks, by
 * every way to ask and to wait; time_namespaces(7).
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>

#include "tests/harness/guest_test.h"

#define NEWTIME 0x80

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), err;

	if (fd < 0)
		return errno;
	err = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static void enter(void)
{
	char text[64];
	uid_t uid = geteuid();

	if (uid != 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			SKIP("no user namespaces");
		snprintf(text, sizeof(text), "0 %u 1", uid);
		EXPECT_EQ(0, put("/proc/self/uid_map", text));
	}
	if (unshare(NEWTIME) < 0)
		SKIP("no time namespaces");
}

static double now(clockid_t id)
{
	struct timespec ts;

	EXPECT_OK(clock_gettime(id, &ts));
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double raw_now(clockid_t id)
{
	struct timespec ts;

	EXPECT_OK(syscall(SYS_clock_gettime, id, &ts));
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int near(double a, double b)
{
	return a - b < 5 && b - a < 5;
}

TEST(timens, offsets_show_in_children)
{
	double mono = now(CLOCK_MONOTONIC), boot = now(CLOCK_BOOTTIME),
	       real = now(CLOCK_REALTIME);
	pid_t pid;

	enter();
	EXPECT_EQ(0, put("/proc/self/timens_offsets",
			 "monotonic 1000000 0\nboottime 2000000 500000000\n"));
	/* Not the caller itself. */
	EXPECT_TRUE(near(mono, now(CLOCK_MONOTONIC)));
	pid = CHILD({
		if (!near(now(CLOCK_MONOTONIC), mono + 1e6))
			_exit(1);
		if (!near(raw_now(CLOCK_MONOTONIC), mono + 1e6))
			_exit(2);
		if (!near(now(CLOCK_BOOTTIME), boot + 2e6))
			_exit(3);
		if (!near(now(CLOCK_MONOTONIC_COARSE), mono + 1e6))
			_exit(4);
		if (!near(now(CLOCK_REALTIME), real))
			_exit(5);
		if (!near(raw_now(CLOCK_MONOTONIC_RAW), mono + 1e6))
			_exit(6);
		struct sysinfo si;
		if (sysinfo(&si) < 0 || !near(si.uptime, boot + 2e6))
			_exit(7);
		double up;
		FILE *f = fopen("/proc/uptime", "r");
		if (!f || fscanf(f, "%lf", &up) != 1 || !near(up, boot + 2e6))
			_exit(8);
	});
	EXPECT_EXIT(0, pid);
}

TEST(timens, text_of_the_file)
{
	char text[256];
	int fd;
	ssize_t n;

	enter();
	EXPECT_EQ(0, put("/proc/self/timens_offsets", "1 10 7\n7 -5 250"));
	fd = EXPECT_OK(open("/proc/self/timens_offsets", O_RDONLY));
	n = EXPECT_OK(read(fd, text, sizeof(text) - 1));
	text[n] = '\0';
	EXPECT_STR("monotonic          10         7\n"
		   "boottime           -5       250\n",
		   text);
	EXPECT_EQ(EINVAL, put("/proc/self/timens_offsets", "realtime 1 0"));
	EXPECT_EQ(EINVAL, put("/proc/self/timens_offsets", "monotonic 1"));
	EXPECT_EQ(EINVAL,
		  put("/proc/self/timens_offsets", "monotonic 1 1000000000"));
	EXPECT_EQ(EINVAL, put("/proc/self/timens_offsets", "monotonic 1 -1"));
	EXPECT_EQ(ERANGE,
		  put("/proc/self/timens_offsets", "monotonic -1000000000 0"));
	EXPECT_EQ(ERANGE,
		  put("/proc/self/timens_offsets", "monotonic 9223372036 0"));
}

TEST(timens, closed_once_somebody_is_in)
{
	enter();
	EXPECT_EXIT(0, CHILD(_exit(0)));
	EXPECT_EQ(EACCES, put("/proc/self/timens_offsets", "monotonic 1000 0"));
}

TEST(timens, absolute_waits)
{
	pid_t pid;

	enter();
	EXPECT_EQ(0, put("/proc/self/timens_offsets",
			 "monotonic 500000 0\nboottime -1 0"));
	pid = CHILD({
		struct timespec ts;
		struct itimerspec it = { 0 };
		struct sigevent se = { .sigev_notify = SIGEV_NONE };
		struct pollfd p = { .events = POLLIN };
		uint32_t word = 0;
		timer_t timer;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		ts.tv_nsec += 20000000;
		if (ts.tv_nsec >= 1000000000) {
			ts.tv_sec++;
			ts.tv_nsec -= 1000000000;
		}
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
			_exit(1);
		/* It is past: all of these are over at once. */
		it.it_value = ts;
		p.fd = timerfd_create(CLOCK_MONOTONIC, 0);
		if (timerfd_settime(p.fd, TFD_TIMER_ABSTIME, &it, NULL) < 0 ||
		    poll(&p, 1, 5000) != 1)
			_exit(2);
		if (syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &ts, NULL,
			    FUTEX_BITSET_MATCH_ANY) != -1 ||
		    errno != ETIMEDOUT)
			_exit(3);
		if (timer_create(CLOCK_MONOTONIC, &se, &timer) < 0)
			_exit(4);
		it.it_value.tv_sec += 100;
		if (timer_settime(timer, TIMER_ABSTIME, &it, NULL) < 0 ||
		    timer_gettime(timer, &it) < 0 || it.it_value.tv_sec < 90 ||
		    it.it_value.tv_sec > 100)
			_exit(5);
	});
	EXPECT_EXIT(0, pid);
}

TEST(timens, setns_changes_the_clock)
{
	double mono = now(CLOCK_MONOTONIC);
	int fd;

	enter();
	EXPECT_EQ(0, put("/proc/self/timens_offsets", "monotonic 300000 0"));
	fd = EXPECT_OK(open("/proc/self/ns/time_for_children", O_RDONLY));
	EXPECT_OK(setns(fd, NEWTIME));
	EXPECT_TRUE(near(now(CLOCK_MONOTONIC), mono + 3e5));
	EXPECT_TRUE(near(raw_now(CLOCK_MONOTONIC), mono + 3e5));
}

TEST(timens, execve_enters)
{
	enter();
	EXPECT_EQ(0, put("/proc/self/timens_offsets", "monotonic 300000 0"));
	EXPECT_EXIT(0, CHILD({
			    char *argv[] = {
				    "sh", "-c",
				    "test \"$(readlink /proc/self/ns/time)\" = "
				    "\"$(readlink /proc/self/ns/"
				    "time_for_children)\"",
				    NULL
			    };
			    execv("/bin/sh", argv);
		    }));
}

TEST(timens, unprivileged)
{
	if (geteuid() == 0)
		SKIP("for ordinary users");
	EXPECT_ERRNO(EPERM, unshare(NEWTIME));
}

TEST_MAIN
