/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs_watch: watches of shared directories, and the thread that takes what
 * the gofer reports.
 *
 * Invariant: a watch is in g_watches while its directory's inode lives.
 * Locks:     g_watch_mu (LOCK_GOFER) for the table; inode->mu while a watch is
 *	      set, across the call.
 * Limits:    a store through a host process's mapping is seen when it closes
 *	      the file; files with several names are asked each time.
 * Tests:     tests/hostile/shared.sh
 */
#include "sentry/fs/gofer/goferfs_watch.h"

#include <string.h>

#include "abi/inotify.h"
#include "abi/stat.h"
#include "sentry/fs/gofer/goferfs.h"
#include "sentry/host/host.h"
#include "sentry/lib/hash.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/notify.h"

#define TABLE_SIZE  256u
#define OWN_CHANGES 64u
/* How long the host's report of our own change may take. */
#define ECHO_NS (500 * 1000000ull)

#define NAME_EVENTS                                                  \
	(LINUX_IN_ATTRIB | LINUX_IN_MOVED_FROM | LINUX_IN_MOVED_TO | \
	 LINUX_IN_CREATE | LINUX_IN_DELETE)
#define DATA_EVENTS (LINUX_IN_MODIFY | LINUX_IN_CLOSE_WRITE)

static struct mutex g_watch_mu = MUTEX_INIT(LOCK_GOFER);
static struct list g_watches[TABLE_SIZE] GUARDED_BY(g_watch_mu);
static pthread_once_t g_once = PTHREAD_ONCE_INIT;
static _Atomic bool g_running;
/* Files with marks of their own: events look for them. */
static _Atomic uint32_t g_nr_marked;

static struct {
	const struct gofer_watch *watch; /* only compared */
	uint64_t hash, when;
} g_own[OWN_CHANGES] GUARDED_BY(g_watch_mu);
static uint32_t g_next_own GUARDED_BY(g_watch_mu);
static int32_t g_unwatch[256] GUARDED_BY(g_watch_mu);
static uint32_t g_nr_unwatch GUARDED_BY(g_watch_mu);

void gofer_watch_put(struct gofer_watch *w)
{
	if (ref_put(&w->ref))
		free(w);
}

static uint64_t name_hash(const char *name)
{
	return hash_bytes(name, strlen(name));
}

static unsigned int bucket_of(uint64_t hash)
{
	return hash % WATCH_BUCKETS;
}

/* --- what the gofer reports ----------------------------------------------- */

static void all_changed(struct gofer_watch *w)
{
	unsigned int i;

	w->self++;
	for (i = 0; i < WATCH_BUCKETS; i++) {
		w->names[i]++;
		w->data[i]++;
	}
}

static void count(struct gofer_watch *w, const struct gofer_event *e,
		  uint64_t hash)
{
	unsigned int b = bucket_of(hash);

	if (e->mask & (LINUX_IN_IGNORED | LINUX_IN_UNMOUNT))
		w->dead = true;
	if (e->name_len == 0) {
		w->self++;
		return;
	}
	if (e->mask & NAME_EVENTS)
		w->names[b]++;
	if (e->mask & NAME_EVENTS & ~LINUX_IN_ATTRIB)
		w->self++;
	if (e->mask & DATA_EVENTS)
		w->data[b]++;
}

/* Is this the host's word of what we did?  g_watch_mu is held. */
static bool is_own_locked(const struct gofer_watch *w, uint64_t hash)
{
	uint64_t now = clock_monotonic_coarse();
	unsigned int i;

	for (i = 0; i < OWN_CHANGES; i++)
		if (g_own[i].watch == w && g_own[i].hash == hash &&
		    g_own[i].when + ECHO_NS > now)
			return true;
	return false;
}

/* The file of this watch's directory by that name that is marked, +1. */
static struct inode *find_marked(struct gofer_watch *w, struct inode *dir,
				 uint64_t hash)
{
	struct gofer_super *gs = gofer_super(dir);
	struct gofer_inode *gi;
	struct inode *found = NULL;
	unsigned int i;

	mutex_lock(&gs->mu);
	for (i = 0; i < GOFERFS_BUCKETS && !found; i++)
		for (gi = gs->buckets[i]; gi; gi = gi->next)
			if (gi->stamp.watch == w && gi->stamp.hash == hash &&
			    gi->inode.watches &&
			    ref_get_unless_zero(&gi->inode.ref)) {
				found = &gi->inode;
				break;
			}
	mutex_unlock(&gs->mu);
	return found;
}

