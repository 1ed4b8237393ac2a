/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsx: random operations on one file, through descriptors and mappings, checked
 * after each against a copy in memory.  On a tmpfs (/dev/shm), in the current
 * directory of the root file system (the overlay, inside), and in $FSX_DIR.
 *
 * FSX_SEED repeats a run, FSX_OPS makes it longer.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "tests/harness/guest_test.h"

#define MAX  (192 * 1024)
#define PAGE 4096

static uint64_t rng, seed;
static unsigned char model[MAX], buf[MAX];
static size_t size;	   /* of the file */
static unsigned char *map; /* shared, MAX bytes, for the whole run */
static int fd, step;
static const char *what;
static unsigned long at, len;

static uint32_t rnd(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return below ? (uint32_t)(rng >> 20) % below : 0;
}

#define BAD(...)                                                            \
	do {                                                                \
		char why_[200];                                             \
		snprintf(why_, sizeof(why_), __VA_ARGS__);                  \
		FAIL("seed %lu step %d: %s at %lu len %lu size %zu: %s",    \
		     (unsigned long)seed, step, what, at, len, size, why_); \
	} while (0)
#define MUST(cond)                                               \
	do {                                                     \
		if (!(cond))                                     \
			BAD("line %d: %s (%s)", __LINE__, #cond, \
			    strerrorname_np(errno));             \
	} while (0)

static void differ(const unsigned char *a, const unsigned char *b, size_t n,
		   size_t base)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (a[i] != b[i])
			BAD("line %d: byte %zu is %#x, not %#x", __LINE__,
			    base + i, a[i], b[i]);
}

/* A range, sometimes with round ends; inside the file if @within. */
static int pick(int within)
{
	size_t top = within ? size : MAX;

	if (top == 0)
		return 0;
	at = rnd((uint32_t)top);
	if (rnd(4) == 0)
		at &= ~(unsigned long)(PAGE - 1);
	len = 1 + rnd(rnd(3) ? 3 * PAGE : MAX);
	if (rnd(4) == 0)
		len = (len + PAGE - 1) & ~(unsigned long)(PAGE - 1);
	if (len > top - at)
		len = top - at;
	return len > 0;
}

static void fill(void)
{
	unsigned char c = (unsigned char)(1 + rnd(255));
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (unsigned char)(c + i * 7);
}

static void put(void)
{
	memcpy(model + at, buf, len);
	if (at + len > size)
		size = at + len;
}

/* --- operations ----------------------------------------------------------- */

static void op_pwrite(void)
{
	what = "pwrite";
	if (!pick(0))
		return;
	fill();
	MUST(pwrite(fd, buf, len, (off_t)at) == (ssize_t)len);
	put();
}

static void op_writev(void)
{
	struct iovec v[3];

	what = "writev";
	if (!pick(0))
		return;
	fill();
	v[0] = (struct iovec){ buf, len / 3 };
	v[1] = (struct iovec){ buf + len / 3, 0 };
	v[2] = (struct iovec){ buf + len / 3, len - len / 3 };
	MUST(lseek(fd, (off_t)at, SEEK_SET) == (off_t)at);
	MUST(writev(fd, v, 3) == (ssize_t)len);
	MUST(lseek(fd, 0, SEEK_CUR) == (off_t)(at + len));
	put();
}

static void op_append(void)
{
	int a;

	what = "append";
	at = size;
	len = 1 + rnd(PAGE);
	if (at + len > MAX)
		return;
	fill();
	a = open("fsx", O_WRONLY | O_APPEND);
	MUST(a >= 0);
	MUST(pwrite(a, buf, len, 0) == (ssize_t)len);
	MUST(close(a) == 0);
	put();
}

static void op_read(void)
{
	ssize_t n, want;

	what = "pread";
	if (!pick(0))
		return;
	want = at >= size ? 0 : (ssize_t)(len < size - at ? len : size - at);
	n = pread(fd, buf, len, (off_t)at);
	if (n != want)
		BAD("gave %zd, not %zd", n, want);
	differ(buf, model + at, (size_t)n, at);
}

