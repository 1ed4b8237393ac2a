/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sem_ctl: semctl(2): values, owners, reports.
 *
 * Locks:     ids->mu; pids are translated and texts are made without it.
 * Linux:     ipc/sem.c of 6.18.
 * Tests:     tests/conformance/sysv_sem.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/ipc/sem.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/lib/seq_buf.h"

static struct ipc_ids *own_ids(void)
{
	return ipc_ids_of(task_ipc(current_task()), IPC_SEM);
}

/* Lock held.  *out may be read, or written with @want 0222. */
static int find_for(int32_t id, uint32_t want, struct sem_set **out)
{
	int ret = sem_find(id, out);

	return ret < 0 ? ret : ipc_permission((*out)->ns, &(*out)->o, want);
}

/* --- values --------------------------------------------------------------- */

static long count_waits(struct sem_set *s, int32_t num, bool for_zero)
{
	struct sem_wait *w;
	long nr = 0;

	list_for_each_entry (w, &s->waits, node)
		if (w->blocking->sem_num == num &&
		    (w->blocking->sem_op == 0) == for_zero)
			nr++;
	return nr;
}

static long read_locked(struct sem_set *s, int32_t num, uint32_t cmd)
{
	switch (cmd) {
	case LINUX_GETVAL:
		return s->sems[num].val;
	case LINUX_GETPID:
		return s->sems[num].pid;
	default:
		return count_waits(s, num, cmd == LINUX_GETZCNT);
	}
}

long sem_read(int32_t id, int32_t num, uint32_t cmd)
{
	struct ipc_ids *ids = own_ids();
	struct sem_set *s = NULL;
	long ret;

	mutex_lock(&ids->mu);
	ret = find_for(id, 0444, &s);
	if (ret == 0 && (num < 0 || (uint32_t)num >= s->nr))
		ret = -EINVAL;
	if (ret == 0)
		ret = read_locked(s, num, cmd);
	mutex_unlock(&ids->mu);
	if (cmd == LINUX_GETPID && ret > 0)
		ret = pid_to_guest((uint32_t)ret);
	return ret;
}

int sem_setval(int32_t id, int32_t num, int32_t value)
{
	struct ipc_ids *ids = own_ids();
	struct sem_set *s = NULL;
	int ret;

	if (value < 0 || value > LINUX_SEMVMX)
		return -ERANGE;
	mutex_lock(&ids->mu);
	ret = sem_find(id, &s);
	if (ret == 0 && (num < 0 || (uint32_t)num >= s->nr))
		ret = -EINVAL;
	if (ret == 0)
		ret = ipc_permission(s->ns, &s->o, 0222);
	if (ret == 0) {
		sem_forget_undo(s, num);
		s->sems[num].val = value;
		s->sems[num].pid = ipc_pid();
		s->ctime = ipc_now();
		sem_settle(s);
	}
	mutex_unlock(&ids->mu);
	return ret;
}

int sem_count(int32_t id)
{
	struct ipc_ids *ids = own_ids();
	struct sem_set *s = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = find_for(id, 0222, &s);
	if (ret == 0)
		ret = (int)s->nr;
	mutex_unlock(&ids->mu);
	return ret;
}

static int copy_values(struct sem_set *s, uint16_t *out, uint32_t nr)
{
	if (nr != s->nr)
		return -EIDRM; /* another set has the id by now */
	for (uint32_t i = 0; i < nr; i++)
		out[i] = (uint16_t)s->sems[i].val;
	return 0;
}

int sem_getall(int32_t id, uint16_t **out, uint32_t *nr)
{
	struct ipc_ids *ids = own_ids();
	AUTO_FREE uint16_t *values = NULL;
	struct sem_set *s = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = find_for(id, 0444, &s);
	if (ret == 0)
		*nr = s->nr;
	mutex_unlock(&ids->mu);
	if (ret < 0)
		return ret;
	values = kcalloc(*nr, sizeof(*values));
	if (!values)
		return -ENOMEM;
	mutex_lock(&ids->mu);
	ret = find_for(id, 0444, &s);
	if (ret == 0)
		ret = copy_values(s, values, *nr);
	mutex_unlock(&ids->mu);
	if (ret == 0)
		*out = take(values);
	return ret;
}

