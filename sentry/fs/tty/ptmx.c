/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptmx: the master side of pseudo terminals, pty(7).
 *
 * Locks: p->mu (rank LOCK_PIPE); never across copies to or from the guest.
 * Tests: tests/conformance/tty.c, ctty.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/tty.h"
#include "sentry/fs/devpts/devpts.h"
#include "sentry/fs/tty/pty.h"
#include "sentry/kernel/signal.h"
#include "sentry/lib/seq_buf.h"

/* --- reading ------------------------------------------------------------- */

/* What one read gives: bytes in @buf, -EAGAIN, -EIO once the slave is gone.
 * In packet mode a status byte, or 0 and data. */
static long take_locked(struct pty *p, uint8_t *buf, size_t size)
	MUST_HOLD(&p->mu)
{
	size_t n = 0;

	if (p->packet) {
		if (p->packet_status) {
			buf[0] = p->packet_status;
			p->packet_status = 0;
			return 1;
		}
		buf[n++] = LINUX_TIOCPKT_DATA;
	}
	if (ldisc_output_size(&p->ld) == 0)
		return p->slave_gone ? -EIO : -EAGAIN;
	return (long)(n + ldisc_take_output(&p->ld, buf + n, size - n));
}

static long read_some(struct pty *p, struct uio *u)
{
	uint8_t buf[LDISC_OUT];
	long n;

	mutex_lock(&p->mu);
	n = take_locked(p, buf, MIN(u->left, sizeof(buf)));
	mutex_unlock(&p->mu);
	if (n <= 0)
		return n;
	waitq_wake(&p->slave_wq, LINUX_POLLOUT | LINUX_POLLWRNORM);
	return uio_copy_out(u, buf, (size_t)n);
}

static long ptm_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct pty *p = f->priv;
	struct task_waiter w;
	long ret;

	(void)pos;
	if (u->left == 0)
		return 0;
	task_waiter_init(&w, current_task());
	waitq_add(&p->master_wq, &w.waiter, LINUX_POLLIN);
	for (;;) {
		ret = read_some(p, u);
		if (ret != -EAGAIN || file_nonblock(f))
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

/* --- writing ------------------------------------------------------------- */

static long write_some(struct pty *p, struct uio *u)
{
	struct ldisc_effects fx = { 0 };
	struct uio ahead = *u;
	uint8_t buf[1024];
	long n = uio_copy_in(&ahead, buf, MIN(u->left, sizeof(buf)));
	size_t taken;

	if (n <= 0)
		return n < 0 ? n : -EFAULT;
	mutex_lock(&p->mu);
	taken = ldisc_input(&p->ld, buf, (size_t)n, &fx);
	mutex_unlock(&p->mu);
	if (taken)
		uio_advance(u, taken);
	pty_apply(p, &fx);
	return (long)taken;
}

static long write_loop(struct pty *p, struct file *f, struct uio *u,
		       struct task_waiter *w)
{
	long done = 0, ret;

	while (u->left) {
		ret = write_some(p, u);
		if (ret > 0) {
			done += ret;
			continue;
		}
		if (ret == 0 && file_nonblock(f))
			ret = -EAGAIN;
		else if (ret == 0)
			ret = task_sleep(w, NO_DEADLINE);
		if (ret < 0)
			return done ? done : ret;
	}
	return done;
}

static long ptm_write(struct file *f, struct uio *u, int64_t *pos)
{
	struct pty *p = f->priv;
	struct task_waiter w;
	long ret;

	(void)pos;
	task_waiter_init(&w, current_task());
	waitq_add(&p->master_wq, &w.waiter, LINUX_POLLOUT);
	ret = write_loop(p, f, u, &w);
	waitq_del(&w.waiter);
	return ret;
}

static uint32_t ptm_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->priv;
	uint32_t events = 0;

	poll_wait(pt, &p->master_wq);
	mutex_lock(&p->mu);
	if (ldisc_output_size(&p->ld))
		events |= LINUX_POLLIN | LINUX_POLLRDNORM;
	if (p->packet && p->packet_status)
		events |= LINUX_POLLIN | LINUX_POLLRDNORM | LINUX_POLLPRI;
	if (p->slave_gone)
		events |= LINUX_POLLHUP;
	if (ldisc_can_input(&p->ld))
		events |= LINUX_POLLOUT | LINUX_POLLWRNORM;
	mutex_unlock(&p->mu);
	return events;
}

