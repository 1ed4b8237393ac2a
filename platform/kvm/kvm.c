/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm: guest code in ring 3 of a virtual machine.
 *
 * Reading order: README.md, kvm.h, machine.c, window.c, phys.c, table.c,
 * space.c, pool.c, vcpu.c, run.c, stop.c.
 *
 * Tests: tests/unit/test_platform_kvm.c
 */
#include "platform/kvm/kvm.h"

#include <string.h>

#include "platform/host_limits.h"

struct platform g_kvm;

/* The signal only has to interrupt KVM_RUN. */
static void on_kick(int sig)
{
	(void)sig;
}

static size_t plain_copy(void *dst, const void *src, size_t size)
{
	memcpy(dst, src, size);
	return 0;
}

static int kvm_start(const struct platform_setup *setup, struct platform **out)
{
	struct sigaction act = { .sa_handler = on_kick,
				 .sa_flags = SA_RESTART };
	struct platform *p = &g_kvm;
	int ret;

	xsave_limits(&p->limits);
	p->limits.max_user_addr = KVM_MAX_USER_ADDR;
	p->limits.min_user_addr = host_min_user_addr();
	p->limits.max_host_maps = host_max_maps();
	p->limits.own_thread = true;
	p->dev_fd = setup->device_fd;
	p->phys.memory_fd = setup->memory_fd;
	p->copy = setup->copy ? setup->copy : plain_copy;
	p->pid = (int)raw_call(SYS_getpid, 0, 0, 0, 0);
	if (sigaction(KVM_KICK_SIGNAL, &act, NULL) < 0)
		return -errno;
	placement_start(setup->nr_cpus);
	ret = machine_start(p, setup->nr_cpus);
	if (ret == 0)
		*out = p;
	return ret;
}

static const struct platform_limits *kvm_limits(struct platform *p)
{
	return &p->limits;
}

static const struct platform_ioctl *kvm_ioctls(struct platform *p, size_t *nr)
{
	*nr = p->nr_ioctls;
	return p->ioctls;
}

static struct guest_regs *kvm_guest_regs(struct vcpu *cpu)
{
	return &to_kvm_vcpu(cpu)->regs;
}

static void kvm_idle_begin(struct vcpu *cpu)
{
	placement_idle(&to_kvm_vcpu(cpu)->placed, true);
}

static void kvm_idle_end(struct vcpu *cpu)
{
	placement_idle(&to_kvm_vcpu(cpu)->placed, false);
}

static void kvm_affinity(struct vcpu *cpu,
			 const uint64_t mask[PLATFORM_MASK_WORDS])
{
	placement_allow(&to_kvm_vcpu(cpu)->placed, mask);
}

static int kvm_which_cpu(struct vcpu *cpu)
{
	return placement_number(&to_kvm_vcpu(cpu)->placed);
}

const struct platform_ops platform_kvm = {
	.name = "kvm",
	.summary = "a virtual machine: fast where the CPU has VT-x or AMD-V",
	.probe = kvm_probe,
	.is_slow = kvm_is_slow,
	.open_device = kvm_open_device,
	.start = kvm_start,
	.limits = kvm_limits,
	.ioctls = kvm_ioctls,
	.as_new = kvm_as_new,
	.as_free = kvm_as_free,
	.as_order = kvm_as_order,
	.as_flush = kvm_as_flush,
	.as_sync = kvm_as_sync,
	.vcpu_new = kvm_vcpu_new,
	.vcpu_bind = kvm_vcpu_bind,
	.vcpu_move = kvm_vcpu_move,
	.vcpu_free = kvm_vcpu_free,
	.regs = kvm_guest_regs,
	.get_fpu = kvm_get_fpu,
	.set_fpu = kvm_set_fpu,
	.run = kvm_guest_run,
	.interrupt = kvm_interrupt,
	.idle_begin = kvm_idle_begin,
	.idle_end = kvm_idle_end,
	.guest_time = kvm_guest_time,
	.affinity = kvm_affinity,
	.which_cpu = kvm_which_cpu,
};
