/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: slots, wake-ups, descriptors and the end of the connection.
 *
 * A thread owns a slot from call_begin() to call_end().  Waiting:
 *	client				gofer
 *	state READY, bell++		answer written
 *	READY -> WAITING		old = xchg(state, DONE)
 *	futex_wait(state, WAITING)	old WAITING: futex_wake(state)
 * When the socket hangs up every state becomes DEAD, so that no sleeper stays
 * and none can begin to sleep.
 *
 * Invariant: a bit of free_slots is set  <=>  nobody owns the slot;
 *            inbox[i] is full only while slot i is owned.
 * Locks:     mu, fd_mu: LOCK_GOFER_CHAN, never held across a wait, never both;
 *            release_mu: LOCK_GOFER.
 * Tests:     tests/gofer/test_client.c
 */
#include "sentry/fs/gofer/client.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/fs/gofer/client_call.h"
#include "sentry/host/host.h"
#include "sentry/host/host_gofer.h"
#include "sentry/lib/log.h"
#include "sentry/sandbox.h"

#define READ_ONCE(x)  (*(volatile __typeof__(x) *)&(x))
#define RELEASE_BATCH 64 /* handles gathered before a message goes out */
#define ALL_SLOTS     ((1u << GOFER_NR_SLOTS) - 1)
#define NSEC_MAX      999999999u

struct inbox {
	uint64_t seq;
	bool full;
	int fd; /* -1: there was no room in our table */
};

static struct {
	struct gofer_shm *shm; /* set once, before any other thread calls */
	int sock;
	uint32_t uid, gid, max_handles;
	_Atomic bool dead;
	_Atomic uint64_t seq;
	_Atomic uint32_t nr_handles; /* given to us, not released */
	_Atomic uint32_t freed; /* grows when a slot is freed for a waiter */
	struct mutex mu;
	uint32_t free_slots GUARDED_BY(mu);
	uint32_t nr_waiting GUARDED_BY(mu);
	struct mutex fd_mu;
	struct inbox inbox[GOFER_NR_SLOTS] GUARDED_BY(fd_mu);
	struct mutex release_mu;
	uint64_t *released GUARDED_BY(release_mu);
	_Atomic uint32_t nr_released; /* changes under release_mu */
	uint32_t max_released GUARDED_BY(release_mu);
} g = {
	.sock = -1,
	.free_slots = ALL_SLOTS,
	.mu = MUTEX_INIT(LOCK_GOFER_CHAN),
	.fd_mu = MUTEX_INIT(LOCK_GOFER_CHAN),
	.release_mu = MUTEX_INIT(LOCK_GOFER),
};

/* Wakes everybody; the first caller ends the sandbox. */
static void connection_died(void)
{
	if (atomic_exchange(&g.dead, true))
		return;
	for (unsigned int i = 0; i < GOFER_NR_SLOTS; i++) {
		atomic_store(&g.shm->slots[i].state, GOFER_SLOT_DEAD);
		host_gofer_wake(&g.shm->slots[i].state, 1);
	}
	atomic_fetch_add(&g.shm->ring.bell, 1);
	host_gofer_wake(&g.shm->ring.bell, 1);
	sandbox_die("the gofer has ended");
}

int call_broken(const char *why)
{
	log_error("gofer: protocol broken: %s", why);
	connection_died();
	return -EIO;
}

static void hangup_thread(void *arg)
{
	(void)arg;
	host_gofer_await_hangup(g.sock);
	connection_died();
}

/* --- slots ---------------------------------------------------------------- */

static int claim_slot(void)
{
	uint32_t seen;
	int slot;

	for (;;) {
		mutex_lock(&g.mu);
		slot = __builtin_ffs((int)g.free_slots) - 1;
		if (slot >= 0)
			g.free_slots &= ~(1u << slot);
		else
			g.nr_waiting++;
		seen = g.freed;
		mutex_unlock(&g.mu);
		if (slot >= 0)
			return slot;
		host_futex_wait(&g.freed, seen, UINT64_MAX);
		mutex_lock(&g.mu);
		g.nr_waiting--;
		mutex_unlock(&g.mu);
	}
}

