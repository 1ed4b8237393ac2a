/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_dispatch: a thread's system calls come back to it as SIGSYS; so a
 * program that emulates another system (Wine) sees the calls of its guest.
 *
 * Linux: as 6.18; the way back from a signal frame of the vDSO is no case, as
 *        x86-64's has none.
 * Locks: none; all is the thread's own.
 * Tests: tests/conformance/user_dispatch.c
 */
#include "sentry/kernel/user_dispatch.h"

#include <errno.h>

#include "abi/prctl.h"
#include "abi/seccomp.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task_private.h"

/* In [@start, @start + @size), also if that wraps (the inclusive mode). */
static bool is_exempt(const struct user_dispatch *d, uint64_t ip)
{
	return ip - d->start < d->size;
}

long user_dispatch_set(struct task *t, uint64_t mode, uint64_t start,
		       uint64_t size, uint64_t selector)
{
	switch (mode) {
	case LINUX_PR_SYS_DISPATCH_OFF:
		if (start || size || selector)
			return -EINVAL;
		break;
	case LINUX_PR_SYS_DISPATCH_EXCLUSIVE_ON:
		if (start && start + size <= start)
			return -EINVAL;
		break;
	case LINUX_PR_SYS_DISPATCH_INCLUSIVE_ON:
		if (size == 0 || start + size <= start)
			return -EINVAL;
		/* All but this. */
		start += size;
		size = -size;
		break;
	default:
		return -EINVAL;
	}
	if (selector >= platform_limits()->max_user_addr)
		return -EFAULT;
	t->priv->user_dispatch = (struct user_dispatch){
		.on = mode != LINUX_PR_SYS_DISPATCH_OFF,
		.start = start,
		.size = size,
		.selector = selector,
	};
	return 0;
}

static void send_back(struct task *t, struct guest_regs *r)
{
	struct linux_siginfo si;

	siginfo_kernel(&si, LINUX_SIGSYS);
	si.code = LINUX_SYS_USER_DISPATCH;
	si.sys.addr = r->rip;
	si.sys.nr = (int32_t)r->orig_rax;
	si.sys.arch = LINUX_AUDIT_ARCH_X86_64;
	r->rax = r->orig_rax;
	signal_force(t, &si);
}

bool user_dispatch_allows(struct task *t, struct guest_regs *r)
{
	const struct user_dispatch *d = &t->priv->user_dispatch;
	uint8_t state = LINUX_SYSCALL_DISPATCH_FILTER_BLOCK;

	if (is_exempt(d, r->rip))
		return true;
	if (d->selector && copy_in(&state, uaddr(d->selector), 1) < 0) {
		signal_group_exit(t, LINUX_SIGSEGV);
		return false;
	}
	if (state == LINUX_SYSCALL_DISPATCH_FILTER_ALLOW)
		return true;
	if (state == LINUX_SYSCALL_DISPATCH_FILTER_BLOCK)
		send_back(t, r);
	else
		signal_group_exit(t, LINUX_SIGSYS);
	return false;
}
