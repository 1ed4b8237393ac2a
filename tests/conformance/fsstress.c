/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsstress: random operations on the names of a small tree, each result (and
 * errno) checked against a model in memory, the whole tree now and then.
 * Places and options as for fsx.c: FSX_SEED, FSX_OPS, FSX_DIR.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define NAMES 6 /* in each directory */
#define NODES 200
#define OPEN  6
#define SWAP  2 /* RENAME_EXCHANGE */

struct node {
	char type; /* 'f' 'd' 'l', 0: free */
	int nlink, users, parent;
	unsigned mode, size, seed;
	char link[16];
	struct node *child[NAMES]; /* of a directory */
};

static struct node nodes[NODES], *root;
static struct {
	int fd;
	struct node *n;
} files[OPEN];
static uint64_t rng, seed;
static int step;
static char said[300];

static uint32_t rnd(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 20) % below;
}

#define BAD(...)                                                          \
	do {                                                              \
		char why_[250];                                           \
		snprintf(why_, sizeof(why_), __VA_ARGS__);                \
		FAIL("seed %lu step %d: %.150s: %s", (unsigned long)seed, \
		     step, said, why_);                                   \
	} while (0)

/* The result of a call: 0 or an errno; both sides must agree. */
static int same(long ret, int want)
{
	int got = ret < 0 ? errno : 0;

	if (got != want)
		BAD("gave %s, not %s", got ? strerrorname_np(got) : "0",
		    want ? strerrorname_np(want) : "0");
	return got == 0;
}

/* --- the model ------------------------------------------------------------ */

static struct node *node_new(char type, unsigned mode)
{
	for (int i = 1; i < NODES; i++) {
		struct node *n = &nodes[i];

		if (n->type)
			continue;
		memset(n, 0, sizeof(*n));
		n->type = type;
		n->mode = mode;
		n->nlink = type == 'd' ? 2 : 1;
		return n;
	}
	return NULL;
}

static void node_drop(struct node *n)
{
	if (n->nlink == 0 && n->users == 0)
		n->type = 0;
}

/* A name somewhere in the tree: its directory, place in it, and text. */
struct place {
	struct node *dir;
	int at;
	char path[64];
};

static struct place pick(void)
{
	struct place p = { .dir = root };
	size_t len = 0;

	for (int depth = 0;; depth++) {
		struct node *n;

		p.at = (int)rnd(NAMES);
		len += (size_t)sprintf(p.path + len, "%sn%d", depth ? "/" : "",
				       p.at);
		n = p.dir->child[p.at];
		if (depth == 3 || !n || n->type != 'd' || rnd(3) == 0)
			return p;
		p.dir = n;
	}
}

static struct node *at(const struct place *p)
{
	return p->dir->child[p->at];
}

static void attach(const struct place *p, struct node *n)
{
	p->dir->child[p->at] = n;
	if (n->type == 'd') {
		p->dir->nlink++;
		n->parent = (int)(p->dir - nodes);
	}
}

static void detach(const struct place *p)
{
	struct node *n = at(p);

	p->dir->child[p->at] = NULL;
	if (n->type == 'd')
		p->dir->nlink--;
}

static int is_empty(const struct node *n)
{
	for (int i = 0; i < NAMES; i++)
		if (n->child[i])
			return 0;
	return 1;
}

/* Is @n @top or below it? */
static int is_below(const struct node *n, const struct node *top)
{
	for (; n != top; n = &nodes[n->parent])
		if (n == root)
			return 0;
	return 1;
}

/* --- data: a pattern by seed ---------------------------------------------- */

static void pattern(unsigned char *buf, unsigned n, unsigned s)
{
	for (unsigned i = 0; i < n; i++)
		buf[i] = (unsigned char)(s + i * 13);
}

static void write_data(int fd, struct node *n)
{
	static unsigned char buf[9000];

	n->size = rnd(sizeof(buf));
	n->seed = 1 + rnd(200);
	pattern(buf, n->size, n->seed);
	if (ftruncate(fd, 0) < 0 ||
	    pwrite(fd, buf, n->size, 0) != (ssize_t)n->size)
		BAD("write: %s", strerror(errno));
}

