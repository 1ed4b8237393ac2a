/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock: landlock(7), ABI 3 (file system rules).
 */
#ifndef ABI_LANDLOCK_H
#define ABI_LANDLOCK_H

#include <assert.h>
#include <stdint.h>

#define LINUX_LANDLOCK_ABI		      3
#define LINUX_LANDLOCK_CREATE_RULESET_VERSION 1u
#define LINUX_LANDLOCK_RULE_PATH_BENEATH      1
#define LINUX_LANDLOCK_MAX_LAYERS	      16

#define LINUX_LANDLOCK_FS_EXECUTE     (1u << 0)
#define LINUX_LANDLOCK_FS_WRITE_FILE  (1u << 1)
#define LINUX_LANDLOCK_FS_READ_FILE   (1u << 2)
#define LINUX_LANDLOCK_FS_READ_DIR    (1u << 3)
#define LINUX_LANDLOCK_FS_REMOVE_DIR  (1u << 4)
#define LINUX_LANDLOCK_FS_REMOVE_FILE (1u << 5)
#define LINUX_LANDLOCK_FS_MAKE_CHAR   (1u << 6)
#define LINUX_LANDLOCK_FS_MAKE_DIR    (1u << 7)
#define LINUX_LANDLOCK_FS_MAKE_REG    (1u << 8)
#define LINUX_LANDLOCK_FS_MAKE_SOCK   (1u << 9)
#define LINUX_LANDLOCK_FS_MAKE_FIFO   (1u << 10)
#define LINUX_LANDLOCK_FS_MAKE_BLOCK  (1u << 11)
#define LINUX_LANDLOCK_FS_MAKE_SYM    (1u << 12)
#define LINUX_LANDLOCK_FS_REFER	      (1u << 13)
#define LINUX_LANDLOCK_FS_TRUNCATE    (1u << 14)
#define LINUX_LANDLOCK_FS_ALL	      ((1u << 15) - 1)
/* What makes sense for other files than directories. */
#define LINUX_LANDLOCK_FS_FILE                                      \
	(LINUX_LANDLOCK_FS_EXECUTE | LINUX_LANDLOCK_FS_WRITE_FILE | \
	 LINUX_LANDLOCK_FS_READ_FILE | LINUX_LANDLOCK_FS_TRUNCATE)

struct linux_landlock_ruleset_attr {
	uint64_t handled_access_fs;
};
static_assert(sizeof(struct linux_landlock_ruleset_attr) == 8, "ruleset_attr");

struct linux_landlock_path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));
static_assert(sizeof(struct linux_landlock_path_beneath_attr) == 12,
	      "path_beneath_attr");

#endif
