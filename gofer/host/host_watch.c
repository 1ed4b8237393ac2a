/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_watch: inotify of the host, for exports that others may change.
 *
 * The gofer sleeps on a futex; the signal of the inotify instance adds to that
 * word, so that no event comes between a look and the sleep.
 *
 * Locks: none, one thread and its signal handler.
 * Tests: tests/hostile/shared.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "gofer/host/host.h"

#define WATCHED                                                                \
	(IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM |              \
	 IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | \
	 IN_ONLYDIR)

static _Atomic uint32_t *g_bell;
static _Atomic bool g_pending;

int gofer_host_watch_new(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int gofer_host_watch_start(_Atomic uint32_t *bell)
{
	g_bell = bell;
	if (fcntl(FD_WATCH, F_SETOWN, getpid()) < 0 ||
	    fcntl(FD_WATCH, F_SETFL, O_NONBLOCK | O_ASYNC) < 0)
		return -errno;
	return 0;
}

/* Through FD_PROC, which is the current directory. */
int gofer_host_watch_add(int fd)
{
	char name[12];
	int wd;

	snprintf(name, sizeof(name), "%d", fd);
	wd = inotify_add_watch(FD_WATCH, name, WATCHED);
	return wd < 0 ? -errno : wd;
}

int gofer_host_watch_remove(int wd)
{
	return inotify_rm_watch(FD_WATCH, wd) < 0 ? -errno : 0;
}

void gofer_host_watch_signal(void)
{
	if (!g_bell)
		return;
	atomic_store(&g_pending, true);
	atomic_fetch_add(g_bell, 1);
}

bool gofer_host_watch_pending(void)
{
	return atomic_load(&g_pending) && atomic_exchange(&g_pending, false);
}

long gofer_host_watch_read(void *buf, size_t size)
{
	ssize_t n = read(FD_WATCH, buf, size);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}
