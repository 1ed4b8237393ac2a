/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detach: shmdt(2): unmapping what is left of one attachment.
 *
 * Locks:     mm->mu.
 * Linux:     ksys_shmdt() of 6.18.
 * Tests:     tests/conformance/sysv_shm.c
 */
#include <errno.h>

#include "sentry/mm/mm_private.h"

/* Does @v show its file as an attachment at @addr would? */
static bool belongs(const struct vma *v, uint64_t addr)
{
	return v->start >= addr && v->start - addr == v->offset;
}

static int detach_locked(struct mm_batch *b, uint64_t addr,
			 const struct file_ops *ops)
{
	struct vma *v = vma_find(b->mm, addr), *next;
	struct file *f = NULL;
	uint64_t size = 0;
	int ret = -EINVAL;

	for (; v; v = next) {
		next = vma_next(b->mm, v);
		if (f && v->end - addr > size)
			break;
		if (!v->file || v->file->ops != ops || !belongs(v, addr) ||
		    (f && v->file != f))
			continue;
		f = v->file;
		size = page_up(f->inode->size);
		ret = mm_reserve(b->mm);
		if (ret == 0)
			ret = munmap_locked(b, v->start, v->end);
		if (ret < 0)
			break;
	}
	return ret;
}

int mm_detach(struct mm *mm, uint64_t addr, const struct file_ops *ops)
{
	struct mm_batch b;
	int ret;

	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	ret = detach_locked(&b, addr, ops);
	batch_commit(&b);
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
	return ret;
}