static void check_data(int fd, const struct node *n)
{
	static unsigned char got[9001], want[9001];
	ssize_t len = pread(fd, got, sizeof(got), 0);

	if (len != (ssize_t)n->size)
		BAD("size is %zd, not %u", len, n->size);
	pattern(want, n->size, n->seed);
	if (memcmp(got, want, n->size))
		BAD("other data");
}

static void check_stat(const struct stat *st, const struct node *n)
{
	static const struct {
		char type;
		unsigned bits;
	} types[] = { { 'f', S_IFREG }, { 'd', S_IFDIR }, { 'l', S_IFLNK } };

	for (int i = 0; i < 3; i++)
		if (n->type == types[i].type &&
		    (st->st_mode & S_IFMT) != types[i].bits)
			BAD("mode %o of a '%c'", st->st_mode, n->type);
	if (n->type != 'l' && (st->st_mode & 07777) != n->mode)
		BAD("mode %o, not %o", st->st_mode & 07777, n->mode);
	/* Some host file systems do not count directories. */
	if ((int)st->st_nlink != n->nlink &&
	    !(n->type == 'd' && st->st_nlink == 1))
		BAD("%d links, not %d", (int)st->st_nlink, n->nlink);
	if (n->type == 'f' && st->st_size != n->size)
		BAD("size %ld, not %u", (long)st->st_size, n->size);
	if (n->type == 'l' && st->st_size != (long)strlen(n->link))
		BAD("length of the link is %ld", (long)st->st_size);
}

/* --- operations ----------------------------------------------------------- */

static void keep_open(int fd, struct node *n)
{
	int i = (int)rnd(OPEN);

	if (files[i].n) {
		sprintf(said, "a file that is open");
		check_data(files[i].fd, files[i].n);
		close(files[i].fd);
		files[i].n->users--;
		node_drop(files[i].n);
	}
	files[i].fd = fd;
	files[i].n = n;
	n->users++;
}

static void op_create(void)
{
	struct place p = pick();
	unsigned mode = rnd(2) ? 0644 : 0600;
	struct node *n = at(&p);
	int excl = (int)rnd(2), want = 0, fd;

	sprintf(said, "create %s%s", p.path, excl ? " excl" : "");
	if (n && excl)
		want = EEXIST;
	else if (n && n->type == 'd')
		want = EISDIR;
	else if (n && n->type == 'l')
		want = ELOOP;
	fd = open(p.path, O_CREAT | O_RDWR | O_NOFOLLOW | (excl ? O_EXCL : 0),
		  mode);
	if (!same(fd, want))
		return;
	if (!n) {
		n = node_new('f', mode);
		if (!n) {
			unlink(p.path);
			close(fd);
			return;
		}
		attach(&p, n);
	}
	write_data(fd, n);
	keep_open(fd, n);
}

static void op_mkdir(void)
{
	struct place p = pick();
	struct node *n = at(&p);

	sprintf(said, "mkdir %s", p.path);
	if (!same(mkdir(p.path, 0750), n ? EEXIST : 0))
		return;
	n = node_new('d', 0750);
	if (!n)
		rmdir(p.path);
	else
		attach(&p, n);
}

static void op_symlink(void)
{
	struct place p = pick();
	struct node *n = at(&p);
	char to[16];

	sprintf(to, "n%d", (int)rnd(40));
	sprintf(said, "symlink %s", p.path);
	if (!same(symlink(to, p.path), n ? EEXIST : 0))
		return;
	n = node_new('l', 0777);
	if (!n) {
		unlink(p.path);
		return;
	}
	strcpy(n->link, to);
	attach(&p, n);
}

static void op_unlink(void)
{
	struct place p = pick();
	struct node *n = at(&p);

	sprintf(said, "unlink %s", p.path);
	if (!same(unlink(p.path), !n ? ENOENT : n->type == 'd' ? EISDIR : 0))
		return;
	detach(&p);
	n->nlink--;
	node_drop(n);
}

