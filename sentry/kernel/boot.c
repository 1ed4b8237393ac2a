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
#include "sentry/host/host_worker.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/log.h"
#include "sentry/net/net_ns.h"
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
		ret = ipc_ns_initial(&ns[TASK_NS_IPC]);
	if (ret == 0)
		ret = net_ns_new(u, NULL, true, &ns[TASK_NS_NET]);
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

/* Those of another task. */
static int join_namespaces(struct task *like, struct ns_common **ns)
{
	bool all = true;

	mutex_lock(&like->mu);
	for (int i = 0; i < TASK_NS_NR; i++) {
		ns[i] = like->ns[i];
		ns_get(ns[i]);
		all &= ns[i] != NULL;
	}
	mutex_unlock(&like->mu);
	return all ? 0 : -ESRCH;
}

static int first_namespaces(const struct kernel_boot_args *a,
			    struct ns_common **ns)
{
	int ret = initial_namespaces(ns);

	if (ret < 0)
		return ret;
	mount_ns_get(a->mount_ns);
	ns[TASK_NS_MNT] = mount_ns_common(a->mount_ns);
	ns_get(&a->uts->ns);
	ns[TASK_NS_UTS] = &a->uts->ns;
	return 0;
}

static int add_filter(const struct kernel_boot_args *a, struct task *t)
{
	if (!a->nr_filter)
		return 0;
	return seccomp_set_program(t, a->filter, a->nr_filter, a->log_filter);
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
	ret = a->beside ? join_namespaces(a->beside, t->ns)
			: first_namespaces(a, t->ns);
	if (ret == 0)
		ret = add_filter(a, t);
	if (ret < 0) {
		task_drop_resources(t);
		task_put(t);
		return ret;
	}
	fd_table_get(a->fds);
	t->fds = a->fds;
	tg->priv->exec_id = a->exec_id;
	tg->signals->unkillable = a->shielded;
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

/* A process that another one can be put beside is there. */
static bool may_publish_locked(const struct kernel_boot_args *a)
{
	struct thread_group *init = pid_peek_group_locked(1);

	return !a->beside ||
	       (init && init->nr_threads > 0 && !kernel_is_ending());
}

static int publish_init(const struct kernel_boot_args *a, struct task *t)
{
	struct thread_group *tg = t->group;
	struct process_group *pg = NULL;
	int ret;

	tasklist_lock();
	ret = may_publish_locked(a) ? pid_alloc_locked() : -ESRCH;
	if (ret > 0)
		ret = pgrp_new_locked((uint32_t)ret, NULL, &pg);
	if (ret == 0 && pg) {
		tg->tgid = tg->vtgid = pg->pgid;
		if (!a->beside) {
			g_init_pid_ns.init = tg;
			g_init_pid_ns.had_init = true;
		}
		tg->leader = t;
		tg->priv->did_exec = true;
		pgrp_join_locked(tg, pg);
		pgrp_put_locked(pg);
		t->vtid = tg->tgid;
		ret = task_link_locked(t, tg->tgid, NULL);
		if (a->console)
			tty_ctl_boot_locked(a->console, tg);
	}
	tasklist_unlock();
	return ret;
}

/* Makes @t visible and gives it a thread, which owns it from then on. */
static int start_init(const struct kernel_boot_args *a, struct task *t)
{
	struct host_worker *w;
	int ret = host_worker_get(&w);

	if (ret < 0)
		return ret;
	ret = publish_init(a, t);
	if (ret < 0) {
		host_worker_put(w);
		return ret;
	}
	host_worker_go(w, task_thread, t);
	if (!a->beside)
		deliver_early();
	return 0;
}

/* @out: the process, +1, as soon as there is one; may be NULL. */
static int boot_one(const struct kernel_boot_args *args,
		    struct thread_group **out)
{
	struct task *t;
	int ret = make_init(args, &t);

	if (ret < 0)
		return ret;
	if (out) {
		thread_group_get(t->group);
		*out = t->group;
	}
	drop_current();
	task_set_current(t); /* the loader opens files as this task */
	ret = load_init(args, t);
	task_set_current(NULL);
	if (ret == 0)
		ret = start_init(args, t);
	if (ret == 0)
		return 0;
	if (t->cpu)
		platform_vcpu_free(take(t->cpu));
	task_drop_resources(t);
	task_seccomp_release(t);
	task_put(t);
	return ret;
}

void kernel_drop_boot_task(void)
{
	drop_current();
}

int kernel_spawn(const struct kernel_boot_args *args, struct thread_group **out)
{
	struct thread_group *tg = NULL;
	int ret = boot_one(args, &tg);

	if (ret == 0)
		*out = tg;
	else if (tg)
		thread_group_put(tg);
	return ret;
}

int kernel_boot(const struct kernel_boot_args *args)
{
	return boot_one(args, NULL);
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

void kernel_signal_spawned(struct thread_group *tg, int signo, bool foreground)
{
	struct linux_siginfo si;
	bool sent = false;

	siginfo_kernel(&si, signo);
	tasklist_lock();
	if (foreground && tg->priv->tty) {
		tty_ctl_signal_locked(tg->priv->tty, &si);
		sent = true;
	}
	tasklist_unlock();
	if (!sent)
		(void)signal_send_group(tg, &si);
}
