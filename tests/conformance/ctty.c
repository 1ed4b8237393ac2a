/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Controlling terminals, ioctl_tty(2), credentials(7): who has one, who loses
 * it, and who hears of a hang-up.
 */
#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>

#include "tests/harness/guest_test.h"

static int m, s;       /* master and slave */
static int tell, hear; /* a pipe from the processes to the test */
static pid_t *child;   /* in shared memory: the one of listening_child() */

/* A handler that tells its signal, and who got it. */
static char my_name;

static void on_signal(int signo)
{
	char text[2] = { my_name, signo == SIGHUP ? 'h' : 'c' };

	if (write(tell, text, 2) != 2)
		_exit(99);
}

static void listen_as(char name)
{
	my_name = name;
	signal(SIGHUP, on_signal);
	signal(SIGCONT, on_signal);
}

static void setup(void)
{
	int p[2];

	EXPECT_OK(pipe(p));
	hear = p[0];
	tell = p[1];
	child = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT_TRUE(child != MAP_FAILED);
	EXPECT_OK(openpty(&m, &s, NULL, NULL, NULL));
}

/* The next things told, in any order within one @want. */
static void expect_told(const char *want)
{
	size_t n = 0, len = strlen(want);
	char buf[64];

	while (n < len)
		n += (size_t)EXPECT_OK(read(hear, buf + n, len - n));
	for (size_t i = 0; i < len; i += 2) {
		bool found = false;

		for (size_t k = 0; k < len; k += 2)
			found |= !memcmp(want + i, buf + k, 2);
		EXPECT_TRUE(found);
	}
}

static void say(const char *what)
{
	EXPECT_EQ(2, write(tell, what, 2));
}

static void expect_nothing_told(void)
{
	int n;

	usleep(50000);
	EXPECT_OK(ioctl(hear, FIONREAD, &n));
	EXPECT_EQ(0, n);
}

static bool has_tty(void)
{
	int fd = open("/dev/tty", O_RDWR);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void wait_forever(void)
{
	for (;;)
		pause();
}

/* tcsetpgrp() from anywhere. */
static void to_foreground(pid_t pgid)
{
	signal(SIGTTOU, SIG_IGN);
	EXPECT_OK(tcsetpgrp(s, pgid));
	signal(SIGTTOU, SIG_DFL);
}

/* A child in a group of its own, listening as 'f', put into the foreground. */
static void listening_foreground(void)
{
	pid_t kid = CHILD({
		EXPECT_OK(setpgid(0, 0));
		listen_as('f');
		*child = getpid();
		wait_forever();
	});

	EXPECT_SOON(*child == kid);
	to_foreground(kid);
}

TEST(ctty, a_hang_up_is_told_to_the_leader_and_then_to_the_foreground)
{
	int go[2];

	setup();
	EXPECT_OK(pipe(go));
	pid_t leader = CHILD({
		char c;

		close(m);
		EXPECT_OK(setsid());
		EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
		listen_as('l');
		listening_foreground();
		say("l+");
		EXPECT_EQ(1, TEMP_FAILURE_RETRY(read(go[0], &c, 1)));
	});

	expect_told("l+");
	EXPECT_OK(close(m));
	expect_told("lhlc");
	expect_nothing_told();
	EXPECT_EQ(1, write(go[1], "", 1));
	EXPECT_EXIT(0, leader);
	expect_told("fhfc");
	EXPECT_OK(kill(*child, SIGKILL));
}

TEST(ctty, after_a_hang_up_nobody_has_it)
{
	setup();
	pid_t leader = CHILD({
		signal(SIGHUP, SIG_IGN);
		EXPECT_OK(setsid());
		EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
		pid_t kid = CHILD({
			char c;
			int pgid;

			close(m);
			say("k+");
			EXPECT_SOON(!has_tty());
			EXPECT_EQ(0, read(s, &c, 1));
			EXPECT_ERRNO(EIO, write(s, "x", 1));
			EXPECT_ERRNO(EIO, ioctl(s, TIOCGPGRP, &pgid));
			EXPECT_ERRNO(ENOTTY, tcsetpgrp(s, getpgrp()));
		});
		expect_told("k+");
		EXPECT_OK(close(m));
		EXPECT_TRUE(!has_tty());
		EXPECT_EXIT(0, kid);
	});

	EXPECT_OK(close(m));
	EXPECT_EXIT(0, leader);
}

TEST(ctty, a_leader_takes_it_for_itself_and_its_later_children)
{
	int go[2];

	setup();
	EXPECT_OK(pipe(go));
	EXPECT_EXIT(
		0, CHILD({
			EXPECT_OK(setsid());
			pid_t older = CHILD({
				char c;

				EXPECT_EQ(1, read(go[0], &c, 1));
				EXPECT_TRUE(!has_tty());
				EXPECT_ERRNO(ENOTTY, tcgetpgrp(s));
				EXPECT_ERRNO(ENOTTY, tcsetpgrp(s, getpgrp()));
				EXPECT_ERRNO(ENOTTY, tcgetsid(s));
				EXPECT_ERRNO(EPERM, ioctl(s, TIOCSCTTY, 0));
			});
			EXPECT_OK(ioctl(m, TIOCSCTTY, 0));
			EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
			EXPECT_EQ(1, write(go[1], "", 1));
			EXPECT_EXIT(0, older);
			EXPECT_EXIT(0, CHILD({
					    EXPECT_TRUE(has_tty());
					    EXPECT_EQ(getppid(), tcgetsid(s));
					    EXPECT_EQ(getpgrp(), tcgetpgrp(s));
				    }));
		}));
}

TEST(ctty, giving_it_up_is_one_process_alone_unless_it_leads)
{
	setup();
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setsid());
			    EXPECT_ERRNO(ENOTTY, ioctl(s, TIOCNOTTY));
			    EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
			    EXPECT_ERRNO(ENOTTY, ioctl(m, TIOCNOTTY));
			    listen_as('l');
			    EXPECT_EXIT(0, CHILD({
						EXPECT_OK(ioctl(s, TIOCNOTTY));
						EXPECT_TRUE(!has_tty());
						EXPECT_ERRNO(
							ENOTTY,
							ioctl(s, TIOCNOTTY));
						/* not in its background */
						EXPECT_OK(setpgid(0, 0));
						EXPECT_OK(tcflush(s, TCIFLUSH));
					}));
			    EXPECT_TRUE(has_tty());
			    EXPECT_EQ(getpgrp(), tcgetpgrp(s));
			    pid_t kid = CHILD({
				    int mine = open("/dev/tty", O_RDWR);

				    EXPECT_OK(mine);
				    EXPECT_OK(setpgid(0, 0));
				    listen_as('f');
				    say("f+");
				    EXPECT_SOON(!has_tty());
				    EXPECT_ERRNO(ENOTTY, tcgetpgrp(mine));
				    wait_forever();
			    });
			    expect_told("f+");
			    to_foreground(kid);
			    EXPECT_OK(ioctl(s, TIOCNOTTY));
			    expect_told("fhfc");
			    expect_nothing_told();
			    EXPECT_TRUE(!has_tty());
			    EXPECT_OK(kill(kid, SIGKILL));
			    /* Free for the next. */
			    EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
		    }));
}

