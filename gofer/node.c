/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: the handle table, and what is told about a file.
 *
 * Invariant: an entry in use owns its descriptors; generations of an entry only
 *            grow, and one that has run through all of them is retired.
 * Locks:     none, one thread.
 * Tests:     tests/gofer/test_gofer.c
 */
#include "gofer/node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>

#include "gofer/session.h"

#define SPARE_FDS   32 /* for descriptors that live during one request */
#define OVERFLOW_ID 65534u

int node_table_init(struct node_table *t, unsigned int max_fds)
{
	void *p;
	int ret;

	if (max_fds < 2 * SPARE_FDS + GOFER_MAX_EXPORTS)
		return -EMFILE;
	t->max = max_fds - SPARE_FDS;
	ret = gofer_host_reserve((size_t)t->max * sizeof(*t->nodes), &p);
	if (ret < 0)
		return ret;
	t->nodes = p;
	t->nr = 1;
	return 0;
}

struct node *node_find(struct node_table *t, uint64_t handle)
{
	uint32_t at = (uint32_t)handle;
	struct node *n;

	if (at == 0 || at >= t->nr)
		return NULL;
	n = &t->nodes[at];
	return n->fd >= 0 && n->generation == handle >> 32 ? n : NULL;
}

uint64_t node_handle(const struct node_table *t, const struct node *n)
{
	return (uint64_t)n->generation << 32 | (uint32_t)(n - t->nodes);
}

static struct node *take_entry(struct node_table *t)
{
	struct node *n;

	if (t->first_free) {
		n = &t->nodes[t->first_free];
		t->first_free = n->next_free;
	} else if (t->nr < t->max) {
		n = &t->nodes[t->nr++];
	} else {
		return NULL;
	}
	n->generation++;
	return n;
}

void node_drop(struct node_table *t, struct node *n)
{
	gofer_host_close(n->fd);
	gofer_host_close(n->dir_fd);
	n->fd = -1;
	n->dir_fd = -1;
	if (n->generation == UINT32_MAX)
		return;
	n->next_free = t->first_free;
	t->first_free = (uint32_t)(n - t->nodes);
}

/*
 * File systems whose files are the kernel's objects, not data: what is read or
 * written there could change the host.  Some have no name in linux/magic.h.
 */
static bool is_pseudo(const struct statfs *fs)
{
	static const uint32_t magic[] = {
		PROC_SUPER_MAGIC,
		SYSFS_MAGIC,
		CGROUP_SUPER_MAGIC,
		CGROUP2_SUPER_MAGIC,
		DEVPTS_SUPER_MAGIC,
		DEBUGFS_MAGIC,
		TRACEFS_MAGIC,
		SECURITYFS_MAGIC,
		BPF_FS_MAGIC,
		BINFMTFS_MAGIC,
		AUTOFS_SUPER_MAGIC,
		EFIVARFS_MAGIC,
		PSTOREFS_MAGIC,
		NSFS_MAGIC,
		SELINUX_MAGIC,
		SMACK_MAGIC,
		SOCKFS_MAGIC,
		PIPEFS_MAGIC,
		ANON_INODE_FS_MAGIC,
		RDTGROUP_SUPER_MAGIC,
		HUGETLBFS_MAGIC,
		XENFS_SUPER_MAGIC,
		USBDEVICE_SUPER_MAGIC,
		0x19800202, /* mqueue */
		0x62656570, /* configfs */
		0x65735543, /* fusectl */
		0x6e667364, /* nfsd */
		0x67596969, /* rpc_pipefs */
		0x50494446, /* pidfs */
		0x6c6f6f70, /* binderfs */
		0x5a3c69f0, /* apparmorfs */
	};

	for (size_t i = 0; i < ARRAY_SIZE(magic); i++)
		if ((uint32_t)fs->f_type == magic[i])
			return true;
	return false;
}

/* @sx was found below @parent: did the step lead onto a pseudo file system? */
static int check_barred(int fd, const struct statx *sx,
			const struct node *parent, bool *out)
{
	struct statfs fs;
	int ret;

	if (parent && (sx->stx_mask & STATX_MNT_ID) &&
	    sx->stx_mnt_id == parent->mnt_id) {
		*out = parent->barred;
		return 0;
	}
	ret = gofer_host_statfs(fd, &fs);
	if (ret < 0)
		return ret;
	*out = is_pseudo(&fs);
	return 0;
}

