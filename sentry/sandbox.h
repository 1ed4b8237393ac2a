/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox: what the launcher hands to the sentry at start, and what the sentry
 * tells it back.  The launcher is trusted; both are one binary.
 */
#ifndef SENTRY_SANDBOX_H
#define SENTRY_SANDBOX_H

#include "platform.h"
#include "sentry/lib/log.h"

struct oci_spec;

/* Records of the control socket (SOCK_SEQPACKET), launcher <-> sentry. */
enum control_kind {
	/* sentry -> launcher */
	CONTROL_STARTED, /* the program runs; pid of the init process */
	CONTROL_EXITED,	 /* .status as wait(2) */
	CONTROL_STOPPED, /* init was stopped by .status (signal) */
	CONTROL_FAILED,	 /* .status: exit code (125..127); text says why */
	CONTROL_ASK_TTY, /* is the launcher in the terminal's foreground? */
	CONTROL_CREATED, /* all is ready for CONTROL_START */
	CONTROL_REPLY,	 /* to request .id: .status 0 or an exit code; text */
	/* The process of request .id: .status as wait(2). */
	CONTROL_EXEC_EXITED,
	/* launcher -> sentry */
	CONTROL_SIGNAL, /* .status: signal for the foreground group */
	CONTROL_WINCH,	/* the terminal was resized */
	CONTROL_TTY,	/* .status: 1 in its foreground, 0 not */
	CONTROL_KILL,	/* end everything now (--timeout) */
	/*
	 * Requests: .id is not 0 and comes back with CONTROL_REPLY.
	 * START: the program, that CONTROL_CREATED found, is to run.
	 * KILL_ALL: .status is a signal for every process.
	 * EXEC: descriptors: a file with a process (process_codec.h), then its
	 * stdio and what follows it.  EXEC_SIGNAL: .status for that process;
	 * text[0]: for the foreground of its terminal.
	 * PS, STATS: descriptor of a file that gets the answer.
	 * UPDATE: text holds a struct control_limits.
	 */
	CONTROL_START,
	CONTROL_SIGNAL_ALL,
	CONTROL_EXEC,
	CONTROL_EXEC_SIGNAL,
	CONTROL_PAUSE,
	CONTROL_RESUME,
	CONTROL_PS,
	CONTROL_STATS,
	CONTROL_UPDATE,
};
struct control_msg {
	uint32_t kind;
	int32_t status;
	uint32_t id;	/* of a request; 0: none */
	char text[500]; /* NUL-terminated */
};
/* Descriptors that come with one record: a file, stdio, --preserve-fds. */
#define CONTROL_FDS_MAX	  (4 + CONTROL_EXTRA_MAX)
#define CONTROL_EXTRA_MAX 16

/* 0: as it is; UINT64_MAX: none. */
struct control_limits {
	uint64_t memory, pids;
	uint64_t quota_us, period_us;
};

struct sandbox_config {
	const struct oci_spec *spec; /* process, mounts, hostname, ... */
	const struct platform_ops *platform;
	const char *platform_note; /* why not another one; for the log */
	int control_fd, memory_fd, gofer_shm_fd, gofer_sock_fd, log_fd;
	int stdio[3];		      /* host descriptors of the program */
	int extra[CONTROL_EXTRA_MAX]; /* they become 3, 4, ... */
	unsigned int nr_extra;
	uint64_t memory_limit; /* bytes, 0: none */
	int strace_fd;	       /* -1: off */
	int device_fd;	       /* of the platform, -1: it needs none */
	enum log_level log_level;
	bool tty;	/* stdio[0] is the caller's terminal */
	bool own_tty;	/* it is a pseudo terminal of the container's own */
	bool container; /* an OCI container: waits for CONTROL_START */
	/* As the launcher's caller had them, for the program; bit N-1. */
	uint64_t ignored_signals, blocked_signals;
	uint32_t umask;
	uint32_t uid, gid; /* the ids that the user namespace maps */
	bool unprivileged; /* the caller could map its own id only */
};

/*
 * The sentry's whole life, in its own process, namespaces made, root empty:
 * starts the platform, drops rights, closes the filter, loads the program, runs
 * until its init process has ended.  Never returns.
 */
NORETURN void sentry_main(const struct sandbox_config *config);
/* Ends the sandbox from any thread: logs, tells the launcher, exits. */
NORETURN void sandbox_die(const char *why);

#endif
