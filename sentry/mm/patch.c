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
 *
 * Locks: mm->mu, for the reservation.
 * Tests: tests/conformance/patch.c
 */
#include <stdatomic.h>
#include <string.h>

#include "sentry/mm/mm_private.h"

#define MOV_EAX	   0xb8
#define MOV_SIZE   PLATFORM_PATCH_SIZE
#define SITE_SIZE  (MOV_SIZE + 2)
#define HIGHEST_NR 1023 /* what is larger is no call that is made often */

/* `mov $nr, %eax; syscall`, in one page. */
static bool is_site(struct mm *mm, uint64_t mov, uint32_t nr)
{
	uint8_t code[SITE_SIZE];
	uint32_t imm;

	if (mov % PAGE_SIZE > PAGE_SIZE - SITE_SIZE ||
	    mm_copy_in(mm, code, mov, sizeof(code), MM_NOFAULT) != 0)
		return false;
	memcpy(&imm, code + 1, sizeof(imm));
	return code[0] == MOV_EAX && imm == nr && nr <= HIGHEST_NR &&
	       code[5] == 0x0f && code[6] == 0x05;
}

/* Keeps the guest from mapping what the platform needs. */
static bool reserve(struct mm *mm)
{
	const struct platform_limits *l = platform_limits();
	bool ok;

	rwlock_wrlock(&mm->mu);
	ok = mm->patched || (l->reserved_end &&
			     !vma_any(mm, l->reserved_start, l->reserved_end));
	mm->patched = ok;
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

/* Changes the word at @word by one store.  The page is the space's own copy
 * already, and so in the memory file, where the sentry may write. */
static void store_word(struct mm *mm, uint64_t word, unsigned int skip,
		       const uint8_t *patch)
{
	struct mm_pin pin;
	uint64_t now, then;
	_Atomic uint64_t *at;

	if (mm_pin(mm, word, sizeof(now), PLAT_READ, &pin) != sizeof(now))
		return;
	at = pin.iov[0].iov_base;
	now = atomic_load(at);
	then = now;
	memcpy((uint8_t *)&then + skip, patch, MOV_SIZE);
	(void)atomic_compare_exchange_strong(at, &now, then);
	mm_unpin(&pin);
}

void mm_patch_site(struct mm *mm, struct vcpu *cpu, uint64_t addr, uint32_t nr,
		   bool alone)
{
	const uint64_t mov = addr - MOV_SIZE;
	const unsigned int skip = mov % sizeof(uint64_t);
	uint8_t patch[MOV_SIZE], first = MOV_EAX;

	if (!alone && skip > sizeof(uint64_t) - MOV_SIZE)
		return;
	if (!is_site(mm, mov, nr) || !is_private_text(mm, mov) ||
	    !reserve(mm) || platform_site_new(cpu, addr, nr, patch) < 0)
		return;
	if (alone) {
		(void)(mm_copy_out(mm, mov, patch, MOV_SIZE, MM_FORCE) != 0);
		return;
	}
	/* The same byte again: makes the copy. */
	if (mm_copy_out(mm, mov, &first, 1, MM_FORCE) == 0)
		store_word(mm, mov - skip, skip, patch);
}
