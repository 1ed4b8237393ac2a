/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_look: the calls that look: attach, walk, stat, open, links,
 * directories, facts of the file system, extended attributes.
 *
 * Locks: none beyond the slot.
 * Tests: tests/gofer/test_client.c
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "abi/fcntl.h"
#include "sentry/fs/gofer/client_call.h"
#include "sentry/host/host.h"
#include "sentry/host/host_gofer.h"
#include "sentry/lib/alloc.h"

#define LEASE_POLL_NS 10000000ull
#define LEASE_WAIT_NS 60000000000ull

int gofer_attach(uint32_t export_id, struct gofer_node *out)
{
	struct gofer_attach_req req = { .export = export_id };
	struct gofer_attach_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, attach, ATTACH, &req, &rep);

	if (ret == 0)
		ret = call_node(&rep.node, out);
	call_end(&c);
	return ret;
}

/* What the answer claims must fit what was asked. */
static bool walk_fits(const struct gofer_walk_rep *rep, unsigned int nr,
		      uint32_t flags, int fd)
{
	return rep->nr_nodes <= nr && rep->stop <= 0 && rep->stop >= -4095 &&
	       (rep->nr_nodes > 0 || nr == 0 || rep->stop != 0) &&
	       (fd < 0 || ((flags & GOFER_WALK_OPEN) && rep->nr_nodes == nr));
}

static int take_nodes(const struct gofer_walk_rep *rep, unsigned int nr,
		      uint32_t flags, struct gofer_node *out)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < rep->nr_nodes; i++) {
		bool bare = i + 1 == nr && (flags & GOFER_WALK_BARE);

		ret = bare ? call_bare_node(&rep->nodes[i], &out[i])
			   : call_node(&rep->nodes[i], &out[i]);
	}
	return ret;
}

int gofer_walk_last(gofer_handle dir, const char *const *names, unsigned int nr,
		    uint32_t flags, struct gofer_node *out, int *err, int *fd)
{
	struct gofer_walk_req req = { .dir = dir,
				      .flags = flags,
				      .nr_names = nr };
	struct gofer_walk_rep rep = { 0 };
	struct gofer_call c;
	int ret;

	*fd = -1;
	if (nr > GOFER_WALK_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < nr; i++)
		req.names[i] = gofer_str(names[i]);
	ret = GOFER_CALL(&c, walk, WALK, &req, &rep);
	if (ret == 0 && !walk_fits(&rep, nr, flags, c.fd))
		ret = call_broken("walk");
	if (ret == 0 && c.fd >= 0)
		ret = call_check_fd(c.fd, LINUX_O_RDONLY);
	if (ret == 0)
		ret = take_nodes(&rep, nr, flags, out);
	if (ret == 0) {
		*err = rep.stop;
		*fd = c.fd;
		c.fd = -1;
		ret = (int)rep.nr_nodes;
	}
	call_end(&c);
	return ret;
}

int gofer_walk(gofer_handle dir, const char *const *names, unsigned int nr,
	       struct gofer_node *out, int *err)
{
	int fd;

	return gofer_walk_last(dir, names, nr, 0, out, err, &fd);
}

int gofer_stat(gofer_handle h, struct gofer_node *out)
{
	struct gofer_stat_req req = { .node = h };
	struct gofer_stat_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, stat, STAT, &req, &rep);

	if (ret == 0 && rep.node.handle != h)
		ret = call_broken("stat");
	rep.node.handle = 0; /* no new one */
	if (ret == 0)
		ret = call_bare_node(&rep.node, out);
	out->handle = h;
	call_end(&c);
	return ret;
}

int call_check_fd(int fd, uint32_t flags)
{
	int fl = host_gofer_getfl(fd);

	if (fl < 0 || (((uint32_t)fl ^ flags) & LINUX_O_ACCMODE))
		return call_broken("access mode");
	return 0;
}

