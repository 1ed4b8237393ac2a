/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pt: the ptrace platform's own types, shared by its files.
 *
 * One stub process per address space.  Guest threads are its threads, each a
 * tracee of the sentry thread that bound it.  The leader of the process is a
 * vcpu only as long as it is the only one: the first second thread moves it to
 * a thread of its own and leaves the leader parked for ever (vcpu.c says why).
 *
 * Nothing untraced ever runs guest code: an untraced stub thread is in stub
 * code (stub.S), parked or about to exit.
 */
#ifndef PLATFORM_PTRACE_PT_H
#define PLATFORM_PTRACE_PT_H

#include <sched.h>
#include <signal.h>

#include "platform/base.h"
#include "platform/order_queue.h"
#include "platform/placement.h"
#include "platform/ptrace/stub.h"
#include "platform/raw.h"
#include "platform/run_clock.h"
#include "platform/xsave.h"
#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/refcount.h"

/* Guests end here; the stub region lies between this and the top. */
#define PT_MAX_USER_ADDR 0x7fff00000000ull
#define PT_TASK_TOP	 0x7ffffffff000ull
#define PT_MAX_SLOTS	 32768

/* Default-ignored when nobody traces, so a late kick does no harm. */
#define PT_KICK_SIGNAL SIGCHLD

#define PT_USER_CS 0x33
#define PT_USER_SS 0x2b

/* status of wait4() for a stop of kind @sig, ptrace event @event. */
#define PT_STOPPED(sig, event) ((event) << 16 | (sig) << 8 | 0x7f)
#define PT_SYSCALL_STOP	       PT_STOPPED(SIGTRAP | 0x80, 0)
#define PT_IS_STOP(status)     (((status)&0xff) == 0x7f)
#define PT_STOP_SIG(status)    (((status) >> 8) & 0xff)
#define PT_STOP_EVENT(status)  ((status) >> 16)

struct platform {
	struct platform_limits limits;
	IMMUTABLE uint64_t base; /* of the stub region, in every stub */
	IMMUTABLE int orders_fd; /* command page, then the slots */
	IMMUTABLE uint32_t template_pid;
	IMMUTABLE struct stub_command *cmd;
	IMMUTABLE uint8_t *slots;	  /* the sentry's writable view */
	IMMUTABLE size_t xsave_host_size; /* what SETREGSET insists on */
	struct mutex mu; /* LOCK_PLATFORM_AS: cmd, slot allocation */
	uint32_t nr_slots GUARDED_BY(mu);
	uint32_t nr_free GUARDED_BY(mu);
	uint32_t *free_slots GUARDED_BY(mu); /* PT_MAX_SLOTS entries */
	bool asked GUARDED_BY(mu);	     /* a stub is made, or waits */
	bool broken GUARDED_BY(mu);	     /* the template died */
};

#define PT_NO_SLOT UINT32_MAX

struct pt_as {
	struct platform_as base;
	struct refcount ref; /* the creator's, and guest_time() in flight */
	IMMUTABLE struct platform *p;
	struct mutex mu; /* LOCK_PLATFORM_AS */
	struct list cpus GUARDED_BY(mu);
	struct order_queue queue GUARDED_BY(mu);
	struct order_queue spare GUARDED_BY(mu); /* or in the flusher's hands */
	bool flushing GUARDED_BY(mu);
	_Atomic int late_error; /* of a flush at entry */
	uint32_t slot;		/* fixed once a stub exists */
	/* Not 0: something is to be done before the next entry.  Stays so
	 * until it *is* done, so that no vcpu slips in meanwhile. */
	_Atomic uint32_t pending;
	_Atomic uint32_t flush_seq; /* futex: a flush ended */
	_Atomic bool needs_setup;   /* the stub has not mapped its window */
	_Atomic bool gone;	    /* the host killed the stub */
	_Atomic uint32_t sync_left; /* futex: vcpus that as_sync() awaits */
	struct space_clock clock;   /* its tgid says whether there is a stub */
};

/* pt_vcpu.state */
enum {
	PT_IN_GUEST = 1, /* a kick is needed to stop it, and will */
	PT_PENDING = 2,	 /* the next entry returns STOP_INTERRUPTED */
	PT_SYNC = 4,	 /* counted in as->sync_left; only with IN_GUEST */
};

struct pt_vcpu {
	struct vcpu base;
	struct guest_regs regs;	  /* what the guest has, or will have */
	struct guest_regs loaded; /* what the stub thread has */
	bool dirty;		  /* @loaded is not true */
	bool bound, reaped;	  /* traced by its thread / nothing to reap */
	bool is_leader;
	IMMUTABLE struct platform *p;
	_Atomic uint32_t state;
	_Atomic uint64_t id; /* tgid << 32 | tid of the stub thread */
	uint32_t tid;	     /* the same tid, for its own thread */
	struct list node;    /* pt_as.cpus, its mu */
	void *fpu;	     /* image to load at bind, or NULL */
	struct run_clock clock;
	struct placed placed;
};

