/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovl_map: the names of an overlay directory that its lower directory does not
 * tell, and those in use.
 *
 * Invariant: an entry is in its directory's tree; if it names an inode, it is
 *	      in that inode's list too.  A weak entry covers a lower name.
 * Locks:     os->map_mu, short; references are dropped after it.
 * Tests:     tests/unit/test_overlay.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/overlay/ovl.h"

static int compare(const struct ovl_entry *a, const struct ovl_entry *b)
{
	int ret = memcmp(a->name, b->name, MIN(a->len, b->len));

	return ret ? ret : (int)a->len - (int)b->len;
}

TREE_GENERATE(ovl_tree, ovl_entry, node, compare)

static struct mutex *map_mu(struct ovl_inode *oi)
{
	return &ovl_super(&oi->vfs)->map_mu;
}

static void add_drop(struct ovl_drops *d, struct ovl_inode *oi)
{
	assert(d->nr < ARRAY_SIZE(d->inodes));
	d->inodes[d->nr++] = &oi->vfs;
}

void ovl_drop(struct ovl_drops *d)
{
	while (d->nr > 0)
		inode_put(d->inodes[--d->nr]);
}

struct ovl_entry *ovl_entry_new(const char *name)
{
	size_t len = strlen(name);
	struct ovl_entry *e = kzalloc(sizeof(*e) + len + 1);

	if (!e)
		return NULL;
	list_init(&e->inode_node);
	e->len = (uint16_t)len;
	memcpy(e->store, name, len);
	e->name = e->store;
	return e;
}

struct ovl_entry *ovl_find_locked(struct ovl_inode *dir, const char *name)
{
	struct ovl_entry key = { .name = name };
	struct ovl_state *st = dir->state;

	if (!st)
		return NULL;
	key.len = (uint16_t)strnlen(name, NAME_MAX_LEN);
	return RB_FIND(ovl_tree, &st->tree, &key);
}

struct ovl_entry *ovl_claim_locked(struct ovl_inode *dir, const char *name,
				   struct ovl_entry **spare)
{
	struct ovl_entry *e = ovl_find_locked(dir, name);

	if (e)
		return e;
	e = *spare;
	*spare = NULL;
	e->dir = dir;
	e->covers = true;
	RB_INSERT(ovl_tree, &dir->state->tree, e);
	dir->state->version++;
	return e;
}

int ovl_map_get(struct ovl_inode *dir, const char *name, struct ovl_inode **out)
{
	struct ovl_entry *e;
	int ret = 0;

	mutex_lock(map_mu(dir));
	e = ovl_find_locked(dir, name);
	if (e && !e->inode) {
		ret = -ENOENT;
	} else if (e && ref_get_unless_zero(&e->inode->vfs.ref)) {
		*out = e->inode;
		ret = 1;
	}
	mutex_unlock(map_mu(dir));
	return ret;
}

static void attach(struct ovl_entry *e, struct ovl_inode *oi, bool strong)
{
	assert(!e->inode);
	e->inode = oi;
	e->strong = strong;
	list_append(&oi->state->entries, &e->inode_node);
	e->dir->state->version++;
}

void ovl_set_locked(struct ovl_entry *e, struct ovl_inode *oi)
{
	attach(e, oi, true);
	inode_get(&oi->vfs);
}

/* The entry lets go of its inode and of what it held. */
static void detach(struct ovl_entry *e, struct ovl_drops *d)
{
	list_del(&e->inode_node);
	if (e->strong)
		add_drop(d, e->inode);
	else
		add_drop(d, e->dir);
	e->inode = NULL;
	e->strong = false;
	e->dir->state->version++;
}

static void remove_entry(struct ovl_entry *e)
{
	e->dir->state->version++;
	RB_REMOVE(ovl_tree, &e->dir->state->tree, e);
	free(e);
}

void ovl_empty_locked(struct ovl_entry *e, struct ovl_drops *d)
{
	if (e->inode)
		detach(e, d);
}

void ovl_clear_locked(struct ovl_entry *e, struct ovl_drops *d)
{
	ovl_empty_locked(e, d);
	if (!e->covers)
		remove_entry(e);
}

void ovl_left_locked(struct ovl_inode *oi, const struct ovl_inode *dir,
		     const char *name)
{
	if (oi->home == dir && strcmp(oi->home_name, name) == 0)
		oi->at_home = false;
}

