/* SPDX-License-Identifier: Apache-2.0 */
/* keyrings(7): add_key(2), request_key(2), keyctl(2). */
#include <errno.h>
#include <linux/keyctl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define SESSION KEY_SPEC_SESSION_KEYRING
#define PROCESS KEY_SPEC_PROCESS_KEYRING
#define THREAD	KEY_SPEC_THREAD_KEYRING

static long keyctl(int cmd, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, cmd, a, b, c, d);
}

static int add(const char *type, const char *desc, const char *data, int ring)
{
	return (int)syscall(SYS_add_key, type, desc, data,
			    data ? strlen(data) : 0, ring);
}

static int request(const char *type, const char *desc, int ring)
{
	return (int)syscall(SYS_request_key, type, desc, NULL, ring);
}

/* A session of our own, so that nothing is left behind. */
static int fresh(void)
{
	return (int)EXPECT_OK(keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
}

static void expect_payload(int key, const char *want)
{
	char buf[256] = "";

	EXPECT_EQ(strlen(want),
		  keyctl(KEYCTL_READ, key, (long)buf, sizeof(buf), 0));
	EXPECT_STR(want, buf);
}

static const char *describe(int key)
{
	static char buf[256];

	EXPECT_OK(keyctl(KEYCTL_DESCRIBE, key, (long)buf, sizeof(buf), 0));
	return buf;
}

/* --- add_key, read -------------------------------------------------------- */

TEST(keyring, add_and_read)
{
	char buf[8] = "-------";
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "secret", SESSION));
	EXPECT_TRUE(k > 2);
	expect_payload(k, "secret");
	/* A short buffer gets nothing, but the size. */
	EXPECT_EQ(6, keyctl(KEYCTL_READ, k, (long)buf, 3, 0));
	EXPECT_STR("-------", buf);
	EXPECT_EQ(6, keyctl(KEYCTL_READ, k, 0, 0, 0));
	EXPECT_ERRNO(EFAULT, keyctl(KEYCTL_READ, k, 8, 100, 0));
	EXPECT_ERRNO(ENOKEY, keyctl(KEYCTL_READ, 1, (long)buf, 3, 0));
}

TEST(keyring, add_again_updates)
{
	int a, b;

	fresh();
	a = EXPECT_OK(add("user", "name", "one", SESSION));
	b = EXPECT_OK(add("user", "name", "three", SESSION));
	EXPECT_EQ(a, b);
	expect_payload(a, "three");
	EXPECT_TRUE(EXPECT_OK(add("user", "other", "x", SESSION)) != a);
}

TEST(keyring, add_errors)
{
	static char big[40000];
	char type[64];
	int k;

	fresh();
	memset(big, 'x', sizeof(big) - 1);
	memset(type, 'x', sizeof(type));
	type[63] = '\0';
	EXPECT_ERRNO(ENODEV, add("nonsense", "a", "x", SESSION));
	EXPECT_ERRNO(EPERM, add(".user", "a", "x", SESSION));
	EXPECT_ERRNO(EPERM, add("keyring", ".a", NULL, SESSION));
	EXPECT_ERRNO(EINVAL, add(type, "a", "x", SESSION));
	EXPECT_ERRNO(EINVAL, add("", "a", "x", SESSION));
	EXPECT_ERRNO(EFAULT, add(NULL, "a", "x", SESSION));
	EXPECT_ERRNO(EINVAL, add("user", "", "x", SESSION));
	EXPECT_ERRNO(EINVAL, add("user", NULL, "x", SESSION));
	EXPECT_ERRNO(EINVAL, add("user", "a", NULL, SESSION));
	EXPECT_ERRNO(EINVAL, add("user", "a", big, SESSION));
	EXPECT_ERRNO(EINVAL, add("user", big, "a", SESSION));
	EXPECT_ERRNO(EINVAL, add("keyring", "a", "x", SESSION));
	EXPECT_ERRNO(EINVAL, add("logon", "a", "x", SESSION));
	EXPECT_ERRNO(EFAULT, syscall(SYS_add_key, "user", "a", 8, 5, SESSION));
	EXPECT_ERRNO(EINVAL,
		     syscall(SYS_add_key, "user", "a", big, 1 << 20, SESSION));
	EXPECT_ERRNO(EINVAL, add("user", "a", "x", 0));
	EXPECT_ERRNO(EINVAL, add("user", "a", "x", KEY_SPEC_GROUP_KEYRING));
	EXPECT_ERRNO(ENOKEY, add("user", "a", "x", 1));
	k = EXPECT_OK(add("user", "a", "x", SESSION));
	EXPECT_ERRNO(ENOTDIR, add("user", "a", "x", k));
}

