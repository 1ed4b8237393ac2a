/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf_load: maps the segments of an ELF file.
 *
 * Invariant: the space is not visible to any vcpu yet.
 * Locks:     none held; mm takes its own.
 * Linux:     elf_load(), elf_map() and the placement in load_elf_binary() of
 *            6.12.  Position-independent files get their whole span reserved
 *            first; holes between segments are given back.
 * Tests:     tests/conformance (exec), tests/real
 */
#include "sentry/loader/elf_load.h"

#include <errno.h>

#include "abi/mman.h"
#include "sentry/vfs/vfs.h"

static int read_exactly(struct file *file, void *buf, size_t size, uint64_t off)
{
	long n;

	if (off > INT64_MAX - size)
		return -EINVAL;
	n = file_pread_kernel(file, buf, size, (int64_t)off);
	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EIO;
}

static int read_tables(struct file *file, bool interp, struct elf_image *img)
{
	AUTO_FREE char *head = malloc(PAGE_SIZE);
	AUTO_FREE char *table = NULL;
	size_t size;
	long n;
	int ret;

	if (!head)
		return -ENOMEM;
	n = file_pread_kernel(file, head, PAGE_SIZE, 0);
	if (n < 0)
		return (int)n;
	if (interp && (size_t)n < sizeof(struct linux_elf64_ehdr))
		return -EIO;
	ret = elf_parse_header(head, (size_t)n, img);
	if (ret < 0)
		return ret;
	size = img->phnum * sizeof(struct linux_elf64_phdr);
	if (img->phoff <= (size_t)n && size <= (size_t)n - img->phoff)
		return elf_parse_table(head + img->phoff, size, img);
	table = malloc(size);
	if (!table)
		return -ENOMEM;
	if (read_exactly(file, table, size, img->phoff) < 0)
		return -ENOEXEC;
	return elf_parse_table(table, size, img);
}

int elf_read(struct file *file, bool interp, struct elf_image *img)
{
	int ret = read_tables(file, interp, img);

	return interp && ret == -ENOEXEC ? -ELIBBAD : ret;
}

static uint32_t segment_prot(const struct elf_segment *s)
{
	return (s->flags & LINUX_PF_R ? LINUX_PROT_READ : 0) |
	       (s->flags & LINUX_PF_W ? LINUX_PROT_WRITE : 0) |
	       (s->flags & LINUX_PF_X ? LINUX_PROT_EXEC : 0);
}

static int map_file_part(struct mm *mm, struct file *file,
			 const struct elf_segment *s, uint64_t at,
			 uint32_t flags)
{
	uint64_t in_page = at & (PAGE_SIZE - 1);
	const struct mmap_args args = {
		.addr = page_down(at),
		.size = page_up(s->filesz + in_page),
		.prot = segment_prot(s),
		.flags = LINUX_MAP_PRIVATE | LINUX_MAP_DENYWRITE | flags,
		.file = file,
		.offset = s->offset - in_page,
	};
	long ret = mm_mmap(mm, &args);

	return ret < 0 ? (int)ret : 0;
}

static int map_zero_part(struct mm *mm, uint64_t start, uint64_t end,
			 uint32_t prot, uint32_t flags)
{
	const struct mmap_args args = {
		.addr = start,
		.size = end - start,
		.prot = LINUX_PROT_READ | LINUX_PROT_WRITE |
			(prot & LINUX_PROT_EXEC),
		.flags = LINUX_MAP_PRIVATE | LINUX_MAP_ANONYMOUS | flags,
	};
	long ret;

	if (start >= end)
		return 0;
	ret = mm_mmap(mm, &args);
	return ret < 0 ? (int)ret : 0;
}

/*
 * @flags: LINUX_MAP_FIXED or _FIXED_NOREPLACE.  The end of the last page of
 * the file part is zeroed only if there is more memory than file; a segment
 * that cannot be written keeps what the file has there, as on Linux.
 */
static int map_segment(struct mm *mm, struct file *file,
		       const struct elf_segment *s, uint64_t bias,
		       uint32_t flags)
{
	uint64_t at = s->vaddr + bias;
	uint64_t zero = page_down(at);
	uint64_t end = at + s->memsz;
	int ret;

	if (s->filesz) {
		ret = map_file_part(mm, file, s, at, flags);
		if (ret < 0)
			return ret;
		zero = at + s->filesz;
		/* The bss behind it replaces nothing but the reservation. */
		flags = LINUX_MAP_FIXED;
	}
	if (s->memsz == s->filesz)
		return 0;
	if (s->filesz && page_up(zero) != zero &&
	    mm_zero_out(mm, zero, page_up(zero) - zero) != 0 &&
	    (s->flags & LINUX_PF_W))
		return -EFAULT;
	return map_zero_part(mm, page_up(zero), page_up(end), segment_prot(s),
			     flags);
}

