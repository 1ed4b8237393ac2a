/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: replacing the program of a process, execve(2).
 *
 * Order: the new image is built aside; then the point of no return: all other
 * threads die and this one becomes the leader; identity, memory, descriptors,
 * handlers change; the vfork parent goes on.  An error after that point kills.
 * Locks: tasklist and sighand for the change of leader; t->mu for what others
 *        may look up.
 * Linux: begin_new_exec() of 6.18.
 * Tests: tests/conformance/exec.c
 */
#include "sentry/kernel/exec.h"

#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "abi/sysinfo.h"
#include "sentry/kernel/exit_hooks.h"
#include "sentry/kernel/futex.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/vfs/vfs.h"

/* --- one at a time -------------------------------------------------------- */

static bool guard_try(struct thread_group *tg)
{
	bool got;

	mutex_lock(&tg->signals->mu);
	got = !tg->priv->exec_busy;
	if (got)
		tg->priv->exec_busy = true;
	mutex_unlock(&tg->signals->mu);
	return got;
}

int exec_guard_enter(struct thread_group *tg)
{
	struct task_waiter w;
	int ret = 0;

	if (guard_try(tg))
		return 0;
	task_waiter_init(&w, current_task());
	waitq_add(&tg->priv->exec_wq, &w.waiter, LINUX_POLLIN);
	while (!guard_try(tg)) {
		if (task_sleep(&w, NO_DEADLINE) < 0) {
			ret = -ERESTARTNOINTR;
			break;
		}
	}
	waitq_del(&w.waiter);
	return ret;
}

void exec_guard_leave(struct thread_group *tg)
{
	mutex_lock(&tg->signals->mu);
	tg->priv->exec_busy = false;
	mutex_unlock(&tg->signals->mu);
	waitq_wake(&tg->priv->exec_wq, LINUX_POLLIN);
}

/* --- one thread is left --------------------------------------------------- */

static int claim(struct task *t)
{
	struct signal_state *s = t->group->signals;
	int ret = 0;

	mutex_lock(&s->mu);
	if (s->group_exit || s->exec_task) {
		ret = -EAGAIN; /* never seen: the thread dies at the border */
	} else {
		s->exec_task = t;
		signal_zap_others_locked(t);
	}
	mutex_unlock(&s->mu);
	return ret;
}

static void unclaim(struct task *t)
{
	struct signal_state *s = t->group->signals;

	mutex_lock(&s->mu);
	s->exec_task = NULL;
	mutex_unlock(&s->mu);
}

static bool is_alone(struct task *t)
{
	struct thread_group *tg = t->group;
	bool alone = true;
	struct task *p;

	tasklist_lock();
	list_for_each_entry (p, &tg->threads, group_node)
		if (p != t && !(p == tg->leader && p->priv->exit_state == 'Z'))
			alone = false;
	tasklist_unlock();
	return alone;
}

/* Its tracer hears nothing but the exec event of the new leader. */
static void drop_old_leader_locked(struct task *old)
{
	struct task *tracer = old->priv->ptrace.tracer;

	if (tracer) {
		ptrace_unlink_locked(old);
		waitq_wake(&tracer->group->wait_children, LINUX_POLLIN);
	}
	task_unlink_locked(old);
}

/* The ids of the dead leader pass to @t. */
static void take_leadership(struct task *t)
{
	struct thread_group *tg = t->group, *child;
	struct task *old;
	uint32_t old_tid;

	futex_exit_pi(t); /* its locks name the old id */
	tasklist_lock();
	old = tg->leader;
	old_tid = t->tid;
	if (old != t) {
		mutex_lock(&tg->signals->mu);
		tg->leader = t;
		t->tid = tg->tgid;
		t->vtid = tg->vtgid;
		old->tid = old_tid;
		t->priv->start_time = old->priv->start_time;
		mutex_unlock(&tg->signals->mu);
		pid_bind_task_locked(tg->tgid, t);
		pid_bind_task_locked(old_tid, old);
		drop_old_leader_locked(old);
	}
	list_for_each_entry (child, &tg->children, child_node)
		child->priv->creator_tid = tg->tgid;
	tasklist_unlock();
}

static int end_siblings(struct task *t)
{
	struct task_waiter w;
	int ret = claim(t);

	if (ret < 0)
		return ret;
	task_waiter_init(&w, t);
	/* exit_notify() wakes exec_task after each change. */
	while (!is_alone(t)) {
		if (task_sleep_killable(&w, NO_DEADLINE) < 0) {
			unclaim(t);
			return -EAGAIN;
		}
	}
	take_leadership(t);
	unclaim(t);
	return 0;
}

/* --- the change ----------------------------------------------------------- */

static void change_identity(struct task *t, struct load_result *res)
{
	if (res->id.secure || res->id.changed) {
		tasklist_lock();
		t->priv->pdeathsig = 0;
		tasklist_unlock();
	}
	if (res->id.clear_personality)
		t->priv->personality &= ~LINUX_PER_CLEAR_ON_SETID;
	task_set_cred(t, take(res->id.cred));
}

