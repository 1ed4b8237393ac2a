/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups, capabilities: credentials(7), capabilities(7). */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define ROOT_ONLY()                         \
	do {                                \
		if (getuid() != 0)          \
			SKIP("needs root"); \
	} while (0)

#define EXPECT_UIDS(r, e, s)                         \
	do {                                         \
		uid_t r_, e_, s_;                    \
		EXPECT_OK(getresuid(&r_, &e_, &s_)); \
		EXPECT_EQ(r, r_);                    \
		EXPECT_EQ(e, e_);                    \
		EXPECT_EQ(s, s_);                    \
	} while (0)

#define EXPECT_GIDS(r, e, s)                         \
	do {                                         \
		gid_t r_, e_, s_;                    \
		EXPECT_OK(getresgid(&r_, &e_, &s_)); \
		EXPECT_EQ(r, r_);                    \
		EXPECT_EQ(e, e_);                    \
		EXPECT_EQ(s, s_);                    \
	} while (0)

struct caps {
	uint64_t effective, permitted, inheritable;
};

static struct caps caps(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	EXPECT_OK(syscall(SYS_capget, &h, d));
	return (struct caps){ d[0].effective | (uint64_t)d[1].effective << 32,
			      d[0].permitted | (uint64_t)d[1].permitted << 32,
			      d[0].inheritable | (uint64_t)d[1].inheritable
							 << 32 };
}

static int set_caps(struct caps c)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)c.effective, (uint32_t)c.permitted,
		  (uint32_t)c.inheritable },
		{ (uint32_t)(c.effective >> 32), (uint32_t)(c.permitted >> 32),
		  (uint32_t)(c.inheritable >> 32) }
	};

	return (int)syscall(SYS_capset, &h, d);
}

TEST(ids, setuid_of_root_sets_all_and_drops_capabilities)
{
	ROOT_ONLY();
	EXPECT_OK(setuid(1000));
	EXPECT_UIDS(1000, 1000, 1000);
	EXPECT_EQ(0, caps().effective);
	EXPECT_EQ(0, caps().permitted);
	EXPECT_ERRNO(EPERM, setuid(0));
	EXPECT_ERRNO(EPERM, setgid(5));
	EXPECT_ERRNO(EPERM, setgroups(0, NULL));
}

TEST(ids, minus_one_is_no_id)
{
	EXPECT_ERRNO(EINVAL, setuid((uid_t)-1));
	EXPECT_ERRNO(EINVAL, setgid((gid_t)-1));
	EXPECT_OK(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1));
	EXPECT_OK(setreuid((uid_t)-1, (uid_t)-1));
	EXPECT_OK(setregid((gid_t)-1, (gid_t)-1));
}

TEST(ids, setreuid_moves_the_saved_id)
{
	ROOT_ONLY();
	EXPECT_OK(setreuid(1, 2));
	EXPECT_UIDS(1, 2, 2);
	EXPECT_OK(setreuid(2, 1));
	EXPECT_UIDS(2, 1, 1);
	EXPECT_ERRNO(EPERM, setreuid(5, (uid_t)-1));
	EXPECT_ERRNO(EPERM, seteuid(0));
	EXPECT_OK(setreuid((uid_t)-1, 2));
	/* The saved id follows as the effective one differs from the real. */
	EXPECT_UIDS(2, 2, 1);
}

TEST(ids, saved_root_comes_back_with_capabilities)
{
	ROOT_ONLY();
	uint64_t all = caps().permitted;

	EXPECT_OK(setresuid(1, 2, 0));
	EXPECT_EQ(0, caps().effective);
	EXPECT_EQ(all, caps().permitted);
	EXPECT_OK(seteuid(0));
	EXPECT_EQ(all, caps().effective);
	EXPECT_OK(setresuid(0, 0, 0));
	EXPECT_OK(setresuid(7, 7, 7));
	EXPECT_EQ(0, caps().permitted);
	EXPECT_ERRNO(EPERM, setresuid((uid_t)-1, 0, (uid_t)-1));
}

