/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_locks: /proc/locks, and what /proc/PID/fdinfo says of locks.
 *
 * Locks: none; a snapshot is printed.
 * Linux: fs/locks.c of 6.18; without leases, and without those that wait.
 * Tests: tests/conformance/proc_files.c
 */
#include "sentry/fs/proc/proc.h"

#include "abi/stat.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/vfs/locks.h"

static void show_one(const struct lock_report *l, int nr, uint32_t pid,
		     struct seq_buf *out)
{
	static const char *const kinds[] = { "POSIX ", "OFDLCK", "FLOCK " };

	seq_printf(out, "%d: %s ADVISORY  %s %d %02x:%02x:%lu ", nr,
		   kinds[l->r.kind], l->r.type == LOCK_WRITE ? "WRITE" : "READ",
		   l->r.kind == LOCK_KIND_OFD ? -1 : (int)pid,
		   linux_dev_major(l->dev), linux_dev_minor(l->dev), l->ino);
	if (l->r.kind == LOCK_KIND_FLOCK)
		seq_printf(out, "0 EOF\n");
	else if (l->r.end == INT64_MAX)
		seq_printf(out, "%ld EOF\n", l->r.start);
	else
		seq_printf(out, "%ld %ld\n", l->r.start, l->r.end);
}

int proc_locks(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_FREE struct lock_report *all = NULL;
	int n = locks_report(&all), nr = 0;

	for (int i = 0; i < n; i++) {
		uint32_t pid = 0;

		if (all[i].r.pid > 0)
			pid = pid_nr_in((uint32_t)all[i].r.pid,
					proc_pid_ns(ctx));
		/* Others' of outer namespaces are not shown. */
		if (pid || all[i].r.kind == LOCK_KIND_OFD)
			show_one(&all[i], ++nr, pid, out);
	}
	return n < 0 ? n : 0;
}

void proc_fdinfo_locks(struct file *f, const struct fd_table *fds,
		       struct seq_buf *out)
{
	AUTO_FREE struct lock_report *all = NULL;
	int n, nr = 0;

	if (!f->inode->locks)
		return;
	n = locks_report(&all);
	for (int i = 0; i < n; i++) {
		if (all[i].inode != f->inode ||
		    (all[i].r.owner != f && all[i].r.owner != fds))
			continue;
		seq_printf(out, "lock:\t");
		show_one(&all[i], ++nr, pid_to_guest((uint32_t)all[i].r.pid),
			 out);
	}
}
