/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_mount: what the families of mount calls share.
 */
#ifndef SENTRY_SYSCALLS_SYS_MOUNT_H
#define SENTRY_SYSCALLS_SYS_MOUNT_H

#include "abi/mount.h"
#include "abi/types.h"
#include "sentry/vfs/vfs.h"

/* MNT_* of MS_* flags of a new mount. */
uint32_t mount_flags_of(uint64_t ms);
/* PROP_* of the one MS_ propagation flag in @ms; -EINVAL: none, or several. */
int mount_type_of(uint64_t ms);

/* What struct mount_attr asks for, checked. */
struct mount_change {
	uint32_t set, clear, propagation; /* MNT_*, MNT_*, PROP_* or 0 */
};
/* The argument of mount_setattr(2): 0; -E2BIG, -EINVAL, -EFAULT, -EPERM. */
MUST_CHECK int mount_attr_in(uaddr_t attr, uint64_t size,
			     struct mount_change *out);
/* MOUNT_ATTR_* of fsmount(2) as MNT_*; -EINVAL. */
MUST_CHECK int mount_attr_to_flags(uint64_t attr, uint32_t *out);
uint64_t mount_attr_of_flags(uint32_t flags);

#endif
