/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfd: a process or a thread as a file, pidfd_open(2).
 *
 * Locks: tasklist for the state that poll reports.
 * Linux: without the ioctls; anon_inode as before 6.9.
 * Tests: tests/conformance/pidfd.c
 */
#include "sentry/kernel/pidfd.h"

#include <errno.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/vfs.h"

struct pidfd {
	struct thread_group *tg; /* a reference */
	struct task *thread;	 /* PIDFD_THREAD: a reference; or NULL */
};

/* Tasklist held.  The thread meant, NULL if its id is free again. */
static struct task *target_locked(const struct pidfd *p)
{
	struct task *t = p->thread;

	if (!t)
		return p->tg->leader;
	return pid_peek_task_locked(t->tid) == t ? t : NULL;
}

static uint32_t pidfd_poll(struct file *f, struct poll_table *pt)
{
	const struct pidfd *p = f->priv;
	struct thread_group *tg = p->tg;
	uint32_t events = 0;
	struct task *t;

	poll_wait(pt, &tg->exit_wq);
	tasklist_lock();
	t = target_locked(p);
	/* Other threads than the leader vanish when they end. */
	if (!t)
		events = LINUX_POLLIN | LINUX_POLLRDNORM | LINUX_POLLHUP;
	else if (t == tg->leader && tg->nr_threads == 0 && t->priv->exit_state)
		events = LINUX_POLLIN | LINUX_POLLRDNORM;
	tasklist_unlock();
	return events;
}

static void pidfd_show(struct file *f, struct seq_buf *out)
{
	const struct pidfd *p = f->priv;
	struct task *t;
	int pid;

	tasklist_lock();
	t = target_locked(p);
	pid = t ? (int)t->tid : -1;
	tasklist_unlock();
	seq_printf(out, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static void pidfd_release(struct file *f)
{
	struct pidfd *p = f->priv;

	thread_group_put(p->tg);
	if (p->thread)
		task_put(p->thread);
	free(p);
}

static const struct file_ops pidfd_ops = {
	.name = "pidfd",
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_show,
	.release = pidfd_release,
};

static int pidfd_make(struct thread_group *tg, struct task *thread,
		      uint32_t flags, struct file **out)
{
	struct pidfd *p = kzalloc(sizeof(*p));
	int ret;

	if (!p)
		return -ENOMEM;
	ret = file_new_anon("anon_inode:[pidfd]", &pidfd_ops, p, 0600,
			    flags | LINUX_O_RDWR, out);
	if (ret < 0) {
		free(p);
		return ret;
	}
	thread_group_get(tg);
	p->tg = tg;
	if (thread)
		task_get(thread);
	p->thread = thread;
	return 0;
}

int pidfd_new(struct thread_group *tg, uint32_t flags, struct file **out)
{
	return pidfd_make(tg, NULL, flags, out);
}

int pidfd_new_thread(struct task *p, uint32_t flags, struct file **out)
{
	/* PIDFD_THREAD is O_EXCL, and F_GETFL shows it. */
	return pidfd_make(p->group, p, flags | LINUX_O_EXCL, out);
}

struct thread_group *pidfd_lookup(int fd)
{
	AUTO_PUT(file) struct file *f = current_file(fd);
	struct pidfd *p;

	if (!f || f->ops != &pidfd_ops)
		return NULL;
	p = f->priv;
	thread_group_get(p->tg);
	return p->tg;
}

int pidfd_lookup_task(int fd, struct task **out, bool *out_thread)
{
	AUTO_PUT(file) struct file *f = current_file(fd);
	const struct pidfd *p;
	struct task *t;

	if (!f || f->ops != &pidfd_ops)
		return -EBADF;
	p = f->priv;
	tasklist_lock();
	t = target_locked(p);
	if (t)
		task_get(t);
	tasklist_unlock();
	if (!t)
		return -ESRCH;
	*out = t;
	*out_thread = p->thread;
	return 0;
}
