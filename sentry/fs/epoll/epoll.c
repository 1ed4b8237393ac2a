/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll: epoll(7) instances.
 *
 * An event of a watched file puts its item on the ready list, from the wait
 * queue's callback, and wakes one sleeper.  epoll_wait takes the whole list
 * aside, asks each file again, and puts level-triggered items back.  An item
 * leaves the list before its file is asked, so an event that comes later queues
 * it anew and none is lost:
 *
 *	epoll_wait			callback
 *	list_del(item)
 *	revents = file_poll()
 *					event, item not queued: append, wake
 *	(reported next time)
 *
 * Items hold no reference on their file, so that closing it ends the watch:
 * file_put() calls epoll_file_gone() before the file is released, and that
 * waits for ep->mu; whoever holds ep->mu may therefore use the files of its
 * items.  An item leaves its file's list last.
 *
 * Locks: tree lock > ep->mu (both LOCK_EPOLL_TREE) > locks of file_poll() >
 *	  LOCK_WAITQ > ready_mu, g_links_mu (LOCK_EPOLL_READY).  ep->mu is held
 *	  while events are copied to the guest, as Linux does, so that an event
 *	  that cannot be stored is not lost.
 * Tests: tests/unit/test_epoll.c, tests/conformance/epoll.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/fs/epoll/epoll_private.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/seq_buf.h"

#define PRIVATE_BITS                                              \
	(LINUX_EPOLLWAKEUP | LINUX_EPOLLONESHOT | LINUX_EPOLLET | \
	 LINUX_EPOLLEXCLUSIVE)
#define EXCLUSIVE_OK                                                    \
	(LINUX_POLLIN | LINUX_POLLOUT | LINUX_POLLERR | LINUX_POLLHUP | \
	 LINUX_EPOLLWAKEUP | LINUX_EPOLLET | LINUX_EPOLLEXCLUSIVE)
#define READY_EVENTS (LINUX_POLLIN | LINUX_POLLRDNORM)

/* As fs.epoll.max_user_watches. */
#define MAX_WATCHES 262144u
static _Atomic uint32_t g_nr_watches;

/* Covers file->epolls and the links of items in them. */
static struct mutex g_links_mu = MUTEX_INIT(LOCK_EPOLL_READY);

static const struct file_ops epoll_file_ops;

struct sleeper {
	struct list node; /* ready_mu */
	struct task *task;
};

static int compare(const struct epitem *a, const struct epitem *b)
{
	if (a->file != b->file)
		return (uintptr_t)a->file < (uintptr_t)b->file ? -1 : 1;
	return (a->fd > b->fd) - (a->fd < b->fd);
}

TREE_GENERATE(epitems, epitem, node, compare)

bool file_is_epoll(const struct file *f)
{
	return f->ops == &epoll_file_ops;
}

static void epoll_put(struct epoll *ep)
{
	if (!ref_put(&ep->ref))
		return;
	waitq_fini(&ep->poll_wq);
	free(ep);
}

/* --- the ready list ------------------------------------------------------- */

static bool wake_sleeper_locked(struct epoll *ep)
{
	struct sleeper *s = list_first(&ep->sleepers, struct sleeper, node);

	if (!s)
		return false;
	list_del(&s->node);
	task_wake(s->task);
	return true;
}

/* Queues @item if @events matter to it; *woken: somebody will look. */
static bool queue_item(struct epitem *item, uint32_t events, bool *woken)
{
	struct epoll *ep = item->ep;
	uint32_t want;
	bool matters;

	mutex_lock(&ep->ready_mu);
	want = item->events;
	matters = (want & ~PRIVATE_BITS) && (!events || (events & want));
	if (matters) {
		if (list_empty(&item->ready_node))
			list_append(&ep->ready, &item->ready_node);
		*woken = wake_sleeper_locked(ep);
	}
	mutex_unlock(&ep->ready_mu);
	return matters;
}