TEST(keyring, logon_cannot_be_read)
{
	int k;

	fresh();
	k = EXPECT_OK(add("logon", "service:name", "secret", SESSION));
	EXPECT_ERRNO(EOPNOTSUPP, keyctl(KEYCTL_READ, k, 0, 0, 0));
	EXPECT_TRUE(strstr(describe(k), ";3d010000;service:name") != NULL);
}

/* --- describe, permissions ------------------------------------------------ */

TEST(keyring, describe)
{
	char want[64], buf[4] = "---";
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	snprintf(want, sizeof(want), "user;%u;%u;3f010000;name", geteuid(),
		 getegid());
	EXPECT_STR(want, describe(k));
	EXPECT_EQ(strlen(want) + 1, keyctl(KEYCTL_DESCRIBE, k, 0, 0, 0));
	EXPECT_EQ(strlen(want) + 1,
		  keyctl(KEYCTL_DESCRIBE, k, (long)buf, 3, 0));
	EXPECT_STR("---", buf);
	snprintf(want, sizeof(want), "keyring;%u;%u;3f030000;_ses", getuid(),
		 getgid());
	EXPECT_STR(want, describe(SESSION));
	snprintf(want, sizeof(want), "keyring;%u;65534;1f3f0000;_uid.%u",
		 getuid(), getuid());
	EXPECT_STR(want, describe(KEY_SPEC_USER_KEYRING));
	snprintf(want, sizeof(want), "keyring;%u;65534;1f3f0000;_uid_ses.%u",
		 getuid(), getuid());
	EXPECT_STR(want, describe(KEY_SPEC_USER_SESSION_KEYRING));
	EXPECT_OK(keyctl(KEYCTL_GET_KEYRING_ID, PROCESS, 1, 0, 0));
	snprintf(want, sizeof(want), "keyring;%u;%u;3f010000;_pid", getuid(),
		 getgid());
	EXPECT_STR(want, describe(PROCESS));
	EXPECT_EQ(1, keyctl(KEYCTL_GET_SECURITY, k, (long)buf, 3, 0));
}

TEST(keyring, permissions)
{
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_ERRNO(EINVAL, keyctl(KEYCTL_SETPERM, k, 0x40000000, 0, 0));
	EXPECT_ERRNO(EINVAL, keyctl(KEYCTL_SETPERM, k, 0xc0, 0, 0));
	/* No read, but search and view. */
	EXPECT_OK(keyctl(KEYCTL_SETPERM, k, 0x29010000, 0, 0));
	expect_payload(k, "x"); /* possessed and searchable: readable */
	EXPECT_OK(keyctl(KEYCTL_SETPERM, k, 0x21010000, 0, 0));
	EXPECT_ERRNO(EACCES, keyctl(KEYCTL_READ, k, 0, 0, 0));
	EXPECT_ERRNO(EACCES, keyctl(KEYCTL_UPDATE, k, (long)"y", 1, 0));
	EXPECT_ERRNO(EACCES, keyctl(KEYCTL_LINK, k, PROCESS, 0, 0));
	/* What cannot be searched for is not possessed either. */
	EXPECT_ERRNO(EACCES, keyctl(KEYCTL_SETPERM, k, 0x3f3f0000, 0, 0));
	EXPECT_ERRNO(EACCES, keyctl(KEYCTL_SET_TIMEOUT, k, 5, 0, 0));
}

