/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gofer: a real gofer over a temporary tree, asked as a sentry would ask,
 * and then as a fallen one would.  After each attack the gofer has answered an
 * errno or ended the connection, and has served nothing outside its tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gofer/session.h"
#include "tests/gofer/gofer_process.h"

static char g_buf[GOFER_DATA_SIZE], g_rep[GOFER_DATA_SIZE];

#define STR(s) ((struct gofer_str){ s, (uint32_t)strlen(s) })

/* Encodes, sends, decodes: the gofer's word, or -errno. */
#define ASK(g, name, NAME, req, rep)                                          \
	({                                                                    \
		long n_ =                                                     \
			gofer_##name##_req_encode(g_buf, sizeof(g_buf), req); \
		if (n_ >= 0)                                                  \
			n_ = gofer_process_call(g, 0, GOFER_OP_##NAME, g_buf, \
						(size_t)n_, g_rep,            \
						sizeof(g_rep));               \
		if (n_ >= 0)                                                  \
			n_ = gofer_##name##_rep_decode(g_rep, (size_t)n_,     \
						       rep);                  \
		(int)n_;                                                      \
	})

static int hello(struct gofer_process *g)
{
	struct gofer_hello_req req = { .version = GOFER_VERSION };
	struct gofer_hello_rep rep;

	return ASK(g, hello, HELLO, &req, &rep);
}

static uint64_t attach(struct gofer_process *g)
{
	struct gofer_attach_req req = { 0 };
	struct gofer_attach_rep rep;

	assert_int_equal(ASK(g, attach, ATTACH, &req, &rep), 0);
	return rep.node.handle;
}

/* Walks to "a/b/c"; the last node, or what stopped it. */
static int walk(struct gofer_process *g, uint64_t dir, const char *path,
		struct gofer_wire_node *out)
{
	struct gofer_walk_req req = { .dir = dir };
	struct gofer_walk_rep rep;
	char copy[1024], *save, *name;
	int ret;

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &save); name;
	     name = strtok_r(NULL, "/", &save))
		req.names[req.nr_names++] = STR(name);
	ret = ASK(g, walk, WALK, &req, &rep);
	if (ret < 0)
		return ret;
	if (rep.nr_nodes < req.nr_names)
		return rep.stop ? rep.stop : -ENOTDIR;
	*out = rep.nodes[rep.nr_nodes - 1];
	return 0;
}

static int open_node(struct gofer_process *g, uint64_t h, uint32_t flags)
{
	struct gofer_open_req req = { .node = h, .flags = flags };
	struct gofer_open_rep rep;
	int ret = ASK(g, open, OPEN, &req, &rep);

	return ret < 0 ? ret : gofer_process_fd(g);
}

static struct gofer_process *start(bool readonly)
{
	struct gofer_process *g = calloc(1, sizeof(*g));
	char err[256];

	gofer_process_tree(g);
	if (gofer_process_start(g, g->tree, readonly) < 0) {
		print_message("skipped: namespaces are not permitted\n");
		skip();
	}
	gofer_process_error(g, err, sizeof(err));
	assert_string_equal(err, "");
	assert_int_equal(hello(g), 0);
	return g;
}

static void stop(struct gofer_process *g)
{
	gofer_process_stop(g);
	free(g);
}