TEST(ids, groups)
{
	gid_t in[] = { 3, 1, 2 }, out[5];

	ROOT_ONLY();
	EXPECT_OK(setgroups(3, in));
	EXPECT_EQ(3, getgroups(5, out));
	EXPECT_TRUE(out[0] == 1 && out[1] == 2 && out[2] == 3);
	EXPECT_EQ(3, getgroups(0, NULL));
	EXPECT_ERRNO(EINVAL, getgroups(2, out));
	EXPECT_ERRNO(EINVAL, syscall(SYS_getgroups, -1, out));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getgroups, 3, 8));
	EXPECT_ERRNO(EINVAL, syscall(SYS_setgroups, 65537, in));
	EXPECT_ERRNO(EFAULT, syscall(SYS_setgroups, 3, 8));
	EXPECT_OK(setresgid(1, 2, 3));
	EXPECT_GIDS(1, 2, 3);
	EXPECT_OK(setregid((gid_t)-1, 1));
	EXPECT_GIDS(1, 1, 3);
	EXPECT_OK(setgid(9));
	EXPECT_GIDS(9, 9, 9);
}

TEST(ids, fsuid_follows_the_effective_id)
{
	ROOT_ONLY();
	EXPECT_EQ(0, setfsuid(9));
	EXPECT_EQ(9, setfsuid((uid_t)-1));
	EXPECT_EQ(0, setfsgid(8));
	EXPECT_EQ(8, setfsgid((gid_t)-1));
	EXPECT_OK(setresuid(0, 5, 0));
	EXPECT_EQ(5, setfsuid((uid_t)-1));
	/* Not one of his: unchanged, the old one is told all the same. */
	EXPECT_EQ(5, setfsuid(77));
	EXPECT_EQ(5, setfsuid((uid_t)-1));
	EXPECT_EQ(5, setfsuid(0));
	EXPECT_EQ(0, setfsuid((uid_t)-1));
}

TEST(ids, fsuid_decides_about_files)
{
	char name[64];

	ROOT_ONLY();
	SCRATCH_NAME(name, sizeof(name), "f");
	EXPECT_OK(close(EXPECT_OK(open(name, O_CREAT | O_RDWR, 0600))));
	setfsuid(4444);
	EXPECT_EQ(-1, open(name, 0));
	EXPECT_EQ(EACCES, errno);
	setfsuid(0);
	EXPECT_OK(open(name, 0));
	EXPECT_OK(unlink(name));
}

TEST(ids, keepcaps)
{
	ROOT_ONLY();
	uint64_t all = caps().permitted;

	EXPECT_OK(prctl(PR_SET_KEEPCAPS, 1));
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_KEEPCAPS, 2));
	EXPECT_OK(setresuid(7, 7, 7));
	EXPECT_EQ(all, caps().permitted);
	EXPECT_EQ(0, caps().effective);
	EXPECT_EQ(1, prctl(PR_GET_KEEPCAPS));
	EXPECT_OK(set_caps((struct caps){ all, all, 0 }));
	EXPECT_OK(setuid(0));
}

TEST(ids, capset_only_shrinks_permitted)
{
	ROOT_ONLY();
	struct caps all = caps(), c = all;

	c.effective = 0;
	EXPECT_OK(set_caps(c));
	EXPECT_ERRNO(EPERM, setgroups(0, NULL));
	c.effective = c.permitted;
	EXPECT_OK(set_caps(c));
	c.permitted &= ~(1ull << CAP_SETUID);
	EXPECT_ERRNO(EPERM, set_caps(c)); /* effective beyond permitted */
	c.effective = c.permitted;
	EXPECT_OK(set_caps(c));
	EXPECT_ERRNO(EPERM, setuid(5));
	EXPECT_ERRNO(EPERM, set_caps(all));
}

TEST(ids, capget_header)
{
	struct __user_cap_header_struct h = { 0x123, 0 };
	struct __user_cap_data_struct d[2];

	/* A question with a bad version and no data is answered. */
	EXPECT_OK(syscall(SYS_capget, &h, NULL));
	EXPECT_EQ(_LINUX_CAPABILITY_VERSION_3, h.version);
	h.version = 1;
	EXPECT_ERRNO(EINVAL, syscall(SYS_capget, &h, d));
	h = (struct __user_cap_header_struct){ _LINUX_CAPABILITY_VERSION_3,
					       -1 };
	EXPECT_ERRNO(EINVAL, syscall(SYS_capget, &h, d));
	h.pid = 99999999;
	EXPECT_ERRNO(ESRCH, syscall(SYS_capget, &h, d));
	h.pid = getppid();
	EXPECT_OK(syscall(SYS_capget, &h, d));
	EXPECT_ERRNO(EPERM, syscall(SYS_capset, &h, d));
	EXPECT_ERRNO(EFAULT, syscall(SYS_capget, 8, d));
	h.pid = 0;
	EXPECT_ERRNO(EFAULT, syscall(SYS_capget, &h, 8));
	EXPECT_ERRNO(EFAULT, syscall(SYS_capset, &h, 8));
}

