/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys: keys as objects: making, quotas, permission, the end.
 *
 * Invariant: a key with references is in g_keys and its owner pays for it.
 *            Keyrings may nest without bound, so their end is a loop, not a
 *            recursion (key_free).
 * Locks:     g_keys_mu (LOCK_KEYS).
 * Linux:     security/keys/{key,permission,user_defined}.c of 6.18.
 * Tests:     tests/conformance/keyring.c
 */
#include "sentry/kernel/keys.h"

#include <errno.h>
#include <string.h>

#include "sentry/host/host.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/time/clock.h"

/* Quotas, /proc/sys/kernel/keys; the last is ours, for all users together. */
#define MAX_KEYS       200u
#define MAX_BYTES      20000u
#define ROOT_MAX_KEYS  1000000u
#define ROOT_MAX_BYTES 25000000u
#define ALL_MAX_KEYS   20000u

struct mutex g_keys_mu = MUTEX_INIT(LOCK_KEYS);
static struct list g_keys = LIST_INIT(g_keys);
static struct list g_dead = LIST_INIT(g_dead);
static bool g_draining;
static uint32_t g_nr_keys;

static const struct key_type g_types[] = {
	{ .name = "keyring", .is_keyring = true, .can_read = true },
	{ .name = "user", .can_read = true, .can_update = true },
	{ .name = "logon", .can_update = true, .needs_prefix = true },
};

const struct key_type *key_type_lookup(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(g_types); i++)
		if (!strcmp(g_types[i].name, name))
			return &g_types[i];
	return NULL;
}

void keys_lock(void)
{
	mutex_lock(&g_keys_mu);
}

void keys_unlock(void)
{
	mutex_unlock(&g_keys_mu);
}

void key_ref_put(struct key_ref *r)
{
	key_put(take(r->key));
}

/* --- quota ---------------------------------------------------------------- */

int key_pay_locked(struct key *k, int64_t delta)
{
	struct user_acct *u = k->user;
	uint32_t limit = u->uid == 0 ? ROOT_MAX_BYTES : MAX_BYTES;

	if (delta > 0 && u->key_bytes + (uint64_t)delta > limit)
		return -EDQUOT;
	u->key_bytes = (uint32_t)(u->key_bytes + delta);
	k->paid = (uint32_t)(k->paid + delta);
	return 0;
}

static int charge_locked(struct key *k, struct user_acct *u, uint32_t bytes)
{
	bool root = u->uid == 0;

	if (u->nr_keys + 1 > (root ? ROOT_MAX_KEYS : MAX_KEYS) ||
	    u->key_bytes + (uint64_t)bytes >
		    (root ? ROOT_MAX_BYTES : MAX_BYTES))
		return -EDQUOT;
	u->nr_keys++;
	u->key_bytes += bytes;
	k->user = u;
	k->paid = bytes;
	return 0;
}

static void uncharge_locked(struct key *k)
{
	k->user->nr_keys--;
	k->user->key_bytes -= k->paid;
}

int key_chown_locked(struct key *k, struct user_acct *u)
{
	struct key new = { .paid = 0 };
	int ret = charge_locked(&new, u, k->paid);

	if (ret < 0)
		return ret;
	uncharge_locked(k);
	k->user = u;
	k->uid = u->uid;
	return 0;
}

/* --- the end -------------------------------------------------------------- */

static void key_destroy(struct key *k)
{
	for (uint32_t i = 0; i < k->nr_links; i++)
		key_put(k->links[i]);
	if (k->data)
		explicit_bzero(k->data, k->size);
	free(k->data);
	free(k->links);
	free(k->desc);
	user_acct_put(k->user);
	free(k);
}

/* The last reference is gone.  One thread at a time frees; what its puts end
 * comes to the list, and is met by its loop. */
static void key_free(struct cred_part *p)
{
	struct key *k = container_of(p, struct key, part);

	keys_lock();
	list_del(&k->node);
	g_nr_keys--;
	uncharge_locked(k);
	list_append(&g_dead, &k->node);
	if (g_draining) {
		keys_unlock();
		return;
	}
	g_draining = true;
	while ((k = list_first(&g_dead, struct key, node)) != NULL) {
		list_del(&k->node);
		keys_unlock();
		key_destroy(k);
		keys_lock();
	}
	g_draining = false;
	keys_unlock();
}

/* --- making --------------------------------------------------------------- */

uint32_t key_default_perm(const struct key_type *type)
{
	uint32_t pos = LINUX_KEY_VIEW | LINUX_KEY_SEARCH | LINUX_KEY_LINK |
		       LINUX_KEY_SETATTR;

	if (type->can_read)
		pos |= LINUX_KEY_READ;
	if (type->is_keyring || type->can_update)
		pos |= LINUX_KEY_WRITE;
	return pos << 24 | LINUX_KEY_VIEW << 16;
}

int key_check_payload(const struct key_type *type, const char *desc,
		      uint32_t size)
{
	const char *colon;

	if (type->needs_prefix) {
		colon = strchr(desc, ':');
		if (!colon || colon == desc)
			return -EINVAL;
	}
	if (type->is_keyring)
		return size ? -EINVAL : 0;
	return size == 0 || size > KEY_USER_MAX ? -EINVAL : 0;
}

static struct key *peek_locked(int32_t serial)
{
	struct key *k;

	list_for_each_entry (k, &g_keys, node)
		if (k->serial == serial)
			return k;
	return NULL;
}

/* Random ones above 2, as Linux. */
static int32_t new_serial_locked(void)
{
	uint32_t n = 0;

	do {
		if (host_getrandom(&n, sizeof(n)) < 0)
			n += 0x1234567;
		n >>= 1;
	} while (n < 3 || peek_locked((int32_t)n));
	return (int32_t)n;
}

