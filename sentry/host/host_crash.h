/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_crash: backtraces of the sentry's own threads, by libunwind.
 */
#ifndef SENTRY_HOST_HOST_CRASH_H
#define SENTRY_HOST_HOST_CRASH_H

#include "sentry/lib/compiler.h"

/* Maps the program's own file, whose symbol table names the frames; before the
 * root is emptied.  Failing leaves addresses without names. */
void host_crash_map_symbols(void);
/* Handlers for SIGABRT, SIGILL, SIGFPE and the request for a backtrace; fatal
 * ones call @report, which does not return. */
void host_crash_install(void (*report)(int signo, void *ucontext));
/* The two descriptors that backtraces need, or -1; they must stay open. */
void host_crash_fds(int *out);
/* Formats into a line on stderr and the log; async-signal-safe enough. */
void host_crash_print(const char *fmt, ...) PRINTF(1, 2);
/* The calling thread's backtrace from @ucontext (of a handler) or, NULL, from
 * here. */
void host_crash_backtrace(void *ucontext);
/* Asks every other thread for its backtrace, one after the other; a thread
 * that does not answer within a second is named and passed over. */
void host_crash_backtrace_others(void);
/* Ends the process as @signo's default action does. */
NORETURN void host_crash_die(int signo);

#endif
