/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone: new tasks, from clone(2), clone3(2), fork(2), vfork(2).
 *
 * The new task is built in full by its parent, gets a sentry thread that waits,
 * becomes visible, and is told to go.  Until it is visible every failure just
 * drops it.
 * Locks: tasklist for the moment of becoming visible.
 * Linux: kernel/fork.c of 6.18.
 * Tests: tests/conformance/clone.c
 */
#include "sentry/kernel/clone.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/host/host.h"
#include "sentry/host/host_worker.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/keys.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/log.h"
#include "sentry/loader/vdso.h"
#include "sentry/vfs/vfs.h"

/* What the parent's tracer hears of the new task. */
struct clone_trace {
	int event;    /* LINUX_PTRACE_EVENT_*, 0: none */
	uint32_t pid; /* in the tracer's PID namespace */
};

#define HAS(rq, name) ((rq)->flags & LINUX_CLONE_##name)

/* --- what is asked for ---------------------------------------------------- */

static int check_request(struct task *t, const struct clone_request *rq)
{
	int ret = task_ns_check_clone(t, rq->flags);

	if (ret < 0)
		return ret;
	if (HAS(rq, THREAD) && !HAS(rq, SIGHAND))
		return -EINVAL;
	if (HAS(rq, SIGHAND) && !HAS(rq, VM))
		return -EINVAL;
	if (HAS(rq, SIGHAND) && HAS(rq, CLEAR_SIGHAND))
		return -EINVAL;
	if (HAS(rq, PARENT) && t->group == task_pid_ns(t)->init)
		return -EINVAL;
	if (HAS(rq, PIDFD) && HAS(rq, THREAD))
		return -EINVAL; /* PIDFD_THREAD is not there */
	if (HAS(rq, SETTLS) && rq->tls >= platform_limits()->max_user_addr)
		return -EPERM;
	return 0;
}

static int check_limits(struct task *t)
{
	uint64_t limit = task_rlimit(t, RLIM_NPROC);
	struct user_acct *user = t->cred->user;

	if (user && user->uid != 0 && user->nr_tasks >= limit &&
	    !capable(CAP_NR_SYS_RESOURCE) && !capable(CAP_NR_SYS_ADMIN))
		return -EAGAIN;
	return 0;
}

/* --- the parts of a task -------------------------------------------------- */

static int copy_actions(struct task *t, struct thread_group *tg,
			const struct clone_request *rq)
{
	struct sig_actions *from = t->group->signals->actions;

	if (HAS(rq, SIGHAND)) {
		sig_actions_get(from);
		tg->signals->actions = from;
		return 0;
	}
	return sig_actions_copy(from, HAS(rq, CLEAR_SIGHAND),
				&tg->signals->actions);
}

static int make_group(struct task *t, const struct clone_request *rq,
		      struct thread_group **out)
{
	AUTO_PUT(thread_group) struct thread_group *tg = NULL;
	int ret;

	if (HAS(rq, THREAD)) {
		thread_group_get(t->group);
		*out = t->group;
		return 0;
	}
	ret = thread_group_new(t->group, &tg);
	if (ret < 0)
		return ret;
	ret = copy_actions(t, tg, rq);
	if (ret < 0)
		return ret;
	if (rq->cgroup)
		cgroup_preset(tg, rq->cgroup);
	*out = take(tg);
	return 0;
}

static int copy_mm(struct task *t, struct task *c,
		   const struct clone_request *rq)
{
	if (!HAS(rq, VM)) {
		int ret = mm_fork(t->mm, &c->mm);

		if (ret == 0 && c->ns[TASK_NS_TIME] != t->ns[TASK_NS_TIME])
			ret = vdso_set_asking(c->mm, task_has_time_offsets(c));
		return ret;
	}
	mm_get(t->mm);
	c->mm = t->mm;
	if (!HAS(rq, THREAD)) {
		atomic_store(&t->group->priv->mm_shared, true);
		atomic_store(&c->group->priv->mm_shared, true);
	}
	return 0;
}

static int copy_files(struct task *t, struct task *c,
		      const struct clone_request *rq)
{
	if (!HAS(rq, FILES))
		return fd_table_fork(t->fds, &c->fds);
	fd_table_get(t->fds);
	c->fds = t->fds;
	if (!HAS(rq, THREAD)) {
		atomic_store(&t->group->priv->files_shared, true);
		atomic_store(&c->group->priv->files_shared, true);
	}
	return 0;
}

static int copy_fs(struct task *t, struct task *c,
		   const struct clone_request *rq)
{
	if (!HAS(rq, FS))
		return fs_ctx_copy(t->fs, &c->fs);
	fs_ctx_get(t->fs);
	c->fs = t->fs;
	return 0;
}

