/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sites: call sites whose last instruction before `syscall` is replaced by a
 * jump, so that their calls need no signal.
 *
 *   b8 NR NR NR NR  0f 05      mov $nr, %eax;  syscall
 *   4c 8b 4c 24 08  0f 05      mov 8(%rsp), %r9;  syscall   (libc's syscall())
 *   ff 24 25 LO LO  0f 05      jmp *0x050fLOLO
 *
 * The jump's 32-bit address ends in the bytes of the syscall instruction that
 * follows the mov: it stays, and a thread that is between the two, or comes to
 * it another way, makes its call the long way.  Only five bytes change.
 *
 * At 0x050fLOLO, in low memory of the guest, lies a pointer to the site's cell
 * in the stub region; the cell does what the mov did and names the site to
 * stub_trap_call.  Pointers and cells are the sentry's; the stub can read them.
 * What the runner tells is the number of the site, whose address is looked up
 * here, and the call, which is the guest's to choose anyway.
 *
 * A set only grows, and is shared by fork: an entry is there before the text
 * that needs it.
 *
 * Locks: set->mu for additions; p->mu for the list of sets.
 * Tests: tests/unit/test_platform_trap.c
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/trap/trap.h"
#include "sentry/lib/alloc.h"

#define MAX_SETS TRAP_MAX_SPACES

static_assert(TRAP_TABLE_ADDR >> 16 == 0x050f, "ends in a syscall instruction");
static_assert(STUB_MAX_SITES * 8 == TRAP_TABLE_SIZE, "a pointer a site");

int sites_start(struct platform *p)
{
	const size_t size = MAX_SETS * TRAP_FILE_SITES;

	p->sites_fd = memfd_create("moat-sites", MFD_CLOEXEC);
	if (p->sites_fd < 0)
		return -errno;
	if (ftruncate(p->sites_fd, (off_t)size) < 0)
		return -ENOMEM;
	p->sites = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_NORESERVE, p->sites_fd, 0);
	return p->sites == MAP_FAILED ? -ENOMEM : 0;
}

/* --- sets ---------------------------------------------------------------- */

static struct site_set *set_new(struct platform *p)
{
	struct site_set *s;

	mutex_lock(&p->mu);
	s = p->free_sets;
	if (s) {
		p->free_sets = s->next;
	} else if (p->nr_sets < MAX_SETS) {
		s = kzalloc(sizeof(*s));
		if (s)
			s->index = p->nr_sets++;
	}
	mutex_unlock(&p->mu);
	if (!s)
		return NULL;
	ref_init(&s->ref);
	mutex_init(&s->mu, LOCK_PLATFORM_AS);
	s->table = p->sites + s->index * TRAP_FILE_SITES;
	return s;
}

void site_set_put(struct platform *p, struct site_set *s)
{
	if (!s || !ref_put(&s->ref))
		return;
	free(take(s->at));
	atomic_store(&s->nr, 0);
	raw_call(SYS_fallocate, (uint64_t)p->sites_fd,
		 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		 s->index * TRAP_FILE_SITES, TRAP_FILE_SITES);
	mutex_lock(&p->mu);
	s->next = p->free_sets;
	p->free_sets = s;
	mutex_unlock(&p->mu);
}

void trap_as_fork(struct platform_as *from, struct platform_as *to)
{
	struct trap_as *a = to_trap_as(from), *b = to_trap_as(to);

	mutex_lock(&a->mu);
	b->sites = a->sites;
	if (b->sites)
		ref_get(&b->sites->ref);
	mutex_unlock(&a->mu);
}

static struct stub_call map_call(const struct platform *p, uint64_t at,
				 uint64_t size, uint64_t prot, uint64_t pos)
{
	return (struct stub_call){
		.nr = SYS_mmap,
		.args = { at, size, prot, MAP_SHARED | MAP_FIXED,
			  (uint64_t)p->sites_fd, pos },
	};
}

uint32_t sites_map_calls(struct trap_as *as, struct stub_call *out)
{
	const struct platform *p = as->p;
	uint64_t pos = as->sites->index * TRAP_FILE_SITES;

	out[0] = map_call(p, TRAP_TABLE_ADDR, TRAP_TABLE_SIZE, PROT_READ, pos);
	out[1] = map_call(p, p->base + STUB_CELLS_OFFSET, STUB_CELLS_SIZE,
			  PROT_READ | PROT_EXEC, pos + TRAP_TABLE_SIZE);
	return 2;
}

/* The set of @as, mapped in its stub. */
static int get_set(struct trap_as *as, struct trap_vcpu *cpu)
{
	struct site_set *s = as->sites;

	if (s && as->sites_mapped)
		return 0;
	if (!s) {
		s = set_new(as->p);
		if (!s)
			return -ENOMEM;
		mutex_lock(&as->mu);
		if (!as->sites)
			as->sites = take(s);
		mutex_unlock(&as->mu);
		site_set_put(as->p, s);
	}
	return space_map_sites(as, cpu);
}

/* --- sites --------------------------------------------------------------- */

