/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dev_mem: /dev/null, zero, full, random and urandom.
 *
 * Linux: random never blocks, as since 5.6; what is written to it is accepted
 *        and not used, since all random bytes are the host's.
 * Locks: none.
 * Tests: tests/conformance/dev.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/tty.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/host/host.h"
#include "sentry/kernel/task.h"

/* Between two looks at signals; as much as Linux zeroes or draws at a time. */
#define CHUNK 65536ul

static long null_read(struct file *f, struct uio *u, int64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return 0;
}

/* The bytes are not even looked at: no fault for a bad address. */
static long null_write(struct file *f, struct uio *u, int64_t *pos)
{
	size_t size = u->left;

	(void)f, (void)pos;
	uio_advance(u, size);
	return (long)size;
}

static int64_t null_llseek(struct file *f, int64_t off, int whence)
{
	(void)off, (void)whence;
	f->pos = 0;
	return 0;
}

static long zero_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct task *t = current_task();
	long total = 0;

	(void)f, (void)pos;
	while (u->left) {
		long n = uio_zero_out(u, MIN(u->left, CHUNK));

		if (n <= 0)
			return total ? total : n;
		total += n;
		if (u->left && t && task_signal_pending(t))
			break;
	}
	return total;
}

static int zero_mmap_backing(struct file *f, uint64_t off, uint64_t size,
			     bool write, struct mmap_backing *out)
{
	(void)f, (void)off, (void)write;
	*out = (struct mmap_backing){ .kind = BACK_ZERO, .size = size };
	return 0;
}

static long full_write(struct file *f, struct uio *u, int64_t *pos)
{
	(void)f, (void)u, (void)pos;
	return -ENOSPC;
}

static long random_read(struct file *f, struct uio *u, int64_t *pos)
{
	struct task *t = current_task();
	uint8_t buf[4096];
	long total = 0;

	(void)f, (void)pos;
	while (u->left) {
		size_t size = MIN(u->left, sizeof(buf));
		long n = host_getrandom(buf, size);

		if (n >= 0)
			n = uio_copy_out(u, buf, size);
		if (n <= 0)
			return total ? total : n;
		total += n;
		if ((size_t)n < size)
			break;
		if (u->left && t && task_signal_pending(t))
			break;
	}
	return total;
}

static int64_t random_llseek(struct file *f, int64_t off, int whence)
{
	(void)off, (void)whence;
	return f->pos;
}

static long random_ioctl(struct file *f, uint32_t cmd, uint64_t arg)
{
	int32_t bits = 256;

	(void)f;
	switch (cmd) {
	case LINUX_RNDGETENTCNT:
		return copy_out(uaddr(arg), &bits, sizeof(bits));
	default:
		return -EINVAL;
	}
}

const struct file_ops dev_null_fops = {
	.name = "null",
	.read = null_read,
	.write = null_write,
	.llseek = null_llseek,
};

const struct file_ops dev_zero_fops = {
	.name = "zero",
	.read = zero_read,
	.write = null_write,
	.llseek = null_llseek,
	.mmap_backing = zero_mmap_backing,
};

const struct file_ops dev_full_fops = {
	.name = "full",
	.read = zero_read,
	.write = full_write,
	.llseek = null_llseek,
	.mmap_backing = zero_mmap_backing,
};

const struct file_ops dev_random_fops = {
	.name = "random",
	.read = random_read,
	.write = null_write,
	.llseek = random_llseek,
	.ioctl = random_ioctl,
};
