/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_pages: /proc/PID/numa_maps and clear_refs.
 *
 * Linux: clear_refs has nothing to clear but the peak of the resident set:
 *        neither references nor soft-dirty bits of pages are kept.
 * Locks: none of its own.
 * Tests: tests/conformance/proc_task.c
 */
#include <errno.h>

#include "sentry/fs/proc/proc.h"

#define REFS_LAST 5 /* CLEAR_REFS_MM_HIWATER_RSS */

int proc_numa_maps(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret = proc_mm(ctx, &mm);

	if (ret == 0 && mm)
		mm_print_numa_maps(mm, out);
	return ret;
}

long proc_clear_refs_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int64_t v;
	int ret = synth_parse_i64(text, 1, REFS_LAST, &v);

	if (ret == 0)
		ret = proc_mm(ctx, &mm);
	if (ret < 0)
		return ret;
	if (v == REFS_LAST && mm)
		mm_reset_peak(mm);
	return (long)size;
}
