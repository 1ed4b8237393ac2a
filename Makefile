# moat: see README.md; "make help" lists the targets.
#
# One non-recursive make.  Each folder's module.mk adds its objects to a list:
#   lib-objs       sentry/lib: used by every part, no host calls
#   moat-objs      everything else that is linked into the binary
#   gen-headers    generated headers that objects may include

MODE ?= rel
V    ?= 0
# V=1 prints whole commands.
quiet_0 = @echo "  $(1) $@";
quiet    = $(quiet_$(V))
ifeq ($(origin CC),default)
CC   := gcc
endif
# Each mode and compiler has its own tree (fuzz is always clang).
B    := build/$(MODE)$(if $(filter fuzz,$(MODE)),,$(findstring -clang,-$(notdir $(CC))))

# Every Debian package that building, running and testing needs.
PACKAGES := gcc clang make libc6-dev libseccomp-dev libunwind-dev liblzma-dev \
	zlib1g-dev libxxhash-dev libbsd-dev libcap-dev libcmocka-dev \
	libclang-rt-14-dev libjson-c-dev clang-format clang-tidy cppcheck python3 perl git \
	strace gdb busybox-static tmux less vim-tiny util-linux procps \
	libpython3.11-testsuite stress-ng rsync attr acl sqlite3 bubblewrap \
	runc jq fio

CFLAGS_COMMON := -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-I. -Iinclude -I$(B)/gen -pthread -g \
	-fno-strict-aliasing -fno-omit-frame-pointer -fwrapv \
	-Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-function-type -Wimplicit-fallthrough \
	-Werror

CFLAGS_rel   := -O2 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
# Not static: Debian's libunwind.a is not position-independent, and the
# sentry is worth its address randomisation.
LDFLAGS_rel  := -pie -Wl,-z,relro,-z,now,--as-needed
CFLAGS_dbg   := -O1 -fPIE -DMOAT_DEBUG
LDFLAGS_dbg  := -pie
CFLAGS_asan  := -O1 -DMOAT_DEBUG -DMOAT_ASAN -fsanitize=address
LDFLAGS_asan := -fsanitize=address
CFLAGS_ubsan := -O1 -DMOAT_DEBUG -DMOAT_UBSAN -fsanitize=undefined -fno-sanitize-recover=all
LDFLAGS_ubsan := -fsanitize=undefined
CFLAGS_tsan  := -O1 -DMOAT_DEBUG -DMOAT_TSAN -fsanitize=thread
LDFLAGS_tsan := -fsanitize=thread

CFLAGS_fuzz  := -O1 -DMOAT_DEBUG -DMOAT_ASAN -fsanitize=address,fuzzer-no-link
LDFLAGS_fuzz := -fsanitize=address,fuzzer

CFLAGS  := $(CFLAGS_COMMON) $(CFLAGS_$(MODE))
LDFLAGS := $(LDFLAGS_$(MODE)) -pthread
# json-c is for a part of the commands only: static, so that `moat run` does
# not wait for the dynamic linker.
LDLIBS  := -lseccomp -lcap -lunwind -llzma -lz -lxxhash -l:libjson-c.a -ljson-c

lib-objs    :=
moat-objs   :=
gen-headers :=

.PHONY: all
all: build/moat			## the release binary, build/moat

include sentry/lib/module.mk
LIB  := $(lib-objs:%=$(B)/%)
include $(filter-out sentry/lib/module.mk,$(sort $(shell find sentry platform gofer syscalls-table tests -name module.mk)))

MOAT := $(moat-objs:%=$(B)/%)

# The sentry's heap has a bound: sentry/kernel/budget.c.
LDFLAGS_moat := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free

$(B)/moat: $(MOAT) $(LIB)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_moat) -o $@ $^ $(LDLIBS)

build/moat: $(B)/moat
	@mkdir -p build
	@cp -f $< $@

