/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm_world: see mm_world.h.  Aborts at orders that break the contract.
 */
#include "mm_world.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sentry/host/host_memory.h"

static struct task g_task;
static struct cred g_cred = { .user_ns = &g_init_user_ns };
static uint64_t g_rlimits[RLIM_NR];
static bool g_access_known = true;

static const struct platform_limits g_limits = {
	.max_user_addr = WORLD_END,
	.min_user_addr = 0x10000,
	.max_host_maps = 2000,
};

/* --- what sentry/mm needs of the others ----------------------------------- */

struct task *current_task(void)
{
	return &g_task;
}

uint64_t task_rlimit(struct task *t, unsigned int which)
{
	(void)t;
	return g_rlimits[which];
}

void file_get(struct file *f)
{
	ref_get(&f->ref);
}

void file_put(struct file *f)
{
	bool last = ref_put(&f->ref);

	assert(!last); /* the test drops it */
}

long path_to_string(const struct path *p, char *buf, size_t size,
		    bool *unreachable)
{
	(void)p;
	(void)unreachable;
	return snprintf(buf, size, "/some\nfile");
}

int inode_getattr(struct inode *inode, struct kstat *out)
{
	*out = (struct kstat){ .ino = inode->ino, .dev = 0x801 };
	return 0;
}

const struct platform_limits *platform_limits(void)
{
	return &g_limits;
}

/* --- the platform --------------------------------------------------------- */

int platform_as_new(struct platform_as **out)
{
	struct platform_as *as = calloc(1, sizeof(*as));

	assert(as);
	for (unsigned int i = 0; i < WORLD_PAGES; i++)
		as->pages[i].fd = -1;
	as->refuse = -1;
	*out = as;
	return 0;
}

void platform_as_fork(struct platform_as *from, struct platform_as *to)
{
	(void)from;
	(void)to;
}

void platform_as_free(struct platform_as *as)
{
	free(as->queue);
	free(as);
}

int platform_as_order(struct platform_as *as, const struct map_order *o)
{
	assert(o->size > 0 && o->size % PAGE_SIZE == 0);
	assert(o->addr % PAGE_SIZE == 0 && o->offset % PAGE_SIZE == 0);
	assert(o->addr >= g_limits.min_user_addr);
	assert(o->addr + o->size <= g_limits.max_user_addr);
	if (as->nr_queued == as->max_queued) {
		as->max_queued = as->max_queued * 2 + 16;
		as->queue =
			realloc(as->queue, as->max_queued * sizeof(*as->queue));
		assert(as->queue);
	}
	as->queue[as->nr_queued++] = *o;
	return 0;
}

/* mprotect(2) of a hole is an error; it only happens after a refusal. */
static int carry_out(struct platform_as *as, const struct map_order *o)
{
	for (uint64_t i = 0; i < o->size / PAGE_SIZE; i++) {
		struct fake_page *p = &as->pages[o->addr / PAGE_SIZE + i];

		switch (o->kind) {
		case ORDER_MAP:
			assert(o->prot);
			p->fd = o->fd;
			p->off = o->offset + i * PAGE_SIZE;
			p->prot = (uint8_t)o->prot;
			break;
		case ORDER_UNMAP:
			p->fd = -1;
			p->prot = 0;
			break;
		case ORDER_PROTECT:
			if (p->fd < 0) {
				assert(as->lossy);
				return -ENOMEM;
			}
			p->prot = (uint8_t)o->prot;
			break;
		}
	}
	as->nr_maps += o->kind == ORDER_MAP;
	as->nr_unmaps += o->kind == ORDER_UNMAP;
	as->nr_protects += o->kind == ORDER_PROTECT;
	return 0;
}

/* A refused order and all later ones become unmappings of their ranges. */
static int flush(struct platform_as *as)
{
	int ret = 0;

	for (unsigned int i = 0; i < as->nr_queued; i++) {
		struct map_order o = as->queue[i];

		if (ret == 0 && as->refuse == 0) {
			as->refuse = -1;
			as->lossy = true;
			ret = -ENOMEM;
		} else if (ret == 0) {
			as->refuse -= as->refuse > 0;
			ret = carry_out(as, &o);
		}
		if (ret < 0) {
			o.kind = ORDER_UNMAP;
			(void)carry_out(as, &o);
		}
	}
	as->nr_queued = 0;
	return ret;
}

/* The stack pointer is where fork looks for the stack. */
struct guest_regs *platform_regs(struct vcpu *cpu)
{
	static struct guest_regs regs;

	assert(cpu == g_task.cpu);
	return &regs;
}

int platform_as_flush(struct platform_as *as, struct vcpu *cpu)
{
	assert(cpu == g_task.cpu && g_task.mm->as == as);
	as->flushes++;
	return flush(as);
}

void platform_as_sync(struct platform_as *as)
{
	as->syncs++;
	(void)flush(as);
}

/* --- files ---------------------------------------------------------------- */

static int fake_backing(struct file *f, uint64_t off, uint64_t size, bool write,
			struct mmap_backing *out)
{
	struct fake_file *ff = container_of(f, struct fake_file, file);
	void (*race)(struct fake_file *) = ff->race;

	(void)write;
	ff->asked++;
	if (ff->memory) {
		if (off >= page_up(ff->size))
			return -ENXIO;
		out->kind = BACK_MEMFILE;
		out->offset = ff->off + off;
		out->size = MIN(size, page_up(ff->size) - off);
		/* Piecewise, to try the joints. */
		out->size = MIN(out->size, 5 * PAGE_SIZE);
		memfile_get(out->offset, out->size);
	} else {
		out->kind = BACK_HOST_FD;
		out->fd = ff->fd;
		out->offset = off;
		out->size = size;
	}
	ff->race = NULL;
	if (race)
		race(ff);
	return 0;
}

