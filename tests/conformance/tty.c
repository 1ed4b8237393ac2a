/* SPDX-License-Identifier: Apache-2.0 */
/* pty(7), termios(3), ioctl_tty(2): pairs of pseudo-terminals. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "tests/harness/guest_test.h"

static int m, s; /* master, slave */
static char buf[8192];
static volatile sig_atomic_t got_signal;

static void on_signal(int signo)
{
	got_signal = signo;
}

static void setup(void)
{
	EXPECT_OK(openpty(&m, &s, NULL, NULL, NULL));
}

/* Changes the local flags: @on are set, @off cleared. */
static void lflags(tcflag_t on, tcflag_t off)
{
	struct termios t;

	EXPECT_OK(tcgetattr(s, &t));
	t.c_lflag = (t.c_lflag | on) & ~off;
	EXPECT_OK(tcsetattr(s, TCSANOW, &t));
}

static void put(int fd, const char *bytes)
{
	EXPECT_EQ(strlen(bytes), write(fd, bytes, strlen(bytes)));
}

/* The next bytes of @fd are exactly @want. */
static void get(int fd, const char *want)
{
	size_t n = 0, len = strlen(want);

	while (n < len)
		n += (size_t)EXPECT_OK(read(fd, buf + n, len - n));
	buf[n] = '\0';
	EXPECT_STR(want, buf);
}

static void expect_empty(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	EXPECT_EQ(0, poll(&p, 1, 0));
}

