/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll_ioctl: parameters of an instance, ioctl_eventpoll(2).
 *
 * Locks: ep->mu.
 * Tests: tests/conformance/epoll_more.c
 */
#include <errno.h>

#include "sentry/fs/epoll/epoll_private.h"
#include "sentry/kernel/task.h"

/* EPIOCSPARAMS: kept and told; no device of ours is polled busily. */
static int set_params(struct epoll *ep, uaddr_t arg)
{
	struct linux_epoll_params p;

	if (copy_in(&p, arg, sizeof(p)) < 0)
		return -EFAULT;
	if (p.pad || p.busy_poll_usecs > INT32_MAX || p.prefer_busy_poll > 1)
		return -EINVAL;
	if (p.busy_poll_budget > LINUX_EPOLL_BUDGET_FREE &&
	    !capable(CAP_NR_NET_ADMIN))
		return -EPERM;
	mutex_lock_nested(&ep->mu);
	ep->params = p;
	mutex_unlock(&ep->mu);
	return 0;
}

long epoll_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct epoll *ep = epoll_of(f);
	struct linux_epoll_params p;

	if (cmd == LINUX_EPIOCSPARAMS)
		return set_params(ep, uaddr(arg));
	if (cmd != LINUX_EPIOCGPARAMS)
		return -EINVAL; /* not ENOTTY: this is Linux's answer */
	mutex_lock_nested(&ep->mu);
	p = ep->params;
	mutex_unlock(&ep->mu);
	return copy_out(uaddr(arg), &p, sizeof(p));
}
