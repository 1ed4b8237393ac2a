# sentry/mm: the memory file, address spaces, copies, iovecs.
moat-objs += $(addprefix sentry/mm/,access.o back.o batch.o check.o cow.o \
	fault.o layout.o life.o madvise.o mapping.o memfile.o memfile_acct.o mlock.o mmap.o \
	mprotect.o mremap.o mseal.o pma.o report.o safe_copy.o safe_copy_raw.o \
	total.o uio.o \
	vma.o window.o)
moat-objs += sentry/mm/pagemap.o sentry/mm/segments.o
moat-objs += sentry/mm/patch.o sentry/mm/detach.o
