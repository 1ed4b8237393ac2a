/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex_pi: locks whose word names their owner (FUTEX_LOCK_PI).
 *
 * Invariant: while somebody waits, the word has FUTEX_WAITERS set, so that the
 *            owner comes to us to unlock; the lock is handed to the waiter
 *            with the highest real-time priority, the longest of equals.
 *            Owners inherit nothing: the sentry does not schedule.
 *            Words have numbers of the namespace of who wrote them; waiters
 *            remember their owner by its number in the initial one.
 * Locks:     g_chains.mu (LOCK_FUTEX_PI), then bucket.mu.  g_nr_waiters is a
 *            hint that saves dying tasks a walk over all buckets.
 * Linux:     kernel/futex/pi.c of 6.12, results and word values.
 * Tests:     tests/conformance/futex.c, futex_pi.c
 */
#include <errno.h>

#include "sentry/kernel/futex_private.h"
#include "sentry/mm/safe_copy.h"

#define NR_CHAINS	64
#define CHAIN_MAX	1024 /* as Linux' max_lock_depth */
#define HAND_OVER_TRIES 1000 /* against a guest that plays with the word */

static _Atomic uint32_t g_nr_waiters;

/* Waiters of PI locks by their task's id, to find rings of them. */
static struct {
	struct mutex mu; /* LOCK_FUTEX_PI */
	struct list at[NR_CHAINS];
} g_chains = { .mu = MUTEX_INIT(LOCK_FUTEX_PI) };

/* One lock call in progress, or a wait that may be moved to the lock. */
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

/* --- owners --------------------------------------------------------------- */

/* A task without memory has ended, or is past the point where it hands over
 * its locks for the last time (futex_exit_pi). */
static bool is_alive(struct task *owner)
{
	AUTO_PUT(mm) struct mm *mm = owner ? task_get_mm(owner) : NULL;

	return mm;
}

static bool owner_lives(uint32_t tid)
{
	AUTO_PUT(task) struct task *owner = task_lookup_global(tid);

	return is_alive(owner);
}

/* Who the word @seen names, as the initial namespace does; 0: nobody alive. */
static uint32_t owner_of(uint32_t seen)
{
	uint32_t nr = seen & LINUX_FUTEX_TID_MASK;
	AUTO_PUT(task) struct task *owner = nr ? task_lookup(nr) : NULL;

	return is_alive(owner) ? owner->tid : 0;
}

static struct list *chain_of(uint32_t tid)
{
	struct list *head = &g_chains.at[tid % NR_CHAINS];

	if (!head->next)
		list_init(head);
	return head;
}

static void chain_add_locked(struct futex_waiter *w)
{
	list_append(chain_of(w->task->tid), &w->chain);
}

static void chain_del(struct futex_waiter *w)
{
	mutex_lock(&g_chains.mu);
	list_del(&w->chain);
	mutex_unlock(&g_chains.mu);
}

/*
 * Chains held, so that nobody begins to wait.  Does @owner wait for somebody
 * who waits ... for @tid?  What a release changes meanwhile does no harm: who
 * releases does not wait.
 */
static bool closes_ring_locked(uint32_t owner, uint32_t tid)
{
	struct futex_waiter *w;
	int depth = 0;

	while (owner && owner != tid && depth++ < CHAIN_MAX) {
		uint32_t next = 0;

		list_for_each_entry (w, chain_of(owner), chain)
			if (w->task->tid == owner)
				next = atomic_load(&w->pi_owner);
		owner = next;
	}
	return owner;
}

/* Bucket held: may others wait behind @first with the word @seen, that names
 * @owner?  -EAGAIN: it is not @seen any more. */
static int check_first(uint32_t *word, const struct futex_waiter *first,
		       uint32_t seen, uint32_t owner)
{
	uint32_t now;
	int ret;

	if (!first->pi)
		return -EINVAL;
	if (seen & LINUX_FUTEX_TID_MASK
		    ? !owner || owner == atomic_load(&first->pi_owner)
		    : seen & LINUX_FUTEX_OWNER_DIED)
		return 0;
	ret = safe_load32(word, &now);
	if (ret < 0)
		return ret;
	return now == seen ? -EINVAL : -EAGAIN;
}

