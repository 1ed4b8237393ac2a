/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gofer_proto: the memory that sentry and gofer share, and the limits of what
 * goes through it.  The messages are generated from gofer/messages.tbl into
 * gofer_messages.h; docs/gofer-protocol.md describes both.
 *
 * A slot carries one request and its answer.  Its owner (a sentry thread)
 * writes the request into the slot's data area, fills the header, sets state
 * to READY and rings; the gofer answers in the same area and sets DONE.
 *
 * Trust: each side reads every field once, into a local, and checks the local.
 */
#ifndef GOFER_PROTO_H
#define GOFER_PROTO_H

#include <assert.h>
#include <stdint.h>

#include "sentry/lib/compiler.h"

#define GOFER_VERSION 1
/* Feature bits of the first exchange; a side uses what both have. */
enum { GOFER_FEATURE_ACCESS = 1 }; /* nodes may carry .access */

#define GOFER_NR_SLOTS	  16
#define GOFER_DATA_SIZE	  (68 * 1024u) /* a slot's data area */
#define GOFER_SLOTS_AT	  4096u	       /* offset of slot 0's data */
#define GOFER_NR_EVENTS	  512u	       /* a power of two */
#define GOFER_EVENTS_AT	  (GOFER_SLOTS_AT + GOFER_NR_SLOTS * GOFER_DATA_SIZE)
#define GOFER_SHM_SIZE	  (GOFER_EVENTS_AT + 36 * 4096u)
#define GOFER_MAX_EXPORTS 64

#define GOFER_NAME_MAX	  255
#define GOFER_TEXT_MAX	  4095	 /* symlink targets */
#define GOFER_XATTR_MAX	  65536u /* values and name lists */
#define GOFER_DIR_BATCH	  (64 * 1024u)
#define GOFER_MAX_RELEASE 128

enum gofer_slot_state {
	GOFER_SLOT_IDLE,
	GOFER_SLOT_READY,   /* a request is there; its owner is awake */
	GOFER_SLOT_WAITING, /* the same; its owner sleeps on the state */
	GOFER_SLOT_DONE,    /* the answer is there */
	GOFER_SLOT_DEAD,    /* set by the sentry when the connection ended */
};

/* One cache line a slot, all in the first page. */
struct gofer_slot {
	_Atomic uint32_t state;
	uint32_t op;	   /* request: GOFER_OP_* */
	uint64_t seq;	   /* request: tags the fd of the answer */
	uint32_t req_size; /* request: bytes in the data area */
	uint32_t rep_size; /* answer: the same */
	int32_t error;	   /* answer: 0 or -errno; then rep_size is 0 */
	uint32_t nr_fds;   /* answer: 0 or 1, sent before DONE was set */
	uint32_t cpu;	   /* request: where its owner runs; a hint */
	uint32_t pad[7];
};
static_assert(sizeof(struct gofer_slot) == 64, "a cache line");

/*
 * Changes on the host, from gofer to sentry; the records stand at
 * GOFER_EVENTS_AT.  There are head - tail of them.  What did not fit is told by
 * lost: then everything may have changed.
 */
struct gofer_ring {
	_Atomic uint32_t bell; /* grows with each change; the sentry sleeps */
	_Atomic uint32_t head; /* the gofer's */
	_Atomic uint32_t tail; /* the sentry's; a hint to the gofer */
	_Atomic uint32_t lost; /* set by the gofer, cleared by the sentry */
	uint32_t pad[12];
};
static_assert(sizeof(struct gofer_ring) == 64, "a cache line");

struct gofer_shm {
	_Atomic uint32_t bell; /* grows with each request; gofer sleeps here */
	_Atomic uint32_t asleep; /* 1: the gofer wants a wake-up */
	uint32_t pad[14];
	struct gofer_slot slots[GOFER_NR_SLOTS];
	struct gofer_ring ring;
};
static_assert(sizeof(struct gofer_shm) <= GOFER_SLOTS_AT, "one page");

/* A change of a watched directory or of something in it. */
struct gofer_event {
	int32_t wd;
	uint32_t mask, cookie; /* as inotify(7) has them */
	uint32_t name_len;     /* 0: of the directory itself */
	char name[GOFER_NAME_MAX + 1];
};
static_assert(sizeof(struct gofer_event) == 272, "gofer_event");
static_assert(GOFER_NR_EVENTS * sizeof(struct gofer_event) <= 36 * 4096,
	      "ring");

/* Goes with each fd through the socket (SOCK_SEQPACKET, gofer to sentry). */
struct gofer_fd_tag {
	uint64_t seq;
	uint32_t slot, pad;
};

enum {
	GOFER_NODE_BTIME = 1,  /* btime is known */
	GOFER_NODE_ACCESS = 2, /* .access is filled */
	GOFER_NODE_BARRED = 4, /* a pseudo file system: nothing below it */
};

/* A node as it travels. */
struct gofer_wire_node {
	uint64_t handle;
	uint64_t ino, dev, rdev, nlink, size, blocks, attributes;
	int64_t atime, mtime, ctime, btime;
	uint32_t atime_nsec, mtime_nsec, ctime_nsec, btime_nsec;
	uint32_t mode, uid, gid, blksize;
	uint32_t flags, access; /* GOFER_NODE_*; R=4 W=2 X=1 */
};
static_assert(sizeof(struct gofer_wire_node) == 136, "gofer_wire_node");

/*
 * A directory entry in the answer of READDIR; the name and its NUL follow, then
 * zeros up to a multiple of 8.
 */
struct gofer_wire_dirent {
	uint64_t ino, next; /* next: cookie of what comes after it */
	uint16_t size;	    /* of the whole record */
	uint8_t type, name_len;
	uint8_t pad[4];
};
static_assert(sizeof(struct gofer_wire_dirent) == 24, "gofer_wire_dirent");

/* The same in the answer of LIST: node.handle is 0, node.mode 0 if unknown. */
struct gofer_wire_entry {
	uint16_t size; /* of the whole record */
	uint8_t name_len, pad[5];
	struct gofer_wire_node node;
};
static_assert(sizeof(struct gofer_wire_entry) == 144, "gofer_wire_entry");

/* walk's flags */
enum { GOFER_WALK_BARE = 1, GOFER_WALK_OPEN = 2, GOFER_WALK_FLAGS = 3 };

/* set_attr's valid bits; equal to ATTR_* of sentry/vfs/vfs.h. */
enum {
	GOFER_ATTR_MODE = 1,
	GOFER_ATTR_UID = 2,
	GOFER_ATTR_GID = 4,
	GOFER_ATTR_SIZE = 8,
	GOFER_ATTR_ATIME = 16,
	GOFER_ATTR_MTIME = 32,
	GOFER_ATTR_ATIME_NOW = 64,
	GOFER_ATTR_MTIME_NOW = 128,
	GOFER_ATTR_KILL_SUID = 256,
	GOFER_ATTR_ALL = 511,
};

/* What a variable-length field holds: points into a private copy. */
struct gofer_str {
	const char *p; /* names and texts: a NUL follows */
	uint32_t len;
};

#endif
