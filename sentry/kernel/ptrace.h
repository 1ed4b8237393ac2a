/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace: tracing inside the sandbox, ptrace(2).
 *
 * A tracee stops in its own sentry thread, ptrace_stop(), with its whole state
 * as data: integer registers where the platform keeps them, the FPU in
 * priv->fpu.  The tracer's thread works on that state while it holds the
 * tracee frozen: then not even SIGKILL gets it out of the stop.
 *
 * Locks: who traces whom changes under LOCK_TASKLIST and the tracee's sighand
 * together, so that either is enough to read it; the state of a stop is under
 * the tracee's sighand.
 */
#ifndef SENTRY_KERNEL_PTRACE_H
#define SENTRY_KERNEL_PTRACE_H

#include <stdatomic.h>

#include "abi/ptrace.h"
#include "abi/regs.h"
#include "abi/signal.h"
#include "sentry/lib/compiler.h"
#include "sentry/lib/list.h"

struct guest_stop;
struct task;

/* Watched addresses, drawn up by the tracer while the tracee is stopped. */
struct ptrace_debug {
	uint64_t addr[4], status, control; /* DR0..3, DR6, DR7 */
	struct guest_regs before; /* the step that runs; also for BLOCK */
};

/* ptrace_state.calls: what is looked at around each entry to the guest. */
enum {
	PTRACE_CALLS_STOP = 1,	  /* PTRACE_SYSCALL, SYSEMU: stop at calls */
	PTRACE_CALLS_EMULATE = 2, /* SYSEMU: do not carry them out */
	PTRACE_CALLS_STEP = 4,	  /* run one instruction */
	PTRACE_CALLS_WATCH = 8,	  /* debug registers are in use */
	PTRACE_CALLS_BLOCK = 16,  /* with STEP: up to a branch that is taken */
};

struct ptrace_state {
	struct task *_Atomic tracer; /* borrowed; NULL: not traced */
	struct task *self;	     /* whose it is */
	struct list tracees;	     /* of this task as a tracer; TASKLIST */
	struct list tracee_node;     /* in tracer's list; TASKLIST */
	_Atomic uint32_t calls;	     /* PTRACE_CALLS_* */
	/* Under the tracee's sighand, all below. */
	_Atomic uint32_t options; /* LINUX_PTRACE_O_*; read without, too */
	bool seized;
	bool trap_stop;	  /* has to stop: attach, INTERRUPT, group stop */
	bool trap_notify; /* seized: job control changed, stop and tell */
	bool trapping;	  /* attach waits for it to leave the group stop */
	bool stopped;	  /* in a stop, its state belongs to the tracer */
	bool listening;	  /* stopped, but job control may trap again */
	bool killed;	  /* the stop is to end: SIGKILL came */
	bool frozen;	  /* a request of the tracer is at work */
	int stop_code;	  /* for wait; 0: told; at resumption the signal */
	uint64_t message; /* PTRACE_GETEVENTMSG */
	struct linux_siginfo *info; /* of the stop, in the tracee's stack */
	/* The tracee's before it stops and after, the tracer's in between. */
	bool fpu_valid;		    /* priv->fpu holds the FPU's state */
	bool fpu_changed;	    /* and is to be loaded */
	bool regs_changed;	    /* so was platform_regs() */
	struct ptrace_debug *debug; /* owned; NULL: none was ever set */
};

/* --- what other parts of the kernel report -------------------------------- */

/* Does the tracer of the current task @t want to hear of @event? */
bool ptrace_event_enabled(struct task *t, int event);
/*
 * The current task stops for PTRACE_EVENT_* @event with @message if its tracer
 * asked for it; when it returns the tracer may have changed the registers
 * (orig_rax: the call's number, -1 to skip it).  EXEC without the option is
 * SIGTRAP for an attached (not seized) task.  No lock held.
 * Returns: whether it stopped.
 */
bool ptrace_event(struct task *t, int event, uint64_t message);
/* What the tracer of @t calls it, 0 without one.  Takes tasklist. */
uint32_t ptrace_tracer_nr(struct task *t);
/* PTRACE_O_SUSPEND_SECCOMP is in force: no filter is asked. */
bool ptrace_seccomp_suspended(struct task *t);
/* A call begins; false: it is not carried out, rax is its result. */
bool ptrace_syscall_entry(struct task *t);
/* A call has ended, the result is in rax. */
void ptrace_syscall_exit(struct task *t);

