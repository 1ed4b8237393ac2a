/* SPDX-License-Identifier: Apache-2.0 */
/* landlock(7), ABI 3: rulesets, rules, domains, and what they forbid. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/harness/guest_test.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif

#define ALL    ((1ull << 15) - 1)
#define READ   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE  LANDLOCK_ACCESS_FS_WRITE_FILE
#define REG    LANDLOCK_ACCESS_FS_MAKE_REG
#define REMOVE LANDLOCK_ACCESS_FS_REMOVE_FILE
#define REFER  LANDLOCK_ACCESS_FS_REFER
#define TRUNC  LANDLOCK_ACCESS_FS_TRUNCATE

static int create(uint64_t handled)
{
	return (int)syscall(SYS_landlock_create_ruleset, &handled, 8, 0);
}

static int add(int rules, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr a = { access, fd };

	return (int)syscall(SYS_landlock_add_rule, rules,
			    LANDLOCK_RULE_PATH_BENEATH, &a, 0);
}

static int restrict_self(int rules)
{
	return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

static void allow(int rules, const char *path, uint64_t access)
{
	int fd = EXPECT_OK(open(path, O_PATH));

	EXPECT_OK(add(rules, fd, access));
	close(fd);
}

static void enter(int rules)
{
	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_OK(restrict_self(rules));
	close(rules);
}

/* The domain of most tests: all is handled, @access is allowed at @path. */
static void confine(const char *path, uint64_t access)
{
	int rules = EXPECT_OK(create(ALL));

	allow(rules, path, access);
	enter(rules);
}

static void put_file(const char *name)
{
	int fd = EXPECT_OK(open(name, O_CREAT | O_WRONLY, 0755));

	EXPECT_EQ(4, write(fd, "text", 4));
	close(fd);
}

/* A directory of our own with a/ b/ a/f b/g and a/d/; we go there. */
static void make_tree(void)
{
	EXPECT_OK(chdir(scratch("/tmp")));
	EXPECT_OK(mkdir("a", 0755));
	EXPECT_OK(mkdir("b", 0755));
	EXPECT_OK(mkdir("a/d", 0755));
	put_file("a/f");
	put_file("b/g");
}

static int try_open(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* --- the calls ------------------------------------------------------------ */

TEST(landlock, version)
{
	uint64_t handled = 1;

	EXPECT_TRUE(syscall(SYS_landlock_create_ruleset, NULL, 0,
			    LANDLOCK_CREATE_RULESET_VERSION) >= 3);
	EXPECT_ERRNO(EINVAL, syscall(SYS_landlock_create_ruleset, NULL, 8,
				     LANDLOCK_CREATE_RULESET_VERSION));
	EXPECT_ERRNO(EINVAL, syscall(SYS_landlock_create_ruleset, &handled, 0,
				     LANDLOCK_CREATE_RULESET_VERSION));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_landlock_create_ruleset, NULL, 0, 1u << 31));
}

TEST(landlock, create_ruleset)
{
	struct {
		uint64_t handled;
		uint64_t zero[20];
	} big = { .handled = READ };
	char link[64], text[64] = "";
	int fd;

	EXPECT_ERRNO(EINVAL, syscall(SYS_landlock_create_ruleset, &big, 0, 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_landlock_create_ruleset, &big, 7, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_landlock_create_ruleset, NULL, 8, 0));
	EXPECT_ERRNO(E2BIG,
		     syscall(SYS_landlock_create_ruleset, &big, 4097, 0));
	EXPECT_ERRNO(ENOMSG, create(0));
	EXPECT_ERRNO(EINVAL, create(1ull << 63));
	fd = EXPECT_OK(
		syscall(SYS_landlock_create_ruleset, &big, sizeof(big), 0));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	EXPECT_OK(readlink(link, text, sizeof(text) - 1));
	EXPECT_STR("anon_inode:[landlock-ruleset]", text);
	EXPECT_ERRNO(EINVAL, read(fd, text, 1));
	big.zero[19] = 1;
	EXPECT_ERRNO(E2BIG, syscall(SYS_landlock_create_ruleset, &big,
				    sizeof(big), 0));
}

