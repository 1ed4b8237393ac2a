/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_id: who a task is: processes, groups, sessions, user and group ids.
 *
 * Tests: tests/conformance/ids.c
 */
#include <errno.h>

#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "syscalls.h"

long sys_getpid(struct task *t)
{
	return t->group->vtgid;
}

long sys_gettid(struct task *t)
{
	return t->vtid;
}

/* The lock is for the parent, which may end; it costs nothing when free. */
long sys_getppid(struct task *t)
{
	struct thread_group *parent;
	long pid;

	tasklist_lock();
	parent = t->group->parent;
	pid = parent ? pid_to_guest_locked(parent->tgid) : 0;
	tasklist_unlock();
	return pid;
}

long sys_getpgid(struct task *t, int32_t pid)
{
	return task_get_job(t, pid, false);
}

long sys_getpgrp(struct task *t)
{
	return task_get_job(t, 0, false);
}

long sys_getsid(struct task *t, int32_t pid)
{
	return task_get_job(t, pid, true);
}

long sys_setpgid(struct task *t, int32_t pid, int32_t pgid)
{
	return task_setpgid(t, pid, pgid);
}

long sys_setsid(struct task *t)
{
	return task_setsid(t);
}

long sys_getuid(struct task *t)
{
	return uid_in(t->cred->user_ns, t->cred->uid);
}

long sys_geteuid(struct task *t)
{
	return uid_in(t->cred->user_ns, t->cred->euid);
}

long sys_getgid(struct task *t)
{
	return gid_in(t->cred->user_ns, t->cred->gid);
}

long sys_getegid(struct task *t)
{
	return gid_in(t->cred->user_ns, t->cred->egid);
}

static int put3(uaddr_t a, uaddr_t b, uaddr_t c, uint32_t va, uint32_t vb,
		uint32_t vc)
{
	if (copy_out(a, &va, sizeof(va)) < 0 ||
	    copy_out(b, &vb, sizeof(vb)) < 0)
		return -EFAULT;
	return copy_out(c, &vc, sizeof(vc));
}

long sys_getresuid(struct task *t, uaddr_t ruid, uaddr_t euid, uaddr_t suid)
{
	const struct cred *c = t->cred;
	const struct user_ns *u = c->user_ns;

	return put3(ruid, euid, suid, uid_in(u, c->uid), uid_in(u, c->euid),
		    uid_in(u, c->suid));
}

long sys_getresgid(struct task *t, uaddr_t rgid, uaddr_t egid, uaddr_t sgid)
{
	const struct cred *c = t->cred;
	const struct user_ns *u = c->user_ns;

	return put3(rgid, egid, sgid, gid_in(u, c->gid), gid_in(u, c->egid),
		    gid_in(u, c->sgid));
}
