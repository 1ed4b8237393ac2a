moat-objs += $(addprefix sentry/net/netlink/,netdev_ioctl.o netlink_sock.o \
	nl_msg.o rtnl.o rtnl_addr.o sock_diag.o)