TEST(ids, bounding_and_ambient_sets)
{
	ROOT_ONLY();
	EXPECT_EQ(1, prctl(PR_CAPBSET_READ, CAP_CHOWN));
	EXPECT_ERRNO(EINVAL, prctl(PR_CAPBSET_READ, 63));
	EXPECT_OK(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
	EXPECT_EQ(0, prctl(PR_CAPBSET_READ, CAP_CHOWN));
	EXPECT_ERRNO(EINVAL, prctl(PR_CAPBSET_DROP, 64));
	EXPECT_EQ(0, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 0, 0));
	/* Ambient ones must be inheritable first. */
	EXPECT_ERRNO(EPERM, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
				  CAP_KILL, 0, 0));
	struct caps c = caps();
	c.inheritable |= 1ull << CAP_KILL;
	EXPECT_OK(set_caps(c));
	EXPECT_OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	EXPECT_EQ(1,
		  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
	c.inheritable = 0;
	EXPECT_OK(set_caps(c));
	EXPECT_EQ(0,
		  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
	EXPECT_ERRNO(EINVAL,
		     prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
	EXPECT_ERRNO(EINVAL, prctl(PR_CAP_AMBIENT, 9, 1, 0, 0));
}

TEST(ids, securebits)
{
	ROOT_ONLY();
	EXPECT_EQ(0, prctl(PR_GET_SECUREBITS));
	EXPECT_OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	EXPECT_OK(setresuid(5, 5, 5));
	EXPECT_TRUE(caps().effective != 0);
	EXPECT_OK(prctl(PR_SET_SECUREBITS,
			SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_SETUID_FIXUP));
	EXPECT_ERRNO(EPERM, prctl(PR_SET_KEEPCAPS, 1));
	EXPECT_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, 0));
}

/* Those about scripts need no capability. */
TEST(ids, securebits_of_anybody)
{
	if (getuid() == 0) {
		EXPECT_OK(setresuid(5, 5, 5));
		EXPECT_EQ(0, prctl(PR_GET_SECUREBITS));
	}
	EXPECT_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, 0));
	EXPECT_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
	EXPECT_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, 1 << 12));
	EXPECT_OK(prctl(PR_SET_SECUREBITS, 1 << 8));
	EXPECT_EQ(1 << 8, prctl(PR_GET_SECUREBITS));
	EXPECT_OK(prctl(PR_SET_SECUREBITS, 1 << 8 | 1 << 9));
	EXPECT_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, 0));
	EXPECT_ERRNO(EPERM, prctl(PR_SET_SECUREBITS, 1 << 9));
}

static void *change_user(void *arg)
{
	*(long *)arg = syscall(SYS_setresuid, 6, 6, 6);
	return NULL;
}

TEST(ids, are_of_one_thread_by_the_plain_call)
{
	pthread_t t;
	long ret = -1;

	ROOT_ONLY();
	pthread_create(&t, NULL, change_user, &ret);
	pthread_join(t, NULL);
	EXPECT_EQ(0, ret);
	EXPECT_UIDS(0, 0, 0);
}

TEST(ids, a_change_makes_undumpable)
{
	ROOT_ONLY();
	EXPECT_EQ(1, prctl(PR_GET_DUMPABLE));
	EXPECT_OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	EXPECT_OK(setresuid(0, 5, 0));
	int sig = -1;
	EXPECT_OK(prctl(PR_GET_PDEATHSIG, &sig));
	EXPECT_EQ(0, sig);
	EXPECT_TRUE(prctl(PR_GET_DUMPABLE) != 1);
}

TEST_MAIN
