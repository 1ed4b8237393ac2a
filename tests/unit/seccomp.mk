unit-tests += test_seccomp
unit-objs-test_seccomp := sentry/seccomp.o platform/ptrace/filter.o
