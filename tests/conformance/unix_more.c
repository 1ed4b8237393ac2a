/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix(7), the rarer parts: urgent data, SO_PEEK_OFF, pidfds, groups, low
 * water marks, limits of descriptors in flight, /proc/net/unix.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>

#include "tests/harness/guest_test.h"

#define PASSPIDFD  76
#define PEERPIDFD  77
#define PASSRIGHTS 83
#define SCM_PIDFD_ 4

static char g_buf[65536];

static void pair(int type, int s[2])
{
	EXPECT_OK(socketpair(AF_UNIX, type, 0, s));
}

static void set_opt(int fd, int name, int value)
{
	EXPECT_OK(setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value)));
}

static int get_opt(int fd, int name)
{
	int value = -77;
	socklen_t len = sizeof(value);

	EXPECT_OK(getsockopt(fd, SOL_SOCKET, name, &value, &len));
	return value;
}

static long peek(int fd, size_t size)
{
	return recv(fd, g_buf, size, MSG_PEEK | MSG_DONTWAIT);
}

static long get(int fd, size_t size)
{
	return recv(fd, g_buf, size, MSG_DONTWAIT);
}

/* --- urgent data ---------------------------------------------------------- */

static void need_oob(int s[2])
{
	pair(SOCK_STREAM, s);
	if (send(s[0], "x", 1, MSG_OOB) < 0 && errno == EOPNOTSUPP)
		SKIP("needs MSG_OOB of AF_UNIX");
	EXPECT_EQ(1, recv(s[1], g_buf, 1, MSG_OOB));
	close(s[0]);
	close(s[1]);
	pair(SOCK_STREAM, s);
}

static int at_mark(int fd)
{
	int v = -1;

	EXPECT_OK(ioctl(fd, SIOCATMARK, &v));
	return v;
}

TEST(unix_more, the_last_byte_is_urgent)
{
	struct pollfd pfd = { .events = POLLIN | POLLPRI };
	int s[2], n;

	need_oob(s);
	EXPECT_EQ(4, send(s[0], "abcX", 4, MSG_OOB));
	pfd.fd = s[1];
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLIN | POLLPRI, pfd.revents);
	EXPECT_OK(ioctl(s[1], FIONREAD, &n));
	EXPECT_EQ(4, n);
	EXPECT_EQ(0, at_mark(s[1]));
	EXPECT_EQ(3, get(s[1], 10)); /* stops in front of it */
	EXPECT_EQ(1, at_mark(s[1]));
	EXPECT_EQ(1, recv(s[1], g_buf, 10, MSG_OOB | MSG_PEEK));
	EXPECT_EQ('X', g_buf[0]);
	EXPECT_EQ(1, recv(s[1], g_buf, 10, MSG_OOB));
	EXPECT_ERRNO(EINVAL, recv(s[1], g_buf, 10, MSG_OOB));
	EXPECT_EQ(0, poll(&pfd, 1, 0) && (pfd.revents & POLLPRI));
	EXPECT_ERRNO(EAGAIN, get(s[1], 10));
}

TEST(unix_more, urgent_data_can_be_missed_or_overtaken)
{
	int s[2];

	need_oob(s);
	EXPECT_EQ(1, send(s[0], "A", 1, MSG_OOB));
	EXPECT_EQ(1, send(s[0], "B", 1, MSG_OOB));
	EXPECT_EQ(1, send(s[0], "C", 1, 0));
	EXPECT_EQ(1, get(s[1], 10)); /* no longer urgent */
	EXPECT_EQ('A', g_buf[0]);
	EXPECT_EQ(1, get(s[1], 10)); /* passes over B */
	EXPECT_EQ('C', g_buf[0]);
	EXPECT_ERRNO(EINVAL, recv(s[1], g_buf, 1, MSG_OOB));
}

