/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_mq: POSIX message queues: mq_open(2) and its family.
 *
 * Tests: tests/conformance/mqueue.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/fs/mqueue/mqueue.h"
#include "sentry/kernel/task.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/namei.h"
#include "syscalls.h"

long sys_mq_open(struct task *t, uaddr_t name, uint32_t flags, uint32_t mode,
		 uaddr_t attr)
{
	AUTO_PUT(file) struct file *f = NULL;
	AUTO_FREE char *text = NULL;
	struct linux_mq_attr a;
	bool given = !uaddr_is_null(attr);
	int ret;

	if (given && copy_in(&a, attr, sizeof(a)) < 0)
		return -EFAULT;
	ret = path_copy_in(name, false, &text);
	if (ret == 0)
		ret = mqueue_open(text, flags, mode, given ? &a : NULL, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, true);
}

long sys_mq_unlink(struct task *t, uaddr_t name)
{
	AUTO_FREE char *text = NULL;
	int ret = path_copy_in(name, false, &text);

	(void)t;
	return ret < 0 ? ret : mqueue_unlink(text);
}

/* An absolute time of CLOCK_REALTIME; NULL: none. */
static int copy_deadline(uaddr_t timeout, uint64_t *out)
{
	struct linux_timespec ts;

	*out = NO_DEADLINE;
	if (uaddr_is_null(timeout))
		return 0;
	if (copy_in(&ts, timeout, sizeof(ts)) < 0)
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	if ((uint64_t)ts.sec < UINT64_MAX / NSEC_PER_SEC - 1)
		*out = (uint64_t)ts.sec * NSEC_PER_SEC + (uint64_t)ts.nsec;
	return 0;
}

long sys_mq_timedsend(struct task *t, int32_t fd, uaddr_t msg, uint64_t size,
		      uint32_t prio, uaddr_t timeout)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint64_t deadline;
	int ret = copy_deadline(timeout, &deadline);

	(void)t;
	if (ret < 0)
		return ret;
	if (prio >= LINUX_MQ_PRIO_MAX)
		return -EINVAL;
	f = current_file(fd);
	return f ? mqueue_send(f, msg, size, prio, deadline) : -EBADF;
}

long sys_mq_timedreceive(struct task *t, int32_t fd, uaddr_t msg, uint64_t size,
			 uaddr_t prio, uaddr_t timeout)
{
	AUTO_PUT(file) struct file *f = NULL;
	uint64_t deadline;
	uint32_t got;
	long ret = copy_deadline(timeout, &deadline);

	(void)t;
	if (ret < 0)
		return ret;
	f = current_file(fd);
	if (!f)
		return -EBADF;
	ret = mqueue_receive(f, msg, size, &got, deadline);
	if (ret >= 0 && !uaddr_is_null(prio) &&
	    copy_out(prio, &got, sizeof(got)) < 0)
		ret = -EFAULT;
	return ret;
}

long sys_mq_notify(struct task *t, int32_t fd, uaddr_t event)
{
	AUTO_PUT(file) struct file *f = NULL;
	bool given = !uaddr_is_null(event);
	struct linux_sigevent ev;

	(void)t;
	if (given && copy_in(&ev, event, sizeof(ev)) < 0)
		return -EFAULT;
	f = current_file(fd);
	return f ? mqueue_notify(f, given ? &ev : NULL) : -EBADF;
}

long sys_mq_getsetattr(struct task *t, int32_t fd, uaddr_t set, uaddr_t old)
{
	AUTO_PUT(file) struct file *f = NULL;
	bool given = !uaddr_is_null(set);
	struct linux_mq_attr now, a = { 0 };

	(void)t;
	if (given && copy_in(&a, set, sizeof(a)) < 0)
		return -EFAULT;
	if (a.flags & ~(int64_t)LINUX_O_NONBLOCK)
		return -EINVAL;
	f = current_file(fd);
	if (!f || !mqueue_of_file(f))
		return -EBADF;
	mqueue_attr(f, &now);
	if (given && a.flags)
		atomic_fetch_or(&f->flags, LINUX_O_NONBLOCK);
	else if (given)
		atomic_fetch_and(&f->flags, ~LINUX_O_NONBLOCK);
	if (!uaddr_is_null(old) && copy_out(old, &now, sizeof(now)) < 0)
		return -EFAULT;
	return 0;
}
