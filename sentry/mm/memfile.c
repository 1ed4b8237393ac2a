/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile: ranges of the memory file.
 *
 * The file is cut into segments without gaps: void (no owner, no pages), warm
 * (no owner, pages with old contents), used (owners; all its pages count as
 * zeroed for the first of them), busy (one thread is giving it back).
 * Neighbours of one kind are merged.
 *
 * Placement: at the hint if that is free; else in the warm segment that was
 * freed last and is big enough; else in the middle of the largest void, which
 * leaves room to grow on both sides, so that a growing heap or a stack of
 * mappings stays contiguous and merges on the host.
 *
 * Freeing asks the host which pages exist (SEEK_DATA), so that a hardly
 * touched range costs nothing; up to WARM_MAX bytes stay warm, the longest
 * unused are punched out first.
 *
 * Invariant: memfile_check().
 * Locks:     g_mf.mu (LOCK_MEMFILE) guards the segments.  Zeroing, seeking and
 *            punching run without it, on segments that are the thread's own
 *            (fresh used ones, busy ones).
 * Tests:     tests/unit/test_memfile.c
 */
#include "sentry/mm/memfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sentry/host/host.h"
#include "sentry/host/host_memory.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/log.h"
#include "sentry/mm/memfile_acct.h"
#include "sentry/mm/safe_copy.h"
#include "sentry/mm/tree.h"

#define WARM_MAX      (64ull << 20)
#define WARM_SEARCH   32	    /* segments looked at for a fit */
#define HOLE_MIN      (64ull << 10) /* smaller holes count as data */
#define NO_QUESTION   (16ull << 10) /* so little counts as data */
#define PLACE_ALIGN   (2ull << 20)
#define SPARES	      64
#define PUNCH	      3 /* FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */
#define MAX_ZERO_RUNS 16

enum seg_state { SEG_VOID, SEG_WARM, SEG_USED, SEG_BUSY };

struct seg {
	RB_ENTRY(seg) by_off;
	RB_ENTRY(seg) by_size; /* void ones */
	struct list lru;       /* warm ones, the newest first; spares */
	uint64_t start, end;
	struct memfile_acct *acct; /* committed ones: who is charged */
	uint32_t refs;		   /* used ones */
	uint8_t state;
	bool committed; /* used ones: counted */
	bool dirty;	/* used, not committed: has old pages */
};
RB_HEAD(off_tree, seg);
RB_HEAD(size_tree, seg);

static struct memfile {
	struct mutex mu;
	int fd;
	char *base;
	struct off_tree segs GUARDED_BY(mu);
	struct size_tree voids GUARDED_BY(mu);
	struct list warm_list GUARDED_BY(mu);
	struct list spares GUARDED_BY(mu);
	unsigned int nr_spares GUARDED_BY(mu);
	uint64_t warm GUARDED_BY(mu);
} g_mf = { .mu = MUTEX_INIT(LOCK_MEMFILE), .fd = -1 };

