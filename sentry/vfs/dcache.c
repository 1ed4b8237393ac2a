/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcache: names that were looked up, so that a path walk asks no file system.
 *
 * Three locks, all of rank LOCK_DCACHE, taken in this order:
 *   g_dcache_names	parents and names (written by rename only)
 *   g_trees[]	children lists, by the parent's id
 *   g_shards[]	hash buckets and their LRU lists, by bucket
 * A lookup takes one shard.  The hash is keyed: guests choose names.
 *
 * Invariant: hashed  <=>  in a bucket, in an LRU list, in parent->children, and
 *	      the cache owns a reference.
 * Eviction:  second chance; candidates are found under a shard, removed under
 *	      tree and shard, where nobody can find them in between.
 * Tests:     tests/unit/test_walk.c, test_tmpfs.c
 */
#include "sentry/vfs/dcache.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "sentry/host/host.h"
#include "sentry/vfs/notify.h"

#define NR_BUCKETS 4096u
#define NR_SHARDS  64u
#define NR_TREES   64u
#define DCACHE_MAX 16384u
/* Dentries looked at per eviction, so that one walk stays short. */
#define EVICT_SCAN 16

struct shard {
	struct mutex mu;
	struct list lru GUARDED_BY(mu);
};

struct rwlock g_dcache_names = RWLOCK_INIT(LOCK_DCACHE);
static struct shard g_shards[NR_SHARDS];
static struct mutex g_trees[NR_TREES];
/* Doubly linked through hash_node; the ends are NULL so that an empty table
 * touches no memory. */
static struct list *g_buckets[NR_BUCKETS];
static _Atomic uint32_t g_count, g_next_id, g_evict_at;
static _Atomic uint32_t g_bound = DCACHE_MAX;
/* After a round that found all in use: how many have to be there for another
 * one to be worth it. */
