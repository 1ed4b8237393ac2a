/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcache: names that were looked up, so that a path walk asks no file system.
 *
 * Three locks, all of rank LOCK_DCACHE, taken in this order:
 *   g_dcache_names	parents and names (written by rename only)
 *   g_trees[]	children lists, by the parent's id
 *   g_shards[]	hash buckets, by hash
 * A lookup takes one shard.  The hash is keyed: guests choose names.
 *
 * Invariant: hashed  <=>  in a bucket, among the parent's children, and the
 *	      cache owns a reference.
 * Eviction:  second chance, a hand going through the buckets; candidates are
 *	      found under a shard, removed under tree and shard, where nobody
 *	      can find them in between.
 * Tests:     tests/unit/test_walk.c, test_tmpfs.c
 */
#include "sentry/vfs/dcache.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "sentry/host/host.h"
#include "sentry/vfs/notify.h"

#define NR_SHARDS     64u
#define NR_TREES      64u
#define FIRST_BUCKETS 16u
/* Of memory for names and what they lead to, a file of a private root taking
 * about ENTRY_BYTES (tests/hostile/file_memory.sh). */
#define DCACHE_BYTES (48u << 20)
#define ENTRY_BYTES  400u
#define DCACHE_MAX   (DCACHE_BYTES / ENTRY_BYTES)
/* Dentries looked at per eviction, so that one walk stays short. */
#define EVICT_SCAN 16

/* One part of the hash; its buckets double as it fills. */
struct shard {
	struct mutex mu;
	struct dentry **buckets GUARDED_BY(mu);
	uint32_t mask, nr GUARDED_BY(mu);
	uint32_t hand GUARDED_BY(mu); /* the bucket that is evicted from */
	struct dentry *first[FIRST_BUCKETS] GUARDED_BY(mu);
};

struct rwlock g_dcache_names = RWLOCK_INIT(LOCK_DCACHE);
static struct shard g_shards[NR_SHARDS];
static struct mutex g_trees[NR_TREES];
static _Atomic uint32_t g_count, g_next_id, g_evict_at;
static _Atomic uint32_t g_bound = DCACHE_MAX;
/* After a round that found all in use: how many have to be there for another
 * one to be worth it. */
static _Atomic uint32_t g_patience;
static bool (*_Atomic g_pressed)(void);
static uint64_t g_seed;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void dcache_start(void)
{
	unsigned int i;

	for (i = 0; i < NR_SHARDS; i++) {
		mutex_init(&g_shards[i].mu, LOCK_DCACHE);
		g_shards[i].buckets = g_shards[i].first;
		g_shards[i].mask = FIRST_BUCKETS - 1;
	}
	for (i = 0; i < NR_TREES; i++)
		mutex_init(&g_trees[i], LOCK_DCACHE);
	if (host_getrandom(&g_seed, sizeof(g_seed)) < 0)
		g_seed = (uintptr_t)&i * 0x9e3779b97f4a7c15ull;
}

static struct mutex *tree_of(const struct dentry *parent)
{
	return &g_trees[parent->id % NR_TREES];
}

static uint32_t hash_name(const struct dentry *parent, const char *name,
			  size_t len)
{
	return (uint32_t)XXH3_64bits_withSeed(
		name, len, g_seed + parent->id * 0x9e3779b97f4a7c15ull);
}

static struct shard *shard_of(uint32_t hash)
{
	return &g_shards[hash % NR_SHARDS];
}

static struct dentry **bucket_of(struct shard *s, uint32_t hash)
{
	return &s->buckets[hash / NR_SHARDS & s->mask];
}

int dentry_new(struct super *sb, struct dentry *parent, const char *name,
	       size_t len, struct inode *inode, struct dentry **out)
{
	struct dentry *d = kzalloc(sizeof(*d) + len + 1);

	pthread_once(&g_once, dcache_start);
	if (!d)
		return -ENOMEM;
	d->name = d->inline_name;
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	d->name_len = (uint16_t)len;
	ref_init(&d->ref);
	d->sb = sb;
	d->id = g_next_id++;
	d->inode = inode;
	d->unhashed = true;
	d->parent = parent ? parent : d;
	if (parent)
		dentry_get(parent);
	*out = d;
	return 0;
}

