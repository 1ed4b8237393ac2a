/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfs_world: see vfs_world.h.  Each function here stands for the real one of
 * its name, with the same contract.
 */
#include "tests/unit/vfs_world.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/signal.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/fs/epoll/epoll.h"
#include "sentry/fs/pipe/pipe.h"
#include "sentry/host/host.h"
#include "sentry/kernel/signal.h"
#include "sentry/mm/memfile.h"
#include "sentry/mm/safe_copy.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/async.h"

/* --- tasks ---------------------------------------------------------------- */

static _Thread_local struct task *t_task;
static _Thread_local struct thread_group t_group;
static _Thread_local struct cred t_cred;
static uint64_t g_nofile = 1024;

struct task *current_task(void)
{
	return t_task;
}

void world_task(struct mount_ns *ns, uint32_t uid)
{
	struct path root = { NULL, NULL };

	if (t_task)
		world_task_gone();
	t_task = calloc(1, sizeof(*t_task));
	assert_non_null(t_task);
	t_cred = (struct cred){ .uid = uid,
				.euid = uid,
				.suid = uid,
				.fsuid = uid,
				.gid = uid,
				.egid = uid,
				.sgid = uid,
				.fsgid = uid };
	if (uid == 0)
		t_cred.cap_effective = t_cred.cap_permitted = CAP_FULL_SET;
	t_group.tgid = 1;
	t_task->cred = &t_cred;
	t_task->group = &t_group;
	t_cred.user_ns = &g_init_user_ns;
	if (!ns)
		return;
	t_task->ns[TASK_NS_MNT] = mount_ns_common(ns);
	mount_ns_root(ns, &root);
	assert_int_equal(fs_ctx_new(&root, &t_task->fs), 0);
	t_task->fs->umask = 022;
	path_put(&root);
}

void world_task_gone(void)
{
	if (t_task && t_task->fs)
		fs_ctx_put(t_task->fs);
	free(t_task);
	t_task = NULL;
}

void world_set_nofile(uint64_t limit)
{
	g_nofile = limit;
}

uint64_t task_rlimit(struct task *t, unsigned int which)
{
	(void)t;
	return which == RLIM_NOFILE ? g_nofile : UINT64_MAX;
}

/* The one cred lives as long as its thread. */
void cred_get(const struct cred *c)
{
	(void)c;
}

void cred_put(struct cred *c)
{
	(void)c;
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	return c->fsgid == gid;
}

bool task_signal_pending(struct task *t)
{
	(void)t;
	return false;
}

void siginfo_kernel(struct linux_siginfo *si, int signo)
{
	memset(si, 0, sizeof(*si));
	si->signo = signo;
}

int signal_send_task(struct task *t, const struct linux_siginfo *si)
{
	(void)t;
	(void)si;
	return 0;
}

void memfile_stats(struct memfile_stats *out)
{
	*out = (struct memfile_stats){ .limit = 1ull << 30 };
}

uint64_t clock_monotonic(void)
{
	return NSEC_PER_SEC;
}

int signal_send_owner(int type, uint32_t id, const struct linux_siginfo *si)
{
	(void)type;
	(void)id;
	(void)si;
	return 0;
}

uint64_t clock_realtime_coarse(void)
{
	return 1700000000ull * NSEC_PER_SEC;
}

int host_getrandom(void *buf, size_t size)
{
	memset(buf, 0x5a, size);
	return 0;
}

uint32_t world_random(void)
{
	static uint64_t s = 88172645463325252ull;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (uint32_t)(s >> 16);
}

/* --- sleeping: every wake wakes everybody --------------------------------- */

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_cond = PTHREAD_COND_INITIALIZER;
static uint64_t g_gen;
static _Thread_local uint64_t t_seen;
static _Atomic unsigned int g_sleepers;

void waitq_init(struct waitq *q)
{
	(void)q;
}

void waitq_fini(struct waitq *q)
{
	(void)q;
}

void task_waiter_init(struct task_waiter *w, struct task *t)
{
	w->task = t;
}

void waitq_add(struct waitq *q, struct waiter *w, uint32_t events)
{
	(void)q;
	(void)w;
	(void)events;
	pthread_mutex_lock(&g_mu);
	t_seen = g_gen;
	pthread_mutex_unlock(&g_mu);
}

void waitq_del(struct waiter *w)
{
	(void)w;
}

bool waitq_has_waiters(struct waitq *q)
{
	(void)q;
	return true;
}

void waitq_wake(struct waitq *q, uint32_t events)
{
	(void)q;
	(void)events;
	pthread_mutex_lock(&g_mu);
	g_gen++;
	pthread_cond_broadcast(&g_cond);
	pthread_mutex_unlock(&g_mu);
}

int task_sleep(struct task_waiter *w, uint64_t deadline)
{
	(void)w;
	(void)deadline;
	pthread_mutex_lock(&g_mu);
	g_sleepers++;
	while (g_gen == t_seen)
		pthread_cond_wait(&g_cond, &g_mu);
	g_sleepers--;
	t_seen = g_gen;
	pthread_mutex_unlock(&g_mu);
	return 0;
}

