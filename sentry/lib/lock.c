/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: pthread locks, and small ones; debug builds keep the locks that each
 * thread holds.
 *
 * Invariant: in debug builds a thread's held locks are in rising rank, those
 *            of one rank only by *_lock_nested().
 * Locks:     these are they.
 * Tests:     tests/unit/test_lock.c
 */
#include "sentry/lib/lock.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "sentry/lib/log.h"

#ifdef MOAT_DEBUG

#define MAX_HELD 32

struct held_locks {
	unsigned int nr;
	struct {
		const void *lock;
		enum lock_rank rank;
	} at[MAX_HELD];
};
static _Thread_local struct held_locks g_held;

#define RANK_NAME(r) [r] = #r
static const char *const g_rank_names[LOCK_RANK_COUNT] = {
	RANK_NAME(LOCK_RANK_NONE),   RANK_NAME(LOCK_EPOLL_TREE),
	RANK_NAME(LOCK_TTY),	     RANK_NAME(LOCK_FILE_POS),
	RANK_NAME(LOCK_RENAME),	     RANK_NAME(LOCK_MOUNTS),
	RANK_NAME(LOCK_INODE_DIR),   RANK_NAME(LOCK_OVL_COPY_UP),
	RANK_NAME(LOCK_INODE),	     RANK_NAME(LOCK_GOFER_CHAN),
	RANK_NAME(LOCK_NOTIFY),	     RANK_NAME(LOCK_KEY_JOIN),
	RANK_NAME(LOCK_TASKLIST),    RANK_NAME(LOCK_SIGHAND),
	RANK_NAME(LOCK_TASK),	     RANK_NAME(LOCK_SECCOMP),
	RANK_NAME(LOCK_ITIMER),	     RANK_NAME(LOCK_FS_CTX),
	RANK_NAME(LOCK_FD_TABLE),    RANK_NAME(LOCK_FILE),
	RANK_NAME(LOCK_PIPE),	     RANK_NAME(LOCK_MM),
	RANK_NAME(LOCK_MAPPINGS),    RANK_NAME(LOCK_FUTEX),
	RANK_NAME(LOCK_TMPFS_DATA),  RANK_NAME(LOCK_IPC),
	RANK_NAME(LOCK_DCACHE),	     RANK_NAME(LOCK_PLATFORM_AS),
	RANK_NAME(LOCK_MEMFILE),     RANK_NAME(LOCK_WAITQ),
	RANK_NAME(LOCK_EPOLL_READY), RANK_NAME(LOCK_TIMER),
	RANK_NAME(LOCK_PLACEMENT),   RANK_NAME(LOCK_KEYS),
	RANK_NAME(LOCK_LOG),
};

static const char *rank_name(enum lock_rank rank)
{
	if ((unsigned int)rank >= LOCK_RANK_COUNT || !g_rank_names[rank])
		return "(unnamed rank)";
	return g_rank_names[rank];
}

static NORETURN void breach(const char *what, enum lock_rank rank,
			    enum lock_rank other)
{
	log_error("lock order: %s %s (%d), held %s (%d)", what, rank_name(rank),
		  (int)rank, rank_name(other), (int)other);
	abort();
}

/* The highest rank held; nested and out-of-order unlocks keep it sorted. */
static enum lock_rank top_rank(void)
{
	return g_held.nr ? g_held.at[g_held.nr - 1].rank : LOCK_RANK_NONE;
}

static void check_acquire(const void *lock, enum lock_rank rank, bool nested)
{
	enum lock_rank top = top_rank();

	for (unsigned int i = 0; i < g_held.nr; i++)
		if (g_held.at[i].lock == lock)
			breach("taking twice", rank, rank);
	if (rank < top || (rank == top && !nested && g_held.nr))
		breach("taking", rank, top);
	if (g_held.nr == MAX_HELD)
		breach("too many locks at", rank, top);
}

static void note_acquired(const void *lock, enum lock_rank rank)
{
	g_held.at[g_held.nr].lock = lock;
	g_held.at[g_held.nr].rank = rank;
	g_held.nr++;
}

static void note_released(const void *lock, enum lock_rank rank)
{
	unsigned int i = g_held.nr;

	while (i > 0 && g_held.at[i - 1].lock != lock)
		i--;
	if (i == 0)
		breach("releasing a lock not held:", rank, top_rank());
	g_held.nr--;
	for (; i <= g_held.nr; i++)
		g_held.at[i - 1] = g_held.at[i];
}

static bool holds_rank(enum lock_rank rank)
{
	for (unsigned int i = 0; i < g_held.nr; i++)
		if (g_held.at[i].rank == rank)
			return true;
	return false;
}

void lock_assert_none_held(void)
{
	if (g_held.nr)
		breach("expected none, not", top_rank(), top_rank());
}

#else

static void check_acquire(const void *lock, enum lock_rank rank, bool nested)
{
	(void)lock;
	(void)rank;
	(void)nested;
}

static void note_acquired(const void *lock, enum lock_rank rank)
{
	(void)lock;
	(void)rank;
}

static void note_released(const void *lock, enum lock_rank rank)
{
	(void)lock;
	(void)rank;
}

