/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit: the end of a thread, and of its process with the last one.
 *
 * Order (each step may use what later ones take away): signals go to others,
 * figures are summed, robust futexes and clear_child_tid need the memory, the
 * vcpu leaves the address space before the memory goes, files close, children
 * find a new parent, the parent is told.
 * Locks: tasklist around the changes of the tree.
 * Linux: kernel/exit.c of 6.18.
 * Tests: tests/conformance/exit.c
 */
#include <errno.h>

#include "abi/poll.h"
#include "sentry/host/host.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/coredump.h"
#include "sentry/kernel/exit_hooks.h"
#include "sentry/kernel/futex.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/vfs/async.h"

static _Atomic bool g_ending; /* kernel_kill_all() was called */

/* --- memory and vfork ----------------------------------------------------- */

void vfork_wait_put(struct vfork_wait *v)
{
	if (!ref_put(&v->ref))
		return;
	waitq_fini(&v->wq);
	free(v);
}

void task_vfork_done(struct task *t)
{
	struct vfork_wait *v = take(t->priv->vfork);

	if (!v)
		return;
	atomic_store(&v->done, true);
	waitq_wake(&v->wq, LINUX_POLLIN);
	vfork_wait_put(v);
}

/*
 * clear_child_tid is for those who share the memory; without any the store
 * would only break copy-on-write for nobody (as Linux looks at mm_users).
 */
void task_release_mm_user(struct task *t)
{
	bool shared = t->group->nr_threads > 1 || t->group->priv->mm_shared;
	uint64_t addr = t->clear_child_tid;
	uint32_t zero = 0;

	if (t->robust_list)
		futex_exit_robust(t);
	futex_exit_pi(t);
	t->robust_list = 0;
	t->clear_child_tid = 0;
	if (!addr || !shared || !t->mm)
		return;
	if (mm_copy_out(t->mm, addr, &zero, sizeof(zero), 0) == 0)
		(void)futex_wake_addr(t->mm, addr, 1);
}

static void free_vcpu(struct task *t)
{
	struct vcpu *cpu;

	pthread_mutex_lock(&t->priv->kick_mu);
	cpu = take(t->cpu);
	pthread_mutex_unlock(&t->priv->kick_mu);
	if (cpu)
		platform_vcpu_free(cpu);
}

/* --- the tree ------------------------------------------------------------- */

static void send_pdeathsig_locked(struct thread_group *child)
{
	struct task *t;
	struct linux_siginfo si;

	list_for_each_entry (t, &child->threads, group_node) {
		if (!t->priv->pdeathsig)
			continue;
		siginfo_kernel(&si, t->priv->pdeathsig);
		si.code = LINUX_SI_USER;
		(void)signal_send_group(child, &si);
	}
}

bool thread_group_is_over_locked(struct thread_group *tg)
{
	return tg->leader && tg->leader->priv->exit_state == 'Z' &&
	       tg->threads.next == &tg->leader->group_node &&
	       tg->threads.prev == &tg->leader->group_node;
}

static void wake_exec_locked(struct thread_group *tg)
{
	mutex_lock(&tg->signals->mu);
	if (tg->signals->exec_task)
		task_wake(tg->signals->exec_task);
	mutex_unlock(&tg->signals->mu);
}

void thread_gone_locked(struct task *t)
{
	struct thread_group *tg = t->group;

	task_unlink_locked(t);
	waitq_wake(&tg->exit_wq, LINUX_POLLIN | LINUX_POLLHUP);
	if (thread_group_is_over_locked(tg) && signal_notify_exit_locked(tg))
		task_unlink_locked(tg->leader);
	wake_exec_locked(tg);
}

void exit_untraced_locked(struct task *t, struct thread_group *tracer)
{
	struct thread_group *tg = t->group;
	bool reap;

	if (tg->leader != t) {
		thread_gone_locked(t);
		return;
	}
	if (!thread_group_is_over_locked(tg))
		return;
	if (tg->parent == tracer) /* it was told when this ended */
		reap = signal_ignores_children(tracer);
	else
		reap = signal_notify_exit_locked(tg);
	if (reap)
		task_unlink_locked(t);
}

static struct thread_group *find_reaper_locked(struct thread_group *tg)
{
	struct pid_ns *ns = tg->pid_ns;
	struct thread_group *p, *init = ns->init;

	if (tg == init) /* whom it leaves is of nested namespaces: gone */
		return ns->parent ? ns->parent->init : NULL;
	for (p = tg->parent; p && p->pid_ns == ns; p = p->parent)
		if (p->child_subreaper && p->nr_threads > 0)
			return p;
	/* Process 1 of a nested one waits for all before it goes. */
	return init && (init->nr_threads > 0 || ns->level) ? init : NULL;
}

static uint32_t live_thread_locked(struct thread_group *tg)
{
	struct task *t;

	list_for_each_entry (t, &tg->threads, group_node)
		if (!t->signals->exiting)
			return t->tid;
	return tg->tgid;
}

/* @child's process @tg ended: @reaper takes it over. */
static void adopt_locked(struct thread_group *child, struct thread_group *tg,
			 struct thread_group *reaper)
{
	list_del(&child->child_node);
	child->parent = reaper;
	child->priv->adopted = true;
	child->exit_signal = LINUX_SIGCHLD;
	send_pdeathsig_locked(child);
	if (!reaper)
		return;
	child->priv->creator_tid = live_thread_locked(reaper);
	list_append(&reaper->children, &child->child_node);
	if (thread_group_is_over_locked(child)) {
		if (!ptrace_is_traced(&child->leader->priv->ptrace) &&
		    signal_notify_exit_locked(child))
			task_unlink_locked(child->leader);
	} else {
		pgrp_check_orphan_locked(child, tg);
	}
}

