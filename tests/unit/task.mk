unit-tests += test_cred test_sigqueue test_wait test_pid
unit-objs-test_cred := sentry/kernel/cred.o sentry/kernel/cred_change.o \
	sentry/kernel/cred_exec.o \
	sentry/kernel/user_ids.o
unit-objs-test_sigqueue := sentry/kernel/signal_queue.o sentry/kernel/cred.o \
	sentry/kernel/user_ids.o
unit-objs-test_wait := sentry/kernel/wait.o sentry/host/host_futex.o
unit-objs-test_pid := sentry/kernel/pid.o sentry/kernel/user_ids.o \
	sentry/host/host_futex.o
