/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch: from a system-call number to its typed handler.  The table behind
 * it is generated from syscalls-table/x86_64.tbl.
 */
#ifndef SENTRY_SYSCALLS_DISPATCH_H
#define SENTRY_SYSCALLS_DISPATCH_H

#include <stdint.h>

#include "sentry/lib/compiler.h"

struct task;

/* Turns six raw words into a handler's arguments and calls it. */
typedef long syscall_thunk(struct task *t, const uint64_t a[6]);

/* Indexed by number; every slot is filled.  Size: SYSCALL_TABLE_SIZE. */
extern syscall_thunk *const g_syscall_thunks[];

/* The thunk of what is not there: -ENOSYS, logged once a number. */
syscall_thunk syscall_unknown;

/*
 * Answers system call @nr (any value: the guest's eax) of @t with @args.
 * Caller: the task's own thread, t->syscall_nr set, no lock held.
 * Returns: what the guest gets, or -ERESTART* for the signal path.
 */
long syscall_dispatch(struct task *t, int nr, const uint64_t args[6]);

#endif