static int cmp_off(const struct seg *a, const struct seg *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

static int cmp_size(const struct seg *a, const struct seg *b)
{
	uint64_t x = a->end - a->start, y = b->end - b->start;

	return x != y ? (x < y ? -1 : 1) : cmp_off(a, b);
}

TREE_GENERATE(off_tree, seg, by_off, cmp_off)
TREE_GENERATE(size_tree, seg, by_size, cmp_size)

/* --- segments; g_mf.mu is held -------------------------------------------- */

/* References are dropped where nothing may fail: a few nodes are kept back. */
static struct seg *seg_alloc(void)
{
	struct seg *s;

	alloc_reserve_begin();
	s = kzalloc(sizeof(*s));
	alloc_reserve_end();
	if (s)
		return s;
	s = list_first(&g_mf.spares, struct seg, lru);
	if (!s) {
		log_error("memory file: no memory for its own tables");
		abort();
	}
	list_del(&s->lru);
	g_mf.nr_spares--;
	*s = (struct seg){ 0 };
	return s;
}

static void seg_release(struct seg *s)
{
	if (g_mf.nr_spares >= SPARES) {
		free(s);
		return;
	}
	list_init(&s->lru);
	list_push(&g_mf.spares, &s->lru);
	g_mf.nr_spares++;
}

/* Tops up what seg_alloc() falls back on. */
static int fill_spares(void)
{
	while (g_mf.nr_spares < SPARES) {
		struct seg *s = kzalloc(sizeof(*s));

		if (!s)
			return -ENOMEM;
		seg_release(s);
	}
	return 0;
}

/* Enters or leaves the tables of a segment's state. */
static void seg_attach(struct seg *s)
{
	if (s->state == SEG_VOID) {
		RB_INSERT(size_tree, &g_mf.voids, s);
	} else if (s->state == SEG_WARM) {
		list_push(&g_mf.warm_list, &s->lru);
		g_mf.warm += s->end - s->start;
	}
}

static void seg_detach(struct seg *s)
{
	if (s->state == SEG_VOID) {
		RB_REMOVE(size_tree, &g_mf.voids, s);
	} else if (s->state == SEG_WARM) {
		list_del(&s->lru);
		g_mf.warm -= s->end - s->start;
	}
}

static struct seg *seg_at(uint64_t off)
{
	struct seg *s = RB_ROOT(&g_mf.segs);

	while (s) {
		if (off < s->start)
			s = RB_LEFT(s, by_off);
		else if (off >= s->end)
			s = RB_RIGHT(s, by_off);
		else
			break;
	}
	return s;
}

static struct seg *seg_next(struct seg *s)
{
	return RB_NEXT(off_tree, &g_mf.segs, s);
}

/* Cuts @s at @at; returns the upper part. */
static struct seg *seg_split(struct seg *s, uint64_t at)
{
	struct seg *up = seg_alloc();

	assert(s->start < at && at < s->end);
	seg_detach(s);
	up->start = at;
	up->end = s->end;
	up->acct = s->acct;
	up->refs = s->refs;
	up->state = s->state;
	up->committed = s->committed;
	up->dirty = s->dirty;
	s->end = at;
	RB_INSERT(off_tree, &g_mf.segs, up);
	seg_attach(s);
	seg_attach(up);
	return up;
}

static bool seg_alike(const struct seg *a, const struct seg *b)
{
	if (a->state != b->state || a->state == SEG_BUSY)
		return false;
	return a->state != SEG_USED ||
	       (a->refs == b->refs && a->committed == b->committed &&
		a->acct == b->acct && a->dirty == b->dirty);
}

/* Merges @b, the right neighbour of @a, into it if they are alike. */
static bool seg_merge(struct seg *a, struct seg *b)
{
	if (!a || !b || !seg_alike(a, b))
		return false;
	seg_detach(a);
	seg_detach(b);
	RB_REMOVE(off_tree, &g_mf.segs, b);
	a->end = b->end;
	seg_release(b);
	seg_attach(a);
	return true;
}

/* Segment borders at both ends; returns the first segment. */
static struct seg *isolate(uint64_t start, uint64_t end)
{
	struct seg *s = seg_at(start), *last;

	if (s->start < start)
		s = seg_split(s, start);
	last = seg_at(end - 1);
	if (last->end > end)
		seg_split(last, end);
	return s;
}

/* Merges what can be merged from just before @start to just after @end. */
static void merge_range(uint64_t start, uint64_t end)
{
	struct seg *s = seg_at(start ? start - 1 : 0), *next;

	while (s && s->start < end) {
		next = seg_next(s);
		if (!seg_merge(s, next))
			s = next;
	}
}

static void set_state(struct seg *s, enum seg_state state)
{
	seg_detach(s);
	s->state = (uint8_t)state;
	s->acct = NULL;
	s->refs = 0;
	s->committed = false;
	s->dirty = false;
	seg_attach(s);
}

static void set_range_state(uint64_t start, uint64_t end, enum seg_state state)
{
	struct seg *s = isolate(start, end);

	for (; s && s->start < end; s = seg_next(s))
		set_state(s, state);
	merge_range(start, end);
}

/* --- start ---------------------------------------------------------------- */

int memfile_start(int fd, uint64_t limit)
{
	struct seg *all;
	void *base = NULL;
	int ret = host_ftruncate(fd, (int64_t)MEMFILE_SIZE);

	if (ret == 0)
		ret = host_map_shared(fd, 0, MEMFILE_SIZE, true, &base);
	if (ret < 0)
		return ret;
	host_exclude_from_dump(base, MEMFILE_SIZE);
	mutex_lock(&g_mf.mu);
	g_mf.fd = fd;
	g_mf.base = base;
	memfile_root_acct()->limit = limit ? limit : UINT64_MAX;
	list_init(&g_mf.warm_list);
	list_init(&g_mf.spares);
	ret = fill_spares();
	if (ret == 0) {
		all = seg_alloc();
		all->end = MEMFILE_SIZE;
		RB_INSERT(off_tree, &g_mf.segs, all);
		seg_attach(all);
	}
	mutex_unlock(&g_mf.mu);
	return ret;
}

int memfile_fd(void)
{
	return g_mf.fd;
}

void *memfile_ptr(uint64_t off)
{
	return g_mf.base + off;
}

/* --- allocation ----------------------------------------------------------- */

/* Parts of a fresh range that hold old data. */
struct zero_runs {
	struct {
		uint64_t start, end;
	} run[MAX_ZERO_RUNS];
	unsigned int nr;
};

static void add_zero_run(struct zero_runs *z, uint64_t start, uint64_t end)
{
	if (z->nr && (z->run[z->nr - 1].end == start || z->nr == MAX_ZERO_RUNS))
		z->run[z->nr - 1].end = end;
	else {
		z->run[z->nr].start = start;
		z->run[z->nr++].end = end;
	}
}

static bool range_is_free(uint64_t start, uint64_t size)
{
	struct seg *s;

	if (start >= MEMFILE_SIZE || size > MEMFILE_SIZE - start)
		return false;
	for (s = seg_at(start); s && s->start < start + size; s = seg_next(s))
		if (s->state != SEG_VOID && s->state != SEG_WARM)
			return false;
	return true;
}

/* The place for a range without (useful) hint, or MEMFILE_NONE. */
static uint64_t pick_place(uint64_t size)
{
	unsigned int looked = 0;
	uint64_t room, start;
	struct seg *s;

	if (size <= g_mf.warm)
		list_for_each_entry (s, &g_mf.warm_list, lru) {
			/* From the top: the next mapping is mostly below. */
			if (s->end - s->start >= size)
				return s->end - size;
			if (++looked == WARM_SEARCH)
				break;
		}
	s = RB_MAX(size_tree, &g_mf.voids);
	if (!s || s->end - s->start < size)
		return MEMFILE_NONE;
	room = s->end - s->start - size;
	start = page_down(s->start + room / 2);
	if (room >= 4 * PLACE_ALIGN)
		start &= ~(PLACE_ALIGN - 1);
	return start;
}

/* Makes the free range used, charged to @acct (NULL: reserved only); fills @z
 * with what must be zeroed. */
static void take_range(uint64_t start, uint64_t size, struct memfile_acct *acct,
		       struct zero_runs *z, bool *warm)
{
	struct seg *s = isolate(start, start + size);

	*warm = true;
	for (; s && s->start < start + size; s = seg_next(s)) {
		bool was_warm = s->state == SEG_WARM;

		if (was_warm)
			add_zero_run(z, s->start, s->end);
		else
			*warm = false;
		set_state(s, SEG_USED);
		s->refs = 1;
		s->acct = acct;
		s->committed = acct;
		s->dirty = !acct && was_warm;
	}
	merge_range(start, start + size);
}

static int place_locked(uint64_t size, uint64_t hint, uint32_t flags,
			struct zero_runs *z, uint64_t *out_start, bool *warm)
{
	struct memfile_acct *acct =
		flags & MEMFILE_RESERVE ? NULL : acct_current();
	uint64_t start;
	int ret = fill_spares();

	if (ret == 0 && acct)
		ret = acct_charge(acct, size);
	if (ret < 0)
		return ret;
	start = hint;
	if (hint == MEMFILE_NONE || !range_is_free(hint, size))
		start = pick_place(size);
	if (start == MEMFILE_NONE) {
		acct_uncharge(acct, size);
		return -ENOMEM;
	}
	take_range(start, size, acct, z, warm);
	*out_start = start;
	return 0;
}

int memfile_alloc(uint64_t size, uint64_t hint, uint32_t flags,
		  uint64_t *out_off, bool *out_warm)
{
	struct zero_runs z = { .nr = 0 };
	uint64_t start = 0;
	bool warm = false;
	int ret;

	assert(size > 0 && size % PAGE_SIZE == 0);
	if (size > MEMFILE_SIZE)
		return -ENOMEM;
	if (hint % PAGE_SIZE != 0)
		hint = MEMFILE_NONE;
	mutex_lock(&g_mf.mu);
	ret = place_locked(size, hint, flags, &z, &start, &warm);
	mutex_unlock(&g_mf.mu);
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < z.nr && !(flags & MEMFILE_RESERVE); i++)
		if (safe_zero(g_mf.base + z.run[i].start,
			      z.run[i].end - z.run[i].start)) {
			memfile_put(start, size);
			return -ENOMEM;
		}
	*out_off = start;
	if (out_warm)
		*out_warm = warm;
	return 0;
}

