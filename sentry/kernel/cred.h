/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred: the identity of a task.  Immutable once published: a change makes a
 * copy (cred_copy), alters it, and installs it with task_set_cred().
 */
#ifndef SENTRY_KERNEL_CRED_H
#define SENTRY_KERNEL_CRED_H

#include "sentry/lib/alloc.h"
#include "sentry/lib/list.h"
#include "sentry/lib/refcount.h"

/* capabilities(7): bit n is capability n. */
enum {
	CAP_NR_CHOWN = 0,
	CAP_NR_DAC_OVERRIDE = 1,
	CAP_NR_DAC_READ_SEARCH = 2,
	CAP_NR_FOWNER = 3,
	CAP_NR_FSETID = 4,
	CAP_NR_KILL = 5,
	CAP_NR_SETGID = 6,
	CAP_NR_SETUID = 7,
	CAP_NR_SETPCAP = 8,
	CAP_NR_LINUX_IMMUTABLE = 9,
	CAP_NR_NET_BIND_SERVICE = 10,
	CAP_NR_NET_ADMIN = 12,
	CAP_NR_NET_RAW = 13,
	CAP_NR_IPC_LOCK = 14,
	CAP_NR_IPC_OWNER = 15,
	CAP_NR_SYS_RAWIO = 17,
	CAP_NR_SYS_CHROOT = 18,
	CAP_NR_SYS_PTRACE = 19,
	CAP_NR_SYS_ADMIN = 21,
	CAP_NR_SYS_NICE = 23,
	CAP_NR_SYS_RESOURCE = 24,
	CAP_NR_SYS_TIME = 25,
	CAP_NR_SYS_TTY_CONFIG = 26,
	CAP_NR_MKNOD = 27,
	CAP_NR_LEASE = 28,
	CAP_NR_SETFCAP = 31,
	CAP_NR_SYSLOG = 34,
	CAP_NR_WAKE_ALARM = 35,
	CAP_NR_LAST = 40
};
#define CAP_FULL_SET ((1ull << (CAP_NR_LAST + 1)) - 1)

/* What a real user id is charged for (RLIMIT_NPROC, RLIMIT_SIGPENDING). */
struct user_acct {
	struct refcount ref;
	IMMUTABLE uint32_t uid;
	_Atomic uint32_t nr_tasks, nr_signals;
	_Atomic uint32_t nr_inotify, nr_watches; /* fs/inotify */
	_Atomic uint64_t pipe_bytes;		 /* fs/pipe: capacity */
	_Atomic uint64_t mq_bytes;    /* fs/mqueue: RLIMIT_MSGQUEUE */
	_Atomic uint32_t nr_inflight; /* fs/unix: descriptors under way */
	uint32_t nr_keys, key_bytes;  /* keys.c, under LOCK_KEYS */
	struct list node;	      /* private to cred.c */
};

struct user_ns;
/* user_ns.h; here for cred_capable(). */
extern struct user_ns g_init_user_ns;

/* An object that goes with an identity: Landlock domain, keyrings. */
struct cred_part {
	struct refcount ref;
	void (*free)(struct cred_part *p);
};
enum {
	CRED_LANDLOCK,	  /* vfs/landlock.h */
	CRED_KEY_SESSION, /* keyrings, keys.h */
	CRED_KEY_PROCESS, /* not of a new process, not beyond execve */
	CRED_KEY_THREAD,  /* not of a new thread, not beyond execve */
	CRED_PARTS
};
static inline void cred_part_init(struct cred_part *p,
				  void (*free)(struct cred_part *p))
{
	ref_init(&p->ref);
	p->free = free;
}
/* NULL is harmless. */
static inline void cred_part_get(struct cred_part *p)
{
	if (p)
		ref_get(&p->ref);
}
static inline void cred_part_put(struct cred_part *p)
{
	if (p && ref_put(&p->ref))
		p->free(p);
}

/* All ids are kernel ids: those of the initial user namespace. */
struct cred {
	struct refcount ref;
	struct user_acct *user;	 /* of .uid; a reference */
	struct user_ns *user_ns; /* the capabilities hold there; +1 */
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding,
		cap_ambient;
	uint32_t securebits;
	uint32_t nr_groups;
	uint32_t *groups;		     /* sorted; owned */
	struct cred_part *parts[CRED_PARTS]; /* +1 each, or NULL */
	uint32_t jit_keyring; /* keyctl(2), where request_key puts keys */
};

/* All ids as given, no capabilities unless uid is 0 (then all). */
MUST_CHECK int cred_new(uint32_t uid, uint32_t gid, const uint32_t *groups,
			uint32_t nr_groups, struct cred **out);