TEST(landlock, add_rule)
{
	int rules = EXPECT_OK(create(READ | WRITE));
	int dir = EXPECT_OK(open("/", O_PATH));
	int file = EXPECT_OK(open("/etc/passwd", O_RDONLY));
	int pipes[2];
	struct landlock_path_beneath_attr a = { READ, dir };

	EXPECT_OK(pipe(pipes));
	EXPECT_OK(add(rules, dir, READ));
	EXPECT_OK(add(rules, dir, WRITE));
	EXPECT_OK(add(rules, file, LANDLOCK_ACCESS_FS_READ_FILE));
	EXPECT_ERRNO(EINVAL, add(rules, file, READ));
	EXPECT_ERRNO(EINVAL, add(rules, dir, REG));
	EXPECT_ERRNO(ENOMSG, add(rules, dir, 0));
	EXPECT_ERRNO(EBADF, add(rules, 999, READ));
	EXPECT_ERRNO(EBADF, add(999, dir, READ));
	EXPECT_ERRNO(EBADFD, add(0, dir, READ));
	EXPECT_ERRNO(EBADFD, add(rules, rules, READ));
	EXPECT_ERRNO(EBADFD, add(rules, pipes[0], READ));
	EXPECT_ERRNO(EINVAL, syscall(SYS_landlock_add_rule, rules, 1, &a, 1));
	EXPECT_ERRNO(EINVAL, syscall(SYS_landlock_add_rule, rules, 99, &a, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_landlock_add_rule, rules, 1, NULL, 0));
}

TEST(landlock, restrict_self)
{
	int rules = EXPECT_OK(create(REG));

	if (geteuid() != 0)
		EXPECT_ERRNO(EPERM, restrict_self(rules));
	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_landlock_restrict_self, rules, 1u << 31));
	EXPECT_ERRNO(EBADF, restrict_self(999));
	EXPECT_ERRNO(EBADFD, restrict_self(0));
	EXPECT_OK(restrict_self(rules));
}

TEST(landlock, at_most_16_layers)
{
	int rules = EXPECT_OK(create(REG));

	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	for (int i = 0; i < 16; i++)
		EXPECT_OK(restrict_self(rules));
	EXPECT_ERRNO(E2BIG, restrict_self(rules));
}

/* --- opening -------------------------------------------------------------- */

TEST(landlock, read_and_write)
{
	make_tree();
	confine("a", READ | WRITE);
	EXPECT_OK(try_open("a", O_RDONLY));
	EXPECT_OK(try_open("a/f", O_RDONLY));
	EXPECT_OK(try_open("a/f", O_RDWR));
	EXPECT_ERRNO(EACCES, try_open("b", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("b/g", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_WRONLY | O_TRUNC));
	EXPECT_ERRNO(EACCES, try_open("a/new", O_WRONLY | O_CREAT));
	EXPECT_ERRNO(EEXIST, try_open("a/f", O_WRONLY | O_CREAT | O_EXCL));
	EXPECT_OK(try_open("a/f", O_WRONLY | O_CREAT));
	EXPECT_ERRNO(EACCES, try_open("a/../b/g", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("/etc/passwd", O_RDONLY));
	/* These are not restricted. */
	EXPECT_OK(try_open("b/g", O_PATH));
	EXPECT_OK(access("b/g", R_OK));
	EXPECT_OK(chmod("b/g", 0600));
	EXPECT_OK(chdir("b"));
}

TEST(landlock, rights_are_apart)
{
	make_tree();
	confine("a", LANDLOCK_ACCESS_FS_READ_FILE);
	EXPECT_OK(try_open("a/f", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_WRONLY));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_RDWR));
	EXPECT_ERRNO(EACCES, try_open("a", O_RDONLY));
}

TEST(landlock, rule_for_one_file)
{
	make_tree();
	put_file("a/e");
	confine("a/f", LANDLOCK_ACCESS_FS_READ_FILE | WRITE);
	EXPECT_OK(try_open("a/f", O_RDWR));
	EXPECT_ERRNO(EACCES, try_open("a/e", O_RDONLY));
}

