/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_timers: the interval timers and POSIX timers of a process
 * (thread_group.itimers).
 */
#ifndef SENTRY_TIME_GROUP_TIMERS_H
#define SENTRY_TIME_GROUP_TIMERS_H

#include "sentry/kernel/signal.h"
#include "sentry/time/guest_timer.h"

/* --- setitimer(2): @which is LINUX_ITIMER_*, checked ---------------------- */
int itimer_get(struct task *t, int which, struct guest_timer_spec *out);
MUST_CHECK int itimer_set(struct task *t, int which,
			  const struct guest_timer_spec *spec,
			  struct guest_timer_spec *old);

/* Follows the RLIMIT_CPU of @t's process; @t is the current task. */
MUST_CHECK int itimer_cpu_limit(struct task *t);

/* --- timer_create(2) ------------------------------------------------------ */
struct posix_timer;
struct posix_timer_event {
	int32_t notify; /* LINUX_SIGEV_* */
	int32_t signo;
	uint64_t value;
	int32_t clock_id;
	bool value_is_id;    /* no sigevent was given */
	struct task *thread; /* SIGEV_THREAD_ID: +1, taken over; or NULL */
};
/*
 * Takes over the references of @clock and @ev.  Returns the new id, or
 * -EAGAIN (RLIMIT_SIGPENDING), -ENOMEM.
 */
MUST_CHECK int posix_timer_new(struct task *t, struct guest_clock *clock,
			       struct posix_timer_event *ev);
/* +1 or NULL. */
struct posix_timer *posix_timer_lookup(struct task *t, int32_t id);
void posix_timer_put(struct posix_timer *p);
DEFINE_AUTO_PUT(posix_timer)
struct guest_timer *posix_timer_timer(struct posix_timer *p);
/* Forgets overruns and a queued signal: the timer is set anew. */
void posix_timer_reset(struct posix_timer *p);
int32_t posix_timer_overrun(struct posix_timer *p);
int posix_timer_delete(struct task *t, int32_t id); /* 0, -EINVAL */

/* Text of /proc/PID/timers. */
struct seq_buf;
void posix_timers_print(struct thread_group *tg, struct seq_buf *out);

/*
 * The current task takes @si (SI_TIMER) from its queue: fills in the overrun.
 * Caller holds the group's sighand lock.
 */
__attribute__((weak)) void posix_timer_dequeued(struct task *t,
						struct linux_siginfo *si);

#endif
