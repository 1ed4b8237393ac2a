# SPDX-License-Identifier: Apache-2.0
unit-tests += test_overlay
unit-objs-test_overlay = $(vfs-test-objs) $(addprefix sentry/fs/overlay/,\
	layer.o layer_dir.o layer_file.o ovl_map.o ovl_inode.o ovl_dir.o \
	ovl_copy.o ovl_file.o ovl_readdir.o ovl_super.o)
