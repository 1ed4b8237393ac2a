/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_ns: namespaces in /proc: /proc/PID/ns, the maps of user namespaces,
 * timens_offsets, /proc/sys/user; and ids as a mount of proc shows them.
 *
 * Who opened a map for writing counts, besides who writes: a descriptor that
 * is handed to a privileged program gives its owner nothing.
 *
 * Locks:     none of its own.
 * Linux:     fs/proc/namespaces.c, proc_id_map_open() of 6.18.
 * Tests:     tests/conformance/userns.c, pidns.c, ns.c, timens.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/time/clock.h"

/* --- ids as seen by this mount -------------------------------------------- */

struct pid_ns *proc_pid_ns(const struct synth_ctx *ctx)
{
	struct pid_ns *ns = synth_ctx_data(ctx);

	return ns ? ns : &g_init_pid_ns;
}

const struct user_ns *proc_viewer(void)
{
	return current_task()->cred->user_ns;
}

int64_t proc_boot_offset(void)
{
	return task_boot_offset(current_task());
}

void proc_localise(const struct synth_ctx *ctx, struct task_report *r)
{
	const struct pid_ns *ns = proc_pid_ns(ctx);

	if (likely(ns->level == 0))
		return;
	tasklist_lock();
	r->tid = pid_nr_in_locked(r->tid, ns);
	r->tgid = pid_nr_in_locked(r->tgid, ns);
	r->ppid = pid_nr_in_locked(r->ppid, ns);
	r->pgid = pid_nr_in_locked(r->pgid, ns);
	r->sid = pid_nr_in_locked(r->sid, ns);
	r->tracer = pid_nr_in_locked(r->tracer, ns);
	if (r->tty_pgrp > 0)
		r->tty_pgrp =
			(int32_t)pid_nr_in_locked((uint32_t)r->tty_pgrp, ns);
	tasklist_unlock();
}

void proc_show_numbers(const struct synth_ctx *ctx, const char *name,
		       uint32_t pid, struct seq_buf *out)
{
	uint32_t nrs[PID_NS_MAX_LEVEL + 1];
	unsigned int i, n;

	tasklist_lock();
	n = pid_numbers_locked(pid, proc_pid_ns(ctx), nrs);
	tasklist_unlock();
	seq_printf(out, "%s:", name);
	for (i = 0; i < n; i++)
		seq_printf(out, "\t%u", nrs[i]);
	seq_printf(out, "\n");
}

/* --- /proc/PID/ns --------------------------------------------------------- */

/* Row arguments: which of the task's; one more is in its credentials, one in
 * its process. */
enum { OWN_USER = TASK_NS_NR, OWN_PID };
static const int row_which[] = {
	TASK_NS_CGROUP, TASK_NS_IPC,
	TASK_NS_MNT,	TASK_NS_NET,
	OWN_PID,	TASK_NS_PID_CHILDREN,
	TASK_NS_TIME,	TASK_NS_TIME_CHILDREN,
	OWN_USER,	TASK_NS_UTS,
};

/* +1 or NULL. */
static struct ns_common *ns_of_task(struct task *t, int which)
{
	struct ns_common *ns;

	if (which == OWN_PID) {
		ns = &task_pid_ns(t)->ns;
		ns_get(ns);
		return ns;
	}
	mutex_lock(&t->mu);
	ns = which == OWN_USER ? &t->cred->user_ns->ns : t->ns[which];
	ns_get(ns);
	mutex_unlock(&t->mu);
	return ns;
}

static int ns_link(const struct synth_ctx *ctx, struct path *out)
{
	const int *which = synth_ctx_entry(ctx)->arg;
	AUTO_PUT(task) struct task *t = NULL;
	struct ns_common *ns;
	int ret = proc_may_access(ctx);

	if (ret < 0)
		return ret == -ESRCH ? -ENOENT : ret;
	t = proc_task(ctx);
	ns = t ? ns_of_task(t, *which) : NULL;
	if (!ns)
		return -ENOENT;
	ret = nsfs_path(ns, out);
	ns_put(ns);
	return ret;
}

#define NS(n, i)                                                 \
	{                                                        \
		.name = (n), .mode = S_IFLNK | 0777,             \
		.readlink = proc_link_text, .get_link = ns_link, \
		.arg = &row_which[i]                             \
	}

