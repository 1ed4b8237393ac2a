/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trap: the trap platform's own types, shared by its files.
 *
 * One stub process per address space.  Its leader is the agent, which shares
 * the sentry's descriptors, makes the host calls that the sentry orders, and
 * never runs guest code.  The other threads are runners, one per vcpu: they
 * have no descriptor, and no call but futex() and exit().  README.md says why.
 */
#ifndef PLATFORM_TRAP_TRAP_H
#define PLATFORM_TRAP_TRAP_H

#include "platform/base.h"
#include "platform/order_queue.h"
#include "platform/placement.h"
#include "platform/raw.h"
#include "platform/run_clock.h"
#include "platform/trap/stub.h"
#include "platform/xsave.h"
#include "sentry/lib/list.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/refcount.h"

/* Guests end here; the stub region lies between this and the top. */
#define TRAP_MAX_USER_ADDR 0x7fff00000000ull
#define TRAP_TASK_TOP	   0x7ffffffff000ull
#define TRAP_MAX_SPACES	   8192
/* Slots that a new stub has; more are mapped as threads come. */
#define TRAP_FIRST_SLOTS 8
/* Runners that a space keeps for threads to come, at most. */
#define TRAP_IDLE_RUNNERS 8

/* The shared file: the command page, then one stretch per stub. */
#define TRAP_FILE_HEAD	STUB_SLOT_SIZE
#define TRAP_FILE_SPACE (STUB_SLOT_SIZE + (uint64_t)STUB_SLOTS_SIZE)

#define TRAP_USER_CS   0x33
#define TRAP_USER32_CS 0x23
#define TRAP_USER_SS   0x2b

/* Where the guest's text keeps pointers to cells: the two upper bytes of each
 * address are a syscall instruction (sites.c). */
#define TRAP_TABLE_ADDR 0x050f0000ull
#define TRAP_TABLE_SIZE 0x10000ull
#define TRAP_FILE_SITES (TRAP_TABLE_SIZE + STUB_CELLS_SIZE)

#define SITE_MOV_EAX 0xb8 /* code[0] of `mov $nr, %eax` */

/* How often calls came by signal from an address. */
#define TRAP_HOT_CALLS 16
#define TRAP_HOT_SLOTS 64
struct hot_site {
	_Atomic uint64_t addr;
	_Atomic uint32_t count;
};

/* Patched call sites; shared by a space and those forked from it. */
struct site_set {
	struct refcount ref;
	uint32_t index;	 /* of its stretch of the site file */
	struct mutex mu; /* LOCK_PLATFORM_AS */
	_Atomic uint32_t nr;
	struct site {
		uint64_t addr; /* of the syscall instruction */
		uint8_t code[PLATFORM_PATCH_SIZE]; /* what was before it */
	} * at;		       /* entries below nr never change */
	uint8_t *table;	       /* the sentry's view: pointers, then cells */
	struct site_set *next; /* in a list of the platform */
};

/* A stub process: all of it is trusted but the slots. */
struct stub {
	uint32_t index;	   /* of its stretch of the shared file */
	uint32_t tgid;	   /* of the agent; 0: no stub */
	int done_fd;	   /* eventfd that the agent answers with */
	uint32_t nr_slots; /* mapped in the process; whoever talks to it */
	struct stub_orders *orders;
	uint8_t *slots;
	struct stub *next; /* in a list of the platform */
};

struct platform {
	struct platform_limits limits;
	IMMUTABLE uint64_t base; /* of the stub region, in every stub */
	IMMUTABLE int file_fd;	 /* the shared file */
	IMMUTABLE uint32_t template_pid;
	IMMUTABLE struct stub_command *cmd;
	IMMUTABLE uint8_t *file; /* the sentry's writable view */
	IMMUTABLE int sites_fd;	 /* file of the site sets */
	IMMUTABLE uint8_t *sites;
	struct mutex mu; /* LOCK_PLATFORM_AS: what follows */
	struct site_set *free_sets GUARDED_BY(mu);
	uint32_t nr_sets GUARDED_BY(mu);
	struct stub *asked GUARDED_BY(mu); /* the template makes it */
	struct stub *dead GUARDED_BY(mu);  /* killed, stretch to be reused */
	uint32_t nr_stubs GUARDED_BY(mu);
	bool broken GUARDED_BY(mu); /* the template died */
};

