/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_net_sys: rows of /proc/sys/net for proc_sys.c.
 */
#ifndef SENTRY_FS_PROC_PROC_NET_SYS_H
#define SENTRY_FS_PROC_PROC_NET_SYS_H

#include "sentry/fs/proc/proc.h"
#include "sentry/net/net_ns.h"

/* A number and its bounds: the argument of a row. */
struct net_setting {
	enum net_sysctl id;
	int32_t min, max;
};

/* Callbacks of the rows (synth.h). */
proc_show proc_net_sys, proc_net_port_range;
/* As synth_entry.permission. */
int proc_net_sys_permission(const struct synth_ctx *ctx,
			    const struct cred *cred, uint32_t mask,
			    int by_mode);
/* As synth_entry.write: -EINVAL for what is no number within its bounds. */
long proc_net_sys_write(const struct synth_ctx *ctx, char *text, size_t size);
long proc_net_port_range_write(const struct synth_ctx *ctx, char *text,
			       size_t size);

#define NET_SETTING(n, which, lo, hi)                                      \
	{                                                                  \
		.name = (n), .mode = S_IFREG | 0644, .show = proc_net_sys, \
		.write = proc_net_sys_write,                               \
		.permission = proc_net_sys_permission,                     \
		.arg = &(const struct net_setting)                         \
		{                                                          \
			(which), (lo), (hi)                                \
		}                                                          \
	}

#endif
