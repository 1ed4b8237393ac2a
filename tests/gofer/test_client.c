/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client: the sentry's end of the protocol against a real gofer: every
 * call, many threads at once, and the gofer's death.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sentry/fs/gofer/client.h"
#include "sentry/host/host.h"
#include "sentry/sandbox.h"
#include "tests/gofer/gofer_process.h"

static struct gofer_process g_gofer;
static gofer_handle g_root;
static _Atomic int g_deaths;

/* In its place the sandbox would end. */
void sandbox_die(const char *why)
{
	(void)why;
	g_deaths++;
	for (;;)
		pause();
}

static struct {
	void (*fn)(void *arg);
	void *arg;
} g_thread;

static void *thread_main(void *arg)
{
	(void)arg;
	g_thread.fn(g_thread.arg);
	return NULL;
}

/* The client starts one. */
int host_thread_new(void (*fn)(void *arg), void *arg, const char *name)
{
	pthread_t thread;

	(void)name;
	g_thread.fn = fn;
	g_thread.arg = arg;
	return -pthread_create(&thread, NULL, thread_main, NULL);
}

static int set_up(void **state)
{
	struct gofer_node n;
	int ret;

	(void)state;
	gofer_process_tree(&g_gofer);
	ret = gofer_process_start(&g_gofer, g_gofer.tree, false);
	if (ret < 0) {
		print_message("skipped: namespaces are not permitted\n");
		exit(0);
	}
	ret = gofer_connect(dup(g_gofer.shm_fd), dup(g_gofer.sock));
	if (ret == 0)
		ret = gofer_attach(0, &n);
	g_root = n.handle;
	return ret;
}

static int tear_down(void **state)
{
	(void)state;
	gofer_process_stop(&g_gofer);
	return 0;
}

static int walk1(gofer_handle dir, const char *name, struct gofer_node *out)
{
	int err, n = gofer_walk(dir, &name, 1, out, &err);

	if (n < 0)
		return n;
	return n == 1 ? 0 : err;
}

static void walks_several_at_once(void **state)
{
	const char *names[] = { "dir", "sub", "deep" };
	const char *missing[] = { "dir", "none", "deep" };
	struct gofer_node n[GOFER_WALK_MAX];
	int err;

	(void)state;
	assert_int_equal(gofer_walk(g_root, names, 3, n, &err), 3);
	assert_int_equal(n[2].st.size, 5);
	for (int i = 0; i < 3; i++)
		gofer_release(n[i].handle);
	assert_int_equal(gofer_walk(g_root, missing, 3, n, &err), 1);
	assert_int_equal(err, -ENOENT);
	gofer_release(n[0].handle);
	names[0] = "a/b";
	assert_int_equal(gofer_walk(g_root, names, 1, n, &err), -EINVAL);
	assert_int_equal(gofer_attach(7, n), -ENOENT);
}

static uint64_t g_messages;

/* How many messages went out since the last call. */
static int messages(void)
{
	uint64_t before = g_messages;

	g_messages = gofer_nr_messages();
	return (int)(g_messages - before);
}

static void one_message_opens_or_peeks(void **state)
{
	const char *names[] = { "dir", "sub", "deep" }, *link = "link";
	struct gofer_node n[GOFER_WALK_MAX];
	uint32_t handles = gofer_nr_handles();
	char text[8];
	int err, fd;

	(void)state;
	messages();
	assert_int_equal(gofer_walk_last(g_root, names, 3, GOFER_WALK_OPEN, n,
					 &err, &fd),
			 3);
	assert_int_equal(messages(), 1);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	assert_int_equal(gofer_nr_handles(), handles + 3);
	for (int i = 0; i < 3; i++)
		gofer_release(n[i].handle);
	/* Directories are not opened, and never without a handle. */
	assert_int_equal(gofer_walk_last(g_root, names, 2, GOFER_WALK_FLAGS, n,
					 &err, &fd),
			 2);
	assert_int_equal(fd, -1);
	assert_int_not_equal(n[1].handle, 0);
	for (int i = 0; i < 2; i++)
		gofer_release(n[i].handle);
	messages();
	assert_int_equal(gofer_walk_last(g_root, &link, 1, GOFER_WALK_BARE, n,
					 &err, &fd),
			 1);
	assert_int_equal(messages(), 1);
	assert_int_equal(n[0].handle, 0);
	assert_true(S_ISLNK(n[0].st.mode));
	assert_int_equal(gofer_nr_handles(), handles);
}

struct listed {
	unsigned int nr;
	bool file, link;
};

