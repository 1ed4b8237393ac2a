/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipe: pipes and FIFOs, pipe(7) and fifo(7).
 */
#ifndef SENTRY_FS_PIPE_PIPE_H
#define SENTRY_FS_PIPE_PIPE_H

#include "sentry/vfs/vfs.h"

#define PIPE_DEF_SIZE (16 * PAGE_SIZE)
#define PIPE_MAX_SIZE (256 * PAGE_SIZE)
#define PIPE_ATOMIC   4096u /* PIPE_BUF */

/*
 * A new pipe: out[0] is its read end, out[1] its write end, a reference each.
 * @flags: LINUX_O_NONBLOCK, LINUX_O_DIRECT.  -ENOMEM, -ENFILE.
 */
MUST_CHECK int pipe_new(uint32_t flags, struct file *out[2]);

/*
 * The open of any inode of type S_IFIFO, FIFOs of every file system as well as
 * anonymous pipes reached through /proc/pid/fd.  Fills @f.  Waits for the
 * other side as fifo(7) says.
 * Returns: 0; -ENXIO (writer, O_NONBLOCK, no reader); -ERESTARTSYS; -ENOMEM.
 */
MUST_CHECK int fifo_open(struct inode *inode, struct file *f);

/* True if @f is an end of a pipe or an open FIFO. */
bool file_is_pipe(const struct file *f);

/*
 * SIGPIPE for the current task, then -EPIPE; shared with sockets.
 */
int broken_pipe(void);

/*
 * Parts of splice(2), tee(2) and vmsplice(2), on sentry memory.  None of them
 * waits, but pipe_wait(): until there is something to read, or room to write.
 * Return: bytes; 0 at the end of file (reading); -EAGAIN; -EPIPE (writing, no
 * signal sent); pipe_wait(): 0 or -errno.
 */
MUST_CHECK long pipe_take(struct file *f, void *buf, size_t size);
MUST_CHECK long pipe_peek(struct file *f, void *buf, size_t size);
MUST_CHECK long pipe_put_bytes(struct file *f, const void *buf, size_t size);
MUST_CHECK int pipe_wait(struct file *f, bool write, bool nonblock);
/* Room that is there now, for the size of a buffer. */
size_t pipe_room(struct file *f);
/* Puts taken bytes back to the front; lost only without memory. */
void pipe_unget(struct file *f, const void *buf, size_t size);

#endif
