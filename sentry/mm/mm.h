/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm: a guest address space: what the guest asked for (vmas) and what backs
 * it (pmas: ranges of the memory file or of a donated host file).
 *
 * All sizes in bytes.  Functions that change the space are called by a thread
 * whose vcpu runs in it (current_task()->mm), flush their orders and report a
 * host refusal as -ENOMEM, undone.  Errors and their order are those of the
 * man page of the call each function serves.
 *
 * Locks: mm->mu (LOCK_MM).  Held while the sentry copies guest memory (its own
 * view; a leaf apart from memfile), never across calls into files.
 */
#ifndef SENTRY_MM_MM_H
#define SENTRY_MM_MM_H

#include <sys/uio.h>

#include "abi/types.h"
#include "platform.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/compiler.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/refcount.h"

struct mm;
struct file;
struct seq_buf;

/* --- life ------------------------------------------------------------ */

/* An empty space with one user.  -ENOMEM. */
MUST_CHECK int mm_new(struct mm **out);
void mm_get(struct mm *mm);
/* The last put tears down; the caller's vcpu has left the space. */
void mm_put(struct mm *mm);
DEFINE_AUTO_PUT(mm)
/* fork: a copy-on-write copy.  Caller's vcpu runs in @mm. */
MUST_CHECK int mm_fork(struct mm *mm, struct mm **out);
struct platform_as *mm_platform_as(struct mm *mm);

/* --- the calls --------------------------------------------------------- */

struct mmap_args {
	uint64_t addr, size;
	uint32_t prot, flags; /* LINUX_PROT_*, LINUX_MAP_* */
	struct file *file;    /* NULL for anonymous; borrowed */
	uint64_t offset;
	const char *name; /* static: "[heap]", "[stack]", "[vdso]"; or NULL */
};
/* Returns the address (as long) or -errno.  mmap(2). */
long mm_mmap(struct mm *mm, const struct mmap_args *args);
int mm_munmap(struct mm *mm, uint64_t addr, uint64_t size);
/* Unmaps what is left of the attachment that began at @addr: mappings of one
 * file with @ops.  -EINVAL if there is none; shmdt(2). */
struct file_ops;
int mm_detach(struct mm *mm, uint64_t addr, const struct file_ops *ops);
int mm_mprotect(struct mm *mm, uint64_t addr, uint64_t size, uint32_t prot);
long mm_mremap(struct mm *mm, uint64_t old, uint64_t old_size,
	       uint64_t new_size, uint32_t flags, uint64_t new_addr);
int mm_madvise(struct mm *mm, uint64_t addr, uint64_t size, int advice);
int mm_msync(struct mm *mm, uint64_t addr, uint64_t size, int flags);
int mm_mincore(struct mm *mm, uint64_t addr, uint64_t size, uaddr_t vec);
int mm_mlock(struct mm *mm, uint64_t addr, uint64_t size, int flags);
int mm_munlock(struct mm *mm, uint64_t addr, uint64_t size);
int mm_mlockall(struct mm *mm, int flags);
int mm_munlockall(struct mm *mm);
int mm_mseal(struct mm *mm, uint64_t addr, uint64_t size, uint64_t flags);
long mm_remap_file_pages(struct mm *mm, uint64_t addr, uint64_t size,
			 uint32_t prot, uint64_t pgoff, uint32_t flags);
/* Is every page of the range in a mapping?  0, -EFAULT. */
MUST_CHECK int mm_check_mapped(struct mm *mm, uint64_t start, uint64_t end);
/* Returns the new (or on refusal the old) break; brk(2)'s raw convention. */
uint64_t mm_brk(struct mm *mm, uint64_t want);

/* --- for the loader ----------------------------------------------------- */

/* Picks base addresses (randomised unless @no_aslr); before any mapping. */
void mm_layout_init(struct mm *mm, bool no_aslr, uint64_t stack_limit);
uint64_t mm_pie_base(const struct mm *mm); /* ET_DYN with an interpreter */
/* Maps the stack (grows down to @stack_limit), returns its top. */
MUST_CHECK int mm_map_stack(struct mm *mm, bool exec, uint64_t *out_top);
/* Where brk starts: end of the bss, page aligned plus a random gap. */
void mm_set_brk(struct mm *mm, uint64_t end_of_bss);

