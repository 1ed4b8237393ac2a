/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task: tasks and thread groups as objects: making them, references, look-up,
 * and getting a running one to the border of the sentry.
 *
 * References: the process tree holds one on each linked task, its thread
 * another; a task holds one on its group; whoever looks one up holds one.
 * Locks: as task.h says.
 * Tests: tests/conformance/clone.c, exit.c
 */
#include "sentry/kernel/task.h"

#include <errno.h>
#include <string.h>

#include "sentry/host/host.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/futex.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/log.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/vfs.h"

struct task_alloc {
	struct task task;
	struct task_signals signals;
	struct task_private priv;
};

struct group_alloc {
	struct thread_group group;
	struct signal_state signals;
	struct tg_private priv;
};

static __thread struct task *g_current;
static _Atomic uint32_t g_nr_tasks;
static _Atomic uint64_t g_nr_forks;

struct task *current_task(void)
{
	return g_current;
}

void task_set_current(struct task *t)
{
	g_current = t;
}

uint64_t kernel_total_forks(void)
{
	return g_nr_forks;
}

uint32_t kernel_nr_tasks(void)
{
	return g_nr_tasks;
}

/* --- making --------------------------------------------------------------- */

static void signal_state_init(struct signal_state *s)
{
	mutex_init(&s->mu, LOCK_SIGHAND);
	sigpending_init(&s->shared);
	waitq_init(&s->wq);
}

int thread_group_new(struct thread_group *from, struct thread_group **out)
{
	struct group_alloc *a = kzalloc(sizeof(*a));
	struct thread_group *tg;

	if (!a)
		return -ENOMEM;
	tg = &a->group;
	ref_init(&tg->ref);
	tg->signals = &a->signals;
	tg->priv = &a->priv;
	signal_state_init(tg->signals);
	list_init(&tg->threads);
	list_init(&tg->children);
	list_init(&tg->child_node);
	list_init(&tg->pgrp_node);
	waitq_init(&tg->wait_children);
	waitq_init(&tg->exit_wq);
	waitq_init(&tg->priv->exec_wq);
	tg->start_time = clock_monotonic();
	tg->exit_signal = LINUX_SIGCHLD;
	tg->priv->dump_filter = 0x33;
	if (from) {
		mutex_lock(&from->signals->mu);
		memcpy(tg->rlimits, from->rlimits, sizeof(tg->rlimits));
		mutex_unlock(&from->signals->mu);
		tg->oom_score_adj = from->oom_score_adj;
		tg->priv->dump_filter = from->priv->dump_filter;
		tg->priv->oom_adj_min = from->priv->oom_adj_min;
	}
	*out = tg;
	return 0;
}

int task_new(struct thread_group *tg, struct task **out)
{
	struct task_alloc *a = kzalloc(sizeof(*a));
	struct task *t;

	if (!a)
		return -ENOMEM;
	t = &a->task;
	ref_init(&t->ref);
	t->signals = &a->signals;
	t->priv = &a->priv;
	thread_group_get(tg);
	t->group = tg;
	list_init(&t->group_node);
	mutex_init(&t->mu, LOCK_TASK);
	pthread_mutex_init(&t->priv->kick_mu, NULL);
	sigpending_init(&t->signals->pending);
	t->signals->altstack.flags = (int32_t)LINUX_SS_DISABLE;
	ptrace_init(t);
	t->syscall_nr = -1;
	t->state = 'R';
	t->priv->timer_slack = 50000;
	t->priv->start_time = clock_monotonic();
	for (uint32_t i = 0; i < MIN(host_nr_cpus(), 1024u); i++)
		t->priv->affinity[i / 64] |= 1ull << i % 64;
	*out = t;
	return 0;
}

/* --- references ----------------------------------------------------------- */

void task_get(struct task *t)
{
	ref_get(&t->ref);
}

