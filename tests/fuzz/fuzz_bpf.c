/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bpf: filters of system calls.  What is accepted must end and stay inside
 * its memory (the sanitizers look), and what is known without the arguments
 * must hold with any.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/kernel/bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct linux_sock_filter *prog;
	struct linux_seccomp_data d;
	uint32_t len, known, result;

	if (size < sizeof(d) + sizeof(*prog))
		return 0;
	memcpy(&d, data, sizeof(d));
	len = (uint32_t)((size - sizeof(d)) / sizeof(*prog));
	if (len > LINUX_BPF_MAXINSNS)
		return 0;
	/* Of exactly that size, so that a step outside is seen. */
	prog = malloc(len * sizeof(*prog));
	if (!prog)
		return 0;
	memcpy(prog, data + sizeof(d), len * sizeof(*prog));
	if (bpf_check(prog, len) == 0) {
		result = bpf_run(prog, &d);
		if (bpf_run_known(prog, d.nr, d.arch, &known) &&
		    known != result)
			abort();
		if (bpf_linux_len(prog, len) > 5 * len + 3)
			abort();
	}
	free(prog);
	return 0;
}
