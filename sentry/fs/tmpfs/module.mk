# SPDX-License-Identifier: Apache-2.0
moat-objs += sentry/fs/tmpfs/tmpfs.o
moat-objs += sentry/fs/tmpfs/tmpfs_data.o
moat-objs += sentry/fs/tmpfs/tmpfs_dir.o
moat-objs += sentry/fs/tmpfs/tmpfs_file.o
moat-objs += sentry/fs/tmpfs/tmpfs_xattr.o
