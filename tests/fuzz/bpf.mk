fuzz-targets += fuzz_bpf
fuzz-objs-fuzz_bpf := sentry/kernel/bpf.o
