moat-objs += $(addprefix sentry/kernel/, \
	boot.o clone.o cred.o cred_change.o exec.o exec_args.o exit.o pgrp.o \
	pid.o pidfd.o report.o rusage.o run.o signal_deliver.o signal_frame.o \
	signal_queue.o signal_send.o task.o tty_ctl.o uts.o wait.o \
	wait_child.o)
moat-objs += $(patsubst %.c,%.o,$(wildcard sentry/kernel/futex*.c))
