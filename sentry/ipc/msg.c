/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msg: msgget(2), msgsnd(2), msgrcv(2).
 *
 * Invariant: no message is in a queue that a sleeping receiver would take.
 * Locks:     ids->mu; a sleeper learns its result under it.
 * Linux:     ipc/msg.c of 6.18.
 * Tests:     tests/conformance/sysv_msg.c
 */
#include "sentry/ipc/msg.h"

#include <errno.h>
#include <string.h>

static struct ipc_ids *own_ids(void)
{
	return ipc_ids_of(task_ipc(current_task()), IPC_MSG);
}

int msg_find(int32_t id, struct msg_queue **out)
{
	struct ipc_obj *o;
	int ret = ipc_find(own_ids(), id, &o);

	if (ret < 0)
		return ret;
	*out = msg_queue_of(o);
	return 0;
}

/* --- messages ------------------------------------------------------------- */

static int msg_new(uint64_t size, struct msg **out)
{
	struct msg *m;
	int ret = ipc_charge(sizeof(*m) + size);

	if (ret < 0)
		return ret;
	m = kzalloc(sizeof(*m) + size);
	if (!m) {
		ipc_uncharge(sizeof(*m) + size);
		return -ENOMEM;
	}
	list_init(&m->node);
	m->size = size;
	*out = m;
	return 0;
}

void msg_free(struct msg *m)
{
	if (!m)
		return;
	ipc_uncharge(sizeof(*m) + m->size);
	free(m);
}

/* --- life of queues ------------------------------------------------------- */

static void free_queue(struct ipc_obj *o)
{
	ipc_uncharge(sizeof(struct msg_queue));
	free(msg_queue_of(o));
}

static int make_queue(struct ipc_ns *ns, struct msg_queue **out)
{
	struct msg_queue *q = NULL;
	int ret = ipc_charge(sizeof(*q));

	if (ret < 0)
		return ret;
	q = kzalloc(sizeof(*q));
	if (!q) {
		ipc_uncharge(sizeof(*q));
		return -ENOMEM;
	}
	ref_init(&q->o.ref);
	q->o.free = free_queue;
	q->ns = ns;
	q->ctime = ipc_now();
	q->qbytes = ns->lim.msgmnb;
	list_init(&q->messages);
	list_init(&q->receivers);
	list_init(&q->senders);
	*out = q;
	return 0;
}

static int charge_nothing(const struct ipc_get *g)
{
	(void)g;
	return 0;
}

static void uncharge_nothing(const struct ipc_get *g)
{
	(void)g;
}

int msg_get(int32_t key, uint32_t flags)
{
	struct ipc_ns *ns = task_ipc(current_task());
	struct msg_queue *q = NULL;
	struct ipc_get g = { .ns = ns,
			     .kind = IPC_MSG,
			     .key = key,
			     .flags = flags,
			     .max_objs = ns->lim.msgmni,
			     .charge = charge_nothing,
			     .uncharge = uncharge_nothing };
	int ret;

	if (key == LINUX_IPC_PRIVATE || (flags & LINUX_IPC_CREAT))
		g.fresh_error = make_queue(ns, &q);
	g.fresh = q ? &q->o : NULL;
	ret = ipc_get(&g);
	if (g.fresh)
		ipc_obj_put(g.fresh);
	return ret;
}

void msg_wake_all(struct list *waits, int status)
{
	struct msg_wait *w, *tmp;

	list_for_each_entry_safe (w, tmp, waits, node) {
		list_del(&w->node);
		w->status = status;
		task_wake(w->task);
	}
}

/* Lock held: empties and removes; the table's reference and @dead are the
 * caller's to drop. */
static void remove_locked(struct msg_queue *q, struct list *dead)
{
	msg_wake_all(&q->receivers, -EIDRM);
	msg_wake_all(&q->senders, -EIDRM);
	q->ns->msgs -= (uint32_t)q->qnum;
	q->ns->msg_bytes -= q->cbytes;
	list_splice(&q->messages, dead);
	ipc_remove(ipc_ids_of(q->ns, IPC_MSG), &q->o);
}

static void free_all(struct list *dead)
{
	struct msg *m, *tmp;

	list_for_each_entry_safe (m, tmp, dead, node) {
		list_del(&m->node);
		msg_free(m);
	}
}

int msg_rmid(int32_t id)
{
	struct list dead = LIST_INIT(dead);
	struct ipc_ids *ids = own_ids();
	struct msg_queue *q = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = msg_find(id, &q);
	if (ret == 0)
		ret = ipc_may_control(q->ns, &q->o);
	if (ret == 0)
		remove_locked(q, &dead);
	mutex_unlock(&ids->mu);
	free_all(&dead);
	if (ret == 0)
		ipc_obj_put(&q->o);
	return ret;
}