static int open_once(gofer_handle h, uint32_t flags, int *out_fd)
{
	struct gofer_open_req req = { .node = h, .flags = flags };
	struct gofer_open_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, open, OPEN, &req, &rep);

	if (ret == 0)
		ret = call_check_fd(c.fd, flags);
	if (ret == 0) {
		*out_fd = c.fd;
		c.fd = -1;
	}
	call_end(&c);
	return ret;
}

int gofer_open(gofer_handle h, uint32_t flags, int *out_fd)
{
	static _Atomic uint32_t never;
	uint64_t waited = 0;
	int ret;

	/* The holder of a lease has up to lease-break-time; the gofer does not
	 * wait for it, so that others are served. */
	while ((ret = open_once(h, flags, out_fd)) == -EAGAIN &&
	       waited < LEASE_WAIT_NS) {
		host_futex_wait(&never, 0,
				host_clock(CLOCK_MONOTONIC) + LEASE_POLL_NS);
		waited += LEASE_POLL_NS;
	}
	return ret;
}

int gofer_readlink(gofer_handle h, char **out_target)
{
	struct gofer_readlink_req req = { .node = h };
	struct gofer_readlink_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, readlink, READLINK, &req, &rep);

	if (ret == 0) {
		*out_target = kstrndup(rep.target.p, rep.target.len);
		if (!*out_target)
			ret = -ENOMEM;
	}
	call_end(&c);
	return ret;
}

/* One record of a directory answer at @p, @left bytes remain; its size or 0. */
static size_t dirent_at(const char *p, size_t left, struct gofer_dirent *out)
{
	struct gofer_wire_dirent w;

	if (left < sizeof(w))
		return 0;
	memcpy(&w, p, sizeof(w));
	if (w.size > left || w.size % 8 != 0 ||
	    w.size < sizeof(w) + w.name_len + 1 || w.name_len == 0)
		return 0;
	p += sizeof(w);
	if (p[w.name_len] != '\0' || memchr(p, '\0', w.name_len) ||
	    memchr(p, '/', w.name_len))
		return 0;
	*out = (struct gofer_dirent){ .name = p,
				      .name_len = w.name_len,
				      .ino = w.ino,
				      .next = w.next,
				      .type = w.type };
	return w.size;
}

int gofer_readdir(gofer_handle dir, uint64_t *cookie, bool *eof,
		  bool (*emit)(void *arg, const struct gofer_dirent *de),
		  void *arg)
{
	struct gofer_readdir_req req = { .dir = dir, .cookie = *cookie };
	struct gofer_readdir_rep rep = { 0 };
	struct gofer_dirent de;
	struct gofer_call c;
	size_t at = 0, size = 0;
	int ret = GOFER_CALL(&c, readdir, READDIR, &req, &rep);

	for (; ret == 0 && at < rep.entries.len; at += size) {
		size = dirent_at(rep.entries.p + at, rep.entries.len - at, &de);
		if (size == 0)
			ret = call_broken("directory entry");
		else if (!emit(arg, &de))
			break;
		else
			*cookie = de.next;
	}
	if (ret == 0) {
		*eof = rep.eof && at >= rep.entries.len;
		if (at >= rep.entries.len)
			*cookie = rep.next;
	}
	call_end(&c);
	return ret;
}

/* One record of a list answer, as dirent_at(). */
static size_t entry_at(const char *p, size_t left, struct gofer_wire_entry *w)
{
	if (left < sizeof(*w))
		return 0;
	memcpy(w, p, sizeof(*w));
	if (w->size > left || w->size % 8 != 0 ||
	    w->size < sizeof(*w) + w->name_len + 1 || w->name_len == 0)
		return 0;
	p += sizeof(*w);
	if (p[w->name_len] != '\0' || memchr(p, '\0', w->name_len) ||
	    memchr(p, '/', w->name_len))
		return 0;
	return w->size;
}

