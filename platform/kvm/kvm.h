/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm: the KVM platform's own types, shared by its files.
 *
 * One virtual machine per sandbox.  Guest code runs in its ring 3; ring 0
 * holds one page of entry points that do nothing but leave the machine.  A
 * guest thread needs no thread or process of its own: the sentry thread that
 * runs its task enters the machine itself, on one of a pool of processors.
 *
 * README.md has the plan.
 */
#ifndef PLATFORM_KVM_KVM_H
#define PLATFORM_KVM_KVM_H

#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "platform/base.h"
#include "platform/order_queue.h"
#include "platform/placement.h"
#include "platform/raw.h"
#include "platform/run_clock.h"
#include "platform/xsave.h"
#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"

#define KVM_MAX_USER_ADDR 0x7fff00000000ull
#define KVM_TASK_TOP	  0x7ffffffff000ull

/* Stops a processor; a handler that does nothing is in place. */
#define KVM_KICK_SIGNAL SIGURG

#define KVM_USER_CS   0x33
#define KVM_USER32_CS 0x23
#define KVM_USER_SS   0x2b
#define KVM_RING0_CS  0x10

/*
 * Physical memory of the machine, in chunks that are given out in order.  The
 * machine's address of a byte is that in the sentry's region plus a constant,
 * so one memory slot covers many chunks whatever is in them.
 */
#define PHYS_START    (4ull << 30) /* the machine's address of the region */
#define PHYS_SIZE     (1ull << 40)
#define CHUNK_SHIFT   26
#define CHUNK_SIZE    (1ull << CHUNK_SHIFT)
#define CHUNK_PAGES   (CHUNK_SIZE / PAGE_SIZE)
#define SLOT_SHIFT    29
#define NR_CHUNKS     (PHYS_SIZE >> CHUNK_SHIFT)
#define MEMORY_CHUNKS ((16ull << 40) >> CHUNK_SHIFT) /* of the memory file */

enum chunk_kind { CHUNK_FREE, CHUNK_TABLES, CHUNK_MEMORY, CHUNK_FILES };

/* A mapping of a host file: pages of a chunk of files, of one space. */
struct extent {
	struct list node; /* kvm_as.extents or .dead */
	uint64_t gpa;
	uint32_t nr_pages;
	uint32_t live; /* table entries that name a page of it */
};

struct chunk {
	enum chunk_kind kind;
	uint32_t next;		 /* FILES: where to look for room first */
	struct extent **extents; /* FILES: of each page, or NULL */
};

struct phys {
	struct mutex mu; /* LOCK_PLATFORM_PHYS */
	IMMUTABLE uint8_t *region;
	IMMUTABLE uint64_t size;
	IMMUTABLE int vm_fd, memory_fd;
	uint32_t nr_chunks GUARDED_BY(mu), nr_slots GUARDED_BY(mu);
	struct chunk *chunks;		 /* .kind: fixed when given out */
	uint32_t *memory GUARDED_BY(mu); /* memory file's chunk + 1 */
	/* Pages for tables: new ones from [next, end); clean and dirty are
	 * freed ones, dirty until the machine has forgotten them. */
	uint64_t next GUARDED_BY(mu), end GUARDED_BY(mu);
	uint64_t *clean GUARDED_BY(mu), *dirty GUARDED_BY(mu);
	uint32_t nr_clean GUARDED_BY(mu), nr_dirty GUARDED_BY(mu);
	uint32_t cap_clean GUARDED_BY(mu), cap_dirty GUARDED_BY(mu);
};

struct kvm_vcpu;

/* A processor of the machine. */
struct hw {
	IMMUTABLE int fd;
	IMMUTABLE struct kvm_run *run;
	IMMUTABLE uint8_t *stack; /* the sentry's view of its page */
	IMMUTABLE uint64_t stack_addr;
	_Atomic uint32_t busy;	/* 1: some thread has it */
	struct kvm_vcpu *owner; /* whose FPU state it holds; see pool.c */
	uint64_t taken;		/* turn in which it was taken last; pool.mu */
	_Atomic uint32_t tid;	/* of the thread in guest mode, or 0 */
	bool segments_known; /* .run's copy of the system registers is true */
};

struct waiter {
	struct list node;
	_Atomic uint32_t done; /* futex */
	struct hw *hw;	       /* what it was given */
};

struct pool {
	struct mutex mu; /* LOCK_PLATFORM_PHYS */
	IMMUTABLE uint32_t nr;
	IMMUTABLE struct hw *hw;
	struct list waiters GUARDED_BY(mu);
	_Atomic uint32_t nr_waiters;
	uint64_t turn GUARDED_BY(mu);
};

