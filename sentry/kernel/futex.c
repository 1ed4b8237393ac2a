/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex: buckets, keys, waiting and waking.
 *
 * Invariant: a waiter is in the bucket of its key, or was woken; those with a
 *            real-time priority come before all others, as they are woken.
 *
 * A wake-up is never lost.  The value is checked and the waiter queued under
 * the bucket's lock, through a pin made before.  Meanwhile copy-on-write may
 * have moved the page, so that the pin shows an old value:
 *
 *	waiter				waker
 *	pin old page
 *					store (moves to a new page)
 *					wake: nobody there
 *	lock, old value, queue, unlock
 *	pin again: another page, other value: leave
 *
 * A store after the second pin is followed by a wake that finds the waiter.
 *
 * Locks:     bucket.mu (LOCK_FUTEX).
 * Linux:     kernel/futex/waitwake.c of 6.12.
 * Tests:     tests/conformance (futex)
 */
#include "sentry/kernel/futex.h"

#include <errno.h>

#include "sentry/kernel/futex_private.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/hash.h"
#include "sentry/mm/safe_copy.h"

#define NR_BUCKETS 256

static struct futex_bucket g_buckets[NR_BUCKETS] = {
	[0 ... NR_BUCKETS - 1] = { .mu = MUTEX_INIT(LOCK_FUTEX) },
};

/* --- keys and buckets ----------------------------------------------------- */

int futex_key(struct mm *mm, struct futex_word w, struct mm_key *out)
{
	if (w.addr & 3)
		return -EINVAL;
	if (w.addr >= platform_limits()->max_user_addr)
		return -EFAULT;
	if (!w.private)
		return mm_shared_key(mm, w.addr, out);
	out->object = mm_id(mm);
	out->offset = w.addr;
	return 0;
}

struct futex_bucket *futex_bucket(const struct mm_key *key)
{
	return &g_buckets[hash_pair(key->object, key->offset) % NR_BUCKETS];
}

struct futex_bucket *futex_bucket_at(unsigned int i)
{
	return i < NR_BUCKETS ? &g_buckets[i] : NULL;
}

static void bucket_ready(struct futex_bucket *b)
{
	if (unlikely(!b->waiters.next))
		list_init(&b->waiters);
}

NO_LOCK_CHECK void futex_bucket_lock(struct futex_bucket *b)
{
	mutex_lock(&b->mu);
	bucket_ready(b);
}

NO_LOCK_CHECK void futex_bucket_lock2(struct futex_bucket *a,
				      struct futex_bucket *b)
{
	struct futex_bucket *low = a < b ? a : b;
	struct futex_bucket *high = a < b ? b : a;

	futex_bucket_lock(low);
	if (high == low)
		return;
	mutex_lock_nested(&high->mu);
	bucket_ready(high);
}

NO_LOCK_CHECK void futex_bucket_unlock2(struct futex_bucket *a,
					struct futex_bucket *b)
{
	mutex_unlock(&a->mu);
	if (a != b)
		mutex_unlock(&b->mu);
}

int futex_pin(struct mm *mm, uint64_t addr, uint32_t access,
	      struct futex_pin *out)
{
	long n = mm_pin(mm, addr, sizeof(uint32_t), access, &out->pin);

	if (n < 0)
		return (int)n;
	out->word = out->pin.iov[0].iov_base; /* aligned: in one piece */
	return 0;
}

/* --- waiters -------------------------------------------------------------- */

void futex_waiter_init(struct futex_waiter *w, struct task *t,
		       const struct mm_key *key, uint32_t bitset)
{
	*w = (struct futex_waiter){
		.key = *key,
		.bitset = bitset,
		.prio = t->priv->rt_prio, /* 0 unless the policy has one */
		.task = t,
	};
	list_init(&w->node);
	list_init(&w->chain);
}

void futex_enqueue(struct futex_waiter *w, struct futex_bucket *b)
{
	struct futex_waiter *other;

	mutex_assert_held(&b->mu);
	atomic_store(&w->bucket, b);
	if (w->prio)
		list_for_each_entry (other, &b->waiters, node)
			if (other->prio < w->prio) {
				list_append(&other->node, &w->node);
				return;
			}
	list_append(&b->waiters, &w->node);
}