static void tell_watchers(struct gofer_watch *w, struct inode *dir,
			  const struct gofer_event *e, uint64_t hash)
{
	uint32_t mask = e->mask & (LINUX_IN_ALL_EVENTS | LINUX_IN_ISDIR);
	AUTO_PUT(inode) struct inode *child = NULL;
	/* Numbers of ours are small. */
	uint32_t cookie = e->cookie ? e->cookie | 1u << 31 : 0;

	if (!(mask & LINUX_IN_ALL_EVENTS))
		return;
	notify_inode_slow(dir, mask, cookie, e->name_len ? e->name : NULL);
	if (e->name_len == 0 || g_nr_marked == 0)
		return;
	child = find_marked(w, dir, hash);
	if (!child)
		return;
	if (mask & (LINUX_IN_ATTRIB | DATA_EVENTS))
		notify_inode_slow(child, mask, 0, NULL);
	else if (mask & LINUX_IN_DELETE)
		notify_inode_slow(child, LINUX_IN_DELETE_SELF, 0, NULL);
	else if (mask & LINUX_IN_MOVED_FROM)
		notify_inode_slow(child, LINUX_IN_MOVE_SELF, 0, NULL);
}

/* The @nth watch of that number, +1, with its directory, +1 or NULL. */
static struct gofer_watch *nth_watch(int32_t wd, unsigned int nth,
				     struct inode **dir)
{
	struct list *head = &g_watches[(uint32_t)wd % TABLE_SIZE];
	struct gofer_watch *w, *found = NULL;

	*dir = NULL;
	mutex_lock(&g_watch_mu);
	list_for_each_entry (w, head, node) {
		if (w->wd != wd || nth-- > 0)
			continue;
		ref_get(&w->ref);
		found = w;
		if (ref_get_unless_zero(&w->dir->ref))
			*dir = w->dir;
		break;
	}
	mutex_unlock(&g_watch_mu);
	return found;
}

/* Two exports may show one directory of the host. */
static void on_event(const struct gofer_event *e)
{
	uint64_t hash = e->name_len ? name_hash(e->name) : 0;
	struct gofer_watch *w;
	struct inode *dir;
	unsigned int nth;
	bool own;

	for (nth = 0; (w = nth_watch(e->wd, nth, &dir)) != NULL; nth++) {
		count(w, e, hash);
		mutex_lock(&g_watch_mu);
		own = is_own_locked(w, hash);
		mutex_unlock(&g_watch_mu);
		if (dir && !own && notify_active())
			tell_watchers(w, dir, e, hash);
		gofer_watch_put(w);
		if (dir)
			inode_put(dir);
	}
}

static void on_loss(void)
{
	struct gofer_watch *w;
	unsigned int i;

	mutex_lock(&g_watch_mu);
	for (i = 0; i < TABLE_SIZE; i++)
		list_for_each_entry (w, &g_watches[i], node)
			all_changed(w);
	mutex_unlock(&g_watch_mu);
}

static void watch_thread(void *arg)
{
	struct gofer_event e;
	bool lost;

	(void)arg;
	while (gofer_next_event(&e, &lost) == 0) {
		if (lost)
			on_loss();
		else
			on_event(&e);
	}
}

static void start(void)
{
	unsigned int i;

	for (i = 0; i < TABLE_SIZE; i++)
		list_init(&g_watches[i]);
	g_running = host_thread_new(watch_thread, NULL, "moat-watch") == 0;
}

/* --- watches -------------------------------------------------------------- */

/*
 * Ends host watches that nobody has; evictions must not wait for the gofer.
 * One that is set again meanwhile is reported as gone: nothing holds then.
 */
static void flush_unwatch(void)
{
	int32_t wd;
	bool any;

	do {
		mutex_lock(&g_watch_mu);
		any = g_nr_unwatch > 0;
		if (any)
			wd = g_unwatch[--g_nr_unwatch];
		mutex_unlock(&g_watch_mu);
		if (any)
			gofer_unwatch(wd);
	} while (any);
}

/* inode->mu is held. */
static void watch_locked(struct gofer_inode *gi)
{
	struct gofer_watch *w = kzalloc(sizeof(*w));
	int32_t wd;

	gi->watch_tried = true;
	flush_unwatch();
	if (!w || gofer_watch(gi->handle, &wd) < 0) {
		free(w);
		return;
	}
	ref_init(&w->ref);
	w->wd = wd;
	w->dir = &gi->inode;
	mutex_lock(&g_watch_mu);
	list_append(&g_watches[(uint32_t)wd % TABLE_SIZE], &w->node);
	mutex_unlock(&g_watch_mu);
	atomic_store(&gi->watch, w);
	/* What was known before may have changed before. */
	gi->asked_self = w->self - 1;
}

/* The directory's watch, made now if it must be; NULL: it has none. */
static struct gofer_watch *watch_of(struct inode *dir)
{
	struct gofer_inode *gi = gofer_inode(dir);

	if (!gofer_super(dir)->shared)
		return NULL;
	if (unlikely(!gi->watch_tried)) {
		pthread_once(&g_once, start);
		mutex_lock(&dir->mu);
		if (!gi->watch_tried && g_running)
			watch_locked(gi);
		mutex_unlock(&dir->mu);
	}
	return gi->watch;
}

void goferfs_watched(struct inode *inode)
{
	struct gofer_inode *gi = gofer_inode(inode);

	if (inode_is_dir(inode)) {
		(void)watch_of(inode);
	} else if (!atomic_exchange(&gi->marked, true)) {
		g_nr_marked++;
	}
}

