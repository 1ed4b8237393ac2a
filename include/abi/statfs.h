/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statfs: struct statfs of x86-64 and the magic numbers of file systems.
 */
#ifndef ABI_STATFS_H
#define ABI_STATFS_H

#include <assert.h>
#include <stdint.h>

struct linux_statfs {
	int64_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	int64_t namelen, frsize, flags, spare[4];
};
static_assert(sizeof(struct linux_statfs) == 120, "struct statfs");

#define LINUX_TMPFS_MAGIC     0x01021994u
#define LINUX_OVERLAYFS_MAGIC 0x794c7630u
#define LINUX_PROC_MAGIC      0x9fa0u
#define LINUX_SYSFS_MAGIC     0x62656572u
#define LINUX_DEVPTS_MAGIC    0x1cd1u
#define LINUX_PIPEFS_MAGIC    0x50495045u
#define LINUX_SOCKFS_MAGIC    0x534f434bu
#define LINUX_ANON_MAGIC      0x09041934u

enum {
	LINUX_ST_RDONLY = 1,
	LINUX_ST_NOSUID = 2,
	LINUX_ST_NODEV = 4,
	LINUX_ST_NOEXEC = 8,
	LINUX_ST_VALID = 0x20,
	LINUX_ST_NOATIME = 0x400,
	LINUX_ST_RELATIME = 0x1000
};

#endif
