/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pid: the ids of tasks, process groups and sessions: one number space for
 * each PID namespace.
 *
 * g_pids is indexed by the number in the initial namespace, and knows the
 * numbers in the others; each other namespace maps its numbers back to that.
 *
 * Invariant: an id is free when it names neither task, group nor session;
 *            entry.nrs is there exactly for used ids of nested namespaces.
 * Locks:     the tasklist lock covers all.
 * Linux:     pid_max 32768; after a wrap ids below 300 are left alone.
 * Tests:     tests/unit/test_pid.c, tests/conformance/pidns.c
 */
#include <errno.h>

#include "sentry/host/host.h"
#include "sentry/kernel/pid_ns.h"
#include "sentry/kernel/task_private.h"

struct pid_entry {
	struct task *task;
	struct process_group *pgrp;
	struct session *session;
	struct pid_nrs *nrs; /* owned; NULL: of the initial namespace only */
};

struct mutex g_tasklist_mu = MUTEX_INIT(LOCK_TASKLIST);
/* Index 0 is not used.  Untouched pages cost nothing. */
static struct pid_entry g_pids[PID_MAX];
static uint32_t g_pid_end = 1; /* no id at or above it was ever used */
struct pid_ns g_init_pid_ns = {
	.ns = { .ref = { 1 },
		.kind = NS_PID,
		.inum = 0xeffffffc,
		.owner = &g_init_user_ns,
		.charged_uid = UINT32_MAX },
};

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

static bool is_used(const struct pid_entry *e)
{
	return e->task || e->pgrp || e->session;
}

bool pid_in_use_locked(uint32_t pid)
{
	if (pid == 0 || pid >= PID_MAX)
		return true;
	return is_used(entry(pid));
}

/* --- numbers of namespaces ------------------------------------------------ */

static bool nr_is_free(const struct pid_ns *ns, uint32_t nr)
{
	return ns->level ? !ns->global[nr] : !is_used(&g_pids[nr]);
}

/* The next free number of @ns, or @want if that is not 0. */
static int choose_nr(struct pid_ns *ns, uint32_t want)
{
	uint32_t nr = ns->last;

	if (want)
		return nr_is_free(ns, want) ? (int)want : -EEXIST;
	for (uint32_t tries = 0; tries < PID_MAX; tries++) {
		if (++nr >= PID_MAX)
			nr = RESERVED_PIDS;
		if (nr_is_free(ns, nr)) {
			ns->last = nr;
			return (int)nr;
		}
	}
	return -EAGAIN;
}

int pid_alloc_in_locked(struct pid_ns *ns, const uint32_t *set_tid,
			unsigned int nr_set, struct pid_nrs **out)
{
	struct pid_nrs *nrs = kzalloc(sizeof(*nrs));
	struct pid_ns *at;
	int nr, ret = 0;

	if (!nrs)
		return -ENOMEM;
	if (nr_set > ns->level + 1)
		ret = -EINVAL;
	for (at = ns; at && ret == 0; at = at->parent) {
		unsigned int depth = ns->level - at->level;
		uint32_t want = depth < nr_set ? set_tid[depth] : 0;

		/* The first of a namespace is its process 1. */
		if (want && want != 1 && !at->had_init)
			ret = -EINVAL;
		nr = ret < 0 ? ret : choose_nr(at, want);
		if (nr < 0)
			ret = nr;
		else
			nrs->nr[at->level] = (uint32_t)nr;
	}
	if (ret == 0 && ns->dying)
		ret = -ENOMEM;
	if (ret < 0) {
		free(nrs);
		return ret;
	}
	ns_get(&ns->ns);
	nrs->ns = ns;
	*out = nrs;
	return (int)nrs->nr[0];
}

int pid_alloc_locked(void)
{
	return choose_nr(&g_init_pid_ns, 0);
}

void pid_nrs_free(struct pid_nrs *nrs)
{
	ns_put(&nrs->ns->ns);
	free(nrs);
}

void pid_publish_locked(struct pid_nrs *nrs)
{
	struct pid_ns *at;

	if (nrs->ns->level == 0) {
		pid_nrs_free(nrs);
		return;
	}
	for (at = nrs->ns; at->level; at = at->parent)
		at->global[nrs->nr[at->level]] = (uint16_t)nrs->nr[0];
	entry(nrs->nr[0])->nrs = nrs;
}

/* The entry may have become free. */
static void unbind(struct pid_entry *e)
{
	struct pid_nrs *nrs = e->nrs;
	struct pid_ns *at;

	if (!nrs || is_used(e))
		return;
	e->nrs = NULL;
	for (at = nrs->ns; at->level; at = at->parent)
		at->global[nrs->nr[at->level]] = 0;
	pid_nrs_free(nrs);
}

/* Namespaces that end wait for their tasks: pid_ns_end(). */
static void tell_ending(const struct pid_nrs *nrs)
{
	struct pid_ns *at;

	for (at = nrs ? nrs->ns : &g_init_pid_ns; at->level; at = at->parent) {
		if (!at->dying)
			continue;
		atomic_fetch_add(&at->gone, 1);
		host_futex_wake(&at->gone, 1);
	}
}

uint32_t pid_nr_in_locked(uint32_t pid, const struct pid_ns *ns)
{
	const struct pid_nrs *nrs;

	if (likely(ns->level == 0))
		return pid;
	nrs = entry(pid)->nrs;
	if (!nrs || !pid_ns_is_below(nrs->ns, ns))
		return 0;
	return nrs->nr[ns->level];
}

unsigned int pid_numbers_locked(uint32_t pid, const struct pid_ns *from,
				uint32_t *out)
{
	const struct pid_nrs *nrs = entry(pid)->nrs;
	unsigned int n = 0;

	if (!nrs) {
		out[0] = from->level ? 0 : pid;
		return 1;
	}
	if (!pid_ns_is_below(nrs->ns, from)) {
		out[0] = 0;
		return 1;
	}
	for (unsigned int i = from->level; i <= nrs->ns->level; i++)
		out[n++] = nrs->nr[i];
	return n;
}

uint32_t pid_of_nr_locked(const struct pid_ns *ns, uint32_t nr)
{
	if (nr >= PID_MAX)
		return 0;
	return likely(ns->level == 0) ? nr : ns->global[nr];
}

bool pid_ns_is_below(const struct pid_ns *ns, const struct pid_ns *ancestor)
{
	while (ns && ns->level > ancestor->level)
		ns = ns->parent;
	return ns == ancestor;
}

/* --- what an id names ----------------------------------------------------- */

uint32_t pid_end_locked(void)
{
	return g_pid_end;
}

void pid_bind_task_locked(uint32_t pid, struct task *t)
{
	entry(pid)->task = t;
	if (t) {
		g_pid_end = MAX(g_pid_end, pid + 1);
		return;
	}
	tell_ending(entry(pid)->nrs);
	unbind(entry(pid));
}

void pid_bind_pgrp_locked(uint32_t pid, struct process_group *pg)
{
	entry(pid)->pgrp = pg;
	if (!pg)
		unbind(entry(pid));
}

void pid_bind_session_locked(uint32_t pid, struct session *s)
{
	entry(pid)->session = s;
	if (!s)
		unbind(entry(pid));
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
