/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount: the tree of mounts, private to sentry/vfs and the mount calls.
 *
 * A mount is in a tree through its parent; the tree owns one reference on each
 * of its mounts, each mount one on its parent and on the dentry that it covers.
 * A tree belongs to a namespace, or (open_tree(2), fsmount(2)) to a file.
 *
 * Files: mount.c (objects, look-up), mount_tree.c (changes of trees),
 * mount_prop.c (peer groups), mount_ns.c (namespaces), mount_show.c (reports).
 */
#ifndef SENTRY_VFS_MOUNT_H
#define SENTRY_VFS_MOUNT_H

#include "sentry/kernel/ns.h"
#include "sentry/vfs/vfs.h"

#define MOUNTS_MAX 100000u /* per namespace, as Linux's mount-max */
/* What STATX_MNT_ID_UNIQUE and statmount(2) call the mount with id 0. */
#define MOUNT_UNIQUE_BASE (1ull << 31)

/* What a less privileged namespace may not change (mount_namespaces(7)). */
enum {
	MNT_LOCK_READONLY = 1 << 16,
	MNT_LOCK_NOSUID = 1 << 17,
	MNT_LOCK_NODEV = 1 << 18,
	MNT_LOCK_NOEXEC = 1 << 19,
	MNT_LOCK_ATIME = 1 << 20,
	MNT_ATIME_MASK = MNT_NOATIME | MNT_RELATIME | MNT_NODIRATIME,
	MNT_SETTABLE = MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC |
		       MNT_ATIME_MASK | MNT_NOSYMFOLLOW,
};

struct mount_ns {
	struct ns_common ns;
	IMMUTABLE uint64_t id; /* never used again, unlike ns.inum */
	IMMUTABLE bool anon;   /* of open_tree(2), fsmount(2): nobody's */
	struct mount *root;    /* g_mounts */
	struct list mounts;    /* g_mounts; mount.ns_node */
	uint32_t nr;	       /* g_mounts */
};

struct mount {
	struct refcount ref;
	IMMUTABLE struct super *sb;
	IMMUTABLE struct dentry *root; /* of the subtree that is shown */
	IMMUTABLE uint64_t id;
	IMMUTABLE char *source;
	_Atomic uint32_t flags; /* MNT_*, MNT_LOCK_* */
	/* All under g_mounts (LOCK_MOUNTS): */
	struct mount_ns *ns;	     /* NULL once detached */
	struct mount *parent;	     /* +1; NULL for a root or detached */
	struct dentry *at;	     /* +1; mountpoint in the parent */
	struct list children, child; /* child: in the parent's children */
	struct list hash_node;	     /* by (parent, at) */
	struct list ns_node;	     /* of the namespace; or on its way out */
	bool locked;		     /* only goes with its parent */
	bool going;		     /* is being unmounted */
	/* MNT_EXPIRE was said when uses was this. */
	uint64_t expire_at;
	_Atomic uint64_t uses; /* walks that came in */
	/* What it held of the tree, for mount_put_gone(). */
	struct mount *put_parent;
	struct dentry *put_at;
	bool stays; /* going, but locked to its parent until that ends */
	/* Propagation.  A peer group is a ring; master is one of its group. */
	bool unbindable;
	uint32_t group; /* 0: not shared */
	struct list peers;
	struct mount *master;	   /* borrowed: it lets go of its slaves */
	struct list slaves, slave; /* slave: in the master's slaves */
	/* Private to mount_propagate_locked(); and to mount_put(). */
	struct mount *got;
};

extern struct rwlock g_mounts;

static inline struct mount_ns *mount_ns_of(struct ns_common *ns)
{
	return container_of(ns, struct mount_ns, ns);
}
static inline uint64_t mount_ns_id(const struct mount_ns *ns)
{
	return ns->id;
}
static inline bool mount_is_shared(const struct mount *m)
{
	return m->group != 0;
}

