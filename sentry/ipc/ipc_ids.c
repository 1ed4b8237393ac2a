/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc_ids: the tables of System V objects: ids, keys, permissions.
 *
 * An id is the slot and a sequence number above it, so that the id of a removed
 * object is not soon that of another: slots are given in turn, and the sequence
 * number goes up each time they start again from below.
 *
 * Invariant: an object is in its slot, and in the tree of keys unless its key
 *            is IPC_PRIVATE, exactly until ->gone is set.
 * Locks:     ids->mu.
 * Linux:     ipc/util.c of 6.18, without the *_next_id settings.
 * Tests:     tests/conformance/sysv_shm.c
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sentry/ipc/ipc.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/time/clock.h"

#define SLOT_BITS 15
#define SEQ_MAX	  (INT32_MAX >> SLOT_BITS)
/* What all messages and semaphores may take of the sentry's own memory. */
#define IPC_MEMORY (256ull << 20)

static int cmp_key(const struct ipc_obj *a, const struct ipc_obj *b)
{
	return a->key < b->key ? -1 : a->key > b->key;
}
TREE_GENERATE(ipc_keys, ipc_obj, by_key, cmp_key)

void ipc_ids_init(struct ipc_ids *ids)
{
	*ids = (struct ipc_ids){ .last = -1 };
	mutex_init(&ids->mu, LOCK_IPC);
	RB_INIT(&ids->keys);
}

void ipc_ids_fini(struct ipc_ids *ids)
{
	assert(ids->in_use == 0);
	free(ids->obj);
}

void ipc_obj_put(struct ipc_obj *o)
{
	if (ref_put(&o->ref))
		o->free(o);
}

/* --- accounts ------------------------------------------------------------- */

static _Atomic uint64_t g_memory;

int ipc_charge(uint64_t size)
{
	uint64_t old = atomic_load(&g_memory);

	do {
		if (size > IPC_MEMORY || old > IPC_MEMORY - size)
			return -ENOMEM;
	} while (!atomic_compare_exchange_weak(&g_memory, &old, old + size));
	return 0;
}

void ipc_uncharge(uint64_t size)
{
	atomic_fetch_sub(&g_memory, size);
}

int64_t ipc_now(void)
{
	return (int64_t)(clock_realtime() / NSEC_PER_SEC);
}

uint32_t ipc_pid(void)
{
	struct task *t = current_task();

	return t ? t->group->tgid : 0;
}

/* --- looking up ----------------------------------------------------------- */

static struct ipc_obj *find_key(struct ipc_ids *ids, int32_t key)
{
	struct ipc_obj like = { .key = key };

	return RB_FIND(ipc_keys, &ids->keys, &like);
}

int ipc_find_slot(struct ipc_ids *ids, int32_t slot, struct ipc_obj **out)
{
	if (slot < 0 || (uint32_t)slot >= ids->nr_slots || !ids->obj[slot])
		return -EINVAL;
	*out = ids->obj[slot];
	return 0;
}

int ipc_find(struct ipc_ids *ids, int32_t id, struct ipc_obj **out)
{
	struct ipc_obj *o;

	if (id < 0 ||
	    ipc_find_slot(ids, id & (int32_t)(IPC_MAX_OBJS - 1), &o) < 0 ||
	    o->id != id)
		return -EINVAL;
	*out = o;
	return 0;
}

int ipc_highest(struct ipc_ids *ids)
{
	uint32_t i;

	mutex_lock(&ids->mu);
	for (i = ids->nr_slots; i > 0 && !ids->obj[i - 1]; i--)
		;
	mutex_unlock(&ids->mu);
	return i ? (int)i - 1 : 0;
}

/* --- permissions ---------------------------------------------------------- */

int ipc_permission(const struct ipc_ns *ns, const struct ipc_obj *o,
		   uint32_t want)
{
	const struct cred *c = current_task()->cred;
	uint32_t has = o->mode;

	want |= want >> 3 | want >> 6;
	if (c->euid == o->cuid || c->euid == o->uid)
		has >>= 6;
	else if (cred_in_group(c, o->cgid) || cred_in_group(c, o->gid))
		has >>= 3;
	if ((want & ~has & 07) && !ns_capable(ns->ns.owner, CAP_NR_IPC_OWNER))
		return -EACCES;
	return 0;
}

int ipc_may_control(const struct ipc_ns *ns, const struct ipc_obj *o)
{
	const struct cred *c = current_task()->cred;

	if (c->euid == o->cuid || c->euid == o->uid ||
	    ns_capable(ns->ns.owner, CAP_NR_SYS_ADMIN))
		return 0;
	return -EPERM;
}

void ipc_perm_fill(const struct ipc_obj *o, struct linux_ipc_perm *out)
{
	*out = (struct linux_ipc_perm){
		.key = o->key,
		.uid = o->uid,
		.gid = o->gid,
		.cuid = o->cuid,
		.cgid = o->cgid,
		.mode = o->mode,
		.seq = (uint16_t)o->seq,
	};
}