TEST(tty, names_and_numbers)
{
	char name[64];
	struct stat st;
	int n = -1;

	setup();
	EXPECT_TRUE(isatty(m) && isatty(s));
	EXPECT_OK(ioctl(m, TIOCGPTN, &n));
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	EXPECT_STR(name, ptsname(m));
	EXPECT_STR(name, ttyname(s));
	EXPECT_OK(stat(name, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(geteuid(), st.st_uid);
	EXPECT_OK(close(s));
	EXPECT_OK(close(m));
	EXPECT_ERRNO(ENOENT, open(name, O_RDWR));
}

TEST(tty, slave_is_locked_at_first)
{
	int fd = EXPECT_OK(posix_openpt(O_RDWR | O_NOCTTY));
	int on = 1;

	EXPECT_ERRNO(EIO, open(ptsname(fd), O_RDWR | O_NOCTTY));
	EXPECT_OK(unlockpt(fd));
	EXPECT_OK(close(EXPECT_OK(open(ptsname(fd), O_RDWR | O_NOCTTY))));
	EXPECT_OK(ioctl(fd, TIOCSPTLCK, &on));
	EXPECT_ERRNO(EIO, open(ptsname(fd), O_RDWR | O_NOCTTY));
}

TEST(tty, line_by_line_with_echo)
{
	setup();
	put(m, "hel");
	get(m, "hel");
	expect_empty(s);
	put(m, "lo\nnext\n");
	get(s, "hello\n");
	EXPECT_EQ(5, read(s, buf, 100));
	get(m, "lo\r\nnext\r\n");
}

TEST(tty, part_of_a_line)
{
	setup();
	lflags(0, ECHO);
	put(m, "abcdef\n");
	EXPECT_EQ(2, read(s, buf, 2));
	EXPECT_EQ(5, read(s, buf, 100));
	EXPECT_EQ(0, memcmp(buf, "cdef\n", 5));
	expect_empty(m);
}

TEST(tty, erase_kill_word_and_literal)
{
	setup();
	lflags(0, ECHO);
	put(m, "abx\177c\n");
	get(s, "abc\n");
	put(m, "gone\025new\n");
	get(s, "new\n");
	put(m, "one two\027three\n");
	get(s, "one three\n");
	put(m, "a\026\177b\n");
	get(s, "a\177b\n");
}

TEST(tty, end_of_file)
{
	setup();
	lflags(0, ECHO);
	put(m, "\004");
	EXPECT_EQ(0, read(s, buf, 10));
	put(m, "tail\004");
	EXPECT_EQ(4, read(s, buf, 10));
	put(m, "x\n");
	EXPECT_EQ(2, read(s, buf, 10));
}

TEST(tty, carriage_return_is_mapped)
{
	setup();
	put(m, "a\r");
	get(s, "a\n");
	get(m, "a\r\n");
	put(s, "x\ny");
	get(m, "x\r\ny");
}

TEST(tty, raw_mode)
{
	struct termios t;

	setup();
	EXPECT_OK(tcgetattr(s, &t));
	cfmakeraw(&t);
	EXPECT_OK(tcsetattr(s, TCSANOW, &t));
	put(m, "\003\004\r\177");
	EXPECT_EQ(4, read(s, buf, 100));
	EXPECT_EQ(0, memcmp(buf, "\003\004\r\177", 4));
	expect_empty(m);
	put(s, "\n");
	get(m, "\n");
	expect_empty(m);
}

TEST(tty, vmin_and_vtime)
{
	struct termios t;

	setup();
	EXPECT_OK(tcgetattr(s, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 0;
	EXPECT_OK(tcsetattr(s, TCSANOW, &t));
	EXPECT_EQ(0, read(s, buf, 10));
	t.c_cc[VTIME] = 1;
	EXPECT_OK(tcsetattr(s, TCSANOW, &t));
	EXPECT_EQ(0, read(s, buf, 10));
	t.c_cc[VMIN] = 3;
	t.c_cc[VTIME] = 0;
	EXPECT_OK(tcsetattr(s, TCSANOW, &t));
	pid_t child = CHILD({
		put(m, "a");
		put(m, "b");
		put(m, "c");
	});
	EXPECT_EQ(3, read(s, buf, 10));
	EXPECT_EXIT(0, child);
}

TEST(tty, control_echo)
{
	setup();
	lflags(0, ISIG);
	put(m, "\001\n");
	get(m, "^A\r\n");
}

TEST(tty, window_size_and_its_signal)
{
	struct winsize w = { 33, 99, 0, 0 }, got = { 0 };
	struct sigaction sa = { .sa_handler = on_signal };

	setup();
	EXPECT_OK(sigaction(SIGWINCH, &sa, NULL));
	EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
	EXPECT_OK(ioctl(m, TIOCSWINSZ, &w));
	EXPECT_SOON(got_signal == SIGWINCH);
	EXPECT_OK(ioctl(s, TIOCGWINSZ, &got));
	EXPECT_EQ(33, got.ws_row);
	EXPECT_EQ(99, got.ws_col);
	/* The same size again is no change. */
	got_signal = 0;
	EXPECT_OK(ioctl(m, TIOCSWINSZ, &w));
	EXPECT_EQ(0, got_signal);
}

TEST(tty, interrupt_key)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int fd;

	setup();
	EXPECT_OK(sigaction(SIGINT, &sa, NULL));
	EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
	EXPECT_EQ(getpgrp(), tcgetpgrp(s));
	EXPECT_EQ(getsid(0), tcgetsid(m));
	put(m, "lost\003");
	EXPECT_SOON(got_signal == SIGINT);
	put(m, "kept\n");
	get(s, "kept\n");
	fd = EXPECT_OK(open("/dev/tty", O_RDWR));
	put(fd, "hi");
	/* The key also throws away what is on its way to the master. */
	while (!strstr(buf, "hi")) {
		long n = EXPECT_OK(read(m, buf, sizeof(buf) - 1));

		buf[n] = '\0';
	}
}

TEST(tty, background_reader_is_stopped)
{
	pid_t child;
	int st;

	setup();
	EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
	child = CHILD({
		EXPECT_OK(setpgid(0, 0));
		signal(SIGTTIN, SIG_DFL);
		(void)!read(s, buf, 1);
	});
	EXPECT_OK(waitpid(child, &st, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(st) && WSTOPSIG(st) == SIGTTIN);
	EXPECT_OK(kill(child, SIGKILL));
	EXPECT_KILLED(SIGKILL, child);
	/* With the signal ignored it is an error. */
	child = CHILD({
		EXPECT_OK(setpgid(0, 0));
		signal(SIGTTIN, SIG_IGN);
		EXPECT_ERRNO(EIO, read(s, buf, 1));
		signal(SIGTTOU, SIG_IGN);
		EXPECT_OK(tcsetpgrp(s, getpgrp()));
		EXPECT_EQ(getpgrp(), tcgetpgrp(s));
	});
	EXPECT_EXIT(0, child);
}

TEST(tty, closed_slave_is_eio_for_the_master)
{
	struct pollfd p;

	setup();
	put(s, "last");
	EXPECT_OK(close(s));
	get(m, "last");
	EXPECT_ERRNO(EIO, read(m, buf, 1));
	p = (struct pollfd){ .fd = m, .events = POLLIN };
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_TRUE(p.revents & POLLHUP);
	s = EXPECT_OK(open(ptsname(m), O_RDWR | O_NOCTTY));
	put(s, "again");
	get(m, "again");
}

TEST(tty, closed_master_hangs_up)
{
	struct sigaction sa = { .sa_handler = on_signal };

	setup();
	EXPECT_OK(sigaction(SIGHUP, &sa, NULL));
	EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
	EXPECT_OK(close(m));
	EXPECT_SOON(got_signal == SIGHUP);
	EXPECT_EQ(0, read(s, buf, 1));
	EXPECT_ERRNO(EIO, write(s, "x", 1));
}

TEST(tty, flush_and_queue_sizes)
{
	int n = -1;

	setup();
	lflags(0, ECHO);
	put(m, "abc\n");
	EXPECT_SOON(ioctl(s, FIONREAD, &n) == 0 && n == 4);
	EXPECT_OK(tcflush(s, TCIFLUSH));
	EXPECT_OK(ioctl(s, FIONREAD, &n));
	EXPECT_EQ(0, n);
	EXPECT_ERRNO(EINVAL, tcflush(s, 99));
}

TEST(tty, nonblocking_and_poll)
{
	struct pollfd p[2];

	setup();
	EXPECT_OK(fcntl(m, F_SETFL, O_NONBLOCK));
	EXPECT_OK(fcntl(s, F_SETFL, O_NONBLOCK));
	EXPECT_ERRNO(EAGAIN, read(m, buf, 1));
	EXPECT_ERRNO(EAGAIN, read(s, buf, 1));
	p[0] = (struct pollfd){ .fd = m, .events = POLLIN | POLLOUT };
	p[1] = (struct pollfd){ .fd = s, .events = POLLIN | POLLOUT };
	EXPECT_EQ(2, poll(p, 2, 0));
	EXPECT_EQ(POLLOUT, p[0].revents);
	EXPECT_EQ(POLLOUT, p[1].revents);
	put(m, "x");
	EXPECT_EQ(2, poll(p, 2, 0));
	EXPECT_EQ(POLLOUT, p[1].revents);
	put(m, "\n");
	EXPECT_SOON(poll(p, 2, 0) == 2 && p[1].revents == (POLLIN | POLLOUT));
}

TEST(tty, much_output_is_not_lost)
{
	long got = 0, n;
	pid_t child;

	setup();
	child = CHILD({
		close(m);
		memset(buf, 'z', sizeof(buf));
		for (int i = 0; i < 20; i++)
			EXPECT_EQ(sizeof(buf), write(s, buf, sizeof(buf)));
	});
	EXPECT_OK(close(s));
	while ((n = read(m, buf, sizeof(buf))) > 0)
		got += n;
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(20 * (long)sizeof(buf), got);
	EXPECT_EXIT(0, child);
}

TEST(tty, controlling_terminal_rules)
{
	setup();
	EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
	EXPECT_ERRNO(ENOTTY, tcgetpgrp(s));
	EXPECT_OK(ioctl(s, TIOCSCTTY, 0));
	EXPECT_OK(close(EXPECT_OK(open("/dev/tty", O_RDWR))));
	EXPECT_ERRNO(ESRCH, tcsetpgrp(s, 1 << 21));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setsid());
			    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
			    EXPECT_ERRNO(ENOTTY, tcgetpgrp(s));
		    }));
	signal(SIGHUP, SIG_IGN);
	EXPECT_OK(ioctl(s, TIOCNOTTY, 0));
	EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
}

