unit-tests += test_ldisc
unit-objs-test_ldisc := sentry/fs/tty/ldisc.o sentry/fs/tty/ldisc_echo.o
