moat-objs += platform/platform.o
