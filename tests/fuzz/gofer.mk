fuzz-targets += fuzz_gofer
fuzz-objs-fuzz_gofer := gen/gofer_codec.o
