/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_keys: add_key(2), request_key(2), keyctl(2).
 *
 * There is no /sbin/request-key to ask: a key that nobody has is ENOKEY.
 * Tests: tests/conformance/keyring.c
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sentry/kernel/keys.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/lock.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

typedef long keyctl_fn(struct task *t, uint64_t a, uint64_t b, uint64_t c,
		       uint64_t d);

#define DROP_INIT \
	{         \
		0 \
	}

/* --- strings -------------------------------------------------------------- */

static int copy_type(uaddr_t addr, char name[KEY_TYPE_MAX])
{
	long len = copy_in_str(name, addr, KEY_TYPE_MAX);

	if (len == -ENAMETOOLONG)
		return -EINVAL;
	if (len < 0)
		return (int)len;
	if (!name[0])
		return -EINVAL;
	return name[0] == '.' ? -EPERM : 0;
}

/* Allocated, to be freed. */
static int copy_desc(uaddr_t addr, char **out)
{
	AUTO_FREE char *desc = kzalloc(KEY_DESC_MAX);
	long len;

	if (!desc)
		return -ENOMEM;
	len = copy_in_str(desc, addr, KEY_DESC_MAX);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : (int)len;
	*out = take(desc);
	return 0;
}

static int copy_payload(uaddr_t addr, uint64_t size, void **out)
{
	AUTO_FREE void *data = NULL;

	*out = NULL;
	if (!size)
		return 0;
	data = kzalloc(size);
	if (!data)
		return -ENOMEM;
	if (copy_in(data, addr, size) < 0)
		return -EFAULT;
	*out = take(data);
	return 0;
}

/* --- add_key -------------------------------------------------------------- */

/* The key of that name in @ring gets another payload: 0 and +1 in *out, or
 * -ENOENT. */
static int update_in(struct task *t, struct key_ref *ring,
		     const struct key_type *type, const char *desc, void *data,
		     uint32_t size, struct key **out)
{
	void *old = data;
	struct key *k;
	int ret = -ENOENT;

	keys_lock();
	k = keyring_find_locked(ring->key, type, desc);
	if (k)
		ret = key_permission_locked(k, ring->possessed, t->cred,
					    LINUX_KEY_WRITE);
	if (ret == 0)
		ret = key_validate_locked(k);
	if (ret == 0)
		ret = key_update_locked(k, data, size, &old);
	if (ret == 0) {
		key_get(k);
		*out = k;
	}
	keys_unlock();
	if (ret != -ENOENT)
		free(old);
	return ret;
}

static int link_new(struct key *ring, struct key *k)
{
	struct key_drop drop = DROP_INIT;
	int ret;

	keys_lock();
	ret = keyring_link_locked(ring, k, &drop);
	keys_unlock();
	key_drop_finish(&drop);
	return ret;
}

/* @data is taken over. */
static int create_or_update(struct task *t, struct key_ref *ring,
			    const struct key_type *type, const char *desc,
			    void *data, uint32_t size, struct key **out)
{
	int ret = -ENOENT;

	if (type->can_update)
		ret = update_in(t, ring, type, desc, data, size, out);
	if (ret != -ENOENT)
		return ret;
	ret = key_new(type, desc, t->cred->fsuid, t->cred->fsgid,
		      key_default_perm(type), data, size, out);
	return ret < 0 ? ret : link_new(ring->key, *out);
}

long sys_add_key(struct task *t, uaddr_t type_name, uaddr_t description,
		 uaddr_t payload, uint64_t size, int32_t ring_id)
{
	AUTO_KEY struct key_ref ring = { NULL, false }, k = { NULL, false };
	AUTO_FREE char *desc = NULL;
	AUTO_FREE void *data = NULL;
	const struct key_type *type;
	char name[KEY_TYPE_MAX];
	int ret;

	if (size > KEY_PAYLOAD_MAX)
		return -EINVAL;
	ret = copy_type(type_name, name);
	if (ret == 0 && !uaddr_is_null(description))
		ret = copy_desc(description, &desc);
	if (ret < 0)
		return ret;
	if (desc && desc[0] == '.' && !strcmp(name, "keyring"))
		return -EPERM;
	ret = copy_payload(payload, size, &data);
	if (ret == 0)
		ret = key_lookup_user(t, ring_id, true, LINUX_KEY_WRITE, &ring);
	if (ret < 0)
		return ret;
	type = key_type_lookup(name);
	if (!type)
		return -ENODEV;
	if (!ring.key->type->is_keyring)
		return -ENOTDIR;
	if (!desc || !desc[0])
		return -EINVAL;
	ret = key_check_payload(type, desc, (uint32_t)size);
	if (ret == 0)
		ret = create_or_update(t, &ring, type, desc, take(data),
				       (uint32_t)size, &k.key);
	if (ret < 0)
		return ret;
	assert(k.key);
	return k.key->serial;
}

