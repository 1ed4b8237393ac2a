/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot: process 1, and signals that come from outside the sandbox.
 *
 * Locks: tasklist where the tree is touched.
 * Tests: every test that runs a program
 */
#include "sentry/kernel/boot.h"

#include <errno.h>
#include <string.h>

#include "sentry/host/host.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/log.h"
#include "sentry/vfs/vfs.h"

/* A task that nobody can see, in a group of its own. */
static int make_lone_task(struct task **out)
{
	AUTO_PUT(thread_group) struct thread_group *tg = NULL;
	struct task *t;
	int ret = thread_group_new(NULL, &tg);

	if (ret < 0)
		return ret;
	kernel_default_rlimits(tg->rlimits);
	tg->pid_ns = &g_init_pid_ns;
	ns_get(&tg->pid_ns->ns);
	ret = sig_actions_new(&tg->signals->actions);
	if (ret < 0)
		return ret;
	ret = task_new(tg, &t);
	if (ret < 0)
		return ret;
	strcpy(t->comm, "boot");
	*out = t;
	return 0;
}

static void drop_current(void)
{
	struct task *t = current_task();

	if (!t)
		return;
	task_drop_resources(t);
	task_set_current(NULL);
	task_put(t);
}

int kernel_boot_task(struct cred *cred, struct fs_ctx *fs, struct mount_ns *ns)
{
	struct task *t;
	int ret = make_lone_task(&t);

	if (ret < 0)
		return ret;
	cred_get(cred);
	t->cred = cred;
	fs_ctx_get(fs);
	t->fs = fs;
	mount_ns_get(ns);
	t->ns[TASK_NS_MNT] = mount_ns_common(ns);
	drop_current();
	task_set_current(t);
	return 0;
}

/* Signal dispositions and mask survive execve(2): so does the caller's. */
static void inherit_signals(const struct kernel_boot_args *a, struct task *t)
{
	struct sig_actions *actions = t->group->signals->actions;

	mutex_lock(&actions->mu);
	for (int sig = 1; sig <= LINUX_NSIG; sig++)
		if (a->ignored_signals & LINUX_SIGMASK(sig) & ~SIGMASK_ALWAYS)
			actions->a[sig - 1].handler = LINUX_SIG_IGN;
	mutex_unlock(&actions->mu);
	signal_set_blocked(t, a->blocked_signals & ~SIGMASK_ALWAYS);
}

/* The initial namespaces, but mnt and uts. */
static int initial_namespaces(struct ns_common **ns)
{
	struct user_ns *u = &g_init_user_ns;
	struct time_ns *time = NULL;
	int ret = ns_plain_new(NS_CGROUP, u, NULL, &ns[TASK_NS_CGROUP]);

	if (ret == 0)
		ret = ns_plain_new(NS_IPC, u, NULL, &ns[TASK_NS_IPC]);
	if (ret == 0)
		ret = ns_plain_new(NS_NET, u, NULL, &ns[TASK_NS_NET]);
	if (ret == 0)
		ret = time_ns_new(NULL, u, NULL, &time);
	if (ret < 0)
		return ret;
	time_ns_freeze(time);
	ns[TASK_NS_TIME] = &time->ns;
	ns[TASK_NS_TIME_CHILDREN] = &time->ns;
	ns_get(&time->ns);
	ns[TASK_NS_PID_CHILDREN] = &g_init_pid_ns.ns;
	ns_get(&g_init_pid_ns.ns);
	return 0;
}

static int make_init(const struct kernel_boot_args *a, struct task **out)
{
	struct thread_group *tg;
	struct task *t;
	int ret = make_lone_task(&t);

	if (ret < 0)
		return ret;
	tg = t->group;
	memcpy(tg->rlimits, a->rlimits, sizeof(tg->rlimits));
	tg->oom_score_adj = a->oom_score_adj;
	cred_get(a->cred);
	t->cred = a->cred;
	fs_ctx_get(a->fs);
	t->fs = a->fs;
	ret = initial_namespaces(t->ns);
	if (ret < 0) {
		task_drop_resources(t);
		task_put(t);
		return ret;
	}
	mount_ns_get(a->mount_ns);
	t->ns[TASK_NS_MNT] = mount_ns_common(a->mount_ns);
	fd_table_get(a->fds);
	t->fds = a->fds;
	ns_get(&a->uts->ns);
	t->ns[TASK_NS_UTS] = &a->uts->ns;
	t->no_new_privs = a->no_new_privs;
	if (a->no_aslr)
		t->priv->personality = 0x0040000u;
	inherit_signals(a, t);
	*out = t;
	return 0;
}

