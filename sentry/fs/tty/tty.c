/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty: the registry of terminals, and their files.
 *
 * Invariant: a number names one terminal from tty_register() until it is
 *            freed; a later one gets it only after that.
 * Locks:     g_mu (rank LOCK_PIPE) covers the table.
 * Tests:     tests/conformance/tty.c, ctty.c
 */
#include <errno.h>
#include <sys/stat.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "sentry/fs/tty/console.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task_private.h"

static struct mutex g_mu = MUTEX_INIT(LOCK_PIPE);
static struct tty *g_ttys[TTY_MAX] GUARDED_BY(g_mu); /* weak */

uint64_t tty_dev(const struct tty *t)
{
	return linux_makedev(PTS_MAJOR, t->index);
}

static int take_index(struct tty *t)
{
	uint32_t i = 0;

	mutex_lock(&g_mu);
	while (i < TTY_MAX && g_ttys[i])
		i++;
	if (i < TTY_MAX) {
		t->index = i;
		g_ttys[i] = t;
	}
	mutex_unlock(&g_mu);
	return i < TTY_MAX ? 0 : -ENOSPC;
}

static void drop_index(struct tty *t)
{
	mutex_lock(&g_mu);
	g_ttys[t->index] = NULL;
	mutex_unlock(&g_mu);
}

int tty_register(struct tty *t, const struct tty_driver *drv, uint32_t uid,
		 uint32_t gid)
{
	int ret;

	ref_init(&t->ref);
	t->drv = drv;
	t->uid = uid;
	t->gid = gid;
	t->mode = S_IFCHR | 0620;
	ret = take_index(t);
	if (ret < 0)
		return ret;
	ret = tty_ctl_new(tty_dev(t), &t->ctl);
	if (ret < 0) {
		drop_index(t);
		return ret;
	}
	t->visible = true;
	return 0;
}

void tty_hide(struct tty *t)
{
	t->visible = false;
}

void tty_get(struct tty *t)
{
	ref_get(&t->ref);
}

void tty_put(struct tty *t)
{
	if (!ref_put(&t->ref))
		return;
	drop_index(t);
	tty_ctl_put(t->ctl);
	t->drv->free(t);
}

struct tty *tty_next(uint32_t index)
{
	struct tty *t = NULL;

	mutex_lock(&g_mu);
	for (; index < TTY_MAX && !t; index++)
		if (g_ttys[index] && g_ttys[index]->visible &&
		    ref_get_unless_zero(&g_ttys[index]->ref))
			t = g_ttys[index];
	mutex_unlock(&g_mu);
	return t;
}

struct tty *tty_lookup(uint32_t index)
{
	struct tty *t = tty_next(index);

	if (t && t->index != index) {
		tty_put(t);
		t = NULL;
	}
	return t;
}

/* --- files --------------------------------------------------------------- */

static bool hung_up(struct tty *t)
{
	return t->drv->hung_up && t->drv->hung_up(t);
}

int tty_check(struct tty *t, int signo)
{
	int ret = tty_ctl_check(t->ctl, signo);

	if (ret < 0 || !t->drv->foreground || t->drv->foreground(t))
		return ret;
	return tty_ctl_refuse(t->ctl, signo);
}

static long file_tty_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct tty *t = f->priv;
	int ret;

	(void)pos;
	if (hung_up(t))
		return 0;
	ret = tty_check(t, LINUX_SIGTTIN);
	return ret < 0 ? ret : t->drv->read(t, f, u);
}

static long file_tty_write(struct file *f, struct uio *u, int64_t *pos)
{
	struct tty *t = f->priv;
	struct linux_termios termios;
	int ret;

	(void)pos;
	if (hung_up(t))
		return -EIO;
	if (u->left == 0)
		return 0;
	ret = t->drv->get_termios(t, &termios);
	if (ret == 0 && termios.lflag & LINUX_TOSTOP)
		ret = tty_check(t, LINUX_SIGTTOU);
	return ret < 0 ? ret : t->drv->write(t, f, u);
}

static uint32_t file_tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = f->priv;

	return t->drv->poll(t, f, pt);
}

static long file_tty_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	return tty_ioctl(f->priv, f, false, cmd, arg);
}

static void file_tty_release(struct file *f)
{
	struct tty *t = f->priv;

	if (t->drv->close)
		t->drv->close(t, f);
	tty_put(t);
}

static const struct file_ops tty_fops = {
	.sigio = SIGIO_TTY,
	.name = "tty",
	.read = file_tty_read,
	.write = file_tty_write,
	.poll = file_tty_poll,
	.ioctl = file_tty_ioctl,
	.release = file_tty_release,
};

struct tty *tty_of_file(const struct file *f)
{
	return f->ops == &tty_fops ? f->priv : NULL;
}

static int attach(struct tty *t, struct file *f)
{
	int ret = 0;

	if (t->exclusive && !capable(CAP_NR_SYS_ADMIN))
		return -EBUSY;
	if (t->drv->open)
		ret = t->drv->open(t, f);
	if (ret < 0)
		return ret;
	tty_get(t);
	f->priv = t;
	f->ops = &tty_fops;
	return 0;
}

/*
 * A session leader without a terminal gets this one, unless O_NOCTTY; whether
 * it is one is tty_ctl's to know, its refusal is no error of open(2).
 */
int tty_open(struct tty *t, struct file *f)
{
	int ret = attach(t, f);

	if (ret < 0)
		return ret;
	if (!(f->flags & LINUX_O_NOCTTY) && current_task() &&
	    (f->flags & LINUX_O_ACCMODE) != LINUX_O_WRONLY)
		(void)tty_ctl_set_controlling(t->ctl, false);
	return 0;
}

/* Not -ENXIO of chrdev_open(): the device is there. */
int tty_open_current(struct inode *inode, struct file *f)
{
	uint64_t dev = task_tty_dev(current_task());
	AUTO_PUT(tty) struct tty *t = NULL;

	(void)inode;
	if (dev)
		t = tty_lookup(linux_dev_minor(dev));
	/* After a hang-up the number may be another terminal's: it must be the
	 * one that our session knows. */
	if (!t || tty_ctl_get_sid(t->ctl, false) < 0)
		return -ENXIO;
	return attach(t, f);
}

int tty_open_console(struct inode *inode, struct file *f)
{
	struct tty *t = console_tty();

	(void)inode;
	return t ? attach(t, f) : -ENODEV;
}
