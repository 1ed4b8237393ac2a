/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_poll: poll(2), ppoll(2), select(2), pselect6(2).
 *
 * Order of checks as fs/select.c of Linux: the time, the mask, the set, the
 * descriptors.  Of a pollfd only revents is written.
 *
 * Tests: tests/conformance/poll.c, tests/conformance/select.c
 */
#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/fs/epoll/pollset.h"
#include "sentry/kernel/restart.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/syscalls/wait_time.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

/* --- time and masks, shared with epoll ------------------------------------ */

uint64_t wait_deadline(uint64_t sec, uint64_t nsec)
{
	uint64_t ns, end;

	if (sec == 0 && nsec == 0)
		return 0;
	if (mul_overflows(sec, NSEC_PER_SEC, &ns) ||
	    add_overflows(ns, nsec, &ns) ||
	    add_overflows(ns, clock_monotonic(), &end) || end > INT64_MAX)
		return NO_DEADLINE;
	return end;
}

uint64_t wait_deadline_ms(int32_t ms)
{
	if (ms < 0)
		return NO_DEADLINE;
	return wait_deadline((uint32_t)ms / 1000,
			     (uint32_t)ms % 1000 * 1000000ull);
}

int wait_deadline_from_user(uaddr_t ts, bool usec, uint64_t *out)
{
	struct linux_timespec v;
	int ret;

	if (uaddr_is_null(ts)) {
		*out = NO_DEADLINE;
		return 0;
	}
	ret = copy_in(&v, ts, sizeof(v));
	if (ret < 0)
		return ret;
	if (usec) { /* excess microseconds are carried over */
		if (add_overflows(v.sec, v.nsec / 1000000, &v.sec))
			return -EINVAL;
		v.nsec = v.nsec % 1000000 * 1000;
	}
	if (v.sec < 0 || v.nsec < 0 || v.nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	*out = wait_deadline((uint64_t)v.sec, (uint64_t)v.nsec);
	return 0;
}

long wait_finish(uaddr_t ts, bool usec, uint64_t deadline, long ret)
{
	struct linux_timespec v = { 0, 0 };
	uint64_t now;

	if (uaddr_is_null(ts) || deadline == 0)
		return ret;
	now = clock_monotonic();
	if (deadline == NO_DEADLINE)
		return ret; /* as good as it was */
	if (deadline > now) {
		v.sec = (int64_t)((deadline - now) / NSEC_PER_SEC);
		v.nsec = (int64_t)((deadline - now) % NSEC_PER_SEC);
	}
	if (usec)
		v.nsec /= 1000;
	if (copy_out(ts, &v, sizeof(v)) == 0)
		return ret;
	return ret == -ERESTARTNOHAND ? -EINTR : ret;
}

int temp_mask_set(struct task *t, uaddr_t set, uint64_t size)
{
	uint64_t mask;
	int ret;

	if (uaddr_is_null(set))
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	ret = copy_in(&mask, set, sizeof(mask));
	if (ret == 0)
		signal_set_temp_mask(t, mask);
	return ret;
}

void temp_mask_finish(struct task *t, uaddr_t set, bool interrupted)
{
	if (!uaddr_is_null(set) && !interrupted)
		signal_restore_mask(t);
}

/* --- poll ----------------------------------------------------------------- */

static uint32_t poll_one(struct pollset *set, struct task *t,
			 const struct linux_pollfd *p)
{
	uint32_t events = p->events | LINUX_POLLERR | LINUX_POLLHUP;
	struct file *f;
	uint32_t got;

	if (p->fd < 0)
		return 0;
	f = fd_table_lookup(t->fds, p->fd);
	if (!f)
		return LINUX_POLLNVAL;
	got = pollset_file(set, f, p->events) & events;
	file_put(f);
	return got;
}

static long poll_loop(struct task *t, struct linux_pollfd *fds, uint32_t nr,
		      uint64_t deadline)
{
	struct pollset set;
	long ret, ready;
	uint32_t i;

	pollset_init(&set, t);
	do {
		ready = 0;
		for (i = 0; i < nr; i++) {
			fds[i].revents = (uint16_t)poll_one(&set, t, &fds[i]);
			ready += fds[i].revents != 0;
		}
	} while (pollset_wait(&set, ready, deadline, &ret));
	pollset_fini(&set);
	return ret;
}

/* poll without its ways of restarting: -ERESTARTNOHAND when interrupted. */
static long do_poll(struct task *t, uaddr_t ufds, uint32_t nr,
		    uint64_t deadline)
{
	struct linux_pollfd few[16], *fds = few;
	AUTO_FREE struct linux_pollfd *many = NULL;
	uint32_t i;
	long ret;

	if (nr > task_rlimit(t, RLIM_NOFILE))
		return -EINVAL;
	if (nr > ARRAY_SIZE(few)) {
		many = kcalloc(nr, sizeof(*many));
		if (!many)
			return -ENOMEM;
		fds = many;
	}
	if (nr && copy_in(fds, ufds, nr * sizeof(*fds)) < 0)
		return -EFAULT;
	ret = poll_loop(t, fds, nr, deadline);
	for (i = 0; i < nr; i++) {
		uaddr_t at = uaddr_add(
			ufds, i * sizeof(*fds) +
				      offsetof(struct linux_pollfd, revents));

		if (copy_out(at, &fds[i].revents, sizeof(fds[i].revents)) < 0)
			return -EFAULT;
	}
	return ret;
}

static long poll_again(struct task *t);

static long poll_or_restart(struct task *t, uaddr_t fds, uint32_t nr,
			    uint64_t deadline)
{
	long ret = do_poll(t, fds, nr, deadline);
	union restart_data *r;

	if (ret != -ERESTARTNOHAND)
		return ret;
	r = task_restart_data(t);
	r->poll.fds = fds.va;
	r->poll.nr = nr;
	r->poll.deadline = deadline;
	r->poll.has_timeout = deadline != NO_DEADLINE;
	return task_set_restart(t, poll_again);
}

static long poll_again(struct task *t)
{
	union restart_data *r = task_restart_data(t);

	return poll_or_restart(t, uaddr(r->poll.fds), r->poll.nr,
			       r->poll.deadline);
}

long sys_poll(struct task *t, uaddr_t fds, uint32_t nfds, int32_t timeout)
{
	return poll_or_restart(t, fds, nfds, wait_deadline_ms(timeout));
}

long sys_ppoll(struct task *t, uaddr_t fds, uint32_t nfds, uaddr_t timeout,
	       uaddr_t set, uint64_t size)
{
	uint64_t deadline;
	long ret;

	ret = wait_deadline_from_user(timeout, false, &deadline);
	if (ret == 0)
		ret = temp_mask_set(t, set, size);
	if (ret < 0)
		return ret;
	ret = do_poll(t, fds, nfds, deadline);
	temp_mask_finish(t, set, ret == -ERESTARTNOHAND);
	return wait_finish(timeout, false, deadline, ret);
}
