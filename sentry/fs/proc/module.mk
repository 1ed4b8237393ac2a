moat-objs += $(addprefix sentry/fs/proc/, proc_root.o proc_pid.o \
	proc_status.o proc_mem.o proc_links.o proc_misc.o proc_system.o \
	proc_cpuinfo.o proc_sys.o proc_net.o proc_ns.o)
moat-objs += $(addprefix sentry/fs/proc/, proc_machine.o proc_task.o proc_pages.o)
moat-objs += $(addprefix sentry/fs/proc/, proc_keys.o proc_mm_file.o)
moat-objs += sentry/fs/proc/proc_ipc.o sentry/fs/proc/proc_locks.o
