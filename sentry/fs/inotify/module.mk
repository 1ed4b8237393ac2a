moat-objs += sentry/fs/inotify/inotify.o
moat-objs += sentry/fs/inotify/watch.o
