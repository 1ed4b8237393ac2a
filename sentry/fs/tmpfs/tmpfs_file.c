/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpfs_file: regular files: read, write, size, holes, mappings, seals.
 *
 * Writes gather guest bytes in sentry memory first, then put them in place
 * under i.mu, so that no lock is held while the guest is copied and a write of
 * up to WRITE_CHUNK bytes is atomic against others.
 *
 * Locks: i.mu for size and seals, then data.mu; mapping_invalidate() is called
 *	  under i.mu, pages are freed after it.
 * Tests: tests/unit/test_tmpfs.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/mm/memfile.h"

#define WRITE_CHUNK (64u << 10)
#define WRITE_SMALL 1024u
/* A hole that a mapping touches is filled in pieces of at most this. */
#define MAP_CHUNK     (2ull << 20)
#define SIZE_MAX_FILE ((uint64_t)INT64_MAX & PAGE_MASK)

static struct tnode *tnode_of_file(const struct file *f)
{
	return f->priv;
}

/* Allocates the holes of a range and charges them. */
static int fill(struct tnode *n, uint64_t off, uint64_t size)
{
	uint64_t want = tdata_count_holes(&n->data, off, size), got;
	struct tmpfs *fs = tmpfs_of(n);
	int ret;

	if (want == 0)
		return 0;
	ret = tmpfs_charge(fs, want);
	if (ret < 0)
		return ret;
	ret = tdata_fill(&n->data, off, size, &got);
	if (got < want)
		tmpfs_uncharge(fs, want - got);
	else if (got > want) /* a mapping was faster with a cut in between */
		fs->used_pages += got - want;
	return ret == -ENOMEM ? -ENOSPC : ret;
}

/* --- reading -------------------------------------------------------------- */

static long read_piece(struct tnode *n, struct uio *u, uint64_t off,
		       uint64_t size)
{
	uint64_t mem, piece;
	long ret;

	tdata_pin(&n->data, off, size, &mem, &piece);
	if (mem == MEMFILE_NONE)
		return uio_zero_out(u, piece);
	ret = uio_copy_out(u, memfile_ptr(mem), piece);
	tdata_unpin(mem, piece);
	return ret;
}

static long tmpfs_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct tnode *n = tnode_of_file(f);
	uint64_t size, want;
	long done = 0, ret = 0;

	while (u->left > 0) {
		size = n->i.size;
		if ((uint64_t)*pos >= size)
			break;
		want = MIN(u->left, size - (uint64_t)*pos);
		ret = read_piece(n, u, (uint64_t)*pos, want);
		if (ret <= 0)
			break;
		*pos += ret;
		done += ret;
	}
	file_touch_atime(f);
	return done > 0 ? done : ret;
}

/* --- writing -------------------------------------------------------------- */

