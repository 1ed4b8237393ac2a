moat-objs += $(addprefix sentry/fs/tty/, tty.o tty_ioctl.o tty_settings.o console.o \
	ldisc.o ldisc_echo.o pty.o ptmx.o)
