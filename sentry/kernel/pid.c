/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pid: the ids of tasks, process groups and sessions: one number space.
 *
 * Invariant: an id is free when it names neither task, group nor session.
 * Locks:     the tasklist lock covers all.
 * Linux:     one pid namespace, pid_max 32768; after a wrap ids below 300 are
 *            left alone, as there.
 * Tests:     tests/unit/test_pid.c
 */
#include <errno.h>

#include "sentry/kernel/task_private.h"

struct pid_entry {
	struct task *task;
	struct process_group *pgrp;
	struct session *session;
};

struct mutex g_tasklist_mu = MUTEX_INIT(LOCK_TASKLIST);
/* Index 0 is not used.  Untouched pages cost nothing. */
static struct pid_entry g_pids[PID_MAX];
static uint32_t g_last_pid;

void tasklist_lock(void)
{
	mutex_lock(&g_tasklist_mu);
}

void tasklist_unlock(void)
{
	mutex_unlock(&g_tasklist_mu);
}

void tasklist_assert_held(void)
{
	mutex_assert_held(&g_tasklist_mu);
}

static struct pid_entry *entry(uint32_t pid)
{
	static struct pid_entry none;

	return pid > 0 && pid < PID_MAX ? &g_pids[pid] : &none;
}

bool pid_in_use_locked(uint32_t pid)
{
	const struct pid_entry *e = entry(pid);

	if (pid == 0 || pid >= PID_MAX)
		return true;
	return e->task || e->pgrp || e->session;
}

int pid_alloc_locked(void)
{
	uint32_t pid = g_last_pid;

	for (uint32_t tries = 0; tries < PID_MAX; tries++) {
		if (++pid >= PID_MAX)
			pid = RESERVED_PIDS;
		if (!pid_in_use_locked(pid)) {
			g_last_pid = pid;
			return (int)pid;
		}
	}
	return -EAGAIN;
}

void pid_bind_task_locked(uint32_t pid, struct task *t)
{
	entry(pid)->task = t;
}

void pid_bind_pgrp_locked(uint32_t pid, struct process_group *pg)
{
	entry(pid)->pgrp = pg;
}

void pid_bind_session_locked(uint32_t pid, struct session *s)
{
	entry(pid)->session = s;
}

struct task *pid_peek_task_locked(uint32_t pid)
{
	return entry(pid)->task;
}

struct process_group *pid_peek_pgrp_locked(uint32_t pid)
{
	return entry(pid)->pgrp;
}

struct session *pid_peek_session_locked(uint32_t pid)
{
	return entry(pid)->session;
}

struct thread_group *pid_peek_group_locked(uint32_t tgid)
{
	struct task *t = entry(tgid)->task;

	return t && t->group->tgid == tgid ? t->group : NULL;
}
