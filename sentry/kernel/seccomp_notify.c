/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_notify: a process that answers system calls of others in the
 * kernel's place, seccomp_unotify(2).
 *
 * A call that waits is a struct request on its task's stack, in the list of
 * the listener's queue: INIT until it was received, SENT until it was answered
 * or the task gave up.  The queue outlives the listener's file and the filter,
 * whichever is last.
 *
 * Invariant: requests are in the list as long as their task waits; state and
 *            answer change under n->mu.  An addfd is owned by its ioctl and,
 *            while queued, by the request.
 * Locks:     n->mu (LOCK_SECCOMP), never held while a descriptor is put into a
 *            table: what is closed for it may be another listener.
 * Linux:     kernel/seccomp.c of 6.18.
 * Tests:     tests/conformance/seccomp_notify.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/host/host.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/seccomp.h"
#include "sentry/kernel/task_private.h"
#include "sentry/vfs/vfs.h"

#define EVENTS_IN  (LINUX_POLLIN | LINUX_POLLRDNORM)
#define EVENTS_OUT (LINUX_POLLOUT | LINUX_POLLWRNORM)

enum request_state { REQUEST_INIT, REQUEST_SENT, REQUEST_REPLIED };

struct request {
	struct list node; /* in seccomp_notify.requests */
	struct task *task;
	const struct linux_seccomp_data *data;
	uint64_t id;
	enum request_state state;
	bool killable;
	int32_t error;
	int64_t val;
	uint32_t flags;
	struct list addfds;
};

/* A descriptor on its way into the table of the task that waits. */
struct addfd {
	struct refcount ref;
	struct list node;
	struct task *sender; /* woken when it is done; valid while it waits */
	struct file *file;   /* +1 */
	struct linux_seccomp_notif_addfd arg;
	enum { ADDFD_QUEUED, ADDFD_TAKEN, ADDFD_DONE } state;
	int result;
};

struct seccomp_notify {
	struct refcount ref;
	struct mutex mu;      /* LOCK_SECCOMP */
	bool closed;	      /* the listener is gone; mu */
	bool no_users;	      /* no task has the filter; mu */
	uint32_t nr_new;      /* wake-ups that RECV may take; mu */
	uint64_t next_id;     /* mu */
	struct list requests; /* mu */
	struct waitq wq;      /* RECV and poll */
};

int seccomp_notify_new(struct seccomp_notify **out)
{
	struct seccomp_notify *n = kzalloc(sizeof(*n));

	if (!n)
		return -ENOMEM;
	if (host_getrandom(&n->next_id, sizeof(n->next_id)) < 0)
		n->next_id = 1;
	ref_init(&n->ref);
	mutex_init(&n->mu, LOCK_SECCOMP);
	list_init(&n->requests);
	waitq_init(&n->wq);
	*out = n;
	return 0;
}

void seccomp_notify_put(struct seccomp_notify *n)
{
	if (!ref_put(&n->ref))
		return;
	waitq_fini(&n->wq);
	free(n);
}

void seccomp_notify_no_users(struct seccomp_notify *n)
{
	mutex_lock(&n->mu);
	n->no_users = true;
	mutex_unlock(&n->mu);
	waitq_wake_nr(&n->wq, LINUX_POLLHUP, UINT32_MAX);
}

bool seccomp_notify_closed(struct seccomp_notify *n)
{
	bool closed;

	mutex_lock(&n->mu);
	closed = n->closed;
	mutex_unlock(&n->mu);
	return closed;
}

/* --- addfd ---------------------------------------------------------------- */

static void addfd_put(struct addfd *a)
{
	if (!ref_put(&a->ref))
		return;
	file_put(a->file);
	free(a);
}

/* Ends @a, which is in no list any more; the queue's reference goes. */
static void addfd_done_locked(struct addfd *a, int result)
{
	a->state = ADDFD_DONE;
	a->result = result;
	if (a->sender)
		task_wake(a->sender);
}

static int addfd_install(struct task *t, const struct addfd *a)
{
	bool cloexec = a->arg.newfd_flags & LINUX_O_CLOEXEC;

	if (a->arg.flags & LINUX_SECCOMP_ADDFD_FLAG_SETFD)
		return fd_table_replace(t->fds, (int)a->arg.newfd, a->file,
					cloexec);
	return fd_table_install(t->fds, a->file, cloexec);
}

/* n->mu is held, and dropped meanwhile. */
NO_LOCK_CHECK static void take_addfd(struct seccomp_notify *n,
				     struct request *r)
{
	struct addfd *a = list_first(&r->addfds, struct addfd, node);
	int fd;

