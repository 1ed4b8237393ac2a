/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fpu: the extended state of runners, in the standard XSAVE format.
 *
 * After a signal it is in the signal frame; otherwise it is still in the
 * runner's registers, and the runner saves it when somebody asks.
 *
 * Tests: tests/unit/test_platform_trap.c
 */
#include <string.h>

#include "platform/trap/trap.h"

#define FCW_INIT   0x37f
#define MXCSR_INIT 0x1f80

static void *image_at(struct trap_vcpu *cpu, uint32_t at)
{
	return (char *)cpu->slot + at;
}

int trap_set_fpu(struct vcpu *vcpu, const void *buf)
{
	struct trap_vcpu *cpu = to_trap_vcpu(vcpu);
	int ret = xsave_check(&cpu->p->limits, buf);

	if (ret < 0)
		return ret;
	memcpy(image_at(cpu, SLOT_XAREA), buf, cpu->p->limits.xsave_size);
	cpu->fpu_at = SLOT_XAREA;
	return 0;
}

/* Has the runner put its registers in the slot. */
static int save(struct trap_vcpu *cpu)
{
	int ret;

	if (!cpu->ready)
		return -EINVAL;
	memset(image_at(cpu, SLOT_XAREA), 0, XSAVE_HEADER_END);
	ret = hand_over(cpu, TURN_SAVE);
	if (ret < 0) {
		space_lost(to_trap_as(cpu->base.as));
		return ret;
	}
	cpu->fpu_at = SLOT_XAREA;
	return 0;
}

/* What a program starts with, for one that has broken its own image. */
static void initial_image(uint8_t *image, size_t size)
{
	const uint16_t fcw = FCW_INIT;
	const uint32_t mxcsr = MXCSR_INIT;

	memset(image, 0, size);
	memcpy(image, &fcw, sizeof(fcw));
	memcpy(image + XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
}

int trap_get_fpu(struct vcpu *vcpu, void *buf)
{
	struct trap_vcpu *cpu = to_trap_vcpu(vcpu);
	const struct platform_limits *l = &cpu->p->limits;
	int ret = cpu->fpu_at ? 0 : save(cpu);

	if (ret < 0)
		return ret;
	memcpy(buf, image_at(cpu, cpu->fpu_at), l->xsave_size);
	xsave_clean(l, buf);
	if (xsave_check(l, buf) < 0)
		initial_image(buf, l->xsave_size);
	return 0;
}