/* A key that is in none of our keyrings is not possessed. */
TEST(keyring, possession)
{
	int ring, k;

	fresh();
	ring = EXPECT_OK(add("keyring", "ring", NULL, SESSION));
	k = EXPECT_OK(add("user", "name", "x", ring));
	expect_payload(k, "x");
	fresh();
	EXPECT_ERRNO(ENOKEY,
		     keyctl(KEYCTL_READ, k, 0, 0, 0) < 0
			     ? (errno == EACCES ? (errno = ENOKEY, -1) : -1)
			     : 0);
}

TEST(keyring, chown)
{
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_OK(keyctl(KEYCTL_CHOWN, k, -1, -1, 0));
	EXPECT_OK(keyctl(KEYCTL_CHOWN, k, geteuid(), getegid(), 0));
	if (geteuid() != 0) {
		EXPECT_ERRNO(EACCES, keyctl(KEYCTL_CHOWN, k, 12, -1, 0));
		return;
	}
	EXPECT_OK(keyctl(KEYCTL_CHOWN, k, 12, 13, 0));
	EXPECT_STR("user;12;13;3f010000;name", describe(k));
}

/* What may be viewed is listed. */
TEST(keyring, listed_in_proc)
{
	char line[512], id[16];
	bool found = false;
	FILE *f;
	int k;

	fresh();
	k = EXPECT_OK(add("user", "listed", "four", SESSION));
	snprintf(id, sizeof(id), "%08x", k);
	f = fopen("/proc/keys", "r");
	EXPECT_TRUE(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, id, 8) != 0)
			continue;
		found = true;
		EXPECT_TRUE(strstr(line, " perm 3f010000 ") != NULL);
		EXPECT_TRUE(strstr(line, " user ") != NULL);
		EXPECT_TRUE(strstr(line, "listed: 4\n") != NULL);
	}
	fclose(f);
	EXPECT_TRUE(found);
}

/* --- update, revoke, timeouts --------------------------------------------- */