static const struct file_ops g_fake_ops = {
	.name = "fake",
	.mmap_backing = fake_backing,
};

static struct fake_file *fake_new(uint32_t flags)
{
	static uint64_t ino = 100;
	struct fake_file *f = calloc(1, sizeof(*f));

	assert(f);
	ref_init(&f->file.ref);
	f->file.ops = &g_fake_ops;
	f->file.flags = flags;
	f->file.inode = &f->inode;
	f->inode.ino = ino++;
	f->inode.mapping = &f->mapping;
	mapping_init(&f->mapping);
	f->fd = -1;
	return f;
}

struct fake_file *fake_host_file(uint64_t pages, uint32_t flags)
{
	struct fake_file *f = fake_new(flags);

	f->fd = memfd_create("host file", 0);
	f->size = pages * PAGE_SIZE;
	assert(f->fd >= 0 && ftruncate(f->fd, (off_t)f->size) == 0);
	return f;
}

struct fake_file *fake_tmpfs_file(uint64_t pages, uint32_t flags)
{
	struct fake_file *f = fake_new(flags);
	int ret;

	f->memory = true;
	f->size = pages * PAGE_SIZE;
	ret = memfile_alloc(f->size, MEMFILE_NONE, 0, &f->off, NULL);
	assert(ret == 0);
	return f;
}

void fake_file_drop(struct fake_file *f)
{
	assert(ref_read(&f->file.ref) == 1);
	mapping_fini(&f->mapping);
	if (f->memory)
		memfile_put(f->off, page_up(f->size));
	else
		close(f->fd);
	free(f);
}

/* --- the world ------------------------------------------------------------ */

void world_start(uint64_t memory_limit)
{
	int ret = memfile_start(memfd_create("memory", 0), memory_limit);

	assert(ret == 0);
	g_task.cred = &g_cred;
	g_task.cpu = (struct vcpu *)&g_task;
	for (unsigned int i = 0; i < RLIM_NR; i++)
		g_rlimits[i] = UINT64_MAX;
	g_rlimits[RLIM_STACK] = 8ull << 20;
}

void world_run(struct mm *mm)
{
	g_task.mm = mm;
}

struct mm *world_mm(void)
{
	struct mm *mm;
	int ret = mm_new(&mm);

	assert(ret == 0);
	mm_layout_init(mm, true, 8ull << 20);
	return mm;
}

void world_rlimit(unsigned int which, uint64_t value)
{
	g_rlimits[which] = value;
}

struct fake_page *host_page(struct mm *mm, uint64_t addr)
{
	(void)flush(mm->as);
	return &mm->as->pages[addr / PAGE_SIZE];
}

unsigned int host_vmas(struct mm *mm)
{
	struct fake_page *a, *b;
	unsigned int nr = 0;

	(void)flush(mm->as);
	for (unsigned int i = 0; i < WORLD_PAGES; i++) {
		b = &mm->as->pages[i];
		a = i ? b - 1 : NULL;
		if (b->fd >= 0 && !(a && a->fd == b->fd && a->prot == b->prot &&
				    a->off + PAGE_SIZE == b->off))
			nr++;
	}
	return nr;
}

/* Runs until the access is done: 0, or the signal. */
static int guest_access(struct mm *mm, uint64_t addr, uint32_t access,
			uint64_t *v)
{
	for (int i = 0; i < 40; i++) {
		struct fake_page *p = host_page(mm, addr);
		struct fault_result res = { .signo = 0 };
		off_t at = (off_t)(p->off + addr % PAGE_SIZE);

		/* What the platform knows differs from fault to fault. */
		g_access_known = !g_access_known;
		if (p->fd < 0 || access & ~(uint32_t)p->prot) {
			if (mm_fault(mm, addr, g_access_known ? access : 0,
				     &res) < 0)
				return res.signo;
			continue;
		}
		if (p->fd == memfile_fd()) {
			uint64_t *word = memfile_ptr((uint64_t)at);

			if (access == PLAT_WRITE)
				*word = *v;
			else
				*v = *word;
			return 0;
		}
		if (access == PLAT_WRITE ? pwrite(p->fd, v, 8, at) != 8
					 : pread(p->fd, v, 8, at) != 8)
			return LINUX_SIGBUS;
		return 0;
	}
	assert(!"a fault that never ends");
	return -1;
}

int guest_read(struct mm *mm, uint64_t addr, uint64_t *out)
{
	return guest_access(mm, addr, PLAT_READ, out);
}

int guest_write(struct mm *mm, uint64_t addr, uint64_t v)
{
	return guest_access(mm, addr, PLAT_WRITE, &v);
}

long map_anon(struct mm *mm, uint64_t addr, uint64_t pages, uint32_t prot,
	      uint32_t flags)
{
	struct mmap_args a = { .addr = addr,
			       .size = pages * PAGE_SIZE,
			       .prot = prot,
			       .flags = flags | LINUX_MAP_ANONYMOUS };

	return mm_mmap(mm, &a);
}

long map_file(struct mm *mm, struct fake_file *f, uint64_t addr, uint64_t pages,
	      uint64_t pgoff, uint32_t prot, uint32_t flags)
{
	struct mmap_args a = { .addr = addr,
			       .size = pages * PAGE_SIZE,
			       .prot = prot,
			       .flags = flags,
			       .file = &f->file,
			       .offset = pgoff * PAGE_SIZE };

	return mm_mmap(mm, &a);
}

uint32_t mount_flags(const struct mount *m)
{
	(void)m;
	return 0;
}
