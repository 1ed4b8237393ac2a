moat-objs += $(addprefix sentry/net/inet/,inet_name.o inet_opt.o inet_port.o \
	inet_sock.o inet_special.o inet_list.o tcp_conn.o tcp_info.o tcp_open.o tcp_recv.o \
	tcp_send.o udp.o udp_deliver.o udp_recv.o udp_send.o)