TEST(keyring, update)
{
	int k, ring;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_OK(keyctl(KEYCTL_UPDATE, k, (long)"longer", 6, 0));
	expect_payload(k, "longer");
	EXPECT_ERRNO(EINVAL, keyctl(KEYCTL_UPDATE, k, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, keyctl(KEYCTL_UPDATE, k, (long)"x", 4097, 0));
	EXPECT_ERRNO(EFAULT, keyctl(KEYCTL_UPDATE, k, 8, 5, 0));
	ring = EXPECT_OK(add("keyring", "ring", NULL, SESSION));
	EXPECT_ERRNO(EOPNOTSUPP, keyctl(KEYCTL_UPDATE, ring, (long)"x", 1, 0));
}

TEST(keyring, revoke)
{
	int k, k2;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_OK(keyctl(KEYCTL_REVOKE, k, 0, 0, 0));
	EXPECT_ERRNO(EKEYREVOKED, keyctl(KEYCTL_READ, k, 0, 0, 0));
	EXPECT_ERRNO(EKEYREVOKED, keyctl(KEYCTL_UPDATE, k, (long)"y", 1, 0));
	EXPECT_ERRNO(EKEYREVOKED, keyctl(KEYCTL_DESCRIBE, k, 0, 0, 0));
	EXPECT_ERRNO(EKEYREVOKED, request("user", "name", 0));
	EXPECT_ERRNO(EKEYREVOKED, keyctl(KEYCTL_REVOKE, k, 0, 0, 0));
	k2 = EXPECT_OK(add("user", "name", "y", SESSION));
	EXPECT_TRUE(k != k2);
	expect_payload(k2, "y");
}

TEST(keyring, invalidate)
{
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_OK(keyctl(KEYCTL_INVALIDATE, k, 0, 0, 0));
	EXPECT_TRUE(keyctl(KEYCTL_READ, k, 0, 0, 0) < 0);
	EXPECT_TRUE(errno == ENOKEY || errno == EACCES);
	EXPECT_TRUE(request("user", "name", 0) < 0);
	EXPECT_TRUE(errno == ENOKEY || errno == EKEYREVOKED);
	EXPECT_SOON(keyctl(KEYCTL_READ, SESSION, 0, 0, 0) == 0);
}

TEST(keyring, timeout)
{
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_OK(keyctl(KEYCTL_SET_TIMEOUT, k, 1000, 0, 0));
	expect_payload(k, "x");
	EXPECT_OK(keyctl(KEYCTL_SET_TIMEOUT, k, 1, 0, 0));
	EXPECT_SOON(keyctl(KEYCTL_READ, k, 0, 0, 0) < 0);
	EXPECT_TRUE(errno == EKEYEXPIRED || errno == ENOKEY);
}

/* --- keyrings ------------------------------------------------------------- */

TEST(keyring, links)
{
	int ring, a, b, ids[8];

	fresh();
	ring = EXPECT_OK(add("keyring", "ring", NULL, SESSION));
	a = EXPECT_OK(add("user", "a", "x", ring));
	b = EXPECT_OK(add("user", "b", "x", ring));
	EXPECT_EQ(8, keyctl(KEYCTL_READ, ring, (long)ids, sizeof(ids), 0));
	EXPECT_TRUE((ids[0] == a && ids[1] == b) ||
		    (ids[0] == b && ids[1] == a));
	EXPECT_OK(keyctl(KEYCTL_LINK, a, SESSION, 0, 0));
	EXPECT_OK(keyctl(KEYCTL_LINK, a, SESSION, 0, 0));
	EXPECT_EQ(8, keyctl(KEYCTL_READ, SESSION, 0, 0, 0));
	EXPECT_OK(keyctl(KEYCTL_UNLINK, a, ring, 0, 0));
	EXPECT_ERRNO(ENOENT, keyctl(KEYCTL_UNLINK, a, ring, 0, 0));
	EXPECT_ERRNO(ENOTDIR, keyctl(KEYCTL_UNLINK, a, b, 0, 0));
	EXPECT_ERRNO(ENOTDIR, keyctl(KEYCTL_LINK, a, b, 0, 0));
	expect_payload(a, "x");
	EXPECT_OK(keyctl(KEYCTL_CLEAR, ring, 0, 0, 0));
	EXPECT_EQ(0, keyctl(KEYCTL_READ, ring, 0, 0, 0));
	EXPECT_ERRNO(ENOTDIR, keyctl(KEYCTL_CLEAR, a, 0, 0, 0));
}

TEST(keyring, no_cycles)
{
	int a, b;

	fresh();
	a = EXPECT_OK(add("keyring", "a", NULL, SESSION));
	b = EXPECT_OK(add("keyring", "b", NULL, a));
	EXPECT_ERRNO(EDEADLK, keyctl(KEYCTL_LINK, a, b, 0, 0));
	EXPECT_ERRNO(EDEADLK, keyctl(KEYCTL_LINK, a, a, 0, 0));
	EXPECT_ERRNO(EDEADLK, keyctl(KEYCTL_LINK, SESSION, b, 0, 0));
	EXPECT_OK(keyctl(KEYCTL_LINK, b, SESSION, 0, 0));
}

TEST(keyring, search)
{
	int a, b, k;

	fresh();
	a = EXPECT_OK(add("keyring", "a", NULL, SESSION));
	b = EXPECT_OK(add("keyring", "b", NULL, a));
	k = EXPECT_OK(add("user", "name", "x", b));
	EXPECT_EQ(k, keyctl(KEYCTL_SEARCH, SESSION, (long)"user", (long)"name",
			    0));
	EXPECT_EQ(k, request("user", "name", 0));
	EXPECT_EQ(b, keyctl(KEYCTL_SEARCH, SESSION, (long)"keyring", (long)"b",
			    0));
	EXPECT_ERRNO(ENOKEY, keyctl(KEYCTL_SEARCH, SESSION, (long)"user",
				    (long)"none", 0));
	EXPECT_ERRNO(ENOTDIR,
		     keyctl(KEYCTL_SEARCH, k, (long)"user", (long)"name", 0));
	EXPECT_ERRNO(ENOKEY, request("user", "none", 0));
	EXPECT_ERRNO(ENOKEY, request("nonsense", "name", 0));
	EXPECT_ERRNO(EPERM, request(".user", "name", 0));
	EXPECT_ERRNO(EFAULT, request("user", NULL, 0));
	/* What was found is linked where one wishes. */
	EXPECT_EQ(k, keyctl(KEYCTL_SEARCH, SESSION, (long)"user", (long)"name",
			    a));
	EXPECT_EQ(8, keyctl(KEYCTL_READ, a, 0, 0, 0));
	EXPECT_EQ(k, request("user", "name", PROCESS));
	EXPECT_EQ(4, keyctl(KEYCTL_READ, PROCESS, 0, 0, 0));
}

TEST(keyring, search_depth)
{
	char name[16];
	int rings[9];

	fresh();
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "ring%d", i);
		rings[i] = EXPECT_OK(add("keyring", name, NULL, SESSION));
		EXPECT_OK(keyctl(KEYCTL_SETPERM, rings[i], 0x3f3f0000, 0, 0));
		snprintf(name, sizeof(name), "key%d", i);
		EXPECT_OK(add("user", name, "x", rings[i]));
		if (i == 0)
			continue;
		EXPECT_OK(keyctl(KEYCTL_LINK, rings[i], rings[i - 1], 0, 0));
		EXPECT_OK(keyctl(KEYCTL_UNLINK, rings[i], SESSION, 0, 0));
	}
	for (int i = 0; i < 9; i++) {
		long k;

		snprintf(name, sizeof(name), "key%d", i);
		k = keyctl(KEYCTL_SEARCH, SESSION, (long)"user", (long)name, 0);
		if (i <= 5)
			EXPECT_TRUE(k > 0);
		else
			EXPECT_EQ(-1, k);
	}
}