static int copy_namespaces(struct task *t, struct task *c,
			   const struct clone_request *rq)
{
	int ret = task_ns_make(t, rq->flags & LINUX_CLONE_NAMESPACES, c->cred,
			       c->fs, c->ns);

	if (ret < 0)
		return ret;
	if (!HAS(rq, VM))
		task_ns_enter_time(c->ns);
	if (!HAS(rq, THREAD)) {
		c->group->pid_ns = container_of(c->ns[TASK_NS_PID_CHILDREN],
						struct pid_ns, ns);
		ns_get(&c->group->pid_ns->ns);
	}
	return 0;
}

static void copy_signals(struct task *t, struct task *c,
			 const struct clone_request *rq)
{
	bool fresh_stack = HAS(rq, VM) && !HAS(rq, VFORK);

	c->signals->blocked = t->signals->blocked;
	if (!fresh_stack)
		c->signals->altstack = t->signals->altstack;
}

static void copy_sched(struct task *t, struct task *c)
{
	struct task_private *from = t->priv, *to = c->priv;

	mutex_lock(&t->mu);
	memcpy(c->comm, t->comm, sizeof(c->comm));
	to->policy = from->policy;
	to->rt_prio = from->rt_prio;
	to->nice = from->nice;
	to->slice = from->reset_on_fork ? 0 : from->slice;
	to->ioprio = from->ioprio;
	to->mempolicy = from->mempolicy;
	to->timer_slack = from->timer_slack;
	memcpy(to->affinity, from->affinity, sizeof(to->affinity));
	if (from->reset_on_fork) {
		if (to->policy == LINUX_SCHED_FIFO ||
		    to->policy == LINUX_SCHED_RR) {
			to->policy = LINUX_SCHED_NORMAL;
			to->rt_prio = 0;
			to->nice = 0;
		}
		to->nice = MAX(to->nice, 0);
	}
	mutex_unlock(&t->mu);
	to->personality = from->personality;
}

static int copy_cpu(struct task *t, struct task *c,
		    const struct clone_request *rq)
{
	struct guest_regs *r = &c->priv->start_regs;
	void *fpu = task_fpu_buf(c);
	int ret;

	if (!fpu)
		return -ENOMEM;
	ret = platform_get_fpu(t->cpu, fpu);
	if (ret < 0)
		return ret;
	*r = *platform_regs(t->cpu);
	r->rax = 0;
	r->orig_rax = UINT64_MAX;
	if (rq->sp)
		r->rsp = rq->sp;
	if (HAS(rq, SETTLS))
		r->fs_base = rq->tls;
	ret = platform_vcpu_new(mm_platform_as(c->mm),
				HAS(rq, VM) ? t->cpu : NULL, &c->cpu);
	if (ret == 0)
		platform_affinity(c->cpu, c->priv->affinity);
	return ret;
}

static int make_vfork(struct task *c, struct vfork_wait **out)
{
	struct vfork_wait *v = kzalloc(sizeof(*v));

	if (!v)
		return -ENOMEM;
	ref_init(&v->ref);
	waitq_init(&v->wq);
	ref_get(&v->ref);
	c->priv->vfork = v;
	*out = v;
	return 0;
}

static int copy_parts(struct task *t, struct task *c,
		      const struct clone_request *rq)
{
	int ret = HAS(rq, SYSVSEM) ? sem_undo_share(t, c) : 0;

	if (ret == 0)
		ret = copy_files(t, c, rq);
	if (ret == 0)
		ret = copy_fs(t, c, rq);
	if (ret == 0)
		ret = copy_namespaces(t, c, rq);
	if (ret == 0)
		ret = copy_mm(t, c, rq);
	if (ret == 0)
		ret = copy_cpu(t, c, rq);
	return ret;
}

static int copy_cred(struct task *t, struct task *c,
		     const struct clone_request *rq)
{
	AUTO_PUT(user_ns) struct user_ns *ns = NULL;
	struct cred *cred;
	int ret;

	if (!HAS(rq, NEWUSER)) {
		ret = cred_fork(t->cred, HAS(rq, THREAD), &cred);
		if (ret < 0)
			return ret;
		c->cred = cred;
		if (HAS(rq, THREAD) && t->cred->parts[CRED_KEY_THREAD])
			ret = key_fork_thread(cred);
		return ret;
	}
	ret = user_ns_new(t->cred, fs_ctx_is_chrooted(t->fs), &ns);
	if (ret < 0)
		return ret;
	ret = cred_copy(t->cred, &cred);
	if (ret < 0)
		return ret;
	cred_drop_part(cred, CRED_KEY_THREAD);
	cred_drop_part(cred, CRED_KEY_PROCESS);
	cred_enter_user_ns(cred, ns);
	c->cred = cred;
	return 0;
}

