/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_sched: scheduling: policies, priorities, affinity.
 *
 * What is set is checked as Linux does, kept, and reported; affinity has
 * effect, for the rest the host schedules as it likes.
 * Tests: tests/conformance/sched.c, sched_cpu.c
 */
#include <errno.h>
#include <string.h>

#include "abi/sched.h"
#include "sentry/host/host.h"
#include "sentry/kernel/task_private.h"
#include "sentry/syscalls/sched_walk.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

#define MAX_RT_PRIO   99
#define RR_SLICE_NS   100000000
#define BASE_SLICE_NS 700000 /* of one CPU */
#define MIN_SLICE_NS  100000
#define MAX_SLICE_NS  100000000
#define JIFFY_NS      4000000 /* 250 a second */

/* Thread @pid, 0 for the caller: +1. */
static int get_target(struct task *t, int32_t pid, struct task **out)
{
	struct task *p = t;

	if (pid < 0)
		return -EINVAL;
	if (pid)
		p = task_lookup((uint32_t)pid);
	else
		task_get(t);
	if (!p)
		return -ESRCH;
	*out = p;
	return 0;
}

static bool is_rt(int policy)
{
	return policy == LINUX_SCHED_FIFO || policy == LINUX_SCHED_RR;
}

static bool is_known(int policy)
{
	return is_rt(policy) || policy == LINUX_SCHED_NORMAL ||
	       policy == LINUX_SCHED_BATCH || policy == LINUX_SCHED_IDLE;
}

long sys_sched_yield(struct task *t)
{
	(void)t;
	return 0; /* entering the sentry was a yield already */
}