/* The connection is over: no answer, and the process is gone. */
static void assert_ended(struct gofer_process *g)
{
	int status = gofer_process_wait(g);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

/* --- as a sentry ---------------------------------------------------------- */

static void walks_and_reads(void **state)
{
	struct gofer_process *g = start(true);
	uint64_t root = attach(g);
	struct gofer_wire_node n;
	struct stat st;
	char text[16] = "", path[128];
	int fd;

	(void)state;
	assert_int_equal(walk(g, root, "dir/sub/deep", &n), 0);
	snprintf(path, sizeof(path), "%s/dir/sub/deep", g->tree);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(n.ino, st.st_ino);
	assert_int_equal(n.mode, st.st_mode);
	assert_int_equal(n.size, 5);
	fd = open_node(g, n.handle, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 5);
	assert_string_equal(text, "deep\n");
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(write(fd, "x", 1) < 0);
	close(fd);
	assert_int_equal(walk(g, root, "none", &n), -ENOENT);
	assert_int_equal(walk(g, root, "file/x", &n), -ENOTDIR);
	assert_int_equal(walk(g, root, "link/deep", &n), -ENOTDIR);
	stop(g);
}

static void readonly_export_refuses_changes(void **state)
{
	struct gofer_process *g = start(true);
	uint64_t root = attach(g);
	struct gofer_wire_node n;
	struct gofer_mkdir_req mk = { .dir = root, .name = STR("new") };
	struct gofer_mkdir_rep mk_rep;
	struct gofer_set_attr_req sa = { .valid = GOFER_ATTR_MODE };
	struct gofer_set_attr_rep sa_rep;

	(void)state;
	assert_int_equal(walk(g, root, "file", &n), 0);
	assert_int_equal(open_node(g, n.handle, O_RDWR), -EROFS);
	assert_int_equal(open_node(g, n.handle, O_TRUNC), -EROFS);
	assert_int_equal(ASK(g, mkdir, MKDIR, &mk, &mk_rep), -EROFS);
	sa.node = n.handle;
	assert_int_equal(ASK(g, set_attr, SET_ATTR, &sa, &sa_rep), -EROFS);
	stop(g);
}

static void creates_changes_removes(void **state)
{
	struct gofer_process *g = start(false);
	uint64_t root = attach(g);
	struct gofer_create_req cr = { .dir = root,
				       .mode = 0640,
				       .uid = geteuid(),
				       .gid = getegid(),
				       .name = STR("made") };
	struct gofer_create_rep made;
	struct gofer_rename_req rn = { .old_dir = root,
				       .new_dir = root,
				       .old_name = STR("made"),
				       .new_name = STR("moved") };
	struct gofer_rename_rep rn_rep;
	struct gofer_set_attr_req sa = { .valid = GOFER_ATTR_MODE |
						  GOFER_ATTR_SIZE |
						  GOFER_ATTR_MTIME,
					 .mode = 0600,
					 .size = 3,
					 .mtime = 1000,
					 .mtime_nsec = 7 };
	struct gofer_set_attr_rep sa_rep;
	struct gofer_stat_req sr = { 0 };
	struct gofer_stat_rep st;
	struct gofer_unlink_req ul = { .dir = root, .name = STR("moved") };
	struct gofer_unlink_rep ul_rep;
	struct gofer_link_req ln = { .dir = root, .name = STR("second") };
	struct gofer_link_rep ln_rep;
	int fd;

	(void)state;
	assert_int_equal(ASK(g, create, CREATE, &cr, &made), 0);
	fd = gofer_process_fd(g);
	assert_int_equal(write(fd, "12345", 5), 5);
	assert_int_equal(ASK(g, create, CREATE, &cr, &made), -EEXIST);
	sr.node = made.node.handle;
	assert_int_equal(ASK(g, rename, RENAME, &rn, &rn_rep), 0);
	sa.node = made.node.handle;
	sr.node = made.node.handle;
	ln.target = made.node.handle;
	assert_int_equal(ASK(g, create, CREATE, &cr, &made), 0);
	close(gofer_process_fd(g));
	assert_int_equal(ASK(g, set_attr, SET_ATTR, &sa, &sa_rep), 0);
	assert_int_equal(ASK(g, stat, STAT, &sr, &st), 0);
	assert_int_equal(st.node.mode, S_IFREG | 0600);
	assert_int_equal(st.node.size, 3);
	assert_int_equal(st.node.mtime, 1000);
	assert_int_equal(st.node.mtime_nsec, 7);
	assert_int_equal(ASK(g, link, LINK, &ln, &ln_rep), 0);
	assert_int_equal(ASK(g, unlink, UNLINK, &ul, &ul_rep), 0);
	assert_int_equal(ASK(g, stat, STAT, &sr, &st), 0);
	assert_int_equal(st.node.nlink, 1);
	close(fd);
	stop(g);
}

static void makes_nodes(void **state)
{
	struct gofer_process *g = start(false);
	uint64_t root = attach(g);
	struct gofer_mknod_req mk = { .dir = root,
				      .mode = S_IFIFO | 0600,
				      .uid = geteuid(),
				      .gid = getegid(),
				      .name = STR("pipe") };
	struct gofer_mknod_rep mk_rep;
	struct gofer_symlink_req sl = { .dir = root,
					.uid = geteuid(),
					.gid = getegid(),
					.name = STR("sl"),
					.target = STR("../x/y") };
	struct gofer_symlink_rep sl_rep;
	struct gofer_readlink_req rl;
	struct gofer_readlink_rep rl_rep;
	struct gofer_mkdir_req md = { .dir = root,
				      .mode = 01777,
				      .uid = geteuid(),
				      .gid = getegid(),
				      .name = STR("md") };
	struct gofer_mkdir_rep md_rep;

	(void)state;
	assert_int_equal(ASK(g, mknod, MKNOD, &mk, &mk_rep), 0);
	assert_int_equal(mk_rep.node.mode, S_IFIFO | 0600);
	assert_int_equal(open_node(g, mk_rep.node.handle, O_RDONLY), -ENXIO);
	mk.mode = S_IFCHR | 0600;
	mk.rdev = 0x103; /* 0 is a whiteout, which is no device */
	mk.name = STR("chr");
	assert_int_equal(ASK(g, mknod, MKNOD, &mk, &mk_rep), -EPERM);
	assert_int_equal(ASK(g, symlink, SYMLINK, &sl, &sl_rep), 0);
	rl.node = sl_rep.node.handle;
	assert_int_equal(ASK(g, readlink, READLINK, &rl, &rl_rep), 0);
	assert_int_equal(rl_rep.target.len, 6);
	assert_memory_equal(rl_rep.target.p, "../x/y", 6);
	assert_int_equal(ASK(g, mkdir, MKDIR, &md, &md_rep), 0);
	assert_int_equal(md_rep.node.mode, S_IFDIR | 01777);
	stop(g);
}

static void reads_directories(void **state)
{
	struct gofer_process *g = start(true);
	struct gofer_readdir_req req = { .dir = attach(g) };
	struct gofer_readdir_rep rep = { 0 };
	unsigned int found = 0;

	(void)state;
	while (!rep.eof) {
		struct gofer_wire_dirent d;

		assert_int_equal(ASK(g, readdir, READDIR, &req, &rep), 0);
		for (size_t at = 0; at < rep.entries.len; at += d.size) {
			memcpy(&d, rep.entries.p + at, sizeof(d));
			assert_true(d.size >= sizeof(d));
			assert_string_not_equal(rep.entries.p + at + sizeof(d),
						".");
			found++;
		}
		req.cookie = rep.next;
	}
	assert_int_equal(found, 6);
	stop(g);
}

static void keeps_extended_attributes(void **state)
{
	struct gofer_process *g = start(false);
	struct gofer_wire_node n;
	struct gofer_setxattr_req set = { .name = STR("user.moat"),
					  .value = STR("value") };
	struct gofer_setxattr_rep set_rep;
	struct gofer_getxattr_req get = { .size = 100,
					  .name = STR("user.moat") };
	struct gofer_getxattr_rep get_rep;
	int ret;

	(void)state;
	assert_int_equal(walk(g, attach(g), "file", &n), 0);
	set.node = get.node = n.handle;
	ret = ASK(g, setxattr, SETXATTR, &set, &set_rep);
	if (ret == -EOPNOTSUPP) {
		print_message("skipped: no user attributes in /tmp\n");
		stop(g);
		skip();
	}
	assert_int_equal(ret, 0);
	assert_int_equal(ASK(g, getxattr, GETXATTR, &get, &get_rep), 0);
	assert_int_equal(get_rep.value.len, 5);
	assert_memory_equal(get_rep.value.p, "value", 5);
	get.size = 2;
	assert_int_equal(ASK(g, getxattr, GETXATTR, &get, &get_rep), -ERANGE);
	stop(g);
}

static void reports_a_missing_root(void **state)
{
	struct gofer_process g = { 0 };
	char err[256];

	(void)state;
	if (gofer_process_start(&g, "/nonexistent/root", true) < 0)
		skip();
	gofer_process_error(&g, err, sizeof(err));
	assert_string_equal(err, "cannot read rootfs /nonexistent/root: "
				 "No such file or directory");
	assert_ended(&g);
	gofer_process_stop(&g);
}

static void bars_pseudo_file_systems(void **state)
{
	struct gofer_process g = { 0 };
	struct gofer_wire_node n;
	uint64_t root;

	(void)state;
	if (gofer_process_start(&g, "/", true) < 0)
		skip();
	assert_int_equal(hello(&g), 0);
	root = attach(&g);
	assert_int_equal(walk(&g, root, "proc", &n), 0);
	assert_int_equal(n.mode, S_IFDIR);
	assert_true(n.flags & GOFER_NODE_BARRED);
	assert_int_equal(walk(&g, root, "proc/self", &n), -EACCES);
	assert_int_equal(walk(&g, root, "sys/kernel", &n), -EACCES);
	assert_int_equal(walk(&g, root, "etc/passwd", &n), 0);
	gofer_process_stop(&g);
}

/* ThreadSanitizer puts a signal off while a raw futex call sleeps. */
static void needs_signals(void)
{
#ifdef MOAT_TSAN
	skip();
#endif
}

static void ends_when_the_sentry_hangs_up(void **state)
{
	struct gofer_process *g = start(true);
	int status;

	(void)state;
	needs_signals();
	close(g->sock);
	status = gofer_process_wait(g);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	g->sock = dup(2);
	stop(g);
}

/* --- as a fallen sentry --------------------------------------------------- */

static long raw(struct gofer_process *g, uint32_t op, const void *req,
		size_t size)
{
	return gofer_process_call(g, 0, op, req, size, g_rep, sizeof(g_rep));
}

static void unknown_messages_end_it(void **state)
{
	static const uint32_t ops[] = { 0, GOFER_OP_END, 1000, UINT32_MAX,
					GOFER_OP_HELLO };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct gofer_process *g = start(true);

		assert_int_equal(raw(g, ops[i], g_buf, 64), -ENOTCONN);
		assert_ended(g);
		stop(g);
	}
}

