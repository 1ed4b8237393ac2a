/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: instances: the queue of events and the file that reads it.
 *
 * Invariant: bytes is the sum of what a read gives for the queue's events; the
 *	      overflow event is in the queue at most once.
 * Locks:     g_notify_mu; nothing is copied to the guest under it.
 * Tests:     tests/conformance/inotify.c
 */
#include "sentry/fs/inotify/inotify.h"

#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/fs/inotify/inotify_private.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/seq_buf.h"

#define EVENTS_IN (LINUX_POLLIN | LINUX_POLLRDNORM)

struct inotify_limits g_inotify_limits = { 16384, 128, 65536 };

/* --- the queue ------------------------------------------------------------ */

/* The name's share of an event: with a NUL, in whole event sizes. */
static size_t name_room(size_t len)
{
	const size_t unit = sizeof(struct linux_inotify_event);

	return len == 0 ? 0 : (len + 1 + unit - 1) / unit * unit;
}

static size_t note_size(const struct note *n)
{
	return sizeof(struct linux_inotify_event) + name_room(n->name_len);
}

static struct note *note_new(int32_t wd, uint32_t mask, uint32_t cookie,
			     const char *name)
{
	size_t len = name ? strlen(name) : 0;
	struct note *n = kzalloc(sizeof(*n) + len + 1);

	if (!n)
		return NULL;
	list_init(&n->node);
	n->wd = wd;
	n->mask = mask;
	n->cookie = cookie;
	n->name_len = (uint16_t)len;
	if (len)
		memcpy(n->name, name, len);
	return n;
}

static void append_locked(struct inotify *in, struct note *n)
	MUST_HOLD(&g_notify_mu)
{
	list_append(&in->notes, &n->node);
	in->nr_notes++;
	in->bytes += note_size(n);
	waitq_wake(&in->wq, EVENTS_IN);
}

static bool same_as_last(const struct inotify *in, int32_t wd, uint32_t mask,
			 const char *name)
{
	struct note *n = list_last(&in->notes, struct note, node);

	return n && !(n->mask & LINUX_IN_IGNORED) && n->wd == wd &&
	       n->mask == mask && strcmp(n->name, name ? name : "") == 0;
}

void inotify_queue_locked(struct inotify *in, int32_t wd, uint32_t mask,
			  uint32_t cookie, const char *name)
{
	struct note *n = NULL;

	if (same_as_last(in, wd, mask, name))
		return;
	if (in->nr_notes < g_inotify_limits.queued_events)
		n = note_new(wd, mask, cookie, name);
	if (n)
		append_locked(in, n);
	else if (list_empty(&in->overflow->node))
		append_locked(in, in->overflow);
}

/* The first event if it fits into @room; -EAGAIN for none, -EINVAL. */
static int take_note(struct inotify *in, size_t room, struct note **out)
{
	struct note *n;
	int ret = 0;

	mutex_lock(&g_notify_mu);
	n = list_first(&in->notes, struct note, node);
	if (!n)
		ret = -EAGAIN;
	else if (note_size(n) > room)
		ret = -EINVAL;
	if (ret == 0) {
		list_del(&n->node);
		in->nr_notes--;
		in->bytes -= note_size(n);
	}
	mutex_unlock(&g_notify_mu);
	*out = n;
	return ret;
}

/* --- the file ------------------------------------------------------------- */

/* The event is gone even if the guest's memory is bad, as on Linux. */
static long put_note(struct uio *u, const struct note *n)
{
	struct linux_inotify_event e = {
		.wd = n->wd,
		.mask = n->mask,
		.cookie = n->cookie,
		.len = (uint32_t)name_room(n->name_len),
	};

	if (uio_copy_out(u, &e, sizeof(e)) != sizeof(e))
		return -EFAULT;
	if (n->name_len && uio_copy_out(u, n->name, n->name_len) != n->name_len)
		return -EFAULT;
	if (e.len > n->name_len &&
	    uio_zero_out(u, e.len - n->name_len) != e.len - n->name_len)
		return -EFAULT;
	return (long)note_size(n);
}

/* As many events as there are and fit. */
static long read_notes(struct inotify *in, struct uio *u)
{
	struct note *n;
	long done = 0, ret;

	for (;;) {
		ret = take_note(in, u->left, &n);
		if (ret < 0)
			return done ? done : ret;
		ret = put_note(u, n);
		if (n != in->overflow)
			free(n);
		if (ret < 0)
			return ret;
		done += ret;
	}
}

static long op_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct inotify *in = f->priv;
	struct task_waiter w;
	long ret = read_notes(in, u);

	(void)pos;
	if (ret != -EAGAIN || file_nonblock(f))
		return ret;
	task_waiter_init(&w, current_task());
	waitq_add(&in->wq, &w.waiter, EVENTS_IN);
	for (;;) {
		ret = read_notes(in, u);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, NO_DEADLINE);
		if (ret < 0)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

static uint32_t op_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *in = f->priv;
	bool any;

	poll_wait(pt, &in->wq);
	mutex_lock(&g_notify_mu);
	any = in->nr_notes > 0;
	mutex_unlock(&g_notify_mu);
	return any ? EVENTS_IN : 0;
}

static long op_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct inotify *in = f->priv;
	int32_t n;

	if (cmd != LINUX_FIONREAD)
		return -ENOTTY;
	mutex_lock(&g_notify_mu);
	n = (int32_t)in->bytes;
	mutex_unlock(&g_notify_mu);
	return copy_out(uaddr(arg), &n, sizeof(n));
}

static void op_show_fdinfo(struct file *f, struct seq_buf *out)
{
	inotify_show_watches(f->priv, out);
}

static void free_instance(struct inotify *in)
{
	struct note *n, *tmp;

	list_for_each_entry_safe (n, tmp, &in->notes, node)
		if (n != in->overflow)
			free(n);
	free(in->overflow);
	waitq_fini(&in->wq);
	in->user->nr_inotify--;
	user_acct_put(in->user);
	free(in);
}

static void op_release(struct file *f)
{
	inotify_drop_watches(f->priv);
	free_instance(f->priv);
}

static const struct file_ops inotify_ops = {
	.name = "inotify",
	.read = op_read,
	.poll = op_poll,
	.ioctl = op_ioctl,
	.show_fdinfo = op_show_fdinfo,
	.release = op_release,
};

bool file_is_inotify(const struct file *f)
{
	return f->ops == &inotify_ops;
}

static int charge_user(struct user_acct *user)
{
	if (user->nr_inotify++ < g_inotify_limits.instances)
		return 0;
	user->nr_inotify--;
	return -EMFILE;
}

int inotify_new(uint32_t flags, struct file **out)
{
	struct user_acct *user = current_task()->cred->user;
	struct inotify *in = kzalloc(sizeof(*in));
	int ret;

	if (in)
		in->overflow = note_new(-1, LINUX_IN_Q_OVERFLOW, 0, NULL);
	if (!in || !in->overflow) {
		free(in);
		return -ENOMEM;
	}
	ret = charge_user(user);
	if (ret < 0) {
		free(in->overflow);
		free(in);
		return ret;
	}
	waitq_init(&in->wq);
	list_init(&in->notes);
	RB_INIT(&in->watches);
	in->next_wd = 1;
	in->user = user;
	user_acct_get(user);
	ret = file_new_anon("anon_inode:inotify", &inotify_ops, in, 0600,
			    LINUX_O_RDONLY | flags, out);
	if (ret < 0)
		free_instance(in);
	return ret;
}
