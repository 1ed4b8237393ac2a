moat-objs += sentry/fs/host/hostfile.o sentry/fs/host/host_end.o
moat-objs += sentry/host/host_tty.o sentry/host/host_info.o
