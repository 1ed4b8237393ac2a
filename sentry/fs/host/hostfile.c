/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfile: stdin, stdout and stderr that the caller gave: pipes, sockets,
 * regular files, devices; terminals go to console.c.
 *
 * - Regular files are read and written at the offset of the host's own open
 *   file description, so that `{ moat run cat; cat; } < file` goes on where it
 *   should.  Opened again through /proc/self/fd, such a file has a position of
 *   its own, as on Linux.
 * - Character devices that the sandbox has too (/dev/null) are opened anew as
 *   ours; the caller's is used as it is.
 *
 * Invariant: an inode owns its descriptor; files of it hold the inode.
 * Locks:     none of its own.
 * Tests:     tests/hostile/stdio.sh
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "platform.h"
#include "sentry/fs/host/host_end.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/fs/tty/console.h"
#include "sentry/host/host_tty.h"
#include "sentry/vfs/namei.h"

struct host_inode {
	struct inode inode; /* first: freed by the VFS */
	struct host_end end;
};

static struct host_end *end_of(const struct file *f)
{
	return &container_of(f->inode, struct host_inode, inode)->end;
}

/* --- streams ------------------------------------------------------------- */

static long stream_read(struct file *f, struct uio *u, int64_t *pos)
{
	(void)pos;
	return host_end_read(end_of(f), u, file_nonblock(f), NO_DEADLINE);
}

static long stream_write(struct file *f, struct uio *u, int64_t *pos)
{
	(void)pos;
	return host_end_write(end_of(f), u, file_nonblock(f));
}

static uint32_t stream_poll(struct file *f, struct poll_table *pt)
{
	return host_end_poll(end_of(f), pt);
}

static long stream_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	int32_t nr = 0;
	int ret;

	if (cmd != LINUX_FIONREAD)
		return -ENOTTY;
	ret = host_ioctl(end_of(f)->fd, LINUX_FIONREAD, &nr);
	return ret < 0 ? ret : copy_out(uaddr(arg), &nr, sizeof(nr));
}

static const struct file_ops stream_fops = {
	.name = "host-stream",
	.read = stream_read,
	.write = stream_write,
	.poll = stream_poll,
	.ioctl = stream_ioctl,
};

/* --- regular files ------------------------------------------------------- */

/*
 * A file that works at the host's offset: where that stood after our last
 * call.  If f->pos differs, the VFS has moved it (copy_file_range, sendfile).
 */
struct host_pos {
	int64_t known GUARDED_BY(pos_mu);
};

/* At the host's offset if this is read(2) on the caller's own description;
 * files that came through /proc/self/fd have a position of their own. */
static bool at_host_offset(const struct file *f, const int64_t *pos)
{
	return f->priv && pos == &f->pos;
}

/* Before and after a call at the host's offset; pos_mu is held. */
static void offset_to_host(struct file *f)
{
	struct host_pos *hp = f->priv;

	if (hp->known != f->pos)
		hp->known = host_lseek(end_of(f)->fd, f->pos, LINUX_SEEK_SET);
}

static void offset_from_host(struct file *f)
{
	struct host_pos *hp = f->priv;
	int64_t at = host_lseek(end_of(f)->fd, 0, LINUX_SEEK_CUR);

	if (at >= 0)
		hp->known = f->pos = at;
}

static long rw_pinned(struct file *f, const struct mm_pin *pin, int64_t pos,
		      bool here, bool write)
{
	int fd = end_of(f)->fd, nr = (int)pin->nr;

	if (write && f->flags & LINUX_O_APPEND)
		return host_writev_append(fd, pin->iov, nr);
	if (here)
		return write ? host_writev(fd, pin->iov, nr)
			     : host_readv(fd, pin->iov, nr);
	return write ? host_pwritev(fd, pin->iov, nr, pos, 0)
		     : host_preadv(fd, pin->iov, nr, pos);
}

static long rw_once(struct file *f, struct uio *u, int64_t *pos, bool write)
{
	bool here = at_host_offset(f, pos);
	struct mm_pin pin;
	long ret =
		uio_pin(u, MAX_RW_COUNT, write ? PLAT_READ : PLAT_WRITE, &pin);

	if (ret <= 0)
		return ret;
	if (here)
		offset_to_host(f);
	ret = rw_pinned(f, &pin, *pos, here, write);
	mm_unpin(&pin);
	if (here)
		offset_from_host(f);
	else if (ret > 0)
		*pos += ret;
	if (ret > 0)
		uio_advance(u, (size_t)ret);
	return ret;
}

static long reg_rw(struct file *f, struct uio *u, int64_t *pos, bool write)
{
	long done = 0;

	while (u->left) {
		long ret = rw_once(f, u, pos, write);

		if (ret == -EINTR)
			continue;
		if (ret <= 0)
			return done ? done : ret;
		done += ret;
	}
	return done;
}