/* --- request_key ---------------------------------------------------------- */

long sys_request_key(struct task *t, uaddr_t type_name, uaddr_t description,
		     uaddr_t info, int32_t ring_id)
{
	AUTO_KEY struct key_ref ring = { NULL, false }, k = { NULL, false };
	AUTO_FREE char *desc = NULL, *callout = NULL;
	const struct key_type *type;
	char name[KEY_TYPE_MAX];
	int ret = copy_type(type_name, name);

	if (ret == 0)
		ret = copy_desc(description, &desc);
	if (ret == 0 && !uaddr_is_null(info))
		ret = copy_desc(info, &callout);
	if (ret == 0 && ring_id)
		ret = key_lookup_user(t, ring_id, true, LINUX_KEY_WRITE, &ring);
	if (ret < 0)
		return ret;
	type = key_type_lookup(name);
	if (!type)
		return -ENOKEY;
	ret = keys_search_mine(t, type, desc, &k);
	if (ret == 0 && ring.key)
		ret = link_new(ring.key, k.key);
	if (ret == -EAGAIN)
		return -ENOKEY;
	return ret < 0 ? ret : k.key->serial;
}

/* --- keyctl: keys --------------------------------------------------------- */

static int32_t id_of(uint64_t arg)
{
	return (int32_t)arg;
}

static long get_keyring_id(struct task *t, uint64_t id, uint64_t create,
			   uint64_t c, uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	int ret = key_lookup_user(t, id_of(id), (int)create != 0,
				  LINUX_KEY_SEARCH, &k);

	(void)c, (void)d;
	return ret < 0 ? ret : k.key->serial;
}

static long join_session(struct task *t, uint64_t addr, uint64_t b, uint64_t c,
			 uint64_t d)
{
	AUTO_FREE char *name = NULL;
	int ret;

	(void)b, (void)c, (void)d;
	if (!addr)
		return key_join_session(t, NULL);
	ret = copy_desc(uaddr(addr), &name);
	if (ret < 0)
		return ret;
	return name[0] == '.' ? -EPERM : key_join_session(t, name);
}

static long update(struct task *t, uint64_t id, uint64_t payload, uint64_t size,
		   uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	AUTO_FREE void *data = NULL;
	void *old = NULL;
	int ret;

	(void)d;
	if (size > PAGE_SIZE)
		return -EINVAL;
	ret = copy_payload(uaddr(payload), size, &data);
	if (ret == 0)
		ret = key_lookup_user(t, id_of(id), false, LINUX_KEY_WRITE, &k);
	if (ret < 0)
		return ret;
	if (!k.key->type->can_update)
		return -EOPNOTSUPP;
	ret = key_check_payload(k.key->type, k.key->desc, (uint32_t)size);
	if (ret < 0)
		return ret;
	keys_lock();
	ret = key_update_locked(k.key, data, (uint32_t)size, &old);
	if (ret == 0)
		data = NULL; /* the key's */
	keys_unlock();
	free(old);
	return ret;
}

static long revoke(struct task *t, uint64_t id, uint64_t b, uint64_t c,
		   uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	struct key_drop drop = DROP_INIT;
	void *data;
	int ret = key_lookup_user(t, id_of(id), false, LINUX_KEY_WRITE, &k);

	(void)b, (void)c, (void)d;
	if (ret == -EACCES)
		ret = key_lookup_user(t, id_of(id), false, LINUX_KEY_SETATTR,
				      &k);
	if (ret < 0)
		return ret;
	keys_lock();
	k.key->revoked = true;
	ret = key_pay_locked(k.key, -(int64_t)k.key->size);
	data = take(k.key->data);
	k.key->size = 0;
	if (k.key->type->is_keyring)
		keyring_clear_locked(k.key, &drop);
	keys_unlock();
	free(data);
	key_drop_finish(&drop);
	return ret;
}

static long invalidate(struct task *t, uint64_t id, uint64_t b, uint64_t c,
		       uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	int ret = key_lookup_user(t, id_of(id), false, LINUX_KEY_SEARCH, &k);

	(void)b, (void)c, (void)d;
	if (ret < 0)
		return ret;
	keys_lock();
	k.key->invalid = true;
	keys_unlock();
	return 0;
}

