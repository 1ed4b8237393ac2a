/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uts: the names of the system, uname(2); and default resource limits.
 *
 * Locks: u->mu covers both names.
 * Tests: tests/conformance/info.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/boot.h"

static void uts_ns_free(struct ns_common *ns)
{
	ns_common_fini(ns);
	free(container_of(ns, struct uts_ns, ns));
}

int uts_ns_new(const char *nodename, struct user_ns *owner,
	       const struct cred *creator, struct uts_ns **out)
{
	struct uts_ns *u = kzalloc(sizeof(*u));
	int ret;

	if (!u)
		return -ENOMEM;
	ret = ns_common_init(&u->ns, NS_UTS, owner, creator, uts_ns_free);
	if (ret < 0) {
		free(u);
		return ret;
	}
	mutex_init(&u->mu, LOCK_TASK);
	strncpy(u->nodename, nodename, sizeof(u->nodename) - 1);
	strcpy(u->domainname, "(none)");
	*out = u;
	return 0;
}

int uts_ns_copy(struct uts_ns *from, struct user_ns *owner,
		const struct cred *creator, struct uts_ns **out)
{
	struct uts_ns *u;
	int ret = uts_ns_new("", owner, creator, &u);

	if (ret < 0)
		return ret;
	mutex_lock(&from->mu);
	memcpy(u->nodename, from->nodename, sizeof(u->nodename));
	memcpy(u->domainname, from->domainname, sizeof(u->domainname));
	mutex_unlock(&from->mu);
	*out = u;
	return 0;
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
