/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty_ioctl: the commands of tty_ioctl(4), for terminals and for the masters of
 * pseudo terminals (which act on their slave).
 *
 * Trust: settings are the guest's; only sizes and bits that we know are used.
 * Locks: none; the driver's inside.
 * Linux: TIOCSTI is refused, as with legacy_tiocsti=0; speeds have no effect.
 * Tests: tests/conformance/tty.c, ctty.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/signal.h"
#include "abi/tty.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"

/* --- settings ------------------------------------------------------------ */

static const uint32_t speeds[] = {
	0,	 50,	  75,	   110,	    134,     150,     200,     300,
	600,	 1200,	  1800,	   2400,    4800,    9600,    19200,   38400,
	57600,	 115200,  230400,  460800,  500000,  576000,  921600,  1000000,
	1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
};

static uint32_t speed_of(uint32_t cflag)
{
	uint32_t code = cflag & LINUX_CBAUD;

	if (code & LINUX_BOTHER)
		code = (code & ~LINUX_BOTHER) + 15;
	return code < ARRAY_SIZE(speeds) ? speeds[code] : 38400;
}

/* Changes wait until their process group is in the foreground. */
static int check_change(struct tty *t)
{
	return tty_check(t, LINUX_SIGTTOU);
}

static long get_termios(struct tty *t, uint32_t cmd, uaddr_t arg)
{
	struct linux_termios2 t2 = { 0 };
	struct linux_termio old = { 0 };
	int ret = t->drv->get_termios(t, &t2.t);

	if (ret < 0)
		return ret;
	switch (cmd) {
	case LINUX_TCGETS:
		return copy_out(arg, &t2.t, sizeof(t2.t));
	case LINUX_TCGETS2:
		t2.ispeed = t2.ospeed = speed_of(t2.t.cflag);
		return copy_out(arg, &t2, sizeof(t2));
	default:
		old.iflag = (uint16_t)t2.t.iflag;
		old.oflag = (uint16_t)t2.t.oflag;
		old.cflag = (uint16_t)t2.t.cflag;
		old.lflag = (uint16_t)t2.t.lflag;
		old.line = t2.t.line;
		memcpy(old.cc, t2.t.cc, sizeof(old.cc));
		return copy_out(arg, &old, sizeof(old));
	}
}

/* The old form changes the low halves only. */
static int read_termio(struct tty *t, uaddr_t arg, struct linux_termios *out)
{
	struct linux_termio old = { 0 };
	int ret = t->drv->get_termios(t, out);

	if (ret == 0)
		ret = copy_in(&old, arg, sizeof(old));
	if (ret < 0)
		return ret;
	out->iflag = (out->iflag & 0xffff0000u) | old.iflag;
	out->oflag = (out->oflag & 0xffff0000u) | old.oflag;
	out->cflag = (out->cflag & 0xffff0000u) | old.cflag;
	out->lflag = (out->lflag & 0xffff0000u) | old.lflag;
	memcpy(out->cc, old.cc, sizeof(old.cc));
	return 0;
}

static long set_termios(struct tty *t, uint32_t cmd, uaddr_t arg)
{
	enum tty_when when = TTY_NOW;
	struct linux_termios in, old;
	int ret = check_change(t);

	if (ret < 0)
		return ret;
	switch (cmd) {
	case LINUX_TCSETSF:
	case LINUX_TCSETSF2:
	case LINUX_TCSETAF:
		when = TTY_FLUSH;
		break;
	case LINUX_TCSETSW:
	case LINUX_TCSETSW2:
	case LINUX_TCSETAW:
		when = TTY_DRAIN;
		break;
	}
	if (cmd >= LINUX_TCSETA && cmd <= LINUX_TCSETAF)
		ret = read_termio(t, arg, &in);
	else
		ret = copy_in(&in, arg, sizeof(in));
	if (ret == 0)
		ret = t->drv->get_termios(t, &old);
	if (ret < 0)
		return ret;
	tty_keep_locked(t, &old, &in);
	return t->drv->set_termios(t, &in, when);
}

/* --- job control --------------------------------------------------------- */

static long set_pgrp(struct tty *t, uaddr_t arg)
{
	int32_t pgid = 0;
	int ret = check_change(t);

	if (ret == -EIO)
		return -ENOTTY;
	if (ret == 0)
		ret = copy_in(&pgid, arg, sizeof(pgid));
	return ret < 0 ? ret : tty_ctl_set_pgrp(t->ctl, pgid);
}

static long put_int(uaddr_t arg, int value)
{
	int32_t v = value;

	return value < 0 ? value : copy_out(arg, &v, sizeof(v));
}

