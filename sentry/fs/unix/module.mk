moat-objs += $(addprefix sentry/fs/unix/,unix_sock.o unix_conn.o unix_data.o \
	unix_name.o unix_opt.o)
