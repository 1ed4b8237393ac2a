/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys: small secrets that the kernel keeps for processes, keyrings(7).
 *
 * A keyring is a key whose payload is links to other keys.  Every task reaches
 * keyrings of its thread, its process, its session and its user; who reaches a
 * key through these possesses it.
 *
 * Locks: keys_lock() (LOCK_KEYS) covers all keys and links; it is a leaf.
 */
#ifndef SENTRY_KERNEL_KEYS_H
#define SENTRY_KERNEL_KEYS_H

#include "abi/keyctl.h"
#include "sentry/kernel/cred.h"

struct seq_buf;
struct task;

#define KEY_TYPE_MAX	32u   /* with the NUL */
#define KEY_DESC_MAX	4096u /* the same */
#define KEY_USER_MAX	32767u
#define KEY_PAYLOAD_MAX (1024u * 1024 - 1)

struct key_type {
	const char *name;
	bool is_keyring, can_read, can_update;
	bool needs_prefix; /* logon: "service:rest" */
};
/* "user", "keyring", "logon", or NULL. */
const struct key_type *key_type_lookup(const char *name);

struct key {
	struct cred_part part; /* references */
	IMMUTABLE int32_t serial;
	IMMUTABLE const struct key_type *type;
	IMMUTABLE char *desc;
	struct user_acct *user; /* who pays: of uid; +1 */
	uint32_t uid, gid, perm;
	uint32_t paid; /* bytes of quota */
	bool revoked, invalid, restricted;
	uint64_t expires; /* monotonic ns; 0: never */
	void *data;	  /* user, logon: payload; owned */
	uint32_t size;
	struct key **links; /* keyring: +1 each */
	uint32_t nr_links, room;
	struct list node; /* of all keys, or of those to be freed */
};

struct key_ref {
	struct key *key; /* +1 */
	bool possessed;
};
void key_ref_put(struct key_ref *r); /* harmless if empty */
#define AUTO_KEY __attribute__((cleanup(key_ref_put)))

/* The one lock of all keys; nothing is put, freed or slept on under it. */
extern struct mutex g_keys_mu;
void keys_lock(void) ACQUIRES(&g_keys_mu);
void keys_unlock(void) RELEASES(&g_keys_mu);

/* --- keys.c --------------------------------------------------------------- */

static inline void key_get(struct key *k)
{
	cred_part_get(&k->part);
}
/* Never under the lock. */
static inline void key_put(struct key *k)
{
	if (k)
		cred_part_put(&k->part);
}

/*
 * A key of owner @uid, @gid with @data (taken over in any case).
 * Returns: 0 and *out with one reference; -EDQUOT; -ENOMEM.
 */
MUST_CHECK int key_new(const struct key_type *type, const char *desc,
		       uint32_t uid, uint32_t gid, uint32_t perm, void *data,
		       uint32_t size, struct key **out);
/* The permission a key of @type starts with. */
uint32_t key_default_perm(const struct key_type *type);
/* Is a payload of @size for @type?  -EINVAL. */
MUST_CHECK int key_check_payload(const struct key_type *type, const char *desc,
				 uint32_t size);
/* By serial: +1 or NULL. */
struct key *key_lookup(int32_t serial);
/* All below: under the lock. */

/* 0, -EKEYREVOKED, -EKEYEXPIRED, -ENOKEY. */
MUST_CHECK int key_validate_locked(const struct key *k);
/* -EACCES unless @c may do @need (LINUX_KEY_*) with it. */
MUST_CHECK int key_permission_locked(const struct key *k, bool possessed,
				     const struct cred *c, uint32_t need);
/* Another payload; the old one in *out_old, to be freed.  -EDQUOT. */
MUST_CHECK int key_update_locked(struct key *k, void *data, uint32_t size,
				 void **out_old);
/* The owner pays @delta bytes more (or less).  -EDQUOT. */
MUST_CHECK int key_pay_locked(struct key *k, int64_t delta);
/* Another owner: what was paid moves.  The new one's user is taken over. */
MUST_CHECK int key_chown_locked(struct key *k, struct user_acct *u);
/* A named keyring that @c may join: +1 or NULL. */
struct key *key_find_keyring_locked(const char *name, const struct cred *c);
/* Lines of /proc/keys that @t may see, and of /proc/key-users. */
void keys_show(struct task *t, struct seq_buf *out);

/* --- keyring.c ------------------------------------------------------------ */

/* Links of a keyring that were taken out: put after the lock is dropped. */
struct key_drop {
	struct key **keys;
	uint32_t nr;
	struct key *one;
};
void key_drop_finish(struct key_drop *d);

/*
 * Links @k into @ring, replacing one of the same type and name (*drop).
 * -ENOTDIR, -EKEYREVOKED..., -EDEADLK for a cycle, -ELOOP, -EDQUOT, -ENOMEM,
 * -EPERM for a restricted ring.
 */
MUST_CHECK int keyring_link_locked(struct key *ring, struct key *k,
				   struct key_drop *drop);
/* -ENOTDIR, -ENOENT. */
MUST_CHECK int keyring_unlink_locked(struct key *ring, struct key *k,
				     struct key_drop *drop);
/* All links. */
void keyring_clear_locked(struct key *ring, struct key_drop *drop);
/* The live link of that type and name, borrowed, or NULL. */
struct key *keyring_find_locked(const struct key *ring,
				const struct key_type *type, const char *desc);
/*
 * In @ring and below: +1 in *out.  -EAGAIN: there is none; -EACCES,
 * -EKEYREVOKED, -EKEYEXPIRED, -ENOTDIR.
 */
MUST_CHECK int keyring_search_locked(struct key *ring, bool possessed,
				     const struct cred *c,
				     const struct key_type *type,
				     const char *desc, struct key **out);
/* In the keyrings of the current task. */
MUST_CHECK int keys_search_mine(struct task *t, const struct key_type *type,
				const char *desc, struct key_ref *out);

#define KEY_NEED_NOTHING 0u /* neither permission nor that it is alive */
/*
 * The key that the guest names by @id, with permission for @need; @create: a
 * keyring of the task that is not there yet is made.
 */
MUST_CHECK int key_lookup_user(struct task *t, int32_t id, bool create,
			       uint32_t need, struct key_ref *out);
/* KEYCTL_JOIN_SESSION_KEYRING; NULL: a new one without a name. */
MUST_CHECK long key_join_session(struct task *t, const char *name);
/* @c, not published yet, is for a new thread of one that has a keyring: it
 * gets one of its own. */
MUST_CHECK int key_fork_thread(struct cred *c);
/* A keyring of the thread or process, if there is none yet. */
MUST_CHECK int key_install_keyring(struct task *t, unsigned int part);

#endif