static int change_mm(struct task *t, struct load_result *res)
{
	struct mm *old = t->mm;
	int ret;

	task_release_mm_user(t);
	ret = platform_vcpu_move(t->cpu, mm_platform_as(res->mm));
	if (ret < 0)
		return ret;
	mutex_lock(&t->mu);
	t->mm = take(res->mm);
	memcpy(t->comm, res->comm, sizeof(t->comm));
	t->comm[sizeof(t->comm) - 1] = '\0';
	mutex_unlock(&t->mu);
	atomic_store(&t->group->priv->mm_shared, false);
	task_vfork_done(t);
	mm_put(old);
	return 0;
}

static int change_files(struct task *t)
{
	struct fd_table *fresh, *old;
	int ret;

	if (atomic_load(&t->group->priv->files_shared)) {
		ret = fd_table_fork(t->fds, &fresh);
		if (ret < 0)
			return ret;
		mutex_lock(&t->mu);
		old = t->fds;
		t->fds = fresh;
		mutex_unlock(&t->mu);
		fd_table_put(old);
		atomic_store(&t->group->priv->files_shared, false);
	}
	fd_table_close_on_exec(t->fds);
	return 0;
}

static int change_signals(struct task *t)
{
	struct signal_state *s = t->group->signals;
	struct sig_actions *fresh, *old = s->actions;
	int ret = sig_actions_copy(old, true, &fresh);

	if (ret < 0)
		return ret;
	mutex_lock(&s->mu);
	s->actions = fresh;
	mutex_unlock(&s->mu);
	sig_actions_put(old);
	t->signals->altstack =
		(struct linux_stack){ .flags = (int32_t)LINUX_SS_DISABLE };
	return 0;
}

static void change_tree(struct task *t)
{
	struct thread_group *tg = t->group, *child;

	tasklist_lock();
	tg->exit_signal = LINUX_SIGCHLD;
	tg->priv->did_exec = true;
	/* Children of the old program must not choose signals for the new. */
	list_for_each_entry (child, &tg->children, child_node)
		if (child->exit_signal)
			child->exit_signal = LINUX_SIGCHLD;
	tasklist_unlock();
	t->priv->restart_fn = NULL;
}

void task_start_regs(struct guest_regs *r, uint64_t entry, uint64_t sp)
{
	memset(r, 0, sizeof(*r));
	r->rip = entry;
	r->rsp = sp;
	r->cs = 0x33;
	r->ss = 0x2b;
	r->eflags = 0x202;
	r->orig_rax = UINT64_MAX;
}

static int change_program(struct task *t, struct load_result *res)
{
	const uint64_t nr = platform_regs(t->cpu)->orig_rax;
	int ret;

	if (itimers_exec)
		itimers_exec(t->group);
	change_identity(t, res);
	task_ns_exec(t);
	ret = change_mm(t, res);
	if (ret < 0)
		return ret;
	/* Before a closed descriptor can tell others that it has happened. */
	change_tree(t);
	ret = change_files(t);
	if (ret == 0)
		ret = change_signals(t);
	if (ret < 0)
		return ret;
	t->priv->user_dispatch.on = false;
	task_start_regs(platform_regs(t->cpu), res->entry, res->sp);
	platform_regs(t->cpu)->orig_rax = nr; /* tracers see the call's end */
	return task_reset_fpu(t);
}

static int replace_program(struct task *t, struct file *file,
			   const char *filename, struct exec_args *args)
{
	bool too_late = false;
	struct load_args la = {
		.file = file,
		.filename = filename,
		.argv = &args->argv,
		.envp = &args->envp,
		.cred = t->cred,
		.no_new_privs = t->no_new_privs,
		.traced = ptrace_limits_exec(t),
		.no_aslr = task_no_aslr(t),
		.stack_limit = task_rlimit(t, RLIM_STACK),
		.out_too_late = &too_late,
	};
	struct load_result res = { 0 };
	int ret = load_program(&la, &res);

	if (ret < 0 && too_late) { /* Linux has no program to go back to */
		signal_group_exit(t, LINUX_SIGSEGV);
		return 0;
	}
	if (ret < 0)
		return ret;
	ret = end_siblings(t);
	if (ret == 0) {
		ret = change_program(t, &res);
		if (ret < 0) {
			log_warning("process %u: execve failed late: %s",
				    t->group->tgid, strerror(-ret));
			signal_group_exit(t, LINUX_SIGKILL);
			ret = 0;
		}
	}
	if (res.mm)
		mm_put(res.mm);
	if (res.id.cred)
		cred_put(res.id.cred);
	return ret;
}

int task_execve(struct task *t, struct file *file, const char *filename,
		struct exec_args *args)
{
	uint32_t old_nr = ptrace_tracer_nr(t);
	int ret;

	if (t->priv->nproc_exceeded && task_over_nproc(t))
		return -EAGAIN;
	t->priv->nproc_exceeded = false;
	ret = exec_guard_enter(t->group);
	if (ret < 0)
		return ret;
	ret = replace_program(t, file, filename, args);
	exec_guard_leave(t->group);
	if (ret == 0)
		ptrace_watch_end(t);
	if (ret == 0 && !(atomic_load(&t->work) & TASK_WORK_EXIT))
		ptrace_event(t, LINUX_PTRACE_EVENT_EXEC, old_nr);
	return ret;
}
