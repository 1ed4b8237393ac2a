/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs: what its files share.
 */
#ifndef SENTRY_FS_SYS_SYSFS_H
#define SENTRY_FS_SYS_SYSFS_H

#include "sentry/fs/synth/synth.h"

/* Shows the row's argument and a newline. */
int sysfs_show_text(const struct synth_ctx *ctx, struct seq_buf *out);
/* Nobody may write, root included, as sysfs does without a store method. */
int sysfs_permission(const struct synth_ctx *ctx, const struct cred *cred,
		     uint32_t mask, int by_mode);

#define SYSFS_SHOW(n, fn)                                          \
	{                                                          \
		.name = (n), .mode = S_IFREG | 0444, .show = (fn), \
		.permission = sysfs_permission                     \
	}
#define SYSFS_TEXT(n, text)                                                   \
	{                                                                     \
		.name = (n), .mode = S_IFREG | 0444, .show = sysfs_show_text, \
		.arg = (text), .permission = sysfs_permission                 \
	}
#define SYSFS_DIR(n, kids)                                               \
	{                                                                \
		.name = (n), .mode = S_IFDIR | 0755, .children = (kids), \
		.permission = sysfs_permission                           \
	}
#define SYSFS_END            \
	{                    \
		.name = NULL \
	}

extern const struct synth_entry sysfs_cpu_entries[]; /* sysfs_cpu.c */
extern const struct synth_dir_ops sysfs_cpus;
extern const struct synth_entry sysfs_node_entries[];

#endif
