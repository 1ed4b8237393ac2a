/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pty: the slave side of pseudo terminals.
 *
 * Invariant: data is moved under p->mu between a local buffer and the
 *            discipline; copies to and from the guest, signals and wake-ups
 *            come after it is dropped.
 * Locks:     p->mu (rank LOCK_PIPE).
 * Linux:     a hang-up signals the foreground group, not the session leader;
 *            a full input buffer blocks the master after 4 KiB, not 64.
 * Tests:     tests/conformance/tty.c, ctty.c; the discipline:
 *	      tests/unit/test_ldisc.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/tty.h"
#include "sentry/fs/tty/pty.h"
#include "sentry/kernel/signal.h"
#include "sentry/time/clock.h"

#define TTY_GID 5 /* what devpts' gid= usually is */

static const struct tty_driver pty_driver;

static struct pty *pty_of(struct tty *t)
{
	return container_of(t, struct pty, tty);
}

int pty_new(struct pty **out)
{
	struct pty *p = kzalloc(sizeof(*p));
	int ret;

	if (!p)
		return -ENOMEM;
	mutex_init(&p->mu, LOCK_PIPE);
	waitq_init(&p->slave_wq);
	waitq_init(&p->master_wq);
	ldisc_init(&p->ld);
	p->locked = true;
	ret = tty_register(&p->tty, &pty_driver, current_task()->cred->fsuid,
			   TTY_GID);
	if (ret < 0) {
		free(p);
		return ret;
	}
	*out = p;
	return 0;
}

static void pty_free(struct tty *t)
{
	struct pty *p = pty_of(t);

	waitq_fini(&p->slave_wq);
	waitq_fini(&p->master_wq);
	free(p);
}

/* --- effects ------------------------------------------------------------- */

void pty_note_locked(struct pty *p, uint8_t status)
{
	const uint8_t pair1 = LINUX_TIOCPKT_STOP | LINUX_TIOCPKT_START;
	const uint8_t pair2 = LINUX_TIOCPKT_NOSTOP | LINUX_TIOCPKT_DOSTOP;

	if (!p->packet || !status)
		return;
	/* The later of two opposites wins. */
	if (status & pair1)
		p->packet_status &= (uint8_t)~pair1;
	if (status & pair2)
		p->packet_status &= (uint8_t)~pair2;
	p->packet_status |= status;
}

void pty_wake(struct pty *p)
{
	uint32_t slave = 0, master = 0;

	mutex_lock(&p->mu);
	if (ldisc_readable(&p->ld, 1))
		slave |= LINUX_POLLIN | LINUX_POLLRDNORM;
	if (ldisc_can_write(&p->ld))
		slave |= LINUX_POLLOUT | LINUX_POLLWRNORM;
	if (ldisc_output_size(&p->ld) || p->packet_status)
		master |= LINUX_POLLIN | LINUX_POLLRDNORM;
	if (p->packet_status)
		master |= LINUX_POLLPRI;
	if (ldisc_can_input(&p->ld))
		master |= LINUX_POLLOUT | LINUX_POLLWRNORM;
	mutex_unlock(&p->mu);
	if (slave)
		waitq_wake(&p->slave_wq, slave);
	if (master)
		waitq_wake(&p->master_wq, master);
}

void pty_apply(struct pty *p, const struct ldisc_effects *fx)
{
	uint8_t status = 0;
	int signo;

	if (fx->flushed_input)
		status |= LINUX_TIOCPKT_FLUSHREAD;
	if (fx->flushed_output)
		status |= LINUX_TIOCPKT_FLUSHWRITE;
	if (fx->stopped)
		status |= LINUX_TIOCPKT_STOP;
	if (fx->started)
		status |= LINUX_TIOCPKT_START;
	mutex_lock(&p->mu);
	pty_note_locked(p, status);
	mutex_unlock(&p->mu);
	for (signo = 1; signo < 32; signo++)
		if (fx->signals >> signo & 1)
			tty_ctl_signal(p->tty.ctl, signo);
	pty_wake(p);
}

void pty_hang_up(struct pty *p)
{
	const uint32_t all = LINUX_POLL_DEFAULT | LINUX_POLLERR | LINUX_POLLHUP;

	p->hung = true;
	tty_hide(&p->tty);
	/* A leader that reads is to find the signal first. */
	tty_ctl_hang_up(p->tty.ctl);
	waitq_wake(&p->slave_wq, all);
}

/* --- files --------------------------------------------------------------- */

static int pty_open(struct tty *t, struct file *f)
{
	struct pty *p = pty_of(t);
	int ret = -EIO;

	(void)f;
	mutex_lock(&p->mu);
	if (!p->locked && !p->hung) {
		p->nr_slaves++;
		p->slave_gone = false;
		ret = 0;
	}
	mutex_unlock(&p->mu);
	return ret;
}

static void pty_close(struct tty *t, struct file *f)
{
	struct pty *p = pty_of(t);
	bool last;

	(void)f;
	mutex_lock(&p->mu);
	last = --p->nr_slaves == 0;
	p->slave_gone = last;
	mutex_unlock(&p->mu);
	if (last)
		waitq_wake(&p->master_wq,
			   LINUX_POLLIN | LINUX_POLLRDNORM | LINUX_POLLHUP);
}