TEST(unix_more, urgent_data_inline)
{
	int s[2];

	need_oob(s);
	set_opt(s[1], SO_OOBINLINE, 1);
	EXPECT_EQ(1, get_opt(s[1], SO_OOBINLINE));
	EXPECT_EQ(3, send(s[0], "abX", 3, MSG_OOB));
	EXPECT_ERRNO(EINVAL, recv(s[1], g_buf, 1, MSG_OOB));
	EXPECT_EQ(2, get(s[1], 10));
	EXPECT_EQ(1, get(s[1], 10));
	EXPECT_EQ('X', g_buf[0]);
}

TEST(unix_more, urgent_data_is_for_streams)
{
	int s[2];

	pair(SOCK_DGRAM, s);
	EXPECT_ERRNO(EOPNOTSUPP, send(s[0], "x", 1, MSG_OOB));
	EXPECT_ERRNO(EOPNOTSUPP, recv(s[0], g_buf, 1, MSG_OOB));
	pair(SOCK_STREAM, s);
	EXPECT_ERRNO(EOPNOTSUPP, send(s[0], "", 0, MSG_OOB));
	EXPECT_ERRNO(EINVAL, recv(s[0], g_buf, 1, MSG_OOB));
}

/* --- SO_PEEK_OFF ---------------------------------------------------------- */

TEST(unix_more, peeking_at_an_offset_of_a_stream)
{
	int s[2];

	pair(SOCK_STREAM, s);
	EXPECT_EQ(-1, get_opt(s[1], SO_PEEK_OFF));
	EXPECT_EQ(4, send(s[0], "abcd", 4, 0));
	EXPECT_EQ(4, send(s[0], "efgh", 4, 0));
	EXPECT_EQ(2, peek(s[1], 2));
	set_opt(s[1], SO_PEEK_OFF, 1);
	EXPECT_EQ(2, peek(s[1], 2));
	EXPECT_EQ(0, memcmp(g_buf, "bc", 2));
	EXPECT_EQ(3, get_opt(s[1], SO_PEEK_OFF));
	EXPECT_EQ(3, peek(s[1], 3)); /* across two messages */
	EXPECT_EQ(0, memcmp(g_buf, "def", 3));
	EXPECT_EQ(2, get(s[1], 2));
	EXPECT_EQ(4, get_opt(s[1], SO_PEEK_OFF));
	EXPECT_EQ(2, peek(s[1], 9));
	EXPECT_EQ(0, memcmp(g_buf, "gh", 2));
	EXPECT_ERRNO(EAGAIN, peek(s[1], 9));
	EXPECT_EQ(2, send(s[0], "ij", 2, 0));
	EXPECT_EQ(2, peek(s[1], 9));
	set_opt(s[1], SO_PEEK_OFF, -1);
	EXPECT_EQ(8, peek(s[1], 99));
	EXPECT_EQ('c', g_buf[0]);
}

TEST(unix_more, peeking_from_datagram_to_datagram)
{
	int s[2];

	pair(SOCK_DGRAM, s);
	set_opt(s[1], SO_PEEK_OFF, 0);
	EXPECT_EQ(3, send(s[0], "abc", 3, 0));
	EXPECT_EQ(4, send(s[0], "defg", 4, 0));
	EXPECT_EQ(2, peek(s[1], 2));
	EXPECT_EQ(1, peek(s[1], 9));
	EXPECT_EQ('c', g_buf[0]);
	EXPECT_EQ(4, peek(s[1], 9));
	EXPECT_EQ('d', g_buf[0]);
	EXPECT_ERRNO(EAGAIN, peek(s[1], 9));
	EXPECT_EQ(3, get(s[1], 9));
	EXPECT_EQ(4, get_opt(s[1], SO_PEEK_OFF));
}

static void *late_sender(void *arg)
{
	usleep(20000);
	return (void *)send(*(int *)arg, "later", 5, 0);
}

TEST(unix_more, peeking_behind_the_end_waits)
{
	pthread_t th;
	int s[2];

	pair(SOCK_STREAM, s);
	EXPECT_EQ(3, send(s[0], "abc", 3, 0));
	set_opt(s[1], SO_PEEK_OFF, 3);
	EXPECT_EQ(0, pthread_create(&th, NULL, late_sender, &s[0]));
	EXPECT_EQ(5, recv(s[1], g_buf, 10, MSG_PEEK));
	EXPECT_EQ(0, memcmp(g_buf, "later", 5));
	pthread_join(th, NULL);
}

