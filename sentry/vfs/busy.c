/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy: who has an inode open, so that a running program is not written
 * (ETXTBSY) and a lease is not granted over the head of others.
 *
 * Invariant: inode->writers is the number of open files that can write, or
 *	      minus the number of files that programs run from; never both.
 *	      f->counted says what a file has added, and is taken back once.
 * Locks:     none; the counters are atomic.
 * Tests:     tests/conformance/exec.c, overlay_fs.c, lease.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/vfs/namei.h"

enum { COUNTED_WRITER = 1, COUNTED_READER = 2, COUNTED_DENIAL = 4 };

int inode_get_write(struct inode *inode)
{
	int32_t old = inode->writers;

	do {
		if (old < 0)
			return -ETXTBSY;
	} while (!atomic_compare_exchange_weak(&inode->writers, &old, old + 1));
	return 0;
}

void inode_put_write(struct inode *inode)
{
	inode->writers--;
}

int file_count_open(struct file *f)
{
	int ret;

	if (f->flags & LINUX_O_PATH)
		return 0;
	if (!file_writable(f)) {
		f->inode->readers++;
		f->counted = COUNTED_READER;
		return 0;
	}
	if (!inode_is(f->inode, LINUX_S_IFREG))
		return 0;
	ret = inode_get_write(f->inode);
	if (ret == 0)
		f->counted = COUNTED_WRITER;
	return ret;
}

int file_deny_write(struct file *f)
{
	int32_t old = f->inode->writers;

	do {
		if (old > 0)
			return -ETXTBSY;
	} while (!atomic_compare_exchange_weak(&f->inode->writers, &old,
					       old - 1));
	f->counted |= COUNTED_DENIAL;
	return 0;
}

void file_allow_write(struct file *f)
{
	uint8_t old = atomic_fetch_and(&f->counted, (uint8_t)~COUNTED_DENIAL);

	if (old & COUNTED_DENIAL)
		f->inode->writers++;
}

void file_uncount(struct file *f)
{
	file_allow_write(f);
	if (f->counted & COUNTED_WRITER)
		f->inode->writers--;
	if (f->counted & COUNTED_READER)
		f->inode->readers--;
}