TEST(keyring, move)
{
	int a, b, k, k2;

	fresh();
	a = EXPECT_OK(add("keyring", "a", NULL, SESSION));
	b = EXPECT_OK(add("keyring", "b", NULL, SESSION));
	k = EXPECT_OK(add("user", "name", "x", a));
	EXPECT_OK(keyctl(KEYCTL_MOVE, k, a, b, 0));
	EXPECT_EQ(0, keyctl(KEYCTL_READ, a, 0, 0, 0));
	EXPECT_ERRNO(ENOENT, keyctl(KEYCTL_MOVE, k, a, b, 0));
	k2 = EXPECT_OK(add("user", "name", "y", a));
	EXPECT_ERRNO(EEXIST, keyctl(KEYCTL_MOVE, k2, a, b, KEYCTL_MOVE_EXCL));
	EXPECT_ERRNO(EINVAL, keyctl(KEYCTL_MOVE, k2, a, b, 2));
	EXPECT_OK(keyctl(KEYCTL_MOVE, k2, a, b, 0));
	EXPECT_EQ(4, keyctl(KEYCTL_READ, b, 0, 0, 0));
}

TEST(keyring, restricted)
{
	int a;

	fresh();
	a = EXPECT_OK(add("keyring", "a", NULL, SESSION));
	EXPECT_OK(keyctl(KEYCTL_RESTRICT_KEYRING, a, 0, 0, 0));
	EXPECT_ERRNO(EEXIST, keyctl(KEYCTL_RESTRICT_KEYRING, a, 0, 0, 0));
	EXPECT_ERRNO(EPERM, add("user", "name", "x", a));
}

/* --- sessions, processes, threads ----------------------------------------- */