long sys_sched_get_priority_max(struct task *t, int32_t policy)
{
	(void)t;
	if (is_rt(policy))
		return MAX_RT_PRIO;
	return is_known(policy) || policy == LINUX_SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(struct task *t, int32_t policy)
{
	(void)t;
	if (is_rt(policy))
		return 1;
	return is_known(policy) || policy == LINUX_SCHED_DEADLINE ? 0 : -EINVAL;
}

struct sched_change {
	int32_t policy, prio, nice;
	uint64_t slice;
	bool reset_on_fork, set_nice, set_slice, keep_params, clamps;
};

/* As Linux scales it with the number of CPUs. */
static uint64_t default_slice(void)
{
	uint32_t nr = MIN(host_nr_cpus(), 8u);

	return BASE_SLICE_NS * (32 - (uint64_t)__builtin_clz(nr));
}

/* How long @p runs in a row, of those that share the CPU fairly. */
static uint64_t slice_of(const struct task *p)
{
	return p->priv->slice ? p->priv->slice : default_slice();
}

static int may_change(struct task *p, const struct sched_change *c)
{
	uint64_t rt_limit = task_rlimit(p, RLIM_RTPRIO);
	uint64_t nice_limit = task_rlimit(p, RLIM_NICE);

	if (capable(CAP_NR_SYS_NICE))
		return 0;
	if (!sched_same_owner(p))
		return -EPERM;
	if (is_rt(c->policy)) {
		if (c->policy != p->priv->policy && !rt_limit)
			return -EPERM;
		if (c->prio > p->priv->rt_prio && (uint64_t)c->prio > rt_limit)
			return -EPERM;
	} else if (c->set_nice && c->nice < p->priv->nice &&
		   (uint64_t)(20 - c->nice) > nice_limit) {
		return -EPERM;
	}
	if (p->priv->reset_on_fork && !c->reset_on_fork)
		return -EPERM;
	return 0;
}

static int apply(struct task *p, const struct sched_change *c)
{
	int ret;

	if (c->policy == LINUX_SCHED_DEADLINE)
		return capable(CAP_NR_SYS_NICE) ? -EBUSY : -EPERM;
	if (!is_known(c->policy) || c->prio < 0 || c->prio > MAX_RT_PRIO ||
	    is_rt(c->policy) != (c->prio != 0))
		return -EINVAL;
	ret = may_change(p, c);
	if (ret < 0)
		return ret;
	if (c->clamps)
		return -EOPNOTSUPP; /* a kernel without them */
	mutex_lock(&p->mu);
	p->priv->reset_on_fork = c->reset_on_fork;
	if (!c->keep_params) {
		p->priv->policy = c->policy;
		p->priv->rt_prio = c->prio;
		if (c->set_nice)
			p->priv->nice = c->nice;
		if (c->set_slice)
			p->priv->slice = c->slice;
	}
	mutex_unlock(&p->mu);
	return 0;
}

static long set_scheduler(struct task *t, int32_t pid, int32_t policy,
			  bool keep_policy, uaddr_t param)
{
	AUTO_PUT(task) struct task *p = NULL;
	struct sched_change c = { 0 };
	int ret;

	if (uaddr_is_null(param) || pid < 0)
		return -EINVAL;
	if (copy_in(&c.prio, param, sizeof(c.prio)) < 0)
		return -EFAULT;
	ret = get_target(t, pid, &p);
	if (ret < 0)
		return ret;
	c.policy = keep_policy ? p->priv->policy
			       : policy & ~LINUX_SCHED_RESET_ON_FORK;
	c.reset_on_fork = keep_policy ? p->priv->reset_on_fork
				      : !!(policy & LINUX_SCHED_RESET_ON_FORK);
	if (c.policy == LINUX_SCHED_DEADLINE)
		return -EINVAL; /* needs sched_setattr */
	return apply(p, &c);
}

long sys_sched_setscheduler(struct task *t, int32_t pid, int32_t policy,
			    uaddr_t param)
{
	if (policy < 0)
		return -EINVAL;
	return set_scheduler(t, pid, policy, false, param);
}

long sys_sched_setparam(struct task *t, int32_t pid, uaddr_t param)
{
	return set_scheduler(t, pid, 0, true, param);
}

long sys_sched_getscheduler(struct task *t, int32_t pid)
{
	AUTO_PUT(task) struct task *p = NULL;
	int ret = get_target(t, pid, &p);

	if (ret < 0)
		return ret;
	return p->priv->policy |
	       (p->priv->reset_on_fork ? LINUX_SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(struct task *t, int32_t pid, uaddr_t param)
{
	AUTO_PUT(task) struct task *p = NULL;
	int ret;

	if (uaddr_is_null(param))
		return -EINVAL;
	ret = get_target(t, pid, &p);
	if (ret < 0)
		return ret;
	return copy_out(param, &p->priv->rt_prio, sizeof(int32_t));
}

static int copy_attr(struct linux_sched_attr *attr, uaddr_t from)
{
	uint32_t known = sizeof(*attr), size;
	int ret;

	if (copy_in(&size, from, sizeof(size)) < 0)
		return -EFAULT;
	if (!size)
		size = LINUX_SCHED_ATTR_SIZE_VER0;
	ret = size < LINUX_SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE
		      ? -E2BIG
		      : copy_in_struct(attr, sizeof(*attr), from, size);
	if (ret == -E2BIG && copy_out(from, &known, sizeof(known)) < 0)
		return -EFAULT;
	if (ret == 0 && (attr->sched_flags & LINUX_SCHED_FLAG_UTIL_CLAMP) &&
	    size < sizeof(*attr))
		return -EINVAL;
	return ret;
}

/* What @attr asks of @p.  KEEP_PARAMS keeps the policy, too. */
static void change_of(struct task *p, const struct linux_sched_attr *attr,
		      struct sched_change *c)
{
	uint64_t flags = attr->sched_flags;

	c->policy = (int32_t)attr->sched_policy;
	c->reset_on_fork = flags & LINUX_SCHED_FLAG_RESET_ON_FORK;
	c->keep_params = flags & LINUX_SCHED_FLAG_KEEP_PARAMS;
	c->clamps = flags & LINUX_SCHED_FLAG_UTIL_CLAMP;
	c->prio = (int32_t)attr->sched_priority;
	c->nice = MIN(MAX(attr->sched_nice, -20), 19);
	mutex_lock(&p->mu);
	if (flags & LINUX_SCHED_FLAG_KEEP_POLICY) {
		c->policy = p->priv->policy;
		c->reset_on_fork = p->priv->reset_on_fork;
	}
	if (c->keep_params && is_rt(p->priv->policy))
		c->prio = p->priv->rt_prio;
	else if (c->keep_params)
		c->nice = p->priv->nice;
	mutex_unlock(&p->mu);
	c->set_nice = c->set_slice = !is_rt(c->policy);
	if (attr->sched_runtime)
		c->slice = MIN(MAX(attr->sched_runtime, MIN_SLICE_NS),
			       MAX_SLICE_NS);
}

long sys_sched_setattr(struct task *t, int32_t pid, uaddr_t uattr,
		       uint32_t flags)
{
	AUTO_PUT(task) struct task *p = NULL;
	struct linux_sched_attr attr = { 0 };
	struct sched_change c = { 0 };
	int ret;

	if (uaddr_is_null(uattr) || pid < 0 || flags)
		return -EINVAL;
	ret = copy_attr(&attr, uattr);
	if (ret < 0)
		return ret;
	if ((int32_t)attr.sched_policy < 0)
		return -EINVAL;
	ret = get_target(t, pid, &p);
	if (ret < 0)
		return ret;
	if (attr.sched_flags & ~LINUX_SCHED_FLAG_ALL)
		return -EINVAL;
	change_of(p, &attr, &c);
	return apply(p, &c);
}

long sys_sched_getattr(struct task *t, int32_t pid, uaddr_t uattr,
		       uint32_t size, uint32_t flags)
{
	AUTO_PUT(task) struct task *p = NULL;
	struct linux_sched_attr attr = { 0 };
	int ret;

	if (uaddr_is_null(uattr) || pid < 0 || flags || size > PAGE_SIZE ||
	    size < LINUX_SCHED_ATTR_SIZE_VER0)
		return -EINVAL;
	ret = get_target(t, pid, &p);
	if (ret < 0)
		return ret;
	attr.size = MIN(size, (uint32_t)sizeof(attr));
	attr.sched_policy = (uint32_t)p->priv->policy;
	attr.sched_flags =
		p->priv->reset_on_fork ? LINUX_SCHED_FLAG_RESET_ON_FORK : 0;
	if (is_rt(p->priv->policy))
		attr.sched_priority = (uint32_t)p->priv->rt_prio;
	else
		attr.sched_nice = p->priv->nice;
	if (!is_rt(p->priv->policy))
		attr.sched_runtime = slice_of(p);
	return copy_out(uattr, &attr, attr.size);
}

long sys_sched_rr_get_interval(struct task *t, int32_t pid, uaddr_t interval)
{
	AUTO_PUT(task) struct task *p = NULL;
	int64_t ts[2] = { 0, 0 };
	int ret = get_target(t, pid, &p);

	if (ret < 0)
		return ret;
	if (p->priv->policy == LINUX_SCHED_RR)
		ts[1] = RR_SLICE_NS;
	else if (p->priv->policy != LINUX_SCHED_FIFO)
		ts[1] = (int64_t)(slice_of(p) / JIFFY_NS * JIFFY_NS);
	return copy_out(interval, ts, sizeof(ts));
}

/* --- affinity ------------------------------------------------------------- */

static uint32_t mask_size(void)
{
	return (host_nr_cpus() + 63) / 64 * 8;
}

long sys_sched_getaffinity(struct task *t, int32_t pid, uint32_t size,
			   uaddr_t mask)
{
	AUTO_PUT(task) struct task *p = NULL;
	uint64_t set[16];
	int ret;

	if ((uint64_t)size * 8 < host_nr_cpus() || size % 8)
		return -EINVAL;
	ret = get_target(t, pid, &p);
	if (ret < 0)
		return pid < 0 ? -ESRCH : ret;
	mutex_lock(&p->mu);
	memcpy(set, p->priv->affinity, sizeof(set));
	mutex_unlock(&p->mu);
	size = MIN(size, MIN(mask_size(), (uint32_t)sizeof(set)));
	return copy_out(mask, set, size) < 0 ? -EFAULT : (long)size;
}

long sys_sched_setaffinity(struct task *t, int32_t pid, uint32_t size,
			   uaddr_t mask)
{
	AUTO_PUT(task) struct task *p = NULL;
	uint64_t set[16] = { 0 }, any = 0;
	uint32_t nr = MIN(host_nr_cpus(), 1024u);
	int ret;

	if (copy_in(set, mask, MIN(size, mask_size())) < 0)
		return -EFAULT;
	ret = get_target(t, pid, &p);
	if (ret < 0)
		return pid < 0 ? -ESRCH : ret;
	if (!sched_same_owner(p) && !capable(CAP_NR_SYS_NICE))
		return -EPERM;
	for (uint32_t i = 0; i < ARRAY_SIZE(set); i++) {
		if (nr < (i + 1) * 64)
			set[i] &= nr > i * 64 ? (1ull << (nr - i * 64)) - 1 : 0;
		any |= set[i];
	}
	if (!any)
		return -EINVAL;
	task_set_affinity(p, set);
	return 0;
}

/* --- nice ----------------------------------------------------------------- */

struct nice_walk {
	bool set;
	int nice, result; /* result: best of getpriority, errno of set */
};

static int set_nice(struct task *p, int nice)
{
	int old;

	if (!sched_same_owner(p) && !capable(CAP_NR_SYS_NICE))
		return -EPERM;
	mutex_lock(&p->mu);
	old = p->priv->nice;
	mutex_unlock(&p->mu);
	if (nice < old && !capable(CAP_NR_SYS_NICE) &&
	    (uint64_t)(20 - nice) > task_rlimit(p, RLIM_NICE))
		return -EACCES;
	mutex_lock(&p->mu);
	p->priv->nice = nice;
	mutex_unlock(&p->mu);
	return 0;
}

static void visit_nice(struct task *p, void *arg)
{
	struct nice_walk *w = arg;
	int ret;

	if (w->set) {
		ret = set_nice(p, w->nice);
		if (ret < 0 || w->result == -ESRCH)
			w->result = ret;
	} else {
		w->result = MAX(w->result, 20 - p->priv->nice);
	}
}

/* 20 minus the nice value: the raw call's convention. */
long sys_getpriority(struct task *t, int32_t which, int32_t who)
{
	struct nice_walk w = { .result = -ESRCH };
	int ret = sched_walk(t, which, who, visit_nice, &w);

	return ret < 0 ? ret : w.result;
}

long sys_setpriority(struct task *t, int32_t which, int32_t who, int32_t prio)
{
	struct nice_walk w = { .set = true, .result = -ESRCH };
	int ret;

	w.nice = MIN(MAX(prio, -20), 19);
	ret = sched_walk(t, which, who, visit_nice, &w);
	return ret < 0 ? ret : w.result;
}
