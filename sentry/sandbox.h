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
	/* launcher -> sentry */
	CONTROL_SIGNAL, /* .status: signal for the foreground group */
	CONTROL_WINCH,	/* the terminal was resized */
	CONTROL_TTY,	/* .status: 1 in its foreground, 0 not */
	CONTROL_KILL,	/* end everything now (--timeout) */
};
struct control_msg {
	uint32_t kind;
	int32_t status;
	char text[504]; /* NUL-terminated */
};

struct sandbox_config {
	const struct oci_spec *spec; /* process, mounts, hostname, ... */
	const struct platform_ops *platform;
	int control_fd, memory_fd, gofer_shm_fd, gofer_sock_fd, log_fd;
	int stdio[3];	       /* host descriptors of the program */
	uint64_t memory_limit; /* bytes, 0: none */
	int strace_fd;	       /* -1: off */
	enum log_level log_level;
	bool tty; /* stdio[0] is the caller's terminal */
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