static void free_slot(unsigned int slot)
{
	bool wake;

	mutex_lock(&g.mu);
	g.free_slots |= 1u << slot;
	wake = g.nr_waiting > 0;
	if (wake)
		g.freed++;
	mutex_unlock(&g.mu);
	if (wake)
		host_futex_wake(&g.freed, 1);
}

static void call_init(struct gofer_call *c)
{
	c->slot = (unsigned int)claim_slot();
	c->claimed = true;
	c->data = (char *)g.shm + GOFER_SLOTS_AT +
		  (size_t)c->slot * GOFER_DATA_SIZE;
	c->heap = NULL;
	c->fd = -1;
}

static void empty_inbox(unsigned int slot)
{
	int fd = -1;

	mutex_lock(&g.fd_mu);
	if (g.inbox[slot].full)
		fd = g.inbox[slot].fd;
	g.inbox[slot].full = false;
	mutex_unlock(&g.fd_mu);
	if (fd >= 0)
		host_close(fd);
}

void call_end(struct gofer_call *c)
{
	if (!c->claimed)
		return;
	c->claimed = false;
	free(c->heap);
	if (c->fd >= 0)
		host_close(c->fd);
	free_slot(c->slot);
}

/* --- descriptors ---------------------------------------------------------- */

/*
 * Moves what the socket holds into the inboxes until @slot's is filled.  The
 * gofer sends before it answers, so it is there already.
 */
static int receive_locked(unsigned int slot, uint64_t seq)
{
	struct gofer_fd_tag tag;
	struct inbox *box;
	int fd, ret;

	while (!g.inbox[slot].full) {
		ret = host_gofer_recv(g.sock, &tag, sizeof(tag), &fd);
		if (ret < 0)
			return ret;
		box = &g.inbox[tag.slot % GOFER_NR_SLOTS];
		if (tag.slot >= GOFER_NR_SLOTS || box->full) {
			if (fd >= 0)
				host_close(fd);
			return -EPROTO;
		}
		*box = (struct inbox){ tag.seq, true, fd };
	}
	return g.inbox[slot].seq == seq ? 0 : -EPROTO;
}

/* -ENFILE if our table is full; other faults end the connection. */
static int take_fd(unsigned int slot, uint64_t seq, int *out)
{
	struct stat st;
	int ret;

	mutex_lock(&g.fd_mu);
	ret = receive_locked(slot, seq);
	if (ret == 0) {
		*out = g.inbox[slot].fd;
		g.inbox[slot].full = false;
	}
	mutex_unlock(&g.fd_mu);
	if (ret < 0) {
		empty_inbox(slot);
		return call_broken("descriptor");
	}
	if (*out < 0)
		return -ENFILE;
	if (host_fstat(*out, &st) < 0 || !S_ISREG(st.st_mode)) {
		host_close(*out);
		*out = -1;
		return call_broken("not a regular file");
	}
	return 0;
}

/* --- one exchange --------------------------------------------------------- */

static void ring(void)
{
	atomic_fetch_add(&g.shm->bell, 1);
	if (atomic_load(&g.shm->asleep))
		host_gofer_wake(&g.shm->bell, 1);
}

static int await(struct gofer_slot *s)
{
	uint32_t state = GOFER_SLOT_READY;

	if (atomic_compare_exchange_strong(&s->state, &state,
					   GOFER_SLOT_WAITING))
		state = GOFER_SLOT_WAITING;
	while (state == GOFER_SLOT_WAITING) {
		host_gofer_wait(&s->state, GOFER_SLOT_WAITING);
		state = atomic_load(&s->state);
	}
	if (g.dead)
		return -EIO;
	return state == GOFER_SLOT_DONE ? 0 : call_broken("slot state");
}

static bool good_fds(uint32_t op, int32_t error, uint32_t nr_fds)
{
	uint32_t usual = error ? 0 : gofer_op_fds(op);

	return nr_fds == usual || (nr_fds == 0 && gofer_op_fd_optional(op));
}