/* Finds room for the whole span; it stays mapped without access. */
static int reserve(struct mm *mm, const struct elf_image *img,
		   uint64_t *out_base)
{
	uint64_t span = page_up(img->end - img->start);
	uint64_t extra = img->align > PAGE_SIZE ? img->align : 0;
	struct mmap_args args = {
		.prot = LINUX_PROT_NONE,
		.flags = LINUX_MAP_PRIVATE | LINUX_MAP_ANONYMOUS |
			 LINUX_MAP_NORESERVE,
	};
	uint64_t base, end;
	long ret;

	if (add_overflows(span, extra, &args.size))
		return -ENOMEM;
	ret = mm_mmap(mm, &args);
	if (ret < 0)
		return (int)ret;
	end = (uint64_t)ret + args.size;
	base = (uint64_t)ret;
	if (extra) {
		base = (base + extra - 1) & ~(extra - 1);
		if (base > (uint64_t)ret)
			mm_munmap(mm, (uint64_t)ret, base - (uint64_t)ret);
		if (base + span < end)
			mm_munmap(mm, base + span, end - base - span);
	}
	*out_base = base;
	return 0;
}

/*
 * Gives back what no segment covered.  Segments normally rise; where they do
 * not, a hole that is left reserved does no harm.
 */
static void trim_holes(struct mm *mm, const struct elf_image *img,
		       uint64_t bias)
{
	uint64_t at = img->start + bias;
	uint64_t end = page_up(img->end + bias);

	for (uint32_t i = 0; i < img->nr_segs; i++) {
		const struct elf_segment *s = &img->segs[i];
		uint64_t from = page_down(s->vaddr + bias);

		if (i > 0 && s->vaddr < img->segs[i - 1].vaddr)
			return;
		if (from > at)
			mm_munmap(mm, at, from - at);
		at = MAX(at, page_up(s->vaddr + bias + s->memsz));
	}
	if (at < end)
		mm_munmap(mm, at, end - at);
}

/* Chooses the bias; *reserved says that the span is mapped already. */
static int place_image(struct mm *mm, const struct elf_image *img,
		       enum elf_place place, uint64_t *bias, bool *reserved)
{
	uint64_t base = 0;
	int ret;

	*reserved = false;
	*bias = 0;
	if (img->type == LINUX_ET_EXEC)
		return 0;
	if (place == ELF_PLACE_MAIN) {
		base = mm_pie_base(mm) & ~(img->align - 1);
		*bias = base - page_down(img->segs[0].vaddr);
		/* Segments below the first must not wrap round. */
		if (img->start + *bias > ELF_TASK_SIZE ||
		    img->end - img->start >
			    ELF_TASK_SIZE - (img->start + *bias))
			return -ENOMEM;
		return 0;
	}
	ret = reserve(mm, img, &base);
	if (ret < 0)
		return ret;
	*bias = base - img->start;
	*reserved = true;
	return 0;
}

int elf_map(struct mm *mm, struct file *file, const struct elf_image *img,
	    enum elf_place place, uint64_t *out_bias)
{
	uint32_t flags = LINUX_MAP_FIXED;
	uint64_t bias = 0;
	bool reserved;
	int ret;

	if (img->bad_segments)
		return -EINVAL;
	if (img->nr_segs == 0) {
		*out_bias = 0;
		return place == ELF_PLACE_INTERP ? -EINVAL : 0;
	}
	if (img->end == img->start)
		return -EINVAL;
	ret = place_image(mm, img, place, &bias, &reserved);
	if (ret == 0 && !reserved && place != ELF_PLACE_INTERP)
		flags = LINUX_MAP_FIXED_NOREPLACE;
	for (uint32_t i = 0; i < img->nr_segs && ret == 0; i++) {
		ret = map_segment(mm, file, &img->segs[i], bias, flags);
		flags = LINUX_MAP_FIXED;
	}
	if (ret == 0 && reserved)
		trim_holes(mm, img, bias);
	if (ret == 0)
		*out_bias = bias;
	return ret;
}
