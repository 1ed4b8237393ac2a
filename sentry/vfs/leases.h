/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leases: F_SETLEASE of fcntl(2), F_NOTIFY, and the signals both send.
 */
#ifndef SENTRY_VFS_LEASES_H
#define SENTRY_VFS_LEASES_H

#include "sentry/vfs/vfs.h"

/* /proc/sys/fs/lease-break-time, in seconds; 0: for ever. */
extern _Atomic uint32_t g_lease_break_time;
/* /proc/locks asks; no lock of an inode's lease is held by the caller. */
extern _Atomic uint32_t g_nr_leases;

/* lease_break() where there are leases. */
int lease_break_slow(struct inode *inode, uint32_t flags);
/*
 * Somebody opens @inode with @flags (LINUX_O_*), or cuts it: tells holders of
 * leases in the way and waits for them.  -EAGAIN with O_NONBLOCK,
 * -ERESTARTSYS.
 */
static inline int MUST_CHECK lease_break(struct inode *inode, uint32_t flags)
{
	return likely(!inode->leases) ? 0 : lease_break_slow(inode, flags);
}
/* F_SETLEASE by descriptor @fd; -EACCES, -EINVAL, -EAGAIN, -ENOMEM. */
MUST_CHECK int lease_set(struct file *f, int fd, int type);
int lease_get(struct file *f); /* F_GETLEASE: LINUX_F_*LCK */
/* The last reference of @f is gone. */
void lease_file_gone(struct file *f);
void leases_free_inode(struct inode *inode);

/* --- F_NOTIFY (dnotify.c) --- */

/* F_NOTIFY: @arg LINUX_DN_*; 0 ends it.  -ENOTDIR, -ENOMEM. */
MUST_CHECK int dnotify_set(struct file *f, int fd, uint32_t arg);
/* A descriptor of the table @owner for @f was closed. */
void dnotify_closed(struct file *f, const void *owner);

/* --- signals of files (fown.c) --- */

/* The current process owns @f unless somebody does already. */
void file_own_if_none(struct file *f);
void file_disown(struct file *f); /* and F_SETSIG is 0 again */
/*
 * Sends SIGIO, or what F_SETSIG chose, to the owner of @f.  @code: POLL_IN (1)
 * to POLL_HUP (6) of sigaction(2), @fd what the owner knows it by.
 */
void file_sigio(struct file *f, int fd, int code);
/* The same in two steps, for who has no reference on the file later. */
struct file_owner {
	int32_t pid, type, sig;
};
void file_owner(struct file *f, struct file_owner *out);
void file_owner_signal(const struct file_owner *own, int fd, int code);
enum { FILE_POLL_MSG = 3 };

#endif
