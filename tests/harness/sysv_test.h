/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysv_test: what the tests of System V IPC share.
 *
 * Objects outlive processes: where it may, a test works in a namespace of its
 * own (own_ipc()), and it removes what it made.
 */
#ifndef TESTS_HARNESS_SYSV_TEST_H
#define TESTS_HARNESS_SYSV_TEST_H

#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "tests/harness/guest_test.h"

#define NOBODY 65534

/* True: nobody else's objects are in sight. */
__attribute__((unused)) static int own_ipc(void)
{
	return unshare(CLONE_NEWIPC) == 0;
}

/* A key that nobody uses, likely. */
__attribute__((unused)) static key_t some_key(void)
{
	key_t key;

	EXPECT_EQ(sizeof(key), getrandom(&key, sizeof(key), 0));
	return key == IPC_PRIVATE ? 4711 : key;
}

/* The state letter of a process, from /proc/PID/stat. */
__attribute__((unused)) static char state_of(pid_t pid)
{
	char path[40], text[256] = "", *at;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = EXPECT_OK(open(path, O_RDONLY));
	EXPECT_TRUE(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	at = strrchr(text, ')');
	return at ? at[2] : '?';
}

__attribute__((unused)) static void become_nobody(void)
{
	EXPECT_OK(setgid(NOBODY));
	EXPECT_OK(setuid(NOBODY));
}

__attribute__((unused)) static void ignore_signal(int sig)
{
	(void)sig;
}

#endif