static bool owns(struct task *t, const struct key *k)
{
	return k->uid == t->cred->fsuid || capable(CAP_NR_SYS_ADMIN);
}

static long setperm(struct task *t, uint64_t id, uint64_t perm, uint64_t c,
		    uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	int ret;

	(void)c, (void)d;
	if ((uint32_t)perm & ~(LINUX_KEY_ALL * 0x01010101u))
		return -EINVAL;
	ret = key_lookup_user(t, id_of(id), true, LINUX_KEY_SETATTR, &k);
	if (ret < 0)
		return ret;
	keys_lock();
	if (owns(t, k.key))
		k.key->perm = (uint32_t)perm;
	else
		ret = -EACCES;
	keys_unlock();
	return ret;
}

/* Without CAP_SYS_ADMIN: only to a group of one's own. */
static int chown_locked(struct task *t, struct key *k, struct user_acct *u,
			uint32_t uid, uint32_t gid)
{
	int ret = 0;

	if (!capable(CAP_NR_SYS_ADMIN)) {
		if (uid != UINT32_MAX && uid != k->uid)
			return -EACCES;
		if (gid != UINT32_MAX && gid != k->gid &&
		    !cred_in_group(t->cred, gid))
			return -EACCES;
	}
	if (u && uid != k->uid)
		ret = key_chown_locked(k, u);
	if (ret == 0 && gid != UINT32_MAX)
		k->gid = gid;
	return ret;
}

static long do_chown(struct task *t, uint64_t id, uint64_t uid, uint64_t gid,
		     uint64_t d)
{
	uint32_t kuid = UINT32_MAX, kgid = UINT32_MAX;
	AUTO_KEY struct key_ref k = { NULL, false };
	struct user_acct *u = NULL, *old;
	int ret;

	(void)d;
	if ((uint32_t)uid != UINT32_MAX) {
		kuid = uid_from_guest((uint32_t)uid);
		if (kuid == UINT32_MAX)
			return -EINVAL;
	}
	if ((uint32_t)gid != UINT32_MAX) {
		kgid = gid_from_guest((uint32_t)gid);
		if (kgid == UINT32_MAX)
			return -EINVAL;
	}
	if (kuid == UINT32_MAX && kgid == UINT32_MAX)
		return 0;
	ret = key_lookup_user(t, id_of(id), true, LINUX_KEY_SETATTR, &k);
	if (ret == 0 && kuid != UINT32_MAX)
		ret = user_acct_lookup(kuid, &u);
	if (ret < 0)
		return ret;
	keys_lock();
	old = k.key->user;
	ret = chown_locked(t, k.key, u, kuid, kgid);
	if (k.key->user == old)
		old = u; /* not needed */
	keys_unlock();
	if (old)
		user_acct_put(old);
	return ret;
}

/* @text of @size goes to the guest if it fits; the size is the result. */
static long give(uint64_t addr, uint64_t room, const void *data, size_t size)
{
	if (addr && room >= size && size &&
	    copy_out(uaddr(addr), data, size) < 0)
		return -EFAULT;
	return (long)size;
}

static long describe(struct task *t, uint64_t id, uint64_t addr, uint64_t size,
		     uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	const struct user_ns *ns = t->cred->user_ns;
	AUTO_FREE char *text = kzalloc(KEY_DESC_MAX + 128);
	int ret, n;

	(void)d;
	if (!text)
		return -ENOMEM;
	ret = key_lookup_user(t, id_of(id), false, LINUX_KEY_VIEW, &k);
	if (ret < 0)
		return ret;
	keys_lock();
	n = snprintf(text, KEY_DESC_MAX + 128, "%s;%u;%u;%08x;%s",
		     k.key->type->name, uid_in(ns, k.key->uid),
		     k.key->gid == UINT32_MAX ? OVERFLOW_ID
					      : gid_in(ns, k.key->gid),
		     k.key->perm, k.key->desc);
	keys_unlock();
	return give(addr, size, text, (size_t)n + 1);
}

static long get_security(struct task *t, uint64_t id, uint64_t addr,
			 uint64_t size, uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	int ret = key_lookup_user(t, id_of(id), false, LINUX_KEY_VIEW, &k);

	(void)d;
	return ret < 0 ? ret : give(addr, size, "", 1);
}

