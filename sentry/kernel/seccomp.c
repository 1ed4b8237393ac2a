/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: filter chains, and what becomes of a system call.
 *
 * Invariant: a filter is immutable once it is in a chain.  ref counts who can
 *            reach it; users counts tasks that can still run it: the tasks
 *            that have it as newest, and one for a newer filter with users.
 * Fast path: allow[] knows the numbers that this filter and all older ones let
 *            through whatever the arguments are; no program runs for them.
 * Locks:     sighand of the group around changes of a task's chain.
 * Linux:     kernel/seccomp.c of 6.18.
 * Tests:     tests/conformance/seccomp.c, seccomp_task.c, seccomp_notify.c
 */
#include "sentry/kernel/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sentry/kernel/bpf.h"
#include "sentry/kernel/ptrace.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

#define MAX_INSNS_PER_PATH ((1u << 18) / sizeof(struct linux_sock_filter))
#define FILTER_PENALTY	   4 /* instructions that each older filter counts */
#define CACHED_NUMBERS	   512u
#define MAX_ERRNO	   4095u

struct seccomp_filter {
	struct refcount ref;
	_Atomic uint32_t users;
	IMMUTABLE struct seccomp_filter *prev; /* older; +1 */
	IMMUTABLE struct seccomp_notify *notify;
	IMMUTABLE bool log, killable;
	IMMUTABLE uint32_t len, linux_len;
	IMMUTABLE uint64_t allow[CACHED_NUMBERS / 64];
	IMMUTABLE struct linux_sock_filter prog[];
};

/* --- filters -------------------------------------------------------------- */

static void filter_put(struct seccomp_filter *f)
{
	while (f && ref_put(&f->ref)) {
		struct seccomp_filter *prev = f->prev;

		if (f->notify)
			seccomp_notify_put(f->notify);
		free(f);
		f = prev;
	}
}

static void filter_get(struct seccomp_filter *f)
{
	if (!f)
		return;
	ref_get(&f->ref);
	atomic_fetch_add(&f->users, 1);
}

/* A task's hold on its newest filter ends. */
static void filter_release(struct seccomp_filter *f)
{
	struct seccomp_filter *i = f;

	while (i && atomic_fetch_sub(&i->users, 1) == 1) {
		if (i->notify)
			seccomp_notify_no_users(i->notify);
		i = i->prev;
	}
	filter_put(f);
}

static int filter_copy_in(uaddr_t fprog, struct seccomp_filter **out)
{
	AUTO_FREE struct seccomp_filter *f = NULL;
	struct linux_sock_fprog p;
	struct task *t = current_task();
	int ret;

	if (copy_in(&p, fprog, sizeof(p)) < 0)
		return -EFAULT;
	if (p.len == 0 || p.len > LINUX_BPF_MAXINSNS)
		return -EINVAL;
	if (!t->no_new_privs && !cred_own_capable(t->cred, CAP_NR_SYS_ADMIN))
		return -EACCES;
	if (!p.filter)
		return -EINVAL;
	f = kzalloc(sizeof(*f) + p.len * sizeof(f->prog[0]));
	if (!f)
		return -ENOMEM;
	if (copy_in(f->prog, uaddr(p.filter), p.len * sizeof(f->prog[0])) < 0)
		return -EFAULT;
	ret = bpf_check(f->prog, p.len);
	if (ret < 0)
		return ret;
	ref_init(&f->ref);
	f->users = 1;
	f->len = p.len;
	f->linux_len = bpf_linux_len(f->prog, p.len);
	*out = take(f);
	return 0;
}

static uint32_t action_of(uint32_t result)
{
	return result & LINUX_SECCOMP_RET_ACTION_FULL;
}

