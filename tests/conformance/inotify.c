/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: inotify(7), in a directory of a tmpfs (/dev/shm).
 *
 * Events are read as text, "wd:EVENT[+isdir][=name]" and a space each, where
 * wd is the watch's place in the order of creation.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>

#include "tests/harness/guest_test.h"

static int in;

static void enter(void)
{
	EXPECT_OK(chdir(scratch("/dev/shm")));
	in = EXPECT_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

static int make(const char *name)
{
	return EXPECT_OK(open(name, O_CREAT | O_RDWR | O_EXCL, 0600));
}

static int watch(const char *name, uint32_t mask)
{
	return EXPECT_OK(inotify_add_watch(in, name, mask));
}

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ IN_ACCESS, "ACCESS" },       { IN_MODIFY, "MODIFY" },
	{ IN_ATTRIB, "ATTRIB" },       { IN_CLOSE_WRITE, "CLOSEW" },
	{ IN_CLOSE_NOWRITE, "CLOSE" }, { IN_OPEN, "OPEN" },
	{ IN_MOVED_FROM, "FROM" },     { IN_MOVED_TO, "TO" },
	{ IN_CREATE, "CREATE" },       { IN_DELETE, "DELETE" },
	{ IN_DELETE_SELF, "GONE" },    { IN_MOVE_SELF, "MOVED" },
	{ IN_UNMOUNT, "UNMOUNT" },     { IN_Q_OVERFLOW, "OVERFLOW" },
	{ IN_IGNORED, "IGNORED" },
};

static size_t put_event(char *at, const struct inotify_event *e)
{
	char *start = at;

	at += sprintf(at, "%d:", e->wd);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (e->mask & names[i].bit)
			at += sprintf(at, "%s", names[i].name);
	if (e->mask & IN_ISDIR)
		at += sprintf(at, "+isdir");
	if (e->len)
		at += sprintf(at, "=%s", e->name);
	at += sprintf(at, " ");
	return (size_t)(at - start);
}

/* All that is queued now. */
static const char *events(void)
{
	static char text[65536];
	static char buf[16384]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	size_t len = 0;
	ssize_t n;

	text[0] = '\0';
	while ((n = read(in, buf, sizeof(buf))) > 0) {
		for (char *p = buf; p < buf + n;) {
			struct inotify_event *e = (void *)p;

			if (len < sizeof(text) - 400)
				len += put_event(text + len, e);
			p += sizeof(*e) + e->len;
		}
	}
	EXPECT_TRUE(n == 0 || errno == EAGAIN);
	if (len)
		text[len - 1] = '\0';
	return text;
}

TEST(inotify, data_of_a_file)
{
	int fd;
	char c;

	enter();
	fd = make("a");
	watch(".", IN_ALL_EVENTS);
	watch("a", IN_ALL_EVENTS);
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(0, write(fd, "x", 0));
	EXPECT_STR("1:MODIFY=a 2:MODIFY", events());
	EXPECT_EQ(1, pread(fd, &c, 1, 0));
	EXPECT_EQ(0, pread(fd, &c, 1, 9));
	EXPECT_STR("1:ACCESS=a 2:ACCESS", events());
	EXPECT_OK(ftruncate(fd, 0));
	EXPECT_STR("1:MODIFY=a 2:MODIFY", events());
	EXPECT_OK(truncate("a", 9));
	EXPECT_STR("1:MODIFY=a 2:MODIFY", events());
	EXPECT_OK(fallocate(fd, 0, 0, 100));
	EXPECT_STR("1:MODIFY=a 2:MODIFY", events());
	close(EXPECT_OK(open("a", O_WRONLY | O_TRUNC)));
	EXPECT_STR("1:OPEN=a 2:OPEN 1:MODIFY=a 2:MODIFY 1:CLOSEW=a 2:CLOSEW",
		   events());
	close(EXPECT_OK(open("a", O_PATH)));
	EXPECT_STR("", events());
	close(fd);
	EXPECT_STR("1:CLOSEW=a 2:CLOSEW", events());
}

TEST(inotify, attributes)
{
	struct timespec m[2] = { { 0, UTIME_OMIT }, { 5, 0 } };
	struct timespec a[2] = { { 5, 0 }, { 0, UTIME_OMIT } };
	int fd;

	enter();
	fd = make("a");
	watch("a", IN_ALL_EVENTS);
	EXPECT_OK(fchmod(fd, 0644));
	EXPECT_STR("1:ATTRIB", events());
	EXPECT_OK(futimens(fd, NULL));
	EXPECT_STR("1:ATTRIB", events());
	EXPECT_OK(futimens(fd, m));
	EXPECT_STR("1:MODIFY", events());
	EXPECT_OK(futimens(fd, a));
	EXPECT_STR("1:ACCESS", events());
	EXPECT_OK(chown("a", (uid_t)-1, (gid_t)-1));
	EXPECT_STR("", events());
	EXPECT_OK(chown("a", geteuid(), (gid_t)-1));
	EXPECT_STR("1:ATTRIB", events());
	if (setxattr("a", "user.x", "1", 1, 0) < 0)
		SKIP("no user attributes");
	EXPECT_STR("1:ATTRIB", events());
	EXPECT_OK(removexattr("a", "user.x"));
	EXPECT_STR("1:ATTRIB", events());
}

