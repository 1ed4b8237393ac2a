/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leases: a holder is told before another opens its file, and has
 * g_lease_break_time seconds to give way.
 *
 * Invariant: a lease is in its inode's list until it is given up, its time is
 *	      over, or its file is closed.
 * Locks:     g_lease_mu (LOCK_NOTIFY) for all leases; signals go out under it.
 * Linux:     as 6.18: an open by the holder itself breaks its lease too.
 * Tests:     tests/conformance/lease.c
 */
#include "sentry/vfs/leases.h"

#include <errno.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/kernel/cred.h"
#include "sentry/kernel/task.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/namei.h"

struct lease {
	struct list node;
	struct file *f;	   /* no reference: the lease ends with it */
	int fd, type;	   /* LINUX_F_RDLCK, LINUX_F_WRLCK */
	int target;	   /* what it must become; == type: not breaking */
	uint64_t deadline; /* of the break, monotonic; NO_DEADLINE */
};

struct lease_set {
	struct list leases;
	struct waitq wq; /* who waits for a break */
};

_Atomic uint32_t g_lease_break_time = 45;
_Atomic uint32_t g_nr_leases;
static struct mutex g_lease_mu = MUTEX_INIT(LOCK_NOTIFY);

static struct lease_set *set_of(struct inode *inode)
{
	return __atomic_load_n((struct lease_set **)&inode->leases,
			       __ATOMIC_ACQUIRE);
}

static int set_make(struct inode *inode)
{
	struct lease_set *s;

	if (set_of(inode))
		return 0;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	list_init(&s->leases);
	waitq_init(&s->wq);
	mutex_lock(&g_lease_mu);
	if (!inode->leases) {
		__atomic_store_n((struct lease_set **)&inode->leases, s,
				 __ATOMIC_RELEASE);
		s = NULL;
	}
	mutex_unlock(&g_lease_mu);
	if (s) {
		waitq_fini(&s->wq);
		free(s);
	}
	return 0;
}

void leases_free_inode(struct inode *inode)
{
	struct lease_set *s = set_of(inode);

	if (likely(!s))
		return;
	/* Each lease's file holds the inode: there is none left. */
	waitq_fini(&s->wq);
	free(s);
	inode->leases = NULL;
}

static struct lease *lease_of(struct lease_set *s, const struct file *f)
{
	struct lease *l;

	list_for_each_entry (l, &s->leases, node)
		if (l->f == f)
			return l;
	return NULL;
}

static void drop_locked(struct lease *l) MUST_HOLD(&g_lease_mu)
{
	list_del(&l->node);
	file_disown(l->f);
	free(l);
	g_nr_leases--;
}

/* Becomes @type; LINUX_F_UNLCK frees it. */
static void change_locked(struct lease_set *s, struct lease *l, int type)
	MUST_HOLD(&g_lease_mu)
{
	if (type == LINUX_F_UNLCK) {
		drop_locked(l);
	} else {
		l->type = l->target = type;
		l->deadline = NO_DEADLINE;
	}
	waitq_wake(&s->wq, 1);
}

/* Whoever did not answer in time loses. */
static void time_out_locked(struct lease_set *s) MUST_HOLD(&g_lease_mu)
{
	uint64_t now = clock_monotonic();
	struct lease *l, *tmp;

	list_for_each_entry_safe (l, tmp, &s->leases, node)
		if (l->deadline <= now)
			change_locked(s, l, l->target);
}

/* --- breaking ------------------------------------------------------------- */

static bool in_the_way(const struct lease *l, bool write)
{
	return write || l->type == LINUX_F_WRLCK;
}

/* Tells all in the way once.  *deadline: of the first of them; false: none. */
static bool begin_break_locked(struct lease_set *s, bool write,
			       uint64_t *deadline) MUST_HOLD(&g_lease_mu)
{
	uint32_t seconds = g_lease_break_time;
	uint64_t until = NO_DEADLINE;
	int target = write ? LINUX_F_UNLCK : LINUX_F_RDLCK;
	struct lease *l;
	bool any = false;

	if (seconds)
		until = clock_monotonic() + seconds * NSEC_PER_SEC;
	list_for_each_entry (l, &s->leases, node) {
		if (!in_the_way(l, write))
			continue;
		if (l->target == l->type ||
		    (write && l->target != LINUX_F_UNLCK)) {
			l->target = target;
			l->deadline = until;
			file_sigio(l->f, l->fd, FILE_POLL_MSG);
		}
		if (!any || l->deadline < *deadline)
			*deadline = l->deadline;
		any = true;
	}
	return any;
}

