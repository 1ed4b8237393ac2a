/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_mem: files of /proc/PID that show its memory as text: maps, smaps,
 * cmdline, environ, auxv.
 *
 * Trust: all text here is the guest's, addresses included; lengths are bounded
 *        before anything is allocated, and reads stop at the first fault.
 * Locks: none of its own.
 * Tests: tests/conformance/proc.c, proc_task.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/proc/proc.h"

/* Arguments and environment take at most a quarter of an 8 MiB stack or 3/4
 * of _STK_LIM; whoever moves the marks further apart sees that much. */
#define ARGS_MAX (8ul << 20)

/* Appends guest memory [@from, @to) up to the first fault. */
static void copy_range(struct mm *mm, uint64_t from, uint64_t to,
		       struct seq_buf *out)
{
	char page[PAGE_SIZE];

	if (to > from && to - from > ARGS_MAX)
		to = from + ARGS_MAX;
	while (from < to && !out->failed) {
		size_t size =
			MIN(to - from, sizeof(page) - (from & (PAGE_SIZE - 1)));
		size_t left = mm_copy_in(mm, page, from, size, MM_FORCE);

		seq_write(out, page, size - left);
		if (left)
			break;
		from += size;
	}
}

/*
 * setproctitle() writes over the arguments' last NUL and on into the
 * environment: then the title is what stands before the first NUL, one page at
 * most (get_mm_proctitle() of Linux).
 */
static void copy_title(struct mm *mm, const struct mm_marks *m,
		       struct seq_buf *out)
{
	uint64_t end = MAX(m->arg_end, m->env_end);
	char page[PAGE_SIZE];
	size_t size = MIN(end - m->arg_start, sizeof(page));
	size_t got = size - mm_copy_in(mm, page, m->arg_start, size, MM_FORCE);
	size_t len = strnlen(page, got);

	seq_write(out, page, len < got ? len + 1 : len);
}

int proc_cmdline(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	struct mm_marks m;
	char last = 1;
	int ret = proc_mm(ctx, &mm);

	if (ret < 0 || !mm)
		return ret;
	m = *mm_marks(mm);
	if (m.arg_start >= m.arg_end)
		return 0;
	if (m.env_start != m.arg_end || m.env_end < m.env_start)
		m.env_start = m.env_end = m.arg_end;
	if (mm_copy_in(mm, &last, m.arg_end - 1, 1, MM_FORCE))
		return 0;
	if (last)
		copy_title(mm, &m, out);
	else
		copy_range(mm, m.arg_start, m.arg_end, out);
	return 0;
}

int proc_environ(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret = proc_mm(ctx, &mm);

	if (ret < 0 || !mm)
		return ret;
	copy_range(mm, mm_marks(mm)->env_start, mm_marks(mm)->env_end, out);
	return 0;
}

int proc_auxv(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret = proc_mm(ctx, &mm);
	const uint64_t *auxv;
	size_t i;

	if (ret < 0 || !mm)
		return ret;
	auxv = mm_marks(mm)->auxv;
	for (i = 0; i + 2 < ARRAY_SIZE(mm_marks(mm)->auxv); i += 2)
		if (auxv[i] == 0)
			break;
	seq_write(out, auxv, (i + 2) * sizeof(auxv[0]));
	return 0;
}

int proc_maps(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret = proc_mm(ctx, &mm);

	if (ret < 0 || !mm)
		return ret;
	mm_print_maps(mm, out);
	return 0;
}

int proc_smaps(const struct synth_ctx *ctx, struct seq_buf *out)
{
	AUTO_PUT(mm) struct mm *mm = NULL;
	int ret = proc_mm(ctx, &mm);

	if (ret < 0 || !mm)
		return ret;
	mm_print_smaps(mm, out);
	return 0;
}

/* --- smaps_rollup: the sums of smaps ------------------------------------- */

static const char *const rollup_names[] = {
	"Rss",
	"Pss",
	"Pss_Dirty",
	"Pss_Anon",
	"Pss_File",
	"Pss_Shmem",
	"Shared_Clean",
	"Shared_Dirty",
	"Private_Clean",
	"Private_Dirty",
	"Referenced",
	"Anonymous",
	"KSM",
	"LazyFree",
	"AnonHugePages",
	"ShmemPmdMapped",
	"FilePmdMapped",
	"Shared_Hugetlb",
	"Private_Hugetlb",
	"Swap",
	"SwapPss",
	"Locked",
};

/* One line of smaps: adds a field to its sum, or notes a range's bounds. */
static void rollup_line(const char *line, uint64_t *sums, uint64_t *first,
			uint64_t *last)
{
	size_t i;
	char *end;
	uint64_t from;

	for (i = 0; i < ARRAY_SIZE(rollup_names); i++) {
		size_t len = strlen(rollup_names[i]);

		if (strncmp(line, rollup_names[i], len) == 0 &&
		    line[len] == ':') {
			sums[i] += strtoul(line + len + 1, NULL, 10);
			return;
		}
	}
	from = strtoul(line, &end, 16);
	if (*end != '-' || end == line)
		return;
	if (*first == UINT64_MAX)
		*first = from;
	*last = strtoul(end + 1, NULL, 16);
}

int proc_smaps_rollup(const struct synth_ctx *ctx, struct seq_buf *out)
{
	uint64_t sums[ARRAY_SIZE(rollup_names)] = { 0 };
	uint64_t first = UINT64_MAX, last = 0;
	struct seq_buf text = { 0 };
	const char *line;
	size_t i;
	int ret = proc_smaps(ctx, &text);

	if (ret == 0 && text.failed)
		ret = -ENOMEM;
	for (line = text.data; ret == 0 && line && *line;) {
		const char *nl = strchr(line, '\n');

		rollup_line(line, sums, &first, &last);
		line = nl ? nl + 1 : NULL;
	}
	seq_fini(&text);
	if (ret < 0 || first == UINT64_MAX)
		return ret;
	seq_printf(out, "%08lx-%08lx ---p 00000000 00:00 0%26s[rollup]\n",
		   first, last, "");
	for (i = 0; i < ARRAY_SIZE(rollup_names); i++)
		seq_printf(out, "%s:%*lu kB\n", rollup_names[i],
			   (int)(23 - strlen(rollup_names[i])), sums[i]);
	return 0;
}
