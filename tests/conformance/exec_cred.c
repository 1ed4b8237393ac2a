/* SPDX-License-Identifier: Apache-2.0 */
/* execve(2) and identities: set-id bits, capabilities(7), AT_SECURE. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "tests/harness/guest_test.h"

#define CAP(n) (1ull << (n))

struct id_report {
	uid_t uid[3];
	gid_t gid[3];
	uint64_t permitted, effective, inheritable, ambient;
	int secure, dumpable, securebits, persona, pdeathsig;
};

static void get_caps(uint64_t set[3])
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	EXPECT_OK(syscall(SYS_capget, &h, d));
	set[0] = d[0].permitted | (uint64_t)d[1].permitted << 32;
	set[1] = d[0].effective | (uint64_t)d[1].effective << 32;
	set[2] = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
}

static void set_caps(uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)permitted, (uint32_t)permitted,
		  (uint32_t)inheritable },
		{ (uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32),
		  (uint32_t)(inheritable >> 32) },
	};

	EXPECT_OK(syscall(SYS_capset, &h, d));
}

/* The program that is executed: ourselves, asked to report to fd 9. */
__attribute__((constructor)) static void report_if_asked(void)
{
	struct id_report r;
	uint64_t caps[3];

	if (!getenv("REPORT_IDS") || fcntl(9, F_GETFD) < 0)
		return;
	memset(&r, 0, sizeof(r));
	if (getresuid(&r.uid[0], &r.uid[1], &r.uid[2]) < 0 ||
	    getresgid(&r.gid[0], &r.gid[1], &r.gid[2]) < 0)
		_exit(1);
	get_caps(caps);
	r.permitted = caps[0];
	r.effective = caps[1];
	r.inheritable = caps[2];
	for (unsigned int i = 0; i <= 40; i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			r.ambient |= CAP(i);
	r.secure = (int)getauxval(AT_SECURE);
	r.dumpable = prctl(PR_GET_DUMPABLE);
	r.securebits = prctl(PR_GET_SECUREBITS);
	r.persona = personality(0xffffffff);
	prctl(PR_GET_PDEATHSIG, &r.pdeathsig);
	if (write(9, &r, sizeof(r)) != sizeof(r))
		_exit(1);
	_exit(0);
}

/* A copy of ourselves; its name. */
static const char *make_program(uid_t uid, gid_t gid, mode_t mode)
{
	static char name[64];
	char buf[65536];
	ssize_t n;
	int in, out;

	if (geteuid() != 0)
		SKIP("needs root");
	SCRATCH_NAME(name, sizeof(name), "prog");
	in = EXPECT_OK(open("/proc/self/exe", O_RDONLY));
	out = EXPECT_OK(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0755));
	while ((n = EXPECT_OK(read(in, buf, sizeof(buf)))) > 0)
		EXPECT_EQ(n, write(out, buf, (size_t)n));
	EXPECT_OK(fchown(out, uid, gid));
	EXPECT_OK(fchmod(out, mode));
	close(out);
	close(in);
	return name;
}

static void give_caps(const char *name, uint64_t permitted,
		      uint64_t inheritable, int effective)
{
	struct vfs_cap_data d = {
		.magic_etc = VFS_CAP_REVISION_2 | (uint32_t)effective,
		.data = { { (uint32_t)permitted, (uint32_t)inheritable },
			  { (uint32_t)(permitted >> 32),
			    (uint32_t)(inheritable >> 32) } },
	};

	if (setxattr(name, "security.capability", &d, sizeof(d), 0) < 0) {
		if (errno == EOPNOTSUPP)
			SKIP("no security attributes here");
		EXPECT_OK(-1);
	}
}

/* What @name reports when it is run after @prepare. */
static struct id_report run(const char *name, void (*prepare)(void))
{
	char *argv[] = { (char *)(uintptr_t)name, NULL };
	char *envp[] = { "REPORT_IDS=1", NULL };
	struct id_report r;
	int fds[2];
	pid_t pid;

	EXPECT_OK(pipe(fds));
	pid = CHILD({
		dup2(fds[1], 9);
		if (prepare)
			prepare();
		execve(name, argv, envp);
		_exit(100 + (errno == EPERM));
	});
	close(fds[1]);
	memset(&r, 0, sizeof(r));
	EXPECT_EXIT(0, pid);
	EXPECT_EQ(sizeof(r), read(fds[0], &r, sizeof(r)));
	close(fds[0]);
	return r;
}