unsigned int world_sleepers(void)
{
	return g_sleepers;
}

/* --- memory --------------------------------------------------------------- */

#define WORLD_PAGES 65536u

static uint8_t *g_mem;
static uint32_t g_refs[WORLD_PAGES];
static uint32_t g_next_page;
static uint64_t g_in_use;
static unsigned int g_invalidations;

static uint8_t *mem(void)
{
	if (!g_mem)
		g_mem = mmap(
			NULL, WORLD_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return g_mem;
}

static bool range_free(uint32_t at, uint32_t nr)
{
	uint32_t i;

	if (at + nr > WORLD_PAGES)
		return false;
	for (i = 0; i < nr; i++) {
		if (g_refs[at + i])
			return false;
	}
	return true;
}

int memfile_alloc(uint64_t size, uint64_t hint, uint32_t flags,
		  uint64_t *out_off, bool *out_warm)
{
	uint32_t nr = (uint32_t)(size / PAGE_SIZE), at, i;

	(void)flags;
	(void)out_warm;
	at = hint == MEMFILE_NONE ? WORLD_PAGES : (uint32_t)(hint / PAGE_SIZE);
	if (!range_free(at, nr))
		for (at = g_next_page; !range_free(at, nr); at++)
			if (at >= WORLD_PAGES)
				at = 0;
	for (i = 0; i < nr; i++)
		g_refs[at + i] = 1;
	g_in_use += nr;
	g_next_page = (at + nr) % WORLD_PAGES;
	memset(mem() + at * PAGE_SIZE, 0, size);
	*out_off = at * PAGE_SIZE;
	return 0;
}

void memfile_get(uint64_t off, uint64_t size)
{
	for (; size; off += PAGE_SIZE, size -= PAGE_SIZE) {
		assert_true(g_refs[off / PAGE_SIZE] > 0);
		g_refs[off / PAGE_SIZE]++;
	}
}

void memfile_put(uint64_t off, uint64_t size)
{
	for (; size; off += PAGE_SIZE, size -= PAGE_SIZE) {
		assert_true(g_refs[off / PAGE_SIZE] > 0);
		if (--g_refs[off / PAGE_SIZE] == 0)
			g_in_use--;
	}
}

void *memfile_ptr(uint64_t off)
{
	return mem() + off;
}

uint64_t world_pages(void)
{
	return g_in_use;
}

size_t safe_copy(void *dst, const void *src, size_t size)
{
	memcpy(dst, src, size);
	return 0;
}

size_t safe_zero(void *dst, size_t size)
{
	memset(dst, 0, size);
	return 0;
}

void mapping_init(struct mapping *m)
{
	m->vmas = NULL;
}

void mapping_fini(struct mapping *m)
{
	(void)m;
}

void mapping_invalidate(struct mapping *m, uint64_t off, uint64_t size)
{
	(void)m;
	(void)off;
	(void)size;
	g_invalidations++;
}

void mapping_truncate(struct mapping *m, uint64_t size)
{
	(void)m;
	(void)size;
}

bool mapping_writable(struct mapping *m)
{
	(void)m;
	return false;
}

unsigned int world_invalidations(void)
{
	return g_invalidations;
}

/* --- buffers: sentry memory only ------------------------------------------ */

void uio_kernel(struct uio *u, void *buf, size_t size)
{
	memset(u, 0, sizeof(*u));
	u->one.iov_base = buf;
	u->one.iov_len = size;
	u->left = size;
}

static char *uio_at(struct uio *u, size_t *size)
{
	char *p = (char *)u->one.iov_base + u->seg_off;

	*size = MIN(*size, u->left);
	u->seg_off += *size;
	u->left -= *size;
	return p;
}

long uio_copy_out(struct uio *u, const void *src, size_t size)
{
	memcpy(uio_at(u, &size), src, size);
	return (long)size;
}

long uio_copy_in(struct uio *u, void *dst, size_t size)
{
	char *p = uio_at(u, &size);

	memcpy(dst, p, size);
	return (long)size;
}

long uio_zero_out(struct uio *u, size_t size)
{
	memset(uio_at(u, &size), 0, size);
	return (long)size;
}

long copy_in_str(char *dst, uaddr_t src, size_t size)
{
	(void)dst;
	(void)src;
	(void)size;
	return -EFAULT;
}

/* --- neighbours ----------------------------------------------------------- */

int chrdev_open(uint64_t rdev, struct inode *inode, struct file *file)
{
	(void)rdev;
	(void)inode;
	(void)file;
	return -ENXIO;
}

int fifo_open(struct inode *inode, struct file *f)
{
	(void)inode;
	(void)f;
	return -ENXIO;
}

void epoll_file_gone(struct file *f)
{
	(void)f;
}

/* Nothing here is O_ASYNC. */
void file_async_gone(struct file *f)
{
	(void)f;
}