void lock_assert_none_held(void)
{
}

#endif

/* A failing pthread call here is a broken lock: nothing sane can follow. */
static void must_succeed(int err)
{
	if (unlikely(err != 0))
		abort();
}

void(mutex_init)(struct mutex *m, enum lock_rank rank)
{
	must_succeed(pthread_mutex_init(&m->raw, NULL));
	m->rank = rank;
}

NO_LOCK_CHECK void(mutex_lock)(struct mutex *m)
{
	check_acquire(m, m->rank, false);
	must_succeed(pthread_mutex_lock(&m->raw));
	note_acquired(m, m->rank);
}

NO_LOCK_CHECK void(mutex_lock_nested)(struct mutex *m)
{
	check_acquire(m, m->rank, true);
	must_succeed(pthread_mutex_lock(&m->raw));
	note_acquired(m, m->rank);
}

NO_LOCK_CHECK void(mutex_unlock)(struct mutex *m)
{
	note_released(m, m->rank);
	must_succeed(pthread_mutex_unlock(&m->raw));
}

void(mutex_assert_held)(struct mutex *m)
{
#ifdef MOAT_DEBUG
	if (!holds_rank(m->rank))
		breach("expected to hold", m->rank, top_rank());
#else
	(void)m;
#endif
}

/* --- small ones ----------------------------------------------------------- */

#define NR_PLACES 64u
enum { SMALL_FREE, SMALL_HELD, SMALL_WAITED };

/* Where waiters sleep.  Who waits sets SMALL_WAITED under mu, and who unlocks
 * wakes all under mu, so that no wake-up falls between. */
static struct place {
	pthread_mutex_t mu;
	pthread_cond_t freed;
} g_places[NR_PLACES] = {
	[0 ... NR_PLACES - 1] = { PTHREAD_MUTEX_INITIALIZER,
				  PTHREAD_COND_INITIALIZER },
};

static struct place *place_of(const struct small_mutex *m)
{
	return &g_places[((uintptr_t)m >> 4) * 0x9e3779b1u % NR_PLACES];
}

static void wait_for(struct small_mutex *m)
{
	struct place *p = place_of(m);

	must_succeed(pthread_mutex_lock(&p->mu));
	while (atomic_exchange(&m->state, SMALL_WAITED) != SMALL_FREE)
		must_succeed(pthread_cond_wait(&p->freed, &p->mu));
	must_succeed(pthread_mutex_unlock(&p->mu));
}

static void take_small(struct small_mutex *m)
{
	uint8_t state = SMALL_FREE;

	if (!atomic_compare_exchange_strong(&m->state, &state, SMALL_HELD))
		wait_for(m);
	note_acquired(m, m->rank);
}

void small_mutex_init(struct small_mutex *m, enum lock_rank rank)
{
	m->state = SMALL_FREE;
	m->rank = (uint8_t)rank;
}

NO_LOCK_CHECK void small_mutex_lock(struct small_mutex *m)
{
	check_acquire(m, m->rank, false);
	take_small(m);
}

NO_LOCK_CHECK void small_mutex_lock_nested(struct small_mutex *m)
{
	check_acquire(m, m->rank, true);
	take_small(m);
}

/* Once it is free its owner may be freed: only the address is used then. */
NO_LOCK_CHECK void small_mutex_unlock(struct small_mutex *m)
{
	struct place *p = place_of(m);

	note_released(m, m->rank);
	if (atomic_exchange(&m->state, SMALL_FREE) != SMALL_WAITED)
		return;
	must_succeed(pthread_mutex_lock(&p->mu));
	must_succeed(pthread_cond_broadcast(&p->freed));
	must_succeed(pthread_mutex_unlock(&p->mu));
}

void small_mutex_assert_held(struct small_mutex *m)
{
#ifdef MOAT_DEBUG
	if (!holds_rank(m->rank))
		breach("expected to hold", m->rank, top_rank());
#else
	(void)m;
#endif
}

/* --- reader-writer locks -------------------------------------------------- */

void rwlock_init(struct rwlock *l, enum lock_rank rank)
{
	must_succeed(pthread_rwlock_init(&l->raw, NULL));
	l->rank = rank;
}

NO_LOCK_CHECK void rwlock_rdlock(struct rwlock *l)
{
	check_acquire(l, l->rank, false);
	must_succeed(pthread_rwlock_rdlock(&l->raw));
	note_acquired(l, l->rank);
}

NO_LOCK_CHECK void rwlock_wrlock(struct rwlock *l)
{
	check_acquire(l, l->rank, false);
	must_succeed(pthread_rwlock_wrlock(&l->raw));
	note_acquired(l, l->rank);
}

NO_LOCK_CHECK void rwlock_wrlock_nested(struct rwlock *l)
{
	check_acquire(l, l->rank, true);
	must_succeed(pthread_rwlock_wrlock(&l->raw));
	note_acquired(l, l->rank);
}

NO_LOCK_CHECK void rwlock_unlock(struct rwlock *l)
{
	note_released(l, l->rank);
	must_succeed(pthread_rwlock_unlock(&l->raw));
}
