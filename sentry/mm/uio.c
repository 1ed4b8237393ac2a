/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uio: iteration over the memory of one read or write.
 *
 * Invariant: left is the sum of the iovecs from (seg, seg_off) on, or less
 *            (MAX_RW_COUNT cut it).
 * Locks:     none; one thread uses a uio.
 * Tests:     tests/unit/test_mm.c
 */
#include "sentry/mm/uio.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/mman.h"
#include "sentry/kernel/task.h"

static bool access_ok(uint64_t addr, uint64_t size)
{
	uint64_t max = platform_limits()->max_user_addr;

	return size <= max && addr <= max - size;
}

int uio_user(struct uio *u, uaddr_t buf, size_t size)
{
	*u = (struct uio){ .mm = current_task()->mm, .nr = 1 };
	if ((int64_t)size < 0 || !access_ok(buf.va, size))
		return -EFAULT;
	u->left = MIN(size, MAX_RW_COUNT);
	u->one.iov_base = (void *)(uintptr_t)buf.va;
	u->one.iov_len = u->left;
	u->iov = &u->one;
	return 0;
}

void uio_kernel(struct uio *u, void *buf, size_t size)
{
	*u = (struct uio){ .nr = 1, .left = size };
	u->one.iov_base = buf;
	u->one.iov_len = size;
	u->iov = &u->one;
}

/* Checks the copied array; cuts the sum to MAX_RW_COUNT as Linux does. */
static int check_vec(struct iovec *iov, unsigned int nr, size_t *out_total)
{
	size_t total = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if ((int64_t)iov[i].iov_len < 0)
			return -EINVAL;
		if (!access_ok((uint64_t)(uintptr_t)iov[i].iov_base,
			       iov[i].iov_len))
			return -EFAULT;
		if (iov[i].iov_len > MAX_RW_COUNT - total)
			iov[i].iov_len = MAX_RW_COUNT - total;
		total += iov[i].iov_len;
	}
	*out_total = total;
	return 0;
}

int uio_user_vec(struct uio *u, uaddr_t iov, uint64_t nr, struct iovec *fast,
		 unsigned int nr_fast, struct iovec **out_heap)
{
	struct iovec *vec = fast, *heap = NULL;
	size_t total = 0;
	int ret;

	static_assert(sizeof(struct iovec) == sizeof(struct linux_iovec),
		      "the guest's iovec is the host's");
	*out_heap = NULL;
	if (nr > UIO_MAX_SEGS)
		return -EINVAL;
	if (nr > nr_fast) {
		vec = heap = kcalloc(nr, sizeof(*vec));
		if (!heap)
			return -ENOMEM;
	}
	ret = nr ? copy_in(vec, iov, nr * sizeof(*vec)) : 0;
	if (ret == 0)
		ret = check_vec(vec, (unsigned int)nr, &total);
	if (ret < 0) {
		free(heap);
		return ret;
	}
	*out_heap = heap;
	*u = (struct uio){ .mm = current_task()->mm,
			   .iov = vec,
			   .nr = (unsigned int)nr,
			   .left = total };
	return 0;
}

/* The next piece, skipping empty segments.  Bytes (0 at the end). */
static size_t peek(struct uio *u, char **out)
{
	const struct iovec *iov = u->iov;

	while (u->left && u->seg < u->nr && u->seg_off == iov[u->seg].iov_len) {
		u->seg++;
		u->seg_off = 0;
	}
	if (!u->left || u->seg >= u->nr)
		return 0;
	*out = (char *)iov[u->seg].iov_base + u->seg_off;
	return MIN(u->left, iov[u->seg].iov_len - u->seg_off);
}

void uio_advance(struct uio *u, size_t size)
{
	char *at;
	size_t n;

	while (size && (n = peek(u, &at))) {
		n = MIN(n, size);
		u->seg_off += n;
		u->left -= n;
		size -= n;
	}
}

enum uio_op { UIO_OUT, UIO_IN, UIO_ZERO };

