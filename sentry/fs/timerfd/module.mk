moat-objs += sentry/fs/timerfd/timerfd.o
