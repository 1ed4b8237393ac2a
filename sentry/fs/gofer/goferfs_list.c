/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs_list: the attributes of many names of a directory in one answer, for
 * those who look at one name after the other (find, git status, imports).
 *
 * Only on exports that cannot change.  A directory that was read, or where
 * several names were asked for singly, is listed piece by piece; what was
 * listed is kept until newer listings need the room.  Once all is there, a name
 * that is not does not exist.
 *
 * Invariant: a listing in gs->listings is its directory's, and the list has the
 *            reference.  Its contents change under the directory's dir_mu.
 * Locks:     gs->mu (LOCK_GOFER) for the list and gi->listing, not held across
 *            calls.
 * Tests:     tests/unit/test_goferfs.c, tests/hostile/gofer_calls.sh
 */
#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "gofer_proto.h"
#include "sentry/fs/gofer/goferfs.h"
#include "sentry/lib/name_set.h"

#define LISTINGS_SIZE (2u << 20) /* bytes of all listings of an export */
#define LISTING_MAX   (1u << 20) /* of one */
/* Single questions before a piece of the directory is asked for: the first, and
 * each later one. */
#define SINGLE_FIRST 4u
#define SINGLE_NEXT  64u

struct listing {
	struct refcount ref;
	struct list node;	 /* gs->listings, under gs->mu */
	struct gofer_inode *dir; /* whose gi->listing it is; NULL: nobody's */
	struct name_set names;	 /* dir_mu: records are struct kstat */
	uint64_t cookie;	 /* dir_mu */
	uint32_t singles;	 /* dir_mu */
	size_t hits;		 /* dir_mu: how often it had the answer */
	bool all;		 /* dir_mu: the directory's end was met */
	size_t size;		 /* as counted in gs->listings_size; gs->mu */
};

static void listing_put(struct listing *l)
{
	if (!l || !ref_put(&l->ref))
		return;
	name_set_fini(&l->names);
	free(l);
}

/* Takes @l out of the list; the caller puts the list's reference. */
static struct listing *unlink_locked(struct gofer_super *gs, struct listing *l)
{
	list_del(&l->node);
	gs->listings_size -= l->size;
	if (l->dir)
		l->dir->listing = NULL;
	l->dir = NULL;
	return l;
}

void goferfs_list_drop(struct gofer_super *gs, struct gofer_inode *dir)
{
	struct listing *l = NULL;

	mutex_lock(&gs->mu);
	if (dir->listing)
		l = unlink_locked(gs, dir->listing);
	mutex_unlock(&gs->mu);
	listing_put(l);
}

/* The listing of @dir, made if there is none: +1, or NULL without memory. */
static struct listing *listing_get(struct gofer_super *gs,
				   struct gofer_inode *dir)
{
	struct listing *l, *fresh = NULL;

	if (!dir->listing) /* dir_mu is held: nobody else makes one */
		fresh = kzalloc(sizeof(*fresh));
	mutex_lock(&gs->mu);
	if (!dir->listing && fresh) {
		ref_init(&fresh->ref);
		fresh->names.record_size = sizeof(struct kstat);
		fresh->dir = dir;
		dir->listing = fresh;
		list_append(&gs->listings, &fresh->node);
		fresh = NULL;
	}
	l = dir->listing;
	if (l)
		ref_get(&l->ref);
	mutex_unlock(&gs->mu);
	free(fresh);
	return l;
}

/* What was listed longest ago goes, until the others have room. */
static void make_room(struct gofer_super *gs, struct listing *grown)
{
	struct listing *old;

	mutex_lock(&gs->mu);
	if (grown->dir) {
		gs->listings_size -= grown->size;
		grown->size = sizeof(*grown) + name_set_bytes(&grown->names);
		gs->listings_size += grown->size;
	}
	mutex_unlock(&gs->mu);
	do {
		mutex_lock(&gs->mu);
		old = list_first(&gs->listings, struct listing, node);
		if (gs->listings_size <= LISTINGS_SIZE || old == grown)
			old = NULL;
		if (old)
			unlink_locked(gs, old);
		mutex_unlock(&gs->mu);
		listing_put(old);
	} while (old);
}

/* The mode 0 marks what only a handle can tell about. */
static bool add(void *arg, const char *name, size_t len, const struct kstat *st)
{
	static const struct kstat unknown;
	struct listing *l = arg;

	return name_set_add(&l->names, name, len, st ? st : &unknown);
}

/* One more piece, if it is time for one.  True: look again. */
static bool fetch(struct gofer_super *gs, struct gofer_inode *dir,
		  struct listing *l)
{
	uint32_t wait = l->names.nr ? SINGLE_NEXT : SINGLE_FIRST;

	if (name_set_bytes(&l->names) > LISTING_MAX ||
	    (++l->singles < wait && !dir->was_read))
		return false;
	l->singles = 0;
	if (gofer_list(dir->handle, &l->cookie, &l->all, add, l) < 0)
		return false;
	make_room(gs, l);
	return true;
}

/* 0, -ENOENT, -EAGAIN, or 1: not listed. */
static int find(struct listing *l, const char *name, struct kstat *out)
{
	long at = name_set_find(&l->names, name, strlen(name));

	if (at < 0)
		return l->all ? -ENOENT : 1;
	name_set_get(&l->names, (size_t)at, out);
	l->hits++;
	return out->mode ? 0 : -EAGAIN;
}

static int peek_single(struct gofer_super *gs, gofer_handle dir,
		       const char *name, struct kstat *out)
{
	struct gofer_node node;
	int fd, err, ret;

	ret = gofer_walk_last(dir, &name, 1, GOFER_WALK_BARE, &node, &err, &fd);
	if (ret <= 0)
		return ret < 0 ? ret : err;
	if (node.handle) {
		goferfs_prefetch_add(gs, dir, name, &node, -1);
		return -EAGAIN;
	}
	*out = node.st;
	return 0;
}

int goferfs_peek(struct inode *dir, const char *name, struct kstat *out)
{
	struct gofer_super *gs = gofer_super(dir);
	struct gofer_inode *gi = gofer_inode(dir);
	struct gofer_node node;
	struct listing *l;
	int fd, ret;

	if (!gofer_super_frozen(gs))
		return -EAGAIN;
	ret = goferfs_prefetch_take(gs, gi->handle, name, true, &node, &fd);
	if (ret > 0)
		*out = node.st;
	if (ret != 0)
		return MIN(ret, 0);
	l = listing_get(gs, gi);
	ret = l ? find(l, name, out) : 1;
	while (ret > 0 && l && fetch(gs, gi, l))
		ret = find(l, name, out);
	/* All were asked for: whoever asked knows them now. */
	if (l && l->all && l->hits >= l->names.nr)
		goferfs_list_drop(gs, gi);
	listing_put(l);
	return ret > 0 ? peek_single(gs, gi->handle, name, out) : ret;
}
