moat-objs += sentry/net/socket.o sentry/net/net_ns.o
