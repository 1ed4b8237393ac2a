/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_ns_limits: how many namespaces a user may make, namespaces(7),
 * /proc/sys/user/max_*_namespaces.
 *
 * Making one counts for its maker in the user namespace it belongs to, for the
 * maker of that user namespace in the next one, and so on up.
 *
 * Invariant: counts are what lives now; a user without any has no entry.
 * Locks:     g_user_ns_mu.
 * Tests:     tests/conformance/userns.c
 */
#include <assert.h>
#include <errno.h>

#include "sentry/kernel/user_ns.h"

struct ns_count {
	struct list node;
	uint32_t uid;
	int32_t nr[NS_KINDS];
};

struct mutex g_user_ns_mu = MUTEX_INIT(LOCK_TASK);

void user_ns_limits_init(struct user_ns *u, const struct user_ns *parent)
{
	(void)parent;
	list_init(&u->counts);
	for (int i = 0; i < NS_KINDS; i++)
		u->max[i] = INT32_MAX; /* the outer ones hold anyway */
}

void user_ns_limits_fini(struct user_ns *u)
{
	assert(list_empty(&u->counts));
	(void)u;
}

static struct ns_count *find_locked(struct user_ns *u, uint32_t uid, bool make)
{
	struct ns_count *c;

	list_for_each_entry (c, &u->counts, node)
		if (c->uid == uid)
			return c;
	c = make ? kzalloc(sizeof(*c)) : NULL;
	if (c) {
		c->uid = uid;
		list_push(&u->counts, &c->node);
	}
	return c;
}

static void drop_locked(struct user_ns *u, uint32_t uid, enum ns_kind kind)
{
	struct ns_count *c = find_locked(u, uid, false);

	assert(c && c->nr[kind] > 0);
	c->nr[kind]--;
	for (int i = 0; i < NS_KINDS; i++)
		if (c->nr[i])
			return;
	list_del(&c->node);
	free(c);
}

static int add_locked(struct user_ns *u, uint32_t uid, enum ns_kind kind)
{
	struct ns_count *c = find_locked(u, uid, true);

	if (!c)
		return -ENOMEM;
	c->nr[kind]++;
	if (c->nr[kind] > u->max[kind]) {
		drop_locked(u, uid, kind);
		return -ENOSPC;
	}
	return 0;
}

int ns_charge(struct user_ns *u, uint32_t uid, enum ns_kind kind)
{
	struct user_ns *at, *undo;
	uint32_t id = uid, undo_id = uid;
	int ret = 0;

	mutex_lock(&g_user_ns_mu);
	for (at = u; at; id = at->uid, at = at->parent) {
		ret = add_locked(at, id, kind);
		if (ret < 0)
			break;
	}
	for (undo = u; at && undo != at; undo = undo->parent) {
		drop_locked(undo, undo_id, kind);
		undo_id = undo->uid;
	}
	mutex_unlock(&g_user_ns_mu);
	return ret;
}

void ns_uncharge(struct user_ns *u, uint32_t uid, enum ns_kind kind)
{
	mutex_lock(&g_user_ns_mu);
	for (; u; uid = u->uid, u = u->parent)
		drop_locked(u, uid, kind);
	mutex_unlock(&g_user_ns_mu);
}
