/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify_private: an instance, its queue and its watches.
 */
#ifndef SENTRY_FS_INOTIFY_INOTIFY_PRIVATE_H
#define SENTRY_FS_INOTIFY_INOTIFY_PRIVATE_H

#include "sentry/kernel/cred.h"
#include "sentry/mm/tree.h"
#include "sentry/vfs/notify.h"

struct watch;
RB_HEAD(watch_tree, watch);

/* One queued event. */
struct note {
	struct list node;
	int32_t wd;
	uint32_t mask, cookie;
	uint16_t name_len; /* 0: no name */
	char name[];
};

struct inotify {
	struct waitq wq;
	IMMUTABLE struct user_acct *user; /* a reference; who is charged */
	/* Under g_notify_mu: */
	struct list notes; /* struct note */
	uint32_t nr_notes;
	uint64_t bytes;	       /* of all notes, as read(2) gives them */
	struct note *overflow; /* in the queue or waiting to be */
	struct watch_tree watches;
	int32_t next_wd;
};

struct watch {
	struct notify_mark mark; /* first */
	RB_ENTRY(watch) node;	 /* in owner->watches */
	struct inotify *owner;
	int32_t wd;
	uint32_t flags; /* LINUX_IN_ONESHOT, LINUX_IN_EXCL_UNLINK */
};

/* Queues an event; it is dropped if it equals the last, and turned into an
 * overflow if there is no room.  @name may be NULL. */
void inotify_queue_locked(struct inotify *in, int32_t wd, uint32_t mask,
			  uint32_t cookie, const char *name)
	MUST_HOLD(&g_notify_mu);
/* Ends all watches of an instance that goes away. */
void inotify_drop_watches(struct inotify *in);
/* "inotify wd:..." lines of fdinfo. */
void inotify_show_watches(struct inotify *in, struct seq_buf *out);

#endif
