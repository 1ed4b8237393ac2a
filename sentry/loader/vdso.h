/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vdso: puts the vDSO and its data page into a new address space.
 */
#ifndef SENTRY_LOADER_VDSO_H
#define SENTRY_LOADER_VDSO_H

#include "sentry/mm/mm.h"

/* Maps "[vvar]" and "[vdso]"; *out is the address of the ELF header. */
MUST_CHECK int vdso_map(struct mm *mm, bool ask, uint64_t *out);
/* The clocks of @mm's program are asked from the kernel (they have offsets),
 * or not: its data page changes.  -ENOMEM */
MUST_CHECK int vdso_set_asking(struct mm *mm, bool ask);

#endif