	list_del(&a->node);
	a->state = ADDFD_TAKEN;
	mutex_unlock(&n->mu);
	fd = addfd_install(r->task, a);
	mutex_lock(&n->mu);
	if (a->arg.flags & LINUX_SECCOMP_ADDFD_FLAG_SEND) {
		if (fd < 0) {
			r->state = REQUEST_SENT; /* the listener may go on */
		} else {
			r->flags = 0;
			r->error = 0;
			r->val = fd;
		}
	}
	addfd_done_locked(a, fd);
	mutex_unlock(&n->mu);
	addfd_put(a); /* may close the file */
	mutex_lock(&n->mu);
}

static void drop_addfds(struct seccomp_notify *n, struct request *r)
{
	struct addfd *a;

	for (;;) {
		mutex_lock(&n->mu);
		a = list_first(&r->addfds, struct addfd, node);
		if (a) {
			list_del(&a->node);
			addfd_done_locked(a, -ESRCH);
		}
		mutex_unlock(&n->mu);
		if (!a)
			return;
		addfd_put(a);
	}
}

/* --- the task that asks --------------------------------------------------- */

static int sleep_for(struct seccomp_notify *n, struct request *r)
{
	struct task_waiter w;
	bool killable;
	int ret;

	task_waiter_init(&w, r->task);
	mutex_lock(&n->mu);
	killable = r->killable && r->state >= REQUEST_SENT;
	mutex_unlock(&n->mu);
	if (killable)
		return task_sleep_killable(&w, NO_DEADLINE);
	ret = task_sleep(&w, NO_DEADLINE);
	if (ret < 0) {
		/* It may have been received in this moment. */
		mutex_lock(&n->mu);
		killable = r->killable && r->state >= REQUEST_SENT;
		mutex_unlock(&n->mu);
		if (killable && !task_fatal_signal_pending(r->task))
			return 0;
	}
	return ret;
}

/* 0 once it is answered. */
static int wait_answer(struct seccomp_notify *n, struct request *r)
{
	int ret = 0;

	for (;;) {
		bool replied;

		mutex_lock(&n->mu);
		while (!list_empty(&r->addfds))
			take_addfd(n, r);
		replied = r->state == REQUEST_REPLIED;
		mutex_unlock(&n->mu);
		if (replied)
			return 0;
		if (ret < 0)
			return ret;
		ret = sleep_for(n, r);
	}
}

int seccomp_notify_ask(struct seccomp_notify *n, struct task *t,
		       const struct linux_seccomp_data *data, bool killable,
		       int64_t *out_result)
{
	struct request r = { .task = t, .data = data, .killable = killable };
	int ret;

	list_init(&r.addfds);
	mutex_lock(&n->mu);
	if (n->closed) {
		mutex_unlock(&n->mu);
		*out_result = -ENOSYS;
		return 0;
	}
	r.id = n->next_id++;
	list_append(&n->requests, &r.node);
	n->nr_new++;
	mutex_unlock(&n->mu);
	waitq_wake(&n->wq, EVENTS_IN);
	ret = wait_answer(n, &r);
	mutex_lock(&n->mu);
	list_del(&r.node);
	mutex_unlock(&n->mu);
	drop_addfds(n, &r);
	if (ret < 0)
		return ret;
	if (r.flags & LINUX_SECCOMP_USER_NOTIF_FLAG_CONTINUE)
		return 1;
	*out_result = r.error ? r.error : r.val;
	return 0;
}

/* --- the listener --------------------------------------------------------- */

static struct request *find_locked(struct seccomp_notify *n, uint64_t id)
{
	struct request *r;

	list_for_each_entry (r, &n->requests, node)
		if (r->id == id)
			return r;
	return NULL;
}

static struct request *find_state_locked(struct seccomp_notify *n,
					 enum request_state state)
{
	struct request *r;

	list_for_each_entry (r, &n->requests, node)
		if (r->state == state)
			return r;
	return NULL;
}

/*
 * -EAGAIN: nothing yet.  A wake-up whose request has gone meanwhile is ENOENT,
 * as one that poll has promised must not block.
 */
static int try_recv(struct seccomp_notify *n, struct linux_seccomp_notif *out)
{
	struct request *r = NULL;
	int ret = -EAGAIN;

	mutex_lock(&n->mu);
	if (n->no_users || n->nr_new > 0) {
		if (n->nr_new > 0)
			n->nr_new--;
		ret = -ENOENT;
		r = find_state_locked(n, REQUEST_INIT);
	}
	if (r) {
		ret = 0;
		out->id = r->id;
		out->pid = r->task->tid;
		out->data = *r->data;
		r->state = REQUEST_SENT;
		if (r->killable)
			task_wake(r->task); /* sleeps another way from now */
	}
	mutex_unlock(&n->mu);
	return ret;
}

