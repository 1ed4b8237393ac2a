/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl: access control lists: decoding, the check, inheritance.
 *
 * Locks: inode->mu for inode->acl; the file system is asked without it.
 * Linux: fs/posix_acl.c of 6.18; ids are not translated for other user
 *	  namespaces than the first.
 * Tests: tests/conformance/acl.c
 */
#include "sentry/vfs/acl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "abi/stat.h"
#include "abi/xattr.h"
#include "sentry/kernel/cred.h"
#include "sentry/vfs/namei.h"

#define ENTRY(acl, i) (&(acl)->e[i])

/* --- the form of an attribute --------------------------------------------- */

/* posix_acl_valid(): the tags in order, and what must be there once. */
static int check_entries(const struct posix_acl *a)
{
	uint32_t last = 0, seen = 0;
	bool needs_mask = false;
	uint32_t i;

	for (i = 0; i < a->nr; i++) {
		const struct linux_acl_entry *e = ENTRY(a, i);
		bool named =
			e->tag == LINUX_ACL_USER || e->tag == LINUX_ACL_GROUP;

		if ((e->perm & ~7u) || e->tag == 0 || (e->tag & (e->tag - 1)) ||
		    e->tag > LINUX_ACL_OTHER)
			return -EINVAL;
		if (e->tag < last || (e->tag == last && !named))
			return -EINVAL;
		if (named && e->id == UINT32_MAX)
			return -EINVAL;
		needs_mask |= named;
		last = e->tag;
		seen |= e->tag;
	}
	if ((seen & 0x25) != 0x25 || (needs_mask && !(seen & LINUX_ACL_MASK)))
		return -EINVAL;
	return 0;
}

/* An attribute's value.  *out NULL: an empty list, which is none. */
static int decode(const void *value, size_t size, struct posix_acl **out)
{
	struct posix_acl *a;
	uint32_t version;
	size_t nr;
	int ret;

	*out = NULL;
	if (size < sizeof(version))
		return -EINVAL;
	memcpy(&version, value, sizeof(version));
	if (version != LINUX_ACL_VERSION)
		return -EOPNOTSUPP;
	nr = (size - sizeof(version)) / sizeof(struct linux_acl_entry);
	if ((size - sizeof(version)) % sizeof(struct linux_acl_entry) ||
	    nr > ACL_ENTRIES_MAX)
		return -EINVAL;
	if (nr == 0)
		return 0;
	a = kzalloc(sizeof(*a) + nr * sizeof(a->e[0]));
	if (!a)
		return -ENOMEM;
	a->nr = (uint32_t)nr;
	memcpy(a->e, (const char *)value + sizeof(version),
	       nr * sizeof(a->e[0]));
	ret = check_entries(a);
	if (ret < 0)
		free(a);
	else
		*out = a;
	return ret;
}

/* Stores it in the file system; NULL removes it. */
static int store(struct inode *inode, const char *name,
		 const struct posix_acl *a, int flags)
{
	const uint32_t version = LINUX_ACL_VERSION;
	AUTO_FREE char *buf = NULL;
	size_t size;
	int ret;

	if (!a) {
		if (!inode->ops->removexattr)
			return -EOPNOTSUPP;
		ret = inode->ops->removexattr(inode, name);
		return ret == -ENODATA ? 0 : ret;
	}
	if (!inode->ops->setxattr)
		return -EOPNOTSUPP;
	size = sizeof(version) + a->nr * sizeof(a->e[0]);
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	memcpy(buf, &version, sizeof(version));
	memcpy(buf + sizeof(version), a->e, size - sizeof(version));
	return inode->ops->setxattr(inode, name, buf, size, flags);
}

/* From the file system; *out NULL: there is none. */
static int load(struct inode *inode, const char *name, struct posix_acl **out)
{
	AUTO_FREE char *buf = NULL;
	long size;

	*out = NULL;
	if (!inode->ops->getxattr)
		return 0;
	size = inode->ops->getxattr(inode, name, NULL, 0);
	if (size <= 0)
		return 0;
	buf = malloc((size_t)size);
	if (!buf)
		return -ENOMEM;
	size = inode->ops->getxattr(inode, name, buf, (size_t)size);
	if (size <= 0)
		return 0;
	return decode(buf, (size_t)size, out);
}

/* --- the list of an inode ------------------------------------------------- */

/* @a is taken over. */
static void keep(struct inode *inode, struct posix_acl *a)
{
	struct posix_acl *old;

	mutex_lock(&inode->mu);
	old = inode->acl;
	inode->acl = a;
	inode->acl_state = a ? ACL_SOME : ACL_NONE;
	mutex_unlock(&inode->mu);
	free(old);
}

void acl_free_inode(struct inode *inode)
{
	free(inode->acl);
}

