/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: who calls, from where; paths of the host as the caller means them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sentry/cmd/host/launch.h"
#include "sentry/lib/alloc.h"

void caller_read(struct caller *out)
{
	struct utsname uts;
	int n = getgroups(0, NULL);

	*out = (struct caller){ .uid = geteuid(), .gid = getegid() };
	if (n > 0) {
		out->groups = xzalloc(sizeof(gid_t) * (size_t)n);
		n = getgroups(n, out->groups);
		out->nr_groups = n > 0 ? (uint32_t)n : 0;
	}
	out->cwd = getcwd(NULL, 0);
	if (out->cwd && out->cwd[0] != '/') {
		free(out->cwd);
		out->cwd = NULL;
	}
	if (uname(&uts) == 0)
		memcpy(out->hostname, uts.nodename, sizeof(out->hostname));
}

static struct inherited g_inherited;

/* Numbers 0 to 2 must be taken, or something of ours would get them. */
static int fill_stdio(void)
{
	int fd;

	for (int i = 0; i < 3; i++)
		g_inherited.closed[i] = fcntl(i, F_GETFD) < 0;
	do
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int caller_inherit(void)
{
	struct sigaction act;
	sigset_t mask;
	mode_t old = umask(0);

	umask(old);
	g_inherited.umask = old;
	if (sigprocmask(SIG_SETMASK, NULL, &mask) < 0)
		return -errno;
	for (int i = 1; i < NSIG; i++) {
		if (sigismember(&mask, i) == 1)
			g_inherited.blocked |= 1ull << (i - 1);
		if (sigaction(i, NULL, &act) == 0 && act.sa_handler == SIG_IGN)
			g_inherited.ignored |= 1ull << (i - 1);
	}
	/* Ignored, it would reap our children behind our back. */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return -errno;
	return fill_stdio();
}

const struct inherited *caller_inherited(void)
{
	return &g_inherited;
}

char *caller_absolute(const char *path)
{
	AUTO_FREE char *cwd = NULL;

	if (path[0] == '/')
		return xstrdup(path);
	cwd = getcwd(NULL, 0);
	return xasprintf("%s/%s", cwd && cwd[0] == '/' ? cwd : "", path);
}

int caller_can_open(const char *path, bool any)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return access(path, R_OK | X_OK) < 0 ? -errno : 0;
	return any ? 0 : -ENOTDIR;
}