bool futex_dequeue(struct futex_waiter *w)
{
	for (;;) {
		struct futex_bucket *b = atomic_load(&w->bucket);
		bool mine;

		if (atomic_load(&w->woken))
			return true;
		futex_bucket_lock(b);
		/* Woken or moved to another bucket before we had the lock? */
		mine = !atomic_load(&w->woken) && atomic_load(&w->bucket) == b;
		if (mine)
			list_del(&w->node);
		mutex_unlock(&b->mu);
		if (mine)
			return false;
	}
}

void futex_mark_woken(struct futex_waiter *w, struct futex_wake_batch *batch)
{
	list_del(&w->node);
	task_get(w->task);
	batch->task[batch->nr++] = w->task;
	atomic_store(&w->woken, true);
}

void futex_wake_batch(struct futex_wake_batch *batch)
{
	for (unsigned int i = 0; i < batch->nr; i++) {
		task_wake(batch->task[i]);
		task_put(batch->task[i]);
	}
	batch->nr = 0;
}

int futex_sleep(struct futex_waiter *w, uint64_t deadline)
{
	struct task_waiter tw;
	int ret = 0;

	task_waiter_init(&tw, w->task);
	w->task->wchan = "futex_wait";
	while (ret == 0 && !atomic_load(&w->woken))
		ret = task_sleep(&tw, deadline);
	w->task->wchan = NULL;
	return futex_dequeue(w) ? 0 : ret;
}

/* --- FUTEX_WAIT ----------------------------------------------------------- */

/* Queues @w if the word has @val.  0, -EAGAIN, -EFAULT. */
static int check_and_enqueue(struct futex_waiter *w, struct futex_bucket *b,
			     const struct futex_pin *p, uint32_t val)
{
	uint32_t now = 0;
	int ret;

	futex_bucket_lock(b);
	ret = safe_load32(p->word, &now);
	if (ret == 0 && now != val)
		ret = -EAGAIN;
	if (ret == 0)
		futex_enqueue(w, b);
	mutex_unlock(&b->mu);
	return ret;
}

/* Was the page still the word's when @w was queued?  See the top. */
static int check_again(struct mm *mm, uint64_t addr, const uint32_t *seen,
		       uint32_t val)
{
	struct futex_pin p;
	uint32_t now = val;
	int ret = futex_pin(mm, addr, PLAT_READ, &p);

	if (ret < 0)
		return ret;
	if (p.word != seen)
		ret = safe_load32(p.word, &now);
	futex_unpin(&p);
	if (ret == 0 && now != val)
		ret = -EAGAIN;
	return ret;
}

int futex_wait_setup(struct futex_waiter *w, struct mm *mm,
		     struct futex_word word, uint32_t val)
{
	struct futex_pin p;
	int ret = futex_pin(mm, word.addr, PLAT_READ, &p);

	if (ret < 0)
		return ret;
	ret = check_and_enqueue(w, futex_bucket(&w->key), &p, val);
	if (ret == 0) {
		ret = check_again(mm, word.addr, p.word, val);
		if (ret < 0 && futex_dequeue(w))
			ret = 1;
	}
	futex_unpin(&p);
	return ret;
}

static int wait_once(struct task *t, struct futex_word word, uint32_t val,
		     uint32_t bitset, uint64_t deadline)
{
	struct futex_waiter w;
	struct mm_key key;
	int ret;

	ret = futex_key(t->mm, word, &key);
	if (ret < 0)
		return ret;
	futex_waiter_init(&w, t, &key, bitset);
	ret = futex_wait_setup(&w, t->mm, word, val);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	return futex_sleep(&w, deadline);
}

static long wait_again(struct task *t)
{
	const union restart_data *r = task_restart_data(t);
	struct futex_word w = { r->futex.addr, r->futex.flags != 0 };

	return futex_wait(t, w, r->futex.val, (uint32_t)r->futex.bitset,
			  r->futex.deadline);
}

long futex_wait_until(struct task *t, struct futex_word w, uint32_t val,
		      uint32_t bitset, uint64_t deadline)
{
	return bitset ? wait_once(t, w, val, bitset, deadline) : -EINVAL;
}