static _Atomic uint32_t g_patience;
static uint64_t g_seed;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void dcache_start(void)
{
	unsigned int i;

	for (i = 0; i < NR_SHARDS; i++) {
		mutex_init(&g_shards[i].mu, LOCK_DCACHE);
		list_init(&g_shards[i].lru);
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

static uint64_t hash_name(const struct dentry *parent, const char *name,
			  size_t len)
{
	return XXH3_64bits_withSeed(
		name, len, g_seed + parent->id * 0x9e3779b97f4a7c15ull);
}

static unsigned int bucket_of(uint64_t hash)
{
	return hash % NR_BUCKETS;
}

static struct shard *shard_of(uint64_t hash)
{
	return &g_shards[bucket_of(hash) % NR_SHARDS];
}

static char *name_room(struct dentry *d, size_t len)
{
	if (len < sizeof(d->inline_name))
		return d->inline_name;
	return malloc(len + 1);
}

int dentry_new(struct super *sb, struct dentry *parent, const char *name,
	       size_t len, struct inode *inode, struct dentry **out)
{
	struct dentry *d = kzalloc(sizeof(*d));

	pthread_once(&g_once, dcache_start);
	if (!d)
		return -ENOMEM;
	d->name = name_room(d, len);
	if (!d->name) {
		free(d);
		return -ENOMEM;
	}
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
	list_init(&d->hash_node);
	list_init(&d->lru_node);
	list_init(&d->sibling);
	list_init(&d->children);
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

static void bucket_insert(struct dentry *d)
{
	struct list **head = &g_buckets[bucket_of(d->hash)];

	d->hash_node.prev = NULL;
	d->hash_node.next = *head;
	if (*head)
		(*head)->prev = &d->hash_node;
	*head = &d->hash_node;
}

static void bucket_remove(struct dentry *d)
{
	struct list *n = &d->hash_node;

	if (n->prev)
		n->prev->next = n->next;
	else
		g_buckets[bucket_of(d->hash)] = n->next;
	if (n->next)
		n->next->prev = n->prev;
	list_init(n);
}

struct dentry *dcache_lookup(struct dentry *parent, const char *name,
			     size_t len)
{
	uint64_t hash = hash_name(parent, name, len);
	struct shard *s = shard_of(hash);
	struct dentry *d, *found = NULL;
	struct list *n;

	mutex_lock(&s->mu);
	for (n = g_buckets[bucket_of(hash)]; n; n = n->next) {
		d = list_entry(n, struct dentry, hash_node);
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
	bucket_insert(d);
	list_push(&s->lru, &d->lru_node);
	mutex_unlock(&s->mu);
	list_push(&d->parent->children, &d->sibling);
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
		bucket_remove(d);
		list_del(&d->lru_node);
		was = true;
	}
	mutex_unlock(&s->mu);
	if (was) {
		list_del(&d->sibling);
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

/* A candidate of one shard, +1, or NULL; *out_unused if one may become it. */
static struct dentry *evict_candidate(struct shard *s, bool *out_unused)
{
	struct dentry *d, *found = NULL;
	int i;

	mutex_lock(&s->mu);
	for (i = 0; i < EVICT_SCAN && !list_empty(&s->lru); i++) {
		d = list_entry(s->lru.prev, struct dentry, lru_node);
		list_del(&d->lru_node);
		list_push(&s->lru, &d->lru_node);
		if (ref_read(&d->ref) > 1)
			continue;
		*out_unused = true;
		if (d->accessed) {
			d->accessed = false;
			continue;
		}
		ref_get(&d->ref);
		found = d;
		break;
	}
	mutex_unlock(&s->mu);
	return found;
}

/* Called without locks that are behind LOCK_INODE: inodes may be freed. */
static void evict_some(void)
{
	unsigned int tries = 0;
	bool unused = false;
	struct dentry *d;

	while (g_count > g_bound && tries++ < NR_SHARDS) {
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
	if (g_count > g_bound && g_count > g_patience)
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

int dcache_move_prepare(struct dcache_move *m, size_t len)
{
	m->name = NULL;
	if (len < sizeof(((struct dentry *)0)->inline_name))
		return 0;
	m->name = malloc(len + 1);
	return m->name ? 0 : -ENOMEM;
}

/* g_dcache_names is held for writing: nobody else holds a tree lock. */
static bool unhash_renaming(struct dentry *d)
{
	return unhash_locked(d, false);
}

static void set_name(struct dentry *d, char *room, const char *name, size_t len)
{
	if (d->name != d->inline_name)
		free(d->name);
	d->name = room ? room : d->inline_name;
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	d->name_len = (uint16_t)len;
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

static void swap_names(struct dentry *a, struct dentry *b)
{
	char tmp[sizeof(a->inline_name)];
	bool a_inline = a->name == a->inline_name;
	bool b_inline = b->name == b->inline_name;
	char *a_name = a->name, *b_name = b->name;
	uint16_t len = a->name_len;

	memcpy(tmp, a->inline_name, sizeof(tmp));
	memcpy(a->inline_name, b->inline_name, sizeof(tmp));
	memcpy(b->inline_name, tmp, sizeof(tmp));
	a->name = b_inline ? a->inline_name : b_name;
	b->name = a_inline ? b->inline_name : a_name;
	a->name_len = b->name_len;
	b->name_len = len;
}

void dcache_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *parent;
	bool was_a, was_b;

	rwlock_wrlock(&g_dcache_names);
	was_a = unhash_renaming(a);
	was_b = unhash_renaming(b);
	swap_names(a, b);
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
	c = list_first(&d->children, struct dentry, sibling);
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

/* A hashed dentry of @sb in shard @s, +1, or NULL. */
static struct dentry *find_of_super(struct shard *s, struct super *sb)
{
	struct dentry *d, *found = NULL;

	mutex_lock(&s->mu);
	list_for_each_entry (d, &s->lru, lru_node) {
		if (d->sb == sb) {
			ref_get(&d->ref);
			found = d;
			break;
		}
	}
	mutex_unlock(&s->mu);
	return found;
}

void dcache_drop_super(struct super *sb)
{
	struct dentry *d;
	unsigned int i;

	pthread_once(&g_once, dcache_start);
	for (i = 0; i < NR_SHARDS; i++) {
		while ((d = find_of_super(&g_shards[i], sb)) != NULL) {
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
