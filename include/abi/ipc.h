/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc: System V shared memory, semaphores and message queues, sysvipc(7).
 */
#ifndef ABI_IPC_H
#define ABI_IPC_H

#include <assert.h>
#include <stdint.h>

#define LINUX_IPC_PRIVATE 0
#define LINUX_IPC_CREAT	  01000u
#define LINUX_IPC_EXCL	  02000u
#define LINUX_IPC_NOWAIT  04000u

/* Commands of all three kinds. */
#define LINUX_IPC_RMID 0
#define LINUX_IPC_SET  1
#define LINUX_IPC_STAT 2
#define LINUX_IPC_INFO 3

struct linux_ipc_perm {
	int32_t key;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode;
	uint16_t seq, pad;
	uint32_t pad2;
	uint64_t unused[2];
};
static_assert(sizeof(struct linux_ipc_perm) == 48, "ipc64_perm");

/* --- semaphores ----------------------------------------------------------- */

#define LINUX_SEM_UNDO	   0x1000
#define LINUX_GETPID	   11
#define LINUX_GETVAL	   12
#define LINUX_GETALL	   13
#define LINUX_GETNCNT	   14
#define LINUX_GETZCNT	   15
#define LINUX_SETVAL	   16
#define LINUX_SETALL	   17
#define LINUX_SEM_STAT	   18
#define LINUX_SEM_INFO	   19
#define LINUX_SEM_STAT_ANY 20

#define LINUX_SEMVMX 32767 /* the highest value */
#define LINUX_SEMAEM 32767 /* the highest adjustment at exit */

struct linux_sembuf {
	uint16_t sem_num;
	int16_t sem_op, sem_flg;
};
static_assert(sizeof(struct linux_sembuf) == 6, "sembuf");

struct linux_semid_ds {
	struct linux_ipc_perm perm;
	int64_t otime, unused1, ctime, unused2;
	uint64_t nsems, unused3, unused4;
};
static_assert(sizeof(struct linux_semid_ds) == 104, "semid64_ds");

struct linux_seminfo {
	int32_t semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz,
		semvmx, semaem;
};
static_assert(sizeof(struct linux_seminfo) == 40, "seminfo");

/* --- message queues ------------------------------------------------------- */

#define LINUX_MSG_STAT	   11
#define LINUX_MSG_INFO	   12
#define LINUX_MSG_STAT_ANY 13

#define LINUX_MSG_NOERROR 010000u
#define LINUX_MSG_EXCEPT  020000u
#define LINUX_MSG_COPY	  040000u

struct linux_msqid_ds {
	struct linux_ipc_perm perm;
	int64_t stime, rtime, ctime;
	uint64_t cbytes, qnum, qbytes;
	int32_t lspid, lrpid;
	uint64_t unused[2];
};
static_assert(sizeof(struct linux_msqid_ds) == 120, "msqid64_ds");

struct linux_msginfo {
	int32_t msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
	uint16_t msgseg, pad;
};
static_assert(sizeof(struct linux_msginfo) == 32, "msginfo");

/* --- shared memory -------------------------------------------------------- */

#define LINUX_SHM_LOCK	   11
#define LINUX_SHM_UNLOCK   12
#define LINUX_SHM_STAT	   13
#define LINUX_SHM_INFO	   14
#define LINUX_SHM_STAT_ANY 15

#define LINUX_SHM_HUGETLB   04000u  /* shmget(2) */
#define LINUX_SHM_NORESERVE 010000u /* shmget(2) */
#define LINUX_SHM_RDONLY    010000u /* shmat(2) */
#define LINUX_SHM_RND	    020000u
#define LINUX_SHM_REMAP	    040000u
#define LINUX_SHM_EXEC	    0100000u
/* In the mode. */
#define LINUX_SHM_DEST	 01000u
#define LINUX_SHM_LOCKED 02000u

struct linux_shmid_ds {
	struct linux_ipc_perm perm;
	uint64_t segsz;
	int64_t atime, dtime, ctime;
	int32_t cpid, lpid;
	uint64_t nattch, unused[2];
};
static_assert(sizeof(struct linux_shmid_ds) == 112, "shmid64_ds");

struct linux_shminfo {
	uint64_t shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};
static_assert(sizeof(struct linux_shminfo) == 72, "shminfo64");

struct linux_shm_info {
	int32_t used_ids, pad;
	uint64_t tot, rss, swp, swap_attempts, swap_successes;
};
static_assert(sizeof(struct linux_shm_info) == 48, "shm_info");

#endif
