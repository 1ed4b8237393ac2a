/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_ipc: System V IPC: the calls of shm, sem and msg.
 *
 * Tests: tests/conformance/sysv_shm.c, sysv_sem.c, sysv_msg.c
 */
#include <errno.h>

#include "sentry/ipc/ipc.h"
#include "sentry/kernel/task.h"
#include "sentry/syscalls/wait_time.h"
#include "syscalls.h"

/* A status for the guest: @ret of xxx_stat(), which filled @d. */
static long give(long ret, uaddr_t buf, const void *d, size_t size)
{
	if (ret < 0)
		return ret;
	return copy_out(buf, d, size) < 0 ? -EFAULT : ret;
}

/* --- shared memory -------------------------------------------------------- */

long sys_shmget(struct task *t, int32_t key, uint64_t size, uint32_t flags)
{
	(void)t;
	return shm_get(key, size, flags);
}

long sys_shmat(struct task *t, int32_t id, uaddr_t addr, uint32_t flags)
{
	(void)t;
	return shm_attach(id, addr.va, flags);
}

long sys_shmdt(struct task *t, uaddr_t addr)
{
	(void)t;
	return shm_detach(addr.va);
}

static long shm_limits(struct task *t, uaddr_t buf)
{
	const struct ipc_ns *ns = task_ipc(t);
	struct linux_shminfo i = {
		.shmmax = ns->lim.shmmax,
		.shmmin = 1,
		.shmmni = ns->lim.shmmni,
		.shmseg = ns->lim.shmmni,
		.shmall = ns->lim.shmall,
	};

	return give(ipc_highest(ipc_ids_of(task_ipc(t), IPC_SHM)), buf, &i,
		    sizeof(i));
}

static long shm_used(uaddr_t buf)
{
	struct linux_shm_info i;
	int ret = shm_info(&i);

	return give(ret, buf, &i, sizeof(i));
}

static long shm_change(int32_t id, uaddr_t buf)
{
	struct linux_shmid_ds d;

	if (copy_in(&d, buf, sizeof(d)) < 0)
		return -EFAULT;
	if (ipc_perm_from_guest(&d.perm) < 0)
		return -EINVAL;
	return shm_set(id, &d.perm);
}

long sys_shmctl(struct task *t, int32_t id, int32_t cmd, uaddr_t buf)
{
	struct linux_shmid_ds d;
	long ret;

	if (cmd < 0 || id < 0)
		return -EINVAL;
	switch (cmd) {
	case LINUX_IPC_INFO:
		return shm_limits(t, buf);
	case LINUX_SHM_INFO:
		return shm_used(buf);
	case LINUX_IPC_STAT:
	case LINUX_SHM_STAT:
	case LINUX_SHM_STAT_ANY:
		ret = shm_stat(id, (uint32_t)cmd, &d);
		return give(ret, buf, &d, sizeof(d));
	case LINUX_IPC_SET:
		return shm_change(id, buf);
	case LINUX_IPC_RMID:
		return shm_rmid(id);
	case LINUX_SHM_LOCK:
	case LINUX_SHM_UNLOCK:
		return shm_lock(id, cmd == LINUX_SHM_LOCK);
	default:
		return -EINVAL;
	}
}

/* --- semaphores ----------------------------------------------------------- */

long sys_semget(struct task *t, int32_t key, int32_t nsems, uint32_t flags)
{
	(void)t;
	return sem_get(key, nsems, flags);
}

static long semop_until(struct task *t, int32_t id, uaddr_t ops, uint32_t nr,
			uint64_t deadline)
{
	struct linux_sembuf few[16];
	AUTO_FREE struct linux_sembuf *many = NULL;
	struct linux_sembuf *copy = few;

	if (nr > task_ipc(t)->lim.semopm)
		return -E2BIG;
	if (nr < 1)
		return -EINVAL;
	if (nr > ARRAY_SIZE(few)) {
		many = kcalloc(nr, sizeof(*many));
		if (!many)
			return -ENOMEM;
		copy = many;
	}
	if (copy_in(copy, ops, nr * sizeof(*copy)) < 0)
		return -EFAULT;
	return sem_op(id, copy, nr, deadline);
}

long sys_semop(struct task *t, int32_t id, uaddr_t ops, uint32_t nr)
{
	return semop_until(t, id, ops, nr, NO_DEADLINE);
}

long sys_semtimedop(struct task *t, int32_t id, uaddr_t ops, uint32_t nr,
		    uaddr_t timeout)
{
	uint64_t deadline;
	int ret = wait_deadline_from_user(timeout, false, &deadline);

	return ret < 0 ? ret : semop_until(t, id, ops, nr, deadline);
}

