/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protected: symbolic links, FIFOs and files of others in sticky directories.
 *
 * Linux:     may_follow_link() and may_create_in_sticky() of fs/namei.c of
 *            6.18; the defaults are the kernel's, but hard links are protected
 *            as all distributions have it.
 * Tests:     tests/conformance/protected.c
 */
#include "sentry/vfs/protected.h"

#include <errno.h>

#include "abi/stat.h"
#include "sentry/kernel/cred.h"
#include "sentry/vfs/namei.h"

struct vfs_protected g_protected = { .hardlinks = 1 };

int protected_follow(const struct inode *dir, const struct inode *link,
		     const struct cred *cred)
{
	const uint32_t open_to_all = LINUX_S_ISVTX | 0002;

	if (likely(!g_protected.symlinks) || !cred ||
	    link->uid == cred->fsuid ||
	    (dir->mode & open_to_all) != open_to_all || dir->uid == link->uid)
		return 0;
	return -EACCES;
}

int protected_create(const struct inode *dir, const struct inode *inode,
		     const struct cred *cred)
{
	uint32_t level = 0;

	if (inode_is(inode, LINUX_S_IFREG))
		level = g_protected.regular;
	else if (inode_is(inode, LINUX_S_IFIFO))
		level = g_protected.fifos;
	if (likely(!level) || !(dir->mode & LINUX_S_ISVTX) ||
	    inode->uid == dir->uid || inode->uid == cred->fsuid)
		return 0;
	if ((dir->mode & 0002) || ((dir->mode & 0020) && level >= 2))
		return -EACCES;
	return 0;
}