void dentry_get(struct dentry *d)
{
	ref_get(&d->ref);
}

void dentry_put(struct dentry *d)
{
	struct dentry *parent;

	while (d && ref_put(&d->ref)) {
		parent = d->parent != d ? d->parent : NULL;
		if (d->inode) {
			notify_deleted(d->inode);
			inode_put(d->inode);
		}
		if (d->name != d->inline_name)
			free(d->name);
		free(d);
		d = parent;
	}
}

/* --- hash ----------------------------------------------------------------- */

/* Without memory the chains grow longer. */
static void grow(struct shard *s)
{
	uint32_t nr = (s->mask + 1) * 2, i;
	struct dentry **old = s->buckets, **fresh, *d, *next;

	fresh = kcalloc(nr, sizeof(struct dentry *));
	if (!fresh)
		return;
	s->buckets = fresh;
	s->mask = nr - 1;
	for (i = 0; i < nr / 2; i++) {
		for (d = old[i]; d; d = next) {
			struct dentry **to = bucket_of(s, d->hash);

			next = d->hash_next;
			d->hash_next = *to;
			*to = d;
		}
	}
	if (old != s->first)
		free(old);
}

static void bucket_insert(struct shard *s, struct dentry *d)
{
	struct dentry **head;

	if (++s->nr > s->mask + 1)
		grow(s);
	head = bucket_of(s, d->hash);
	d->hash_next = *head;
	*head = d;
}

static void bucket_remove(struct shard *s, struct dentry *d)
{
	struct dentry **at = bucket_of(s, d->hash);

	while (*at != d)
		at = &(*at)->hash_next;
	*at = d->hash_next;
	d->hash_next = NULL;
	s->nr--;
}

static void child_insert(struct dentry *parent, struct dentry *d)
{
	d->next = parent->first_child;
	d->prev = &parent->first_child;
	if (d->next)
		d->next->prev = &d->next;
	parent->first_child = d;
}

static void child_remove(struct dentry *d)
{
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	d->next = NULL;
	d->prev = NULL;
}

struct dentry *dcache_lookup(struct dentry *parent, const char *name,
			     size_t len)
{
	uint32_t hash = hash_name(parent, name, len);
	struct shard *s = shard_of(hash);
	struct dentry *d, *found = NULL;

	mutex_lock(&s->mu);
	for (d = *bucket_of(s, hash); d; d = d->hash_next) {
		if (d->hash != hash || d->parent != parent ||
		    d->name_len != len || memcmp(d->name, name, len) != 0)
			continue;
		ref_get(&d->ref);
		found = d;
		break;
	}
	mutex_unlock(&s->mu);
	if (found && !found->accessed)
		found->accessed = true;
	return found;
}

/* Caller holds g_dcache_names (any mode) and the parent's tree lock. */
static void hash_locked(struct dentry *d)
{
	struct shard *s;

	d->hash = hash_name(d->parent, d->name, d->name_len);
	s = shard_of(d->hash);
	mutex_lock_nested(&s->mu);
	ref_get(&d->ref);
	d->unhashed = false;
	bucket_insert(s, d);
	mutex_unlock(&s->mu);
	child_insert(d->parent, d);
	g_count++;
}

/*
 * The same locks.  True if it was hashed: the caller puts the cache's reference
 * after the locks.  @unused_only: not if anybody but cache and caller has it.
 */
static bool unhash_locked(struct dentry *d, bool unused_only)
{
	struct shard *s = shard_of(d->hash);
	bool was = false;

	if (d->unhashed)
		return false;
	mutex_lock_nested(&s->mu);
	if (!unused_only || ref_read(&d->ref) == 2) {
		d->unhashed = true;
		bucket_remove(s, d);
		was = true;
	}
	mutex_unlock(&s->mu);
	if (was) {
		child_remove(d);
		g_count--;
	}
	return was;
}

