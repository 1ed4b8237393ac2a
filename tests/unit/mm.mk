mm-test-objs := $(addprefix sentry/mm/,access.o back.o batch.o check.o cow.o \
	fault.o layout.o life.o madvise.o mapping.o memfile.o memfile_acct.o mlock.o mmap.o \
	mprotect.o mremap.o mseal.o pma.o report.o safe_copy.o safe_copy_raw.o uio.o \
	vma.o window.o) \
	$(addprefix sentry/host/,host_file.o host_memory.o host_fault.o \
	host_time.o) tests/unit/mm_world.o sentry/kernel/user_ids.o
unit-tests += test_mm_random
unit-objs-test_mm_random := $(mm-test-objs)
unit-tests += test_mm
unit-objs-test_mm := $(mm-test-objs)
unit-tests += test_mm_fork
unit-objs-test_mm_fork := $(mm-test-objs)
