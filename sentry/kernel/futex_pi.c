/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex_pi: locks whose word names their owner (FUTEX_LOCK_PI).
 *
 * Invariant: while somebody waits, the word has FUTEX_WAITERS set, so that the
 *            owner comes to us to unlock; the lock is handed to the longest
 *            waiter (no priorities: the sentry does not schedule).
 * Locks:     bucket.mu.  g_nr_waiters is a hint that saves dying tasks a walk
 *            over all buckets.
 * Linux:     kernel/futex/pi.c of 6.12, results and word values.
 * Tests:     tests/conformance (futex)
 */
#include <errno.h>

#include "sentry/kernel/futex_private.h"
#include "sentry/mm/safe_copy.h"

static _Atomic uint32_t g_nr_waiters;

/* One lock call in progress. */
struct pi_lock {
	struct task *task;
	struct futex_bucket *bucket;
	struct futex_waiter waiter;
	struct futex_pin pin;
	bool try;
};

static struct futex_waiter *first_waiter(struct futex_bucket *b,
					 const struct mm_key *key)
{
	struct futex_waiter *w;

	list_for_each_entry (w, &b->waiters, node)
		if (futex_key_equal(&w->key, key))
			return w;
	return NULL;
}

/* A task without memory has ended, or is past the point where it hands over
 * its locks for the last time (futex_exit_pi). */
static bool owner_lives(uint32_t tid)
{
	AUTO_PUT(task) struct task *owner = task_lookup(tid);
	AUTO_PUT(mm) struct mm *mm = NULL;

	if (owner)
		mm = task_get_mm(owner);
	return mm;
}

/*
 * One look at the word, bucket held.  0: it is ours now.  1: we are queued (or
 * for a trylock would be).  -EAGAIN: the word changed, look again.
 */
static int lock_step(struct pi_lock *l, uint32_t seen, bool owner_alive)
{
	uint32_t self = l->task->tid, owner = seen & LINUX_FUTEX_TID_MASK;
	struct futex_waiter *first = first_waiter(l->bucket, &l->waiter.key);
	uint32_t want, old;
	int ret;

	if (owner == self)
		return -EDEADLK;
	if (first && !first->pi)
		return -EINVAL;
	if (owner == 0 && !first) /* free, or its owner died */
		want = self | (seen & LINUX_FUTEX_OWNER_DIED);
	else if (!first && !owner_alive)
		return -ESRCH;
	else
		want = seen | LINUX_FUTEX_WAITERS;
	ret = safe_cmpxchg32(l->pin.word, seen, want, &old);
	if (ret < 0)
		return ret;
	if (old != seen)
		return -EAGAIN;
	if (owner == 0 && !first)
		return 0;
	if (!l->try) {
		l->waiter.pi_owner = first ? first->pi_owner : owner;
		futex_enqueue(&l->waiter, l->bucket);
	}
	return 1;
}

static void release_owned(struct futex_bucket *b, uint32_t tid);

/* Takes the lock (0) or queues (1). */
static int lock_or_queue(struct pi_lock *l)
{
	int ret;

	do {
		uint32_t seen;
		bool alive;

		ret = safe_load32(l->pin.word, &seen);
		if (ret < 0)
			return ret;
		/* Asks the task list, whose lock comes before the bucket's. */
		alive = owner_lives(seen & LINUX_FUTEX_TID_MASK);
		futex_bucket_lock(l->bucket);
		ret = lock_step(l, seen, alive);
		mutex_unlock(&l->bucket->mu);
	} while (ret == -EAGAIN);
	return ret;
}

/*
 * The owner may have ended between our look at it and our queueing, and its
 * futex_exit_pi() not have seen us: then the lock is handed on by us.
 */
static void check_owner_again(struct pi_lock *l)
{
	uint32_t tid;

	futex_bucket_lock(l->bucket);
	tid = l->waiter.pi_owner;
	mutex_unlock(&l->bucket->mu);
	if (!owner_lives(tid))
		release_owned(l->bucket, tid);
}

static long lock_pinned(struct pi_lock *l, uint64_t deadline)
{
	int ret;

	atomic_fetch_add(&g_nr_waiters, 1); /* before anyone can be queued */
	ret = lock_or_queue(l);
	if (ret == 1 && l->try) {
		ret = -EAGAIN;
	} else if (ret == 1) {
		check_owner_again(l);
		ret = futex_sleep(&l->waiter, deadline);
	}
	atomic_fetch_sub(&g_nr_waiters, 1);
	return ret == -ERESTARTSYS ? -ERESTARTNOINTR : ret;
}

