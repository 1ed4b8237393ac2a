/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shm: System V shared memory segments.
 *
 * A segment is a nameless file of a tmpfs; each shmat(2) opens one struct file
 * of its own on it, so that shmdt(2) knows what belongs together.  The address
 * spaces tell how many mappings there are: file_ops.mapped, unmapped.
 *
 * Invariant: a segment with SHM_DEST has attachments; the last one ends it.
 * Locks:     ids->mu, also under the lock of an address space (mapped).
 * Linux:     ipc/shm.c of 6.18.  No huge pages (as with an empty pool), no
 *            shm_rmid_forced; SHM_LOCK is noted, not charged.
 * Tests:     tests/conformance/sysv_shm.c
 */
#include <errno.h>
#include <stdio.h>

#include "abi/fcntl.h"
#include "abi/mman.h"
#include "sentry/ipc/ipc.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/vfs/namei.h"

struct shm_seg {
	struct ipc_obj o;
	IMMUTABLE struct ipc_ns *ns; /* lives as long as we are in its table */
	IMMUTABLE uint64_t size;
	IMMUTABLE struct file *file; /* +1 */
	/* All others under the lock of the table. */
	int64_t atime, dtime, ctime;
	uint32_t cpid, lpid, nattch;
};
static_assert(offsetof(struct shm_seg, o) == 0, "reached through it");

static struct shm_seg *seg_of(struct ipc_obj *o)
{
	return container_of(o, struct shm_seg, o);
}

static struct ipc_ids *own_ids(void)
{
	return ipc_ids_of(task_ipc(current_task()), IPC_SHM);
}

static uint64_t pages_of(uint64_t size)
{
	return page_up(size) / PAGE_SIZE;
}

/* --- life ----------------------------------------------------------------- */

static void free_seg(struct ipc_obj *o)
{
	struct shm_seg *s = seg_of(o);

	file_put(s->file);
	free(s);
}

/* Lock held: no new attachments.  Its last reference goes without the lock. */
static void destroy_locked(struct shm_seg *s)
{
	ipc_remove(ipc_ids_of(s->ns, IPC_SHM), &s->o);
	s->ns->shm_pages -= pages_of(s->size);
}

/* -EINVAL, -ENOMEM; nothing that needs the lock. */
static int make_seg(const struct ipc_get *g, struct shm_seg **out)
{
	AUTO_FREE struct shm_seg *s = NULL;
	char name[32];
	int ret;

	if (g->size < 1 || g->size > g->ns->lim.shmmax ||
	    g->size > INT64_MAX - PAGE_SIZE)
		return -EINVAL;
	if (g->flags & LINUX_SHM_HUGETLB)
		return -ENOMEM;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	snprintf(name, sizeof(name), "/SYSV%08x (deleted)", (uint32_t)g->key);
	ret = tmpfs_shm_file(name, g->size, &s->file);
	if (ret < 0)
		return ret;
	ref_init(&s->o.ref);
	s->o.free = free_seg;
	s->ns = g->ns;
	s->size = g->size;
	s->ctime = ipc_now();
	s->cpid = ipc_pid();
	*out = take(s);
	return 0;
}

static int charge(const struct ipc_get *g)
{
	uint64_t pages = pages_of(g->size), used = g->ns->shm_pages;

	if (pages > g->ns->lim.shmall || used > g->ns->lim.shmall - pages)
		return -ENOSPC;
	g->ns->shm_pages = used + pages;
	return 0;
}

static void uncharge(const struct ipc_get *g)
{
	g->ns->shm_pages -= pages_of(g->size);
}

static int big_enough(const struct ipc_obj *o, const struct ipc_get *g)
{
	const struct shm_seg *s = container_of(o, const struct shm_seg, o);

	return s->size < g->size ? -EINVAL : 0;
}

int shm_get(int32_t key, uint64_t size, uint32_t flags)
{
	struct ipc_ns *ns = task_ipc(current_task());
	struct shm_seg *s = NULL;
	struct ipc_get g = { .ns = ns,
			     .kind = IPC_SHM,
			     .key = key,
			     .flags = flags,
			     .size = size,
			     .max_objs = ns->lim.shmmni,
			     .check = big_enough,
			     .charge = charge,
			     .uncharge = uncharge };
	int ret;

	if (key == LINUX_IPC_PRIVATE || (flags & LINUX_IPC_CREAT))
		g.fresh_error = make_seg(&g, &s);
	if (!s)
		return ipc_get(&g);
	ref_get(&s->o.ref);
	g.fresh = &s->o;
	ret = ipc_get(&g);
	if (g.fresh)
		ipc_obj_put(g.fresh);
	else
		s->file->inode->ino = (uint64_t)ret; /* as maps show it */
	ipc_obj_put(&s->o);
	return ret;
}

