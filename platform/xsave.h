/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xsave: FPU images in the standard (not compacted) XSAVE format: how large,
 * what XRSTOR takes, what a platform may show.
 *
 * The host's image may be larger than ours: AMX, which guests are not told
 * about, lies at its end and stays in its initial state.
 */
#ifndef PLATFORM_XSAVE_H
#define PLATFORM_XSAVE_H

#include "platform.h"

#define XSAVE_MXCSR	 24
#define XSAVE_SW_BYTES	 464
#define XSAVE_SW_SIZE	 48
#define XSAVE_HEADER	 512
#define XSAVE_HEADER_END 576

/* Whether the CPU and the host kernel have XSAVE at all. */
bool xsave_present(void);
/* Sets xcr0 and xsave_size of @l; returns the host's own image size. */
size_t xsave_limits(struct platform_limits *l);
/* Takes from them what is not in @xcr0. */
void xsave_restrict(struct platform_limits *l, uint64_t xcr0);
/* 0, or -EINVAL for what XRSTOR would fault on. */
MUST_CHECK int xsave_check(const struct platform_limits *l,
			   const uint8_t *image);
/* Hides what the host put beyond the contract's format. */
void xsave_clean(const struct platform_limits *l, uint8_t *image);

#endif
