/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty_settings: what a terminal has besides its termios: settings that are
 * locked, exclusive use, soft carrier, break, its number.
 *
 * Invariant: a locked setting changes through no later TCSETS.
 * Locks:     g_mu (rank LOCK_PIPE, a leaf) covers the locks of all terminals.
 * Linux:     as tty_ioctl() of 6.18; a break has no effect, as on a pty there.
 * Tests:     tests/conformance/tty.c
 */
#include <errno.h>

#include "abi/signal.h"
#include "abi/tty.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/kernel/task.h"

static struct mutex g_mu = MUTEX_INIT(LOCK_PIPE);

static void keep(uint32_t *now, uint32_t old, uint32_t locked)
{
	*now = (*now & ~locked) | (old & locked);
}

void tty_keep_locked(struct tty *t, const struct linux_termios *old,
		     struct linux_termios *in)
{
	struct linux_termios l;

	mutex_lock(&g_mu);
	l = t->locked;
	mutex_unlock(&g_mu);
	keep(&in->iflag, old->iflag, l.iflag);
	keep(&in->oflag, old->oflag, l.oflag);
	keep(&in->cflag, old->cflag, l.cflag);
	keep(&in->lflag, old->lflag, l.lflag);
	if (l.line)
		in->line = old->line;
	for (int i = 0; i < LINUX_NCCS; i++)
		if (l.cc[i])
			in->cc[i] = old->cc[i];
}

static long lock_ioctl(struct tty *t, uint32_t cmd, uaddr_t arg)
{
	struct linux_termios l;

	if (cmd == LINUX_TIOCGLCKTRMIOS) {
		mutex_lock(&g_mu);
		l = t->locked;
		mutex_unlock(&g_mu);
		return copy_out(arg, &l, sizeof(l));
	}
	if (!capable(CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (copy_in(&l, arg, sizeof(l)) < 0)
		return -EFAULT;
	mutex_lock(&g_mu);
	t->locked = l;
	mutex_unlock(&g_mu);
	return 0;
}

static long carrier_ioctl(struct tty *t, uint32_t cmd, uaddr_t arg)
{
	struct linux_termios now, in;
	int32_t on;
	int ret = t->drv->get_termios(t, &now);

	if (ret < 0)
		return ret;
	if (cmd == LINUX_TIOCGSOFTCAR) {
		on = !!(now.cflag & LINUX_CLOCAL);
		return copy_out(arg, &on, sizeof(on));
	}
	ret = copy_in(&on, arg, sizeof(on));
	if (ret < 0)
		return ret;
	in = now;
	in.cflag = on ? in.cflag | LINUX_CLOCAL : in.cflag & ~LINUX_CLOCAL;
	tty_keep_locked(t, &now, &in);
	return t->drv->set_termios(t, &in, TTY_NOW);
}

static long break_ioctl(struct tty *t, uint32_t cmd)
{
	int ret = tty_check(t, LINUX_SIGTTOU);

	if (ret < 0 || cmd == LINUX_TIOCCBRK)
		return ret;
	return t->drv->drain(t, 1);
}

long tty_settings_ioctl(struct tty *t, bool master, uint32_t cmd, uaddr_t arg)
{
	_Atomic bool *exclusive = master ? &t->master_exclusive : &t->exclusive;
	int32_t v;

	switch (cmd) {
	case LINUX_TIOCGLCKTRMIOS:
	case LINUX_TIOCSLCKTRMIOS:
		return lock_ioctl(t, cmd, arg);
	case LINUX_TIOCGSOFTCAR:
	case LINUX_TIOCSSOFTCAR:
		return carrier_ioctl(t, cmd, arg);
	case LINUX_TIOCSBRK:
	case LINUX_TIOCCBRK:
		return break_ioctl(t, cmd);
	case LINUX_TIOCEXCL:
	case LINUX_TIOCNXCL:
		*exclusive = cmd == LINUX_TIOCEXCL;
		return 0;
	case LINUX_TIOCGEXCL:
		v = *exclusive;
		return copy_out(arg, &v, sizeof(v));
	case LINUX_TIOCGDEV:
		v = (int32_t)tty_dev(t);
		return copy_out(arg, &v, sizeof(v));
	default:
		return -ENOTTY;
	}
}
