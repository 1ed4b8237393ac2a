unit-tests += test_bpf
unit-objs-test_bpf := sentry/kernel/bpf.o
