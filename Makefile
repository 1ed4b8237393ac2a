# moat: see README.md; "make help" lists the targets.
#
# One non-recursive make.  Each folder's module.mk adds its objects to a list:
#   lib-objs       sentry/lib: used by every part, no host calls
#   moat-objs      everything else that is linked into the binary
#   gen-headers    generated headers that objects may include

MODE ?= rel
CC   ?= gcc
B    := build/$(MODE)

PACKAGES := gcc clang make libc6-dev libseccomp-dev libunwind-dev liblzma-dev \
	zlib1g-dev libxxhash-dev libbsd-dev libcmocka-dev

CFLAGS_COMMON := -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-I. -Iinclude -I$(B)/gen -pthread -g \
	-fno-strict-aliasing -fno-omit-frame-pointer -fwrapv \
	-Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-function-type -Wimplicit-fallthrough \
	-Werror

CFLAGS_rel   := -O2 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDFLAGS_rel  := -static-pie
CFLAGS_dbg   := -O1 -fPIE -DMOAT_DEBUG
LDFLAGS_dbg  := -static-pie
CFLAGS_asan  := -O1 -DMOAT_DEBUG -DMOAT_ASAN -fsanitize=address
LDFLAGS_asan := -fsanitize=address
CFLAGS_ubsan := -O1 -DMOAT_DEBUG -fsanitize=undefined -fno-sanitize-recover=all
LDFLAGS_ubsan := -fsanitize=undefined
CFLAGS_tsan  := -O1 -DMOAT_DEBUG -DMOAT_TSAN -fsanitize=thread
LDFLAGS_tsan := -fsanitize=thread

CFLAGS  := $(CFLAGS_COMMON) $(CFLAGS_$(MODE))
LDFLAGS := $(LDFLAGS_$(MODE)) -pthread
LDLIBS  := -lseccomp -lunwind -llzma -lz -lxxhash

lib-objs    :=
moat-objs   :=
gen-headers :=

.PHONY: all
all: build/moat			## the release binary, build/moat

include sentry/lib/module.mk
include $(filter-out sentry/lib/module.mk,$(sort $(shell find sentry platform gofer syscalls-table tests -name module.mk)))

LIB  := $(lib-objs:%=$(B)/%)
MOAT := $(moat-objs:%=$(B)/%)

$(B)/moat: $(MOAT) $(LIB)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

build/moat: $(B)/moat
	@mkdir -p build
	cp -f $< $@

$(B)/%.o: %.c | $(gen-headers:%=$(B)/%)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CFLAGS-$*) -MMD -MP -c -o $@ $<

$(B)/%.o: %.S | $(gen-headers:%=$(B)/%)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# Generated sources live under build/MODE/gen.
$(B)/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

.PHONY: clean
clean:				## removes build/
	rm -rf build

.PHONY: help
help:				## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | sort

-include $(MOAT:.o=.d) $(LIB:.o=.d)
