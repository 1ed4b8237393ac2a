/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs_overlay: `mount -t overlay` from inside, for the table of fs_context.c.
 */
#ifndef SENTRY_VFS_FS_OVERLAY_H
#define SENTRY_VFS_FS_OVERLAY_H

struct fs_context;
struct overlay_options;
struct super;

/* One option, as fs_context_set(). */
int fs_overlay_set(struct fs_context *fc, const char *key, const char *value);
/* Finds the directories for the current task and mounts; +1. */
int fs_overlay_make(struct fs_context *fc, struct super **out);
void fs_overlay_free(struct overlay_options *o);

#endif
