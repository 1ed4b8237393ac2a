/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space: an address space: its orders, carried out by its agent.
 *
 * The agent works whatever the runners do, so any thread may flush, and
 * as_sync() is a flush: nobody has to be stopped.  as->pending stays set until
 * the calls are done, and a vcpu that wants to enter meanwhile waits.
 *
 * Locks: as->mu for the queue, not held while the agent works; as->busy for
 *        the talk with the agent.
 * Tests: tests/unit/test_platform_trap.c
 */
#include <assert.h>
#include <stdlib.h>

#include "platform/trap/trap.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/log.h"

int trap_as_new(struct platform *p, struct platform_as **out)
{
	struct trap_as *as = kzalloc(sizeof(*as));

	if (!as)
		return -ENOMEM;
	ref_init(&as->ref);
	as->p = p;
	as->agent_place = -1;
	mutex_init(&as->mu, LOCK_PLATFORM_AS);
	list_init(&as->cpus);
	list_init(&as->clock.clocks);
	*out = &as->base;
	return 0;
}

void trap_as_put(struct trap_as *as)
{
	if (!ref_put(&as->ref))
		return;
	assert(list_empty(&as->cpus) && !as->stub);
	order_queue_fini(&as->queue);
	order_queue_fini(&as->spare);
	site_set_put(as->p, as->sites);
	free(as);
}

void trap_as_free(struct platform_as *as)
{
	trap_as_put(to_trap_as(as));
}

int trap_as_order(struct platform_as *base, const struct map_order *order)
{
	struct trap_as *as = to_trap_as(base);
	int ret;

	mutex_lock(&as->mu);
	ret = order_queue_add(&as->queue, order);
	if (ret == 0)
		atomic_store(&as->pending, 1);
	mutex_unlock(&as->mu);
	return ret;
}

/* --- the talk with the agent ---------------------------------------------- */

/* Waits for the thread that talks now.  Returns with as->mu held. */
static void lock_idle_agent(struct trap_as *as) ACQUIRES(&as->mu)
{
	mutex_lock(&as->mu);
	while (as->busy) {
		uint32_t seq = atomic_load(&as->busy_seq);

		mutex_unlock(&as->mu);
		raw_futex_wait(&as->busy_seq, seq, NULL, true);
		mutex_lock(&as->mu);
	}
}

static void end_talk_locked(struct trap_as *as) MUST_HOLD(&as->mu)
{
	as->busy = false;
	atomic_fetch_add(&as->busy_seq, 1);
}

void space_lost(struct trap_as *as)
{
	struct stub *s = as->stub;

	atomic_store(&as->pending, 1);
	if (atomic_exchange(&as->gone, true))
		return;
	log_warning("trap: stub process %u is lost", s->tgid);
	stub_kill(s);
}

/*
 * Carries out @nr orders, @drop: unmaps their ranges instead.
 * Returns: how many were done; -ESRCH.
 */
static long carry_out(struct trap_as *as, const struct map_order *o, size_t nr,
		      bool drop)
{
	struct stub_call *calls = as->stub->orders->calls;
	size_t done = 0;

	while (done < nr) {
		uint32_t n = (uint32_t)MIN(nr - done, STUB_MAX_CALLS);
		long got;

		for (size_t i = 0; i < n; i++) {
			const struct map_order *it = &o[done + i];

			if (!order_allowed(&as->p->limits, it))
				return -ESRCH;
			order_encode(it, drop, &calls[i].nr, calls[i].args);
		}
		got = agent_call(as->stub, n);
		if (got < 0)
			return got;
		done += (size_t)got;
		if ((uint32_t)got == n)
			continue;
		log_debug("trap: order %d at %#lx, %#lx is refused",
			  (int)o[done].kind, (unsigned long)o[done].addr,
			  (unsigned long)o[done].size);
		return (long)done;
	}
	return (long)done;
}

/*
 * If the host refuses an order, that one and what follows become unmappings,
 * so that nothing stays visible that the space's owner believes gone.
 */
