unit-tests += test_synth test_proc_status
unit-objs-test_synth := $(addprefix sentry/fs/synth/, synth_inode.o \
	synth_file.o synth_dir.o) tests/unit/synth_world.o \
	sentry/kernel/user_ids.o
unit-objs-test_proc_status := sentry/fs/proc/proc_status.o \
	tests/unit/synth_world.o \
	sentry/kernel/user_ids.o
