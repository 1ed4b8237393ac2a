/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host: the only host system calls of the gofer, each a line of its filter
 * (gofer/seccomp.c).  All return >= 0 or -errno.
 *
 * An O_PATH descriptor cannot be read, written or given attributes directly.
 * Those calls go through the link N of FD_PROC, this process's own
 * /proc/self/fd, bound away from the rest of /proc: it leads to exactly the
 * file that descriptor N holds, whatever its name has become meanwhile, so no
 * race with a rename or a symbolic link can redirect it.  The one thread of
 * the gofer makes sure that N is not reused in between.
 */
#ifndef GOFER_HOST_HOST_H
#define GOFER_HOST_HOST_H

#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "gofer_proto.h"
#include "sentry/lib/compiler.h"

/* Fixed descriptor numbers while serving; the filter knows them. */
enum {
	FD_SOCK = 0,
	FD_PROC = 1,
	FD_LOG = 2,
	FD_ERR = 3,
	FD_WATCH = 4, /* inotify, or FD_PROC again: no shared export */
	FD_EXPORTS = 5
};

/* --- host_file.c: while serving ------------------------------------------- */

/*
 * Opens one component below @dir with RESOLVE_BENEATH, NO_SYMLINKS and
 * NO_MAGICLINKS; close-on-exec.  @mode only with O_CREAT.
 */
MUST_CHECK int gofer_host_open_child(int dir, const char *name, uint64_t flags,
				     uint32_t mode);
/* Opens what the O_PATH descriptor @fd holds. */
MUST_CHECK int gofer_host_reopen(int fd, int flags);
MUST_CHECK int gofer_host_statx(int fd, struct statx *out);
/* The same of one name below @dir, a link not followed. */
MUST_CHECK int gofer_host_statx_child(int dir, const char *name,
				      struct statx *out);
MUST_CHECK int gofer_host_statfs(int fd, struct statfs *out);
/* What this process may do with @fd: R=4 W=2 X=1; that the mount is read-only
 * does not count. */
unsigned int gofer_host_access(int fd);
MUST_CHECK long gofer_host_readlink(int fd, char *buf, size_t size);
MUST_CHECK long gofer_host_getdents(int fd, void *buf, size_t size);
MUST_CHECK int64_t gofer_host_seek(int fd, int64_t off);
MUST_CHECK int gofer_host_fsync(int fd, bool data_only);
void gofer_host_close(int fd);

/* Entries of the directory @dir, as the calls of their names; @name is one
 * checked component. */
MUST_CHECK int gofer_host_mkdir(int dir, const char *name, uint32_t mode);
MUST_CHECK int gofer_host_mknod(int dir, const char *name, uint32_t mode);
MUST_CHECK int gofer_host_symlink(const char *target, int dir,
				  const char *name);
MUST_CHECK int gofer_host_link(int target, int dir, const char *name);
int gofer_host_unlink(int dir, const char *name, bool directory);
MUST_CHECK int gofer_host_rename(int old_dir, const char *old_name, int new_dir,
				 const char *new_name, uint32_t flags);
/* UINT32_MAX leaves an id as it is. */
MUST_CHECK int gofer_host_chown(int fd, uint32_t uid, uint32_t gid);
MUST_CHECK int gofer_host_chmod(int fd, uint32_t mode);
MUST_CHECK int gofer_host_utimens(int fd, const struct timespec times[2]);
MUST_CHECK int gofer_host_truncate(int fd, uint64_t size); /* an open file */

/* Extended attributes of what the O_PATH descriptor @fd holds. */
MUST_CHECK long gofer_host_getxattr(int fd, const char *name, void *buf,
				    size_t size);
MUST_CHECK int gofer_host_setxattr(int fd, const char *name, const void *buf,
				   size_t size, int flags);
MUST_CHECK long gofer_host_listxattr(int fd, char *buf, size_t size);
MUST_CHECK int gofer_host_removexattr(int fd, const char *name);

/* --- host_watch.c --------------------------------------------------------- */

/* An inotify instance for FD_WATCH. */
MUST_CHECK int gofer_host_watch_new(void);
/* Its signals add to @bell from now on; FD_WATCH is in place. */
MUST_CHECK int gofer_host_watch_start(_Atomic uint32_t *bell);
/* Reports changes of the directory that the O_PATH descriptor @fd holds: a
 * number of ours, or -errno. */
MUST_CHECK int gofer_host_watch_add(int fd);
/* -EINVAL: there is no such watch. */
MUST_CHECK int gofer_host_watch_remove(int wd);
/* Is there something to read?  Clears the mark. */
bool gofer_host_watch_pending(void);
/* From the handler of SIGIO: there may be something. */
void gofer_host_watch_signal(void);
/* inotify events; 0: none. */
MUST_CHECK long gofer_host_watch_read(void *buf, size_t size);

/* --- host_ipc.c ----------------------------------------------------------- */

/* Futex on shared memory.  Returns early for any reason. */
void gofer_host_wait(_Atomic uint32_t *word, uint32_t expect);
void gofer_host_wake(_Atomic uint32_t *word);
/* Runs on @cpu from now on, if that exists. */
void gofer_host_move(uint32_t cpu);
/* Never blocks: -EAGAIN if the sentry does not take its descriptors. */
MUST_CHECK int gofer_host_send_fd(const struct gofer_fd_tag *tag, int fd);
void gofer_host_log(const char *line, size_t size);
/* Sizes and maps the shared memory. */
MUST_CHECK int gofer_host_map_shared(int fd, size_t size, void **out);
/* Sparse, zeroed memory that is only used where it is touched. */
MUST_CHECK int gofer_host_reserve(size_t size, void **out);
/* Ends this process when the other end of FD_SOCK is closed. */
MUST_CHECK int gofer_host_end_on_hangup(void);

/* --- host_mount.c, host_confine.c: set-up --------------------------------- */

/* From now on mount changes stay in this namespace. */
MUST_CHECK int gofer_host_mounts_private(void);
/*
 * A detached copy of the mounts at and below @source: nodev, nosuid, symbolic
 * links not followed, and read-only if asked.  A descriptor.
 */
MUST_CHECK int gofer_host_export(const char *source, bool readonly);
/* A detached mount of this process's /proc/self/fd, and nothing else of it. */
MUST_CHECK int gofer_host_own_fds(void);
/* Leaves the process in an empty, read-only root; the old one is gone. */
MUST_CHECK int gofer_host_empty_root(void);
/*
 * Puts @fds[i] at descriptor i and closes all others.  Entries of -1 leave
 * their number closed.
 */
MUST_CHECK int gofer_host_place_fds(int *fds, unsigned int nr);
/* Keeps only @caps (bits) and no_new_privs; no way back. */
MUST_CHECK int gofer_host_drop_caps(uint64_t caps);
/* Signals, umask, name, limits, the parent's death.  Returns the number of
 * descriptors that may be open. */
MUST_CHECK int gofer_host_settle(void);
/* The current directory becomes FD_PROC: see gofer_host_getxattr(). */
MUST_CHECK int gofer_host_enter_proc(void);
void gofer_host_report(int fd, const char *text, size_t size);
void gofer_host_ids(uint32_t *uid, uint32_t *gid);
NORETURN void gofer_host_exit(int status);

#endif
