/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll: epoll(7) instances.
 */
#ifndef SENTRY_FS_EPOLL_EPOLL_H
#define SENTRY_FS_EPOLL_EPOLL_H

#include "abi/epoll.h"
#include "sentry/vfs/vfs.h"

/* A new instance as a file with one reference.  -ENOMEM. */
MUST_CHECK int epoll_new(struct file **out);
bool file_is_epoll(const struct file *f);

/*
 * epoll_ctl(2) on @epf for the target @f known as descriptor @fd.  Caller holds
 * references on both.  @ev: ignored for DEL.
 * Returns: 0; -EINVAL, -EPERM, -EEXIST, -ENOENT, -ELOOP, -ENOMEM, -ENOSPC.
 */
MUST_CHECK int epoll_control(struct file *epf, int op, struct file *f, int fd,
			     const struct linux_epoll_event *ev);
/*
 * epoll_wait(2): up to @max events to @events.  @deadline: monotonic ns, 0: do
 * not wait, NO_DEADLINE: for ever.
 * Returns: number of events; -EINTR; -EFAULT.
 */
MUST_CHECK long epoll_wait_events(struct file *epf, uaddr_t events,
				  uint32_t max, uint64_t deadline);

/*
 * For kcmp(2): the @nth target known as descriptor @fd, good for comparing
 * only.  -EINVAL: @epf is no instance; -ENOENT.
 */
MUST_CHECK int epoll_peek_watched(struct file *epf, int fd, uint32_t nth,
				  const void **out);

/* file_put() on the last reference of a file that some epoll watches. */
void epoll_file_gone(struct file *f);

#endif