static void fill_cache(struct seccomp_filter *f)
{
	for (uint32_t nr = 0; nr < CACHED_NUMBERS; nr++) {
		uint64_t bit = 1ull << nr % 64;
		uint32_t result;

		if (f->prev && !(f->prev->allow[nr / 64] & bit))
			continue;
		if (bpf_run_known(f->prog, (int32_t)nr, LINUX_AUDIT_ARCH_X86_64,
				  &result) &&
		    action_of(result) == LINUX_SECCOMP_RET_ALLOW)
			f->allow[nr / 64] |= bit;
	}
}

/* The most restrictive result; of equal ones that of the newest filter. */
static uint32_t run_chain(struct seccomp_filter *f,
			  const struct linux_seccomp_data *data,
			  struct seccomp_filter **out_match)
{
	uint32_t best = LINUX_SECCOMP_RET_ALLOW;

	for (; f; f = f->prev) {
		uint32_t result = bpf_run(f->prog, data);

		if ((int32_t)action_of(result) < (int32_t)action_of(best)) {
			best = result;
			*out_match = f;
		}
	}
	return best;
}

/* --- attaching ------------------------------------------------------------ */

static uint64_t chain_len(const struct seccomp_filter *f)
{
	uint64_t n = 0;

	for (; f; f = f->prev)
		n += f->linux_len + FILTER_PENALTY;
	return n;
}

static bool is_ancestor(const struct seccomp_filter *old,
			const struct seccomp_filter *f)
{
	if (!old)
		return true;
	for (; f; f = f->prev)
		if (f == old)
			return true;
	return false;
}

static bool chain_listens(const struct seccomp_filter *f)
{
	for (; f; f = f->prev)
		if (f->notify && !seccomp_notify_closed(f->notify))
			return true;
	return false;
}

/* The id of a thread whose filters are not all ours too, or 0. */
static uint32_t cannot_sync_locked(struct task *t)
{
	struct seccomp_filter *mine = t->priv->seccomp.filter;
	struct task *p;

	list_for_each_entry (p, &t->group->threads, group_node) {
		struct task_seccomp *s = &p->priv->seccomp;

		if (p == t || p->signals->exiting ||
		    s->mode == LINUX_SECCOMP_MODE_DISABLED ||
		    (s->mode == LINUX_SECCOMP_MODE_FILTER &&
		     is_ancestor(s->filter, mine)))
			continue;
		return p->vtid;
	}
	return 0;
}

/* The other threads get what @t has. */
static void sync_locked(struct task *t)
{
	struct task_seccomp *mine = &t->priv->seccomp;
	struct task *p;

	list_for_each_entry (p, &t->group->threads, group_node) {
		struct task_seccomp *s = &p->priv->seccomp;
		struct seccomp_filter *old = s->filter;

		if (p == t || p->signals->exiting)
			continue;
		filter_get(mine->filter);
		atomic_store(&s->filter, mine->filter);
		atomic_store(&s->nr_filters, mine->nr_filters);
		if (t->no_new_privs)
			p->no_new_privs = true;
		if (s->mode == LINUX_SECCOMP_MODE_DISABLED)
			atomic_store(&s->mode, LINUX_SECCOMP_MODE_FILTER);
		filter_release(old);
	}
}

/* On success the task owns @f.  Sighand held. */
static long attach_locked(struct task *t, struct seccomp_filter *f,
			  uint32_t flags)
{
	struct task_seccomp *s = &t->priv->seccomp;
	uint32_t tid;

	if (s->mode != LINUX_SECCOMP_MODE_DISABLED &&
	    s->mode != LINUX_SECCOMP_MODE_FILTER)
		return -EINVAL;
	if (f->notify && chain_listens(s->filter))
		return -EBUSY;
	if (f->linux_len + chain_len(s->filter) > MAX_INSNS_PER_PATH)
		return -ENOMEM;
	if (flags & LINUX_SECCOMP_FILTER_FLAG_TSYNC) {
		tid = cannot_sync_locked(t);
		if (tid)
			return flags & LINUX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH
				       ? -ESRCH
				       : (long)tid;
	}
	/* Users of the old chain: this task's share passes to @f. */
	f->prev = s->filter;
	fill_cache(f);
	atomic_store(&s->filter, f);
	atomic_fetch_add(&s->nr_filters, 1);
	if (flags & LINUX_SECCOMP_FILTER_FLAG_TSYNC)
		sync_locked(t);
	atomic_store(&s->mode, LINUX_SECCOMP_MODE_FILTER);
	return 0;
}

