/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container: what the OCI verbs keep of a container under --root.
 *
 *	ROOT/ID/state.json	who and where; replaced as a whole
 *	ROOT/ID/config.json	the configuration it was made from
 *	ROOT/ID/control		socket of its monitor (monitor.h)
 *
 * The directory is the lock: who changes a container holds flock(2) on it.  A
 * state of "created", "running" or "paused" counts only while the monitor
 * lives: a process with that number that started at that time.
 */
#ifndef SENTRY_CMD_HOST_CONTAINER_H
#define SENTRY_CMD_HOST_CONTAINER_H

#include <sys/types.h>

#include "sentry/oci/json.h"
#include "sentry/oci/spec.h"

enum container_status {
	CONTAINER_CREATING,
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPED
};

struct container {
	char *root, *id;
	int dir; /* ROOT/ID, locked; -1 */
	enum container_status status;
	pid_t pid; /* the monitor; 0: none yet */
	uint64_t start_time;
	char *bundle, *rootfs, *created; /* created: RFC 3339 */
	uint32_t owner;
	struct oci_pairs annotations;
	char **cgroups; /* directories that were made for it; may be NULL */
};

/* Prints an error, as --log says too; returns 1, the exit code. */
int oci_fail(const char *fmt, ...) PRINTF(1, 2);
int oci_warn(const char *fmt, ...) PRINTF(1, 2);

/* May @id be one?  As runc: letters, digits, _ + - . and not . or .. */
bool container_id_ok(const char *id);
/*
 * Makes ROOT/ID and locks it.  False after a message.  container_close() in
 * any case, container_remove() before if it is to go again.
 */
MUST_CHECK bool container_new(struct container *c, const char *root,
			      const char *id);
/* Opens and locks an existing one and reads its state; false after a message.
 * @quiet: no message if there is none. */
MUST_CHECK bool container_open(struct container *c, const char *root,
			       const char *id, bool quiet);
/* Writes state.json anew.  False after a message. */
MUST_CHECK bool container_save(struct container *c);
/* Removes the directory with all that is in it. */
void container_remove(struct container *c);
void container_close(struct container *c);
const char *container_status_name(enum container_status s);
/* The state as hooks and `state` have it; allocated. */
char *container_state_json(const struct container *c, bool full);
/* Field 22 of /proc/PID/stat, 0 if there is no such process (or a zombie). */
uint64_t process_start_time(pid_t pid);

/* The names below ROOT that are containers, sorted; NULL-terminated. */
char **container_list(const char *root);

/* A whole file, NUL-terminated, of at most @max bytes; NULL with errno. */
char *read_whole(int dir, const char *name, size_t max, size_t *size);
/* Writes @name in @dir, whole or not at all.  -errno. */
MUST_CHECK int write_whole(int dir, const char *name, const void *data,
			   size_t size);

/* --- hooks.c -------------------------------------------------------------- */

/*
 * Runs the hooks of @kind in their order, each with the state of @c on stdin.
 * False after a message about the first that failed; @ignore: they are all
 * run, failures are warnings.
 */
bool hooks_run(const struct oci_spec *spec, enum oci_hook_kind kind,
	       const struct container *c, bool ignore);
bool hooks_any(const struct oci_spec *spec, enum oci_hook_kind kind);

/* --- cgroup_host.c: the control group of the sandbox's processes ---------- */

/*
 * Makes the group of @spec with its limits, on every hierarchy there is.
 * *made lists directories, for the state.  @must: failures are errors, else
 * (an ordinary user) warnings.  False after a message.
 */
bool cgroup_host_make(const struct oci_spec *spec, const char *id, bool must,
		      char ***made);
/* The calling process enters the directories.  False after a message. */
bool cgroup_host_enter(char *const *dirs, bool must);
/* New limits.  False after a message. */
bool cgroup_host_update(char *const *dirs, const struct oci_resources *r);
/* Kills what is left in them and removes them. */
void cgroup_host_remove(char *const *dirs);

/* --- seccomp_host.c ------------------------------------------------------- */

/* Compiles s->rules into s->program.  False after a message. */
bool seccomp_host_compile(struct oci_seccomp *s);

/* --- rootfs.c ------------------------------------------------------------- */

/*
 * Makes the mount points that the root file system lacks, without leaving it
 * by a link; sources of binds must exist.  False after a message.
 */
bool rootfs_prepare(const struct oci_spec *spec);

#endif
