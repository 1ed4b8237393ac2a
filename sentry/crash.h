/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash: what a sentry that cannot go on says before it ends.
 */
#ifndef SENTRY_CRASH_H
#define SENTRY_CRASH_H

#include "sentry/lib/compiler.h"

/*
 * Before the root is emptied: maps the program's own file for its symbols and
 * installs the handlers of SIGABRT, SIGILL, SIGFPE (memory faults come through
 * host_fault's hook).  @fd: where reports go, besides the log.
 */
void crash_setup(void);
/* Prints backtraces of all threads and what each task does, then dies. */
NORETURN void crash_report(int signo, void *ucontext);

#endif