static long reg_read(struct file *f, struct uio *u, int64_t *pos)
{
	return reg_rw(f, u, pos, false);
}

static long reg_write(struct file *f, struct uio *u, int64_t *pos)
{
	return reg_rw(f, u, pos, true);
}

static void refresh_size(struct inode *inode)
{
	struct stat st;

	if (host_fstat(container_of(inode, struct host_inode, inode)->end.fd,
		       &st) == 0)
		inode->size = (uint64_t)st.st_size;
}

/* The caller holds pos_mu. */
static int64_t reg_llseek(struct file *f, int64_t off, int whence)
{
	int64_t ret;

	if (!f->priv) {
		refresh_size(f->inode);
		return file_generic_llseek(f, off, whence);
	}
	offset_to_host(f);
	ret = host_lseek(end_of(f)->fd, off, whence);
	offset_from_host(f);
	return ret;
}

static void reg_release(struct file *f)
{
	free(f->priv);
}

static int reg_mmap_backing(struct file *f, uint64_t off, uint64_t size,
			    bool write, struct mmap_backing *out)
{
	struct stat st;
	int ret = host_fstat(end_of(f)->fd, &st);

	if (ret < 0)
		return ret;
	if (write && (end_of(f)->flags & LINUX_O_ACCMODE) != LINUX_O_RDWR)
		return -EACCES;
	if (off >= (uint64_t)st.st_size)
		return -ENXIO;
	*out = (struct mmap_backing){
		.kind = BACK_HOST_FD,
		.fd = end_of(f)->fd,
		.offset = off,
		.size = MIN(size, page_up((uint64_t)st.st_size) - off),
	};
	return 0;
}

static int reg_fsync(struct file *f, bool data_only)
{
	return host_fsync(end_of(f)->fd, data_only);
}

static const struct file_ops reg_fops = {
	.name = "host-file",
	.read = reg_read,
	.write = reg_write,
	.llseek = reg_llseek,
	.mmap_backing = reg_mmap_backing,
	.fsync = reg_fsync,
	.release = reg_release,
};

/* --- inodes -------------------------------------------------------------- */

static int host_getattr(struct inode *inode, struct kstat *out)
{
	struct host_inode *hi = container_of(inode, struct host_inode, inode);
	struct stat st;
	int ret = host_fstat(hi->end.fd, &st);

	if (ret < 0)
		return ret;
	*out = (struct kstat){
		.ino = st.st_ino,
		.nlink = st.st_nlink,
		.size = (uint64_t)st.st_size,
		.blocks = (uint64_t)st.st_blocks,
		.dev = inode->sb->dev,
		.rdev = st.st_rdev,
		.mode = st.st_mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.blksize = (uint32_t)st.st_blksize,
		.atime = { st.st_atim.tv_sec, (uint32_t)st.st_atim.tv_nsec },
		.mtime = { st.st_mtim.tv_sec, (uint32_t)st.st_mtim.tv_nsec },
		.ctime = { st.st_ctim.tv_sec, (uint32_t)st.st_ctim.tv_nsec },
	};
	return 0;
}

