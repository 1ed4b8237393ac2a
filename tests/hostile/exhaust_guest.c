/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exhaust_guest: takes as much of one kind of object as there is.
 *
 *	exhaust_guest NAME
 *
 * prints "NAME: ERRNO after COUNT" when the kernel has said no, then sleeps
 * with all of it held.  What says no, and how, is for exhaust.sh to judge.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const char *name;
static char page[4096];

/* Nothing more is to be had: says so and stays. */
static void full(long nr)
{
	const char *e = strerrorname_np(errno);

	printf("%s: %s after %ld\n", name, e ? e : "?", nr);
	fflush(stdout);
	for (;;)
		pause();
}

static void raise_limit(int which, rlim_t most)
{
	struct rlimit r;

	getrlimit(which, &r);
	if (r.rlim_max > most)
		r.rlim_max = most;
	r.rlim_cur = r.rlim_max;
	setrlimit(which, &r);
}

/* --- tasks ---------------------------------------------------------------- */

static void sleepers(void)
{
	for (long n = 0;; n++) {
		pid_t pid = fork();

		if (pid < 0)
			full(n);
		if (pid == 0)
			for (;;)
				pause();
	}
}

/* Everybody forks; process 1 of it tells when it has had enough. */
static void fork_bomb(void)
{
	pid_t first = getpid();

	for (long n = 0;; n++) {
		if (fork() >= 0)
			continue;
		if (getpid() == first)
			full(n);
		pause();
	}
}

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void threads(void)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (long n = 0;; n++) {
		errno = pthread_create(&t, &attr, sleep_on, NULL);
		if (errno)
			full(n);
	}
}

static void zombies(void)
{
	for (long n = 0;; n++) {
		pid_t pid = fork();

		if (pid < 0)
			full(n);
		if (pid == 0)
			_exit(0);
	}
}

/* --- descriptors ---------------------------------------------------------- */

/*
 * Calls @more until it fails; once descriptors run out, in another child.  They
 * report in shared memory: a pipe may need more than there is.
 */
static void by_processes(int (*more)(void))
{
	struct said {
		long nr;
		int err;
		_Atomic int done;
	} *said = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long n = 0;

	raise_limit(RLIMIT_NOFILE, 20000);
	for (int procs = 0; procs < 64; procs++) {
		pid_t pid;

		*said = (struct said){ 0 };
		pid = fork();
		if (pid < 0)
			full(n);
		if (pid == 0) {
			while (more() == 0)
				said->nr++;
			said->err = errno;
			said->done = 1;
			for (;;)
				pause();
		}
		while (!said->done && waitpid(pid, NULL, WNOHANG) == 0)
			usleep(1000);
		errno = said->done ? said->err : ESRCH; /* killed */
		n += said->nr;
		if (errno != EMFILE)
			full(n);
	}
	full(n);
}

static int one_fd(void)
{
	return open("/dev/null", O_RDONLY) < 0 ? -1 : 0;
}

static int one_pipe(void)
{
	int p[2];

	if (pipe2(p, O_NONBLOCK) < 0)
		return -1;
	while (write(p[1], page, sizeof(page)) > 0)
		;
	return 0;
}

static int one_socket(void)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) < 0)
		return -1;
	while (write(s[1], page, sizeof(page)) > 0)
		;
	return 0;
}

static int one_eventfd(void)
{
	return eventfd(0, 0) < 0 ? -1 : 0;
}

static int one_timerfd(void)
{
	struct itimerspec its = { { 0, 0 }, { 1000000, 0 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);

	return fd < 0 ? -1 : timerfd_settime(fd, 0, &its, NULL);
}

/* Every descriptor watches all before it. */
static int one_epoll(void)
{
	static int all[2000], nr;
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = epoll_create1(0);

	if (fd < 0)
		return -1;
	for (int i = 0; i < nr; i++)
		if (epoll_ctl(fd, EPOLL_CTL_ADD, all[i], &ev) < 0)
			return errno == ELOOP ? 0 : -1;
	if (nr < 2000) {
		all[nr] = nr % 5 ? eventfd(0, 0) : fd;
		if (all[nr++] < 0)
			return -1;
	}
	return 0;
}

/* Descriptors on their way: sent, never received. */
static int one_flight(void)
{
	char control[CMSG_SPACE(sizeof(int))];
	static int s[2], nr;
	struct iovec iov = { page, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (nr++ % 50 == 0 &&
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s) < 0)
		return -1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &s[0], sizeof(int));
	if (sendmsg(s[1], &m, 0) < 0 && errno != EAGAIN)
		return -1;
	return 0;
}

/* --- queues and lists ----------------------------------------------------- */

static void timers(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	timer_t t;

	for (long n = 0;; n++)
		if (timer_create(CLOCK_MONOTONIC, &ev, &t) < 0)
			full(n);
}

static void signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGTERM);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (long n = 0;; n++)
		if (sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) < 0)
			full(n);
}

