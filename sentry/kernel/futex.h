/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex: waiting on words of guest memory, futex(2).
 *
 * A word is identified by a key: address space and address if it is private,
 * the object behind the address if it is shared.  Waiters of a key are in one
 * hash bucket.  All functions act for the current task and give -EINVAL for a
 * word that is not aligned, -EFAULT for one that is not mapped.
 */
#ifndef SENTRY_KERNEL_FUTEX_H
#define SENTRY_KERNEL_FUTEX_H

#include "abi/futex.h"
#include "sentry/kernel/task.h"

/* Where a word is and how it is shared. */
struct futex_word {
	uint64_t addr;
	bool private;
};

/*
 * Sleeps if the word holds @val.  @deadline: monotonic ns or NO_DEADLINE.
 * Returns: 0 woken; -EAGAIN other value; -ETIMEDOUT; -ERESTARTSYS, or with a
 * deadline a restart that goes on waiting.
 */
MUST_CHECK long futex_wait(struct task *t, struct futex_word w, uint32_t val,
			   uint32_t bitset, uint64_t deadline);
/* The same, for a call that can begin anew after a signal: only -ERESTARTSYS */
MUST_CHECK long futex_wait_until(struct task *t, struct futex_word w,
				 uint32_t val, uint32_t bitset,
				 uint64_t deadline);
/* Wakes up to @nr waiters (at least one, as Linux) whose bitset meets. */
MUST_CHECK long futex_wake(struct task *t, struct futex_word w, int32_t nr,
			   uint32_t bitset);
/* Wakes @nr_wake, moves up to @nr_requeue to @to.  @cmp (may be NULL): the
 * value the word must have, or -EAGAIN.  Returns how many in all. */
MUST_CHECK long futex_requeue(struct task *t, struct futex_word from,
			      struct futex_word to, int32_t nr_wake,
			      int32_t nr_requeue, const uint32_t *cmp);
/* Changes the second word by @op; wakes at the first, and at the second if
 * its old value passes the comparison. */
MUST_CHECK long futex_wake_op(struct task *t, struct futex_word w,
			      struct futex_word second, int32_t nr_wake,
			      int32_t nr_wake2, uint32_t op);

/*
 * Locks whose word holds the owner's tid.  Priorities are not inherited: the
 * sentry does not schedule.  -EDEADLK, -ESRCH (owner is gone), -EPERM (not the
 * owner), -EAGAIN (trylock), -ERESTARTNOINTR.
 */
MUST_CHECK long futex_lock_pi(struct task *t, struct futex_word w,
			      uint64_t deadline, bool try);
MUST_CHECK long futex_unlock_pi(struct task *t, struct futex_word w);

/*
 * FUTEX_WAIT_REQUEUE_PI: sleeps on @w if it holds @val; FUTEX_CMP_REQUEUE_PI
 * moves it to the PI lock @lock.  0: it owns @lock.  -EAGAIN: other value, or a
 * signal after the move; -ETIMEDOUT, -ERESTARTNOINTR, -EINVAL.
 */
MUST_CHECK long futex_wait_requeue_pi(struct task *t, struct futex_word w,
				      struct futex_word lock, uint32_t val,
				      uint64_t deadline);
/*
 * If @from holds @cmp: gives the free lock @to to the first waiter, moves up to
 * @nr_requeue more (or one more than that, if the lock is taken) to it.
 * Returns how many; -EAGAIN, -EINVAL, -EDEADLK, -ESRCH.
 */
MUST_CHECK long futex_requeue_pi(struct task *t, struct futex_word from,
				 struct futex_word to, int32_t nr_wake,
				 int32_t nr_requeue, uint32_t cmp);

/* futex_waitv(2): sleeps on all; returns the index of one that was woken. */
struct futex_multi {
	struct futex_word word;
	uint32_t val;
};
MUST_CHECK long futex_wait_multiple(struct task *t, const struct futex_multi *w,
				    uint32_t nr, uint64_t deadline);

/* What a dying task leaves: robust list and locks it owns.  By the task, its
 * memory still there (exit, execve). */
void futex_exit_robust(struct task *t);
/* PI locks that a dying task owns go to their next waiters.  Part of the above;
 * once more after the task has given up its memory (t->mm is NULL). */
void futex_exit_pi(struct task *t);
/* FUTEX_WAKE on a shared word of @mm: clear_child_tid.  Woken, or -errno. */
long futex_wake_addr(struct mm *mm, uint64_t addr, int nr);

#endif
