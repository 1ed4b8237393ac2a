/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsfs: ioctls of namespace files, ioctl_nsfs(2).
 */
#ifndef ABI_NSFS_H
#define ABI_NSFS_H

#define LINUX_NS_GET_USERNS	     0xb701u
#define LINUX_NS_GET_PARENT	     0xb702u
#define LINUX_NS_GET_NSTYPE	     0xb703u
#define LINUX_NS_GET_OWNER_UID	     0xb704u
#define LINUX_NS_GET_MNTNS_ID	     0x8008b705u
#define LINUX_NS_GET_PID_FROM_PIDNS  0x8004b706u
#define LINUX_NS_GET_TGID_FROM_PIDNS 0x8004b707u
#define LINUX_NS_GET_PID_IN_PIDNS    0x8004b708u
#define LINUX_NS_GET_TGID_IN_PIDNS   0x8004b709u

#endif
