/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phys: the machine's physical memory.
 *
 * One region of the sentry's address space, cut into chunks that are given out
 * in order, each for tables, a piece of the memory file, or host files.  Slots
 * are made ahead of the chunks and never taken away, with one exception: slot
 * 0, a page that nobody uses, goes and comes back to make KVM forget all that
 * it has derived from page tables (a host that shadows them does not see what
 * the sentry writes there).  Pages of tables are not used again before that.
 *
 * Locks: phys.mu, a leaf.
 * Tests: tests/unit/test_platform_kvm.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/kvm/kvm.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/log.h"

#define SLOT_SIZE    (1ull << SLOT_SHIFT)
#define DUMMY_GPA    0x1000
#define FORGET_AFTER 2048 /* pages of tables that wait to be clean */

static long host_mmap(void *addr, size_t size, int prot, int flags, int fd,
		      uint64_t off)
{
	return raw_call6(SYS_mmap, (uint64_t)(uintptr_t)addr, size,
			 (uint64_t)prot, (uint64_t)flags, (uint64_t)fd, off);
}

static int set_slot(struct phys *ph, uint32_t nr, uint64_t gpa, uint64_t size,
		    const void *at)
{
	struct kvm_userspace_memory_region r = {
		.slot = nr,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)at,
	};

	return (int)kvm_ioctl(ph->vm_fd, KVM_SET_USER_MEMORY_REGION, &r);
}

/* The next chunk, with a slot under it. */
static int chunk_new(struct phys *ph, enum chunk_kind kind, uint32_t *out)
	MUST_HOLD(&ph->mu)
{
	uint64_t at = (uint64_t)ph->nr_chunks << CHUNK_SHIFT;
	int ret;

	if (at >= ph->size)
		return -ENOMEM;
	while (at >= (uint64_t)ph->nr_slots << SLOT_SHIFT) {
		uint64_t start = (uint64_t)ph->nr_slots << SLOT_SHIFT;

		ret = set_slot(ph, ph->nr_slots + 1, PHYS_START + start,
			       MIN(SLOT_SIZE, ph->size - start),
			       ph->region + start);
		if (ret < 0) {
			log_warning("kvm: no memory slot: error %d", -ret);
			return -ENOMEM;
		}
		ph->nr_slots++;
	}
	ph->chunks[ph->nr_chunks].kind = kind;
	*out = ph->nr_chunks++;
	return 0;
}

int phys_start(struct platform *p, int vm_fd, int memory_fd, uint32_t phys_bits)
{
	struct phys *ph = &p->phys;
	long at;

	mutex_init(&ph->mu, LOCK_PLATFORM_PHYS);
	ph->vm_fd = vm_fd;
	ph->memory_fd = memory_fd;
	ph->size = MIN(PHYS_SIZE, (1ull << MIN(phys_bits, 52u)) - PHYS_START);
	ph->size &= ~(SLOT_SIZE - 1);
#ifdef MOAT_TSAN
	ph->size = MIN(ph->size, 64ull << 30);
#endif
	ph->chunks = kzalloc(NR_CHUNKS * sizeof(*ph->chunks));
	ph->memory = kzalloc(MEMORY_CHUNKS * sizeof(*ph->memory));
	if (!ph->chunks || !ph->memory)
		return -ENOMEM;
	/* Aligned, so that large pages can be large on both sides. */
	at = host_mmap(NULL, ph->size + SLOT_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at < 0)
		return (int)at;
	ph->region =
		(uint8_t *)(((uintptr_t)at + SLOT_SIZE - 1) & ~(SLOT_SIZE - 1));
	return set_slot(ph, 0, DUMMY_GPA, PAGE_SIZE, ph->region);
}

/* --- pages for tables --------------------------------------------------- */

static void forget_all(struct phys *ph) MUST_HOLD(&ph->mu)
{
	int ret = set_slot(ph, 0, DUMMY_GPA, 0, ph->region);

	if (ret == 0)
		ret = set_slot(ph, 0, DUMMY_GPA, PAGE_SIZE, ph->region);
	if (ret < 0)
		log_warning("kvm: the dummy slot does not move: error %d",
			    -ret);
}

