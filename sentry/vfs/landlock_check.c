/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock_check: what a domain says about a path.
 *
 * For each layer: what it handles, less what its rules allow at the file or at
 * any directory above it, is denied.  Moving to another directory is denied by
 * each layer that does not say otherwise, handled or not.
 *
 * Locks: none held while it walks up; LOCK_MOUNTS and LOCK_DCACHE are taken.
 * Linux: security/landlock/fs.c of 6.18.  Linux compares source and target on
 *        its way up and stops early; the answer is that of the whole way.
 * Tests: tests/conformance/landlock.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/landlock_private.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/namei.h"

#define MASKS LINUX_LANDLOCK_MAX_LAYERS

static uint32_t rule_access(const struct landlock_layer *l,
			    const struct inode *inode)
{
	uint32_t lo = 0, hi = l->nr_rules;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (l->rules[mid].inode == inode)
			return l->rules[mid].access;
		if ((uintptr_t)l->rules[mid].inode < (uintptr_t)inode)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

/* What the rules for @inode itself allow is no longer denied. */
static void apply_rules(const struct landlock_layer *l,
			const struct inode *inode, uint32_t denied[MASKS])
{
	for (; l; l = l->parent)
		denied[l->nr_layers - 1] &= ~rule_access(l, inode);
}

static uint32_t all_of(const uint32_t denied[MASKS])
{
	uint32_t all = 0;

	for (int i = 0; i < MASKS; i++)
		all |= denied[i];
	return all;
}

/* To the directory above, over mounts; false at the real root. */
static bool step_up(struct path *p)
{
	struct dentry *parent;
	struct path up;

	while (p->mnt && p->dentry == p->mnt->root) {
		if (!mount_parent(p->mnt, &up))
			return false;
		path_put(p);
		*p = up;
	}
	parent = dentry_get_parent(p->dentry);
	if (parent == p->dentry) { /* disconnected */
		dentry_put(parent);
		return false;
	}
	dentry_put(p->dentry);
	p->dentry = parent;
	return true;
}

/* Files that are in no tree are nobody's business. */
static bool is_anonymous(const struct path *p)
{
	return !p->mnt || p->dentry->pseudo;
}

static void deny_at(const struct landlock_layer *domain, const struct path *at,
		    uint32_t denied[MASKS])
{
	AUTO_PATH struct path p = *at;

	memset(denied, 0, MASKS * sizeof(denied[0]));
	path_get(&p);
	if (is_anonymous(&p))
		return;
	for (const struct landlock_layer *l = domain; l; l = l->parent)
		denied[l->nr_layers - 1] = l->handled | LINUX_LANDLOCK_FS_REFER;
	do
		apply_rules(domain, dentry_inode(p.dentry), denied);
	while (all_of(denied) && step_up(&p));
}

uint32_t landlock_allowed(const struct cred *c, const struct path *p)
{
	uint32_t denied[MASKS];

	if (!landlock_is_on(c))
		return UINT32_MAX;
	deny_at(landlock_layer_of(c->parts[CRED_LANDLOCK]), p, denied);
	return ~all_of(denied);
}

uint32_t landlock_make_access(uint32_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFLNK:
		return LINUX_LANDLOCK_FS_MAKE_SYM;
	case LINUX_S_IFDIR:
		return LINUX_LANDLOCK_FS_MAKE_DIR;
	case LINUX_S_IFCHR:
		return LINUX_LANDLOCK_FS_MAKE_CHAR;
	case LINUX_S_IFBLK:
		return LINUX_LANDLOCK_FS_MAKE_BLOCK;
	case LINUX_S_IFIFO:
		return LINUX_LANDLOCK_FS_MAKE_FIFO;
	case LINUX_S_IFSOCK:
		return LINUX_LANDLOCK_FS_MAKE_SOCK;
	default:
		return LINUX_LANDLOCK_FS_MAKE_REG;
	}
}

