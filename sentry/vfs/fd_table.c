/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd_table: descriptors, shared by the tasks of a process (CLONE_FILES).
 *
 * Invariant: bit n of used  <=>  slots[n] != NULL (a reference); no used bit
 *	      below first_free is clear; cloexec is a subset of used.
 * Locks:     tbl->mu, short; files are put and flushed after it is dropped.
 * Tests:     tests/unit/test_fd_table.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/leases.h"
#include "sentry/vfs/locks.h"
#include "sentry/vfs/namei.h"

#define FDS_MIN 64u
#define FDS_MAX (1u << 20) /* fs.nr_open */

struct fd_table {
	struct refcount ref;
	struct mutex mu; /* LOCK_FD_TABLE */
	struct file **slots GUARDED_BY(mu);
	uint64_t *used GUARDED_BY(mu); /* nr / 64 words, then cloexec's */
	uint64_t *cloexec GUARDED_BY(mu);
	uint32_t nr GUARDED_BY(mu); /* a multiple of 64 */
	uint32_t first_free GUARDED_BY(mu);
};

static bool bit_test(const uint64_t *map, uint32_t n)
{
	return map[n / 64] >> (n % 64) & 1;
}

static void bit_set(uint64_t *map, uint32_t n, bool on)
{
	uint64_t bit = 1ull << (n % 64);

	if (on)
		map[n / 64] |= bit;
	else
		map[n / 64] &= ~bit;
}

static uint32_t fd_limit(void)
{
	struct task *t = current_task();
	uint64_t limit = t ? task_rlimit(t, RLIM_NOFILE) : FDS_MAX;

	return (uint32_t)MIN(limit, FDS_MAX);
}

/* --- life ----------------------------------------------------------------- */

static int arrays_new(uint32_t nr, struct file ***slots, uint64_t **used)
{
	*slots = kcalloc(nr, sizeof(**slots));
	*used = kcalloc(nr / 64 * 2, sizeof(**used));
	if (*slots && *used)
		return 0;
	free(*slots);
	free(*used);
	return -ENOMEM;
}

static int table_new(uint32_t nr, struct fd_table **out)
{
	struct fd_table *tbl = kzalloc(sizeof(*tbl));

	if (!tbl)
		return -ENOMEM;
	if (arrays_new(nr, &tbl->slots, &tbl->used) < 0) {
		free(tbl);
		return -ENOMEM;
	}
	ref_init(&tbl->ref);
	mutex_init(&tbl->mu, LOCK_FD_TABLE);
	tbl->cloexec = tbl->used + nr / 64;
	tbl->nr = nr;
	*out = tbl;
	return 0;
}

int fd_table_new(struct fd_table **out)
{
	return table_new(FDS_MIN, out);
}

void fd_table_get(struct fd_table *tbl)
{
	ref_get(&tbl->ref);
}

/* What every close of a descriptor does once it is out of the table. */
static int close_file(struct fd_table *tbl, struct file *f)
{
	int ret = 0;

	locks_close_posix(f->inode, tbl);
	if (unlikely(f->leased))
		dnotify_closed(f, tbl);
	if (f->ops && f->ops->flush)
		ret = f->ops->flush(f);
	file_put(f);
	return ret;
}

void fd_table_put(struct fd_table *tbl)
{
	uint32_t i;

	if (!ref_put(&tbl->ref))
		return;
	for (i = 0; i < tbl->nr; i++) {
		if (tbl->slots[i])
			close_file(tbl, tbl->slots[i]);
	}
	pthread_mutex_destroy(&tbl->mu.raw);
	free(tbl->slots);
	free(tbl->used);
	free(tbl);
}

/* One more than the highest used descriptor, in whole words. */
static uint32_t used_words_end(const struct fd_table *tbl)
{
	uint32_t w = tbl->nr / 64;

	while (w > 1 && tbl->used[w - 1] == 0)
		w--;
	return w * 64;
}

static void copy_slots_locked(struct fd_table *from, struct fd_table *to)
{
	uint32_t i, nr = used_words_end(from);

	for (i = 0; i < nr; i++) {
		to->slots[i] = from->slots[i];
		if (to->slots[i])
			file_get(to->slots[i]);
	}
	memcpy(to->used, from->used, nr / 8);
	memcpy(to->cloexec, from->cloexec, nr / 8);
	to->first_free = from->first_free;
}

