/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex_requeue: operations on two words: requeue and wake-op.
 *
 * Invariant: a moved waiter's key and bucket change together, under the locks
 *            of both buckets.
 * Locks:     two bucket.mu, by address.
 * Linux:     kernel/futex/requeue.c and waitwake.c of 6.12.
 * Tests:     tests/conformance (futex)
 */
#include <errno.h>

#include "sentry/kernel/futex_private.h"
#include "sentry/mm/safe_copy.h"

/* Both keys, as they are at one time. */
struct two_keys {
	struct mm_key key[2];
	struct futex_bucket *bucket[2];
};

static int find_keys(struct mm *mm, struct futex_word a, struct futex_word b,
		     struct two_keys *out)
{
	int ret = futex_key(mm, a, &out->key[0]);

	if (ret == 0)
		ret = futex_key(mm, b, &out->key[1]);
	if (ret < 0)
		return ret;
	out->bucket[0] = futex_bucket(&out->key[0]);
	out->bucket[1] = futex_bucket(&out->key[1]);
	return 0;
}

static void move(struct futex_waiter *w, const struct two_keys *k)
{
	w->key = k->key[1];
	if (k->bucket[0] == k->bucket[1])
		return;
	list_del(&w->node);
	futex_enqueue(w, k->bucket[1]);
}

struct requeue {
	struct two_keys keys;
	int32_t nr_wake, nr_requeue;
	long woken, moved;
};

/* Both buckets held.  True if the batch is full and work remains. */
static bool requeue_locked(struct requeue *r, struct futex_wake_batch *batch)
{
	struct futex_waiter *w, *tmp;

	list_for_each_entry_safe (w, tmp, &r->keys.bucket[0]->waiters, node) {
		if (!futex_key_equal(&w->key, &r->keys.key[0]))
			continue;
		if (futex_waiter_is_pi(w)) {
			r->moved = -EINVAL;
			return false;
		}
		if (r->woken < r->nr_wake) {
			if (batch->nr == FUTEX_BATCH)
				return true;
			futex_mark_woken(w, batch);
			r->woken++;
			continue;
		}
		if (r->moved >= r->nr_requeue)
			return false;
		move(w, &r->keys);
		r->moved++;
	}
	return false;
}

static int check_value(const struct futex_pin *p, uint32_t expect)
{
	uint32_t now;
	int ret = safe_load32(p->word, &now);

	if (ret < 0)
		return ret;
	return now == expect ? 0 : -EAGAIN;
}

static long requeue_all(struct requeue *r, const struct futex_pin *p,
			const uint32_t *cmp)
{
	struct futex_bucket **b = r->keys.bucket;
	struct futex_wake_batch batch = { .nr = 0 };
	bool more = true;
	int ret = 0;

	while (more) {
		futex_bucket_lock2(b[0], b[1]);
		if (cmp)
			ret = check_value(p, *cmp);
		cmp = NULL; /* once; the rest is one operation with it */
		more = ret == 0 && requeue_locked(r, &batch);
		futex_bucket_unlock2(b[0], b[1]);
		futex_wake_batch(&batch);
	}
	if (ret == 0 && r->moved < 0)
		return r->woken ? r->woken : r->moved;
	return ret < 0 ? ret : r->woken + r->moved;
}

long futex_requeue(struct task *t, struct futex_word from, struct futex_word to,
		   int32_t nr_wake, int32_t nr_requeue, const uint32_t *cmp)
{
	struct requeue r = { .nr_wake = nr_wake, .nr_requeue = nr_requeue };
	struct futex_pin p;
	long ret;

	if (nr_wake < 0 || nr_requeue < 0)
		return -EINVAL;
	ret = find_keys(t->mm, from, to, &r.keys);
	if (ret == 0 && cmp)
		ret = futex_pin(t->mm, from.addr, PLAT_READ, &p);
	if (ret < 0)
		return ret;
	ret = requeue_all(&r, &p, cmp);
	if (cmp)
		futex_unpin(&p);
	return ret;
}

