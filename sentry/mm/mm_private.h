/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm_private: the structures of an address space, for sentry/mm only.
 *
 * Two ordered maps without overlaps:
 * - vma: what the guest asked for.  Neighbours that are alike are merged.
 * - pma: a part of exactly one vma that has a backing: a range of the memory
 *   file or of a host file.  No pma: nothing is mapped there, a fault makes
 *   one.
 *
 * A pma owns
 * - one memfile reference on every byte of [off, off + length) (memory kind);
 * - one memfile reference on every byte of [shadow, shadow + length), if it has
 *   a shadow: reserved, not committed, never mapped anywhere;
 * - one user of its window, if it has one (file kind).
 * Splitting splits all of them in parallel.  A copy-on-write break copies a
 * piece into the same relative place of the shadow: there the shadow's
 * reference becomes that of off, and the piece has no shadow any more.  fork
 * copies off with a new reference; the shadow stays with the parent.
 *
 * Who may write: a pma with .cow is never mapped writable; it is .cow if some
 * other mm, or the file, may see the same bytes and the mapping is private.
 *
 * Order of an operation (struct mm_batch): lock, change the maps and queue
 * orders, batch_commit() (flush, then give memory back), unlock, batch_finish()
 * (drop files, which may block).
 *
 * Locks: mm->mu for all that is not said otherwise.  Functions below are called
 * with it held for writing unless they say reading or none.
 */
#ifndef SENTRY_MM_MM_PRIVATE_H
#define SENTRY_MM_MM_PRIVATE_H

#include <stdatomic.h>

#include "abi/mman.h"
#include "abi/signal.h"
#include "platform.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/list.h"
#include "sentry/mm/memfile.h"
#include "sentry/mm/mm.h"
#include "sentry/mm/tree.h"
#include "sentry/vfs/vfs.h"

#define MAX_MAP_COUNT	65530u
#define STACK_GUARD	(256 * PAGE_SIZE)
#define COW_AROUND	(64ull << 10)
#define BACK_CHUNK	(64ull << 20) /* late backing, in aligned chunks */
#define LAZY_SIZE	(1ull << 30)  /* bigger ones are backed late */
#define LAZY_NORESERVE	(64ull << 20) /* with MAP_NORESERVE */
#define SHADOW_MAX	(1ull << 30)
#define WINDOW_MAX	(64ull << 30) /* file pmas are cut to this */
#define POPULATE_MAX	(1ull << 20)
#define HOST_MAPS_SPARE 64 /* for the stub itself and for splits */

enum vma_flags {
	VMA_SHARED = 1 << 0,
	VMA_MAYWRITE = 1 << 1, /* private, or the file is open for writing */
	VMA_GROWSDOWN = 1 << 2,
	VMA_NORESERVE = 1 << 3,
	VMA_LOCKED = 1 << 4,
	VMA_LOCKONFAULT = 1 << 5,
	VMA_DONTFORK = 1 << 6,
	VMA_WIPEONFORK = 1 << 7,
	VMA_DONTDUMP = 1 << 8,
	VMA_HUGEPAGE = 1 << 9,
	VMA_NOHUGEPAGE = 1 << 10,
	VMA_RANDOM = 1 << 11,
	VMA_SEQUENTIAL = 1 << 12,
	VMA_ZERO_FILE = 1 << 13, /* /dev/zero: memory, the file is a name */
	VMA_ACCOUNT = 1 << 14,
	VMA_SEALED = 1 << 15,
	VMA_PROGRAM = 1 << 16, /* MAP_DENYWRITE: nobody writes to the file */
};

struct vma {
	RB_ENTRY(vma) node;
	uint64_t start, end;
	uint64_t offset; /* of start in the file, or in the shared object */
	uint32_t prot;	 /* LINUX_PROT_* as asked */
	uint32_t flags;
	struct file *file; /* owned; NULL: anonymous */
	const char *name;  /* static or NULL */
	IMMUTABLE struct mm *mm;
	struct mapping *mapping; /* kept alive by file; NULL: not followed */
	struct list map_node;	 /* mapping->mu */
	struct vma *next_free;
};
RB_HEAD(vma_tree, vma);

struct window;

