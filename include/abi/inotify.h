/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: events and flags of inotify(7), and of F_NOTIFY of fcntl(2).
 */
#ifndef ABI_INOTIFY_H
#define ABI_INOTIFY_H

#include <assert.h>
#include <stdint.h>

#define LINUX_IN_ACCESS	       0x00000001u
#define LINUX_IN_MODIFY	       0x00000002u
#define LINUX_IN_ATTRIB	       0x00000004u
#define LINUX_IN_CLOSE_WRITE   0x00000008u
#define LINUX_IN_CLOSE_NOWRITE 0x00000010u
#define LINUX_IN_OPEN	       0x00000020u
#define LINUX_IN_MOVED_FROM    0x00000040u
#define LINUX_IN_MOVED_TO      0x00000080u
#define LINUX_IN_CREATE	       0x00000100u
#define LINUX_IN_DELETE	       0x00000200u
#define LINUX_IN_DELETE_SELF   0x00000400u
#define LINUX_IN_MOVE_SELF     0x00000800u
#define LINUX_IN_ALL_EVENTS    0x00000fffu
#define LINUX_IN_UNMOUNT       0x00002000u
#define LINUX_IN_Q_OVERFLOW    0x00004000u
#define LINUX_IN_IGNORED       0x00008000u
#define LINUX_IN_ONLYDIR       0x01000000u
#define LINUX_IN_DONT_FOLLOW   0x02000000u
#define LINUX_IN_EXCL_UNLINK   0x04000000u
#define LINUX_IN_MASK_CREATE   0x10000000u
#define LINUX_IN_MASK_ADD      0x20000000u
#define LINUX_IN_ISDIR	       0x40000000u
#define LINUX_IN_ONESHOT       0x80000000u
/* What inotify_add_watch(2) takes. */
#define LINUX_IN_VALID                                                     \
	(LINUX_IN_ALL_EVENTS | LINUX_IN_UNMOUNT | LINUX_IN_Q_OVERFLOW |    \
	 LINUX_IN_IGNORED | LINUX_IN_ONLYDIR | LINUX_IN_DONT_FOLLOW |      \
	 LINUX_IN_EXCL_UNLINK | LINUX_IN_MASK_CREATE | LINUX_IN_MASK_ADD | \
	 LINUX_IN_ISDIR | LINUX_IN_ONESHOT)

struct linux_inotify_event {
	int32_t wd;
	uint32_t mask, cookie, len; /* len bytes of name follow */
};
static_assert(sizeof(struct linux_inotify_event) == 16, "inotify_event");

#define LINUX_DN_ACCESS	   0x00000001u
#define LINUX_DN_MODIFY	   0x00000002u
#define LINUX_DN_CREATE	   0x00000004u
#define LINUX_DN_DELETE	   0x00000008u
#define LINUX_DN_RENAME	   0x00000010u
#define LINUX_DN_ATTRIB	   0x00000020u
#define LINUX_DN_MULTISHOT 0x80000000u

#endif
