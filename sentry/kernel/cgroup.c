/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: the tree of control groups, who belongs to which, and pids.max.
 *
 * Invariant: nr_tasks of a group is the number of linked threads (zombies too)
 *            of its processes and of all groups below; nr_live those that have
 *            not ended.
 * Locks:     tasklist, as cgroup.h says; counts are read without.
 * Linux:     kernel/cgroup of 6.18; no threaded groups, no delegation by
 *            chown, no cgroup v1.
 * Tests:     tests/conformance/cgroup.c
 */
#include "sentry/kernel/cgroup.h"

#include <errno.h>
#include <string.h>

#include "abi/poll.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/task_private.h"

static struct cgroup g_root;
static uint32_t g_last_id = 1, g_nr = 1; /* tasklist */

struct cgroup *cgroup_root(void)
{
	return &g_root;
}

static struct memfile_acct *acct_of_current(void)
{
	struct task *t = current_task();

	return t ? &cgroup_peek(t->group)->mem : &g_root.mem;
}

static void init(struct cgroup *cg)
{
	ref_init(&cg->ref);
	list_init(&cg->children);
	list_init(&cg->child_node);
	waitq_init(&cg->events);
	cg->pids_max = CGROUP_NO_LIMIT;
	cg->max_depth = cg->max_descendants = CGROUP_NO_LIMIT;
	cgroup_cpu_init(cg);
}

void cgroup_start(uint64_t pids, uint64_t milli_cpus)
{
	init(&g_root);
	g_root.id = 1;
	g_root.name = (char[]){ "" };
	if (pids)
		g_root.pids_max = pids;
	memfile_acct_init(&g_root.mem, memfile_root_acct());
	memfile_acct_setup(acct_of_current);
	if (milli_cpus)
		cgroup_cpu_set(&g_root, milli_cpus * 100, 100000);
}

void cgroup_get(struct cgroup *cg)
{
	ref_get(&cg->ref);
}

void cgroup_put(struct cgroup *cg)
{
	while (cg && ref_put(&cg->ref)) {
		struct cgroup *parent = cg->parent;

		memfile_acct_fini(&cg->mem);
		waitq_fini(&cg->events);
		free(cg->name);
		free(cg);
		cg = parent;
	}
}

/* cgroup.events of @cg says something new. */
static void changed(struct cgroup *cg)
{
	cg->nr_events++;
	waitq_wake(&cg->events, LINUX_POLLERR | LINUX_POLLPRI);
}

/* --- the tree ------------------------------------------------------------- */

static struct cgroup *peek_child_locked(struct cgroup *parent, const char *name)
{
	struct cgroup *cg;

	list_for_each_entry (cg, &parent->children, child_node)
		if (strcmp(cg->name, name) == 0)
			return cg;
	return NULL;
}

static uint32_t count_locked(struct cgroup *cg)
{
	struct cgroup *child;
	uint32_t nr = 0;

	list_for_each_entry (child, &cg->children, child_node)
		nr += 1 + count_locked(child);
	return nr;
}

uint32_t cgroup_nr_descendants(struct cgroup *cg)
{
	uint32_t nr;

	tasklist_lock();
	nr = count_locked(cg);
	tasklist_unlock();
	return nr;
}

/* cgroup.max.depth and cgroup.max.descendants of all above. */
static int check_room_locked(struct cgroup *parent)
{
	uint64_t level = 1;

	if (g_nr >= CGROUP_NR_MAX || parent->depth >= 256)
		return -EAGAIN;
	for (struct cgroup *p = parent; p; p = p->parent, level++) {
		if (level > p->max_depth)
			return -EAGAIN;
		if (p->max_descendants != CGROUP_NO_LIMIT &&
		    count_locked(p) >= p->max_descendants)
			return -EAGAIN;
	}
	return 0;
}

static int insert_locked(struct cgroup *parent, struct cgroup *cg)
{
	int ret;

	if (parent->dead)
		return -ENODEV;
	if (peek_child_locked(parent, cg->name))
		return -EEXIST;
	ret = check_room_locked(parent);
	if (ret < 0)
		return ret;
	cg->id = ++g_last_id;
	g_nr++;
	list_append(&parent->children, &cg->child_node);
	cgroup_get(cg); /* the tree's */
	return 0;
}

