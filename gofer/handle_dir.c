/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_dir: messages that change directories: mkdir, mknod, symlink, link,
 * unlink, rename.
 *
 * A name that was just made can be taken away by another process of the host
 * before it is opened here.  What is found must look as made (type, owner, one
 * link) before it is given to somebody; otherwise it is left alone.
 *
 * Locks: none, one thread.
 * Tests: tests/gofer/test_gofer.c
 */
#include <errno.h>
#include <fcntl.h>

#include "abi/fcntl.h"
#include "gofer/handle.h"
#include "gofer_handlers.h"

static bool looks_new(const struct session *s, const struct gofer_wire_node *n,
		      uint32_t type)
{
	return (n->mode & S_IFMT) == type && n->uid == s->uid &&
	       !(n->flags & GOFER_NODE_BARRED) &&
	       (type == S_IFDIR || n->nlink == 1);
}

/* A node of the @type that was just made as @name in @dir. */
static int adopt_made(struct session *s, const struct node *dir,
		      const char *name, uint32_t type, const struct owner *want,
		      struct gofer_wire_node *out)
{
	struct node *n;
	int fd = gofer_host_open_child(dir->fd, name, O_PATH | O_NOFOLLOW, 0);
	int ret = fd < 0 ? fd : node_adopt(s, fd, dir, dir->export, out);

	if (ret < 0)
		goto undo_make;
	n = node_find(&s->table, out->handle);
	if (!looks_new(s, out, type)) {
		node_drop(&s->table, n);
		return -ESTALE;
	}
	ret = handle_give(s, n->fd, want, out);
	if (ret == 0)
		ret = node_stat(s, n, out);
	if (ret == 0)
		return 0;
	node_drop(&s->table, n);
undo_make:
	gofer_host_unlink(dir->fd, name, type == S_IFDIR);
	return handle_error(ret);
}

int gofer_do_mkdir(struct session *s, const struct gofer_mkdir_req *req,
		   struct gofer_mkdir_rep *rep)
{
	struct owner want = { req->uid, req->gid, req->mode & 07777 };
	struct node *dir;
	int ret = session_writable_dir(s, req->dir, &dir);

	if (ret == 0)
		ret = gofer_host_mkdir(dir->fd, req->name.p, want.mode);
	if (ret < 0)
		return ret;
	return adopt_made(s, dir, req->name.p, S_IFDIR, &want, &rep->node);
}

int gofer_do_mknod(struct session *s, const struct gofer_mknod_req *req,
		   struct gofer_mknod_rep *rep)
{
	struct owner want = { req->uid, req->gid, req->mode & 07777 };
	uint32_t type = req->mode & S_IFMT;
	struct node *dir;
	int ret = session_writable_dir(s, req->dir, &dir);

	if (ret < 0)
		return ret;
	/* A whiteout of an overlay is a device that opens nothing. */
	if (type != S_IFIFO && type != S_IFSOCK && type != S_IFREG &&
	    !(type == S_IFCHR && req->rdev == 0))
		return -EPERM;
	ret = gofer_host_mknod(dir->fd, req->name.p, type | want.mode);
	if (ret < 0)
		return ret;
	return adopt_made(s, dir, req->name.p, type, &want, &rep->node);
}

int gofer_do_symlink(struct session *s, const struct gofer_symlink_req *req,
		     struct gofer_symlink_rep *rep)
{
	struct owner want = { req->uid, req->gid, 0 };
	struct node *dir;
	int ret = session_writable_dir(s, req->dir, &dir);

	if (ret == 0)
		ret = gofer_host_symlink(req->target.p, dir->fd, req->name.p);
	if (ret < 0)
		return ret;
	return adopt_made(s, dir, req->name.p, S_IFLNK, &want, &rep->node);
}

int gofer_do_link(struct session *s, const struct gofer_link_req *req,
		  struct gofer_link_rep *rep)
{
	struct node *dir, *target;
	int ret = session_writable_dir(s, req->dir, &dir);

	(void)rep;
	if (ret == 0)
		ret = session_writable_node(s, req->target, &target);
	if (ret != 0)
		return ret;
	if (target->type == S_IFDIR)
		return -EPERM;
	if (target->export != dir->export)
		return -EXDEV;
	return gofer_host_link(target->fd, dir->fd, req->name.p);
}

int gofer_do_unlink(struct session *s, const struct gofer_unlink_req *req,
		    struct gofer_unlink_rep *rep)
{
	struct node *dir;
	int ret = session_writable_dir(s, req->dir, &dir);

	(void)rep;
	if (ret < 0)
		return ret;
	if (req->directory > 1)
		return -EINVAL;
	return gofer_host_unlink(dir->fd, req->name.p, req->directory);
}

int gofer_do_rename(struct session *s, const struct gofer_rename_req *req,
		    struct gofer_rename_rep *rep)
{
	struct node *from, *to;
	int ret = session_writable_dir(s, req->old_dir, &from);

	(void)rep;
	if (ret == 0)
		ret = session_writable_dir(s, req->new_dir, &to);
	if (ret != 0)
		return ret;
	if ((req->flags & ~(LINUX_RENAME_NOREPLACE | LINUX_RENAME_EXCHANGE)) ||
	    req->flags == (LINUX_RENAME_NOREPLACE | LINUX_RENAME_EXCHANGE))
		return -EINVAL;
	if (from->export != to->export)
		return -EXDEV;
	return gofer_host_rename(from->fd, req->old_name.p, to->fd,
				 req->new_name.p, req->flags);
}