long futex_lock_pi(struct task *t, struct futex_word w, uint64_t deadline,
		   bool try)
{
	struct pi_lock l = { .task = t, .try = try };
	struct mm_key key;
	long ret = futex_key(t->mm, w, &key);

	if (ret == 0)
		ret = futex_pin(t->mm, w.addr, PLAT_WRITE, &l.pin);
	if (ret < 0)
		return ret;
	l.bucket = futex_bucket(&key);
	futex_waiter_init(&l.waiter, t, &key, LINUX_FUTEX_BITSET_MATCH_ANY);
	l.waiter.pi = true;
	ret = lock_pinned(&l, deadline);
	futex_unpin(&l.pin);
	return ret;
}

/* Bucket held: the waiters of @key now wait for @tid.  True if there are any.
 */
static bool set_owner(struct futex_bucket *b, const struct mm_key *key,
		      uint32_t tid)
{
	struct futex_waiter *w;
	bool any = false;

	list_for_each_entry (w, &b->waiters, node) {
		if (!futex_key_equal(&w->key, key))
			continue;
		w->pi_owner = tid;
		any = true;
	}
	return any;
}

/*
 * Bucket held: hands the lock from @seen's owner to @next.  0; -EAGAIN if the
 * word is not @seen any more.
 */
static int hand_over(struct futex_bucket *b, uint32_t *word, uint32_t seen,
		     struct futex_waiter *next, uint32_t extra,
		     struct futex_wake_batch *batch)
{
	const struct mm_key key = next->key;
	uint32_t tid = next->task->tid;
	uint32_t old, want = tid | LINUX_FUTEX_WAITERS | extra;
	int ret;

	ret = safe_cmpxchg32(word, seen, want, &old);
	if (ret < 0)
		return ret;
	if (old != seen)
		return -EAGAIN;
	futex_mark_woken(next, batch);
	set_owner(b, &key, tid);
	return 0;
}

static int unlock_step(struct task *t, struct futex_bucket *b,
		       const struct mm_key *key, uint32_t *word,
		       struct futex_wake_batch *batch)
{
	struct futex_waiter *next;
	uint32_t seen, old;
	int ret = safe_load32(word, &seen);

	if (ret < 0)
		return ret;
	if ((seen & LINUX_FUTEX_TID_MASK) != t->tid)
		return -EPERM;
	next = first_waiter(b, key);
	if (next && !next->pi)
		return -EINVAL;
	if (next)
		return hand_over(b, word, seen, next, 0, batch);
	ret = safe_cmpxchg32(word, seen, 0, &old);
	if (ret == 0 && old != seen)
		return -EAGAIN;
	return ret;
}

long futex_unlock_pi(struct task *t, struct futex_word w)
{
	struct futex_wake_batch batch = { .nr = 0 };
	struct futex_bucket *b;
	struct futex_pin p;
	struct mm_key key;
	long ret = futex_key(t->mm, w, &key);

	p.word = NULL;
	if (ret == 0)
		ret = futex_pin(t->mm, w.addr, PLAT_WRITE, &p);
	if (ret < 0)
		return ret;
	b = futex_bucket(&key);
	futex_bucket_lock(b);
	do
		ret = unlock_step(t, b, &key, p.word, &batch);
	while (ret == -EAGAIN);
	mutex_unlock(&b->mu);
	futex_wake_batch(&batch);
	futex_unpin(&p);
	return ret;
}

/* --- an owner that dies --------------------------------------------------- */

/*
 * The waiter's own pin reaches the word: it is pinned as long as it waits,
 * and it cannot leave while its bucket is locked.
 */
static uint32_t *waiter_word(struct futex_waiter *w)
{
	return container_of(w, struct pi_lock, waiter)->pin.word;
}

/* Hands on every lock of @tid that is waited for in @b. */
static void release_owned(struct futex_bucket *b, uint32_t tid)
{
	struct futex_wake_batch batch = { .nr = 0 };
	struct futex_waiter *w, *tmp;

	futex_bucket_lock(b);
	list_for_each_entry_safe (w, tmp, &b->waiters, node) {
		uint32_t seen;

		if (!w->pi || w->pi_owner != tid || batch.nr == FUTEX_BATCH)
			continue;
		if (safe_load32(waiter_word(w), &seen) < 0)
			continue;
		(void)hand_over(b, waiter_word(w), seen, w,
				LINUX_FUTEX_OWNER_DIED, &batch);
	}
	mutex_unlock(&b->mu);
	futex_wake_batch(&batch);
}

void futex_exit_pi(struct task *t)
{
	struct futex_bucket *b;

	if (atomic_load(&g_nr_waiters) == 0)
		return;
	for (unsigned int i = 0; (b = futex_bucket_at(i)); i++)
		release_owned(b, t->tid);
}
