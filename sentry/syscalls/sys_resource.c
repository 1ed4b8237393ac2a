/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_resource: limits, usage, times.
 *
 * Tests: tests/conformance/resource.c
 */
#include <errno.h>

#include "abi/resource.h"
#include "sentry/kernel/task_private.h"
#include "sentry/time/group_timers.h"
#include "syscalls.h"

#define NR_OPEN 1048576ull
#define TICK_NS (NSEC_PER_SEC / LINUX_USER_HZ)

static int check_new(uint32_t which, const struct linux_rlimit *new)
{
	if (new->cur > new->max)
		return -EINVAL;
	return which == RLIM_NOFILE && new->max > NR_OPEN ? -EPERM : 0;
}

/* Another process follows its new limit before it runs on. */
static void kick_cpu_limit(struct thread_group *tg)
{
	struct task *p = NULL;
	uint32_t tid = 0;

	while ((p = thread_group_next_task(tg, tid)) != NULL) {
		tid = p->tid;
		task_kick(p, TASK_WORK_CPU_LIMIT);
		task_put(p);
	}
}

/* Sets @new (if not NULL) and tells the old one, in one step. */
static int do_prlimit(struct thread_group *tg, uint32_t which,
		      const struct linux_rlimit *new, struct linux_rlimit *old)
{
	bool raise = capable(CAP_NR_SYS_RESOURCE);
	struct rlimit_pair *slot = &tg->rlimits[which];
	int ret = 0;

	mutex_lock(&tg->signals->mu);
	*old = (struct linux_rlimit){ slot->cur, slot->max };
	if (new != NULL && new->max > slot->max && !raise) {
		ret = -EPERM;
	} else if (new) {
		/* task_rlimit() and /proc read one word without the lock. */
		__atomic_store_n(&slot->cur, new->cur, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->max, new->max, __ATOMIC_RELAXED);
	}
	mutex_unlock(&tg->signals->mu);
	if (ret < 0 || !new || which != RLIM_CPU)
		return ret;
	if (tg == current_task()->group)
		return itimer_cpu_limit(current_task());
	kick_cpu_limit(tg);
	return 0;
}

static int may_prlimit(struct task *p)
{
	AUTO_PUT(cred) struct cred *it = NULL;
	const struct cred *me = current_task()->cred;

	if (p == current_task())
		return 0;
	it = task_get_cred(p);
	if (me->uid == it->euid && me->uid == it->suid && me->uid == it->uid &&
	    me->gid == it->egid && me->gid == it->sgid && me->gid == it->gid)
		return 0;
	return capable(CAP_NR_SYS_RESOURCE) ? 0 : -EPERM;
}

long sys_prlimit64(struct task *t, int32_t pid, uint32_t resource, uaddr_t newp,
		   uaddr_t oldp)
{
	AUTO_PUT(task) struct task *p = NULL;
	struct linux_rlimit new, old;
	bool set = !uaddr_is_null(newp);
	int ret;

	if (set && copy_in(&new, newp, sizeof(new)) < 0)
		return -EFAULT;
	if (pid) {
		p = task_lookup((uint32_t)pid);
		if (!p)
			return -ESRCH;
		ret = may_prlimit(p);
		if (ret < 0)
			return ret;
	}
	if (resource >= RLIM_NR)
		return -EINVAL;
	ret = set ? check_new(resource, &new) : 0;
	if (ret == 0)
		ret = do_prlimit((p ? p : t)->group, resource,
				 set ? &new : NULL, &old);
	if (ret < 0 || uaddr_is_null(oldp))
		return ret;
	return copy_out(oldp, &old, sizeof(old));
}

long sys_getrlimit(struct task *t, uint32_t resource, uaddr_t lim)
{
	struct linux_rlimit old;

	if (resource >= RLIM_NR)
		return -EINVAL;
	(void)do_prlimit(t->group, resource, NULL, &old);
	return copy_out(lim, &old, sizeof(old));
}

long sys_setrlimit(struct task *t, uint32_t resource, uaddr_t lim)
{
	struct linux_rlimit new, old;
	int ret;

	if (copy_in(&new, lim, sizeof(new)) < 0)
		return -EFAULT;
	if (resource >= RLIM_NR)
		return -EINVAL;
	ret = check_new(resource, &new);
	return ret < 0 ? ret : do_prlimit(t->group, resource, &new, &old);
}

static void group_usage(struct thread_group *tg, struct rusage_sum *self,
			struct rusage_sum *children)
{
	tasklist_lock();
	thread_group_usage_locked(tg, self);
	*children = tg->priv->waited;
	tasklist_unlock();
}

long sys_getrusage(struct task *t, int32_t who, uaddr_t usage)
{
	struct rusage_sum self, children, mine;
	struct linux_rusage ru;

	task_usage(t, &mine);
	mine.maxrss = task_maxrss(t);
	switch (who) {
	case LINUX_RUSAGE_SELF:
		group_usage(t->group, &self, &children);
		self.maxrss = MAX(self.maxrss, mine.maxrss);
		rusage_to_abi(&self, &ru);
		break;
	case LINUX_RUSAGE_CHILDREN:
		group_usage(t->group, &self, &children);
		rusage_to_abi(&children, &ru);
		break;
	case LINUX_RUSAGE_THREAD:
		rusage_to_abi(&mine, &ru);
		break;
	default:
		return -EINVAL;
	}
	return copy_out(usage, &ru, sizeof(ru));
}

long sys_times(struct task *t, uaddr_t buf)
{
	struct rusage_sum self, children;
	struct linux_tms tms;

	if (!uaddr_is_null(buf)) {
		group_usage(t->group, &self, &children);
		tms.utime = (int64_t)(self.utime / TICK_NS);
		tms.stime = (int64_t)(self.stime / TICK_NS);
		tms.cutime = (int64_t)(children.utime / TICK_NS);
		tms.cstime = (int64_t)(children.stime / TICK_NS);
		if (copy_out(buf, &tms, sizeof(tms)) < 0)
			return -EFAULT;
	}
	return (long)(clock_monotonic() / TICK_NS);
}