static void op_rmdir(void)
{
	struct place p = pick();
	struct node *n = at(&p);
	int want = 0;

	sprintf(said, "rmdir %s", p.path);
	if (!n)
		want = ENOENT;
	else if (n->type != 'd')
		want = ENOTDIR;
	else if (!is_empty(n))
		want = ENOTEMPTY;
	if (!same(rmdir(p.path), want))
		return;
	detach(&p);
	n->nlink = 0;
	node_drop(n);
}

static void op_link(void)
{
	struct place p = pick(), q = pick();
	struct node *n = at(&p), *m = at(&q);
	int want = 0;

	sprintf(said, "link %s %s", p.path, q.path);
	if (!n)
		want = ENOENT;
	else if (m)
		want = EEXIST;
	else if (n->type == 'd')
		want = EPERM;
	if (!same(linkat(AT_FDCWD, p.path, AT_FDCWD, q.path, 0), want))
		return;
	n->nlink++;
	attach(&q, n);
}

/* What renameat2 says, in the kernel's order. */
static int rename_error(const struct place *p, const struct place *q,
			unsigned flags)
{
	struct node *n = at(p), *m = at(q);
	int swap = flags & SWAP;

	/* Ancestors are found out before names are looked at. */
	if (!n)
		return ENOENT;
	if ((flags & 1) && m)
		return EEXIST;
	if (swap && !m)
		return ENOENT;
	if (n->type == 'd' && is_below(q->dir, n))
		return EINVAL;
	if (m && m->type == 'd' && is_below(p->dir, m))
		return swap ? EINVAL : ENOTEMPTY;
	if (n == m || !m || swap)
		return 0;
	if (n->type == 'd' && m->type != 'd')
		return ENOTDIR;
	if (n->type != 'd' && m->type == 'd')
		return EISDIR;
	return m->type == 'd' && !is_empty(m) ? ENOTEMPTY : 0;
}

static void op_rename(void)
{
	struct place p = pick(), q = pick();
	struct node *n = at(&p), *m = at(&q);
	unsigned flags = rnd(2) ? 0 : rnd(3);
	long ret;

	sprintf(said, "rename %s %s flags %u", p.path, q.path, flags);
	ret = syscall(SYS_renameat2, AT_FDCWD, p.path, AT_FDCWD, q.path, flags);
	if (ret < 0 && errno == EINVAL && flags == SWAP && n && m &&
	    !rename_error(&p, &q, flags))
		return; /* a file system without it */
	if (!same(ret, rename_error(&p, &q, flags)) || n == m)
		return;
	if (flags & SWAP) {
		detach(&p);
		detach(&q);
		attach(&p, m);
		attach(&q, n);
		return;
	}
	if (m) {
		detach(&q);
		m->nlink = m->type == 'd' ? 0 : m->nlink - 1;
		node_drop(m);
	}
	detach(&p);
	attach(&q, n);
}

static void op_chmod(void)
{
	static const unsigned modes[] = { 0600, 0644, 0755, 0700, 0710 };
	struct place p = pick();
	struct node *n = at(&p);
	unsigned mode = modes[rnd(5)];

	if (n && n->type == 'l')
		return;
	if (n && n->type == 'd')
		mode |= 0700; /* an ordinary user goes on searching it */
	sprintf(said, "chmod %s %o", p.path, mode);
	if (same(chmod(p.path, mode), n ? 0 : ENOENT))
		n->mode = mode;
}

static void op_stat(void)
{
	struct place p = pick();
	struct node *n = at(&p);
	char text[64];
	struct stat st;
	ssize_t len;

	sprintf(said, "lstat %s", p.path);
	if (!same(lstat(p.path, &st), n ? 0 : ENOENT))
		return;
	check_stat(&st, n);
	sprintf(said, "readlink %s", p.path);
	len = readlink(p.path, text, sizeof(text));
	if (same(len, n->type == 'l' ? 0 : EINVAL) &&
	    (len != (ssize_t)strlen(n->link) || memcmp(text, n->link, len)))
		BAD("other target");
}

static void op_rewrite(void)
{
	struct place p = pick();
	struct node *n = at(&p);
	int fd;

	if (!n || n->type != 'f')
		return;
	sprintf(said, "rewrite %s", p.path);
	fd = open(p.path, O_RDWR);
	if (same(fd, 0)) {
		check_data(fd, n);
		write_data(fd, n);
		close(fd);
	}
}

