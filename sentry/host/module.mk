moat-objs += sentry/host/host_file.o
moat-objs += sentry/host/host_futex.o
moat-objs += sentry/host/host_start.o
moat-objs += sentry/host/host_thread.o
moat-objs += sentry/host/host_time.o
moat-objs += sentry/host/host_watch.o
moat-objs += sentry/host/host_memory.o
moat-objs += sentry/host/host_fault.o