static bool on_event(struct waiter *w, uint32_t events)
{
	struct epitem *item = container_of(w, struct epwait, waiter)->item;
	bool woken = false;

	if (!queue_item(item, events, &woken))
		return false;
	if (item->ep->polled)
		waitq_wake_nested(&item->ep->poll_wq, READY_EVENTS);
	return woken || !w->exclusive;
}

/* Found ready outside of a callback (ADD, MOD). */
static void item_is_ready(struct epitem *item)
{
	bool woken = false;

	if (queue_item(item, 0, &woken) && item->ep->polled)
		waitq_wake(&item->ep->poll_wq, READY_EVENTS);
}

/* --- items ---------------------------------------------------------------- */

struct ep_table {
	struct poll_table pt; /* first */
	struct epitem *item;
	bool failed;
};

static void add_waiter(struct poll_table *pt, struct waitq *q)
{
	struct ep_table *table = container_of(pt, struct ep_table, pt);
	struct epwait *ew = kzalloc(sizeof(*ew));

	if (!ew) {
		table->failed = true;
		return;
	}
	ew->item = table->item;
	ew->next = table->item->waits;
	table->item->waits = ew;
	list_init(&ew->waiter.node);
	ew->waiter.wake = on_event;
	ew->waiter.exclusive = table->item->events & LINUX_EPOLLEXCLUSIVE;
	waitq_add(q, &ew->waiter, UINT32_MAX);
}

static void link_file(struct epitem *item)
{
	struct file *f = item->file;

	mutex_lock(&g_links_mu);
	item->file_next = f->epolls;
	if (item->file_next)
		item->file_next->file_prev = &item->file_next;
	item->file_prev = (struct epitem **)&f->epolls;
	f->epolls = item;
	mutex_unlock(&g_links_mu);
}

static void unlink_file(struct epitem *item)
{
	mutex_lock(&g_links_mu);
	*item->file_prev = item->file_next;
	if (item->file_next)
		item->file_next->file_prev = item->file_prev;
	mutex_unlock(&g_links_mu);
}

/* Caller holds ep->mu, and the tree lock if the item is an edge. */
static void remove_item(struct epitem *item)
{
	struct epoll *ep = item->ep;
	struct epwait *ew;

	while ((ew = item->waits) != NULL) {
		item->waits = ew->next;
		waitq_del(&ew->waiter);
		free(ew);
	}
	mutex_lock(&ep->ready_mu);
	list_del(&item->ready_node);
	mutex_unlock(&ep->ready_mu);
	RB_REMOVE(epitems, &ep->items, item);
	if (item->child)
		epoll_tree_del(item);
	unlink_file(item); /* now the file may go */
	thread_group_put(item->group);
	free(item);
	g_nr_watches--;
}

static struct epitem *find_item(struct epoll *ep, struct file *f, int fd)
{
	struct epitem key = { .file = f, .fd = fd };

	return RB_FIND(epitems, &ep->items, &key);
}

static struct epitem *new_item(struct epoll *ep, struct file *f, int fd,
			       const struct linux_epoll_event *ev)
{
	struct epitem *item = kzalloc(sizeof(*item));

	if (!item)
		return NULL;
	item->ep = ep;
	item->file = f;
	item->fd = fd;
	item->events = ev->events | LINUX_POLLERR | LINUX_POLLHUP;
	item->data = ev->data;
	item->child = file_is_epoll(f) ? epoll_of(f) : NULL;
	item->group = current_task()->group;
	thread_group_get(item->group);
	list_init(&item->ready_node);
	list_init(&item->down_node);
	list_init(&item->up_node);
	return item;
}

static int add_item(struct epoll *ep, struct file *f, int fd,
		    const struct linux_epoll_event *ev)
{
	struct ep_table table = { { add_waiter }, NULL, false };
	struct epitem *item;
	uint32_t events;

	if (g_nr_watches >= MAX_WATCHES)
		return -ENOSPC;
	item = new_item(ep, f, fd, ev);
	if (!item)
		return -ENOMEM;
	g_nr_watches++;
	RB_INSERT(epitems, &ep->items, item);
	link_file(item);
	if (item->child)
		epoll_tree_add(item);
	table.item = item;
	events = file_poll(f, &table.pt);
	if (table.failed) {
		remove_item(item);
		return -ENOMEM;
	}
	if (events & item->events)
		item_is_ready(item);
	return 0;
}

