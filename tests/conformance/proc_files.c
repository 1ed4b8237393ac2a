/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_files: what /proc tells of files: locks, fdinfo.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "tests/harness/guest_test.h"

/* The line of @path with "@want" in it, without what is before the first
 * blank (a number that depends on others). */
static int has_line(const char *path, const char *want)
{
	char line[300], *at;
	FILE *f = fopen(path, "r");
	int found = 0;

	EXPECT_TRUE(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		at = strchr(line, ':');
		found |= at && strstr(at, want) != NULL;
	}
	fclose(f);
	return found;
}

static int a_file(struct stat *st)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));

	EXPECT_OK(fstat(fd, st));
	return fd;
}

static const char *line_of(const char *head, const struct stat *st,
			   const char *tail)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s %02x:%02x:%lu %s", head,
		 major(st->st_dev), minor(st->st_dev),
		 (unsigned long)st->st_ino, tail);
	return text;
}

TEST(proc_files, locks_of_all_kinds_are_listed)
{
	struct flock fl = { .l_type = F_RDLCK, .l_start = 5, .l_len = 10 };
	struct flock ofd = { .l_type = F_WRLCK, .l_start = 100 };
	struct stat st;
	char head[60];
	int fd = a_file(&st);

	EXPECT_OK(flock(fd, LOCK_EX));
	EXPECT_OK(fcntl(fd, F_SETLK, &fl));
	EXPECT_OK(fcntl(fd, F_OFD_SETLK, &ofd));
	snprintf(head, sizeof(head), "FLOCK  ADVISORY  WRITE %d", getpid());
	EXPECT_TRUE(has_line("/proc/locks", line_of(head, &st, "0 EOF\n")));
	snprintf(head, sizeof(head), "POSIX  ADVISORY  READ %d", getpid());
	EXPECT_TRUE(has_line("/proc/locks", line_of(head, &st, "5 14\n")));
	EXPECT_TRUE(has_line("/proc/locks", line_of("OFDLCK ADVISORY  WRITE -1",
						    &st, "100 EOF\n")));
	EXPECT_OK(close(fd));
	snprintf(head, sizeof(head), "FLOCK  ADVISORY  WRITE %d", getpid());
	EXPECT_TRUE(!has_line("/proc/locks", line_of(head, &st, "0 EOF\n")));
}

TEST(proc_files, fdinfo_tells_of_own_locks)
{
	struct stat st;
	char path[50], head[60];
	int fd = a_file(&st), other = EXPECT_OK(open("f", O_RDWR));

	EXPECT_OK(flock(fd, LOCK_SH));
	snprintf(head, sizeof(head), "\t1: FLOCK  ADVISORY  READ %d", getpid());
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	EXPECT_TRUE(has_line(path, line_of(head, &st, "0 EOF\n")));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", other);
	EXPECT_TRUE(!has_line(path, "FLOCK"));
}

TEST_MAIN
