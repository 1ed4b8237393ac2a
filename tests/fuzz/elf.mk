fuzz-targets += fuzz_elf
fuzz-objs-fuzz_elf := sentry/loader/elf.o sentry/loader/script.o