/* It is the file that has the rule, not the name. */
TEST(landlock, rule_for_all_links_of_a_file)
{
	make_tree();
	EXPECT_OK(link("a/f", "b/l"));
	confine("a/f", LANDLOCK_ACCESS_FS_READ_FILE);
	EXPECT_OK(try_open("b/l", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("b/g", O_RDONLY));
}

/* What is not handled is not restricted. */
TEST(landlock, only_what_is_handled)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(WRITE));
	enter(rules);
	EXPECT_OK(try_open("a/f", O_RDONLY));
	EXPECT_OK(mkdir("a/x", 0700));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_WRONLY));
	EXPECT_ERRNO(EACCES, try_open("a/y", O_WRONLY | O_CREAT));
	EXPECT_OK(try_open("a/y", O_RDONLY | O_CREAT));
}

TEST(landlock, descriptors_keep_working)
{
	char c;
	int fd;

	make_tree();
	fd = EXPECT_OK(open("b/g", O_RDWR));
	confine("a", READ);
	EXPECT_EQ(1, read(fd, &c, 1));
	EXPECT_EQ(1, write(fd, &c, 1));
	EXPECT_OK(ftruncate(fd, 1));
}

TEST(landlock, anonymous_files_are_free)
{
	int fd, fds[2];
	char name[64];

	make_tree();
	confine("a", READ);
	fd = EXPECT_OK(syscall(SYS_memfd_create, "x", 0));
	EXPECT_OK(ftruncate(fd, 10));
	EXPECT_OK(pipe(fds));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[0]);
	EXPECT_OK(try_open(name, O_RDONLY | O_NONBLOCK));
}

TEST(landlock, rule_at_the_root)
{
	make_tree();
	confine("/", READ);
	EXPECT_OK(try_open("a/f", O_RDONLY));
	EXPECT_OK(try_open("/proc/self/status", O_RDONLY));
	EXPECT_OK(try_open("/etc/passwd", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_WRONLY));
}

/* Rules stay with the directory when it moves. */
TEST(landlock, rule_follows_a_rename)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(READ));
	allow(rules, "a", READ);
	EXPECT_OK(rename("a", "b/a2"));
	EXPECT_OK(mkdir("a", 0755));
	put_file("a/f");
	enter(rules);
	EXPECT_OK(try_open("b/a2/f", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_RDONLY));
}

/* --- creation and removal ------------------------------------------------- */

static void make_all(const char *dir, int err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char name[128];
	int s = EXPECT_OK(socket(AF_UNIX, SOCK_STREAM, 0)), got[6];

	snprintf(name, sizeof(name), "%s/reg", dir);
	got[0] = mknod(name, S_IFREG | 0600, 0) < 0 ? errno : 0;
	snprintf(name, sizeof(name), "%s/fifo", dir);
	got[1] = mkfifo(name, 0600) < 0 ? errno : 0;
	snprintf(name, sizeof(name), "%s/dir", dir);
	got[2] = mkdir(name, 0700) < 0 ? errno : 0;
	snprintf(name, sizeof(name), "%s/sym", dir);
	got[3] = symlink("x", name) < 0 ? errno : 0;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/sock", dir);
	got[4] = bind(s, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? errno : 0;
	snprintf(name, sizeof(name), "%s/null", dir);
	got[5] = mknod(name, S_IFCHR | 0600, 0) < 0 ? errno : 0;
	for (int i = 0; i < 6; i++)
		if (got[i] != err)
			FAIL("node %d in %s: %d, not %d", i, dir, got[i], err);
	close(s);
}

TEST(landlock, make_nodes)
{
	make_tree();
	confine("a", REG | LANDLOCK_ACCESS_FS_MAKE_FIFO |
			     LANDLOCK_ACCESS_FS_MAKE_DIR |
			     LANDLOCK_ACCESS_FS_MAKE_SYM |
			     LANDLOCK_ACCESS_FS_MAKE_SOCK |
			     LANDLOCK_ACCESS_FS_MAKE_CHAR);
	make_all("a", 0);
	make_all("b", EACCES);
	EXPECT_ERRNO(EEXIST, mkdir("b/g", 0700));
}

TEST(landlock, make_one_kind)
{
	make_tree();
	confine("a", LANDLOCK_ACCESS_FS_MAKE_FIFO);
	EXPECT_OK(mkfifo("a/fifo", 0600));
	EXPECT_ERRNO(EACCES, mkdir("a/dir", 0700));
	EXPECT_ERRNO(EACCES, symlink("a", "a/s"));
	EXPECT_ERRNO(EACCES, mknod("a/r", S_IFREG | 0600, 0));
	EXPECT_ERRNO(EACCES, try_open("a/o", O_CREAT | O_WRONLY));
}

TEST(landlock, removal)
{
	make_tree();
	put_file("a/e");
	confine("a", REMOVE);
	EXPECT_OK(unlink("a/f"));
	EXPECT_ERRNO(EACCES, rmdir("a/d"));
	EXPECT_ERRNO(EACCES, unlink("b/g"));
	EXPECT_ERRNO(ENOENT, unlink("b/none"));
}

TEST(landlock, removal_of_directories)
{
	make_tree();
	confine("a", LANDLOCK_ACCESS_FS_REMOVE_DIR);
	EXPECT_OK(rmdir("a/d"));
	EXPECT_ERRNO(EACCES, unlink("a/f"));
	/* To remove a itself is a right on its parent. */
	EXPECT_ERRNO(EACCES, rmdir("a"));
}

/* --- truncation ----------------------------------------------------------- */

TEST(landlock, truncation)
{
	int fd;

	make_tree();
	confine("a", READ | WRITE);
	fd = EXPECT_OK(open("a/f", O_RDWR));
	EXPECT_ERRNO(EACCES, ftruncate(fd, 1));
	EXPECT_ERRNO(EACCES, truncate("a/f", 1));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_RDWR | O_TRUNC));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_RDONLY | O_TRUNC));
}

