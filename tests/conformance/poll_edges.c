/* SPDX-License-Identifier: Apache-2.0 */
/* poll(2), ppoll(2): errors, limits, races. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

/* Not mapped; volatile, so that the compiler does not see it. */
static void *volatile nowhere = (void *)8;

static int p[2];

static volatile sig_atomic_t got_signal;

static void on_signal(int signo)
{
	got_signal = signo;
}

static long ms_since(const struct timespec *t)
{
	struct timespec now;

	EXPECT_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	return (now.tv_sec - t->tv_sec) * 1000 +
	       (now.tv_nsec - t->tv_nsec) / 1000000;
}

static short poll_one(int fd, short events, int timeout)
{
	struct pollfd pfd = { .fd = fd, .events = events, .revents = -1 };
	int n = EXPECT_OK(poll(&pfd, 1, timeout));

	EXPECT_EQ(pfd.revents != 0, n);
	return pfd.revents;
}

/* A second process sends @signo once the caller sleeps. */
static pid_t interrupt_me(int signo)
{
	pid_t me = getpid();

	return CHILD({
		char path[64];
		char state[8] = "";

		snprintf(path, sizeof(path), "/proc/%d/stat", me);
		for (int i = 0; i < 5000 && state[0] != 'S'; i++) {
			FILE *f = fopen(path, "r");

			if (!f || fscanf(f, "%*d (%*[^)]) %1s", state) != 1)
				_exit(1);
			fclose(f);
		}
		EXPECT_OK(kill(me, signo));
	});
}

TEST(poll_edges, timeout_and_negative_descriptors)
{
	struct pollfd v[2] = { { .fd = -1, .events = POLLIN, .revents = 9 },
			       { .fd = -7, .events = POLLIN, .revents = 9 } };
	struct timespec t;

	EXPECT_OK(clock_gettime(CLOCK_MONOTONIC, &t));
	EXPECT_EQ(0, poll(v, 2, 30));
	EXPECT_TRUE(ms_since(&t) >= 29);
	EXPECT_EQ(0, v[0].revents);
	EXPECT_EQ(0, v[1].revents);
	EXPECT_EQ(0, poll(NULL, 0, 0));
}

TEST(poll_edges, refuses_bad_arguments)
{
	struct rlimit lim = { 8, 8 };
	struct pollfd v[16] = { { .fd = 0 } };
	struct timespec bad = { 0, 1000000000 }, neg = { -1, 0 };

	EXPECT_ERRNO(EFAULT, poll(nowhere, 1, 0));
	EXPECT_ERRNO(EINVAL, ppoll(v, 0, &bad, NULL));
	EXPECT_ERRNO(EINVAL, ppoll(v, 0, &neg, NULL));
	EXPECT_ERRNO(EINVAL, syscall(SYS_ppoll, v, 0, NULL, v, 4));
	EXPECT_OK(setrlimit(RLIMIT_NOFILE, &lim));
	EXPECT_ERRNO(EINVAL, poll(v, 9, 0));
	EXPECT_ERRNO(EINVAL, poll(nowhere, 9, 0));
}

TEST(poll_edges, closed_descriptor_is_nval)
{
	EXPECT_OK(pipe(p));
	EXPECT_OK(close(p[0]));
	EXPECT_EQ(POLLNVAL, poll_one(p[0], POLLIN, -1));
	EXPECT_EQ(POLLNVAL, poll_one(p[0], 0, 0));
}

TEST(poll_edges, pipe_bits)
{
	EXPECT_OK(pipe(p));
	EXPECT_EQ(0, poll_one(p[0], POLLIN, 0));
	EXPECT_EQ(POLLOUT, poll_one(p[1], POLLOUT | POLLIN, 0));
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(POLLIN | POLLRDNORM,
		  poll_one(p[0], POLLIN | POLLRDNORM | POLLPRI, 0));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(POLLIN | POLLHUP, poll_one(p[0], POLLIN, 0));
	EXPECT_OK(pipe(p));
	EXPECT_OK(close(p[1]));
	/* Hang-up is told without being asked for. */
	EXPECT_EQ(POLLHUP, poll_one(p[0], 0, -1));
	EXPECT_OK(pipe(p));
	EXPECT_OK(close(p[0]));
	EXPECT_EQ(POLLERR | POLLOUT, poll_one(p[1], POLLOUT, -1));
}

TEST(poll_edges, regular_files_are_always_ready)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT, 0644));
	int dir = EXPECT_OK(open(".", O_RDONLY | O_DIRECTORY));

	EXPECT_EQ(POLLIN | POLLOUT, poll_one(fd, POLLIN | POLLOUT, -1));
	EXPECT_EQ(POLLIN | POLLOUT, poll_one(dir, POLLIN | POLLOUT, -1));
}

TEST(poll_edges, same_descriptor_twice)
{
	struct pollfd v[3];

	EXPECT_OK(pipe(p));
	EXPECT_EQ(1, write(p[1], "x", 1));
	v[0] = (struct pollfd){ .fd = p[0], .events = POLLIN };
	v[1] = (struct pollfd){ .fd = p[1], .events = POLLIN };
	v[2] = v[0];
	EXPECT_EQ(2, poll(v, 3, -1));
	EXPECT_EQ(POLLIN, v[0].revents);
	EXPECT_EQ(0, v[1].revents);
	EXPECT_EQ(POLLIN, v[2].revents);
}

TEST(poll_edges, wakes_for_data)
{
	pid_t child;

	EXPECT_OK(pipe(p));
	child = CHILD({ EXPECT_EQ(POLLIN, poll_one(p[0], POLLIN, -1)); });
	EXPECT_EQ(1, write(p[1], "x", 1));
	EXPECT_EXIT(0, child);
}