TEST(tty, locked_settings_stay)
{
	struct termios t, locked = { 0 };

	setup();
	memset(&t, 0xff, sizeof(t));
	EXPECT_OK(ioctl(s, TIOCGLCKTRMIOS, &t));
	EXPECT_EQ(0, t.c_iflag | t.c_oflag | t.c_cflag | t.c_lflag | t.c_line);
	EXPECT_EQ(0, t.c_cc[VINTR]);
	EXPECT_OK(ioctl(m, TIOCGLCKTRMIOS, &t));
	EXPECT_ERRNO(EFAULT, ioctl(s, TIOCGLCKTRMIOS, NULL));
	if (geteuid() != 0) {
		EXPECT_ERRNO(EPERM, ioctl(s, TIOCSLCKTRMIOS, NULL));
		return;
	}
	EXPECT_ERRNO(EFAULT, ioctl(s, TIOCSLCKTRMIOS, NULL));
	locked.c_lflag = ECHO;
	locked.c_cc[VINTR] = 1;
	EXPECT_OK(ioctl(m, TIOCSLCKTRMIOS, &locked));
	EXPECT_OK(ioctl(s, TIOCGLCKTRMIOS, &t));
	EXPECT_EQ(ECHO, t.c_lflag);
	EXPECT_OK(tcgetattr(s, &t));
	t.c_lflag = 0;
	t.c_cc[VINTR] = 'x';
	t.c_cc[VQUIT] = 'y';
	EXPECT_OK(tcsetattr(s, TCSANOW, &t));
	EXPECT_OK(tcgetattr(s, &t));
	EXPECT_EQ(ECHO, t.c_lflag);
	EXPECT_EQ(3, t.c_cc[VINTR]);
	EXPECT_EQ('y', t.c_cc[VQUIT]);
	locked.c_lflag = 0;
	EXPECT_OK(ioctl(s, TIOCSLCKTRMIOS, &locked));
	lflags(0, ECHO);
	EXPECT_OK(tcgetattr(s, &t));
	EXPECT_EQ(0, t.c_lflag & ECHO);
}

