/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goferfs_file: regular files of the host, through donated descriptors.
 *
 * Data goes between the host's page cache and pinned guest memory; the gofer is
 * asked only for the descriptors, at most twice an inode: one that reads, one
 * that writes.  They stay open while the inode lives.
 *
 * Invariant: write_fd is asked for only by an open for writing on a writable
 *            export; read_fd cannot be written through.
 * Locks:     inode->mu while a descriptor is asked for, and for appending.
 * Tests:     tests/gofer/test_client.c, conformance.
 */
#include <errno.h>
#include <sys/mman.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/gofer/goferfs.h"
#include "sentry/host/host.h"

/* --- descriptors ---------------------------------------------------------- */

static int need_read_fd(struct gofer_inode *gi)
{
	int fd, ret = 0;

	if (gi->read_fd >= 0)
		return 0;
	mutex_lock(&gi->inode.mu);
	if (gi->read_fd < 0) {
		ret = gofer_open(gi->handle, LINUX_O_RDONLY, &fd);
		if (ret == 0)
			gi->read_fd = fd;
	}
	mutex_unlock(&gi->inode.mu);
	return ret;
}

void goferfs_keep_read_fd(struct gofer_inode *gi, int fd)
{
	mutex_lock(&gi->inode.mu);
	if (gi->read_fd < 0) {
		gi->read_fd = fd;
		fd = -1;
	}
	mutex_unlock(&gi->inode.mu);
	if (fd >= 0)
		host_close(fd);
}

/* Read-write if the gofer may, so that a mapping can be made of it. */
static int need_write_fd(struct gofer_inode *gi, bool reads)
{
	int fd, ret = 0;

	if (gofer_super(&gi->inode)->readonly)
		return -EROFS;
	mutex_lock(&gi->inode.mu);
	if (gi->write_fd < 0) {
		bool both = true;

		ret = gofer_open(gi->handle, LINUX_O_RDWR, &fd);
		if (ret == -EACCES && !reads) {
			both = false;
			ret = gofer_open(gi->handle, LINUX_O_WRONLY, &fd);
		}
		if (ret == 0) {
			gi->write_fd_reads = both;
			gi->write_fd = fd;
		}
	} else if (reads && !gi->write_fd_reads) {
		ret = -EACCES;
	}
	mutex_unlock(&gi->inode.mu);
	return ret;
}

int goferfs_open(struct inode *inode, struct file *file)
{
	struct gofer_inode *gi = gofer_inode(inode);
	uint32_t acc = file->flags & LINUX_O_ACCMODE;
	int ret;

	switch (inode->mode & LINUX_S_IFMT) {
	case LINUX_S_IFDIR:
		file->ops = &goferfs_dir_fops;
		return 0;
	case LINUX_S_IFREG:
		break;
	default:
		return -ENXIO;
	}
	if (acc == LINUX_O_RDONLY)
		ret = need_read_fd(gi);
	else
		ret = need_write_fd(gi, acc != LINUX_O_WRONLY);
	if (ret == 0)
		file->ops = &goferfs_file_fops;
	return ret;
}

/* The descriptor to read through, -1 if there is none that can. */
static int reading_fd(const struct gofer_inode *gi)
{
	if (gi->read_fd >= 0)
		return gi->read_fd;
	return gi->write_fd_reads ? gi->write_fd : -1;
}

static int any_fd(const struct gofer_inode *gi)
{
	return gi->write_fd >= 0 ? gi->write_fd : gi->read_fd;
}

/* --- data ----------------------------------------------------------------- */

/* Nothing is read at the end, wherever it should go. */
static bool at_end(int fd, int64_t pos)
{
	struct stat st;

	return host_fstat(fd, &st) == 0 && pos >= st.st_size;
}

static long fop_read(struct file *f, struct uio *u, int64_t *pos)
{
	int fd = reading_fd(gofer_inode(f->inode));
	long done = 0;

	if (fd < 0)
		return -EBADF;
	while (u->left > 0) {
		struct mm_pin pin;
		long n, want = uio_pin(u, u->left, PLAT_WRITE, &pin);

		if (want < 0)
			return done || at_end(fd, *pos) ? done : want;
		n = host_preadv(fd, pin.iov, (int)pin.nr, *pos);
		mm_unpin(&pin);
		if (n < 0)
			return done ? done : n;
		uio_advance(u, (size_t)n);
		*pos += n;
		done += n;
		if (n < want)
			break;
	}
	return done;
}

/* Where the next byte goes; for an append the end, asked of the host. */
static int append_pos(int fd, int64_t *pos)
{
	struct stat st;
	int ret = host_fstat(fd, &st);

	if (ret == 0)
		*pos = st.st_size;
	return ret;
}