int cgroup_mkdir(struct cgroup *parent, const char *name)
{
	AUTO_PUT(cgroup) struct cgroup *cg = kzalloc(sizeof(*cg));
	int ret;

	if (!cg)
		return -ENOMEM;
	init(cg);
	cgroup_get(parent);
	cg->parent = parent;
	cg->depth = parent->depth + 1;
	memfile_acct_init(&cg->mem, &parent->mem);
	cg->name = kstrdup(name);
	if (!cg->name)
		return -ENOMEM;
	tasklist_lock();
	ret = insert_locked(parent, cg);
	tasklist_unlock();
	return ret;
}

int cgroup_rmdir(struct cgroup *parent, const char *name)
{
	AUTO_PUT(cgroup) struct cgroup *cg = NULL;
	int ret = 0;

	tasklist_lock();
	cg = peek_child_locked(parent, name);
	if (!cg) {
		ret = -ENOENT;
	} else if (cg->nr_live || !list_empty(&cg->children)) {
		cg = NULL;
		ret = -EBUSY;
	} else {
		cg->dead = true;
		list_del(&cg->child_node);
		g_nr--;
	}
	tasklist_unlock();
	if (cg) {
		cgroup_cpu_fini(cg);
		changed(cg);
	}
	return ret;
}

struct cgroup *cgroup_lookup(struct cgroup *parent, const char *name)
{
	struct cgroup *cg;

	tasklist_lock();
	cg = peek_child_locked(parent, name);
	if (cg)
		cgroup_get(cg);
	tasklist_unlock();
	return cg;
}

/* New ones go to the end with higher ids: the list is in order. */
struct cgroup *cgroup_next_child(struct cgroup *parent, uint32_t id)
{
	struct cgroup *cg, *found = NULL;

	tasklist_lock();
	list_for_each_entry (cg, &parent->children, child_node) {
		if (cg->id < id)
			continue;
		found = cg;
		cgroup_get(cg);
		break;
	}
	tasklist_unlock();
	return found;
}

uint32_t cgroup_controllers(const struct cgroup *cg)
{
	return cg->parent ? cg->parent->subtree : CGROUP_CONTROLLERS;
}

/* Processes in @cg itself?  Live ones of all less those below. */
static bool has_own_locked(struct cgroup *cg)
{
	struct cgroup *child;
	uint32_t below = 0;

	list_for_each_entry (child, &cg->children, child_node)
		below += child->nr_live;
	return cg->nr_live > below;
}

static int check_subtree_locked(struct cgroup *cg, uint32_t add,
				uint32_t remove)
{
	struct cgroup *child;

	if (cg->dead)
		return -ENODEV;
	if (add & ~cgroup_controllers(cg))
		return -ENOENT;
	list_for_each_entry (child, &cg->children, child_node)
		if (child->subtree & remove)
			return -EBUSY;
	/* No internal processes, but in the root. */
	if (add && cg->parent && has_own_locked(cg))
		return -EBUSY;
	return 0;
}

int cgroup_set_subtree(struct cgroup *cg, uint32_t add, uint32_t remove)
{
	int ret;

	tasklist_lock();
	ret = check_subtree_locked(cg, add, remove);
	if (ret == 0)
		cg->subtree = (cg->subtree | add) & ~remove;
	tasklist_unlock();
	return ret;
}

bool cgroup_below(const struct cgroup *cg, const struct cgroup *top)
{
	for (; cg; cg = cg->parent)
		if (cg == top)
			return true;
	return false;
}

static void prepend(char **at, const char *text)
{
	size_t len = strlen(text);

	*at -= len;
	memcpy(*at, text, len);
}

/* Length of the way up from @cg to @stop. */
static size_t way_length(const struct cgroup *cg, const struct cgroup *stop)
{
	size_t len = 0;

	for (; cg != stop; cg = cg->parent)
		len += 1 + strlen(cg->name);
	return len;
}

