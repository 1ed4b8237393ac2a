/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: takes requests out of the shared memory and puts answers there.
 *
 * The sentry may have fallen: everything in the shared memory can change at any
 * moment.  So a header field is read once, a request is copied before it is
 * decoded, and an answer is written and never read back.
 *
 * Sleeping:   sentry			gofer
 *		state = READY		asleep = 1
 *		bell++			bell is still b, no slot is READY
 *		asleep? wake(bell)	wait(bell, b)
 * Either the gofer sees the request or the bell, or the sentry sees asleep.
 *
 * Locks: none, one thread; requests of several slots wait for their turn.
 * Tests: tests/gofer/test_gofer.c
 */
#include "gofer/session.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "gofer/dispatch.h"
#include "sentry/lib/log.h"

#define FOLLOW_AFTER 4
#define READ_ONCE(x) (*(volatile __typeof__(x) *)&(x))

int session_node(struct session *s, uint64_t handle, struct node **out)
{
	struct node *n = node_find(&s->table, handle);

	if (!n)
		return -ESTALE;
	*out = n;
	return 0;
}

int session_dir(struct session *s, uint64_t handle, struct node **out)
{
	struct node *n = node_find(&s->table, handle);

	if (!n)
		return -ESTALE;
	if (n->barred)
		return -EACCES;
	if (n->type != S_IFDIR)
		return -ENOTDIR;
	*out = n;
	return 0;
}

static int check_writable(struct session *s, const struct node *n)
{
	if (s->readonly[n->export])
		return -EROFS;
	return n->barred ? -EACCES : 0;
}

int session_writable_node(struct session *s, uint64_t handle, struct node **out)
{
	int ret = session_node(s, handle, out);

	return ret < 0 ? ret : check_writable(s, *out);
}

int session_writable_dir(struct session *s, uint64_t handle, struct node **out)
{
	int ret = session_dir(s, handle, out);

	return ret < 0 ? ret : check_writable(s, *out);
}

static int end_connection(unsigned int slot, uint32_t op, const char *why)
{
	log_warning("connection ended: %s (slot %u, %s)", why, slot,
		    gofer_op_name(op));
	return -EPROTO;
}

/* Sends the answer's descriptor, if there is one. */
static int send_fd(struct session *s, unsigned int slot, uint64_t seq,
		   uint32_t *nr_fds)
{
	struct gofer_fd_tag tag = { .seq = seq, .slot = slot };
	int ret = 0;

	*nr_fds = 0;
	if (s->out_fd < 0)
		return 0;
	ret = gofer_host_send_fd(&tag, s->out_fd);
	gofer_host_close(s->out_fd);
	s->out_fd = -1;
	*nr_fds = 1;
	return ret;
}

/* Publishes the answer.  False if the slot's state is none it can have. */
static bool finish(struct gofer_slot *slot, long size, uint32_t nr_fds)
{
	uint32_t old;

	slot->error = size < 0 ? (int32_t)size : 0;
	slot->rep_size = size < 0 ? 0 : (uint32_t)size;
	slot->nr_fds = nr_fds;
	old = atomic_exchange(&slot->state, GOFER_SLOT_DONE);
	if (old == GOFER_SLOT_WAITING)
		gofer_host_wake(&slot->state);
	return old == GOFER_SLOT_READY || old == GOFER_SLOT_WAITING;
}

/*
 * Waking a thread on another CPU costs several times what a request does, so
 * the gofer moves to where its requests come from: after a few from one CPU,
 * since the move itself is not free, and two askers must not toss it about.
 */
static void follow(struct session *s, uint32_t cpu)
{
	if (cpu == s->cpu || cpu != s->guest) {
		s->guest = cpu;
		s->nr_guest = 0;
	}
	if (cpu == s->cpu || ++s->nr_guest < FOLLOW_AFTER)
		return;
	s->cpu = cpu;
	gofer_host_move(cpu);
}

static int serve_slot(struct session *s, unsigned int at)
{
	struct gofer_slot *slot = &s->shm->slots[at];
	char *data =
		(char *)s->shm + GOFER_SLOTS_AT + (size_t)at * GOFER_DATA_SIZE;
	uint32_t op = READ_ONCE(slot->op);
	uint32_t size = READ_ONCE(slot->req_size);
	uint64_t seq = READ_ONCE(slot->seq);
	uint32_t cpu = READ_ONCE(slot->cpu);
	uint32_t nr_fds;
	long ret;

	if (op == 0 || op >= GOFER_OP_END || size > gofer_op_max_request(op) ||
	    size > sizeof(s->in))
		return end_connection(at, op, "unknown message or length");
	if (s->greeted == (op == GOFER_OP_HELLO))
		return end_connection(at, op, "not the time for hello");
	memcpy(s->in, data, size);
	s->out_fd = -1;
	if (g_dispatch[op].write && !s->any_writable &&
	    gofer_request_check(op, s->in, size) == 0)
		ret = -EROFS;
	else
		ret = g_dispatch[op].call(s, s->in, size, data,
					  GOFER_DATA_SIZE);
	if (ret == DISPATCH_MALFORMED)
		return end_connection(at, op, "malformed request");
	if (send_fd(s, at, seq, &nr_fds) < 0)
		return end_connection(at, op, "descriptors are not taken");
	if (!finish(slot, ret, nr_fds))
		return end_connection(at, op, "state changed meanwhile");
	follow(s, cpu);
	return 0;
}

/* Serves what is ready.  Returns how many, or -EPROTO. */
static int serve_ready(struct session *s)
{
	int served = 0;

	for (unsigned int i = 0; i < GOFER_NR_SLOTS; i++) {
		uint32_t state = atomic_load(&s->shm->slots[i].state);

		if (state > GOFER_SLOT_DEAD)
			return end_connection(i, 0, "impossible slot state");
		if (state != GOFER_SLOT_READY && state != GOFER_SLOT_WAITING)
			continue;
		if (serve_slot(s, i) < 0)
			return -EPROTO;
		served++;
	}
	return served;
}

int session_serve(struct session *s)
{
	for (;;) {
		uint32_t bell = atomic_load(&s->shm->bell);
		int served = serve_ready(s);

		if (served < 0)
			return served;
		if (s->any_shared && gofer_host_watch_pending())
			session_push_changes(s);
		if (served > 0)
			continue;
		atomic_store(&s->shm->asleep, 1);
		served = serve_ready(s);
		if (served < 0)
			return served;
		if (served == 0)
			gofer_host_wait(&s->shm->bell, bell);
		atomic_store(&s->shm->asleep, 0);
	}
}
