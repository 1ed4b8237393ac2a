/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coredump: the core file of a process that a signal ends, core(5).
 */
#ifndef SENTRY_KERNEL_COREDUMP_H
#define SENTRY_KERNEL_COREDUMP_H

#include "abi/regs.h"
#include "abi/signal.h"
#include "sentry/lib/list.h"

struct seq_buf;
struct task;

/* What is kept of a thread that ended before the dump. */
struct core_thread {
	struct list node;
	uint32_t tid;
	uint64_t sigpend, sighold;
	struct guest_regs regs;
	void *fpu; /* xsave_size bytes, owned; or NULL */
};

/* Of a process that is being dumped; on the dumping task's stack. */
struct core_dump {
	struct list threads; /* core_thread; the dumping one first */
	const struct linux_siginfo *si;
};

/*
 * The current task was ended by @si, whose default action is a core: ends the
 * group, and writes the file if RLIMIT_CORE and the dumpable flag allow it.
 * The status has the core bit then.  No lock held.
 */
void coredump_group_exit(struct task *t, const struct linux_siginfo *si);
/* A thread ends: its registers go into the dump of its process, if one is
 * being made.  Its vcpu is still there. */
void coredump_join(struct task *t);

/* All notes of @d. (core_notes.c) */
void core_notes(struct seq_buf *out, struct task *t, struct core_dump *d);

#endif
