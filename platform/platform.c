/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform: the checking wrappers in front of the one started platform, and
 * the list of all.  A contract of platform.h is asserted here, once, for every
 * platform; the implementations do not repeat it.
 *
 * Invariant: as->nr_vcpus is the number of vcpus whose .as is as.
 * Locks:     none of its own.
 * Tests:     tests/unit/test_platform_ptrace.c
 */
#include <assert.h>
#include <errno.h>

#include "platform/base.h"
#include "sentry/lib/lock.h"

const struct platform_ops *const platform_list[] = {
	&platform_kvm,
	&platform_trap,
	&platform_ptrace,
	NULL,
};

static const struct platform_ops *g_ops;
static struct platform *g_platform;
static const struct platform_limits *g_limits;

/* An address that differs in every thread stands for the thread. */
static const void *this_thread(void)
{
	static __thread char mark;

	return &mark;
}

static void assert_mine(const struct vcpu *cpu)
{
	assert(atomic_load_explicit(&cpu->owner, memory_order_relaxed) ==
	       this_thread());
	(void)cpu;
}

/* For calls that are allowed before the vcpu is bound to a thread. */
static void assert_mine_or_unbound(struct vcpu *cpu)
{
	const void *owner =
		atomic_load_explicit(&cpu->owner, memory_order_relaxed);

	assert(!owner || owner == this_thread());
	(void)owner;
}

int platform_start(const struct platform_ops *ops,
		   const struct platform_setup *setup)
{
	int ret;

	assert(!g_ops);
	ret = ops->start(setup, &g_platform);
	if (ret < 0)
		return ret;
	g_ops = ops;
	g_limits = ops->limits(g_platform);
	assert(g_limits->min_user_addr % PAGE_SIZE == 0 &&
	       g_limits->max_user_addr % PAGE_SIZE == 0);
	return 0;
}

const char *platform_name(void)
{
	return g_ops->name;
}

const struct platform_limits *platform_limits(void)
{
	return g_limits;
}

const struct platform_ioctl *platform_ioctls(size_t *nr)
{
	*nr = 0;
	return g_ops->ioctls ? g_ops->ioctls(g_platform, nr) : NULL;
}

int platform_as_new(struct platform_as **out)
{
	return g_ops->as_new(g_platform, out);
}

void platform_as_free(struct platform_as *as)
{
	if (!as)
		return;
	assert(atomic_load(&as->nr_vcpus) == 0);
	g_ops->as_free(as);
}

/* The stub region and the rest of the host's layout lie outside the limits. */
static void assert_order(const struct map_order *o)
{
	assert(o->kind <= ORDER_PROTECT);
	assert(o->size > 0 && o->addr % PAGE_SIZE == 0 &&
	       o->size % PAGE_SIZE == 0);
	assert(o->addr >= g_limits->min_user_addr &&
	       o->addr < g_limits->max_user_addr &&
	       o->size <= g_limits->max_user_addr - o->addr);
	assert(!(o->prot & ~(PLAT_READ | PLAT_WRITE | PLAT_EXEC)));
	assert(o->kind != ORDER_MAP ||
	       (o->fd >= 0 && o->offset % PAGE_SIZE == 0 &&
		!(o->priv && (o->prot & PLAT_WRITE))));
	(void)o;
}

int platform_as_order(struct platform_as *as, const struct map_order *order)
{
	assert_order(order);
	return g_ops->as_order(as, order);
}

int platform_as_flush(struct platform_as *as, struct vcpu *cpu)
{
	assert_mine(cpu);
	assert(cpu->as == as);
	return g_ops->as_flush(as, cpu);
}

void platform_as_sync(struct platform_as *as)
{
	g_ops->as_sync(as);
}

int platform_site_new(struct vcpu *cpu, uint64_t addr,
		      const uint8_t code[PLATFORM_PATCH_SIZE],
		      uint8_t patch[PLATFORM_PATCH_SIZE])
{
	assert_mine(cpu);
	if (!g_ops->site_new)
		return -ENOSYS;
	return g_ops->site_new(cpu->as, cpu, addr, code, patch);
}

int platform_site_get(struct platform_as *as, uint32_t i,
		      struct patch_site *out)
{
	return g_ops->site_get ? g_ops->site_get(as, i, out) : -ENOENT;
}

void platform_as_fork(struct platform_as *from, struct platform_as *to)
{
	assert(atomic_load(&to->nr_vcpus) == 0);
	if (g_ops->as_fork)
		g_ops->as_fork(from, to);
}

int platform_vcpu_new(struct platform_as *as, struct vcpu *creator,
		      struct vcpu **out)
{
	int ret;

	if (creator) {
		assert_mine(creator);
		assert(creator->as == as);
	} else {
		assert(atomic_load(&as->nr_vcpus) == 0);
	}
	ret = g_ops->vcpu_new(as, creator, out);
	if (ret < 0)
		return ret;
	(*out)->as = as;
	atomic_fetch_add(&as->nr_vcpus, 1);
	return 0;
}

int platform_vcpu_bind(struct vcpu *cpu)
{
	int ret;

	assert(!atomic_load(&cpu->owner));
	ret = g_ops->vcpu_bind(cpu);
	if (ret == 0)
		atomic_store(&cpu->owner, this_thread());
	return ret;
}

int platform_vcpu_move(struct vcpu *cpu, struct platform_as *as)
{
	struct platform_as *old = cpu->as;
	int ret;

	assert_mine(cpu);
	assert(as != old && atomic_load(&as->nr_vcpus) == 0);
	ret = g_ops->vcpu_move(cpu, as);
	if (ret < 0)
		return ret;
	assert(cpu->as == as);
	atomic_fetch_add(&as->nr_vcpus, 1);
	atomic_fetch_sub(&old->nr_vcpus, 1);
	return 0;
}

void platform_vcpu_free(struct vcpu *cpu)
{
	struct platform_as *as;

	if (!cpu)
		return;
	assert_mine_or_unbound(cpu);
	as = cpu->as;
	g_ops->vcpu_free(cpu);
	atomic_fetch_sub(&as->nr_vcpus, 1);
}

struct guest_regs *platform_regs(struct vcpu *cpu)
{
	return g_ops->regs(cpu);
}

int platform_get_fpu(struct vcpu *cpu, void *buf)
{
	assert_mine_or_unbound(cpu);
	return g_ops->get_fpu(cpu, buf);
}

int platform_set_fpu(struct vcpu *cpu, const void *buf)
{
	assert_mine_or_unbound(cpu);
	return g_ops->set_fpu(cpu, buf);
}

void platform_run(struct vcpu *cpu, bool step, struct guest_stop *stop)
{
	assert_mine(cpu);
	lock_assert_none_held();
	g_ops->run(cpu, step, stop);
}

void platform_interrupt(struct vcpu *cpu)
{
	g_ops->interrupt(cpu);
}

void platform_idle_begin(struct vcpu *cpu)
{
	assert_mine(cpu);
	g_ops->idle_begin(cpu);
}

void platform_idle_end(struct vcpu *cpu)
{
	assert_mine(cpu);
	g_ops->idle_end(cpu);
}

uint64_t platform_guest_time(struct vcpu *cpu)
{
	return g_ops->guest_time(cpu);
}

void platform_affinity(struct vcpu *cpu,
		       const uint64_t mask[PLATFORM_MASK_WORDS])
{
	if (g_ops->affinity)
		g_ops->affinity(cpu, mask);
}

int platform_which_cpu(struct vcpu *cpu)
{
	return g_ops->which_cpu ? g_ops->which_cpu(cpu) : -1;
}