static bool unhash(struct dentry *d, bool unused_only)
{
	struct mutex *tree;
	bool was;

	rwlock_rdlock(&g_dcache_names);
	tree = tree_of(d->parent);
	mutex_lock_nested(tree);
	was = unhash_locked(d, unused_only);
	mutex_unlock(tree);
	rwlock_unlock(&g_dcache_names);
	if (was)
		dentry_put(d);
	return was;
}

/* --- eviction ------------------------------------------------------------- */

/* One that may be evicted, in the bucket that @d begins; none gets a third
 * chance. */
static struct dentry *unused_in(struct dentry *d, bool *out_unused)
{
	for (; d; d = d->hash_next) {
		if (ref_read(&d->ref) > 1)
			continue;
		*out_unused = true;
		if (!d->accessed)
			return d;
		d->accessed = false;
	}
	return NULL;
}

/* A candidate of one shard, +1, or NULL; *out_unused if one may become it. */
static struct dentry *evict_candidate(struct shard *s, bool *out_unused)
{
	struct dentry *found = NULL;
	int i;

	mutex_lock(&s->mu);
	for (i = 0; i < EVICT_SCAN && !found; i++) {
		found = unused_in(s->buckets[s->hand & s->mask], out_unused);
		if (!found)
			s->hand++;
	}
	if (found)
		ref_get(&found->ref);
	mutex_unlock(&s->mu);
	return found;
}

static bool too_many(void)
{
	bool (*pressed)(void) = g_pressed;

	return g_count > g_bound || (pressed && pressed());
}

/* Called without locks that are behind LOCK_INODE: inodes may be freed. */
static void evict_some(void)
{
	unsigned int tries = 0;
	bool unused = false;
	struct dentry *d;

	while (too_many() && tries++ < NR_SHARDS) {
		d = evict_candidate(&g_shards[g_evict_at++ % NR_SHARDS],
				    &unused);
		if (!d)
			continue;
		unhash(d, true);
		dentry_put(d);
	}
	g_patience = unused ? 0 : g_count + g_count / 8;
}

void dcache_add(struct dentry *d)
{
	struct mutex *tree;

	rwlock_rdlock(&g_dcache_names);
	tree = tree_of(d->parent);
	mutex_lock_nested(tree);
	hash_locked(d);
	mutex_unlock(tree);
	rwlock_unlock(&g_dcache_names);
	if (too_many() && g_count > g_patience)
		evict_some();
}

void dcache_drop(struct dentry *d)
{
	unhash(d, false);
}

void dcache_delete(struct dentry *d)
{
	d->deleted = true;
	unhash(d, false);
}

void dcache_instantiate(struct dentry *d, struct inode *inode)
{
	__atomic_store_n(&d->inode, inode, __ATOMIC_RELEASE);
}

void dentry_invalidate(struct dentry *parent, const char *name)
{
	struct dentry *d = dcache_lookup(parent, name, strlen(name));

	if (!d)
		return;
	dcache_drop(d);
	dentry_put(d);
}

/* --- rename --------------------------------------------------------------- */

int dcache_move_prepare(struct dcache_move *m, size_t len, size_t old_len)
{
	m->name = malloc(len + 1);
	m->old_name = malloc(old_len + 1);
	if (m->name && m->old_name)
		return 0;
	dcache_move_fini(m);
	return -ENOMEM;
}

void dcache_move_fini(struct dcache_move *m)
{
	free(m->name);
	free(m->old_name);
}

/* g_dcache_names is held for writing: nobody else holds a tree lock. */
static bool unhash_renaming(struct dentry *d)
{
	return unhash_locked(d, false);
}

/* @room is taken over; @name may be the dentry's own. */
static void set_name(struct dentry *d, char *room, const char *name, size_t len)
{
	char *old = d->name;

	memcpy(room, name, len);
	room[len] = '\0';
	d->name = room;
	d->name_len = (uint16_t)len;
	if (old != d->inline_name)
		free(old);
}

