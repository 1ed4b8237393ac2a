/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_sanitize: how the sanitizers' runtimes behave in the moat binary (in
 * the unit tests they keep their defaults, the search for leaks above all).
 *
 * Empty in other builds.
 * Tests: make asan, make ubsan, make tsan
 */
#include "sentry/host/host_sanitize.h"

#include "sentry/lib/compiler.h"

#if defined(MOAT_ASAN) || defined(MOAT_TSAN)
/*
 * The roles end by _exit() and the leak search is a ptrace of our own; faults
 * are the business of host_fault.c and host_crash.c; each thread's signal
 * stack would be the runtime's.
 */
#define COMMON_OPTIONS                                                  \
	"handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:" \
	"handle_sigfpe=0:use_sigaltstack=0:"                            \
	"disable_coredump=0"
#endif

#ifdef MOAT_ASAN
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return COMMON_OPTIONS ":detect_leaks=0:abort_on_error=1"
			      ":detect_stack_use_after_return=1";
}
#endif

#ifdef MOAT_TSAN
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	/* No abort: its locks are held, and a crash report would wait.  The
	 * order of locks is checked by lock.c, which knows that directories
	 * are locked from the root down, wherever rename has moved them. */
	return COMMON_OPTIONS ":halt_on_error=1:abort_on_error=0"
			      ":detect_deadlocks=0";
}
#endif

#ifdef MOAT_UBSAN
const char *__ubsan_default_options(void);

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1:abort_on_error=1";
}
#endif

void host_sanitize_start(void)
{
#ifdef MOAT_SANITIZED
	extern void __sanitizer_symbolize_pc(void *pc, const char *format,
					     char *out, size_t size);
	char text[128];

	/* The symbols are read at the first use, which must not be the first
	 * report: the root directory is empty by then. */
	__sanitizer_symbolize_pc(__builtin_return_address(0), "%f", text,
				 sizeof(text));
#endif
}
