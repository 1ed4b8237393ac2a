unit-tests += test_lib
unit-objs-test_lib :=
unit-tests += test_lock
unit-objs-test_lock :=
unit-tests += test_elf
unit-objs-test_elf := sentry/loader/elf.o
unit-tests += test_script
unit-objs-test_script := sentry/loader/script.o
unit-tests += test_stack
unit-objs-test_stack := sentry/loader/stack.o
unit-tests += test_clock
unit-objs-test_clock := sentry/time/clock.o sentry/time/clock_model.o \
	sentry/host/host_time.o sentry/host/host_thread.o \
	sentry/host/host_threads.o
unit-tests += test_timer_heap
unit-objs-test_timer_heap := sentry/time/timer_heap.o
