moat-objs += sentry/fs/eventfd/eventfd.o
