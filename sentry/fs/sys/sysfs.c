/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs: /sys as far as programs look at it: CPUs, the memory node, huge
 * pages, the loopback interface.  Read-only.
 *
 * Locks: none.
 * Tests: tests/conformance/proc.c
 */
#include <errno.h>

#include "abi/statfs.h"
#include "sentry/fs/sys/sysfs.h"

int sysfs_show_text(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%s\n", (const char *)synth_ctx_entry(ctx)->arg);
	return 0;
}

int sysfs_permission(const struct synth_ctx *ctx, const struct cred *cred,
		     uint32_t mask, int by_mode)
{
	(void)ctx, (void)cred;
	return mask & MAY_WRITE ? -EACCES : by_mode;
}

static int link_text(const struct synth_ctx *ctx, char **out_target)
{
	*out_target = kstrdup(synth_ctx_entry(ctx)->arg);
	return *out_target ? 0 : -ENOMEM;
}

#define LINK(n, to)                                                         \
	{                                                                   \
		.name = (n), .mode = S_IFLNK | 0777, .readlink = link_text, \
		.arg = (to)                                                 \
	}

static const struct synth_entry none[] = { SYSFS_END };

/* --- devices ------------------------------------------------------------- */

static const struct synth_entry system_entries[] = {
	{ .name = "cpu",
	  .mode = S_IFDIR | 0755,
	  .children = sysfs_cpu_entries,
	  .dynamic = &sysfs_cpus,
	  .permission = sysfs_permission },
	SYSFS_DIR("node", sysfs_node_entries),
	SYSFS_END,
};

static const struct synth_entry lo_entries[] = {
	SYSFS_TEXT("addr_len", "6"),
	SYSFS_TEXT("address", "00:00:00:00:00:00"),
	SYSFS_TEXT("broadcast", "00:00:00:00:00:00"),
	SYSFS_TEXT("carrier", "1"),
	SYSFS_TEXT("dev_id", "0x0"),
	SYSFS_TEXT("flags", "0x9"),
	SYSFS_TEXT("ifindex", "1"),
	SYSFS_TEXT("iflink", "1"),
	SYSFS_TEXT("mtu", "65536"),
	SYSFS_TEXT("operstate", "unknown"),
	LINK("subsystem", "../../../../class/net"),
	SYSFS_TEXT("tx_queue_len", "1000"),
	SYSFS_TEXT("type", "772"),
	SYSFS_TEXT("uevent", "INTERFACE=lo\nIFINDEX=1"),
	SYSFS_END,
};
static const struct synth_entry virtual_net_entries[] = {
	SYSFS_DIR("lo", lo_entries),
	SYSFS_END,
};
static const struct synth_entry virtual_entries[] = {
	SYSFS_DIR("net", virtual_net_entries),
	SYSFS_END,
};
static const struct synth_entry device_entries[] = {
	SYSFS_DIR("system", system_entries),
	SYSFS_DIR("virtual", virtual_entries),
	SYSFS_END,
};

/* --- class, dev ---------------------------------------------------------- */

static const struct synth_entry class_net_entries[] = {
	LINK("lo", "../../devices/virtual/net/lo"),
	SYSFS_END,
};
static const struct synth_entry class_entries[] = {
	SYSFS_DIR("block", none),
	SYSFS_DIR("net", class_net_entries),
	SYSFS_DIR("tty", none),
	SYSFS_END,
};
static const struct synth_entry dev_entries[] = {
	SYSFS_DIR("block", none),
	SYSFS_DIR("char", none),
	SYSFS_END,
};

/* --- kernel -------------------------------------------------------------- */

static const struct synth_entry thp_entries[] = {
	SYSFS_TEXT("defrag", "always defer defer+madvise madvise [never]"),
	SYSFS_TEXT("enabled", "always madvise [never]"),
	SYSFS_TEXT("hpage_pmd_size", "2097152"),
	SYSFS_TEXT("shmem_enabled",
		   "always within_size advise [never] deny force"),
	SYSFS_TEXT("use_zero_page", "0"),
	SYSFS_END,
};
static const struct synth_entry mm_entries[] = {
	SYSFS_DIR("hugepages", none),
	SYSFS_DIR("transparent_hugepage", thp_entries),
	SYSFS_END,
};
static const struct synth_entry kernel_entries[] = {
	SYSFS_TEXT("fscaps", "1"),
	SYSFS_DIR("mm", mm_entries),
	SYSFS_TEXT("profiling", "0"),
	SYSFS_DIR("security", none),
	SYSFS_END,
};

/* --- the top ------------------------------------------------------------- */

static const struct synth_entry fs_entries[] = {
	SYSFS_DIR("cgroup", none),
	SYSFS_END,
};

static const struct synth_entry root_children[] = {
	SYSFS_DIR("block", none),
	SYSFS_DIR("bus", none),
	SYSFS_DIR("class", class_entries),
	SYSFS_DIR("dev", dev_entries),
	SYSFS_DIR("devices", device_entries),
	SYSFS_DIR("firmware", none),
	SYSFS_DIR("fs", fs_entries),
	SYSFS_DIR("kernel", kernel_entries),
	SYSFS_DIR("module", none),
	SYSFS_DIR("power", none),
	SYSFS_END,
};

static const struct synth_entry root_entry = {
	.name = "/",
	.mode = S_IFDIR | 0555,
	.children = root_children,
};

static const struct synth_fs sysfs_fs = {
	.super = { .name = "sysfs" },
	.magic = LINUX_SYSFS_MAGIC,
	.file_size = PAGE_SIZE,
	.blksize = PAGE_SIZE,
	.root = &root_entry,
};

int sysfs_new(struct super **out)
{
	return synth_new(&sysfs_fs, out);
}