struct pma {
	RB_ENTRY(pma) node;
	uint64_t start, end;
	uint64_t off;	 /* in the memory file, or in fd */
	uint64_t shadow; /* MEMFILE_NONE: none */
	int fd;		 /* -1: memory file */
	uint8_t prot;	 /* PLAT_*: what guest and sentry may do */
	bool cow;
	bool from_file; /* shows the file's bytes (not a private copy) */
	bool mapped;	/* the host maps it with .prot (or will, by an order) */
	bool rw;	/* fd may be mapped writable */
	_Atomic(struct window *) win; /* set by readers, once */
	struct pma *next_free;
};
RB_HEAD(pma_tree, pma);

struct mm {
	struct refcount users; /* the space is alive */
	struct refcount ref;   /* the struct; all users together hold one */
	IMMUTABLE uint64_t id;
	struct rwlock mu;	/* LOCK_MM */
	struct platform_as *as; /* NULL once torn down */
	struct vma_tree vmas GUARDED_BY(mu);
	struct pma_tree pmas GUARDED_BY(mu);
	_Atomic(struct pma *)
		last; /* of the last look-up; cleared by writers */
	uint32_t nr_vmas, nr_pmas GUARDED_BY(mu);
	uint64_t total_vm, data_vm, stack_vm, exec_vm, locked_vm GUARDED_BY(mu);
	uint64_t peak_vm GUARDED_BY(mu);
	_Atomic uint64_t peak_rss;
	uint32_t def_flags GUARDED_BY(mu); /* mlockall(MCL_FUTURE) */
	/* Counts what may make an access fault that was allowed before. */
	uint64_t changes GUARDED_BY(mu);
	/* Every gap in [gap_from, mmap_base) is smaller than gap_size. */
	uint64_t gap_from, gap_size GUARDED_BY(mu);
	/* Node caches, so that no split fails half-way. */
	struct vma *free_vmas GUARDED_BY(mu);
	struct pma *free_pmas GUARDED_BY(mu);
	unsigned int nr_free_vmas, nr_free_pmas GUARDED_BY(mu);
	/* Layout: set before the space is shared. */
	uint64_t mmap_base, pie_base, stack_top, stack_limit;
	bool no_aslr;
	uint64_t brk_start, brk GUARDED_BY(mu);
	struct mm_marks marks;
	struct file *exe_file GUARDED_BY(mu);
	_Atomic int dumpable;
	_Atomic uint32_t membarrier; /* commands registered for */
	/* Patched call sites need limits()->reserved_*: the guest may not map
	 * it.  Once set it stays. */
	bool patched GUARDED_BY(mu);
	_Atomic bool unpatched; /* for a debugger: nothing is patched again */
};

static inline bool vma_anon(const struct vma *v)
{
	return !v->file || v->flags & VMA_ZERO_FILE;
}
static inline bool vma_private(const struct vma *v)
{
	return !(v->flags & VMA_SHARED);
}
/* x86: a mapping that can be accessed at all can be read. */
static inline uint32_t vma_access(const struct vma *v)
{
	uint32_t prot = v->prot & (PLAT_READ | PLAT_WRITE | PLAT_EXEC);

	return prot ? prot | PLAT_READ : 0;
}
static inline uint64_t pma_size(const struct pma *p)
{
	return p->end - p->start;
}
static inline uint64_t vma_size(const struct vma *v)
{
	return v->end - v->start;
}
/* Whether [@start, @end) touches what is reserved for patched sites. */
static inline bool mm_reserved(const struct mm *mm, uint64_t start,
			       uint64_t end)
{
	const struct platform_limits *l = platform_limits();

	return mm->patched && start < l->reserved_end &&
	       end > l->reserved_start;
}
/* First address that the guest cannot map. */
static inline uint64_t mm_max_addr(void)
{
	return platform_limits()->max_user_addr;
}
static inline bool mm_is_current(const struct mm *mm)
{
	struct task *t = current_task();

	return t && t->mm == mm && t->cpu;
}

/* --- vma.c ---------------------------------------------------------------- */

/* The first vma that ends above @addr / that contains it; reading is enough. */
struct vma *vma_find(struct mm *mm, uint64_t addr);
struct vma *vma_at(struct mm *mm, uint64_t addr);
struct vma *vma_next(struct mm *mm, struct vma *v);
struct vma *vma_prev(struct mm *mm, struct vma *v);
/* The last vma that starts below @addr. */
struct vma *vma_before(struct mm *mm, uint64_t addr);
/* Any vma in [start, end)? */
bool vma_any(struct mm *mm, uint64_t start, uint64_t end);
void vma_insert(struct mm *mm, struct vma *v);
void vma_remove(struct mm *mm, struct vma *v);
/* Changes the bounds without passing a neighbour; offset follows start. */
void vma_resize(struct mm *mm, struct vma *v, uint64_t start, uint64_t end);
void vma_set_prot(struct mm *mm, struct vma *v, uint32_t prot);
void vma_set_flags(struct mm *mm, struct vma *v, uint32_t set, uint32_t clear);
/* A node of the cache (mm_reserve() before), a copy of @v with own references,
 * in no tree. */
