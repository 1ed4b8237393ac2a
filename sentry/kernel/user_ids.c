/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_ids: the initial user namespace; translating ids; privilege.
 *
 * Invariant: a map, once published, never changes; its lower ids are kernel
 *            ids.  The initial namespace maps every id to itself.
 * Locks:     none; maps are published with release order.
 * Linux:     kernel/user_namespace.c and security/commoncap.c of 6.18.
 * Tests:     tests/conformance/userns.c
 */
#include "sentry/kernel/user_ns.h"

static struct id_map g_identity = { 1, { { 0, 0, UINT32_MAX } } };

struct user_ns g_init_user_ns = {
	.ns = { .ref = { 1 },
		.kind = NS_USER,
		.inum = 0xeffffffd,
		.charged_uid = UINT32_MAX },
	.parent_could_setfcap = true,
	.maps = { &g_identity, &g_identity, &g_identity },
	.max = { 30000, 30000, 30000, 30000, 30000, 30000, 30000, 30000 },
	.counts = LIST_INIT(g_init_user_ns.counts),
};

/* --- ids ------------------------------------------------------------------ */

uint32_t user_ns_map_down(const struct user_ns *u, enum id_kind kind,
			  uint32_t id)
{
	const struct id_map *m = atomic_load(&u->maps[kind]);

	for (uint32_t i = 0; m && i < m->nr; i++)
		if (id - m->e[i].first < m->e[i].count)
			return m->e[i].lower + (id - m->e[i].first);
	return UINT32_MAX;
}

uint32_t user_ns_map_up(const struct user_ns *u, enum id_kind kind,
			uint32_t kid)
{
	const struct id_map *m = atomic_load(&u->maps[kind]);

	for (uint32_t i = 0; m && i < m->nr; i++)
		if (kid - m->e[i].lower < m->e[i].count)
			return m->e[i].first + (kid - m->e[i].lower);
	return UINT32_MAX;
}

/* --- privilege ------------------------------------------------------------ */

bool cred_ns_capable(const struct cred *c, const struct user_ns *u,
		     unsigned int cap)
{
	for (;; u = u->parent) {
		if (u == c->user_ns)
			return cred_own_capable(c, cap);
		if (u->level <= c->user_ns->level)
			return false;
		/* Who made it owns it, seen from outside. */
		if (u->parent == c->user_ns && u->uid == c->euid)
			return true;
	}
}

bool cred_capable_wrt(const struct cred *c, uint32_t kuid, uint32_t kgid,
		      unsigned int cap)
{
	if (!cred_own_capable(c, cap))
		return false;
	if (likely(c->user_ns == &g_init_user_ns))
		return true;
	return user_ns_map_up(c->user_ns, ID_UID, kuid) != UINT32_MAX &&
	       user_ns_map_up(c->user_ns, ID_GID, kgid) != UINT32_MAX;
}

bool user_ns_may_setgroups(const struct user_ns *u)
{
	return atomic_load(&u->maps[ID_GID]) && !u->setgroups_denied;
}

bool user_ns_is_below(const struct user_ns *u, const struct user_ns *ancestor)
{
	while (u && u->level > ancestor->level)
		u = u->parent;
	return u == ancestor;
}
