/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor: the process that stands for a container on the host.
 *
 * It is the child of `create` that outlives it: parent of gofer and sentry,
 * ends when they do and as the container's program did, so that an engine can
 * wait for it.  Commands reach it through ROOT/ID/control: one record of
 * struct control_msg each way, with descriptors; a connection is one command.
 */
#ifndef SENTRY_CMD_HOST_MONITOR_H
#define SENTRY_CMD_HOST_MONITOR_H

#include "sentry/cmd/host/container.h"
#include "sentry/cmd/host/launch.h"
#include "sentry/sandbox.h"

struct monitor_args {
	struct launch_args launch;
	const struct container *c;
	int listen_fd;
	int sync_fd;	   /* to `create` */
	int console_fd;	   /* --console-socket; -1: none */
	bool keep_session; /* the caller's terminal is the container's */
};

/* What the monitor says to `create`, in .kind of a struct control_msg. */
enum { SYNC_NAMESPACES = 100, SYNC_CREATED, SYNC_FAILED, SYNC_GO };

/* The monitor's whole life, in a fresh fork of `create`. */
NORETURN void monitor_main(struct monitor_args *args);

/* The listening socket of @c; -errno. */
MUST_CHECK int monitor_listen(const struct container *c);
/* Connects; -errno, -ECONNREFUSED if the monitor is gone. */
MUST_CHECK int monitor_connect(const struct container *c);
/* Sends one record with descriptors. */
MUST_CHECK int monitor_send(int fd, const struct control_msg *msg,
			    const int *fds, unsigned int nr);
/* Receives one; 0: the other end is gone.  @fds as host_control_recv_fds(). */
MUST_CHECK int monitor_recv(int fd, struct control_msg *msg, int *fds,
			    unsigned int max, unsigned int *nr);
/*
 * One request and its reply.  0 or the reply's status; -errno.  The text of a
 * refusal is left in @msg.
 */
MUST_CHECK int monitor_ask(const struct container *c, struct control_msg *msg,
			   const int *fds, unsigned int nr);

/* --- console_host.c ------------------------------------------------------- */

/*
 * Makes a pseudo terminal, sends its master to the socket @console and becomes
 * the leader of its session.  The slave or -errno.
 */
MUST_CHECK int console_make(int console, uint16_t rows, uint16_t columns);
/* Connects to --console-socket; -errno. */
MUST_CHECK int console_connect(const char *path);

/* Blocks all signals that can be passed on; a signalfd of them, or -errno. */
MUST_CHECK int monitor_signals(void);
/* Ends this process as wait status @status says. */
NORETURN void end_as(int status);

#endif
