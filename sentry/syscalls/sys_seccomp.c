/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_seccomp: seccomp(2); prctl(2) has an older door to the same.
 *
 * Tests: tests/conformance/seccomp.c, seccomp_notify.c
 */
#include <errno.h>

#include "abi/seccomp.h"
#include "sentry/kernel/seccomp.h"
#include "sentry/kernel/task.h"
#include "syscalls.h"

static long action_avail(uaddr_t addr)
{
	uint32_t action;

	if (copy_in(&action, addr, sizeof(action)) < 0)
		return -EFAULT;
	return seccomp_action_known(action) ? 0 : -EOPNOTSUPP;
}

static long notif_sizes(uaddr_t addr)
{
	const struct linux_seccomp_notif_sizes sizes = {
		.notif = sizeof(struct linux_seccomp_notif),
		.notif_resp = sizeof(struct linux_seccomp_notif_resp),
		.data = sizeof(struct linux_seccomp_data),
	};

	return copy_out(addr, &sizes, sizeof(sizes));
}

long sys_seccomp(struct task *t, uint32_t op, uint32_t flags, uaddr_t args)
{
	if (op == LINUX_SECCOMP_SET_MODE_FILTER)
		return seccomp_set_filter(t, flags, args);
	if (flags)
		return -EINVAL;
	switch (op) {
	case LINUX_SECCOMP_SET_MODE_STRICT:
		return uaddr_is_null(args) ? seccomp_set_strict(t) : -EINVAL;
	case LINUX_SECCOMP_GET_ACTION_AVAIL:
		return action_avail(args);
	case LINUX_SECCOMP_GET_NOTIF_SIZES:
		return notif_sizes(args);
	}
	return -EINVAL;
}
