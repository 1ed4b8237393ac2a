/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_ipc: /proc/sysvipc, and the limits of the reader's IPC namespace in
 * /proc/sys/kernel and /proc/sys/fs/mqueue.
 *
 * Locks: none; each limit is an atomic word.
 * Linux: ipc/ipc_sysctl.c, ipc/mq_sysctl.c of 6.18; *_next_id and
 *        shm_rmid_forced cannot be changed.
 * Tests: tests/conformance/sysv_msg.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/ipc/ipc.h"

/* --- /proc/sysvipc -------------------------------------------------------- */

static int show_shm(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	shm_show(out);
	return 0;
}

static int show_sem(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	sem_show(out);
	return 0;
}

static int show_msg(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	msg_show(out);
	return 0;
}

const struct synth_entry proc_sysvipc_entries[] = {
	SYNTH_FILE("msg", 0444, show_msg),
	SYNTH_FILE("sem", 0444, show_sem),
	SYNTH_FILE("shm", 0444, show_shm),
	{ .name = NULL },
};

/* --- limits --------------------------------------------------------------- */

/* One number of struct ipc_limits. */
struct limit {
	size_t off, size; /* size: 4 or 8 */
	uint64_t min, max;
};
/* A file of one or more of them. */
struct limit_file {
	unsigned int nr;
	struct limit l[4];
};

static struct ipc_limits *limits(void)
{
	return &task_ipc(current_task())->lim;
}

static uint64_t get(const struct limit *l)
{
	char *at = (char *)limits() + l->off;

	return l->size == 8 ? *(_Atomic uint64_t *)(void *)at
			    : *(_Atomic uint32_t *)(void *)at;
}

static void set(const struct limit *l, uint64_t value)
{
	char *at = (char *)limits() + l->off;

	if (l->size == 8)
		*(_Atomic uint64_t *)(void *)at = value;
	else
		*(_Atomic uint32_t *)(void *)at = (uint32_t)value;
}

int proc_ipc_limit(const struct synth_ctx *ctx, struct seq_buf *out)
{
	const struct limit_file *f = synth_ctx_entry(ctx)->arg;

	for (unsigned int i = 0; i < f->nr; i++)
		seq_printf(out, "%lu%c", get(&f->l[i]),
			   i + 1 < f->nr ? '\t' : '\n');
	return 0;
}

/* The next number of *@text, which advances.  1, 0 (no more), -EINVAL. */
static int next_number(char **text, uint64_t *out)
{
	char *at = *text + strspn(*text, " \t\n"), *end;

	if (!*at)
		return 0;
	if (*at < '0' || *at > '9')
		return -EINVAL;
	*out = strtoul(at, &end, 10);
	if (*end && !strchr(" \t\n", *end))
		return -EINVAL;
	*text = end;
	return 1;
}

long proc_ipc_limit_write(const struct synth_ctx *ctx, char *text, size_t size)
{
	const struct limit_file *f = synth_ctx_entry(ctx)->arg;
	uint64_t value[4];
	unsigned int nr = 0;
	int ret = 1;

	while (nr < f->nr) {
		ret = next_number(&text, &value[nr]);
		if (ret <= 0)
			break;
		if (value[nr] < f->l[nr].min || value[nr] > f->l[nr].max)
			return -EINVAL;
		nr++;
	}
	if (ret < 0 || nr == 0)
		return -EINVAL;
	for (unsigned int i = 0; i < nr; i++)
		set(&f->l[i], value[i]);
	return (long)size;
}

#define LIMIT(field, low, high)                                                \
	{                                                                      \
		offsetof(struct ipc_limits, field),                            \
			sizeof(((struct ipc_limits *)0)->field), (low), (high) \
	}
#define ONE(field, low, high)                       \
	{                                           \
		1,                                  \
		{                                   \
			LIMIT(field, (low), (high)) \
		}                                   \
	}

const struct limit_file proc_ipc_msgmax = ONE(msgmax, 0, INT32_MAX);
const struct limit_file proc_ipc_msgmnb = ONE(msgmnb, 0, INT32_MAX);
const struct limit_file proc_ipc_msgmni = ONE(msgmni, 0, IPC_MAX_OBJS);
const struct limit_file proc_ipc_shmmax = ONE(shmmax, 0, UINT64_MAX);
const struct limit_file proc_ipc_shmall = ONE(shmall, 0, UINT64_MAX);
const struct limit_file proc_ipc_shmmni = ONE(shmmni, 0, IPC_MAX_OBJS);
const struct limit_file proc_ipc_sem = {
	4,
	{ LIMIT(semmsl, 0, INT32_MAX), LIMIT(semmns, 0, INT32_MAX),
	  LIMIT(semopm, 0, 1 << 16), LIMIT(semmni, 0, IPC_MAX_OBJS) }
};
const struct limit_file proc_mq_queues = ONE(mq_queues, 0, INT32_MAX);
const struct limit_file proc_mq_msg = ONE(mq_msg, 1, 65536);
const struct limit_file proc_mq_msgsize = ONE(mq_msgsize, 128, 16 << 20);
const struct limit_file proc_mq_msg_default = ONE(mq_msg_default, 1, 65536);
const struct limit_file proc_mq_msgsize_default =
	ONE(mq_msgsize_default, 128, 16 << 20);
