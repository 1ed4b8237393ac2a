/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: orders to the agent of a stub process, and its answers.
 *
 * Orders lie in a page that the stub can only read.  The answer comes through
 * an eventfd, since all memory that the agent could write the guest can write
 * too, and the sentry must know that an unmapping is done before it uses the
 * memory again.
 *
 * Locks: the caller sees to it that one thread at a time talks to an agent.
 * Tests: tests/unit/test_platform_trap.c
 */
#include <poll.h>
#include <unistd.h>

#include "platform/trap/trap.h"
#include "sentry/lib/log.h"

#define TICK_MS 1000

bool stub_is_dead(const struct stub *s)
{
	return raw_call(SYS_kill, s->tgid, 0, 0, 0) == -ESRCH;
}

void stub_kill(const struct stub *s)
{
	int status;

	raw_call(SYS_kill, s->tgid, SIGKILL, 0, 0);
	/* It leaves no zombie: this ends with -ECHILD when it is gone. */
	while (!stub_is_dead(s) && raw_wait(s->tgid, &status) != -ECHILD)
		;
}

long agent_wait(struct stub *s, uint32_t nr)
{
	struct pollfd pfd = { .fd = s->done_fd, .events = POLLIN };

	for (;;) {
		uint64_t done = 0;
		long n;

		/* Mostly the agent has had the CPU since it was woken. */
		n = raw_call(SYS_read, (uint64_t)s->done_fd,
			     (uint64_t)(uintptr_t)&done, sizeof(done), 0);
		if (n == sizeof(done)) {
			if (done >= 1 && done <= nr + 1ull)
				return (long)(done - 1);
			log_error("trap: agent %u astray", s->tgid);
			return -ESRCH;
		}
		if (raw_call(SYS_poll, (uint64_t)(uintptr_t)&pfd, 1, TICK_MS,
			     0) == 0 &&
		    stub_is_dead(s))
			return -ESRCH;
	}
}

long agent_call(struct stub *s, uint32_t nr)
{
	s->orders->nr = nr;
	atomic_fetch_add(&s->orders->seq, 1);
	raw_futex_wake(&s->orders->seq, 1, false);
	return agent_wait(s, nr);
}