struct platform {
	struct platform_limits limits;
	struct platform_ioctl ioctls[8];
	size_t nr_ioctls;
	int dev_fd, vm_fd, pid;
	size_t (*copy)(void *dst, const void *src, size_t size); /* see setup */
	uint32_t tsc_khz;
	/* Ring 0 runs on the CPU; else the host emulates it, `syscall` stays
	 * in ring 3 and each ring 0 instruction costs. */
	bool native;
	struct phys phys;
	struct pool pool;
	uint64_t window_table;	/* entry for the third level of each space */
	struct kvm_sregs sregs; /* what every processor starts with */
};

extern struct platform g_kvm;

struct kvm_as {
	struct platform_as base;
	struct mutex mu; /* LOCK_PLATFORM_AS */
	struct order_queue queue GUARDED_BY(mu);
	_Atomic uint32_t pending; /* orders wait */
	_Atomic int late_error;	  /* of a flush at entry */
	_Atomic bool gone;	  /* the machine failed in it */
	_Atomic bool used;	  /* guest code has run with these tables */
	_Atomic uint64_t root;	  /* 0: no tables yet; fixed then */
	uint64_t *tables GUARDED_BY(mu); /* every page of them */
	uint32_t nr_tables GUARDED_BY(mu), cap_tables GUARDED_BY(mu);
	struct list extents GUARDED_BY(mu), dead GUARDED_BY(mu);
};

/* kvm_vcpu.state */
enum {
	KVM_IN_GUEST = 1, /* a kick is needed to stop it, and will */
	KVM_PENDING = 2,  /* the next entry returns STOP_INTERRUPTED */
};

struct kvm_vcpu {
	struct vcpu base;
	struct guest_regs regs;
	_Atomic uint32_t state;
	_Atomic uint32_t tid;	   /* of the sentry thread that bound it */
	struct hw *_Atomic hw;	   /* holds our FPU state; pool.mu to change */
	uint8_t *fpu;		   /* otherwise it is here */
	uint64_t fs_base, gs_base; /* as they came back last */
	uint64_t last_spurious;	   /* address of faults that had no cause */
	uint32_t nr_spurious, nr_efault;
	struct run_clock clock;
	struct placed placed; /* the thread is its own other half */
	bool bound;
};

static inline struct kvm_vcpu *to_kvm_vcpu(struct vcpu *cpu)
{
	return container_of(cpu, struct kvm_vcpu, base);
}

static inline struct kvm_as *to_kvm_as(struct platform_as *as)
{
	return container_of(as, struct kvm_as, base);
}

static inline bool canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

/* ioctl() without errno. */
static inline long kvm_ioctl(int fd, uint64_t request, const void *arg)
{
	return raw_call(SYS_ioctl, (uint64_t)fd, request,
			(uint64_t)(uintptr_t)arg, 0);
}

/* --- machine.c: the machine and its processors at start ----------------- */
/* 0 or -errno with *why set; leaves nothing behind. */
int kvm_probe(const char **why);
/* Without help of the CPU. */
bool kvm_is_slow(const char **why);
/* /dev/kvm for the sentry, or -errno. */
int kvm_open_device(void);
/* Fills vm_fd, pool, limits.  -errno. */
MUST_CHECK int machine_start(struct platform *p, uint32_t nr_cpus);

/* --- window.c: what ring 0 has ------------------------------------------ */
#define WINDOW	       0x7fffc0000000ull
#define WINDOW_ENTRY   (WINDOW + 0x1000)   /* LSTAR */
#define WINDOW_ENTRY32 (WINDOW_ENTRY + 16) /* CSTAR */
#define WINDOW_IRET    (WINDOW_ENTRY + 32)
#define WINDOW_TRAPS   (WINDOW + 0x2000) /* an entry point per vector */
#define TRAP_STRIDE    16
#define IRET_FRAME     (PAGE_SIZE - 64) /* on the ring 0 stack */
#define ENTRY_PORT     0x80
#define WINDOW_MAX_HW  256
/* Builds the pages and tables; needs .phys; sets .sregs and each stack. */
MUST_CHECK int window_start(struct platform *p);
/* Sets .native, and the entry points to suit; needs the first processor. */
MUST_CHECK int window_measure(struct platform *p);

/* --- phys.c ------------------------------------------------------------- */
MUST_CHECK int phys_start(struct platform *p, int vm_fd, int memory_fd,
			  uint32_t phys_bits);
