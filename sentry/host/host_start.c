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

#include <malloc.h>
#include <unistd.h>

/* A second arena would read /proc/sys/vm/overcommit_memory when it shrinks. */
#define ARENAS	       1
#define TRIM_THRESHOLD (64 * 1024)
#define TOP_PAD	       (16 * 1024)
#define MMAP_THRESHOLD (128 * 1024)

static int g_log_fd = STDERR_FILENO; /* start-up only */

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
