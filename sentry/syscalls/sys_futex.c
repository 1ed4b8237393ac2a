/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_futex: futex(2), futex_waitv(2), futex_wake(2), futex_wait(2),
 * futex_requeue(2).
 *
 * Linux: kernel/futex/syscalls.c of 6.18; FUTEX2_NUMA and FUTEX2_MPOL: EINVAL.
 * Tests: tests/conformance/futex.c
 */
#include <errno.h>

#include "sentry/kernel/futex.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/time/clock.h"
#include "sentry/time/guest_clock.h"
#include "syscalls.h"

static bool has_timeout(int32_t cmd)
{
	return cmd == LINUX_FUTEX_WAIT || cmd == LINUX_FUTEX_WAIT_BITSET ||
	       cmd == LINUX_FUTEX_LOCK_PI || cmd == LINUX_FUTEX_LOCK_PI2 ||
	       cmd == LINUX_FUTEX_WAIT_REQUEUE_PI;
}

/* The monotonic deadline of @op; FUTEX_WAIT's is relative, others absolute,
 * FUTEX_LOCK_PI's always CLOCK_REALTIME. */
static int read_deadline(int32_t op, uint64_t timeout, uint64_t *out)
{
	int32_t cmd = op & LINUX_FUTEX_CMD_MASK;
	struct linux_timespec ts;
	uint64_t ns;

	*out = NO_DEADLINE;
	if (!timeout || !has_timeout(cmd))
		return 0;
	if (copy_in(&ts, uaddr(timeout), sizeof(ts)) < 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	ns = timespec_to_ns(&ts);
	if (cmd == LINUX_FUTEX_WAIT)
		*out = deadline_after(clock_monotonic(), ns);
	else if (cmd == LINUX_FUTEX_LOCK_PI ||
		 (op & LINUX_FUTEX_CLOCK_REALTIME))
		*out = clock_realtime_to_monotonic(ns);
	else
		*out = time_less_offset(ns, task_mono_offset(current_task()));
	return 0;
}

struct futex_args {
	int32_t cmd;
	struct futex_word word, word2;
	uint32_t val, val2, val3; /* val2: what timeout is for some */
	uint64_t deadline;
};

static long do_futex(struct task *t, const struct futex_args *a)
{
	switch (a->cmd) {
	case LINUX_FUTEX_WAIT:
		return futex_wait(t, a->word, a->val,
				  LINUX_FUTEX_BITSET_MATCH_ANY, a->deadline);
	case LINUX_FUTEX_WAIT_BITSET:
		return futex_wait(t, a->word, a->val, a->val3, a->deadline);
	case LINUX_FUTEX_WAKE:
		return futex_wake(t, a->word, (int32_t)a->val,
				  LINUX_FUTEX_BITSET_MATCH_ANY);
	case LINUX_FUTEX_WAKE_BITSET:
		return futex_wake(t, a->word, (int32_t)a->val, a->val3);
	case LINUX_FUTEX_REQUEUE:
		return futex_requeue(t, a->word, a->word2, (int32_t)a->val,
				     (int32_t)a->val2, NULL);
	case LINUX_FUTEX_CMP_REQUEUE:
		return futex_requeue(t, a->word, a->word2, (int32_t)a->val,
				     (int32_t)a->val2, &a->val3);
	case LINUX_FUTEX_WAKE_OP:
		return futex_wake_op(t, a->word, a->word2, (int32_t)a->val,
				     (int32_t)a->val2, a->val3);
	case LINUX_FUTEX_LOCK_PI:
	case LINUX_FUTEX_LOCK_PI2:
		return futex_lock_pi(t, a->word, a->deadline, false);
	case LINUX_FUTEX_TRYLOCK_PI:
		return futex_lock_pi(t, a->word, NO_DEADLINE, true);
	case LINUX_FUTEX_UNLOCK_PI:
		return futex_unlock_pi(t, a->word);
	case LINUX_FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(t, a->word, a->word2, a->val,
					     a->deadline);
	case LINUX_FUTEX_CMP_REQUEUE_PI:
		return futex_requeue_pi(t, a->word, a->word2, (int32_t)a->val,
					(int32_t)a->val2, a->val3);
	default:
		return -ENOSYS;
	}
}

long sys_futex(struct task *t, uaddr_t addr, int32_t op, uint32_t val,
	       uint64_t timeout, uaddr_t addr2, uint32_t val3)
{
	bool private = op & LINUX_FUTEX_PRIVATE_FLAG;
	struct futex_args a = {
		.cmd = op & LINUX_FUTEX_CMD_MASK,
		.word = { addr.va, private },
		.word2 = { addr2.va, private },
		.val = val,
		.val2 = (uint32_t)timeout,
		.val3 = val3,
	};
	int ret = read_deadline(op, timeout, &a.deadline);

	if (ret < 0)
		return ret;
	if ((op & LINUX_FUTEX_CLOCK_REALTIME) &&
	    a.cmd != LINUX_FUTEX_WAIT_BITSET && a.cmd != LINUX_FUTEX_LOCK_PI2 &&
	    a.cmd != LINUX_FUTEX_WAIT_REQUEUE_PI)
		return -ENOSYS;
	return do_futex(t, &a);
}

/* --- futex_waitv ---------------------------------------------------------- */

static int read_waiters(uaddr_t at, uint32_t nr, struct futex_multi *out)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct linux_futex_waitv w;

		if (copy_in(&w, uaddr_add(at, i * sizeof(w)), sizeof(w)) < 0)
			return -EFAULT;
		if ((w.flags & ~(uint32_t)(LINUX_FUTEX2_SIZE_MASK |
					   LINUX_FUTEX2_PRIVATE)) ||
		    w.reserved)
			return -EINVAL;
		if ((w.flags & LINUX_FUTEX2_SIZE_MASK) !=
			    LINUX_FUTEX2_SIZE_U32 ||
		    w.val > UINT32_MAX)
			return -EINVAL;
		out[i].word.addr = w.uaddr;
		out[i].word.private = w.flags & LINUX_FUTEX2_PRIVATE;
		out[i].val = (uint32_t)w.val;
	}
	return 0;
}

