/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch: makes the processes of a sandbox, waits for them, cleans up.
 *
 * launcher (this process) - gofer - sentry (PID 1 of its own namespace; the
 * stubs live in it).  Each of the three notices the death of the others: the
 * children by PR_SET_PDEATHSIG and closed sockets, the launcher by pidfds.
 */
#ifndef SENTRY_CMD_HOST_LAUNCH_H
#define SENTRY_CMD_HOST_LAUNCH_H

#include <sys/types.h>

#include "sentry/lib/compiler.h"
#include "sentry/lib/log.h"

struct oci_spec;
struct platform_ops;
struct run_options;

struct launch_args {
	struct oci_spec *spec; /* export ids of its mounts are filled in */
	const struct platform_ops *platform;
	char platform_note[512]; /* for the log: why not another one */
	const char *log_path;	 /* NULL: stderr */
	const char *strace_path; /* NULL: stderr */
	bool want_strace;
	enum log_level log_level;
	uint64_t timeout_ms; /* 0: none */
	/* An OCI container: starts when told to, has nothing of the caller's
	 * mask and signals. */
	bool container;
	bool own_tty;	  /* stdin is a terminal made for it */
	const int *extra; /* descriptors that the program gets from 3 on */
	unsigned int nr_extra;
};

/* Runs the sandbox to its end.  Returns the exit code for the caller. */
int launch(const struct launch_args *args);

/* --- identity.c: facts about the caller --------------------------------- */

struct caller {
	uint32_t uid, gid;
	uint32_t *groups;
	uint32_t nr_groups;
	char *cwd; /* NULL if it cannot be named */
	char hostname[65];
};
/* Fills *out; strings and arrays are allocated. */
void caller_read(struct caller *out);
/*
 * What the caller's process hands to a program besides its arguments, which
 * the launcher must not use up or change for itself.
 */
struct inherited {
	uint64_t ignored, blocked; /* signals; bit N-1 */
	uint32_t umask;
	bool closed[3]; /* of stdin, stdout, stderr; they are /dev/null now */
};
/*
 * Notes it, once, before anything is opened or forked, and makes the launcher
 * safe against it.  -errno if that fails.
 */
MUST_CHECK int caller_inherit(void);
const struct inherited *caller_inherited(void);
/* An absolute form of @path below the caller's directory; allocated. */
char *caller_absolute(const char *path);
/* 0 if @path can be opened as a directory (or, @any, as anything). */
int caller_can_open(const char *path, bool any);

/*
 * How many processes and threads a sandbox may have if nobody says: each takes
 * two of the caller's, of which it gets at most a quarter (limits.c).
 */
uint64_t caller_task_limit(void);

/* --- spawn.c: children in namespaces of their own ------------------------- */

struct child {
	const char *name; /* "gofer", "sentry": for messages */
	pid_t pid;
	int pidfd;  /* -1 once reaped */
	int status; /* wait status once reaped */
};
/*
 * Clones a child into new user, mount, pid, net, ipc and uts namespaces and
 * writes its id maps; in the child it returns 0 when they are in place.
 * @map_all: map every id that the caller's namespace has (needs privilege),
 * else only @uid and @gid.
 * Returns: 1 in the parent with *out filled, 0 in the child, or -errno with
 * *why set to a sentence.
 */
int spawn(const char *name, bool map_all, uint32_t uid, uint32_t gid,
	  struct child *out, const char **why);
/* SIGKILL and reap; harmless if reaped. */
void child_kill(struct child *c);
/* True if it has ended; fills .status. */
bool child_reap(struct child *c);
/* Whether the caller may map ids that are not its own. */
bool spawn_privileged(void);

/* The processes of a sandbox, and the way to them. */
struct launched {
	struct child gofer, sentry;
	int control_fd;	  /* socket to the sentry */
	int gofer_err_fd; /* text of a gofer that failed to start */
};
/*
 * Makes both; false after a complaint, with nothing left.  Signals that matter
 * are blocked by the caller.
 */
MUST_CHECK bool launch_children(const struct launch_args *args,
				struct launched *out);

/* --- relay.c: the launcher's loop ----------------------------------------- */

struct relay {
	int control_fd;	  /* socket to the sentry */
	int gofer_err_fd; /* text of a gofer that failed to start */
	struct child *gofer, *sentry;
	uint64_t timeout_ms;
	bool tty; /* stdin is a terminal */
};
/* Blocks the signals that are passed on; before any child is made. */
void relay_block_signals(void);
/* In a child: the caller's mask again. */
void relay_unblock_signals(void);
/* Until the sandbox has ended; returns the exit code. */
int relay_run(struct relay *r);

#endif