static void mounts(void)
{
	char path[64];

	for (long n = 0;; n++) {
		snprintf(path, sizeof(path), "/dev/shm/m%ld", n);
		if (mkdir(path, 0700) < 0 ||
		    mount("none", path, "tmpfs", 0, NULL) < 0)
			full(n);
	}
}

static void locks(void)
{
	int fd = open("/tmp/locked", O_RDWR | O_CREAT, 0600);

	for (long n = 0; n < 3000000; n++) {
		struct flock fl = { .l_type = n % 2 ? F_RDLCK : F_WRLCK,
				    .l_start = n,
				    .l_len = 1 };

		if (fcntl(fd, F_SETLK, &fl) < 0)
			full(n);
		if (n == 20000) { /* quadratic in Linux as well */
			errno = 0;
			full(n);
		}
	}
}

static void watches(void)
{
	char path[64];
	int fd = inotify_init();

	if (fd < 0)
		full(0);
	for (long n = 0;; n++) {
		snprintf(path, sizeof(path), "/tmp/w%ld", n);
		if (mkdir(path, 0700) < 0 || inotify_add_watch(fd, path, 2) < 0)
			full(n);
	}
}

/* --- files in memory ------------------------------------------------------ */

static void inodes(void)
{
	char path[64];

	for (long n = 0;; n++) {
		snprintf(path, sizeof(path), "/dev/shm/f%ld", n);
		int fd = open(path, O_CREAT | O_WRONLY, 0600);

		if (fd < 0)
			full(n);
		close(fd);
	}
}

static void symlinks(void)
{
	char path[64], target[4000];

	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = 0;
	for (long n = 0;; n++) {
		snprintf(path, sizeof(path), "/dev/shm/l%ld", n);
		if (symlink(target, path) < 0)
			full(n);
	}
}

static void xattrs(void)
{
	static char value[60000];
	char key[64];
	int fd;

	for (long n = 0;; n++) {
		snprintf(key, sizeof(key), "/dev/shm/x%ld", n);
		fd = open(key, O_CREAT | O_WRONLY, 0600);
		if (fd < 0)
			full(n);
		if (fsetxattr(fd, "user.a", value, sizeof(value), 0) < 0)
			full(n);
		close(fd);
	}
}

static void file_data(void)
{
	int fd = open("/dev/shm/data", O_CREAT | O_WRONLY, 0600);
	static char big[1 << 20];

	memset(big, 1, sizeof(big));
	for (long n = 0;; n++)
		if (write(fd, big, sizeof(big)) < 0)
			full(n);
}

/* --- memory --------------------------------------------------------------- */

static void maps(void)
{
	/* Alternating protections: nothing merges. */
	for (long n = 0;; n++)
		if (mmap(NULL, 4096, n % 2 ? PROT_READ : PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			full(n);
}

/* As many processes as there can be, each with many maps. */
static void maps_and_forks(void)
{
	for (long n = 0; n < 20000; n++)
		if (mmap(NULL, 4096, n % 2 ? PROT_READ : PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			full(n);
	sleepers();
}

static void memory(void)
{
	for (long n = 0;; n++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			full(n);
		memset(p, 1, 1 << 20);
	}
}

/* Touches memory that was promised to it: somebody has to die for it. */
static void touch(void)
{
	size_t size = 3ul << 30;
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			       0);

		if (p == MAP_FAILED)
			_exit(1);
		for (size_t i = 0; i < size; i += 4096)
			p[i] = 1;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		full(-1);
	errno = 0;
	printf("child %s %d\n", WIFSIGNALED(st) ? "signal" : "status",
	       WIFSIGNALED(st) ? WTERMSIG(st) : WEXITSTATUS(st));
	full(1);
}

#define FD_KIND(kind)                     \
	static void kind##s(void)         \
	{                                 \
		by_processes(one_##kind); \
	}
FD_KIND(fd)
FD_KIND(pipe)
FD_KIND(socket)
FD_KIND(eventfd)
FD_KIND(timerfd)
FD_KIND(epoll)
FD_KIND(flight)

static const struct {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{ "sleepers", sleepers }, { "fork-bomb", fork_bomb },
	{ "threads", threads },	  { "zombies", zombies },
	{ "fds", fds },		  { "pipes", pipes },
	{ "sockets", sockets },	  { "eventfds", eventfds },
	{ "timerfds", timerfds }, { "epolls", epolls },
	{ "flights", flights },	  { "timers", timers },
	{ "signals", signals },	  { "mounts", mounts },
	{ "locks", locks },	  { "watches", watches },
	{ "inodes", inodes },	  { "symlinks", symlinks },
	{ "xattrs", xattrs },	  { "file-data", file_data },
	{ "maps", maps },	  { "maps-and-forks", maps_and_forks },
	{ "memory", memory },	  { "touch", touch },
};

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	name = argv[1];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			kinds[i].run();
	return 2;
}