static bool note(void *arg, const char *name, size_t len,
		 const struct kstat *st)
{
	struct listed *l = arg;

	assert_non_null(st);
	assert_int_equal(strlen(name), len);
	l->nr++;
	if (strcmp(name, "file") == 0)
		l->file = st->size == 6 && S_ISREG(st->mode);
	if (strcmp(name, "out") == 0)
		l->link = S_ISLNK(st->mode); /* itself, not what it names */
	return true;
}

static void a_list_has_attributes(void **state)
{
	struct listed l = { 0 };
	uint64_t cookie = 0;
	bool eof = false;

	(void)state;
	messages();
	while (!eof)
		assert_int_equal(gofer_list(g_root, &cookie, &eof, note, &l),
				 0);
	assert_int_equal(messages(), 1);
	assert_true(l.nr >= 6 && l.file && l.link);
	assert_int_equal(gofer_list(~0ull, &cookie, &eof, note, &l), -ESTALE);
}

struct leased {
	gofer_handle handle;
	int ret, fd;
	_Atomic bool done;
};

static void *open_leased(void *arg)
{
	struct leased *l = arg;

	l->ret = gofer_open(l->handle, O_RDONLY, &l->fd);
	l->done = true;
	return NULL;
}

/* Who opens a file that somebody on the host has a lease of waits alone. */
static void a_lease_blocks_nobody_else(void **state)
{
	const char *names[] = { "dir", "sub", "deep" };
	struct gofer_node n[GOFER_WALK_MAX], root;
	struct leased l = { .fd = -1 };
	char path[256];
	pthread_t thread;
	int err, fd;

	(void)state;
	signal(SIGIO, SIG_IGN);
	assert_int_equal(gofer_walk(g_root, names, 3, n, &err), 3);
	snprintf(path, sizeof(path), "%s/dir/sub/deep", g_gofer.tree);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
		close(fd);
		skip();
	}
	l.handle = n[2].handle;
	assert_int_equal(pthread_create(&thread, NULL, open_leased, &l), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(gofer_stat(g_root, &root), 0);
	assert_false(l.done);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	pthread_join(thread, NULL);
	assert_int_equal(l.ret, 0);
	close(l.fd);
	close(fd);
	for (int i = 0; i < 3; i++)
		gofer_release(n[i].handle);
}

static void opens_and_creates(void **state)
{
	struct gofer_node n, made;
	struct stat st;
	char text[8];
	int fd;

	(void)state;
	assert_int_equal(walk1(g_root, "file", &n), 0);
	assert_int_equal(gofer_open(n.handle, O_RDONLY, &fd), 0);
	assert_int_equal(read(fd, text, 6), 6);
	assert_memory_equal(text, "hello\n", 6);
	close(fd);
	assert_int_equal(gofer_open(n.handle, O_CREAT, &fd), -EINVAL);
	assert_int_equal(gofer_create(g_root, "new", 0644, geteuid(), getegid(),
				      &made, &fd),
			 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, made.st.ino);
	close(fd);
	assert_int_equal(gofer_unlink(g_root, "new", false), 0);
	assert_int_equal(gofer_stat(made.handle, &n), 0);
	assert_int_equal(n.st.nlink, 0);
	gofer_release(made.handle);
}

static bool count(void *arg, const struct gofer_dirent *de)
{
	assert_int_equal(strlen(de->name), de->name_len);
	++*(unsigned int *)arg;
	return true;
}

static bool only_one(void *arg, const struct gofer_dirent *de)
{
	(void)de;
	return ++*(unsigned int *)arg == 1;
}

static void reads_a_large_directory(void **state)
{
	struct gofer_node dir, n;
	unsigned int found = 0, messages = 0;
	uint64_t cookie = 0, second;
	char name[64];
	bool eof = false;

	(void)state;
	assert_int_equal(
		gofer_mkdir(g_root, "big", 0755, geteuid(), getegid(), &dir),
		0);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "entry-%d", i);
		assert_int_equal(gofer_mknod(dir.handle, name, S_IFREG | 0644,
					     0, geteuid(), getegid(), &n),
				 0);
		gofer_release(n.handle);
	}
	for (; !eof; messages++)
		assert_int_equal(
			gofer_readdir(dir.handle, &cookie, &eof, count, &found),
			0);
	assert_int_equal(found, 5000);
	assert_true(messages < 12);
	/* Stopped after one entry, it goes on with the second. */
	cookie = 0;
	found = 0;
	assert_int_equal(
		gofer_readdir(dir.handle, &cookie, &eof, only_one, &found), 0);
	assert_false(eof);
	second = cookie;
	found = 0;
	while (!eof)
		assert_int_equal(
			gofer_readdir(dir.handle, &cookie, &eof, count, &found),
			0);
	assert_int_equal(found, 4999);
	assert_int_not_equal(second, 0);
	gofer_release(dir.handle);
}

