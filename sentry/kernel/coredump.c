/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coredump: writing the core file of a process.
 *
 * The dying process's other threads leave their registers as they end
 * (coredump_join()); when only the dumping one is left, it writes "core" into
 * its current directory with its own rights.  Memory that was never touched, or
 * that is a file's, is a hole.
 *
 * Locks: sighand for the list of threads and the status.
 * Linux: fs/coredump.c and binfmt_elf.c of 6.18, with core_pattern "core" and
 *        coredump_filter 0x33 but for huge pages; no pipe, no socket.
 * Tests: tests/conformance/coredump.c
 */
#include "sentry/kernel/coredump.h"

#include <errno.h>
#include <string.h>

#include "abi/core.h"
#include "abi/elf.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/task_private.h"
#include "sentry/lib/log.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/mm/uio.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

#define CORE_NAME     "core"
#define CORE_SEGS_MAX 0xfffe /* PN_XNUM */

/* --- threads -------------------------------------------------------------- */

static struct core_thread *thread_new(struct task *t)
{
	struct core_thread *ct = kzalloc(sizeof(*ct));

	if (!ct)
		return NULL;
	ct->tid = t->tid;
	ct->regs = *platform_regs(t->cpu);
	ct->sigpend = t->signals->pending.mask;
	ct->sighold = t->signals->blocked;
	ct->fpu = kzalloc(platform_limits()->xsave_size);
	if (ct->fpu && platform_get_fpu(t->cpu, ct->fpu) < 0)
		free(take(ct->fpu));
	return ct;
}

static void drop_threads(struct core_dump *d)
{
	struct core_thread *ct, *tmp;

	list_for_each_entry_safe (ct, tmp, &d->threads, node) {
		list_del(&ct->node);
		free(ct->fpu);
		free(ct);
	}
}

void coredump_join(struct task *t)
{
	struct signal_state *s = t->group->signals;
	struct core_thread *ct;
	bool wanted;

	mutex_lock(&s->mu);
	wanted = s->core && s->core_task != t;
	mutex_unlock(&s->mu);
	if (!wanted || !t->cpu)
		return;
	ct = thread_new(t);
	if (!ct)
		return;
	/* It waits for us: we are counted until count_out(). */
	mutex_lock(&s->mu);
	list_append(&s->core->threads, &ct->node);
	mutex_unlock(&s->mu);
}

static void wait_alone(struct task *t)
{
	struct task_waiter w;

	task_waiter_init(&w, t);
	waitq_add(&t->group->priv->exec_wq, &w.waiter, LINUX_POLLIN);
	while (t->group->nr_threads > 1)
		if (task_sleep_killable(&w, NO_DEADLINE) < 0)
			break;
	waitq_del(&w.waiter);
}

/* --- the file ------------------------------------------------------------- */

struct core_file {
	struct file *f;
	int64_t pos;
	uint64_t written, limit;
};

/* 0 or -errno; -EFBIG beyond RLIMIT_CORE. */
static int emit(struct core_file *c, const void *data, size_t size)
{
	struct uio u;
	long n;

	if (size > c->limit - c->written)
		return -EFBIG;
	while (size > 0) {
		if (kernel_is_ending())
			return -EINTR;
		uio_kernel(&u, (void *)(uintptr_t)data, size);
		n = file_write(c->f, &u, &c->pos);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		data = (const char *)data + n;
		size -= (size_t)n;
		c->written += (size_t)n;
	}
	return 0;
}

static int open_core(struct core_file *c)
{
	struct kstat st = { 0 };
	int ret;

	/* An old one goes; what cannot be removed stops us at O_EXCL. */
	(void)!vfs_unlinkat(LINUX_AT_FDCWD, CORE_NAME, false);
	ret = vfs_open(LINUX_AT_FDCWD, CORE_NAME,
		       LINUX_O_CREAT | LINUX_O_RDWR | LINUX_O_NOFOLLOW |
			       LINUX_O_EXCL,
		       0600, 0, &c->f);
	if (ret == 0)
		ret = inode_getattr(c->f->inode, &st);
	if (ret == 0 && st.uid != current_task()->cred->fsuid)
		ret = -EPERM;
	return ret;
}

/* How much of @s goes into the file. */
static uint64_t dump_size(const struct mm_segment *s)
{
	if (s->dontdump)
		return 0;
	if (!s->file || (!s->shared && s->memory)) /* pages of its own */
		return s->end - s->start;
	/* The first page tells a debugger which build the file is. */
	return s->offset == 0 && (s->prot & PLAT_READ) ? PAGE_SIZE : 0;
}

