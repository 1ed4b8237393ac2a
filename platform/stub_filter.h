/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub_filter: turns a libseccomp filter into the kernel's form, to be loaded
 * by a process that has no library.
 */
#ifndef PLATFORM_STUB_FILTER_H
#define PLATFORM_STUB_FILTER_H

#include <linux/filter.h>
#include <seccomp.h>

#include "sentry/lib/compiler.h"

/* 0 with @out->filter malloc()ed, or -errno. */
MUST_CHECK int stub_filter_export(scmp_filter_ctx ctx, struct sock_fprog *out);

#endif