static bool more_tables(struct phys *ph) MUST_HOLD(&ph->mu)
{
	uint32_t chunk;
	uint8_t *at;

	if (chunk_new(ph, CHUNK_TABLES, &chunk) < 0)
		return false;
	at = ph->region + ((uint64_t)chunk << CHUNK_SHIFT);
	if (host_mmap(at, CHUNK_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		      -1, 0) < 0)
		return false;
	ph->next = PHYS_START + ((uint64_t)chunk << CHUNK_SHIFT);
	ph->end = ph->next + CHUNK_SIZE;
	return true;
}

uint64_t phys_table_get(struct phys *ph)
{
	uint64_t gpa = 0;
	bool used = false;

	mutex_lock(&ph->mu);
	if (ph->nr_clean > 0) {
		gpa = ph->clean[--ph->nr_clean];
		used = true;
	} else if (ph->next < ph->end || more_tables(ph)) {
		gpa = ph->next;
		ph->next += PAGE_SIZE;
	}
	mutex_unlock(&ph->mu);
	if (used)
		memset(phys_ptr(ph, gpa), 0, PAGE_SIZE);
	return gpa;
}

static bool grow(uint64_t **list, uint32_t *cap, uint32_t want)
{
	uint64_t *at;

	if (want <= *cap)
		return true;
	want = MAX(want, *cap * 2);
	at = realloc(*list, want * sizeof(*at));
	if (!at)
		return false;
	*list = at;
	*cap = want;
	return true;
}

void phys_table_put(struct phys *ph, const uint64_t *pages, uint32_t nr)
{
	uint32_t all;

	mutex_lock(&ph->mu);
	/* Without memory for the list the pages are lost, and that is all. */
	if (nr && grow(&ph->dirty, &ph->cap_dirty, ph->nr_dirty + nr)) {
		memcpy(ph->dirty + ph->nr_dirty, pages, nr * sizeof(*pages));
		ph->nr_dirty += nr;
	}
	all = ph->nr_clean + ph->nr_dirty;
	if (ph->nr_dirty >= FORGET_AFTER &&
	    grow(&ph->clean, &ph->cap_clean, all)) {
		forget_all(ph);
		memcpy(ph->clean + ph->nr_clean, ph->dirty,
		       ph->nr_dirty * sizeof(*ph->dirty));
		ph->nr_clean = all;
		ph->nr_dirty = 0;
	}
	mutex_unlock(&ph->mu);
}

/* --- the memory file ---------------------------------------------------- */

static int memory_chunk(struct phys *ph, uint64_t nr) MUST_HOLD(&ph->mu)
{
	uint32_t chunk;
	int ret = chunk_new(ph, CHUNK_MEMORY, &chunk);
	long got;

	if (ret < 0)
		return ret;
	got = host_mmap(ph->region + ((uint64_t)chunk << CHUNK_SHIFT),
			CHUNK_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_NORESERVE | MAP_FIXED, ph->memory_fd,
			nr << CHUNK_SHIFT);
	if (got < 0)
		return -ENOMEM;
	ph->memory[nr] = chunk + 1;
	return 0;
}

int phys_memory(struct phys *ph, uint64_t off, uint64_t *out_gpa,
		uint64_t *out_size)
{
	uint64_t nr = off >> CHUNK_SHIFT, in = off & (CHUNK_SIZE - 1);
	int ret = 0;

	if (nr >= MEMORY_CHUNKS)
		return -ENOMEM;
	mutex_lock(&ph->mu);
	if (ph->memory[nr] == 0)
		ret = memory_chunk(ph, nr);
	if (ret == 0) {
		*out_gpa = PHYS_START + in +
			   ((uint64_t)(ph->memory[nr] - 1) << CHUNK_SHIFT);
		*out_size = CHUNK_SIZE - in;
	}
	mutex_unlock(&ph->mu);
	return ret;
}

/* --- host files --------------------------------------------------------- */

/* First of @nr free pages of @c from @at on, below @end; -1: none. */
static int64_t find_room(const struct chunk *c, uint32_t at, uint32_t end,
			 uint32_t nr)
{
	uint32_t run = 0;

	for (; at < end; at++) {
		run = c->extents[at] ? 0 : run + 1;
		if (run == nr)
			return (int64_t)at + 1 - nr;
	}
	return -1;
}

