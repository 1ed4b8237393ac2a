/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch: replaces the instruction before a system call, so that the platform
 * gets the call without a signal (platform.h, site_new()).
 *
 * The text becomes a private copy of its page, as for a debugger's breakpoint;
 * its protection stays.  No instruction boundary that a thread can be at goes
 * away.  While other threads may run in the space, only five bytes that lie in
 * one aligned word are changed, by one store; processors fetch such a word as
 * a whole.
 * A debugger finds the text as it was: before it first looks, all is undone,
 * and the space is not patched any more.  A site that crosses a word is undone
 * by two stores; the debugger has stopped the threads by then.
 *
 * Locks: mm->mu, for the reservation.
 * Tests: tests/conformance/patch.c
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "sentry/mm/mm_private.h"

#define MOV_SIZE   PLATFORM_PATCH_SIZE
#define SITE_SIZE  (MOV_SIZE + 2)
#define BEFORE	   3	/* bytes before the mov that are looked at */
#define HIGHEST_NR 1023 /* what is larger is no call that is made often */

/* `mov $nr, %eax`, not the tail of a mov to another register.  @at: the mov,
 * with BEFORE bytes before it. */
static bool is_mov_nr(const uint8_t *at, uint32_t nr)
{
	const uint8_t rex_b = 0x41;
	uint32_t imm;

	memcpy(&imm, at + 1, sizeof(imm));
	return at[0] == 0xb8 && imm == nr && nr <= HIGHEST_NR &&
	       (at[-1] & 0xf1) != rex_b;
}

/* The last two moves of libc's syscall(), glibc's and musl's. */
static bool is_libc_syscall(const uint8_t *at)
{
	/* mov %r9, %r8; mov 8(%rsp), %r9 */
	static const uint8_t moves[] = { 0x4d, 0x89, 0xc8, 0x4c,
					 0x8b, 0x4c, 0x24, 8 };

	return memcmp(at - BEFORE, moves, sizeof(moves)) == 0;
}

/* A form that is known, in one page.  *out: the instruction to replace. */
static bool is_site(struct mm *mm, uint64_t mov, uint32_t nr,
		    uint8_t out[MOV_SIZE])
{
	uint8_t code[BEFORE + SITE_SIZE];
	const uint8_t *at = code + BEFORE;

	if (mov % PAGE_SIZE < BEFORE ||
	    mov % PAGE_SIZE > PAGE_SIZE - SITE_SIZE ||
	    mm_copy_in(mm, code, mov - BEFORE, sizeof(code), MM_NOFAULT) != 0)
		return false;
	memcpy(out, at, MOV_SIZE);
	return at[MOV_SIZE] == 0x0f && at[MOV_SIZE + 1] == 0x05 &&
	       (is_mov_nr(at, nr) || is_libc_syscall(at));
}

/* Keeps the guest from mapping what the platform needs. */
static bool reserve(struct mm *mm)
{
	const struct platform_limits *l = platform_limits();
	bool ok;

	rwlock_wrlock(&mm->mu);
	if (!mm->patched && l->reserved_end &&
	    !vma_any(mm, l->reserved_start, l->reserved_end))
		mm->patched = true;
	ok = mm->patched && !atomic_load(&mm->unpatched);
	rwlock_unlock(&mm->mu);
	return ok;
}

static bool is_private_text(struct mm *mm, uint64_t addr)
{
	struct vma *v;
	bool ok;

	rwlock_rdlock(&mm->mu);
	v = vma_at(mm, addr);
	ok = v && vma_private(v) && v->prot & PLAT_EXEC &&
	     !(v->prot & PLAT_WRITE);
	rwlock_unlock(&mm->mu);
	return ok;
}

/* Changes @size bytes at @at by one store.  The page is the space's own copy
 * already, and so in the memory file, where the sentry may write. */
static void store_code(struct mm *mm, uint64_t at, const uint8_t *old,
		       const uint8_t *code)
{
	const unsigned int skip = at % sizeof(uint64_t);
	struct mm_pin pin;
	uint64_t now, then;
	_Atomic uint64_t *word;

	if (mm_pin(mm, at - skip, sizeof(now), PLAT_READ, &pin) != sizeof(now))
		return;
	word = pin.iov[0].iov_base;
	now = atomic_load(word);
	then = now;
	if (memcmp((uint8_t *)&now + skip, old, MOV_SIZE) == 0) {
		memcpy((uint8_t *)&then + skip, code, MOV_SIZE);
		(void)atomic_compare_exchange_strong(word, &now, then);
	}
	mm_unpin(&pin);
}

static bool in_one_word(uint64_t at)
{
	return at % sizeof(uint64_t) <= sizeof(uint64_t) - MOV_SIZE;
}

void mm_patch_site(struct mm *mm, struct vcpu *cpu, uint64_t addr, uint32_t nr,
		   bool alone)
{
	const uint64_t mov = addr - MOV_SIZE;
	uint8_t patch[MOV_SIZE], code[MOV_SIZE];

	if (!alone && !in_one_word(mov))
		return;
	if (!is_site(mm, mov, nr, code) || !is_private_text(mm, mov) ||
	    !reserve(mm) || platform_site_new(cpu, addr, code, patch) < 0)
		return;
	if (alone) {
		(void)(mm_copy_out(mm, mov, patch, MOV_SIZE, MM_FORCE) != 0);
		return;
	}
	/* The same byte again: makes the copy. */
	if (mm_copy_out(mm, mov, code, 1, MM_FORCE) == 0)
		store_code(mm, mov, code, patch);
}

static void unpatch(struct mm *mm, const struct patch_site *site)
{
	const uint64_t mov = site->addr - MOV_SIZE;
	uint8_t now[MOV_SIZE];

	if (mm_copy_in(mm, now, mov, sizeof(now), MM_NOFAULT) != 0 ||
	    memcmp(now, site->patch, sizeof(now)) != 0)
		return;
	if (in_one_word(mov))
		store_code(mm, mov, site->patch, site->code);
	else
		(void)(mm_copy_out(mm, mov, site->code, MOV_SIZE, MM_FORCE) !=
		       0);
}

void mm_unpatch(struct mm *mm)
{
	struct patch_site site;
	int ret = 0;

	if (atomic_exchange(&mm->unpatched, true))
		return;
	for (uint32_t i = 0; ret == 0; i++) {
		ret = -ENOENT;
		rwlock_rdlock(&mm->mu);
		if (mm->as && mm->patched)
			ret = platform_site_get(mm->as, i, &site);
		rwlock_unlock(&mm->mu);
		if (ret == 0)
			unpatch(mm, &site);
	}
}
