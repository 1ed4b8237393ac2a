/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_args: the strings of an execve, copied out of the old program; and the
 * program file.
 *
 * Invariant: what is kept is bounded by RLIMIT_STACK / 4 and 6 MiB, pointers
 *            included, whatever the guest points at.
 * Linux: fs/exec.c of 6.18 (bprm_stack_limits, copy_strings).
 * Tests: tests/conformance/exec.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/kernel/exec.h"
#include "sentry/kernel/task_private.h"
#include "sentry/vfs/landlock.h"
#include "sentry/vfs/namei.h"
#include "sentry/vfs/vfs.h"

#define MAX_STRING  (128u << 10) /* MAX_ARG_STRLEN, with the NUL */
#define MAX_STRINGS 0x7fffffffu
#define ARG_MAX_MIN (128ull << 10)
#define ARG_MAX_TOP (6ull << 20) /* 3/4 of the default stack */
#define SMALL	    512

/* One string, appended to @b.  @big: buffer of MAX_STRING, made when needed. */
static int copy_string(struct exec_args *a, struct arg_block *b, uint64_t addr,
		       char **big)
{
	char small[SMALL], *text = small;
	long len = copy_in_str(small, uaddr(addr), sizeof(small));
	size_t size;

	if (len == -ENAMETOOLONG) {
		if (!*big)
			*big = kzalloc(MAX_STRING);
		if (!*big)
			return -ENOMEM;
		text = *big;
		len = copy_in_str(text, uaddr(addr), MAX_STRING);
	}
	if (len == -ENAMETOOLONG)
		return -E2BIG;
	if (len < 0)
		return (int)len;
	size = strlen(text) + 1;
	if (size > a->left)
		return -E2BIG;
	a->left -= size;
	seq_write(&b->text, text, size);
	b->nr++;
	return b->text.failed ? -ENOMEM : 0;
}

/* The pointer number @i, read in runs that do not cross a page. */
struct pointer_run {
	uint64_t base, first;
	uint32_t nr;
	uint64_t p[64];
};

static int next_pointer(struct pointer_run *r, uint64_t i, uint64_t *out)
{
	uint64_t at = r->base + i * 8;
	uint64_t room = (PAGE_SIZE - at % PAGE_SIZE) / 8;

	if (i - r->first >= r->nr) {
		r->first = i;
		r->nr = (uint32_t)MIN(MAX(room, 1), ARRAY_SIZE(r->p));
		if (copy_in(r->p, uaddr(at), r->nr * 8) < 0)
			return -EFAULT;
	}
	*out = r->p[i - r->first];
	return 0;
}

static int charge_pointers(struct exec_args *a, uint64_t nr)
{
	if (a->left <= nr * 8)
		return -E2BIG;
	a->left -= nr * 8;
	return 0;
}

static int copy_strings(struct exec_args *a, struct arg_block *b, uint64_t base)
{
	struct pointer_run run = { .base = base };
	AUTO_FREE char *big = NULL;
	int ret = 0;

	for (uint64_t i = 0; base && ret == 0; i++) {
		uint64_t addr;

		ret = next_pointer(&run, i, &addr);
		if (ret < 0 || !addr)
			break;
		if (i >= MAX_STRINGS)
			return -E2BIG;
		ret = charge_pointers(a, 1);
		if (ret == 0)
			ret = copy_string(a, b, addr, &big);
		if (ret == 0 && task_fatal_signal_pending(current_task()))
			ret = -ERESTARTNOHAND;
	}
	return ret;
}

int exec_args_copy(struct task *t, uaddr_t argv, uaddr_t envp,
		   size_t filename_size, struct exec_args *out)
{
	uint64_t limit = task_rlimit(t, RLIM_STACK) / 4;
	int ret;

	memset(out, 0, sizeof(*out));
	out->left = MAX(MIN(limit, ARG_MAX_TOP), ARG_MAX_MIN);
	if (filename_size > out->left)
		return -E2BIG;
	out->left -= filename_size;
	ret = copy_strings(out, &out->argv, argv.va);
	if (ret == 0)
		ret = copy_strings(out, &out->envp, envp.va);
	if (ret == 0 && out->argv.nr == 0) {
		ret = charge_pointers(out, 1);
		seq_write(&out->argv.text, "", 1);
		out->argv.nr = 1;
		if (ret == 0 && out->argv.text.failed)
			ret = -ENOMEM;
	}
	return ret;
}

void exec_args_fini(struct exec_args *a)
{
	seq_fini(&a->argv.text);
	seq_fini(&a->envp.text);
}

/*
 * A program needs execute permission only, so the kernel's own identity opens
 * it for reading once that was checked.
 */
int exec_open(int dirfd, const char *name, uint32_t walk, struct file **out)
{
	AUTO_PATH struct path p = { 0 };
	struct inode *inode;
	int ret = path_lookup(dirfd, name, walk, &p, NULL);

	if (ret < 0)
		return ret;
	inode = p.dentry->inode;
	if (!inode)
		return -ENOENT;
	if ((inode->mode & 0170000) == 0120000)
		return -ELOOP; /* not followed */
	if ((inode->mode & 0170000) != 0100000)
		return -EACCES;
	if (mount_flags(p.mnt) & MNT_NOEXEC)
		return -EACCES;
	ret = inode_permission(inode, current_task()->cred, MAY_EXEC);
	if (ret == 0)
		ret = landlock_need(landlock_allowed(current_task()->cred, &p),
				    LINUX_LANDLOCK_FS_EXECUTE);
	if (ret < 0)
		return ret;
	ret = vfs_open_path(&p, 0 /* O_RDONLY */, cred_kernel(), out);
	if (ret < 0)
		return ret;
	ret = file_deny_write(*out);
	if (ret < 0)
		file_put(take(*out));
	return ret;
}
