moat-objs += sentry/fs/sys/sysfs.o sentry/fs/sys/sysfs_cpu.o