struct trap_as {
	struct platform_as base;
	struct refcount ref; /* the creator's, and guest_time() in flight */
	IMMUTABLE struct platform *p;
	struct mutex mu; /* LOCK_PLATFORM_AS */
	struct list cpus GUARDED_BY(mu);
	struct order_queue queue GUARDED_BY(mu);
	struct order_queue spare GUARDED_BY(mu); /* or in the flusher's hands */
	uint64_t slots_used[STUB_MAX_SLOTS / 64] GUARDED_BY(mu);
	/* Runners whose vcpu is gone, waiting in stub code for another one. */
	struct idle_runner {
		uint32_t slot_nr;
		uint64_t id;
	} idle[TRAP_IDLE_RUNNERS] GUARDED_BY(mu);
	uint32_t nr_idle GUARDED_BY(mu);
	bool busy GUARDED_BY(mu);  /* somebody talks to the agent */
	_Atomic uint32_t busy_seq; /* futex: that ended */
	_Atomic int late_error;	   /* of a flush at entry */
	_Atomic uint32_t pending;  /* orders wait, or the stub is gone */
	_Atomic bool gone;	   /* the host killed the stub */
	struct stub *stub;	   /* fixed while a vcpu exists */
	struct site_set *sites;	   /* or NULL; whoever is busy, or before */
	bool sites_mapped;	   /* in the stub; whoever is busy */
	int agent_place;	   /* CPU of the agent; whoever is busy */
	struct hot_site hot[TRAP_HOT_SLOTS];
	struct space_clock clock;
};

/* trap_vcpu.state */
enum {
	TRAP_IN_GUEST = 1, /* a kick is needed to stop it, and will */
	TRAP_PENDING = 2,  /* the next entry returns STOP_INTERRUPTED */
};

/* spin.c; by the vcpu's own thread. */
struct spin_state {
	bool parted;	  /* both halves wait by looking */
	uint32_t quick;	  /* short stays, less half of them for a long one */
	uint32_t needed;  /* so many before it parts */
	uint32_t misses;  /* hand-overs that one side has slept through */
	uint32_t good;	  /* and that went well, since it has parted */
	uint64_t longest; /* cycles of a short stay */
};

struct trap_vcpu {
	struct vcpu base;
	struct guest_regs regs; /* what the guest has, or will have */
	IMMUTABLE struct platform *p;
	struct stub_slot *slot;
	uint32_t slot_nr;
	uint32_t fpu_at;	   /* as stub_slot.fpu, checked */
	uint64_t fs_base, gs_base; /* what the runner has */
	bool bases_known;
	bool bound, ready; /* ready: the runner has said that it runs */
	_Atomic uint32_t state;
	_Atomic uint64_t id; /* tgid << 32 | tid of the runner */
	struct list node;    /* trap_as.cpus, its mu */
	struct run_clock clock;
	struct spin_state spin;
	struct placed placed;
};

static inline struct trap_vcpu *to_trap_vcpu(struct vcpu *cpu)
{
	return container_of(cpu, struct trap_vcpu, base);
}

static inline struct trap_as *to_trap_as(struct platform_as *as)
{
	return container_of(as, struct trap_as, base);
}

/* Where slot @nr lies in a stub. */
static inline uint64_t slot_addr(const struct platform *p, uint32_t nr)
{
	return p->base + STUB_SLOTS_OFFSET + (uint64_t)nr * STUB_SLOT_SIZE;
}

/* --- template.c, pool.c --------------------------------------------------- */
struct sock_fprog;
/* Forks the template; fills p->cmd, file, base, file_fd, template_pid. */
MUST_CHECK int trap_template_start(struct platform *p);
/* Starts making a stub with p->cmd->filepos.  Locks: p->mu. */
void template_ask(struct platform *p);
/* Its pid or -errno.  Locks: p->mu; waits. */
MUST_CHECK int template_answer(struct platform *p);
/* What the child of trap_template_start() needs. */
struct template_args {
	uint64_t base;
	int file_fd;
	uint64_t xmask;
	struct stub_command *cmd; /* the sentry's view, for failures */
	const struct sock_fprog *filter;
};
/* template_child.c: runs in the forked child, never returns. */
NORETURN void trap_template_child(const struct template_args *args);
/* filter.c: the filter of template, agents and runners; @out->filter is
 * malloc()ed. */
MUST_CHECK int trap_filter_new(struct sock_fprog *out);
/* filter.c: the one that runners add.  Returns its length in instructions. */
struct sock_filter;
unsigned int trap_filter_runner(struct sock_filter *out, uint64_t code);

/* Asks for the first stub, so that it is made meanwhile. */
void pool_start(struct platform *p);
/* The call that maps slots @first to @end - 1 of @s. */
struct stub_call stub_map_slots(const struct platform *p, const struct stub *s,
				uint32_t first, uint32_t end);
/* A stub with a runner on slot 0.  -EAGAIN. */
MUST_CHECK int stub_get(struct platform *p, struct stub **out);
/* Kills it: unless @gone the caller has unmapped all that the guest had. */
void stub_put(struct platform *p, struct stub *s);

/* --- agent.c -------------------------------------------------------------- */
/*
 * Makes the agent do the first @nr calls of s->orders and waits for it.
 * Returns: how many were done (the next one failed); -ESRCH: it is dead.
 */