/* Size and nothing else: owner, mode and times are the caller's affair. */
static int host_setattr(struct inode *inode, const struct iattr *attr)
{
	struct host_inode *hi = container_of(inode, struct host_inode, inode);
	int ret = 0;

	if (attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		return -EPERM;
	if (attr->valid & ATTR_SIZE) {
		ret = host_ftruncate(hi->end.fd, (int64_t)attr->size);
		if (ret == 0)
			inode->size = attr->size;
	}
	return ret;
}

static int host_open(struct inode *inode, struct file *file)
{
	struct host_inode *hi = container_of(inode, struct host_inode, inode);

	if (!host_end_allows(&hi->end, file->flags))
		return -EACCES;
	/* Without a host_pos: a position of its own. */
	file->ops = S_ISREG(inode->mode) ? &reg_fops : &stream_fops;
	return 0;
}

static void host_evict(struct inode *inode)
{
	host_end_fini(&container_of(inode, struct host_inode, inode)->end);
}

static const struct inode_ops host_inode_ops = {
	.getattr = host_getattr,
	.setattr = host_setattr,
	.open = host_open,
	.evict = host_evict,
};

static int host_statfs(struct super *sb, struct kstatfs *out)
{
	(void)sb;
	*out = (struct kstatfs){ .type = 0x09041934, /* ANON_INODE_FS_MAGIC */
				 .bsize = PAGE_SIZE,
				 .frsize = PAGE_SIZE,
				 .namelen = NAME_MAX_LEN };
	return 0;
}

static const struct super_ops host_super_ops = {
	.name = "hostfs",
	.statfs = host_statfs,
};
static struct super g_super;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void start(void)
{
	super_init(&g_super, &host_super_ops);
}

static int host_inode_new(int fd, uint32_t flags, const struct stat *st,
			  struct host_inode **out)
{
	struct host_inode *hi = kzalloc(sizeof(*hi));
	uint32_t mode = st->st_mode;

	if (!hi)
		return -ENOMEM;
	pthread_once(&g_once, start);
	/*
	 * A pipe of the caller must not be taken for one of ours when it is
	 * opened again (/dev/stdin): to the VFS it is a character device
	 * without a number, whose open is host_open().  stat(2) tells the
	 * truth, see host_getattr().
	 */
	if (S_ISFIFO(mode))
		mode = S_IFCHR | (mode & 07777);
	inode_init(&hi->inode, &g_super, &host_inode_ops, st->st_ino, mode);
	hi->inode.rdev = S_ISFIFO(st->st_mode) ? 0 : st->st_rdev;
	hi->inode.size = (uint64_t)st->st_size;
	/* Whoever runs inside may use what he was given. */
	hi->inode.mode |= 0666;
	host_end_init(&hi->end, fd, flags);
	*out = hi;
	return 0;
}

/* How /proc/self/fd shows it. */
static const char *name_of(uint32_t mode, uint64_t rdev, uint64_t ino,
			   char *buf, size_t size)
{
	const char *kind = "host";

	if (S_ISCHR(mode) && rdev == makedev(1, 3)) {
		snprintf(buf, size, "/dev/null");
		return buf;
	}
	if (S_ISFIFO(mode))
		kind = "pipe";
	else if (S_ISSOCK(mode))
		kind = "socket";
	else if (S_ISREG(mode))
		kind = "/host-file";
	snprintf(buf, size, "%s:[%lu]", kind, ino);
	return buf;
}

/*
 * Two descriptors of one description (`> log 2>&1`) must be one file here too,
 * since its position is ours to keep.  Nothing that the filter allows compares
 * descriptions; two that stand at the same place of the same file with the same
 * flags are taken for one.  (Opened twice, both at the start, they would
 * overwrite each other's output, which nobody misses.)
 *
 * The files made so far; weak, start-up only: each outlives the next call.
 */
static struct file *g_regular[3];
static unsigned int g_nr_regular;

static struct file *find_same(int fd, uint32_t flags, const struct stat *st)
{
	int64_t at = host_lseek(fd, 0, LINUX_SEEK_CUR);
	unsigned int i;

	for (i = 0; i < g_nr_regular; i++) {
		struct file *f = g_regular[i];
		struct host_end *e = end_of(f);
		struct stat other;

		if (host_fstat(e->fd, &other) == 0 &&
		    other.st_dev == st->st_dev && other.st_ino == st->st_ino &&
		    e->flags == flags &&
		    host_lseek(e->fd, 0, LINUX_SEEK_CUR) == at)
			return f;
	}
	return NULL;
}

static void remember(struct file *f)
{
	if (g_nr_regular < ARRAY_SIZE(g_regular))
		g_regular[g_nr_regular++] = f;
}

/* Operations of the caller's own description. */
static int use_as_given(struct file *f)
{
	if (!S_ISREG(f->inode->mode)) {
		f->ops = &stream_fops;
		return 0;
	}
	f->priv = kzalloc(sizeof(struct host_pos));
	if (!f->priv)
		return -ENOMEM;
	f->ops = &reg_fops;
	offset_from_host(f);
	remember(f);
	return 0;
}

int hostfile_new(int host_fd, struct file **out)
{
	struct host_inode *hi;
	struct stat st;
	char name[48];
	int flags, ret;

	*out = NULL;
	flags = host_fcntl_getfl(host_fd);
	ret = flags < 0 ? flags : host_fstat(host_fd, &st);
	if (ret < 0)
		return ret;
	/* Nothing of the host's tree leads in: it can be held, not entered;
	 * read() says EISDIR (or EBADF). */
	if (S_ISDIR(st.st_mode) || (uint32_t)flags & LINUX_O_PATH)
		st.st_mode = S_IFSOCK;
	if (S_ISCHR(st.st_mode)) {
		ret = console_file_new(host_fd, (uint32_t)flags, &st, out);
		if (ret != -ENOTTY)
			return ret;
	}
	if (S_ISREG(st.st_mode)) {
		*out = find_same(host_fd, (uint32_t)flags, &st);
		if (*out) {
			file_get(*out);
			host_close(host_fd);
			return 0;
		}
	}
	ret = host_inode_new(host_fd, (uint32_t)flags, &st, &hi);
	if (ret < 0)
		return ret;
	ret = file_new_pseudo(
		&g_super, &hi->inode,
		name_of(st.st_mode, st.st_rdev, st.st_ino, name, sizeof(name)),
		(uint32_t)flags & (LINUX_O_ACCMODE | LINUX_O_APPEND |
				   LINUX_O_NONBLOCK | LINUX_O_LARGEFILE),
		out);
	if (ret == 0)
		ret = use_as_given(*out);
	if (ret < 0 && *out)
		file_put(take(*out));
	inode_put(&hi->inode);
	return ret;
}