void dcache_move(struct dcache_move *m, struct dentry *d, struct dentry *parent,
		 const char *name, size_t len)
{
	struct dentry *old_parent = d->parent;
	bool was;

	dentry_get(parent);
	rwlock_wrlock(&g_dcache_names);
	was = unhash_renaming(d);
	set_name(d, take(m->name), name, len);
	d->parent = parent;
	if (was)
		hash_locked(d);
	rwlock_unlock(&g_dcache_names);
	if (was)
		dentry_put(d);
	dentry_put(old_parent);
}

void dcache_exchange(struct dcache_move *m, struct dentry *a, struct dentry *b)
{
	uint16_t a_len = a->name_len;
	struct dentry *parent;
	bool was_a, was_b;

	rwlock_wrlock(&g_dcache_names);
	was_a = unhash_renaming(a);
	was_b = unhash_renaming(b);
	memcpy(m->old_name, a->name, a_len);
	set_name(a, take(m->name), b->name, b->name_len);
	set_name(b, m->old_name, m->old_name, a_len);
	m->old_name = NULL;
	parent = a->parent;
	a->parent = b->parent;
	b->parent = parent;
	if (was_a)
		hash_locked(a);
	if (was_b)
		hash_locked(b);
	rwlock_unlock(&g_dcache_names);
	if (was_a)
		dentry_put(a);
	if (was_b)
		dentry_put(b);
}

/* --- pruning -------------------------------------------------------------- */

/* One hashed child of @d, +1, or NULL. */
static struct dentry *first_child(struct dentry *d)
{
	struct mutex *tree = tree_of(d);
	struct dentry *c;

	rwlock_rdlock(&g_dcache_names);
	mutex_lock_nested(tree);
	c = d->first_child;
	if (c)
		ref_get(&c->ref);
	mutex_unlock(tree);
	rwlock_unlock(&g_dcache_names);
	return c;
}

void dcache_prune_children(struct dentry *d)
{
	struct dentry *c;

	while ((c = first_child(d)) != NULL) {
		dcache_drop(c);
		dentry_put(c);
	}
}

/* A hashed dentry of @sb in shard @s, +1, or NULL; *at: where to begin. */
static struct dentry *find_of_super(struct shard *s, struct super *sb,
				    uint32_t *at)
{
	struct dentry *d = NULL;

	mutex_lock(&s->mu);
	for (; *at <= s->mask; ++*at) {
		d = s->buckets[*at];
		while (d && d->sb != sb)
			d = d->hash_next;
		if (d)
			break;
	}
	if (d)
		ref_get(&d->ref);
	mutex_unlock(&s->mu);
	return d;
}

void dcache_drop_super(struct super *sb)
{
	struct dentry *d;
	unsigned int i;
	uint32_t at;

	pthread_once(&g_once, dcache_start);
	for (i = 0; i < NR_SHARDS; i++) {
		at = 0;
		while ((d = find_of_super(&g_shards[i], sb, &at)) != NULL) {
			dcache_drop(d);
			dentry_put(d);
		}
	}
}

/* --- the tree ------------------------------------------------------------- */

void dcache_names_lock(void)
{
	rwlock_rdlock(&g_dcache_names);
}

void dcache_names_unlock(void)
{
	rwlock_unlock(&g_dcache_names);
}

struct dentry *dentry_get_parent(struct dentry *d)
{
	struct dentry *p;

	rwlock_rdlock(&g_dcache_names);
	p = d->parent;
	ref_get(&p->ref);
	rwlock_unlock(&g_dcache_names);
	return p;
}

bool dentry_is_below(struct dentry *d, struct dentry *ancestor)
{
	bool below;

	rwlock_rdlock(&g_dcache_names);
	while (d != ancestor && d->parent != d)
		d = d->parent;
	below = d == ancestor;
	rwlock_unlock(&g_dcache_names);
	return below;
}

uint32_t dcache_count(void)
{
	return g_count;
}

void dcache_set_bound(uint32_t nr)
{
	g_bound = nr;
	g_patience = 0;
}

void dcache_set_pressure(bool (*pressed)(void))
{
	g_pressed = pressed;
}