/* Marks for /proc: filled by the loader, read under mm->mu by proc. */
struct mm_marks {
	uint64_t start_code, end_code, start_data, end_data, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t auxv[64]; /* as on the stack; pairs; AT_NULL ends */
	uint64_t vdso;	   /* address of the vDSO's ELF header, 0 if none */
};
struct mm_marks *mm_marks(struct mm *mm);
struct file *mm_exe_file(struct mm *mm); /* new reference or NULL */
void mm_set_exe_file(struct mm *mm, struct file *f);
/* dumpable flag of prctl(2): 0, 1 or 2. */
int mm_dumpable(struct mm *mm);
void mm_set_dumpable(struct mm *mm, int value);
/* membarrier(2): registers for the commands @add; all registered so far. */
uint32_t mm_membarrier(struct mm *mm, uint32_t add);

/* --- faults -------------------------------------------------------------- */

struct fault_result {
	int signo; /* SIGSEGV or SIGBUS if not 0 */
	int code;  /* SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR */
};
/*
 * A guest access of kind @access (PLAT_*, 0: not known) at @addr faulted:
 * copy-on-write, stack growth, late mapping.  Returns 0 to run again; -EFAULT
 * with *res; -ENOMEM: memory has run out and the process must die (OOM).  A
 * stop with SIGBUS of the host is not for here: it is the guest's already.
 */
MUST_CHECK int mm_fault(struct mm *mm, uint64_t addr, uint32_t access,
			struct fault_result *res);

/* --- access from the sentry --------------------------------------------- */
/*
 * These act on any mm (own or another's; ptrace, /proc/pid/mem).  They honour
 * protections: reading PROT_NONE or writing read-only memory is a fault, and
 * they break copy-on-write as a guest access would.
 * Return: bytes NOT copied (mm_copy_*), so 0 is success.
 */
enum {
	MM_FORCE = 1,	/* ignore protections as ptrace POKE does (maps COW) */
	MM_NOFAULT = 2, /* what is not there is not copied: no file is asked,
			 * no memory allotted; short locks may be held */
};
MUST_CHECK size_t mm_copy_in(struct mm *mm, void *dst, uint64_t src,
			     size_t size, uint32_t flags);
MUST_CHECK size_t mm_copy_out(struct mm *mm, uint64_t dst, const void *src,
			      size_t size, uint32_t flags);
MUST_CHECK size_t mm_zero_out(struct mm *mm, uint64_t dst, size_t size);

/* Shorthands on current_task()->mm: 0 or -EFAULT. */
MUST_CHECK int copy_in(void *dst, uaddr_t src, size_t size);
MUST_CHECK int copy_out(uaddr_t dst, const void *src, size_t size);
/* A NUL-terminated string of at most @size bytes with its NUL.  Returns its
 * length, -EFAULT, or -ENAMETOOLONG if no NUL was met. */
MUST_CHECK long copy_in_str(char *dst, uaddr_t src, size_t size);
/* A struct that grew over time (clone3, openat2): copies MIN(usize, ksize),
 * zero-fills, -E2BIG if the rest of the guest's is not zero.  -EFAULT. */
MUST_CHECK int copy_in_struct(void *dst, size_t ksize, uaddr_t src,
			      size_t usize);

/*
 * Replaces the instruction right before the system call instruction at @addr
 * (`mov $@nr, %eax` and the like) by what the platform has for it
 * (platform_site_new()), if it is one that is known.
 * @alone: no other thread runs in @mm.  Otherwise only a place that one store
 * can change is patched.  It is an optimisation: nothing is told.
 * Caller: the thread of @cpu, which runs in @mm.  Tests: conformance/patch.c
 */
void mm_patch_site(struct mm *mm, struct vcpu *cpu, uint64_t addr, uint32_t nr,
		   bool alone);
/* Undoes that for good, so that a debugger sees the program's own text; soon
 * done if it was done before.  The caller holds a use of @mm, no lock. */
void mm_unpatch(struct mm *mm);

/*
 * Pins: host pointers to guest memory that stay valid (never recycled) until
 * mm_unpin(), even if the guest unmaps meanwhile.  For host I/O straight into
 * guest memory and for atomic operations (futex).  @access: PLAT_READ or
 * PLAT_WRITE (breaks copy-on-write).  Pins as many of the @size bytes as fit
 * into MM_PIN_SEGS pieces.
 * Returns: bytes pinned (> 0), or -EFAULT if not even the first byte.
 */