int memfile_commit(uint64_t off, uint64_t size)
{
	struct memfile_acct *acct;
	uint64_t more = 0;
	struct seg *s;
	int ret;

	mutex_lock(&g_mf.mu);
	acct = acct_current();
	for (s = isolate(off, off + size); s && s->start < off + size;
	     s = seg_next(s))
		if (!s->committed)
			more += s->end - s->start;
	ret = acct_charge(acct, more);
	for (s = seg_at(off); ret == 0 && s && s->start < off + size;
	     s = seg_next(s)) {
		assert(s->state == SEG_USED);
		if (!s->committed)
			s->acct = acct;
		s->committed = true;
		s->dirty = false;
	}
	merge_range(off, off + size);
	mutex_unlock(&g_mf.mu);
	return ret;
}

/* --- giving back ---------------------------------------------------------- */

/* Punches a busy range out; it becomes void. */
static void punch_busy(uint64_t start, uint64_t end)
{
	int ret = host_fallocate(g_mf.fd, PUNCH, (int64_t)start,
				 (int64_t)(end - start));

	if (ret < 0) {
		/* It stays busy for ever: never handed out with old data. */
		log_error("memory file: cannot punch a hole: error %d", -ret);
		return;
	}
	mutex_lock(&g_mf.mu);
	set_range_state(start, end, SEG_VOID);
	mutex_unlock(&g_mf.mu);
}

