moat-objs += sentry/syscalls/dispatch.o sentry/syscalls/strace.o \
	sentry/syscalls/strace_args.o sentry/syscalls/strace_structs.o \
	sentry/syscalls/strace_xlat.o
# The handlers, one file a family: every sys_*.c of this folder.
moat-objs += $(patsubst %.c,%.o,$(sort $(wildcard sentry/syscalls/sys_*.c)))