static long job_ioctl(struct tty *t, struct file *f, bool master, uint32_t cmd,
		      uint64_t arg)
{
	int group;

	switch (cmd) {
	case LINUX_TIOCGPGRP:
		/* A master may ask without being in the session. */
		group = tty_ctl_get_pgrp(t->ctl, master);
		/* A group of others has no number here. */
		if (group > 0 && t->drv->foreground && !t->drv->foreground(t))
			group = 0;
		return put_int(uaddr(arg), group);
	case LINUX_TIOCSPGRP:
		return set_pgrp(t, uaddr(arg));
	case LINUX_TIOCGSID:
		return put_int(uaddr(arg), tty_ctl_get_sid(t->ctl, master));
	case LINUX_TIOCSCTTY:
		/* A master stands for its slave. */
		if ((f->flags & LINUX_O_ACCMODE) == LINUX_O_WRONLY &&
		    !capable(CAP_NR_SYS_ADMIN))
			return -EPERM;
		return tty_ctl_set_controlling(t->ctl, arg == 1);
	case LINUX_TIOCNOTTY:
		return master ? -ENOTTY : tty_ctl_detach(t->ctl);
	default:
		return -ENOTTY;
	}
}

/* --- the rest ------------------------------------------------------------ */

static long winsize_ioctl(struct tty *t, uint32_t cmd, uaddr_t arg)
{
	struct linux_winsize ws;
	int ret;

	if (cmd == LINUX_TIOCGWINSZ) {
		ret = t->drv->get_winsize(t, &ws);
		return ret < 0 ? ret : copy_out(arg, &ws, sizeof(ws));
	}
	ret = copy_in(&ws, arg, sizeof(ws));
	return ret < 0 ? ret : t->drv->set_winsize(t, &ws);
}

static long queue_ioctl(struct tty *t, bool master, uint32_t cmd, uint64_t arg)
{
	int ret;

	switch (cmd) {
	case LINUX_TIOCINQ:
	case LINUX_TIOCOUTQ:
		return put_int(uaddr(arg),
			       (int)t->drv->queued(t, (cmd == LINUX_TIOCINQ) !=
							      master));
	case LINUX_TCFLSH:
		if (arg > LINUX_TCIOFLUSH)
			return -EINVAL;
		ret = check_change(t);
		if (master && arg != LINUX_TCIOFLUSH)
			arg = arg == LINUX_TCIFLUSH ? LINUX_TCOFLUSH
						    : LINUX_TCIFLUSH;
		return ret < 0 ? ret : t->drv->flush(t, (uint32_t)arg);
	case LINUX_TCXONC:
		if (arg > LINUX_TCION)
			return -EINVAL;
		ret = check_change(t);
		return ret < 0 ? ret : t->drv->flow(t, (uint32_t)arg);
	case LINUX_TCSBRK:
	case LINUX_TCSBRKP:
		ret = check_change(t);
		return ret < 0 ? ret : t->drv->drain(t, arg != 0);
	default:
		return -ENOTTY;
	}
}

static long line_ioctl(uint32_t cmd, uaddr_t arg)
{
	int32_t line = 0;

	if (cmd == LINUX_TIOCGETD)
		return copy_out(arg, &line, sizeof(line));
	if (copy_in(&line, arg, sizeof(line)) < 0)
		return -EFAULT;
	return line == 0 ? 0 : -EINVAL; /* N_TTY is the only discipline */
}

long tty_ioctl(struct tty *t, struct file *f, bool master, uint32_t cmd,
	       uint64_t arg)
{
	if (!master && t->drv->hung_up && t->drv->hung_up(t))
		return cmd == LINUX_TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case LINUX_TCGETS:
	case LINUX_TCGETS2:
	case LINUX_TCGETA:
		return get_termios(t, cmd, uaddr(arg));
	case LINUX_TCSETS:
	case LINUX_TCSETSW:
	case LINUX_TCSETSF:
	case LINUX_TCSETS2:
	case LINUX_TCSETSW2:
	case LINUX_TCSETSF2:
	case LINUX_TCSETA:
	case LINUX_TCSETAW:
	case LINUX_TCSETAF:
		return set_termios(t, cmd, uaddr(arg));
	case LINUX_TIOCGWINSZ:
	case LINUX_TIOCSWINSZ:
		return winsize_ioctl(t, cmd, uaddr(arg));
	case LINUX_TIOCGETD:
	case LINUX_TIOCSETD:
		return line_ioctl(cmd, uaddr(arg));
	case LINUX_TIOCSTI:
		return -EIO;
	case LINUX_TIOCINQ:
	case LINUX_TIOCOUTQ:
	case LINUX_TCFLSH:
	case LINUX_TCXONC:
	case LINUX_TCSBRK:
	case LINUX_TCSBRKP:
		return queue_ioctl(t, master, cmd, arg);
	case LINUX_TIOCSCTTY:
	case LINUX_TIOCNOTTY:
	case LINUX_TIOCGPGRP:
	case LINUX_TIOCSPGRP:
	case LINUX_TIOCGSID:
		return job_ioctl(t, f, master, cmd, arg);
	default:
		return tty_settings_ioctl(t, master, cmd, uaddr(arg));
	}
}
