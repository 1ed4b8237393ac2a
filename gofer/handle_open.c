/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_open: messages that hand out descriptors: open and create.
 *
 * Invariant: only regular files are ever opened for data, never for writing on
 *            a read-only export.
 * Locks:     none, one thread.
 * Tests:     tests/gofer/test_gofer.c
 */
#include <errno.h>
#include <fcntl.h>

#include "abi/fcntl.h"
#include "gofer/handle.h"
#include "gofer_handlers.h"

#define OPEN_FLAGS                                                           \
	(LINUX_O_ACCMODE | LINUX_O_TRUNC | LINUX_O_APPEND | LINUX_O_DIRECT | \
	 LINUX_O_NOATIME)

int gofer_do_open(struct session *s, const struct gofer_open_req *req,
		  struct gofer_open_rep *rep)
{
	bool write = (req->flags & LINUX_O_ACCMODE) != LINUX_O_RDONLY;
	struct node *n;
	int ret = session_node(s, req->node, &n);

	(void)rep;
	if (ret < 0)
		return ret;
	if ((req->flags & ~OPEN_FLAGS) ||
	    (req->flags & LINUX_O_ACCMODE) == LINUX_O_ACCMODE)
		return -EINVAL;
	if (n->barred)
		return -EACCES;
	if (n->type != S_IFREG)
		return -ENXIO;
	if ((write || (req->flags & LINUX_O_TRUNC)) && s->readonly[n->export])
		return -EROFS;
	/* Somebody on the host may hold a lease, and others wait for us. */
	ret = gofer_host_reopen(n->fd, (int)req->flags | O_NONBLOCK);
	if (ret < 0)
		return handle_error(ret);
	s->out_fd = ret;
	return 0;
}

/* The owner, then the mode bits that a change of owner takes away. */
int handle_give(struct session *s, int fd, const struct owner *want,
		const struct gofer_wire_node *is)
{
	uint32_t uid = want->uid == is->uid ? UINT32_MAX : want->uid;
	uint32_t gid = want->gid == is->gid ? UINT32_MAX : want->gid;
	int ret = 0;

	(void)s;
	if (uid == UINT32_MAX && gid == UINT32_MAX &&
	    !(want->mode & (S_ISUID | S_ISGID)))
		return 0;
	if (uid != UINT32_MAX || gid != UINT32_MAX)
		ret = gofer_host_chown(fd, uid, gid);
	if (ret == 0 && (want->mode & (S_ISUID | S_ISGID)))
		ret = gofer_host_chmod(fd, want->mode);
	return ret;
}

/*
 * Makes a node of the new file behind @fd, with its owner.  Takes over nothing:
 * the O_PATH descriptor is made from @fd itself, so no other file can slip in.
 */
static int adopt_new(struct session *s, int fd, const struct node *dir,
		     const struct owner *want, struct gofer_wire_node *out)
{
	struct node *n;
	int path = gofer_host_reopen(fd, O_PATH);
	int ret;

	if (path < 0)
		return path;
	ret = node_adopt(s, path, dir, dir->export, out);
	if (ret < 0)
		return ret;
	n = node_find(&s->table, out->handle);
	ret = handle_give(s, n->fd, want, out);
	if (ret == 0)
		ret = node_stat(s, n, out);
	if (ret < 0)
		node_drop(&s->table, n);
	return ret;
}

int gofer_do_create(struct session *s, const struct gofer_create_req *req,
		    struct gofer_create_rep *rep)
{
	struct owner want = { req->uid, req->gid, req->mode & 07777 };
	struct node *dir;
	int fd = session_writable_dir(s, req->dir, &dir);
	int ret;

	if (fd < 0)
		return fd;
	fd = gofer_host_open_child(dir->fd, req->name.p,
				   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
				   want.mode);
	if (fd < 0)
		return handle_error(fd);
	ret = adopt_new(s, fd, dir, &want, &rep->node);
	if (ret < 0) {
		gofer_host_unlink(dir->fd, req->name.p, false);
		gofer_host_close(fd);
		return ret;
	}
	s->out_fd = fd;
	return 0;
}

int gofer_do_tmpfile(struct session *s, const struct gofer_tmpfile_req *req,
		     struct gofer_tmpfile_rep *rep)
{
	struct owner want = { req->uid, req->gid, req->mode & 07777 };
	struct node *dir;
	int fd = session_writable_dir(s, req->dir, &dir);
	int ret;

	if (fd < 0)
		return fd;
	fd = gofer_host_open_child(dir->fd, ".", O_RDWR | O_TMPFILE, want.mode);
	if (fd < 0)
		return handle_error(fd);
	ret = adopt_new(s, fd, dir, &want, &rep->node);
	if (ret < 0) {
		gofer_host_close(fd);
		return ret;
	}
	s->out_fd = fd;
	return 0;
}