static int make_task(struct task *t, const struct clone_request *rq,
		     struct task **out)
{
	AUTO_PUT(thread_group) struct thread_group *tg = NULL;
	struct task *c;
	int ret = make_group(t, rq, &tg);

	if (ret < 0)
		return ret;
	ret = task_new(tg, &c);
	if (ret < 0)
		return ret;
	ret = copy_cred(t, c, rq);
	if (ret < 0) {
		task_put(c);
		return ret;
	}
	c->no_new_privs = t->no_new_privs;
	copy_signals(t, c, rq);
	copy_sched(t, c);
	if (HAS(rq, CHILD_SETTID))
		c->priv->set_child_tid = rq->child_tid.va;
	if (HAS(rq, CHILD_CLEARTID))
		c->clear_child_tid = rq->child_tid.va;
	ret = copy_parts(t, c, rq);
	if (ret < 0) {
		task_drop_resources(c);
		task_put(c);
		return ret;
	}
	*out = c;
	return 0;
}

/* --- the new thread ------------------------------------------------------- */

static void abort_task(struct task *t)
{
	platform_vcpu_free(take(t->cpu));
	task_drop_resources(t);
	task_put(t);
}

static int load_start_state(struct task *t)
{
	int ret = 0;

	*platform_regs(t->cpu) = t->priv->start_regs;
	if (t->priv->fpu)
		ret = platform_set_fpu(t->cpu, t->priv->fpu);
	free(take(t->priv->fpu));
	return ret;
}

void task_thread(void *arg)
{
	struct task *t = arg;
	uint32_t tid;
	int ret;

	task_set_current(t);
	task_clock_start(t);
	ret = platform_vcpu_bind(t->cpu);
	tid = t->vtid;
	if (ret == 0)
		ret = load_start_state(t);
	if (ret < 0) {
		log_warning("thread %u cannot start: %s", tid, strerror(-ret));
		signal_group_exit(t, LINUX_SIGKILL);
	} else if (t->priv->set_child_tid) {
		/* As Linux: a bad pointer is the program's problem. */
		if (copy_out(uaddr(t->priv->set_child_tid), &tid, sizeof(tid)) <
		    0)
			log_debug("thread %u: bad child_tid", tid);
	}
	task_run(t);
	atomic_store(&t->priv->clock_id, 0);
	task_set_current(NULL);
	task_put(t);
}

/* --- becoming visible ----------------------------------------------------- */

static int choose_tid_locked(struct task *c, const struct clone_request *rq,
			     struct pid_nrs **out)
{
	struct thread_group *init = pid_peek_group_locked(1);

	if (init && init->nr_threads == 0)
		return -ENOMEM; /* the sandbox is ending */
	return pid_alloc_in_locked(c->group->pid_ns, rq->set_tid,
				   rq->nr_set_tid, out);
}

/* The process is the first of its namespace: it leads it. */
static void lead_namespace_locked(struct thread_group *tg)
{
	struct pid_ns *ns = tg->pid_ns;

	if (ns->had_init)
		return;
	ns->had_init = true;
	ns->init = tg;
	mutex_lock(&tg->signals->mu);
	tg->signals->unkillable = true;
	mutex_unlock(&tg->signals->mu);
}

static void place_group_locked(struct task *t, struct task *c, int tid,
			       const struct clone_request *rq)
{
	struct thread_group *tg = c->group, *me = t->group;

	assert(me && tg != me);
	tg->tgid = (uint32_t)tid;
	tg->vtgid = c->vtid;
	tg->leader = c;
	lead_namespace_locked(tg);
	if (HAS(rq, PARENT)) {
		tg->parent = me->parent;
		tg->exit_signal = me->exit_signal;
		tg->priv->creator_tid = me->priv->creator_tid;
	} else {
		tg->parent = me;
		tg->exit_signal = rq->exit_signal;
		tg->priv->creator_tid = t->tid;
	}
	if (tg->parent)
		list_append(&tg->parent->children, &tg->child_node);
	pgrp_join_locked(tg, me->pgrp);
	tty_ctl_inherit_locked(tg, me);
}

/* The event for @t's tracer that the new task is; 0: it does not ask. */
static int trace_event(struct task *t, const struct clone_request *rq)
{
	int event = LINUX_PTRACE_EVENT_FORK;

	if (HAS(rq, UNTRACED))
		return 0;
	if (HAS(rq, VFORK))
		event = LINUX_PTRACE_EVENT_VFORK;
	else if (rq->exit_signal != LINUX_SIGCHLD)
		event = LINUX_PTRACE_EVENT_CLONE;
	return ptrace_event_enabled(t, event) ? event : 0;
}

