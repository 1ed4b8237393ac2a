/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs_world: what stands around the VFS in its unit tests: a task with
 * credentials, a memory file in plain memory, a clock, wait queues.
 */
#ifndef TESTS_UNIT_VFS_WORLD_H
#define TESTS_UNIT_VFS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sentry/kernel/task.h"
#include "sentry/vfs/vfs.h"

/* Gives the calling thread a task with root = cwd = the root of @ns (may be
 * NULL) and uid @uid. */
void world_task(struct mount_ns *ns, uint32_t uid);
void world_task_gone(void);
/* RLIMIT_NOFILE of every task here. */
void world_set_nofile(uint64_t limit);
/* Pages of the memory file that are in use: 0 when nothing leaks. */
uint64_t world_pages(void);
/* How often mapping_invalidate() was called. */
unsigned int world_invalidations(void);
/* Threads that sleep in task_sleep() now. */
unsigned int world_sleepers(void);
uint32_t world_random(void);

#endif
