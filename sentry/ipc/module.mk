# sentry/ipc: System V shared memory, semaphores, message queues; their tables.
moat-objs += $(addprefix sentry/ipc/, ipc_ids.o ipc_ns.o shm.o sem.o sem_ctl.o \
	sem_undo.o msg.o msg_ctl.o)
