moat-objs += $(addprefix sentry/fs/proc/, proc_cpuinfo.o proc_ipc.o proc_keys.o \
	proc_links.o proc_locks.o proc_machine.o proc_mem.o proc_misc.o \
	proc_mm_file.o proc_net.o proc_net_sys.o proc_ns.o proc_pages.o \
	proc_pid.o proc_root.o proc_status.o proc_sys.o proc_system.o \
	proc_task.o)
