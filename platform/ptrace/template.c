/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template: the process that all stubs are made from, as the sentry sees it.
 *
 * It is forked from the sentry while that has one thread, and shares its
 * descriptor table (CLONE_FILES) for good: an order names a file by the
 * sentry's number, however late it was opened.  It then drops everything but
 * the stub region and serves one request: make a stub process whose parent is
 * the sentry (CLONE_PARENT).  One stub is made ahead, so that fork and execve
 * inside do not wait for a fork outside.
 *
 * Invariant: the thread that started it lives as long as the sentry does; the
 *            template and parked stubs die with that thread.
 * Locks:     p->mu, one request at a time.
 * Tests:     tests/unit/test_platform_ptrace.c
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "platform/ptrace/pt.h"
#include "sentry/lib/alloc.h"
#include "sentry/lib/log.h"

/* Descriptors that fit without growing the table: growing a shared table
 * waits for an RCU grace period, tens of milliseconds. */
#define PREGROW_FDS 1024

static void pregrow_fds(int any_fd)
{
	int high = fcntl(any_fd, F_DUPFD_CLOEXEC, PREGROW_FDS - 1);

	if (high >= 0)
		close(high);
}

/* A free place for the stub region, above all guest addresses. */
static int choose_base(uint64_t *out)
{
	uint64_t pages =
		(PT_TASK_TOP - PT_MAX_USER_ADDR - STUB_REGION_SIZE) / STUB_PAGE;

	for (int i = 0; i < 100; i++) {
		uint64_t r, at;
		void *p;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return -EIO;
		at = PT_MAX_USER_ADDR + r % pages * STUB_PAGE;
		p = mmap((void *)(uintptr_t)at, STUB_REGION_SIZE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			 0);
		if (p == MAP_FAILED)
			continue;
		munmap(p, STUB_REGION_SIZE);
		if ((uintptr_t)p != at)
			continue;
		*out = at;
		return 0;
	}
	return -ENOMEM;
}

/* The order file: command page first, then the slots; sparse. */
static int map_orders(struct platform *p)
{
	size_t size = STUB_PAGE + (size_t)PT_MAX_SLOTS * STUB_WINDOW_SIZE;
	uint8_t *view;
	int fd = memfd_create("moat-orders", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0) {
		close(fd);
		return -ENOMEM;
	}
	view = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (view == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}
	p->orders_fd = fd;
	p->cmd = (struct stub_command *)view;
	p->slots = view + STUB_PAGE;
	return 0;
}

/* An image with nothing in it but the default MXCSR. */
static void init_command(struct platform *p)
{
	static const uint32_t mxcsr = 0x1f80;
	uint64_t pkru = 1ull << 9; /* its initial value would open all keys */

	p->cmd->parent = (uint32_t)getpid();
	p->cmd->xmask = p->limits.xcr0 & ~pkru;
	__builtin_memcpy(p->cmd->xsave + 24, &mxcsr, sizeof(mxcsr));
}

/* Waits until the template has answered.  Returns its result. */
static int await_answer(struct platform *p)
{
	static const struct timespec tick = { .tv_sec = 1 };

	for (;;) {
		uint32_t turn = atomic_load(&p->cmd->turn);

		if (turn == STUB_TURN_ANSWERED)
			return atomic_load(&p->cmd->result);
		if (turn == STUB_TURN_FAILED) {
			int err = atomic_load(&p->cmd->result);

			return err < 0 ? err : -EIO;
		}
		if (raw_futex_wait(&p->cmd->turn, turn, &tick, false) ==
			    -ETIMEDOUT &&
		    raw_call(SYS_kill, p->template_pid, 0, 0, 0) == -ESRCH)
			return -ESRCH;
	}
}

/* SIGCHLD would be sent at every stop of every stub without NOCLDSTOP; with
 * NOCLDWAIT untraced stubs that exit leave no zombie. */