/* --- locking -------------------------------------------------------------- */

/*
 * One look at the word, chains and bucket held.  0: it is ours now.  1: we are
 * queued (or for a trylock would be).  -EAGAIN: the word changed, look again.
 */
static int lock_step(struct pi_lock *l, uint32_t seen, uint32_t owner_tid)
{
	uint32_t self = l->task->vtid, owner = seen & LINUX_FUTEX_TID_MASK;
	struct futex_waiter *first = first_waiter(l->bucket, &l->waiter.key);
	uint32_t want, old;
	int ret = 0;

	if (owner == self)
		return -EDEADLK;
	if (first)
		ret = check_first(l->pin.word, first, seen, owner_tid);
	if (ret < 0)
		return ret;
	if (owner == 0 && !first) /* free, or its owner died */
		want = self | (seen & LINUX_FUTEX_OWNER_DIED);
	else if (!first && !owner_tid)
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
	if (l->try)
		return 1;
	if (first)
		owner_tid = atomic_load(&first->pi_owner);
	if (closes_ring_locked(owner_tid, l->task->tid))
		return -EDEADLK;
	l->waiter.pi_owner = owner_tid;
	futex_enqueue(&l->waiter, l->bucket);
	chain_add_locked(&l->waiter);
	return 1;
}

static void release_owned(struct futex_bucket *b, uint32_t tid);

/* Takes the lock (0) or queues (1). */
static int lock_or_queue(struct pi_lock *l)
{
	int ret;

	do {
		uint32_t seen, owner;

		ret = safe_load32(l->pin.word, &seen);
		if (ret < 0)
			return ret;
		/* Asks the task list, whose lock comes before the others. */
		owner = owner_of(seen);
		mutex_lock(&g_chains.mu);
		futex_bucket_lock(l->bucket);
		ret = lock_step(l, seen, owner);
		mutex_unlock(&l->bucket->mu);
		mutex_unlock(&g_chains.mu);
	} while (ret == -EAGAIN && !task_fatal_signal_pending(l->task));
	return ret;
}

/*
 * The owner may have ended between our look at it and our queueing, and its
 * futex_exit_pi() not have seen us: then the lock is handed on by us.
 */