static inline struct pt_vcpu *to_pt_vcpu(struct vcpu *cpu)
{
	return container_of(cpu, struct pt_vcpu, base);
}

static inline struct pt_as *to_pt_as(struct platform_as *as)
{
	return container_of(as, struct pt_as, base);
}

/* Where a label of stub.S lies in the stubs. */
static inline uint64_t stub_addr(const struct platform *p, const char *label)
{
	return p->base + (uint64_t)(label - stub_begin);
}

/* --- template.c ------------------------------------------------------- */
/* Forks the template; fills cmd, slots, base, orders_fd, template_pid. */
MUST_CHECK int template_start(struct platform *p);
/* Asks for a new stub process.  Returns its pid or -EAGAIN. */
MUST_CHECK int template_new_stub(struct platform *p);
/* A slot of the order file; -EAGAIN if all are in use. */
MUST_CHECK int slot_get(struct platform *p, uint32_t *out);
void slot_put(struct platform *p, uint32_t slot);

/* What the child of template_start() needs. */
struct template_args {
	uint64_t base;
	int orders_fd;
	struct stub_command *cmd; /* the sentry's view, for failures */
	const struct sock_fprog *filter;
};
/* template_child.c: runs in the forked child, never returns. */
NORETURN void template_child(const struct template_args *args);
/* filter.c: the stub's filter; @out->filter is malloc()ed. */
struct sock_fprog;
MUST_CHECK int stub_filter_new(struct sock_fprog *out);

/* --- tracee.c: seizing, injecting, letting go ---------------------------- */
/* Makes @tid a stopped tracee of this thread.  -ESRCH, -EPERM. */
MUST_CHECK int tracee_seize(uint32_t tid);
/* Registers with which stub code starts; the rest is 0. */
void stub_regs_init(struct guest_regs *regs, uint64_t rip);
/*
 * Runs stub code with @regs until the int3 before @end; @regs then holds what
 * the stub left.  The guest's registers are loaded again at the next entry.
 * -ESRCH: the stub is gone.
 */
MUST_CHECK int tracee_inject(struct pt_vcpu *cpu, struct guest_regs *regs,
			     uint64_t end);
/* Sends the stopped tracee to @label for good.  Never fails visibly: one that
 * is dead already is reaped. */
void tracee_release(const struct platform *p, uint32_t tid, const char *label,
		    int signo);
/* Takes the exit status of a tracee that died. */
void tracee_reap(uint32_t tid);
/* The stub of @cpu is gone: marks the space, reaps. */
void vcpu_lost(struct pt_vcpu *cpu);

/* --- orders.c, flush.c --------------------------------------------------- */
int pt_as_order(struct platform_as *as, const struct map_order *order);
int pt_as_flush(struct platform_as *as, struct vcpu *cpu);
void pt_as_sync(struct platform_as *as);
/* At entry: as flush, but -ENOMEM is kept for the next pt_as_flush(). */
MUST_CHECK int flush_at_entry(struct pt_as *as, struct pt_vcpu *cpu);

/* --- ptrace.c ------------------------------------------------------------- */
void pt_as_put(struct pt_as *as);

/* --- vcpu.c, run.c, stop.c ------------------------------------------------ */
int pt_vcpu_new(struct platform_as *as, struct vcpu *creator,
		struct vcpu **out);
int pt_vcpu_bind(struct vcpu *cpu);
int pt_vcpu_move(struct vcpu *cpu, struct platform_as *as);
void pt_vcpu_free(struct vcpu *cpu);
void pt_run(struct vcpu *cpu, bool step, struct guest_stop *stop);
void pt_interrupt(struct vcpu *cpu);
/* Stops @cpu, seen in guest mode, by a signal. */
void vcpu_kick(struct pt_vcpu *cpu);
/* Says what a stop other than a plain system call means. */
void stop_decode(struct pt_vcpu *cpu, int status, struct guest_stop *stop);
/* The host refused the registers (-EIO): mends them, tells the fault. */
void stop_bad_regs(struct pt_vcpu *cpu, struct guest_stop *stop);

/* --- fpu.c, times.c ------------------------------------------------------- */
/* Loads an image that was set before @cpu was bound.  0 or -errno. */
int fpu_load_early(struct pt_vcpu *cpu);
int pt_get_fpu(struct vcpu *cpu, void *buf);
int pt_set_fpu(struct vcpu *cpu, const void *buf);
uint64_t pt_guest_time(struct vcpu *cpu);

/* pt_vcpu.base.as is read by other threads only in times.c. */
void vcpu_set_as(struct pt_vcpu *cpu, struct pt_as *as);

/* --- probe.c -------------------------------------------------------------- */
int pt_probe(const char **why);

#endif
