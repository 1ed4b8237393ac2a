moat-objs += sentry/fs/epoll/epoll.o sentry/fs/epoll/epoll_tree.o \
	sentry/fs/epoll/epoll_ioctl.o \
	sentry/fs/epoll/pollset.o
