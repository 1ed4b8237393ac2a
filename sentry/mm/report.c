/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: what /proc shows of an address space.
 *
 * The maps are copied under the lock and printed without it: a path's text
 * needs locks of lower rank.
 *
 * Linux:  rss counts host-file mappings whole, memory by the host's tables;
 *         smaps takes every page for private and dirty if it is memory of the
 *         memory file, for shared and clean if it is a file's.
 * Locks:  mm->mu for reading.
 * Tests:  tests/unit/test_mm.c, tests/conformance/proc.c
 */
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "sentry/lib/seq_buf.h"
#include "sentry/mm/mm_private.h"

#define PATH_COLUMN 73

/* One line of maps. */
struct map_line {
	uint64_t start, end, offset;
	uint32_t prot, flags;
	const char *name;
	struct file *file;	/* +1 or NULL */
	uint64_t memory, filed; /* resident: own, the file's */
};

struct map_lines {
	struct map_line *at;
	uint32_t nr;
};

/* Which pages of a larger range are there the host is asked. */
#define ALL_THERE (64ull << 10)

static uint64_t resident(const struct pma *p, bool rough)
{
	uint64_t size = pma_size(p);

	if (p->fd >= 0 || (rough && size <= ALL_THERE))
		return size;
	return memfile_resident(p->off, size);
}

static void residency(struct mm *mm, const struct vma *v, uint64_t *memory,
		      uint64_t *filed)
{
	struct pma *p = pma_find(mm, v->start);

	for (; p && p->start < v->end; p = pma_next(mm, p))
		*(p->fd >= 0 ? filed : memory) += resident(p, false);
}

/* Copies all vmas; false if there is no memory.  @rss: with residency. */
static bool take_lines(struct mm *mm, struct map_lines *out, bool rss)
{
	struct map_line *l;
	struct vma *v;

	out->nr = 0;
	rwlock_rdlock(&mm->mu);
	out->at = kcalloc(mm->nr_vmas + 1, sizeof(*out->at));
	v = out->at ? vma_find(mm, 0) : NULL;
	for (; v; v = vma_next(mm, v)) {
		l = &out->at[out->nr++];
		l->start = v->start;
		l->end = v->end;
		l->offset = v->file ? v->offset : 0;
		l->prot = v->prot;
		l->flags = v->flags;
		l->name = v->name;
		l->file = v->name ? NULL : v->file;
		if (l->file)
			file_get(l->file);
		if (rss)
			residency(mm, v, &l->memory, &l->filed);
	}
	rwlock_unlock(&mm->mu);
	return out->at;
}

static void drop_lines(struct map_lines *lines)
{
	for (uint32_t i = 0; i < lines->nr; i++)
		if (lines->at[i].file)
			file_put(lines->at[i].file);
	free(lines->at);
}

static void print_name(const struct map_line *l, size_t width,
		       struct seq_buf *out)
{
	AUTO_FREE char *buf = NULL;
	const char *s = l->name;

	if (l->file) {
		buf = kzalloc(PATH_MAX);
		if (!buf ||
		    path_to_string(&l->file->path, buf, PATH_MAX, NULL) < 0)
			return;
		s = buf;
	}
	if (!s)
		return;
	if (width < PATH_COLUMN)
		seq_printf(out, "%*s", (int)(PATH_COLUMN - width), "");
	for (; *s; s++) {
		if (*s == '\n')
			seq_write(out, "\\012", 4);
		else
			seq_write(out, s, 1);
	}
}

static void print_line(const struct map_line *l, struct seq_buf *out)
{
	uint64_t dev = 0, ino = 0;
	struct kstat st = { .ino = 0 };
	size_t before = out->len;

	if (l->file && l->file->inode) {
		if (inode_getattr(l->file->inode, &st) == 0) {
			dev = st.dev;
			ino = st.ino;
		}
	}
	seq_printf(out,
		   "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64
		   " %02x:%02x %" PRIu64 " ",
		   l->start, l->end, l->prot & LINUX_PROT_READ ? 'r' : '-',
		   l->prot & LINUX_PROT_WRITE ? 'w' : '-',
		   l->prot & LINUX_PROT_EXEC ? 'x' : '-',
		   l->flags & VMA_SHARED ? 's' : 'p', l->offset, major(dev),
		   minor(dev), ino);
	print_name(l, out->len - before, out);
	seq_write(out, "\n", 1);
}

