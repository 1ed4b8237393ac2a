/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dcache: the dentry cache, private to sentry/vfs.
 *
 * The hash owns one reference on each dentry in it; a dentry with no other
 * reference and no child is evicted when the cache is above its bound.  An
 * inode, once attached to a dentry, stays until the dentry is freed.
 *
 * Entries of one directory are added, removed and renamed only under its
 * dir_mu; lookups need no lock of the caller's.
 */
#ifndef SENTRY_VFS_DCACHE_H
#define SENTRY_VFS_DCACHE_H

#include "sentry/vfs/vfs.h"

/* The inode behind a dentry, borrowed; NULL for a negative one. */
static inline struct inode *dentry_inode(const struct dentry *d)
{
	return __atomic_load_n(&d->inode, __ATOMIC_ACQUIRE);
}

/* A new dentry, not hashed, with one reference.  @inode: +1 taken over on
 * success, NULL for a negative one; @parent NULL: its own parent (a root). */
MUST_CHECK int dentry_new(struct super *sb, struct dentry *parent,
			  const char *name, size_t len, struct inode *inode,
			  struct dentry **out);
/* A cached child: +1 or NULL. */
struct dentry *dcache_lookup(struct dentry *parent, const char *name,
			     size_t len);
/* Puts @d into the hash. */
void dcache_add(struct dentry *d);
/* Takes @d out of the hash; harmless if it is not there. */
void dcache_drop(struct dentry *d);
/* The same after its name was removed from the directory. */
void dcache_delete(struct dentry *d);
/* A negative dentry becomes positive; the reference is taken over. */
void dcache_instantiate(struct dentry *d, struct inode *inode);
/* Rename: @d becomes @name under @parent.  Caller: both dir_mu, rename_mu.
 * -ENOMEM before anything has changed. */
struct dcache_move {
	char *name, *old_name; /* the second: for an exchange */
};
MUST_CHECK int dcache_move_prepare(struct dcache_move *m, size_t len,
				   size_t old_len);
/* Frees what was not used. */
void dcache_move_fini(struct dcache_move *m);
void dcache_move(struct dcache_move *m, struct dentry *d, struct dentry *parent,
		 const char *name, size_t len);
/* Both dentries swap name and parent. */
void dcache_exchange(struct dcache_move *m, struct dentry *a, struct dentry *b);
/* Drops all unused children of @d (a removed directory). */
void dcache_prune_children(struct dentry *d);
/* Drops everything cached of a super block. */
void dcache_drop_super(struct super *sb);
/* +1; the root gives itself. */
struct dentry *dentry_get_parent(struct dentry *d);
/* True if @d is @ancestor or below it. */
bool dentry_is_below(struct dentry *d, struct dentry *ancestor);
/* Keeps parents and names from changing while a path is printed. */
extern struct rwlock g_dcache_names;
void dcache_names_lock(void) ACQUIRES(&g_dcache_names);
void dcache_names_unlock(void) RELEASES(&g_dcache_names);
/* For tests and reports: dentries in the hash. */
uint32_t dcache_count(void);
/* Eviction starts above this many, or while @pressed says so (any lock of the
 * caller's; NULL: never). */
void dcache_set_bound(uint32_t nr);
void dcache_set_pressure(bool (*pressed)(void));

#endif