MUST_CHECK long agent_call(struct stub *s, uint32_t nr);
/* Only waits, for a batch that was started otherwise. */
MUST_CHECK long agent_wait(struct stub *s, uint32_t nr);
/* Whether the process has gone for good: nothing runs in it any more. */
bool stub_is_dead(const struct stub *s);
/* Kills the process and waits until nothing runs in it any more. */
void stub_kill(const struct stub *s);

/* --- space.c -------------------------------------------------------------- */
int trap_as_new(struct platform *p, struct platform_as **out);
void trap_as_free(struct platform_as *as);
void trap_as_put(struct trap_as *as);
int trap_as_order(struct platform_as *as, const struct map_order *order);
int trap_as_flush(struct platform_as *as, struct vcpu *cpu);
void trap_as_sync(struct platform_as *as);
/* At entry: as flush, but -ENOMEM is kept for the next trap_as_flush(). */
MUST_CHECK int space_flush_at_entry(struct trap_as *as, struct trap_vcpu *cpu);
/* Has the agent map the set of @as, if it has one.  0, -ENOMEM, -ESRCH. */
MUST_CHECK int space_map_sites(struct trap_as *as, struct trap_vcpu *cpu);
/* Another runner; *out_nr: its slot.  0, -EAGAIN. */
MUST_CHECK int space_new_runner(struct trap_as *as, uint32_t *out_nr);
/* Slot @nr is not used by its vcpu any more; its runner may still end. */
void space_put_slot(struct trap_as *as, uint32_t nr);
/* The last vcpu has left: nothing of the guest's memory stays reachable. */
void space_end_stub(struct trap_as *as);
/* The stub is dead, or is killed now because it misbehaved. */
void space_lost(struct trap_as *as);

/* --- vcpu.c, run.c, stop.c ------------------------------------------------ */
int trap_vcpu_new(struct platform_as *as, struct vcpu *creator,
		  struct vcpu **out);
int trap_vcpu_bind(struct vcpu *cpu);
int trap_vcpu_move(struct vcpu *cpu, struct platform_as *as);
void trap_vcpu_free(struct vcpu *cpu);
void trap_run(struct vcpu *cpu, bool step, struct guest_stop *stop);
void trap_interrupt(struct vcpu *cpu);
/*
 * Hands the slot over with @turn and waits until the runner has stopped.
 * Returns 0, or 1 if one of the two had gone to sleep; -ESRCH: the runner is
 * dead or does not answer a kick.
 */
MUST_CHECK int hand_over(struct trap_vcpu *cpu, uint32_t turn);
/* As above, without handing over first. */
MUST_CHECK int await_runner(struct trap_vcpu *cpu);
/* Reads what the slot says; the runner has stopped.  -ESRCH: nonsense. */
MUST_CHECK int stop_read(struct trap_vcpu *cpu, bool step,
			 struct guest_stop *stop);
/* Whether the host would load these registers; else mends them and tells the
 * fault. */
bool stop_check_regs(struct trap_vcpu *cpu, struct guest_stop *stop);

/* --- sites.c -------------------------------------------------------------- */
MUST_CHECK int sites_start(struct platform *p);
int trap_site_new(struct platform_as *as, struct vcpu *cpu, uint64_t addr,
		  const uint8_t code[PLATFORM_PATCH_SIZE],
		  uint8_t patch[PLATFORM_PATCH_SIZE]);
int trap_site_get(struct platform_as *as, uint32_t i, struct patch_site *out);
void trap_as_fork(struct platform_as *from, struct platform_as *to);
void site_set_put(struct platform *p, struct site_set *s);
/* The calls that map the set of @as in its stub.  Returns how many. */
uint32_t sites_map_calls(struct trap_as *as, struct stub_call *out);
/* The site that slot or cell say; NULL: nonsense. */
const struct site *site_lookup(struct trap_as *as, uint32_t nr);
/* A call has come by signal: whether the site is worth a patch. */
bool site_is_hot(struct trap_vcpu *cpu);

/* --- spin.c --------------------------------------------------------------- */
#define SPIN_LOOKS 1000 /* of the sentry; the runner's are as many */
/* Notes the cycle counter against the clock. */
void spin_start(void);
void spin_init(struct trap_vcpu *cpu);
/* After a stay of @cycles in the guest; @slept: one side has slept. */
void spin_after(struct trap_vcpu *cpu, uint64_t cycles, bool slept);
/* The halves come together again; before the sentry thread sleeps. */
void spin_end(struct trap_vcpu *cpu);

/* --- fpu.c, times.c ------------------------------------------------------- */
int trap_get_fpu(struct vcpu *cpu, void *buf);
int trap_set_fpu(struct vcpu *cpu, const void *buf);
uint64_t trap_guest_time(struct vcpu *cpu);
/* trap_vcpu.base.as is read by other threads only in times.c. */
void trap_vcpu_set_as(struct trap_vcpu *cpu, struct trap_as *as);

/* --- probe.c -------------------------------------------------------------- */
int trap_probe(const char **why);

#endif
