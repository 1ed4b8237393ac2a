/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: page tables of a space, written from outside the machine.
 *
 * What makes that safe where KVM shadows the tables and does not see our
 * writes (and costs nothing much elsewhere):
 * - a table, once linked, stays where it is until its space ends;
 * - after an entry has lost rights, what KVM derived from it goes: the page it
 *   named is dropped from the sentry's own mapping, of which KVM is told.  This
 *   flushes the TLBs of all processors as well.
 * Rights that are added need nothing: the processor faults and looks again.
 *
 * Invariant: live of an extent is the number of entries that name its pages.
 * Locks:     as->mu.
 * Tests:     tests/unit/test_platform_kvm.c
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "platform/kvm/kvm.h"

#define P	   1ull
#define RW	   2ull
#define US	   4ull
#define AD	   0x60ull	/* accessed, dirty: nobody has to write them */
#define SOFT_NONE  (1ull << 9)	/* mapped without access; address inverted */
#define SOFT_BAD   (1ull << 10) /* table_find_bad(); rights are kept */
#define NX	   (1ull << 63)
#define ADDR	   0xffffffffff000ull
#define TABLE_SIZE (1ull << 21) /* what one last-level table maps */
#define MAX_TABLES 65536u	/* of a space: 256 MiB */

static uint64_t *entries(uint64_t entry)
{
	return (uint64_t *)phys_ptr(&g_kvm.phys, entry & ADDR);
}

/* Processors read it at any time. */
static void set(uint64_t *e, uint64_t value)
{
	__atomic_store_n(e, value, __ATOMIC_RELEASE);
}

static unsigned int slot_of(uint64_t addr, unsigned int level)
{
	return addr >> (12 + 9 * level) & 511;
}

/* --- zaps --------------------------------------------------------------- */

void zap_flush(struct zap *z)
{
	for (uint32_t i = 0; i < z->nr; i++)
		raw_call(SYS_madvise,
			 (uintptr_t)phys_ptr(&g_kvm.phys, z->at[i].start),
			 z->at[i].end - z->at[i].start, MADV_DONTNEED, 0);
	z->nr = 0;
}

static void zap_add(struct zap *z, uint64_t gpa)
{
	uint32_t last = z->nr - 1;

	if (!atomic_load_explicit(&z->as->used, memory_order_relaxed))
		return;
	if (z->nr && z->at[last].end == gpa) {
		z->at[last].end += PAGE_SIZE;
		return;
	}
	if (z->nr && z->at[last].start == gpa + PAGE_SIZE) {
		z->at[last].start = gpa;
		return;
	}
	if (z->nr == ZAP_RANGES)
		zap_flush(z);
	z->at[z->nr].start = gpa;
	z->at[z->nr++].end = gpa + PAGE_SIZE;
}

/* --- tables ------------------------------------------------------------- */

static uint64_t new_table(struct kvm_as *as)
{
	uint64_t gpa;

	if (as->nr_tables == as->cap_tables) {
		uint32_t cap = as->cap_tables ? as->cap_tables * 2 : 16;
		uint64_t *at;

		if (cap > MAX_TABLES)
			return 0;
		at = realloc(as->tables, cap * sizeof(*at));
		if (!at)
			return 0;
		as->tables = at;
		as->cap_tables = cap;
	}
	gpa = phys_table_get(&g_kvm.phys);
	if (gpa)
		as->tables[as->nr_tables++] = gpa;
	return gpa;
}

/* Links a table under @e if there is none. */
static bool descend(struct kvm_as *as, uint64_t *e)
{
	uint64_t gpa;

	if (*e)
		return true;
	gpa = new_table(as);
	if (!gpa)
		return false;
	set(e, gpa | P | RW | US | AD);
	return true;
}

uint64_t table_root(struct kvm_as *as)
{
	uint64_t root = atomic_load(&as->root), *e;

	if (root)
		return root;
	root = new_table(as);
	if (!root)
		return 0;
	e = &entries(root)[slot_of(WINDOW, 3)];
	if (!descend(as, e))
		return 0; /* the page is given back with the space */
	set(&entries(*e)[slot_of(WINDOW, 2)], g_kvm.window_table);
	atomic_store(&as->root, root);
	return root;
}

/* The last-level table for @addr, or NULL. */
static uint64_t *last_table(struct kvm_as *as, uint64_t addr, bool make)
{
	uint64_t at = make ? table_root(as) : atomic_load(&as->root);

	if (!at)
		return NULL;
	for (unsigned int level = 3; level > 0; level--) {
		uint64_t *e = &entries(at)[slot_of(addr, level)];

		if (!*e && !(make && descend(as, e)))
			return NULL;
		at = *e;
	}
	return entries(at);
}

/* Steps over what has no table; false: nothing is left below @end. */
static bool next_table(struct kvm_as *as, uint64_t *addr, uint64_t end,
		       uint64_t **out)
{
	uint64_t root = atomic_load(&as->root);

	while (root && *addr < end) {
		uint64_t at = root, size = 0;

		for (unsigned int level = 3; at && level > 0; level--) {
			size = 1ull << (12 + 9 * level);
			at = entries(at)[slot_of(*addr, level)];
		}
		if (at) {
			*out = entries(at);
			return true;
		}
		*addr = (*addr & ~(size - 1)) + size;
	}
	return false;
}

/* --- entries ------------------------------------------------------------ */

static uint64_t entry_addr(uint64_t e)
{
	return (e & P ? e : ~e) & ADDR;
}