static void op_truncate(void)
{
	size_t to = rnd(3) ? rnd(MAX) : rnd((uint32_t)size + 1);

	what = "truncate";
	at = to;
	len = 0;
	if (rnd(8) == 0)
		to = 0;
	MUST((rnd(2) ? ftruncate(fd, (off_t)to) : truncate("fsx", (off_t)to)) ==
	     0);
	if (to < size)
		memset(model + to, 0, size - to);
	size = to;
}

static void op_map_write(void)
{
	what = "store to the mapping";
	if (!pick(1))
		return;
	fill();
	memcpy(map + at, buf, len);
	memcpy(model + at, buf, len);
}

static void op_map_read(void)
{
	what = "load from the mapping";
	if (!pick(1))
		return;
	differ(map + at, model + at, len, at);
}

/* A mapping of its own; a private one keeps its changes to itself. */
static void op_map_new(void)
{
	int private = (int)rnd(2);
	unsigned char *p;
	size_t off;

	what = private ? "private mapping" : "shared mapping";
	if (!pick(1))
		return;
	off = at & (PAGE - 1);
	p = mmap(NULL, len + off, PROT_READ | PROT_WRITE,
		 private ? MAP_PRIVATE : MAP_SHARED, fd, (off_t)(at - off));
	MUST(p != MAP_FAILED);
	differ(p + off, model + at, len, at);
	fill();
	memcpy(p + off, buf, len);
	differ(p + off, buf, len, at);
	if (!private)
		memcpy(model + at, buf, len);
	MUST(munmap(p, len + off) == 0);
}

static void op_falloc(void)
{
	static const struct {
		int mode;
		const char *name;
	} modes[] = { { 0, "fallocate" },
		      { 1, "fallocate keep" },
		      { 3, "punch" },
		      { 16, "zero" },
		      { 17, "zero keep" } };
	uint32_t m = rnd(5);
	int ret;

	what = modes[m].name;
	if (!pick(0))
		return;
	ret = fallocate(fd, modes[m].mode, (off_t)at, (off_t)len);
	if (ret < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		return;
	MUST(ret == 0);
	if (modes[m].mode & ~1 && at < size)
		memset(model + at, 0, len < size - at ? len : size - at);
	if (!(modes[m].mode & 1) && at + len > size)
		size = at + len;
}

static void op_shift(void)
{
	int insert = (int)rnd(2), ret;

	what = insert ? "insert range" : "collapse range";
	if (!pick(1))
		return;
	at &= ~(unsigned long)(PAGE - 1);
	len = PAGE * (1 + rnd(4));
	if (insert ? at >= size || size + len > MAX : at + len >= size)
		return;
	ret = fallocate(fd, insert ? 32 : 8, (off_t)at, (off_t)len);
	if (ret < 0 && (errno == EOPNOTSUPP || errno == EINVAL))
		return; /* not there, or greater blocks */
	MUST(ret == 0);
	if (insert) {
		memmove(model + at + len, model + at, size - at);
		memset(model + at, 0, len);
		size += len;
	} else {
		memmove(model + at, model + at + len, size - at - len);
		size -= len;
		memset(model + size, 0, len);
	}
}

static void op_copy(void)
{
	off_t from, to;
	ssize_t n;

	what = "copy_file_range";
	if (!pick(1))
		return;
	from = (off_t)at;
	to = (off_t)rnd(MAX);
	if ((size_t)to + len > MAX)
		return;
	if (to < from + (off_t)len && from < to + (off_t)len)
		return;
	n = copy_file_range(fd, &from, fd, &to, len, 0);
	if (n < 0 && (errno == EOPNOTSUPP || errno == EXDEV))
		return;
	MUST(n > 0);
	to -= n;
	memmove(model + to, model + at, (size_t)n);
	if ((size_t)to + (size_t)n > size)
		size = (size_t)to + (size_t)n;
}

/* Data and holes: in order, and a hole reads as zero. */
static void op_seek(void)
{
	off_t d, h;

	what = "seek data";
	if (!pick(1))
		return;
	d = lseek(fd, (off_t)at, SEEK_DATA);
	if (d < 0) {
		MUST(errno == ENXIO);
		d = (off_t)size;
	}
	MUST(d >= (off_t)at && d <= (off_t)size);
	for (off_t i = (off_t)at; i < d; i++)
		if (model[i])
			BAD("byte %ld has data, not a hole", (long)i);
	h = lseek(fd, (off_t)at, SEEK_HOLE);
	MUST(h >= (off_t)at && h <= (off_t)size);
}

static void op_reopen(void)
{
	what = "reopen";
	at = len = 0;
	if (rnd(3) == 0)
		MUST(fsync(fd) == 0);
	MUST(close(fd) == 0);
	if (rnd(10) == 0) {
		memset(model, 0, size);
		size = 0;
		fd = open("fsx", O_RDWR | O_TRUNC);
	} else {
		fd = open("fsx", O_RDWR);
	}
	MUST(fd >= 0);
}

/* What another process stores is seen. */
static void op_fork(void)
{
	int status;
	pid_t pid;

	what = "child's store";
	if (rnd(4) || !pick(1))
		return;
	fill();
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		memcpy(map + at, buf, len);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	memcpy(model + at, buf, len);
}

static sigjmp_buf beyond;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(beyond, 1);
}

