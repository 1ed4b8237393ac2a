/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_confine: descriptors, root directory and rights of the sentry.
 *
 * The user namespace maps one unprivileged id; its capabilities are needed for
 * the mounts below and dropped right after.  See docs/threat-model.md.
 * Tests: tests/hostile/
 */
#include "sentry/host/host_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int close_between(unsigned int first, unsigned int last)
{
	if (first > last)
		return 0;
	return close_range(first, last, 0) < 0 ? -errno : 0;
}

static int raise_limits(void)
{
	struct rlimit none = { 0, 0 }, files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

static int null_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
		ret = -errno;
	if (fd > 1)
		close(fd);
	return ret;
}

int host_confine_fds(const int *keep, unsigned int nr_keep)
{
	int sorted[32];
	unsigned int next = 3;
	int ret = null_stdio();

	if (ret < 0 || nr_keep > 32)
		return ret < 0 ? ret : -E2BIG;
	for (unsigned int i = 0; i < nr_keep; i++)
		sorted[i] = keep[i];
	qsort(sorted, nr_keep, sizeof(int), compare_ints);
	for (unsigned int i = 0; i < nr_keep && ret == 0; i++) {
		if (sorted[i] < (int)next)
			continue;
		ret = close_between(next, (unsigned int)sorted[i] - 1);
		next = (unsigned int)sorted[i] + 1;
	}
	if (ret == 0)
		ret = close_between(next, ~0U);
	if (ret == 0)
		ret = raise_limits();
	if (ret == 0 && setsid() < 0 && errno != EPERM)
		ret = -errno;
	return ret;
}

/* A directory to mount the empty root on; any that exists will do. */
static int mount_empty(void)
{
	static const char *const places[] = { "/proc", "/tmp", "/dev", "/etc" };
	int ret = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(places) && ret < 0; i++) {
		if (mount("none", places[i], "tmpfs",
			  MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "size=4k,nr_inodes=2,mode=555") < 0)
			ret = -errno;
		else
			ret = chdir(places[i]) < 0 ? -errno : 0;
	}
	return ret;
}

int host_confine_root(const char **what)
{
	int ret;

	*what = "making mounts private";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	*what = "mounting an empty root";
	ret = mount_empty();
	if (ret < 0)
		return ret;
	*what = "entering the empty root";
	if (syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
	    mount(NULL, "/", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV |
			  MS_NOEXEC,
		  NULL) < 0)
		return -errno;
	return 0;
}

int host_confine_ids(uint32_t uid, uint32_t gid, bool drop_groups)
{
	if (drop_groups && setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	cap_t none;
	int ret = 0;

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	none = cap_init();
	if (!none)
		return -ENOMEM;
	if (cap_set_proc(none) < 0)
		ret = -errno;
	cap_free(none);
	return ret;
}

int host_confine_rights(const char **what)
{
	int ret;

	*what = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	*what = "dropping capabilities";
	ret = drop_capabilities();
	if (ret < 0)
		return ret;
	*what = "parent death signal";
	/* The stubs that are forked from here on are ours to trace. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

bool host_parent_alive(int control_fd)
{
	struct pollfd p = { .fd = control_fd };

	return poll(&p, 1, 0) == 0;
}