static int load_init(const struct kernel_boot_args *a, struct task *t)
{
	struct load_args la = {
		.file = a->program,
		.filename = a->filename,
		.argv = a->argv,
		.envp = a->envp,
		.cred = t->cred,
		.no_new_privs = a->no_new_privs,
		.no_aslr = a->no_aslr,
		.stack_limit = a->rlimits[RLIM_STACK].cur,
	};
	struct load_result res = { 0 };
	int ret = load_program(&la, &res);

	if (ret < 0)
		return ret;
	t->mm = res.mm;
	memcpy(t->comm, res.comm, sizeof(t->comm));
	t->comm[sizeof(t->comm) - 1] = '\0';
	cred_put((struct cred *)(uintptr_t)t->cred);
	t->cred = res.id.cred;
	task_start_regs(&t->priv->start_regs, res.entry, res.sp);
	return platform_vcpu_new(mm_platform_as(res.mm), NULL, &t->cpu);
}

/* Signals that came before process 1 was there; bit N-1.  Under tasklist. */
static uint64_t g_early;

static void deliver_early(void)
{
	uint64_t early;

	tasklist_lock();
	early = g_early;
	g_early = 0;
	tasklist_unlock();
	for (int sig = 1; sig <= LINUX_NSIG; sig++)
		if (early & LINUX_SIGMASK(sig))
			kernel_signal_init(sig);
}

static int publish_init(const struct kernel_boot_args *a, struct task *t)
{
	struct thread_group *tg = t->group;
	struct process_group *pg = NULL;
	int ret;

	tasklist_lock();
	ret = pid_alloc_locked();
	if (ret > 0)
		ret = pgrp_new_locked((uint32_t)ret, NULL, &pg);
	if (ret == 0 && pg) {
		tg->tgid = tg->vtgid = pg->pgid;
		g_init_pid_ns.init = tg;
		g_init_pid_ns.had_init = true;
		tg->leader = t;
		tg->priv->did_exec = true;
		pgrp_join_locked(tg, pg);
		pgrp_put_locked(pg);
		ret = task_link_locked(t, tg->tgid, NULL);
		if (a->console)
			tty_ctl_boot_locked(a->console, tg);
	}
	tasklist_unlock();
	return ret;
}

static int start_init(const struct kernel_boot_args *a, struct task *t)
{
	int ret = host_thread_new(task_thread, t, "task");

	if (ret < 0)
		return ret;
	ret = publish_init(a, t);
	task_say_go(t, ret < 0 ? TASK_GO_ABORT : TASK_GO_RUN);
	if (ret == 0)
		deliver_early();
	return ret;
}

int kernel_boot(const struct kernel_boot_args *args)
{
	struct task *t;
	int ret = make_init(args, &t);

	if (ret < 0)
		return ret;
	drop_current();
	task_set_current(t); /* the loader opens files as this task */
	ret = load_init(args, t);
	task_set_current(NULL);
	if (ret == 0)
		return start_init(args, t); /* owns it from here */
	if (t->cpu)
		platform_vcpu_free(take(t->cpu));
	task_drop_resources(t);
	task_put(t);
	return ret;
}

/* --- from outside --------------------------------------------------------- */

void kernel_signal_foreground(int signo)
{
	struct thread_group *init;
	struct linux_siginfo si;

	siginfo_kernel(&si, signo);
	tasklist_lock();
	init = pid_peek_group_locked(1);
	if (init && init->priv->tty)
		tty_ctl_signal_locked(init->priv->tty, &si);
	else if (init && init->pgrp)
		(void)signal_send_pgrp_locked(init->pgrp, &si);
	else if (!init)
		g_early |= LINUX_SIGMASK(signo);
	tasklist_unlock();
}

void kernel_signal_init(int signo)
{
	struct thread_group *init;
	struct linux_siginfo si;

	siginfo_kernel(&si, signo);
	tasklist_lock();
	init = pid_peek_group_locked(1);
	if (init)
		thread_group_get(init);
	else
		g_early |= LINUX_SIGMASK(signo);
	tasklist_unlock();
	if (!init)
		return;
	(void)signal_send_group(init, &si);
	thread_group_put(init);
}