/* Its home gets a weak entry, so that it is found there for as long as it is
 * pinned.  *spare: taken over if used.  True: its home must be found too. */
static bool enter_home_locked(struct ovl_inode *oi, struct ovl_entry **spare)
{
	struct ovl_entry *e;

	if (!oi->at_home || !*spare)
		return false;
	e = ovl_claim_locked(oi->home, oi->home_name, spare);
	if (!e->inode) {
		attach(e, oi, false);
		inode_get(&oi->home->vfs);
	}
	oi->at_home = false;
	return true;
}

/* 1: its home is to be pinned too. */
static int pin_one(struct ovl_inode *oi)
{
	struct ovl_super *os = ovl_super(&oi->vfs);
	struct ovl_state *st = ovl_need_state(oi);
	struct ovl_entry *spare = NULL;
	int ret;

	if (!st)
		return -ENOMEM;
	if (oi->home) {
		spare = ovl_entry_new(oi->home_name);
		if (!spare || !ovl_need_state(oi->home)) {
			free(spare);
			return -ENOMEM;
		}
	}
	mutex_lock(&os->map_mu);
	ret = enter_home_locked(oi, &spare);
	/* What has no name dies with its last user. */
	if (!oi->pinned && !list_empty(&st->entries)) {
		oi->pinned = true;
		inode_get(&oi->vfs);
		list_append(&os->pins, &st->pin_node);
	}
	mutex_unlock(&os->map_mu);
	free(spare);
	return ret;
}

int ovl_pin(struct ovl_inode *oi)
{
	int ret = ovl_need_state(oi) ? 1 : -ENOMEM;

	for (; ret > 0 && oi && !oi->pinned; oi = oi->home)
		ret = pin_one(oi);
	return MIN(ret, 0);
}

void ovl_unpin_locked(struct ovl_inode *oi, struct ovl_drops *d)
{
	if (!oi->pinned)
		return;
	oi->pinned = false;
	list_del(&oi->state->pin_node);
	add_drop(d, oi);
}

/* Weak entries of a dying inode vanish: the lower name shows through again. */
static bool forget_one_name(struct ovl_inode *oi)
{
	struct ovl_drops d = { 0 };
	struct ovl_entry *e;

	mutex_lock(map_mu(oi));
	e = list_first(&oi->state->entries, struct ovl_entry, inode_node);
	if (e) {
		detach(e, &d);
		remove_entry(e);
	}
	mutex_unlock(map_mu(oi));
	ovl_drop(&d);
	return e != NULL;
}

static bool clear_one_child(struct ovl_inode *oi)
{
	struct ovl_drops d = { 0 };
	struct ovl_entry *e;

	mutex_lock(map_mu(oi));
	e = RB_MIN(ovl_tree, &oi->state->tree);
	if (e) {
		if (e->inode)
			detach(e, &d);
		remove_entry(e);
	}
	mutex_unlock(map_mu(oi));
	ovl_drop(&d);
	return e != NULL;
}

void ovl_clear_tree(struct ovl_inode *oi)
{
	if (!oi->state)
		return;
	while (clear_one_child(oi))
		;
	if (ref_read(&oi->vfs.ref) == 0)
		while (forget_one_name(oi))
			;
}

void ovl_for_each_strong(struct ovl_inode *dir,
			 bool (*fn)(void *arg, const struct ovl_entry *e),
			 void *arg)
{
	struct ovl_entry *e;

	if (!dir->state)
		return;
	mutex_lock(map_mu(dir));
	RB_FOREACH (e, ovl_tree, &dir->state->tree)
		if (e->strong && !fn(arg, e))
			break;
	mutex_unlock(map_mu(dir));
}

static bool note_use(void *arg, const struct ovl_entry *e)
{
	(void)e;
	*(bool *)arg = true;
	return false;
}

bool ovl_map_in_use(struct ovl_inode *dir)
{
	bool used = false;

	ovl_for_each_strong(dir, note_use, &used);
	return used;
}

bool ovl_hides(struct ovl_inode *dir, const char *name)
{
	struct ovl_entry *e;
	bool hides;

	if (!dir->state || dir->state->version == 0)
		return false;
	mutex_lock(map_mu(dir));
	e = ovl_find_locked(dir, name);
	hides = e && (!e->inode || e->strong);
	mutex_unlock(map_mu(dir));
	return hides;
}