struct vma *vma_copy(struct mm *mm, const struct vma *v);
/* Forgets a vma that is in no tree; drops its file: no lock held. */
void vma_free(struct vma *v);
/* Bytes of [start, end) that are mapped. */
uint64_t vma_bytes(struct mm *mm, uint64_t start, uint64_t end);

/* --- pma.c ---------------------------------------------------------------- */

/* The first that ends above @addr; the one around @addr; the neighbours. */
struct pma *pma_find(struct mm *mm, uint64_t addr);
struct pma *pma_at(struct mm *mm, uint64_t addr);
struct pma *pma_next(struct mm *mm, struct pma *p);
struct pma *pma_prev(struct mm *mm, struct pma *p);
/* The last pma that starts below @addr. */
struct pma *pma_before(struct mm *mm, uint64_t addr);
/* A node from the cache; then in the tree. */
struct pma *pma_node(struct mm *mm);
void pma_insert(struct mm *mm, struct pma *p);
void pma_remove(struct mm *mm, struct pma *p);
void pma_node_free(struct mm *mm, struct pma *p); /* owns nothing any more */
struct pma *pma_split(struct mm *mm, struct pma *p, uint64_t at);
/* The part [start, end) of @p as a pma of its own. */
struct pma *pma_cut(struct mm *mm, struct pma *p, uint64_t start, uint64_t end);
/* Merges @p with its left and right neighbour if they continue it; the pma
 * that holds them all. */
struct pma *pma_merge(struct mm *mm, struct vma *v, struct pma *p);
/* Offset in the memory file that would continue the neighbours of @start. */
uint64_t pma_hint(struct mm *mm, uint64_t start);
/* The sentry's view of @addr (inside @p); NULL if the host refuses a window.
 * Reading is enough. */
void *pma_ptr(struct pma *p, uint64_t addr);

/* Cuts vmas and pmas at both ends.  -ENOMEM (limits) without any change. */
MUST_CHECK int mm_isolate(struct mm *mm, uint64_t start, uint64_t end);
/* Merges vmas and pmas that are alike, from just below to just above. */
void mm_merge(struct mm *mm, uint64_t start, uint64_t end);
/* Nodes for one operation.  -ENOMEM. */
MUST_CHECK int mm_reserve(struct mm *mm);

/* --- window.c: the sentry's mappings of host files ------------------------ */

/*
 * A mapping of [off, off + size) of @fd, shared by all pmas that ask for the
 * same.  A user is a pma (it keeps fd open); a pin only keeps the memory.
 */
struct window *window_get(int fd, uint64_t off, uint64_t size, bool write);
void window_add_user(struct window *w);
void window_put(struct window *w);
void window_pin(struct window *w);
void window_unpin(struct window *w);
bool window_covers(const struct window *w, uint64_t off, uint64_t size);
void *window_ptr(const struct window *w, uint64_t off);

/* --- batch.c: orders and what is dropped afterwards ----------------------- */

struct mm_batch {
	struct mm *mm;
	struct map_order pending; /* grows while orders continue it */
	bool has_pending, queued, failed;
	struct vma *dead_vmas;
	struct pma *dead_pmas;
};
/* No orders yet.  @mm is locked until the batch is flushed. */
void batch_init(struct mm_batch *b, struct mm *mm);
/* Makes the host follow: map if it is not mapped, protect if prot changed. */
void batch_apply(struct mm_batch *b, struct vma *v, struct pma *p,
		 bool populate);
/* Queues the mapping of @p even if it should be there already. */
void batch_remap(struct mm_batch *b, struct pma *p, bool populate);
/* The same for a mapping that is there as far as we know: no change. */
void batch_renew(struct mm_batch *b, struct pma *p, bool populate);
void batch_unmap(struct mm_batch *b, uint64_t start, uint64_t end);
/* Removes all pmas of an isolated range, and their host mappings. */
void batch_drop_pmas(struct mm_batch *b, uint64_t start, uint64_t end);
/* Removes vmas and pmas of an isolated range. */
void batch_drop(struct mm_batch *b, uint64_t start, uint64_t end);
/* A new pma, ordered.  Owns the caller's reference on @off. */
struct pma *batch_add_pma(struct mm_batch *b, struct vma *v,
			  const struct pma *model, bool populate);