TEST(landlock, truncation_allowed)
{
	int fd;

	make_tree();
	confine("a", TRUNC | WRITE);
	EXPECT_OK(truncate("a/f", 3));
	EXPECT_ERRNO(EACCES, truncate("b/g", 3));
	fd = EXPECT_OK(open("a/f", O_WRONLY | O_TRUNC));
	EXPECT_OK(ftruncate(fd, 10));
}

/* The right to truncate is that of the time of opening. */
TEST(landlock, truncation_right_is_the_openers)
{
	int fd, rules;

	make_tree();
	fd = EXPECT_OK(open("a/f", O_RDWR));
	rules = EXPECT_OK(create(TRUNC));
	enter(rules);
	EXPECT_OK(ftruncate(fd, 2));
	close(fd);
	fd = EXPECT_OK(open("a/f", O_RDWR));
	EXPECT_ERRNO(EACCES, ftruncate(fd, 1));
	EXPECT_ERRNO(EACCES, truncate("a/f", 1));
}

/* --- links and renames ---------------------------------------------------- */

TEST(landlock, rename_inside_a_directory)
{
	make_tree();
	put_file("a/e");
	confine("a", REG | REMOVE);
	EXPECT_OK(rename("a/f", "a/f2"));
	EXPECT_OK(rename("a/f2", "a/e"));
	EXPECT_OK(link("a/e", "a/l"));
	EXPECT_ERRNO(EACCES, rename("a/d", "a/d2"));
	EXPECT_ERRNO(EACCES, rename("b/g", "b/g2"));
	EXPECT_ERRNO(EACCES, link("b/g", "b/l"));
}

TEST(landlock, rename_needs_both_rights)
{
	make_tree();
	confine("a", REG);
	EXPECT_ERRNO(EACCES, rename("a/f", "a/f2"));
	EXPECT_OK(link("a/f", "a/l"));
}

/* Without REFER, also when it is not handled. */
TEST(landlock, reparenting_is_denied)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(READ));
	allow(rules, "/", READ);
	enter(rules);
	EXPECT_OK(rename("a/f", "a/f2"));
	EXPECT_ERRNO(EXDEV, rename("a/f2", "b/f"));
	EXPECT_ERRNO(EXDEV, link("a/f2", "b/f"));
	EXPECT_ERRNO(EXDEV, rename("a/f2", "f"));
	EXPECT_ERRNO(EXDEV, rename("a/d", "b/d"));
}