/* i.mu is held.  The bytes are in sentry memory. */
static int put_locked(struct tnode *n, uint64_t off, const void *buf,
		      size_t size)
{
	int ret;

	if (n->seals & (LINUX_F_SEAL_WRITE | LINUX_F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (off >= SIZE_MAX_FILE || size > SIZE_MAX_FILE - off)
		return -EFBIG;
	if (off + size > n->i.size && (n->seals & LINUX_F_SEAL_GROW))
		return -EPERM;
	ret = fill(n, off, size);
	if (ret == 0)
		ret = tdata_write(&n->data, off, buf, size);
	if (ret < 0)
		return ret == -EFAULT ? -ENOSPC : ret;
	if (off + size > n->i.size)
		n->i.size = off + size;
	n->i.mtime = n->i.ctime = ktime_now();
	return 0;
}

static int put_bytes(struct file *f, const void *buf, size_t size, bool append,
		     int64_t *pos)
{
	struct tnode *n = tnode_of_file(f);
	uint64_t off;
	int ret;

	mutex_lock(&n->i.mu);
	off = append ? n->i.size : (uint64_t)*pos;
	ret = put_locked(n, off, buf, size);
	mutex_unlock(&n->i.mu);
	if (ret == 0)
		*pos = (int64_t)(off + size);
	return ret;
}

static long tmpfs_write(struct file *f, struct uio *u, int64_t *pos)
{
	bool append = file_appends(f, u);
	AUTO_FREE char *heap = NULL;
	char small[WRITE_SMALL], *buf = small;
	size_t room = sizeof(small);
	long done = 0, got;
	int ret = 0;

	if (u->left > room) {
		room = MIN(u->left, WRITE_CHUNK);
		buf = heap = malloc(room);
		if (!heap)
			return -ENOMEM;
	}
	while (u->left > 0) {
		got = uio_copy_in(u, buf, MIN(u->left, room));
		ret = (int)MIN(got, 0);
		if (got > 0)
			ret = put_bytes(f, buf, (size_t)got, append, pos);
		if (got <= 0 || ret < 0)
			break;
		done += got;
	}
	return done > 0 ? done : ret;
}

/* --- size and holes ------------------------------------------------------- */

/* Takes whole pages away and zeroes the rest of [off, end). i.mu is held. */
static int punch(struct tnode *n, uint64_t off, uint64_t end)
{
	uint64_t first = page_up(off), last = page_down(end);
	struct list gone;
	int ret;

	ret = tdata_cut(&n->data, off, end - off, &gone);
	if (ret < 0)
		return ret;
	if (first < last) {
		if (!list_empty(&gone))
			mapping_invalidate(&n->mapping, first, last - first);
		tmpfs_uncharge(tmpfs_of(n), tdata_free(&gone));
		ret = tdata_zero(&n->data, off, first - off);
		if (ret == 0)
			ret = tdata_zero(&n->data, last, end - last);
	} else {
		ret = tdata_zero(&n->data, off, end - off);
	}
	return ret;
}

int tfile_set_size(struct tnode *n, uint64_t size)
{
	uint64_t old = n->i.size;
	int ret = 0;

	if (size > SIZE_MAX_FILE)
		return -EFBIG;
	if (size < old && (n->seals & LINUX_F_SEAL_SHRINK))
		return -EPERM;
	if (size > old && (n->seals & LINUX_F_SEAL_GROW))
		return -EPERM;
	n->i.size = size;
	if (size < old) {
		/* Mappings lose the pages behind the end even if they are
		 * holes, so that later accesses give SIGBUS. */
		mapping_truncate(&n->mapping, size);
		ret = punch(n, size, page_up(old));
	}
	return ret;
}

int tmpfs_setattr(struct inode *inode, const struct iattr *attr)
{
	struct tnode *n = tnode_of(inode);
	uint32_t seals;
	int ret;

	if (inode_is(inode, LINUX_S_IFREG)) {
		seals = n->seals;
		if ((attr->valid & ATTR_MODE) && (seals & LINUX_F_SEAL_EXEC) &&
		    ((inode->mode ^ attr->mode) & 0111))
			return -EPERM;
		if (attr->valid & ATTR_SIZE) {
			ret = tfile_set_size(n, attr->size);
			if (ret < 0)
				return ret;
		}
	}
	inode_setattr_copy(inode, attr);
	return 0;
}

/*
 * Collapse and insert, in whole pages: not of tmpfs itself on Linux, but of the
 * disk file systems that an overlay usually has above.
 */
static int shift_locked(struct tnode *n, bool insert, uint64_t off,
			uint64_t end)
{
	uint64_t size = n->i.size, len = end - off;
	int ret;

	if ((off | end) & ~PAGE_MASK)
		return -EINVAL;
	if (insert ? off >= size : end >= size)
		return -EINVAL;
	if (insert && size > SIZE_MAX_FILE - len)
		return -EFBIG;
	if (insert) {
		ret = tdata_shift(&n->data, off, (int64_t)len);
		size += len;
	} else {
		ret = punch(n, off, end);
		if (ret == 0)
			ret = tdata_shift(&n->data, end, -(int64_t)len);
		size -= len;
	}
	if (ret == 0)
		n->i.size = size;
	return ret;
}

static int fallocate_locked(struct tnode *n, int mode, uint64_t off,
			    uint64_t end)
{
	bool keep = mode & LINUX_FALLOC_FL_KEEP_SIZE;
	int ret;

	if (mode & LINUX_FALLOC_FL_PUNCH_HOLE) {
		if (n->seals & (LINUX_F_SEAL_WRITE | LINUX_F_SEAL_FUTURE_WRITE))
			return -EPERM;
		return punch(n, off, end);
	}
	if (!keep && end > n->i.size && (n->seals & LINUX_F_SEAL_GROW))
		return -EPERM;
	if (mode & LINUX_FALLOC_FL_ZERO_RANGE) {
		if (n->seals & LINUX_F_SEAL_WRITE)
			return -EPERM;
		ret = punch(n, off, end);
		if (ret < 0)
			return ret;
	}
	ret = fill(n, off, end - off);
	if (ret == 0 && !keep && end > n->i.size)
		n->i.size = end;
	return ret;
}

static int tmpfs_fallocate(struct file *f, int mode, int64_t off, int64_t size)
{
	const int shifts =
		LINUX_FALLOC_FL_COLLAPSE_RANGE | LINUX_FALLOC_FL_INSERT_RANGE;
	const int known =
		LINUX_FALLOC_FL_KEEP_SIZE | LINUX_FALLOC_FL_PUNCH_HOLE |
		LINUX_FALLOC_FL_ZERO_RANGE | (f->internal ? shifts : 0);
	struct tnode *n = tnode_of_file(f);
	uint64_t end = (uint64_t)off + (uint64_t)size;
	int ret;

	if (mode & ~known)
		return -EOPNOTSUPP;
	if (end > SIZE_MAX_FILE)
		return -EFBIG;
	mutex_lock(&n->i.mu);
	if (mode & shifts)
		ret = shift_locked(n, mode & LINUX_FALLOC_FL_INSERT_RANGE,
				   (uint64_t)off, end);
	else
		ret = fallocate_locked(n, mode, (uint64_t)off, end);
	if (ret == 0)
		n->i.mtime = n->i.ctime = ktime_now();
	mutex_unlock(&n->i.mu);
	return ret;
}

static int64_t tmpfs_llseek(struct file *f, int64_t off, int whence)
{
	struct tnode *n = tnode_of_file(f);
	uint64_t size = n->i.size, at;
	int64_t to;

	switch (whence) {
	case LINUX_SEEK_END:
		if (add_overflows((int64_t)size, off, &to))
			return -EOVERFLOW;
		break;
	case LINUX_SEEK_DATA:
	case LINUX_SEEK_HOLE:
		if (off < 0 || (uint64_t)off >= size)
			return -ENXIO;
		at = whence == LINUX_SEEK_DATA
			     ? tdata_next_data(&n->data, (uint64_t)off)
			     : tdata_next_hole(&n->data, (uint64_t)off);
		if (whence == LINUX_SEEK_DATA && at >= size)
			return -ENXIO;
		to = (int64_t)MIN(at, size);
		break;
	default:
		return file_generic_llseek(f, off, whence);
	}
	if (to < 0)
		return -EINVAL;
	f->pos = to;
	return to;
}

/* --- mappings ------------------------------------------------------------- */

/* Pins what is at @off; fills a hole first.  i.mu is held. */
static int back_locked(struct tnode *n, uint64_t off, uint64_t size,
		       struct mmap_backing *out)
{
	uint64_t end = page_up(n->i.size), mem, len;
	int ret;

	if (off >= end)
		return -ERANGE; /* SIGBUS */
	size = MIN(size, end - off);
	tdata_pin(&n->data, off, size, &mem, &len);
	if (mem == MEMFILE_NONE) {
		len = MIN(len, MAP_CHUNK);
		ret = fill(n, off, len);
		if (ret < 0)
			return ret;
		tdata_pin(&n->data, off, len, &mem, &len);
	}
	out->kind = BACK_MEMFILE;
	out->fd = -1;
	out->offset = mem;
	out->size = len;
	return 0;
}

static int tmpfs_mmap_backing(struct file *f, uint64_t off, uint64_t size,
			      bool write, struct mmap_backing *out)
{
	struct tnode *n = tnode_of_file(f);
	int ret;

	if ((off | size) & ~PAGE_MASK || size == 0)
		return -EINVAL;
	mutex_lock(&n->i.mu);
	if (write &&
	    (n->seals & (LINUX_F_SEAL_WRITE | LINUX_F_SEAL_FUTURE_WRITE)))
		ret = -EPERM;
	else
		ret = back_locked(n, off, size, out);
	mutex_unlock(&n->i.mu);
	return ret;
}

/* --- seals ---------------------------------------------------------------- */

static int add_seals(struct file *f, uint32_t seals)
{
	struct tnode *n = tnode_of_file(f);
	int ret = 0;

	if (!file_writable(f))
		return -EPERM;
	if (seals & ~(uint32_t)(LINUX_F_SEAL_SEAL | LINUX_F_SEAL_SHRINK |
				LINUX_F_SEAL_GROW | LINUX_F_SEAL_WRITE |
				LINUX_F_SEAL_FUTURE_WRITE | LINUX_F_SEAL_EXEC))
		return -EINVAL;
	mutex_lock(&n->i.mu);
	if (n->seals & LINUX_F_SEAL_SEAL)
		ret = -EPERM;
	else if ((seals & ~n->seals & LINUX_F_SEAL_WRITE) &&
		 mapping_writable(&n->mapping))
		ret = -EBUSY;
	else
		n->seals |= seals;
	/* An executable file that may stay so may not be changed either. */
	if (ret == 0 && (seals & LINUX_F_SEAL_EXEC) && (n->i.mode & 0111))
		n->seals |= LINUX_F_SEAL_SHRINK | LINUX_F_SEAL_GROW |
			    LINUX_F_SEAL_WRITE | LINUX_F_SEAL_FUTURE_WRITE;
	mutex_unlock(&n->i.mu);
	return ret;
}

long tmpfs_fcntl(struct file *f, uint32_t cmd, uint64_t arg)
{
	if (cmd == LINUX_F_GET_SEALS)
		return tnode_of_file(f)->seals;
	if (cmd == LINUX_F_ADD_SEALS)
		return add_seals(f, (uint32_t)arg);
	return -EINVAL;
}

/* O_DIRECT and O_NONBLOCK are as good as nothing here; as on Linux. */
static int tmpfs_set_flags(struct file *f, uint32_t flags)
{
	(void)f;
	(void)flags;
	return 0;
}

/* --- open ----------------------------------------------------------------- */

static void tmpfs_release(struct file *f)
{
	inode_put(&tnode_of_file(f)->i);
}

int tmpfs_open(struct inode *inode, struct file *file)
{
	switch (inode->mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
		file->ops = &tmpfs_file_ops;
		break;
	case LINUX_S_IFDIR:
		file->ops = &tmpfs_dir_file_ops;
		break;
	default:
		return -ENXIO;
	}
	inode_get(inode);
	file->priv = tnode_of(inode);
	return 0;
}

const struct file_ops tmpfs_file_ops = {
	.name = "tmpfs",
	.read = tmpfs_read,
	.write = tmpfs_write,
	.llseek = tmpfs_llseek,
	.mmap_backing = tmpfs_mmap_backing,
	.fallocate = tmpfs_fallocate,
	.fcntl = tmpfs_fcntl,
	.set_flags = tmpfs_set_flags,
	.release = tmpfs_release,
};
