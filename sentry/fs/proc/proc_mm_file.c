/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_mm_file: /proc/PID/mem and pagemap: files that hold an address space.
 *
 * Access is checked once, when the file is opened; it then stays with that
 * space, whatever its process executes.
 *
 * Trust: lengths and positions are the guest's; reads stop at the first fault.
 * Locks: none of its own.
 * Tests: tests/conformance/proc_task.c
 */
#include <errno.h>

#include "sentry/fs/proc/proc.h"

#define ENTRY sizeof(uint64_t)
#define CHUNK 256u

static int64_t mm_llseek(struct file *f, int64_t off, int whence)
{
	/* The caller holds pos_mu. */
	if (whence == SEEK_CUR)
		off = (int64_t)((uint64_t)off + (uint64_t)f->pos);
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static void mm_release(struct file *f)
{
	if (f->priv)
		mm_put(f->priv);
}

static int open_mm(const struct synth_ctx *ctx, struct file *f,
		   const struct file_ops *ops)
{
	struct mm *mm = NULL;
	int ret = proc_may_access(ctx);

	if (ret == 0)
		ret = proc_mm(ctx, &mm);
	if (ret < 0)
		return ret;
	f->ops = ops;
	f->priv = mm;
	return 0;
}

/* --- mem ------------------------------------------------------------------ */

/*
 * Copies page by page through a buffer of ours, so that no lock and no pin is
 * held across an access to the caller's memory.
 */
static long mem_rw(struct file *f, struct uio *u, int64_t *pos, bool write)
{
	struct mm *mm = f->priv;
	char page[PAGE_SIZE];
	long total = 0, n;

	if (!mm || *pos < 0)
		return 0;
	mm_unpatch(mm);
	while (u->left) {
		size_t off = (uint64_t)*pos & (PAGE_SIZE - 1);
		size_t size = MIN(u->left, sizeof(page) - off);
		size_t left;

		if (write) {
			n = uio_copy_in(u, page, size);
			if (n <= 0)
				return total ? total : n;
			left = mm_copy_out(mm, (uint64_t)*pos, page, (size_t)n,
					   MM_FORCE);
			n -= (long)left;
		} else {
			left = mm_copy_in(mm, page, (uint64_t)*pos, size,
					  MM_FORCE);
			n = size > left ? uio_copy_out(u, page, size - left)
					: 0;
			if (n < 0)
				return total ? total : n;
		}
		*pos += n;
		total += n;
		if (n == 0 || left)
			return total ? total : -EIO;
	}
	return total;
}

static long mem_read(struct file *f, struct uio *u, int64_t *pos)
{
	return mem_rw(f, u, pos, false);
}

static long mem_write(struct file *f, struct uio *u, int64_t *pos)
{
	return mem_rw(f, u, pos, true);
}

static const struct file_ops mem_fops = {
	.name = "proc-mem",
	.read = mem_read,
	.write = mem_write,
	.llseek = mm_llseek,
	.release = mm_release,
};

int proc_mem_open(const struct synth_ctx *ctx, struct file *f)
{
	return open_mm(ctx, f, &mem_fops);
}

/* --- pagemap -------------------------------------------------------------- */

static long pagemap_read(struct file *f, struct uio *u, int64_t *pos)
{
	uint64_t end = (platform_limits()->max_user_addr >> PAGE_SHIFT) * ENTRY;
	uint64_t entries[CHUNK];
	long total = 0;

	if (*pos < 0 || *pos % (int64_t)ENTRY || u->left % ENTRY)
		return -EINVAL;
	while (f->priv && u->left && (uint64_t)*pos < end) {
		size_t nr = MIN(MIN(u->left, end - (uint64_t)*pos) / ENTRY,
				(size_t)CHUNK);
		long done;

		mm_pagemap(f->priv, (uint64_t)*pos / ENTRY, (unsigned int)nr,
			   entries);
		done = uio_copy_out(u, entries, nr * ENTRY);
		if (done < 0)
			return total ? total : done;
		*pos += done;
		total += done;
		if ((size_t)done < nr * ENTRY)
			break;
	}
	return total;
}

static const struct file_ops pagemap_fops = {
	.name = "proc-pagemap",
	.read = pagemap_read,
	.llseek = mm_llseek,
	.release = mm_release,
};

int proc_pagemap_open(const struct synth_ctx *ctx, struct file *f)
{
	return open_mm(ctx, f, &pagemap_fops);
}
