moat-objs += sentry/fs/dev/dev.o sentry/fs/dev/dev_mem.o
