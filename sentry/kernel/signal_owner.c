/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal_owner: signals to whom fcntl(F_SETOWN) named, from below the tasks'
 * own headers: files know ids only.
 *
 * Locks: the tasklist lock.
 * Tests: tests/conformance/lease.c, dnotify.c
 */
#include <errno.h>

#include "abi/fcntl.h"
#include "sentry/kernel/task_private.h"

static int send_pgrp(uint32_t pgid, const struct linux_siginfo *si)
{
	struct process_group *pg;
	int ret = -ESRCH;

	tasklist_lock();
	pg = pid_peek_pgrp_locked(pgid);
	if (pg)
		ret = signal_send_pgrp_locked(pg, si);
	tasklist_unlock();
	return ret;
}

int signal_send_owner(int type, uint32_t id, const struct linux_siginfo *si)
{
	AUTO_PUT(thread_group) struct thread_group *tg = NULL;
	AUTO_PUT(task) struct task *t = NULL;

	switch (type) {
	case LINUX_F_OWNER_TID:
		t = task_lookup_global(id);
		return t ? signal_send_task(t, si) : -ESRCH;
	case LINUX_F_OWNER_PID:
		tasklist_lock();
		tg = pid_peek_group_locked(id);
		if (tg)
			thread_group_get(tg);
		tasklist_unlock();
		return tg ? signal_send_group(tg, si) : -ESRCH;
	default:
		return send_pgrp(id, si);
	}
}