static bool pty_hung_up(struct tty *t)
{
	return pty_of(t)->hung;
}

/* How read(2) waits: VMIN and VTIME, termios(3). */
struct read_rule {
	uint32_t min;	     /* bytes wanted in all */
	uint64_t first, gap; /* ns to wait for the first, between two */
};

static struct read_rule read_rule_locked(const struct pty *p)
{
	const struct linux_termios *t = &p->ld.termios;
	uint64_t time = t->cc[LINUX_VTIME] * (NSEC_PER_SEC / 10);

	if (t->lflag & LINUX_ICANON)
		return (struct read_rule){ 1, NO_DEADLINE, NO_DEADLINE };
	if (t->cc[LINUX_VMIN] == 0)
		return (struct read_rule){ 1, time, NO_DEADLINE };
	return (struct read_rule){ t->cc[LINUX_VMIN], NO_DEADLINE,
				   time ? time : NO_DEADLINE };
}

/* Moves what is there: bytes, 0 at end of file, -EAGAIN; *rule as of now. */
static long read_some(struct pty *p, struct uio *u, struct read_rule *rule,
		      bool *line)
{
	uint8_t buf[LDISC_BUF];
	long n, ret;

	mutex_lock(&p->mu);
	*rule = read_rule_locked(p);
	*line = p->ld.termios.lflag & LINUX_ICANON;
	n = ldisc_read(&p->ld, buf, MIN(u->left, sizeof(buf)));
	mutex_unlock(&p->mu);
	if (n <= 0)
		return n;
	ret = uio_copy_out(u, buf, (size_t)n);
	pty_wake(p); /* the master may go on */
	return ret;
}

static uint64_t deadline_after(uint64_t ns)
{
	return ns == NO_DEADLINE ? NO_DEADLINE : clock_monotonic() + ns;
}

static long read_loop(struct pty *p, struct file *f, struct uio *u,
		      struct task_waiter *w)
{
	uint64_t deadline = 0;
	struct read_rule rule;
	bool started = false, line;
	long done = 0, ret;

	for (;;) {
		ret = read_some(p, u, &rule, &line);
		if (ret > 0) {
			done += ret;
			if (line || done >= (long)rule.min || u->left == 0)
				return done;
			deadline = deadline_after(rule.gap);
			started = true;
			continue;
		}
		if (ret != -EAGAIN)
			return done ? done : ret;
		if (p->hung)
			return done;
		if (!started) {
			if (rule.first == 0)
				return 0;
			deadline = deadline_after(rule.first);
			started = true;
		}
		if (file_nonblock(f))
			return done ? done : -EAGAIN;
		ret = task_sleep(w, deadline);
		if (ret == -ETIMEDOUT)
			return done;
		if (ret < 0)
			return done ? done : ret;
	}
}

static long pty_read(struct tty *t, struct file *f, struct uio *u)
{
	struct pty *p = pty_of(t);
	struct task_waiter w;
	long ret;

	if (u->left == 0)
		return 0;
	task_waiter_init(&w, current_task());
	waitq_add(&p->slave_wq, &w.waiter, LINUX_POLLIN);
	ret = read_loop(p, f, u, &w);
	waitq_del(&w.waiter);
	return ret;
}

/* Bytes taken (the uio advances by them), 0 if there is no room, -errno. */
static long write_some(struct pty *p, struct uio *u)
{
	struct uio ahead = *u;
	uint8_t buf[1024];
	long n = uio_copy_in(&ahead, buf, MIN(u->left, sizeof(buf)));
	size_t taken;

	if (n <= 0)
		return n < 0 ? n : -EFAULT;
	mutex_lock(&p->mu);
	taken = ldisc_write(&p->ld, buf, (size_t)n);
	mutex_unlock(&p->mu);
	if (taken) {
		uio_advance(u, taken);
		waitq_wake(&p->master_wq, LINUX_POLLIN | LINUX_POLLRDNORM);
	}
	return (long)taken;
}

static long write_loop(struct pty *p, struct file *f, struct uio *u,
		       struct task_waiter *w)
{
	long done = 0, ret;