static int check_flags(uint32_t flags)
{
	if (flags & ~LINUX_SECCOMP_FILTER_FLAG_ALL)
		return -EINVAL;
	/* Both would want the return value, unless ESRCH frees it. */
	if ((flags & LINUX_SECCOMP_FILTER_FLAG_TSYNC) &&
	    (flags & LINUX_SECCOMP_FILTER_FLAG_NEW_LISTENER) &&
	    !(flags & LINUX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if ((flags & LINUX_SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) &&
	    !(flags & LINUX_SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return -EINVAL;
	return 0;
}

static long attach(struct task *t, struct seccomp_filter *f, uint32_t flags)
{
	struct signal_state *s = t->group->signals;
	long ret;

	mutex_lock(&s->mu);
	ret = attach_locked(t, f, flags);
	mutex_unlock(&s->mu);
	if (ret != 0)
		filter_put(f);
	return ret;
}

/* With a listener: its descriptor is there before the filter has effect. */
static long attach_listening(struct task *t, struct seccomp_filter *f,
			     uint32_t flags)
{
	AUTO_PUT(file) struct file *file = NULL;
	long ret;
	int fd = seccomp_notify_new(&f->notify);

	if (fd == 0)
		fd = seccomp_notify_file(f->notify, &file);
	if (fd == 0)
		fd = fd_table_install(t->fds, file, true);
	if (fd < 0) {
		filter_put(f);
		return fd;
	}
	ret = attach(t, f, flags);
	if (ret == 0)
		return fd;
	fd_table_close(t->fds, fd);
	return ret;
}

long seccomp_set_filter(struct task *t, uint32_t flags, uaddr_t fprog)
{
	struct seccomp_filter *f = NULL;
	int ret = check_flags(flags);

	if (ret == 0)
		ret = filter_copy_in(fprog, &f);
	if (ret < 0)
		return ret;
	f->log = flags & LINUX_SECCOMP_FILTER_FLAG_LOG;
	f->killable = flags & LINUX_SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	if (flags & LINUX_SECCOMP_FILTER_FLAG_NEW_LISTENER)
		return attach_listening(t, f, flags);
	return attach(t, f, flags);
}

int seccomp_set_program(struct task *t, const struct linux_sock_filter *prog,
			uint32_t nr, bool log)
{
	AUTO_FREE struct seccomp_filter *f = NULL;
	int ret;

	if (nr == 0 || nr > LINUX_BPF_MAXINSNS)
		return -EINVAL;
	f = kzalloc(sizeof(*f) + nr * sizeof(f->prog[0]));
	if (!f)
		return -ENOMEM;
	memcpy(f->prog, prog, nr * sizeof(f->prog[0]));
	ret = bpf_check(f->prog, nr);
	if (ret < 0)
		return ret;
	ref_init(&f->ref);
	f->users = 1;
	f->len = nr;
	f->linux_len = bpf_linux_len(f->prog, nr);
	f->log = log;
	return (int)attach(t, take(f), 0);
}

int seccomp_set_strict(struct task *t)
{
	struct task_seccomp *s = &t->priv->seccomp;
	int ret = 0;

	mutex_lock(&t->group->signals->mu);
	if (s->mode != LINUX_SECCOMP_MODE_DISABLED &&
	    s->mode != LINUX_SECCOMP_MODE_STRICT)
		ret = -EINVAL;
	else
		atomic_store(&s->mode, LINUX_SECCOMP_MODE_STRICT);
	mutex_unlock(&t->group->signals->mu);
	return ret;
}

void seccomp_fork_locked(struct task *parent, struct task *child)
{
	struct task_seccomp *from = &parent->priv->seccomp;
	struct task_seccomp *to = &child->priv->seccomp;

	/* Another thread may have synchronised since the child was copied. */
	if (parent->no_new_privs)
		child->no_new_privs = true;
	filter_get(from->filter);
	to->filter = from->filter;
	to->nr_filters = from->nr_filters;
	to->mode = from->mode;
}

void task_seccomp_release(struct task *t)
{
	struct signal_state *s = t->group->signals;
	struct seccomp_filter *f;

	mutex_lock(&s->mu);
	f = t->priv->seccomp.filter;
	atomic_store(&t->priv->seccomp.filter, NULL);
	mutex_unlock(&s->mu);
	if (f)
		filter_release(f);
}

/* --- for checkpoints (ptrace) --------------------------------------------- */

static bool may_dump(void)
{
	return capable(CAP_NR_SYS_ADMIN) &&
	       current_task()->priv->seccomp.mode ==
		       LINUX_SECCOMP_MODE_DISABLED;
}

/* Filter @n of @p, the oldest being 0: +1. */
static int get_nth(struct task *p, uint64_t n, struct seccomp_filter **out)
{
	struct task_seccomp *s = &p->priv->seccomp;
	struct seccomp_filter *f;
	uint64_t nr = 0;
	int ret = -EINVAL;

	if (!may_dump())
		return -EACCES;
	mutex_lock(&p->group->signals->mu);
	if (s->mode == LINUX_SECCOMP_MODE_FILTER) {
		ret = -ENOENT;
		for (f = s->filter; f; f = f->prev)
			nr++;
		f = n < nr ? s->filter : NULL;
		for (; f && n + 1 < nr; nr--)
			f = f->prev;
		if (f) {
			ref_get(&f->ref);
			*out = f;
			ret = 0;
		}
	}
	mutex_unlock(&p->group->signals->mu);
	return ret;
}

long seccomp_get_filter(struct task *p, uint64_t n, uaddr_t to)
{
	struct seccomp_filter *f;
	long ret = get_nth(p, n, &f);

	if (ret < 0)
		return ret;
	ret = f->len;
	if (!uaddr_is_null(to) &&
	    copy_out(to, f->prog, f->len * sizeof(f->prog[0])) < 0)
		ret = -EFAULT;
	filter_put(f);
	return ret;
}

long seccomp_get_metadata(struct task *p, uint64_t size, uaddr_t to)
{
	struct linux_seccomp_metadata m = { 0 };
	struct seccomp_filter *f;
	long ret;

	if (!may_dump())
		return -EACCES;
	size = MIN(size, sizeof(m));
	if (size < sizeof(m.filter_off))
		return -EINVAL;
	if (copy_in(&m.filter_off, to, sizeof(m.filter_off)) < 0)
		return -EFAULT;
	ret = get_nth(p, m.filter_off, &f);
	if (ret < 0)
		return ret;
	if (f->log)
		m.flags = LINUX_SECCOMP_FILTER_FLAG_LOG;
	filter_put(f);
	return copy_out(to, &m, size) < 0 ? -EFAULT : (long)size;
}

/* --- actions -------------------------------------------------------------- */

static const struct {
	uint32_t action;
	const char *name;
} g_actions[] = {
	{ LINUX_SECCOMP_RET_KILL_PROCESS, "kill_process" },
	{ LINUX_SECCOMP_RET_KILL_THREAD, "kill_thread" },
	{ LINUX_SECCOMP_RET_TRAP, "trap" },
	{ LINUX_SECCOMP_RET_ERRNO, "errno" },
	{ LINUX_SECCOMP_RET_USER_NOTIF, "user_notif" },
	{ LINUX_SECCOMP_RET_TRACE, "trace" },
	{ LINUX_SECCOMP_RET_LOG, "log" },
	{ LINUX_SECCOMP_RET_ALLOW, "allow" },
};
#define ALLOW_AT (ARRAY_SIZE(g_actions) - 1)

/* A bit each, by place in the table; "allow" cannot be logged. */
static _Atomic uint32_t g_logged = (1u << ALLOW_AT) - 1;

bool seccomp_action_known(uint32_t action)
{
	for (size_t i = 0; i < ARRAY_SIZE(g_actions); i++)
		if (g_actions[i].action == action)
			return true;
	return false;
}

void seccomp_show_actions(bool logged, struct seq_buf *out)
{
	const char *sep = "";

	for (size_t i = 0; i < ARRAY_SIZE(g_actions); i++) {
		if (logged && !(g_logged >> i & 1))
			continue;
		seq_printf(out, "%s%s", sep, g_actions[i].name);
		sep = " ";
	}
	seq_printf(out, "\n");
}

int seccomp_set_logged(char *names)
{
	uint32_t logged = 0;
	char *save, *name;

	for (name = strtok_r(names, " \n", &save); name;
	     name = strtok_r(NULL, " \n", &save)) {
		size_t i = 0;

		while (i < ALLOW_AT && strcmp(g_actions[i].name, name))
			i++;
		if (i == ALLOW_AT)
			return -EINVAL;
		logged |= 1u << i;
	}
	g_logged = logged;
	return 0;
}

/* Kills and LOG are always worth a line, the others if the filter asks. */
static void log_action(struct task *t, const struct linux_seccomp_data *d,
		       uint32_t action, bool requested)
{
	bool always = action == LINUX_SECCOMP_RET_KILL_PROCESS ||
		      action == LINUX_SECCOMP_RET_KILL_THREAD ||
		      action == LINUX_SECCOMP_RET_LOG;

	if (!always && !requested)
		return;
	for (size_t i = 0; i < ALLOW_AT; i++)
		if (g_actions[i].action == action && (g_logged >> i & 1))
			log_debug("seccomp: process %u: %s, call %d at %#lx",
				  t->group->tgid, g_actions[i].name, d->nr,
				  d->instruction_pointer);
}

static void fill_siginfo(struct linux_siginfo *si,
			 const struct linux_seccomp_data *d, uint32_t reason)
{
	memset(si, 0, sizeof(*si));
	si->signo = LINUX_SIGSYS;
	si->code = LINUX_SYS_SECCOMP;
	si->err = (int32_t)reason;
	si->sys.addr = d->instruction_pointer;
	si->sys.nr = d->nr;
	si->sys.arch = d->arch;
}

/* SIGSYS that no handler takes. */
static void kill_group(struct task *t, const struct linux_seccomp_data *d,
		       uint32_t reason)
{
	struct linux_siginfo si;

	fill_siginfo(&si, d, reason);
	signal_force_exit(t, &si);
}

/* This thread only; as do_exit() does it. */
static void kill_thread(struct task *t, int signo)
{
	t->priv->exit_code = signo;
	atomic_fetch_or(&t->work, TASK_WORK_EXIT);
}

static int do_kill(struct task *t, struct guest_regs *r,
		   const struct linux_seccomp_data *d, uint32_t result)
{
	uint32_t action = action_of(result);

	atomic_store(&t->priv->seccomp.mode, SECCOMP_MODE_DEAD);
	if (action == LINUX_SECCOMP_RET_KILL_THREAD &&
	    t->group->nr_threads > 1) {
		kill_thread(t, LINUX_SIGSYS);
	} else {
		r->rax = r->orig_rax; /* what a core dump shows */
		kill_group(t, d, result & LINUX_SECCOMP_RET_DATA);
	}
	return 0;
}

static int do_trap(struct task *t, struct guest_regs *r,
		   const struct linux_seccomp_data *d, uint32_t data)
{
	struct linux_siginfo si;

	r->rax = r->orig_rax;
	fill_siginfo(&si, d, data);
	signal_force(t, &si);
	return 0;
}

static int do_notify(struct task *t, struct guest_regs *r,
		     const struct linux_seccomp_data *d,
		     const struct seccomp_filter *match)
{
	int64_t result = -ENOSYS;
	int ret = 0;

	assert(match); /* only a filter makes it less than ALLOW */
	if (match->notify)
		ret = seccomp_notify_ask(match->notify, t, d, match->killable,
					 &result);
	if (ret == 0)
		r->rax = (uint64_t)result;
	return ret;
}

static void fill_data(struct linux_seccomp_data *d, const struct guest_regs *r)
{
	*d = (struct linux_seccomp_data){
		.nr = (int32_t)r->orig_rax,
		.arch = LINUX_AUDIT_ARCH_X86_64,
		.instruction_pointer = r->rip,
		.args = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 },
	};
}

static int run_filters(struct task *t, struct guest_regs *r, bool traced);

/* The tracer has a look; what it made of the call is judged once more. */
static int do_trace(struct task *t, struct guest_regs *r, uint32_t data)
{
	if (!ptrace_event(t, LINUX_PTRACE_EVENT_SECCOMP, data)) {
		r->rax = (uint64_t)-ENOSYS;
		return 0;
	}
	if (task_fatal_signal_pending(t) || (int32_t)r->orig_rax < 0)
		return 0;
	return run_filters(t, r, true);
}

static int run_filters(struct task *t, struct guest_regs *r, bool traced)
{
	struct seccomp_filter *f = t->priv->seccomp.filter, *match = NULL;
	struct linux_seccomp_data d;
	uint32_t result;

	fill_data(&d, r);
	if ((uint32_t)d.nr < CACHED_NUMBERS &&
	    (f->allow[d.nr / 64] >> d.nr % 64 & 1))
		return 1;
	result = run_chain(f, &d, &match);
	log_action(t, &d, action_of(result), match && match->log);
	switch (action_of(result)) {
	case LINUX_SECCOMP_RET_ALLOW:
	case LINUX_SECCOMP_RET_LOG:
		return 1;
	case LINUX_SECCOMP_RET_ERRNO:
		result = MIN(result & LINUX_SECCOMP_RET_DATA, MAX_ERRNO);
		r->rax = (uint64_t) - (int64_t)result;
		return 0;
	case LINUX_SECCOMP_RET_TRAP:
		return do_trap(t, r, &d, result & LINUX_SECCOMP_RET_DATA);
	case LINUX_SECCOMP_RET_TRACE:
		if (traced)
			return 1;
		return do_trace(t, r, result & LINUX_SECCOMP_RET_DATA);
	case LINUX_SECCOMP_RET_USER_NOTIF:
		return do_notify(t, r, &d, match);
	default:
		return do_kill(t, r, &d, result);
	}
}

static int run_strict(struct task *t, const struct guest_regs *r)
{
	switch ((int32_t)r->orig_rax) {
	case LINUX_NR_read:
	case LINUX_NR_write:
	case LINUX_NR_exit:
	case LINUX_NR_rt_sigreturn:
		return 1;
	}
	log_debug("seccomp: thread %u: strict mode, call %d", t->tid,
		  (int32_t)r->orig_rax);
	atomic_store(&t->priv->seccomp.mode, SECCOMP_MODE_DEAD);
	kill_thread(t, LINUX_SIGKILL);
	return 0;
}

int seccomp_enter(struct task *t, struct guest_regs *r)
{
	switch (atomic_load(&t->priv->seccomp.mode)) {
	case LINUX_SECCOMP_MODE_FILTER:
		return run_filters(t, r, false);
	case LINUX_SECCOMP_MODE_STRICT:
		return run_strict(t, r);
	default:
		kill_thread(t, LINUX_SIGKILL);
		return 0;
	}
}