void goferfs_watch_evict(struct gofer_inode *gi)
{
	struct gofer_watch *w = gi->watch, *other;
	bool last = true;

	if (gi->marked)
		g_nr_marked--;
	if (gi->stamp.watch)
		gofer_watch_put(gi->stamp.watch);
	if (!w)
		return;
	w->dead = true;
	mutex_lock(&g_watch_mu);
	list_del(&w->node);
	list_for_each_entry (other, &g_watches[(uint32_t)w->wd % TABLE_SIZE],
			     node)
		last = last && other->wd != w->wd;
	if (last && g_nr_unwatch < ARRAY_SIZE(g_unwatch))
		g_unwatch[g_nr_unwatch++] = w->wd;
	mutex_unlock(&g_watch_mu);
	gofer_watch_put(w);
}

/* --- stamps --------------------------------------------------------------- */

void goferfs_stamp(struct inode *dir, const char *name, struct gofer_stamp *out)
{
	struct gofer_watch *w = watch_of(dir);
	unsigned int b;

	*out = (struct gofer_stamp){ .watch = NULL };
	if (!w || w->dead)
		return;
	ref_get(&w->ref);
	out->watch = w;
	out->hash = name_hash(name);
	b = bucket_of(out->hash);
	out->name = out->attr = w->names[b];
	out->data = w->data[b];
}

void goferfs_stamp_apply(struct inode *child, struct gofer_stamp *s)
{
	struct gofer_watch *old = s->watch;

	if (child && s->watch) {
		struct gofer_inode *gi = gofer_inode(child);

		mutex_lock(&child->mu);
		old = gi->stamp.watch;
		gi->stamp = *s;
		mutex_unlock(&child->mu);
	}
	s->watch = NULL;
	if (old)
		gofer_watch_put(old);
}

bool goferfs_name_fresh(struct inode *dir, const char *name,
			struct inode *child)
{
	struct gofer_inode *gi = gofer_inode(child);
	const struct gofer_stamp *s = &gi->stamp;
	struct gofer_watch *w = gofer_inode(dir)->watch;
	bool fresh;

	if (!w || w->dead)
		return false;
	mutex_lock(&child->mu);
	fresh = s->watch == w && s->hash == name_hash(name) &&
		s->name == w->names[bucket_of(s->hash)];
	mutex_unlock(&child->mu);
	return fresh;
}

enum gofer_fresh goferfs_attr_fresh(const struct gofer_inode *gi)
{
	const struct gofer_stamp *s = &gi->stamp;
	struct gofer_watch *w = gi->watch;
	unsigned int b;

	if (inode_is_dir(&gi->inode))
		return w && !w->dead && gi->asked_self == w->self ? FRESH
								  : FRESH_NOT;
	w = s->watch;
	b = bucket_of(s->hash);
	/* Another name may be in a directory that nobody watches. */
	if (!w || w->dead || gi->inode.nlink != 1 || s->attr != w->names[b])
		return FRESH_NOT;
	return s->data == w->data[b] && !gi->own_data ? FRESH : FRESH_BUT_DATA;
}

void goferfs_attr_begin(const struct gofer_inode *gi, uint32_t seen[2])
{
	struct gofer_watch *w =
		inode_is_dir(&gi->inode) ? gi->watch : gi->stamp.watch;

	seen[0] = seen[1] = 0;
	if (!w)
		return;
	if (inode_is_dir(&gi->inode)) {
		seen[0] = w->self;
	} else {
		seen[0] = w->names[bucket_of(gi->stamp.hash)];
		seen[1] = w->data[bucket_of(gi->stamp.hash)];
	}
}

void goferfs_attr_asked(struct gofer_inode *gi, const uint32_t seen[2])
{
	gi->own_data = false;
	gi->asked_self = seen[0];
	gi->stamp.attr = seen[0];
	gi->stamp.data = seen[1];
}

/* --- our own changes ------------------------------------------------------ */

static void remember(const struct gofer_watch *w, uint64_t hash)
{
	uint64_t now = clock_monotonic_coarse();
	unsigned int i;

	mutex_lock(&g_watch_mu);
	for (i = 0; i < OWN_CHANGES; i++)
		if (g_own[i].watch == w && g_own[i].hash == hash)
			break;
	if (i == OWN_CHANGES)
		i = g_next_own++ % OWN_CHANGES;
	g_own[i].watch = w;
	g_own[i].hash = hash;
	g_own[i].when = now;
	mutex_unlock(&g_watch_mu);
}

void goferfs_own_change(struct inode *inode, const char *name)
{
	struct gofer_inode *gi = gofer_inode(inode);
	struct gofer_watch *w;

	if (!gofer_super(inode)->shared)
		return;
	if (name) {
		w = gi->watch;
		if (w)
			remember(w, name_hash(name));
		return;
	}
	gi->own_data = true;
	w = gi->stamp.watch;
	if (w && notify_active())
		remember(w, gi->stamp.hash);
}
