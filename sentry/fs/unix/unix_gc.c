/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_gc: sockets that nobody can reach any more.
 *
 * A socket's file may be kept alive by a message in another socket's queue, and
 * that one's by a message in the first's: a cycle that no close ends.  Such a
 * socket has no other reference than those of messages in flight, all in queues
 * of such sockets.
 *
 *	candidates	all references of the file are in flight
 *	count down	for each message in a candidate's queue
 *	restore		what is still counted is reachable from outside, and so
 *			is all in its queue
 *	purge		the queues of the others
 *
 * Nobody holds a descriptor of a candidate, so a socket becomes reachable only
 * by descriptors being taken or copied out of a message, and that waits for the
 * walk (unix_gc_end, unix_gc_copy).  They count as in flight before their
 * message is queued, so that what cannot be seen in a queue yet counts as
 * reachable.
 *
 * Locks: g_gc_mu (rank LOCK_PIPE) > u->mu > u->mu of connections not accepted.
 * Linux: net/unix/garbage.c before 6.10: the same result by older means.
 * Tests: tests/conformance/unix_gc.c
 */
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/task.h"

/* With so many sockets in flight a sender looks for garbage first. */
#define MANY 2024u

static struct mutex g_gc_mu = MUTEX_INIT(LOCK_PIPE);
static struct list g_inflight = { &g_inflight, &g_inflight };
static _Atomic uint32_t g_nr_inflight; /* sockets in that list */

static struct unix_sock *unix_of_file(struct file *f)
{
	struct socket *s = f->ops ? file_socket(f) : NULL;

	return s && s->family == LINUX_AF_UNIX ? unix_of(s) : NULL;
}

void unix_gc_begin(struct scm *scm)
{
	mutex_lock(&g_gc_mu);
	for (uint32_t i = 0; i < scm->nr_files; i++) {
		struct unix_sock *u = unix_of_file(scm->files[i]);

		if (!u || u->gc.inflight++ > 0)
			continue;
		u->gc.file = scm->files[i];
		list_append(&g_inflight, &u->gc.node);
		g_nr_inflight++;
	}
	mutex_unlock(&g_gc_mu);
}

/* g_gc_mu held. */
static void end_locked(const struct scm *scm)
{
	for (uint32_t i = 0; i < scm->nr_files; i++) {
		struct unix_sock *u = unix_of_file(scm->files[i]);

		if (!u || --u->gc.inflight > 0)
			continue;
		list_del(&u->gc.node);
		g_nr_inflight--;
	}
}

void unix_gc_end(struct unix_msg *msg, struct scm *to)
{
	struct scm *scm = &msg->scm;

	mutex_lock(&g_gc_mu);
	if (!msg->garbage)
		end_locked(scm);
	to->files = take(scm->files);
	to->nr_files = scm->nr_files;
	scm->nr_files = 0;
	mutex_unlock(&g_gc_mu);
}

int unix_gc_copy(const struct unix_msg *msg, struct scm *to)
{
	int ret;

	mutex_lock(&g_gc_mu);
	ret = scm_copy_files(&msg->scm, to);
	mutex_unlock(&g_gc_mu);
	return ret;
}

/* --- one walk; g_gc_mu held ----------------------------------------------- */

/* Calls @fn for every candidate in a message of @queue; its u->mu is held. */
static void each_in_queue(struct list *queue, void (*fn)(struct unix_sock *u))
{
	struct unix_msg *msg;
	struct unix_sock *u;

	list_for_each_entry (msg, queue, node)
		for (uint32_t i = 0; i < msg->scm.nr_files; i++) {
			u = unix_of_file(msg->scm.files[i]);
			if (u && u->gc.candidate)
				fn(u);
		}
}

/* The same for @u's own queue, or those of connections to it. */
NO_LOCK_CHECK static void each_below(struct unix_sock *u,
				     void (*fn)(struct unix_sock *u))
{
	struct unix_sock *child;

	mutex_lock_nested(&u->mu);
	each_in_queue(&u->queue, fn);
	list_for_each_entry (child, &u->pending, pending_node) {
		mutex_lock_nested(&child->mu);
		each_in_queue(&child->queue, fn);
		mutex_unlock(&child->mu);
	}
	mutex_unlock(&u->mu);
}

static void count_down(struct unix_sock *u)
{
	u->gc.outside--;
}

/* Those that restore() has still to look below. */
static struct list g_reachable = { &g_reachable, &g_reachable };

static void reached(struct unix_sock *u)
{
	if (!u->gc.garbage)
		return;
	u->gc.garbage = false;
	list_append(&g_reachable, &u->gc.todo);
}

static void find_candidates(void)
{
	struct unix_sock *u;

	list_for_each_entry (u, &g_inflight, gc.node) {
		u->gc.outside = (int32_t)u->gc.inflight;
		u->gc.candidate = ref_read(&u->gc.file->ref) == u->gc.inflight;
		u->gc.garbage = u->gc.candidate;
	}
}

static void mark(void)
{
	struct unix_sock *u;

	find_candidates();
	list_for_each_entry (u, &g_inflight, gc.node)
		if (u->gc.candidate)
			each_below(u, count_down);
	list_for_each_entry (u, &g_inflight, gc.node)
		if (u->gc.candidate && u->gc.outside > 0)
			reached(u);
	while ((u = list_first(&g_reachable, struct unix_sock, gc.todo))) {
		list_del(&u->gc.todo);
		each_below(u, reached);
	}
}

static void take_queue(struct unix_sock *u, struct list *out)
{
	list_splice(&u->queue, out);
	u->nr_queued = 0;
	u->oob = NULL;
}

NO_LOCK_CHECK static void purge(struct unix_sock *u, struct list *out)
{
	struct unix_sock *child;

	mutex_lock_nested(&u->mu);
	take_queue(u, out);
	list_for_each_entry (child, &u->pending, pending_node) {
		mutex_lock_nested(&child->mu);
		take_queue(child, out);
		mutex_unlock(&child->mu);
	}
	mutex_unlock(&u->mu);
}

/* --- when ----------------------------------------------------------------- */

void unix_gc(void)
{
	struct unix_msg *msg;
	struct unix_sock *u;
	struct list dead;

	/* Sockets that go with the messages of others: once is enough. */
	if (g_nr_inflight == 0 || unix_is_dropping())
		return;
	list_init(&dead);
	mutex_lock(&g_gc_mu);
	mark();
	list_for_each_entry (u, &g_inflight, gc.node)
		if (u->gc.garbage)
			purge(u, &dead);
	/* At once: freeing them takes longer, and others look meanwhile. */
	list_for_each_entry (msg, &dead, node) {
		end_locked(&msg->scm);
		msg->garbage = true;
	}
	mutex_unlock(&g_gc_mu);
	unix_drop_msgs(&dead);
}

void unix_gc_if_many(void)
{
	if (unlikely(g_nr_inflight > MANY))
		unix_gc();
}
