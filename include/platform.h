/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform: the narrow waist between the sentry and whatever runs guest code.
 *
 * A platform_as is one guest address space; a vcpu is the platform's half of
 * one guest thread.  Nothing above this interface knows which platform runs.
 *
 * Trust: what comes back in registers and guest_stop is the guest's word.
 *
 * Orders.  map, unmap and protect are *orders*: they are queued in the address
 * space and carried out, in sequence, at the latest before any vcpu enters the
 * space again.  platform_as_flush() carries them out now.  A vcpu of the same
 * space that is inside guest mode meanwhile may still see the old state until
 * the flush (or sync) returns; therefore memory that was unmapped may be used
 * for something else only afterwards.
 */
#ifndef MOAT_PLATFORM_H
#define MOAT_PLATFORM_H

#include "abi/regs.h"
#include "sentry/lib/compiler.h"

struct platform;
struct platform_as;
struct vcpu;

/* Access bits: PROT_READ/WRITE/EXEC of mmap(2), as on the guest's ABI. */
enum { PLAT_READ = 1, PLAT_WRITE = 2, PLAT_EXEC = 4 };

/* Why a vcpu came back from guest mode. */
enum stop_kind {
	STOP_SYSCALL,	  /* the registers hold number and arguments */
	STOP_FAULT,	  /* memory access: addr, access; rip at the access */
	STOP_EXCEPTION,	  /* signo, code, addr: FPE, ILL, TRAP, non-canonical */
	STOP_INTERRUPTED, /* platform_vcpu_interrupt(), or for no reason */
	STOP_GONE,	  /* the host killed the stub: the process is lost */
};

struct guest_stop {
	enum stop_kind kind;
	int signo;	 /* FAULT and EXCEPTION: signal Linux would send */
	int code;	 /* its si_code */
	uint64_t addr;	 /* its si_addr; for FAULT the address touched */
	uint32_t access; /* FAULT: PLAT_* bits tried; 0 if not known */
	uint32_t trapno; /* sigcontext trapno and err, for signal frames */
	uint32_t errcode;
	bool hot; /* SYSCALL: this site calls often, see site_new() */
};

struct platform_limits {
	uint64_t max_user_addr; /* first address that a guest cannot map */
	uint64_t min_user_addr; /* lowest that can be mapped (page aligned) */
	uint32_t max_host_maps; /* host VMAs of one address space */
	size_t xsave_size;	/* bytes of FPU state, standard XSAVE format */
	uint64_t xcr0;		/* state components in it */
	/* Guest code runs in the thread that calls run(): its time is part of
	 * that thread's CPU time. */
	bool own_thread;
	/* What spaces with patched sites keep free (0: nothing). */
	uint64_t reserved_start, reserved_end;
	/* Each entry to guest mode serialises the core, as iret does. */
	bool entry_serialises;
};

/* What the launcher's side gives a platform before filters are closed. */
struct platform_setup {
	int memory_fd;	  /* the memory file; orders name it by this number */
	uint32_t nr_cpus; /* CPUs that may be used (placement) */
	int device_fd;	  /* what open_device() gave; the platform keeps it */
	/*
	 * Copies guest memory, which the host may refuse (a file was
	 * truncated): returns the bytes NOT copied.  NULL: nothing of the guest
	 * is a file (probes and tests).
	 */
	size_t (*copy)(void *dst, const void *src, size_t size);
};

/* An ioctl that a platform makes after start(), on descriptors that are
 * fd_value in the bits of fd_mask. */
struct platform_ioctl {
	uint64_t fd_mask, fd_value;
	unsigned long request;
	const char *why;
};

/*
 * One order of a batch.  The fd is a descriptor of the sentry; the platform
 * shares or translates it and does not keep it after the order is carried out.
 */
enum order_kind { ORDER_MAP, ORDER_UNMAP, ORDER_PROTECT };

struct map_order {
	enum order_kind kind;
	uint32_t prot; /* PLAT_*; MAP and PROTECT */
	int fd;	       /* MAP: always mapped MAP_SHARED unless .priv */
	bool priv;     /* MAP: MAP_PRIVATE; prot never has PLAT_WRITE then */
	bool populate; /* MAP: fill page tables now (MAP_POPULATE) */
	uint64_t addr, size, offset; /* page aligned, size > 0 */
};

/* Bytes that a patch of a call site replaces: `mov $nr, %eax` and the like. */
#define PLATFORM_PATCH_SIZE 5

struct patch_site {
	uint64_t addr;			    /* of the `syscall` instruction */
	uint8_t code[PLATFORM_PATCH_SIZE];  /* what was before it */
	uint8_t patch[PLATFORM_PATCH_SIZE]; /* and is there now */
};

