/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfd: a process as a file, pidfd_open(2).
 *
 * Locks: tasklist for the state that poll reports.
 * Linux: without PIDFD_THREAD and the ioctls; anon_inode as before 6.9.
 * Tests: tests/conformance/pidfd.c
 */
#include "sentry/kernel/pidfd.h"

#include "abi/poll.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/vfs.h"

static uint32_t pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct thread_group *tg = f->priv;
	uint32_t events = 0;

	poll_wait(pt, &tg->exit_wq);
	tasklist_lock();
	if (!tg->leader)
		events = LINUX_POLLIN | LINUX_POLLRDNORM | LINUX_POLLHUP;
	else if (tg->nr_threads == 0 && tg->leader->priv->exit_state)
		events = LINUX_POLLIN | LINUX_POLLRDNORM;
	tasklist_unlock();
	return events;
}

static void pidfd_show(struct file *f, struct seq_buf *out)
{
	struct thread_group *tg = f->priv;
	int pid;

	tasklist_lock();
	pid = tg->leader ? (int)tg->tgid : -1;
	tasklist_unlock();
	seq_printf(out, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static void pidfd_release(struct file *f)
{
	thread_group_put(f->priv);
}

static const struct file_ops pidfd_ops = {
	.name = "pidfd",
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_show,
	.release = pidfd_release,
};

int pidfd_new(struct thread_group *tg, uint32_t flags, struct file **out)
{
	int ret;

	thread_group_get(tg);
	ret = file_new_anon("anon_inode:[pidfd]", &pidfd_ops, tg, 0600,
			    flags | 2 /* O_RDWR */, out);
	if (ret < 0)
		thread_group_put(tg);
	return ret;
}

struct thread_group *pidfd_lookup(int fd)
{
	AUTO_PUT(file) struct file *f = current_file(fd);
	struct thread_group *tg;

	if (!f || f->ops != &pidfd_ops)
		return NULL;
	tg = f->priv;
	thread_group_get(tg);
	return tg;
}