static void leave_children_locked(struct task *t, bool group_dead)
{
	struct thread_group *tg = t->group, *child, *tmp, *reaper;

	if (group_dead) {
		reaper = find_reaper_locked(tg);
		list_for_each_entry_safe (child, tmp, &tg->children, child_node)
			adopt_locked(child, tg, reaper);
		return;
	}
	list_for_each_entry (child, &tg->children, child_node) {
		if (child->priv->creator_tid != t->tid)
			continue;
		child->priv->creator_tid = live_thread_locked(tg);
		send_pdeathsig_locked(child);
	}
}

/* The thread becomes a zombie, or goes at once. */
static void exit_notify(struct task *t, bool group_dead)
{
	struct thread_group *tg = t->group;
	bool traced;

	tasklist_lock();
	ptrace_exit_tracer_locked(t);
	leave_children_locked(t, group_dead);
	if (group_dead)
		pgrp_check_orphan_locked(tg, NULL);
	traced = ptrace_is_traced(&t->priv->ptrace);
	atomic_store(&t->priv->exit_state, 'Z');
	atomic_store(&t->state, 'Z');
	if (tg->leader != t && !traced) {
		thread_gone_locked(t);
	} else {
		/* It is over when only its leader is left, and is over. */
		if (thread_group_is_over_locked(tg)) {
			if (signal_notify_exit_locked(tg))
				task_unlink_locked(t);
		} else if (traced) {
			signal_notify_tracer_exit_locked(t);
		}
		wake_exec_locked(tg);
	}
	tasklist_unlock();
}

/* --- the sequence --------------------------------------------------------- */

/* No more signals for @t; what it would have taken goes to others. */
static void exit_signals(struct task *t)
{
	struct signal_state *s = t->group->signals;
	bool stopped;

	mutex_lock(&s->mu);
	t->signals->exiting = true;
	stopped = signal_leave_stop_locked(t);
	if (!s->group_exit)
		signal_retarget_locked(t, ~t->signals->blocked);
	mutex_unlock(&s->mu);
	if (stopped)
		signal_notify_stop(t->group, LINUX_CLD_STOPPED);
}

static bool count_out(struct task *t)
{
	struct thread_group *tg = t->group;
	bool last;

	tasklist_lock();
	mutex_lock(&tg->signals->mu);
	last = --tg->nr_threads == 0;
	cgroup_exit_locked(tg);
	if (last && !tg->signals->group_exit) {
		/* All called exit(2): the last one's status is the process's */
		tg->signals->group_exit = true;
		tg->signals->exit_code = t->priv->exit_code;
	}
	if (tg->signals->core)
		waitq_wake(&tg->priv->exec_wq, LINUX_POLLIN);
	mutex_unlock(&tg->signals->mu);
	tasklist_unlock();
	return last;
}

static void end_of_init(struct task *t)
{
	int code = thread_group_exit_code(t->group);

	log_debug("process 1 ended, status %#x", (unsigned int)code);
	kernel_kill_all();
	sandbox_init_exited(code);
}

void task_exit(struct task *t, int code)
{
	struct thread_group *tg = t->group;
	bool group_dead;
	int status;

	lock_assert_none_held();
	ptrace_event(t, LINUX_PTRACE_EVENT_EXIT, (uint64_t)(uint32_t)code);
	coredump_join(t);
	t->priv->exit_code = code;
	exit_signals(t);
	task_seccomp_release(t);
	task_release_mm_user(t);
	group_dead = count_out(t);
	if (group_dead && itimers_exit)
		itimers_exit(tg);
	task_account_exit(t);
	if (group_dead)
		cgroup_account_dead(tg);
	free_vcpu(t);
	task_vfork_done(t);
	task_drop_resources(t);
	file_async_flush();
	if (group_dead) {
		tasklist_lock();
		tty_ctl_disassociate_locked(tg, true);
		tasklist_unlock();
	}
	if (group_dead && tg == tg->pid_ns->init && tg->pid_ns->level)
		pid_ns_end(t);
	thread_group_get(tg); /* end_of_init looks at it */
	status = group_dead && tg->priv->exec_id ? thread_group_exit_code(tg)
						 : 0; /* while it is there */
	exit_notify(t, group_dead);
	if (group_dead && tg->tgid == 1)
		end_of_init(t);
	if (group_dead && tg->priv->exec_id)
		sandbox_exec_exited(tg->priv->exec_id, status);
	thread_group_put(tg);
}

bool kernel_is_ending(void)
{
	return atomic_load(&g_ending);
}

/* A stop before exit outlives SIGKILL; without this one tracer could wait for
 * another in turn. */
static void end_stops_locked(struct thread_group *tg)
{
	struct task *t;

	mutex_lock(&tg->signals->mu);
	list_for_each_entry (t, &tg->threads, group_node)
		ptrace_kill_locked(t);
	mutex_unlock(&tg->signals->mu);
}

void kernel_kill_all(void)
{
	struct thread_group *tg;

	tasklist_lock();
	atomic_store(&g_ending, true);
	for (uint32_t i = 1; i < pid_end_locked(); i++) {
		tg = pid_peek_group_locked(i);
		if (tg && tg->nr_threads > 0) {
			signal_kill_group(tg);
			end_stops_locked(tg);
		}
	}
	tasklist_unlock();
}
