/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main: the life of the sentry process, from a fresh fork of the launcher to
 * the end of its program.
 *
 * The order matters: rights go before the platform forks its template (stubs
 * must have none), the template before the filter (it has its own), the filter
 * before anything of the guest is read.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "platform.h"
#include "sentry/boot.h"
#include "sentry/control.h"
#include "sentry/crash.h"
#include "sentry/fs/gofer/client.h"
#include "sentry/host/host.h"
#include "sentry/host/host_confine.h"
#include "sentry/host/host_crash.h"
#include "sentry/host/host_memory.h"
#include "sentry/lib/alloc.h"
#include "sentry/loader/loader.h"
#include "sentry/mm/memfile.h"
#include "sentry/mm/safe_copy.h"
#include "sentry/oci/spec.h"
#include "sentry/sandbox.h"
#include "sentry/seccomp.h"
#include "sentry/syscalls/strace.h"
#include "sentry/time/clock.h"

int boot_fail(struct boot_error *err, int exit_code, int ret, const char *fmt,
	      ...)
{
	va_list ap;

	err->exit_code = exit_code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return ret;
}

/* Says that a step of the start is done, and how long it took. */
static void note_step(const char *what)
{
	static uint64_t last;
	uint64_t now = host_clock(CLOCK_MONOTONIC);

	if (last)
		log_debug("start: %s, %lu us", what, (now - last) / 1000);
	last = now;
}

#define KEEP_OWN 12 /* descriptors of every sandbox, and of the crash report */

/* Descriptors, root, rights: see host_confine.h. */
static int confine(const struct sandbox_config *c, struct boot_error *err)
{
	int keep[] = { c->control_fd,
		       c->memory_fd,
		       c->gofer_shm_fd,
		       c->gofer_sock_fd,
		       c->log_fd,
		       c->strace_fd,
		       c->device_fd,
		       c->stdio[0],
		       c->stdio[1],
		       c->stdio[2],
		       -1,
		       -1,
		       [KEEP_OWN... KEEP_OWN + CONTROL_EXTRA_MAX - 1] = -1 };
	const char *what = "descriptors";
	int ret;

	memcpy(&keep[KEEP_OWN], c->extra, c->nr_extra * sizeof(int));
	host_crash_fds(&keep[KEEP_OWN - 2]);
	ret = host_confine_fds(keep, ARRAY_SIZE(keep));
	if (ret == 0)
		ret = host_confine_root(&what);
	if (ret == 0) {
		what = "taking its user id";
		ret = host_confine_ids(c->uid, c->gid, !c->unprivileged);
	}
	if (ret == 0)
		ret = host_confine_rights(&what);
	if (ret < 0)
		return boot_fail(err, 125, ret,
				 "cannot confine the sentry: %s: %s", what,
				 strerror(-ret));
	return 0;
}

static int start_parts(const struct sandbox_config *c, struct boot_error *err)
{
	struct platform_setup setup = { .memory_fd = c->memory_fd,
					.nr_cpus = host_nr_cpus(),
					.device_fd = c->device_fd,
					.copy = safe_copy };
	int ret = host_fault_start();

	if (ret == 0)
		ret = memfile_start(c->memory_fd, c->memory_limit);

	if (ret < 0)
		return boot_fail(err, 125, ret,
				 "cannot map the memory file: %s",
				 strerror(-ret));
	ret = platform_start(c->platform, &setup);
	if (ret < 0)
		return boot_fail(err, 125, ret,
				 "platform %s cannot start: %s (another one: "
				 "--platform; see moat help run)",
				 c->platform->name, strerror(-ret));
	log_info("platform %s%s%s", c->platform->name,
		 c->platform_note[0] ? "; " : "", c->platform_note);
	note_step("platform started");
	ret = clock_start();
	if (ret == 0)
		ret = vdso_start();
	note_step("clocks started");
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot start clocks: %s",
				 strerror(-ret));
	return 0;
}

static int start(const struct sandbox_config *c, struct boot_error *err)
{
	const struct platform_ioctl *ioctls;
	int ret = confine(c, err);
	size_t nr_ioctls;

	note_step("sentry confined");
	if (ret == 0)
		ret = start_parts(c, err);
	if (ret < 0)
		return ret;
	ioctls = platform_ioctls(&nr_ioctls);
	ret = sentry_seccomp_load(ioctls, nr_ioctls);
	if (ret < 0)
		return boot_fail(err, 125, ret,
				 "cannot close the system-call filter: %s",
				 strerror(-ret));
	note_step("filter closed");
	if (!host_parent_alive(c->control_fd))
		host_exit(125);
	ret = control_start(c->control_fd);
	if (ret == 0)
		ret = gofer_connect(c->gofer_shm_fd, c->gofer_sock_fd);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot reach the gofer: %s",
				 strerror(-ret));
	note_step("gofer connected");
	if (c->strace_fd >= 0)
		strace_setup(c->strace_fd);
	return sandbox_boot(c, err);
}

NORETURN void sentry_main(const struct sandbox_config *config)
{
	static _Atomic uint32_t never;
	struct boot_error err = { .exit_code = 125 };

	crash_setup();
	host_start(config->log_fd);
	log_setup(host_log_write, config->log_level, "sentry");
	note_step("");
	if (start(config, &err) < 0) {
		control_send_failed(config->control_fd, err.exit_code,
				    err.text);
		host_exit(err.exit_code);
	}
	note_step("program loaded");
	for (;;)
		host_futex_wait(&never, 0, UINT64_MAX);
}