static void messages_before_hello_end_it(void **state)
{
	struct gofer_process *g = calloc(1, sizeof(*g));
	struct gofer_attach_req req = { 0 };
	long n = gofer_attach_req_encode(g_buf, sizeof(g_buf), &req);

	(void)state;
	gofer_process_tree(g);
	if (gofer_process_start(g, g->tree, true) < 0)
		skip();
	assert_int_equal(raw(g, GOFER_OP_ATTACH, g_buf, (size_t)n), -ENOTCONN);
	assert_ended(g);
	stop(g);
}

static void huge_lengths_end_it(void **state)
{
	static const uint32_t sizes[] = {
		0,	   7,	      GOFER_DATA_SIZE, GOFER_DATA_SIZE + 1,
		INT32_MAX, UINT32_MAX
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct gofer_process *g = start(true);
		struct gofer_slot *s = &g->shm->slots[3];

		s->op = GOFER_OP_WALK;
		s->req_size = sizes[i];
		atomic_store(&s->state, GOFER_SLOT_READY);
		atomic_fetch_add(&g->shm->bell, 1);
		syscall(SYS_futex, &g->shm->bell, FUTEX_WAKE, 1);
		assert_ended(g);
		stop(g);
	}
}

static void bad_states_end_it(void **state)
{
	struct gofer_process *g = start(true);

	(void)state;
	atomic_store(&g->shm->slots[5].state, 77);
	atomic_fetch_add(&g->shm->bell, 1);
	syscall(SYS_futex, &g->shm->bell, FUTEX_WAKE, 1);
	assert_ended(g);
	stop(g);
}

