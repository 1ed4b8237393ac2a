/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount: flags of mount(2) and umount2(2).
 */
#ifndef ABI_MOUNT_H
#define ABI_MOUNT_H

#define LINUX_MS_RDONLY	     1ul
#define LINUX_MS_NOSUID	     2ul
#define LINUX_MS_NODEV	     4ul
#define LINUX_MS_NOEXEC	     8ul
#define LINUX_MS_REMOUNT     32ul
#define LINUX_MS_NOATIME     1024ul
#define LINUX_MS_BIND	     4096ul
#define LINUX_MS_MOVE	     8192ul
#define LINUX_MS_REC	     16384ul
#define LINUX_MS_SILENT	     32768ul
#define LINUX_MS_UNBINDABLE  (1ul << 17)
#define LINUX_MS_PRIVATE     (1ul << 18)
#define LINUX_MS_SLAVE	     (1ul << 19)
#define LINUX_MS_SHARED	     (1ul << 20)
#define LINUX_MS_RELATIME    (1ul << 21)
#define LINUX_MS_STRICTATIME (1ul << 24)
#define LINUX_MS_MGC_VAL     0xC0ED0000ul
#define LINUX_MS_MGC_MSK     0xffff0000ul

#define LINUX_MNT_FORCE	      1
#define LINUX_MNT_DETACH      2
#define LINUX_MNT_EXPIRE      4
#define LINUX_UMOUNT_NOFOLLOW 8

#endif
