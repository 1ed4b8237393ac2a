moat-objs += $(addprefix sentry/fs/overlay/,layer.o layer_dir.o layer_file.o \
	ovl_map.o ovl_inode.o ovl_dir.o ovl_copy.o ovl_file.o ovl_readdir.o \
	ovl_super.o lay_copy.o lay_dir.o lay_file.o lay_inode.o lay_layer.o \
	lay_readdir.o lay_super.o lay_xattr.o)
