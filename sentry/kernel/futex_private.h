/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex_private: buckets and waiters, between the futex_*.c files.
 *
 * Locks: bucket.mu (LOCK_FUTEX).  Guest memory is pinned before it is taken,
 * since pinning can wait; under it the word is only touched through safe_*32.
 */
#ifndef SENTRY_KERNEL_FUTEX_PRIVATE_H
#define SENTRY_KERNEL_FUTEX_PRIVATE_H

#include "sentry/kernel/futex.h"

struct futex_bucket {
	struct mutex mu;     /* LOCK_FUTEX */
	struct list waiters; /* next is NULL before the first use */
};

/* On the stack of the task that waits. */
struct futex_waiter {
	struct list node;  /* bucket.mu */
	struct mm_key key; /* bucket.mu */
	uint32_t bitset;
	int32_t prio; /* real-time priority, 0: none */
	bool pi;      /* waits for a PI lock; bucket.mu */
	/* FUTEX_WAIT_REQUEUE_PI: the lock it may be moved to, or NULL. */
	const struct mm_key *requeue_to;
	/* Task id (in the initial namespace) it waits for, 0: nobody any more.
	 * Written under bucket.mu. */
	_Atomic uint32_t pi_owner;
	struct list chain; /* of who waits for whom: futex_pi.c */
	struct task *task;
	_Atomic(struct futex_bucket *) bucket; /* changes by requeue */
	/* Set last by the waker, which touches the waiter no more then. */
	_Atomic bool woken;
};

/* -EINVAL if not aligned, -EFAULT if not in user space or not mapped. */
MUST_CHECK int futex_key(struct mm *mm, struct futex_word w,
			 struct mm_key *out);
/* The bucket of @key: always the same. */
struct futex_bucket *futex_bucket(const struct mm_key *key);
static inline bool futex_key_equal(const struct mm_key *a,
				   const struct mm_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/* Locks one bucket; mutex_unlock(&b->mu) undoes it. */
void futex_bucket_lock(struct futex_bucket *b) ACQUIRES(b->mu);
/* Both, in the order of their addresses; they may be one. */
void futex_bucket_lock2(struct futex_bucket *a, struct futex_bucket *b);
void futex_bucket_unlock2(struct futex_bucket *a, struct futex_bucket *b);

/* A pinned word.  futex_pin() gives -EFAULT if it is not accessible. */
struct futex_pin {
	struct mm_pin pin;
	uint32_t *word;
};
MUST_CHECK int futex_pin(struct mm *mm, uint64_t addr, uint32_t access,
			 struct futex_pin *out);
static inline void futex_unpin(struct futex_pin *p)
{
	mm_unpin(&p->pin);
}

/* Tasks to wake after the locks are dropped. */
#define FUTEX_BATCH 32
struct futex_wake_batch {
	struct task *task[FUTEX_BATCH]; /* each a reference */
	unsigned int nr;
};
/* Bucket held; the batch has room.  @w may be gone when it returns. */
void futex_mark_woken(struct futex_waiter *w, struct futex_wake_batch *batch);
void futex_wake_batch(struct futex_wake_batch *batch);

/* A waiter in no queue yet. */
void futex_waiter_init(struct futex_waiter *w, struct task *t,
		       const struct mm_key *key, uint32_t bitset);
/* Bucket held.  Behind those of the same priority: higher ones wake first. */
void futex_enqueue(struct futex_waiter *w, struct futex_bucket *b);
/*
 * Queues @w, initialised, on @word if that holds @val.
 * Returns: 0; 1: queued and woken already; -EAGAIN, -EFAULT: not queued.
 */
MUST_CHECK int futex_wait_setup(struct futex_waiter *w, struct mm *mm,
				struct futex_word word, uint32_t val);
/* Takes @w out of its bucket; true if it had been woken before. */
bool futex_dequeue(struct futex_waiter *w);
/* 0 woken, -ETIMEDOUT, -ERESTARTSYS. */
int futex_sleep(struct futex_waiter *w, uint64_t deadline);

/* A waiter that FUTEX_WAKE and the plain FUTEX_REQUEUE must not meet. */
static inline bool futex_waiter_is_pi(const struct futex_waiter *w)
{
	return w->pi || w->requeue_to;
}

/* Number of buckets, for walks over all. */
struct futex_bucket *futex_bucket_at(unsigned int i); /* NULL at the end */

#endif
