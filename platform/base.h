/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: what every platform's vcpu and address space begin with, so that the
 * checking wrappers (platform.c) can assert the contracts of platform.h.
 * Private to platform/.
 */
#ifndef PLATFORM_BASE_H
#define PLATFORM_BASE_H

#include <stdatomic.h>

#include "platform.h"

/* First member of a platform's own address-space type.  Kept by wrappers. */
struct platform_as {
	_Atomic uint32_t nr_vcpus;
};

/* First member of a platform's own vcpu type.  Kept by the wrappers. */
struct vcpu {
	struct platform_as *as;	     /* written by the thread that runs it */
	_Atomic(const void *) owner; /* the thread that bound it, or NULL */
};

#endif