/* A set of up to 1024 CPUs. */
#define PLATFORM_MASK_WORDS 16

struct platform_ops {
	const char *name;
	const char *summary; /* one line for help */

	/*
	 * Whether this host can run it.  Returns 0, or -errno with *why set to
	 * a static sentence that names the cause and the remedy.
	 * Caller: launcher, before any namespace exists; leaves nothing behind.
	 */
	int (*probe)(const char **why);
	/*
	 * Whether another platform that works is likely to be faster; *why as
	 * for probe().  NULL: never.  Cheap.
	 */
	bool (*is_slow)(const char **why);
	/*
	 * Opens the device that start() needs: the sentry cannot open files.
	 * NULL: there is none.  Caller: launcher.  Returns: descriptor, -errno.
	 */
	int (*open_device)(void);
	/*
	 * Starts the platform in the sentry, before its own filter closes and
	 * while it has one thread (the template stub is forked here).
	 */
	int (*start)(const struct platform_setup *setup, struct platform **out);
	const struct platform_limits *(*limits)(struct platform *p);
	/* For the sentry's filter; NULL: none. */
	const struct platform_ioctl *(*ioctls)(struct platform *p, size_t *nr);

	/* An empty address space; no stub exists until a vcpu is bound. */
	int (*as_new)(struct platform *p, struct platform_as **out);
	/* Caller: no vcpu is bound any more. */
	void (*as_free)(struct platform_as *as);
	/*
	 * Appends an order; no host call is made.
	 * Returns: 0; -ENOMEM if the queue cannot grow.
	 */
	int (*as_order)(struct platform_as *as, const struct map_order *order);
	/*
	 * Carries out all queued orders.
	 * Caller:  thread of @cpu, @cpu bound to @as and not in guest mode.
	 * Returns: 0; -ENOMEM if the host refuses one (that order and the later
	 *          ones are dropped; the range is then unmapped);
	 *          -ESRCH if the stub is gone.
	 */
	int (*as_flush)(struct platform_as *as, struct vcpu *cpu);
	/*
	 * From any thread: returns when no vcpu of @as can touch what the
	 * orders queued before the call have taken away, i.e. every vcpu has
	 * left guest mode since (they are interrupted) or the orders are done.
	 */
	void (*as_sync)(struct platform_as *as);

	/*
	 * Patching (all may be NULL: the platform has no use for it).
	 * site_new: @addr is that of a `syscall` instruction in @as, right
	 * after the one instruction @code, which does not depend on its place
	 * and which the caller may replace by @patch; both forms do the same
	 * from then on, the syscall instruction stays.
	 * limits()->reserved_* is mapped with the first site of a space.
	 * Caller:  as for as_flush.
	 * Returns: 0; -ENOSPC, -ENOMEM, -ESRCH: no patch.
	 */
	int (*site_new)(struct platform_as *as, struct vcpu *cpu, uint64_t addr,
			const uint8_t code[PLATFORM_PATCH_SIZE],
			uint8_t patch[PLATFORM_PATCH_SIZE]);
	/*
	 * The @i-th site that @as may have, from 0; any thread.  A site may
	 * never have been patched, or its text be gone.  -ENOENT: no more.
	 */
	int (*site_get)(struct platform_as *as, uint32_t i,
			struct patch_site *out);
	/* @to is new and will hold a copy of the patched text of @from. */
	void (*as_fork)(struct platform_as *from, struct platform_as *to);

	/*
	 * A vcpu for a new guest thread in @as.
	 * Caller:  the parent's thread.  @creator is its vcpu if it is bound to
	 *          @as (a stub thread is made from it), NULL for an empty @as.
	 * Returns: 0; -EAGAIN if the host has no more processes or memory.
	 */
	int (*vcpu_new)(struct platform_as *as, struct vcpu *creator,
			struct vcpu **out);
	/* Takes over @cpu in the thread that will run it, before all else. */
	int (*vcpu_bind)(struct vcpu *cpu);
	/* execve: moves @cpu to the empty @as.  Registers: undefined. */
	int (*vcpu_move)(struct vcpu *cpu, struct platform_as *as);
	/* Ends the stub thread and frees @cpu; by the thread that bound it, or
	 * by any if it was never bound. */
	void (*vcpu_free)(struct vcpu *cpu);

