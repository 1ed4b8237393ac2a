/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone: new tasks, from clone(2), clone3(2), fork(2), vfork(2).
 *
 * The new task is built in full by its parent, gets a sentry thread that binds
 * its vcpu and waits, becomes visible, and is told to go.  Until it is visible
 * every failure just drops it.
 * Locks: tasklist for the moment of becoming visible.
 * Linux: kernel/fork.c of 6.18; of the namespaces only UTS can be new.
 * Tests: tests/conformance/clone.c
 */
#include "sentry/kernel/clone.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/host/host.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/vfs/vfs.h"

#define HAS(rq, name) ((rq)->flags & LINUX_CLONE_##name)

/* --- what is asked for ---------------------------------------------------- */

static int check_namespaces(uint64_t flags)
{
	uint64_t ns = flags & LINUX_CLONE_NAMESPACES;

	if (!ns)
		return 0;
	if (ns & LINUX_CLONE_NEWUSER)
		return -EINVAL; /* as a kernel built without them */
	if (!capable(CAP_NR_SYS_ADMIN))
		return -EPERM;
	return ns & ~LINUX_CLONE_NEWUTS ? -EINVAL : 0;
}

static int check_request(struct task *t, const struct clone_request *rq)
{
	if (HAS(rq, FS) && (HAS(rq, NEWNS) || HAS(rq, NEWUSER)))
		return -EINVAL;
	if (HAS(rq, THREAD) && !HAS(rq, SIGHAND))
		return -EINVAL;
	if (HAS(rq, SIGHAND) && !HAS(rq, VM))
		return -EINVAL;
	if (HAS(rq, SIGHAND) && HAS(rq, CLEAR_SIGHAND))
		return -EINVAL;
	if (HAS(rq, PARENT) && t->group->tgid == 1)
		return -EINVAL;
	if (HAS(rq, THREAD) && (HAS(rq, NEWUSER) || HAS(rq, NEWPID)))
		return -EINVAL;
	if (HAS(rq, PIDFD) && HAS(rq, THREAD))
		return -EINVAL; /* PIDFD_THREAD is not there */
	if (HAS(rq, SETTLS) && rq->tls >= platform_limits()->max_user_addr)
		return -EPERM;
	return check_namespaces(rq->flags);
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
	*out = take(tg);
	return 0;
}