static void op_tmpfile(void)
{
	struct place p = pick();
	struct node *n = at(&p);
	char fd_path[40];
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	sprintf(said, "tmpfile to %s", p.path);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		return;
	if (!same(fd, 0))
		return;
	sprintf(fd_path, "/proc/self/fd/%d", fd);
	if (same(linkat(AT_FDCWD, fd_path, AT_FDCWD, p.path, AT_SYMLINK_FOLLOW),
		 n ? EEXIST : 0)) {
		n = node_new('f', 0600);
		if (n) {
			attach(&p, n);
			write_data(fd, n);
		} else {
			unlink(p.path);
		}
	}
	close(fd);
}

/* --- the whole ------------------------------------------------------------ */

static void check_dir(struct node *d, const char *path)
{
	int seen = 0, want = 0;
	struct dirent *e;
	DIR *dir;

	sprintf(said, "list %s", path);
	dir = opendir(path);
	if (!dir)
		BAD("%s", strerror(errno));
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (e->d_name[0] != 'n' || atoi(e->d_name + 1) >= NAMES ||
		    !d->child[atoi(e->d_name + 1)])
			BAD("has %.100s", e->d_name);
		seen++;
	}
	closedir(dir);
	for (int i = 0; i < NAMES; i++)
		want += d->child[i] != NULL;
	if (seen != want)
		BAD("%d names, not %d", seen, want);
}

static void check_tree(struct node *d, const char *path)
{
	char sub[80];
	struct stat st;
	int fd;

	check_dir(d, path);
	for (int i = 0; i < NAMES; i++) {
		struct node *n = d->child[i];

		if (!n)
			continue;
		snprintf(sub, sizeof(sub), "%s/n%d", path, i);
		sprintf(said, "check %s", sub);
		if (!same(lstat(sub, &st), 0))
			return;
		check_stat(&st, n);
		if (n->type == 'd') {
			check_tree(n, sub);
		} else if (n->type == 'f') {
			fd = open(sub, O_RDONLY);
			if (!same(fd, 0))
				return;
			check_data(fd, n);
			close(fd);
		}
	}
}

static void (*const ops[])(void) = {
	op_create, op_create, op_create, op_mkdir,   op_mkdir,	 op_symlink,
	op_unlink, op_rmdir,  op_link,	 op_rename,  op_rename,	 op_rename,
	op_chmod,  op_stat,   op_stat,	 op_rewrite, op_tmpfile,
};

static unsigned long env(const char *name, unsigned long other)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : other;
}

static void run(const char *parent)
{
	unsigned long nr = env("FSX_OPS", 2500);
	char dir[256], command[300];

	seed = env("FSX_SEED", (unsigned long)time(NULL) * 1000 +
				       (unsigned long)getpid() % 1000);
	rng = seed * 0x9e3779b97f4a7c15ull + 1;
	umask(0);
	if (access(parent, W_OK) < 0)
		SKIP("%s: %s", parent, strerror(errno));
	snprintf(dir, sizeof(dir), "%s/fsstress.XXXXXX", scratch(parent));
	EXPECT_TRUE(mkdtemp(dir));
	EXPECT_OK(chdir(dir));
	root = &nodes[0];
	root->type = 'd';
	root->nlink = 2;
	for (step = 0; step < (int)nr; step++) {
		ops[rnd(sizeof(ops) / sizeof(ops[0]))]();
		if (step % 250 == 249)
			check_tree(root, ".");
	}
	check_tree(root, ".");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	EXPECT_OK(chdir("/"));
	EXPECT_EQ(0, system(command));
	EXPECT_ERRNO(ENOENT, rmdir(dir));
}

__attribute__((constructor)) static void allow_time(void)
{
	guest_test_seconds += (unsigned int)(env("FSX_OPS", 0) / 100);
}

TEST(fsstress, tmpfs)
{
	run("/dev/shm");
}

TEST(fsstress, root)
{
	run("/var/tmp");
}

TEST(fsstress, given_directory)
{
	if (!getenv("FSX_DIR"))
		SKIP("no FSX_DIR");
	run(getenv("FSX_DIR"));
}

TEST_MAIN