static long write_pieces(int fd, struct uio *u, int64_t *pos, int rwf)
{
	long done = 0;

	while (u->left > 0) {
		struct mm_pin pin;
		long n, want = uio_pin(u, u->left, PLAT_READ, &pin);

		if (want < 0)
			return done ? done : want;
		n = host_pwritev(fd, pin.iov, (int)pin.nr, *pos, rwf);
		mm_unpin(&pin);
		if (n < 0)
			return done ? done : n;
		uio_advance(u, (size_t)n);
		*pos += n;
		done += n;
		if (n < want)
			break;
	}
	return done;
}

static void grow_size(struct inode *inode, uint64_t end)
{
	uint64_t size = inode->size;

	while (size < end &&
	       !atomic_compare_exchange_weak(&inode->size, &size, end))
		;
}

static long fop_write(struct file *f, struct uio *u, int64_t *pos)
{
	struct inode *inode = f->inode;
	int fd = gofer_inode(inode)->write_fd;
	bool append = file_appends(f, u);
	long ret = 0;

	if (fd < 0)
		return -EBADF;
	if (!append) {
		ret = write_pieces(fd, u, pos, 0);
	} else {
		/* RWF_APPEND: another process of the host may append too. */
		mutex_lock(&inode->mu);
		ret = append_pos(fd, pos);
		if (ret == 0)
			ret = write_pieces(fd, u, pos, LINUX_RWF_APPEND);
		mutex_unlock(&inode->mu);
	}
	if (ret > 0) {
		grow_size(inode, (uint64_t)*pos);
		goferfs_own_change(inode, NULL);
	}
	return ret;
}

static int64_t fop_llseek(struct file *f, int64_t off, int whence)
{
	struct gofer_inode *gi = gofer_inode(f->inode);
	int64_t end;

	if (whence == LINUX_SEEK_END &&
	    !gofer_super_frozen(gofer_super(f->inode)) &&
	    append_pos(any_fd(gi), &end) == 0)
		f->inode->size = (uint64_t)end;
	if (whence != LINUX_SEEK_DATA && whence != LINUX_SEEK_HOLE)
		return file_generic_llseek(f, off, whence);
	/* The descriptor's own position is not used for anything else. */
	off = host_lseek(any_fd(gi), off, whence);
	if (off >= 0)
		f->pos = off;
	return off;
}

static int fop_mmap_backing(struct file *f, uint64_t off, uint64_t size,
			    bool write, struct mmap_backing *out)
{
	struct gofer_inode *gi = gofer_inode(f->inode);
	int fd = reading_fd(gi);

	if (write)
		fd = gi->write_fd_reads ? gi->write_fd : -1;
	if (fd < 0)
		return -EACCES;
	*out = (struct mmap_backing){
		.kind = BACK_HOST_FD,
		.fd = fd,
		.offset = off,
		.size = size,
	};
	return 0;
}

static int fop_fsync(struct file *f, bool data_only)
{
	return host_fsync(any_fd(gofer_inode(f->inode)), data_only);
}

static int fop_fallocate(struct file *f, int mode, int64_t off, int64_t size)
{
	struct inode *inode = f->inode;
	struct gofer_inode *gi = gofer_inode(inode);
	uint64_t old_size = inode->size;
	int64_t end;
	int ret;

	if (gi->write_fd < 0)
		return -EBADF;
	mutex_lock(&inode->mu);
	ret = host_fallocate(gi->write_fd, mode, off, size);
	if (ret == 0 && append_pos(gi->write_fd, &end) == 0)
		inode->size = (uint64_t)end;
	mutex_unlock(&inode->mu);
	if (ret == 0) {
		goferfs_own_change(inode, NULL);
		goferfs_shrunk(inode, old_size);
	}
	return ret;
}

/* O_DIRECT has no effect. */
static int fop_set_flags(struct file *f, uint32_t flags)
{
	(void)f;
	(void)flags;
	return 0;
}

const struct file_ops goferfs_file_fops = {
	.set_flags = fop_set_flags,
	.name = "gofer",
	.read = fop_read,
	.write = fop_write,
	.llseek = fop_llseek,
	.mmap_backing = fop_mmap_backing,
	.fsync = fop_fsync,
	.fallocate = fop_fallocate,
};

const struct inode_ops goferfs_file_ops = {
	.watched = goferfs_watched,
	.getattr = goferfs_getattr,
	.setattr = goferfs_setattr,
	.permission = goferfs_permission,
	.getxattr = goferfs_getxattr,
	.setxattr = goferfs_setxattr,
	.listxattr = goferfs_listxattr,
	.removexattr = goferfs_removexattr,
	.open = goferfs_open,
	.evict = goferfs_evict,
};
