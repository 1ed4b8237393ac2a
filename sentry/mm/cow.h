/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cow: copy-on-write.
 */
#ifndef SENTRY_MM_COW_H
#define SENTRY_MM_COW_H

#include "sentry/mm/mm_private.h"

/*
 * Makes the surroundings of @addr in @p (which is .cow) this space's own and
 * orders the change.  @single: only its page (debuggers, text).
 * Caller:  mm->mu for writing, mm_reserve() done.  @p may be gone afterwards.
 * Returns: 0; -ENOMEM; -EFAULT: beyond the end of the file, or it cannot be
 *          read.
 */
MUST_CHECK int cow_break(struct mm_batch *b, struct vma *v, struct pma *p,
			 uint64_t addr, bool single);

/*
 * @model, not in the maps yet, is of a small private mapping that may be
 * written, and so most likely will be: copies it now, which saves the fault.
 * Caller:  mm->mu for writing.
 * Returns: true: @model is the copy; it was not given a reference on the old
 *          memory, and has one on the new.  False: nothing was done.
 */
bool cow_copy_early(struct mm *mm, const struct vma *v, struct pma *model);

#endif