static int copy_mm(struct task *t, struct task *c,
		   const struct clone_request *rq)
{
	if (!HAS(rq, VM))
		return mm_fork(t->mm, &c->mm);
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

static int uts_ns_copy(struct uts_ns *from, struct uts_ns **out)
{
	struct uts_ns *u;
	int ret = uts_ns_new("", &u);

	if (ret < 0)
		return ret;
	mutex_lock(&from->mu);
	memcpy(u->nodename, from->nodename, sizeof(u->nodename));
	memcpy(u->domainname, from->domainname, sizeof(u->domainname));
	mutex_unlock(&from->mu);
	*out = u;
	return 0;
}

static int copy_namespaces(struct task *t, struct task *c,
			   const struct clone_request *rq)
{
	mount_ns_get(t->mount_ns);
	c->mount_ns = t->mount_ns;
	if (HAS(rq, NEWUTS))
		return uts_ns_copy(t->uts, &c->uts);
	uts_ns_get(t->uts);
	c->uts = t->uts;
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
	return platform_vcpu_new(mm_platform_as(c->mm),
				 HAS(rq, VM) ? t->cpu : NULL, &c->cpu);
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
	int ret = copy_files(t, c, rq);

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
	cred_get(t->cred);
	c->cred = t->cred;
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

void task_say_go(struct task *t, uint32_t go)
{
	/* Once it goes it may end, and be gone, before we have woken it. */
	task_get(t);
	atomic_store(&t->priv->go, go);
	host_futex_wake(&t->priv->go, 1);
	task_put(t);
}

static void abort_task(struct task *t)
{
	platform_vcpu_free(take(t->cpu));
	task_drop_resources(t);
	task_set_current(NULL);
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
	/* The host's CPU clock of this thread (CPUCLOCK_PERTHREAD_SCHED). */
	atomic_store(&t->priv->clock_id, (int)(~host_gettid() << 3 | 6));
	ret = platform_vcpu_bind(t->cpu);
	while (atomic_load(&t->priv->go) == TASK_GO_WAIT)
		host_futex_wait(&t->priv->go, TASK_GO_WAIT, NO_DEADLINE);
	if (t->priv->go == TASK_GO_ABORT) {
		abort_task(t);
		return;
	}
	tid = t->tid;
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

static int choose_tid_locked(const struct clone_request *rq)
{
	struct thread_group *init = pid_peek_group_locked(1);

	if (init && init->nr_threads == 0)
		return -ENOMEM; /* the namespace is ending */
	if (!rq->set_tid)
		return pid_alloc_locked();
	if (rq->set_tid >= PID_MAX)
		return -EINVAL;
	return pid_in_use_locked(rq->set_tid) ? -EEXIST : (int)rq->set_tid;
}

static void place_group_locked(struct task *t, struct task *c, int tid,
			       const struct clone_request *rq)
{
	struct thread_group *tg = c->group, *me = t->group;

	assert(me && tg != me);
	tg->tgid = (uint32_t)tid;
	tg->leader = c;
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
}

static long publish(struct task *t, struct task *c,
		    const struct clone_request *rq)
{
	int tid, ret;

	tasklist_lock();
	tid = choose_tid_locked(rq);
	if (tid < 0) {
		tasklist_unlock();
		return tid;
	}
	ret = task_link_locked(c, (uint32_t)tid, t);
	if (ret == 0 && !HAS(rq, THREAD))
		place_group_locked(t, c, tid, rq);
	tasklist_unlock();
	return ret < 0 ? ret : tid;
}

static void wait_vfork(struct task *t, struct vfork_wait *v)
{
	struct task_waiter w;

	task_waiter_init(&w, t);
	waitq_add(&v->wq, &w.waiter, LINUX_POLLIN);
	while (!atomic_load(&v->done))
		if (task_sleep_killable(&w, NO_DEADLINE) < 0)
			break;
	waitq_del(&w.waiter);
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
		  const struct clone_request *rq)
{
	int32_t tid32;
	long tid;
	int ret = host_thread_new(task_thread, c, "task");

	if (ret < 0) {
		platform_vcpu_free(take(c->cpu));
		task_drop_resources(c);
		task_put(c);
		return -EAGAIN;
	}
	tid = publish(t, c, rq);
	if (tid < 0) {
		task_say_go(c, TASK_GO_ABORT);
		return tid;
	}
	tid32 = (int32_t)tid;
	if (HAS(rq, PARENT_SETTID) &&
	    copy_out(rq->parent_tid, &tid32, sizeof(tid32)) < 0)
		log_debug("clone: bad parent_tid");
	task_say_go(c, TASK_GO_RUN);
	return tid;
}

long task_clone(struct task *t, const struct clone_request *rq)
{
	struct vfork_wait *v = NULL;
	struct task *c = NULL;
	int pidfd = -1, ret = check_request(t, rq);
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
		platform_vcpu_free(take(c->cpu));
		task_drop_resources(c);
		task_put(c);
		tid = ret;
	} else {
		tid = start(t, c, rq);
		if (tid < 0 && pidfd >= 0)
			fd_table_close(t->fds, pidfd);
	}
	if (v && tid > 0)
		wait_vfork(t, v);
	if (v)
		vfork_wait_put(v);
	return tid;
}

/* --- unshare(2) ----------------------------------------------------------- */

static int unshare_files(struct task *t)
{
	struct fd_table *fresh, *old;
	int ret = fd_table_fork(t->fds, &fresh);

	if (ret < 0)
		return ret;
	mutex_lock(&t->mu);
	old = t->fds;
	t->fds = fresh;
	mutex_unlock(&t->mu);
	fd_table_put(old);
	return 0;
}

static int unshare_fs(struct task *t)
{
	struct fs_ctx *fresh, *old;
	int ret = fs_ctx_copy(t->fs, &fresh);

	if (ret < 0)
		return ret;
	mutex_lock(&t->mu);
	old = t->fs;
	t->fs = fresh;
	mutex_unlock(&t->mu);
	fs_ctx_put(old);
	return 0;
}

static int unshare_uts(struct task *t)
{
	struct uts_ns *fresh, *old;
	int ret = uts_ns_copy(t->uts, &fresh);

	if (ret < 0)
		return ret;
	mutex_lock(&t->mu);
	old = t->uts;
	t->uts = fresh;
	mutex_unlock(&t->mu);
	uts_ns_put(old);
	return 0;
}

int task_unshare(struct task *t, uint64_t flags)
{
	bool alone = t->group->nr_threads == 1;
	int ret;

	/* What is shared with other threads can only be kept. */
	if ((flags &
	     (LINUX_CLONE_THREAD | LINUX_CLONE_SIGHAND | LINUX_CLONE_VM)) &&
	    (!alone || t->group->priv->mm_shared))
		return -EINVAL;
	ret = check_namespaces(flags);
	if (ret == 0 && (flags & LINUX_CLONE_FILES))
		ret = unshare_files(t);
	if (ret == 0 && (flags & LINUX_CLONE_FS))
		ret = unshare_fs(t);
	if (ret == 0 && (flags & LINUX_CLONE_NEWUTS))
		ret = unshare_uts(t);
	return ret;
}
