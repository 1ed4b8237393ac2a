moat-objs += sentry/fs/devpts/devpts.o
