/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount: flags of mount(2) and umount2(2); the calls on descriptors: open_tree,
 * move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, statmount,
 * listmount.
 */
#ifndef ABI_MOUNT_H
#define ABI_MOUNT_H

#include <assert.h>
#include <stdint.h>

#define LINUX_MS_RDONLY	     1ul
#define LINUX_MS_NOSUID	     2ul
#define LINUX_MS_NODEV	     4ul
#define LINUX_MS_NOEXEC	     8ul
#define LINUX_MS_SYNCHRONOUS 16ul
#define LINUX_MS_REMOUNT     32ul
#define LINUX_MS_DIRSYNC     128ul
#define LINUX_MS_NOSYMFOLLOW 256ul
#define LINUX_MS_NOATIME     1024ul
#define LINUX_MS_NODIRATIME  2048ul
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
#define LINUX_MS_LAZYTIME    (1ul << 25)
#define LINUX_MS_NOUSER	     (1ul << 31)
#define LINUX_MS_MGC_VAL     0xC0ED0000ul
#define LINUX_MS_MGC_MSK     0xffff0000ul

#define LINUX_MNT_FORCE	      1
#define LINUX_MNT_DETACH      2
#define LINUX_MNT_EXPIRE      4
#define LINUX_UMOUNT_NOFOLLOW 8

#define LINUX_OPEN_TREE_CLONE	1u
#define LINUX_OPEN_TREE_CLOEXEC 02000000u

#define LINUX_MOVE_MOUNT_F_SYMLINKS   0x001u
#define LINUX_MOVE_MOUNT_F_AUTOMOUNTS 0x002u
#define LINUX_MOVE_MOUNT_F_EMPTY_PATH 0x004u
#define LINUX_MOVE_MOUNT_T_SYMLINKS   0x010u
#define LINUX_MOVE_MOUNT_T_AUTOMOUNTS 0x020u
#define LINUX_MOVE_MOUNT_T_EMPTY_PATH 0x040u
#define LINUX_MOVE_MOUNT_SET_GROUP    0x100u
#define LINUX_MOVE_MOUNT_BENEATH      0x200u
#define LINUX_MOVE_MOUNT_MASK	      0x377u

#define LINUX_FSOPEN_CLOEXEC	      1u
#define LINUX_FSMOUNT_CLOEXEC	      1u
#define LINUX_FSPICK_CLOEXEC	      1u
#define LINUX_FSPICK_SYMLINK_NOFOLLOW 2u
#define LINUX_FSPICK_NO_AUTOMOUNT     4u
#define LINUX_FSPICK_EMPTY_PATH	      8u

enum {
	LINUX_FSCONFIG_SET_FLAG,
	LINUX_FSCONFIG_SET_STRING,
	LINUX_FSCONFIG_SET_BINARY,
	LINUX_FSCONFIG_SET_PATH,
	LINUX_FSCONFIG_SET_PATH_EMPTY,
	LINUX_FSCONFIG_SET_FD,
	LINUX_FSCONFIG_CMD_CREATE,
	LINUX_FSCONFIG_CMD_RECONFIGURE,
	LINUX_FSCONFIG_CMD_CREATE_EXCL,
};

#define LINUX_MOUNT_ATTR_RDONLY	     0x000001ull
#define LINUX_MOUNT_ATTR_NOSUID	     0x000002ull
#define LINUX_MOUNT_ATTR_NODEV	     0x000004ull
#define LINUX_MOUNT_ATTR_NOEXEC	     0x000008ull
#define LINUX_MOUNT_ATTR_ATIME	     0x000070ull
#define LINUX_MOUNT_ATTR_NOATIME     0x000010ull
#define LINUX_MOUNT_ATTR_STRICTATIME 0x000020ull
#define LINUX_MOUNT_ATTR_NODIRATIME  0x000080ull
#define LINUX_MOUNT_ATTR_IDMAP	     0x100000ull
#define LINUX_MOUNT_ATTR_NOSYMFOLLOW 0x200000ull

struct linux_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};
static_assert(sizeof(struct linux_mount_attr) == 32, "MOUNT_ATTR_SIZE_VER0");

struct linux_mnt_id_req {
	uint32_t size;
	uint32_t mnt_ns_fd;
	uint64_t mnt_id, param, mnt_ns_id;
};
static_assert(sizeof(struct linux_mnt_id_req) == 32, "MNT_ID_REQ_SIZE_VER1");
#define LINUX_MNT_ID_REQ_SIZE_VER0 24

#define LINUX_STATMOUNT_SB_BASIC       0x0001ull
#define LINUX_STATMOUNT_MNT_BASIC      0x0002ull
#define LINUX_STATMOUNT_PROPAGATE_FROM 0x0004ull
#define LINUX_STATMOUNT_MNT_ROOT       0x0008ull
#define LINUX_STATMOUNT_MNT_POINT      0x0010ull
#define LINUX_STATMOUNT_FS_TYPE	       0x0020ull
#define LINUX_STATMOUNT_MNT_NS_ID      0x0040ull
#define LINUX_STATMOUNT_MNT_OPTS       0x0080ull
#define LINUX_STATMOUNT_SB_SOURCE      0x0200ull
#define LINUX_STATMOUNT_SUPPORTED      0x1000ull

struct linux_statmount {
	uint32_t size, mnt_opts; /* texts are offsets into what follows */
	uint64_t mask;
	uint32_t sb_dev_major, sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags, fs_type;
	uint64_t mnt_id, mnt_parent_id;
	uint32_t mnt_id_old, mnt_parent_id_old;
	uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master,
		propagate_from;
	uint32_t mnt_root, mnt_point;
	uint64_t mnt_ns_id;
	uint32_t fs_subtype, sb_source, opt_num, opt_array, opt_sec_num,
		opt_sec_array;
	uint64_t supported_mask;
	uint32_t mnt_uidmap_num, mnt_uidmap, mnt_gidmap_num, mnt_gidmap;
	uint64_t spare[43];
};
static_assert(sizeof(struct linux_statmount) == 512, "struct statmount");

#define LINUX_LSMT_ROOT		UINT64_MAX
#define LINUX_LISTMOUNT_REVERSE 1u

#endif
