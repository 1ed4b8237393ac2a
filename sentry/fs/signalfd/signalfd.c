/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signalfd: signals read from a descriptor, signalfd(2).
 *
 * Whoever reads or polls gets signals of its own: of its thread and its
 * process.
 *
 * Locks: none of its own; the mask is atomic.
 * Tests: tests/conformance/signalfd.c
 */
#include "sentry/fs/signalfd/signalfd.h"

#include <errno.h>

#include "abi/eventfd.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/seq_buf.h"

#define NEVER (LINUX_SIGMASK(LINUX_SIGKILL) | LINUX_SIGMASK(LINUX_SIGSTOP))

struct signalfd {
	_Atomic uint64_t mask;
};

static const struct file_ops signalfd_ops;

bool file_is_signalfd(const struct file *f)
{
	return f->ops == &signalfd_ops;
}

void signalfd_set_mask(struct file *f, uint64_t mask)
{
	struct signalfd *s = f->priv;

	s->mask = mask & ~NEVER;
	waitq_wake(signal_waitq(current_task()), LINUX_POLLIN);
}

/* The fields that each kind of signal has, as signalfd_copyinfo(). */
static void fill(const struct linux_siginfo *si,
		 struct linux_signalfd_siginfo *out)
{
	*out = (struct linux_signalfd_siginfo){ .signo = (uint32_t)si->signo,
						.err = si->err,
						.code = si->code };
	if (si->code == LINUX_SI_TIMER) {
		out->tid = (uint32_t)si->timer.tid;
		out->overrun = (uint32_t)si->timer.overrun;
		out->value_ptr = si->timer.value;
		out->value_int = (int32_t)si->timer.value;
		return;
	}
	if (si->code > 0 && si->code != LINUX_SI_KERNEL) {
		switch (si->signo) {
		case LINUX_SIGILL:
		case LINUX_SIGFPE:
		case LINUX_SIGSEGV:
		case LINUX_SIGBUS:
		case LINUX_SIGTRAP:
			out->addr = si->fault.addr;
			out->addr_lsb = (uint16_t)si->fault.addr_lsb;
			return;
		case LINUX_SIGCHLD:
			out->pid = (uint32_t)si->chld.pid;
			out->uid = si->chld.uid;
			out->status = si->chld.status;
			out->utime = (uint64_t)si->chld.utime;
			out->stime = (uint64_t)si->chld.stime;
			return;
		case LINUX_SIGIO:
			out->band = (uint32_t)si->poll.band;
			out->fd = si->poll.fd;
			return;
		case LINUX_SIGSYS:
			out->call_addr = si->sys.addr;
			out->syscall = si->sys.nr;
			out->arch = si->sys.arch;
			return;
		}
	}
	out->pid = (uint32_t)si->rt.pid;
	out->uid = si->rt.uid;
	out->value_ptr = si->rt.value;
	out->value_int = (int32_t)si->rt.value;
}

/* One signal, waiting for it if @wait: 0, -EAGAIN, -ERESTARTSYS. */
static int take_one(struct signalfd *s, bool wait, struct linux_siginfo *out)
{
	struct task *t = current_task();
	struct task_waiter w;
	int ret = 0;

	if (signal_dequeue(t, s->mask, out))
		return 0;
	if (!wait)
		return -EAGAIN;
	task_waiter_init(&w, t);
	waitq_add(signal_waitq(t), &w.waiter, LINUX_POLLIN);
	while (!signal_dequeue(t, s->mask, out)) {
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

static long signalfd_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct linux_signalfd_siginfo rec;
	size_t nr = u->left / sizeof(rec), i;
	bool wait = !file_nonblock(f);
	struct linux_siginfo si;
	long ret = 0;

	(void)pos;
	if (nr == 0)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		ret = take_one(f->priv, wait, &si);
		if (ret < 0)
			break;
		fill(&si, &rec);
		if (uio_copy_out(u, &rec, sizeof(rec)) != sizeof(rec)) {
			ret = -EFAULT;
			break;
		}
		wait = false;
	}
	return i ? (long)(i * sizeof(rec)) : ret;
}

static uint32_t signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->priv;
	struct task *t = current_task();

	poll_wait(pt, signal_waitq(t));
	return signal_pending_in(t, s->mask) ? LINUX_POLLIN : 0;
}

static void signalfd_show(struct file *f, struct seq_buf *out)
{
	struct signalfd *s = f->priv;

	seq_printf(out, "sigmask:\t%016lx\n", (unsigned long)s->mask);
}

static void signalfd_release(struct file *f)
{
	free(f->priv);
}

static const struct file_ops signalfd_ops = {
	.name = "signalfd",
	.read = signalfd_read,
	.poll = signalfd_poll,
	.show_fdinfo = signalfd_show,
	.release = signalfd_release,
};

int signalfd_new(uint64_t mask, uint32_t flags, struct file **out)
{
	struct signalfd *s = kzalloc(sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->mask = mask & ~NEVER;
	ret = file_new_anon("anon_inode:[signalfd]", &signalfd_ops, s, 0600,
			    LINUX_O_RDWR | flags, out);
	if (ret < 0)
		free(s);
	return ret;
}