/* --- mount.c -------------------------------------------------------------- */

/* One in no tree, one reference, which the tree will own. */
MUST_CHECK int mount_new(struct super *sb, struct dentry *root, uint32_t flags,
			 const char *source, struct mount **out);
/* The mount that covers @d in @m: +1 or NULL.  Cheap if there is none. */
struct mount *mount_lookup(struct mount *m, struct dentry *d);
/* Moves @p to what is mounted on it, if anything. */
void mount_follow_down(struct path *p);
struct mount *mount_peek_locked(struct mount *m, struct dentry *d);
/* Where @m is attached: path with references, false for a root. */
bool mount_parent(struct mount *m, struct path *out);
/* Puts @m (and what hangs on it) on @at in @parent; g_mounts is held. */
void mount_hang_locked(struct mount *m, struct mount *parent,
		       struct dentry *at);
/* Takes it off again: the references pass to *parent, *at. */
void mount_unhang_locked(struct mount *m, struct mount **parent,
			 struct dentry **at);
/* Walks the tree below and with @top, parents first; NULL at the end. */
struct mount *mount_next_locked(struct mount *m, const struct mount *top);
/* The same, leaving out what is below @m. */
struct mount *mount_skip_locked(struct mount *m, const struct mount *top);
/* Follows mounts stacked on @p; borrowed. */
void mount_top_locked(struct path *p);
/* @d has a mount in the current task's namespace. */
bool mount_is_local_point(struct dentry *d);
/* The name is gone: what other namespaces have mounted there goes too. */
void mount_detach_all(struct dentry *d);

/* --- mount_tree.c --------------------------------------------------------- */

enum {
	COPY_UNBINDABLE = 1, /* take them along (a new namespace) */
	COPY_PRIVATE = 2,    /* neither peers nor slaves */
	COPY_SLAVE = 4,	     /* slaves of the originals */
	COPY_SHARED = 8,     /* shared, with a group of their own if need be */
	COPY_TO_SLAVE = 16,  /* shared ones become slaves */
};
/* The tree of @m from @root down; in no namespace.  -ENOMEM, -EINVAL
 * (unbindable), -EPERM.  g_mounts held. */
MUST_CHECK int mount_copy_tree_locked(struct mount *m, struct dentry *root,
				      uint32_t how, struct mount **out);
MUST_CHECK int mount_clone_locked(struct mount *m, struct dentry *root,
				  uint32_t how, struct mount **out);
/* A tree that is in no namespace comes into @ns. */
void mount_join_ns_locked(struct mount *top, struct mount_ns *ns);
/* A tree leaves: into @gone, for mount_put_gone() without locks. */
enum { UMOUNT_PROPAGATE = 1, UMOUNT_SYNC = 2 };
void mount_umount_locked(struct mount *top, uint32_t how, struct list *gone);
void mount_put_gone(struct list *gone);
/* All below and with @top gets locked against a less privileged namespace. */
void mount_lock_tree_locked(struct mount *top);
/*
 * The tree @top, in no namespace (or where it is: a move), is attached on @at,
 * with propagation.  -ENOTDIR, -ENOENT, -EINVAL, -ENOSPC, -ENOMEM.
 */
MUST_CHECK int mount_graft_locked(struct mount *top, const struct path *at,
				  bool move, struct list *gone);

/* The calls; current task's namespace, privilege was checked. */
/* A bind mount of @from at @at. */
MUST_CHECK int mount_bind(const struct path *from, const struct path *at,
			  bool recursive);
/* MS_MOVE, and move_mount(2); @attached: @from is in a namespace. */
MUST_CHECK int mount_move(const struct path *from, const struct path *at,
			  bool beneath);
/* umount2(2), without the permission checks. */
MUST_CHECK int mount_umount(const struct path *p, uint32_t flags);
/* pivot_root(2) of @root (the task's) with looked-up paths. */
MUST_CHECK int mount_pivot(const struct path *root, const struct path *new_root,
			   const struct path *put_old);