/* --- for signals (signal_*.c) --------------------------------------------- */

/* The signal @si is to be delivered to the traced @t: the tracer may take it
 * away (false) or make it another one.  No lock held. */
bool ptrace_signal(struct task *t, struct linux_siginfo *si);
/* trap_stop or trap_notify is set: the current task stops.  No lock held. */
void ptrace_trap(struct task *t);
/* Sighand held: job control of the seized @t changed. */
void ptrace_trap_notify_locked(struct task *t);
/* Sighand held: something else than signals is to be done at the border. */
bool ptrace_has_work_locked(struct task *t);
/* Sighand held: SIGKILL ends a stop of @t; its tracer ends one. */
void ptrace_kill_locked(struct task *t);
void ptrace_resume_locked(struct task *t);
/* A handler's frame is in place while @t is stepped: it stops before it. */
void ptrace_handler_entered(struct task *t);

/* --- the relation (ptrace_attach.c) --------------------------------------- */

/* The state of a new task: not traced, tracing nobody; and its end. */
void ptrace_init(struct task *t);
/* Frees what it owns; nobody traces any more. */
void ptrace_fini(struct ptrace_state *p);
static inline bool ptrace_is_traced(const struct ptrace_state *p)
{
	return atomic_load_explicit(&p->tracer, memory_order_relaxed) != NULL;
}
/* Tasklist held: is the traced @t traced by another process than its parent? */
bool ptrace_reparented_locked(struct task *t);
/* PTRACE_TRACEME, PTRACE_ATTACH and PTRACE_SEIZE of @p (a reference). */
int ptrace_traceme(struct task *t);
int ptrace_attach(struct task *p, bool seize, uint64_t addr, uint64_t options);
/* Tasklist held: the new @c (child or thread of @t) is traced like @t. */
void ptrace_inherit_locked(struct task *t, struct task *c);
/* Tasklist held: nobody traces @p any more; it leaves its stop, the last
 * signal being that of its tracer. */
void ptrace_unlink_locked(struct task *p);
/*
 * The same, and if @p has ended its parent is told now, or if nobody is to be
 * told it is unlinked.
 */
void ptrace_detach_locked(struct task *p);
/* As check of PTRACE_SETOPTIONS and SEIZE: 0, -EINVAL, -EPERM. */
MUST_CHECK int ptrace_option_error(uint64_t options);
/* Tasklist held: the tracer @t ends: EXITKILL, and detaches all. */
void ptrace_exit_tracer_locked(struct task *t);
/* May the current task attach to @t (real ids; process_vm_readv)? 0, -EPERM */
MUST_CHECK int task_may_attach(struct task *t);
/* Does a tracer keep @t's execve from giving it more rights? */
bool ptrace_limits_exec(struct task *t);

/* --- requests (ptrace_request.c, ptrace_regs.c) --------------------------- */

/* ptrace(2) on the tracee @p, whom the caller holds a reference on. */
long ptrace_request(struct task *p, uint64_t request, uint64_t addr,
		    uint64_t data);
/* Those about registers; the tracee is frozen.  -EIO: there is no such. */
long ptrace_request_regs(struct task *p, uint64_t request, uint64_t addr,
			 uint64_t data);

/* --- debug registers (ptrace_debug.c) ------------------------------------- */

/* DR0..7 of the frozen @p: -EIO for what does not exist, -EINVAL, -ENOMEM. */
uint64_t ptrace_get_debugreg(struct task *p, unsigned int n);
MUST_CHECK int ptrace_set_debugreg(struct task *p, unsigned int n,
				   uint64_t value);
/* PTRACE_SINGLEBLOCK is about to begin: 0, -ENOMEM. */
MUST_CHECK int ptrace_block_prepare(struct task *p);
/*
 * The current task, with CALLS_WATCH or CALLS_BLOCK, ran one instruction.
 * True: the tracer hears of it; @stop is as the processor's trap would be.
 */
bool ptrace_watch_stepped(struct task *t, struct guest_stop *stop);
/* Before it. */
void ptrace_watch_begin(struct task *t);
/* execve: nothing is watched in the new program. */
void ptrace_watch_end(struct task *t);

#endif
