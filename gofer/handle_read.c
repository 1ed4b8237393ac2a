/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_read: messages that read directories: readdir, and list, which gives
 * the attributes of the entries too.
 *
 * Locks: none, one thread.
 * Tests: tests/gofer/test_gofer.c
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "abi/dirent.h"
#include "gofer/handle.h"
#include "gofer_handlers.h"

#define DIR_CHUNK  (24 * 1024u) /* becomes at most 32 KiB on the wire */
#define LIST_CHUNK (4 * 1024u)	/* at most 26 KiB: 152 bytes for each 24 */
#define LIST_ROOM  (GOFER_DIR_BATCH - 26 * 1024u)

/* The directory's own descriptor, standing at @cookie. */
static int dir_at(struct node *n, uint64_t cookie)
{
	int64_t pos;

	if (n->dir_fd < 0) {
		n->dir_fd = gofer_host_open_child(n->fd, ".",
						  O_RDONLY | O_DIRECTORY, 0);
		if (n->dir_fd < 0)
			return handle_error(n->dir_fd);
		n->dir_pos = 0;
	}
	if (cookie != 0 && (int64_t)cookie == n->dir_pos)
		return n->dir_fd;
	pos = gofer_host_seek(n->dir_fd, (int64_t)cookie);
	return pos < 0 ? (int)pos : n->dir_fd;
}

/* Where the next request goes on; at the end the descriptor is closed. */
static void left_at(struct node *n, uint64_t next, bool eof)
{
	n->dir_pos = (int64_t)next;
	if (!eof)
		return;
	gofer_host_close(n->dir_fd);
	n->dir_fd = -1;
}

/* Neither . nor .., nor what no Linux file system has. */
static bool is_name(const char *name, size_t len)
{
	bool dots =
		name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));

	return len > 0 && len <= GOFER_NAME_MAX && !dots &&
	       !memchr(name, '/', len);
}

/* Turns @size bytes of linux_dirent64 into the wire's records. */
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
		if (!is_name(name, len))
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
	left_at(n, rep->next, rep->eof);
	rep->entries = (struct gofer_str){ s->dents, (uint32_t)used };
	return 0;
}

/* --- with attributes ------------------------------------------------------ */

/* The record of @name; one that went away meanwhile is left out. */
static size_t put_entry(struct session *s, const struct node *dir,
			const char *name, size_t len, char *out)
{
	size_t total = (sizeof(struct gofer_wire_entry) + len + 1 + 7) & ~7ul;
	struct gofer_wire_entry e = { .size = (uint16_t)total,
				      .name_len = (uint8_t)len };
	int ret = node_peek(s, dir, name, &e.node);

	if (ret == -ENOENT)
		return 0;
	if (ret != 0)
		e.node = (struct gofer_wire_node){ 0 };
	memset(out, 0, total);
	memcpy(out, &e, sizeof(e));
	memcpy(out + sizeof(e), name, len);
	return total;
}

/* The same for @size bytes of linux_dirent64, see convert(). */
static size_t list_chunk(struct session *s, const struct node *dir, size_t size,
			 char *out, uint64_t *next)
{
	struct linux_dirent64 d;
	size_t used = 0;

	for (size_t at = 0; at < size; at += d.reclen) {
		const char *name = s->data + at + LINUX_DIRENT64_NAME;
		size_t len = strlen(name);

		memcpy(&d, s->data + at, LINUX_DIRENT64_NAME);
		*next = (uint64_t)d.off;
		if (is_name(name, len))
			used += put_entry(s, dir, name, len, out + used);
	}
	return used;
}

int gofer_do_list(struct session *s, const struct gofer_list_req *req,
		  struct gofer_list_rep *rep)
{
	struct node *n;
	size_t used = 0;
	int fd = session_dir(s, req->dir, &n);

	if (fd == 0)
		fd = dir_at(n, req->cookie);
	if (fd < 0)
		return fd;
	rep->next = req->cookie;
	while (used <= LIST_ROOM && !rep->eof) {
		long size = gofer_host_getdents(fd, s->data, LIST_CHUNK);

		if (size < 0 && used == 0)
			return (int)size;
		if (size < 0)
			break;
		if (size == 0)
			rep->eof = 1;
		used += list_chunk(s, n, (size_t)size, s->dents + used,
				   &rep->next);
	}
	left_at(n, rep->next, rep->eof);
	rep->entries = (struct gofer_str){ s->dents, (uint32_t)used };
	return 0;
}