static void task_free(struct task *t)
{
	sigpending_flush(&t->signals->pending, UINT64_MAX);
	if (t->cred)
		cred_put((struct cred *)(uintptr_t)t->cred);
	if (t->priv->vfork)
		vfork_wait_put(t->priv->vfork);
	free(t->priv->fpu);
	ptrace_fini(&t->priv->ptrace);
	pthread_mutex_destroy(&t->priv->kick_mu);
	thread_group_put(t->group);
	free(container_of(t, struct task_alloc, task));
}

void task_put(struct task *t)
{
	if (ref_put(&t->ref))
		task_free(t);
}

void thread_group_get(struct thread_group *tg)
{
	ref_get(&tg->ref);
}

void thread_group_put(struct thread_group *tg)
{
	if (!ref_put(&tg->ref))
		return;
	sigpending_flush(&tg->signals->shared, UINT64_MAX);
	if (tg->pid_ns)
		ns_put(&tg->pid_ns->ns);
	if (tg->signals->actions)
		sig_actions_put(tg->signals->actions);
	waitq_fini(&tg->signals->wq);
	waitq_fini(&tg->wait_children);
	waitq_fini(&tg->exit_wq);
	waitq_fini(&tg->priv->exec_wq);
	cgroup_put(tg->priv->cgroup);
	free(container_of(tg, struct group_alloc, group));
}

/* --- the tree ------------------------------------------------------------- */

/*
 * The check and the insertion are one step under sighand: a stop or a kill of
 * the group meets the new thread, or keeps it from being made.
 */
int task_link_locked(struct task *t, uint32_t tid, struct task *creator)
{
	struct thread_group *tg = t->group;
	struct signal_state *s =
		creator ? creator->group->signals : tg->signals;
	int ret;

	tasklist_assert_held();
	ret = cgroup_fork_locked(tg, creator ? creator->group : NULL);
	if (ret < 0)
		return ret;
	mutex_lock(&s->mu);
	if (creator) {
		signal_recalc_locked(creator);
		if (task_signal_pending(creator)) {
			mutex_unlock(&s->mu);
			cgroup_exit_locked(tg);
			cgroup_reap_locked(tg);
			return -ERESTARTNOINTR;
		}
	}
	t->tid = tid; /* before others find it among the threads */
	list_append(&tg->threads, &t->group_node);
	tg->nr_threads++;
	if (creator)
		seccomp_fork_locked(creator, t);
	mutex_unlock(&s->mu);
	task_get(t);
	pid_bind_task_locked(tid, t);
	atomic_fetch_add(&g_nr_tasks, 1);
	atomic_fetch_add(&g_nr_forks, 1);
	if (t->cred->user)
		atomic_fetch_add(&t->cred->user->nr_tasks, 1);
	return 0;
}

void task_unlink_locked(struct task *t)
{
	struct thread_group *tg = t->group;

	tasklist_assert_held();
	atomic_store(&t->priv->exit_state, 'X');
	pid_bind_task_locked(t->tid, NULL);
	mutex_lock(&tg->signals->mu);
	list_del(&t->group_node);
	mutex_unlock(&tg->signals->mu);
	if (tg->leader == t) {
		tg->leader = NULL;
		list_del(&tg->child_node);
		tty_ctl_clear_locked(tg);
		pgrp_leave_locked(tg);
	}
	atomic_fetch_sub(&g_nr_tasks, 1);
	cgroup_reap_locked(tg);
	mutex_lock(&t->mu);
	if (t->cred->user)
		atomic_fetch_sub(&t->cred->user->nr_tasks, 1);
	mutex_unlock(&t->mu);
	task_put(t);
}

struct task *task_lookup_global(uint32_t tid)
{
	struct task *t;

	tasklist_lock();
	t = pid_peek_task_locked(tid);
	if (t)
		task_get(t);
	tasklist_unlock();
	return t;
}

struct task *task_lookup(uint32_t tid)
{
	struct task *t;

	tasklist_lock();
	t = pid_peek_task_locked(pid_from_guest_locked(tid));
	if (t)
		task_get(t);
	tasklist_unlock();
	return t;
}