static int try_break(struct lease_set *s, bool write, uint64_t *deadline)
{
	bool any;

	mutex_lock(&g_lease_mu);
	time_out_locked(s);
	any = begin_break_locked(s, write, deadline);
	mutex_unlock(&g_lease_mu);
	return any ? -EAGAIN : 0;
}

int lease_break_slow(struct inode *inode, uint32_t flags)
{
	bool write = (flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY;
	struct lease_set *s = set_of(inode);
	struct task_waiter w;
	uint64_t deadline;
	int ret = try_break(s, write, &deadline);

	if (ret == 0 || (flags & LINUX_O_NONBLOCK) || !current_task())
		return ret;
	task_waiter_init(&w, current_task());
	waitq_add(&s->wq, &w.waiter, 1);
	for (;;) {
		ret = try_break(s, write, &deadline);
		if (ret != -EAGAIN)
			break;
		ret = task_sleep(&w, deadline);
		if (ret < 0 && ret != -ETIMEDOUT)
			break;
	}
	waitq_del(&w.waiter);
	return ret;
}

/* --- setting -------------------------------------------------------------- */

/* Is anybody but @f's own open in the way of a lease of @type? */
static bool opened_by_others(const struct file *f, int type)
{
	struct inode *inode = f->inode;
	bool writes = file_writable(f);

	if (type == LINUX_F_RDLCK)
		return inode->writers > 0;
	return inode->writers != writes || inode->readers != !writes;
}

static int add_locked(struct lease_set *s, struct file *f, int fd, int type,
		      struct lease **fresh) MUST_HOLD(&g_lease_mu)
{
	struct lease *own = lease_of(s, f), *l;

	if (opened_by_others(f, type))
		return -EAGAIN;
	list_for_each_entry (l, &s->leases, node) {
		if (l == own)
			continue;
		if (type == LINUX_F_WRLCK || l->target == LINUX_F_UNLCK)
			return -EAGAIN;
	}
	if (own) {
		change_locked(s, own, type);
		return 0;
	}
	own = *fresh;
	*fresh = NULL;
	own->f = f;
	own->fd = fd;
	own->type = own->target = type;
	own->deadline = NO_DEADLINE;
	list_append(&s->leases, &own->node);
	g_nr_leases++;
	f->leased = true;
	return 0;
}

static int add_lease(struct file *f, int fd, int type)
{
	AUTO_FREE struct lease *fresh = kzalloc(sizeof(*fresh));
	struct lease_set *s;
	int ret = fresh ? set_make(f->inode) : -ENOMEM;

	if (ret < 0)
		return ret;
	s = set_of(f->inode);
	mutex_lock(&g_lease_mu);
	time_out_locked(s);
	ret = add_locked(s, f, fd, type, &fresh);
	mutex_unlock(&g_lease_mu);
	if (ret == 0)
		file_own_if_none(f);
	return ret;
}

static int remove_lease(struct file *f)
{
	struct lease_set *s = set_of(f->inode);
	struct lease *l;

	if (!s)
		return -EAGAIN;
	mutex_lock(&g_lease_mu);
	l = lease_of(s, f);
	if (l)
		change_locked(s, l, LINUX_F_UNLCK);
	mutex_unlock(&g_lease_mu);
	return l ? 0 : -EAGAIN;
}

int lease_set(struct file *f, int fd, int type)
{
	const struct cred *cred = current_task()->cred;

	if (type != LINUX_F_RDLCK && type != LINUX_F_WRLCK &&
	    type != LINUX_F_UNLCK)
		return -EINVAL;
	if (cred->fsuid != f->inode->uid && !cred_capable(cred, CAP_NR_LEASE))
		return -EACCES;
	if (!inode_is(f->inode, LINUX_S_IFREG))
		return -EINVAL;
	return type == LINUX_F_UNLCK ? remove_lease(f) : add_lease(f, fd, type);
}

int lease_get(struct file *f)
{
	struct lease_set *s = set_of(f->inode);
	int type = LINUX_F_UNLCK;
	struct lease *l;

	if (!s)
		return type;
	mutex_lock(&g_lease_mu);
	time_out_locked(s);
	l = lease_of(s, f);
	if (l)
		type = l->target;
	mutex_unlock(&g_lease_mu);
	return type;
}

void lease_file_gone(struct file *f)
{
	if (set_of(f->inode))
		(void)!remove_lease(f);
}
