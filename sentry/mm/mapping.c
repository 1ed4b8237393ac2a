/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping: which vmas show an inode, so that truncation can take pages away.
 *
 * A vma is in the list from before its file is first asked until it is freed.
 * Invalidation raises seq first, then takes the pages; an answer that was given
 * before carries the old seq and is thrown away:
 *
 *	fault				truncate
 *	seq = mapping_seq()
 *	mmap_backing() -> old range	size is changed
 *					seq++, every mm in the list:
 *	lock mm, seq differs: again	lock mm, drop pmas, sync
 *
 * Locks:  mapping->mu (LOCK_MAPPINGS), inside mm->mu; the spaces are locked
 *         after it was dropped.
 * Tests:  tests/unit/test_mm.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/mm/mm_private.h"

struct mapping_set {
	uint64_t seq;
	uint64_t nr;
	struct list vmas; /* vma.map_node */
};

void mapping_init(struct mapping *m)
{
	mutex_init(&m->mu, LOCK_MAPPINGS);
	m->vmas = NULL;
}

void mapping_fini(struct mapping *m)
{
	struct mapping_set *set = m->vmas;

	assert(!set || list_empty(&set->vmas));
	free(set);
	m->vmas = NULL;
}

int mapping_join(struct mapping *m, struct vma *v)
{
	struct mapping_set *set;
	int ret = 0;

	mutex_lock(&m->mu);
	set = m->vmas;
	if (!set) {
		set = kzalloc(sizeof(*set));
		if (set)
			list_init(&set->vmas);
		m->vmas = set;
	}
	if (set) {
		list_append(&set->vmas, &v->map_node);
		set->nr++;
		v->mapping = m;
	} else {
		ret = -ENOMEM;
	}
	mutex_unlock(&m->mu);
	return ret;
}

void mapping_leave(struct vma *v)
{
	struct mapping *m = v->mapping;
	struct mapping_set *set;

	if (!m)
		return;
	mutex_lock(&m->mu);
	set = m->vmas;
	list_del(&v->map_node);
	set->nr--;
	mutex_unlock(&m->mu);
	v->mapping = NULL;
}

uint64_t mapping_seq(struct mapping *m)
{
	struct mapping_set *set;
	uint64_t seq;

	mutex_lock(&m->mu);
	set = m->vmas;
	seq = set ? set->seq : 0;
	mutex_unlock(&m->mu);
	return seq;
}

/* Drops the pmas of one vma that show the file's bytes in [off, end), and with
 * @copies its private copies of them. */
static void drop_file_pmas(struct mm_batch *b, struct vma *v, uint64_t off,
			   uint64_t end, bool copies)
{
	uint64_t start = v->start, stop = v->end, next;
	struct pma *p;

	if (off > v->offset)
		start += off - v->offset;
	if (end - v->offset < vma_size(v))
		stop = v->start + (end - v->offset);
	/* A pma may reach beyond stop: the position decides, not the pma. */
	for (next = start; next < stop;) {
		p = pma_find(b->mm, next);
		if (!p || p->start >= stop)
			break;
		next = MIN(p->end, stop);
		if (!p->from_file && !copies)
			continue;
		/* No nodes: the whole pma goes; its rest comes back later. */
		if (mm_reserve(b->mm) == 0)
			p = pma_cut(b->mm, p, MAX(p->start, start), next);
		batch_drop_pmas(b, p->start, p->end);
	}
}

static void invalidate_mm(struct mm *mm, struct mapping *m, uint64_t off,
			  uint64_t end, bool copies)
{
	struct mm_batch b;
	struct vma *v;

	batch_init(&b, mm);
	rwlock_wrlock(&mm->mu);
	if (mm->as) {
		for (v = vma_find(mm, 0); v; v = vma_next(mm, v))
			if (v->mapping == m && v->offset < end &&
			    off < v->offset + vma_size(v))
				drop_file_pmas(&b, v, off, end, copies);
		batch_commit(&b); /* reset is as good */
	}
	rwlock_unlock(&mm->mu);
	batch_finish(&b);
}

/* References to the spaces of the list, each once (mostly); how many. */
static uint64_t gather(struct mapping_set *set, struct mm **out)
{
	uint64_t nr = 0;
	struct vma *v;

	list_for_each_entry (v, &set->vmas, map_node) {
		if (nr && out[nr - 1] == v->mm)
			continue;
		ref_get(&v->mm->ref);
		out[nr++] = v->mm;
	}
	return nr;
}

/* The spaces that map @m, in an array to free() (NULL: none). */
static struct mm **spaces_of(struct mapping *m, uint64_t *out_nr)
{
	struct mapping_set *set;
	struct mm **mms = NULL;
	uint64_t room = 0;

	*out_nr = 0;
	mutex_lock(&m->mu);
	set = m->vmas;
	if (set)
		set->seq++;
	while (set && set->nr > room) {
		room = set->nr + 8;
		mutex_unlock(&m->mu);
		free(mms);
		/* Pages that stay mapped would be somebody else's soon. */
		alloc_reserve_begin();
		mms = xzalloc(room * sizeof(*mms));
		alloc_reserve_end();
		mutex_lock(&m->mu);
	}
	if (set && room)
		*out_nr = gather(set, mms);
	mutex_unlock(&m->mu);
	return mms;
}

static void invalidate(struct mapping *m, uint64_t off, uint64_t end,
		       bool copies)
{
	AUTO_FREE struct mm **mms = NULL;
	uint64_t nr;

	mms = spaces_of(m, &nr);
	for (uint64_t i = 0; i < nr; i++) {
		invalidate_mm(mms[i], m, off, end, copies);
		mm_unref(mms[i]);
	}
}

void mapping_invalidate(struct mapping *m, uint64_t off, uint64_t size)
{
	uint64_t end;

	if (add_overflows(off, size, &end) || end > UINT64_MAX - PAGE_SIZE)
		end = UINT64_MAX - PAGE_SIZE;
	invalidate(m, page_down(off), page_up(end), false);
}

void mapping_truncate(struct mapping *m, uint64_t size)
{
	invalidate(m, page_up(size), page_down(UINT64_MAX), true);
}

bool mapping_writable(struct mapping *m)
{
	const uint32_t both = VMA_SHARED | VMA_MAYWRITE;
	struct mapping_set *set;
	struct vma *v;
	bool found = false;

	mutex_lock(&m->mu);
	set = m->vmas;
	if (set) {
		list_for_each_entry (v, &set->vmas, map_node)
			found = found ||
				(__atomic_load_n(&v->flags, __ATOMIC_RELAXED) &
				 both) == both;
	}
	mutex_unlock(&m->mu);
	return found;
}
