moat-objs += $(addprefix sentry/fs/unix/,unix_sock.o unix_conn.o unix_gc.o \
	unix_msg.o unix_name.o unix_opt.o unix_proc.o unix_recv.o unix_send.o)