static void links_and_attributes(void **state)
{
	struct gofer_node n;
	struct iattr a = { .valid = ATTR_MODE | ATTR_ATIME,
			   .mode = 0604,
			   .atime = { 5, 6 } };
	struct kstatfs fs;
	char *target;

	(void)state;
	assert_int_equal(walk1(g_root, "link", &n), 0);
	assert_int_equal(gofer_readlink(n.handle, &target), 0);
	assert_string_equal(target, "dir/sub");
	free(target);
	assert_int_equal(gofer_set_attr(n.handle, &a), -EOPNOTSUPP);
	assert_int_equal(walk1(g_root, "file", &n), 0);
	assert_int_equal(gofer_set_attr(n.handle, &a), 0);
	assert_int_equal(gofer_stat(n.handle, &n), 0);
	assert_int_equal(n.st.mode, S_IFREG | 0604);
	assert_int_equal(n.st.atime.sec, 5);
	assert_int_equal(n.st.atime.nsec, 6);
	assert_int_equal(n.st.nlink, 2);
	assert_int_equal(gofer_statfs(g_root, &fs), 0);
	assert_true(fs.bsize > 0);
	assert_int_equal(gofer_fsync(g_root, false), 0);
	assert_int_equal(gofer_link(g_root, "third", n.handle), 0);
	assert_int_equal(gofer_rename(g_root, "third", g_root, "fourth", 0), 0);
	assert_int_equal(gofer_unlink(g_root, "third", false), -ENOENT);
	assert_int_equal(gofer_unlink(g_root, "fourth", true), -ENOTDIR);
	assert_int_equal(gofer_unlink(g_root, "fourth", false), 0);
}

static void *work(void *arg)
{
	const char *names[] = { "dir", "sub", "deep" };
	uintptr_t id = (uintptr_t)arg;
	struct gofer_node n[GOFER_WALK_MAX], st;
	char text[8];
	int err, fd;

	for (int i = 0; i < 300; i++) {
		if (gofer_walk(g_root, names, 3, n, &err) != 3)
			return "walk";
		if (gofer_stat(n[i % 3].handle, &st) != 0 ||
		    st.st.ino != n[i % 3].st.ino)
			return "stat";
		if (i % 4 == (int)(id % 4)) {
			if (gofer_open(n[2].handle, O_RDONLY, &fd) != 0 ||
			    pread(fd, text, 5, 0) != 5)
				return "open";
			close(fd);
		}
		for (int k = 0; k < 3; k++)
			gofer_release(n[k].handle);
	}
	return NULL;
}

/* More threads than slots; descriptors must reach who asked for them. */
static void many_threads_at_once(void **state)
{
	pthread_t threads[40];
	void *what;

	(void)state;
	for (uintptr_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &what);
		assert_null(what);
	}
}

/* No room for a donated descriptor is this call's error, not the end. */
static void a_full_table_gives_enfile(void **state)
{
	struct gofer_node n;
	int fds[4096], nr = 0, fd;
	struct rlimit old, small;

	(void)state;
	assert_int_equal(walk1(g_root, "file", &n), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	small = (struct rlimit){ 64, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &small);
	while (nr < 4096 && (fds[nr] = dup(0)) >= 0)
		nr++;
	assert_int_equal(gofer_open(n.handle, O_RDONLY, &fd), -ENFILE);
	while (nr > 0)
		close(fds[--nr]);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(gofer_open(n.handle, O_RDONLY, &fd), 0);
	close(fd);
}

static void *stat_until_error(void *arg)
{
	struct gofer_node n;
	int ret;

	do {
		ret = gofer_stat(g_root, &n);
	} while (ret == 0);
	*(int *)arg = ret;
	return NULL;
}

static void death_wakes_everybody(void **state)
{
	pthread_t threads[24];
	int rets[24];
	struct gofer_node n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						stat_until_error, &rets[i]),
				 0);
	usleep(20000);
	kill(g_gofer.pid, SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(rets[i], -EIO);
	}
	assert_int_equal(gofer_stat(g_root, &n), -EIO);
	for (int i = 0; i < 200 && g_deaths == 0; i++)
		usleep(5000);
	assert_int_equal(g_deaths, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_several_at_once),
		cmocka_unit_test(one_message_opens_or_peeks),
		cmocka_unit_test(a_list_has_attributes),
		cmocka_unit_test(a_lease_blocks_nobody_else),
		cmocka_unit_test(opens_and_creates),
		cmocka_unit_test(reads_a_large_directory),
		cmocka_unit_test(links_and_attributes),
		cmocka_unit_test(many_threads_at_once),
		cmocka_unit_test(a_full_table_gives_enfile),
		cmocka_unit_test(death_wakes_everybody),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
