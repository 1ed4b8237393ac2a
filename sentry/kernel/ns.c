/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns: the common half of namespaces, and those without content of their own.
 *
 * Invariant: a namespace is charged to its maker's user from ns_common_init()
 *            to ns_common_fini(); initial ones never end and are not charged.
 * Locks:     time_ns.mu; the counts have g_user_ns_mu.
 * Linux:     as 6.18; the net and cgroup kinds are objects with an
 *            identity (abstract socket names are kept apart by the net ones).
 * Tests:     tests/conformance/ns.c, timens.c
 */
#include "sentry/kernel/ns.h"

#include <assert.h>
#include <errno.h>

#include "abi/clone.h"
#include "sentry/kernel/user_ns.h"

static_assert(offsetof(struct time_ns, ns) == 0, "freed through its start");

static void free_plain(struct ns_common *ns)
{
	ns_common_fini(ns);
	free(ns);
}

/* Numbers of the initial ones: include/uapi/linux/nsfs.h. */
const struct ns_type ns_types[NS_KINDS] = {
	[NS_CGROUP] = { "cgroup", LINUX_CLONE_NEWCGROUP, 0xeffffffb },
	[NS_IPC] = { "ipc", LINUX_CLONE_NEWIPC, 0xefffffff },
	[NS_MNT] = { "mnt", LINUX_CLONE_NEWNS, 0xeffffff8 },
	[NS_NET] = { "net", LINUX_CLONE_NEWNET, 0xeffffff9 },
	[NS_PID] = { "pid", LINUX_CLONE_NEWPID, 0xeffffffc },
	[NS_TIME] = { "time", LINUX_CLONE_NEWTIME, 0xeffffffa },
	[NS_USER] = { "user", LINUX_CLONE_NEWUSER, 0xeffffffd },
	[NS_UTS] = { "uts", LINUX_CLONE_NEWUTS, 0xeffffffe },
};

int ns_common_init(struct ns_common *ns, enum ns_kind kind,
		   struct user_ns *owner, const struct cred *creator,
		   void (*end)(struct ns_common *ns))
{
	/* Above the numbers that are fixed. */
	static _Atomic uint32_t next = 0xf0000100;
	int ret;

	ref_init(&ns->ref);
	ns->kind = kind;
	ns->inum = ns_types[kind].first_inum;
	ns->owner = owner;
	ns->free = end;
	ns->charged_uid = UINT32_MAX;
	if (creator) {
		ret = ns_charge(owner, creator->euid, kind);
		if (ret < 0)
			return ret;
		ns->charged_uid = creator->euid;
		ns->inum = next++;
	}
	if (owner)
		user_ns_get(owner);
	return 0;
}

void ns_common_fini(struct ns_common *ns)
{
	if (ns->charged_uid != UINT32_MAX)
		ns_uncharge(ns->owner, ns->charged_uid, ns->kind);
	if (ns->owner)
		user_ns_put(ns->owner);
}

int ns_plain_new(enum ns_kind kind, struct user_ns *owner,
		 const struct cred *creator, struct ns_common **out)
{
	AUTO_FREE struct ns_common *ns = kzalloc(sizeof(*ns));
	int ret;

	if (!ns)
		return -ENOMEM;
	ret = ns_common_init(ns, kind, owner, creator, free_plain);
	if (ret < 0)
		return ret;
	*out = take(ns);
	return 0;
}

int time_ns_new(const struct time_ns *from, struct user_ns *owner,
		const struct cred *creator, struct time_ns **out)
{
	AUTO_FREE struct time_ns *ns = kzalloc(sizeof(*ns));
	int ret;

	if (!ns)
		return -ENOMEM;
	ret = ns_common_init(&ns->ns, NS_TIME, owner, creator, free_plain);
	if (ret < 0)
		return ret;
	mutex_init(&ns->mu, LOCK_TASK);
	if (from) {
		ns->mono = from->mono;
		ns->boot = from->boot;
	}
	*out = take(ns);
	return 0;
}

void time_ns_freeze(struct time_ns *ns)
{
	mutex_lock(&ns->mu);
	ns->frozen = true;
	mutex_unlock(&ns->mu);
}
