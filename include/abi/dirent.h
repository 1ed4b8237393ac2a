/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dirent: records of getdents(2) and getdents64(2).
 */
#ifndef ABI_DIRENT_H
#define ABI_DIRENT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LINUX_DT_UNKNOWN = 0,
	LINUX_DT_FIFO = 1,
	LINUX_DT_CHR = 2,
	LINUX_DT_DIR = 4,
	LINUX_DT_BLK = 6,
	LINUX_DT_REG = 8,
	LINUX_DT_LNK = 10,
	LINUX_DT_SOCK = 12,
	LINUX_DT_WHT = 14
};

/* The name follows, with a NUL; records are multiples of 8 bytes. */
struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};
#define LINUX_DIRENT64_NAME 19
static_assert(offsetof(struct linux_dirent64, name) == LINUX_DIRENT64_NAME,
	      "linux_dirent64");

/* The old form: the type is the last byte of the record. */
struct linux_dirent {
	uint64_t ino, off;
	uint16_t reclen;
	char name[];
};
#define LINUX_DIRENT_NAME 18
static_assert(offsetof(struct linux_dirent, name) == LINUX_DIRENT_NAME,
	      "linux_dirent");

#endif