static bool has_acl(struct inode *inode)
{
	struct posix_acl *a;

	if (likely(inode->acl_state != ACL_UNKNOWN))
		return inode->acl_state == ACL_SOME;
	if (load(inode, LINUX_XATTR_ACL_ACCESS, &a) < 0)
		return false; /* without memory: asked again next time */
	keep(inode, a);
	return a != NULL;
}

/* --- the check ------------------------------------------------------------ */

/* posix_acl_permission() for others than the owner. */
static int check_locked(const struct posix_acl *a, const struct inode *inode,
			const struct cred *cred, uint32_t want)
{
	const struct linux_acl_entry *e = NULL;
	bool in_group = false, match;
	uint32_t i, k;

	for (i = 0; i < a->nr; i++) {
		e = ENTRY(a, i);
		match = false;
		if (e->tag == LINUX_ACL_USER)
			match = e->id == cred->fsuid;
		else if (e->tag == LINUX_ACL_GROUP_OBJ)
			match = cred_in_group(cred, inode->gid);
		else if (e->tag == LINUX_ACL_GROUP)
			match = cred_in_group(cred, e->id);
		else if (e->tag == LINUX_ACL_OTHER)
			break;
		if (!match)
			continue;
		in_group |= e->tag != LINUX_ACL_USER;
		if (e->tag == LINUX_ACL_USER || !(want & ~e->perm))
			goto masked;
	}
	assert(e); /* check_entries() wants one for others, the last */
	return in_group || (want & ~e->perm) ? -EACCES : 0;
masked:
	for (k = i + 1; k < a->nr; k++)
		if (ENTRY(a, k)->tag == LINUX_ACL_MASK)
			return want & ~(e->perm & ENTRY(a, k)->perm) ? -EACCES
								     : 0;
	return want & ~e->perm ? -EACCES : 0;
}

int acl_permission(struct inode *inode, const struct cred *cred, uint32_t mask)
{
	int ret = -EAGAIN;

	/* The group's bits are the mask: with none the list grants nothing. */
	if (!(inode->mode & 070) || inode_is(inode, LINUX_S_IFLNK) ||
	    !has_acl(inode))
		return -EAGAIN;
	mutex_lock(&inode->mu);
	if (inode->acl)
		ret = check_locked(inode->acl, inode, cred, mask & 7);
	mutex_unlock(&inode->mu);
	return ret;
}

/* --- setting -------------------------------------------------------------- */

/* The mode bits that a list stands for; *minimal: it says nothing more. */
static uint32_t mode_of(const struct posix_acl *a, bool *minimal)
{
	uint32_t mode = 0, i;

	*minimal = true;
	for (i = 0; i < a->nr; i++) {
		const struct linux_acl_entry *e = ENTRY(a, i);

		switch (e->tag) {
		case LINUX_ACL_USER_OBJ:
			mode |= (uint32_t)e->perm << 6;
			break;
		case LINUX_ACL_GROUP_OBJ:
			mode |= (uint32_t)e->perm << 3;
			break;
		case LINUX_ACL_OTHER:
			mode |= e->perm;
			break;
		case LINUX_ACL_MASK:
			mode = (mode & ~070u) | (uint32_t)e->perm << 3;
			*minimal = false;
			break;
		default:
			*minimal = false;
			break;
		}
	}
	return mode;
}

/* The access list and the mode belong together. */
static int set_access(struct inode *inode, struct posix_acl *a, int flags,
		      const struct cred *cred)
{
	AUTO_FREE struct posix_acl *list = a;
	struct iattr attr = { .valid = ATTR_MODE };
	bool minimal;
	int ret;

	if (list) {
		attr.mode = (inode->mode & LINUX_S_IALLUGO & ~0777u) |
			    mode_of(list, &minimal);
		if (minimal)
			free(take(list));
	}
	ret = store(inode, LINUX_XATTR_ACL_ACCESS, list, flags);
	if (ret < 0)
		return ret;
	if (a)
		/* The old list must not follow the new mode. */
		inode->acl_state = ACL_NONE;
	keep(inode, NULL);
	if (a)
		ret = inode_setattr(NULL, inode, cred, &attr);
	keep(inode, take(list));
	return ret;
}

int acl_set(struct inode *inode, const char *name, const void *value,
	    size_t size, int flags, const struct cred *cred)
{
	bool access = strcmp(name, LINUX_XATTR_ACL_ACCESS) == 0;
	struct posix_acl *a = NULL;
	int ret = 0;

	if (size)
		ret = decode(value, size, &a);
	if (ret == 0 && inode_is(inode, LINUX_S_IFLNK))
		ret = -EOPNOTSUPP;
	else if (ret == 0 && !inode_owner_or_capable(inode, cred))
		ret = -EPERM;
	else if (ret == 0 && !access && !inode_is(inode, LINUX_S_IFDIR))
		ret = a ? -EACCES : 0;
	else if (ret == 0 && access)
		return set_access(inode, a, flags, cred);
	else if (ret == 0)
		ret = store(inode, name, a, flags);
	if (ret == 0 && inode_is(inode, LINUX_S_IFDIR))
		inode->default_state = ACL_UNKNOWN;
	free(a);
	return ret;
}