/* --- low water marks ------------------------------------------------------ */

static volatile long g_got;

static void *reader(void *arg)
{
	g_got = recv(*(int *)arg, g_buf, 100, 0);
	return NULL;
}

TEST(unix_more, a_read_waits_for_the_low_water_mark)
{
	pthread_t th;
	int s[2], n = 0;

	pair(SOCK_STREAM, s);
	EXPECT_EQ(1, get_opt(s[1], SO_RCVLOWAT));
	set_opt(s[1], SO_RCVLOWAT, 6);
	EXPECT_EQ(0, pthread_create(&th, NULL, reader, &s[1]));
	EXPECT_EQ(3, send(s[0], "abc", 3, 0));
	EXPECT_SOON(ioctl(s[1], FIONREAD, &n) == 0 && n == 0);
	EXPECT_EQ(0, g_got);
	EXPECT_EQ(3, send(s[0], "def", 3, 0));
	pthread_join(th, NULL);
	EXPECT_EQ(6, g_got);
	EXPECT_ERRNO(ENOPROTOOPT,
		     setsockopt(s[1], SOL_SOCKET, SO_SNDLOWAT, &n, sizeof(n)));
	EXPECT_EQ(1, get_opt(s[1], SO_SNDLOWAT));
}

/* --- who sends ------------------------------------------------------------ */

struct control {
	_Alignas(8) char space[512];
	struct msghdr m;
	struct iovec iov;
	char byte;
};

static long receive(int fd, struct control *c, int flags)
{
	memset(&c->m, 0, sizeof(c->m));
	c->iov = (struct iovec){ &c->byte, 1 };
	c->m.msg_iov = &c->iov;
	c->m.msg_iovlen = 1;
	c->m.msg_control = c->space;
	c->m.msg_controllen = sizeof(c->space);
	return recvmsg(fd, &c->m, flags);
}

static struct cmsghdr *find(struct control *c, int type)
{
	struct cmsghdr *h;

	for (h = CMSG_FIRSTHDR(&c->m); h; h = CMSG_NXTHDR(&c->m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == type)
			return h;
	return NULL;
}

static pid_t pid_of(int pidfd)
{
	char path[64], line[128];
	int pid = -99;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	if (f)
		fclose(f);
	return pid;
}

static bool has_pidfds(int fd)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, PASSPIDFD, &on, sizeof(on)) == 0;
}

TEST(unix_more, a_pidfd_of_the_sender)
{
	struct control c;
	struct cmsghdr *h;
	int s[2], fd;
	pid_t kid;

	pair(SOCK_STREAM, s);
	if (!has_pidfds(s[1]))
		SKIP("needs Linux 6.5");
	EXPECT_EQ(1, get_opt(s[1], PASSPIDFD));
	kid = CHILD(_exit(write(s[0], "x", 1) == 1 ? 0 : 1));
	EXPECT_EQ(1, receive(s[1], &c, 0));
	h = find(&c, SCM_PIDFD_);
	EXPECT_TRUE(h);
	EXPECT_EQ(CMSG_LEN(sizeof(int)), h->cmsg_len);
	memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(kid, pid_of(fd));
	EXPECT_TRUE(!find(&c, SCM_CREDENTIALS));
	EXPECT_EXIT(0, kid);
}

TEST(unix_more, different_senders_are_not_glued)
{
	struct control c;
	int s[2];
	pid_t kid;

	pair(SOCK_STREAM, s);
	set_opt(s[1], SO_PASSCRED, 1);
	EXPECT_EQ(1, write(s[0], "a", 1));
	kid = CHILD(_exit(write(s[0], "b", 1) == 1 ? 0 : 1));
	EXPECT_EXIT(0, kid);
	c.iov.iov_len = 0;
	EXPECT_EQ(1, get(s[1], 10));
	EXPECT_EQ(1, receive(s[1], &c, 0));
	EXPECT_TRUE(find(&c, SCM_CREDENTIALS));
}

