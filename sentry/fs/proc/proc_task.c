/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_task: files of /proc/PID that show what a thread is doing and how it is
 * scheduled: syscall, wchan, stack, sched, schedstat, timers, timerslack_ns,
 * coredump_filter, personality, autogroup, attr.
 *
 * Registers of another thread are looked at while it runs in the sentry; what
 * it changes at the same moment may be shown half, as on Linux.
 *
 * Locks: kick_mu of the task over its vcpu.
 * Linux: wchan and stack name the place from the system call; autogroups are
 *        shown, not made; attr is there and empty, as without a security
 *        module.
 * Tests: tests/conformance/proc_task.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/time/group_timers.h"

/* --- where it is ---------------------------------------------------------- */

/* The registers of a thread that is in the sentry; false: it runs. */
static bool regs_of(struct task *t, struct guest_regs *out)
{
	bool there;

	pthread_mutex_lock(&t->priv->kick_mu);
	/* in_guest is odd while it is there. */
	there = t->cpu && !(atomic_load(&t->priv->in_guest) & 1) &&
		atomic_load(&t->state) != 'R';
	if (there)
		*out = *platform_regs(t->cpu);
	pthread_mutex_unlock(&t->priv->kick_mu);
	return there;
}

int proc_syscall(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct guest_regs r;

	if (!t)
		return -ESRCH;
	if (t == current_task())
		r = *platform_regs(t->cpu);
	else if (!regs_of(t, &r)) {
		seq_printf(out, "running\n");
		return 0;
	}
	if ((int64_t)r.orig_rax < 0)
		seq_printf(out, "-1 0x%lx 0x%lx\n", r.rsp, r.rip);
	else
		seq_printf(out,
			   "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx "
			   "0x%lx\n",
			   (long)r.orig_rax, r.rdi, r.rsi, r.rdx, r.r10, r.r8,
			   r.r9, r.rsp, r.rip);
	return 0;
}

/* Where Linux would sleep, by the call that sleeps. */
static const struct {
	uint16_t nr;
	const char *at;
} sleeps[] = {
	{ 0, "anon_pipe_read" },
	{ 1, "anon_pipe_write" },
	{ 7, "poll_schedule_timeout" },
	{ 23, "poll_schedule_timeout" },
	{ 34, "__do_sys_pause" },
	{ 35, "hrtimer_nanosleep" },
	{ 43, "inet_csk_accept" },
	{ 45, "unix_stream_read_generic" },
	{ 47, "unix_stream_read_generic" },
	{ 58, "kernel_clone" },
	{ 61, "do_wait" },
	{ 72, "fcntl_setlk" },
	{ 73, "locks_lock_inode_wait" },
	{ 128, "do_sigtimedwait" },
	{ 130, "sigsuspend" },
	{ 202, "futex_do_wait" },
	{ 230, "hrtimer_nanosleep" },
	{ 232, "ep_poll" },
	{ 247, "do_wait" },
	{ 270, "poll_schedule_timeout" },
	{ 271, "poll_schedule_timeout" },
	{ 281, "ep_poll" },
};

static const char *sleeps_at(struct task *t)
{
	int state = atomic_load(&t->state);
	const char *at = t->wchan;
	struct guest_regs r;

	if (state == 'R' || state == 'Z')
		return NULL;
	if (state == 'T')
		return "do_signal_stop";
	if (state == 't')
		return "ptrace_stop";
	if (at || !regs_of(t, &r))
		return at;
	for (size_t i = 0; i < ARRAY_SIZE(sleeps); i++)
		if (sleeps[i].nr == r.orig_rax)
			return sleeps[i].at;
	return "schedule";
}

int proc_wchan(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	const char *at;

	if (!t)
		return -ESRCH;
	at = task_may_access(t) == 0 ? sleeps_at(t) : NULL;
	seq_printf(out, "%s", at ? at : "0");
	return 0;
}

int proc_stack(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	const char *at;

	if (!capable(CAP_NR_SYS_ADMIN))
		return -EACCES;
	if (!t)
		return -ESRCH;
	at = sleeps_at(t);
	if (at)
		seq_printf(out, "[<0>] %s+0x0/0x0\n", at);
	return 0;
}

/* --- scheduling ----------------------------------------------------------- */

static void show_ms(struct seq_buf *out, const char *name, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu.%06lu", ns / 1000000, ns % 1000000);
	seq_printf(out, "%-45s:%21s\n", name, text);
}

