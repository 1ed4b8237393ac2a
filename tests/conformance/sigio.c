/* SPDX-License-Identifier: Apache-2.0 */
/* Signal-driven I/O: O_ASYNC, FIOASYNC, F_SETOWN, F_SETSIG of fcntl(2). */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/harness/guest_test.h"

static volatile int g_count, g_code, g_fd, g_tid, g_last;
static volatile long g_band;

static void on_io(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	g_last = sig;
	g_code = si->si_code;
	g_fd = si->si_fd;
	g_band = si->si_band;
	g_tid = gettid();
	g_count++;
}

static void catch (int sig)
{
	struct sigaction sa = { .sa_sigaction = on_io, .sa_flags = SA_SIGINFO };

	EXPECT_OK(sigaction(sig, &sa, NULL));
}

static void make_async(int fd, int sig)
{
	catch (sig ? sig : SIGIO);
	EXPECT_OK(fcntl(fd, F_SETOWN, getpid()));
	EXPECT_OK(fcntl(fd, F_SETSIG, sig));
	EXPECT_OK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
	EXPECT_EQ(O_ASYNC, fcntl(fd, F_GETFL) & O_ASYNC);
}

TEST(sigio, a_pipe_tells_its_reader)
{
	int p[2];
	char c;

	EXPECT_OK(pipe(p));
	make_async(p[0], 0);
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, g_count); /* before the write returned */
	EXPECT_EQ(SIGIO, g_last);
	EXPECT_EQ(1, read(p[0], &c, 1));
	EXPECT_EQ(1, g_count);
}

TEST(sigio, the_chosen_signal_says_what_and_where)
{
	int p[2];

	EXPECT_OK(pipe(p));
	make_async(p[0], SIGRTMIN + 3);
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, g_count);
	EXPECT_EQ(SIGRTMIN + 3, g_last);
	EXPECT_EQ(POLL_IN, g_code);
	EXPECT_EQ(p[0], g_fd);
	EXPECT_EQ(POLLIN | POLLRDNORM, g_band);
}

TEST(sigio, a_pipe_tells_its_writer_of_room)
{
	static char buf[65536];
	int p[2];

	EXPECT_OK(pipe2(p, O_NONBLOCK));
	EXPECT_EQ(65536, write(p[1], buf, sizeof(buf)));
	make_async(p[1], SIGRTMIN);
	EXPECT_EQ(65536, read(p[0], buf, sizeof(buf)));
	EXPECT_TRUE(g_count >= 1);
	EXPECT_EQ(POLL_OUT, g_code);
	EXPECT_EQ(p[1], g_fd);
}

TEST(sigio, it_can_be_turned_off)
{
	int p[2], on = 0;

	EXPECT_OK(pipe(p));
	make_async(p[0], 0);
	EXPECT_OK(fcntl(p[0], F_SETFL, 0));
	EXPECT_EQ(0, fcntl(p[0], F_GETFL) & O_ASYNC);
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(0, g_count);
	on = 1;
	EXPECT_OK(ioctl(p[0], FIOASYNC, &on));
	EXPECT_EQ(O_ASYNC, fcntl(p[0], F_GETFL) & O_ASYNC);
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, g_count);
	on = 0;
	EXPECT_OK(ioctl(p[0], FIOASYNC, &on));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, g_count);
	EXPECT_ERRNO(EFAULT, ioctl(p[0], FIOASYNC, (void *)8));
}

TEST(sigio, without_an_owner_nobody_is_told)
{
	int p[2];

	catch (SIGIO);
	EXPECT_OK(pipe(p));
	EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(0, g_count);
	EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, g_count);
	EXPECT_OK(fcntl(p[0], F_SETOWN, 0));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(1, g_count);
}

TEST(sigio, some_files_do_not_know_it)
{
	int fd = EXPECT_OK(eventfd(0, 0)), on = 1;

	EXPECT_OK(fcntl(fd, F_SETFL, O_ASYNC));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_ASYNC);
	EXPECT_ERRNO(ENOTTY, ioctl(fd, FIOASYNC, &on));
	on = 0;
	EXPECT_OK(ioctl(fd, FIOASYNC, &on));
}

/* --- owners --------------------------------------------------------------- */

static volatile pid_t g_thread;
static volatile int g_stop;

static void *idle_thread(void *arg)
{
	(void)arg;
	g_thread = gettid();
	while (!g_stop)
		usleep(1000);
	return NULL;
}

