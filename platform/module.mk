moat-objs += platform/platform.o
moat-objs += platform/order_queue.o
moat-objs += platform/xsave.o
moat-objs += platform/host_limits.o
moat-objs += platform/stub_child.o
moat-objs += platform/placement.o
moat-objs += platform/stub_filter.o
moat-objs += platform/run_clock.o
