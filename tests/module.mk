# Test programs.  tests/unit/*.mk lists unit tests and the objects they need.
unit-tests :=
include $(sort $(wildcard tests/unit/*.mk))

conformance-tests := $(basename $(notdir $(wildcard tests/conformance/*.c)))

UNIT        := $(unit-tests:%=$(B)/tests/unit/%)
CONFORMANCE := $(conformance-tests:%=$(B)/tests/conformance/%)

define unit-rule
$(B)/tests/unit/$(1): tests/unit/$(1).c $(unit-objs-$(1):%=$(B)/%) $$(LIB) \
		| $$(gen-headers:%=$(B)/%)
	@mkdir -p $$(@D)
	$$(call quiet,CC)$$(CC) $$(CFLAGS) $$(filter-out -pie,$$(LDFLAGS)) -MMD -MP \
		-o $$@ $$(filter %.c %.o,$$^) $$(unit-libs-$(1)) -lcmocka $$(LDLIBS)
endef
$(foreach t,$(unit-tests),$(eval $(call unit-rule,$(t))))
# Objects of the tests alone; those of the binary are included by Makefile.
-include $(wildcard $(B)/tests/unit/*.d $(B)/gen/*.d)

# Guest programs: static, so that a test shows its own calls only.
$(B)/tests/conformance/%: tests/conformance/%.c tests/harness/guest_test.h
	@mkdir -p $(@D)
	$(call quiet,CC)gcc -std=gnu17 -D_GNU_SOURCE -I. -O1 -g -Wall -Wextra -Werror \
		-Wno-unused-function -Wno-stringop-overflow \
		-Wno-stringop-overread -Wno-nonnull -pthread -static -o $@ $< -lm

# Guest programs of the scripts in tests/hostile.
HOSTILE := $(patsubst %.c,$(B)/%,$(wildcard tests/hostile/*.c))
$(B)/tests/hostile/%: tests/hostile/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)gcc -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror \
		-pthread -static -o $@ $<

.PHONY: test-programs
test-programs: $(UNIT) $(CONFORMANCE) $(HOSTILE)

$(B)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -o $@ $<

.PHONY: bench-programs
bench-programs: build/rel/tests/bench/bench_guest build/rel/tests/bench/bench_files build/rel/tests/bench/bare_sysemu \
	build/rel/tests/bench/bare_kvm

# Fuzzers: tests/fuzz/*.mk lists fuzz-targets and the objects they need.
fuzz-targets :=
include $(sort $(wildcard tests/fuzz/*.mk))

define fuzz-rule
$(B)/tests/fuzz/$(1): tests/fuzz/$(1).c $(fuzz-objs-$(1):%=$(B)/%) $$(LIB) \
		| $$(gen-headers:%=$(B)/%)
	@mkdir -p $$(@D)
	$$(call quiet,LD)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ \
		$$(filter %.c %.o,$$^) $$(LDLIBS)
endef
$(foreach t,$(fuzz-targets),$(eval $(call fuzz-rule,$(t))))

.PHONY: fuzz-programs
fuzz-programs: $(fuzz-targets:%=$(B)/tests/fuzz/%)
