/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tty: terminals as processes see them: /dev/pts/N, /dev/tty.
 *
 * A terminal has a driver: the caller's terminal on the host (console.c) or
 * the slave side of a pseudo terminal (pty.c).  What is common is here: the
 * index, job control, the shape of ioctls.
 *
 * References: an open file holds its terminal; the registry holds none.
 * Locks: the registry's (rank LOCK_PIPE, a leaf); drivers have their own.
 */
#ifndef SENTRY_FS_TTY_TTY_H
#define SENTRY_FS_TTY_TTY_H

#include "abi/termios.h"
#include "sentry/vfs/vfs.h"

#define TTY_MAX	  4096 /* /proc/sys/kernel/pty/max */
#define PTS_MAJOR 136

struct tty;
struct tty_ctl;

/* When set_termios acts: TCSETS, TCSETSW, TCSETSF. */
enum tty_when { TTY_NOW, TTY_DRAIN, TTY_FLUSH };

/* All have a default: the errno in brackets. */
struct tty_driver {
	/* May @f be opened (flags are set)?  Counts it.  [0] */
	int (*open)(struct tty *t, struct file *f);
	void (*close)(struct tty *t, struct file *f);
	long (*read)(struct tty *t, struct file *f, struct uio *u);
	long (*write)(struct tty *t, struct file *f, struct uio *u);
	uint32_t (*poll)(struct tty *t, struct file *f, struct poll_table *pt);
	int (*get_termios)(struct tty *t, struct linux_termios *out);
	int (*set_termios)(struct tty *t, const struct linux_termios *in,
			   enum tty_when when);
	int (*get_winsize)(struct tty *t, struct linux_winsize *out);
	int (*set_winsize)(struct tty *t, const struct linux_winsize *in);
	/* LINUX_TCIFLUSH, TCOFLUSH, TCIOFLUSH. */
	int (*flush)(struct tty *t, uint32_t queue);
	/* LINUX_TCOOFF and friends. */
	int (*flow)(struct tty *t, uint32_t action);
	/* TCSBRK, TCSBRKP: wait for the output; break is @arg 0. */
	int (*drain)(struct tty *t, uint32_t arg);
	/* FIONREAD (@input) and TIOCOUTQ. */
	long (*queued)(struct tty *t, bool input);
	/* True after a hang-up: no more than EIO. */
	bool (*hung_up)(struct tty *t);
	/* False while it belongs to others than this sandbox; NULL: never. */
	bool (*foreground)(struct tty *t);
	void (*free)(struct tty *t);
};

struct tty {
	struct refcount ref;
	IMMUTABLE const struct tty_driver *drv;
	IMMUTABLE uint32_t index;
	IMMUTABLE struct tty_ctl *ctl;
	_Atomic bool visible; /* has a node in /dev/pts */
	_Atomic uint32_t uid, gid, mode;
	struct linux_termios locked; /* private to tty_settings.c */
	_Atomic bool exclusive, master_exclusive; /* TIOCEXCL */
};

/*
 * Gives @t (zeroed) its first reference, a number and a node.
 * -ENOSPC, -ENOMEM; @t is then the caller's to free.
 */
MUST_CHECK int tty_register(struct tty *t, const struct tty_driver *drv,
			    uint32_t uid, uint32_t gid);
/* Removes the node; the number stays taken until the last put. */
void tty_hide(struct tty *t);
void tty_get(struct tty *t);
void tty_put(struct tty *t);
DEFINE_AUTO_PUT(tty)
/* The terminal with a node @index: +1 or NULL. */
struct tty *tty_lookup(uint32_t index);
/* The first with a node and a number >= @index: +1 or NULL. */
struct tty *tty_next(uint32_t index);
uint64_t tty_dev(const struct tty *t);

/* Makes @f a file of @t: takes a reference, may make it the controlling
 * terminal.  Errors of the driver's open. */
MUST_CHECK int tty_open(struct tty *t, struct file *f);
/* May the current task read (SIGTTIN) or change (SIGTTOU) @t?  Errors of
 * tty_ctl_check(). */
MUST_CHECK int tty_check(struct tty *t, int signo);
/* The terminal of a file, borrowed; NULL if it is none (or a master). */
struct tty *tty_of_file(const struct file *f);
/* -ENOTTY for what no terminal knows.  @master: @f is the master of @t. */
MUST_CHECK long tty_ioctl(struct tty *t, struct file *f, bool master,
			  uint32_t cmd, uint64_t arg);
/* The part of it that is about settings besides the termios. */
MUST_CHECK long tty_settings_ioctl(struct tty *t, bool master, uint32_t cmd,
				   uaddr_t arg);
/* Gives @in back the values of @old that are locked (TIOCSLCKTRMIOS). */
void tty_keep_locked(struct tty *t, const struct linux_termios *old,
		     struct linux_termios *in);

/* For chrdev_open(): /dev/tty, /dev/console, /dev/ptmx. */
MUST_CHECK int tty_open_current(struct inode *inode, struct file *f);
MUST_CHECK int tty_open_console(struct inode *inode, struct file *f);
MUST_CHECK int ptmx_open(struct inode *inode, struct file *f);

#endif