TEST(unix_more, the_peer_as_a_pidfd_and_its_groups)
{
	int s[2], fd, x = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	gid_t groups[256], mine[256];
	socklen_t len = sizeof(fd);
	int n = getgroups(256, mine);

	pair(SOCK_STREAM, s);
	EXPECT_EQ(0, getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, groups,
				(len = sizeof(groups), &len)));
	EXPECT_EQ(n * sizeof(gid_t), len);
	EXPECT_ERRNO(ENODATA, getsockopt(x, SOL_SOCKET, SO_PEERGROUPS, groups,
					 (len = sizeof(groups), &len)));
	if (!has_pidfds(s[0]))
		SKIP("needs Linux 6.5");
	fd = get_opt(s[0], PEERPIDFD);
	EXPECT_EQ(getpid(), pid_of(fd));
	EXPECT_ERRNO(ENODATA, getsockopt(x, SOL_SOCKET, PEERPIDFD, &fd,
					 (len = sizeof(fd), &len)));
}

TEST(unix_more, peergroups_says_how_much_room_it_needs)
{
	gid_t two[2] = { 5, 7 }, got[4];
	socklen_t len = 4;
	int s[2];

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_OK(setgroups(2, two));
	pair(SOCK_STREAM, s);
	EXPECT_ERRNO(ERANGE,
		     getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, got, &len));
	EXPECT_EQ(8, len);
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_PEERGROUPS, got, &len));
	EXPECT_EQ(5, got[0]);
	EXPECT_EQ(7, got[1]);
}

TEST(unix_more, wanting_credentials_gives_a_name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a);
	int l = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int c = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	EXPECT_OK(bind(l, (struct sockaddr *)&a, sizeof(sa_family_t)));
	EXPECT_OK(getsockname(l, (struct sockaddr *)&a, &len));
	EXPECT_OK(listen(l, 1));
	set_opt(c, SO_PASSCRED, 1);
	EXPECT_OK(connect(c, (struct sockaddr *)&a, len));
	len = sizeof(a);
	EXPECT_OK(getsockname(c, (struct sockaddr *)&a, &len));
	EXPECT_EQ(sizeof(sa_family_t) + 6, len);
}

/* --- descriptors ---------------------------------------------------------- */