	/*
	 * The guest registers, valid while the vcpu is outside guest mode.  A
	 * plain pointer: reading and writing costs nothing; run() loads what
	 * is there.  For STOP_SYSCALL rax holds -ENOSYS, orig_rax the number;
	 * rcx and r11 are as the instruction leaves them.
	 */
	struct guest_regs *(*regs)(struct vcpu *cpu);
	/*
	 * FPU state in the standard (not compacted) XSAVE format, limits()->
	 * xsave_size bytes; the legacy area's software bytes are zero.
	 * set_fpu refuses (-EINVAL) what XRSTOR would fault on.
	 */
	int (*get_fpu)(struct vcpu *cpu, void *buf);
	int (*set_fpu)(struct vcpu *cpu, const void *buf);

	/*
	 * Flushes orders, then runs @cpu until it leaves guest mode.
	 * @step:   run one instruction; ends as EXCEPTION SIGTRAP/TRAP_TRACE.
	 * Caller:  the thread that bound it, no lock held; blocks.
	 */
	void (*run)(struct vcpu *cpu, bool step, struct guest_stop *stop);
	/*
	 * From any thread: makes a run() that is in progress, or else the next
	 * one, return soon.  Never lost; may be spurious (STOP_INTERRUPTED).
	 */
	void (*interrupt)(struct vcpu *cpu);
	/* The thread of @cpu is about to sleep in the sentry / has woken. */
	void (*idle_begin)(struct vcpu *cpu);
	void (*idle_end)(struct vcpu *cpu);
	/* CPU time used in guest mode so far, nanoseconds; any thread. */
	uint64_t (*guest_time)(struct vcpu *cpu);

	/*
	 * Which CPUs; both from any thread, and NULL if the platform leaves
	 * that to the host.  CPUs have numbers below the setup's nr_cpus.
	 * affinity: @cpu runs guest code on those of @mask (a bit each, one is
	 * there) from now on, and is on one of them on return.
	 * which_cpu: where it runs, or ran last; -1: not known.
	 */
	void (*affinity)(struct vcpu *cpu,
			 const uint64_t mask[PLATFORM_MASK_WORDS]);
	int (*which_cpu)(struct vcpu *cpu);
};

extern const struct platform_ops platform_ptrace, platform_trap, platform_kvm;

/* All platforms of this build, NULL-terminated, best first. */
extern const struct platform_ops *const platform_list[];

/*
 * The checking wrappers (platform/platform.c): they assert the contracts above
 * and then call the one started platform.  Same results.
 */
MUST_CHECK int platform_start(const struct platform_ops *ops,
			      const struct platform_setup *setup);
const char *platform_name(void);
const struct platform_limits *platform_limits(void);
/* *nr: 0 if there are none. */
const struct platform_ioctl *platform_ioctls(size_t *nr);
MUST_CHECK int platform_as_new(struct platform_as **out);
void platform_as_free(struct platform_as *as);
MUST_CHECK int platform_as_order(struct platform_as *as,
				 const struct map_order *order);
MUST_CHECK int platform_as_flush(struct platform_as *as, struct vcpu *cpu);
void platform_as_sync(struct platform_as *as);
/* -ENOSYS without site_new(). */
MUST_CHECK int platform_site_new(struct vcpu *cpu, uint64_t addr,
				 const uint8_t code[PLATFORM_PATCH_SIZE],
				 uint8_t patch[PLATFORM_PATCH_SIZE]);
/* -ENOENT without site_get(). */
MUST_CHECK int platform_site_get(struct platform_as *as, uint32_t i,
				 struct patch_site *out);
void platform_as_fork(struct platform_as *from, struct platform_as *to);
MUST_CHECK int platform_vcpu_new(struct platform_as *as, struct vcpu *creator,
				 struct vcpu **out);
MUST_CHECK int platform_vcpu_bind(struct vcpu *cpu);
MUST_CHECK int platform_vcpu_move(struct vcpu *cpu, struct platform_as *as);
void platform_vcpu_free(struct vcpu *cpu);
struct guest_regs *platform_regs(struct vcpu *cpu);
MUST_CHECK int platform_get_fpu(struct vcpu *cpu, void *buf);
MUST_CHECK int platform_set_fpu(struct vcpu *cpu, const void *buf);
void platform_run(struct vcpu *cpu, bool step, struct guest_stop *stop);
void platform_interrupt(struct vcpu *cpu);
void platform_idle_begin(struct vcpu *cpu);
void platform_idle_end(struct vcpu *cpu);
uint64_t platform_guest_time(struct vcpu *cpu);
/* Without the op: no effect, and -1. */
void platform_affinity(struct vcpu *cpu,
		       const uint64_t mask[PLATFORM_MASK_WORDS]);
int platform_which_cpu(struct vcpu *cpu);

#endif
