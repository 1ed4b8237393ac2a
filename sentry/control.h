/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control: the sentry's end of the socket to the launcher.
 */
#ifndef SENTRY_CONTROL_H
#define SENTRY_CONTROL_H

#include "sentry/sandbox.h"

/* Serves what the launcher sends (signals, kill) from the watch thread; the
 * end of the launcher ends the sandbox. */
MUST_CHECK int control_start(int fd);
/* Tells the launcher that all is made; returns when the program is to run. */
void control_await_start(void);
/* The answer to request @id; @text may be NULL. */
void control_reply(uint32_t id, int32_t status, const char *text);
/* control_serve.c: requests about all of the container.  @fd: a file for the
 * answer, or -1; borrowed. */
struct control_msg;
void control_serve(const struct control_msg *msg, int fd);
/* Before control_start() too. */
void control_send_failed(int fd, int exit_code, const char *text);

#endif