/* Copies the answer out of the shared memory; all checks are on copies. */
static int fetch(struct gofer_call *c, uint32_t op, uint64_t seq)
{
	struct gofer_slot *s = &g.shm->slots[c->slot];
	uint32_t size = READ_ONCE(s->rep_size);
	uint32_t nr_fds = READ_ONCE(s->nr_fds);
	int32_t error = READ_ONCE(s->error);

	if (error > 0 || error < -4095 || size > GOFER_DATA_SIZE ||
	    !good_fds(op, error, nr_fds))
		return call_broken("answer header");
	if (nr_fds > 0) {
		int ret = take_fd(c->slot, seq, &c->fd);

		if (ret < 0)
			return ret;
	}
	if (error)
		return error;
	c->reply = c->room;
	if (size > sizeof(c->room)) {
		c->heap = malloc(size);
		if (!c->heap)
			return -ENOMEM;
		c->reply = c->heap;
	}
	memcpy(c->reply, c->data, size);
	c->rep_size = size;
	return 0;
}

int call_go(struct gofer_call *c, uint32_t op, long req_size)
{
	struct gofer_slot *s = &g.shm->slots[c->slot];
	uint64_t seq = ++g.seq;
	int ret;

	if (req_size < 0)
		return (int)req_size;
	if (g.dead)
		return -EIO;
	s->op = op;
	s->seq = seq;
	s->req_size = (uint32_t)req_size;
	s->cpu = host_gofer_cpu();
	atomic_store(&s->state, GOFER_SLOT_READY);
	if (g.dead) /* it died before our store: nobody will answer */
		return -EIO;
	ring();
	ret = await(s);
	return ret < 0 ? ret : fetch(c, op, seq);
}

/* --- changes on the host -------------------------------------------------- */

/* The next record, copied before it is looked at. */
static int take_event(struct gofer_ring *r, uint32_t tail,
		      struct gofer_event *out)
{
	const char *at = (char *)g.shm + GOFER_EVENTS_AT;

	memcpy(out, at + tail % GOFER_NR_EVENTS * sizeof(*out), sizeof(*out));
	atomic_store(&r->tail, tail + 1);
	if (out->name_len > GOFER_NAME_MAX ||
	    memchr(out->name, '\0', out->name_len) ||
	    memchr(out->name, '/', out->name_len))
		return call_broken("change");
	out->name[out->name_len] = '\0';
	return 0;
}

int gofer_next_event(struct gofer_event *out, bool *lost)
{
	struct gofer_ring *r = &g.shm->ring;
	static uint32_t tail; /* ours: what is in the memory is a copy */

	for (;;) {
		uint32_t bell = atomic_load(&r->bell);

		if (g.dead)
			return -EIO;
		*lost = atomic_exchange(&r->lost, 0) != 0;
		if (*lost)
			return 0;
		if (atomic_load(&r->head) != tail)
			return take_event(r, tail++, out);
		host_gofer_wait(&r->bell, bell);
	}
}

/* --- handles that are done with ------------------------------------------- */

void gofer_release(gofer_handle h)
{
	if (h == 0)
		return;
	g.nr_handles--;
	mutex_lock(&g.release_mu);
	if (g.nr_released == g.max_released) {
		uint32_t max = MAX(2 * g.max_released, 2u * RELEASE_BATCH);
		void *grown = realloc(g.released, max * sizeof(*g.released));

		if (grown) {
			g.released = grown;
			g.max_released = max;
		}
	}
	/* Without memory the gofer keeps it open until the end. */
	if (g.nr_released < g.max_released)
		g.released[g.nr_released++] = h;
	mutex_unlock(&g.release_mu);
}

/* Sends what gofer_release() gathered, if it is worth a message. */
static void flush_released(void)
{
	struct gofer_release_req req = { 0 };
	struct gofer_release_rep rep = { 0 };
	struct gofer_call c;
	int ret;

	if (g.nr_released < RELEASE_BATCH)
		return;
	mutex_lock(&g.release_mu);
	req.nr_nodes = MIN(g.nr_released, (uint32_t)GOFER_MAX_RELEASE);
	g.nr_released -= req.nr_nodes;
	if (req.nr_nodes > 0)
		memcpy(req.nodes, g.released + g.nr_released,
		       req.nr_nodes * sizeof(req.nodes[0]));
	mutex_unlock(&g.release_mu);
	if (req.nr_nodes == 0)
		return;
	call_init(&c);
	ret = call_go(&c, GOFER_OP_RELEASE,
		      gofer_release_req_encode(c.data, GOFER_DATA_SIZE, &req));
	if (ret == 0 && gofer_release_rep_decode(c.reply, c.rep_size, &rep) < 0)
		ret = call_broken("release");
	call_end(&c);
	(void)ret; /* a dead connection shows in the caller's own call */
}

