/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl: access control lists, acl(5), as extended attributes of files in a
 * tmpfs (/dev/shm).
 */
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tests/harness/guest_test.h"

#define ACCESS	"system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

enum { U_OBJ = 1, U = 2, G_OBJ = 4, G = 8, MASK = 16, OTHER = 32 };
struct entry {
	uint16_t tag, perm;
	uint32_t id;
};
static struct {
	uint32_t version;
	struct entry e[16];
} list;

/* Fills list from entries; its size. */
static size_t fill(const struct entry *e, int nr)
{
	list.version = 2;
	memcpy(list.e, e, (size_t)nr * sizeof(*e));
	return 4 + (size_t)nr * sizeof(*e);
}
#define LIST(...)                                            \
	({                                                   \
		const struct entry e_[] = { __VA_ARGS__ };   \
		fill(e_, (int)(sizeof(e_) / sizeof(e_[0]))); \
	})
#define NOBODY 0xffffffffu

static void enter(void)
{
	umask(022);
	EXPECT_OK(chdir(scratch("/dev/shm")));
	EXPECT_OK(chmod(".", 0755));
	close(EXPECT_OK(open("f", O_CREAT | O_RDWR, 0640)));
	if (setxattr("f", ACCESS, &list,
		     LIST({ U_OBJ, 6, NOBODY }, { G_OBJ, 4, NOBODY },
			  { OTHER, 0, NOBODY }),
		     0) < 0)
		SKIP("no lists in /dev/shm: %s", strerror(errno));
}

static unsigned mode_of(const char *name)
{
	struct stat st;

	EXPECT_OK(stat(name, &st));
	return st.st_mode & 07777;
}

TEST(acl, a_short_list_is_the_mode)
{
	char buf[100];

	enter();
	EXPECT_OK(setxattr("f", ACCESS, &list,
			   LIST({ U_OBJ, 7, NOBODY }, { G_OBJ, 5, NOBODY },
				{ OTHER, 1, NOBODY }),
			   0));
	EXPECT_EQ(0751, mode_of("f"));
	EXPECT_ERRNO(ENODATA, getxattr("f", ACCESS, buf, sizeof(buf)));
	EXPECT_EQ(0, listxattr("f", buf, sizeof(buf)));
}

TEST(acl, a_long_one_is_kept)
{
	char buf[100];
	size_t size;

	enter();
	size = LIST({ U_OBJ, 6, NOBODY }, { U, 7, 1234 }, { G_OBJ, 4, NOBODY },
		    { G, 1, 77 }, { MASK, 5, NOBODY }, { OTHER, 0, NOBODY });
	EXPECT_OK(setxattr("f", ACCESS, &list, size, 0));
	EXPECT_EQ(0650, mode_of("f"));
	EXPECT_EQ(size, getxattr("f", ACCESS, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, &list, size));
	/* chmod changes the mask, not the group. */
	EXPECT_OK(chmod("f", 0664));
	EXPECT_EQ(size, getxattr("f", ACCESS, buf, sizeof(buf)));
	EXPECT_EQ(6, ((struct entry *)(buf + 4))[4].perm);
	EXPECT_EQ(4, ((struct entry *)(buf + 4))[2].perm);
	EXPECT_EQ(4, ((struct entry *)(buf + 4))[5].perm);
	EXPECT_TRUE(listxattr("f", buf, sizeof(buf)) > 0);
	EXPECT_OK(removexattr("f", ACCESS));
	EXPECT_ERRNO(ENODATA, getxattr("f", ACCESS, buf, sizeof(buf)));
	EXPECT_EQ(0664, mode_of("f"));
}

TEST(acl, what_is_refused)
{
	size_t size;

	enter();
	/* No "other". */
	EXPECT_ERRNO(EINVAL,
		     setxattr("f", ACCESS, &list,
			      LIST({ U_OBJ, 6, NOBODY }, { G_OBJ, 4, NOBODY }),
			      0));
	/* A named user without a mask. */
	EXPECT_ERRNO(EINVAL,
		     setxattr("f", ACCESS, &list,
			      LIST({ U_OBJ, 6, NOBODY }, { U, 6, 9 },
				   { G_OBJ, 4, NOBODY }, { OTHER, 0, NOBODY }),
			      0));
	/* The wrong order, a bad tag, bad bits. */
	EXPECT_ERRNO(EINVAL,
		     setxattr("f", ACCESS, &list,
			      LIST({ G_OBJ, 4, NOBODY }, { U_OBJ, 6, NOBODY },
				   { OTHER, 0, NOBODY }),
			      0));
	EXPECT_ERRNO(EINVAL,
		     setxattr("f", ACCESS, &list,
			      LIST({ U_OBJ, 6, NOBODY }, { G_OBJ, 4, NOBODY },
				   { OTHER, 0, NOBODY }, { 64, 0, NOBODY }),
			      0));
	EXPECT_ERRNO(EINVAL,
		     setxattr("f", ACCESS, &list,
			      LIST({ U_OBJ, 8, NOBODY }, { G_OBJ, 4, NOBODY },
				   { OTHER, 0, NOBODY }),
			      0));
	size = LIST({ U_OBJ, 6, NOBODY }, { G_OBJ, 4, NOBODY },
		    { OTHER, 0, NOBODY });
	EXPECT_ERRNO(EINVAL, setxattr("f", ACCESS, &list, size - 1, 0));
	EXPECT_ERRNO(EINVAL, setxattr("f", ACCESS, &list, 3, 0));
	list.version = 1;
	EXPECT_ERRNO(EOPNOTSUPP, setxattr("f", ACCESS, &list, size, 0));
	list.version = 2;
	EXPECT_ERRNO(EACCES, setxattr("f", DEFAULT, &list, size, 0));
	EXPECT_OK(symlink("f", "l"));
	EXPECT_ERRNO(EOPNOTSUPP, lsetxattr("l", ACCESS, &list, size, 0));
}