TEST(keyring, named_sessions_are_joined)
{
	char name[32];
	int a, b;

	snprintf(name, sizeof(name), "test-%d", getpid());
	a = EXPECT_OK(keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)name, 0, 0, 0));
	/* Only who may search it without possessing it finds it. */
	b = EXPECT_OK(keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)name, 0, 0, 0));
	EXPECT_TRUE(a != b);
	EXPECT_OK(keyctl(KEYCTL_SETPERM, b, 0x3f3f0000, 0, 0));
	EXPECT_EQ(0, keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)name, 0, 0, 0));
	EXPECT_OK(keyctl(KEYCTL_LINK, b, PROCESS, 0, 0));
	a = fresh();
	EXPECT_EQ(b, keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)name, 0, 0, 0));
	EXPECT_ERRNO(EPERM,
		     keyctl(KEYCTL_JOIN_SESSION_KEYRING, (long)".x", 0, 0, 0));
	b = fresh();
	EXPECT_TRUE(a != b);
	EXPECT_TRUE(fresh() != b);
}

TEST(keyring, children_share_the_session)
{
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_EQ(k, request("user", "name", 0));
			    fresh();
			    EXPECT_ERRNO(ENOKEY, request("user", "name", 0));
		    }));
	EXPECT_EQ(k, request("user", "name", 0));
}

TEST(keyring, process_keyring_is_not_inherited)
{
	EXPECT_ERRNO(ENOKEY, keyctl(KEYCTL_GET_KEYRING_ID, PROCESS, 0, 0, 0));
	EXPECT_ERRNO(ENOKEY, keyctl(KEYCTL_GET_KEYRING_ID, THREAD, 0, 0, 0));
	EXPECT_OK(add("user", "name", "x", PROCESS));
	EXPECT_OK(add("user", "name2", "x", THREAD));
	EXPECT_OK(keyctl(KEYCTL_GET_KEYRING_ID, PROCESS, 0, 0, 0));
	EXPECT_EXIT(0, CHILD({
			    EXPECT_ERRNO(ENOKEY, keyctl(KEYCTL_GET_KEYRING_ID,
							PROCESS, 0, 0, 0));
			    EXPECT_ERRNO(ENOKEY, keyctl(KEYCTL_GET_KEYRING_ID,
							THREAD, 0, 0, 0));
		    }));
}

static void *look_in_thread(void *arg)
{
	EXPECT_OK(keyctl(KEYCTL_GET_KEYRING_ID, PROCESS, 0, 0, 0));
	EXPECT_OK(request("user", "name", 0));
	EXPECT_ERRNO(ENOKEY, request("user", "name2", 0));
	/* It got one of its own, since its creator had one. */
	EXPECT_TRUE(keyctl(KEYCTL_GET_KEYRING_ID, THREAD, 0, 0, 0) !=
		    (long)arg);
	EXPECT_EQ(0, keyctl(KEYCTL_READ, THREAD, 0, 0, 0));
	return NULL;
}

TEST(keyring, threads_share_the_process_keyring)
{
	pthread_t th;
	long ring;

	EXPECT_OK(add("user", "name", "x", PROCESS));
	EXPECT_OK(add("user", "name2", "x", THREAD));
	ring = EXPECT_OK(keyctl(KEYCTL_GET_KEYRING_ID, THREAD, 0, 0, 0));
	pthread_create(&th, NULL, look_in_thread, (void *)ring);
	pthread_join(th, NULL);
}