static uint64_t make_entry(uint64_t gpa, uint32_t prot)
{
	/* Inverted: no processor may speculate with it as an address. */
	if (!prot)
		return (~gpa & ADDR) | SOFT_NONE;
	return gpa | P | US | AD | (prot & PLAT_WRITE ? RW : 0) |
	       (prot & PLAT_EXEC ? 0 : NX);
}

/* Whether a processor that knows @old may do what @now does not allow. */
static bool loses(uint64_t old, uint64_t now)
{
	if (!(old & P))
		return false;
	return !(now & P) || ((old ^ now) & ADDR) || (old & ~now & RW) ||
	       (~old & now & NX);
}

static void count_extent(struct zap *z, uint64_t e, int by)
{
	struct extent *x = phys_extent(&g_kvm.phys, entry_addr(e));

	if (!x)
		return;
	x->live += (uint32_t)by;
	if (x->live == 0) {
		list_del(&x->node);
		list_append(&z->as->dead, &x->node);
	}
}

static void replace(struct zap *z, uint64_t *e, uint64_t now)
{
	uint64_t old = *e;

	if (old == now)
		return;
	set(e, now);
	if (loses(old, now))
		zap_add(z, entry_addr(old));
	if (old && now && entry_addr(old) == entry_addr(now))
		return;
	if (now)
		count_extent(z, now, 1);
	if (old)
		count_extent(z, old, -1);
}

/* Bytes from @addr on that lie in its table, at most up to @end. */
static uint64_t in_table(uint64_t addr, uint64_t end)
{
	return MIN(end - addr, TABLE_SIZE - (addr & (TABLE_SIZE - 1)));
}

int table_map(struct zap *z, uint64_t addr, uint64_t size, uint64_t gpa,
	      uint32_t prot)
{
	uint64_t end = addr + size;

	while (addr < end) {
		uint64_t n = in_table(addr, end) / PAGE_SIZE;
		uint64_t *t = last_table(z->as, addr, true);

		if (!t)
			return -ENOMEM;
		t += slot_of(addr, 0);
		for (uint64_t i = 0; i < n; i++, gpa += PAGE_SIZE)
			replace(z, &t[i], make_entry(gpa, prot));
		addr += n * PAGE_SIZE;
	}
	return 0;
}

static void change(struct zap *z, uint64_t addr, uint64_t size, bool unmap,
		   uint32_t prot)
{
	uint64_t end = addr + size, *t;

	while (next_table(z->as, &addr, end, &t)) {
		uint64_t n = in_table(addr, end) / PAGE_SIZE;

		t += slot_of(addr, 0);
		for (uint64_t i = 0; i < n; i++)
			if (t[i])
				replace(z, &t[i],
					unmap ? 0
					      : make_entry(entry_addr(t[i]),
							   prot));
		addr += n * PAGE_SIZE;
	}
}

void table_unmap(struct zap *z, uint64_t addr, uint64_t size)
{
	change(z, addr, size, true, 0);
}

void table_protect(struct zap *z, uint64_t addr, uint64_t size, uint32_t prot)
{
	change(z, addr, size, false, prot);
}

uint8_t *table_look(struct kvm_as *as, uint64_t addr, uint32_t access)
{
	uint64_t *t, e;

	if (addr >= KVM_MAX_USER_ADDR)
		return NULL;
	t = last_table(as, addr, false);
	e = t ? t[slot_of(addr, 0)] : 0;
	if (!(e & P) || (access & PLAT_WRITE && !(e & RW)) ||
	    (access & PLAT_EXEC && e & NX))
		return NULL;
	return phys_ptr(&g_kvm.phys, e & ADDR) + (addr & ~PAGE_MASK);
}

/* --- files that have become shorter ------------------------------------- */

static uint64_t bad_entry(uint64_t e)
{
	return (~e & ADDR) | SOFT_BAD | (e & (RW | US | NX));
}

static bool is_bad(uint64_t gpa)
{
	return raw_call(SYS_madvise, (uintptr_t)phys_ptr(&g_kvm.phys, gpa),
			PAGE_SIZE, MADV_POPULATE_READ, 0) < 0;
}

/* Entries of one table. */
static uint32_t mark_bad(struct zap *z, uint64_t *t)
{
	uint32_t nr = 0;

	for (unsigned int i = 0; i < 512; i++) {
		if (!(t[i] & P) ||
		    !phys_extent(&g_kvm.phys, entry_addr(t[i])) ||
		    !is_bad(entry_addr(t[i])))
			continue;
		zap_add(z, entry_addr(t[i]));
		set(&t[i], bad_entry(t[i]));
		nr++;
	}
	return nr;
}

uint32_t table_find_bad(struct kvm_as *as)
{
	struct zap z = { .as = as };
	uint64_t addr = 0, *t;
	uint32_t nr = 0;

	while (next_table(as, &addr, KVM_MAX_USER_ADDR, &t)) {
		nr += mark_bad(&z, t);
		addr = (addr & ~(TABLE_SIZE - 1)) + TABLE_SIZE;
	}
	zap_flush(&z);
	return nr;
}

bool table_take_bad(struct kvm_as *as, uint64_t addr)
{
	uint64_t *t, e;

	if (addr >= KVM_MAX_USER_ADDR)
		return false;
	t = last_table(as, addr, false);
	if (!t)
		return false;
	t += slot_of(addr, 0);
	e = *t;
	if (!(e & SOFT_BAD) || e & P)
		return false;
	set(t, entry_addr(e) | P | AD | (e & (RW | US | NX)));
	return true;
}
