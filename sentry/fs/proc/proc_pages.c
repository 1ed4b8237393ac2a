/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_pages: /proc/PID/pagemap, numa_maps and clear_refs.
 *
 * Linux: clear_refs has nothing to clear but the peak of the resident set:
 *        neither references nor soft-dirty bits of pages are kept.
 * Locks: none of its own.
 * Tests: tests/conformance/proc_task.c
 */
#include <errno.h>

#include "sentry/fs/proc/proc.h"

#define ENTRY	  sizeof(uint64_t)
#define CHUNK	  256u
#define REFS_LAST 5 /* CLEAR_REFS_MM_HIWATER_RSS */

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

static int64_t pagemap_llseek(struct file *f, int64_t off, int whence)
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

static void pagemap_release(struct file *f)
{
	if (f->priv)
		mm_put(f->priv);
}

static const struct file_ops pagemap_fops = {
	.name = "proc-pagemap",
	.read = pagemap_read,
	.llseek = pagemap_llseek,
	.release = pagemap_release,
};

int proc_pagemap_open(const struct synth_ctx *ctx, struct file *f)
{
	struct mm *mm = NULL;
	int ret = proc_may_access(ctx);

	if (ret == 0)
		ret = proc_mm(ctx, &mm);
	if (ret < 0)
		return ret;
	f->ops = &pagemap_fops;
	f->priv = mm;
	return 0;
}

/* --- the others ----------------------------------------------------------- */

int proc_numa_maps(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret = proc_mm(ctx, &mm);

	if (ret == 0 && mm)
		mm_print_numa_maps(mm, out);
	return ret;
}

long proc_clear_refs_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int64_t v;
	int ret = synth_parse_i64(text, 1, REFS_LAST, &v);

	if (ret == 0)
		ret = proc_mm(ctx, &mm);
	if (ret < 0)
		return ret;
	if (v == REFS_LAST && mm)
		mm_reset_peak(mm);
	return (long)size;
}