int fd_table_fork(struct fd_table *from, struct fd_table **out)
{
	struct fd_table *to = NULL;
	uint32_t nr;
	int ret;

	for (;;) {
		mutex_lock(&from->mu);
		nr = used_words_end(from);
		if (to && to->nr >= nr)
			break;
		mutex_unlock(&from->mu);
		if (to)
			fd_table_put(to);
		ret = table_new(nr, &to);
		if (ret < 0)
			return ret;
	}
	copy_slots_locked(from, to);
	to->first_free = MIN(to->first_free, to->nr);
	mutex_unlock(&from->mu);
	*out = to;
	return 0;
}

/* --- lookups -------------------------------------------------------------- */

static struct file *lookup(struct fd_table *tbl, int fd)
{
	struct file *f = NULL;

	mutex_lock(&tbl->mu);
	if (fd >= 0 && (uint32_t)fd < tbl->nr)
		f = tbl->slots[fd];
	if (f)
		file_get(f);
	mutex_unlock(&tbl->mu);
	return f;
}

struct file *fd_table_lookup_any(struct fd_table *tbl, int fd)
{
	return lookup(tbl, fd);
}

struct file *fd_table_lookup(struct fd_table *tbl, int fd)
{
	struct file *f = lookup(tbl, fd);

	if (f && unlikely(f->flags & LINUX_O_PATH)) {
		file_put(f);
		return NULL;
	}
	return f;
}

struct file *current_file(int fd)
{
	return fd_table_lookup(current_task()->fds, fd);
}

struct file *current_file_any(int fd)
{
	return fd_table_lookup_any(current_task()->fds, fd);
}

int fd_table_next(struct fd_table *tbl, int fd)
{
	uint32_t i;
	int found = -1;

	mutex_lock(&tbl->mu);
	for (i = fd < 0 ? 0 : (uint32_t)fd; i < tbl->nr; i++) {
		if (i % 64 == 0 && tbl->used[i / 64] == 0) {
			i += 63;
			continue;
		}
		if (tbl->slots[i]) {
			found = (int)i;
			break;
		}
	}
	mutex_unlock(&tbl->mu);
	return found;
}

/* --- growth and installation ---------------------------------------------- */

/* Makes room for descriptor @fd.  The lock is dropped and taken again while
 * memory is allocated: callers look again. */
static int grow(struct fd_table *tbl, uint32_t fd) MUST_HOLD(&tbl->mu)
{
	uint32_t nr, words;
	struct file **slots;
	uint64_t *used;
	int ret = 0;

	for (nr = FDS_MIN; nr <= fd; nr *= 2)
		;
	mutex_unlock(&tbl->mu);
	ret = arrays_new(nr, &slots, &used);
	mutex_lock(&tbl->mu);
	if (ret < 0)
		return ret;
	if (tbl->nr >= nr) {
		free(slots);
		free(used);
		return 0;
	}
	words = tbl->nr / 64;
	memcpy(slots, tbl->slots, tbl->nr * sizeof(*slots));
	memcpy(used, tbl->used, words * sizeof(*used));
	memcpy(used + nr / 64, tbl->cloexec, words * sizeof(*used));
	free(tbl->slots);
	free(tbl->used);
	tbl->slots = slots;
	tbl->used = used;
	tbl->cloexec = used + nr / 64;
	tbl->nr = nr;
	return 0;
}

/* The lowest clear bit from @from on; may be tbl->nr. */
static uint32_t find_free(const struct fd_table *tbl, uint32_t from)
{
	uint32_t w;

	if (from >= tbl->nr)
		return from;
	for (w = from / 64; w < tbl->nr / 64; w++) {
		uint64_t clear = ~tbl->used[w];

		if (w == from / 64)
			clear &= ~0ull << (from % 64);
		if (clear)
			return w * 64 + (uint32_t)__builtin_ctzll(clear);
	}
	return tbl->nr;
}

static void put_in_slot(struct fd_table *tbl, uint32_t fd, struct file *f,
			bool cloexec)
{
	file_get(f);
	tbl->slots[fd] = f;
	bit_set(tbl->used, fd, true);
	bit_set(tbl->cloexec, fd, cloexec);
}

