/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl: access control lists of inodes, acl(5).
 *
 * A list lives in the file system as an extended attribute; the access list is
 * kept decoded in the inode, or that there is none.
 */
#ifndef SENTRY_VFS_ACL_H
#define SENTRY_VFS_ACL_H

#include "abi/acl.h"
#include "sentry/vfs/vfs.h"

#define ACL_ENTRIES_MAX 1024u

/* Valid: in the order of its tags, one of each that must be there. */
struct posix_acl {
	uint32_t nr;
	struct linux_acl_entry e[]; /* ids are the sandbox's own */
};

/* Values of inode->acl_state and default_state. */
enum { ACL_UNKNOWN, ACL_NONE, ACL_SOME };

/*
 * What the access list says of somebody who is not the owner.
 * Returns: 0, -EACCES; -EAGAIN: there is no list, the mode decides.
 */
MUST_CHECK int acl_permission(struct inode *inode, const struct cred *cred,
			      uint32_t mask);
/* setxattr and removexattr (@size 0) of one of the two names, with all checks
 * but that of the mount.  @flags: XATTR_CREATE, XATTR_REPLACE. */
MUST_CHECK int acl_set(struct inode *inode, const char *name, const void *value,
		       size_t size, int flags, const struct cred *cred);
/* The mode was changed: the list follows. */
void acl_chmod(struct inode *inode);
/* Does a new file in @dir inherit a list (and no umask)? */
bool acl_inherits(struct inode *dir);
/*
 * What a new file in @dir gets: *mode is narrowed; *out (may be NULL then) is
 * to be given to acl_give() once it is there.
 */
MUST_CHECK int acl_inherit(struct inode *dir, uint32_t *mode,
			   struct posix_acl **out);
/* Stores what acl_inherit() gave; frees it.  A directory passes @dir's on. */
void acl_give(struct inode *inode, struct inode *dir, struct posix_acl *acl);
/* Frees what the inode keeps. */
void acl_free_inode(struct inode *inode);

#endif
