/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroupfs: the cgroup2 file system; one directory a control group.
 */
#ifndef SENTRY_FS_CGROUP_CGROUPFS_H
#define SENTRY_FS_CGROUP_CGROUPFS_H

#include "sentry/fs/synth/synth.h"
#include "sentry/kernel/cgroup.h"

#define CGROUP2_SUPER_MAGIC 0x63677270

/* The group whose directory @f is open on, +1; NULL: it is something else. */
struct cgroup *cgroupfs_of_file(const struct file *f);

/* Files of controllers; .arg is the controller (cgroup_ctl.c). */
extern const struct synth_entry cgroup_ctl_files[];
#define CGROUP_NR_CTL_FILES 17
/* Is @e, a row of it, there in @cg? */
bool cgroup_ctl_visible(const struct cgroup *cg, const struct synth_entry *e);
/* The group of a file's context. */
static inline struct cgroup *cgroup_of_ctx(const struct synth_ctx *ctx)
{
	return ctx->obj ? ctx->obj : cgroup_root();
}
/* "max" or a number (with k, m, g); -EINVAL. */
MUST_CHECK int cgroup_parse_max(char *text, uint64_t *out);
void cgroup_show_max(struct seq_buf *out, uint64_t v);
int cgroup_cpu_stat(const struct synth_ctx *ctx, struct seq_buf *out);

#endif