long futex_wait(struct task *t, struct futex_word w, uint32_t val,
		uint32_t bitset, uint64_t deadline)
{
	union restart_data *r;
	int ret;

	if (bitset == 0)
		return -EINVAL;
	ret = wait_once(t, w, val, bitset, deadline);
	if (ret != -ERESTARTSYS || deadline == NO_DEADLINE)
		return ret;
	r = task_restart_data(t);
	r->futex.addr = w.addr;
	r->futex.deadline = deadline;
	r->futex.bitset = bitset;
	r->futex.val = val;
	r->futex.flags = w.private;
	return task_set_restart(t, wait_again);
}

/* --- FUTEX_WAKE ----------------------------------------------------------- */

/*
 * Marks waiters of @key until @nr are or the batch is full; *done counts.
 * Returns: 0; 1 if the batch is full; -EINVAL at a waiter for a PI lock.
 */
static int wake_some(const struct mm_key *key, int32_t nr, uint32_t bitset,
		     long *done, struct futex_wake_batch *batch)
{
	struct futex_bucket *b = futex_bucket(key);
	struct futex_waiter *w, *tmp;
	int ret = 0;

	futex_bucket_lock(b);
	list_for_each_entry_safe (w, tmp, &b->waiters, node) {
		if (!futex_key_equal(&w->key, key))
			continue;
		ret = futex_waiter_is_pi(w) ? -EINVAL
					    : batch->nr == FUTEX_BATCH;
		if (ret != 0)
			break;
		if (!(w->bitset & bitset))
			continue;
		futex_mark_woken(w, batch);
		if (++*done >= nr)
			break;
	}
	mutex_unlock(&b->mu);
	return ret;
}

static long wake_key(const struct mm_key *key, int32_t nr, uint32_t bitset)
{
	struct futex_wake_batch batch = { .nr = 0 };
	long done = 0;
	int ret;

	do {
		ret = wake_some(key, nr, bitset, &done, &batch);
		futex_wake_batch(&batch);
	} while (ret > 0);
	return ret < 0 ? ret : done;
}

long futex_wake(struct task *t, struct futex_word w, int32_t nr,
		uint32_t bitset)
{
	struct mm_key key;
	int ret;

	if (bitset == 0)
		return -EINVAL;
	ret = futex_key(t->mm, w, &key);
	return ret < 0 ? ret : wake_key(&key, nr, bitset);
}

long futex_wake_addr(struct mm *mm, uint64_t addr, int nr)
{
	struct futex_word w = { .addr = addr, .private = false };
	struct mm_key key;
	int ret = futex_key(mm, w, &key);

	if (ret < 0)
		return ret;
	return wake_key(&key, nr, LINUX_FUTEX_BITSET_MATCH_ANY);
}

/* --- futex_waitv ---------------------------------------------------------- */

/* Leaves all queues; the index of one that was woken, or -1. */
static int leave_all(struct futex_waiter *w, uint32_t nr)
{
	int woken = -1;

	for (uint32_t i = 0; i < nr; i++)
		if (futex_dequeue(&w[i]))
			woken = (int)i;
	return woken;
}

static bool any_woken(struct futex_waiter *w, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (atomic_load(&w[i].woken))
			return true;
	return false;
}

static int setup_all(struct task *t, struct futex_waiter *w,
		     const struct futex_multi *m, uint32_t nr, uint32_t *done)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct mm_key key;
		int ret = futex_key(t->mm, m[i].word, &key);

		if (ret < 0)
			return ret;
		futex_waiter_init(&w[i], t, &key, LINUX_FUTEX_BITSET_MATCH_ANY);
		ret = futex_wait_setup(&w[i], t->mm, m[i].word, m[i].val);
		if (ret < 0)
			return ret;
		*done = i + 1;
	}
	return 0;
}

long futex_wait_multiple(struct task *t, const struct futex_multi *m,
			 uint32_t nr, uint64_t deadline)
{
	AUTO_FREE struct futex_waiter *w = kcalloc(nr, sizeof(*w));
	struct task_waiter tw;
	uint32_t queued = 0;
	int ret, woken;

	if (!w)
		return -ENOMEM;
	ret = setup_all(t, w, m, nr, &queued);
	task_waiter_init(&tw, t);
	while (ret == 0 && !any_woken(w, nr))
		ret = task_sleep(&tw, deadline);
	woken = leave_all(w, queued);
	return woken >= 0 ? woken : ret;
}