/* Punches the longest unused warm segments while there are too many. */
static void trim_warm(void)
{
	for (;;) {
		uint64_t start = 0, end = 0;
		struct seg *s;

		mutex_lock(&g_mf.mu);
		if (g_mf.warm > WARM_MAX) {
			s = list_last(&g_mf.warm_list, struct seg, lru);
			start = s->start;
			end = s->end;
			if (end - start > g_mf.warm - WARM_MAX)
				start = page_down(end - (g_mf.warm - WARM_MAX));
			if (start > s->start)
				s = seg_split(s, start);
			set_state(s, SEG_BUSY);
		}
		mutex_unlock(&g_mf.mu);
		if (end == 0)
			return;
		punch_busy(start, end);
	}
}

/* Bounds of the next pages at or after @pos; false if none before @end. */
static bool next_data(uint64_t pos, uint64_t end, uint64_t *start,
		      uint64_t *stop)
{
	int64_t data = host_lseek(g_mf.fd, (int64_t)pos, SEEK_DATA), hole;

	if (data < 0 || (uint64_t)data >= end)
		return false;
	hole = host_lseek(g_mf.fd, data, SEEK_HOLE);
	*start = MAX(pos, page_down((uint64_t)data));
	*stop = hole < 0 ? end : MIN(end, page_up((uint64_t)hole));
	return *stop > *start;
}

static void give_back(uint64_t start, uint64_t end, enum seg_state state)
{
	if (start == end)
		return;
	mutex_lock(&g_mf.mu);
	set_range_state(start, end, state);
	mutex_unlock(&g_mf.mu);
}

/* Turns a busy range that lost its last owner into warm and void parts. */
static void retire(uint64_t start, uint64_t end)
{
	uint64_t pos = start, from, to, from2 = 0, to2 = 0;
	bool more;

	/* To ask costs more than to zero what may not be there. */
	if (end - start <= NO_QUESTION) {
		give_back(start, end, SEG_WARM);
		return;
	}
	more = next_data(pos, end, &from, &to);
	while (more) {
		more = false;
		while (to < end && next_data(to, end, &from2, &to2)) {
			if (from2 - to >= HOLE_MIN) {
				more = true;
				break;
			}
			to = to2;
		}
		give_back(pos, from, SEG_VOID);
		if (to - from > WARM_MAX / 2)
			punch_busy(from, to);
		else
			give_back(from, to, SEG_WARM);
		pos = to;
		from = from2;
		to = to2;
	}
	give_back(pos, end, SEG_VOID);
}

void memfile_get(uint64_t off, uint64_t size)
{
	struct seg *s;

	mutex_lock(&g_mf.mu);
	for (s = isolate(off, off + size); s && s->start < off + size;
	     s = seg_next(s)) {
		assert(s->state == SEG_USED && s->refs < UINT32_MAX);
		s->refs++;
	}
	merge_range(off, off + size);
	mutex_unlock(&g_mf.mu);
}

/* Drops references up to the next run that has no owner left: true with its
 * bounds; it is busy then. */
static bool put_some(uint64_t *off, uint64_t end, uint64_t *start,
		     uint64_t *stop)
{
	struct seg *s = seg_at(*off);

	for (; s && s->start < end; s = seg_next(s)) {
		assert(s->state == SEG_USED && s->refs > 0);
		*off = s->end;
		if (--s->refs > 0)
			continue;
		if (s->committed)
			acct_uncharge(s->acct, s->end - s->start);
		if (!s->committed) {
			set_state(s, s->dirty ? SEG_WARM : SEG_VOID);
			continue;
		}
		set_state(s, SEG_BUSY);
		*start = s->start;
		*stop = s->end;
		return true;
	}
	return false;
}