static int files_chunk(struct phys *ph, uint32_t *out) MUST_HOLD(&ph->mu)
{
	struct extent **map = kzalloc(CHUNK_PAGES * sizeof(struct extent *));
	int ret = map ? chunk_new(ph, CHUNK_FILES, out) : -ENOMEM;

	if (ret < 0)
		free(map);
	else
		ph->chunks[*out].extents = map;
	return ret;
}

/* Room for @nr pages; returns the machine's address or 0. */
static uint64_t place(struct phys *ph, uint32_t nr) MUST_HOLD(&ph->mu)
{
	uint32_t i;
	int64_t at = -1;

	for (i = 0; i < ph->nr_chunks && at < 0; i++) {
		struct chunk *c = &ph->chunks[i];

		if (c->kind != CHUNK_FILES)
			continue;
		at = find_room(c, c->next, CHUNK_PAGES, nr);
		if (at < 0)
			at = find_room(c, 0, CHUNK_PAGES, nr);
		if (at >= 0)
			break;
	}
	if (at < 0) {
		if (files_chunk(ph, &i) < 0)
			return 0;
		at = 0;
	}
	ph->chunks[i].next = (uint32_t)at + nr;
	return PHYS_START + ((uint64_t)i << CHUNK_SHIFT) +
	       (uint64_t)at * PAGE_SIZE;
}

static struct extent **extent_slots(struct phys *ph, uint64_t gpa)
{
	uint64_t at = gpa - PHYS_START;

	return &ph->chunks[at >> CHUNK_SHIFT]
			.extents[(at & (CHUNK_SIZE - 1)) / PAGE_SIZE];
}

static int map_at(struct phys *ph, struct extent *e, const struct map_order *o)
{
	int prot = PROT_READ | (o->prot & PLAT_WRITE ? PROT_WRITE : 0);
	int flags = MAP_FIXED | (o->priv ? MAP_PRIVATE : MAP_SHARED);
	size_t size = (size_t)e->nr_pages * PAGE_SIZE;
	uint8_t *at = phys_ptr(ph, e->gpa);
	long got;

	/* Writable at once if the file allows it: rights may come later. */
	got = o->priv ? -EACCES
		      : host_mmap(at, size, PROT_READ | PROT_WRITE, flags,
				  o->fd, o->offset);
	if (got < 0)
		got = host_mmap(at, size, prot, flags, o->fd, o->offset);
	if (got < 0)
		return -ENOMEM;
	if (o->populate)
		raw_call(SYS_madvise, (uintptr_t)at, size, MADV_POPULATE_READ,
			 0);
	return 0;
}

int phys_file_map(struct phys *ph, const struct map_order *o,
		  struct extent **out)
{
	AUTO_FREE struct extent *e = kzalloc(sizeof(*e));
	int ret = -ENOMEM;

	if (!e)
		return -ENOMEM;
	e->nr_pages = (uint32_t)(MIN(o->size, CHUNK_SIZE) / PAGE_SIZE);
	mutex_lock(&ph->mu);
	e->gpa = place(ph, e->nr_pages);
	if (e->gpa)
		ret = map_at(ph, e, o);
	for (uint32_t i = 0; ret == 0 && i < e->nr_pages; i++)
		extent_slots(ph, e->gpa)[i] = e;
	mutex_unlock(&ph->mu);
	if (ret == 0)
		*out = take(e);
	return ret;
}

void phys_file_unmap(struct phys *ph, struct extent *e)
{
	mutex_lock(&ph->mu);
	host_mmap(phys_ptr(ph, e->gpa), (size_t)e->nr_pages * PAGE_SIZE,
		  PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		  0);
	for (uint32_t i = 0; i < e->nr_pages; i++)
		extent_slots(ph, e->gpa)[i] = NULL;
	mutex_unlock(&ph->mu);
	free(e);
}

struct extent *phys_extent(struct phys *ph, uint64_t gpa)
{
	if (ph->chunks[(gpa - PHYS_START) >> CHUNK_SHIFT].kind != CHUNK_FILES)
		return NULL;
	return *extent_slots(ph, gpa);
}
