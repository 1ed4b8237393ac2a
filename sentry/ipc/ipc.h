/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc: System V IPC of one namespace: shared memory, semaphores and message
 * queues, ipc_namespaces(7).
 *
 * Each kind has a table of objects (struct ipc_ids) with one lock, LOCK_IPC,
 * which guards the table and all objects in it.  An object begins with its
 * struct ipc_obj; the table holds one reference, sleepers and attachments the
 * others.  Nothing is copied from or to a guest under the lock.
 *
 * All functions named after system calls act for the current task and give
 * the results of those calls; sizes are bytes, times are seconds.
 */
#ifndef SENTRY_IPC_IPC_H
#define SENTRY_IPC_IPC_H

#include "abi/ipc.h"
#include "abi/types.h"
#include "sentry/kernel/ns.h"
#include "sentry/kernel/task.h"
#include "sentry/mm/tree.h"

struct ipc_ns;
struct seq_buf;

enum ipc_kind { IPC_SHM, IPC_SEM, IPC_MSG, IPC_KINDS };

/* What all objects have; everything under the lock of their table. */
struct ipc_obj {
	struct refcount ref;
	RB_ENTRY(ipc_obj) by_key;
	int32_t id, key;
	uint32_t seq, uid, gid, cuid, cgid; /* kernel ids */
	uint32_t mode;
	bool gone; /* not in the table any more */
	void (*free)(struct ipc_obj *o);
};
RB_HEAD(ipc_keys, ipc_obj);

#define IPC_MAX_OBJS (1u << 15) /* as Linux without extended ids */

struct ipc_ids {
	struct mutex mu;      /* LOCK_IPC */
	struct ipc_obj **obj; /* nr_slots; NULL: free */
	uint32_t nr_slots, in_use;
	int32_t last; /* the slot given last, -1: none yet */
	uint32_t seq;
	struct ipc_keys keys;
};

/* /proc/sys/kernel: what this namespace allows; each alone is atomic. */
struct ipc_limits {
	_Atomic uint64_t shmmax, shmall;
	_Atomic uint32_t shmmni, semmsl, semmns, semopm, semmni, msgmax, msgmnb,
		msgmni;
	_Atomic uint32_t mq_queues, mq_msg, mq_msgsize, mq_msg_default,
		mq_msgsize_default;
};

struct ipc_ns {
	struct ns_common ns;
	struct ipc_ids ids[IPC_KINDS];
	struct ipc_limits lim;
	_Atomic uint64_t shm_pages;    /* of all segments */
	_Atomic uint32_t sems;	       /* of all sets */
	_Atomic uint32_t msgs, nr_mqs; /* messages; POSIX queues */
	_Atomic uint64_t msg_bytes;    /* in all queues */
	struct super *
		mq GUARDED_BY(mq_mu); /* the mqueue file system, or NULL */
	struct mutex mq_mu;	      /* LOCK_NOTIFY */
};

/* A namespace without objects, owned by @owner.  -ENOSPC, -ENOMEM. */
MUST_CHECK int ipc_ns_new(struct user_ns *owner, const struct cred *creator,
			  struct ns_common **out);
/* The initial one, +1; made by the first call, at boot.  -ENOMEM. */
MUST_CHECK int ipc_ns_initial(struct ns_common **out);
static inline struct ipc_ns *task_ipc(const struct task *t)
{
	return (struct ipc_ns *)(void *)t->ns[TASK_NS_IPC];
}
static inline struct ipc_ids *ipc_ids_of(struct ipc_ns *ns, enum ipc_kind k)
{
	return &ns->ids[k];
}

/* --- tables (ipc_ids.c) --------------------------------------------------- */

/* Empty. */
void ipc_ids_init(struct ipc_ids *ids);
/* Asserts that nothing is left. */
void ipc_ids_fini(struct ipc_ids *ids);
/* Drops a reference: with the lock held or not, as ->free may run. */
void ipc_obj_put(struct ipc_obj *o);

/* What xxxget(2) asks; @check says if an old object is good enough. */
struct ipc_get {
	struct ipc_ns *ns;
	enum ipc_kind kind;
	int32_t key;
	uint32_t flags;
	uint64_t size;	       /* of the segment; semaphores of the set */
	struct ipc_obj *fresh; /* made before the lock; taken over if used */
	int fresh_error;       /* why there is none, then not 0 */
	uint32_t max_objs;
	int (*check)(const struct ipc_obj *o, const struct ipc_get *g);
	/* Limits of the namespace, and their charge; -ENOSPC.  Lock held. */
	int (*charge)(const struct ipc_get *g);
	void (*uncharge)(const struct ipc_get *g);
};
/* The id, or -errno.  @g->fresh is NULL afterwards if it was used. */
MUST_CHECK int ipc_get(struct ipc_get *g);
/* Lock held.  The object of @id (-EINVAL), borrowed. */
MUST_CHECK int ipc_find(struct ipc_ids *ids, int32_t id, struct ipc_obj **out);
/* The same by its place in the table, as the STAT commands have it. */
MUST_CHECK int ipc_find_slot(struct ipc_ids *ids, int32_t slot,
			     struct ipc_obj **out);
/* Lock held.  @want: mode bits in any of the three places.  -EACCES. */
MUST_CHECK int ipc_permission(const struct ipc_ns *ns, const struct ipc_obj *o,
			      uint32_t want);