#define MM_PIN_SEGS 16
struct mm_pin {
	struct iovec iov[MM_PIN_SEGS];
	unsigned int nr;
	struct {
		void *owner; /* NULL: a memfile range, else a file window */
		uint64_t off, size;
	} held[MM_PIN_SEGS];
};
MUST_CHECK long mm_pin(struct mm *mm, uint64_t addr, size_t size,
		       uint32_t access, struct mm_pin *out);
void mm_unpin(struct mm_pin *pin);

/*
 * What identifies a futex word: private ones by mm and address, shared ones
 * by the object and offset behind the address (futex(2)).
 */
struct mm_key {
	uint64_t object; /* mm id, memfile, or inode identity */
	uint64_t offset; /* address or offset in the object */
};
/* -EFAULT if nothing is mapped. */
MUST_CHECK int mm_shared_key(struct mm *mm, uint64_t addr, struct mm_key *out);
uint64_t mm_id(const struct mm *mm);

/* --- what files call ------------------------------------------------------ */
/*
 * An inode that can be mapped embeds a mapping: the set of address spaces
 * that map it, so that truncation can take pages away from them.
 */
struct mapping {
	struct small_mutex mu; /* LOCK_MAPPINGS */
	void *vmas;	       /* private to sentry/mm */
};
void mapping_init(struct mapping *m);
void mapping_fini(struct mapping *m);
/* Unmaps [@off, @off + @size) of the file from every space and waits until no
 * vcpu can reach it; later accesses fault and ask the file again.  Caller:
 * the inode's size or extents have been changed already. */
void mapping_invalidate(struct mapping *m, uint64_t off, uint64_t size);
/* The same for a file that was cut at @size: all behind it goes, and private
 * copies of it too (hole punching leaves those). */
void mapping_truncate(struct mapping *m, uint64_t size);
/* Does any space map it shared and (maybe later) writable?  F_SEAL_WRITE. */
bool mapping_writable(struct mapping *m);

/* --- reports -------------------------------------------------------------- */
struct mm_stats {
	uint64_t vm_size, rss, data, stack, exe, lib, locked; /* bytes */
	uint64_t rss_anon, rss_shmem;			      /* parts of rss */
	uint64_t peak_vm, peak_rss; /* as seen when somebody asked */
	uint64_t brk_start;
	uint32_t nr_vmas;
};
void mm_stats(struct mm *mm, struct mm_stats *out);
/* Its peak_rss; what is small counts as there in full: much cheaper. */
uint64_t mm_peak_rss(struct mm *mm);
/* Is @addr in a mapping of exactly @f? */
bool mm_maps_file(struct mm *mm, uint64_t addr, const struct file *f);
/* Bytes of the memory file that back it, shared ones too. */
uint64_t mm_charged(struct mm *mm);
/*
 * @make_room is called, with no lock of rank MM or later, when a fault met a
 * limit of the memory file; true: it is worth to try again.  Start-up only.
 */
void mm_set_oom(bool (*make_room)(void));
/* Entries of /proc/pid/pagemap for @nr pages from number @page on. */
void mm_pagemap(struct mm *mm, uint64_t page, unsigned int nr, uint64_t *out);
/* The peak of the resident set is what is resident now. */
void mm_reset_peak(struct mm *mm);
void mm_print_numa_maps(struct mm *mm, struct seq_buf *out);
/* Text of /proc/pid/maps and /proc/pid/smaps. */
void mm_print_maps(struct mm *mm, struct seq_buf *out);
void mm_print_smaps(struct mm *mm, struct seq_buf *out);

/* The areas of a space, lowest first, for core files. */
struct mm_segment {
	uint64_t start, end, offset;
	uint64_t memory;   /* bytes of own memory that are there */
	uint32_t prot;	   /* PLAT_* */
	struct file *file; /* +1; NULL: none, or named "[...]" */
	bool shared, dontdump, named;
};
/* Returns how many, *out for mm_segments_free(); -ENOMEM. */
MUST_CHECK int mm_segments(struct mm *mm, struct mm_segment **out);
void mm_segments_free(struct mm_segment *segs, int nr);

#endif