char *cgroup_path(const struct cgroup *cg, const struct cgroup *root)
{
	const struct cgroup *common = root, *p;
	size_t ups = 0, len;
	char *text, *at;

	for (; !cgroup_below(cg, common); common = common->parent)
		ups++;
	len = ups * 3 + way_length(cg, common);
	text = kzalloc(len + 2);
	if (!text)
		return NULL;
	if (len == 0) {
		text[0] = '/';
		return text;
	}
	at = text + len;
	for (p = cg; p != common; p = p->parent) {
		prepend(&at, p->name);
		prepend(&at, "/");
	}
	while (ups--)
		prepend(&at, "/..");
	return text;
}

/* --- members -------------------------------------------------------------- */

struct cgroup *cgroup_peek(struct thread_group *tg)
{
	struct cgroup *cg = atomic_load(&tg->priv->cgroup);

	return cg ? cg : &g_root;
}

struct cgroup *cgroup_of(struct thread_group *tg)
{
	struct cgroup *cg;

	tasklist_lock();
	cg = cgroup_peek(tg);
	cgroup_get(cg);
	tasklist_unlock();
	return cg;
}

static void add_tasks(struct cgroup *cg, uint32_t tasks, uint32_t live)
{
	for (; cg; cg = cg->parent) {
		bool was = cg->nr_live;

		cg->nr_tasks += tasks;
		cg->nr_live += live;
		cg->peak_tasks = MAX(cg->peak_tasks, cg->nr_tasks);
		if (was != (cg->nr_live != 0))
			changed(cg);
	}
}

static void sub_tasks(struct cgroup *cg, uint32_t tasks, uint32_t live)
{
	add_tasks(cg, -tasks, -live);
}

static bool frozen_by(const struct cgroup *cg)
{
	for (; cg; cg = cg->parent)
		if (cg->freeze)
			return true;
	return false;
}

static int check_pids(struct cgroup *cg)
{
	for (struct cgroup *p = cg; p; p = p->parent) {
		if (p->nr_tasks < p->pids_max)
			continue;
		p->pids_refused++;
		return -EAGAIN;
	}
	return 0;
}

void cgroup_preset(struct thread_group *tg, struct cgroup *cg)
{
	cgroup_get(cg);
	atomic_store(&tg->priv->cgroup, cg);
}

int cgroup_fork_locked(struct thread_group *tg, struct thread_group *from)
{
	struct cgroup *cg = atomic_load(&tg->priv->cgroup);
	int ret;

	tasklist_assert_held();
	if (!cg)
		cg = from ? cgroup_peek(from) : &g_root;
	if (cg->dead)
		return -ENODEV;
	ret = check_pids(cg);
	if (ret < 0)
		return ret;
	if (!tg->priv->cgroup) {
		cgroup_get(cg);
		tg->priv->cgroup = cg;
	}
	add_tasks(cg, 1, 1);
	cgroup_cpu_watch(cg);
	return 0;
}

void cgroup_exit_locked(struct thread_group *tg)
{
	sub_tasks(cgroup_peek(tg), 0, 1);
}

void cgroup_account_dead(struct thread_group *tg)
{
	struct rusage_sum u;

	tasklist_lock();
	thread_group_usage_locked(tg, &u);
	cgroup_cpu_add(cgroup_peek(tg), (int64_t)u.utime, (int64_t)u.stime);
	tasklist_unlock();
}

void cgroup_reap_locked(struct thread_group *tg)
{
	sub_tasks(cgroup_peek(tg), 1, 0);
}

/* All threads of @tg look at their group again. */
static void kick_locked(struct thread_group *tg)
{
	struct task *t;

	mutex_lock(&tg->signals->mu);
	list_for_each_entry (t, &tg->threads, group_node) {
		task_kick(t, TASK_WORK_CGROUP);
		signal_wake_locked(t, false);
	}
	mutex_unlock(&tg->signals->mu);
}

static uint32_t count_threads(struct thread_group *tg)
{
	struct task *t;
	uint32_t nr = 0;

	list_for_each_entry (t, &tg->threads, group_node)
		nr++;
	return nr;
}

static void move_locked(struct cgroup *to, struct thread_group *tg)
{
	struct cgroup *from = cgroup_peek(tg);
	uint32_t tasks = count_threads(tg);
	struct rusage_sum u;

	thread_group_usage_locked(tg, &u);
	cgroup_cpu_add(from, (int64_t)u.utime, (int64_t)u.stime);
	cgroup_cpu_add(to, -(int64_t)u.utime, -(int64_t)u.stime);
	sub_tasks(from, tasks, tg->nr_threads);
	cgroup_get(to);
	atomic_store(&tg->priv->cgroup, to);
	add_tasks(to, tasks, tg->nr_threads);
	cgroup_cpu_watch(to);
	kick_locked(tg);
}

