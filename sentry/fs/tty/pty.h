/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pty: a pseudo terminal: the slave is a struct tty, the master a file of
 * /dev/ptmx.  Private to pty.c (slave) and ptmx.c (master).
 */
#ifndef SENTRY_FS_TTY_PTY_H
#define SENTRY_FS_TTY_PTY_H

#include "sentry/fs/tty/ldisc.h"
#include "sentry/fs/tty/tty.h"

struct pty {
	struct tty tty;	 /* the master holds a reference, and each slave file */
	struct mutex mu; /* rank LOCK_PIPE */
	struct ldisc ld GUARDED_BY(mu);
	struct linux_winsize ws GUARDED_BY(mu);
	uint32_t nr_slaves GUARDED_BY(mu);
	bool slave_gone GUARDED_BY(mu); /* was open, is closed */
	bool locked GUARDED_BY(mu);	/* until TIOCSPTLCK 0 */
	bool packet GUARDED_BY(mu);	/* TIOCPKT */
	uint8_t packet_status GUARDED_BY(mu);
	_Atomic bool hung; /* the master is closed */
	struct waitq slave_wq, master_wq;
};

/* A locked pair with one reference, the master's. */
MUST_CHECK int pty_new(struct pty **out);
/* Notes what packet mode tells the master.  Caller holds mu. */
void pty_note_locked(struct pty *p, uint8_t status) MUST_HOLD(&p->mu);
/* Signals and wake-ups after the discipline ran; no lock held. */
void pty_apply(struct pty *p, const struct ldisc_effects *fx);
/* Wakes who may go on, on both sides. */
void pty_wake(struct pty *p);
/* The master is closed. */
void pty_hang_up(struct pty *p);

#endif
