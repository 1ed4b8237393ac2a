/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_watch: messages that ask for changes on the host, and the ring that
 * brings them to the sentry.
 *
 * Invariant: a record is complete before head says that it is there; tail,
 *	      which the sentry can set to anything, decides only whether there
 *	      is room.
 * Locks:     none, one thread.
 * Tests:     tests/hostile/shared.sh
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/inotify.h>

#include "gofer/session.h"
#include "gofer_handlers.h"

/* Of the host's, which the user's other programs need too. */
#define WATCHES_MAX 16384u

int gofer_do_watch(struct session *s, const struct gofer_watch_req *req,
		   struct gofer_watch_rep *rep)
{
	struct node *n;
	int ret = session_dir(s, req->dir, &n);

	if (ret < 0)
		return ret;
	if (!s->any_shared || !s->shared[n->export])
		return -EINVAL;
	if (s->nr_watches >= WATCHES_MAX)
		return -ENOSPC;
	ret = gofer_host_watch_add(n->fd);
	if (ret < 0)
		return ret;
	/* The host counts up: a directory that is watched already gives its
	 * old number. */
	if (ret > s->last_watch) {
		s->last_watch = ret;
		s->nr_watches++;
	}
	rep->wd = ret;
	return 0;
}

int gofer_do_unwatch(struct session *s, const struct gofer_unwatch_req *req,
		     struct gofer_unwatch_rep *rep)
{
	(void)rep;
	if (!s->any_shared)
		return -EINVAL;
	return gofer_host_watch_remove(req->wd);
}

/* One event into the ring; false: there is no room. */
static bool push(struct session *s, const struct inotify_event *e)
{
	struct gofer_ring *r = &s->shm->ring;
	struct gofer_event *out =
		(struct gofer_event *)((char *)s->shm + GOFER_EVENTS_AT) +
		s->ring_head % GOFER_NR_EVENTS;

	if (s->ring_head - atomic_load(&r->tail) >= GOFER_NR_EVENTS)
		return false;
	out->wd = e->wd;
	out->mask = e->mask;
	out->cookie = e->cookie;
	out->name_len = 0;
	if (e->len) {
		out->name_len = (uint32_t)strnlen(e->name, GOFER_NAME_MAX);
		memcpy(out->name, e->name, out->name_len);
	}
	atomic_store(&r->head, ++s->ring_head);
	return true;
}

void session_push_changes(struct session *s)
{
	char buf[8192]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	struct gofer_ring *r = &s->shm->ring;
	struct inotify_event *e;
	long n, at;

	while ((n = gofer_host_watch_read(buf, sizeof(buf))) > 0) {
		for (at = 0; at < n; at += (long)(sizeof(*e) + e->len)) {
			e = (void *)(buf + at);
			/* Comes once for each watch that was there. */
			if ((e->mask & IN_IGNORED) && s->nr_watches > 0)
				s->nr_watches--;
			if ((e->mask & IN_Q_OVERFLOW) || !push(s, e))
				atomic_store(&r->lost, 1);
		}
		atomic_fetch_add(&r->bell, 1);
		gofer_host_wake(&r->bell);
	}
}