int sem_setall(int32_t id, const uint16_t *values, uint32_t nr)
{
	struct ipc_ids *ids = own_ids();
	uint32_t pid = ipc_pid();
	struct sem_set *s = NULL;
	int ret;

	for (uint32_t i = 0; i < nr; i++)
		if (values[i] > LINUX_SEMVMX)
			return -ERANGE;
	mutex_lock(&ids->mu);
	ret = find_for(id, 0222, &s);
	if (ret == 0 && s->nr != nr)
		ret = -EIDRM;
	if (ret == 0) {
		for (uint32_t i = 0; i < nr; i++)
			s->sems[i] = (struct sem){ values[i], pid };
		sem_forget_undo(s, -1);
		s->ctime = ipc_now();
		sem_settle(s);
	}
	mutex_unlock(&ids->mu);
	return ret;
}

/* --- the set -------------------------------------------------------------- */

static void fill(const struct sem_set *s, struct linux_semid_ds *out)
{
	*out = (struct linux_semid_ds){
		.otime = s->otime,
		.ctime = s->ctime,
		.nsems = s->nr,
	};
	ipc_perm_fill(&s->o, &out->perm);
}

static long stat_locked(int32_t id, uint32_t cmd, struct linux_semid_ds *out)
{
	struct ipc_obj *o;
	int ret = cmd == LINUX_IPC_STAT ? ipc_find(own_ids(), id, &o)
					: ipc_find_slot(own_ids(), id, &o);

	if (ret == 0 && cmd != LINUX_SEM_STAT_ANY)
		ret = ipc_permission(task_ipc(current_task()), o, 0444);
	if (ret < 0)
		return ret;
	fill(sem_set_of(o), out);
	return cmd == LINUX_IPC_STAT ? 0 : o->id;
}

long sem_stat(int32_t id, uint32_t cmd, struct linux_semid_ds *out)
{
	struct ipc_ids *ids = own_ids();
	long ret;

	mutex_lock(&ids->mu);
	ret = stat_locked(id, cmd, out);
	mutex_unlock(&ids->mu);
	if (ret >= 0)
		ipc_perm_to_guest(&out->perm);
	return ret;
}

int sem_set(int32_t id, const struct linux_ipc_perm *p)
{
	struct ipc_ids *ids = own_ids();
	struct sem_set *s = NULL;
	int ret;

	mutex_lock(&ids->mu);
	ret = sem_find(id, &s);
	if (ret == 0)
		ret = ipc_may_control(s->ns, &s->o);
	if (ret == 0) {
		ipc_perm_set(&s->o, p);
		s->ctime = ipc_now();
	}
	mutex_unlock(&ids->mu);
	return ret;
}

void sem_show(struct seq_buf *out)
{
	struct ipc_ids *ids = own_ids();
	struct linux_semid_ds d;
	bool there = true;

	seq_printf(out, "       key      semid perms      nsems   uid   gid  "
			"cuid  cgid      otime      ctime\n");
	for (uint32_t i = 0; there; i++) {
		int32_t id = -1;

		mutex_lock(&ids->mu);
		there = i < ids->nr_slots;
		if (there && ids->obj[i]) {
			fill(sem_set_of(ids->obj[i]), &d);
			id = ids->obj[i]->id;
		}
		mutex_unlock(&ids->mu);
		if (id < 0)
			continue;
		ipc_perm_to_guest(&d.perm);
		seq_printf(out,
			   "%10d %10d  %4o %10lu %5u %5u %5u %5u %10lu "
			   "%10lu\n",
			   d.perm.key, id, d.perm.mode, d.nsems, d.perm.uid,
			   d.perm.gid, d.perm.cuid, d.perm.cgid,
			   (uint64_t)d.otime, (uint64_t)d.ctime);
	}
}
