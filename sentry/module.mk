moat-objs += sentry/boot.o
moat-objs += sentry/boot_fs.o
moat-objs += sentry/control.o
moat-objs += sentry/crash.o
moat-objs += sentry/main.o
moat-objs += sentry/seccomp.o
