/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cred: the identity of a task.  Immutable once published: a change makes a
 * copy (cred_copy), alters it, and installs it with task_set_cred().
 */
#ifndef SENTRY_KERNEL_CRED_H
#define SENTRY_KERNEL_CRED_H

#include "sentry/lib/alloc.h"
#include "sentry/lib/refcount.h"

/* capabilities(7): bit n is capability n. */
enum {
	CAP_NR_CHOWN = 0, CAP_NR_DAC_OVERRIDE = 1, CAP_NR_DAC_READ_SEARCH = 2,
	CAP_NR_FOWNER = 3, CAP_NR_FSETID = 4, CAP_NR_KILL = 5,
	CAP_NR_SETGID = 6, CAP_NR_SETUID = 7, CAP_NR_SETPCAP = 8,
	CAP_NR_LINUX_IMMUTABLE = 9, CAP_NR_NET_BIND_SERVICE = 10,
	CAP_NR_NET_ADMIN = 12, CAP_NR_NET_RAW = 13, CAP_NR_IPC_LOCK = 14,
	CAP_NR_SYS_RAWIO = 17, CAP_NR_SYS_CHROOT = 18, CAP_NR_SYS_PTRACE = 19,
	CAP_NR_SYS_ADMIN = 21, CAP_NR_SYS_NICE = 23, CAP_NR_SYS_RESOURCE = 24,
	CAP_NR_SYS_TIME = 25, CAP_NR_SYS_TTY_CONFIG = 26, CAP_NR_MKNOD = 27,
	CAP_NR_LEASE = 28, CAP_NR_SETFCAP = 31, CAP_NR_LAST = 40
};
#define CAP_FULL_SET ((1ull << (CAP_NR_LAST + 1)) - 1)

struct cred {
	struct refcount ref;
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding,
		cap_ambient;
	uint32_t securebits;
	uint32_t nr_groups;
	uint32_t *groups; /* sorted; owned */
};

/* All ids as given, no capabilities unless uid is 0 (then all). */
MUST_CHECK int cred_new(uint32_t uid, uint32_t gid, const uint32_t *groups,
			uint32_t nr_groups, struct cred **out);
MUST_CHECK int cred_copy(const struct cred *from, struct cred **out);
void cred_get(const struct cred *c);
void cred_put(struct cred *c);
DEFINE_AUTO_PUT(cred)
static inline bool cred_capable(const struct cred *c, unsigned int cap)
{
	return c->cap_effective >> cap & 1;
}
/* fsgid or a supplementary group. */
bool cred_in_group(const struct cred *c, uint32_t gid);

#endif