/* A page behind the end cannot be touched; the rest of the last one is zero. */
static void op_beyond(void)
{
	size_t end = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	volatile unsigned char got;
	size_t i;

	what = "load behind the end";
	at = end;
	len = 0;
	for (i = size; i < end; i++)
		map[i] = 0; /* a store there has no consequence */
	if (end >= MAX)
		return;
	if (sigsetjmp(beyond, 1) == 0) {
		got = map[end];
		BAD("gave %#x, not SIGBUS", got);
	}
}

static void check_all(void)
{
	struct stat st;
	ssize_t n;

	at = len = 0;
	MUST(fstat(fd, &st) == 0);
	if ((size_t)st.st_size != size)
		BAD("st_size is %ld", (long)st.st_size);
	n = pread(fd, buf, MAX, 0);
	if (n != (ssize_t)size)
		BAD("read all: %zd", n);
	differ(buf, model, size, 0);
	differ(map, model, size, 0);
}

static void (*const ops[])(void) = {
	op_pwrite,   op_writev,	   op_append, op_read,
	op_truncate, op_map_write, op_read,   op_map_new,
	op_falloc,   op_map_read,  op_shift,  op_copy,
	op_seek,     op_reopen,	   op_fork,   op_beyond,
};

static unsigned long env(const char *name, unsigned long other)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : other;
}

static void run(const char *parent)
{
	unsigned long nr = env("FSX_OPS", 1500);
	char dir[256];

	seed = env("FSX_SEED", (unsigned long)time(NULL) * 1000 +
				       (unsigned long)getpid() % 1000);
	rng = seed * 0x9e3779b97f4a7c15ull + 1;
	signal(SIGBUS, on_bus);
	if (access(parent, W_OK) < 0)
		SKIP("%s: %s", parent, strerror(errno));
	snprintf(dir, sizeof(dir), "%s/fsx.XXXXXX", scratch(parent));
	EXPECT_TRUE(mkdtemp(dir));
	EXPECT_OK(chdir(dir));
	fd = EXPECT_OK(open("fsx", O_CREAT | O_RDWR, 0644));
	map = EXPECT_OK(
		mmap(NULL, MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	for (step = 0; step < (int)nr; step++) {
		ops[rnd(sizeof(ops) / sizeof(ops[0]))]();
		if (step % 16 == 15)
			check_all();
	}
	check_all();
	EXPECT_OK(unlink("fsx"));
	check_all();
	EXPECT_OK(chdir("/"));
	EXPECT_OK(rmdir(dir));
}

__attribute__((constructor)) static void allow_time(void)
{
	guest_test_seconds += (unsigned int)(env("FSX_OPS", 0) / 100);
}

TEST(fsx, tmpfs)
{
	run("/dev/shm");
}

TEST(fsx, root)
{
	run("/var/tmp");
}

TEST(fsx, given_directory)
{
	if (!getenv("FSX_DIR"))
		SKIP("no FSX_DIR");
	run(getenv("FSX_DIR"));
}

TEST_MAIN
