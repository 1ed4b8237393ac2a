/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: whether this host has what the stubs need: FSGSBASE, XSAVE images
 * that fit in a slot, close_range(), and a seccomp filter for a process
 * without privilege.  No process is made.
 *
 * Tests: tests/unit/test_platform_trap.c
 */
#include <linux/seccomp.h>
#include <sys/auxv.h>

#include "platform/trap/trap.h"

#define HWCAP2_FSGSBASE_BIT 2

int trap_probe(const char **why)
{
	const uint32_t action = SECCOMP_RET_TRAP;
	struct platform_limits l;

	if (!xsave_present() ||
	    (xsave_limits(&l), l.xsave_size) > SLOT_XAREA_SIZE) {
		*why = "the CPU has no XSAVE, or one whose state is larger "
		       "than expected: use another platform";
		return -ENODEV;
	}
	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT)) {
		*why = "the CPU or the host kernel (older than 5.9) has no "
		       "FSGSBASE: use another platform";
		return -ENODEV;
	}
	if (raw_call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0,
		     (uint64_t)(uintptr_t)&action, 0) < 0) {
		*why = "the host kernel has no seccomp filters, or hides "
		       "them: use another platform";
		return -ENOSYS;
	}
	/* Refused for the range, not for the call. */
	if (raw_call(SYS_close_range, 1, 0, STUB_CLOSE_UNSHARE, 0) != -EINVAL) {
		*why = "the host kernel has no close_range(2): it is older "
		       "than 5.9, or the container's seccomp profile is";
		return -ENOSYS;
	}
	return 0;
}