void msg_end(struct ipc_ns *ns)
{
	struct ipc_ids *ids = ipc_ids_of(ns, IPC_MSG);
	struct list dead = LIST_INIT(dead);

	for (uint32_t i = 0; i < ids->nr_slots; i++) {
		struct ipc_obj *o = ids->obj[i];

		if (!o)
			continue;
		remove_locked(msg_queue_of(o), &dead);
		ipc_obj_put(o);
	}
	free_all(&dead);
}

/* --- choosing ------------------------------------------------------------- */

static bool wants(const struct msg_wait *w, const struct msg *m)
{
	switch (w->mode) {
	case MSG_ANY:
	case MSG_NUMBER:
		return true;
	case MSG_EQUAL:
		return m->type == w->type;
	case MSG_NOT:
		return m->type != w->type;
	case MSG_UP_TO:
		return m->type <= w->type;
	}
	return false;
}

/* The message that @w takes, or NULL. */
static struct msg *choose(struct msg_queue *q, const struct msg_wait *w)
{
	struct msg *m, *best = NULL;
	int64_t nr = 0;

	list_for_each_entry (m, &q->messages, node) {
		if (!wants(w, m) || (w->mode == MSG_NUMBER && nr++ != w->type))
			continue;
		if (w->mode != MSG_UP_TO)
			return m;
		if (!best || m->type < best->type)
			best = m;
	}
	return best;
}

/* Lock held.  Hands @m to the first receiver that waits for it. */
static bool hand_over(struct msg_queue *q, struct msg *m)
{
	struct msg_wait *w, *tmp;

	list_for_each_entry_safe (w, tmp, &q->receivers, node) {
		if (!wants(w, m))
			continue;
		list_del(&w->node);
		w->status = w->size < m->size ? -E2BIG : 0;
		if (w->status == 0) {
			w->msg = m;
			q->lrpid = w->task->group->tgid;
			q->rtime = ipc_now();
		}
		task_wake(w->task);
		if (w->status == 0)
			return true;
	}
	return false;
}

/* Sleeps in a list of @q, which the caller holds; the status of @w. */
static int wait_done(struct ipc_ids *ids, struct msg_wait *w)
{
	struct task_waiter tw;
	int ret, status;

	task_waiter_init(&tw, w->task);
	do {
		ret = task_sleep(&tw, NO_DEADLINE);
		mutex_lock(&ids->mu);
		if (w->status == MSG_WAITING && ret < 0) {
			list_del(&w->node);
			w->status = -ERESTARTNOHAND;
		}
		status = w->status;
		mutex_unlock(&ids->mu);
	} while (status == MSG_WAITING);
	return status;
}

static void enqueue(struct list *to, struct msg_wait *w, struct msg_queue *q)
{
	w->status = MSG_WAITING;
	w->task = current_task();
	list_append(to, &w->node);
	ref_get(&q->o.ref);
}

/* --- msgsnd(2) ------------------------------------------------------------ */

/* Lock held.  0: sent; MSG_WAITING: queued, *out with a reference. */
static int send_locked(int32_t id, struct msg *m, uint32_t flags,
		       struct msg_wait *w, struct msg_queue **out)
{
	struct msg_queue *q = NULL;
	int ret = msg_find(id, &q);

	if (ret == 0)
		ret = ipc_permission(q->ns, &q->o, 0222);
	if (ret < 0)
		return ret;
	if (m->size + q->cbytes > q->qbytes || q->qnum + 1 > q->qbytes) {
		if (flags & LINUX_IPC_NOWAIT)
			return -EAGAIN;
		enqueue(&q->senders, w, q);
		*out = q;
		return MSG_WAITING;
	}
	q->lspid = ipc_pid();
	q->stime = ipc_now();
	if (hand_over(q, m))
		return 0;
	list_append(&q->messages, &m->node);
	q->cbytes += m->size;
	q->qnum++;
	q->ns->msgs++;
	q->ns->msg_bytes += m->size;
	return 0;
}

/* Sends @m, which is taken over with success. */
static int send(int32_t id, struct msg *m, uint32_t flags)
{
	struct ipc_ids *ids = own_ids();
	struct msg_wait w = { .msg = NULL };
	struct msg_queue *q = NULL;
	int ret;

	list_init(&w.node);
	for (;;) {
		mutex_lock(&ids->mu);
		ret = send_locked(id, m, flags, &w, &q);
		mutex_unlock(&ids->mu);
		if (ret != MSG_WAITING)
			return ret;
		ret = wait_done(ids, &w);
		ipc_obj_put(&q->o);
		if (ret != -EAGAIN)
			return ret;
	}
}

