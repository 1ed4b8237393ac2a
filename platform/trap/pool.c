/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: stub processes, made ahead by one, so that fork and execve inside do
 * not wait for a fork outside.  A new stub comes with its first runner.
 *
 * A stub that has run guest code is never used for another space: nobody can
 * tell what its runners hold in their registers.  Only its stretch of the
 * shared file is, once nothing of the old process can run any more.
 *
 * Locks: p->mu.
 * Tests: tests/unit/test_platform_trap.c
 */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/trap/trap.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/log.h"

static int stub_new_locked(struct platform *p, struct stub **out)
	MUST_HOLD(&p->mu)
{
	AUTO_FREE struct stub *s = kzalloc(sizeof(*s));
	uint8_t *at;
	int fd;

	if (!s || p->nr_stubs >= TRAP_MAX_SPACES)
		return -EAGAIN;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -EAGAIN;
	s->index = p->nr_stubs++;
	s->done_fd = fd;
	at = p->file + TRAP_FILE_HEAD + s->index * TRAP_FILE_SPACE;
	s->orders = (struct stub_orders *)at;
	s->slots = at + STUB_SLOT_SIZE;
	s->orders->done_fd = fd;
	*out = take(s);
	return 0;
}

/* A stretch whose process is dead for good. */
static struct stub *reuse_locked(struct platform *p) MUST_HOLD(&p->mu)
{
	struct stub **link = &p->dead, *s;

	for (; (s = *link); link = &s->next) {
		uint64_t left;

		if (s->tgid && !stub_is_dead(s))
			continue;
		*link = s->next;
		s->next = NULL;
		s->tgid = 0;
		while (read(s->done_fd, &left, sizeof(left)) > 0)
			;
		return s;
	}
	return NULL;
}

struct stub_call stub_map_slots(const struct platform *p, const struct stub *s,
				uint32_t first, uint32_t end)
{
	const uint64_t skip = (uint64_t)first * STUB_SLOT_SIZE;

	return (struct stub_call){
		.nr = SYS_mmap,
		.args = { slot_addr(p, first),
			  (uint64_t)(end - first) * STUB_SLOT_SIZE,
			  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			  (uint64_t)p->file_fd,
			  (uint64_t)(s->slots - p->file) + skip },
	};
}

/* Nothing of the process that had the stretch before may be seen. */
static void clear_slots(struct platform *p, struct stub *s)
{
	const uint64_t first = (uint64_t)(s->slots - p->file);

	if (s->nr_slots > 1)
		raw_call(SYS_fallocate, (uint64_t)p->file_fd,
			 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 first + STUB_SLOT_SIZE,
			 (s->nr_slots - 1ull) * STUB_SLOT_SIZE);
	memset(s->slots, 0, STUB_SLOT_SIZE);
	s->nr_slots = TRAP_FIRST_SLOTS;
}

/* The first batch: the slots, and a runner on the first of them. */
static void first_orders(struct platform *p, struct stub *s)
{
	struct stub_orders *o = s->orders;

	o->calls[0] = stub_map_slots(p, s, 0, s->nr_slots);
	o->calls[1] = (struct stub_call){ .nr = STUB_CALL_RUNNER,
					  .args = { slot_addr(p, 0) } };
	o->nr = 2;
	atomic_store(&o->seq, 1);
	p->cmd->filepos = (uint64_t)((uint8_t *)o - p->file);
}

/* Starts making a stub; one request is under way at a time. */
static int ask_locked(struct platform *p) MUST_HOLD(&p->mu)
{
	struct stub *s;
	int ret;

	if (p->asked)
		return 0;
	if (p->broken)
		return -EAGAIN;
	s = reuse_locked(p);
	if (!s) {
		ret = stub_new_locked(p, &s);
		if (ret < 0)
			return ret;
	}
	clear_slots(p, s);
	first_orders(p, s);
	p->asked = s;
	template_ask(p);
	return 0;
}

void pool_start(struct platform *p)
{
	mutex_lock(&p->mu);
	(void)ask_locked(p);
	mutex_unlock(&p->mu);
}

/* The stub that was asked for, its first batch under way. */
static int take_locked(struct platform *p, struct stub **out) MUST_HOLD(&p->mu)
{
	struct stub *s;
	int ret = ask_locked(p);

	if (ret < 0)
		return ret;
	ret = template_answer(p);
	s = p->asked;
	p->asked = NULL;
	if (ret > 0) {
		s->tgid = (uint32_t)ret;
		*out = s;
		return 0;
	}
	if (ret == -ESRCH)
		p->broken = true;
	s->next = p->dead;
	p->dead = s;
	log_debug("trap: no new stub process: error %d", -ret);
	return -EAGAIN;
}

void stub_put(struct platform *p, struct stub *s)
{
	if (s->tgid)
		raw_call(SYS_kill, s->tgid, SIGKILL, 0, 0);
	mutex_lock(&p->mu);
	s->next = p->dead;
	p->dead = s;
	mutex_unlock(&p->mu);
}

int stub_get(struct platform *p, struct stub **out)
{
	struct stub *s;

	/* Twice: things may be as they were when it was asked for, or it has
	 * been killed meanwhile. */
	for (int i = 0; i < 2; i++) {
		int ret;

		mutex_lock(&p->mu);
		ret = take_locked(p, &s);
		if (ret == 0)
			(void)ask_locked(p);
		mutex_unlock(&p->mu);
		if (ret < 0)
			continue;
		if (agent_wait(s, 2) == 2) {
			*out = s;
			return 0;
		}
		stub_kill(s);
		stub_put(p, s);
	}
	return -EAGAIN;
}