/* Lock held.  -EINVAL. */
static int find(int32_t id, struct shm_seg **out)
{
	struct ipc_obj *o;
	int ret = ipc_find(own_ids(), id, &o);

	if (ret < 0)
		return ret;
	*out = seg_of(o);
	return 0;
}

/* --- attachments ---------------------------------------------------------- */

static void attached(struct shm_seg *s)
{
	s->nattch++;
	s->atime = ipc_now();
	s->lpid = ipc_pid();
}

/* Lock held.  True: the segment ended; its table's reference is yours. */
static bool detached(struct shm_seg *s)
{
	s->nattch--;
	s->dtime = ipc_now();
	s->lpid = ipc_pid();
	if (s->nattch || s->o.gone || !(s->o.mode & LINUX_SHM_DEST))
		return false;
	destroy_locked(s);
	return true;
}

static void shm_mapped(struct file *f)
{
	struct shm_seg *s = f->priv;
	struct ipc_ids *ids = ipc_ids_of(s->ns, IPC_SHM);

	mutex_lock(&ids->mu);
	attached(s);
	mutex_unlock(&ids->mu);
}

static void shm_unmapped(struct file *f)
{
	struct shm_seg *s = f->priv;
	struct ipc_ids *ids = ipc_ids_of(s->ns, IPC_SHM);
	bool ended;

	mutex_lock(&ids->mu);
	ended = detached(s);
	mutex_unlock(&ids->mu);
	if (ended)
		ipc_obj_put(&s->o);
}

static int shm_mmap_backing(struct file *f, uint64_t off, uint64_t size,
			    bool write, struct mmap_backing *out)
{
	struct shm_seg *s = f->priv;

	return s->file->ops->mmap_backing(s->file, off, size, write, out);
}

static void shm_release(struct file *f)
{
	struct shm_seg *s = f->priv;
	struct ipc_ns *ns = s->ns;

	ipc_obj_put(&s->o);
	ns_put(&ns->ns);
}

static const struct file_ops shm_file_ops = {
	.name = "sysv_shm",
	.mmap_backing = shm_mmap_backing,
	.mapped = shm_mapped,
	.unmapped = shm_unmapped,
	.release = shm_release,
};

/* A file for one attachment; takes over the caller's reference on @s. */
static int open_seg(struct shm_seg *s, uint32_t flags, struct file **out)
{
	uint32_t acc = flags & LINUX_SHM_RDONLY ? LINUX_O_RDONLY : LINUX_O_RDWR;
	int ret = file_new(&s->file->path, s->file->inode, acc, out);

	if (ret < 0) {
		ipc_obj_put(&s->o);
		return ret;
	}
	(*out)->ops = &shm_file_ops;
	(*out)->priv = s;
	ns_get(&s->ns->ns);
	return 0;
}

/* Lock held: may it be attached like this?  *out with a reference. */
static int begin_attach(int32_t id, uint32_t flags, struct shm_seg **out)
{
	struct ipc_ns *ns = task_ipc(current_task());
	uint32_t want = 0444;
	struct shm_seg *s = NULL;
	int ret = find(id, &s);

	if (!(flags & LINUX_SHM_RDONLY))
		want |= 0222;
	if (flags & LINUX_SHM_EXEC)
		want |= 0111;
	if (ret == 0)
		ret = ipc_permission(ns, &s->o, want);
	if (ret < 0)
		return ret;
	s->nattch++; /* stays while we map without the lock */
	ref_get(&s->o.ref);
	*out = s;
	return 0;
}

static void end_attach(struct shm_seg *s)
{
	struct ipc_ids *ids = own_ids();
	bool ended = false;

	mutex_lock(&ids->mu);
	s->nattch--;
	if (!s->nattch && !s->o.gone && (s->o.mode & LINUX_SHM_DEST)) {
		destroy_locked(s);
		ended = true;
	}
	mutex_unlock(&ids->mu);
	if (ended)
		ipc_obj_put(&s->o);
}