MUST_CHECK int cred_copy(const struct cred *from, struct cred **out);
/* What the first task of a new process (@thread: a new thread) gets from
 * @from: a reference, or a copy without what is not inherited.  -ENOMEM. */
MUST_CHECK int cred_fork(const struct cred *from, bool thread,
			 struct cred **out);
/* @c, not published yet, loses part @which. */
void cred_drop_part(struct cred *c, unsigned int which);
void cred_get(const struct cred *c);
void cred_put(struct cred *c);
DEFINE_AUTO_PUT(cred)
/* In the own user namespace; see cred_ns_capable(), cred_capable_wrt(). */
static inline bool cred_own_capable(const struct cred *c, unsigned int cap)
{
	return c->cap_effective >> cap & 1;
}
/* Over the whole sandbox. */
static inline bool cred_capable(const struct cred *c, unsigned int cap)
{
	return cred_own_capable(c, cap) && c->user_ns == &g_init_user_ns;
}
/* That of @uid, +1.  -ENOMEM. */
MUST_CHECK int user_acct_lookup(uint32_t uid, struct user_acct **out);
void user_acct_get(struct user_acct *u);
void user_acct_put(struct user_acct *u);

/*
 * The set*id calls: what becomes of @old, as setuid(2) and its family say,
 * capabilities(7) included.  UINT32_MAX keeps an id where the man page says -1.
 * Return 0 and a new *out; -EINVAL, -EPERM, -ENOMEM.
 */
MUST_CHECK int cred_setuid(const struct cred *old, uint32_t uid,
			   struct cred **out);
MUST_CHECK int cred_setreuid(const struct cred *old, uint32_t ruid,
			     uint32_t euid, struct cred **out);
MUST_CHECK int cred_setresuid(const struct cred *old, uint32_t ruid,
			      uint32_t euid, uint32_t suid, struct cred **out);
MUST_CHECK int cred_setfsuid(const struct cred *old, uint32_t uid,
			     struct cred **out);
MUST_CHECK int cred_setgid(const struct cred *old, uint32_t gid,
			   struct cred **out);
MUST_CHECK int cred_setregid(const struct cred *old, uint32_t rgid,
			     uint32_t egid, struct cred **out);
MUST_CHECK int cred_setresgid(const struct cred *old, uint32_t rgid,
			      uint32_t egid, uint32_t sgid, struct cred **out);
MUST_CHECK int cred_setfsgid(const struct cred *old, uint32_t gid,
			     struct cred **out);
/* @groups is sorted here and taken over in any case. */
MUST_CHECK int cred_setgroups(const struct cred *old, uint32_t *groups,
			      uint32_t nr, struct cred **out);
MUST_CHECK int cred_capset(const struct cred *old, uint64_t effective,
			   uint64_t permitted, uint64_t inheritable,
			   struct cred **out);
/* PR_SET_SECUREBITS, PR_CAPBSET_DROP, PR_CAP_AMBIENT_RAISE. */
MUST_CHECK int cred_set_securebits(const struct cred *old, uint32_t bits,
				   struct cred **out);
MUST_CHECK int cred_drop_bounding(const struct cred *old, unsigned int cap,
				  struct cred **out);
MUST_CHECK int cred_raise_ambient(const struct cred *old, unsigned int cap,
				  struct cred **out);
/* --- execve (cred_exec.c) --- */

/* What security.capability says. */
struct file_caps {
	bool present, effective;
	uint64_t permitted, inheritable;
	uint32_t root; /* whose user 0 it is meant for: kernel id */
};
/* -EINVAL for what is no such attribute, of any revision. */
MUST_CHECK int file_caps_parse(const void *data, size_t size,
			       struct file_caps *out);
/* The program as far as it bears on the identity. */
struct exec_file {
	uint32_t mode, uid, gid;
	struct file_caps caps;
	bool ignore_suid; /* nosuid mount: bits and capabilities mean nothing */
	bool no_new_privs; /* of the caller */
	bool traced;	   /* by one who may not see more rights */
	bool may_setuid;   /* the caller has CAP_SETUID: keeps ids if traced */
};
struct exec_cred {
	struct cred *cred;	/* +1 */
	bool secure;		/* AT_SECURE */
	bool clear_personality; /* PER_CLEAR_ON_SETID is due */
	bool changed;		/* not dumpable, no pdeathsig any more */
};
/* 0; -EPERM: the file's capabilities cannot be had in full; -ENOMEM. */
MUST_CHECK int cred_exec(const struct cred *old, const struct exec_file *f,
			 struct exec_cred *out);
/* An identity of the kernel's own that may do anything. Borrowed. */
const struct cred *cred_kernel(void);
/* fsgid or a supplementary group. */
bool cred_in_group(const struct cred *c, uint32_t gid);

#endif
