/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console: the terminal of the sandbox's caller, passed through.
 *
 * The host's line discipline edits, echoes and makes signals; the launcher
 * gets those signals and forwards them.  Sessions and foreground groups are
 * ours.  The guest sees it as a /dev/pts node.
 */
#ifndef SENTRY_FS_TTY_CONSOLE_H
#define SENTRY_FS_TTY_CONSOLE_H

#include <sys/stat.h>

#include "sentry/vfs/vfs.h"

struct tty;
struct tty_ctl;

/*
 * A file for @host_fd (taken over on success), if that is a terminal.
 * Caller: start-up, one thread.  -ENOTTY; -ENOMEM.
 */
MUST_CHECK int console_file_new(int host_fd, uint32_t flags,
				const struct stat *st, struct file **out);
/*
 * A file for a pseudo terminal that nobody else uses (OCI containers): always
 * in the foreground, gone with its last file.  @host_fd is taken over, closed
 * on failure.  @main: it is console_tty(), and stays.  Any thread; @main at
 * start-up.  -ENOTTY; -ENOMEM, -ENOSPC.
 */
MUST_CHECK int console_file_own(int host_fd, bool main, struct file **out);
/* What is to be the controlling terminal of the first process: that of @f,
 * borrowed, or NULL if it is not the caller's terminal. */
struct tty_ctl *console_setup(struct file *f);
/* SIGINT, SIGTSTP, SIGWINCH ... for the foreground group.  Any thread. */
void console_signal(int signo);
/* The launcher says whether it is in the foreground of the terminal. */
void console_set_foreground(bool foreground);
/* The program has stopped: the caller's shell may do with the terminal what it
 * likes, so that the launcher has to be asked again. */
void console_forget_foreground(void);
/* control.c: asks the launcher, which answers by the above. */
void sandbox_ask_foreground(void);
/* The caller's terminal, borrowed; NULL: there is none. */
struct tty *console_tty(void);

#endif
