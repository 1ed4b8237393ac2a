unit-tests += test_seccomp
unit-objs-test_seccomp := sentry/seccomp.o platform/ptrace/filter.o platform/stub_filter.o platform/stub_filter.o