struct thread_group *thread_group_lookup(uint32_t tgid)
{
	struct thread_group *tg;

	tasklist_lock();
	tg = pid_peek_group_locked(pid_from_guest_locked(tgid));
	if (tg)
		thread_group_get(tg);
	tasklist_unlock();
	return tg;
}

struct thread_group *thread_group_next(uint32_t after)
{
	struct thread_group *tg = NULL;

	tasklist_lock();
	for (uint32_t i = after + 1; i < pid_end_locked() && !tg; i++)
		tg = pid_peek_group_locked(i);
	if (tg)
		thread_group_get(tg);
	tasklist_unlock();
	return tg;
}

struct task *thread_group_next_task(struct thread_group *tg, uint32_t after)
{
	struct task *t, *best = NULL;

	tasklist_lock();
	list_for_each_entry (t, &tg->threads, group_node)
		if (t->tid > after && (!best || t->tid < best->tid))
			best = t;
	if (best)
		task_get(best);
	tasklist_unlock();
	return best;
}

/* --- what a task uses ----------------------------------------------------- */

struct mm *task_get_mm(struct task *t)
{
	struct mm *mm;

	mutex_lock(&t->mu);
	mm = t->mm;
	if (mm)
		mm_get(mm);
	mutex_unlock(&t->mu);
	return mm;
}

struct fd_table *task_get_fds(struct task *t)
{
	struct fd_table *fds;

	mutex_lock(&t->mu);
	fds = t->fds;
	if (fds)
		fd_table_get(fds);
	mutex_unlock(&t->mu);
	return fds;
}

struct fs_ctx *task_get_fs(struct task *t)
{
	struct fs_ctx *fs;

	mutex_lock(&t->mu);
	fs = t->fs;
	if (fs)
		fs_ctx_get(fs);
	mutex_unlock(&t->mu);
	return fs;
}

struct cred *task_get_cred(struct task *t)
{
	struct cred *c;

	mutex_lock(&t->mu);
	c = (struct cred *)(uintptr_t)t->cred;
	cred_get(c);
	mutex_unlock(&t->mu);
	return c;
}

bool task_over_nproc(struct task *t)
{
	const struct user_acct *user = t->cred->user;

	return user && user->uid != 0 &&
	       user->nr_tasks > task_rlimit(t, RLIM_NPROC);
}

/* Charges for the task itself follow its real user id. */
void task_set_cred(struct task *t, struct cred *c)
{
	struct cred *old;

	mutex_lock(&t->mu);
	old = (struct cred *)(uintptr_t)t->cred;
	t->cred = c;
	if (old && old->user)
		atomic_fetch_sub(&old->user->nr_tasks, 1);
	/* A change to a user with too many processes fails at execve(2). */
	if (old && old->uid != c->uid)
		t->priv->nproc_exceeded = task_over_nproc(t);
	if (c->user)
		atomic_fetch_add(&c->user->nr_tasks, 1);
	mutex_unlock(&t->mu);
	if (old)
		cred_put(old);
}

void task_drop_resources(struct task *t)
{
	struct fd_table *fds;
	struct ns_common *ns[TASK_NS_NR];
	struct fs_ctx *fs;
	struct mm *mm;

	mutex_lock(&t->mu);
	mm = take(t->mm);
	fds = take(t->fds);
	fs = take(t->fs);
	memcpy(ns, t->ns, sizeof(ns));
	memset(t->ns, 0, sizeof(t->ns));
	mutex_unlock(&t->mu);
	futex_exit_pi(t); /* once nobody sees our memory any more */
	if (mm)
		mm_put(mm);
	sem_undo_exit(t);
	if (fds)
		fd_table_put(fds);
	if (fs)
		fs_ctx_put(fs);
	for (int i = 0; i < TASK_NS_NR; i++)
		ns_put(ns[i]);
}

uint64_t task_rlimit(struct task *t, unsigned int which)
{
	/* One word: no lock, as it is asked under locks of any rank. */
	return __atomic_load_n(&t->group->rlimits[which].cur, __ATOMIC_RELAXED);
}