TEST(landlock, refer_allows)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(REFER | REG | REMOVE |
				 LANDLOCK_ACCESS_FS_MAKE_DIR |
				 LANDLOCK_ACCESS_FS_REMOVE_DIR));
	allow(rules, "a", REFER | REG | REMOVE);
	allow(rules, "b", REFER | REG | REMOVE);
	enter(rules);
	EXPECT_OK(rename("a/f", "b/f"));
	EXPECT_OK(rename("b/f", "a/d/f"));
	EXPECT_OK(link("a/d/f", "b/l"));
	EXPECT_OK(rename("a/d/f", "b/g"));
	EXPECT_ERRNO(EACCES, rename("a/d", "b/d"));
}

TEST(landlock, refer_on_one_side_only)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(REFER | REG | REMOVE));
	allow(rules, "a", REFER | REG | REMOVE);
	allow(rules, "b", REG | REMOVE);
	enter(rules);
	EXPECT_ERRNO(EXDEV, rename("a/f", "b/f"));
	EXPECT_ERRNO(EXDEV, rename("b/g", "a/g"));
}

TEST(landlock, eacces_before_exdev)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(REFER | REG | REMOVE));
	allow(rules, "a", REMOVE);
	enter(rules);
	EXPECT_ERRNO(EACCES, rename("a/f", "b/f"));
}

/* A file gets no new rights by moving. */
TEST(landlock, refer_does_not_widen)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(REFER | REG | REMOVE | READ | WRITE));
	allow(rules, "a", REFER | REG | REMOVE | READ);
	allow(rules, "b", REFER | REG | REMOVE | READ | WRITE);
	enter(rules);
	EXPECT_ERRNO(EXDEV, rename("a/f", "b/f"));
	EXPECT_ERRNO(EXDEV, link("a/f", "b/f"));
	EXPECT_OK(rename("b/g", "a/g"));
}

/* A right that is the file's own moves with it. */
TEST(landlock, refer_with_a_rule_of_the_file)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(REFER | REG | REMOVE | WRITE));
	allow(rules, "a", REFER | REG | REMOVE);
	allow(rules, "a/f", WRITE);
	allow(rules, "b", REFER | REG | REMOVE | WRITE);
	enter(rules);
	EXPECT_OK(rename("a/f", "b/f"));
}

TEST(landlock, exchange)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(REFER | REG | REMOVE | READ));
	allow(rules, "a", REFER | REG | REMOVE | READ);
	allow(rules, "b", REFER | REG | REMOVE);
	enter(rules);
	EXPECT_OK(link("a/f", "b/f"));
	EXPECT_ERRNO(EXDEV, syscall(SYS_renameat2, AT_FDCWD, "a/f", AT_FDCWD,
				    "b/g", 2));
	EXPECT_ERRNO(ENOENT, syscall(SYS_renameat2, AT_FDCWD, "a/f", AT_FDCWD,
				     "b/none", 2));
}

/* --- layers --------------------------------------------------------------- */

TEST(landlock, layers_only_take_away)
{
	int rules;

	make_tree();
	confine("a", READ | WRITE);
	rules = EXPECT_OK(create(READ));
	/* The second layer may name what the first forbids to no avail. */
	allow(rules, "b", READ);
	EXPECT_OK(restrict_self(rules));
	EXPECT_ERRNO(EACCES, try_open("a/f", O_RDONLY));
	EXPECT_ERRNO(EACCES, try_open("b/g", O_RDONLY));
	EXPECT_OK(try_open("a/f", O_WRONLY));
}

/* Rules that are added later do not reach a domain. */
TEST(landlock, domain_is_a_copy)
{
	int rules;

	make_tree();
	rules = EXPECT_OK(create(READ));
	allow(rules, "a", READ);
	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_OK(restrict_self(rules));
	allow(rules, "b", READ);
	EXPECT_ERRNO(EACCES, try_open("b/g", O_RDONLY));
}

TEST(landlock, children_inherit)
{
	make_tree();
	confine("a", READ);
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(try_open("a/f", O_RDONLY));
			    EXPECT_ERRNO(EACCES, try_open("b/g", O_RDONLY));
		    }));
}

