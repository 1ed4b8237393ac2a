/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_change: the calls that change files and directories.
 *
 * Locks: none beyond the slot.
 * Tests: tests/gofer/test_client.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/fs/gofer/client_call.h"
#include "sentry/host/host.h"

static_assert((int)ATTR_MODE == GOFER_ATTR_MODE &&
		      (int)ATTR_UID == GOFER_ATTR_UID &&
		      (int)ATTR_GID == GOFER_ATTR_GID &&
		      (int)ATTR_SIZE == GOFER_ATTR_SIZE &&
		      (int)ATTR_ATIME == GOFER_ATTR_ATIME &&
		      (int)ATTR_MTIME == GOFER_ATTR_MTIME &&
		      (int)ATTR_ATIME_NOW == GOFER_ATTR_ATIME_NOW &&
		      (int)ATTR_MTIME_NOW == GOFER_ATTR_MTIME_NOW &&
		      (int)ATTR_KILL_SUID == GOFER_ATTR_KILL_SUID,
	      "the wire's bits are the VFS's");

int gofer_set_attr(gofer_handle h, const struct iattr *attr)
{
	struct gofer_set_attr_req req = {
		.node = h,
		.valid = attr->valid,
		.mode = attr->mode,
		.uid = attr->uid,
		.gid = attr->gid,
		.size = attr->size,
	};
	struct gofer_set_attr_rep rep = { 0 };
	struct gofer_call c;
	int ret;

	if (attr->valid & ATTR_ATIME) {
		req.atime = attr->atime.sec;
		req.atime_nsec = attr->atime.nsec;
	}
	if (attr->valid & ATTR_MTIME) {
		req.mtime = attr->mtime.sec;
		req.mtime_nsec = attr->mtime.nsec;
	}
	ret = GOFER_CALL(&c, set_attr, SET_ATTR, &req, &rep);
	call_end(&c);
	return ret;
}

int gofer_create(gofer_handle dir, const char *name, uint32_t mode,
		 uint32_t uid, uint32_t gid, struct gofer_node *out,
		 int *out_fd)
{
	struct gofer_create_req req = { .dir = dir,
					.mode = mode,
					.uid = uid,
					.gid = gid,
					.name = gofer_str(name) };
	struct gofer_create_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, create, CREATE, &req, &rep);

	if (ret == 0)
		ret = call_node(&rep.node, out);
	if (ret == 0) {
		*out_fd = c.fd;
		c.fd = -1;
	}
	call_end(&c);
	return ret;
}

int gofer_tmpfile(gofer_handle dir, uint32_t mode, uint32_t uid, uint32_t gid,
		  struct gofer_node *out, int *out_fd)
{
	struct gofer_tmpfile_req req = {
		.dir = dir, .mode = mode, .uid = uid, .gid = gid
	};
	struct gofer_tmpfile_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, tmpfile, TMPFILE, &req, &rep);

	if (ret == 0)
		ret = call_node(&rep.node, out);
	if (ret == 0) {
		*out_fd = c.fd;
		c.fd = -1;
	}
	call_end(&c);
	return ret;
}

int gofer_mkdir(gofer_handle dir, const char *name, uint32_t mode, uint32_t uid,
		uint32_t gid, struct gofer_node *out)
{
	struct gofer_mkdir_req req = { .dir = dir,
				       .mode = mode,
				       .uid = uid,
				       .gid = gid,
				       .name = gofer_str(name) };
	struct gofer_mkdir_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, mkdir, MKDIR, &req, &rep);

	if (ret == 0)
		ret = call_node(&rep.node, out);
	call_end(&c);
	return ret;
}

int gofer_mknod(gofer_handle dir, const char *name, uint32_t mode,
		uint64_t rdev, uint32_t uid, uint32_t gid,
		struct gofer_node *out)
{
	struct gofer_mknod_req req = { .dir = dir,
				       .rdev = rdev,
				       .mode = mode,
				       .uid = uid,
				       .gid = gid,
				       .name = gofer_str(name) };
	struct gofer_mknod_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, mknod, MKNOD, &req, &rep);

	if (ret == 0)
		ret = call_node(&rep.node, out);
	call_end(&c);
	return ret;
}

int gofer_symlink(gofer_handle dir, const char *name, const char *target,
		  uint32_t uid, uint32_t gid, struct gofer_node *out)
{
	struct gofer_symlink_req req = { .dir = dir,
					 .uid = uid,
					 .gid = gid,
					 .name = gofer_str(name),
					 .target = gofer_str(target) };
	struct gofer_symlink_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, symlink, SYMLINK, &req, &rep);

	if (ret == 0)
		ret = call_node(&rep.node, out);
	call_end(&c);
	return ret;
}

int gofer_link(gofer_handle dir, const char *name, gofer_handle target)
{
	struct gofer_link_req req = { .dir = dir,
				      .target = target,
				      .name = gofer_str(name) };
	struct gofer_link_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, link, LINK, &req, &rep);

	call_end(&c);
	return ret;
}

int gofer_unlink(gofer_handle dir, const char *name, bool directory)
{
	struct gofer_unlink_req req = { .dir = dir,
					.directory = directory,
					.name = gofer_str(name) };
	struct gofer_unlink_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, unlink, UNLINK, &req, &rep);

	call_end(&c);
	return ret;
}

int gofer_rename(gofer_handle old_dir, const char *old_name,
		 gofer_handle new_dir, const char *new_name, uint32_t flags)
{
	struct gofer_rename_req req = { .old_dir = old_dir,
					.new_dir = new_dir,
					.flags = flags,
					.old_name = gofer_str(old_name),
					.new_name = gofer_str(new_name) };
	struct gofer_rename_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, rename, RENAME, &req, &rep);

	call_end(&c);
	return ret;
}

int gofer_fsync(gofer_handle h, bool data_only)
{
	struct gofer_fsync_req req = { .node = h, .data_only = data_only };
	struct gofer_fsync_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, fsync, FSYNC, &req, &rep);

	call_end(&c);
	return ret;
}

int gofer_setxattr(gofer_handle h, const char *name, const void *buf,
		   size_t size, int flags)
{
	struct gofer_setxattr_req req = {
		.node = h,
		.flags = (uint32_t)flags,
		.name = gofer_str(name),
		.value = { buf, (uint32_t)size },
	};
	struct gofer_setxattr_rep rep = { 0 };
	struct gofer_call c;
	int ret;

	if (size > GOFER_XATTR_MAX)
		return -E2BIG;
	ret = GOFER_CALL(&c, setxattr, SETXATTR, &req, &rep);
	call_end(&c);
	return ret;
}

int gofer_removexattr(gofer_handle h, const char *name)
{
	struct gofer_removexattr_req req = { .node = h,
					     .name = gofer_str(name) };
	struct gofer_removexattr_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, removexattr, REMOVEXATTR, &req, &rep);

	call_end(&c);
	return ret;
}