/* An absolute time; NO_DEADLINE without one. */
static int read_absolute(uaddr_t timeout, int32_t clock, uint64_t *out)
{
	struct linux_timespec ts;

	*out = NO_DEADLINE;
	if (uaddr_is_null(timeout))
		return 0;
	if (clock != LINUX_CLOCK_MONOTONIC && clock != LINUX_CLOCK_REALTIME)
		return -EINVAL;
	if (copy_in(&ts, timeout, sizeof(ts)) < 0)
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	*out = timespec_to_ns(&ts);
	if (clock == LINUX_CLOCK_REALTIME)
		*out = clock_realtime_to_monotonic(*out);
	return 0;
}

long sys_futex_waitv(struct task *t, uaddr_t waiters, uint32_t nr,
		     uint32_t flags, uaddr_t timeout, int32_t clock)
{
	AUTO_FREE struct futex_multi *w = NULL;
	uint64_t deadline;
	int ret;

	if (flags || nr == 0 || nr > LINUX_FUTEX_WAITV_MAX ||
	    uaddr_is_null(waiters))
		return -EINVAL;
	ret = read_absolute(timeout, clock, &deadline);
	if (ret < 0)
		return ret;
	w = kcalloc(nr, sizeof(*w));
	if (!w)
		return -ENOMEM;
	ret = read_waiters(waiters, nr, w);
	return ret < 0 ? ret : futex_wait_multiple(t, w, nr, deadline);
}

/* --- the calls of 6.7, each one operation --------------------------------- */

static bool flags_ok(uint32_t flags)
{
	return (flags & LINUX_FUTEX2_SIZE_MASK) == LINUX_FUTEX2_SIZE_U32 &&
	       !(flags &
		 ~(uint32_t)(LINUX_FUTEX2_SIZE_MASK | LINUX_FUTEX2_PRIVATE));
}

static struct futex_word word_of(uaddr_t addr, uint32_t flags)
{
	return (struct futex_word){ addr.va, flags & LINUX_FUTEX2_PRIVATE };
}

long sys_futex_wake(struct task *t, uaddr_t addr, uint64_t mask, int32_t nr,
		    uint32_t flags)
{
	struct futex_word w = word_of(addr, flags);

	if (!flags_ok(flags) || mask > UINT32_MAX || mask == 0)
		return -EINVAL;
	if (nr == 0) /* none, unlike FUTEX_WAKE; the address still counts */
		return addr.va & 3 ? -EINVAL : 0;
	return futex_wake(t, w, nr, (uint32_t)mask);
}

long sys_futex_wait(struct task *t, uaddr_t addr, uint64_t val, uint64_t mask,
		    uint32_t flags, uaddr_t timeout, int32_t clock)
{
	uint64_t deadline;
	int ret;

	if (!flags_ok(flags) || val > UINT32_MAX || mask > UINT32_MAX)
		return -EINVAL;
	ret = read_absolute(timeout, clock, &deadline);
	if (ret < 0)
		return ret;
	return futex_wait_until(t, word_of(addr, flags), (uint32_t)val,
				(uint32_t)mask, deadline);
}

long sys_futex_requeue(struct task *t, uaddr_t waiters, uint32_t flags,
		       int32_t nr_wake, int32_t nr_requeue)
{
	struct futex_multi w[2];
	int ret;

	if (flags || uaddr_is_null(waiters))
		return -EINVAL;
	ret = read_waiters(waiters, ARRAY_SIZE(w), w);
	if (ret < 0)
		return ret;
	return futex_requeue(t, w[0].word, w[1].word, nr_wake, nr_requeue,
			     &w[0].val);
}
