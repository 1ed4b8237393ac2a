/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqueue: POSIX message queues, mq_overview(7).
 */
#ifndef ABI_MQUEUE_H
#define ABI_MQUEUE_H

#include <assert.h>
#include <stdint.h>

#define LINUX_MQ_PRIO_MAX  32768u
#define LINUX_MQUEUE_MAGIC 0x19800202

struct linux_mq_attr {
	int64_t flags, maxmsg, msgsize, curmsgs, reserved[4];
};
static_assert(sizeof(struct linux_mq_attr) == 64, "mq_attr");

#endif