void mm_print_maps(struct mm *mm, struct seq_buf *out)
{
	struct map_lines lines;

	if (!take_lines(mm, &lines, false)) {
		out->failed = true;
		return;
	}
	for (uint32_t i = 0; i < lines.nr; i++)
		print_line(&lines.at[i], out);
	drop_lines(&lines);
}

/* --- smaps ---------------------------------------------------------------- */

static void print_flags(const struct map_line *l, struct seq_buf *out)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} names[] = {
		{ VMA_SHARED, "sh " },	   { VMA_GROWSDOWN, "gd " },
		{ VMA_NORESERVE, "nr " },  { VMA_LOCKED, "lo " },
		{ VMA_DONTFORK, "dc " },   { VMA_WIPEONFORK, "wf " },
		{ VMA_DONTDUMP, "dd " },   { VMA_HUGEPAGE, "hg " },
		{ VMA_NOHUGEPAGE, "nh " }, { VMA_RANDOM, "rr " },
		{ VMA_SEQUENTIAL, "sr " },
	};

	seq_printf(out, "VmFlags: %s%s%smr %sme ",
		   l->prot & LINUX_PROT_READ ? "rd " : "",
		   l->prot & LINUX_PROT_WRITE ? "wr " : "",
		   l->prot & LINUX_PROT_EXEC ? "ex " : "",
		   l->flags & VMA_MAYWRITE ? "mw " : "");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (l->flags & names[i].flag)
			seq_write(out, names[i].text, 3);
	seq_write(out, "\n", 1);
}

static void print_kb(struct seq_buf *out, const char *name, uint64_t bytes)
{
	seq_printf(out, "%-15s %8" PRIu64 " kB\n", name, bytes >> 10);
}

static void print_smap(const struct map_line *l, struct seq_buf *out)
{
	uint64_t rss = l->memory + l->filed;
	uint64_t anon = l->flags & VMA_SHARED ? 0 : l->memory;

	print_line(l, out);
	print_kb(out, "Size:", l->end - l->start);
	print_kb(out, "KernelPageSize:", PAGE_SIZE);
	print_kb(out, "MMUPageSize:", PAGE_SIZE);
	print_kb(out, "Rss:", rss);
	print_kb(out, "Pss:", rss);
	print_kb(out, "Pss_Dirty:", l->memory);
	print_kb(out, "Shared_Clean:", l->filed);
	print_kb(out, "Shared_Dirty:", 0);
	print_kb(out, "Private_Clean:", 0);
	print_kb(out, "Private_Dirty:", l->memory);
	print_kb(out, "Referenced:", rss);
	print_kb(out, "Anonymous:", anon);
	print_kb(out, "KSM:", 0);
	print_kb(out, "LazyFree:", 0);
	print_kb(out, "AnonHugePages:", 0);
	print_kb(out, "ShmemPmdMapped:", 0);
	print_kb(out, "FilePmdMapped:", 0);
	print_kb(out, "Shared_Hugetlb:", 0);
	print_kb(out, "Private_Hugetlb:", 0);
	print_kb(out, "Swap:", 0);
	print_kb(out, "SwapPss:", 0);
	print_kb(out, "Locked:", l->flags & VMA_LOCKED ? rss : 0);
	seq_printf(out, "THPeligible:    %8d\n", 0);
	print_flags(l, out);
}

void mm_print_smaps(struct mm *mm, struct seq_buf *out)
{
	struct map_lines lines;

	if (!take_lines(mm, &lines, true)) {
		out->failed = true;
		return;
	}
	for (uint32_t i = 0; i < lines.nr; i++)
		print_smap(&lines.at[i], out);
	drop_lines(&lines);
}