uint32_t landlock_open_access(const struct inode *inode, uint32_t flags)
{
	uint32_t acc = flags & LINUX_O_ACCMODE, access = 0;

	if (acc == LINUX_O_RDONLY || acc == LINUX_O_RDWR) {
		if (inode_is(inode, LINUX_S_IFDIR))
			return LINUX_LANDLOCK_FS_READ_DIR;
		access |= LINUX_LANDLOCK_FS_READ_FILE;
	}
	if (acc == LINUX_O_WRONLY || acc == LINUX_O_RDWR)
		access |= LINUX_LANDLOCK_FS_WRITE_FILE;
	return access;
}

/* --- moving --------------------------------------------------------------- */

void landlock_refer_start(struct landlock_refer *r, const struct cred *c,
			  const struct path *old_dir,
			  const struct path *new_dir)
{
	r->domain = landlock_is_on(c) ? c->parts[CRED_LANDLOCK] : NULL;
	if (!r->domain)
		return;
	deny_at(landlock_layer_of(r->domain), old_dir, r->denied[0]);
	deny_at(landlock_layer_of(r->domain), new_dir, r->denied[1]);
}

static uint32_t remove_access(const struct inode *inode)
{
	if (!inode)
		return 0;
	return inode_is(inode, LINUX_S_IFDIR) ? LINUX_LANDLOCK_FS_REMOVE_DIR
					      : LINUX_LANDLOCK_FS_REMOVE_FILE;
}

/* Would @inode, from a directory with @from, get more rights under @to? */
static bool gains(const struct landlock_layer *domain,
		  const struct inode *inode, const uint32_t from[MASKS],
		  const uint32_t to[MASKS])
{
	uint32_t care = inode_is(inode, LINUX_S_IFDIR) ? UINT32_MAX
						       : LINUX_LANDLOCK_FS_FILE;
	uint32_t has[MASKS];

	memcpy(has, from, sizeof(has));
	apply_rules(domain, inode, has);
	for (int i = 0; i < MASKS; i++)
		if (has[i] & ~to[i] & care)
			return true;
	return false;
}

int landlock_refer_check(const struct landlock_refer *r,
			 const struct dentry *old, const struct dentry *new_dir,
			 const struct dentry *new, bool removes, bool exchange)
{
	const struct landlock_layer *domain;
	const struct inode *oi, *ni = new ? dentry_inode(new) : NULL;
	uint32_t need[2] = { 0, 0 }, lacks[2];

	if (!r->domain)
		return 0;
	domain = landlock_layer_of(r->domain);
	oi = dentry_inode(old);
	if (!oi || (exchange && !ni))
		return -ENOENT;
	if (exchange)
		need[0] |= landlock_make_access(ni->mode);
	need[1] |= landlock_make_access(oi->mode);
	if (removes) {
		need[0] |= remove_access(oi);
		need[1] |= remove_access(ni);
	}
	if (old->parent == new_dir)
		return (need[0] | need[1]) & all_of(r->denied[1]) ? -EACCES : 0;
	for (int i = 0; i < 2; i++)
		lacks[i] = all_of(r->denied[i]);
	if ((need[0] & lacks[0]) || (need[1] & lacks[1]))
		return -EACCES;
	if ((lacks[0] | lacks[1]) & LINUX_LANDLOCK_FS_REFER)
		return -EXDEV;
	if (gains(domain, oi, r->denied[0], r->denied[1]) ||
	    (exchange && gains(domain, ni, r->denied[1], r->denied[0])))
		return -EXDEV;
	return 0;
}

/* --- tracing -------------------------------------------------------------- */

int landlock_may_trace(const struct cred *tracer, const struct cred *tracee)
{
	const struct landlock_layer *l;

	if (!tracer->parts[CRED_LANDLOCK])
		return 0;
	if (!tracee->parts[CRED_LANDLOCK])
		return -EPERM;
	for (l = landlock_layer_of(tracee->parts[CRED_LANDLOCK]); l;
	     l = l->parent)
		if (&l->part == tracer->parts[CRED_LANDLOCK])
			return 0;
	return -EPERM;
}
