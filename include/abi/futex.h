/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex: operations and word layout, linux/futex.h.
 */
#ifndef ABI_FUTEX_H
#define ABI_FUTEX_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_FUTEX_WAIT = 0,
	LINUX_FUTEX_WAKE = 1,
	LINUX_FUTEX_REQUEUE = 3,
	LINUX_FUTEX_CMP_REQUEUE = 4,
	LINUX_FUTEX_WAKE_OP = 5,
	LINUX_FUTEX_LOCK_PI = 6,
	LINUX_FUTEX_UNLOCK_PI = 7,
	LINUX_FUTEX_TRYLOCK_PI = 8,
	LINUX_FUTEX_WAIT_BITSET = 9,
	LINUX_FUTEX_WAKE_BITSET = 10,
	LINUX_FUTEX_WAIT_REQUEUE_PI = 11,
	LINUX_FUTEX_CMP_REQUEUE_PI = 12,
	LINUX_FUTEX_LOCK_PI2 = 13,
	LINUX_FUTEX_PRIVATE_FLAG = 128,
	LINUX_FUTEX_CLOCK_REALTIME = 256,
	LINUX_FUTEX_CMD_MASK = ~(128 | 256),
};

#define LINUX_FUTEX_WAITERS	     0x80000000u
#define LINUX_FUTEX_OWNER_DIED	     0x40000000u
#define LINUX_FUTEX_TID_MASK	     0x3fffffffu
#define LINUX_FUTEX_BITSET_MATCH_ANY 0xffffffffu

/* FUTEX_WAKE_OP: op, oparg, cmp, cmparg packed in val3. */
enum {
	LINUX_FUTEX_OP_SET,
	LINUX_FUTEX_OP_ADD,
	LINUX_FUTEX_OP_OR,
	LINUX_FUTEX_OP_ANDN,
	LINUX_FUTEX_OP_XOR,
	LINUX_FUTEX_OP_OPARG_SHIFT = 8,
};
enum {
	LINUX_FUTEX_OP_CMP_EQ,
	LINUX_FUTEX_OP_CMP_NE,
	LINUX_FUTEX_OP_CMP_LT,
	LINUX_FUTEX_OP_CMP_LE,
	LINUX_FUTEX_OP_CMP_GT,
	LINUX_FUTEX_OP_CMP_GE,
};

#define LINUX_ROBUST_LIST_LIMIT 2048
struct linux_robust_list_head {
	uint64_t next; /* address of the first entry; bit 0: PI */
	int64_t futex_offset;
	uint64_t list_op_pending;
};
static_assert(sizeof(struct linux_robust_list_head) == 24, "robust_list_head");

/* futex_waitv(2) */
#define LINUX_FUTEX_WAITV_MAX 128
enum {
	LINUX_FUTEX2_SIZE_U32 = 2,
	LINUX_FUTEX2_SIZE_MASK = 3,
	LINUX_FUTEX2_PRIVATE = 128,
};
struct linux_futex_waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};
static_assert(sizeof(struct linux_futex_waitv) == 24, "futex_waitv");

#endif
