/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_epoll: epoll_create(2), epoll_ctl(2), epoll_wait(2) and their variants.
 *
 * Tests: tests/conformance/epoll.c
 */
#include <errno.h>

#include "sentry/fs/epoll/epoll.h"
#include "sentry/kernel/task.h"
#include "sentry/syscalls/wait_time.h"
#include "syscalls.h"

long sys_epoll_create1(struct task *t, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	if (flags & ~LINUX_EPOLL_CLOEXEC)
		return -EINVAL;
	ret = epoll_new(&f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, flags & LINUX_EPOLL_CLOEXEC);
}

long sys_epoll_create(struct task *t, int32_t size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(t, 0);
}

long sys_epoll_ctl(struct task *t, int32_t epfd, int32_t op, int32_t fd,
		   uaddr_t event)
{
	AUTO_PUT(file) struct file *epf = NULL;
	AUTO_PUT(file) struct file *f = NULL;
	struct linux_epoll_event ev = { 0, 0 };

	if (op != LINUX_EPOLL_CTL_DEL && copy_in(&ev, event, sizeof(ev)) < 0)
		return -EFAULT;
	epf = fd_table_lookup(t->fds, epfd);
	if (!epf)
		return -EBADF;
	f = fd_table_lookup(t->fds, fd);
	if (!f)
		return -EBADF;
	ev.events &= ~LINUX_EPOLLWAKEUP; /* needs a device that sleeps */
	return epoll_control(epf, op, f, fd, &ev);
}

/* All forms of waiting; @deadline is known already. */
static long do_wait(struct task *t, int32_t epfd, uaddr_t events, int32_t max,
		    uint64_t deadline)
{
	AUTO_PUT(file) struct file *epf = fd_table_lookup(t->fds, epfd);
	struct uio u;

	if (!epf)
		return -EBADF;
	if (max <= 0 ||
	    max > INT32_MAX / (int32_t)sizeof(struct linux_epoll_event))
		return -EINVAL;
	if (uio_user(&u, events,
		     (size_t)max * sizeof(struct linux_epoll_event)) < 0)
		return -EFAULT;
	if (!file_is_epoll(epf))
		return -EINVAL;
	return epoll_wait_events(epf, events, (uint32_t)max, deadline);
}

static long masked_wait(struct task *t, int32_t epfd, uaddr_t events,
			int32_t max, uint64_t deadline, uaddr_t set,
			uint64_t size)
{
	long ret = temp_mask_set(t, set, size);

	if (ret < 0)
		return ret;
	ret = do_wait(t, epfd, events, max, deadline);
	temp_mask_finish(t, set, ret == -EINTR);
	return ret;
}

long sys_epoll_wait(struct task *t, int32_t epfd, uaddr_t events,
		    int32_t maxevents, int32_t timeout)
{
	return do_wait(t, epfd, events, maxevents, wait_deadline_ms(timeout));
}

long sys_epoll_pwait(struct task *t, int32_t epfd, uaddr_t events,
		     int32_t maxevents, int32_t timeout, uaddr_t set,
		     uint64_t size)
{
	return masked_wait(t, epfd, events, maxevents,
			   wait_deadline_ms(timeout), set, size);
}

long sys_epoll_pwait2(struct task *t, int32_t epfd, uaddr_t events,
		      int32_t maxevents, uaddr_t timeout, uaddr_t set,
		      uint64_t size)
{
	uint64_t deadline;
	int ret = wait_deadline_from_user(timeout, false, &deadline);

	if (ret < 0)
		return ret;
	return masked_wait(t, epfd, events, maxevents, deadline, set, size);
}