	while (u->left) {
		if (p->hung)
			return done ? done : -EIO;
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

static long pty_write(struct tty *t, struct file *f, struct uio *u)
{
	struct pty *p = pty_of(t);
	struct task_waiter w;
	long ret;

	task_waiter_init(&w, current_task());
	waitq_add(&p->slave_wq, &w.waiter, LINUX_POLLOUT);
	ret = write_loop(p, f, u, &w);
	waitq_del(&w.waiter);
	return ret;
}

static uint32_t pty_poll(struct tty *t, struct file *f, struct poll_table *pt)
{
	struct pty *p = pty_of(t);
	uint32_t events = 0, min = 1;

	(void)f;
	poll_wait(pt, &p->slave_wq);
	if (p->hung)
		return LINUX_POLL_DEFAULT | LINUX_POLLERR | LINUX_POLLHUP;
	mutex_lock(&p->mu);
	if (p->ld.termios.cc[LINUX_VTIME] == 0)
		min = p->ld.termios.cc[LINUX_VMIN];
	if (ldisc_readable(&p->ld, min))
		events |= LINUX_POLLIN | LINUX_POLLRDNORM;
	if (ldisc_can_write(&p->ld))
		events |= LINUX_POLLOUT | LINUX_POLLWRNORM;
	mutex_unlock(&p->mu);
	return events;
}

/* --- settings ------------------------------------------------------------ */

static int pty_get_termios(struct tty *t, struct linux_termios *out)
{
	struct pty *p = pty_of(t);

	mutex_lock(&p->mu);
	*out = p->ld.termios;
	mutex_unlock(&p->mu);
	return 0;
}

/* Does the terminal itself act on ^S and ^Q? */
static bool local_flow(const struct linux_termios *t)
{
	return t->iflag & LINUX_IXON && t->cc[LINUX_VSTOP] == 19 &&
	       t->cc[LINUX_VSTART] == 17;
}

static int pty_set_termios(struct tty *t, const struct linux_termios *in,
			   enum tty_when when)
{
	struct ldisc_effects fx = { 0 };
	struct pty *p = pty_of(t);
	bool old_flow, new_flow;

	mutex_lock(&p->mu);
	old_flow = local_flow(&p->ld.termios);
	if (when == TTY_FLUSH)
		ldisc_flush_input(&p->ld);
	ldisc_set_termios(&p->ld, in, &fx);
	new_flow = local_flow(&p->ld.termios);
	if (old_flow != new_flow)
		pty_note_locked(p, new_flow ? LINUX_TIOCPKT_DOSTOP
					    : LINUX_TIOCPKT_NOSTOP);
	if (in->lflag & LINUX_EXTPROC)
		pty_note_locked(p, LINUX_TIOCPKT_IOCTL);
	mutex_unlock(&p->mu);
	pty_apply(p, &fx);
	return 0;
}

static int pty_get_winsize(struct tty *t, struct linux_winsize *out)
{
	struct pty *p = pty_of(t);

	mutex_lock(&p->mu);
	*out = p->ws;
	mutex_unlock(&p->mu);
	return 0;
}

static int pty_set_winsize(struct tty *t, const struct linux_winsize *in)
{
	struct pty *p = pty_of(t);
	bool changed;

	mutex_lock(&p->mu);
	changed = memcmp(&p->ws, in, sizeof(*in)) != 0;
	p->ws = *in;
	mutex_unlock(&p->mu);
	if (changed)
		tty_ctl_signal(t->ctl, LINUX_SIGWINCH);
	return 0;
}

static int pty_flush(struct tty *t, uint32_t queue)
{
	struct ldisc_effects fx = { 0 };
	struct pty *p = pty_of(t);

	mutex_lock(&p->mu);
	if (queue != LINUX_TCOFLUSH) {
		ldisc_flush_input(&p->ld);
		fx.flushed_input = true;
	}
	if (queue != LINUX_TCIFLUSH) {
		ldisc_flush_output(&p->ld);
		fx.flushed_output = true;
	}
	mutex_unlock(&p->mu);
	pty_apply(p, &fx);
	return 0;
}

static int pty_flow(struct tty *t, uint32_t action)
{
	struct ldisc_effects fx = { 0 };
	struct pty *p = pty_of(t);
	uint8_t c = 0;

	mutex_lock(&p->mu);
	switch (action) {
	case LINUX_TCOOFF:
		fx.stopped = !p->ld.stopped;
		p->ld.stopped = true;
		break;
	case LINUX_TCOON:
		fx.started = p->ld.stopped;
		p->ld.stopped = false;
		break;
	case LINUX_TCIOFF:
		c = p->ld.termios.cc[LINUX_VSTOP];
		break;
	case LINUX_TCION:
		c = p->ld.termios.cc[LINUX_VSTART];
		break;
	}
	if (c)
		ldisc_echo_raw(&p->ld, c);
	mutex_unlock(&p->mu);
	pty_apply(p, &fx);
	return 0;
}

/* What is written is at the master at once; there is no line to break. */
static int pty_drain(struct tty *t, uint32_t arg)
{
	(void)t, (void)arg;
	return 0;
}

static long pty_queued(struct tty *t, bool input)
{
	struct pty *p = pty_of(t);
	long nr;

	mutex_lock(&p->mu);
	nr = input ? ldisc_input_size(&p->ld) : ldisc_output_size(&p->ld);
	mutex_unlock(&p->mu);
	return nr;
}

static const struct tty_driver pty_driver = {
	.open = pty_open,
	.close = pty_close,
	.read = pty_read,
	.write = pty_write,
	.poll = pty_poll,
	.get_termios = pty_get_termios,
	.set_termios = pty_set_termios,
	.get_winsize = pty_get_winsize,
	.set_winsize = pty_set_winsize,
	.flush = pty_flush,
	.flow = pty_flow,
	.drain = pty_drain,
	.queued = pty_queued,
	.hung_up = pty_hung_up,
	.free = pty_free,
};