void memfile_put(uint64_t off, uint64_t size)
{
	uint64_t pos = off, end = off + size, start, stop;
	bool freed = true, over;

	mutex_lock(&g_mf.mu);
	isolate(off, end);
	mutex_unlock(&g_mf.mu);
	while (freed && pos < end) {
		mutex_lock(&g_mf.mu);
		/* Another thread may have merged a border away meanwhile. */
		isolate(pos, end);
		freed = put_some(&pos, end, &start, &stop);
		mutex_unlock(&g_mf.mu);
		if (freed)
			retire(start, stop);
	}
	mutex_lock(&g_mf.mu);
	merge_range(off, end);
	over = g_mf.warm > WARM_MAX;
	mutex_unlock(&g_mf.mu);
	if (over)
		trim_warm();
}

bool memfile_shared_part(uint64_t off, uint64_t size, uint64_t *out_start,
			 uint64_t *out_end)
{
	uint64_t end = off + size;
	struct seg *s;

	mutex_lock(&g_mf.mu);
	for (s = seg_at(off); s && s->start < end; s = seg_next(s))
		if (s->state != SEG_USED || s->refs != 1)
			break;
	if (s && s->start < end) {
		*out_start = MAX(s->start, off);
		*out_end = MIN(s->end, end);
	} else {
		s = NULL;
	}
	mutex_unlock(&g_mf.mu);
	return s != NULL;
}

bool memfile_sole(uint64_t off, uint64_t size)
{
	uint64_t start, end;

	return !memfile_shared_part(off, size, &start, &end);
}

void memfile_decommit(uint64_t off, uint64_t size)
{
	if (host_fallocate(g_mf.fd, PUNCH, (int64_t)off, (int64_t)size) < 0 &&
	    safe_zero(g_mf.base + off, size) > 0)
		log_error("memory file: cannot give pages back");
}

/* --- accounts ------------------------------------------------------------- */

void memfile_acct_fini(struct memfile_acct *a)
{
	struct seg *s;

	mutex_lock(&g_mf.mu);
	RB_FOREACH (s, off_tree, &g_mf.segs)
		if (s->acct == a)
			s->acct = a->parent;
	mutex_unlock(&g_mf.mu);
}

void memfile_acct_read(struct memfile_acct *a, struct memfile_acct *out)
{
	mutex_lock(&g_mf.mu);
	*out = *a;
	mutex_unlock(&g_mf.mu);
}

void memfile_acct_limit(struct memfile_acct *a, uint64_t limit)
{
	mutex_lock(&g_mf.mu);
	a->limit = limit;
	mutex_unlock(&g_mf.mu);
}

void memfile_acct_reset_peak(struct memfile_acct *a)
{
	mutex_lock(&g_mf.mu);
	a->peak = a->used;
	mutex_unlock(&g_mf.mu);
}

/* --- reports -------------------------------------------------------------- */

uint64_t memfile_resident(uint64_t off, uint64_t size)
{
	uint64_t pos = off, from, to, sum = 0;
	int64_t pages = size ? host_cached_pages(g_mf.fd, off, size) : 0;

	if (pages >= 0)
		return (uint64_t)pages << PAGE_SHIFT;
	while (pos < off + size && next_data(pos, off + size, &from, &to)) {
		sum += to - from;
		pos = to;
	}
	return sum;
}

void memfile_stats(struct memfile_stats *out)
{
	const struct memfile_acct *root = memfile_root_acct();

	mutex_lock(&g_mf.mu);
	out->limit = root->limit == UINT64_MAX ? 0 : root->limit;
	out->used = root->used;
	out->warm = g_mf.warm;
	mutex_unlock(&g_mf.mu);
}

void memfile_check(void)
{
	uint64_t pos = 0, used = 0, warm = 0;
	struct seg *s, *prev = NULL;

	mutex_lock(&g_mf.mu);
	RB_FOREACH (s, off_tree, &g_mf.segs) {
		assert(s->start == pos && s->end > pos);
		assert((s->state == SEG_USED) == (s->refs > 0));
		assert(!prev || prev->state == SEG_BUSY || !seg_alike(prev, s));
		if (s->state == SEG_USED && s->committed)
			used += s->end - s->start;
		if (s->state == SEG_WARM)
			warm += s->end - s->start;
		pos = s->end;
		prev = s;
	}
	assert(pos == MEMFILE_SIZE);
	assert(used == memfile_root_acct()->used && warm == g_mf.warm);
	mutex_unlock(&g_mf.mu);
}