static int quiet_sigchld(void)
{
	struct sigaction act = { .sa_flags = SA_NOCLDSTOP | SA_NOCLDWAIT };

	act.sa_handler = SIG_DFL;
	return sigaction(SIGCHLD, &act, NULL) < 0 ? -errno : 0;
}

static int fork_template(struct platform *p)
{
	struct sock_fprog filter = { 0 };
	struct template_args args = {
		.base = p->base,
		.orders_fd = p->orders_fd,
		.cmd = p->cmd,
		.filter = &filter,
	};
	long pid;
	int ret = stub_filter_new(&filter);

	if (ret < 0)
		return ret;
	pid = raw_call(SYS_clone, 0x400 /* CLONE_FILES */ | SIGCHLD, 0, 0, 0);
	if (pid == 0)
		template_child(&args);
	free(filter.filter);
	if (pid < 0)
		return (int)pid;
	p->template_pid = (uint32_t)pid;
	ret = await_answer(p);
	if (ret == 0)
		return 0;
	raw_call(SYS_kill, (uint64_t)pid, SIGKILL, 0, 0);
	if (ret == -EPERM)
		log_error("ptrace: the template was refused a call; a kernel "
			  "that seals its vDSO (MSEAL_SYSTEM_MAPPINGS) is not "
			  "supported");
	return ret;
}

/* Starts making a stub; one request is under way at a time. */
static void ask_locked(struct platform *p) MUST_HOLD(&p->mu)
{
	if (p->asked || p->broken)
		return;
	p->asked = true;
	atomic_store(&p->cmd->turn, STUB_TURN_ASKED);
	raw_futex_wake(&p->cmd->turn, 1, false);
}

/* The stub that was asked for.  Its pid or -errno. */
static int take_locked(struct platform *p) MUST_HOLD(&p->mu)
{
	int ret;

	if (p->broken)
		return -ESRCH;
	ask_locked(p);
	ret = await_answer(p);
	p->asked = false;
	if (ret == -ESRCH)
		p->broken = true;
	return ret;
}

int template_start(struct platform *p)
{
	int ret = quiet_sigchld();

	if (ret < 0)
		return ret;
	p->free_slots = kcalloc(PT_MAX_SLOTS, sizeof(*p->free_slots));
	if (!p->free_slots)
		return -ENOMEM;
	ret = choose_base(&p->base);
	if (ret < 0)
		return ret;
	ret = map_orders(p);
	if (ret < 0)
		return ret;
	pregrow_fds(p->orders_fd);
	init_command(p);
	ret = fork_template(p);
	if (ret < 0)
		return ret;
	mutex_lock(&p->mu);
	ask_locked(p);
	mutex_unlock(&p->mu);
	return 0;
}

int template_new_stub(struct platform *p)
{
	int ret;

	mutex_lock(&p->mu);
	ret = take_locked(p);
	/* As things were back then; or it has been killed meanwhile. */
	if (ret == -EAGAIN || ret == -ENOMEM ||
	    (ret > 0 && raw_call(SYS_kill, (uint64_t)ret, 0, 0, 0) == -ESRCH))
		ret = take_locked(p);
	if (ret > 0)
		ask_locked(p);
	mutex_unlock(&p->mu);
	if (ret > 0)
		return ret;
	log_debug("ptrace: no new stub process: error %d", -ret);
	return -EAGAIN;
}

int slot_get(struct platform *p, uint32_t *out)
{
	int ret = 0;

	mutex_lock(&p->mu);
	if (p->nr_free > 0)
		*out = p->free_slots[--p->nr_free];
	else if (p->nr_slots < PT_MAX_SLOTS)
		*out = p->nr_slots++;
	else
		ret = -EAGAIN;
	mutex_unlock(&p->mu);
	return ret;
}

void slot_put(struct platform *p, uint32_t slot)
{
	if (slot == PT_NO_SLOT)
		return;
	mutex_lock(&p->mu);
	p->free_slots[p->nr_free++] = slot;
	mutex_unlock(&p->mu);
}