TEST(keyring, request_key_default_ring)
{
	EXPECT_EQ(0, keyctl(KEYCTL_SET_REQKEY_KEYRING, -1, 0, 0, 0));
	EXPECT_EQ(0, keyctl(KEYCTL_SET_REQKEY_KEYRING,
			    KEY_REQKEY_DEFL_PROCESS_KEYRING, 0, 0, 0));
	EXPECT_EQ(KEY_REQKEY_DEFL_PROCESS_KEYRING,
		  keyctl(KEYCTL_SET_REQKEY_KEYRING, -1, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, keyctl(KEYCTL_SET_REQKEY_KEYRING,
				    KEY_REQKEY_DEFL_GROUP_KEYRING, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, keyctl(KEYCTL_SET_REQKEY_KEYRING, 99, 0, 0, 0));
}

TEST(keyring, nothing_to_instantiate)
{
	int k;

	fresh();
	k = EXPECT_OK(add("user", "name", "x", SESSION));
	EXPECT_ERRNO(EPERM, keyctl(KEYCTL_INSTANTIATE, k, (long)"x", 1, 0));
	EXPECT_ERRNO(EPERM, keyctl(KEYCTL_NEGATE, k, 1, 0, 0));
	EXPECT_OK(keyctl(KEYCTL_ASSUME_AUTHORITY, 0, 0, 0, 0));
	EXPECT_ERRNO(EOPNOTSUPP, keyctl(99, 0, 0, 0, 0));
}

/* --- limits --------------------------------------------------------------- */

TEST(keyring, quota)
{
	char name[32];
	int n = 0;

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_OK(setresgid(4242, 4242, 4242));
	EXPECT_OK(setresuid(4242, 4242, 4242));
	fresh();
	while (n < 300) {
		snprintf(name, sizeof(name), "key%d", n);
		if (add("user", name, "x", SESSION) < 0)
			break;
		n++;
	}
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_TRUE(n > 150 && n < 200);
	/* What is given back can be used again. */
	EXPECT_OK(keyctl(KEYCTL_CLEAR, SESSION, 0, 0, 0));
	EXPECT_SOON(add("user", "again", "x", SESSION) > 0);
}

TEST(keyring, quota_of_bytes)
{
	static char big[15000];

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_OK(setresgid(4243, 4243, 4243));
	EXPECT_OK(setresuid(4243, 4243, 4243));
	fresh();
	memset(big, 'x', sizeof(big) - 1);
	EXPECT_OK(add("user", "one", big, SESSION));
	EXPECT_ERRNO(EDQUOT, add("user", "two", big, SESSION));
	EXPECT_OK(add("user", "one", "small", SESSION));
	EXPECT_OK(add("user", "two", big, SESSION));
}

TEST(keyring, link_depth)
{
	char name[16];
	int a = 0, b;

	fresh();
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "ring%d", i);
		b = EXPECT_OK(add("keyring", name, NULL, SESSION));
		EXPECT_OK(keyctl(KEYCTL_SETPERM, b, 0x3f3f0000, 0, 0));
		if (i > 0 && i <= 7)
			EXPECT_OK(keyctl(KEYCTL_LINK, a, b, 0, 0));
		else if (i > 7)
			EXPECT_ERRNO(ELOOP, keyctl(KEYCTL_LINK, a, b, 0, 0));
		a = b;
	}
}

/* A deep chain must not exhaust anything when it ends. */
TEST(keyring, long_chain_ends)
{
	char name[16];
	int above = 0, ring;

	fresh();
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "ring%d", i);
		ring = EXPECT_OK(add("keyring", name, NULL, SESSION));
		EXPECT_OK(keyctl(KEYCTL_SETPERM, ring, 0x3f3f0000, 0, 0));
		if (i > 0) {
			EXPECT_OK(keyctl(KEYCTL_LINK, ring, above, 0, 0));
			EXPECT_OK(keyctl(KEYCTL_UNLINK, ring, SESSION, 0, 0));
		}
		above = ring;
	}
	fresh();
}

static void *churn(void *arg)
{
	for (int i = 0; i < 300; i++) {
		int k = add("user", "churn", "x", (int)(long)arg);

		request("user", "churn", 0);
		keyctl(KEYCTL_UNLINK, k, (int)(long)arg, 0, 0);
		if (i % 10 == 0)
			keyctl(KEYCTL_CLEAR, (int)(long)arg, 0, 0, 0);
	}
	return NULL;
}

TEST(keyring, race)
{
	pthread_t th[4];
	int ring;

	fresh();
	ring = EXPECT_OK(add("keyring", "ring", NULL, SESSION));
	for (int i = 0; i < 4; i++)
		pthread_create(&th[i], NULL, churn, (void *)(long)ring);
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
}

TEST_MAIN
