/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits: what of the machine a sandbox gets if nobody says.
 *
 * Tests: tests/hostile/exhaust.sh
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sentry/cmd/host/launch.h"

#define TASKS_MAX 4096
#define TASKS_MIN 64
#define SHARE	  8 /* a quarter, and each takes two */

static uint64_t read_number(const char *path, uint64_t otherwise)
{
	FILE *f = fopen(path, "re");
	unsigned long v;

	if (!f)
		return otherwise;
	if (fscanf(f, "%lu", &v) != 1)
		v = otherwise;
	fclose(f);
	return v;
}

uint64_t caller_task_limit(void)
{
	uint64_t most = read_number("/proc/sys/kernel/pid_max", 32768);
	struct rlimit nproc;

	if (geteuid() != 0 && getrlimit(RLIMIT_NPROC, &nproc) == 0 &&
	    nproc.rlim_cur < most)
		most = nproc.rlim_cur;
	most /= SHARE;
	if (most > TASKS_MAX)
		return TASKS_MAX;
	return most < TASKS_MIN ? TASKS_MIN : most;
}