$(B)/%.o: %.c | $(gen-headers:%=$(B)/%)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(CFLAGS-$*) -MMD -MP -c -o $@ $<

$(B)/%.o: %.S | $(gen-headers:%=$(B)/%)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# Generated sources live under build/MODE/gen.
$(B)/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# --- what people call --------------------------------------------------

.PHONY: deps
deps:				## installs the Debian packages that are missing
	@tests/lanes/deps.sh $(PACKAGES)

# The build of a fresh clone needs the packages before make reads on.
.PHONY: run
run: deps			## runs a program in the sandbox
	@$(MAKE) --no-print-directory all
	build/moat run -- uname -a
	build/moat run -- sh -c 'echo "hello from inside, as pid $$$$"; ls -d /*'

# As root, the release build is tested as an ordinary user too.
CHECK_rel := --also-user nobody
# Under a sanitizer each platform costs minutes; kvm: make check-kvm MODE=asan.
CHECK_asan  := --platforms ptrace,trap
CHECK_ubsan := $(CHECK_asan)
CHECK_tsan  := $(CHECK_asan)

.PHONY: check
check: deps			## every test in this MODE (rel)
	@$(MAKE) --no-print-directory $(B)/moat test-programs
	tests/harness/check.py --build $(B) $(CHECK_$(MODE))

.PHONY: check-kvm
check-kvm: deps			## conformance and real programs on kvm alone
	@$(MAKE) --no-print-directory $(B)/moat test-programs
	tests/harness/check.py --build $(B) --kinds unit,conformance,real \
		--platforms kvm --real-platform kvm

SVM_PACKAGES := qemu-system-x86 busybox-static
SVM_ONLY     := .
.PHONY: check-kvm-svm
check-kvm-svm: deps		## conformance on kvm under an emulated AMD-V
	@tests/lanes/deps.sh $(SVM_PACKAGES)
	@$(MAKE) --no-print-directory $(B)/moat test-programs
	tests/lanes/kvm_svm.sh $(B) '$(SVM_ONLY)'

.PHONY: check-real
check-real: deps		## python's and stress-ng's own tests: an hour
	@$(MAKE) --no-print-directory $(B)/moat
	tests/suites/python_testsuite.py --moat $(B)/moat --verbose
	tests/suites/stress_ng.py --moat $(B)/moat --as-user nobody --ops 3000

.PHONY: lanes
lanes: deps			## format, headers, layering, style, sizes, analysis
	@$(MAKE) --no-print-directory format-check headers
	@$(MAKE) --no-print-directory MODE=dbg layering style sizes thread-safety
	@$(MAKE) --no-print-directory analyze compat-check
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=15
	@echo "lanes: all green"

.PHONY: asan ubsan tsan
asan ubsan tsan:		## the tests again under a sanitizer
	@$(MAKE) --no-print-directory check MODE=$@

FUZZ_SECONDS ?= 600
.PHONY: fuzz
fuzz:				## each fuzzer for FUZZ_SECONDS (600)
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang fuzz-programs
	@tests/fuzz/run.sh build/fuzz/tests/fuzz $(FUZZ_SECONDS)

.PHONY: bench
bench: deps			## native and sandbox figures: build/bench/
	@$(MAKE) --no-print-directory all bench-programs
	tests/bench/bench.py --moat build/moat --out build/bench
	tests/bench/bench_files.py --moat build/moat

PREFIX ?= /usr/local
.PHONY: install
install: all			## installs moat into PREFIX/bin
	install -D -m 755 build/moat $(DESTDIR)$(PREFIX)/bin/moat

.PHONY: clean
clean:				## removes build/
	rm -rf build

.PHONY: help
help:				## this list
	@grep -hE '^[a-z -]+:.*##' $(MAKEFILE_LIST) | \
		sed 's/:[^#]*##[ ]*/\t/' | sort | expand -t 20

include tests/lanes/lanes.mk

-include $(MOAT:.o=.d) $(LIB:.o=.d)
