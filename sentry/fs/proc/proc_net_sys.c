/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_net_sys: the settings below /proc/sys/net that have an effect; each
 * belongs to the reader's network namespace.
 *
 * Locks: none; each value is atomic.
 * Linux: net/ipv4/sysctl_net_ipv4.c, net/core/sysctl_net_core.c of 6.18.
 * Tests: tests/conformance/netif.c
 */
#include "sentry/fs/proc/proc_net_sys.h"

#include <errno.h>
#include <stdio.h>

#include "abi/fcntl.h"
#include "sentry/kernel/user_ns.h"

int proc_net_sys_permission(const struct synth_ctx *ctx,
			    const struct cred *cred, uint32_t mask, int by_mode)
{
	(void)ctx;
	(void)mask;
	/* Whoever administers the network is as good as the owner. */
	return cred_ns_capable(cred, current_net()->ns.owner, CAP_NR_NET_ADMIN)
		       ? 0
		       : by_mode;
}

int proc_net_sys(const struct synth_ctx *ctx, struct seq_buf *out)
{
	const struct net_setting *n = synth_ctx_entry(ctx)->arg;

	seq_printf(out, "%d\n", net_sysctl(current_net(), n->id));
	return 0;
}

long proc_net_sys_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	const struct net_setting *n = synth_ctx_entry(ctx)->arg;
	int64_t v;
	int ret = synth_parse_i64(text, n->min, n->max, &v);

	if (ret < 0)
		return ret;
	current_net()->sysctl[n->id] = (int32_t)v;
	return (long)size;
}

int proc_net_port_range(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct net_ns *n = current_net();

	(void)ctx;
	seq_printf(out, "%d\t%d\n", net_sysctl(n, NET_PORT_MIN),
		   net_sysctl(n, NET_PORT_MAX));
	return 0;
}

long proc_net_port_range_write(const struct synth_ctx *ctx, char *text,
			       size_t size)
{
	struct net_ns *n = current_net();
	int low, high;

	(void)ctx;
	if (sscanf(text, "%d %d", &low, &high) != 2 || low < 1 ||
	    high > 65535 || low > high || low < net_sysctl(n, NET_UNPRIV_PORT))
		return -EINVAL;
	n->sysctl[NET_PORT_MIN] = low;
	n->sysctl[NET_PORT_MAX] = high;
	return (long)size;
}
