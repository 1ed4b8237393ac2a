/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_attr: messages about attributes: set_attr, fsync, extended attributes.
 *
 * Locks: none, one thread.
 * Tests: tests/gofer/test_gofer.c
 */
#include <errno.h>
#include <fcntl.h>

#include "abi/xattr.h"
#include "gofer/session.h"
#include "gofer_handlers.h"

#define NSEC_MAX 999999999u

static int set_owner(const struct node *n, const struct gofer_set_attr_req *req)
{
	uint32_t uid = req->valid & GOFER_ATTR_UID ? req->uid : UINT32_MAX;
	uint32_t gid = req->valid & GOFER_ATTR_GID ? req->gid : UINT32_MAX;

	if (!(req->valid & (GOFER_ATTR_UID | GOFER_ATTR_GID)))
		return 0;
	return gofer_host_chown(n->fd, uid, gid);
}

/* Takes set-id bits away as Linux does after a write or a change of owner. */
static int kill_suid(const struct node *n)
{
	struct statx sx;
	uint32_t mode;
	int ret = gofer_host_statx(n->fd, &sx);

	if (ret < 0)
		return ret;
	mode = sx.stx_mode & 07777u & ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP)
		mode &= ~(uint32_t)S_ISGID;
	if (mode == (sx.stx_mode & 07777u))
		return 0;
	return gofer_host_chmod(n->fd, mode);
}

static int set_mode(const struct node *n, const struct gofer_set_attr_req *req)
{
	if (n->type == S_IFLNK)
		return req->valid & GOFER_ATTR_MODE ? -EOPNOTSUPP : 0;
	if (req->valid & GOFER_ATTR_MODE)
		return gofer_host_chmod(n->fd, req->mode & 07777);
	if ((req->valid & GOFER_ATTR_KILL_SUID) && n->type == S_IFREG)
		return kill_suid(n);
	return 0;
}

static int set_size(const struct node *n, const struct gofer_set_attr_req *req)
{
	int fd, ret;

	if (!(req->valid & GOFER_ATTR_SIZE))
		return 0;
	if (n->type != S_IFREG || req->size > INT64_MAX)
		return -EINVAL;
	fd = gofer_host_reopen(n->fd, O_WRONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	ret = gofer_host_truncate(fd, req->size);
	gofer_host_close(fd);
	return ret;
}

static struct timespec time_of(uint32_t valid, uint32_t set, uint32_t now,
			       int64_t sec, uint32_t nsec)
{
	if (valid & now)
		return (struct timespec){ 0, UTIME_NOW };
	if (valid & set)
		return (struct timespec){ sec, nsec };
	return (struct timespec){ 0, UTIME_OMIT };
}

static int set_times(const struct node *n, const struct gofer_set_attr_req *req)
{
	struct timespec t[2];

	if (req->atime_nsec > NSEC_MAX || req->mtime_nsec > NSEC_MAX)
		return -EINVAL;
	t[0] = time_of(req->valid, GOFER_ATTR_ATIME, GOFER_ATTR_ATIME_NOW,
		       req->atime, req->atime_nsec);
	t[1] = time_of(req->valid, GOFER_ATTR_MTIME, GOFER_ATTR_MTIME_NOW,
		       req->mtime, req->mtime_nsec);
	if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT)
		return 0;
	return gofer_host_utimens(n->fd, t);
}

int gofer_do_set_attr(struct session *s, const struct gofer_set_attr_req *req,
		      struct gofer_set_attr_rep *rep)
{
	struct node *n;
	int ret = session_writable_node(s, req->node, &n);

	(void)rep;
	if (ret < 0)
		return ret;
	if (req->valid & ~(uint32_t)GOFER_ATTR_ALL)
		return -EINVAL;
	ret = set_owner(n, req);
	if (ret == 0)
		ret = set_mode(n, req);
	if (ret == 0)
		ret = set_size(n, req);
	return ret < 0 ? ret : set_times(n, req);
}

int gofer_do_fsync(struct session *s, const struct gofer_fsync_req *req,
		   struct gofer_fsync_rep *rep)
{
	struct node *n;
	int fd = session_node(s, req->node, &n);
	int ret;

	(void)rep;
	if (fd < 0)
		return fd;
	if (n->barred)
		return -EACCES;
	if (n->type == S_IFDIR)
		fd = gofer_host_open_child(n->fd, ".", O_RDONLY | O_DIRECTORY,
					   0);
	else if (n->type == S_IFREG)
		fd = gofer_host_reopen(n->fd, O_RDONLY);
	else
		return -EINVAL;
	if (fd < 0)
		return fd;
	ret = gofer_host_fsync(fd, req->data_only);
	gofer_host_close(fd);
	return ret;
}

/* An answer of @size bytes at s->data, or only its size. */
static int answer_bytes(struct session *s, uint32_t asked, long size,
			uint32_t *out_size, struct gofer_str *out)
{
	if (size < 0)
		return (int)size;
	*out_size = (uint32_t)size;
	*out = (struct gofer_str){ s->data, asked ? (uint32_t)size : 0 };
	return 0;
}

int gofer_do_getxattr(struct session *s, const struct gofer_getxattr_req *req,
		      struct gofer_getxattr_rep *rep)
{
	struct node *n;
	int ret = session_node(s, req->node, &n);

	if (ret < 0)
		return ret;
	if (n->barred)
		return -EOPNOTSUPP;
	return answer_bytes(
		s, req->size,
		gofer_host_getxattr(n->fd, req->name.p, s->data,
				    MIN(req->size, GOFER_XATTR_MAX)),
		&rep->size, &rep->value);
}

int gofer_do_setxattr(struct session *s, const struct gofer_setxattr_req *req,
		      struct gofer_setxattr_rep *rep)
{
	struct node *n;
	int ret = session_writable_node(s, req->node, &n);

	(void)rep;
	if (ret < 0)
		return ret;
	if (req->flags & ~(uint32_t)(LINUX_XATTR_CREATE | LINUX_XATTR_REPLACE))
		return -EINVAL;
	return gofer_host_setxattr(n->fd, req->name.p, req->value.p,
				   req->value.len, (int)req->flags);
}

int gofer_do_listxattr(struct session *s, const struct gofer_listxattr_req *req,
		       struct gofer_listxattr_rep *rep)
{
	struct node *n;
	int ret = session_node(s, req->node, &n);

	if (ret < 0)
		return ret;
	if (n->barred)
		return 0;
	return answer_bytes(
		s, req->size,
		gofer_host_listxattr(n->fd, s->data,
				     MIN(req->size, GOFER_XATTR_MAX)),
		&rep->size, &rep->names);
}

int gofer_do_removexattr(struct session *s,
			 const struct gofer_removexattr_req *req,
			 struct gofer_removexattr_rep *rep)
{
	struct node *n;
	int ret = session_writable_node(s, req->node, &n);

	(void)rep;
	return ret < 0 ? ret : gofer_host_removexattr(n->fd, req->name.p);
}
