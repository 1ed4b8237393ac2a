/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_context: a file system that is about to be mounted or changed: what
 * mount(2) gets in one string, and fsconfig(2) one by one.
 */
#ifndef SENTRY_VFS_FS_CONTEXT_H
#define SENTRY_VFS_FS_CONTEXT_H

#include "sentry/vfs/vfs.h"

struct fs_type;

struct fs_context {
	const struct fs_type *type;
	struct user_ns *user_ns; /* +1: who mounts */
	char *source;
	struct super *sb; /* +1: made, or to be changed */
	bool rdonly, set_rdonly;
	/* tmpfs; UINT32_MAX: not given. */
	uint64_t size, inodes;
	uint32_t mode, uid, gid;
	struct overlay_options *overlay; /* private to fs_overlay.c */
};

/* For the current task.  -ENODEV: no such type; -ENOMEM. */
MUST_CHECK int fs_context_new(const char *type, struct fs_context **out);
/* For a change of @sb. */
MUST_CHECK int fs_context_pick(struct super *sb, struct fs_context **out);
void fs_context_free(struct fs_context *fc);
/* @value NULL: a flag.  -EINVAL: not known, or not so. */
MUST_CHECK int fs_context_set(struct fs_context *fc, const char *key,
			      const char *value);
/* "a=b,c" of mount(2); @text is cut up. */
MUST_CHECK int fs_context_set_all(struct fs_context *fc, char *text);
/* Makes fc->sb.  -EPERM: not by this user namespace. */
MUST_CHECK int fs_context_create(struct fs_context *fc);
/* Changes fc->sb: remount. */
MUST_CHECK int fs_context_reconfigure(struct fs_context *fc);
/* A less privileged namespace would see more than it does.  -EPERM */
MUST_CHECK int fs_context_check_revealing(const struct fs_context *fc);

#endif
