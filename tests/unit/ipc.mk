# SPDX-License-Identifier: Apache-2.0
unit-tests += test_pipe_ring test_pipe_packet test_epoll test_syscall_table test_strace
unit-objs-test_pipe_ring := sentry/fs/pipe/ring.o
unit-objs-test_pipe_packet := sentry/fs/pipe/packet.o
unit-objs-test_epoll := sentry/fs/epoll/epoll.o sentry/fs/epoll/epoll_tree.o
strace-test-objs := sentry/syscalls/strace_args.o \
	sentry/syscalls/strace_structs.o sentry/syscalls/strace_xlat.o \
	gen/syscalls_table.o
unit-objs-test_strace := $(strace-test-objs)
unit-objs-test_syscall_table := $(strace-test-objs) sentry/syscalls/dispatch.o