/* A copy of the payload; of a keyring the serial numbers. */
static int payload_locked(const struct key *k, void **out, size_t *out_size)
{
	int32_t *serials;
	size_t n = 0;

	if (!k->type->is_keyring) {
		*out_size = k->size;
		*out = kzalloc(MAX(k->size, 1u));
		if (*out && k->size)
			memcpy(*out, k->data, k->size);
		return *out ? 0 : -ENOMEM;
	}
	serials = kcalloc(MAX(k->nr_links, 1u), sizeof(*serials));
	if (!serials)
		return -ENOMEM;
	for (uint32_t i = 0; i < k->nr_links; i++)
		if (!k->links[i]->invalid)
			serials[n++] = k->links[i]->serial;
	*out_size = n * sizeof(*serials);
	*out = serials;
	return 0;
}

/* Who possesses it and may search for it may read it, too. */
static long read_key(struct task *t, uint64_t id, uint64_t addr, uint64_t size,
		     uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	AUTO_FREE void *data = NULL;
	size_t n = 0;
	int ret = key_lookup_user(t, id_of(id), false, KEY_NEED_NOTHING, &k);

	(void)d;
	if (ret < 0)
		return -ENOKEY;
	keys_lock();
	ret = key_permission_locked(k.key, k.possessed, t->cred,
				    LINUX_KEY_READ);
	if (ret < 0 && k.possessed)
		ret = key_permission_locked(k.key, true, t->cred,
					    LINUX_KEY_SEARCH);
	if (ret == 0 && !k.key->type->can_read)
		ret = -EOPNOTSUPP;
	if (ret == 0)
		ret = key_validate_locked(k.key);
	if (ret == 0)
		ret = payload_locked(k.key, &data, &n);
	keys_unlock();
	return ret < 0 ? ret : give(addr, size, data, n);
}

static long set_timeout(struct task *t, uint64_t id, uint64_t seconds,
			uint64_t c, uint64_t d)
{
	AUTO_KEY struct key_ref k = { NULL, false };
	int ret = key_lookup_user(t, id_of(id), true, LINUX_KEY_SETATTR, &k);
	uint64_t when = 0;

	(void)c, (void)d;
	if (ret < 0)
		return ret;
	if ((uint32_t)seconds)
		when = clock_monotonic() + (uint32_t)seconds * NSEC_PER_SEC;
	keys_lock();
	k.key->expires = when;
	keys_unlock();
	return 0;
}

/* --- keyctl: keyrings ----------------------------------------------------- */

static long clear(struct task *t, uint64_t id, uint64_t b, uint64_t c,
		  uint64_t d)
{
	AUTO_KEY struct key_ref ring = { NULL, false };
	struct key_drop drop = DROP_INIT;
	int ret = key_lookup_user(t, id_of(id), true, LINUX_KEY_WRITE, &ring);

	(void)b, (void)c, (void)d;
	if (ret < 0)
		return ret;
	if (!ring.key->type->is_keyring)
		return -ENOTDIR;
	keys_lock();
	keyring_clear_locked(ring.key, &drop);
	keys_unlock();
	key_drop_finish(&drop);
	return 0;
}

static long do_link(struct task *t, uint64_t id, uint64_t ring_id, uint64_t c,
		    uint64_t d)
{
	AUTO_KEY struct key_ref ring = { NULL, false }, k = { NULL, false };
	int ret = key_lookup_user(t, id_of(ring_id), true, LINUX_KEY_WRITE,
				  &ring);

	(void)c, (void)d;
	if (ret == 0)
		ret = key_lookup_user(t, id_of(id), true, LINUX_KEY_LINK, &k);
	return ret < 0 ? ret : link_new(ring.key, k.key);
}

static long do_unlink(struct task *t, uint64_t id, uint64_t ring_id, uint64_t c,
		      uint64_t d)
{
	AUTO_KEY struct key_ref ring = { NULL, false }, k = { NULL, false };
	struct key_drop drop = DROP_INIT;
	int ret = key_lookup_user(t, id_of(ring_id), false, LINUX_KEY_WRITE,
				  &ring);

	(void)c, (void)d;
	if (ret == 0)
		ret = key_lookup_user(t, id_of(id), false, KEY_NEED_NOTHING,
				      &k);
	if (ret < 0)
		return ret;
	keys_lock();
	ret = keyring_unlink_locked(ring.key, k.key, &drop);
	keys_unlock();
	key_drop_finish(&drop);
	return ret;
}

