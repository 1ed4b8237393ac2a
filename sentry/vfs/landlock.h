/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock: rules that a process gives itself about files, landlock(7).
 *
 * A ruleset is a file that rules are added to; restricting makes an unchanging
 * layer of it, on top of the layers that the task has: its domain, which is
 * part of its credentials.  An access is allowed if each layer allows it.
 *
 * What is asked of a domain is asked before the locks of directories are
 * taken: walking up to the root crosses mounts.
 */
#ifndef SENTRY_VFS_LANDLOCK_H
#define SENTRY_VFS_LANDLOCK_H

#include <errno.h>

#include "abi/landlock.h"
#include "sentry/kernel/cred.h"
#include "sentry/vfs/vfs.h"

/* --- rulesets (landlock.c) ------------------------------------------------ */

/* A ruleset for @handled (LINUX_LANDLOCK_FS_*) without rules. */
MUST_CHECK int landlock_ruleset_new(uint32_t handled, struct file **out);
/* Is @f a ruleset? */
bool landlock_is_ruleset(const struct file *f);
/* What the ruleset @f handles. */
uint32_t landlock_handled(const struct file *f);
/* Allows @access at @at and below.  -EINVAL, -ENOMEM, -E2BIG. */
MUST_CHECK int landlock_add_rule(struct file *f, const struct path *at,
				 uint32_t access);
/* @c, not published yet, gets the rules of @f as one more layer.  -E2BIG. */
MUST_CHECK int landlock_restrict(struct cred *c, struct file *f);

/* --- questions about the current task (landlock_check.c) ------------------ */

/* Has it a domain? */
static inline bool landlock_is_on(const struct cred *c)
{
	return unlikely(c && c->parts[CRED_LANDLOCK]);
}
/* The accesses that all layers of @c allow at @p; all bits without a domain. */
uint32_t landlock_allowed(const struct cred *c, const struct path *p);
/* The right to make a node of this type (S_IF*). */
uint32_t landlock_make_access(uint32_t mode);
/* -EACCES unless @need is in @allowed. */
static inline int landlock_need(uint32_t allowed, uint32_t need)
{
	return likely((allowed & need) == need) ? 0 : -EACCES;
}
/* The accesses that open(2) of @inode with @flags asks for. */
uint32_t landlock_open_access(const struct inode *inode, uint32_t flags);

/*
 * A link or rename between two directories: filled before they are locked,
 * asked when the entries are known.
 */
struct landlock_refer {
	const struct cred_part *domain; /* NULL: everything goes */
	uint32_t denied[2][LINUX_LANDLOCK_MAX_LAYERS];
};
void landlock_refer_start(struct landlock_refer *r, const struct cred *c,
			  const struct path *old_dir,
			  const struct path *new_dir);
/*
 * @old moves (or with @removes false: is linked) to where @new is, NULL or
 * negative if nothing.  0, -EACCES, -EXDEV.
 */
MUST_CHECK int landlock_refer_check(const struct landlock_refer *r,
				    const struct dentry *old,
				    const struct dentry *new_dir,
				    const struct dentry *new, bool removes,
				    bool exchange);

/* May @tracer trace who has @tracee?  0, -EPERM. */
MUST_CHECK int landlock_may_trace(const struct cred *tracer,
				  const struct cred *tracee);

#endif
