unit-tests += test_goferfs
unit-objs-test_goferfs := sentry/fs/gofer/goferfs.o \
	sentry/fs/gofer/goferfs_dir.o sentry/fs/gofer/goferfs_file.o \
	sentry/fs/gofer/goferfs_inode.o sentry/fs/gofer/goferfs_prefetch.o \
	sentry/fs/gofer/goferfs_list.o sentry/fs/gofer/goferfs_watch.o \
	sentry/host/host_file.o
