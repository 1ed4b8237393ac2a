/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: mutexes and reader-writer locks with a rank.
 *
 * A thread takes locks in rising rank only (docs/locking.md); debug builds
 * (MOAT_DEBUG) keep the ranks a thread holds and abort on a breach, with both
 * names.  Two locks of one rank are allowed only through *_lock_nested(),
 * whose callers have an order of their own (by address, parent before child).
 */
#ifndef SENTRY_LIB_LOCK_H
#define SENTRY_LIB_LOCK_H

#include <pthread.h>

#include "sentry/lib/compiler.h"
#include "sentry/lib/lock_rank.h"

struct LOCKABLE mutex {
	pthread_mutex_t raw;
	enum lock_rank rank;
};

struct LOCKABLE rwlock {
	pthread_rwlock_t raw;
	enum lock_rank rank;
};

/*
 * A mutex of two bytes, for what there are many of: the waiters of all of them
 * sleep at a few shared places.  The mutex_ calls take either kind.
 */
struct LOCKABLE small_mutex {
	_Atomic uint8_t state; /* private to lock.c */
	uint8_t rank;
};

#define MUTEX_INIT(r)                        \
	{                                    \
		PTHREAD_MUTEX_INITIALIZER, r \
	}
#define RWLOCK_INIT(r)                        \
	{                                     \
		PTHREAD_RWLOCK_INITIALIZER, r \
	}

/* For locks in objects; static ones have MUTEX_INIT. */
void mutex_init(struct mutex *m, enum lock_rank rank);
/* Waits for @m; the rank must be above all that the thread holds. */
void mutex_lock(struct mutex *m) ACQUIRES(m);
/* A second lock of a rank that the thread holds; the caller has an order. */
void mutex_lock_nested(struct mutex *m) ACQUIRES(m);
void mutex_unlock(struct mutex *m) RELEASES(m);
/* Debug builds abort unless the calling thread holds a lock of @m's rank. */
void mutex_assert_held(struct mutex *m);

/* The same for small ones, called by those names. */
void small_mutex_init(struct small_mutex *m, enum lock_rank rank);
void small_mutex_lock(struct small_mutex *m) ACQUIRES(m);
void small_mutex_lock_nested(struct small_mutex *m) ACQUIRES(m);
void small_mutex_unlock(struct small_mutex *m) RELEASES(m);
void small_mutex_assert_held(struct small_mutex *m);

#define EITHER_MUTEX(call, m, ...)              \
	_Generic((m), struct small_mutex *      \
		 : small_##call, struct mutex * \
		 : call)(m, ##__VA_ARGS__)
#define mutex_init(m, rank)  EITHER_MUTEX(mutex_init, m, rank)
#define mutex_lock(m)	     EITHER_MUTEX(mutex_lock, m)
#define mutex_lock_nested(m) EITHER_MUTEX(mutex_lock_nested, m)
#define mutex_unlock(m)	     EITHER_MUTEX(mutex_unlock, m)
#define mutex_assert_held(m) EITHER_MUTEX(mutex_assert_held, m)

/* As for mutexes; a reader must not lock again, a writer may be waiting. */
void rwlock_init(struct rwlock *l, enum lock_rank rank);
/* Shared with other readers. */
void rwlock_rdlock(struct rwlock *l) ACQUIRES(l);
/* Exclusive. */
void rwlock_wrlock(struct rwlock *l) ACQUIRES(l);
/* A second lock of a rank that the thread holds. */
void rwlock_wrlock_nested(struct rwlock *l) ACQUIRES(l);
/* Ends either form. */
void rwlock_unlock(struct rwlock *l) RELEASES(l);

/* Debug builds abort if the calling thread holds any lock. */
void lock_assert_none_held(void);

#endif