TEST(inotify, names)
{
	int fd;

	enter();
	fd = make("a");
	watch(".", IN_ALL_EVENTS);
	watch("a", IN_ALL_EVENTS);
	EXPECT_OK(link("a", "b"));
	EXPECT_STR("2:ATTRIB 1:CREATE=b", events());
	EXPECT_OK(unlink("b"));
	EXPECT_STR("2:ATTRIB 1:DELETE=b", events());
	EXPECT_OK(rename("a", "c"));
	EXPECT_STR("1:FROM=a 1:TO=c 2:MOVED", events());
	EXPECT_OK(unlink("c"));
	EXPECT_STR("2:ATTRIB 1:DELETE=c", events());
	close(fd);
	EXPECT_STR("1:CLOSEW=c 2:CLOSEW 2:GONE 2:IGNORED", events());
	close(make("a"));
	EXPECT_STR("1:CREATE=a 1:OPEN=a 1:CLOSEW=a", events());
	EXPECT_EQ(3, watch("a", IN_ALL_EVENTS));
	EXPECT_OK(unlink("a"));
	EXPECT_STR("3:ATTRIB 3:GONE 3:IGNORED 1:DELETE=a", events());
	EXPECT_OK(symlink("x", "s"));
	EXPECT_OK(mkfifo("f", 0600));
	EXPECT_STR("1:CREATE=s 1:CREATE=f", events());
}