int msg_send(int32_t id, int64_t type, uaddr_t text, uint64_t size,
	     uint32_t flags)
{
	struct msg *m;
	int ret;

	if (id < 0 || size > task_ipc(current_task())->lim.msgmax || type < 1)
		return -EINVAL;
	ret = msg_new(size, &m);
	if (ret < 0)
		return ret;
	m->type = type;
	ret = copy_in(m->data, text, size);
	if (ret == 0)
		ret = send(id, m, flags);
	if (ret < 0)
		msg_free(m);
	return ret;
}

/* --- msgrcv(2) ------------------------------------------------------------ */

static void set_mode(struct msg_wait *w, int64_t type, uint32_t flags)
{
	w->type = type;
	if (flags & LINUX_MSG_COPY) {
		w->mode = MSG_NUMBER;
	} else if (type == 0) {
		w->mode = MSG_ANY;
	} else if (type < 0) {
		w->mode = MSG_UP_TO;
		w->type = type == INT64_MIN ? INT64_MAX : -type;
	} else {
		w->mode = flags & LINUX_MSG_EXCEPT ? MSG_NOT : MSG_EQUAL;
	}
}

/* Lock held: @m leaves the queue. */
static void dequeue(struct msg_queue *q, struct msg *m)
{
	list_del(&m->node);
	q->qnum--;
	q->cbytes -= m->size;
	q->ns->msgs--;
	q->ns->msg_bytes -= m->size;
	q->rtime = ipc_now();
	q->lrpid = ipc_pid();
	msg_wake_all(&q->senders, -EAGAIN);
}

/* MSG_COPY: into w->msg, which has room for w->size. */
static int copy_message(struct msg_wait *w, const struct msg *m)
{
	if (m->size > w->msg->size)
		return -EINVAL;
	w->msg->type = m->type;
	memcpy(w->msg->data, m->data, m->size);
	w->size = m->size;
	return 0;
}

/* Lock held.  0 with w->msg; MSG_WAITING: queued, *out with a reference. */
static int receive_locked(int32_t id, struct msg_wait *w, uint32_t flags,
			  struct msg_queue **out)
{
	struct msg_queue *q = NULL;
	struct msg *m;
	int ret = msg_find(id, &q);

	if (ret == 0)
		ret = ipc_permission(q->ns, &q->o, 0444);
	if (ret < 0)
		return ret;
	m = choose(q, w);
	if (m) {
		if (w->size < m->size)
			return -E2BIG;
		if (w->mode == MSG_NUMBER)
			return copy_message(w, m);
		dequeue(q, m);
		w->msg = m;
		return 0;
	}
	if (flags & LINUX_IPC_NOWAIT)
		return -ENOMSG;
	enqueue(&q->receivers, w, q);
	*out = q;
	return MSG_WAITING;
}

static int receive(int32_t id, struct msg_wait *w, uint32_t flags)
{
	struct ipc_ids *ids = own_ids();
	struct msg_queue *q = NULL;
	int ret;

	list_init(&w->node);
	for (;;) {
		mutex_lock(&ids->mu);
		ret = receive_locked(id, w, flags, &q);
		mutex_unlock(&ids->mu);
		if (ret != MSG_WAITING)
			return ret;
		ret = wait_done(ids, w);
		ipc_obj_put(&q->o);
		if (ret != -EAGAIN)
			return ret;
	}
}

static long to_guest(uaddr_t buf, const struct msg *m, uint64_t size)
{
	if (copy_out(buf, &m->type, sizeof(m->type)) < 0 ||
	    copy_out(uaddr_add(buf, 8), m->data, size) < 0)
		return -EFAULT;
	return (long)size;
}

long msg_receive(int32_t id, uaddr_t buf, uint64_t size, int64_t type,
		 uint32_t flags)
{
	struct msg_wait w = { .size = flags & LINUX_MSG_NOERROR ? INT64_MAX
								: size };
	bool copy = flags & LINUX_MSG_COPY;
	long ret;

	if (id < 0 || (int64_t)size < 0)
		return -EINVAL;
	if (copy && ((flags & LINUX_MSG_EXCEPT) || !(flags & LINUX_IPC_NOWAIT)))
		return -EINVAL;
	set_mode(&w, type, flags);
	if (copy) {
		ret = msg_new(MIN(size, task_ipc(current_task())->lim.msgmax),
			      &w.msg);
		if (ret < 0)
			return ret;
	}
	ret = receive(id, &w, flags);
	if (ret == 0)
		ret = to_guest(buf, w.msg,
			       MIN(size, copy ? w.size : w.msg->size));
	msg_free(w.msg);
	return ret;
}