static long sem_limits(struct task *t, int32_t cmd, uaddr_t buf)
{
	struct ipc_ns *ns = task_ipc(t);
	struct ipc_ids *ids = ipc_ids_of(ns, IPC_SEM);
	struct linux_seminfo i = {
		.semmap = (int32_t)ns->lim.semmns,
		.semmni = (int32_t)ns->lim.semmni,
		.semmns = (int32_t)ns->lim.semmns,
		.semmnu = (int32_t)ns->lim.semmns,
		.semmsl = (int32_t)ns->lim.semmsl,
		.semopm = (int32_t)ns->lim.semopm,
		.semume = (int32_t)ns->lim.semopm,
		.semusz = 20,
		.semvmx = LINUX_SEMVMX,
		.semaem = LINUX_SEMAEM,
	};

	if (cmd == LINUX_SEM_INFO) {
		mutex_lock(&ids->mu);
		i.semusz = (int32_t)ids->in_use;
		mutex_unlock(&ids->mu);
		i.semaem = (int32_t)ns->sems;
	}
	return give(ipc_highest(ids), buf, &i, sizeof(i));
}

static long get_all(int32_t id, uaddr_t buf)
{
	AUTO_FREE uint16_t *values = NULL;
	uint32_t nr = 0;
	int ret = sem_getall(id, &values, &nr);

	return give(ret, buf, values, nr * sizeof(*values));
}

static long set_all(int32_t id, uaddr_t buf)
{
	AUTO_FREE uint16_t *values = NULL;
	int nr = sem_count(id);

	if (nr < 0)
		return nr;
	values = kcalloc((size_t)nr, sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (copy_in(values, buf, (size_t)nr * sizeof(*values)) < 0)
		return -EFAULT;
	return sem_setall(id, values, (uint32_t)nr);
}

static long sem_change(int32_t id, uaddr_t buf)
{
	struct linux_semid_ds d;

	if (copy_in(&d, buf, sizeof(d)) < 0)
		return -EFAULT;
	if (ipc_perm_from_guest(&d.perm) < 0)
		return -EINVAL;
	return sem_set(id, &d.perm);
}

long sys_semctl(struct task *t, int32_t id, int32_t num, int32_t cmd,
		uint64_t arg)
{
	struct linux_semid_ds d;
	long ret;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case LINUX_IPC_INFO:
	case LINUX_SEM_INFO:
		return sem_limits(t, cmd, uaddr(arg));
	case LINUX_IPC_STAT:
	case LINUX_SEM_STAT:
	case LINUX_SEM_STAT_ANY:
		ret = sem_stat(id, (uint32_t)cmd, &d);
		return give(ret, uaddr(arg), &d, sizeof(d));
	case LINUX_GETALL:
		return get_all(id, uaddr(arg));
	case LINUX_SETALL:
		return set_all(id, uaddr(arg));
	case LINUX_GETVAL:
	case LINUX_GETPID:
	case LINUX_GETNCNT:
	case LINUX_GETZCNT:
		return sem_read(id, num, (uint32_t)cmd);
	case LINUX_SETVAL:
		return sem_setval(id, num, (int32_t)arg);
	case LINUX_IPC_SET:
		return sem_change(id, uaddr(arg));
	case LINUX_IPC_RMID:
		return sem_rmid(id);
	default:
		return -EINVAL;
	}
}

/* --- message queues ------------------------------------------------------- */

long sys_msgget(struct task *t, int32_t key, uint32_t flags)
{
	(void)t;
	return msg_get(key, flags);
}

long sys_msgsnd(struct task *t, int32_t id, uaddr_t msg, uint64_t size,
		uint32_t flags)
{
	int64_t type;

	(void)t;
	if (copy_in(&type, msg, sizeof(type)) < 0)
		return -EFAULT;
	return msg_send(id, type, uaddr_add(msg, sizeof(type)), size, flags);
}

long sys_msgrcv(struct task *t, int32_t id, uaddr_t msg, uint64_t size,
		int64_t type, uint32_t flags)
{
	(void)t;
	return msg_receive(id, msg, size, type, flags);
}

static long msg_change(int32_t id, uaddr_t buf)
{
	struct linux_msqid_ds d;

	if (copy_in(&d, buf, sizeof(d)) < 0)
		return -EFAULT;
	if (ipc_perm_from_guest(&d.perm) < 0)
		return -EINVAL;
	return msg_set(id, &d.perm, d.qbytes);
}

long sys_msgctl(struct task *t, int32_t id, int32_t cmd, uaddr_t buf)
{
	struct linux_msginfo info;
	struct linux_msqid_ds d;
	long ret;

	(void)t;
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case LINUX_IPC_INFO:
	case LINUX_MSG_INFO:
		ret = msg_info(cmd == LINUX_MSG_INFO, &info);
		return give(ret, buf, &info, sizeof(info));
	case LINUX_IPC_STAT:
	case LINUX_MSG_STAT:
	case LINUX_MSG_STAT_ANY:
		ret = msg_stat(id, (uint32_t)cmd, &d);
		return give(ret, buf, &d, sizeof(d));
	case LINUX_IPC_SET:
		return msg_change(id, buf);
	case LINUX_IPC_RMID:
		return msg_rmid(id);
	default:
		return -EINVAL;
	}
}