/* Lock held.  May the task change or remove it?  -EPERM. */
MUST_CHECK int ipc_may_control(const struct ipc_ns *ns,
			       const struct ipc_obj *o);
/* Lock held.  Takes it out of the table; the table's reference is dropped by
 * the caller, once the lock is free. */
void ipc_remove(struct ipc_ids *ids, struct ipc_obj *o);
/* Lock held.  It cannot be found by its key any more. */
void ipc_hide_key(struct ipc_ids *ids, struct ipc_obj *o);
/* The highest used slot, 0 if there is none: what xxxctl(IPC_INFO) gives. */
int ipc_highest(struct ipc_ids *ids);

/* Lock held.  A snapshot with kernel ids; ipc_perm_to_guest() translates. */
void ipc_perm_fill(const struct ipc_obj *o, struct linux_ipc_perm *out);
/* No lock. */
void ipc_perm_to_guest(struct linux_ipc_perm *p);
/* IPC_SET: ids of the guest to kernel ids, no lock.  -EINVAL. */
MUST_CHECK int ipc_perm_from_guest(struct linux_ipc_perm *p);
/* Lock held: takes over owner and mode. */
void ipc_perm_set(struct ipc_obj *o, const struct linux_ipc_perm *p);

/* Seconds since the epoch. */
int64_t ipc_now(void);
/* The process that acts: a kernel number. */
uint32_t ipc_pid(void);
/* Memory of messages and sets, all namespaces together.  -ENOMEM. */
MUST_CHECK int ipc_charge(uint64_t size);
void ipc_uncharge(uint64_t size);

/* --- shared memory (shm.c) ------------------------------------------------ */

/* shmget(2) */
int shm_get(int32_t key, uint64_t size, uint32_t flags);
/* shmat(2): the address or -errno. */
long shm_attach(int32_t id, uint64_t addr, uint32_t flags);
/* shmdt(2) */
int shm_detach(uint64_t addr);
/* IPC_STAT, SHM_STAT, SHM_STAT_ANY: 0 or the id. */
long shm_stat(int32_t id, uint32_t cmd, struct linux_shmid_ds *out);
/* IPC_SET; the ids are kernel ids. */
int shm_set(int32_t id, const struct linux_ipc_perm *p);
int shm_rmid(int32_t id);
/* SHM_LOCK, SHM_UNLOCK */
int shm_lock(int32_t id, bool on);
/* The namespace ends. */
void shm_end(struct ipc_ns *ns);
/* SHM_INFO; returns the highest slot. */
int shm_info(struct linux_shm_info *out);

/* --- semaphores (sem.c, sem_ctl.c, sem_undo.c) ---------------------------- */

/* semget(2) */
int sem_get(int32_t key, int32_t nsems, uint32_t flags);
/* semtimedop(2); @deadline monotonic ns.  @ops are checked copies. */
int sem_op(int32_t id, const struct linux_sembuf *ops, uint32_t nr,
	   uint64_t deadline);
/* IPC_STAT, SEM_STAT, SEM_STAT_ANY: 0 or the id. */
long sem_stat(int32_t id, uint32_t cmd, struct linux_semid_ds *out);
int sem_set(int32_t id, const struct linux_ipc_perm *p);
int sem_rmid(int32_t id);
/* GETVAL, GETPID, GETNCNT, GETZCNT */
long sem_read(int32_t id, int32_t num, uint32_t cmd);
int sem_setval(int32_t id, int32_t num, int32_t value);
/* GETALL: *out is allocated, *nr values; the caller frees. */
int sem_getall(int32_t id, uint16_t **out, uint32_t *nr);
/* How many SETALL has to bring; permission is looked at. */
int sem_count(int32_t id);
int sem_setall(int32_t id, const uint16_t *values, uint32_t nr);
void sem_end(struct ipc_ns *ns);

struct sem_undo_list;
/* clone(2) with CLONE_SYSVSEM: the two share their adjustments.  -ENOMEM. */
MUST_CHECK int sem_undo_share(struct task *from, struct task *to);
/* exit, or leaving the namespace: the adjustments are made, once the last
 * task that shares them does this. */
void sem_undo_exit(struct task *t);

/* --- message queues (msg.c, msg_ctl.c) ------------------------------------ */

/* msgget(2) */
int msg_get(int32_t key, uint32_t flags);
/* msgsnd(2) with the text at @text in the guest. */
int msg_send(int32_t id, int64_t type, uaddr_t text, uint64_t size,
	     uint32_t flags);
/* msgrcv(2): the size or -errno. */
long msg_receive(int32_t id, uaddr_t buf, uint64_t size, int64_t type,
		 uint32_t flags);
long msg_stat(int32_t id, uint32_t cmd, struct linux_msqid_ds *out);
int msg_set(int32_t id, const struct linux_ipc_perm *p, uint64_t qbytes);
int msg_rmid(int32_t id);
void msg_end(struct ipc_ns *ns);
/* MSG_INFO (@all) and IPC_INFO; returns the highest slot. */
int msg_info(bool all, struct linux_msginfo *out);

/* --- /proc/sysvipc -------------------------------------------------------- */

/* The text of the file, header included, for the current task. */
void shm_show(struct seq_buf *out);
void sem_show(struct seq_buf *out);
void msg_show(struct seq_buf *out);

#endif
