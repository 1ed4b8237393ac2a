/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf: classic BPF programs that filter system calls.
 */
#ifndef SENTRY_KERNEL_BPF_H
#define SENTRY_KERNEL_BPF_H

#include "abi/seccomp.h"
#include "sentry/lib/compiler.h"

/*
 * 0 if bpf_run() of @prog is safe and ends: what Linux lets through for
 * seccomp.  @prog may hold anything; @len is 1 .. BPF_MAXINSNS.
 * Returns: 0, -EINVAL, -ENOMEM.
 */
MUST_CHECK int bpf_check(const struct linux_sock_filter *prog, uint32_t len);
/* The value that the checked @prog returns for @data. */
uint32_t bpf_run(const struct linux_sock_filter *prog,
		 const struct linux_seccomp_data *data);
/*
 * As bpf_run() of a checked @prog when only @nr and @arch are known.
 * True and *out if the result does not depend on anything else.
 */
MUST_CHECK bool bpf_run_known(const struct linux_sock_filter *prog, int32_t nr,
			      uint32_t arch, uint32_t *out);
/*
 * Instructions that Linux makes of @prog: it translates, and counts the
 * result against its limit for all filters of a task.
 */
uint32_t bpf_linux_len(const struct linux_sock_filter *prog, uint32_t len);

#endif
