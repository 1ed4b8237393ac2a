/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf: the tables of an ELF file, checked as Linux checks them.
 *
 * Invariant: every segment that is kept lies below ELF_TASK_SIZE and
 *            filesz <= memsz, so that sums of its fields cannot overflow.
 * Locks:     none.
 * Linux:     fs/binfmt_elf.c of 6.9; no 32-bit, no x32.
 * Tests:     tests/unit/test_elf.c, tests/fuzz
 */
#include "sentry/loader/elf.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sentry/lib/alloc.h"

int elf_parse_header(const void *head, size_t size, struct elf_image *img)
{
	struct linux_elf64_ehdr eh;
	size_t table;

	*img = (struct elf_image){ 0 };
	if (size < sizeof(eh))
		return -ENOEXEC;
	memcpy(&eh, head, sizeof(eh));
	if (memcmp(eh.ident, LINUX_ELFMAG, 4) != 0)
		return -ENOEXEC;
	if (eh.type != LINUX_ET_EXEC && eh.type != LINUX_ET_DYN)
		return -ENOEXEC;
	if (eh.machine != LINUX_EM_X86_64)
		return -ENOEXEC;
	if (eh.phentsize != sizeof(struct linux_elf64_phdr))
		return -ENOEXEC;
	table = (size_t)eh.phnum * sizeof(struct linux_elf64_phdr);
	if (table == 0 || table > ELF_MAX_PHDR_BYTES)
		return -ENOEXEC;
	img->type = eh.type;
	img->entry = eh.entry;
	img->phoff = eh.phoff;
	img->phnum = eh.phnum;
	return 0;
}

static int take_interp(struct elf_image *img, const struct linux_elf64_phdr *ph)
{
	if (img->has_interp)
		return 0; /* the first one counts */
	if (ph->filesz > PATH_MAX || ph->filesz < 2)
		return -ENOEXEC;
	img->has_interp = true;
	img->interp_off = ph->offset;
	img->interp_size = ph->filesz;
	return 0;
}

static bool segment_is_sane(const struct linux_elf64_phdr *ph)
{
	uint64_t in_page = ph->vaddr & (PAGE_SIZE - 1);

	if (ph->vaddr >= ELF_TASK_SIZE || ph->filesz > ph->memsz ||
	    ph->memsz > ELF_TASK_SIZE || ELF_TASK_SIZE - ph->memsz < ph->vaddr)
		return false;
	/* What mmap(2) refuses: an unaligned offset, or one that overflows. */
	if (ph->filesz == 0)
		return true;
	return ((ph->offset - in_page) & (PAGE_SIZE - 1)) == 0 &&
	       ph->offset <= INT64_MAX - ELF_TASK_SIZE;
}

static void note_marks(struct elf_image *img, const struct elf_segment *s)
{
	uint64_t file_end = s->vaddr + s->filesz;

	if ((s->flags & LINUX_PF_X) && s->vaddr < img->start_code)
		img->start_code = s->vaddr;
	if (s->vaddr > img->start_data)
		img->start_data = s->vaddr;
	if ((s->flags & LINUX_PF_X) && file_end > img->end_code)
		img->end_code = file_end;
	if (file_end > img->end_data)
		img->end_data = file_end;
	img->bss_end = MAX(img->bss_end, s->vaddr + s->memsz);
}

static void take_segment(struct elf_image *img,
			 const struct linux_elf64_phdr *ph)
{
	struct elf_segment *s = &img->segs[img->nr_segs];

	if (!segment_is_sane(ph)) {
		img->bad_segments = true;
		return;
	}
	*s = (struct elf_segment){
		.vaddr = ph->vaddr,
		.offset = ph->offset,
		.filesz = ph->filesz,
		.memsz = ph->memsz,
		.flags = ph->flags,
	};
	img->nr_segs++;
	img->start = MIN(img->start, page_down(s->vaddr));
	img->end = MAX(img->end, s->vaddr + s->memsz);
	if ((ph->align & (ph->align - 1)) == 0)
		img->align = MAX(img->align, ph->align);
	if (ph->offset <= img->phoff && img->phoff - ph->offset < ph->filesz)
		img->phdr_vaddr = img->phoff - ph->offset + ph->vaddr;
	note_marks(img, s);
}

static int take_header(struct elf_image *img, const struct linux_elf64_phdr *ph)
{
	switch (ph->type) {
	case LINUX_PT_INTERP:
		return take_interp(img, ph);
	case LINUX_PT_LOAD:
		take_segment(img, ph);
		return 0;
	case LINUX_PT_GNU_STACK:
		img->exec_stack = ph->flags & LINUX_PF_X;
		return 0;
	default:
		return 0;
	}
}

int elf_parse_table(const void *table, size_t size, struct elf_image *img)
{
	struct linux_elf64_phdr ph;
	int ret = 0;

	if (size / sizeof(ph) < img->phnum)
		return -ENOEXEC;
	img->align = PAGE_SIZE;
	img->start = UINT64_MAX;
	img->start_code = UINT64_MAX;
	img->segs = kcalloc(img->phnum, sizeof(*img->segs));
	if (!img->segs)
		return -ENOMEM;
	for (uint32_t i = 0; i < img->phnum && ret == 0; i++) {
		memcpy(&ph, (const char *)table + i * sizeof(ph), sizeof(ph));
		ret = take_header(img, &ph);
	}
	if (ret < 0)
		elf_fini(img);
	if (img->nr_segs == 0)
		img->start = 0;
	if (img->start_code == UINT64_MAX)
		img->start_code = 0;
	return ret;
}

int elf_parse(const void *file, size_t size, struct elf_image *img)
{
	int ret = elf_parse_header(file, size, img);

	if (ret < 0)
		return ret;
	if (img->phoff > size)
		return -ENOEXEC;
	return elf_parse_table((const char *)file + img->phoff,
			       size - img->phoff, img);
}

void elf_fini(struct elf_image *img)
{
	free(img->segs);
	img->segs = NULL;
	img->nr_segs = 0;
}
