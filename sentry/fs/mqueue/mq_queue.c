/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mq_queue: one message queue: sending, receiving, notification.
 *
 * Who finds nobody to hand over to waits in a list; the other side carries
 * out its call and wakes it.
 *
 * Invariant: no receiver waits while there are messages; no sender waits while
 *            there is room.
 * Locks:     mq->mu; signals go out after it.
 * Linux:     ipc/mqueue.c of 6.18; waiters are served in order of arrival,
 *            whatever their priority.  No SIGEV_THREAD (it needs a netlink
 *            socket).
 * Tests:     tests/conformance/mqueue.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "sentry/fs/mqueue/mq.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/namei.h"

#define HARD_MSGS     65536
#define HARD_MSGSIZE  (16 << 20)
#define FILE_SIZE     80
#define MSG_OVERHEAD  48 /* as Linux charges for a message, and a priority */
#define TREE_OVERHEAD 48

/* --- life ----------------------------------------------------------------- */

static int check_attr(const struct ipc_limits *l, const struct linux_mq_attr *a)
{
	bool strong = capable(CAP_NR_SYS_RESOURCE);
	int64_t msgs = strong ? HARD_MSGS : l->mq_msg;
	int64_t size = strong ? HARD_MSGSIZE : l->mq_msgsize;

	if (a->maxmsg <= 0 || a->msgsize <= 0 || a->maxmsg > msgs ||
	    a->msgsize > size)
		return -EINVAL;
	return 0;
}

/* RLIMIT_MSGQUEUE of the task's user. */
static int charge(struct mq *mq, const struct linux_mq_attr *a)
{
	struct task *t = current_task();
	uint64_t limit = task_rlimit(t, RLIM_MSGQUEUE), old;
	uint64_t msgs = (uint64_t)a->maxmsg;
	uint64_t size = msgs * MSG_OVERHEAD +
			MIN(msgs, LINUX_MQ_PRIO_MAX) * TREE_OVERHEAD +
			msgs * (uint64_t)a->msgsize;

	old = atomic_load(&t->cred->user->mq_bytes);
	do {
		if (size > limit || old > limit - size)
			return -EMFILE;
	} while (!atomic_compare_exchange_weak(&t->cred->user->mq_bytes, &old,
					       old + size));
	mq->user = t->cred->user;
	user_acct_get(mq->user);
	mq->charged = size;
	return 0;
}

static const struct inode_ops mq_iops = {
	.open = mq_open_file,
	.evict = mq_evict,
};

int mq_new(struct mqfs *fs, uint32_t mode, uint32_t uid, uint32_t gid,
	   const struct linux_mq_attr *attr, struct mq **out)
{
	const struct ipc_limits *l = &task_ipc(current_task())->lim;
	struct linux_mq_attr def = {
		.maxmsg = MIN(l->mq_msg, l->mq_msg_default),
		.msgsize = MIN(l->mq_msgsize, l->mq_msgsize_default),
	};
	AUTO_FREE struct mq *mq = kzalloc(sizeof(*mq));
	int ret = attr ? check_attr(l, attr) : 0;

	if (!mq)
		return -ENOMEM;
	if (!attr)
		attr = &def;
	if (ret == 0)
		ret = charge(mq, attr);
	if (ret < 0)
		return ret;
	super_get(&fs->sb);
	inode_init(&mq->i, &fs->sb, &mq_iops, ++fs->next_ino, mode);
	mq->i.uid = uid;
	mq->i.gid = gid;
	mq->i.size = FILE_SIZE;
	mq->i.atime = mq->i.mtime = mq->i.ctime = ktime_now();
	mutex_init(&mq->mu, LOCK_PIPE);
	mq->maxmsg = (uint64_t)attr->maxmsg;
	mq->msgsize = (uint64_t)attr->msgsize;
	list_init(&mq->messages);
	list_init(&mq->receivers);
	list_init(&mq->senders);
	waitq_init(&mq->wq);
	*out = take(mq);
	return 0;
}

