moat-objs += sentry/net/socket.o