const struct synth_entry proc_ns_entries[] = {
	NS("cgroup", 0),  NS("ipc", 1),
	NS("mnt", 2),	  NS("net", 3),
	NS("pid", 4),	  NS("pid_for_children", 5),
	NS("time", 6),	  NS("time_for_children", 7),
	NS("user", 8),	  NS("uts", 9),
	{ .name = NULL },
};

/* --- maps ----------------------------------------------------------------- */

struct map_file {
	struct user_ns *u;   /* +1 */
	struct cred *opener; /* +1 */
	int kind;	     /* ID_KINDS: setgroups */
};

static long map_read(struct file *f, struct uio *u, int64_t *pos)
{
	const struct map_file *m = f->priv;
	struct seq_buf text = { 0 };
	long ret;

	if (m->kind == ID_KINDS)
		seq_printf(&text, "%s\n",
			   m->u->setgroups_denied ? "deny" : "allow");
	else
		user_ns_show_map(m->u, (enum id_kind)m->kind,
				 m->opener->user_ns, &text);
	if (text.failed)
		ret = -ENOMEM;
	else if ((uint64_t)*pos >= text.len)
		ret = 0;
	else
		ret = uio_copy_out(u, text.data + *pos,
				   text.len - (size_t)*pos);
	seq_fini(&text);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static long map_write(struct file *f, struct uio *u, int64_t *pos)
{
	const struct map_file *m = f->priv;
	AUTO_FREE char *text = NULL;
	size_t size = u->left;
	long ret;

	if (*pos != 0 || size >= PAGE_SIZE)
		return -EINVAL;
	text = kzalloc(size + 1);
	if (!text)
		return -ENOMEM;
	ret = uio_copy_in(u, text, size);
	if (ret < 0)
		return ret;
	if (m->kind == ID_KINDS)
		ret = user_ns_write_setgroups(m->u, m->opener, text, size);
	else
		ret = user_ns_write_map(m->u, (enum id_kind)m->kind, m->opener,
					text, size);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static void map_release(struct file *f)
{
	struct map_file *m = f->priv;

	user_ns_put(m->u);
	cred_put(m->opener);
	free(m);
}

static const struct file_ops map_fops = {
	.name = "id_map",
	.read = map_read,
	.write = map_write,
	.llseek = file_generic_llseek,
	.release = map_release,
};

static int map_open(const struct synth_ctx *ctx, struct file *f, int kind)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	AUTO_PUT(cred) struct cred *c = NULL;
	struct map_file *m;

	if (!t)
		return -ESRCH;
	c = task_get_cred(t);
	if (kind == ID_KINDS && (f->flags & LINUX_O_ACCMODE) != 0 &&
	    !ns_capable(c->user_ns, CAP_NR_SYS_ADMIN))
		return -EACCES;
	m = kzalloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->kind = kind;
	m->u = c->user_ns;
	user_ns_get(m->u);
	m->opener = task_get_cred(current_task());
	f->priv = m;
	f->ops = &map_fops;
	return 0;
}

int proc_uid_map_open(const struct synth_ctx *ctx, struct file *f)
{
	return map_open(ctx, f, ID_UID);
}

int proc_gid_map_open(const struct synth_ctx *ctx, struct file *f)
{
	return map_open(ctx, f, ID_GID);
}

int proc_projid_map_open(const struct synth_ctx *ctx, struct file *f)
{
	return map_open(ctx, f, ID_PROJID);
}

int proc_setgroups_open(const struct synth_ctx *ctx, struct file *f)
{
	return map_open(ctx, f, ID_KINDS);
}

/* --- timens_offsets ------------------------------------------------------- */

static struct time_ns *time_ns_for_children(struct task *t)
{
	struct ns_common *ns = ns_of_task(t, TASK_NS_TIME_CHILDREN);

	return ns ? container_of(ns, struct time_ns, ns) : NULL;
}

static void show_offset(struct seq_buf *out, const char *name, int64_t ns)
{
	int64_t sec = ns / (int64_t)NSEC_PER_SEC;
	int64_t rest = ns % (int64_t)NSEC_PER_SEC;

	if (rest < 0) {
		rest += (int64_t)NSEC_PER_SEC;
		sec--;
	}
	seq_printf(out, "%-10s %10ld %9ld\n", name, sec, rest);
}

int proc_timens_offsets(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct time_ns *ns = t ? time_ns_for_children(t) : NULL;

	if (!ns)
		return -ESRCH;
	show_offset(out, "monotonic", ns->mono);
	show_offset(out, "boottime", ns->boot);
	ns_put(&ns->ns);
	return 0;
}

/* One "CLOCK SECONDS NANOSECONDS". */
static int parse_offset(char *line, int64_t *mono, int64_t *boot)
{
	char clock[16];
	long long sec, nsec;
	int end = 0;
	int64_t now = (int64_t)clock_monotonic(), v;

	if (sscanf(line, " %15s %lld %lld %n", clock, &sec, &nsec, &end) != 3 ||
	    line[end])
		return -EINVAL;
	if (nsec < 0 || nsec >= (long long)NSEC_PER_SEC)
		return -EINVAL;
	/* The clock must stay between 0 and half of what a ktime holds. */
	if (sec > INT64_MAX / 2 / (int64_t)NSEC_PER_SEC ||
	    sec < -(INT64_MAX / 2 / (int64_t)NSEC_PER_SEC))
		return -ERANGE;
	v = sec * (int64_t)NSEC_PER_SEC + nsec;
	if (now + v < 0 || now + v > INT64_MAX / 2)
		return -ERANGE;
	if (strcmp(clock, "monotonic") == 0 || strcmp(clock, "1") == 0)
		*mono = v;
	else if (strcmp(clock, "boottime") == 0 || strcmp(clock, "7") == 0)
		*boot = v;
	else
		return -EINVAL;
	return 0;
}

static int set_offsets(struct time_ns *ns, char *text)
{
	int64_t mono = ns->mono, boot = ns->boot;
	char *line, *at = text;
	int ret = 0, nr = 0;

	while (ret == 0 && (line = strsep(&at, "\n")) != NULL) {
		if (!*line && !at)
			break;
		ret = ++nr > 2 ? -EINVAL : parse_offset(line, &mono, &boot);
	}
	if (ret < 0 || nr == 0)
		return ret < 0 ? ret : -EINVAL;
	mutex_lock(&ns->mu);
	if (ns->frozen) {
		ret = -EACCES;
	} else {
		ns->mono = mono;
		ns->boot = boot;
	}
	mutex_unlock(&ns->mu);
	return ret;
}

long proc_timens_offsets_write(const struct synth_ctx *ctx, char *text,
			       size_t size)
{
	AUTO_PUT(task) struct task *t = proc_task(ctx);
	struct time_ns *ns = t ? time_ns_for_children(t) : NULL;
	int ret;

	if (!ns)
		return -ESRCH;
	ret = ns_capable(ns->ns.owner, CAP_NR_SYS_TIME) ? set_offsets(ns, text)
							: -EPERM;
	ns_put(&ns->ns);
	return ret < 0 ? ret : (long)size;
}

/* --- /proc/sys/user ------------------------------------------------------- */

static int kind_of_row(const struct synth_ctx *ctx)
{
	const struct ns_type *type = synth_ctx_entry(ctx)->arg;

	return (int)(type - ns_types);
}

int proc_ns_max(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%d\n",
		   current_task()->cred->user_ns->max[kind_of_row(ctx)]);
	return 0;
}

/* They belong to whoever is root of the user namespace. */
int proc_ns_max_permission(const struct synth_ctx *ctx, const struct cred *cred,
			   uint32_t mask, int by_mode)
{
	(void)ctx;
	if (!(mask & MAY_EXEC) && cred_own_capable(cred, CAP_NR_SYS_RESOURCE))
		return 0;
	return by_mode;
}

long proc_ns_max_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	const struct cred *c = current_task()->cred;
	int64_t v;

	if (!cred_own_capable(c, CAP_NR_SYS_RESOURCE))
		return -EPERM;
	if (synth_parse_i64(text, 0, INT32_MAX, &v) < 0)
		return -EINVAL;
	c->user_ns->max[kind_of_row(ctx)] = (int32_t)v;
	return (long)size;
}
