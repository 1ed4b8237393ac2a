/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs: mount points in a container's root file system.
 *
 * Trust: whoever made the root file system may have put links anywhere.  Every
 * step is openat2(2) with RESOLVE_IN_ROOT, so that none leads out of it.
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sentry/cmd/host/container.h"
#include "sentry/lib/alloc.h"

static int open_in(int root, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT |
					   RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The last component of @path, below the directory @dir. */
static int make_one(int dir, const char *name, bool directory)
{
	int fd;

	if (directory)
		return mkdirat(dir, name, 0755) < 0 && errno != EEXIST ? -errno
								       : 0;
	fd = openat(dir, name,
		    O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

static int make_point(int root, const char *dest, bool directory)
{
	AUTO_FREE char *path = xstrdup(dest);
	size_t len = strlen(path);
	char *slash;
	int fd, ret;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	fd = open_in(root, path);
	if (fd != -ENOENT) {
		if (fd >= 0)
			close(fd);
		return MIN(fd, 0);
	}
	slash = strrchr(path, '/');
	if (!slash || strcmp(slash + 1, "..") == 0)
		return -ENOENT;
	*slash = '\0';
	ret = *path ? make_point(root, path, true) : 0;
	if (ret < 0)
		return ret;
	fd = open_in(root, *path ? path : "/");
	if (fd < 0)
		return fd;
	ret = make_one(fd, slash + 1, directory);
	close(fd);
	return ret;
}

/* Is @dest inside one of the mounts before the @nr-th?  The sentry makes the
 * point there. */
static bool is_covered(const struct oci_spec *spec, uint32_t nr)
{
	const char *dest = spec->mounts[nr].destination;

	for (uint32_t i = 0; i < nr; i++) {
		const char *over = spec->mounts[i].destination;
		size_t len = strlen(over);

		if (len == 1 || (strncmp(dest, over, len) == 0 &&
				 (dest[len] == '/' || dest[len] == '\0')))
			return true;
	}
	return false;
}

static bool prepare_one(const struct oci_spec *spec, uint32_t nr, int root)
{
	const struct oci_mount *m = &spec->mounts[nr];
	bool directory = true;
	struct stat st;
	int ret;

	if (m->kind == OCI_MOUNT_BIND) {
		if (stat(m->source, &st) < 0) {
			oci_fail("mounts[%u].source: cannot bind %s: %s", nr,
				 m->source, strerror(errno));
			return false;
		}
		directory = S_ISDIR(st.st_mode);
	}
	if (is_covered(spec, nr))
		return true;
	ret = make_point(root, m->destination, directory);
	/* A root that cannot be written may have the point by another way. */
	if (ret < 0 && ret != -EROFS) {
		oci_fail("mounts[%u].destination: cannot make %s in the root "
			 "file system: %s",
			 nr, m->destination, strerror(-ret));
		return false;
	}
	return true;
}

bool rootfs_prepare(const struct oci_spec *spec)
{
	int root = open(spec->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool ok = true;

	if (root < 0) {
		oci_fail("root.path: cannot open rootfs %s: %s",
			 spec->root_path, strerror(errno));
		return false;
	}
	for (uint32_t i = 0; i < spec->nr_mounts && ok; i++)
		ok = prepare_one(spec, i, root);
	close(root);
	return ok;
}