uint64_t mm_charged(struct mm *mm)
{
	uint64_t sum = 0;
	struct pma *p;

	rwlock_rdlock(&mm->mu);
	for (p = pma_find(mm, 0); p; p = pma_next(mm, p))
		if (p->fd < 0)
			sum += pma_size(p);
	rwlock_unlock(&mm->mu);
	return sum;
}

static void raise_peak(struct mm *mm, uint64_t rss)
{
	uint64_t was = atomic_load(&mm->peak_rss);

	while (rss > was &&
	       !atomic_compare_exchange_weak(&mm->peak_rss, &was, rss))
		;
}

void mm_stats(struct mm *mm, struct mm_stats *out)
{
	const struct mm_marks *m = &mm->marks;
	uint64_t memory = 0, filed = 0, shmem = 0;
	struct vma *v;

	rwlock_rdlock(&mm->mu);
	for (v = vma_find(mm, 0); v; v = vma_next(mm, v))
		residency(mm, v, v->flags & VMA_SHARED ? &shmem : &memory,
			  &filed);
	*out = (struct mm_stats){ .vm_size = mm->total_vm,
				  .rss = memory + filed + shmem,
				  .rss_anon = memory,
				  .rss_shmem = shmem,
				  .data = mm->data_vm + mm->stack_vm,
				  .stack = mm->stack_vm,
				  .locked = mm->locked_vm,
				  .peak_vm = MAX(mm->peak_vm, mm->total_vm),
				  .brk_start = mm->brk_start,
				  .nr_vmas = mm->nr_vmas };
	if (m->end_code > m->start_code)
		out->exe = page_up(m->end_code) - page_down(m->start_code);
	out->exe = MIN(out->exe, mm->exec_vm);
	out->lib = mm->exec_vm - out->exe;
	rwlock_unlock(&mm->mu);
	raise_peak(mm, out->rss);
	out->peak_rss = atomic_load(&mm->peak_rss);
}

uint64_t mm_peak_rss(struct mm *mm)
{
	uint64_t sum = 0;
	struct pma *p;

	rwlock_rdlock(&mm->mu);
	for (p = pma_find(mm, 0); p; p = pma_next(mm, p))
		sum += resident(p, true);
	rwlock_unlock(&mm->mu);
	raise_peak(mm, sum);
	return atomic_load(&mm->peak_rss);
}

void mm_reset_peak(struct mm *mm)
{
	struct mm_stats now;

	atomic_store(&mm->peak_rss, 0);
	mm_stats(mm, &now);
}

/* --- numa_maps ------------------------------------------------------------ */

static void print_numa(const struct map_line *l, struct seq_buf *out)
{
	uint64_t anon = l->memory >> PAGE_SHIFT, filed = l->filed >> PAGE_SHIFT;

	seq_printf(out, "%08" PRIx64 " default", l->start);
	if (l->file) {
		seq_printf(out, " file=");
		print_name(l, PATH_COLUMN, out);
	} else if (l->name && l->name[0] == '[') {
		seq_printf(out, " %.*s", (int)strcspn(l->name + 1, "]"),
			   l->name + 1);
	}
	if (filed)
		seq_printf(out, " mapped=%" PRIu64, filed);
	if (anon)
		seq_printf(out, " anon=%" PRIu64 " dirty=%" PRIu64, anon, anon);
	if (anon + filed)
		seq_printf(out, " N0=%" PRIu64 " kernelpagesize_kB=4",
			   anon + filed);
	seq_write(out, "\n", 1);
}

void mm_print_numa_maps(struct mm *mm, struct seq_buf *out)
{
	struct map_lines lines;

	if (!take_lines(mm, &lines, true)) {
		out->failed = true;
		return;
	}
	for (uint32_t i = 0; i < lines.nr; i++)
		print_numa(&lines.at[i], out);
	drop_lines(&lines);
}

bool mm_maps_file(struct mm *mm, uint64_t addr, const struct file *f)
{
	const struct vma *v;
	bool is;

	rwlock_rdlock(&mm->mu);
	v = vma_at(mm, addr);
	is = v && v->file == f;
	rwlock_unlock(&mm->mu);
	return is;
}
