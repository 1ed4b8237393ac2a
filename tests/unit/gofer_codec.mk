unit-tests += test_gofer_codec
unit-objs-test_gofer_codec := gen/gofer_codec.o
