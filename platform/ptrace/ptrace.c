/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace: the reference platform; works wherever a process may trace its
 * children.  One stub process per address space, one sentry thread per guest
 * thread, PTRACE_SYSEMU.
 *
 * Reading order: pt.h, stub.S, template.c, vcpu.c, run.c, stop.c, flush.c.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <assert.h>
#include <stdlib.h>

#include "platform/host_limits.h"
#include "platform/ptrace/pt.h"
#include "sentry/lib/alloc.h"

static struct platform g_pt;

static int pt_start(const struct platform_setup *setup, struct platform **out)
{
	struct platform *p = &g_pt;
	int ret;

	mutex_init(&p->mu, LOCK_PLATFORM_AS);
	p->xsave_host_size = xsave_limits(&p->limits);
	p->limits.max_user_addr = PT_MAX_USER_ADDR;
	p->limits.min_user_addr = host_min_user_addr();
	p->limits.max_host_maps = host_max_maps();
	placement_start(setup->nr_cpus);
	ret = template_start(p);
	if (ret < 0)
		return ret;
	*out = p;
	return 0;
}

static const struct platform_limits *pt_limits(struct platform *p)
{
	return &p->limits;
}

static int pt_as_new(struct platform *p, struct platform_as **out)
{
	struct pt_as *as = kzalloc(sizeof(*as));

	if (!as)
		return -ENOMEM;
	ref_init(&as->ref);
	as->p = p;
	as->slot = PT_NO_SLOT;
	mutex_init(&as->mu, LOCK_PLATFORM_AS);
	list_init(&as->cpus);
	list_init(&as->clock.clocks);
	*out = &as->base;
	return 0;
}

void pt_as_put(struct pt_as *as)
{
	if (!ref_put(&as->ref))
		return;
	assert(list_empty(&as->cpus));
	slot_put(as->p, as->slot);
	order_queue_fini(&as->queue);
	order_queue_fini(&as->spare);
	free(as);
}

static void pt_as_free(struct platform_as *as)
{
	pt_as_put(to_pt_as(as));
}

static void pt_affinity(struct vcpu *cpu,
			const uint64_t mask[PLATFORM_MASK_WORDS])
{
	placement_allow(&to_pt_vcpu(cpu)->placed, mask);
}

static int pt_which_cpu(struct vcpu *cpu)
{
	return placement_number(&to_pt_vcpu(cpu)->placed);
}

static void pt_idle_begin(struct vcpu *cpu)
{
	placement_idle(&to_pt_vcpu(cpu)->placed, true);
}

static void pt_idle_end(struct vcpu *cpu)
{
	placement_idle(&to_pt_vcpu(cpu)->placed, false);
}

static struct guest_regs *pt_regs(struct vcpu *cpu)
{
	return &to_pt_vcpu(cpu)->regs;
}

const struct platform_ops platform_ptrace = {
	.name = "ptrace",
	.summary = "ptrace(2): slow, works wherever tracing is allowed",
	.probe = pt_probe,
	.start = pt_start,
	.limits = pt_limits,
	.as_new = pt_as_new,
	.as_free = pt_as_free,
	.as_order = pt_as_order,
	.as_flush = pt_as_flush,
	.as_sync = pt_as_sync,
	.vcpu_new = pt_vcpu_new,
	.vcpu_bind = pt_vcpu_bind,
	.vcpu_move = pt_vcpu_move,
	.vcpu_free = pt_vcpu_free,
	.regs = pt_regs,
	.get_fpu = pt_get_fpu,
	.set_fpu = pt_set_fpu,
	.run = pt_run,
	.interrupt = pt_interrupt,
	.idle_begin = pt_idle_begin,
	.affinity = pt_affinity,
	.which_cpu = pt_which_cpu,
	.idle_end = pt_idle_end,
	.guest_time = pt_guest_time,
};