TEST(sigio, a_thread_can_own)
{
	struct f_owner_ex ex = { F_OWNER_TID, 0 };
	pthread_t th;
	int p[2];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(0, pthread_create(&th, NULL, idle_thread, NULL));
	EXPECT_SOON(g_thread);
	make_async(p[0], 0);
	ex.pid = g_thread;
	EXPECT_OK(fcntl(p[0], F_SETOWN_EX, &ex));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_SOON(g_count == 1);
	EXPECT_EQ(g_thread, g_tid);
	g_stop = 1;
	pthread_join(th, NULL);
}

TEST(sigio, a_group_can_own)
{
	int p[2], ready[2];
	char c;
	pid_t kid;

	EXPECT_OK(pipe(p));
	EXPECT_OK(pipe(ready));
	catch (SIGIO);
	kid = CHILD(setpgid(0, 0); signal(SIGIO, SIG_DFL);
		    c = (char)write(ready[1], "r", 1); for (;;) pause());
	EXPECT_EQ(1, read(ready[0], &c, 1));
	EXPECT_OK(fcntl(p[0], F_SETOWN, -kid));
	EXPECT_EQ(-kid, fcntl(p[0], F_GETOWN));
	EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_KILLED(SIGIO, kid);
	EXPECT_EQ(0, g_count);
}

TEST(sigio, a_blocked_writer_has_told_before_it_sleeps)
{
	static char buf[200000];
	int p[2];
	long got = 0, n;
	pid_t kid;
	sigset_t set;

	EXPECT_OK(pipe(p));
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	EXPECT_OK(fcntl(p[0], F_SETOWN, getpid()));
	EXPECT_OK(fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	kid = CHILD(
		close(p[0]);
		_exit(write(p[1], buf, sizeof(buf)) == sizeof(buf) ? 0 : 1));
	while (got < (long)sizeof(buf)) {
		EXPECT_EQ(SIGIO, sigwaitinfo(&set, NULL));
		while ((n = read(p[0], buf, sizeof(buf))) > 0)
			got += n;
	}
	EXPECT_EXIT(0, kid);
}

/* --- sockets -------------------------------------------------------------- */

TEST(sigio, sockets_tell_of_data_and_of_the_end)
{
	int s[2];
	char c;

	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	make_async(s[0], SIGRTMIN);
	EXPECT_EQ(1, write(s[1], "x", 1));
	EXPECT_EQ(1, g_count);
	EXPECT_EQ(POLL_IN, g_code);
	EXPECT_EQ(s[0], g_fd);
	EXPECT_EQ(1, read(s[0], &c, 1));
	EXPECT_EQ(1, g_count);
	EXPECT_OK(close(s[1]));
	EXPECT_EQ(2, g_count);
	EXPECT_EQ(POLL_HUP, g_code);
}

TEST(sigio, a_listener_tells_of_connections)
{
	struct sockaddr_storage a = { .ss_family = AF_UNIX };
	socklen_t len = sizeof(a);
	int l = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int c = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	EXPECT_OK(bind(l, (struct sockaddr *)&a, sizeof(sa_family_t)));
	EXPECT_OK(getsockname(l, (struct sockaddr *)&a, &len));
	EXPECT_OK(listen(l, 5));
	make_async(l, SIGRTMIN);
	EXPECT_OK(connect(c, (struct sockaddr *)&a, len));
	EXPECT_EQ(1, g_count);
	EXPECT_EQ(POLL_IN, g_code);
}

TEST(sigio, urgent_data_sends_sigurg)
{
	int s[2];

	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	catch (SIGURG);
	EXPECT_OK(fcntl(s[0], F_SETOWN, getpid()));
	EXPECT_EQ(1, send(s[1], "x", 1, 0));
	EXPECT_EQ(0, g_count);
	if (send(s[1], "!", 1, MSG_OOB) < 0 && errno == EOPNOTSUPP)
		SKIP("needs MSG_OOB of AF_UNIX");
	EXPECT_EQ(1, g_count);
	EXPECT_EQ(SIGURG, g_last);
}

/* --- terminals ------------------------------------------------------------ */

TEST(sigio, a_terminal_tells_of_input)
{
	int master, slave;

	EXPECT_OK(openpty(&master, &slave, NULL, NULL, NULL));
	make_async(slave, 0);
	EXPECT_EQ(2, write(master, "x\n", 2));
	EXPECT_SOON(g_count >= 1);
	EXPECT_EQ(SIGIO, g_last);
}

TEST(sigio, a_closed_file_is_quiet)
{
	int p[2];

	EXPECT_OK(pipe(p));
	make_async(p[0], 0);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_OK(close(p[0]));
	EXPECT_ERRNO(EPIPE, write(p[1], "x", 1));
	EXPECT_EQ(0, g_count);
}

TEST_MAIN
