# SPDX-License-Identifier: Apache-2.0
vfs-test-objs := tests/unit/vfs_world.o \
	sentry/vfs/dcache.o sentry/vfs/fd_table.o sentry/vfs/file.o \
	sentry/vfs/inode.o sentry/vfs/locks.o sentry/vfs/mount.o \
	sentry/vfs/namei.o sentry/vfs/open.o sentry/vfs/path.o \
	sentry/vfs/walk.o sentry/fs/tmpfs/tmpfs.o sentry/fs/tmpfs/tmpfs_data.o \
	sentry/fs/tmpfs/tmpfs_dir.o sentry/fs/tmpfs/tmpfs_file.o \
	sentry/fs/tmpfs/tmpfs_xattr.o
vfs-test-objs += $(addprefix sentry/vfs/,acl.o busy.o dnotify.o fown.o leases.o notify.o)
vfs-test-objs += sentry/vfs/landlock_check.o sentry/vfs/protected.o
vfs-test-objs += sentry/mm/total.o sentry/host/host_info.o
vfs-test-objs += sentry/kernel/ns.o sentry/kernel/user_ids.o \
	sentry/kernel/user_ns_limits.o $(addprefix sentry/vfs/,mount_ns.o \
	mount_prop.o mount_show.o mount_tree.o)
unit-tests += test_walk test_fd_table test_locks test_tmpfs test_tmpfs_data
unit-objs-test_walk := $(vfs-test-objs)
unit-objs-test_fd_table := $(vfs-test-objs)
unit-objs-test_locks := $(vfs-test-objs)
unit-objs-test_tmpfs := $(vfs-test-objs)
unit-objs-test_tmpfs_data := $(vfs-test-objs)