static long send_fds(int to, const int *fds, int nr, int flags)
{
	_Alignas(8) char space[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;

	m.msg_control = space;
	m.msg_controllen = CMSG_SPACE((size_t)nr * sizeof(int));
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN((size_t)nr * sizeof(int));
	memcpy(CMSG_DATA(h), fds, (size_t)nr * sizeof(int));
	return sendmsg(to, &m, flags);
}

TEST(unix_more, a_receiver_can_refuse_descriptors)
{
	int s[2], zero = 0;

	pair(SOCK_STREAM, s);
	if (setsockopt(s[1], SOL_SOCKET, PASSRIGHTS, &zero, sizeof(zero)) < 0)
		SKIP("needs Linux 6.16");
	EXPECT_EQ(0, get_opt(s[1], PASSRIGHTS));
	EXPECT_ERRNO(EPERM, send_fds(s[0], s, 1, 0));
	EXPECT_EQ(1, send(s[0], "x", 1, 0));
}

TEST(unix_more, too_many_descriptors_in_flight)
{
	struct rlimit lim = { 40, 40 };
	int s[2], nr = 0;
	long ret;

	if (geteuid() == 0)
		SKIP("needs an ordinary user");
	pair(SOCK_DGRAM, s);
	EXPECT_OK(setrlimit(RLIMIT_NOFILE, &lim));
	while ((ret = send_fds(s[0], s, 1, MSG_DONTWAIT)) == 1 && nr < 100)
		nr++;
	EXPECT_EQ(-1, ret);
	if (errno == EAGAIN)
		SKIP("needs a longer queue of datagrams");
	EXPECT_EQ(ETOOMANYREFS, errno);
	EXPECT_TRUE(nr >= 20 && nr <= 41);
	while (get(s[1], 1) == 1)
		;
	EXPECT_EQ(1, send_fds(s[0], s, 1, MSG_DONTWAIT));
}

/* --- reading into pages that come from a file ----------------------------- */

TEST(unix_more, reads_into_a_mapped_file)
{
	char *volatile nowhere = (char *)8;
	int s[2], fd = EXPECT_OK(memfd_create("f", 0));
	char *at;

	EXPECT_OK(ftruncate(fd, 8192));
	at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT_TRUE(at != MAP_FAILED);
	pair(SOCK_STREAM, s);
	EXPECT_EQ(6000, send(s[0], g_buf, 6000, 0));
	EXPECT_EQ(6000, read(s[1], at + 100, 8000));
	EXPECT_EQ(5, send(s[0], "hello", 5, 0));
	EXPECT_ERRNO(EFAULT, read(s[1], nowhere, 5));
	EXPECT_EQ(5, get(s[1], 9));
}

/* --- time ----------------------------------------------------------------- */

TEST(unix_more, a_timeout_counts_over_all_waits)
{
	struct timeval tv = { 0, 50000 };
	struct timespec a, b;
	int s[2];
	long ms;

	pair(SOCK_STREAM, s);
	EXPECT_OK(setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	clock_gettime(CLOCK_MONOTONIC, &a);
	EXPECT_EQ(3, send(s[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(s[1], g_buf, 10, MSG_WAITALL));
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	EXPECT_TRUE(ms >= 45 && ms < 5000);
	EXPECT_ERRNO(EAGAIN, recv(s[1], g_buf, 10, 0));
}

/* --- options -------------------------------------------------------------- */

TEST(unix_more, options_are_kept)
{
	unsigned long cookie = 0, again = 0;
	socklen_t len = sizeof(cookie);
	int s[2];

	pair(SOCK_STREAM, s);
	set_opt(s[0], SO_REUSEADDR, 1);
	EXPECT_EQ(1, get_opt(s[0], SO_REUSEADDR));
	set_opt(s[0], SO_BROADCAST, 5);
	EXPECT_EQ(1, get_opt(s[0], SO_BROADCAST));
	EXPECT_EQ(0, get_opt(s[1], SO_BROADCAST));
	set_opt(s[0], SO_PRIORITY, 3);
	EXPECT_EQ(3, get_opt(s[0], SO_PRIORITY));
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &cookie, &len));
	EXPECT_OK(getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &again, &len));
	EXPECT_TRUE(cookie != 0 && cookie == again);
	len = 4;
	EXPECT_ERRNO(EINVAL,
		     getsockopt(s[0], SOL_SOCKET, SO_COOKIE, &cookie, &len));
	EXPECT_ERRNO(ENOPROTOOPT,
		     getsockopt(s[0], SOL_SOCKET, SO_PEERSEC, g_buf, &len));
}

/* --- /proc/net/unix ------------------------------------------------------- */

static bool listed(unsigned long ino, const char *name, const char *state)
{
	char line[512], path[256], st[8];
	unsigned long i;
	bool found = false;
	FILE *f = fopen("/proc/net/unix", "r");

	while (f && fgets(line, sizeof(line), f)) {
		path[0] = '\0';
		if (sscanf(line, "%*s %*s %*s %*s %*s %7s %lu %255s", st, &i,
			   path) >= 2 &&
		    i == ino)
			found = !strcmp(path, name) && !strcmp(st, state);
	}
	if (f)
		fclose(f);
	return found;
}

TEST(unix_more, proc_lists_sockets)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s[2], l = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	char shown[64];
	struct stat st;

	snprintf(a.sun_path + 1, 40, "moat-list-%d", getpid());
	snprintf(shown, sizeof(shown), "@moat-list-%d", getpid());
	EXPECT_OK(bind(l, (struct sockaddr *)&a,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				   strlen(a.sun_path + 1))));
	EXPECT_OK(fstat(l, &st));
	EXPECT_TRUE(listed(st.st_ino, shown, "01"));
	pair(SOCK_DGRAM, s);
	EXPECT_OK(fstat(s[0], &st));
	EXPECT_TRUE(listed(st.st_ino, "", "03"));
	close(s[0]);
	EXPECT_TRUE(!listed(st.st_ino, "", "03"));
}

TEST_MAIN
