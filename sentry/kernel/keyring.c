/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring: links between keys, search, and the keyrings that a task has.
 *
 * A thread's, process's and session's keyring are parts of its credentials and
 * are made when they are first asked for; those of a user are kept here as
 * long as the sandbox lives.
 *
 * Locks: g_keys_mu (LOCK_KEYS); credentials are changed without it.
 * Linux: security/keys/{keyring,process_keys}.c of 6.18.
 * Tests: tests/conformance/keyring.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sentry/kernel/keys.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/lock.h"

#define MAX_DEPTH  6	  /* of nesting that is looked through */
#define MAX_VISITS 20000u /* of keyrings in one search */
#define LINK_BYTES 4u	  /* of quota */

#define PERM_POS(p) ((uint32_t)(p) << 24)
#define PERM_USR(p) ((uint32_t)(p) << 16)

/* --- links ---------------------------------------------------------------- */

void key_drop_finish(struct key_drop *d)
{
	for (uint32_t i = 0; i < d->nr; i++)
		key_put(d->keys[i]);
	free(take(d->keys));
	key_put(take(d->one));
	d->nr = 0;
}

struct key *keyring_find_locked(const struct key *ring,
				const struct key_type *type, const char *desc)
{
	for (uint32_t i = 0; i < ring->nr_links; i++)
		if (ring->links[i]->type == type &&
		    !strcmp(ring->links[i]->desc, desc) &&
		    !ring->links[i]->revoked && !ring->links[i]->invalid)
			return ring->links[i];
	return NULL;
}