/* One piece; returns bytes done. */
static size_t copy_piece(struct uio *u, enum uio_op op, char *at, char *kernel,
			 size_t size)
{
	uint64_t va = (uint64_t)(uintptr_t)at;
	uint32_t flags = u->nofault ? MM_NOFAULT : 0;

	if (u->mm) {
		if (op == UIO_OUT)
			return size -
			       mm_copy_out(u->mm, va, kernel, size, flags);
		if (op == UIO_IN)
			return size -
			       mm_copy_in(u->mm, kernel, va, size, flags);
		return size - mm_zero_out(u->mm, va, size);
	}
	if (op == UIO_OUT)
		memcpy(at, kernel, size);
	else if (op == UIO_IN)
		memcpy(kernel, at, size);
	else
		memset(at, 0, size);
	return size;
}

static long uio_copy(struct uio *u, enum uio_op op, char *kernel, size_t size)
{
	size_t done = 0, n, got;
	char *at;

	while (done < size && (n = peek(u, &at))) {
		n = MIN(n, size - done);
		got = copy_piece(u, op, at, kernel ? kernel + done : NULL, n);
		uio_advance(u, got);
		done += got;
		if (got < n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

long uio_copy_out(struct uio *u, const void *src, size_t size)
{
	return uio_copy(u, UIO_OUT, (char *)(uintptr_t)src, size);
}

long uio_copy_in(struct uio *u, void *dst, size_t size)
{
	return uio_copy(u, UIO_IN, dst, size);
}

long uio_zero_out(struct uio *u, size_t size)
{
	return uio_copy(u, UIO_ZERO, NULL, size);
}

/* Appends the pieces of @more to @out; false if they do not fit. */
static bool pin_join(struct mm_pin *out, const struct mm_pin *more)
{
	if (out->nr + more->nr > MM_PIN_SEGS)
		return false;
	for (unsigned int i = 0; i < more->nr; i++) {
		out->iov[out->nr] = more->iov[i];
		out->held[out->nr++] = more->held[i];
	}
	return true;
}

/* Sentry memory needs no hold: one piece after the other as it is. */
static long pin_kernel(struct uio *u, size_t max, struct mm_pin *out)
{
	struct uio walk = *u;
	size_t done = 0, n;
	char *at;

	if (u->iov == &u->one)
		walk.iov = &walk.one;
	while (done < max && out->nr < MM_PIN_SEGS && (n = peek(&walk, &at))) {
		n = MIN(n, max - done);
		out->iov[out->nr].iov_base = at;
		out->iov[out->nr].iov_len = n;
		out->held[out->nr].owner = NULL;
		out->held[out->nr].off = 0;
		out->held[out->nr].size = 0; /* nothing to drop */
		out->nr++;
		uio_advance(&walk, n);
		done += n;
	}
	return (long)done;
}

long uio_pin(struct uio *u, size_t max, uint32_t access, struct mm_pin *out)
{
	struct uio walk = *u;
	struct mm_pin part;
	size_t done = 0, n;
	char *at;
	long ret = 0;

	out->nr = 0;
	if (!u->mm)
		return pin_kernel(u, max, out);
	if (u->iov == &u->one)
		walk.iov = &walk.one;
	while (done < max && (n = peek(&walk, &at))) {
		n = MIN(n, max - done);
		ret = mm_pin(u->mm, (uint64_t)(uintptr_t)at, n, access, &part);
		if (ret < 0)
			break;
		if (!pin_join(out, &part)) {
			mm_unpin(&part);
			break;
		}
		uio_advance(&walk, (size_t)ret);
		done += (size_t)ret;
		if ((size_t)ret < n)
			break;
	}
	return done || ret == 0 ? (long)done : -EFAULT;
}

int uio_fault_in(struct uio *u, size_t size, uint32_t access)
{
	struct mm_pin pin;
	long ret = u->mm ? uio_pin(u, size, access, &pin) : 0;

	if (u->mm)
		mm_unpin(&pin);
	return ret < 0 ? (int)ret : 0;
}