static int flush_batch(struct trap_as *as, const struct order_queue *batch)
{
	long got = carry_out(as, batch->at, batch->nr, false), left;

	if (got < 0)
		return (int)got;
	left = (long)batch->nr - got;
	if (left == 0)
		return 0;
	if (carry_out(as, batch->at + got, (size_t)left, true) == left)
		return -ENOMEM;
	log_error("trap: cannot unmap in stub %u: killed", as->stub->tgid);
	return -ESRCH;
}

/* A forked space has its parent's patched text, and needs the parent's set. */
static int map_sites(struct trap_as *as)
{
	uint32_t n;
	long got;

	if (likely(!as->sites || as->sites_mapped))
		return 0;
	n = sites_map_calls(as, as->stub->orders->calls);
	got = agent_call(as->stub, n);
	if (got != n)
		return -ESRCH;
	as->sites_mapped = true;
	return 0;
}

static bool covers_table(const struct order_queue *batch)
{
	for (size_t i = 0; i < batch->nr; i++) {
		const struct map_order *o = &batch->at[i];

		if (o->addr < TRAP_TABLE_ADDR + TRAP_TABLE_SIZE &&
		    o->addr + o->size > TRAP_TABLE_ADDR)
			return true;
	}
	return false;
}

/* The agent is woken where the one who waits for it runs. */
static void place_agent(struct trap_as *as, struct trap_vcpu *cpu)
{
	int place = cpu ? placement_of_sentry(&cpu->placed) : -1;

	if (place < 0 || place == as->agent_place)
		return;
	as->agent_place = place;
	placement_join(&cpu->placed, as->stub->tgid);
}

/* Returns: 0, -ENOMEM, -ESRCH; *late: error of a flush at entry before. */
static int flush(struct trap_as *as, struct trap_vcpu *cpu, int *late)
{
	struct order_queue batch;
	int ret = 0;

	lock_idle_agent(as);
	*late = atomic_exchange(&as->late_error, 0);
	if (!as->stub) {
		/* Empty: the first vcpu will flush. */
		mutex_unlock(&as->mu);
		return 0;
	}
	batch = as->queue;
	as->queue = as->spare;
	as->spare = (struct order_queue){ 0 };
	as->busy = true;
	mutex_unlock(&as->mu);

	place_agent(as, cpu);
	ret = atomic_load(&as->gone) ? -ESRCH : map_sites(as);
	if (ret == 0 && batch.nr > 0)
		ret = flush_batch(as, &batch);
	/* Everything was unmapped: the table is not the guest's to lose. */
	if (unlikely(as->sites_mapped && ret != -ESRCH &&
		     covers_table(&batch))) {
		as->sites_mapped = false;
		if (map_sites(as) < 0)
			ret = -ESRCH;
	}
	if (ret == -ESRCH)
		space_lost(as);

	mutex_lock(&as->mu);
	batch.nr = 0;
	as->spare = batch;
	end_talk_locked(as);
	if (as->queue.nr == 0 && ret != -ESRCH)
		atomic_store(&as->pending, 0);
	mutex_unlock(&as->mu);
	raw_futex_wake(&as->busy_seq, INT32_MAX, true);
	return ret;
}

static void keep_error(struct trap_as *as, int late, int ret)
{
	if (ret == -ENOMEM)
		late = ret;
	if (late)
		atomic_store(&as->late_error, late);
}

int space_map_sites(struct trap_as *as, struct trap_vcpu *cpu)
{
	int late, ret = flush(as, cpu, &late);

	keep_error(as, late, ret);
	return as->sites_mapped ? 0 : ret ? ret : -ENOMEM;
}

int space_flush_at_entry(struct trap_as *as, struct trap_vcpu *cpu)
{
	int late, ret = flush(as, cpu, &late);

	keep_error(as, late, ret);
	return ret == -ESRCH ? ret : 0;
}

int trap_as_flush(struct platform_as *base, struct vcpu *vcpu)
{
	struct trap_as *as = to_trap_as(base);
	int late, ret;

	if (!atomic_load(&as->pending) && !atomic_load(&as->late_error))
		return 0;
	ret = flush(as, to_trap_vcpu(vcpu), &late);
	return ret < 0 ? ret : late;
}

