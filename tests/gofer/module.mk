# Tests of the gofer: cmocka programs that start real gofers.
gofer-objs := gen/gofer_codec.o gen/gofer_dispatch.o gofer/handle_attr.o \
	gofer/handle_dir.o gofer/handle_open.o gofer/handle_read.o gofer/handle_walk.o \
	gofer/host/host_confine.o gofer/host/host_file.o \
	gofer/host/host_ipc.o gofer/host/host_mount.o \
	gofer/host/host_watch.o gofer/handle_watch.o gofer/main.o \
	gofer/node.o gofer/seccomp.o gofer/session.o

gofer-client-objs := sentry/fs/gofer/client.o sentry/fs/gofer/client_change.o \
	sentry/fs/gofer/client_look.o sentry/host/host_gofer.o \
	sentry/host/host_file.o sentry/host/host_futex.o \
	sentry/host/host_time.o

gofer-tests := test_gofer test_gofer_filter test_client
$(B)/tests/unit/test_client: $(gofer-client-objs:%=$(B)/%)

$(gofer-tests:%=$(B)/tests/unit/%): $(B)/tests/unit/%: tests/gofer/%.c \
		tests/gofer/gofer_process.c $(gofer-objs:%=$(B)/%) \
		$(lib-objs:%=$(B)/%) \
		| $(gen-headers:%=$(B)/%)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(filter-out -pie,$(LDFLAGS)) -MMD -MP \
		-o $@ $(filter %.c %.o,$^) -lcmocka $(LDLIBS)

test-programs: $(gofer-tests:%=$(B)/tests/unit/%)