/* The result of an open by a user with one group. */
static int open_as(uid_t uid, gid_t gid, const char *name, int flags)
{
	int status;
	pid_t pid = EXPECT_OK(fork());

	if (pid == 0) {
		if (setgid(gid) || setuid(uid))
			_exit(99);
		_exit(open(name, flags) < 0 ? errno : 0);
	}
	EXPECT_OK(waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

TEST(acl, who_may)
{
	if (geteuid())
		SKIP("needs root");
	enter();
	EXPECT_EQ(0, setgroups(0, NULL) ? errno : 0);
	EXPECT_OK(chown("f", 500, 600));
	EXPECT_OK(setxattr("f", ACCESS, &list,
			   LIST({ U_OBJ, 4, NOBODY }, { U, 6, 1234 },
				{ U, 0, 1235 }, { G_OBJ, 2, NOBODY },
				{ G, 4, 77 }, { G, 6, 78 }, { MASK, 6, NOBODY },
				{ OTHER, 4, NOBODY }),
			   0));
	/* The owner by its own entry, which the mask does not touch. */
	EXPECT_EQ(0, open_as(500, 1, "f", O_RDONLY));
	EXPECT_EQ(EACCES, open_as(500, 1, "f", O_RDWR));
	/* Named users before any group. */
	EXPECT_EQ(0, open_as(1234, 1, "f", O_RDWR));
	EXPECT_EQ(EACCES, open_as(1235, 78, "f", O_RDONLY));
	/* One group must grant all that is asked for; others do not add. */
	EXPECT_EQ(EACCES, open_as(1000, 600, "f", O_RDONLY));
	EXPECT_EQ(0, open_as(1000, 600, "f", O_WRONLY));
	EXPECT_EQ(0, open_as(1000, 77, "f", O_RDONLY));
	EXPECT_EQ(EACCES, open_as(1000, 77, "f", O_WRONLY));
	EXPECT_EQ(0, open_as(1000, 78, "f", O_RDWR));
	EXPECT_EQ(0, open_as(1000, 79, "f", O_RDONLY));
	EXPECT_EQ(EACCES, open_as(1000, 79, "f", O_WRONLY));
	/* The mask narrows names and groups, not owner and others. */
	EXPECT_OK(chmod("f", 0444));
	EXPECT_EQ(EACCES, open_as(1234, 1, "f", O_WRONLY));
	EXPECT_EQ(0, open_as(1234, 1, "f", O_RDONLY));
	EXPECT_EQ(EACCES, open_as(1000, 600, "f", O_WRONLY));
	/* Others than the owner may not change it. */
	EXPECT_EXIT(0, CHILD({
			    EXPECT_OK(setuid(1234));
			    EXPECT_ERRNO(EPERM, removexattr("f", ACCESS));
			    EXPECT_ERRNO(EPERM,
					 setxattr("f", ACCESS, &list,
						  LIST({ U_OBJ, 6, NOBODY },
						       { G_OBJ, 4, NOBODY },
						       { OTHER, 0, NOBODY }),
						  0));
		    }));
}

TEST(acl, defaults_are_inherited)
{
	char buf[200];
	size_t size;

	enter();
	EXPECT_OK(mkdir("d", 0755));
	size = LIST({ U_OBJ, 7, NOBODY }, { U, 7, 1234 }, { G_OBJ, 7, NOBODY },
		    { MASK, 7, NOBODY }, { OTHER, 5, NOBODY });
	EXPECT_OK(setxattr("d", DEFAULT, &list, size, 0));
	EXPECT_EQ(0755, mode_of("d"));
	EXPECT_EQ(size, getxattr("d", DEFAULT, buf, sizeof(buf)));
	/* The umask has no part in it. */
	close(EXPECT_OK(open("d/f", O_CREAT | O_RDWR, 0666)));
	EXPECT_EQ(0664, mode_of("d/f"));
	EXPECT_EQ(size, getxattr("d/f", ACCESS, buf, sizeof(buf)));
	EXPECT_EQ(6, ((struct entry *)(buf + 4))[3].perm);
	EXPECT_EQ(7, ((struct entry *)(buf + 4))[1].perm);
	EXPECT_OK(mkdir("d/sub", 0777));
	EXPECT_EQ(0775, mode_of("d/sub"));
	EXPECT_EQ(size, getxattr("d/sub", DEFAULT, buf, sizeof(buf)));
	EXPECT_EQ(size, getxattr("d/sub", ACCESS, buf, sizeof(buf)));
	EXPECT_OK(mknod("d/fifo", S_IFIFO | 0666, 0));
	EXPECT_EQ(0664, mode_of("d/fifo"));
	EXPECT_OK(symlink("x", "d/l"));
	EXPECT_OK(removexattr("d", DEFAULT));
	close(EXPECT_OK(open("d/g", O_CREAT | O_RDWR, 0666)));
	EXPECT_EQ(0644, mode_of("d/g"));
	EXPECT_ERRNO(ENODATA, getxattr("d/g", ACCESS, buf, sizeof(buf)));
}

TEST_MAIN