static void become_user(void)
{
	EXPECT_OK(setgroups(0, NULL));
	EXPECT_OK(setresgid(1234, 1234, 1234));
	EXPECT_OK(setresuid(1234, 1234, 1234));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void become_user_no_new_privs(void)
{
	become_user();
	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* --- set-id bits ---------------------------------------------------------- */

TEST(exec_cred, set_user_id)
{
	struct id_report r = run(make_program(777, 0, 04755), become_user);

	EXPECT_EQ(1234, r.uid[0]);
	EXPECT_EQ(777, r.uid[1]);
	EXPECT_EQ(777, r.uid[2]);
	EXPECT_EQ(1234, r.gid[1]);
	EXPECT_EQ(1, r.secure);
	EXPECT_EQ(0, r.dumpable);
	EXPECT_EQ(0, r.permitted);
	EXPECT_EQ(0, r.pdeathsig);
}

TEST(exec_cred, set_user_id_root_has_all_capabilities)
{
	struct id_report r;
	uint64_t mine[3];

	get_caps(mine);
	r = run(make_program(0, 0, 04755), become_user);
	EXPECT_EQ(0, r.uid[1]);
	EXPECT_TRUE(r.permitted == mine[0]);
	EXPECT_TRUE(r.effective == mine[0]);
	EXPECT_EQ(1, r.secure);
}

TEST(exec_cred, set_group_id)
{
	struct id_report r = run(make_program(0, 888, 02755), become_user);

	EXPECT_EQ(1234, r.gid[0]);
	EXPECT_EQ(888, r.gid[1]);
	EXPECT_EQ(888, r.gid[2]);
	EXPECT_EQ(1234, r.uid[1]);
	EXPECT_EQ(1, r.secure);
	/* Without execution by the group it is no set-group-ID. */
	r = run(make_program(0, 888, 02745), become_user);
	EXPECT_EQ(1234, r.gid[1]);
	EXPECT_EQ(0, r.secure);
}

TEST(exec_cred, to_the_same_id_is_not_secure)
{
	struct id_report r = run(make_program(1234, 1234, 06755), become_user);

	EXPECT_EQ(1234, r.uid[1]);
	EXPECT_EQ(0, r.secure);
	EXPECT_EQ(1, r.dumpable);
	EXPECT_EQ(SIGKILL, r.pdeathsig);
}

TEST(exec_cred, no_new_privs_ignores_set_id)
{
	struct id_report r =
		run(make_program(0, 0, 06755), become_user_no_new_privs);

	EXPECT_EQ(1234, r.uid[1]);
	EXPECT_EQ(1234, r.gid[1]);
	EXPECT_EQ(0, r.permitted);
	EXPECT_EQ(0, r.secure);
}

static void fake_persona(void)
{
	become_user();
	EXPECT_OK(personality(ADDR_NO_RANDOMIZE));
}

TEST(exec_cred, set_id_clears_the_personality)
{
	struct id_report r;

	r = run(make_program(777, 0, 04755), fake_persona);
	EXPECT_EQ(0, r.persona & ADDR_NO_RANDOMIZE);
	r = run(make_program(777, 0, 0755), fake_persona);
	EXPECT_EQ(ADDR_NO_RANDOMIZE, r.persona & ADDR_NO_RANDOMIZE);
}

static void only_effective(void)
{
	EXPECT_OK(setresuid(-1, 1234, -1));
}

TEST(exec_cred, plain_program_saves_the_effective_id)
{
	struct id_report r = run(make_program(0, 0, 0755), only_effective);

	EXPECT_EQ(0, r.uid[0]);
	EXPECT_EQ(1234, r.uid[1]);
	EXPECT_EQ(1234, r.uid[2]);
	/* The real id is root's: permitted, but not in effect. */
	EXPECT_TRUE(r.permitted != 0);
	EXPECT_EQ(0, r.effective);
	EXPECT_EQ(1, r.secure);
	EXPECT_EQ(0, r.dumpable);
}

TEST(exec_cred, unreadable_program_is_not_dumpable)
{
	struct id_report r = run(make_program(0, 0, 0711), become_user);

	EXPECT_EQ(0, r.dumpable);
	EXPECT_EQ(0, r.secure);
	r = run(make_program(0, 0, 0755), become_user);
	EXPECT_EQ(1, r.dumpable);
}

/* --- capabilities of files ------------------------------------------------ */

TEST(exec_cred, file_capabilities)
{
	const char *name = make_program(0, 0, 0755);
	struct id_report r;

	give_caps(name, CAP(CAP_CHOWN) | CAP(CAP_KILL), 0, 1);
	r = run(name, become_user);
	EXPECT_TRUE(r.permitted == (CAP(CAP_CHOWN) | CAP(CAP_KILL)));
	EXPECT_TRUE(r.effective == r.permitted);
	EXPECT_EQ(1234, r.uid[1]);
	EXPECT_EQ(1, r.secure);
	EXPECT_EQ(0, r.dumpable);
	EXPECT_EQ(0, r.pdeathsig);
	/* Permitted only: the program must raise them itself. */
	give_caps(name, CAP(CAP_CHOWN), 0, 0);
	r = run(name, become_user);
	EXPECT_TRUE(r.permitted == CAP(CAP_CHOWN));
	EXPECT_EQ(0, r.effective);
	r = run(name, become_user_no_new_privs);
	EXPECT_EQ(0, r.permitted);
}

TEST(exec_cred, bad_file_capabilities_are_refused)
{
	const char *name = make_program(0, 0, 0755);
	struct vfs_cap_data d = { .magic_etc = 0x07000000 };

	give_caps(name, CAP(CAP_KILL), 0, 1);
	EXPECT_ERRNO(EINVAL,
		     setxattr(name, "security.capability", &d, sizeof(d), 0));
	d.magic_etc = VFS_CAP_REVISION_2;
	EXPECT_ERRNO(EINVAL, setxattr(name, "security.capability", &d, 19, 0));
	EXPECT_OK(setresuid(-1, 1234, -1));
	EXPECT_ERRNO(EPERM,
		     setxattr(name, "security.capability", &d, sizeof(d), 0));
}

static void without_kill(void)
{
	EXPECT_OK(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
	become_user();
}

TEST(exec_cred, bounding_set_limits_files)
{
	const char *name = make_program(0, 0, 0755);
	struct id_report r;
	pid_t pid;

	give_caps(name, CAP(CAP_CHOWN) | CAP(CAP_KILL), 0, 0);
	r = run(name, without_kill);
	EXPECT_TRUE(r.permitted == CAP(CAP_CHOWN));
	/* A program that would not notice is not run. */
	give_caps(name, CAP(CAP_CHOWN) | CAP(CAP_KILL), 0, 1);
	pid = CHILD({
		without_kill();
		execl(name, name, NULL);
		_exit(errno == EPERM ? 55 : 56);
	});
	EXPECT_EXIT(55, pid);
}

static void inherit_chown(void)
{
	EXPECT_OK(prctl(PR_SET_KEEPCAPS, 1));
	become_user();
	set_caps(CAP(CAP_CHOWN) | CAP(CAP_KILL), CAP(CAP_CHOWN));
}

TEST(exec_cred, inheritable_capabilities)
{
	const char *name = make_program(0, 0, 0755);
	struct id_report r = run(name, inherit_chown);

	EXPECT_EQ(0, r.permitted);
	EXPECT_TRUE(r.inheritable == CAP(CAP_CHOWN));
	give_caps(name, 0, CAP(CAP_CHOWN) | CAP(CAP_KILL), 1);
	r = run(name, inherit_chown);
	EXPECT_TRUE(r.permitted == CAP(CAP_CHOWN));
	EXPECT_TRUE(r.effective == CAP(CAP_CHOWN));
	EXPECT_EQ(0, r.securebits & SECBIT_KEEP_CAPS);
}

static void ambient_chown(void)
{
	inherit_chown();
	EXPECT_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
}

TEST(exec_cred, ambient_capabilities)
{
	const char *name = make_program(0, 0, 0755);
	struct id_report r = run(name, ambient_chown);

	EXPECT_TRUE(r.permitted == CAP(CAP_CHOWN));
	EXPECT_TRUE(r.effective == CAP(CAP_CHOWN));
	EXPECT_TRUE(r.ambient == CAP(CAP_CHOWN));
	EXPECT_EQ(0, r.secure);
	/* A file with capabilities of its own ends them. */
	give_caps(name, 0, 0, 0);
	r = run(name, ambient_chown);
	EXPECT_EQ(0, r.permitted);
	EXPECT_EQ(0, r.ambient);
	/* So does a set-id file. */
	r = run(make_program(777, 0, 04755), ambient_chown);
	EXPECT_EQ(0, r.ambient);
	EXPECT_EQ(0, r.permitted);
}

static void no_root(void)
{
	EXPECT_OK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
}

TEST(exec_cred, securebits_take_roots_capabilities)
{
	struct id_report r = run(make_program(0, 0, 0755), no_root);

	EXPECT_EQ(0, r.uid[1]);
	EXPECT_EQ(0, r.permitted);
	EXPECT_EQ(SECBIT_NOROOT, r.securebits);
}

TEST(exec_cred, set_user_id_root_with_file_capabilities)
{
	const char *name = make_program(0, 0, 04755);
	struct id_report r;

	give_caps(name, CAP(CAP_CHOWN), 0, 1);
	r = run(name, become_user);
	EXPECT_EQ(0, r.uid[1]);
	EXPECT_TRUE(r.permitted == CAP(CAP_CHOWN));
}

/* Whoever changes a file takes its capabilities and set-id bits away. */
TEST(exec_cred, change_takes_capabilities)
{
	const char *name = make_program(0, 0, 0755);
	char buf[32];
	int fd;

	give_caps(name, CAP(CAP_CHOWN), 0, 1);
	EXPECT_EQ(20, getxattr(name, "security.capability", buf, sizeof(buf)));
	fd = EXPECT_OK(open(name, O_WRONLY));
	EXPECT_EQ(1, pwrite(fd, "\x7f", 1, 0));
	close(fd);
	EXPECT_ERRNO(ENODATA,
		     getxattr(name, "security.capability", buf, sizeof(buf)));
	give_caps(name, CAP(CAP_CHOWN), 0, 1);
	EXPECT_OK(chown(name, 1, 1));
	EXPECT_ERRNO(ENODATA,
		     getxattr(name, "security.capability", buf, sizeof(buf)));
	give_caps(name, CAP(CAP_CHOWN), 0, 1);
	EXPECT_OK(truncate(name, 100));
	EXPECT_ERRNO(ENODATA,
		     getxattr(name, "security.capability", buf, sizeof(buf)));
}

TEST_MAIN
