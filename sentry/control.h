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
/* Before control_start() too. */
void control_send_failed(int fd, int exit_code, const char *text);

#endif