TEST(poll_edges, wakes_for_hang_up)
{
	pid_t child;

	EXPECT_OK(pipe(p));
	child = CHILD({
		close(p[1]);
		EXPECT_EQ(POLLHUP, poll_one(p[0], POLLIN, -1));
	});
	EXPECT_OK(close(p[1]));
	EXPECT_EXIT(0, child);
}

TEST(poll_edges, is_interrupted_and_never_restarted)
{
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };
	struct pollfd pfd;
	pid_t child;

	EXPECT_OK(pipe(p));
	pfd = (struct pollfd){ .fd = p[0], .events = POLLIN };
	EXPECT_OK(sigaction(SIGUSR1, &sa, NULL));
	child = interrupt_me(SIGUSR1);
	EXPECT_ERRNO(EINTR, poll(&pfd, 1, 10000));
	EXPECT_EQ(SIGUSR1, got_signal);
	EXPECT_EXIT(0, child);
}

/* A stop and a continue without a handler go on with what was left. */
TEST(poll_edges, goes_on_after_stop_and_continue)
{
	struct timespec t;
	pid_t child = CHILD({
		EXPECT_OK(clock_gettime(CLOCK_MONOTONIC, &t));
		EXPECT_EQ(0, poll(NULL, 0, 200));
		EXPECT_TRUE(ms_since(&t) >= 199);
	});
	int st;

	EXPECT_OK(kill(child, SIGSTOP));
	EXPECT_OK(waitpid(child, &st, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(st));
	EXPECT_OK(kill(child, SIGCONT));
	EXPECT_EXIT(0, child);
}

TEST(poll_edges, ppoll_mask_lets_a_pending_signal_in)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct timespec t = { 10, 0 };
	sigset_t set, empty, now;

	EXPECT_OK(sigaction(SIGUSR1, &sa, NULL));
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	EXPECT_OK(raise(SIGUSR1));
	EXPECT_EQ(0, got_signal);
	EXPECT_ERRNO(EINTR, ppoll(NULL, 0, &t, &empty));
	EXPECT_EQ(SIGUSR1, got_signal);
	EXPECT_OK(sigprocmask(SIG_BLOCK, NULL, &now));
	EXPECT_TRUE(sigismember(&now, SIGUSR1));
}

/* With something ready the signal stays pending. */
TEST(poll_edges, ppoll_ready_wins_over_the_signal)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct pollfd pfd;
	sigset_t set, empty;

	EXPECT_OK(pipe(p));
	EXPECT_EQ(1, write(p[1], "x", 1));
	pfd = (struct pollfd){ .fd = p[0], .events = POLLIN };
	EXPECT_OK(sigaction(SIGUSR1, &sa, NULL));
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	EXPECT_OK(raise(SIGUSR1));
	EXPECT_EQ(1, ppoll(&pfd, 1, NULL, &empty));
	EXPECT_EQ(0, got_signal);
	EXPECT_OK(sigpending(&set));
	EXPECT_TRUE(sigismember(&set, SIGUSR1));
}

TEST(poll_edges, ppoll_tells_the_time_that_is_left)
{
	struct timespec t = { 100, 0 };
	struct pollfd pfd;

	EXPECT_OK(pipe(p));
	EXPECT_EQ(1, write(p[1], "x", 1));
	pfd = (struct pollfd){ .fd = p[0], .events = POLLIN };
	EXPECT_EQ(1, syscall(SYS_ppoll, &pfd, 1, &t, NULL, 8));
	EXPECT_TRUE(t.tv_sec == 99 || t.tv_sec == 100);
	t = (struct timespec){ 0, 1000000 };
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(0, syscall(SYS_ppoll, NULL, 0, &t, NULL, 8));
	EXPECT_EQ(0, t.tv_sec | t.tv_nsec);
}

TEST(poll_edges, only_revents_is_written)
{
	struct pollfd *v = EXPECT_OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	v[0] = (struct pollfd){ .fd = -1, .events = POLLIN };
	EXPECT_OK(mprotect(v, 4096, PROT_READ));
	EXPECT_ERRNO(EFAULT, poll(v, 1, 0));
}

static void *write_later(void *arg)
{
	EXPECT_EQ(1, write(*(int *)arg, "x", 1));
	return NULL;
}

TEST(poll_edges, many_descriptors)
{
	struct pollfd v[200];
	pthread_t th;
	int w = -1;

	for (int i = 0; i < 200; i++) {
		EXPECT_OK(pipe(p));
		v[i] = (struct pollfd){ .fd = p[0], .events = POLLIN };
		if (i == 150)
			w = p[1];
	}
	EXPECT_EQ(0, pthread_create(&th, NULL, write_later, &w));
	EXPECT_EQ(1, poll(v, 200, -1));
	EXPECT_EQ(POLLIN, v[150].revents);
	EXPECT_EQ(0, v[149].revents);
	EXPECT_EQ(0, pthread_join(th, NULL));
}

TEST(poll_edges, rdhup_of_a_socket)
{
	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	EXPECT_EQ(POLLOUT, poll_one(p[0], POLLIN | POLLOUT | POLLRDHUP, 0));
	EXPECT_OK(shutdown(p[1], SHUT_WR));
	EXPECT_EQ(POLLIN | POLLRDHUP, poll_one(p[0], POLLIN | POLLRDHUP, -1));
	EXPECT_OK(close(p[1]));
	EXPECT_EQ(POLLIN | POLLRDHUP | POLLHUP,
		  poll_one(p[0], POLLIN | POLLRDHUP, -1));
}

TEST_MAIN
