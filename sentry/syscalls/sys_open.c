/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_open: open(2), openat2(2), creat(2), close(2), close_range(2),
 * memfd_create(2).
 *
 * Tests: tests/conformance/open.c
 */
#include "sentry/syscalls/sys_file.h"
#include "syscalls.h"

static long open_common(struct task *t, int dirfd, uaddr_t path, uint32_t flags,
			uint32_t mode, uint32_t walk)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct path_buf b;
	int ret;

	ret = open_check_flags(flags & LINUX_O_VALID);
	if (ret == 0)
		ret = path_in(&b, path);
	if (ret == 0)
		ret = vfs_open(dirfd, b.name, flags, mode, walk, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, flags & LINUX_O_CLOEXEC);
}

long sys_open(struct task *t, uaddr_t path, uint32_t flags, uint32_t mode)
{
	return open_common(t, LINUX_AT_FDCWD, path, flags | LINUX_O_LARGEFILE,
			   mode, 0);
}

long sys_openat(struct task *t, int32_t dirfd, uaddr_t path, uint32_t flags,
		uint32_t mode)
{
	return open_common(t, dirfd, path, flags | LINUX_O_LARGEFILE, mode, 0);
}

long sys_creat(struct task *t, uaddr_t path, uint32_t mode)
{
	return open_common(t, LINUX_AT_FDCWD, path,
			   LINUX_O_CREAT | LINUX_O_WRONLY | LINUX_O_TRUNC |
				   LINUX_O_LARGEFILE,
			   mode, 0);
}

static const struct {
	uint64_t resolve;
	uint32_t walk;
} resolve_map[] = {
	{ LINUX_RESOLVE_NO_XDEV, WALK_NO_XDEV },
	{ LINUX_RESOLVE_NO_MAGICLINKS, WALK_NO_MAGICLINKS },
	{ LINUX_RESOLVE_NO_SYMLINKS, WALK_NO_SYMLINKS },
	{ LINUX_RESOLVE_BENEATH, WALK_BENEATH },
	{ LINUX_RESOLVE_IN_ROOT, WALK_IN_ROOT },
	{ LINUX_RESOLVE_CACHED, WALK_CACHED },
};

/* RESOLVE_* to WALK_*, or -EINVAL for unknown ones. */
static int resolve_to_walk(uint64_t resolve, uint32_t *walk)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(resolve_map); i++) {
		if (resolve & resolve_map[i].resolve)
			*walk |= resolve_map[i].walk;
		resolve &= ~resolve_map[i].resolve;
	}
	return resolve ? -EINVAL : 0;
}

/* What openat2 refuses and open ignores. */
static int check_how(const struct linux_open_how *how)
{
	const uint64_t scoped = LINUX_RESOLVE_BENEATH | LINUX_RESOLVE_IN_ROOT;
	bool makes = how->flags & (LINUX_O_CREAT | LINUX_O_TMPFILE_BIT);

	if (how->flags & ~(uint64_t)LINUX_O_VALID)
		return -EINVAL;
	if ((how->resolve & scoped) == scoped)
		return -EINVAL;
	if (makes ? how->mode & ~(uint64_t)LINUX_S_IALLUGO : how->mode)
		return -EINVAL;
	if ((how->flags & LINUX_O_PATH) &&
	    (how->flags & ~(uint64_t)LINUX_O_PATH_FLAGS))
		return -EINVAL;
	if ((how->resolve & LINUX_RESOLVE_CACHED) &&
	    (how->flags &
	     (LINUX_O_TRUNC | LINUX_O_CREAT | LINUX_O_TMPFILE_BIT)))
		return -EAGAIN;
	return 0;
}

long sys_openat2(struct task *t, int32_t dirfd, uaddr_t path, uaddr_t how,
		 uint64_t size)
{
	struct linux_open_how h;
	uint32_t walk = 0;
	int ret;

	if (size < sizeof(h))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_in_struct(&h, sizeof(h), how, size);
	if (ret == 0)
		ret = resolve_to_walk(h.resolve, &walk);
	if (ret == 0)
		ret = check_how(&h);
	if (ret < 0)
		return ret;
	/* As on Linux: O_LARGEFILE is forced unless only a path is wanted. */
	if (!(h.flags & LINUX_O_PATH))
		h.flags |= LINUX_O_LARGEFILE;
	return open_common(t, dirfd, path, (uint32_t)h.flags, (uint32_t)h.mode,
			   walk);
}

long sys_close(struct task *t, int32_t fd)
{
	int ret = fd_table_close(t->fds, fd);

	/* The descriptor is gone: nothing can be restarted. */
	if (ret == -ERESTARTSYS || ret == -ERESTARTNOINTR ||
	    ret == -ERESTARTNOHAND || ret == -ERESTART_RESTARTBLOCK)
		return -EINTR;
	return ret;
}

long sys_close_range(struct task *t, uint32_t first, uint32_t last,
		     uint32_t flags)
{
	bool cloexec = flags & LINUX_CLOSE_RANGE_CLOEXEC;
	struct fd_table *own, *old;
	int ret;

	if (flags &
	    ~(uint32_t)(LINUX_CLOSE_RANGE_UNSHARE | LINUX_CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (first > last)
		return -EINVAL;
	if (flags & LINUX_CLOSE_RANGE_UNSHARE) {
		ret = fd_table_fork(t->fds, &own);
		if (ret < 0)
			return ret;
		mutex_lock(&t->mu);
		old = t->fds;
		t->fds = own;
		mutex_unlock(&t->mu);
		fd_table_put(old);
	}
	return fd_table_close_range(t->fds, first, last, cloexec);
}

long sys_memfd_create(struct task *t, uaddr_t name, uint32_t flags)
{
	const uint32_t exec = LINUX_MFD_EXEC | LINUX_MFD_NOEXEC_SEAL;
	AUTO_PUT(file) struct file *f = NULL;
	char buf[NAME_MAX_LEN - 6 + 1]; /* "memfd:" counts */
	long len;
	int ret;

	if (flags & ~(LINUX_MFD_CLOEXEC | LINUX_MFD_ALLOW_SEALING | exec))
		return -EINVAL; /* MFD_HUGETLB: there are no huge pages */
	if ((flags & exec) == exec)
		return -EINVAL;
	len = copy_in_str(buf, name, sizeof(buf));
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	ret = tmpfs_anon_file(buf, flags, &f);
	if (ret < 0)
		return ret;
	return fd_table_install(t->fds, f, flags & LINUX_MFD_CLOEXEC);
}
