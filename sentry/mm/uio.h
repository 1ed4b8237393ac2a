/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uio: the memory side of a read or a write: guest iovecs or kernel memory,
 * with a position that advances.  One uio serves one call; no locks.
 */
#ifndef SENTRY_MM_UIO_H
#define SENTRY_MM_UIO_H

#include "sentry/mm/mm.h"

#define UIO_MAX_SEGS 1024			 /* UIO_MAXIOV */
#define MAX_RW_COUNT (0x7fffffffull & PAGE_MASK) /* per call, as Linux */

struct uio {
	struct mm *mm;		 /* NULL: iov points at sentry memory */
	const struct iovec *iov; /* iov_base is a guest address if mm */
	unsigned int nr, seg;	 /* seg: current segment */
	size_t seg_off;		 /* bytes done of it */
	size_t left;		 /* bytes that remain in all */
	struct iovec one;	 /* storage of the single-buffer forms */
	bool nofault;		 /* see uio_fault_in() */
	uint32_t rwf;		 /* LINUX_RWF_* of preadv2(2) and pwritev2(2) */
};

/* Guest buffer of the current task; size is cut to MAX_RW_COUNT.  -EFAULT for
 * a range outside user space (as access_ok()). */
MUST_CHECK int uio_user(struct uio *u, uaddr_t buf, size_t size);
void uio_kernel(struct uio *u, void *buf, size_t size);
/*
 * Guest iovec array (readv and friends): copied in, checked.  @fast holds up
 * to @nr_fast; *out_heap is memory to free() afterwards or NULL.
 * -EINVAL (count, negative sizes), -EFAULT, -ENOMEM.
 */
MUST_CHECK int uio_user_vec(struct uio *u, uaddr_t iov, uint64_t nr,
			    struct iovec *fast, unsigned int nr_fast,
			    struct iovec **out_heap);

/* Copy and advance.  Return bytes copied (may be short at a fault); -EFAULT if
 * none could be.  out: towards the uio's owner (a read), in: from it. */
MUST_CHECK long uio_copy_out(struct uio *u, const void *src, size_t size);
MUST_CHECK long uio_copy_in(struct uio *u, void *dst, size_t size);
MUST_CHECK long uio_zero_out(struct uio *u, size_t size);
void uio_advance(struct uio *u, size_t size);
/*
 * For copies under a short lock (a pipe's): with u->nofault set, copies end
 * short, or with -EFAULT, at a page that is not there, instead of asking the
 * file behind it.  Then: drop the lock, uio_fault_in() the next bytes (at most
 * @size), take the lock and try again.
 * @access: PLAT_WRITE before uio_copy_out(), PLAT_READ before uio_copy_in().
 * Returns: 0 if at least the next byte is there now (or none is left); -EFAULT.
 */
MUST_CHECK int uio_fault_in(struct uio *u, size_t size, uint32_t access);
/*
 * Host iovecs for the next bytes (at most @max), for host I/O; does not
 * advance.  @access: PLAT_WRITE for a read(2), PLAT_READ for a write(2).
 * Returns bytes covered, -EFAULT.  Unpin with mm_unpin() in any case.
 */
MUST_CHECK long uio_pin(struct uio *u, size_t max, uint32_t access,
			struct mm_pin *out);

#endif