int gofer_list(gofer_handle dir, uint64_t *cookie, bool *eof,
	       bool (*emit)(void *arg, const char *name, size_t len,
			    const struct kstat *st),
	       void *arg)
{
	struct gofer_list_req req = { .dir = dir, .cookie = *cookie };
	struct gofer_list_rep rep = { 0 };
	struct gofer_wire_entry w = { 0 };
	struct gofer_node node = { 0 };
	struct gofer_call c;
	size_t at = 0, size;
	int ret = GOFER_CALL(&c, list, LIST, &req, &rep);

	for (; ret == 0 && at < rep.entries.len; at += size) {
		const char *name = rep.entries.p + at + sizeof(w);

		size = entry_at(rep.entries.p + at, rep.entries.len - at, &w);
		if (size == 0 || w.node.handle)
			ret = call_broken("list");
		else if (w.node.mode)
			ret = call_bare_node(&w.node, &node);
		if (ret == 0 &&
		    !emit(arg, name, w.name_len, w.node.mode ? &node.st : NULL))
			ret = -ENOMEM;
	}
	if (ret == 0) {
		*eof = rep.eof;
		*cookie = rep.next;
	}
	call_end(&c);
	return ret;
}

int gofer_statfs(gofer_handle h, struct kstatfs *out)
{
	struct gofer_statfs_req req = { .node = h };
	struct gofer_statfs_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, statfs, STATFS, &req, &rep);

	if (ret == 0)
		*out = (struct kstatfs){
			.type = rep.type,
			.bsize = rep.bsize,
			.blocks = rep.blocks,
			.bfree = rep.bfree,
			.bavail = rep.bavail,
			.files = rep.files,
			.ffree = rep.ffree,
			.namelen = rep.namelen,
			.frsize = rep.frsize,
			.flags = rep.flags,
		};
	call_end(&c);
	return ret;
}

/* What getxattr and listxattr give back: the size, or the bytes as well. */
static long take_bytes(uint32_t size, const struct gofer_str *bytes,
		       uint32_t asked, void *buf)
{
	if (asked == 0)
		return size;
	if (bytes->len > asked || bytes->len != size)
		return call_broken("extended attribute");
	memcpy(buf, bytes->p, bytes->len);
	return bytes->len;
}

long gofer_getxattr(gofer_handle h, const char *name, void *buf, size_t size)
{
	struct gofer_getxattr_req req = {
		.node = h,
		.size = (uint32_t)MIN(size, (size_t)GOFER_XATTR_MAX),
		.name = gofer_str(name),
	};
	struct gofer_getxattr_rep rep = { 0 };
	struct gofer_call c;
	long ret = GOFER_CALL(&c, getxattr, GETXATTR, &req, &rep);

	if (ret == 0)
		ret = take_bytes(rep.size, &rep.value, req.size, buf);
	call_end(&c);
	return ret;
}

long gofer_listxattr(gofer_handle h, char *buf, size_t size)
{
	struct gofer_listxattr_req req = {
		.node = h,
		.size = (uint32_t)MIN(size, (size_t)GOFER_XATTR_MAX),
	};
	struct gofer_listxattr_rep rep = { 0 };
	struct gofer_call c;
	long ret = GOFER_CALL(&c, listxattr, LISTXATTR, &req, &rep);

	if (ret == 0)
		ret = take_bytes(rep.size, &rep.names, req.size, buf);
	call_end(&c);
	return ret;
}

int gofer_watch(gofer_handle dir, int32_t *wd)
{
	struct gofer_watch_req req = { .dir = dir };
	struct gofer_watch_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, watch, WATCH, &req, &rep);

	call_end(&c);
	if (ret == 0)
		*wd = rep.wd;
	return ret;
}

void gofer_unwatch(int32_t wd)
{
	struct gofer_unwatch_req req = { .wd = wd };
	struct gofer_unwatch_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, unwatch, UNWATCH, &req, &rep);

	call_end(&c);
	(void)ret; /* the host's watch stays until the end */
}