void ipc_perm_to_guest(struct linux_ipc_perm *p)
{
	p->uid = uid_to_guest(p->uid);
	p->gid = gid_to_guest(p->gid);
	p->cuid = uid_to_guest(p->cuid);
	p->cgid = gid_to_guest(p->cgid);
}

int ipc_perm_from_guest(struct linux_ipc_perm *p)
{
	p->uid = uid_from_guest(p->uid);
	p->gid = gid_from_guest(p->gid);
	return p->uid == UINT32_MAX || p->gid == UINT32_MAX ? -EINVAL : 0;
}

void ipc_perm_set(struct ipc_obj *o, const struct linux_ipc_perm *p)
{
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (o->mode & ~0777u) | (p->mode & 0777);
}

/* --- coming and going ----------------------------------------------------- */

static int grow(struct ipc_ids *ids, uint32_t need)
{
	struct ipc_obj **obj;
	uint32_t nr = MAX(ids->nr_slots * 2, 16u);

	if (need <= ids->nr_slots)
		return 0;
	while (nr < need)
		nr *= 2;
	obj = reallocarray(ids->obj, nr, sizeof(struct ipc_obj *));
	if (!obj)
		return -ENOMEM;
	memset(obj + ids->nr_slots, 0,
	       (nr - ids->nr_slots) * sizeof(struct ipc_obj *));
	ids->obj = obj;
	ids->nr_slots = nr;
	return 0;
}

/* A free one of the first half as many again as are in use, but from 64: they
 * are given in turn.  -ENOSPC, -ENOMEM. */
static int free_slot(struct ipc_ids *ids)
{
	uint32_t max = MAX(ids->in_use + ids->in_use / 2, 64u);
	uint32_t at = (uint32_t)(ids->last + 1);
	int ret;

	max = MIN(max, IPC_MAX_OBJS);
	ret = grow(ids, max);
	for (uint32_t i = 0; i < max && ret == 0; i++, at++) {
		if (at >= max)
			at = 0;
		if (!ids->obj[at])
			return (int)at;
	}
	return ret < 0 ? ret : -ENOSPC;
}

static int insert(struct ipc_get *g, struct ipc_ids *ids)
{
	const struct cred *c = current_task()->cred;
	struct ipc_obj *o = g->fresh;
	int slot;

	if (!o)
		return g->fresh_error;
	if (ids->in_use >= MIN(g->max_objs, IPC_MAX_OBJS))
		return -ENOSPC;
	slot = free_slot(ids);
	if (slot < 0)
		return slot;
	if (slot <= ids->last && ++ids->seq >= SEQ_MAX)
		ids->seq = 0;
	ids->last = slot;
	o->key = g->key;
	o->seq = ids->seq;
	o->id = (int32_t)(ids->seq << SLOT_BITS) + slot;
	o->mode = g->flags & 0777;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
	ids->obj[slot] = o;
	ids->in_use++;
	if (o->key != LINUX_IPC_PRIVATE)
		RB_INSERT(ipc_keys, &ids->keys, o);
	g->fresh = NULL;
	return o->id;
}

static int create_locked(struct ipc_get *g, struct ipc_ids *ids)
{
	int ret = g->fresh ? g->charge(g) : 0;

	if (ret < 0)
		return ret;
	ret = insert(g, ids);
	if (ret < 0 && g->fresh)
		g->uncharge(g);
	return ret;
}

static int get_locked(struct ipc_get *g, struct ipc_ids *ids)
{
	struct ipc_obj *o = NULL;
	int ret = 0;

	if (g->key != LINUX_IPC_PRIVATE)
		o = find_key(ids, g->key);
	if (!o) {
		if (g->key != LINUX_IPC_PRIVATE &&
		    !(g->flags & LINUX_IPC_CREAT))
			return -ENOENT;
		return create_locked(g, ids);
	}
	if ((g->flags & LINUX_IPC_CREAT) && (g->flags & LINUX_IPC_EXCL))
		return -EEXIST;
	if (g->check)
		ret = g->check(o, g);
	if (ret == 0)
		ret = ipc_permission(g->ns, o, g->flags);
	return ret < 0 ? ret : o->id;
}

int ipc_get(struct ipc_get *g)
{
	struct ipc_ids *ids = ipc_ids_of(g->ns, g->kind);
	int ret;

	mutex_lock(&ids->mu);
	ret = get_locked(g, ids);
	mutex_unlock(&ids->mu);
	return ret;
}

void ipc_hide_key(struct ipc_ids *ids, struct ipc_obj *o)
{
	if (o->key != LINUX_IPC_PRIVATE)
		RB_REMOVE(ipc_keys, &ids->keys, o);
	o->key = LINUX_IPC_PRIVATE;
}

void ipc_remove(struct ipc_ids *ids, struct ipc_obj *o)
{
	uint32_t slot = (uint32_t)o->id & (IPC_MAX_OBJS - 1);

	assert(!o->gone && ids->obj[slot] == o);
	if (o->key != LINUX_IPC_PRIVATE)
		RB_REMOVE(ipc_keys, &ids->keys, o);
	ids->obj[slot] = NULL;
	ids->in_use--;
	o->gone = true;
}