/* --- FUTEX_WAKE_OP -------------------------------------------------------- */

struct wake_op {
	unsigned int op, cmp;
	int32_t oparg, cmparg;
};

static int32_t sign_extend12(uint32_t v)
{
	return (int32_t)(v << 20) >> 20;
}

static int decode_op(uint32_t encoded, struct wake_op *out)
{
	out->op = encoded >> 28 & 7;
	out->cmp = encoded >> 24 & 15;
	out->oparg = sign_extend12(encoded >> 12 & 0xfff);
	out->cmparg = sign_extend12(encoded & 0xfff);
	if (encoded >> 28 & LINUX_FUTEX_OP_OPARG_SHIFT)
		out->oparg = (int32_t)(1u << (out->oparg & 31));
	if (out->op > LINUX_FUTEX_OP_XOR || out->cmp > LINUX_FUTEX_OP_CMP_GE)
		return -ENOSYS;
	return 0;
}

static uint32_t apply_op(const struct wake_op *op, uint32_t old)
{
	uint32_t arg = (uint32_t)op->oparg;

	switch (op->op) {
	case LINUX_FUTEX_OP_SET:
		return arg;
	case LINUX_FUTEX_OP_ADD:
		return old + arg;
	case LINUX_FUTEX_OP_OR:
		return old | arg;
	case LINUX_FUTEX_OP_ANDN:
		return old & ~arg;
	default:
		return old ^ arg;
	}
}

static bool compare_op(const struct wake_op *op, uint32_t word)
{
	int32_t old = (int32_t)word;

	switch (op->cmp) {
	case LINUX_FUTEX_OP_CMP_EQ:
		return old == op->cmparg;
	case LINUX_FUTEX_OP_CMP_NE:
		return old != op->cmparg;
	case LINUX_FUTEX_OP_CMP_LT:
		return old < op->cmparg;
	case LINUX_FUTEX_OP_CMP_LE:
		return old <= op->cmparg;
	case LINUX_FUTEX_OP_CMP_GT:
		return old > op->cmparg;
	default:
		return old >= op->cmparg;
	}
}

static int change_word(uint32_t *word, const struct wake_op *op, uint32_t *old)
{
	uint32_t seen;
	int ret = safe_load32(word, &seen);

	while (ret == 0) {
		ret = safe_cmpxchg32(word, seen, apply_op(op, seen), old);
		if (ret == 0 && *old == seen)
			return 0;
		seen = *old;
	}
	return ret;
}

long futex_wake_op(struct task *t, struct futex_word w,
		   struct futex_word second, int32_t nr_wake, int32_t nr_wake2,
		   uint32_t encoded)
{
	struct two_keys k;
	struct futex_pin p;
	struct wake_op op = { 0 };
	uint32_t old = 0;
	long ret, more;

	ret = find_keys(t->mm, w, second, &k);
	if (ret == 0)
		ret = decode_op(encoded, &op);
	if (ret == 0)
		ret = futex_pin(t->mm, second.addr, PLAT_WRITE, &p);
	if (ret < 0)
		return ret;
	/*
	 * The locks order the change against waiters that check their value;
	 * the wake-ups may come after, as if other calls had come between.
	 */
	futex_bucket_lock2(k.bucket[0], k.bucket[1]);
	ret = change_word(p.word, &op, &old);
	futex_bucket_unlock2(k.bucket[0], k.bucket[1]);
	futex_unpin(&p);
	if (ret < 0)
		return ret;
	ret = futex_wake(t, w, nr_wake, LINUX_FUTEX_BITSET_MATCH_ANY);
	if (ret < 0 || !compare_op(&op, old))
		return ret;
	more = futex_wake(t, second, nr_wake2, LINUX_FUTEX_BITSET_MATCH_ANY);
	return more < 0 ? more : ret + more;
}
