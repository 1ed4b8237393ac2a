/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_strace: the table-driven argument decoder of --strace.
 *
 * Input: number (2 bytes), result (8), six arguments (8 each), then the guest's
 * memory, which begins at GUEST; everything else faults.
 * Checked: no access outside, the line fits, its end is well formed.
 */
#include <stdlib.h>
#include <string.h>

#include "sentry/mm/mm.h"
#include "sentry/syscalls/strace.h"
#include "syscalls.h"

#define GUEST 0x1000ul

static const uint8_t *g_mem;
static size_t g_size;

size_t mm_copy_in(struct mm *mm, void *dst, uint64_t src, size_t size,
		  uint32_t flags)
{
	uint64_t off = src - GUEST;
	size_t n;

	(void)mm;
	(void)flags;
	if (off >= g_size)
		return size;
	n = MIN(size, g_size - off);
	memcpy(dst, g_mem + off, n);
	return size - n;
}

struct input {
	uint16_t nr;
	uint64_t result;
	uint64_t args[6];
} __attribute__((packed));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct syscall_desc *d;
	char *line = malloc(STRACE_LINE_SIZE);
	struct strace_out o = { .buf = line,
				.size = STRACE_LINE_SIZE,
				.mm = (struct mm *)line };
	uint64_t args[6];
	struct input in;

	if (size < sizeof(in)) {
		free(line);
		return 0;
	}
	memcpy(&in, data, sizeof(in));
	g_mem = data + sizeof(in);
	g_size = size - sizeof(in);
	memcpy(args, in.args, sizeof(args));
	d = &g_syscalls[in.nr % SYSCALL_TABLE_SIZE];
	if (d->name) {
		strace_put_args(&o, d, args, 0, d->nr_args);
		o.len = 0;
		o.exiting = true;
		o.result = (long)in.result;
		strace_put_args(&o, d, args, 0, d->nr_args);
		strace_put_result(&o, d, (long)in.result);
		if (o.len + 2 > o.size || memchr(line, '\n', o.len))
			abort();
	}
	free(line);
	return 0;
}