/* A zeroed page for tables, or 0. */
uint64_t phys_table_get(struct phys *ph);
/* Gives them back; used again when the machine has forgotten them. */
void phys_table_put(struct phys *ph, const uint64_t *pages, uint32_t nr);
/* Where @off of the memory file is; *out_size: as far as that goes on. */
MUST_CHECK int phys_memory(struct phys *ph, uint64_t off, uint64_t *out_gpa,
			   uint64_t *out_size);
/* Maps the start of a file order, at most a chunk; the caller owns *out. */
MUST_CHECK int phys_file_map(struct phys *ph, const struct map_order *o,
			     struct extent **out);
void phys_file_unmap(struct phys *ph, struct extent *e);
/* The extent that @gpa belongs to, NULL if it is none of a file's. */
struct extent *phys_extent(struct phys *ph, uint64_t gpa);
static inline uint8_t *phys_ptr(const struct phys *ph, uint64_t gpa)
{
	return ph->region + (gpa - PHYS_START);
}

/* --- table.c: page tables of a space; callers hold as->mu --------------- */
/* Page addresses that the machine must look up again; see zap_flush(). */
#define ZAP_RANGES 32
struct zap {
	struct kvm_as *as;
	uint32_t nr;
	struct {
		uint64_t start, end;
	} at[ZAP_RANGES];
};
void zap_flush(struct zap *z);
/* The root of @as, made if need be; 0: no memory. */
uint64_t table_root(struct kvm_as *as);
MUST_CHECK int table_map(struct zap *z, uint64_t addr, uint64_t size,
			 uint64_t gpa, uint32_t prot);
void table_unmap(struct zap *z, uint64_t addr, uint64_t size);
void table_protect(struct zap *z, uint64_t addr, uint64_t size, uint32_t prot);
/*
 * The sentry's pointer to @addr, NULL if the guest may not access it so
 * (@access: PLAT_*).  Touching it can fault.
 */
uint8_t *table_look(struct kvm_as *as, uint64_t addr, uint32_t access);
/* Takes pages whose host file has ended away, so that they fault.  Returns
 * how many. */
uint32_t table_find_bad(struct kvm_as *as);
/* @addr is one of them: it is put back, for the next try. */
bool table_take_bad(struct kvm_as *as, uint64_t addr);

/* --- space.c ------------------------------------------------------------ */
int kvm_as_new(struct platform *p, struct platform_as **out);
void kvm_as_free(struct platform_as *as);
int kvm_as_order(struct platform_as *as, const struct map_order *order);
int kvm_as_flush(struct platform_as *as, struct vcpu *cpu);
void kvm_as_sync(struct platform_as *as);
/* At entry: as flush, but -ENOMEM is kept for the next kvm_as_flush(). */
void space_flush_late(struct kvm_as *as);
/* The same, with tables there; false: no memory for them. */
bool space_ready(struct kvm_as *as);
/* Reads up to @size guest bytes at @addr into @out; returns how many. */
size_t space_read(struct kvm_as *as, uint64_t addr, void *out, size_t size,
		  uint32_t access);

/* --- pool.c ------------------------------------------------------------- */
void hw_pool_start(struct pool *pool);
/* A processor with the FPU state of @cpu; NULL: interrupted while waiting. */
struct hw *pool_take(struct kvm_vcpu *cpu);
void pool_give(struct hw *hw);
/* @cpu ends: no processor holds its state any more. */
void pool_forget(struct kvm_vcpu *cpu);
int kvm_get_fpu(struct vcpu *cpu, void *buf);
int kvm_set_fpu(struct vcpu *cpu, const void *buf);

/* --- vcpu.c, run.c, stop.c ---------------------------------------------- */
int kvm_vcpu_new(struct platform_as *as, struct vcpu *creator,
		 struct vcpu **out);
int kvm_vcpu_bind(struct vcpu *cpu);
int kvm_vcpu_move(struct vcpu *cpu, struct platform_as *as);
void kvm_vcpu_free(struct vcpu *cpu);
uint64_t kvm_guest_time(struct vcpu *cpu);
void kvm_guest_run(struct vcpu *cpu, bool step, struct guest_stop *stop);
void kvm_interrupt(struct vcpu *cpu);
/* Makes the thread in guest mode on @hw leave it. */
void hw_kick(struct hw *hw);
/* Whether the machine can take the registers; if not they are mended and
 * @stop says what Linux would make of them. */
bool kvm_check_regs(struct kvm_vcpu *cpu, struct guest_stop *stop);
/* What a return from KVM_RUN (@ret) means; the registers are taken.  True: that
 * was between the machine and us, the guest goes on. */
bool kvm_stop_decode(struct kvm_vcpu *cpu, struct hw *hw, long ret, bool step,
		     struct guest_stop *stop);

#endif
