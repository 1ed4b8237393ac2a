/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synth_file: open text files.  Each has a snapshot of its text, counted by
 * references, so that a slow reader never holds the lock.
 *
 * Invariant: a snapshot never changes once it is published in sf->text.
 * Locks:     sf->mu covers sf->text only.
 * Linux:     as seq_file: offset 0 makes the text anew; SEEK_END is refused
 *            where the size is 0.
 * Tests:     tests/unit/test_synth.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/fs/synth/synth.h"

struct snapshot {
	struct refcount ref;
	struct seq_buf text;
};

struct synth_file {
	struct mutex mu;		      /* rank LOCK_INODE */
	struct snapshot *text GUARDED_BY(mu); /* NULL before the first read */
	_Atomic uint32_t seen; /* changes that were there when it was made */
};

static void snapshot_put(struct snapshot *s)
{
	if (!s || !ref_put(&s->ref))
		return;
	seq_fini(&s->text);
	free(s);
}
DEFINE_AUTO_PUT(snapshot)

int synth_text_open(struct file *f)
{
	struct synth_file *sf = kzalloc(sizeof(*sf));

	if (!sf)
		return -ENOMEM;
	mutex_init(&sf->mu, LOCK_INODE);
	f->ops = &synth_text_fops;
	f->priv = sf;
	return 0;
}

static int generate(struct file *f, struct snapshot **out)
{
	const struct synth_ctx *ctx = synth_file_ctx(f);
	const struct synth_entry *e = synth_ctx_entry(ctx);
	AUTO_PUT(snapshot) struct snapshot *s = NULL;
	int ret;

	if (!e->show)
		return -EIO;
	ret = synth_check_alive(f->inode);
	if (ret < 0)
		return ret;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	ref_init(&s->ref);
	if (e->changes) {
		uint32_t count;

		e->changes(ctx, &count);
		((struct synth_file *)f->priv)->seen = count;
	}
	ret = e->show(ctx, &s->text);
	if (ret < 0)
		return ret;
	if (s->text.failed)
		return -ENOMEM;
	*out = take(s);
	return 0;
}

/* The snapshot to read from, +1: a new one at offset 0. */
static int get_snapshot(struct file *f, int64_t pos, struct snapshot **out)
{
	struct synth_file *sf = f->priv;
	struct snapshot *fresh, *old = NULL;
	int ret;

	mutex_lock(&sf->mu);
	if (pos != 0 && sf->text) {
		old = sf->text;
		ref_get(&old->ref);
	}
	mutex_unlock(&sf->mu);
	if (old) {
		*out = old;
		return 0;
	}
	ret = generate(f, &fresh);
	if (ret < 0)
		return ret;
	ref_get(&fresh->ref); /* one for sf, one for the caller */
	mutex_lock(&sf->mu);
	old = sf->text;
	sf->text = fresh;
	mutex_unlock(&sf->mu);
	snapshot_put(old);
	*out = fresh;
	return 0;
}

static long text_read(struct file *f, struct uio *u, int64_t *pos)
{
	AUTO_PUT(snapshot) struct snapshot *s = NULL;
	size_t size;
	long done;
	int ret;

	if (*pos < 0)
		return -EINVAL;
	ret = get_snapshot(f, *pos, &s);
	if (ret < 0)
		return ret;
	if ((uint64_t)*pos >= s->text.len)
		return 0;
	size = MIN(u->left, s->text.len - (size_t)*pos);
	if (size == 0)
		return 0;
	done = uio_copy_out(u, s->text.data + *pos, size);
	if (done > 0)
		*pos += done;
	return done;
}

static long text_write(struct file *f, struct uio *u, int64_t *pos)
{
	const struct synth_ctx *ctx = synth_file_ctx(f);
	const struct synth_entry *e = synth_ctx_entry(ctx);
	AUTO_FREE char *text = NULL;
	size_t size = MIN(u->left, (size_t)SYNTH_WRITE_MAX);
	long ret;

	if (!e->write)
		return -EIO;
	ret = synth_check_alive(f->inode);
	if (ret < 0)
		return ret;
	text = kzalloc(size + 1);
	if (!text)
		return -ENOMEM;
	ret = size ? uio_copy_in(u, text, size) : 0;
	if (ret < 0)
		return ret;
	if ((size_t)ret < size)
		return -EFAULT;
	ret = e->write(ctx, text, size);
	if (ret > 0 && pos)
		*pos += ret;
	return ret;
}

static int64_t text_llseek(struct file *f, int64_t off, int whence)
{
	int64_t base = 0;

	/* The caller holds pos_mu. */
	if (whence == SEEK_CUR)
		base = f->pos;
	else if (whence == SEEK_END && f->inode->size > 0)
		base = (int64_t)f->inode->size;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (add_overflows(base, off, &base) || base < 0)
		return -EINVAL;
	f->pos = base;
	return base;
}

/* As kernfs: POLLPRI and POLLERR until what changed has been read. */
static uint32_t text_poll(struct file *f, struct poll_table *pt)
{
	const struct synth_ctx *ctx = synth_file_ctx(f);
	const struct synth_entry *e = synth_ctx_entry(ctx);
	uint32_t always = LINUX_POLLIN | LINUX_POLLOUT | LINUX_POLLRDNORM |
			  LINUX_POLLWRNORM;
	struct synth_file *sf = f->priv;
	uint32_t count;

	if (!e->changes)
		return always;
	poll_wait(pt, e->changes(ctx, &count));
	e->changes(ctx, &count);
	return count == sf->seen ? always
				 : always | LINUX_POLLERR | LINUX_POLLPRI;
}

static void text_release(struct file *f)
{
	struct synth_file *sf = f->priv;

	snapshot_put(sf->text);
	free(sf);
}

const struct file_ops synth_text_fops = {
	.name = "synth",
	.read = text_read,
	.write = text_write,
	.llseek = text_llseek,
	.poll = text_poll,
	.release = text_release,
};

bool synth_parse_u32(const char *name, uint32_t *out)
{
	uint64_t v = 0;
	const char *p = name;

	if (*p < '0' || *p > '9' || (*p == '0' && p[1]))
		return false;
	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)v;
	return true;
}

int synth_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long v;

	while (*text == ' ' || *text == '\t' || *text == '\n')
		text++;
	if (*text != '-' && (*text < '0' || *text > '9'))
		return -EINVAL;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text)
		return -EINVAL;
	while (*end == ' ' || *end == '\t' || *end == '\n')
		end++;
	if (*end || v < min || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}