/* Bits of the mode into the entries that they stand for. */
static void apply_mode(struct posix_acl *a, uint32_t mode)
{
	struct linux_acl_entry *group = NULL;
	uint32_t i;

	for (i = 0; i < a->nr; i++) {
		struct linux_acl_entry *e = ENTRY(a, i);

		if (e->tag == LINUX_ACL_USER_OBJ)
			e->perm = (uint16_t)(mode >> 6 & 7);
		else if (e->tag == LINUX_ACL_OTHER)
			e->perm = (uint16_t)(mode & 7);
		else if (e->tag == LINUX_ACL_MASK ||
			 (e->tag == LINUX_ACL_GROUP_OBJ && !group))
			group = e;
	}
	if (group) /* the mask, if there is one */
		group->perm = (uint16_t)(mode >> 3 & 7);
}

static struct posix_acl *copy_of(const struct posix_acl *a)
{
	size_t size = sizeof(*a) + a->nr * sizeof(a->e[0]);
	struct posix_acl *copy = malloc(size);

	if (copy)
		memcpy(copy, a, size);
	return copy;
}

void acl_chmod(struct inode *inode)
{
	struct posix_acl *copy = NULL;

	if (!has_acl(inode))
		return;
	mutex_lock(&inode->mu);
	if (inode->acl)
		copy = copy_of(inode->acl);
	mutex_unlock(&inode->mu);
	if (!copy)
		return;
	apply_mode(copy, inode->mode);
	if (store(inode, LINUX_XATTR_ACL_ACCESS, copy, 0) == 0)
		keep(inode, copy);
	else
		free(copy);
}

/* --- inheritance ---------------------------------------------------------- */

bool acl_inherits(struct inode *dir)
{
	struct posix_acl *a;

	if (likely(dir->default_state != ACL_UNKNOWN))
		return dir->default_state == ACL_SOME;
	if (load(dir, LINUX_XATTR_ACL_DEFAULT, &a) < 0)
		return false;
	dir->default_state = a ? ACL_SOME : ACL_NONE;
	free(a);
	return dir->default_state == ACL_SOME;
}

/* posix_acl_create_masq(): both become what mode and list allow. */
static void narrow(struct posix_acl *a, uint32_t *mode)
{
	struct linux_acl_entry *group = NULL;
	uint32_t m = *mode, i;

	for (i = 0; i < a->nr; i++) {
		struct linux_acl_entry *e = ENTRY(a, i);

		if (e->tag == LINUX_ACL_USER_OBJ) {
			e->perm &= (uint16_t)(m >> 6 & 7);
			m &= ((uint32_t)e->perm << 6) | ~0700u;
		} else if (e->tag == LINUX_ACL_OTHER) {
			e->perm &= (uint16_t)(m & 7);
			m &= e->perm | ~07u;
		} else if (e->tag == LINUX_ACL_MASK ||
			   (e->tag == LINUX_ACL_GROUP_OBJ && !group)) {
			group = e;
		}
	}
	if (group) {
		group->perm &= (uint16_t)(m >> 3 & 7);
		m &= ((uint32_t)group->perm << 3) | ~070u;
	}
	*mode = m;
}

int acl_inherit(struct inode *dir, uint32_t *mode, struct posix_acl **out)
{
	int ret;

	*out = NULL;
	if (!acl_inherits(dir))
		return 0;
	ret = load(dir, LINUX_XATTR_ACL_DEFAULT, out);
	if (ret == 0 && *out)
		narrow(*out, mode);
	return ret;
}

void acl_give(struct inode *inode, struct inode *dir, struct posix_acl *acl)
{
	struct posix_acl *theirs = NULL;
	bool minimal;

	if (inode_is(inode, LINUX_S_IFDIR) &&
	    load(dir, LINUX_XATTR_ACL_DEFAULT, &theirs) == 0 && theirs) {
		(void)!store(inode, LINUX_XATTR_ACL_DEFAULT, theirs, 0);
		inode->default_state = ACL_UNKNOWN;
		free(theirs);
	}
	(void)mode_of(acl, &minimal);
	if (!minimal && store(inode, LINUX_XATTR_ACL_ACCESS, acl, 0) == 0)
		keep(inode, take(acl));
	free(acl);
}