/* Is @wanted in @from or below?  -ELOOP if that cannot be found out. */
static int reaches(const struct key *from, const struct key *wanted, int depth,
		   uint32_t *visits)
{
	int ret;

	if (from == wanted)
		return -EDEADLK;
	if (depth > MAX_DEPTH || ++*visits > MAX_VISITS)
		return -ELOOP;
	for (uint32_t i = 0; i < from->nr_links; i++) {
		if (!from->links[i]->type->is_keyring)
			continue;
		ret = reaches(from->links[i], wanted, depth + 1, visits);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int make_room(struct key *ring)
{
	uint32_t room = MAX(ring->room * 2, 4u);
	struct key **links;

	if (ring->nr_links < ring->room)
		return 0;
	links = kcalloc(room, sizeof(*links));
	if (!links)
		return -ENOMEM;
	if (ring->nr_links)
		memcpy(links, ring->links, ring->nr_links * sizeof(*links));
	free(ring->links);
	ring->links = links;
	ring->room = room;
	return 0;
}

int keyring_link_locked(struct key *ring, struct key *k, struct key_drop *drop)
{
	uint32_t visits = 0;
	int ret;

	if (!ring->type->is_keyring)
		return -ENOTDIR;
	ret = key_validate_locked(ring);
	if (ret < 0)
		return ret;
	if (ring->restricted)
		return -EPERM;
	if (k->type->is_keyring)
		ret = reaches(k, ring, 0, &visits);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < ring->nr_links; i++) {
		struct key *old = ring->links[i];

		if (old->type != k->type || strcmp(old->desc, k->desc) != 0)
			continue;
		key_get(k);
		ring->links[i] = k;
		drop->one = old;
		return 0;
	}
	ret = make_room(ring);
	if (ret == 0)
		ret = key_pay_locked(ring, LINK_BYTES);
	if (ret < 0)
		return ret;
	key_get(k);
	ring->links[ring->nr_links++] = k;
	return 0;
}

int keyring_unlink_locked(struct key *ring, struct key *k,
			  struct key_drop *drop)
{
	if (!ring->type->is_keyring)
		return -ENOTDIR;
	for (uint32_t i = 0; i < ring->nr_links; i++) {
		if (ring->links[i] != k)
			continue;
		drop->one = k;
		ring->nr_links--;
		memmove(&ring->links[i], &ring->links[i + 1],
			(ring->nr_links - i) * sizeof(ring->links[0]));
		return key_pay_locked(ring, -(int64_t)LINK_BYTES);
	}
	return -ENOENT;
}

void keyring_clear_locked(struct key *ring, struct key_drop *drop)
{
	int ret = key_pay_locked(ring, -(int64_t)LINK_BYTES * ring->nr_links);

	(void)ret; /* giving back never fails */
	drop->keys = ring->links;
	drop->nr = ring->nr_links;
	ring->links = NULL;
	ring->nr_links = ring->room = 0;
}

/* --- search --------------------------------------------------------------- */

struct search {
	const struct cred *cred;
	const struct key_type *type; /* NULL: this very key */
	const char *desc;
	const struct key *wanted;
	int result; /* why nothing was found */
	uint32_t visits;
};

static bool matches(const struct search *s, const struct key *k)
{
	if (!s->type)
		return k == s->wanted;
	return k->type == s->type && !strcmp(k->desc, s->desc);
}

/* A match counts if it is alive and may be searched for. */
static bool accept(struct search *s, struct key *k, bool possessed)
{
	int ret = 0;

	if (!matches(s, k) || k->invalid)
		return false;
	if (s->type)
		ret = key_validate_locked(k);
	if (ret == 0)
		ret = key_permission_locked(k, possessed, s->cred,
					    LINUX_KEY_SEARCH);
	if (ret < 0)
		s->result = ret;
	return ret == 0;
}

static struct key *search_below(struct key *ring, bool possessed,
				struct search *s, int depth)
{
	if (++s->visits > MAX_VISITS)
		return NULL;
	for (uint32_t i = 0; i < ring->nr_links; i++)
		if (accept(s, ring->links[i], possessed))
			return ring->links[i];
	if (depth >= MAX_DEPTH)
		return NULL;
	for (uint32_t i = 0; i < ring->nr_links; i++) {
		struct key *k = ring->links[i], *found;

		if (!k->type->is_keyring || k->revoked || k->invalid ||
		    key_permission_locked(k, possessed, s->cred,
					  LINUX_KEY_SEARCH) < 0)
			continue;
		found = search_below(k, possessed, s, depth + 1);
		if (found)
			return found;
	}
	return NULL;
}

static struct key *search(struct key *ring, bool possessed, struct search *s)
{
	if (!ring->type->is_keyring) {
		s->result = -ENOTDIR;
		return NULL;
	}
	if (key_permission_locked(ring, possessed, s->cred, LINUX_KEY_SEARCH) <
	    0) {
		s->result = -EACCES;
		return NULL;
	}
	if (accept(s, ring, possessed))
		return ring;
	return ring->revoked ? NULL : search_below(ring, possessed, s, 0);
}

int keyring_search_locked(struct key *ring, bool possessed,
			  const struct cred *c, const struct key_type *type,
			  const char *desc, struct key **out)
{
	struct search s = {
		.cred = c, .type = type, .desc = desc, .result = -EAGAIN
	};
	struct key *k = search(ring, possessed, &s);

	if (!k)
		return s.result;
	key_get(k);
	*out = k;
	return 0;
}

/* --- keyrings of users ---------------------------------------------------- */

/* Kept for ever: as many as there are users. */
struct user_rings {
	struct list node;
	uint32_t uid;
	struct key *user, *session;
};
static struct list g_users = LIST_INIT(g_users);

static struct user_rings *find_user_locked(uint32_t uid)
{
	struct user_rings *u;

	list_for_each_entry (u, &g_users, node)
		if (u->uid == uid)
			return u;
	return NULL;
}

static int make_ring(const char *name, uint32_t uid, uint32_t gid,
		     uint32_t perm, struct key **out)
{
	return key_new(key_type_lookup("keyring"), name, uid, gid, perm, NULL,
		       0, out);
}

/* Two threads may make them at once: the second is thrown away. */
static int make_user(uint32_t uid)
{
	const uint32_t perm = PERM_POS(LINUX_KEY_ALL & ~LINUX_KEY_SETATTR) |
			      PERM_USR(LINUX_KEY_ALL);
	struct user_rings *u = kzalloc(sizeof(*u));
	struct key_drop drop = { 0 };
	char name[32];
	bool mine;
	int ret;

	if (!u)
		return -ENOMEM;
	u->uid = uid;
	snprintf(name, sizeof(name), "_uid.%u", uid);
	ret = make_ring(name, uid, UINT32_MAX, perm, &u->user);
	snprintf(name, sizeof(name), "_uid_ses.%u", uid);
	if (ret == 0)
		ret = make_ring(name, uid, UINT32_MAX, perm, &u->session);
	keys_lock();
	if (ret == 0)
		ret = keyring_link_locked(u->session, u->user, &drop);
	mine = ret == 0 && !find_user_locked(uid);
	if (mine)
		list_append(&g_users, &u->node);
	keys_unlock();
	if (mine)
		return 0;
	key_put(u->session);
	key_put(u->user);
	free(u);
	return ret;
}

/* +1. */
static int user_ring(uint32_t uid, bool session, struct key **out)
{
	struct user_rings *u;
	int ret = 0;

	keys_lock();
	u = find_user_locked(uid);
	keys_unlock();
	if (!u)
		ret = make_user(uid);
	if (ret < 0)
		return ret;
	keys_lock();
	u = find_user_locked(uid); /* they stay for ever */
	*out = session ? u->session : u->user;
	key_get(*out);
	keys_unlock();
	return 0;
}

/* --- keyrings of tasks ---------------------------------------------------- */

static struct key *part_of(const struct cred *c, unsigned int part)
{
	struct cred_part *p = c->parts[part];

	return p ? container_of(p, struct key, part) : NULL;
}

/* The task's part becomes @k (taken over). */
static int set_part(struct task *t, unsigned int part, struct key *k)
{
	struct cred *new;
	int ret = cred_copy(t->cred, &new);

	if (ret < 0) {
		key_put(k);
		return ret;
	}
	cred_drop_part(new, part);
	new->parts[part] = &k->part;
	task_set_cred(t, new);
	return 0;
}

static int make_thread_ring(const struct cred *c, unsigned int part,
			    struct key **out)
{
	return make_ring(
		part == CRED_KEY_THREAD ? "_tid" : "_pid", c->uid, c->gid,
		PERM_POS(LINUX_KEY_ALL) | PERM_USR(LINUX_KEY_VIEW), out);
}

int key_install_keyring(struct task *t, unsigned int part)
{
	struct key *k;
	int ret;

	if (t->cred->parts[part])
		return 0;
	ret = make_thread_ring(t->cred, part, &k);
	return ret < 0 ? ret : set_part(t, part, k);
}

int key_fork_thread(struct cred *c)
{
	struct key *k;
	int ret = make_thread_ring(c, CRED_KEY_THREAD, &k);

	if (ret == 0)
		c->parts[CRED_KEY_THREAD] = &k->part;
	return ret;
}

static int new_session(struct task *t, const char *name, uint32_t more,
		       struct key **out)
{
	return make_ring(
		name, t->cred->uid, t->cred->gid,
		PERM_POS(LINUX_KEY_ALL) |
			PERM_USR(LINUX_KEY_VIEW | LINUX_KEY_READ | more),
		out);
}

/* Of two tasks that make the same name, both must join one. */
static struct mutex g_join_mu = MUTEX_INIT(LOCK_KEY_JOIN);

static int named_session(struct task *t, const char *name, struct key **out)
{
	int ret = 0;

	mutex_lock(&g_join_mu);
	keys_lock();
	*out = key_find_keyring_locked(name, t->cred);
	keys_unlock();
	if (!*out)
		ret = new_session(t, name, LINUX_KEY_LINK, out);
	mutex_unlock(&g_join_mu);
	return ret;
}

long key_join_session(struct task *t, const char *name)
{
	struct key *k;
	int32_t serial;
	int ret;

	if (name)
		ret = named_session(t, name, &k);
	else
		ret = new_session(t, "_ses", 0, &k);
	if (ret < 0)
		return ret;
	serial = k->serial;
	if (part_of(t->cred, CRED_KEY_SESSION) == k) {
		key_put(k);
		return 0; /* as Linux: it was there already */
	}
	ret = set_part(t, CRED_KEY_SESSION, k);
	return ret < 0 ? ret : serial;
}

/* --- looking up ----------------------------------------------------------- */

static int session_ring(struct task *t, bool create, struct key **out)
{
	struct key *k = part_of(t->cred, CRED_KEY_SESSION), *of_user;
	long ret;

	if (!k && !create)
		return user_ring(t->cred->uid, true, out);
	if (k && create) {
		/* The user's own is nothing to write to: a session is made. */
		ret = user_ring(t->cred->uid, true, &of_user);
		if (ret < 0)
			return (int)ret;
		if (k == of_user)
			k = NULL;
		key_put(of_user);
	}
	if (!k) {
		ret = key_join_session(t, NULL);
		if (ret < 0)
			return (int)ret;
		k = part_of(t->cred, CRED_KEY_SESSION);
	}
	key_get(k);
	*out = k;
	return 0;
}

static int own_ring(struct task *t, unsigned int part, bool create,
		    struct key **out)
{
	int ret = 0;

	if (create)
		ret = key_install_keyring(t, part);
	if (ret < 0)
		return ret;
	*out = part_of(t->cred, part);
	if (!*out)
		return -ENOKEY;
	key_get(*out);
	return 0;
}

static int special_ring(struct task *t, int32_t id, bool create,
			struct key **out)
{
	switch (id) {
	case LINUX_KEY_SPEC_THREAD_KEYRING:
		return own_ring(t, CRED_KEY_THREAD, create, out);
	case LINUX_KEY_SPEC_PROCESS_KEYRING:
		return own_ring(t, CRED_KEY_PROCESS, create, out);
	case LINUX_KEY_SPEC_SESSION_KEYRING:
		return session_ring(t, create, out);
	case LINUX_KEY_SPEC_USER_KEYRING:
		return user_ring(t->cred->uid, false, out);
	case LINUX_KEY_SPEC_USER_SESSION_KEYRING:
		return user_ring(t->cred->uid, true, out);
	case LINUX_KEY_SPEC_REQKEY_AUTH_KEY:
	case LINUX_KEY_SPEC_REQUESTOR_KEYRING:
		return -ENOKEY;
	}
	return -EINVAL; /* GROUP_KEYRING is not there */
}

/* The first of the task's keyrings that has it. */
static int search_mine(struct task *t, struct search *s, struct key **out)
{
	AUTO_KEY struct key_ref user = { NULL, false };
	static const unsigned int parts[] = { CRED_KEY_THREAD, CRED_KEY_PROCESS,
					      CRED_KEY_SESSION };
	struct key *k = NULL;
	int best = -EAGAIN, ret = 0;

	if (!t->cred->parts[CRED_KEY_SESSION])
		ret = user_ring(t->cred->uid, true, &user.key);
	if (ret < 0)
		return ret;
	keys_lock();
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !k; i++) {
		struct key *ring = part_of(t->cred, parts[i]);

		if (!ring && parts[i] == CRED_KEY_SESSION)
			ring = user.key;
		if (!ring)
			continue;
		s->result = -EAGAIN;
		k = search(ring, true, s);
		if (!k && s->result != -EAGAIN)
			best = s->result;
	}
	if (k)
		key_get(k);
	keys_unlock();
	*out = k;
	return k ? 0 : best;
}