int call_begin(struct gofer_call *c)
{
	c->claimed = false;
	if (!g.shm || g.dead)
		return -EIO;
	flush_released();
	call_init(c);
	return 0;
}

/* --- what comes in -------------------------------------------------------- */

static bool good_type(uint32_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
	case LINUX_S_IFDIR:
	case LINUX_S_IFLNK:
	case LINUX_S_IFCHR:
	case LINUX_S_IFBLK:
	case LINUX_S_IFIFO:
	case LINUX_S_IFSOCK:
		return mode < 0200000;
	default:
		return false;
	}
}

int call_bare_node(const struct gofer_wire_node *w, struct gofer_node *out)
{
	if (!good_type(w->mode) || w->size > INT64_MAX ||
	    w->atime_nsec > NSEC_MAX || w->mtime_nsec > NSEC_MAX ||
	    w->ctime_nsec > NSEC_MAX || w->btime_nsec > NSEC_MAX)
		return call_broken("node");
	*out = (struct gofer_node){
		.handle = w->handle,
		.has_access = w->flags & GOFER_NODE_ACCESS,
		.access = w->access & 7,
		.barred = w->flags & GOFER_NODE_BARRED,
		.st = {
			.ino = w->ino,
			.dev = w->dev,
			.rdev = w->rdev,
			.nlink = w->nlink,
			.size = w->size,
			.blocks = w->blocks,
			.attributes = w->attributes,
			.mode = w->mode,
			.uid = w->uid,
			.gid = w->gid,
			.blksize = w->blksize,
			.atime = { w->atime, w->atime_nsec },
			.mtime = { w->mtime, w->mtime_nsec },
			.ctime = { w->ctime, w->ctime_nsec },
			.btime = { w->btime, w->btime_nsec },
			.has_btime = w->flags & GOFER_NODE_BTIME,
		},
	};
	if (w->handle)
		g.nr_handles++;
	return 0;
}

int call_node(const struct gofer_wire_node *w, struct gofer_node *out)
{
	return w->handle ? call_bare_node(w, out) : call_broken("handle");
}

/* --- the beginning -------------------------------------------------------- */

static int hello(void)
{
	struct gofer_hello_req req = { .version = GOFER_VERSION,
				       .features = GOFER_FEATURE_ACCESS };
	struct gofer_hello_rep rep = { 0 };
	struct gofer_call c;
	int ret = GOFER_CALL(&c, hello, HELLO, &req, &rep);

	call_end(&c);
	if (ret < 0)
		return ret;
	if (rep.version != GOFER_VERSION || rep.nr_exports > GOFER_MAX_EXPORTS)
		return -EPROTO;
	g.max_handles = rep.max_handles;
	g.uid = rep.uid;
	g.gid = rep.gid;
	return 0;
}

int gofer_connect(int shm_fd, int sock_fd)
{
	void *shm = NULL;
	int ret = host_ftruncate(shm_fd, GOFER_SHM_SIZE);

	if (ret == 0)
		ret = host_map_shared(shm_fd, 0, GOFER_SHM_SIZE, true, &shm);
	if (ret < 0)
		return ret;
	host_close(shm_fd);
	g.sock = sock_fd;
	g.shm = shm;
	ret = host_thread_new(hangup_thread, NULL, "moat-gofer");
	return ret < 0 ? ret : hello();
}

uint32_t gofer_max_handles(void)
{
	return g.max_handles;
}

void gofer_identity(uint32_t *uid, uint32_t *gid)
{
	*uid = g.uid;
	*gid = g.gid;
}

uint32_t gofer_nr_handles(void)
{
	return g.nr_handles;
}

uint64_t gofer_nr_messages(void)
{
	return g.seq;
}
