/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: the sentry's end of the gofer protocol, one function a message.
 *
 * Handles are 64-bit numbers that the gofer gave out; 0 is none.  Calls block
 * until answered; several threads may call at once.  When the connection has
 * ended (gofer gone, malformed answer) every call gives -EIO and the sandbox is
 * told to end.  Answers are checked here: callers see valid values only.
 */
#ifndef SENTRY_FS_GOFER_CLIENT_H
#define SENTRY_FS_GOFER_CLIENT_H

#include "gofer_proto.h"
#include "sentry/vfs/vfs.h"

typedef uint64_t gofer_handle;

/* Takes over the shared-memory fd and the socket; exchanges the version. */
MUST_CHECK int gofer_connect(int shm_fd, int sock_fd);

struct gofer_node {
	gofer_handle handle;
	struct kstat st;
	/* If .has_access: what the gofer itself may do (R=4 W=2 X=1), for
	 * owners that its user namespace cannot name. */
	bool has_access;
	uint8_t access;
	/* On a pseudo file system of the host: nothing below it is served. */
	bool barred;
};
/* How many handles there may be at once; more give -ENFILE. */
uint32_t gofer_max_handles(void);
/* The ids that .access is about: the gofer's own. */
void gofer_identity(uint32_t *uid, uint32_t *gid);

/* How many handles there are now, and how many messages were sent so far. */
uint32_t gofer_nr_handles(void);
uint64_t gofer_nr_messages(void);

#define GOFER_WALK_MAX 16
/* The root of an export (numbered at start). */
MUST_CHECK int gofer_attach(uint32_t export_id, struct gofer_node *out);
/*
 * Walks @names one below the other from @dir without following links.
 * Returns how many were found (0..nr), each with a handle and stat in @out;
 * it ends early at a symlink, non-directory, or a missing name (then *err is
 * -ENOENT or what stopped it).  -errno only if nothing could be asked.
 */
MUST_CHECK int gofer_walk(gofer_handle dir, const char *const *names,
			  unsigned int nr, struct gofer_node *out, int *err);
/*
 * The same with @flags about the last name (GOFER_WALK_*).  BARE: its handle
 * may be 0.  *fd: of OPEN, the caller's, or -1.
 */
MUST_CHECK int gofer_walk_last(gofer_handle dir, const char *const *names,
			       unsigned int nr, uint32_t flags,
			       struct gofer_node *out, int *err, int *fd);
MUST_CHECK int gofer_stat(gofer_handle h, struct gofer_node *out);
MUST_CHECK int gofer_set_attr(gofer_handle h, const struct iattr *attr);
/*
 * Opens a regular file and hands over a host fd.  @flags: access mode, O_TRUNC,
 * O_APPEND, O_DIRECT, O_NOATIME only.  Not for devices, FIFOs, sockets.
 */
MUST_CHECK int gofer_open(gofer_handle h, uint32_t flags, int *out_fd);
/* Creates and opens read-write in one exchange (O_EXCL). */
MUST_CHECK int gofer_create(gofer_handle dir, const char *name, uint32_t mode,
			    uint32_t uid, uint32_t gid, struct gofer_node *out,
			    int *out_fd);
/* The same for a file without a name, on the file system of @dir. */
MUST_CHECK int gofer_tmpfile(gofer_handle dir, uint32_t mode, uint32_t uid,
			     uint32_t gid, struct gofer_node *out, int *out_fd);
MUST_CHECK int gofer_mkdir(gofer_handle dir, const char *name, uint32_t mode,
			   uint32_t uid, uint32_t gid, struct gofer_node *out);
MUST_CHECK int gofer_mknod(gofer_handle dir, const char *name, uint32_t mode,
			   uint64_t rdev, uint32_t uid, uint32_t gid,
			   struct gofer_node *out);
MUST_CHECK int gofer_symlink(gofer_handle dir, const char *name,
			     const char *target, uint32_t uid, uint32_t gid,
			     struct gofer_node *out);
MUST_CHECK int gofer_link(gofer_handle dir, const char *name,
			  gofer_handle target);
MUST_CHECK int gofer_unlink(gofer_handle dir, const char *name, bool directory);
MUST_CHECK int gofer_rename(gofer_handle old_dir, const char *old_name,
			    gofer_handle new_dir, const char *new_name,
			    uint32_t flags);
/* Allocated target; caller frees. */
MUST_CHECK int gofer_readlink(gofer_handle h, char **out_target);
/*
 * Entries from @cookie (0: start) on, never "." and "..".  @emit gets each with
 * its handle-less facts; returns false to stop.  *cookie advances; *eof.
 */
struct gofer_dirent {
	const char *name;
	size_t name_len;
	uint64_t ino;
	uint64_t next; /* cookie of what comes after it */
	uint8_t type;  /* DT_* */
};
MUST_CHECK int gofer_readdir(gofer_handle dir, uint64_t *cookie, bool *eof,
			     bool (*emit)(void *arg,
					  const struct gofer_dirent *de),
			     void *arg);
/* The same with attributes instead of cookies; @st NULL: ask by a walk. */
MUST_CHECK int gofer_list(gofer_handle dir, uint64_t *cookie, bool *eof,
			  bool (*emit)(void *arg, const char *name, size_t len,
				       const struct kstat *st),
			  void *arg);
MUST_CHECK int gofer_statfs(gofer_handle h, struct kstatfs *out);
MUST_CHECK int gofer_fsync(gofer_handle h, bool data_only);
MUST_CHECK long gofer_getxattr(gofer_handle h, const char *name, void *buf,
			       size_t size);
MUST_CHECK int gofer_setxattr(gofer_handle h, const char *name, const void *buf,
			      size_t size, int flags);
MUST_CHECK long gofer_listxattr(gofer_handle h, char *buf, size_t size);
MUST_CHECK int gofer_removexattr(gofer_handle h, const char *name);
/* Changes of the directory are reported from now on, as *wd. */
MUST_CHECK int gofer_watch(gofer_handle dir, int32_t *wd);
void gofer_unwatch(int32_t wd);
/*
 * Sleeps until there is a change: *out, its name with a NUL; or *lost: some
 * lost.  One thread only.  -EIO once the connection has ended.
 */
MUST_CHECK int gofer_next_event(struct gofer_event *out, bool *lost);
/* Never blocks: handles are gathered and sent with a later message. */
void gofer_release(gofer_handle h);

#endif
