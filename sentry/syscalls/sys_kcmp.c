/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_kcmp: kcmp(2): do two tasks share an object?
 *
 * The order of two objects is that of their addresses under a secret, so that
 * a guest can sort by it and learn nothing of where they are.
 * Tests: tests/conformance/kcmp.c
 */
#include <errno.h>

#include "sentry/fs/epoll/epoll.h"
#include "sentry/host/host.h"
#include "sentry/kernel/task_private.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

enum {
	KCMP_FILE,
	KCMP_VM,
	KCMP_FILES,
	KCMP_FS,
	KCMP_SIGHAND,
	KCMP_IO,
	KCMP_SYSVSEM,
	KCMP_EPOLL_TFD,
	KCMP_TYPES
};

struct kcmp_slot {
	uint32_t efd, tfd, toff;
};

static uint64_t g_secret[KCMP_TYPES][2];
static pthread_once_t g_secret_once = PTHREAD_ONCE_INIT;

static void make_secret(void)
{
	if (host_getrandom(g_secret, sizeof(g_secret)) < 0)
		return; /* the order is not secret then, but still an order */
}

static int compare(int type, const void *a, const void *b)
{
	uint64_t x, y;

	pthread_once(&g_secret_once, make_secret);
	x = ((uintptr_t)a ^ g_secret[type][0]) * (g_secret[type][1] | 1);
	y = ((uintptr_t)b ^ g_secret[type][0]) * (g_secret[type][1] | 1);
	return (x < y) | (x > y) << 1;
}

/* Descriptor @fd of @p: +1 or NULL. */
static struct file *file_of(struct task *p, uint64_t fd)
{
	struct fd_table *fds = task_get_fds(p);
	struct file *f = NULL;

	if (!fds)
		return NULL;
	if (fd <= INT32_MAX)
		f = fd_table_lookup_any(fds, (int)fd);
	fd_table_put(fds);
	return f;
}

static int compare_files(struct task *a, struct task *b, uint64_t fd1,
			 uint64_t fd2)
{
	AUTO_PUT(file) struct file *x = file_of(a, fd1);
	AUTO_PUT(file) struct file *y = file_of(b, fd2);

	return x && y ? compare(KCMP_FILE, x, y) : -EBADF;
}

static int compare_watched(struct task *a, struct task *b, uint64_t fd,
			   uaddr_t slot)
{
	AUTO_PUT(file) struct file *x = NULL;
	AUTO_PUT(file) struct file *ep = NULL;
	struct kcmp_slot s;
	const void *y;
	int ret;

	if (copy_in(&s, slot, sizeof(s)) < 0)
		return -EFAULT;
	x = file_of(a, fd);
	if (!x)
		return -EBADF;
	ep = file_of(b, s.efd);
	if (!ep)
		return -EBADF;
	ret = epoll_peek_watched(ep, (int)s.tfd, s.toff, &y);
	return ret < 0 ? ret : compare(KCMP_FILE, x, y);
}

/* One pointer of @p, good for comparing only. */
static const void *shared_object(struct task *p, int type)
{
	const void *o;

	mutex_lock(&p->mu);
	o = type == KCMP_VM	 ? (const void *)p->mm
	    : type == KCMP_FILES ? (const void *)p->fds
				 : (const void *)p->fs;
	mutex_unlock(&p->mu);
	return o;
}

static const void *handlers_of(struct task *p)
{
	struct signal_state *s = p->group->signals;
	const void *o;

	mutex_lock(&s->mu);
	o = s->actions;
	mutex_unlock(&s->mu);
	return o;
}

static int may_compare(struct task *p)
{
	return task_may_access(p) < 0 ? -EPERM : 0;
}

static int do_kcmp(struct task *a, struct task *b, int type, uint64_t idx1,
		   uint64_t idx2)
{
	switch (type) {
	case KCMP_FILE:
		return compare_files(a, b, idx1, idx2);
	case KCMP_VM:
	case KCMP_FILES:
	case KCMP_FS:
		return compare(type, shared_object(a, type),
			       shared_object(b, type));
	case KCMP_SIGHAND:
		return compare(type, handlers_of(a), handlers_of(b));
	case KCMP_IO:
		/* No task has an I/O context that it could share. */
		return 0;
	case KCMP_SYSVSEM:
		return compare(type, a->priv->sem_undo, b->priv->sem_undo);
	case KCMP_EPOLL_TFD:
		return compare_watched(a, b, idx1, uaddr(idx2));
	default:
		return -EINVAL;
	}
}

long sys_kcmp(struct task *t, int32_t pid1, int32_t pid2, int32_t type,
	      uint64_t idx1, uint64_t idx2)
{
	AUTO_PUT(task) struct task *a = task_lookup((uint32_t)pid1);
	AUTO_PUT(task) struct task *b = task_lookup((uint32_t)pid2);
	int ret;

	(void)t;
	if (!a || !b)
		return -ESRCH;
	ret = may_compare(a);
	if (ret == 0)
		ret = may_compare(b);
	return ret < 0 ? ret : do_kcmp(a, b, type, idx1, idx2);
}
