/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_start: malloc's tuning, the log descriptor, the end of the process.
 *
 * Invariant: malloc keeps few arenas and gives memory back early, since the
 *            whole idle sandbox has a budget of 4 MiB.
 * Locks:     none; host_start() runs alone.
 * Tests:     every test of the sentry
 */
#include "sentry/host/host.h"
#include "sentry/host/host_sanitize.h"

#include <malloc.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "sentry/lib/alloc.h"
#include "sentry/lib/hash.h"

/* A second arena would read /proc/sys/vm/overcommit_memory when it shrinks. */
#define EXIT_NO_MEMORY 125
#define RANDOM_BYTES   16
#define ARENAS	       1
#define TRIM_THRESHOLD (64 * 1024)
#define TOP_PAD	       (16 * 1024)
#define MMAP_THRESHOLD (128 * 1024)

static int g_log_fd = STDERR_FILENO; /* start-up only */

static void out_of_memory(void)
{
	static const char text[] = "moat: out of memory\n";
	ssize_t done = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)done;
	_exit(EXIT_NO_MEMORY);
}

/* For every role of the binary, before its main().  The start-up bytes are
 * also libc's stack and pointer guards: they are mixed, never used bare. */
static __attribute__((constructor)) void setup_lib(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);

	xalloc_setup(out_of_memory);
	if (random)
		hash_setup(random, RANDOM_BYTES);
	host_sanitize_start();
}

uint64_t host_auxv(unsigned long type)
{
	return getauxval(type);
}

void host_start(int log_fd)
{
	/* Setting a threshold also stops glibc from raising it by itself. */
	mallopt(M_ARENA_MAX, ARENAS);
	mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
	mallopt(M_TOP_PAD, TOP_PAD);
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	g_log_fd = log_fd;
	host_nr_cpus(); /* asked once, before the filter closes */
}

/* A log that cannot be written is lost; there is nowhere to say so. */
void host_log_write(const char *line, size_t size)
{
	ssize_t done = write(g_log_fd, line, size);

	(void)done;
}

void host_exit(int status)
{
	_exit(status);
}