int keys_search_mine(struct task *t, const struct key_type *type,
		     const char *desc, struct key_ref *out)
{
	struct search s = { .cred = t->cred, .type = type, .desc = desc };
	int ret = search_mine(t, &s, &out->key);

	out->possessed = ret == 0;
	return ret;
}

static bool is_possessed(struct task *t, const struct key *k)
{
	struct search s = { .cred = t->cred, .wanted = k };
	AUTO_KEY struct key_ref found = { NULL, false };

	return search_mine(t, &s, &found.key) == 0;
}

static int check_use(struct task *t, const struct key_ref *r, uint32_t need)
{
	int ret;

	if (need == KEY_NEED_NOTHING)
		return 0;
	keys_lock();
	ret = key_validate_locked(r->key);
	if (ret == 0)
		ret = key_permission_locked(r->key, r->possessed, t->cred,
					    need);
	keys_unlock();
	return ret;
}

int key_lookup_user(struct task *t, int32_t id, bool create, uint32_t need,
		    struct key_ref *out)
{
	AUTO_KEY struct key_ref r = { NULL, true };
	int ret;

	if (id < 0) {
		ret = special_ring(t, id, create, &r.key);
		if (ret < 0)
			return ret;
	} else {
		if (id == 0)
			return -EINVAL;
		r.key = key_lookup(id);
		if (!r.key)
			return -ENOKEY;
		r.possessed = is_possessed(t, r.key);
	}
	ret = check_use(t, &r, need);
	if (ret < 0)
		return ret;
	out->possessed = r.possessed;
	out->key = take(r.key);
	return 0;
}
