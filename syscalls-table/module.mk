# The system-call table's products.  A product that did not change keeps its
# time, so that switching one row on does not rebuild what it does not touch.
gen-headers += gen/syscalls.h
moat-objs   += gen/syscalls_table.o gen/syscalls_thunks.o

SYSCALLS_TBL := syscalls-table/x86_64.tbl

SYSCALLS_GEN = @mkdir -p $(@D); \
	awk -v product=$(1) -f syscalls-table/gen.awk \
	$(SYSCALLS_TBL) >$@.new || { rm -f $@.new; exit 1; }; \
	if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi

SYSCALLS_SRC := $(SYSCALLS_TBL) syscalls-table/gen.awk

$(B)/gen/syscalls.h: $(SYSCALLS_SRC)
	$(call SYSCALLS_GEN,header)
$(B)/gen/syscalls_table.c: $(SYSCALLS_SRC)
	$(call SYSCALLS_GEN,table)
$(B)/gen/syscalls_thunks.c: $(SYSCALLS_SRC)
	$(call SYSCALLS_GEN,thunks)
$(B)/gen/syscalls_table.o $(B)/gen/syscalls_thunks.o: $(B)/gen/syscalls.h

.PHONY: compat
compat:				## docs/compat.md from the table
	awk -v product=compat -f syscalls-table/gen.awk \
		$(SYSCALLS_TBL) >docs/compat.md