static void *open_b(void *arg)
{
	*(int *)arg = try_open("b/g", O_RDONLY);
	return NULL;
}

static _Atomic int g_go;

static void *open_b_later(void *arg)
{
	while (!g_go)
		usleep(1000);
	return open_b(arg);
}

TEST(landlock, threads_that_exist_are_not_restricted)
{
	pthread_t old, new;
	int a = 5, b = 5;

	make_tree();
	pthread_create(&old, NULL, open_b_later, &a);
	confine("a", READ);
	pthread_create(&new, NULL, open_b, &b);
	pthread_join(new, NULL);
	g_go = 1;
	pthread_join(old, NULL);
	EXPECT_EQ(0, a);
	EXPECT_EQ(-1, b);
}

/* --- programs, mounts, tracing -------------------------------------------- */

TEST(landlock, execution)
{
	const uint64_t exec = LANDLOCK_ACCESS_FS_EXECUTE;
	pid_t pid;

	make_tree();
	pid = CHILD({
		confine("/", READ);
		execl("/bin/true", "true", NULL);
		_exit(errno == EACCES ? 42 : 43);
	});
	EXPECT_EXIT(42, pid);
	pid = CHILD({
		confine("/", READ | exec);
		execl("/bin/true", "true", NULL);
		_exit(43);
	});
	EXPECT_EXIT(0, pid);
	/* To execute is to read, too. */
	pid = CHILD({
		confine("/", exec);
		execl("/bin/true", "true", NULL);
		_exit(errno == EACCES ? 42 : 43);
	});
	EXPECT_EXIT(42, pid);
}

TEST(landlock, exec_keeps_the_domain)
{
	pid_t pid;
	int st;

	make_tree();
	pid = CHILD({
		int rules = EXPECT_OK(create(WRITE));

		allow(rules, "/dev", WRITE);
		enter(rules);
		execl("/bin/sh", "sh", "-c", "echo x 2>/dev/null >b/g", NULL);
		_exit(0);
	});
	EXPECT_OK(waitpid(pid, &st, 0));
	EXPECT_TRUE(WIFEXITED(st) && WEXITSTATUS(st) != 0);
}

TEST(landlock, no_mounts)
{
	if (geteuid() != 0)
		SKIP("needs root");
	make_tree();
	EXPECT_OK(unshare(CLONE_NEWNS));
	EXPECT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mount("x", "b", "tmpfs", 0, NULL));
	confine("/", ALL);
	EXPECT_ERRNO(EPERM, mount("x", "a", "tmpfs", 0, NULL));
	EXPECT_ERRNO(EPERM, umount("b"));
}

/* A mount over a directory: rules of what lies below it do not matter, those
 * of where it is mounted do. */
TEST(landlock, rules_cross_mounts)
{
	if (geteuid() != 0)
		SKIP("needs root");
	make_tree();
	EXPECT_OK(unshare(CLONE_NEWNS));
	EXPECT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mount("x", "a/d", "tmpfs", 0, NULL));
	put_file("a/d/f");
	confine("a", READ);
	EXPECT_OK(try_open("a/d/f", O_RDONLY));
}

static long attach(pid_t pid)
{
	long ret = ptrace(PTRACE_SEIZE, pid, 0, 0);

	if (ret == 0)
		ptrace(PTRACE_DETACH, pid, 0, 0);
	return ret;
}

TEST(landlock, tracing_between_domains)
{
	int fds[2];
	char c;
	pid_t out, in, in2;

	make_tree();
	EXPECT_OK(pipe(fds));
	out = CHILD(for (;;) pause());
	confine("/", ALL);
	in = CHILD(for (;;) pause());
	in2 = CHILD({
		confine("/", ALL);
		EXPECT_OK(write(fds[1], "x", 1));
		for (;;)
			pause();
	});
	EXPECT_EQ(1, read(fds[0], &c, 1));
	EXPECT_ERRNO(EPERM, attach(out));
	EXPECT_OK(attach(in));
	EXPECT_OK(attach(in2));
	kill(out, SIGKILL);
	kill(in, SIGKILL);
	kill(in2, SIGKILL);
}

TEST_MAIN
