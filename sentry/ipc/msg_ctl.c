/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msg_ctl: msgctl(2): owners, sizes, reports.
 *
 * Locks:     ids->mu; pids are translated and texts are made without it.
 * Linux:     ipc/msg.c of 6.18.
 * Tests:     tests/conformance/sysv_msg.c
 */
#include <errno.h>

#include "sentry/ipc/msg.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/seq_buf.h"

static struct ipc_ids *own_ids(void)
{
	return ipc_ids_of(task_ipc(current_task()), IPC_MSG);
}

static void fill(const struct msg_queue *q, struct linux_msqid_ds *out)
{
	*out = (struct linux_msqid_ds){
		.stime = q->stime,
		.rtime = q->rtime,
		.ctime = q->ctime,
		.cbytes = q->cbytes,
		.qnum = q->qnum,
		.qbytes = q->qbytes,
		.lspid = (int32_t)q->lspid,
		.lrpid = (int32_t)q->lrpid,
	};
	ipc_perm_fill(&q->o, &out->perm);
}

static void fill_to_guest(struct linux_msqid_ds *d)
{
	ipc_perm_to_guest(&d->perm);
	d->lspid = (int32_t)pid_to_guest((uint32_t)d->lspid);
	d->lrpid = (int32_t)pid_to_guest((uint32_t)d->lrpid);
}

static long stat_locked(int32_t id, uint32_t cmd, struct linux_msqid_ds *out)
{
	struct ipc_obj *o;
	int ret = cmd == LINUX_IPC_STAT ? ipc_find(own_ids(), id, &o)
					: ipc_find_slot(own_ids(), id, &o);

	if (ret == 0 && cmd != LINUX_MSG_STAT_ANY)
		ret = ipc_permission(task_ipc(current_task()), o, 0444);
	if (ret < 0)
		return ret;
	fill(msg_queue_of(o), out);
	return cmd == LINUX_IPC_STAT ? 0 : o->id;
}

long msg_stat(int32_t id, uint32_t cmd, struct linux_msqid_ds *out)
{
	struct ipc_ids *ids = own_ids();
	long ret;

	mutex_lock(&ids->mu);
	ret = stat_locked(id, cmd, out);
	mutex_unlock(&ids->mu);
	if (ret >= 0)
		fill_to_guest(out);
	return ret;
}

/* Lock held. */
static int set_locked(struct msg_queue *q, const struct linux_ipc_perm *p,
		      uint64_t qbytes)
{
	int ret = ipc_may_control(q->ns, &q->o);

	if (ret < 0)
		return ret;
	if (qbytes > q->ns->lim.msgmnb &&
	    !ns_capable(q->ns->ns.owner, CAP_NR_SYS_RESOURCE))
		return -EPERM;
	ipc_perm_set(&q->o, p);
	q->qbytes = qbytes;
	q->ctime = ipc_now();
	/* They may have lost their right, or got room. */
	msg_wake_all(&q->receivers, -EAGAIN);
	msg_wake_all(&q->senders, -EAGAIN);
	return 0;
}

int msg_set(int32_t id, const struct linux_ipc_perm *p, uint64_t qbytes)
{
	struct ipc_ids *ids = own_ids();
	struct msg_queue *q = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = msg_find(id, &q);
	if (ret == 0)
		ret = set_locked(q, p, qbytes);
	mutex_unlock(&ids->mu);
	return ret;
}

int msg_info(bool all, struct linux_msginfo *out)
{
	struct ipc_ns *ns = task_ipc(current_task());
	struct ipc_ids *ids = own_ids();

	/* The constants are Linux's, of no meaning to it either. */
	*out = (struct linux_msginfo){
		.msgpool = 512000,
		.msgmap = 16384,
		.msgmax = (int32_t)ns->lim.msgmax,
		.msgmnb = (int32_t)ns->lim.msgmnb,
		.msgmni = (int32_t)ns->lim.msgmni,
		.msgssz = 16,
		.msgtql = 16384,
		.msgseg = 0xffff,
	};
	if (all) {
		mutex_lock(&ids->mu);
		out->msgpool = (int32_t)ids->in_use;
		mutex_unlock(&ids->mu);
		out->msgmap = (int32_t)ns->msgs;
		out->msgtql = (int32_t)ns->msg_bytes;
	}
	return ipc_highest(ids);
}

void msg_show(struct seq_buf *out)
{
	struct ipc_ids *ids = own_ids();
	struct linux_msqid_ds d;
	bool there = true;

	seq_printf(out, "       key      msqid perms      cbytes       qnum "
			"lspid lrpid   uid   gid  cuid  cgid      stime      "
			"rtime      ctime\n");
	for (uint32_t i = 0; there; i++) {
		int32_t id = -1;

		mutex_lock(&ids->mu);
		there = i < ids->nr_slots;
		if (there && ids->obj[i]) {
			fill(msg_queue_of(ids->obj[i]), &d);
			id = ids->obj[i]->id;
		}
		mutex_unlock(&ids->mu);
		if (id < 0)
			continue;
		fill_to_guest(&d);
		seq_printf(out,
			   "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u "
			   "%5u %10lu %10lu %10lu\n",
			   d.perm.key, id, d.perm.mode, d.cbytes, d.qnum,
			   (uint32_t)d.lspid, (uint32_t)d.lrpid, d.perm.uid,
			   d.perm.gid, d.perm.cuid, d.perm.cgid,
			   (uint64_t)d.stime, (uint64_t)d.rtime,
			   (uint64_t)d.ctime);
	}
}
