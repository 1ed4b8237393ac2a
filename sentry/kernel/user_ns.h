/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_ns: user namespaces: ids inside and outside, and who is privileged over
 * what, user_namespaces(7).
 *
 * Ids in credentials, inodes and everywhere in the sentry are those of the
 * initial namespace ("kernel ids"); they are translated where they meet the
 * guest.  UINT32_MAX is no id.
 */
#ifndef SENTRY_KERNEL_USER_NS_H
#define SENTRY_KERNEL_USER_NS_H

#include "sentry/kernel/cred.h"
#include "sentry/kernel/ns.h"

#define USER_NS_MAX_LEVEL   33 /* of nesting, the initial one is 0 */
#define USER_NS_MAX_EXTENTS 340
#define OVERFLOW_ID	    65534u

enum id_kind { ID_UID, ID_GID, ID_PROJID, ID_KINDS };

struct id_extent {
	uint32_t first, lower, count; /* lower: kernel ids */
};
struct id_map {
	uint32_t nr;
	struct id_extent e[];
};

struct user_ns {
	struct ns_common ns;
	IMMUTABLE struct user_ns *parent; /* ns.owner, NULL for the first */
	IMMUTABLE unsigned int level;
	IMMUTABLE uint32_t uid, gid; /* of who made it: kernel ids */
	IMMUTABLE bool parent_could_setfcap;
	/* Each is written once; NULL: nobody is mapped. */
	struct id_map *_Atomic maps[ID_KINDS];
	_Atomic bool setgroups_denied; /* with g_user_ns_mu */
	/* Limits and counts of namespaces: user_ns_limits.c. */
	_Atomic int32_t max[NS_KINDS];
	struct list counts; /* struct ns_count, g_user_ns_mu */
};

extern struct user_ns g_init_user_ns;
/* Writing of maps and counts. */
extern struct mutex g_user_ns_mu;

static inline void user_ns_get(struct user_ns *u)
{
	ns_get(&u->ns);
}
static inline void user_ns_put(struct user_ns *u)
{
	ns_put(&u->ns);
}
DEFINE_AUTO_PUT(user_ns)

/*
 * A child of @c's namespace made by @c: -ENOSPC (too deep or too many),
 * -EPERM (unmapped ids, or a chroot: @chrooted), -ENOMEM.
 */
MUST_CHECK int user_ns_new(const struct cred *c, bool chrooted,
			   struct user_ns **out);
/*
 * @c enters @u (unshare, clone, setns): full capabilities there, securebits
 * of a new start.  @c is not published yet.
 */
void cred_enter_user_ns(struct cred *c, struct user_ns *u);

/* To kernel ids and back; UINT32_MAX: not mapped. */
uint32_t user_ns_map_down(const struct user_ns *u, enum id_kind kind,
			  uint32_t id);
uint32_t user_ns_map_up(const struct user_ns *u, enum id_kind kind,
			uint32_t kid);
/* Kernel ids as @u sees them; the overflow id for strangers. */
static inline uint32_t uid_in(const struct user_ns *u, uint32_t kuid)
{
	uint32_t id = kuid;

	if (unlikely(u != &g_init_user_ns))
		id = user_ns_map_up(u, ID_UID, kuid);
	return id == UINT32_MAX ? OVERFLOW_ID : id;
}
static inline uint32_t gid_in(const struct user_ns *u, uint32_t kgid)
{
	uint32_t id = kgid;

	if (unlikely(u != &g_init_user_ns))
		id = user_ns_map_up(u, ID_GID, kgid);
	return id == UINT32_MAX ? OVERFLOW_ID : id;
}
/* For the current task. */
uint32_t uid_to_guest(uint32_t kuid);
uint32_t gid_to_guest(uint32_t kgid);
uint32_t uid_from_guest(uint32_t uid); /* UINT32_MAX: -EINVAL is due */
uint32_t gid_from_guest(uint32_t gid);

/* Is @c privileged over things of @u? */
bool cred_ns_capable(const struct cred *c, const struct user_ns *u,
		     unsigned int cap);
/* The current task over things of @u. */
bool ns_capable(const struct user_ns *u, unsigned int cap);
/* May @c use @cap on a file of these owners: they are mapped for it. */
bool cred_capable_wrt(const struct cred *c, uint32_t kuid, uint32_t kgid,
		      unsigned int cap);
/* What user 0 of @c's namespace is: UINT32_MAX, nobody, if not mapped. */
static inline uint32_t cred_root(const struct cred *c)
{
	if (likely(c->user_ns == &g_init_user_ns))
		return 0;
	return user_ns_map_down(c->user_ns, ID_UID, 0);
}
/* setgroups(2) is allowed in @u at all. */
bool user_ns_may_setgroups(const struct user_ns *u);
/* @u is @ancestor or below it. */
bool user_ns_is_below(const struct user_ns *u, const struct user_ns *ancestor);

/* --- /proc/PID/{uid,gid,projid}_map, setgroups (user_ns_map.c) ------------ */

struct seq_buf;
/* As the reader's namespace (@viewer, that of the opener) sees it. */
void user_ns_show_map(const struct user_ns *u, enum id_kind kind,
		      const struct user_ns *viewer, struct seq_buf *out);
/* The text that was written; @writer opened the file.  @size or -errno. */
long user_ns_write_map(struct user_ns *u, enum id_kind kind,
		       const struct cred *writer, char *text, size_t size);
long user_ns_write_setgroups(struct user_ns *u, const struct cred *writer,
			     char *text, size_t size);

/* --- limits (user_ns_limits.c) -------------------------------------------- */

/* One more of @kind for @uid in @u and, for their makers, all above. -ENOSPC */
MUST_CHECK int ns_charge(struct user_ns *u, uint32_t uid, enum ns_kind kind);
void ns_uncharge(struct user_ns *u, uint32_t uid, enum ns_kind kind);
void user_ns_limits_init(struct user_ns *u, const struct user_ns *parent);
void user_ns_limits_fini(struct user_ns *u);

#endif
