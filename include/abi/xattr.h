/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xattr: limits and flags of the extended attribute calls, xattr(7).
 */
#ifndef ABI_XATTR_H
#define ABI_XATTR_H

#include <assert.h>
#include <stdint.h>

#define LINUX_XATTR_NAME_MAX 255
#define LINUX_XATTR_SIZE_MAX 65536
#define LINUX_XATTR_LIST_MAX 65536
#define LINUX_XATTR_CREATE   1
#define LINUX_XATTR_REPLACE  2

/* security.capability, linux/capability.h; little endian. */
#define LINUX_XATTR_NAME_CAPS	      "security.capability"
#define LINUX_VFS_CAP_REVISION_MASK   0xff000000u
#define LINUX_VFS_CAP_REVISION_1      0x01000000u
#define LINUX_VFS_CAP_REVISION_2      0x02000000u
#define LINUX_VFS_CAP_REVISION_3      0x03000000u
#define LINUX_VFS_CAP_FLAGS_EFFECTIVE 1u
struct linux_vfs_cap_data {
	uint32_t magic;
	struct {
		uint32_t permitted, inheritable;
	} data[2];
	uint32_t root; /* revision 3 only */
};
static_assert(sizeof(struct linux_vfs_cap_data) == 24, "vfs_ns_cap_data");
#define LINUX_VFS_CAP_SIZE_1 12
#define LINUX_VFS_CAP_SIZE_2 20
#define LINUX_VFS_CAP_SIZE_3 24

#endif
