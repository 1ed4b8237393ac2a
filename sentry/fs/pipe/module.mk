moat-objs += sentry/fs/pipe/pipe.o sentry/fs/pipe/ring.o
