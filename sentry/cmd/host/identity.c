/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: who calls, from where; paths of the host as the caller means them.
 */
#include <errno.h>
#include <fcntl.h>
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
		memcpy(out->hostname, uts.nodename,
		       sizeof(out->hostname));
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
