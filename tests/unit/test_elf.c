/* SPDX-License-Identifier: Apache-2.0 */
/* test_elf: the ELF parser on good and on malformed tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "sentry/loader/elf.h"

#define MAX_PH 4

struct file_image {
	struct linux_elf64_ehdr eh;
	struct linux_elf64_phdr ph[MAX_PH];
	char text[256];
};

/* Text at 0x400000 with the headers, data with bss behind it. */
static struct file_image good(void)
{
	struct file_image f = {
		.eh = { .type = LINUX_ET_DYN,
			.machine = LINUX_EM_X86_64,
			.entry = 0x400123,
			.phoff = sizeof(struct linux_elf64_ehdr),
			.phentsize = sizeof(struct linux_elf64_phdr),
			.phnum = MAX_PH },
		.ph = { { .type = LINUX_PT_LOAD,
			  .flags = LINUX_PF_R | LINUX_PF_X,
			  .vaddr = 0x400000,
			  .filesz = 0x800,
			  .memsz = 0x800,
			  .align = 0x1000 },
			{ .type = LINUX_PT_LOAD,
			  .flags = LINUX_PF_R | LINUX_PF_W,
			  .offset = 0x1e10,
			  .vaddr = 0x402e10,
			  .filesz = 0x100,
			  .memsz = 0x3000,
			  .align = 0x200000 },
			{ .type = LINUX_PT_INTERP, .offset = 288, .filesz = 5 },
			{ .type = LINUX_PT_GNU_STACK,
			  .flags = LINUX_PF_R | LINUX_PF_W } },
	};

	memcpy(f.eh.ident, LINUX_ELFMAG, 4);
	return f;
}

static int parse(const struct file_image *f, struct elf_image *img)
{
	return elf_parse(f, sizeof(*f), img);
}

/* Parses and forgets; -EINVAL for segments that cannot be mapped. */
static int verdict(const struct file_image *f)
{
	struct elf_image img;
	int ret = parse(f, &img);

	if (ret == 0 && img.bad_segments)
		ret = -EINVAL;
	elf_fini(&img);
	return ret;
}

static void good_file(void **state)
{
	struct file_image f = good();
	struct elf_image img;

	(void)state;
	assert_int_equal(parse(&f, &img), 0);
	assert_int_equal(img.nr_segs, 2);
	assert_int_equal(img.start, 0x400000);
	assert_int_equal(img.end, 0x405e10);
	assert_int_equal(img.align, 0x200000);
	assert_int_equal(img.phdr_vaddr, 0x400040);
	assert_true(img.has_interp);
	assert_int_equal(img.interp_off, 288);
	assert_false(img.exec_stack);
	assert_int_equal(img.start_code, 0x400000);
	assert_int_equal(img.end_code, 0x400800);
	assert_int_equal(img.start_data, 0x402e10);
	assert_int_equal(img.end_data, 0x402f10);
	assert_int_equal(img.bss_end, 0x405e10);
	elf_fini(&img);
}

static void headers_that_are_no_elf(void **state)
{
	struct file_image f = good();
	struct elf_image img;

	(void)state;
	assert_int_equal(elf_parse(&f, 63, &img), -ENOEXEC);
	assert_int_equal(elf_parse(&f, 0, &img), -ENOEXEC);
	f.eh.ident[0] = 'E';
	assert_int_equal(verdict(&f), -ENOEXEC);
	f = good();
	f.eh.type = 1;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f = good();
	f.eh.machine = 3;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f = good();
	f.eh.phentsize = 32;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f = good();
	f.eh.phnum = 0;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f.eh.phnum = 65535;
	assert_int_equal(verdict(&f), -ENOEXEC);
}

static void tables_outside_the_file(void **state)
{
	struct file_image f = good();

	(void)state;
	f.eh.phoff = sizeof(f) - 8;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f.eh.phoff = UINT64_MAX - 8;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f = good();
	f.eh.phnum = 9;
	assert_int_equal(verdict(&f), -ENOEXEC);
}

static void bad_segments(void **state)
{
	struct file_image f = good();

	(void)state;
	f.ph[1].filesz = 0x3001; /* more file than memory */
	assert_int_equal(verdict(&f), -EINVAL);
	f = good();
	f.ph[1].memsz = UINT64_MAX - 0x1000;
	assert_int_equal(verdict(&f), -EINVAL);
	f = good();
	f.ph[1].vaddr = 0xffffffffff600e10;
	assert_int_equal(verdict(&f), -EINVAL);
	f = good();
	f.ph[1].vaddr = ELF_TASK_SIZE - 0x1000 + 0xe10;
	assert_int_equal(verdict(&f), -EINVAL);
	f = good();
	f.ph[1].offset = 0x1e11; /* not congruent with the address */
	assert_int_equal(verdict(&f), -EINVAL);
	f = good();
	f.ph[1].offset = UINT64_MAX - 0x1ff + 0x10;
	assert_int_equal(verdict(&f), -EINVAL);
}

static void segment_without_file_part(void **state)
{
	struct file_image f = good();

	(void)state;
	f.ph[1].filesz = 0;
	f.ph[1].offset = 3; /* does not matter then */
	assert_int_equal(verdict(&f), 0);
}

static void interp_bounds(void **state)
{
	struct file_image f = good();

	(void)state;
	f.ph[2].filesz = 1;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f.ph[2].filesz = 4097;
	assert_int_equal(verdict(&f), -ENOEXEC);
	f.ph[2].filesz = 4096;
	assert_int_equal(verdict(&f), 0);
}

static void odd_alignments_are_ignored(void **state)
{
	struct file_image f = good();
	struct elf_image img;

	(void)state;
	f.ph[1].align = 0x3000;
	assert_int_equal(parse(&f, &img), 0);
	assert_int_equal(img.align, 0x1000);
	elf_fini(&img);
}

static void exec_stack_and_no_segments(void **state)
{
	struct file_image f = good();
	struct elf_image img;

	(void)state;
	f.ph[0].type = 0;
	f.ph[1].type = 0;
	f.ph[3].flags |= LINUX_PF_X;
	assert_int_equal(parse(&f, &img), 0);
	assert_int_equal(img.nr_segs, 0);
	assert_true(img.exec_stack);
	assert_int_equal(img.start, 0);
	assert_int_equal(img.end, 0);
	elf_fini(&img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file),
		cmocka_unit_test(headers_that_are_no_elf),
		cmocka_unit_test(tables_outside_the_file),
		cmocka_unit_test(bad_segments),
		cmocka_unit_test(segment_without_file_part),
		cmocka_unit_test(interp_bounds),
		cmocka_unit_test(odd_alignments_are_ignored),
		cmocka_unit_test(exec_stack_and_no_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