/* A walk request with one name, put together by hand. */
static size_t forge_walk(uint64_t dir, const char *name, size_t len)
{
	uint32_t nr = 1;

	memset(g_buf, 0, 512);
	memcpy(g_buf, &dir, 8);
	memcpy(g_buf + 8, &nr, 4);
	memcpy(g_buf + 16, name, len);
	return 16 + len + 1;
}

static void bad_names_end_it(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} names[] = {
		{ "..", 2 },	 { ".", 1 },	  { "", 0 },
		{ "a/b", 3 },	 { "/etc", 4 },	  { "../etc", 6 },
		{ "dir/..", 6 }, { "dir\0x", 5 }, { "/", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct gofer_process *g = start(true);
		size_t size =
			forge_walk(attach(g), names[i].name, names[i].len);

		assert_int_equal(raw(g, GOFER_OP_WALK, g_buf, size), -ENOTCONN);
		assert_ended(g);
		stop(g);
	}
}

static void long_names_end_it(void **state)
{
	struct gofer_process *g = start(true);
	char name[300];
	size_t size;

	(void)state;
	memset(name, 'x', sizeof(name));
	size = forge_walk(attach(g), name, 256);
	assert_int_equal(raw(g, GOFER_OP_WALK, g_buf, size), -ENOTCONN);
	assert_ended(g);
	stop(g);
}