TEST(ctty, the_end_of_the_leader)
{
	setup();
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setsid());
			    EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
			    listening_foreground();
		    }));
	expect_told("fh");
	expect_nothing_told();
	EXPECT_OK(kill(*child, SIGKILL));
	/* Another session may have it. */
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setsid());
			    EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
		    }));
}

TEST(ctty, a_new_session_has_none)
{
	setup();
	EXPECT_EXIT(
		0, CHILD({
			EXPECT_OK(setsid());
			EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
			EXPECT_EXIT(
				0, CHILD({
					EXPECT_OK(setsid());
					EXPECT_TRUE(!has_tty());
					EXPECT_ERRNO(ENOTTY, tcgetpgrp(s));
					/* Taken by another session. */
					EXPECT_ERRNO(EPERM,
						     ioctl(s, TIOCSCTTY, 0));
					if (geteuid() != 0) {
						EXPECT_ERRNO(
							EPERM,
							ioctl(s, TIOCSCTTY, 1));
						_exit(0);
					}
					EXPECT_OK(ioctl(s, TIOCSCTTY, 1));
					EXPECT_TRUE(has_tty());
					EXPECT_EQ(getpid(), tcgetsid(s));
				}));
			EXPECT_EQ(geteuid() != 0, has_tty());
		}));
}

TEST(ctty, foreground_group_must_be_of_the_session)
{
	int v;

	setup();
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setsid());
			    EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
			    pid_t kid = CHILD(wait_forever());
			    /* A process, but (yet) no group. */
			    EXPECT_OK(tcsetpgrp(s, kid));
			    EXPECT_EQ(kid, tcgetpgrp(s));
			    EXPECT_ERRNO(ESRCH, kill(-kid, 0));
			    pid_t other = CHILD(wait_forever());
			    EXPECT_ERRNO(EPERM, setpgid(other, kid));
			    EXPECT_OK(setpgid(kid, kid));
			    EXPECT_OK(kill(-kid, 0));
			    EXPECT_OK(setpgid(other, kid));
			    to_foreground(getpid());
			    EXPECT_OK(kill(other, SIGKILL));
			    EXPECT_ERRNO(EPERM, tcsetpgrp(s, getppid()));
			    EXPECT_ERRNO(ESRCH, tcsetpgrp(s, 1 << 21));
			    EXPECT_ERRNO(EINVAL, tcsetpgrp(s, -1));
			    EXPECT_ERRNO(EFAULT, ioctl(s, TIOCSPGRP, NULL));
			    /* The master may ask. */
			    EXPECT_OK(ioctl(m, TIOCGPGRP, &v));
			    EXPECT_EQ(getpid(), v);
			    EXPECT_OK(ioctl(m, TIOCGSID, &v));
			    EXPECT_EQ(getpid(), v);
			    EXPECT_OK(kill(kid, SIGKILL));
		    }));
	EXPECT_ERRNO(ENOTTY, ioctl(m, TIOCGSID, &v));
	EXPECT_OK(ioctl(m, TIOCGPGRP, &v));
	EXPECT_EQ(0, v);
}

TEST(ctty, keys_that_signal_keep_what_was_written)
{
	char buf[16];
	int n;

	setup();
	EXPECT_EQ(2, write(s, "ab", 2));
	/* On Linux what is still on its way would be flushed. */
	EXPECT_SOON(ioctl(m, FIONREAD, &n) == 0 && n == 2);
	EXPECT_EQ(1, write(m, "\3", 1));
	EXPECT_SOON(ioctl(m, FIONREAD, &n) == 0 && n == 4);
	EXPECT_EQ(2, write(s, "cd", 2));
	for (n = 0; n < 6;)
		n += EXPECT_OK(read(m, buf + n, 6 - (size_t)n));
	EXPECT_EQ(0, memcmp(buf, "ab^Ccd", 6));
}

TEST_MAIN