static void check_owner_again(struct pi_lock *l)
{
	uint32_t tid = atomic_load(&l->waiter.pi_owner);

	if (tid && !owner_lives(tid))
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
		chain_del(&l->waiter);
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

/* --- waiting elsewhere first: FUTEX_WAIT_REQUEUE_PI ----------------------- */

/* The wait itself, the lock's word pinned. */
static long wait_for_move(struct pi_lock *l, struct futex_word w, uint32_t val,
			  uint64_t deadline)
{
	long ret = futex_wait_setup(&l->waiter, l->task->mm, w, val);

	if (ret != 0)
		return MIN(ret, 0);
	ret = futex_sleep(&l->waiter, deadline);
	if (ret == -ERESTARTSYS) /* it is in no queue: pi does not change */
		return l->waiter.pi ? -EAGAIN : -ERESTARTNOINTR;
	return ret;
}

long futex_wait_requeue_pi(struct task *t, struct futex_word w,
			   struct futex_word lock, uint32_t val,
			   uint64_t deadline)
{
	struct pi_lock l = { .task = t };
	struct mm_key from, to;
	long ret;

	if (w.addr == lock.addr)
		return -EINVAL;
	ret = futex_key(t->mm, lock, &to);
	if (ret == 0)
		ret = futex_key(t->mm, w, &from);
	if (ret == 0 && futex_key_equal(&from, &to))
		ret = -EINVAL;
	if (ret == 0)
		ret = futex_pin(t->mm, lock.addr, PLAT_WRITE, &l.pin);
	if (ret < 0)
		return ret;
	futex_waiter_init(&l.waiter, t, &from, LINUX_FUTEX_BITSET_MATCH_ANY);
	l.waiter.requeue_to = &to;
	atomic_fetch_add(&g_nr_waiters, 1); /* before anyone can be moved */
	ret = wait_for_move(&l, w, val, deadline);
	chain_del(&l.waiter);
	atomic_fetch_sub(&g_nr_waiters, 1);
	futex_unpin(&l.pin);
	return ret;
}

/* One FUTEX_CMP_REQUEUE_PI. */
struct pi_requeue {
	struct mm_key from, to;
	struct futex_bucket *from_b, *to_b;
	struct futex_pin from_pin, to_pin;
	uint32_t cmp;
	int32_t nr_requeue;
	uint32_t owner; /* tid of the lock's, for those who are moved */
};

/* Both buckets held.  @w is one of r->from; may it be moved? */
static int check_pair(const struct pi_requeue *r, const struct futex_waiter *w)
{
	return w->requeue_to && !w->pi && futex_key_equal(w->requeue_to, &r->to)
		       ? 0
		       : -EINVAL;
}

/*
 * Both buckets held.  The lock's word for @w, who is the first to want it or
 * meets others: 1: it is @w's; 0: @w is to wait; -EAGAIN: the word changed.
 */
static int proxy_lock(struct pi_requeue *r, const struct futex_waiter *w,
		      uint32_t seen, uint32_t owner_tid)
{
	struct futex_waiter *first = first_waiter(r->to_b, &r->to);
	uint32_t owner = seen & LINUX_FUTEX_TID_MASK, want, old;
	bool take = owner == 0 && !first;
	int ret = 0;

	if (owner == w->task->vtid)
		return -EDEADLK;
	if (first)
		ret = check_first(r->to_pin.word, first, seen, owner_tid);
	if (ret < 0)
		return ret;
	if (!take && !first && !owner_tid)
		return -ESRCH;
	want = seen | LINUX_FUTEX_WAITERS;
	if (take)
		want = w->task->vtid | (seen & LINUX_FUTEX_OWNER_DIED) |
		       (r->nr_requeue ? LINUX_FUTEX_WAITERS : 0);
	ret = safe_cmpxchg32(r->to_pin.word, seen, want, &old);
	if (ret < 0)
		return ret;
	if (old != seen)
		return -EAGAIN;
	r->owner = take	   ? w->task->tid
		   : first ? atomic_load(&first->pi_owner)
			   : owner_tid;
	return take;
}

static void move_to_lock(struct pi_requeue *r, struct futex_waiter *w)
{
	list_del(&w->node);
	w->key = r->to;
	w->pi = true;
	w->pi_owner = r->owner;
	futex_enqueue(w, r->to_b);
	chain_add_locked(w);
}

/* Chains and both buckets held: how many were woken or moved, or -errno. */
static long requeue_pi_locked(struct pi_requeue *r, uint32_t seen,
			      uint32_t owner, struct futex_wake_batch *batch)
{
	struct futex_waiter *w, *tmp;
	long count = 0;
	uint32_t now;
	int ret = safe_load32(r->from_pin.word, &now);

	if (ret < 0)
		return ret;
	if (now != r->cmp)
		return -EAGAIN;
	w = first_waiter(r->from_b, &r->from);
	if (!w)
		return 0;
	ret = check_pair(r, w);
	if (ret == 0)
		ret = proxy_lock(r, w, seen, owner);
	if (ret < 0)
		return ret == -EAGAIN ? -ERESTARTNOINTR : ret;
	if (ret == 1) {
		futex_mark_woken(w, batch);
		count = 1;
	}
	list_for_each_entry_safe (w, tmp, &r->from_b->waiters, node) {
		if (!futex_key_equal(&w->key, &r->from))
			continue;
		if (count - 1 >= r->nr_requeue)
			break;
		ret = check_pair(r, w);
		if (ret == 0 && closes_ring_locked(r->owner, w->task->tid))
			ret = -EDEADLK;
		if (ret < 0)
			return ret;
		move_to_lock(r, w);
		count++;
	}
	return count;
}

/* Again whenever the lock's word changed between our look and the locks. */
static long requeue_pi_all(struct pi_requeue *r)
{
	struct futex_wake_batch batch = { .nr = 0 };
	uint32_t seen, owner;
	long ret;

	do {
		ret = safe_load32(r->to_pin.word, &seen);
		if (ret < 0)
			return ret;
		owner = owner_of(seen);
		mutex_lock(&g_chains.mu);
		futex_bucket_lock2(r->from_b, r->to_b);
		ret = requeue_pi_locked(r, seen, owner, &batch);
		futex_bucket_unlock2(r->from_b, r->to_b);
		mutex_unlock(&g_chains.mu);
	} while (ret == -ERESTARTNOINTR &&
		 !task_fatal_signal_pending(current_task()));
	futex_wake_batch(&batch);
	/* As check_owner_again(). */
	if (ret > 0 && !owner_lives(r->owner))
		release_owned(r->to_b, r->owner);
	return ret;
}

long futex_requeue_pi(struct task *t, struct futex_word from,
		      struct futex_word to, int32_t nr_wake, int32_t nr_requeue,
		      uint32_t cmp)
{
	struct pi_requeue r = { .cmp = cmp, .nr_requeue = nr_requeue };
	long ret;

	if (nr_wake < 0 || nr_requeue < 0 || from.addr == to.addr ||
	    nr_wake != 1)
		return -EINVAL;
	ret = futex_key(t->mm, from, &r.from);
	if (ret == 0)
		ret = futex_key(t->mm, to, &r.to);
	if (ret == 0 && futex_key_equal(&r.from, &r.to))
		ret = -EINVAL;
	if (ret == 0)
		ret = futex_pin(t->mm, from.addr, PLAT_READ, &r.from_pin);
	if (ret < 0)
		return ret;
	ret = futex_pin(t->mm, to.addr, PLAT_WRITE, &r.to_pin);
	if (ret == 0) {
		r.from_b = futex_bucket(&r.from);
		r.to_b = futex_bucket(&r.to);
		ret = requeue_pi_all(&r);
		futex_unpin(&r.to_pin);
	}
	futex_unpin(&r.from_pin);
	return ret;
}

/* --- unlocking ------------------------------------------------------------ */

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
	uint32_t old, want = next->task->vtid | LINUX_FUTEX_WAITERS | extra;
	uint32_t owner;
	int ret;

	ret = safe_cmpxchg32(word, seen, want, &old);
	if (ret < 0)
		return ret;
	if (old != seen)
		return -EAGAIN;
	next->pi_owner = 0;
	owner = next->task->tid;
	futex_mark_woken(next, batch);
	set_owner(b, &key, owner);
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
	if ((seen & LINUX_FUTEX_TID_MASK) != t->vtid)
		return -EPERM;
	next = first_waiter(b, key);
	if (next && (!next->pi || atomic_load(&next->pi_owner) != t->tid))
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

/* Bucket held: @w gets the lock of the dead owner that it waits for. */
static void inherit(struct futex_bucket *b, struct futex_waiter *w,
		    struct futex_wake_batch *batch)
{
	uint32_t *word = waiter_word(w), seen;
	int ret = -EAGAIN;

	for (int i = 0; ret == -EAGAIN && i < HAND_OVER_TRIES; i++) {
		ret = safe_load32(word, &seen);
		if (ret == 0)
			ret = hand_over(b, word, seen, w,
					LINUX_FUTEX_OWNER_DIED, batch);
	}
}

/* Hands on every lock of @tid that is waited for in @b. */
static void release_owned(struct futex_bucket *b, uint32_t tid)
{
	struct futex_wake_batch batch = { .nr = 0 };
	struct futex_waiter *w, *tmp;
	bool full;

	do {
		full = false;
		futex_bucket_lock(b);
		list_for_each_entry_safe (w, tmp, &b->waiters, node) {
			if (!w->pi || atomic_load(&w->pi_owner) != tid)
				continue;
			full = batch.nr == FUTEX_BATCH;
			if (full)
				break;
			inherit(b, w, &batch);
		}
		mutex_unlock(&b->mu);
		futex_wake_batch(&batch);
	} while (full);
}

void futex_exit_pi(struct task *t)
{
	struct futex_bucket *b;

	if (atomic_load(&g_nr_waiters) == 0)
		return;
	for (unsigned int i = 0; (b = futex_bucket_at(i)); i++)
		release_owned(b, t->tid);
}
