/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_serve: what the launcher asks about all of a container: its
 * processes, figures, limits; pause and resume.
 *
 * Runs in the watch thread: nothing here waits for a guest.
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <string.h>

#include "sentry/control.h"
#include "sentry/host/host.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/cgroup.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/mm/memfile.h"

static void signal_one(struct thread_group *tg, void *arg)
{
	struct linux_siginfo si;

	siginfo_kernel(&si, *(const int *)arg);
	(void)signal_send_group(tg, &si);
}

static int signal_all(int signo)
{
	if (signo <= 0 || signo > LINUX_NSIG)
		return -EINVAL;
	cgroup_foreach(cgroup_root(), true, signal_one, &signo);
	return 0;
}

static int write_out(int fd, struct seq_buf *s)
{
	struct iovec iov = { s->data, s->len };
	long n;

	if (s->failed)
		return -ENOMEM;
	n = host_pwritev(fd, &iov, 1, 0, 0);
	return n < 0 ? (int)n : 0;
}

/* One process a line: PID PPID UID STIME(s) TIME(ms) COMMAND */
static void print_process(struct thread_group *tg, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = NULL;
	struct task_report r;
	struct cred *c;

	t = task_lookup_global(tg->tgid);
	if (!t)
		return;
	task_report(t, &r);
	c = task_get_cred(t);
	seq_printf(out, "%u %u %u %lu %lu ", r.tgid, r.ppid, c ? c->uid : 0,
		   (unsigned long)(r.start_ns / 1000000000),
		   (unsigned long)((r.group.utime_ns + r.group.stime_ns) /
				   1000000));
	seq_escape(out, r.comm);
	seq_printf(out, "\n");
	if (c)
		cred_put(c);
}

static int list_processes(int fd)
{
	struct thread_group *tg;
	struct seq_buf s = { 0 };
	uint32_t after = 0;
	int ret;

	while ((tg = pid_ns_next_group(&g_init_pid_ns, after, &after))) {
		print_process(tg, &s);
		thread_group_put(tg);
	}
	ret = s.len || s.failed ? write_out(fd, &s) : 0;
	seq_fini(&s);
	return ret;
}

/* "name value" lines; names are ours. */
static int print_stats(int fd)
{
	struct cgroup *cg = cgroup_root();
	struct memfile_acct mem;
	uint64_t user, system;
	struct seq_buf s = { 0 };
	int ret;

	cgroup_cpu_usage(cg, &user, &system);
	memfile_acct_read(memfile_root_acct(), &mem);
	seq_printf(&s,
		   "cpu_user_ns %lu\ncpu_system_ns %lu\nmemory %lu\n"
		   "memory_peak %lu\nmemory_limit %lu\nmemory_refused %lu\n",
		   (unsigned long)user, (unsigned long)system,
		   (unsigned long)mem.used, (unsigned long)mem.peak,
		   (unsigned long)mem.limit, (unsigned long)mem.refused);
	seq_printf(&s,
		   "pids %u\npids_limit %lu\nperiods %lu\n"
		   "throttled_periods %lu\nthrottled_ns %lu\n",
		   (unsigned int)cg->nr_tasks, (unsigned long)cg->pids_max,
		   (unsigned long)cg->cpu.nr_periods,
		   (unsigned long)cg->cpu.nr_throttled,
		   (unsigned long)cg->cpu.throttled_ns);
	ret = write_out(fd, &s);
	seq_fini(&s);
	return ret;
}

static int update(const struct control_msg *msg)
{
	struct cgroup *cg = cgroup_root();
	struct control_limits l;

	memcpy(&l, msg->text, sizeof(l));
	if (l.memory)
		memfile_acct_limit(memfile_root_acct(), l.memory);
	if (l.pids)
		atomic_store(&cg->pids_max, l.pids);
	if (l.quota_us)
		cgroup_cpu_set(cg, l.quota_us,
			       l.period_us ? l.period_us : 100000);
	return 0;
}

static int serve(const struct control_msg *msg, int fd)
{
	switch (msg->kind) {
	case CONTROL_SIGNAL_ALL:
		return signal_all(msg->status);
	case CONTROL_PAUSE:
		cgroup_set_freeze(cgroup_root(), true);
		return 0;
	case CONTROL_RESUME:
		cgroup_set_freeze(cgroup_root(), false);
		return 0;
	case CONTROL_PS:
		return list_processes(fd);
	case CONTROL_STATS:
		return print_stats(fd);
	case CONTROL_UPDATE:
		return update(msg);
	}
	return -EINVAL;
}

void control_serve(const struct control_msg *msg, int fd)
{
	int ret = serve(msg, fd);

	control_reply(msg->id, ret < 0 ? 1 : 0,
		      ret < 0 ? strerror(-ret) : NULL);
}