const struct site *site_lookup(struct trap_as *as, uint32_t nr)
{
	struct site_set *s = as->sites;

	return s && nr < atomic_load(&s->nr) ? &s->at[nr] : NULL;
}

/* The site's instruction; mov $site, %r11d; jmp stub_trap_call; then what
 * call_slowly needs. */
static void write_cell(const struct platform *p, struct site_set *s,
		       uint32_t nr, const struct site *site)
{
	const uint64_t cell =
		p->base + STUB_CELLS_OFFSET + (uint64_t)nr * STUB_CELL_SIZE;
	const uint64_t to = p->base + ((uintptr_t)stub_trap_call -
				       (uintptr_t)stub_trap_begin);
	int32_t rel = (int32_t)(to - (cell + STUB_CELL_ADDR));
	uint8_t code[STUB_CELL_SIZE] = { [STUB_CELL_DONE] = 0x41,
					 0xbb,
					 [STUB_CELL_DONE + 6] = 0xe9 };

	static_assert(STUB_CELL_DONE + 11 == STUB_CELL_ADDR, "two more");
	memcpy(code, site->code, sizeof(site->code));
	memcpy(code + STUB_CELL_DONE + 2, &nr, sizeof(nr));
	memcpy(code + STUB_CELL_DONE + 7, &rel, sizeof(rel));
	memcpy(code + STUB_CELL_ADDR, &site->addr, sizeof(site->addr));
	memcpy(s->table + TRAP_TABLE_SIZE + (size_t)nr * STUB_CELL_SIZE, code,
	       sizeof(code));
	memcpy(s->table + (size_t)nr * 8, &cell, sizeof(cell));
}

static int add_locked(const struct platform *p, struct site_set *s,
		      const struct site *site, uint32_t *out) MUST_HOLD(&s->mu)
{
	uint32_t nr = atomic_load(&s->nr);

	for (uint32_t i = 0; i < nr; i++) {
		if (s->at[i].addr != site->addr ||
		    memcmp(s->at[i].code, site->code, sizeof(site->code)) != 0)
			continue;
		*out = i; /* text that was mapped anew, or a fork's */
		return 0;
	}
	if (nr == STUB_MAX_SITES)
		return -ENOSPC;
	/* Looked up without the lock: it never moves. */
	if (!s->at)
		s->at = kcalloc(STUB_MAX_SITES, sizeof(*s->at));
	if (!s->at)
		return -ENOMEM;
	s->at[nr] = *site;
	write_cell(p, s, nr, site);
	atomic_store(&s->nr, nr + 1);
	*out = nr;
	return 0;
}

static void make_patch(uint32_t i, uint8_t patch[PLATFORM_PATCH_SIZE])
{
	const uint32_t at = (uint32_t)TRAP_TABLE_ADDR + i * 8;

	patch[0] = 0xff;
	patch[1] = 0x24;
	patch[2] = 0x25;
	memcpy(patch + 3, &at, 2);
}

int trap_site_new(struct platform_as *base, struct vcpu *cpu, uint64_t addr,
		  const uint8_t code[PLATFORM_PATCH_SIZE],
		  uint8_t patch[PLATFORM_PATCH_SIZE])
{
	struct site site = { .addr = addr };
	struct trap_as *as = to_trap_as(base);
	uint32_t i = 0;
	int ret = get_set(as, to_trap_vcpu(cpu));

	memcpy(site.code, code, sizeof(site.code));
	if (ret < 0)
		return ret;
	mutex_lock(&as->sites->mu);
	ret = add_locked(as->p, as->sites, &site, &i);
	mutex_unlock(&as->sites->mu);
	if (ret < 0)
		return ret;
	make_patch(i, patch);
	return 0;
}

int trap_site_get(struct platform_as *base, uint32_t i, struct patch_site *out)
{
	struct trap_as *as = to_trap_as(base);
	const struct site *site;

	mutex_lock(&as->mu);
	site = site_lookup(as, i);
	mutex_unlock(&as->mu);
	if (!site)
		return -ENOENT;
	out->addr = site->addr;
	memcpy(out->code, site->code, sizeof(out->code));
	make_patch(i, out->patch);
	return 0;
}

/* Threads that count at once may lose a call, or count it for another site:
 * mm/patch.c looks at what is there. */
bool site_is_hot(struct trap_vcpu *cpu)
{
	uint64_t addr = cpu->regs.rip;
	struct hot_site *h = &to_trap_as(cpu->base.as)
				      ->hot[(addr ^ addr >> 6 ^ addr >> 12) %
					    TRAP_HOT_SLOTS];
	uint32_t count = 0;

	if (atomic_load_explicit(&h->addr, memory_order_relaxed) == addr)
		count = atomic_load_explicit(&h->count, memory_order_relaxed);
	else
		atomic_store_explicit(&h->addr, addr, memory_order_relaxed);
	atomic_store_explicit(&h->count, ++count, memory_order_relaxed);
	/* Once, and again after long, should that have come to nothing. */
	return count % 4096 == TRAP_HOT_CALLS;
}