static void show_nr(struct seq_buf *out, const char *name, uint64_t v)
{
	seq_printf(out, "%-45s:%21lu\n", name, v);
}

static int static_prio(const struct task_private *p)
{
	return p->policy == LINUX_SCHED_FIFO || p->policy == LINUX_SCHED_RR
		       ? 99 - p->rt_prio
		       : 120 + p->nice;
}

int proc_sched(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct rusage_sum u;
	char line[66];

	if (!t)
		return -ESRCH;
	task_usage(t, &u);
	memset(line, '-', sizeof(line));
	seq_printf(out, "%.16s (%u, #threads: %u)\n", t->comm,
		   pid_to_guest(t->tid), t->group->nr_threads);
	seq_write(out, line, sizeof(line));
	seq_printf(out, "-\n");
	show_ms(out, "se.exec_start", clock_monotonic());
	show_ms(out, "se.vruntime", u.utime + u.stime);
	show_ms(out, "se.sum_exec_runtime", u.utime + u.stime);
	show_nr(out, "se.nr_migrations", 0);
	show_nr(out, "nr_switches", u.vol_switches);
	show_nr(out, "nr_voluntary_switches", u.vol_switches);
	show_nr(out, "nr_involuntary_switches", 0);
	show_nr(out, "policy", (uint64_t)t->priv->policy);
	show_nr(out, "prio", (uint64_t)static_prio(t->priv));
	return 0;
}

/* The time spent waiting for a CPU is the host's secret. */
int proc_schedstat(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct rusage_sum u;

	if (!t)
		return -ESRCH;
	task_usage(t, &u);
	seq_printf(out, "%lu 0 %lu\n", u.utime + u.stime, u.vol_switches + 1);
	return 0;
}

int proc_autogroup(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct task_report r;

	if (!t)
		return -ESRCH;
	task_report(t, &r);
	seq_printf(out, "/autogroup-%u nice 0\n", r.sid);
	return 0;
}

/* --- timers --------------------------------------------------------------- */

int proc_timers(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);

	if (!t)
		return -ESRCH;
	posix_timers_print(t->group, out);
	return 0;
}

/* Others may see and set it with CAP_SYS_NICE only. */
static int may_slack(const struct task *t)
{
	return t == current_task() || capable(CAP_NR_SYS_NICE) ? 0 : -EPERM;
}

int proc_timerslack(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	int ret;

	if (!t)
		return -ESRCH;
	ret = may_slack(t);
	if (ret == 0)
		seq_printf(out, "%lu\n", t->priv->timer_slack);
	return ret;
}

long proc_timerslack_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	int64_t v;
	int ret = synth_parse_i64(text, 0, INT64_MAX, &v);

	if (ret < 0)
		return ret;
	if (!t)
		return -ESRCH;
	ret = may_slack(t);
	if (ret < 0)
		return ret;
	mutex_lock(&t->mu);
	t->priv->timer_slack = v ? (uint64_t)v : 50000;
	mutex_unlock(&t->mu);
	return (long)size;
}

/* --- what is kept for it -------------------------------------------------- */

int proc_personality(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);

	if (!t)
		return -ESRCH;
	seq_printf(out, "%08x\n", atomic_load(&t->priv->personality));
	return 0;
}

#define DUMP_FILTER_BITS 0x1ff

int proc_coredump_filter(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);

	if (!t)
		return -ESRCH;
	seq_printf(out, "%08x\n", atomic_load(&t->group->priv->dump_filter));
	return 0;
}

long proc_coredump_filter_write(const struct synth_ctx *ctx, char *text,
				size_t size)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 0);
	if (end == text || errno || v > UINT32_MAX ||
	    (*end && strcmp(end, "\n") != 0))
		return -EINVAL;
	if (!t)
		return -ESRCH;
	atomic_store(&t->group->priv->dump_filter,
		     (uint32_t)v & DUMP_FILTER_BITS);
	return (long)size;
}

static int attr_show(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx, (void)out;
	return -EINVAL;
}

static long attr_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	(void)ctx, (void)text, (void)size;
	return -EINVAL;
}

#define ATTR(n) SYNTH_RW(n, 0666, attr_show, attr_write)

const struct synth_entry proc_attr_entries[] = {
	ATTR("current"),   SYNTH_FILE("prev", 0444, attr_show),
	ATTR("exec"),	   ATTR("fscreate"),
	ATTR("keycreate"), ATTR("sockcreate"),
	{ .name = NULL },
};
