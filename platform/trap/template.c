/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template: the process that all stubs are made from, as the sentry sees it.
 *
 * It is forked from the sentry while that has one thread, and shares its
 * descriptor table (CLONE_FILES) for good: an order names a file by the
 * sentry's number, however late it was opened.  It then drops everything but
 * the stub region and serves one request: make a stub process whose parent is
 * the sentry (CLONE_PARENT).  It runs no guest code, and what it shares with
 * the sentry is mapped in no stub.
 *
 * Invariant: the thread that started it lives as long as the sentry does; the
 *            template and stubs die with that thread.
 * Locks:     p->mu, one request at a time.
 * Tests:     tests/unit/test_platform_trap.c
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "platform/trap/trap.h"
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
	const uint64_t places =
		(TRAP_TASK_TOP - TRAP_MAX_USER_ADDR - STUB_REGION_SIZE) /
		STUB_SLOT_SIZE;

	for (int i = 0; i < 100; i++) {
		uint64_t r, at;
		void *p;

		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return -EIO;
		at = TRAP_MAX_USER_ADDR + r % places * STUB_SLOT_SIZE;
		p = mmap((void *)(uintptr_t)at, STUB_REGION_SIZE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				 MAP_FIXED_NOREPLACE,
			 -1, 0);
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

static int map_file(struct platform *p)
{
	const size_t size = TRAP_FILE_HEAD + TRAP_MAX_SPACES * TRAP_FILE_SPACE;
	int fd = memfd_create("moat-stubs", MFD_CLOEXEC);
	uint8_t *view;

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
	p->file_fd = fd;
	p->file = view;
	p->cmd = (struct stub_command *)view;
	return 0;
}

/* An image with nothing in it but the default MXCSR. */
static void init_command(struct platform *p)
{
	static const uint32_t mxcsr = 0x1f80;
	uint64_t pkru = 1ull << 9; /* its initial value would open all keys */

	p->cmd->parent = (uint32_t)getpid();
	p->cmd->fd = p->file_fd;
	p->cmd->xmask = p->limits.xcr0 & ~pkru;
	__builtin_memcpy(p->cmd->xsave + XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
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

/* With NOCLDWAIT stubs that exit leave no zombie. */
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
		.file_fd = p->file_fd,
		.xmask = p->limits.xcr0,
		.cmd = p->cmd,
		.filter = &filter,
	};
	long pid;
	int ret = trap_filter_new(&filter);

	if (ret < 0)
		return ret;
	pid = raw_call(SYS_clone, 0x400 /* CLONE_FILES */ | SIGCHLD, 0, 0, 0);
	if (pid == 0)
		trap_template_child(&args);
	free(filter.filter);
	if (pid < 0)
		return (int)pid;
	p->template_pid = (uint32_t)pid;
	ret = await_answer(p);
	if (ret == 0)
		return 0;
	raw_call(SYS_kill, (uint64_t)pid, SIGKILL, 0, 0);
	if (ret == -EPERM)
		log_error("trap: the template was refused a call; a kernel "
			  "that seals its vDSO (MSEAL_SYSTEM_MAPPINGS) is not "
			  "supported");
	return ret;
}

void template_ask(struct platform *p)
{
	atomic_store(&p->cmd->turn, STUB_TURN_ASKED);
	raw_futex_wake(&p->cmd->turn, 1, false);
}

int template_answer(struct platform *p)
{
	return await_answer(p);
}

int trap_template_start(struct platform *p)
{
	int ret = quiet_sigchld();

	if (ret == 0)
		ret = choose_base(&p->base);
	if (ret == 0)
		ret = map_file(p);
	if (ret < 0)
		return ret;
	pregrow_fds(p->file_fd);
	init_command(p);
	return fork_template(p);
}
