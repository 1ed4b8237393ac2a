/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trap: system calls without ptrace.  Stub processes run guest code under a
 * filter that turns its calls into signals; a handler in the stub hands over
 * to the sentry through shared memory.
 *
 * Reading order: README.md, stub.h, trap.h, stub.S, template.c, pool.c,
 * agent.c, space.c, vcpu.c, run.c, stop.c.
 *
 * Tests: tests/unit/test_platform_trap.c
 */
#include "platform/trap/trap.h"

#include "platform/host_limits.h"

static struct platform g_trap;

static int trap_start(const struct platform_setup *setup, struct platform **out)
{
	struct platform *p = &g_trap;
	int ret;

	mutex_init(&p->mu, LOCK_PLATFORM_AS);
	xsave_limits(&p->limits);
	p->limits.max_user_addr = TRAP_MAX_USER_ADDR;
	p->limits.min_user_addr = host_min_user_addr();
	p->limits.max_host_maps = host_max_maps();
	p->limits.entry_serialises = true; /* iretq */
	p->limits.reserved_start = TRAP_TABLE_ADDR;
	p->limits.reserved_end = TRAP_TABLE_ADDR + TRAP_TABLE_SIZE;
	placement_start(setup->nr_cpus);
	spin_start();
	ret = sites_start(p);
	if (ret == 0)
		ret = trap_template_start(p);
	if (ret < 0)
		return ret;
	pool_start(p);
	*out = p;
	return 0;
}

static const struct platform_limits *trap_limits(struct platform *p)
{
	return &p->limits;
}

static struct guest_regs *trap_regs(struct vcpu *cpu)
{
	return &to_trap_vcpu(cpu)->regs;
}

static void trap_affinity(struct vcpu *cpu,
			  const uint64_t mask[PLATFORM_MASK_WORDS])
{
	placement_allow(&to_trap_vcpu(cpu)->placed, mask);
}

static int trap_which_cpu(struct vcpu *cpu)
{
	return placement_number(&to_trap_vcpu(cpu)->placed);
}

static void trap_idle_begin(struct vcpu *cpu)
{
	spin_end(to_trap_vcpu(cpu));
	placement_idle(&to_trap_vcpu(cpu)->placed, true);
}

static void trap_idle_end(struct vcpu *cpu)
{
	placement_idle(&to_trap_vcpu(cpu)->placed, false);
}

const struct platform_ops platform_trap = {
	.name = "trap",
	.summary = "signals and shared memory: fast, no ptrace",
	.probe = trap_probe,
	.start = trap_start,
	.limits = trap_limits,
	.as_new = trap_as_new,
	.as_free = trap_as_free,
	.as_order = trap_as_order,
	.as_flush = trap_as_flush,
	.as_sync = trap_as_sync,
	.site_new = trap_site_new,
	.site_get = trap_site_get,
	.as_fork = trap_as_fork,
	.vcpu_new = trap_vcpu_new,
	.vcpu_bind = trap_vcpu_bind,
	.vcpu_move = trap_vcpu_move,
	.vcpu_free = trap_vcpu_free,
	.regs = trap_regs,
	.get_fpu = trap_get_fpu,
	.set_fpu = trap_set_fpu,
	.run = trap_run,
	.interrupt = trap_interrupt,
	.idle_begin = trap_idle_begin,
	.affinity = trap_affinity,
	.which_cpu = trap_which_cpu,
	.idle_end = trap_idle_end,
	.guest_time = trap_guest_time,
};