/*
 * Whether the mode bits leave open what this process may do: the owner or group
 * has no name here, and the group's bits are not the others' (which also says
 * that no access control list grants more than the others have).
 */
static bool access_is_open(const struct session *s, const struct statx *sx)
{
	if (s->privileged || S_ISLNK(sx->stx_mode))
		return false;
	if (sx->stx_uid != OVERFLOW_ID && sx->stx_gid != OVERFLOW_ID)
		return false;
	/* The user nobody: files without an owner look like its own. */
	if (s->uid == OVERFLOW_ID)
		return true;
	if (s->uid == sx->stx_uid)
		return false; /* ours: the owner's bits count */
	return (sx->stx_mode >> 3 & 7) != (sx->stx_mode & 7);
}

static void fill_times(const struct statx *sx, struct gofer_wire_node *out)
{
	out->atime = sx->stx_atime.tv_sec;
	out->atime_nsec = sx->stx_atime.tv_nsec;
	out->mtime = sx->stx_mtime.tv_sec;
	out->mtime_nsec = sx->stx_mtime.tv_nsec;
	out->ctime = sx->stx_ctime.tv_sec;
	out->ctime_nsec = sx->stx_ctime.tv_nsec;
	if (sx->stx_mask & STATX_BTIME) {
		out->btime = sx->stx_btime.tv_sec;
		out->btime_nsec = sx->stx_btime.tv_nsec;
		out->flags |= GOFER_NODE_BTIME;
	}
}

static void fill(const struct session *s, int fd, bool barred,
		 const struct statx *sx, struct gofer_wire_node *out)
{
	*out = (struct gofer_wire_node){
		.ino = sx->stx_ino,
		.dev = makedev(sx->stx_dev_major, sx->stx_dev_minor),
		.rdev = makedev(sx->stx_rdev_major, sx->stx_rdev_minor),
		.nlink = sx->stx_nlink,
		.size = sx->stx_size,
		.blocks = sx->stx_blocks,
		.attributes = sx->stx_attributes,
		.mode = sx->stx_mode,
		.uid = sx->stx_uid,
		.gid = sx->stx_gid,
		.blksize = sx->stx_blksize,
	};
	fill_times(sx, out);
	if (barred) {
		out->mode &= S_IFMT;
		out->size = 0;
		out->flags |= GOFER_NODE_BARRED;
	} else if (access_is_open(s, sx)) {
		out->access = gofer_host_access(fd);
		out->flags |= GOFER_NODE_ACCESS;
	}
}

int node_adopt(struct session *s, int fd, const struct node *parent,
	       unsigned int export, struct gofer_wire_node *out)
{
	struct statx sx;
	bool barred;
	struct node *n;
	int ret = gofer_host_statx(fd, &sx);

	if (ret == 0)
		ret = check_barred(fd, &sx, parent, &barred);
	n = ret == 0 ? take_entry(&s->table) : NULL;
	if (!n) {
		gofer_host_close(fd);
		return ret < 0 ? ret : -ENFILE;
	}
	n->fd = fd;
	n->dir_fd = -1;
	n->mnt_id = sx.stx_mnt_id;
	n->type = sx.stx_mode & S_IFMT;
	n->export = (uint16_t) export;
	n->barred = barred;
	fill(s, fd, barred, &sx, out);
	out->handle = node_handle(&s->table, n);
	return 0;
}

int node_stat(struct session *s, const struct node *n,
	      struct gofer_wire_node *out)
{
	struct statx sx;
	int ret = gofer_host_statx(n->fd, &sx);

	if (ret < 0)
		return ret;
	fill(s, n->fd, n->barred, &sx, out);
	out->handle = node_handle(&s->table, n);
	return 0;
}

int node_peek(struct session *s, const struct node *dir, const char *name,
	      struct gofer_wire_node *out)
{
	struct statx sx;
	int ret = gofer_host_statx_child(dir->fd, name, &sx);

	if (ret < 0)
		return ret;
	if (!(sx.stx_mask & STATX_MNT_ID) || sx.stx_mnt_id != dir->mnt_id ||
	    dir->barred || access_is_open(s, &sx))
		return 1;
	fill(s, -1, false, &sx, out);
	return 0;
}
