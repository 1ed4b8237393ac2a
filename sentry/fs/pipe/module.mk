moat-objs += sentry/fs/pipe/pipe.o sentry/fs/pipe/ring.o sentry/fs/pipe/packet.o \
	sentry/fs/pipe/pipe_open.o sentry/fs/pipe/pipe_splice.o