TEST(inotify, directories)
{
	char buf[1024];
	int fd;

	enter();
	watch(".", IN_ALL_EVENTS);
	EXPECT_OK(mkdir("d", 0700));
	EXPECT_STR("1:CREATE+isdir=d", events());
	watch("d", IN_ALL_EVENTS);
	fd = EXPECT_OK(open("d", O_RDONLY | O_DIRECTORY));
	EXPECT_STR("1:OPEN+isdir=d 2:OPEN+isdir", events());
	EXPECT_OK(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	EXPECT_STR("1:ACCESS+isdir=d 2:ACCESS+isdir", events());
	close(fd);
	EXPECT_STR("1:CLOSE+isdir=d 2:CLOSE+isdir", events());
	close(make("d/x"));
	EXPECT_STR("2:CREATE=x 2:OPEN=x 2:CLOSEW=x", events());
	EXPECT_OK(unlink("d/x"));
	EXPECT_STR("2:DELETE=x", events());
	EXPECT_OK(rename("d", "e"));
	EXPECT_STR("1:FROM+isdir=d 1:TO+isdir=e 2:MOVED", events());
	EXPECT_OK(rmdir("e"));
	EXPECT_STR("2:GONE 2:IGNORED 1:DELETE+isdir=e", events());
}

TEST(inotify, a_rename_replaces_and_swaps)
{
	uint32_t cookie[2];
	char buf[512];
	ssize_t n;

	enter();
	close(make("x"));
	close(make("y"));
	EXPECT_OK(mkdir("d", 0700));
	watch("x", IN_ALL_EVENTS);
	watch("y", IN_ALL_EVENTS);
	watch(".", IN_MOVE);
	EXPECT_OK(rename("x", "y"));
	EXPECT_STR("3:FROM=x 3:TO=y 2:ATTRIB 1:MOVED 2:GONE 2:IGNORED",
		   events());
	EXPECT_OK(syscall(SYS_renameat2, AT_FDCWD, "y", AT_FDCWD, "d", 2));
	EXPECT_STR("3:FROM=y 3:TO=d 1:MOVED 3:FROM+isdir=d 3:TO+isdir=y",
		   events());
	/* Two halves of one rename have a cookie of their own. */
	EXPECT_OK(rename("d", "f"));
	n = EXPECT_OK(read(in, buf, sizeof(buf)));
	EXPECT_TRUE(n >= 32);
	cookie[0] = ((struct inotify_event *)buf)->cookie;
	cookie[1] = ((struct inotify_event *)(buf + 32))->cookie;
	EXPECT_TRUE(cookie[0] != 0);
	EXPECT_EQ(cookie[0], cookie[1]);
}

TEST(inotify, masks)
{
	int a, b;

	enter();
	close(make("a"));
	EXPECT_ERRNO(EINVAL, inotify_add_watch(in, "a", 0));
	EXPECT_ERRNO(EINVAL, inotify_add_watch(in, "a", IN_OPEN | 0x100000));
	EXPECT_ERRNO(EINVAL,
		     inotify_add_watch(in, "a",
				       IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
	EXPECT_ERRNO(ENOTDIR, inotify_add_watch(in, "a", IN_OPEN | IN_ONLYDIR));
	EXPECT_ERRNO(ENOENT, inotify_add_watch(in, "b", IN_OPEN));
	EXPECT_ERRNO(EFAULT, inotify_add_watch(in, (char *)1, IN_OPEN));
	EXPECT_ERRNO(EBADF, inotify_add_watch(-1, "a", IN_OPEN));
	EXPECT_ERRNO(EINVAL, inotify_add_watch(0, "a", IN_OPEN));
	EXPECT_ERRNO(EINVAL, inotify_rm_watch(in, 1));
	EXPECT_ERRNO(EBADF, inotify_rm_watch(-1, 1));
	EXPECT_ERRNO(EINVAL, inotify_rm_watch(0, 1));
	EXPECT_ERRNO(EINVAL, inotify_init1(1));
	a = watch("a", IN_OPEN);
	EXPECT_EQ(a, watch("a", IN_CLOSE));
	close(EXPECT_OK(open("a", O_RDONLY)));
	EXPECT_STR("1:CLOSE", events());
	EXPECT_EQ(a, watch("a", IN_OPEN | IN_MASK_ADD));
	close(EXPECT_OK(open("a", O_RDONLY)));
	EXPECT_STR("1:OPEN 1:CLOSE", events());
	EXPECT_ERRNO(EEXIST,
		     inotify_add_watch(in, "a", IN_OPEN | IN_MASK_CREATE));
	EXPECT_OK(inotify_rm_watch(in, a));
	EXPECT_STR("1:IGNORED", events());
	b = watch("a", IN_OPEN | IN_MASK_CREATE);
	EXPECT_TRUE(b > a);
	EXPECT_OK(symlink("a", "s"));
	EXPECT_EQ(b, watch("s", IN_OPEN));
	EXPECT_TRUE(watch("s", IN_OPEN | IN_DONT_FOLLOW) > b);
	if (geteuid() == 0)
		return;
	EXPECT_OK(chmod("a", 0));
	EXPECT_ERRNO(EACCES, inotify_add_watch(in, "a", IN_OPEN));
}

TEST(inotify, one_shot_and_unlinked)
{
	int fd;

	enter();
	fd = make("a");
	watch("a", IN_OPEN | IN_ONESHOT);
	close(EXPECT_OK(open("a", O_RDONLY)));
	close(EXPECT_OK(open("a", O_RDONLY)));
	EXPECT_STR("1:OPEN 1:IGNORED", events());
	watch(".", IN_MODIFY);
	EXPECT_OK(unlink("a"));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_STR("2:MODIFY=a", events());
	watch(".", IN_MODIFY | IN_EXCL_UNLINK);
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_STR("", events());
}

TEST(inotify, equal_events_are_one)
{
	int fd;

	enter();
	fd = make("a");
	watch("a", IN_MODIFY | IN_ACCESS);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_STR("1:MODIFY", events());
}

TEST(inotify, overflow)
{
	int limit = 0, nr = 0, over = 0, max;
	char buf[4096], c;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	ssize_t n;

	if (!f || fscanf(f, "%d", &limit) != 1)
		limit = 16384;
	enter();
	int fd = make("a");
	EXPECT_EQ(1, write(fd, "x", 1));
	watch("a", IN_MODIFY | IN_ACCESS);
	max = limit / 2 + 10;
	for (int i = 0; i < max; i++) {
		EXPECT_EQ(1, pwrite(fd, "x", 1, 0));
		EXPECT_EQ(1, pread(fd, &c, 1, 0));
	}
	while ((n = read(in, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			struct inotify_event *e = (void *)p;

			if (e->mask == IN_Q_OVERFLOW && e->wd == -1)
				over++;
			else
				nr++;
			p += sizeof(*e) + e->len;
		}
	EXPECT_EQ(limit, nr);
	EXPECT_EQ(1, over);
	EXPECT_EQ(1, pwrite(fd, "x", 1, 0));
	EXPECT_STR("1:MODIFY", events());
}

TEST(inotify, reading)
{
	struct pollfd p;
	char buf[256];
	int n;

	enter();
	p = (struct pollfd){ .fd = in, .events = POLLIN };
	watch(".", IN_CREATE);
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_ERRNO(EAGAIN, read(in, buf, sizeof(buf)));
	close(make("abc"));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_OK(ioctl(in, FIONREAD, &n));
	EXPECT_EQ(32, n);
	EXPECT_ERRNO(EINVAL, read(in, buf, 31));
	EXPECT_ERRNO(EBADF, write(in, buf, 1));
	EXPECT_ERRNO(ESPIPE, pread(in, buf, 99, 0));
	memset(buf, 'z', sizeof(buf));
	EXPECT_EQ(32, read(in, buf, 47));
	EXPECT_EQ(16, ((struct inotify_event *)buf)->len);
	for (int i = 19; i < 32; i++)
		EXPECT_EQ(0, buf[i]);
	close(make("a-name-of-16-chr"));
	EXPECT_OK(ioctl(in, FIONREAD, &n));
	EXPECT_EQ(48, n);
	close(make("c"));
	/* As many as fit. */
	EXPECT_EQ(48, read(in, buf, 79));
	EXPECT_EQ(32, read(in, buf, 79));
	close(make("d"));
	EXPECT_ERRNO(EFAULT, read(in, (char *)8, 100));
	EXPECT_ERRNO(EAGAIN, read(in, buf, 100));
}

static void *make_later(void *arg)
{
	(void)arg;
	close(open("late", O_CREAT | O_WRONLY, 0600));
	return NULL;
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(inotify, a_read_waits)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	char buf[256];
	pthread_t t;

	enter();
	EXPECT_OK(fcntl(in, F_SETFL, 0));
	watch(".", IN_CREATE);
	EXPECT_EQ(0, pthread_create(&t, NULL, make_later, NULL));
	EXPECT_EQ(32, read(in, buf, sizeof(buf)));
	EXPECT_EQ(0, pthread_join(t, NULL));
	EXPECT_OK(sigaction(SIGALRM, &sa, NULL));
	EXPECT_OK(setitimer(ITIMER_REAL, &it, NULL));
	EXPECT_ERRNO(EINTR, read(in, buf, sizeof(buf)));
}

TEST(inotify, limits_of_instances)
{
	int limit = 0, i;
	FILE *f = fopen("/proc/sys/fs/inotify/max_user_instances", "r");

	if (!f || fscanf(f, "%d", &limit) != 1)
		limit = 128;
	if (limit > 1000)
		SKIP("many instances are allowed");
	for (i = 0; i <= limit; i++)
		if (inotify_init() < 0)
			break;
	EXPECT_TRUE(i <= limit);
	EXPECT_EQ(EMFILE, errno);
}

TEST(inotify, fdinfo)
{
	char path[64], want[64], buf[1024];
	struct stat st;
	int fd;

	enter();
	close(make("a"));
	watch("a", IN_OPEN);
	EXPECT_OK(stat("a", &st));
	sprintf(path, "/proc/self/fdinfo/%d", in);
	fd = EXPECT_OK(open(path, O_RDONLY));
	buf[EXPECT_OK(read(fd, buf, sizeof(buf) - 1))] = '\0';
	sprintf(want, "inotify wd:1 ino:%lx ", (unsigned long)st.st_ino);
	EXPECT_TRUE(strstr(buf, want) != NULL);
	EXPECT_TRUE(strstr(buf, " mask:20 ignored_mask:0 ") != NULL);
}

TEST(inotify, an_unmount_ends_watches)
{
	enter();
	EXPECT_OK(mkdir("m", 0700));
	if (mount("none", "m", "tmpfs", 0, NULL) < 0)
		SKIP("cannot mount: %s", strerror(errno));
	close(make("m/a"));
	watch("m/a", IN_ALL_EVENTS);
	EXPECT_OK(umount("m"));
	EXPECT_STR("1:UNMOUNT 1:IGNORED", events());
}

static _Atomic int stop;

static void *churn(void *arg)
{
	char name[16];

	sprintf(name, "t%ld", (long)arg);
	while (!stop) {
		close(open(name, O_CREAT | O_RDWR, 0600));
		unlink(name);
	}
	return NULL;
}

/* Watches come and go while their files do. */
TEST(inotify, races)
{
	char name[16], buf[4096];
	pthread_t t[3];
	ssize_t n;
	int wd;

	enter();
	for (long i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_create(&t[i], NULL, churn, (void *)i));
	for (int i = 0; i < 600; i++) {
		sprintf(name, "t%d", i % 3);
		wd = inotify_add_watch(in, i % 4 ? name : ".", IN_ALL_EVENTS);
		while ((n = read(in, buf, sizeof(buf))) > 0)
			EXPECT_TRUE(n >= 16);
		if (wd >= 0 && i % 2)
			inotify_rm_watch(in, wd);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(t[i], NULL));
}

TEST_MAIN