static int modify_item(struct epitem *item, const struct linux_epoll_event *ev)
{
	if (item->events & LINUX_EPOLLEXCLUSIVE)
		return -EINVAL;
	mutex_lock(&item->ep->ready_mu);
	item->events = ev->events | LINUX_POLLERR | LINUX_POLLHUP;
	mutex_unlock(&item->ep->ready_mu);
	item->data = ev->data;
	if (file_poll(item->file, NULL) & item->events)
		item_is_ready(item);
	return 0;
}

static int control_locked(struct epoll *ep, int op, struct file *f, int fd,
			  const struct linux_epoll_event *ev)
{
	struct epitem *item = find_item(ep, f, fd);

	switch (op) {
	case LINUX_EPOLL_CTL_ADD:
		return item ? -EEXIST : add_item(ep, f, fd, ev);
	case LINUX_EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		remove_item(item);
		return 0;
	case LINUX_EPOLL_CTL_MOD:
		return item ? modify_item(item, ev) : -ENOENT;
	default:
		return -EINVAL;
	}
}

/* What does not depend on the items; the order is Linux's. */
static int check_control(struct file *epf, int op, struct file *f,
			 const struct linux_epoll_event *ev)
{
	if (!f->ops || !f->ops->poll)
		return -EPERM;
	if (f == epf || !file_is_epoll(epf))
		return -EINVAL;
	if (op == LINUX_EPOLL_CTL_DEL || !(ev->events & LINUX_EPOLLEXCLUSIVE))
		return 0;
	if (op == LINUX_EPOLL_CTL_MOD)
		return -EINVAL;
	if (op == LINUX_EPOLL_CTL_ADD &&
	    (file_is_epoll(f) || (ev->events & ~EXCLUSIVE_OK)))
		return -EINVAL;
	return 0;
}

int epoll_control(struct file *epf, int op, struct file *f, int fd,
		  const struct linux_epoll_event *ev)
{
	bool nested = file_is_epoll(f);
	struct epoll *ep;
	int ret = check_control(epf, op, f, ev);

	if (ret < 0)
		return ret;
	ep = epoll_of(epf);
	if (nested)
		epoll_tree_lock();
	if (nested && op == LINUX_EPOLL_CTL_ADD)
		ret = epoll_tree_check(ep, epoll_of(f));
	mutex_lock_nested(&ep->mu);
	if (ret == 0)
		ret = control_locked(ep, op, f, fd, ev);
	mutex_unlock(&ep->mu);
	if (nested)
		epoll_tree_unlock();
	return ret;
}

/* --- a watched file is gone ----------------------------------------------- */

/* The first watcher of @f, +1 reference; NULL: none is left. */
static struct epoll *first_watcher(struct file *f)
{
	struct epoll *ep = NULL;
	struct epitem *item;

	mutex_lock(&g_links_mu);
	item = f->epolls;
	if (item) {
		ep = item->ep;
		ref_get(&ep->ref); /* it has items, so it lives */
	}
	mutex_unlock(&g_links_mu);
	return ep;
}

/* One item of @f in @ep; ep->mu keeps it. */
static struct epitem *item_of_file(struct epoll *ep, struct file *f)
{
	struct epitem *item;

	mutex_lock(&g_links_mu);
	item = f->epolls;
	while (item && item->ep != ep)
		item = item->file_next;
	mutex_unlock(&g_links_mu);
	return item;
}

