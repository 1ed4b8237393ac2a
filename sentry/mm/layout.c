/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout: where things go in an address space: the bases at execve, and the
 * search for a free area.
 *
 * Linux:  x86-64 top-down layout of arch/x86/mm/mmap.c and fs/binfmt_elf.c.
 *         As in gVisor the mmap base has a floor, so that the fixed shadow
 *         areas of TSan and ASan stay free under any stack limit.
 * Locks:  mm->mu for writing; mm_layout_init() before the space is shared.
 * Tests:  tests/unit/test_mm.c
 */
#include <errno.h>

#include "sentry/host/host.h"
#include "sentry/mm/mm_private.h"

#define MMAP_RND_PAGES	(1ull << 28)
#define STACK_RND_PAGES (1ull << 22)
#define STACK_GAP_MIN	(128ull << 20)
#define STACK_INITIAL	(132ull << 10)
#define MMAP_BASE_MIN	0x7ea000000000ull
#define BRK_RND		(1ull << 30)
#define LOW_32BIT	0x40000000ull
#define HIGH_32BIT	0x80000000ull

static uint64_t random_below(const struct mm *mm, uint64_t limit)
{
	uint64_t v = 0;

	if (mm->no_aslr || host_getrandom(&v, sizeof(v)) < 0)
		return 0;
	return v % limit;
}

void mm_layout_init(struct mm *mm, bool no_aslr, uint64_t stack_limit)
{
	uint64_t top = mm_max_addr(), gap = stack_limit, pad, low;

	mm->no_aslr = no_aslr;
	mm->stack_limit = stack_limit;
	mm->stack_top = top - PAGE_SIZE -
			(random_below(mm, STACK_RND_PAGES) << PAGE_SHIFT);
	/* The gap allows for the stack's randomisation and its guard. */
	pad = STACK_GUARD + (no_aslr ? 0 : STACK_RND_PAGES << PAGE_SHIFT);
	if (!add_overflows(gap, pad, &low))
		gap = low;
	gap = MAX(gap, STACK_GAP_MIN);
	gap = MIN(gap, top / 6 * 5);
	mm->mmap_base = page_down(
		top - gap - (random_below(mm, MMAP_RND_PAGES) << PAGE_SHIFT));
	if (mm->mmap_base < MMAP_BASE_MIN &&
	    top > 2 * STACK_GAP_MIN + MMAP_BASE_MIN)
		mm->mmap_base = MMAP_BASE_MIN;
	mm->gap_from = mm->mmap_base;
	mm->gap_size = 0;
	mm->pie_base = page_down(top / 3 * 2) +
		       (random_below(mm, MMAP_RND_PAGES) << PAGE_SHIFT);
}

uint64_t mm_pie_base(const struct mm *mm)
{
	return mm->pie_base;
}

void mm_set_brk(struct mm *mm, uint64_t end_of_bss)
{
	rwlock_wrlock(&mm->mu);
	/* The heap does not run into what patched sites need. */
	mm->brk_start =
		MAX(page_up(end_of_bss), platform_limits()->reserved_end) +
		page_down(random_below(mm, BRK_RND));
	mm->brk = mm->brk_start;
	rwlock_unlock(&mm->mu);
}

int mm_map_stack(struct mm *mm, bool exec, uint64_t *out_top)
{
	uint64_t size = MIN(STACK_INITIAL, page_down(mm->stack_limit));
	struct mmap_args args = {
		.prot = LINUX_PROT_READ | LINUX_PROT_WRITE |
			(exec ? LINUX_PROT_EXEC : 0),
		.flags = LINUX_MAP_PRIVATE | LINUX_MAP_ANONYMOUS |
			 LINUX_MAP_FIXED | LINUX_MAP_GROWSDOWN,
		.name = "[stack]",
	};
	long ret;

	/* Linux maps at least what the arguments need. */
	args.size = MAX(size, 16 * PAGE_SIZE);
	args.addr = mm->stack_top - args.size;
	ret = mm_mmap(mm, &args);
	if (ret < 0)
		return (int)ret;
	*out_top = mm->stack_top;
	return 0;
}

/* --- free areas ----------------------------------------------------------- */

static uint64_t guarded_start(const struct vma *v)
{
	if (!(v->flags & VMA_GROWSDOWN))
		return v->start;
	return v->start > STACK_GUARD ? v->start - STACK_GUARD : 0;
}

/* The highest free area of @size bytes in [low, high); 0 if there is none.
 * *skipped: the largest area that was too small. */
static uint64_t search_down(struct mm *mm, uint64_t low, uint64_t high,
			    uint64_t size, uint64_t *skipped)
{
	struct vma *v = vma_before(mm, high);
	struct vma *above = v ? vma_next(mm, v) : vma_find(mm, low);
	uint64_t start;

	*skipped = 0;
	if (above)
		high = MIN(high, guarded_start(above));
	for (;;) {
		start = v ? MAX(low, v->end) : low;
		if (high > start && high - start >= size)
			return high - size;
		if (high > start)
			*skipped = MAX(*skipped, high - start);
		if (!v || v->start <= low)
			return 0;
		high = MIN(high, guarded_start(v));
		v = vma_prev(mm, v);
	}
}

void area_freed(struct mm *mm, uint64_t end)
{
	if (end > mm->gap_from)
		mm->gap_from = MIN(end, mm->mmap_base);
}

/* A search below the mmap base that starts where the last one ended. */
static uint64_t search_base(struct mm *mm, uint64_t low, uint64_t size)
{
	uint64_t skipped, at;

	if (size < mm->gap_size)
		return search_down(mm, low, mm->mmap_base, size, &skipped);
	at = search_down(mm, low, mm->gap_from, size, &skipped);
	if (at) {
		mm->gap_from = at;
		mm->gap_size = MAX(mm->gap_size, skipped + 1);
	}
	return at;
}

long area_find(struct mm *mm, uint64_t addr, uint64_t size, uint32_t map_flags)
{
	uint64_t low = platform_limits()->min_user_addr, max = mm_max_addr();
	uint64_t at, skipped;
	struct vma *next;

	if (size > max - low)
		return -ENOMEM;
	addr = addr > max ? 0 : page_down(addr);
	if (addr) {
		addr = MAX(addr, low);
		next = vma_find(mm, addr);
		if (addr <= max - size && !mm_reserved(mm, addr, addr + size) &&
		    (!next || addr + size <= guarded_start(next)))
			return (long)addr;
	}
	if (map_flags & LINUX_MAP_32BIT) {
		at = search_down(mm, LOW_32BIT, MIN(HIGH_32BIT, max), size,
				 &skipped);
		return at ? (long)at : -ENOMEM;
	}
	if (mm->patched)
		low = MAX(low, platform_limits()->reserved_end);
	at = search_base(mm, low, size);
	if (!at)
		at = search_down(mm, mm->mmap_base, max, size, &skipped);
	return at ? (long)at : -ENOMEM;
}