int cgroup_may_enter(struct cgroup *cg, struct thread_group *tg, bool thread)
{
	int ret = 0;

	tasklist_lock();
	if (cg->dead)
		ret = -ENODEV;
	else if (cg->parent && cg->subtree)
		ret = -EBUSY;
	else if (thread && cg != cgroup_peek(tg))
		ret = -EOPNOTSUPP;
	tasklist_unlock();
	return ret;
}

int cgroup_attach(struct cgroup *cg, struct thread_group *tg)
{
	struct cgroup *from = NULL;
	int ret = 0;

	tasklist_lock();
	if (cg->dead)
		ret = -ENODEV;
	else if (cg->parent && cg->subtree)
		ret = -EBUSY;
	else if (tg->nr_threads == 0 || !tg->priv->cgroup)
		ret = -ESRCH;
	else if (cg != cgroup_peek(tg)) {
		from = cgroup_peek(tg);
		move_locked(cg, tg);
	}
	tasklist_unlock();
	if (from)
		cgroup_put(from);
	return ret;
}

void cgroup_foreach(struct cgroup *cg, bool below,
		    void (*fn)(struct thread_group *tg, void *arg), void *arg)
{
	struct thread_group *tg = thread_group_next(0);

	while (tg) {
		uint32_t pid = tg->tgid;
		struct cgroup *its = cgroup_of(tg);

		if (tg->nr_threads &&
		    (below ? cgroup_below(its, cg) : its == cg))
			fn(tg, arg);
		cgroup_put(its);
		thread_group_put(tg);
		tg = thread_group_next(pid);
	}
}

static void kill_one(struct thread_group *tg, void *arg)
{
	(void)arg;
	signal_kill_group(tg);
}

void cgroup_kill(struct cgroup *cg)
{
	cgroup_foreach(cg, true, kill_one, NULL);
}

/* --- freezing ------------------------------------------------------------- */

static void kick_one(struct thread_group *tg, void *arg)
{
	(void)arg;
	tasklist_lock();
	kick_locked(tg);
	tasklist_unlock();
}

void cgroup_set_freeze(struct cgroup *cg, bool freeze)
{
	bool news;

	tasklist_lock();
	news = cg->freeze != freeze;
	cg->freeze = freeze;
	tasklist_unlock();
	if (!news)
		return;
	cgroup_foreach(cg, true, kick_one, NULL);
	changed(cg);
}

/* As Linux, stopped ones are as good as frozen. */
static void check_frozen(struct thread_group *tg, void *arg)
{
	struct task *t;

	tasklist_lock();
	list_for_each_entry (t, &tg->threads, group_node) {
		int state = atomic_load(&t->state);

		if (!t->priv->frozen && state != 'T' && state != 't' &&
		    state != 'Z')
			*(bool *)arg = false;
	}
	tasklist_unlock();
}

bool cgroup_is_frozen(struct cgroup *cg)
{
	bool all = frozen_by(cg);

	if (all)
		cgroup_foreach(cg, true, check_frozen, &all);
	return all;
}

static bool must_wait(struct task *t)
{
	struct cgroup *cg = cgroup_of(t->group);
	bool frozen = frozen_by(cg);
	bool wait = frozen || cgroup_cpu_throttled(cg);

	if (frozen != t->priv->frozen) {
		t->priv->frozen = frozen;
		for (struct cgroup *p = cg; p; p = p->parent)
			changed(p);
	}
	cgroup_put(cg);
	return wait;
}

/*
 * The bit goes first, then the state is looked at: whoever changes the state
 * sets the bit and wakes us afterwards.
 */
void cgroup_border(struct task *t)
{
	struct task_waiter w;

	task_waiter_init(&w, t);
	do
		atomic_fetch_and(&t->work, ~(uint32_t)TASK_WORK_CGROUP);
	while (must_wait(t) && task_sleep_killable(&w, NO_DEADLINE) == 0);
	t->priv->frozen = false;
}
