/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core_notes: the notes of a core file: registers of all threads, the process,
 * the signal, the auxiliary vector, and which files are mapped where.
 *
 * Locks: as task_report() and mm_segments().
 * Linux: fill_note_info() in fs/binfmt_elf.c of 6.18.
 * Tests: tests/conformance/coredump.c, tests/real/gdb.sh
 */
#include <limits.h>
#include <string.h>

#include "abi/core.h"
#include "abi/ptrace.h"
#include "abi/ucontext.h"
#include "sentry/kernel/coredump.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/vfs.h"

#define FX_SIZE 512

static void pad4(struct seq_buf *out)
{
	static const char zero[4];

	seq_write(out, zero, -out->len & 3);
}

static void note(struct seq_buf *out, const char *owner, uint32_t type,
		 const void *data, size_t size)
{
	struct linux_elf_nhdr h = {
		.namesz = (uint32_t)strlen(owner) + 1,
		.descsz = (uint32_t)size,
		.type = type,
	};

	seq_write(out, &h, sizeof(h));
	seq_write(out, owner, h.namesz);
	pad4(out);
	seq_write(out, data, size);
	pad4(out);
}

static void note_status(struct seq_buf *out, const struct core_thread *ct,
			const struct task_report *r, int signo)
{
	struct linux_prstatus s = {
		.signo = signo,
		.cursig = (int16_t)signo,
		.sigpend = ct->sigpend,
		.sighold = ct->sighold,
		.pid = (int32_t)ct->tid,
		.ppid = (int32_t)r->ppid,
		.pgrp = (int32_t)r->pgid,
		.sid = (int32_t)r->sid,
		.regs = ct->regs,
		.fpvalid = ct->fpu != NULL,
	};

	s.utime.sec = (int64_t)(r->utime_ns / NSEC_PER_SEC);
	s.utime.usec = (int64_t)(r->utime_ns % NSEC_PER_SEC / 1000);
	s.stime.sec = (int64_t)(r->stime_ns / NSEC_PER_SEC);
	s.stime.usec = (int64_t)(r->stime_ns % NSEC_PER_SEC / 1000);
	note(out, "CORE", LINUX_NT_PRSTATUS, &s, sizeof(s));
}

static void note_process(struct seq_buf *out, struct task *t,
			 const struct task_report *r)
{
	const struct mm_marks *marks = mm_marks(t->mm);
	struct linux_prpsinfo p = {
		.sname = 'R',
		.nice = (char)r->nice,
		.uid = t->cred->uid,
		.gid = t->cred->gid,
		.pid = (int32_t)r->tgid,
		.ppid = (int32_t)r->ppid,
		.pgrp = (int32_t)r->pgid,
		.sid = (int32_t)r->sid,
	};
	size_t size =
		MIN(marks->arg_end - marks->arg_start, sizeof(p.psargs) - 1);

	memcpy(p.fname, r->comm, sizeof(p.fname));
	if (mm_copy_in(t->mm, p.psargs, marks->arg_start, size, MM_NOFAULT))
		memset(p.psargs, 0, sizeof(p.psargs));
	for (size_t i = 0; i < size; i++)
		if (!p.psargs[i])
			p.psargs[i] = ' ';
	note(out, "CORE", LINUX_NT_PRPSINFO, &p, sizeof(p));
}

static void note_auxv(struct seq_buf *out, struct task *t)
{
	const struct mm_marks *marks = mm_marks(t->mm);
	size_t n = 0;

	while (n + 2 < ARRAY_SIZE(marks->auxv) && marks->auxv[n])
		n += 2;
	note(out, "CORE", LINUX_NT_AUXV, marks->auxv, (n + 2) * 8);
}

/* NT_FILE: a table of ranges and then their paths. */
static void note_files(struct seq_buf *out, struct task *t)
{
	struct seq_buf table = { 0 }, names = { 0 };
	AUTO_FREE char *path = kzalloc(PATH_MAX);
	struct mm_segment *segs = NULL;
	uint64_t head[2] = { 0, PAGE_SIZE };
	int nr = path ? mm_segments(t->mm, &segs) : 0;

	for (int i = 0; i < nr; i++) {
		const struct mm_segment *s = &segs[i];
		uint64_t row[3] = { s->start, s->end, s->offset / PAGE_SIZE };

		if (!s->file ||
		    path_to_string(&s->file->path, path, PATH_MAX, NULL) < 0)
			continue;
		seq_write(&table, row, sizeof(row));
		seq_write(&names, path, strlen(path) + 1);
		head[0]++;
	}
	if (nr > 0)
		mm_segments_free(segs, nr);
	if (head[0] && !names.failed) {
		struct seq_buf all = { 0 };

		seq_write(&all, head, sizeof(head));
		seq_write(&all, table.data, table.len);
		seq_write(&all, names.data, names.len);
		if (!all.failed)
			note(out, "CORE", LINUX_NT_FILE, all.data, all.len);
		seq_fini(&all);
	}
	seq_fini(&table);
	seq_fini(&names);
}

static void note_fpu(struct seq_buf *out, const struct core_thread *ct)
{
	uint64_t xcr0 = platform_limits()->xcr0;

	if (!ct->fpu)
		return;
	memcpy((char *)ct->fpu + LINUX_FPX_SW_OFFSET, &xcr0, sizeof(xcr0));
	note(out, "CORE", LINUX_NT_PRFPREG, ct->fpu, FX_SIZE);
	note(out, "LINUX", LINUX_NT_X86_XSTATE, ct->fpu,
	     platform_limits()->xsave_size);
}

void core_notes(struct seq_buf *out, struct task *t, struct core_dump *d)
{
	struct core_thread *ct;
	struct task_report r;
	bool first = true;

	task_report(t, &r);
	list_for_each_entry (ct, &d->threads, node) {
		note_status(out, ct, &r, d->si->signo);
		if (first) {
			note_process(out, t, &r);
			note(out, "CORE", LINUX_NT_SIGINFO, d->si,
			     sizeof(*d->si));
			note_auxv(out, t);
			note_files(out, t);
		}
		note_fpu(out, ct);
		first = false;
	}
}
