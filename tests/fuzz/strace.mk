# SPDX-License-Identifier: Apache-2.0
fuzz-targets += fuzz_strace
fuzz-objs-fuzz_strace := sentry/syscalls/strace_args.o \
	sentry/syscalls/strace_structs.o sentry/syscalls/strace_xlat.o \
	gen/syscalls_table.o
