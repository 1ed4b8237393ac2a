moat-objs += $(addprefix sentry/kernel/, \
	boot.o clone.o ns.o nsfs.o pid_ns.o setns.o task_ns.o user_ids.o \
	user_ns.o user_ns_limits.o user_ns_map.o cred.o cred_change.o cred_exec.o exec.o exec_args.o exit.o pgrp.o \
	pid.o pidfd.o report.o rusage.o run.o signal_deliver.o signal_frame.o \
	signal_owner.o signal_queue.o signal_send.o task.o tty_ctl.o uts.o wait.o \
	wait_child.o)
moat-objs += sentry/kernel/core_notes.o sentry/kernel/coredump.o \
	sentry/kernel/insn.o sentry/kernel/notify.o
moat-objs += $(patsubst %.c,%.o,$(wildcard sentry/kernel/futex*.c))
moat-objs += $(patsubst %.c,%.o,$(wildcard sentry/kernel/ptrace*.c))
moat-objs += $(patsubst %.c,%.o,$(wildcard sentry/kernel/seccomp*.c))
moat-objs += sentry/kernel/bpf.o
moat-objs += $(addprefix sentry/kernel/, budget.o cgroup.o cgroup_cpu.o oom.o)
moat-objs += sentry/kernel/keys.o sentry/kernel/keyring.o
moat-objs += sentry/kernel/user_dispatch.o
