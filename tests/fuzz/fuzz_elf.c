/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_elf: what the loader parses of a program: ELF tables and "#!" lines.
 * What is accepted must be safe to add up and to map.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/loader/elf.h"
#include "sentry/loader/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok)
{
	if (!ok)
		abort();
}

static void check_segment(const struct elf_image *img,
			  const struct elf_segment *s)
{
	require(s->filesz <= s->memsz);
	require(s->vaddr < ELF_TASK_SIZE);
	require(s->memsz <= ELF_TASK_SIZE - s->vaddr);
	require(s->vaddr >= img->start);
	require(s->vaddr + s->memsz <= img->end);
	if (s->filesz)
		require(((s->offset - s->vaddr) & (PAGE_SIZE - 1)) == 0);
}

static void check_elf(const uint8_t *data, size_t size)
{
	struct elf_image img;

	if (elf_parse(data, size, &img) < 0) {
		elf_fini(&img);
		return;
	}
	require(img.align >= PAGE_SIZE && !(img.align & (img.align - 1)));
	require((img.start & (PAGE_SIZE - 1)) == 0);
	require(img.nr_segs <= img.phnum);
	if (img.has_interp)
		require(img.interp_size >= 2 && img.interp_size <= 4096);
	for (uint32_t i = 0; i < img.nr_segs; i++)
		check_segment(&img, &img.segs[i]);
	elf_fini(&img);
}

static void check_script(const uint8_t *data, size_t size)
{
	struct script_line line;
	const char *end = line.text + sizeof(line.text);

	if (script_parse(data, size, &line) < 0)
		return;
	require(line.interpreter > line.text);
	require(line.interpreter + strlen(line.interpreter) < end);
	if (line.argument)
		require(line.argument > line.interpreter &&
			line.argument + strlen(line.argument) < end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_elf(data, size);
	check_script(data, size);
	return 0;
}