static long move(struct task *t, uint64_t id, uint64_t from_id, uint64_t to_id,
		 uint64_t flags)
{
	AUTO_KEY struct key_ref k = { NULL, false }, from = { NULL, false };
	AUTO_KEY struct key_ref to = { NULL, false };
	struct key_drop in = DROP_INIT, out = DROP_INIT;
	int ret;

	if ((uint32_t)flags & ~LINUX_KEYCTL_MOVE_EXCL)
		return -EINVAL;
	ret = key_lookup_user(t, id_of(id), true, LINUX_KEY_LINK, &k);
	if (ret == 0)
		ret = key_lookup_user(t, id_of(from_id), false, LINUX_KEY_WRITE,
				      &from);
	if (ret == 0)
		ret = key_lookup_user(t, id_of(to_id), true, LINUX_KEY_WRITE,
				      &to);
	if (ret != 0 || from.key == to.key)
		return ret;
	if (!from.key->type->is_keyring || !to.key->type->is_keyring)
		return -ENOTDIR;
	keys_lock();
	if (keyring_find_locked(from.key, k.key->type, k.key->desc) != k.key)
		ret = -ENOENT;
	else if (((uint32_t)flags & LINUX_KEYCTL_MOVE_EXCL) &&
		 keyring_find_locked(to.key, k.key->type, k.key->desc))
		ret = -EEXIST;
	if (ret == 0)
		ret = keyring_link_locked(to.key, k.key, &in);
	if (ret == 0)
		ret = keyring_unlink_locked(from.key, k.key, &out);
	keys_unlock();
	key_drop_finish(&in);
	key_drop_finish(&out);
	return ret;
}

/* A link that was asked for with a search needs the right to link. */
static int link_found(struct task *t, struct key *ring, struct key_ref *k)
{
	int ret;

	keys_lock();
	ret = key_permission_locked(k->key, k->possessed, t->cred,
				    LINUX_KEY_LINK);
	keys_unlock();
	return ret < 0 ? ret : link_new(ring, k->key);
}

static long search(struct task *t, uint64_t ring_id, uint64_t type_name,
		   uint64_t description, uint64_t dest_id)
{
	AUTO_KEY struct key_ref ring = { NULL, false }, dest = { NULL, false };
	AUTO_KEY struct key_ref k = { NULL, false };
	AUTO_FREE char *desc = NULL;
	const struct key_type *type;
	char name[KEY_TYPE_MAX];
	int ret = copy_type(uaddr(type_name), name);

	if (ret == 0)
		ret = copy_desc(uaddr(description), &desc);
	if (ret == 0)
		ret = key_lookup_user(t, id_of(ring_id), false,
				      LINUX_KEY_SEARCH, &ring);
	if (ret == 0 && id_of(dest_id))
		ret = key_lookup_user(t, id_of(dest_id), true, LINUX_KEY_WRITE,
				      &dest);
	if (ret < 0)
		return ret;
	type = key_type_lookup(name);
	if (!type)
		return -ENOKEY;
	keys_lock();
	ret = keyring_search_locked(ring.key, ring.possessed, t->cred, type,
				    desc, &k.key);
	keys_unlock();
	k.possessed = ring.possessed;
	if (ret == 0 && dest.key)
		ret = link_found(t, dest.key, &k);
	if (ret == -EAGAIN)
		return -ENOKEY;
	return ret < 0 ? ret : k.key->serial;
}

/* Only the form without a type: no more links at all. */
static long restrict_keyring(struct task *t, uint64_t id, uint64_t type,
			     uint64_t restriction, uint64_t d)
{
	AUTO_KEY struct key_ref ring = { NULL, false };
	int ret =
		key_lookup_user(t, id_of(id), false, LINUX_KEY_SETATTR, &ring);

	(void)d;
	if (ret < 0)
		return ret;
	if (!ring.key->type->is_keyring)
		return -ENOTDIR;
	if (type)
		return -ENOENT; /* no type of ours knows restrictions */
	if (restriction)
		return -EINVAL;
	keys_lock();
	if (ring.key->restricted)
		ret = -EEXIST;
	ring.key->restricted = true;
	keys_unlock();
	return ret;
}

/* --- keyctl: the rest ----------------------------------------------------- */