static int wait_recv(struct seccomp_notify *n, struct linux_seccomp_notif *out)
{
	struct task_waiter w;
	int ret;

	task_waiter_init(&w, current_task());
	w.waiter.exclusive = true;
	waitq_add(&n->wq, &w.waiter, EVENTS_IN | LINUX_POLLHUP);
	for (;;) {
		ret = try_recv(n, out);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

/* The listener could not be told of @id: it is new again. */
static void undo_recv(struct seccomp_notify *n, uint64_t id)
{
	struct request *r;

	mutex_lock(&n->mu);
	r = find_locked(n, id);
	if (r) {
		r->state = REQUEST_INIT;
		n->nr_new++;
		task_wake(r->task);
	}
	mutex_unlock(&n->mu);
	if (r)
		waitq_wake(&n->wq, EVENTS_IN);
}

static long ioctl_recv(struct seccomp_notify *n, uint64_t arg)
{
	static const struct linux_seccomp_notif zero;
	struct linux_seccomp_notif notif;
	int ret;

	if (copy_in(&notif, uaddr(arg), sizeof(notif)) < 0)
		return -EFAULT;
	if (memcmp(&notif, &zero, sizeof(notif)) != 0)
		return -EINVAL;
	ret = wait_recv(n, &notif);
	if (ret < 0)
		return ret;
	notif.pid = pid_to_guest(notif.pid);
	waitq_wake(&n->wq, EVENTS_OUT);
	if (copy_out(uaddr(arg), &notif, sizeof(notif)) < 0) {
		undo_recv(n, notif.id);
		return -EFAULT;
	}
	return 0;
}

static long ioctl_send(struct seccomp_notify *n, uint64_t arg)
{
	struct linux_seccomp_notif_resp resp;
	struct request *r;
	long ret = -ENOENT;

	if (copy_in(&resp, uaddr(arg), sizeof(resp)) < 0)
		return -EFAULT;
	if (resp.flags & ~LINUX_SECCOMP_USER_NOTIF_FLAG_CONTINUE)
		return -EINVAL;
	if (resp.flags && (resp.error || resp.val))
		return -EINVAL;
	mutex_lock(&n->mu);
	r = find_locked(n, resp.id);
	if (r && r->state != REQUEST_SENT) {
		ret = -EINPROGRESS;
	} else if (r) {
		ret = 0;
		r->state = REQUEST_REPLIED;
		r->error = resp.error;
		r->val = resp.val;
		r->flags = resp.flags;
		task_wake(r->task);
	}
	mutex_unlock(&n->mu);
	return ret;
}

static long ioctl_id_valid(struct seccomp_notify *n, uint64_t arg)
{
	struct request *r;
	uint64_t id;
	long ret;

	if (copy_in(&id, uaddr(arg), sizeof(id)) < 0)
		return -EFAULT;
	mutex_lock(&n->mu);
	r = find_locked(n, id);
	ret = r && r->state == REQUEST_SENT ? 0 : -ENOENT;
	mutex_unlock(&n->mu);
	return ret;
}

/* The struct may be longer than ours if the rest is zero. */
static int addfd_copy_in(struct linux_seccomp_notif_addfd *arg, uint64_t addr,
			 uint32_t size)
{
	const uint32_t flags =
		LINUX_SECCOMP_ADDFD_FLAG_SETFD | LINUX_SECCOMP_ADDFD_FLAG_SEND;
	int ret;

	if (size < sizeof(*arg) || size >= PAGE_SIZE)
		return -EINVAL;
	ret = copy_in_struct(arg, sizeof(*arg), uaddr(addr), size);
	if (ret < 0)
		return ret;
	if (arg->newfd_flags & ~(uint32_t)LINUX_O_CLOEXEC)
		return -EINVAL;
	if (arg->flags & ~flags)
		return -EINVAL;
	if (arg->newfd && !(arg->flags & LINUX_SECCOMP_ADDFD_FLAG_SETFD))
		return -EINVAL;
	return 0;
}

static int addfd_queue(struct seccomp_notify *n, struct addfd *a)
{
	struct request *r;
	int ret = 0;

	mutex_lock(&n->mu);
	r = find_locked(n, a->arg.id);
	if (!r)
		ret = -ENOENT;
	else if (r->state != REQUEST_SENT)
		ret = -EINPROGRESS;
	else if (a->arg.flags & LINUX_SECCOMP_ADDFD_FLAG_SEND)
		/* An answer, so nothing may come after it. */
		ret = list_empty(&r->addfds) ? 0 : -EBUSY;
	if (ret == 0) {
		if (a->arg.flags & LINUX_SECCOMP_ADDFD_FLAG_SEND)
			r->state = REQUEST_REPLIED;
		ref_get(&a->ref);
		list_push(&r->addfds, &a->node);
		task_wake(r->task);
	}
	mutex_unlock(&n->mu);
	return ret;
}

/* Takes @a back if nobody has it yet; its state then and now. */
static int addfd_cancel(struct seccomp_notify *n, struct addfd *a)
{
	bool mine = false;
	int state;

	mutex_lock(&n->mu);
	state = a->state;
	if (state == ADDFD_QUEUED) {
		list_del(&a->node);
		a->state = ADDFD_DONE;
		a->sender = NULL;
		mine = true;
	}
	mutex_unlock(&n->mu);
	if (mine)
		addfd_put(a);
	return state;
}

static long addfd_wait(struct seccomp_notify *n, struct addfd *a)
{
	struct task_waiter w;
	bool done = false, taken = false;
	int ret = 0;

	task_waiter_init(&w, current_task());
	for (;;) {
		mutex_lock(&n->mu);
		done = a->state == ADDFD_DONE;
		if (done || ret < 0)
			a->sender = NULL;
		mutex_unlock(&n->mu);
		if (done)
			return a->result;
		if (ret < 0)
			return ret;
		if (taken) /* it ends soon, whatever signals come */
			ret = task_sleep_killable(&w, NO_DEADLINE);
		else if (task_sleep(&w, NO_DEADLINE) < 0) {
			if (addfd_cancel(n, a) == ADDFD_QUEUED)
				return -ERESTARTSYS;
			taken = true;
		}
	}
}

static long ioctl_addfd(struct seccomp_notify *n, uint64_t arg, uint32_t size)
{
	struct linux_seccomp_notif_addfd in;
	struct addfd *a;
	long ret = addfd_copy_in(&in, arg, size);

	if (ret < 0)
		return ret;
	a = kzalloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	ref_init(&a->ref);
	list_init(&a->node);
	a->arg = in;
	a->sender = current_task();
	a->file = current_file((int)in.srcfd);
	if (!a->file) {
		free(a);
		return -EBADF;
	}
	ret = addfd_queue(n, a);
	if (ret == 0)
		ret = addfd_wait(n, a);
	addfd_put(a);
	return ret;
}

static long notify_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct seccomp_notify *n = f->priv;

	switch (cmd) {
	case LINUX_SECCOMP_IOCTL_NOTIF_RECV:
		return ioctl_recv(n, arg);
	case LINUX_SECCOMP_IOCTL_NOTIF_SEND:
		return ioctl_send(n, arg);
	case LINUX_SECCOMP_IOCTL_NOTIF_ID_VALID:
	case LINUX_SECCOMP_IOCTL_NOTIF_ID_VALID_OLD:
		return ioctl_id_valid(n, arg);
	case LINUX_SECCOMP_IOCTL_NOTIF_SET_FLAGS:
		/* Where the wake-up runs is the platform's to choose. */
		return arg & ~LINUX_SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP ? -EINVAL
								       : 0;
	}
	if (LINUX_IOC_WITHOUT_SIZE(cmd) ==
	    LINUX_IOC_WITHOUT_SIZE(LINUX_SECCOMP_IOCTL_NOTIF_ADDFD))
		return ioctl_addfd(n, arg, LINUX_IOC_SIZE(cmd));
	return -EINVAL;
}

static uint32_t notify_poll(struct file *f, struct poll_table *pt)
{
	struct seccomp_notify *n = f->priv;
	uint32_t events = 0;

	poll_wait(pt, &n->wq);
	mutex_lock(&n->mu);
	if (find_state_locked(n, REQUEST_INIT))
		events |= EVENTS_IN;
	if (find_state_locked(n, REQUEST_SENT))
		events |= EVENTS_OUT;
	if (n->no_users)
		events |= LINUX_POLLHUP;
	mutex_unlock(&n->mu);
	return events;
}

/* Nobody answers any more: ENOSYS for those who wait. */
static void notify_release(struct file *f)
{
	struct seccomp_notify *n = f->priv;
	struct request *r;

	mutex_lock(&n->mu);
	n->closed = true;
	list_for_each_entry (r, &n->requests, node) {
		if (r->state == REQUEST_REPLIED)
			continue;
		r->state = REQUEST_REPLIED;
		r->error = -ENOSYS;
		r->val = 0;
		task_wake(r->task);
	}
	mutex_unlock(&n->mu);
	seccomp_notify_put(n);
}

static const struct file_ops notify_ops = {
	.name = "seccomp notify",
	.ioctl = notify_ioctl,
	.poll = notify_poll,
	.release = notify_release,
};

int seccomp_notify_file(struct seccomp_notify *n, struct file **out)
{
	int ret = file_new_anon("anon_inode:seccomp notify", &notify_ops, n,
				0600, LINUX_O_RDWR, out);

	if (ret == 0)
		ref_get(&n->ref);
	return ret;
}