static void guessed_handles_find_nothing(void **state)
{
	struct gofer_process *g = start(false);
	uint64_t root = attach(g);
	struct gofer_stat_req req;
	struct gofer_stat_rep rep;
	struct gofer_release_req rel = { .nr_nodes = 1, .nodes = { root } };
	struct gofer_release_rep rel_rep;
	uint64_t again;

	(void)state;
	for (uint64_t i = 0; i < 2000; i++) {
		req.node = i * 0x9e3779b97f4a7c15ull;
		if (req.node == root)
			continue;
		assert_int_equal(ASK(g, stat, STAT, &req, &rep), -ESTALE);
	}
	assert_int_equal(ASK(g, release, RELEASE, &rel, &rel_rep), 0);
	req.node = root;
	assert_int_equal(ASK(g, stat, STAT, &req, &rep), -ESTALE);
	again = attach(g);
	assert_int_not_equal(again, root);
	assert_int_equal(ASK(g, stat, STAT, &req, &rep), -ESTALE);
	stop(g);
}

/* Links are never followed, whatever they point at. */
/* What lies on another mount is not told by its name alone. */
static void lists_bar_pseudo_file_systems(void **state)
{
	struct gofer_process g = { 0 };
	struct gofer_list_req req = { 0 };
	struct gofer_list_rep rep = { 0 };
	struct gofer_wire_entry e;
	unsigned int seen = 0;
	size_t at;

	(void)state;
	if (gofer_process_start(&g, "/", true) < 0)
		skip();
	assert_int_equal(hello(&g), 0);
	req.dir = attach(&g);
	assert_int_equal(ASK(&g, list, LIST, &req, &rep), 0);
	for (at = 0; at < rep.entries.len; at += e.size) {
		const char *name = rep.entries.p + at + sizeof(e);

		memcpy(&e, rep.entries.p + at, sizeof(e));
		assert_int_equal(e.node.handle, 0);
		if (strcmp(name, "proc") && strcmp(name, "sys"))
			continue;
		assert_int_equal(e.node.mode, 0);
		seen++;
	}
	assert_int_equal(seen, 2);
	gofer_process_stop(&g);
}

static void symlinks_lead_nowhere(void **state)
{
	struct gofer_process *g = start(true);
	uint64_t root = attach(g);
	struct gofer_wire_node n;

	(void)state;
	assert_int_equal(walk(g, root, "out", &n), 0);
	assert_true(S_ISLNK(n.mode));
	assert_int_equal(open_node(g, n.handle, O_RDONLY), -ENXIO);
	assert_int_equal(walk(g, root, "fifo", &n), 0);
	assert_int_equal(open_node(g, n.handle, O_RDONLY), -ENXIO);
	stop(g);
}

/* Swaps a directory and a link to /etc as fast as it can. */
static pid_t racer(const char *tree)
{
	char a[128], b[128];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(a, sizeof(a), "%s/race", tree);
	snprintf(b, sizeof(b), "%s/race2", tree);
	mkdir(a, 0755);
	if (symlink("/etc", b) < 0)
		_exit(1);
	for (;;)
		syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2);
}

static void renames_cannot_redirect_a_walk(void **state)
{
	struct gofer_process *g = start(false);
	uint64_t root = attach(g);
	pid_t pid = racer(g->tree);
	struct gofer_wire_node n;
	unsigned int links = 0, dirs = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		int ret = walk(g, root, "race/passwd", &n);

		assert_true(ret == -ENOENT || ret == -ENOTDIR);
		links += ret == -ENOTDIR;
		dirs += ret == -ENOENT;
	}
	assert_true(links + dirs == 3000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	stop(g);
}

