moat-objs += sentry/fs/signalfd/signalfd.o
