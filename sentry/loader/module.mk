moat-objs += sentry/loader/elf.o
moat-objs += sentry/loader/elf_load.o
moat-objs += sentry/loader/load.o
moat-objs += sentry/loader/script.o
moat-objs += sentry/loader/stack.o
moat-objs += sentry/loader/vdso_image.o
moat-objs += sentry/loader/vdso_map.o

# The vDSO runs in the guest: flags of its own, the same in every MODE.
VDSO       := $(B)/sentry/loader/vdso.so
VDSO_FLAGS := -std=gnu17 -I. -Iinclude -O2 -fPIC -ffreestanding -mno-sse \
	-fno-stack-protector -fcf-protection=none -fasynchronous-unwind-tables \
	-Wall -Wextra -Werror -nostdlib -shared -s \
	-Wl,-T,sentry/loader/vdso.lds -Wl,-soname=linux-vdso.so.1 \
	-Wl,-Bsymbolic -Wl,--hash-style=both -Wl,--eh-frame-hdr \
	-Wl,--build-id=sha1 -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	-Wl,--no-undefined

$(VDSO): sentry/loader/vdso.c sentry/loader/vdso.lds sentry/time/vvar.h \
		include/abi/time.h
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(VDSO_FLAGS) -o $@ $<
	@if readelf -rW $@ | grep -q R_X86_64; then \
		echo "$@: has relocations" >&2; rm -f $@; exit 1; fi

$(B)/sentry/loader/vdso_image.o: sentry/loader/vdso_image.S $(VDSO)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) -DVDSO_SO='"$(VDSO)"' -c -o $@ $<
