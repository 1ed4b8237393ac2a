/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfile: files of the sandbox that are descriptors of its caller.
 */
#ifndef SENTRY_FS_HOST_HOSTFILE_H
#define SENTRY_FS_HOST_HOSTFILE_H

#include "sentry/vfs/vfs.h"

/* True for a host's pipe, which must not be taken for one of ours when it is
 * opened again (/dev/stdin). */
bool hostfile_is(const struct inode *inode);

#endif