/* --- commands ------------------------------------------------------------ */

/* TIOCGPTPEER: the slave, whatever is mounted where. */
static long open_peer(struct pty *p, uint64_t arg)
{
	const uint32_t valid = LINUX_O_ACCMODE | LINUX_O_NOCTTY |
			       LINUX_O_NONBLOCK | LINUX_O_CLOEXEC;
	AUTO_PUT(file) struct file *f = NULL;
	uint32_t flags = (uint32_t)arg & valid;
	int ret = devpts_file_new(&p->tty, flags, &f);

	if (ret < 0)
		return ret;
	return fd_table_install(current_task()->fds, f,
				flags & LINUX_O_CLOEXEC);
}

static long set_flag(struct pty *p, uint32_t cmd, uint64_t arg)
{
	int32_t v;
	int ret = copy_in(&v, uaddr(arg), sizeof(v));

	if (ret < 0)
		return ret;
	mutex_lock(&p->mu);
	if (cmd == LINUX_TIOCSPTLCK) {
		p->locked = v != 0;
	} else {
		if (v && !p->packet)
			p->packet_status = 0;
		p->packet = v != 0;
	}
	mutex_unlock(&p->mu);
	return 0;
}

static long get_number(struct pty *p, uint32_t cmd, uint64_t arg)
{
	int32_t v;

	mutex_lock(&p->mu);
	if (cmd == LINUX_TIOCGPTN)
		v = (int32_t)p->tty.index;
	else
		v = cmd == LINUX_TIOCGPTLCK ? p->locked : p->packet;
	mutex_unlock(&p->mu);
	return copy_out(uaddr(arg), &v, sizeof(v));
}

static long send_signal(struct pty *p, uint64_t arg)
{
	switch (arg) {
	case LINUX_SIGINT:
	case LINUX_SIGQUIT:
	case LINUX_SIGTSTP:
		tty_ctl_signal(p->tty.ctl, (int)arg);
		return 0;
	default:
		return -EINVAL;
	}
}

static long ptm_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct pty *p = f->priv;

	switch (cmd) {
	case LINUX_TIOCGPTN:
	case LINUX_TIOCGPTLCK:
	case LINUX_TIOCGPKT:
		return get_number(p, cmd, arg);
	case LINUX_TIOCSPTLCK:
	case LINUX_TIOCPKT:
		return set_flag(p, cmd, arg);
	case LINUX_TIOCGPTPEER:
		return open_peer(p, arg);
	case LINUX_TIOCSIG:
		return send_signal(p, arg);
	default:
		return tty_ioctl(&p->tty, f, true, cmd, arg);
	}
}

static void ptm_release(struct file *f)
{
	struct pty *p = f->priv;

	pty_hang_up(p);
	tty_put(&p->tty);
}

static void ptm_show_fdinfo(struct file *f, struct seq_buf *out)
{
	struct pty *p = f->priv;

	seq_printf(out, "tty-index:\t%u\n", p->tty.index);
}

static const struct file_ops ptm_fops = {
	.sigio = SIGIO_TTY,
	.name = "ptmx",
	.read = ptm_read,
	.write = ptm_write,
	.poll = ptm_poll,
	.ioctl = ptm_ioctl,
	.show_fdinfo = ptm_show_fdinfo,
	.release = ptm_release,
};

int ptmx_open(struct inode *inode, struct file *f)
{
	struct pty *p;
	int ret = pty_new(&p);

	(void)inode;
	if (ret < 0)
		return ret;
	f->ops = &ptm_fops;
	f->priv = p;
	return 0;
}