/* The address as the flags want it. */
static int check_address(uint64_t *addr, uint32_t flags)
{
	if (*addr == 0)
		return flags & LINUX_SHM_REMAP ? -EINVAL : 0;
	if (*addr % PAGE_SIZE == 0)
		return 0;
	if (!(flags & LINUX_SHM_RND))
		return -EINVAL;
	*addr = page_down(*addr);
	return *addr == 0 && (flags & LINUX_SHM_REMAP) ? -EINVAL : 0;
}

static long map_seg(struct shm_seg *s, struct file *f, uint64_t addr,
		    uint32_t flags)
{
	struct mmap_args a = { .addr = addr,
			       .size = s->size,
			       .prot = LINUX_PROT_READ,
			       .flags = LINUX_MAP_SHARED,
			       .file = f };
	long ret;

	if (!(flags & LINUX_SHM_RDONLY))
		a.prot |= LINUX_PROT_WRITE;
	if (flags & LINUX_SHM_EXEC)
		a.prot |= LINUX_PROT_EXEC;
	if (addr && flags & LINUX_SHM_REMAP)
		a.flags |= LINUX_MAP_FIXED;
	else if (addr)
		a.flags |= LINUX_MAP_FIXED_NOREPLACE;
	if (addr && addr + page_up(s->size) < addr)
		return -EINVAL;
	ret = mm_mmap(current_task()->mm, &a);
	return ret == -EEXIST ? -EINVAL : ret;
}

long shm_attach(int32_t id, uint64_t addr, uint32_t flags)
{
	struct ipc_ids *ids = own_ids();
	AUTO_PUT(file) struct file *f = NULL;
	struct shm_seg *s = NULL;
	long ret = id < 0 ? -EINVAL : check_address(&addr, flags);

	if (ret < 0)
		return ret;
	mutex_lock(&ids->mu);
	ret = begin_attach(id, flags, &s);
	mutex_unlock(&ids->mu);
	if (ret < 0)
		return ret;
	/* One reference for the file, one for end_attach(). */
	ref_get(&s->o.ref);
	ret = open_seg(s, flags, &f);
	if (ret == 0)
		ret = map_seg(s, f, addr, flags);
	end_attach(s);
	ipc_obj_put(&s->o);
	return ret;
}

int shm_detach(uint64_t addr)
{
	if (addr % PAGE_SIZE)
		return -EINVAL;
	return mm_detach(current_task()->mm, addr, &shm_file_ops);
}

/* --- control -------------------------------------------------------------- */

static void fill(const struct shm_seg *s, struct linux_shmid_ds *out)
{
	*out = (struct linux_shmid_ds){
		.segsz = s->size,
		.atime = s->atime,
		.dtime = s->dtime,
		.ctime = s->ctime,
		.cpid = (int32_t)s->cpid,
		.lpid = (int32_t)s->lpid,
		.nattch = s->nattch,
	};
	ipc_perm_fill(&s->o, &out->perm);
}

static void fill_to_guest(struct linux_shmid_ds *d)
{
	ipc_perm_to_guest(&d->perm);
	d->cpid = (int32_t)pid_to_guest((uint32_t)d->cpid);
	d->lpid = (int32_t)pid_to_guest((uint32_t)d->lpid);
}

static long stat_locked(int32_t id, uint32_t cmd, struct linux_shmid_ds *out)
{
	struct ipc_ns *ns = task_ipc(current_task());
	struct ipc_obj *o;
	int ret = cmd == LINUX_IPC_STAT ? ipc_find(own_ids(), id, &o)
					: ipc_find_slot(own_ids(), id, &o);

	if (ret == 0 && cmd != LINUX_SHM_STAT_ANY)
		ret = ipc_permission(ns, o, 0444);
	if (ret < 0)
		return ret;
	fill(seg_of(o), out);
	return cmd == LINUX_IPC_STAT ? 0 : o->id;
}

long shm_stat(int32_t id, uint32_t cmd, struct linux_shmid_ds *out)
{
	struct ipc_ids *ids = own_ids();
	long ret;

	mutex_lock(&ids->mu);
	ret = stat_locked(id, cmd, out);
	mutex_unlock(&ids->mu);
	if (ret >= 0)
		fill_to_guest(out);
	return ret;
}

int shm_set(int32_t id, const struct linux_ipc_perm *p)
{
	struct ipc_ids *ids = own_ids();
	struct shm_seg *s = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = find(id, &s);
	if (ret == 0)
		ret = ipc_may_control(task_ipc(current_task()), &s->o);
	if (ret == 0) {
		ipc_perm_set(&s->o, p);
		s->ctime = ipc_now();
	}
	mutex_unlock(&ids->mu);
	return ret;
}