static int emit_headers(struct core_file *c, const struct mm_segment *segs,
			int nr, const struct seq_buf *notes)
{
	struct linux_elf64_ehdr h = {
		.ident = LINUX_ELFMAG "\2\1\1",
		.type = LINUX_ET_CORE,
		.machine = LINUX_EM_X86_64,
		.version = 1,
		.phoff = sizeof(h),
		.ehsize = sizeof(h),
		.phentsize = sizeof(struct linux_elf64_phdr),
		.phnum = (uint16_t)(nr + 1),
	};
	struct linux_elf64_phdr p = {
		.type = LINUX_PT_NOTE,
		.offset = sizeof(h) + (uint64_t)(nr + 1) * sizeof(p),
		.filesz = notes->len,
		.align = 4,
	};
	uint64_t at = page_up(p.offset + p.filesz);
	int ret = emit(c, &h, sizeof(h));

	if (ret == 0)
		ret = emit(c, &p, sizeof(p));
	for (int i = 0; i < nr && ret == 0; i++) {
		const struct mm_segment *s = &segs[i];

		p = (struct linux_elf64_phdr){
			.type = LINUX_PT_LOAD,
			.flags = (s->prot & PLAT_READ ? LINUX_PF_R : 0) |
				 (s->prot & PLAT_WRITE ? LINUX_PF_W : 0) |
				 (s->prot & PLAT_EXEC ? LINUX_PF_X : 0),
			.offset = at,
			.vaddr = s->start,
			.filesz = dump_size(s),
			.memsz = s->end - s->start,
			.align = PAGE_SIZE,
		};
		at += p.filesz;
		ret = emit(c, &p, sizeof(p));
	}
	if (ret == 0)
		ret = emit(c, notes->data, notes->len);
	c->pos = (int64_t)page_up((uint64_t)c->pos);
	return ret;
}

static bool is_zero(const char *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE_SIZE - 1);
}

/* Pages that are not there, or hold nothing, become holes. */
static int emit_segment(struct core_file *c, struct mm *mm,
			const struct mm_segment *s, void *page)
{
	uint64_t end = s->start + dump_size(s);
	uint32_t flags = MM_FORCE | (s->file && !s->memory ? 0 : MM_NOFAULT);
	int ret = 0;

	if (!s->file && !s->named && !s->memory) {
		c->pos += (int64_t)(end - s->start);
		return 0;
	}
	for (uint64_t at = s->start; at < end && ret == 0; at += PAGE_SIZE) {
		if (mm_copy_in(mm, page, at, PAGE_SIZE, flags) || is_zero(page))
			c->pos += PAGE_SIZE;
		else
			ret = emit(c, page, PAGE_SIZE);
	}
	return ret;
}

static int emit_all(struct core_file *c, struct task *t, struct core_dump *d)
{
	AUTO_FREE void *page = kzalloc(PAGE_SIZE);
	struct mm_segment *segs = NULL;
	struct seq_buf notes = { 0 };
	int nr, ret;

	if (!page)
		return -ENOMEM;
	nr = mm_segments(t->mm, &segs);
	if (nr < 0)
		return nr;
	core_notes(&notes, t, d);
	ret = notes.failed || nr > CORE_SEGS_MAX ? -ENOMEM : 0;
	if (ret == 0)
		ret = emit_headers(c, segs, nr, &notes);
	for (int i = 0; i < nr && ret == 0; i++)
		ret = emit_segment(c, t->mm, &segs[i], page);
	seq_fini(&notes);
	mm_segments_free(segs, nr);
	if (ret == 0) /* the end may be a hole */
		ret = vfs_truncate(c->f->path.mnt, c->f->inode, t->cred,
				   (uint64_t)c->pos);
	return ret;
}

/* True: there is a file; as on Linux it may be cut off. */
static bool write_core(struct task *t, struct core_dump *d)
{
	struct core_file c = { .limit = task_rlimit(t, RLIM_CORE) };
	bool opened;
	int ret;

	if (c.limit < PAGE_SIZE || mm_dumpable(t->mm) != 1)
		return false;
	ret = open_core(&c);
	opened = ret == 0;
	if (opened)
		ret = emit_all(&c, t, d);
	if (c.f)
		file_put(c.f);
	if (ret < 0)
		log_debug("process %u: core file: %s", t->group->tgid,
			  strerror(-ret));
	return opened;
}

/* --- the end of the group ------------------------------------------------- */

/* False: the process is ending already, for another reason. */
static bool begin(struct task *t, struct core_dump *d)
{
	struct signal_state *s = t->group->signals;
	bool ok;

	mutex_lock(&s->mu);
	ok = !s->group_exit && !s->exec_task;
	if (ok) {
		s->core = d;
		s->core_task = t;
	}
	mutex_unlock(&s->mu);
	return ok;
}

static void finish(struct task *t, bool dumped)
{
	struct signal_state *s = t->group->signals;

	mutex_lock(&s->mu);
	s->core = NULL;
	if (dumped) {
		s->exit_code |= 0x80;
		t->priv->exit_code |= 0x80;
	}
	mutex_unlock(&s->mu);
}

void coredump_group_exit(struct task *t, const struct linux_siginfo *si)
{
	struct core_dump d = { .si = si };
	struct core_thread *own;
	bool dumped = false;

	list_init(&d.threads);
	if (task_rlimit(t, RLIM_CORE) < PAGE_SIZE || !begin(t, &d)) {
		signal_group_exit(t, si->signo);
		return;
	}
	own = thread_new(t);
	if (own) {
		mutex_lock(&t->group->signals->mu);
		list_push(&d.threads, &own->node);
		mutex_unlock(&t->group->signals->mu);
	}
	signal_group_exit(t, si->signo);
	wait_alone(t);
	if (own && t->group->nr_threads == 1)
		dumped = write_core(t, &d);
	finish(t, dumped);
	drop_threads(&d);
}