void trap_as_sync(struct platform_as *base)
{
	struct trap_as *as = to_trap_as(base);
	int late = 0, ret = 0;

	if (atomic_load(&as->pending))
		ret = flush(as, NULL, &late);
	keep_error(as, late, ret);
}

/* --- runners -------------------------------------------------------------- */

static struct stub_slot *slot_at(struct trap_as *as, uint32_t nr)
{
	return (struct stub_slot *)(as->stub->slots +
				    (size_t)nr * STUB_SLOT_SIZE);
}

/* A slot without a vcpu, whose last runner has ended as far as one knows: if
 * the guest has forged that, two of its own threads share a slot. */
static int slot_get_locked(struct trap_as *as, uint32_t *out) MUST_HOLD(&as->mu)
{
	for (uint32_t nr = 0; nr < STUB_MAX_SLOTS; nr++) {
		uint64_t *word = &as->slots_used[nr / 64];

		if (*word == UINT64_MAX) {
			nr |= 63;
			continue;
		}
		if (*word >> nr % 64 & 1 ||
		    (nr < as->stub->nr_slots &&
		     atomic_load(&slot_at(as, nr)->tid)))
			continue;
		*word |= 1ull << nr % 64;
		*out = nr;
		return 0;
	}
	return -EAGAIN;
}

void space_put_slot(struct trap_as *as, uint32_t nr)
{
	mutex_lock(&as->mu);
	as->slots_used[nr / 64] &= ~(1ull << nr % 64);
	mutex_unlock(&as->mu);
}

/* Has the agent make the runner; more slots first if there are none left. */
static int call_for_runner(struct trap_as *as, uint32_t nr)
{
	struct stub *s = as->stub;
	struct stub_call *calls = s->orders->calls;
	uint32_t n = 0;
	long got;

	if (nr >= s->nr_slots) {
		uint32_t end = MIN(MAX(s->nr_slots * 2, nr + 1),
				   (uint32_t)STUB_MAX_SLOTS);

		calls[n++] = stub_map_slots(as->p, s, s->nr_slots, end);
		s->nr_slots = end;
	}
	__builtin_memset(slot_at(as, nr), 0, STUB_PAGE);
	calls[n++] = (struct stub_call){ .nr = STUB_CALL_RUNNER,
					 .args = { slot_addr(as->p, nr) } };
	got = agent_call(s, n);
	if (got < 0)
		return (int)got;
	return (uint32_t)got == n ? 0 : -EAGAIN;
}

int space_new_runner(struct trap_as *as, uint32_t *out_nr)
{
	int ret;

	lock_idle_agent(as);
	ret = atomic_load(&as->gone) ? -EAGAIN : slot_get_locked(as, out_nr);
	if (ret < 0) {
		mutex_unlock(&as->mu);
		return ret;
	}
	as->busy = true;
	mutex_unlock(&as->mu);

	ret = call_for_runner(as, *out_nr);
	if (ret == -ESRCH)
		space_lost(as);

	mutex_lock(&as->mu);
	end_talk_locked(as);
	if (ret < 0)
		as->slots_used[*out_nr / 64] &= ~(1ull << *out_nr % 64);
	mutex_unlock(&as->mu);
	raw_futex_wake(&as->busy_seq, INT32_MAX, true);
	return ret < 0 ? -EAGAIN : 0;
}

void space_end_stub(struct trap_as *as)
{
	const struct platform_limits *l = &as->p->limits;
	const struct map_order all = { .kind = ORDER_UNMAP,
				       .addr = l->min_user_addr,
				       .size = l->max_user_addr -
					       l->min_user_addr };
	struct stub *s;

	lock_idle_agent(as);
	s = as->stub;
	as->busy = true;
	mutex_unlock(&as->mu);

	/* A kill alone would leave the guest a moment in which it reaches
	 * memory that is used for something else already. */
	if (!atomic_load(&as->gone) && carry_out(as, &all, 1, false) != 1)
		stub_kill(s);

	mutex_lock(&as->mu);
	as->stub = NULL;
	atomic_store(&as->clock.tgid, 0);
	end_talk_locked(as);
	mutex_unlock(&as->mu);
	raw_futex_wake(&as->busy_seq, INT32_MAX, true);
	stub_put(as->p, s);
}