/* Another process scribbles over the slot while it is served. */
static pid_t scribbler(struct gofer_process *g, uint32_t seed)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (uint32_t x = seed;;) {
		char *data = gofer_process_data(g, 0);

		x = x * 1664525 + 1013904223;
		data[x % 300] = (char)(x >> 16);
		data[16] = '.';
		data[17] = '.';
		data[18] = x & 1 ? '/' : '\0';
	}
}

static void mutations_cannot_escape(void **state)
{
	(void)state;
	for (int round = 0; round < 8; round++) {
		struct gofer_process *g = start(true);
		uint64_t root = attach(g);
		pid_t pid = scribbler(g, (uint32_t)round);
		long ret = 0;

		for (int i = 0; i < 200 && ret != -ENOTCONN; i++) {
			size_t size = forge_walk(root, "dir", 3);

			/* The bytes of the answer are the scribbler's too. */
			ret = raw(g, GOFER_OP_WALK, g_buf, size);
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (ret == -ENOTCONN)
			assert_ended(g);
		stop(g);
	}
}

static void fd_floods_end_it(void **state)
{
	struct gofer_process *g = start(true);
	uint64_t root = attach(g);
	struct gofer_open_req req = { 0 };
	struct gofer_open_rep rep;
	struct gofer_wire_node n;
	int ret = 0;

	(void)state;
	assert_int_equal(walk(g, root, "file", &n), 0);
	req.node = n.handle;
	for (int i = 0; i < 100000 && ret == 0; i++)
		ret = ASK(g, open, OPEN, &req, &rep); /* never received */
	assert_int_equal(ret, -ENOTCONN);
	assert_ended(g);
	stop(g);
}

/* Walking without releasing meets a bound, and the gofer goes on serving. */
static void handle_floods_are_bounded(void **state)
{
	struct gofer_process *g = start(true);
	uint64_t root = attach(g);
	struct gofer_release_req rel = { 0 };
	struct gofer_release_rep rel_rep;
	struct gofer_wire_node n;
	uint64_t some[GOFER_MAX_RELEASE];
	unsigned int nr = 0;
	int ret = 0;

	(void)state;
	for (unsigned int i = 0; i < 1100000 && ret == 0; i++) {
		ret = walk(g, root, "file", &n);
		if (ret == 0 && nr < ARRAY_SIZE(some))
			some[nr++] = n.handle;
	}
	assert_int_equal(ret, -ENFILE);
	rel.nr_nodes = nr;
	memcpy(rel.nodes, some, sizeof(some));
	assert_int_equal(ASK(g, release, RELEASE, &rel, &rel_rep), 0);
	assert_int_equal(walk(g, root, "file", &n), 0);
	stop(g);
}

static void data_on_the_socket_ends_it(void **state)
{
	struct gofer_process *g = start(true);
	int status;

	(void)state;
	needs_signals();
	assert_int_equal(write(g->sock, "x", 1), 1);
	status = gofer_process_wait(g);
	assert_true(WIFEXITED(status));
	stop(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_and_reads),
		cmocka_unit_test(readonly_export_refuses_changes),
		cmocka_unit_test(creates_changes_removes),
		cmocka_unit_test(makes_nodes),
		cmocka_unit_test(reads_directories),
		cmocka_unit_test(keeps_extended_attributes),
		cmocka_unit_test(reports_a_missing_root),
		cmocka_unit_test(bars_pseudo_file_systems),
		cmocka_unit_test(ends_when_the_sentry_hangs_up),
		cmocka_unit_test(unknown_messages_end_it),
		cmocka_unit_test(messages_before_hello_end_it),
		cmocka_unit_test(huge_lengths_end_it),
		cmocka_unit_test(bad_states_end_it),
		cmocka_unit_test(bad_names_end_it),
		cmocka_unit_test(long_names_end_it),
		cmocka_unit_test(guessed_handles_find_nothing),
		cmocka_unit_test(lists_bar_pseudo_file_systems),
		cmocka_unit_test(symlinks_lead_nowhere),
		cmocka_unit_test(renames_cannot_redirect_a_walk),
		cmocka_unit_test(mutations_cannot_escape),
		cmocka_unit_test(fd_floods_end_it),
		cmocka_unit_test(handle_floods_are_bounded),
		cmocka_unit_test(data_on_the_socket_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