static int msg_new(uint64_t size, struct mq_msg **out)
{
	struct mq_msg *m;
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

static void msg_free(struct mq_msg *m)
{
	if (!m)
		return;
	ipc_uncharge(sizeof(*m) + m->size);
	free(m);
}

void mq_evict(struct inode *i)
{
	struct mq *mq = mq_of(i);
	struct mq_msg *m, *tmp;

	list_for_each_entry_safe (m, tmp, &mq->messages, node) {
		list_del(&m->node);
		msg_free(m);
	}
	waitq_fini(&mq->wq);
	if (mq->notify)
		thread_group_put(mq->notify);
	atomic_fetch_sub(&mq->user->mq_bytes, mq->charged);
	user_acct_put(mq->user);
	super_put(i->sb);
}

/* --- messages (mu held) --------------------------------------------------- */

static void insert(struct mq *mq, struct mq_msg *m)
{
	struct list *at = mq->messages.prev;

	while (at != &mq->messages &&
	       list_entry(at, struct mq_msg, node)->prio < m->prio)
		at = at->prev;
	list_insert_between(&m->node, at, at->next);
	mq->nr++;
	mq->bytes += m->size;
}

static struct mq_msg *take_first(struct mq *mq)
{
	struct mq_msg *m = list_first(&mq->messages, struct mq_msg, node);

	if (!m)
		return NULL;
	list_del(&m->node);
	mq->nr--;
	mq->bytes -= m->size;
	return m;
}

/* The oldest of @waits has what it waited for. */
static struct mq_wait *finish_first(struct list *waits)
{
	struct mq_wait *w = list_first(waits, struct mq_wait, node);

	if (!w)
		return NULL;
	list_del(&w->node);
	w->done = true;
	task_wake(w->task);
	return w;
}

/* --- notification --------------------------------------------------------- */

struct notice {
	struct thread_group *tg; /* +1, NULL: nobody is told */
	struct linux_siginfo si;
};

/* mu held: whoever asked is told once. */
static void begin_notice(struct mq *mq, struct notice *n)
{
	struct thread_group *tg = take(mq->notify);

	n->tg = tg;
	if (!tg)
		return;
	memset(&n->si, 0, sizeof(n->si));
	if (mq->event.notify != LINUX_SIGEV_SIGNAL)
		return;
	n->si.signo = mq->event.signo;
	n->si.code = LINUX_SI_MESGQ;
	n->si.rt.value = mq->event.value;
}

/* No lock. */
static void send_notice(struct notice *n)
{
	struct task *t = current_task();

	if (!n->tg)
		return;
	if (n->si.signo) {
		n->si.rt.pid =
			(int32_t)pid_nr_in(t->group->tgid, n->tg->pid_ns);
		n->si.rt.uid = uid_to_guest(t->cred->uid);
		(void)signal_send_group(n->tg, &n->si);
	}
	thread_group_put(n->tg);
}

static int check_event(const struct linux_sigevent *ev)
{
	switch (ev->notify) {
	case LINUX_SIGEV_NONE:
		return 0;
	case LINUX_SIGEV_SIGNAL:
		return ev->signo < 0 || ev->signo > LINUX_NSIG ? -EINVAL : 0;
	case LINUX_SIGEV_THREAD:
		return -EBADF; /* .signo would be a netlink socket */
	default:
		return -EINVAL;
	}
}

int mqueue_notify(struct file *f, const struct linux_sigevent *ev)
{
	struct thread_group *me = current_task()->group, *old = NULL;
	int ret = ev ? check_event(ev) : 0;
	struct mq *mq;

	if (ret < 0)
		return ret;
	mq = mqueue_of_file(f);
	if (!mq)
		return -EBADF;
	mutex_lock(&mq->mu);
	if (!ev && mq->notify == me) {
		old = take(mq->notify);
	} else if (ev && mq->notify) {
		ret = -EBUSY;
	} else if (ev) {
		thread_group_get(me);
		mq->notify = me;
		mq->event = *ev;
	}
	mutex_unlock(&mq->mu);
	if (old)
		thread_group_put(old);
	return ret;
}

/* A descriptor is closed: as mq_notify(NULL). */
static int mq_flush(struct file *f)
{
	return mqueue_notify(f, NULL);
}

/* --- sending and receiving ------------------------------------------------ */

static int wait_done(struct mq *mq, struct mq_wait *w, uint64_t deadline)
{
	struct task_waiter tw;
	bool done;
	int ret;

	task_waiter_init(&tw, w->task);
	do {
		ret = task_sleep(
			&tw, deadline == NO_DEADLINE
				     ? NO_DEADLINE
				     : clock_realtime_to_monotonic(deadline));
		mutex_lock(&mq->mu);
		done = w->done;
		if (!done && ret < 0)
			list_del(&w->node);
		mutex_unlock(&mq->mu);
	} while (!done && ret == 0);
	return done ? 0 : ret;
}

static void enqueue(struct list *to, struct mq_wait *w, struct mq_msg *m)
{
	w->task = current_task();
	w->msg = m;
	w->done = false;
	list_append(to, &w->node);
}

/* mu held.  1: it has to wait. */
static int send_locked(struct mq *mq, struct file *f, struct mq_msg *m,
		       struct mq_wait *w, struct notice *n)
{
	struct mq_wait *r;

	if (mq->nr >= mq->maxmsg) {
		if (file_nonblock(f))
			return -EAGAIN;
		enqueue(&mq->senders, w, m);
		return 1;
	}
	r = finish_first(&mq->receivers);
	if (r) {
		r->msg = m;
		return 0;
	}
	insert(mq, m);
	if (mq->nr == 1)
		begin_notice(mq, n);
	return 0;
}

static int send(struct mq *mq, struct file *f, struct mq_msg *m,
		uint64_t deadline)
{
	struct notice n = { .tg = NULL };
	struct mq_wait w;
	int ret;

	mutex_lock(&mq->mu);
	ret = send_locked(mq, f, m, &w, &n);
	mutex_unlock(&mq->mu);
	send_notice(&n);
	if (ret > 0)
		return wait_done(mq, &w, deadline);
	if (ret == 0)
		waitq_wake(&mq->wq, LINUX_POLLIN | LINUX_POLLRDNORM);
	return ret;
}

int mqueue_send(struct file *f, uaddr_t text, uint64_t size, uint32_t prio,
		uint64_t deadline)
{
	struct mq *mq = mqueue_of_file(f);
	struct mq_msg *m;
	int ret;

	if (!mq || !file_writable(f))
		return -EBADF;
	if (size > mq->msgsize)
		return -EMSGSIZE;
	ret = msg_new(size, &m);
	if (ret < 0)
		return ret;
	m->prio = prio;
	ret = copy_in(m->data, text, size);
	if (ret == 0)
		ret = send(mq, f, m, deadline);
	if (ret < 0)
		msg_free(m);
	return ret;
}

/* mu held.  1: it has to wait. */
static int receive_locked(struct mq *mq, struct file *f, struct mq_wait *w)
{
	struct mq_wait *s;

	w->msg = take_first(mq);
	if (!w->msg) {
		if (file_nonblock(f))
			return -EAGAIN;
		enqueue(&mq->receivers, w, NULL);
		return 1;
	}
	s = finish_first(&mq->senders);
	if (s)
		insert(mq, s->msg);
	return 0;
}

long mqueue_receive(struct file *f, uaddr_t buf, uint64_t size, uint32_t *prio,
		    uint64_t deadline)
{
	struct mq *mq = mqueue_of_file(f);
	struct mq_wait w;
	long ret;

	if (!mq || !file_readable(f))
		return -EBADF;
	if (size < mq->msgsize)
		return -EMSGSIZE;
	mutex_lock(&mq->mu);
	ret = receive_locked(mq, f, &w);
	mutex_unlock(&mq->mu);
	if (ret > 0)
		ret = wait_done(mq, &w, deadline);
	if (ret < 0)
		return ret;
	waitq_wake(&mq->wq, LINUX_POLLOUT | LINUX_POLLWRNORM);
	*prio = w.msg->prio;
	ret = (long)w.msg->size;
	if (copy_out(buf, w.msg->data, w.msg->size) < 0)
		ret = -EFAULT;
	msg_free(w.msg);
	return ret;
}

/* --- the file ------------------------------------------------------------- */

void mqueue_attr(struct file *f, struct linux_mq_attr *out)
{
	struct mq *mq = mqueue_of_file(f);

	mutex_lock(&mq->mu);
	*out = (struct linux_mq_attr){
		.flags = f->flags & LINUX_O_NONBLOCK,
		.maxmsg = (int64_t)mq->maxmsg,
		.msgsize = (int64_t)mq->msgsize,
		.curmsgs = (int64_t)mq->nr,
	};
	mutex_unlock(&mq->mu);
}

static uint32_t mq_poll(struct file *f, struct poll_table *pt)
{
	struct mq *mq = mqueue_of_file(f);
	uint32_t events = 0;

	poll_wait(pt, &mq->wq);
	mutex_lock(&mq->mu);
	if (mq->nr)
		events |= LINUX_POLLIN | LINUX_POLLRDNORM;
	if (mq->nr < mq->maxmsg)
		events |= LINUX_POLLOUT | LINUX_POLLWRNORM;
	mutex_unlock(&mq->mu);
	return events;
}

/* A line about the queue; the messages have calls of their own. */
static long mq_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct mq *mq = mqueue_of_file(f);
	struct seq_buf s = { 0 };
	uint64_t bytes;
	int notify = 0, signo = 0;
	uint32_t pid = 0;
	long ret = 0;

	mutex_lock(&mq->mu);
	bytes = mq->bytes;
	if (mq->notify) {
		pid = mq->notify->tgid;
		notify = mq->event.notify;
		signo = notify == LINUX_SIGEV_SIGNAL ? mq->event.signo : 0;
	}
	mutex_unlock(&mq->mu);
	if (pid)
		pid = pid_to_guest(pid);
	seq_printf(&s, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6u\n",
		   bytes, notify, signo, pid);
	if (s.failed)
		ret = -ENOMEM;
	else if ((uint64_t)*pos < s.len)
		ret = uio_copy_out(u, s.data + *pos,
				   MIN(u->left, s.len - (size_t)*pos));
	seq_fini(&s);
	if (ret > 0)
		*pos += ret;
	return ret;
}

const struct file_ops mq_file_ops = {
	.name = "mqueue",
	.read = mq_read,
	.llseek = file_generic_llseek,
	.poll = mq_poll,
	.flush = mq_flush,
};

int mq_open_file(struct inode *i, struct file *f)
{
	(void)i;
	f->ops = &mq_file_ops;
	return 0;
}

struct mq *mqueue_of_file(const struct file *f)
{
	return f->ops == &mq_file_ops ? mq_of(f->inode) : NULL;
}