static int publish_locked(struct key *k, struct user_acct *u)
{
	uint32_t bytes = (uint32_t)strlen(k->desc) + 1 + k->size;
	int ret;

	if (g_nr_keys >= ALL_MAX_KEYS)
		return -EDQUOT;
	ret = charge_locked(k, u, bytes);
	if (ret < 0)
		return ret;
	k->serial = new_serial_locked();
	list_append(&g_keys, &k->node);
	g_nr_keys++;
	return 0;
}

int key_new(const struct key_type *type, const char *desc, uint32_t uid,
	    uint32_t gid, uint32_t perm, void *data, uint32_t size,
	    struct key **out)
{
	AUTO_FREE struct key *k = kzalloc(sizeof(*k));
	AUTO_FREE char *name = kstrdup(desc);
	AUTO_FREE void *mine = data;
	struct user_acct *u;
	int ret;

	if (!k || !name)
		return -ENOMEM;
	ret = user_acct_lookup(uid, &u);
	if (ret < 0)
		return ret;
	cred_part_init(&k->part, key_free);
	k->type = type;
	k->desc = name;
	k->uid = uid;
	k->gid = gid;
	k->perm = perm;
	k->data = data;
	k->size = size;
	keys_lock();
	ret = publish_locked(k, u);
	keys_unlock();
	if (ret < 0) {
		user_acct_put(u);
		return ret;
	}
	name = mine = NULL; /* the key's */
	*out = take(k);
	return 0;
}

struct key *key_lookup(int32_t serial)
{
	struct key *k;

	keys_lock();
	k = peek_locked(serial);
	if (k && !ref_get_unless_zero(&k->part.ref))
		k = NULL;
	keys_unlock();
	return k;
}

struct key *key_find_keyring_locked(const char *name, const struct cred *c)
{
	struct key *k;

	list_for_each_entry (k, &g_keys, node) {
		if (!k->type->is_keyring || strcmp(k->desc, name) != 0)
			continue;
		if (k->revoked || k->invalid ||
		    key_permission_locked(k, false, c, LINUX_KEY_SEARCH) < 0)
			continue;
		if (ref_get_unless_zero(&k->part.ref))
			return k;
	}
	return NULL;
}

/* --- use ------------------------------------------------------------------ */

int key_validate_locked(const struct key *k)
{
	if (k->invalid)
		return -ENOKEY;
	if (k->revoked)
		return -EKEYREVOKED;
	if (k->expires && clock_monotonic() >= k->expires)
		return -EKEYEXPIRED;
	return 0;
}

int key_permission_locked(const struct key *k, bool possessed,
			  const struct cred *c, uint32_t need)
{
	uint32_t perm = k->perm;

	if (k->uid == c->fsuid)
		perm >>= 16;
	else if (k->gid != UINT32_MAX && (k->perm & LINUX_KEY_ALL << 8) &&
		 cred_in_group(c, k->gid))
		perm >>= 8;
	if (possessed)
		perm |= k->perm >> 24;
	return (perm & need) == need ? 0 : -EACCES;
}

int key_update_locked(struct key *k, void *data, uint32_t size, void **out_old)
{
	int ret = key_pay_locked(k, (int64_t)size - k->size);

	if (ret < 0)
		return ret;
	*out_old = k->data;
	k->data = data;
	k->size = size;
	k->expires = 0;
	return 0;
}

/* --- /proc/keys ----------------------------------------------------------- */

static void show_timeout(const struct key *k, struct seq_buf *out)
{
	static const struct {
		uint64_t seconds;
		char unit;
	} units[] = {
		{ 60 * 60 * 24 * 7, 'w' },
		{ 60 * 60 * 24, 'd' },
		{ 60 * 60, 'h' },
		{ 60, 'm' },
		{ 1, 's' },
	};
	uint64_t now = clock_monotonic(), left;
	size_t i = 0;

	if (!k->expires) {
		seq_printf(out, "perm ");
	} else if (now >= k->expires) {
		seq_printf(out, "expd ");
	} else {
		left = (k->expires - now) / NSEC_PER_SEC;
		/* The largest unit that leaves a figure of two digits or so. */
		while (i < 4 && left < units[i].seconds)
			i++;
		seq_printf(out, "%3lu%c ", left / units[i].seconds,
			   units[i].unit);
	}
}

static void show_one(const struct key *k, struct seq_buf *out)
{
	const struct user_ns *ns = current_task()->cred->user_ns;
	int32_t gid = -1;

	if (k->gid != UINT32_MAX)
		gid = (int32_t)gid_in(ns, k->gid);
	seq_printf(out, "%08x I%c%c--%c- %5u ", (uint32_t)k->serial,
		   k->revoked ? 'R' : '-', '-', k->invalid ? 'i' : '-',
		   ref_read(&k->part.ref));
	show_timeout(k, out);
	seq_printf(out, "%08x %5u %5d %-9.9s %s: ", k->perm, uid_in(ns, k->uid),
		   gid, k->type->name, k->desc);
	if (!k->type->is_keyring)
		seq_printf(out, "%u\n", k->size);
	else if (k->nr_links)
		seq_printf(out, "%u\n", k->nr_links);
	else
		seq_printf(out, "empty\n");
}

void keys_show(struct task *t, struct seq_buf *out)
{
	struct key *k;

	keys_lock();
	list_for_each_entry (k, &g_keys, node)
		if (key_permission_locked(k, false, t->cred, LINUX_KEY_VIEW) ==
		    0)
			show_one(k, out);
	keys_unlock();
}
