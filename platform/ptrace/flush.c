/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flush: carries out the orders of an address space.
 *
 * The orders become a list of host calls in the window page that the stub can
 * only read, and one PTRACE_CONT makes the stub work through it.  What failed
 * is told in registers.
 *
 * One thread flushes at a time; as->pending stays set until its calls are
 * done, and a vcpu that wants to enter meanwhile waits.
 *
 * Locks: as->mu for the queue, not held while the stub works.
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <assert.h>
#include <sys/mman.h>

#include "platform/ptrace/pt.h"
#include "sentry/lib/log.h"

static struct stub_call *window(const struct pt_as *as)
{
	return (struct stub_call *)(as->p->slots +
				    (size_t)as->slot * STUB_WINDOW_SIZE);
}

/* Registers for the first entry: maps the window, drops the command page. */
static void setup_regs(const struct pt_as *as, struct guest_regs *regs)
{
	const struct platform *p = as->p;

	stub_regs_init(regs, stub_addr(p, stub_setup));
	regs->rax = SYS_mmap;
	regs->rdi = p->base + STUB_WINDOW_OFFSET;
	regs->rsi = STUB_WINDOW_SIZE;
	regs->rdx = PROT_READ;
	regs->r10 = MAP_SHARED | MAP_FIXED;
	regs->r8 = (uint64_t)p->orders_fd;
	regs->r9 = STUB_PAGE + (uint64_t)as->slot * STUB_WINDOW_SIZE;
	regs->r14 = p->base + STUB_CMD_OFFSET;
	regs->r15 = STUB_PAGE;
}

/*
 * Runs the first @nr calls of the window.
 * Returns: number done; -ESRCH.  *err: what the next one failed with.
 */
static long run_calls(struct pt_as *as, struct pt_vcpu *cpu, size_t nr,
		      int *err)
{
	const uint64_t first = as->p->base + STUB_WINDOW_OFFSET;
	struct guest_regs regs;
	size_t done;
	int ret;

	if (atomic_load(&as->needs_setup))
		setup_regs(as, &regs);
	else
		stub_regs_init(&regs, stub_addr(as->p, stub_calls));
	regs.r12 = first;
	regs.r13 = first + nr * STUB_CALL_SIZE;
	ret = tracee_inject(cpu, &regs, stub_addr(as->p, stub_calls_end));
	if (ret < 0)
		return ret;
	done = (size_t)((regs.r12 - first) / STUB_CALL_SIZE);
	if (done > nr)
		return -ESRCH;
	*err = (int)regs.rax;
	if (done == 0 && *err != 0 && atomic_load(&as->needs_setup) && nr == 0)
		return -ESRCH;
	atomic_store(&as->needs_setup, false);
	return (long)done;
}

/*
 * Carries out @nr orders, @drop: unmaps their ranges instead.
 * Returns: how many were done; -ESRCH.
 */
static long carry_out(struct pt_as *as, struct pt_vcpu *cpu,
		      const struct map_order *o, size_t nr, bool drop)
{
	struct stub_call *calls = window(as);
	size_t done = 0;

	while (done < nr) {
		size_t n = MIN(nr - done, STUB_MAX_CALLS);
		int err = 0;
		long got;

		for (size_t i = 0; i < n; i++) {
			const struct map_order *it = &o[done + i];

			if (!order_allowed(&as->p->limits, it))
				return -ESRCH;
			order_encode(it, drop, &calls[i].nr, calls[i].args);
		}
		got = run_calls(as, cpu, n, &err);
		if (got < 0)
			return got;
		done += (size_t)got;
		if ((size_t)got == n)
			continue;
		if (err != -ENOMEM)
			log_debug("ptrace: order %d at %#lx, %#lx: error %d",
				  (int)o[done].kind,
				  (unsigned long)o[done].addr,
				  (unsigned long)o[done].size, -err);
		return (long)done;
	}
	return (long)done;
}

/*
 * The host refused order @at: that one and what follows become unmappings, so
 * that nothing stays visible that the space's owner believes gone.
 */
static int drop_rest(struct pt_as *as, struct pt_vcpu *cpu,
		     const struct order_queue *batch, size_t at)
{
	long got = carry_out(as, cpu, batch->at + at, batch->nr - at, true);

	if (got == (long)(batch->nr - at))
		return -ENOMEM;
	/* Not even that works: the process cannot go on. */
	log_error("ptrace: cannot unmap in stub %u: killed", cpu->tid);
	return -ESRCH;
}

static int flush_batch(struct pt_as *as, struct pt_vcpu *cpu,
		       const struct order_queue *batch)
{
	long got;
	int err;

	if (batch->nr == 0) {
		if (!atomic_load(&as->needs_setup))
			return 0;
		got = run_calls(as, cpu, 0, &err);
		return got < 0 ? (int)got : 0;
	}
	got = carry_out(as, cpu, batch->at, batch->nr, false);
	if (got < 0)
		return (int)got;
	if ((size_t)got == batch->nr)
		return 0;
	return drop_rest(as, cpu, batch, (size_t)got);
}

/* Waits for the thread that flushes now.  Returns with as->mu held. */
static void lock_for_flush(struct pt_as *as) ACQUIRES(&as->mu)
{
	mutex_lock(&as->mu);
	while (as->flushing) {
		uint32_t seq = atomic_load(&as->flush_seq);

		mutex_unlock(&as->mu);
		raw_futex_wait(&as->flush_seq, seq, NULL, true);
		mutex_lock(&as->mu);
	}
}

/* Returns: 0, -ENOMEM, -ESRCH; *late: error of a flush at entry before. */
static int flush(struct pt_as *as, struct pt_vcpu *cpu, int *late)
{
	struct order_queue batch;
	int ret;

	lock_for_flush(as);
	*late = atomic_exchange(&as->late_error, 0);
	batch = as->queue;
	as->queue = as->spare;
	as->spare = (struct order_queue){ 0 };
	as->flushing = true;
	mutex_unlock(&as->mu);

	ret = atomic_load(&as->gone) ? -ESRCH : flush_batch(as, cpu, &batch);

	mutex_lock(&as->mu);
	batch.nr = 0;
	as->spare = batch;
	as->flushing = false;
	if (as->queue.nr == 0 && ret != -ESRCH)
		atomic_store(&as->pending, 0);
	atomic_fetch_add(&as->flush_seq, 1);
	mutex_unlock(&as->mu);
	raw_futex_wake(&as->flush_seq, INT32_MAX, true);
	if (ret == -ESRCH)
		vcpu_lost(cpu);
	return ret;
}

int flush_at_entry(struct pt_as *as, struct pt_vcpu *cpu)
{
	int late, ret = flush(as, cpu, &late);

	if (ret == -ENOMEM)
		late = ret;
	if (late)
		atomic_store(&as->late_error, late);
	return ret == -ESRCH ? ret : 0;
}

int pt_as_flush(struct platform_as *base, struct vcpu *vcpu)
{
	struct pt_as *as = to_pt_as(base);
	int late, ret;

	if (!atomic_load(&as->pending) && !atomic_load(&as->gone) &&
	    !atomic_load(&as->late_error))
		return 0;
	ret = flush(as, to_pt_vcpu(vcpu), &late);
	return ret < 0 ? ret : late;
}
