/* SPDX-License-Identifier: Apache-2.0 */
/* memfd_create(2) and the seals of fcntl(2). */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC	16U
#endif
#define PAGE 4096

static int make(unsigned int flags)
{
	int fd = EXPECT_OK(memfd_create("m", flags));

	EXPECT_OK(ftruncate(fd, PAGE));
	return fd;
}

static void *map(int fd, int prot, int flags)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

TEST(memfd_seals, without_the_flag_it_is_sealed_against_sealing)
{
	int fd = make(0);

	EXPECT_EQ(F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
	EXPECT_ERRNO(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	fd = make(MFD_ALLOW_SEALING);
	EXPECT_EQ(0, fcntl(fd, F_GET_SEALS));
}

TEST(memfd_seals, size_seals)
{
	int fd = make(MFD_ALLOW_SEALING);
	char c = 1;

	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	EXPECT_ERRNO(EPERM, ftruncate(fd, 0));
	EXPECT_OK(ftruncate(fd, 2 * PAGE));
	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	EXPECT_ERRNO(EPERM, ftruncate(fd, 3 * PAGE));
	EXPECT_ERRNO(EPERM, pwrite(fd, &c, 1, 2 * PAGE));
	EXPECT_EQ(1, pwrite(fd, &c, 1, PAGE));
	EXPECT_ERRNO(EPERM, fallocate(fd, 0, 0, 3 * PAGE));
	EXPECT_EQ(F_SEAL_SHRINK | F_SEAL_GROW, fcntl(fd, F_GET_SEALS));
}

TEST(memfd_seals, write_seals)
{
	int fd = make(MFD_ALLOW_SEALING);
	char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	EXPECT_TRUE(at != MAP_FAILED);
	EXPECT_ERRNO(EBUSY, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_OK(munmap(at, PAGE));
	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_ERRNO(EPERM, write(fd, "x", 1));
	EXPECT_ERRNO(EPERM, (long)map(fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	at = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	EXPECT_TRUE(at != MAP_FAILED);
	at[0] = 1;
	EXPECT_ERRNO(EPERM,
		     fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, PAGE));
}

TEST(memfd_seals, future_writes_only)
{
	int fd = make(MFD_ALLOW_SEALING);
	char *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), *ro;

	EXPECT_TRUE(at != MAP_FAILED);
	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	at[0] = 7; /* the old mapping goes on */
	EXPECT_ERRNO(EPERM, write(fd, "x", 1));
	EXPECT_ERRNO(EPERM, (long)map(fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	ro = map(fd, PROT_READ, MAP_SHARED);
	EXPECT_TRUE(ro != MAP_FAILED);
	EXPECT_EQ(7, ro[0]);
	EXPECT_ERRNO(EACCES, mprotect(ro, PAGE, PROT_READ | PROT_WRITE));
}

TEST(memfd_seals, exec_seal_keeps_the_mode)
{
	struct stat st;
	int fd = make(MFD_ALLOW_SEALING | MFD_EXEC);

	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(0777, st.st_mode & 0777);
	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
	EXPECT_ERRNO(EPERM, fchmod(fd, 0666));
	EXPECT_OK(fchmod(fd, 0755 | 0022));
	/* Executable: it is sealed against writing too. */
	EXPECT_EQ(F_SEAL_EXEC | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
			  F_SEAL_FUTURE_WRITE,
		  fcntl(fd, F_GET_SEALS));
}

TEST(memfd_seals, noexec_from_the_beginning)
{
	struct stat st;
	int fd = make(MFD_NOEXEC_SEAL);

	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(0666, st.st_mode & 0777);
	EXPECT_EQ(F_SEAL_EXEC, fcntl(fd, F_GET_SEALS));
	EXPECT_ERRNO(EPERM, fchmod(fd, 0777));
	EXPECT_OK(fchmod(fd, 0600));
}

TEST(memfd_seals, errors)
{
	int fd = make(MFD_ALLOW_SEALING), p[2];
	char name[256];

	EXPECT_ERRNO(EINVAL, fcntl(fd, F_ADD_SEALS, 0x1000));
	EXPECT_OK(pipe(p));
	EXPECT_ERRNO(EINVAL, fcntl(p[0], F_GET_SEALS));
	EXPECT_ERRNO(EPERM, fcntl(p[0], F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_ERRNO(EINVAL, fcntl(p[1], F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_ERRNO(EINVAL, memfd_create("m", 0x1000));
	EXPECT_ERRNO(EINVAL, memfd_create("m", MFD_EXEC | MFD_NOEXEC_SEAL));
	memset(name, 'x', sizeof(name));
	name[250] = '\0';
	EXPECT_ERRNO(EINVAL, memfd_create(name, 0));
	name[249] = '\0';
	EXPECT_OK(memfd_create(name, 0));
	EXPECT_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	EXPECT_ERRNO(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
}

TEST_MAIN
