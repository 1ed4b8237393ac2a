/* SPDX-License-Identifier: Apache-2.0 */
/* Filters for the tests of seccomp(2). */
#ifndef TESTS_CONFORMANCE_SECCOMP_FILTERS_H
#define TESTS_CONFORMANCE_SECCOMP_FILTERS_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

#define LOAD(field)                        \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		 (unsigned int)offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ERRNO(e)     RETURN(SECCOMP_RET_ERRNO | (e))
#define ALLOW	     RETURN(SECCOMP_RET_ALLOW)
/* If the number is @n the next instruction, else the one after. */
#define IF_NR(n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (n), 0, 1)

static long seccomp(unsigned int op, unsigned int flags, const void *args)
{
	return syscall(SYS_seccomp, op, flags, args);
}

static long load(const struct sock_filter *f, size_t nr, unsigned int flags)
{
	struct sock_fprog p = { (unsigned short)nr,
				(struct sock_filter *)(uintptr_t)f };

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &p);
}
#define LOAD_FILTER(f, flags) load(f, sizeof(f) / sizeof((f)[0]), flags)

static void no_new_privs(void)
{
	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* @action for getppid, all else goes. */
static long deny_getppid(unsigned int action, unsigned int flags)
{
	struct sock_filter f[] = {
		LOAD(nr),
		IF_NR(SYS_getppid),
		RETURN(action),
		ALLOW,
	};

	return LOAD_FILTER(f, flags);
}

static __attribute__((unused)) int own_status_field(const char *name)
{
	char line[256];
	int v = -1;
	FILE *f = fopen("/proc/thread-self/status", "r");

	EXPECT_TRUE(f != NULL);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) &&
		    line[strlen(name)] == ':')
			v = atoi(line + strlen(name) + 1);
	fclose(f);
	return v;
}

#endif