void epoll_file_gone(struct file *f)
{
	bool nested = file_is_epoll(f);
	struct epitem *item;
	struct epoll *ep;

	while ((ep = first_watcher(f)) != NULL) {
		if (nested)
			epoll_tree_lock();
		mutex_lock_nested(&ep->mu);
		while ((item = item_of_file(ep, f)) != NULL)
			remove_item(item);
		mutex_unlock(&ep->mu);
		if (nested)
			epoll_tree_unlock();
		epoll_put(ep);
	}
}

/* --- waiting -------------------------------------------------------------- */

static void take_ready(struct epoll *ep, struct list *out)
{
	list_init(out);
	mutex_lock(&ep->ready_mu);
	list_splice(&ep->ready, out);
	mutex_unlock(&ep->ready_mu);
}

/* What is left in @rest goes to the front again; another sleeper may look. */
static void give_back(struct epoll *ep, struct list *rest)
{
	mutex_lock(&ep->ready_mu);
	list_splice(&ep->ready, rest);
	list_splice(rest, &ep->ready);
	if (!list_empty(&ep->ready))
		wake_sleeper_locked(ep);
	mutex_unlock(&ep->ready_mu);
}

static struct epitem *pop_item(struct epoll *ep, struct list *from)
{
	struct epitem *item;

	mutex_lock(&ep->ready_mu);
	item = list_first(from, struct epitem, ready_node);
	if (item)
		list_del(&item->ready_node);
	mutex_unlock(&ep->ready_mu);
	return item;
}

static void requeue(struct epitem *item, struct list *at, bool front)
{
	mutex_lock(&item->ep->ready_mu);
	list_del(&item->ready_node); /* an event may have queued it */
	if (front)
		list_push(at, &item->ready_node);
	else
		list_append(at, &item->ready_node);
	mutex_unlock(&item->ep->ready_mu);
}

/* Reports @item if its file is ready: 1, 0, -EFAULT. */
static int report(struct epitem *item, uaddr_t to)
{
	struct linux_epoll_event ev;

	ev.events = file_poll(item->file, NULL) & item->events;
	ev.events &= ~PRIVATE_BITS;
	if (!ev.events)
		return 0;
	ev.data = item->data;
	if (copy_out(to, &ev, sizeof(ev)) < 0)
		return -EFAULT;
	if (item->events & LINUX_EPOLLONESHOT) {
		mutex_lock(&item->ep->ready_mu);
		item->events &= PRIVATE_BITS;
		mutex_unlock(&item->ep->ready_mu);
	} else if (!(item->events & LINUX_EPOLLET)) {
		requeue(item, &item->ep->ready, false);
	}
	return 1;
}

static long send_events(struct epoll *ep, uaddr_t events, uint32_t max)
{
	struct list todo;
	struct epitem *item;
	long nr = 0;
	int ret;

	mutex_lock_nested(&ep->mu);
	take_ready(ep, &todo);
	while (nr < (long)max && (item = pop_item(ep, &todo)) != NULL) {
		ret = report(
			item,
			uaddr_add(events,
				  (uint64_t)nr *
					  sizeof(struct linux_epoll_event)));
		if (ret < 0) {
			requeue(item, &todo, true);
			nr = nr ? nr : ret;
			break;
		}
		nr += ret;
	}
	give_back(ep, &todo);
	mutex_unlock(&ep->mu);
	return nr;
}

/* True if something may be ready; otherwise @s is queued (if @queue). */
static bool ready_or_queue(struct epoll *ep, struct sleeper *s, bool queue)
{
	bool ready;

	mutex_lock(&ep->ready_mu);
	ready = !list_empty(&ep->ready);
	if (!ready && queue)
		list_append(&ep->sleepers, &s->node);
	mutex_unlock(&ep->ready_mu);
	return ready;
}

static void unqueue(struct epoll *ep, struct sleeper *s)
{
	mutex_lock(&ep->ready_mu);
	list_del(&s->node);
	mutex_unlock(&ep->ready_mu);
}

