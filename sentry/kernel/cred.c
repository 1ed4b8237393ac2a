/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred: identities, and the table of what real users are charged for.
 *
 * Invariant: a published cred never changes; cred->user is that of cred->uid.
 * Locks:     g_users_mu covers the list of users only.
 * Linux:     no user namespaces: ids are what they are.
 * Tests:     tests/unit/test_cred.c
 */
#include "sentry/kernel/cred.h"

#include <errno.h>
#include <string.h>

#include "sentry/kernel/cred_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/lock.h"

static struct mutex g_users_mu = MUTEX_INIT(LOCK_TASK);
static struct list g_users = LIST_INIT(g_users);

int user_acct_lookup(uint32_t uid, struct user_acct **out)
{
	struct user_acct *u, *found = NULL;

	mutex_lock(&g_users_mu);
	list_for_each_entry (u, &g_users, node)
		if (u->uid == uid) {
			found = u;
			break;
		}
	if (found) {
		ref_get(&found->ref);
	} else {
		found = kzalloc(sizeof(*found));
		if (found) {
			ref_init(&found->ref);
			found->uid = uid;
			list_push(&g_users, &found->node);
		}
	}
	mutex_unlock(&g_users_mu);
	if (!found)
		return -ENOMEM;
	*out = found;
	return 0;
}

void user_acct_get(struct user_acct *u)
{
	ref_get(&u->ref);
}

/* Under the lock, so that a look-up never finds one that is going away. */
void user_acct_put(struct user_acct *u)
{
	bool last;

	mutex_lock(&g_users_mu);
	last = ref_put(&u->ref);
	if (last)
		list_del(&u->node);
	mutex_unlock(&g_users_mu);
	if (last)
		free(u);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int copy_groups(const uint32_t *from, uint32_t nr, uint32_t **out)
{
	uint32_t *groups = NULL;

	if (nr) {
		groups = kcalloc(nr, sizeof(*groups));
		if (!groups)
			return -ENOMEM;
		memcpy(groups, from, nr * sizeof(*groups));
	}
	*out = groups;
	return 0;
}

int cred_new(uint32_t uid, uint32_t gid, const uint32_t *groups,
	     uint32_t nr_groups, struct cred **out)
{
	AUTO_FREE struct cred *c = kzalloc(sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	ref_init(&c->ref);
	c->user_ns = &g_init_user_ns;
	c->uid = c->euid = c->suid = c->fsuid = uid;
	c->gid = c->egid = c->sgid = c->fsgid = gid;
	c->cap_bounding = CAP_FULL_SET;
	if (uid == 0)
		c->cap_permitted = c->cap_effective = CAP_FULL_SET;
	ret = copy_groups(groups, nr_groups, &c->groups);
	if (ret < 0)
		return ret;
	c->nr_groups = nr_groups;
	if (nr_groups)
		qsort(c->groups, nr_groups, sizeof(*c->groups), compare_ids);
	ret = user_acct_lookup(uid, &c->user);
	if (ret < 0) {
		free(c->groups);
		return ret;
	}
	user_ns_get(c->user_ns);
	*out = take(c);
	return 0;
}

int cred_copy(const struct cred *from, struct cred **out)
{
	AUTO_FREE struct cred *c = kzalloc(sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	/* All but the count, which others change meanwhile. */
	memcpy(&c->user, &from->user, sizeof(*c) - offsetof(struct cred, user));
	ref_init(&c->ref);
	ret = copy_groups(from->groups, from->nr_groups, &c->groups);
	if (ret < 0)
		return ret;
	if (c->user)
		user_acct_get(c->user);
	user_ns_get(c->user_ns);
	for (int i = 0; i < CRED_PARTS; i++)
		cred_part_get(c->parts[i]);
	*out = take(c);
	return 0;
}

void cred_drop_part(struct cred *c, unsigned int which)
{
	cred_part_put(take(c->parts[which]));
}

int cred_fork(const struct cred *from, bool thread, struct cred **out)
{
	int ret;

	if (likely(!from->parts[CRED_KEY_THREAD] &&
		   (thread || !from->parts[CRED_KEY_PROCESS]))) {
		cred_get(from);
		*out = (struct cred *)(uintptr_t)from;
		return 0;
	}
	ret = cred_copy(from, out);
	if (ret < 0)
		return ret;
	cred_drop_part(*out, CRED_KEY_THREAD);
	if (!thread)
		cred_drop_part(*out, CRED_KEY_PROCESS);
	return 0;
}

void cred_get(const struct cred *c)
{
	ref_get(&((struct cred *)(uintptr_t)c)->ref);
}

void cred_put(struct cred *c)
{
	if (!ref_put(&c->ref))
		return;
	if (c->user)
		user_acct_put(c->user);
	user_ns_put(c->user_ns);
	for (int i = 0; i < CRED_PARTS; i++)
		cred_part_put(c->parts[i]);
	free(c->groups);
	free(c);
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	if (gid == c->fsgid)
		return true;
	return c->nr_groups &&
	       bsearch(&gid, c->groups, c->nr_groups, sizeof(gid), compare_ids);
}

int cred_setgroups(const struct cred *old, uint32_t *groups, uint32_t nr,
		   struct cred **out)
{
	AUTO_FREE uint32_t *mine = groups;
	struct cred *c;
	int ret;

	if (!cred_own_capable(old, CAP_NR_SETGID))
		return -EPERM;
	ret = cred_copy(old, &c);
	if (ret < 0)
		return ret;
	if (nr)
		qsort(mine, nr, sizeof(*mine), compare_ids);
	free(c->groups);
	c->groups = take(mine);
	c->nr_groups = nr;
	*out = c;
	return 0;
}

/* After c->uid changed: charges go to the new user. */
static int cred_switch_user(struct cred *c)
{
	struct user_acct *u;
	int ret;

	if (c->user && c->user->uid == c->uid)
		return 0;
	ret = user_acct_lookup(c->uid, &u);
	if (ret < 0)
		return ret;
	if (c->user)
		user_acct_put(c->user);
	c->user = u;
	return 0;
}

int cred_publish(struct cred *c, struct cred **out)
{
	int ret = cred_switch_user(c);

	if (ret < 0) {
		cred_put(c);
		return ret;
	}
	*out = c;
	return 0;
}

const struct cred *cred_kernel(void)
{
	static struct cred kernel = {
		.ref = { 1 },
		.user_ns = &g_init_user_ns,
		.cap_permitted = CAP_FULL_SET,
		.cap_effective = CAP_FULL_SET,
		.cap_bounding = CAP_FULL_SET,
	};

	return &kernel;
}