/*
 * Flushes; gives dropped memory back.  -ENOMEM if the host refused: nothing of
 * this space is mapped on the host then, all comes back by faults, so that
 * what was decided holds nevertheless.
 */
int batch_commit(struct mm_batch *b);
/* The last user is gone and the platform's side too: takes all out of the maps
 * and gives it back; batch_finish() follows. */
void batch_teardown(struct mm_batch *b);
/* Without the lock: drops files. */
void batch_finish(struct mm_batch *b);

/* --- back.c: finding memory for vmas -------------------------------------- */

/* Is @v backed when it is made (or made accessible)? */
bool back_now(const struct vma *v);
/* Gives the parts of [start, end) (inside @v, anonymous) that have none their
 * memory.  -ENOMEM; what was done stays. */
MUST_CHECK int back_anon(struct mm_batch *b, struct vma *v, uint64_t start,
			 uint64_t end, bool populate);

/* What a file said about a range; the lock is not held while asking. */
#define BACKINGS 32
struct backings {
	unsigned int nr;
	uint64_t seq; /* of the mapping when it was asked */
	struct {
		uint64_t at; /* offset in the file */
		struct mmap_backing is;
	} part[BACKINGS];
};
struct file_ask {
	struct file *file;
	struct mapping *mapping;
	uint64_t off, size;
	bool write;
};
/* No lock.  0 or what the file said about the first byte. */
MUST_CHECK int back_ask(const struct file_ask *ask, struct backings *out);
/* Makes pmas of the answers inside [start, end) of @v where there are none.
 * Takes the references; false if the answers are out of date. */
bool back_file(struct mm_batch *b, struct vma *v, struct backings *got,
	       uint64_t start, uint64_t end, bool populate);
void back_drop(struct backings *got);

/* --- fault.c -------------------------------------------------------------- */

enum { FAULT_FORCE = 1, FAULT_SENTRY = 2 };
/* As mm_fault(), also for the sentry's own accesses; no lock. */
MUST_CHECK int fault_handle(struct mm *mm, uint64_t addr, uint32_t access,
			    uint32_t flags, struct fault_result *res);
/* Backs the pages of [start, end) now, as MAP_POPULATE and mlock do; no lock.
 * @access 0: as each vma allows.  @pages: the host's pages too.
 * 0; -ENOMEM (nothing mapped there), -EACCES (no such access), -EFAULT (beyond
 * the end of a file, or out of memory). */
int fault_populate(struct mm *mm, uint64_t start, uint64_t end, uint32_t access,
		   bool pages);

/* --- mmap.c, layout.c ----------------------------------------------------- */

/* A place for @size bytes: @addr if it can be, or a free one.  -ENOMEM. */
long area_find(struct mm *mm, uint64_t addr, uint64_t size, uint32_t map_flags);
/* A range becomes free: area_find() must look there again. */
void area_freed(struct mm *mm, uint64_t end);
/* RLIMIT_AS, RLIMIT_DATA and the count of maps for @more bytes.  -ENOMEM. */
MUST_CHECK int mm_may_grow(struct mm *mm, uint64_t more, uint32_t vma_flags,
			   uint32_t prot, bool file);
/* RLIMIT_MEMLOCK: may @more bytes be locked? */
bool mm_may_lock(struct mm *mm, uint64_t more);
/* munmap of a page-aligned, checked range. */
MUST_CHECK int munmap_locked(struct mm_batch *b, uint64_t start, uint64_t end);
/* -EINVAL, or the length rounded up; the range ends inside user space. */
MUST_CHECK int mm_check_range(uint64_t addr, uint64_t size, uint64_t *out_end);

/* --- mseal.c -------------------------------------------------------------- */

/* Is some of the range sealed?  Reading is enough. */
bool mm_any_sealed(struct mm *mm, uint64_t start, uint64_t end);

/* --- mapping.c ------------------------------------------------------------ */

/* @v shows @m from now on (-ENOMEM: it does not), until it leaves. */
MUST_CHECK int mapping_join(struct mapping *m, struct vma *v);
void mapping_leave(struct vma *v);
uint64_t mapping_seq(struct mapping *m);
void mm_unref(struct mm *mm); /* the struct */

/* --- check.c -------------------------------------------------------------- */

/* Aborts if the structures contradict each other; reading is enough. */
void mm_check(struct mm *mm);

#endif
