/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uts: the names of the system, uname(2); and default resource limits.
 *
 * Locks: u->mu covers both names.
 * Tests: tests/conformance/task.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/boot.h"

int uts_ns_new(const char *nodename, struct uts_ns **out)
{
	struct uts_ns *u = kzalloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	ref_init(&u->ref);
	mutex_init(&u->mu, LOCK_TASK);
	strncpy(u->nodename, nodename, sizeof(u->nodename) - 1);
	strcpy(u->domainname, "(none)");
	*out = u;
	return 0;
}

void uts_ns_get(struct uts_ns *u)
{
	ref_get(&u->ref);
}

void uts_ns_put(struct uts_ns *u)
{
	if (ref_put(&u->ref))
		free(u);
}

void kernel_default_rlimits(struct rlimit_pair *out)
{
	const uint64_t inf = UINT64_MAX;

	for (int i = 0; i < RLIM_NR; i++)
		out[i] = (struct rlimit_pair){ inf, inf };
	out[RLIM_STACK].cur = 8ull << 20;
	out[RLIM_CORE].cur = 0;
	out[RLIM_NPROC] = (struct rlimit_pair){ 30000, 30000 };
	out[RLIM_NOFILE] = (struct rlimit_pair){ 1024, 1048576 };
	out[RLIM_MEMLOCK] = (struct rlimit_pair){ 8ull << 20, 8ull << 20 };
	out[RLIM_SIGPENDING] = (struct rlimit_pair){ 30000, 30000 };
	out[RLIM_MSGQUEUE] = (struct rlimit_pair){ 819200, 819200 };
	out[RLIM_NICE] = (struct rlimit_pair){ 0, 0 };
	out[RLIM_RTPRIO] = (struct rlimit_pair){ 0, 0 };
}
