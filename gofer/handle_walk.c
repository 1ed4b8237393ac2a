/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_walk: messages that look: hello, attach, walk, stat, readlink, statfs,
 * release.
 *
 * Invariant: a message that fails leaves no handle behind.
 * Locks:     none, one thread.
 * Tests:     tests/gofer/test_gofer.c
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "gofer/handle.h"
#include "gofer_handlers.h"

int gofer_do_hello(struct session *s, const struct gofer_hello_req *req,
		   struct gofer_hello_rep *rep)
{
	if (req->version != GOFER_VERSION)
		return -EPROTONOSUPPORT;
	s->greeted = true;
	rep->version = GOFER_VERSION;
	rep->features = req->features & GOFER_FEATURE_ACCESS;
	rep->nr_exports = s->nr_exports;
	rep->uid = s->uid;
	rep->gid = s->gid;
	rep->max_handles = s->table.max;
	return 0;
}

int gofer_do_attach(struct session *s, const struct gofer_attach_req *req,
		    struct gofer_attach_rep *rep)
{
	int fd;

	if (req->export >= s->nr_exports)
		return -ENOENT;
	fd = gofer_host_reopen(FD_EXPORTS + (int)req->export, O_PATH);
	if (fd < 0)
		return fd;
	return node_adopt(s, fd, NULL, req->export, &rep->node);
}

int handle_error(int err)
{
	return err == -EMFILE ? -ENFILE : err;
}

/* One name below @at: its node, or for a bare one only attributes. */
static int walk_one(struct session *s, const struct node *at, const char *name,
		    bool bare, struct gofer_wire_node *out)
{
	int ret = 1;

	if (at->barred)
		return -EACCES;
	if (bare)
		ret = node_peek(s, at, name, out);
	if (ret == 0 && S_ISDIR(out->mode))
		ret = 1;
	if (ret <= 0)
		return ret;
	ret = gofer_host_open_child(at->fd, name, O_PATH | O_NOFOLLOW, 0);
	return ret < 0 ? ret : node_adopt(s, ret, at, at->export, out);
}

/* Without success the descriptor is asked for by itself, and told why not. */
static void open_last(struct session *s, const struct gofer_wire_node *last)
{
	struct node *n = node_find(&s->table, last->handle);
	int fd;

	if (!n || n->type != S_IFREG || n->barred)
		return;
	fd = gofer_host_reopen(n->fd, O_RDONLY | O_NONBLOCK);
	if (fd >= 0)
		s->out_fd = fd;
}

int gofer_do_walk(struct session *s, const struct gofer_walk_req *req,
		  struct gofer_walk_rep *rep)
{
	struct node *at;
	int ret = session_dir(s, req->dir, &at);

	if (ret < 0)
		return ret;
	if (req->flags & ~(uint32_t)GOFER_WALK_FLAGS)
		return -EINVAL;
	for (uint32_t i = 0; i < req->nr_names; i++) {
		struct gofer_wire_node *out = &rep->nodes[i];
		bool last = i + 1 == req->nr_names;

		ret = walk_one(s, at, req->names[i].p,
			       last && (req->flags & GOFER_WALK_BARE), out);
		if (ret < 0) {
			rep->stop = handle_error(ret);
			break;
		}
		rep->nr_nodes++;
		if (last && (req->flags & GOFER_WALK_OPEN))
			open_last(s, out);
		if (last || !S_ISDIR(out->mode))
			break;
		at = node_find(&s->table, out->handle);
	}
	return 0;
}

int gofer_do_stat(struct session *s, const struct gofer_stat_req *req,
		  struct gofer_stat_rep *rep)
{
	struct node *n;
	int ret = session_node(s, req->node, &n);

	return ret < 0 ? ret : node_stat(s, n, &rep->node);
}

int gofer_do_readlink(struct session *s, const struct gofer_readlink_req *req,
		      struct gofer_readlink_rep *rep)
{
	struct node *n;
	long len;
	int ret = session_node(s, req->node, &n);

	if (ret < 0)
		return ret;
	if (n->type != S_IFLNK)
		return -EINVAL;
	if (n->barred)
		return -EACCES;
	len = gofer_host_readlink(n->fd, s->data, GOFER_TEXT_MAX + 1);
	if (len < 0)
		return (int)len;
	if (len == 0)
		return -ENOENT;
	if (len > GOFER_TEXT_MAX)
		return -ENAMETOOLONG;
	rep->target = (struct gofer_str){ s->data, (uint32_t)len };
	return 0;
}

int gofer_do_statfs(struct session *s, const struct gofer_statfs_req *req,
		    struct gofer_statfs_rep *rep)
{
	struct statfs fs = { 0 };
	struct node *n;
	int ret = session_node(s, req->node, &n);

	if (ret == 0)
		ret = gofer_host_statfs(n->fd, &fs);
	if (ret < 0)
		return ret;
	rep->type = (uint64_t)fs.f_type;
	rep->bsize = (uint64_t)fs.f_bsize;
	rep->blocks = fs.f_blocks;
	rep->bfree = fs.f_bfree;
	rep->bavail = fs.f_bavail;
	rep->files = fs.f_files;
	rep->ffree = fs.f_ffree;
	rep->namelen = (uint64_t)fs.f_namelen;
	rep->frsize = (uint64_t)fs.f_frsize;
	rep->flags = (uint64_t)fs.f_flags;
	return 0;
}

int gofer_do_release(struct session *s, const struct gofer_release_req *req,
		     struct gofer_release_rep *rep)
{
	(void)rep;
	for (uint32_t i = 0; i < req->nr_nodes; i++) {
		struct node *n = node_find(&s->table, req->nodes[i]);

		if (n)
			node_drop(&s->table, n);
	}
	return 0;
}