static long set_reqkey_keyring(struct task *t, uint64_t arg, uint64_t b,
			       uint64_t c, uint64_t d)
{
	int32_t old = (int32_t)t->cred->jit_keyring, new = id_of(arg);
	struct cred *cred;
	int ret = 0;

	(void)b, (void)c, (void)d;
	if (new == LINUX_KEY_REQKEY_DEFL_NO_CHANGE)
		return old;
	if (new < 0 || new > LINUX_KEY_REQKEY_DEFL_USER_SESSION_KEYRING)
		return -EINVAL;
	if (new == LINUX_KEY_REQKEY_DEFL_THREAD_KEYRING)
		ret = key_install_keyring(t, CRED_KEY_THREAD);
	else if (new == LINUX_KEY_REQKEY_DEFL_PROCESS_KEYRING)
		ret = key_install_keyring(t, CRED_KEY_PROCESS);
	if (ret < 0)
		return ret;
	ret = cred_copy(t->cred, &cred);
	if (ret < 0)
		return ret;
	cred->jit_keyring = (uint32_t) new;
	task_set_cred(t, cred);
	return old;
}

/* Nothing is ever under construction, so nobody has authority over it. */
static long no_authority(struct task *t, uint64_t a, uint64_t b, uint64_t c,
			 uint64_t d)
{
	(void)t, (void)a, (void)b, (void)c, (void)d;
	return -EPERM;
}

static long assume_authority(struct task *t, uint64_t id, uint64_t b,
			     uint64_t c, uint64_t d)
{
	(void)t, (void)b, (void)c, (void)d;
	if (id_of(id) < 0)
		return -EINVAL;
	return id_of(id) == 0 ? 0 : -ENOKEY;
}

static long capabilities(struct task *t, uint64_t addr, uint64_t size,
			 uint64_t c, uint64_t d)
{
	const uint8_t caps[2] = { LINUX_KEYCTL_CAPS0_CAPABILITIES |
				  LINUX_KEYCTL_CAPS0_INVALIDATE |
				  LINUX_KEYCTL_CAPS0_RESTRICT_KEYRING |
				  LINUX_KEYCTL_CAPS0_MOVE };
	uint8_t zero = 0;

	(void)t, (void)c, (void)d;
	if (size && copy_out(uaddr(addr), caps, MIN(size, sizeof(caps))) < 0)
		return -EFAULT;
	/* What is beyond ours reads as zero. */
	for (uint64_t i = sizeof(caps); i < MIN(size, PAGE_SIZE); i++)
		if (copy_out(uaddr(addr + i), &zero, 1) < 0)
			return -EFAULT;
	return sizeof(caps);
}

static keyctl_fn *const g_commands[] = {
	[LINUX_KEYCTL_GET_KEYRING_ID] = get_keyring_id,
	[LINUX_KEYCTL_JOIN_SESSION_KEYRING] = join_session,
	[LINUX_KEYCTL_UPDATE] = update,
	[LINUX_KEYCTL_REVOKE] = revoke,
	[LINUX_KEYCTL_CHOWN] = do_chown,
	[LINUX_KEYCTL_SETPERM] = setperm,
	[LINUX_KEYCTL_DESCRIBE] = describe,
	[LINUX_KEYCTL_CLEAR] = clear,
	[LINUX_KEYCTL_LINK] = do_link,
	[LINUX_KEYCTL_UNLINK] = do_unlink,
	[LINUX_KEYCTL_SEARCH] = search,
	[LINUX_KEYCTL_READ] = read_key,
	[LINUX_KEYCTL_INSTANTIATE] = no_authority,
	[LINUX_KEYCTL_NEGATE] = no_authority,
	[LINUX_KEYCTL_SET_REQKEY_KEYRING] = set_reqkey_keyring,
	[LINUX_KEYCTL_SET_TIMEOUT] = set_timeout,
	[LINUX_KEYCTL_ASSUME_AUTHORITY] = assume_authority,
	[LINUX_KEYCTL_GET_SECURITY] = get_security,
	[LINUX_KEYCTL_REJECT] = no_authority,
	[LINUX_KEYCTL_INSTANTIATE_IOV] = no_authority,
	[LINUX_KEYCTL_INVALIDATE] = invalidate,
	[LINUX_KEYCTL_RESTRICT_KEYRING] = restrict_keyring,
	[LINUX_KEYCTL_MOVE] = move,
	[LINUX_KEYCTL_CAPABILITIES] = capabilities,
};

long sys_keyctl(struct task *t, int32_t cmd, uint64_t a, uint64_t b, uint64_t c,
		uint64_t d)
{
	uint32_t nr = (uint32_t)cmd;

	if (nr >= ARRAY_SIZE(g_commands) || !g_commands[nr])
		return -EOPNOTSUPP;
	return g_commands[nr](t, a, b, c, d);
}