/* Returns the id of @c as its tracer sees it, if it has one. */
static uint32_t trace_child_locked(struct task *t, struct task *c, bool event,
				   const struct clone_request *rq)
{
	struct task *tracer = t->priv->ptrace.tracer;

	if (!tracer)
		return 0;
	if (event || HAS(rq, PTRACE))
		ptrace_inherit_locked(t, c);
	return pid_nr_in_locked(c->tid, task_pid_ns(tracer));
}

static long publish(struct task *t, struct task *c,
		    const struct clone_request *rq, struct clone_trace *trace)
{
	struct pid_nrs *nrs;
	uint32_t seen;
	int tid, ret;

	tasklist_lock();
	tid = choose_tid_locked(c, rq, &nrs);
	if (tid < 0) {
		tasklist_unlock();
		return tid;
	}
	c->vtid = nrs->nr[nrs->ns->level];
	seen = nrs->nr[task_pid_ns(t)->level];
	ret = task_link_locked(c, (uint32_t)tid, t);
	if (ret < 0) {
		pid_nrs_free(nrs);
	} else {
		pid_publish_locked(nrs);
		if (!HAS(rq, THREAD))
			place_group_locked(t, c, tid, rq);
		trace->pid = trace_child_locked(t, c, trace->event, rq);
	}
	tasklist_unlock();
	return ret < 0 ? ret : (long)seen;
}

static bool wait_vfork(struct task *t, struct vfork_wait *v)
{
	struct task_waiter w;

	task_waiter_init(&w, t);
	waitq_add(&v->wq, &w.waiter, LINUX_POLLIN);
	while (!atomic_load(&v->done))
		if (task_sleep_killable(&w, NO_DEADLINE) < 0)
			break;
	waitq_del(&w.waiter);
	return atomic_load(&v->done);
}

static int make_pidfd(struct task *t, struct task *c,
		      const struct clone_request *rq)
{
	AUTO_PUT(file) struct file *f = NULL;
	int fd, ret;

	if (!HAS(rq, PIDFD))
		return -1;
	ret = pidfd_new(c->group, 0, &f);
	if (ret < 0)
		return ret;
	fd = fd_table_install(t->fds, f, true);
	if (fd >= 0 && copy_out(rq->pidfd, &fd, sizeof(fd)) < 0) {
		fd_table_close(t->fds, fd);
		return -EFAULT;
	}
	return fd;
}

/* Gives the built task a thread and sets it free. */
static long start(struct task *t, struct task *c,
		  const struct clone_request *rq, struct clone_trace *trace)
{
	struct host_worker *w;
	int32_t tid32;
	long tid;

	if (host_worker_get(&w) < 0) {
		abort_task(c);
		return -EAGAIN;
	}
	tid = publish(t, c, rq, trace);
	if (tid < 0) {
		host_worker_put(w);
		abort_task(c);
		return tid;
	}
	tid32 = (int32_t)tid;
	if (HAS(rq, PARENT_SETTID) &&
	    copy_out(rq->parent_tid, &tid32, sizeof(tid32)) < 0)
		log_debug("clone: bad parent_tid");
	host_worker_go(w, task_thread, c);
	return tid;
}

long task_clone(struct task *t, const struct clone_request *rq)
{
	struct vfork_wait *v = NULL;
	struct task *c = NULL;
	int pidfd = -1, ret = check_request(t, rq);
	struct clone_trace trace = { .event = trace_event(t, rq) };
	long tid;

	if (ret == 0)
		ret = check_limits(t);
	if (ret < 0)
		return ret;
	if (task_signal_pending(t))
		return -ERESTARTNOINTR; /* before the work, not after */
	ret = make_task(t, rq, &c);
	if (ret < 0)
		return ret;
	if (HAS(rq, VFORK))
		ret = make_vfork(c, &v);
	if (ret == 0 && HAS(rq, PIDFD))
		ret = pidfd = make_pidfd(t, c, rq);
	if (ret < 0) {
		abort_task(c);
		tid = ret;
	} else {
		tid = start(t, c, rq, &trace);
		if (tid < 0 && pidfd >= 0)
			fd_table_close(t->fds, pidfd);
	}
	if (tid > 0 && trace.event)
		ptrace_event(t, trace.event, trace.pid);
	if (v && tid > 0 && wait_vfork(t, v))
		ptrace_event(t, LINUX_PTRACE_EVENT_VFORK_DONE, trace.pid);
	if (v)
		vfork_wait_put(v);
	return tid;
}
