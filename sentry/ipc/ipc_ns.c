/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc_ns: IPC namespaces, ipc_namespaces(7): their life and their limits.
 *
 * Locks:     none of its own; what ends is used by nobody any more.
 * Linux:     ipc/namespace.c of 6.18: a new one starts with the defaults.
 * Tests:     tests/conformance/sysv_shm.c, sysv_msg.c
 */
#include <errno.h>

#include "sentry/fs/mqueue/mqueue.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/user_ns.h"

static_assert(offsetof(struct ipc_ns, ns) == 0, "reached through it");

static void free_ns(struct ns_common *common)
{
	struct ipc_ns *ns = container_of(common, struct ipc_ns, ns);

	shm_end(ns);
	sem_end(ns);
	msg_end(ns);
	for (int k = 0; k < IPC_KINDS; k++)
		ipc_ids_fini(&ns->ids[k]);
	mqueuefs_end(ns);
	ns_common_fini(common);
	free(ns);
}

static void default_limits(struct ipc_limits *l)
{
	l->shmmax = l->shmall = UINT64_MAX - (1ull << 24);
	l->shmmni = 4096;
	l->semmsl = l->semmni = 32000;
	l->semmns = 1024000000;
	l->semopm = 500;
	l->msgmax = 8192;
	l->msgmnb = 16384;
	l->msgmni = 32000;
	l->mq_queues = 256;
	l->mq_msg = l->mq_msg_default = 10;
	l->mq_msgsize = l->mq_msgsize_default = 8192;
}

int ipc_ns_new(struct user_ns *owner, const struct cred *creator,
	       struct ns_common **out)
{
	AUTO_FREE struct ipc_ns *ns = kzalloc(sizeof(*ns));
	int ret;

	if (!ns)
		return -ENOMEM;
	ret = ns_common_init(&ns->ns, NS_IPC, owner, creator, free_ns);
	if (ret < 0)
		return ret;
	for (int k = 0; k < IPC_KINDS; k++)
		ipc_ids_init(&ns->ids[k]);
	mutex_init(&ns->mq_mu, LOCK_NOTIFY);
	default_limits(&ns->lim);
	*out = &take(ns)->ns;
	return 0;
}

int ipc_ns_initial(struct ns_common **out)
{
	static struct ns_common *first; /* only the thread that boots comes */
	int ret = first ? 0 : ipc_ns_new(&g_init_user_ns, NULL, &first);

	if (ret < 0)
		return ret;
	ns_get(first);
	*out = first;
	return 0;
}
