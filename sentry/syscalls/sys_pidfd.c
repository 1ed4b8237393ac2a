/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_pidfd: processes as descriptors: pidfd_open(2), pidfd_getfd(2),
 * process_madvise(2), process_mrelease(2).
 *
 * Tests: tests/conformance/pidfd.c, pidfd_more.c
 */
#include <errno.h>

#include "abi/mman.h"
#include "abi/poll.h"
#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task_private.h"
#include "sentry/mm/uio.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

#define PIDFD_NONBLOCK 04000u /* O_NONBLOCK */
#define PIDFD_THREAD   0200u  /* O_EXCL */
#define FAST_SEGS      8

static int open_thread(uint32_t tid, uint32_t flags, struct file **out)
{
	AUTO_PUT(task) struct task *p = task_lookup(tid);

	if (!p)
		return -ESRCH;
	return pidfd_new_thread(p, flags & ~PIDFD_THREAD, out);
}

static int open_process(uint32_t pid, uint32_t flags, struct file **out)
{
	AUTO_PUT(thread_group) struct thread_group *tg = NULL;
	AUTO_PUT(task) struct task *p = NULL;

	tg = thread_group_lookup(pid);
	if (tg)
		return pidfd_new(tg, flags, out);
	/* A thread's id: PIDFD_THREAD would be needed. */
	p = task_lookup(pid);
	return p ? -ENOENT : -ESRCH;
}

long sys_pidfd_open(struct task *t, int32_t pid, uint32_t flags)
{
	AUTO_PUT(file) struct file *f = NULL;
	int ret;

	if ((flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD)) || pid <= 0)
		return -EINVAL;
	ret = flags & PIDFD_THREAD ? open_thread((uint32_t)pid, flags, &f)
				   : open_process((uint32_t)pid, flags, &f);
	return ret < 0 ? ret : fd_table_install(t->fds, f, true);
}

/* pidfd_getfd(2): a copy of another process's descriptor. */
long sys_pidfd_getfd(struct task *t, int32_t pidfd, int32_t fd, uint32_t flags)
{
	AUTO_PUT(task) struct task *p = NULL;
	AUTO_PUT(file) struct file *f = NULL;
	struct fd_table *fds;
	bool thread;
	int ret;

	if (flags)
		return -EINVAL;
	ret = pidfd_lookup_task(pidfd, &p, &thread);
	if (ret < 0)
		return ret;
	if (task_may_access(p) < 0)
		return -EPERM;
	fds = task_get_fds(p);
	if (!fds)
		return -ESRCH;
	f = fd_table_lookup_any(fds, fd);
	fd_table_put(fds);
	return f ? fd_table_install(t->fds, f, true) : -EBADF;
}

/* --- memory of others ----------------------------------------------------- */

/* Advice that only costs the other process time. */
static bool advice_for_others(int32_t advice)
{
	return advice == LINUX_MADV_COLD || advice == LINUX_MADV_PAGEOUT ||
	       advice == LINUX_MADV_WILLNEED;
}

/* The address space of @p, if the caller may give it advice. */
static int advised_mm(struct task *t, struct task *p, int32_t advice,
		      struct mm **out)
{
	AUTO_PUT(mm) struct mm *mm = task_get_mm(p);

	if (!mm)
		return -ESRCH;
	if (task_may_access(p) < 0)
		return -EPERM;
	if (mm != t->mm && !advice_for_others(advice))
		return -EINVAL;
	if (mm != t->mm && !capable(CAP_NR_SYS_NICE))
		return -EPERM;
	*out = take(mm);
	return 0;
}

/* Bytes advised; an error only if it met the first segment. */
static long advise_all(struct mm *mm, const struct iovec *iov, uint64_t nr,
		       int32_t advice)
{
	long done = 0;
	int ret;

	for (uint64_t i = 0; i < nr; i++) {
		ret = mm_madvise(mm, (uintptr_t)iov[i].iov_base, iov[i].iov_len,
				 advice);
		if (ret < 0)
			return done ? done : ret;
		done += (long)iov[i].iov_len;
	}
	return done;
}

long sys_process_madvise(struct task *t, int32_t pidfd, uaddr_t vec,
			 uint64_t nr, int32_t advice, uint32_t flags)
{
	struct iovec fast[FAST_SEGS], *heap = NULL;
	AUTO_PUT(task) struct task *p = NULL;
	AUTO_PUT(mm) struct mm *mm = NULL;
	struct uio u;
	bool thread;
	long ret;

	if (flags)
		return -EINVAL;
	ret = uio_user_vec(&u, vec, nr, fast, FAST_SEGS, &heap);
	if (ret == 0)
		ret = pidfd_lookup_task(pidfd, &p, &thread);
	if (ret == 0)
		ret = advised_mm(t, p, advice, &mm);
	if (ret == 0)
		ret = advise_all(mm, heap ? heap : fast, nr, advice);
	free(heap);
	return ret;
}

/* --- process_mrelease ----------------------------------------------------- */

static bool is_dying(struct thread_group *tg)
{
	bool yes;

	mutex_lock(&tg->signals->mu);
	yes = tg->signals->group_exit;
	mutex_unlock(&tg->signals->mu);
	return yes;
}

static bool has_memory(struct thread_group *tg)
{
	struct task *p;
	bool yes = false;

	tasklist_lock();
	list_for_each_entry (p, &tg->threads, group_node) {
		mutex_lock(&p->mu);
		yes |= p->mm != NULL;
		mutex_unlock(&p->mu);
	}
	tasklist_unlock();
	return yes;
}

/* A process that was killed gives its memory back by itself and soon: what is
 * left to do is to wait for that. */
long sys_process_mrelease(struct task *t, int32_t pidfd, uint32_t flags)
{
	AUTO_PUT(task) struct task *p = NULL;
	struct task_waiter w;
	bool thread;
	int ret;

	if (flags)
		return -EINVAL;
	ret = pidfd_lookup_task(pidfd, &p, &thread);
	if (ret < 0)
		return ret;
	if (!has_memory(p->group))
		return -ESRCH;
	if (!is_dying(p->group))
		return -EINVAL;
	if (p->group == t->group)
		return 0;
	task_waiter_init(&w, t);
	waitq_add(&p->group->exit_wq, &w.waiter, LINUX_POLLIN);
	while (ret == 0 && has_memory(p->group))
		ret = task_sleep(&w, NO_DEADLINE);
	waitq_del(&w.waiter);
	return ret;
}
