/* SPDX-License-Identifier: Apache-2.0 */
/*
 * async: signal-driven I/O: O_ASYNC, FIOASYNC, and SIGURG.
 *
 * A file that wants signals queues waiters on its own poll queues.  Their
 * callbacks run under the queue's lock, where no signal can be sent: they note
 * the event and put the file on a list of the waking thread, which sends when
 * it holds no lock any more, at the latest before it sleeps or goes back to
 * the guest.  So the signal of a write(2) is there when the write returns.
 *
 * Invariant: a file_async is on at most one thread's list, as long as .queued.
 * Locks:     f->mu makes it; g_file_mu (LOCK_FILE) covers .file, so that a file
 *            that is going is not asked for its owner.
 * Linux:     fs/fcntl.c, kill_fasync() and its callers of 6.18.
 * Tests:     tests/conformance/sigio.c
 */
#include "sentry/vfs/async.h"

#include <errno.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/kernel/signal.h"
#include "sentry/vfs/leases.h"

#define MAX_QUEUES 4

/* si_code of SIGIO; also bits of file_async.events. */
enum { CODE_IN = 1, CODE_OUT, CODE_MSG, CODE_ERR, CODE_PRI, CODE_HUP };
#define EVENT(code) (1u << (code))

struct async_wait {
	struct waiter waiter;
	struct file_async *a;
};

struct file_async {
	struct refcount ref; /* the file's, and a list's */
	struct file *file;   /* g_file_mu; NULL once it is gone */
	IMMUTABLE int kind;  /* SIGIO_* */
	_Atomic int fd;
	_Atomic bool on; /* O_ASYNC */
	_Atomic bool queued;
	_Atomic uint32_t events;
	struct file_async *next; /* of the list, private to its thread */
	struct async_wait wait[MAX_QUEUES];
	uint32_t nr_waits;
};

static struct mutex g_file_mu = MUTEX_INIT(LOCK_FILE);
static _Thread_local struct file_async *tl_list;

static void async_put(struct file_async *a)
{
	if (ref_put(&a->ref))
		free(a);
}

/* --- noting --------------------------------------------------------------- */

/* What a wake-up with @events means to the owner: EVENT bits. */
static uint32_t meaning(int kind, uint32_t events)
{
	uint32_t out = 0;

	if (events & LINUX_POLLPRI)
		return EVENT(CODE_PRI);
	if (kind == SIGIO_SOCKET && (events & LINUX_POLLHUP))
		return EVENT(CODE_HUP);
	if (events & (LINUX_POLLIN | LINUX_POLLRDNORM))
		out |= EVENT(CODE_IN);
	/* A socket says WRBAND when it was full before. */
	if (events & (kind == SIGIO_SOCKET ? LINUX_POLLWRBAND
					   : LINUX_POLLOUT | LINUX_POLLWRNORM))
		out |= EVENT(CODE_OUT);
	return out;
}

static bool on_wake(struct waiter *w, uint32_t events)
{
	struct file_async *a = container_of(w, struct async_wait, waiter)->a;
	uint32_t add = meaning(a->kind, events);
	struct task *t = current_task();

	if (!atomic_load(&a->on))
		add &= EVENT(CODE_PRI);
	if (!add)
		return false;
	atomic_fetch_or(&a->events, add);
	if (atomic_exchange(&a->queued, true))
		return false;
	ref_get(&a->ref);
	a->next = tl_list;
	tl_list = a;
	if (t)
		atomic_fetch_or(&t->work, TASK_WORK_ASYNC);
	return false;
}

/* --- sending -------------------------------------------------------------- */

static void send_urgent(const struct file_owner *own)
{
	struct linux_siginfo si;

	if (own->pid <= 0)
		return;
	siginfo_kernel(&si, LINUX_SIGURG);
	(void)signal_send_owner(own->type, (uint32_t)own->pid, &si);
}

static void send_all(struct file_async *a, uint32_t events)
{
	struct file_owner own = { 0 };
	bool on = atomic_load(&a->on);

	mutex_lock(&g_file_mu);
	if (a->file)
		file_owner(a->file, &own);
	mutex_unlock(&g_file_mu);
	if (events & EVENT(CODE_PRI))
		send_urgent(&own);
	for (int code = CODE_IN; on && code <= CODE_HUP; code++)
		if (events & EVENT(code))
			file_owner_signal(&own, a->fd, code);
}

void file_async_flush(void)
{
	struct task *t = current_task();
	struct file_async *a;

	if (t)
		atomic_fetch_and(&t->work, ~(uint32_t)TASK_WORK_ASYNC);
	while ((a = tl_list) != NULL) {
		tl_list = a->next;
		/* In this order: a later event queues it anew. */
		atomic_store(&a->queued, false);
		send_all(a, atomic_exchange(&a->events, 0));
		async_put(a);
	}
}

/* --- setting up ----------------------------------------------------------- */

struct async_table {
	struct poll_table pt; /* first */
	struct file_async *a;
};

static void add_queue(struct poll_table *pt, struct waitq *q)
{
	struct file_async *a = container_of(pt, struct async_table, pt)->a;
	struct async_wait *w;

	if (a->nr_waits == MAX_QUEUES)
		return;
	w = &a->wait[a->nr_waits++];
	w->a = a;
	list_init(&w->waiter.node);
	w->waiter.wake = on_wake;
	waitq_add(q, &w->waiter, UINT32_MAX);
}

/* The file's, made if it has none; NULL: no memory. */
static struct file_async *async_of(struct file *f)
{
	struct async_table table = { { add_queue }, NULL };
	struct file_async *a = atomic_load(&f->async);

	if (a)
		return a;
	a = kzalloc(sizeof(*a));
	if (!a)
		return NULL;
	ref_init(&a->ref);
	a->file = f;
	a->kind = f->ops->sigio;
	a->fd = -1;
	mutex_lock(&f->mu);
	if (f->async) { /* somebody was faster */
		mutex_unlock(&f->mu);
		free(a);
		return f->async;
	}
	atomic_store(&f->async, a);
	mutex_unlock(&f->mu);
	table.a = a;
	(void)file_poll(f, &table.pt);
	return a;
}

int file_async_set(struct file *f, int fd, bool on)
{
	struct file_async *a;

	if (!f->ops->sigio || (!on && !f->async))
		return 0;
	a = async_of(f);
	if (!a)
		return -ENOMEM;
	if (on && a->kind == SIGIO_TTY)
		file_own_if_none(f);
	atomic_store(&a->fd, fd);
	atomic_store(&a->on, on);
	if (on)
		atomic_fetch_or(&f->flags, LINUX_O_ASYNC);
	else
		atomic_fetch_and(&f->flags, ~(uint32_t)LINUX_O_ASYNC);
	return 0;
}

int file_async_owned(struct file *f)
{
	if (f->ops->sigio != SIGIO_SOCKET) /* only they have urgent data */
		return 0;
	return async_of(f) ? 0 : -ENOMEM;
}

void file_async_gone(struct file *f)
{
	struct file_async *a = f->async;

	for (uint32_t i = 0; i < a->nr_waits; i++)
		waitq_del(&a->wait[i].waiter);
	mutex_lock(&g_file_mu);
	a->file = NULL;
	mutex_unlock(&g_file_mu);
	f->async = NULL;
	async_put(a);
}
