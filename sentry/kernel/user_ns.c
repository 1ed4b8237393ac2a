/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_ns: making user namespaces, and entering them.
 *
 * Locks:     none.
 * Linux:     kernel/user_namespace.c of 6.18.
 * Tests:     tests/conformance/userns.c
 */
#include "sentry/kernel/user_ns.h"

#include <errno.h>

#include "sentry/kernel/task.h"

static void user_ns_free(struct ns_common *ns)
{
	struct user_ns *u = container_of(ns, struct user_ns, ns);

	for (int i = 0; i < ID_KINDS; i++)
		free(u->maps[i]);
	user_ns_limits_fini(u);
	ns_common_fini(ns);
	free(u);
}

int user_ns_new(const struct cred *c, bool chrooted, struct user_ns **out)
{
	AUTO_FREE struct user_ns *u = NULL;
	struct user_ns *parent = c->user_ns;
	int ret;

	if (parent->level >= USER_NS_MAX_LEVEL)
		return -ENOSPC;
	if (chrooted)
		return -EPERM;
	if (user_ns_map_up(parent, ID_UID, c->euid) == UINT32_MAX ||
	    user_ns_map_up(parent, ID_GID, c->egid) == UINT32_MAX)
		return -EPERM;
	u = kzalloc(sizeof(*u));
	if (!u)
		return -ENOMEM;
	ret = ns_common_init(&u->ns, NS_USER, parent, c, user_ns_free);
	if (ret < 0)
		return ret;
	u->parent = parent;
	u->level = parent->level + 1;
	u->uid = c->euid;
	u->gid = c->egid;
	u->parent_could_setfcap = cred_own_capable(c, CAP_NR_SETFCAP);
	u->setgroups_denied = parent->setgroups_denied;
	user_ns_limits_init(u, parent);
	*out = take(u);
	return 0;
}

void cred_enter_user_ns(struct cred *c, struct user_ns *u)
{
	user_ns_get(u);
	user_ns_put(c->user_ns);
	c->user_ns = u;
	c->securebits = 0;
	c->cap_inheritable = 0;
	c->cap_ambient = 0;
	c->cap_permitted = CAP_FULL_SET;
	c->cap_effective = CAP_FULL_SET;
	c->cap_bounding = CAP_FULL_SET;
}

/* --- for the current task ------------------------------------------------- */

uint32_t uid_to_guest(uint32_t kuid)
{
	return uid_in(current_task()->cred->user_ns, kuid);
}

uint32_t gid_to_guest(uint32_t kgid)
{
	return gid_in(current_task()->cred->user_ns, kgid);
}

uint32_t uid_from_guest(uint32_t uid)
{
	return user_ns_map_down(current_task()->cred->user_ns, ID_UID, uid);
}

uint32_t gid_from_guest(uint32_t gid)
{
	return user_ns_map_down(current_task()->cred->user_ns, ID_GID, gid);
}

bool ns_capable(const struct user_ns *u, unsigned int cap)
{
	return cred_ns_capable(current_task()->cred, u, cap);
}
