# The lanes: what no test can see.  Each is a target of its own.

C_FILES := $(sort $(shell find sentry platform gofer include tests -name '*.c' -o -name '*.h'))
HEADERS := $(filter %.h,$(C_FILES))
CORES   := $(shell nproc)
SOURCES := $(filter %.c,$(moat-objs:.o=.c) $(lib-objs:.o=.c))

.PHONY: format
format:				## clang-format on every C file
	@clang-format -i $(C_FILES)

.PHONY: format-check
format-check:
	@clang-format --dry-run -Werror $(C_FILES)
	@echo "format: $(words $(C_FILES)) files"

# Each header compiles alone.
.PHONY: headers
headers: $(gen-headers:%=$(B)/%)
	@printf '%s\n' $(HEADERS) | xargs -P $(CORES) -n 1 sh -c \
		'echo "#include \"$$1\"" | $(CC) $(CFLAGS) \
		-Wno-unused-function -fsyntax-only -x c - || exit 255' sh
	@echo "headers: $(words $(HEADERS)) alone"

# Only host/ folders and platforms import host calls.
.PHONY: layering
layering: $(MOAT) $(LIB)
	@tests/lanes/layering.py $(B)

.PHONY: style
style:
	@tests/lanes/style.py $(C_FILES)

.PHONY: sizes
sizes:
	@tests/lanes/sizes.py $(C_FILES)

# The lock contracts (ACQUIRES, RELEASES, MUST_HOLD) that clang can check.
.PHONY: thread-safety
thread-safety: $(gen-headers:%=$(B)/%)
	@printf '%s\n' $(wildcard $(SOURCES)) | xargs -P $(CORES) -n 1 \
		clang $(CFLAGS_COMMON) -Wthread-safety -fsyntax-only
	@echo "thread-safety: clean"

.PHONY: analyze
analyze: $(gen-headers:%=$(B)/%)
	@tests/lanes/analyze.sh $(B) $(SOURCES)

# The committed pages that are made from tables are current.
.PHONY: compat-check
compat-check:
	@mkdir -p $(B)
	@awk -v product=compat -f syscalls-table/gen.awk \
		syscalls-table/x86_64.tbl >$(B)/compat.md
	@tests/lanes/compat-check.sh $(B)/compat.md docs/compat.md compat
	@awk -v out=doc -v intro=gofer/protocol.md -f gofer/gen.awk \
		gofer/messages.tbl >$(B)/gofer-protocol.md
	@tests/lanes/compat-check.sh $(B)/gofer-protocol.md \
		docs/gofer-protocol.md gofer-docs