int shm_rmid(int32_t id)
{
	struct ipc_ids *ids = own_ids();
	struct shm_seg *s = NULL;
	bool ended = false;
	int ret;

	mutex_lock(&ids->mu);
	ret = find(id, &s);
	if (ret == 0)
		ret = ipc_may_control(task_ipc(current_task()), &s->o);
	if (ret == 0 && s->nattch) {
		s->o.mode |= LINUX_SHM_DEST;
		ipc_hide_key(ids, &s->o);
	} else if (ret == 0) {
		destroy_locked(s);
		ended = true;
	}
	mutex_unlock(&ids->mu);
	if (ended)
		ipc_obj_put(&s->o);
	return ret;
}

int shm_lock(int32_t id, bool on)
{
	struct ipc_ns *ns = task_ipc(current_task());
	const struct cred *c = current_task()->cred;
	uint64_t limit = task_rlimit(current_task(), RLIM_MEMLOCK);
	struct ipc_ids *ids = own_ids();
	struct shm_seg *s = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = find(id, &s);
	if (ret == 0 && !ns_capable(ns->ns.owner, CAP_NR_IPC_LOCK) &&
	    ((c->euid != s->o.uid && c->euid != s->o.cuid) ||
	     (on && limit == 0)))
		ret = -EPERM;
	if (ret == 0 && on)
		s->o.mode |= LINUX_SHM_LOCKED;
	else if (ret == 0)
		s->o.mode &= ~LINUX_SHM_LOCKED;
	mutex_unlock(&ids->mu);
	return ret;
}

/* --- reports -------------------------------------------------------------- */

static uint64_t resident(const struct shm_seg *s)
{
	struct kstat st;

	return inode_getattr(s->file->inode, &st) < 0 ? 0 : st.blocks * 512;
}

/* The next segment from slot @i on, with a reference; NULL: no more. */
static struct shm_seg *next_seg(struct ipc_ids *ids, uint32_t *i)
{
	struct shm_seg *s = NULL;

	mutex_lock(&ids->mu);
	while (!s && *i < ids->nr_slots) {
		if (ids->obj[*i]) {
			s = seg_of(ids->obj[*i]);
			ref_get(&s->o.ref);
		}
		(*i)++;
	}
	mutex_unlock(&ids->mu);
	return s;
}

int shm_info(struct linux_shm_info *out)
{
	struct ipc_ns *ns = task_ipc(current_task());
	struct ipc_ids *ids = own_ids();
	struct shm_seg *s = NULL;
	uint32_t i = 0;

	*out = (struct linux_shm_info){ .tot = ns->shm_pages };
	while ((s = next_seg(ids, &i))) {
		out->used_ids++;
		out->rss += resident(s) / PAGE_SIZE;
		ipc_obj_put(&s->o);
	}
	return ipc_highest(ids);
}

void shm_show(struct seq_buf *out)
{
	struct ipc_ids *ids = own_ids();
	struct linux_shmid_ds d;
	struct shm_seg *s = NULL;
	uint32_t i = 0;

	seq_printf(
		out,
		"       key      shmid perms                  size  cpid  lpid "
		"nattch   uid   gid  cuid  cgid      atime      dtime      "
		"ctime                   rss                  swap\n");
	while ((s = next_seg(ids, &i))) {
		int32_t id = s->o.id;

		mutex_lock(&ids->mu);
		fill(s, &d);
		mutex_unlock(&ids->mu);
		fill_to_guest(&d);
		seq_printf(out,
			   "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u "
			   "%5u %10lu %10lu %10lu %21lu %21lu\n",
			   d.perm.key, id, d.perm.mode, d.segsz,
			   (uint32_t)d.cpid, (uint32_t)d.lpid, d.nattch,
			   d.perm.uid, d.perm.gid, d.perm.cuid, d.perm.cgid,
			   (uint64_t)d.atime, (uint64_t)d.dtime,
			   (uint64_t)d.ctime, resident(s), 0ul);
		ipc_obj_put(&s->o);
	}
}

void shm_end(struct ipc_ns *ns)
{
	struct ipc_ids *ids = ipc_ids_of(ns, IPC_SHM);

	/* Attachments hold the namespace: there are none. */
	for (uint32_t i = 0; i < ids->nr_slots; i++) {
		struct ipc_obj *o = ids->obj[i];

		if (!o)
			continue;
		destroy_locked(seg_of(o));
		ipc_obj_put(o);
	}
}