TEST(tty, exclusive_use)
{
	char name[64];
	int v = -1, fd;

	setup();
	EXPECT_OK(ptsname_r(m, name, sizeof(name)));
	EXPECT_OK(ioctl(s, TIOCGEXCL, &v));
	EXPECT_EQ(0, v);
	EXPECT_OK(ioctl(m, TIOCEXCL));
	EXPECT_OK(ioctl(m, TIOCGEXCL, &v));
	EXPECT_EQ(1, v);
	/* The master's is the master's. */
	EXPECT_OK(close(EXPECT_OK(open(name, O_RDWR | O_NOCTTY))));
	EXPECT_OK(ioctl(s, TIOCGEXCL, &v));
	EXPECT_EQ(0, v);
	EXPECT_OK(ioctl(s, TIOCEXCL));
	EXPECT_OK(ioctl(s, TIOCGEXCL, &v));
	EXPECT_EQ(1, v);
	if (geteuid() == 0)
		EXPECT_OK(close(EXPECT_OK(open(name, O_RDWR | O_NOCTTY))));
	else
		EXPECT_ERRNO(EBUSY, open(name, O_RDWR | O_NOCTTY));
	EXPECT_OK(ioctl(s, TIOCNXCL));
	fd = EXPECT_OK(open(name, O_RDWR | O_NOCTTY));
	EXPECT_OK(ioctl(fd, TIOCGEXCL, &v));
	EXPECT_EQ(0, v);
	EXPECT_ERRNO(EFAULT, ioctl(s, TIOCGEXCL, NULL));
}

TEST(tty, carrier_break_and_number)
{
	struct termios t;
	struct stat st;
	int v = 1;

	setup();
	EXPECT_OK(ioctl(s, TIOCSSOFTCAR, &v));
	EXPECT_OK(tcgetattr(s, &t));
	EXPECT_EQ(CLOCAL, t.c_cflag & CLOCAL);
	v = 0;
	EXPECT_OK(ioctl(m, TIOCGSOFTCAR, &v));
	EXPECT_EQ(1, v);
	v = 0;
	EXPECT_OK(ioctl(m, TIOCSSOFTCAR, &v));
	v = 1;
	EXPECT_OK(ioctl(s, TIOCGSOFTCAR, &v));
	EXPECT_EQ(0, v);
	EXPECT_ERRNO(EFAULT, ioctl(s, TIOCSSOFTCAR, NULL));
	EXPECT_OK(ioctl(s, TIOCSBRK));
	EXPECT_OK(ioctl(s, TIOCCBRK));
	EXPECT_OK(fstat(s, &st));
	EXPECT_OK(ioctl(s, TIOCGDEV, &v));
	EXPECT_EQ(st.st_rdev, (unsigned int)v);
	v = 0;
	EXPECT_OK(ioctl(m, TIOCGDEV, &v));
	EXPECT_EQ(st.st_rdev, (unsigned int)v);
	/* No modem lines on a pair. */
	EXPECT_ERRNO(ENOTTY, ioctl(s, TIOCMGET, &v));
	EXPECT_ERRNO(ENOTTY, ioctl(s, TIOCMIWAIT, 0));
}

TEST_MAIN