long epoll_wait_events(struct file *epf, uaddr_t events, uint32_t max,
		       uint64_t deadline)
{
	struct epoll *ep = epoll_of(epf);
	struct task *t = current_task();
	struct task_waiter w;
	struct sleeper s = { .task = t };
	int ret, stop = deadline == 0 ? -ETIMEDOUT : 0;
	long nr;

	list_init(&s.node);
	task_waiter_init(&w, t);
	for (;;) {
		if (ready_or_queue(ep, &s, !stop)) {
			nr = send_events(ep, events, max);
			if (nr != 0)
				return nr;
			if (!stop && task_signal_pending(t))
				return -EINTR;
			if (!stop)
				continue;
		}
		if (stop)
			return stop == -ETIMEDOUT ? 0 : -EINTR;
		ret = task_sleep(&w, deadline);
		unqueue(ep, &s);
		stop = MIN(ret, 0); /* one more look, then the end */
	}
}

/* --- the file ------------------------------------------------------------- */

/* An instance is readable if one of its items really is ready. */
static uint32_t epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = epoll_of(f);
	struct epitem *item;
	uint32_t ret = 0;
	struct list todo;

	ep->polled = true;
	poll_wait(pt, &ep->poll_wq);
	mutex_lock_nested(&ep->mu);
	take_ready(ep, &todo);
	while (!ret && (item = pop_item(ep, &todo)) != NULL) {
		if (!(file_poll(item->file, NULL) & item->events))
			continue;
		requeue(item, &todo, true);
		ret = READY_EVENTS;
	}
	give_back(ep, &todo);
	mutex_unlock(&ep->mu);
	return ret;
}

int epoll_peek_watched(struct file *epf, int fd, uint32_t nth, const void **out)
{
	struct epoll *ep = epoll_of(epf);
	struct epitem *item;
	int ret = -ENOENT;

	if (!file_is_epoll(epf))
		return -EINVAL;
	mutex_lock_nested(&ep->mu);
	RB_FOREACH (item, epitems, &ep->items) {
		if (item->fd != fd || nth-- > 0)
			continue;
		*out = item->file;
		ret = 0;
		break;
	}
	mutex_unlock(&ep->mu);
	return ret;
}

static void epoll_show(struct file *f, struct seq_buf *out)
{
	struct epoll *ep = epoll_of(f);
	struct epitem *item;

	mutex_lock_nested(&ep->mu);
	RB_FOREACH (item, epitems, &ep->items)
		seq_printf(out,
			   "tfd: %8d events: %8x data: %16lx  pos:0 ino:%lx "
			   "sdev:%lx\n",
			   item->fd, item->events, item->data,
			   item->file->inode->ino, item->file->inode->sb->dev);
	mutex_unlock(&ep->mu);
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = epoll_of(f);
	struct epitem *item;

	epoll_tree_lock();
	mutex_lock_nested(&ep->mu);
	while ((item = RB_ROOT(&ep->items)) != NULL)
		remove_item(item);
	mutex_unlock(&ep->mu);
	epoll_tree_unlock();
	epoll_put(ep);
}

static const struct file_ops epoll_file_ops = {
	.name = "eventpoll",
	.poll = epoll_poll,
	.ioctl = epoll_ioctl,
	.show_fdinfo = epoll_show,
	.release = epoll_release,
};

int epoll_new(struct file **out)
{
	struct epoll *ep = kzalloc(sizeof(*ep));
	int ret;

	if (!ep)
		return -ENOMEM;
	ref_init(&ep->ref);
	mutex_init(&ep->mu, LOCK_EPOLL_TREE);
	mutex_init(&ep->ready_mu, LOCK_EPOLL_READY);
	RB_INIT(&ep->items);
	list_init(&ep->ready);
	list_init(&ep->sleepers);
	list_init(&ep->children);
	list_init(&ep->parents);
	waitq_init(&ep->poll_wq);
	ret = file_new_anon("anon_inode:[eventpoll]", &epoll_file_ops, ep, 0600,
			    LINUX_O_RDWR, out);
	if (ret < 0)
		epoll_put(ep);
	return ret;
}