/* A copy of @from in an anonymous namespace: open_tree(2). */
MUST_CHECK int mount_detached_copy(const struct path *from, bool recursive,
				   struct path *out);
/* A new super block in one: fsmount(2). */
MUST_CHECK int mount_detached_new(struct super *sb, uint32_t flags,
				  const char *source, struct path *out);
/* The file that held an anonymous tree was closed. */
void mount_dissolve(struct mount *m);
/* Flags of one mount (@recursive: of all below): @set and @clear of
 * MNT_SETTABLE.  -EINVAL: not the root of a mount of ours; -EPERM: locked. */
MUST_CHECK int mount_change_flags(const struct path *p, uint32_t set,
				  uint32_t clear, uint32_t propagation,
				  bool recursive);

/* --- mount_prop.c --------------------------------------------------------- */

enum { PROP_SHARED = 1, PROP_SLAVE, PROP_PRIVATE, PROP_UNBINDABLE };
/* As mount(2) says; @recursive: of all below. -EINVAL, -ENOMEM */
MUST_CHECK int mount_change_type(const struct path *p, uint32_t type,
				 bool recursive);
void mount_set_type_locked(struct mount *m, uint32_t type);
/* @copy becomes what @how says with regard to @m. */
void mount_relate_locked(struct mount *copy, struct mount *m, uint32_t how);
/*
 * @top is about to be attached at @at in @parent, which is shared: copies for
 * all who receive from @parent are made and hung (into their namespaces).  On
 * failure what was made is in @gone.
 */
MUST_CHECK int mount_propagate_locked(struct mount *top, struct mount *parent,
				      struct dentry *at, struct list *gone);
/* The counterparts of @m at the receivers of its parent; each by @fn. */
void mount_each_counterpart_locked(struct mount *m,
				   void (*fn)(struct mount *c, void *arg),
				   void *arg);
uint32_t mount_new_group(void);

/* --- mount_ns.c ----------------------------------------------------------- */

/*
 * A copy of the tree of @from for clone and unshare(2), owned by @owner.
 * @fs: its cwd and root move to the copies.  -ENOMEM, -ENOSPC.
 */
MUST_CHECK int mount_ns_copy(struct mount_ns *from, struct user_ns *owner,
			     const struct cred *creator, struct fs_ctx *fs,
			     struct mount_ns **out);
MUST_CHECK int mount_ns_new_anon(struct mount_ns **out);
/* Is @m in the current task's namespace? */
bool mount_is_mine(const struct mount *m);
/* CAP_SYS_ADMIN over the current task's mount namespace. */
bool mount_allowed(void);
/* Namespace files can be mounted, though they are on no mount. */
bool mount_can_bind_pseudo(const struct path *p);
/* By id or unique id in @ns: +1 or NULL. */
struct mount *mount_ns_find(struct mount_ns *ns, uint64_t unique);
/* Mounts of a kind of file system that show all of it, unlocked: what a less
 * privileged namespace must see to mount another one. */
bool mount_ns_shows_all(struct mount_ns *ns, const char *fs_name);

/* --- mount_show.c --------------------------------------------------------- */

struct mount_relation {
	uint32_t group, master, from; /* 0: none */
	bool unbindable;
	uint64_t parent_id;
};
/* What mountinfo shows of its peers and parent. */
void mount_relations(struct mount *m, struct mount_relation *out);
/* Where it is, from @root (NULL: the current task's); false: not below it. */
bool mount_print_point(struct mount *m, const struct path *root,
		       struct seq_buf *out);
/* The subtree of the super block that it shows. */
void mount_print_root(struct mount *m, struct seq_buf *out);
/* Of the super block: "rw,size=64k". */
void mount_print_options(struct mount *m, struct seq_buf *out);

#endif
