/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_walk: messages that look: hello, attach, walk, stat, readlink,
 * readdir, statfs, release.
 *
 * Invariant: a message that fails leaves no handle behind.
 * Locks:     none, one thread.
 * Tests:     tests/gofer/test_gofer.c
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "abi/dirent.h"
#include "gofer/session.h"
#include "gofer_handlers.h"

#define DIR_CHUNK (24 * 1024u) /* becomes at most 32 KiB on the wire */

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

/* EMFILE of this process is the sandbox's ENFILE. */
static int walk_error(int err)
{
	return err == -EMFILE ? -ENFILE : err;
}

int gofer_do_walk(struct session *s, const struct gofer_walk_req *req,
		  struct gofer_walk_rep *rep)
{
	struct node *at;
	int ret = session_dir(s, req->dir, &at);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < req->nr_names; i++) {
		struct gofer_wire_node *out = &rep->nodes[i];
		int fd;

		if (at->barred) {
			rep->stop = -EACCES;
			break;
		}
		fd = gofer_host_open_child(at->fd, req->names[i].p,
					   O_PATH | O_NOFOLLOW, 0);
		ret = fd < 0 ? fd : node_adopt(s, fd, at, at->export, out);
		if (ret < 0) {
			rep->stop = walk_error(ret);
			break;
		}
		rep->nr_nodes++;
		if (!S_ISDIR(out->mode))
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

/* The directory's own descriptor, standing at @cookie. */
static int dir_at(struct node *n, uint64_t cookie)
{
	int64_t pos;

	if (n->dir_fd < 0) {
		n->dir_fd = gofer_host_open_child(n->fd, ".",
						  O_RDONLY | O_DIRECTORY, 0);
		if (n->dir_fd < 0)
			return walk_error(n->dir_fd);
		n->dir_pos = 0;
	}
	if (cookie != 0 && (int64_t)cookie == n->dir_pos)
		return n->dir_fd;
	pos = gofer_host_seek(n->dir_fd, (int64_t)cookie);
	return pos < 0 ? (int)pos : n->dir_fd;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' &&
	       (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Turns @size bytes of linux_dirent64 into the wire's records.  A name that no
 * Linux file system has (empty, too long, with '/') is left out. */
static size_t convert(const char *in, size_t size, char *out, uint64_t *next)
{
	struct gofer_wire_dirent w;
	struct linux_dirent64 d;
	size_t used = 0;

	for (size_t at = 0; at < size; at += d.reclen) {
		const char *name = in + at + LINUX_DIRENT64_NAME;
		size_t len, total;

		memcpy(&d, in + at, LINUX_DIRENT64_NAME);
		len = strlen(name);
		*next = (uint64_t)d.off;
		if (is_dots(name) || len == 0 || len > GOFER_NAME_MAX ||
		    memchr(name, '/', len))
			continue;
		total = (sizeof(w) + len + 1 + 7) & ~7ul;
		w = (struct gofer_wire_dirent){
			.ino = d.ino,
			.next = (uint64_t)d.off,
			.size = (uint16_t)total,
			.type = d.type,
			.name_len = (uint8_t)len,
		};
		memset(out + used, 0, total);
		memcpy(out + used, &w, sizeof(w));
		memcpy(out + used + sizeof(w), name, len);
		used += total;
	}
	return used;
}

int gofer_do_readdir(struct session *s, const struct gofer_readdir_req *req,
		     struct gofer_readdir_rep *rep)
{
	struct node *n;
	size_t used = 0;
	int fd = session_dir(s, req->dir, &n);

	if (fd == 0)
		fd = dir_at(n, req->cookie);
	if (fd < 0)
		return fd;
	rep->next = req->cookie;
	while (used <= GOFER_DIR_BATCH / 2 && !rep->eof) {
		long size = gofer_host_getdents(fd, s->data, DIR_CHUNK);

		if (size < 0 && used == 0)
			return (int)size;
		if (size < 0)
			break; /* what came before it counts */
		if (size == 0)
			rep->eof = 1;
		used += convert(s->data, (size_t)size, s->dents + used,
				&rep->next);
	}
	n->dir_pos = (int64_t)rep->next;
	if (rep->eof) {
		gofer_host_close(n->dir_fd);
		n->dir_fd = -1;
	}
	rep->entries = (struct gofer_str){ s->dents, (uint32_t)used };
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