int fd_table_install_from(struct fd_table *tbl, struct file *f, bool cloexec,
			  int from)
{
	uint32_t limit = fd_limit(), start, fd;
	int ret = 0;

	if (from < 0)
		return -EINVAL;
	mutex_lock(&tbl->mu);
	for (;;) {
		start = MAX((uint32_t)from, tbl->first_free);
		fd = find_free(tbl, start);
		if (fd >= limit)
			ret = -EMFILE;
		if (ret < 0 || fd < tbl->nr)
			break;
		ret = grow(tbl, fd);
	}
	if (ret == 0) {
		put_in_slot(tbl, fd, f, cloexec);
		if (start == tbl->first_free)
			tbl->first_free = fd + 1;
		ret = (int)fd;
	}
	mutex_unlock(&tbl->mu);
	return ret;
}

int fd_table_replace(struct fd_table *tbl, int fd, struct file *f, bool cloexec)
{
	struct file *old = NULL;
	int ret = 0;

	if (fd < 0 || (uint32_t)fd >= fd_limit())
		return -EBADF;
	mutex_lock(&tbl->mu);
	while (ret == 0 && (uint32_t)fd >= tbl->nr)
		ret = grow(tbl, (uint32_t)fd);
	if (ret == 0) {
		old = tbl->slots[fd];
		put_in_slot(tbl, (uint32_t)fd, f, cloexec);
	}
	mutex_unlock(&tbl->mu);
	if (old)
		close_file(tbl, old);
	return ret < 0 ? ret : fd;
}

/* --- closing -------------------------------------------------------------- */

static struct file *take_slot(struct fd_table *tbl, uint32_t fd)
{
	struct file *f = fd < tbl->nr ? tbl->slots[fd] : NULL;

	if (!f)
		return NULL;
	tbl->slots[fd] = NULL;
	bit_set(tbl->used, fd, false);
	bit_set(tbl->cloexec, fd, false);
	tbl->first_free = MIN(tbl->first_free, fd);
	return f;
}

int fd_table_close(struct fd_table *tbl, int fd)
{
	struct file *f = NULL;

	mutex_lock(&tbl->mu);
	if (fd >= 0)
		f = take_slot(tbl, (uint32_t)fd);
	mutex_unlock(&tbl->mu);
	return f ? close_file(tbl, f) : -EBADF;
}

int fd_table_close_range(struct fd_table *tbl, uint32_t first, uint32_t last,
			 bool set_cloexec)
{
	struct file *f;
	uint32_t i;

	if (first > last)
		return -EINVAL;
	for (i = first;;) {
		f = NULL;
		mutex_lock(&tbl->mu);
		for (; i < tbl->nr && i <= last && !f; i++) {
			if (set_cloexec && tbl->slots[i])
				bit_set(tbl->cloexec, i, true);
			else if (!set_cloexec)
				f = take_slot(tbl, i);
		}
		mutex_unlock(&tbl->mu);
		if (!f)
			return 0;
		close_file(tbl, f);
	}
}

void fd_table_close_on_exec(struct fd_table *tbl)
{
	struct file *f;
	uint32_t i = 0;

	do {
		f = NULL;
		mutex_lock(&tbl->mu);
		for (; i < tbl->nr && !f; i++) {
			if (bit_test(tbl->cloexec, i))
				f = take_slot(tbl, i);
		}
		mutex_unlock(&tbl->mu);
		if (f)
			close_file(tbl, f);
	} while (f);
}

int fd_table_get_cloexec(struct fd_table *tbl, int fd)
{
	int ret = -EBADF;

	mutex_lock(&tbl->mu);
	if (fd >= 0 && (uint32_t)fd < tbl->nr && tbl->slots[fd])
		ret = bit_test(tbl->cloexec, (uint32_t)fd);
	mutex_unlock(&tbl->mu);
	return ret;
}

int fd_table_set_cloexec(struct fd_table *tbl, int fd, bool on)
{
	int ret = -EBADF;

	mutex_lock(&tbl->mu);
	if (fd >= 0 && (uint32_t)fd < tbl->nr && tbl->slots[fd]) {
		bit_set(tbl->cloexec, (uint32_t)fd, on);
		ret = 0;
	}
	mutex_unlock(&tbl->mu);
	return ret;
}
