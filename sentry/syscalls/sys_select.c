/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_select: select(2), pselect6(2).
 *
 * Sets are bitmaps of 64-bit words; of each as many words as @n needs are read
 * and written.
 *
 * Tests: tests/conformance/select.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/fs/epoll/pollset.h"
#include "sentry/kernel/task.h"
#include "sentry/syscalls/wait_time.h"
#include "syscalls.h"

#define IN_SET                                                                \
	(LINUX_POLLRDNORM | LINUX_POLLRDBAND | LINUX_POLLIN | LINUX_POLLHUP | \
	 LINUX_POLLERR | LINUX_POLLNVAL)
#define OUT_SET                                                                \
	(LINUX_POLLWRBAND | LINUX_POLLWRNORM | LINUX_POLLOUT | LINUX_POLLERR | \
	 LINUX_POLLNVAL)
#define EX_SET (LINUX_POLLPRI | LINUX_POLLNVAL)

enum { SET_IN, SET_OUT, SET_EX, NR_SETS };
static const uint32_t set_events[NR_SETS] = { IN_SET, OUT_SET, EX_SET };

struct select_state {
	uint32_t n, words;
	uint64_t *want[NR_SETS], *got[NR_SETS];
	uint64_t *heap;
	uint64_t few[2 * NR_SETS * 2]; /* up to 128 descriptors */
};

/*
 * Linux looks at no more than the descriptor table has room for: 64, or a power
 * of two from 256 on.  Ours has no such size; what would fit counts.
 */
static uint32_t bound_n(struct task *t, int32_t n)
{
	uint32_t room = 64;
	int fd = -1, next;

	if ((uint32_t)n <= room)
		return (uint32_t)n;
	while ((next = fd_table_next(t->fds, fd + 1)) >= 0)
		fd = next;
	while ((uint32_t)(fd + 1) > room)
		room = MAX(room * 2, 256u);
	return MIN((uint32_t)n, room);
}

static int state_init(struct select_state *s, struct task *t, int32_t n)
{
	uint64_t *at = s->few;
	int i;

	if (n < 0)
		return -EINVAL;
	s->n = bound_n(t, n);
	s->words = (s->n + 63) / 64;
	s->heap = NULL;
	if (s->words > 2) {
		at = s->heap = kcalloc(2 * NR_SETS, s->words * 8ul);
		if (!at)
			return -ENOMEM;
	}
	for (i = 0; i < NR_SETS; i++) {
		s->want[i] = at + (2 * i) * s->words;
		s->got[i] = at + (2 * i + 1) * s->words;
	}
	return 0;
}

static int copy_sets_in(struct select_state *s, const uaddr_t sets[NR_SETS])
{
	size_t size = s->words * 8ul;
	int i, ret;

	for (i = 0; i < NR_SETS; i++) {
		memset(s->want[i], 0, size);
		if (uaddr_is_null(sets[i]) || !size)
			continue;
		ret = copy_in(s->want[i], sets[i], size);
		if (ret < 0)
			return ret;
		if (s->n % 64) /* bits beyond n do not count */
			s->want[i][s->words - 1] &= (1ull << s->n % 64) - 1;
	}
	return 0;
}

static int copy_sets_out(struct select_state *s, const uaddr_t sets[NR_SETS])
{
	int i;

	for (i = 0; i < NR_SETS; i++)
		if (!uaddr_is_null(sets[i]) && s->words &&
		    copy_out(sets[i], s->got[i], s->words * 8ul) < 0)
			return -EFAULT;
	return 0;
}

/* One descriptor that is in some set.  Returns bits set, -EBADF. */
static long select_one(struct select_state *s, struct pollset *set,
		       struct task *t, uint32_t fd)
{
	uint64_t bit = 1ull << fd % 64;
	uint32_t word = fd / 64, events = 0, got;
	struct file *f = fd_table_lookup(t->fds, (int)fd);
	long nr = 0;
	int i;

	if (!f)
		return -EBADF;
	for (i = 0; i < NR_SETS; i++)
		if (s->want[i][word] & bit)
			events |= set_events[i];
	got = pollset_file(set, f, events);
	file_put(f);
	for (i = 0; i < NR_SETS; i++)
		if ((s->want[i][word] & bit) && (got & set_events[i])) {
			s->got[i][word] |= bit;
			nr++;
		}
	return nr;
}

static long select_pass(struct select_state *s, struct pollset *set,
			struct task *t)
{
	uint32_t word, fd;
	uint64_t all;
	long ret, nr = 0;
	int i;

	for (i = 0; i < NR_SETS; i++)
		memset(s->got[i], 0, s->words * 8ul);
	for (word = 0; word < s->words; word++) {
		all = s->want[0][word] | s->want[1][word] | s->want[2][word];
		for (; all; all &= all - 1) {
			fd = word * 64 + (uint32_t)__builtin_ctzll(all);
			ret = select_one(s, set, t, fd);
			if (ret < 0)
				return ret;
			nr += ret;
		}
	}
	return nr;
}

static long select_loop(struct select_state *s, struct task *t,
			uint64_t deadline)
{
	struct pollset set;
	long ret;

	pollset_init(&set, t);
	do
		ret = select_pass(s, &set, t);
	while (pollset_wait(&set, ret, deadline, &ret));
	pollset_fini(&set);
	return ret;
}

static long do_select(struct task *t, int32_t n, const uaddr_t sets[NR_SETS],
		      uint64_t deadline)
{
	struct select_state s;
	long ret, err;

	ret = state_init(&s, t, n);
	if (ret < 0)
		return ret;
	ret = copy_sets_in(&s, sets);
	if (ret == 0)
		ret = select_loop(&s, t, deadline);
	if (ret >= 0) {
		err = copy_sets_out(&s, sets);
		if (err < 0)
			ret = err;
	}
	free(s.heap);
	return ret;
}

long sys_select(struct task *t, int32_t n, uaddr_t in, uaddr_t out, uaddr_t ex,
		uaddr_t timeout)
{
	uaddr_t sets[NR_SETS] = { in, out, ex };
	uint64_t deadline;
	int ret = wait_deadline_from_user(timeout, true, &deadline);

	if (ret < 0)
		return ret;
	return wait_finish(timeout, true, deadline,
			   do_select(t, n, sets, deadline));
}

long sys_pselect6(struct task *t, int32_t n, uaddr_t in, uaddr_t out,
		  uaddr_t ex, uaddr_t timeout, uaddr_t sig)
{
	uaddr_t sets[NR_SETS] = { in, out, ex };
	struct linux_sigset_argpack pack = { 0, 0 };
	uint64_t deadline = 0;
	long ret = 0;

	if (!uaddr_is_null(sig))
		ret = copy_in(&pack, sig, sizeof(pack));
	if (ret == 0)
		ret = wait_deadline_from_user(timeout, false, &deadline);
	if (ret == 0)
		ret = temp_mask_set(t, uaddr(pack.set), pack.size);
	if (ret < 0)
		return ret;
	ret = do_select(t, n, sets, deadline);
	temp_mask_finish(t, uaddr(pack.set), ret == -ERESTARTNOHAND);
	return wait_finish(timeout, false, deadline, ret);
}
