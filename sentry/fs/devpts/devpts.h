/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devpts: the nodes of terminals, one file system for the whole sandbox.
 */
#ifndef SENTRY_FS_DEVPTS_DEVPTS_H
#define SENTRY_FS_DEVPTS_DEVPTS_H

#include "sentry/vfs/vfs.h"

struct tty;

/*
 * An open file of @t that needs no mount: its path reads "/dev/pts/N", and its
 * inode equals that of the node.  For stdio and TIOCGPTPEER.
 */
MUST_CHECK int devpts_file_new(struct tty *t, uint32_t flags,
			       struct file **out);

#endif
