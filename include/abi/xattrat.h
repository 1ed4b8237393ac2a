/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xattrat: structures of the *xattrat calls, file_getattr(2), cachestat(2).
 */
#ifndef ABI_XATTRAT_H
#define ABI_XATTRAT_H

#include <assert.h>
#include <stdint.h>

struct linux_xattr_args {
	uint64_t value;
	uint32_t size, flags;
};
static_assert(sizeof(struct linux_xattr_args) == 16, "struct xattr_args");

#define LINUX_FILE_ATTR_SIZE_VER0 24u /* struct file_attr of 6.17 */

struct linux_cachestat_range {
	uint64_t off, len;
};
struct linux_cachestat {
	uint64_t nr_cache, nr_dirty, nr_writeback, nr_evicted,
		nr_recently_evicted;
};
static_assert(sizeof(struct linux_cachestat) == 40, "struct cachestat");

/* struct file_handle without its bytes; name_to_handle_at(2). */
struct linux_file_handle {
	uint32_t bytes;
	int32_t type;
};
#define LINUX_MAX_HANDLE_SZ 128u

/* quotactl(2): cmd >> 8 and the type in the low byte. */
#define LINUX_Q_SYNC	0x800001u
#define LINUX_MAXQUOTAS 3u

#endif
