/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat: file modes, struct stat and struct statx of x86-64 Linux.
 */
#ifndef ABI_STAT_H
#define ABI_STAT_H

#include <assert.h>
#include <stdint.h>

#include "abi/time.h"

#define LINUX_S_IFMT	0170000u
#define LINUX_S_IFSOCK	0140000u
#define LINUX_S_IFLNK	0120000u
#define LINUX_S_IFREG	0100000u
#define LINUX_S_IFBLK	0060000u
#define LINUX_S_IFDIR	0040000u
#define LINUX_S_IFCHR	0020000u
#define LINUX_S_IFIFO	0010000u
#define LINUX_S_ISUID	0004000u
#define LINUX_S_ISGID	0002000u
#define LINUX_S_ISVTX	0001000u
#define LINUX_S_IXGRP	0000010u
#define LINUX_S_IALLUGO 07777u
#define LINUX_S_IRWXUGO 0777u

#define LINUX_UTIME_NOW	 0x3fffffff
#define LINUX_UTIME_OMIT 0x3ffffffe

struct linux_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad0;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	uint64_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	int64_t unused[3];
};
static_assert(sizeof(struct linux_stat) == 144, "struct stat");

struct linux_statx_timestamp {
	int64_t sec;
	uint32_t nsec;
	int32_t pad;
};
struct linux_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad0;
	uint64_t ino, size, blocks, attributes_mask;
	struct linux_statx_timestamp atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint32_t dio_mem_align, dio_offset_align;
	uint64_t spare[12];
};
static_assert(sizeof(struct linux_statx) == 256, "struct statx");

#define LINUX_STATX_BASIC_STATS	    0x7ffu
#define LINUX_STATX_MTIME	    0x40u
#define LINUX_STATX_CTIME	    0x80u
#define LINUX_STATX_BTIME	    0x800u
#define LINUX_STATX_MNT_ID	    0x1000u
#define LINUX_STATX_MNT_ID_UNIQUE   0x4000u
#define LINUX_STATX_RESERVED	    0x80000000u
#define LINUX_STATX_ATTR_MOUNT_ROOT 0x2000ull

/* dev_t as user space sees it (new_encode_dev, huge for statx' parts). */
static inline uint32_t linux_dev_major(uint64_t dev)
{
	return (dev >> 8 & 0xfff) | (uint32_t)(dev >> 32 & ~0xfffull);
}
static inline uint32_t linux_dev_minor(uint64_t dev)
{
	return (dev & 0xff) | (uint32_t)(dev >> 12 & ~0xffull);
}
static inline uint64_t linux_makedev(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (uint64_t)(major & 0xfff) << 8 |
	       (uint64_t)(minor & ~0xffu) << 12 |
	       (uint64_t)(major & ~0xfffu) << 32;
}

#endif
