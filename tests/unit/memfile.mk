unit-tests += test_memfile
unit-objs-test_memfile := sentry/mm/memfile.o sentry/mm/memfile_acct.o sentry/mm/safe_copy.o \
	sentry/mm/safe_copy_raw.o sentry/host/host_file.o \
	sentry/host/host_memory.o
unit-tests += test_safe_copy
unit-objs-test_safe_copy := sentry/mm/safe_copy.o sentry/mm/safe_copy_raw.o \
	sentry/host/host_fault.o
