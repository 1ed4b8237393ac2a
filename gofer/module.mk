# The gofer and its generated protocol code.
gen-headers += gen/gofer_messages.h gen/gofer_handlers.h
moat-objs += gen/gofer_codec.o gen/gofer_dispatch.o
moat-objs += gofer/handle_attr.o
moat-objs += gofer/handle_dir.o
moat-objs += gofer/handle_open.o
moat-objs += gofer/handle_read.o
moat-objs += gofer/handle_walk.o
moat-objs += gofer/handle_watch.o
moat-objs += gofer/host/host_confine.o
moat-objs += gofer/host/host_file.o
moat-objs += gofer/host/host_ipc.o
moat-objs += gofer/host/host_mount.o
moat-objs += gofer/host/host_watch.o
moat-objs += gofer/main.o
moat-objs += gofer/node.o
moat-objs += gofer/seccomp.o
moat-objs += gofer/session.o

GOFER_GEN = @mkdir -p $(@D); \
	awk -v out=$(1) -f gofer/gen.awk gofer/messages.tbl >$@.new || \
		{ rm -f $@.new; exit 1; }; mv -f $@.new $@

GOFER_SRC := gofer/messages.tbl gofer/gen.awk

$(B)/gen/gofer_messages.h: $(GOFER_SRC)
	$(call GOFER_GEN,header)
$(B)/gen/gofer_handlers.h: $(GOFER_SRC)
	$(call GOFER_GEN,handlers)
$(B)/gen/gofer_codec.c: $(GOFER_SRC)
	$(call GOFER_GEN,codec)
$(B)/gen/gofer_dispatch.c: $(GOFER_SRC)
	$(call GOFER_GEN,dispatch)
$(B)/gen/gofer_codec.o: $(B)/gen/gofer_messages.h include/gofer_proto.h \
	gofer/codec_fields.h
$(B)/gen/gofer_dispatch.o: $(B)/gen/gofer_messages.h \
	$(B)/gen/gofer_handlers.h gofer/dispatch.h

.PHONY: gofer-docs
gofer-docs:			## docs/gofer-protocol.md from the table
	awk -v out=doc -v intro=gofer/protocol.md -f gofer/gen.awk \
		gofer/messages.tbl >docs/gofer-protocol.md