bool task_no_aslr(struct task *t)
{
	return t->priv->personality & 0x0040000u;
}

/* ptrace_may_access() with PTRACE_MODE_REALCREDS or FSCREDS. */
static int cred_may_access(const struct cred *me, bool real,
			   const struct cred *it, int dumpable)
{
	uint64_t caps = real ? me->cap_permitted : me->cap_effective;
	uint32_t uid = real ? me->uid : me->fsuid;
	uint32_t gid = real ? me->gid : me->fsgid;

	if (cred_ns_capable(me, it->user_ns, CAP_NR_SYS_PTRACE))
		return 0;
	if (uid != it->euid || uid != it->suid || uid != it->uid ||
	    gid != it->egid || gid != it->sgid || gid != it->gid)
		return -EPERM;
	if (dumpable != 1)
		return -EPERM;
	return it->user_ns != me->user_ns || (it->cap_permitted & ~caps)
		       ? -EPERM
		       : 0;
}

static int may_access(struct task *t, bool real)
{
	struct task *me = current_task();
	AUTO_PUT(cred) struct cred *it = NULL;
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret;

	if (t->group == me->group)
		return 0;
	it = task_get_cred(t);
	mm = task_get_mm(t);
	ret = cred_may_access(me->cred, real, it, mm ? mm_dumpable(mm) : 1);
	return ret < 0 ? ret : landlock_may_trace(me->cred, it);
}

int task_may_access(struct task *t)
{
	return may_access(t, false);
}

int task_may_attach(struct task *t)
{
	return may_access(t, true);
}

/* --- to the border -------------------------------------------------------- */

/*
 * The run loop stores in_guest before it looks at work for the last time; we
 * store work before we load in_guest.  Both are sequentially consistent, so
 * either the loop sees the work, or we see in_guest and interrupt.
 */
void task_kick(struct task *t, uint32_t work)
{
	struct task_private *p = t->priv;

	atomic_fetch_or(&t->work, work);
	task_wake(t);
	if (!(atomic_load(&p->in_guest) & 1))
		return;
	pthread_mutex_lock(&p->kick_mu);
	if (t->cpu && (atomic_load(&p->in_guest) & 1))
		platform_interrupt(t->cpu);
	pthread_mutex_unlock(&p->kick_mu);
}

void task_set_affinity(struct task *t, const uint64_t mask[16])
{
	struct task_private *p = t->priv;

	mutex_lock(&t->mu);
	memcpy(p->affinity, mask, sizeof(p->affinity));
	pthread_mutex_lock(&p->kick_mu);
	if (t->cpu)
		platform_affinity(t->cpu, mask);
	pthread_mutex_unlock(&p->kick_mu);
	mutex_unlock(&t->mu);
}

uint32_t task_which_cpu(struct task *t)
{
	int nr = -1;

	pthread_mutex_lock(&t->priv->kick_mu);
	if (t->cpu)
		nr = platform_which_cpu(t->cpu);
	pthread_mutex_unlock(&t->priv->kick_mu);
	if (nr < 0 && t == current_task())
		nr = (int)(host_getcpu() % host_nr_cpus());
	return nr < 0 ? 0 : (uint32_t)nr;
}

void *task_fpu_buf(struct task *t)
{
	if (!t->priv->fpu)
		t->priv->fpu = kzalloc(platform_limits()->xsave_size);
	return t->priv->fpu;
}

int task_reset_fpu(struct task *t)
{
	uint8_t *fpu = task_fpu_buf(t);
	uint16_t fcw = 0x37f;
	uint32_t mxcsr = 0x1f80;

	if (!fpu)
		return -ENOMEM;
	memset(fpu, 0, platform_limits()->xsave_size);
	memcpy(fpu, &fcw, sizeof(fcw));
	memcpy(fpu + 24, &mxcsr, sizeof(mxcsr));
	return platform_set_fpu(t->cpu, fpu);
}
