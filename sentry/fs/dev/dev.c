/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dev: /dev, a tmpfs with the usual nodes, and the table of character devices.
 * Being a tmpfs, programs may make, rename and remove what they like in it.
 *
 * Locks: none of its own; the root's dir_mu while nodes are made.
 * Tests: tests/conformance/dev.c
 */
#include <errno.h>
#include <sys/stat.h>

#include "abi/stat.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/fs/tty/tty.h"

/* Device numbers of one major: /dev/null and friends, terminals. */
enum { MAJOR_MEM = 1, MAJOR_TTY = 5 };

struct chrdev {
	uint32_t major, minor;
	const struct file_ops *ops; /* or open() */
	int (*open)(struct inode *inode, struct file *file);
};

static const struct chrdev chrdevs[] = {
	{ MAJOR_MEM, 3, &dev_null_fops, NULL },
	{ MAJOR_MEM, 5, &dev_zero_fops, NULL },
	{ MAJOR_MEM, 7, &dev_full_fops, NULL },
	{ MAJOR_MEM, 8, &dev_random_fops, NULL },
	{ MAJOR_MEM, 9, &dev_random_fops, NULL },
	{ MAJOR_TTY, 0, NULL, tty_open_current },
	{ MAJOR_TTY, 1, NULL, tty_open_console },
	{ MAJOR_TTY, 2, NULL, ptmx_open },
};

int chrdev_open(uint64_t rdev, struct inode *inode, struct file *file)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(chrdevs); i++) {
		const struct chrdev *c = &chrdevs[i];

		if (linux_makedev(c->major, c->minor) != rdev)
			continue;
		if (c->open)
			return c->open(inode, file);
		file->ops = c->ops;
		return 0;
	}
	return -ENXIO;
}

/* --- the file system ----------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t mode, minor, major;
} nodes[] = {
	{ "null", S_IFCHR | 0666, 3, MAJOR_MEM },
	{ "zero", S_IFCHR | 0666, 5, MAJOR_MEM },
	{ "full", S_IFCHR | 0666, 7, MAJOR_MEM },
	{ "random", S_IFCHR | 0666, 8, MAJOR_MEM },
	{ "urandom", S_IFCHR | 0666, 9, MAJOR_MEM },
	{ "tty", S_IFCHR | 0666, 0, MAJOR_TTY },
	{ "console", S_IFCHR | 0620, 1, MAJOR_TTY },
	{ "ptmx", S_IFCHR | 0666, 2, MAJOR_TTY },
	{ "shm", S_IFDIR | 01777, 0, 0 },
	{ "pts", S_IFDIR | 0755, 0, 0 },
	{ "mqueue", S_IFDIR | 01777, 0, 0 },
};

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

static int make_nodes(struct inode *dir)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(nodes) && ret == 0; i++) {
		AUTO_PUT(inode) struct inode *made = NULL;

		if (S_ISDIR(nodes[i].mode))
			ret = dir->ops->mkdir(dir, nodes[i].name, nodes[i].mode,
					      0, 0, &made);
		else
			ret = dir->ops->mknod(
				dir, nodes[i].name, nodes[i].mode,
				linux_makedev(nodes[i].major, nodes[i].minor),
				0, 0, &made);
	}
	for (i = 0; i < ARRAY_SIZE(links) && ret == 0; i++) {
		AUTO_PUT(inode) struct inode *made = NULL;

		ret = dir->ops->symlink(dir, links[i].name, links[i].target, 0,
					0, &made);
	}
	return ret;
}

int devfs_new(struct super **out)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct inode *root;
	int ret = tmpfs_new(TMPFS_DEFAULT, TMPFS_DEFAULT, 0755, &sb);

	if (ret < 0)
		return ret;
	root = sb->root->inode;
	mutex_lock(&root->dir_mu);
	ret = make_nodes(root);
	mutex_unlock(&root->dir_mu);
	if (ret == 0)
		*out = take(sb);
	return ret;
}
