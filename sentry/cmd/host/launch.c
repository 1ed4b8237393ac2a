/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch: descriptors and children of one sandbox.
 *
 * Everything that a child needs is made here before it is cloned; each child
 * closes what is not its own.  Whatever fails, no process stays: the children
 * that exist are killed and reaped before the complaint.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gofer/gofer.h"
#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/launch.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/spec.h"
#include "sentry/sandbox.h"

/* The ends of each channel: [0] the launcher's or the gofer's, [1] the
 * sentry's (err: [0] read end, [1] the gofer's). */
struct channels {
	int memory, gofer_shm;
	int gofer_sock[2], control[2], gofer_err[2];
	int log, strace;
	int device; /* of the platform */
};

#define NO_CHANNELS                                                    \
	(struct channels)                                              \
	{                                                              \
		-1, -1, { -1, -1 }, { -1, -1 }, { -1, -1 }, -1, -1, -1 \
	}

static void close_if(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void channels_close(struct channels *c)
{
	close_if(&c->memory);
	close_if(&c->gofer_shm);
	for (int i = 0; i < 2; i++) {
		close_if(&c->gofer_sock[i]);
		close_if(&c->control[i]);
		close_if(&c->gofer_err[i]);
	}
	close_if(&c->log);
	close_if(&c->strace);
	close_if(&c->device);
}

static int open_output(const char *path, int flags, const char *what)
{
	int fd;

	if (!path)
		return fcntl(2, F_DUPFD_CLOEXEC, 3);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags,
		  0644);
	if (fd < 0)
		complain("cannot write the %s file %s: %s", what, path,
			 strerror(errno));
	return fd;
}

static bool channels_open(struct channels *c, const struct launch_args *args)
{
	*c = NO_CHANNELS;
	c->log = open_output(args->log_path, O_APPEND, "log");
	if (c->log < 0)
		return false;
	if (args->want_strace) {
		c->strace = open_output(args->strace_path, O_TRUNC, "strace");
		if (c->strace < 0)
			return false;
	}
	if (args->platform->open_device) {
		c->device = args->platform->open_device();
		if (c->device < 0) {
			complain("platform %s: cannot open its device: %s",
				 args->platform->name, strerror(-c->device));
			return false;
		}
	}
	c->memory = memfd_create("moat-memory", MFD_CLOEXEC);
	c->gofer_shm = memfd_create("moat-gofer", MFD_CLOEXEC);
	if (c->memory < 0 || c->gofer_shm < 0 ||
	    pipe2(c->gofer_err, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, c->control) <
		    0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		       c->gofer_sock) < 0) {
		complain("cannot make memory file and sockets: %s",
			 strerror(errno));
		return false;
	}
	return true;
}

/*
 * Numbers the host directories that the gofer serves: the root is 0, the
 * directory of --overlay comes last.
 */
static unsigned int list_exports(struct oci_spec *spec,
				 struct gofer_export *out)
{
	unsigned int n = 0;

	out[n++] = (struct gofer_export){ .source = spec->root_path,
					  .readonly = spec->root_overlay ||
						      spec->root_readonly,
					  .shared = !spec->root_overlay };
	for (uint32_t i = 0; i < spec->nr_mounts; i++) {
		struct oci_mount *m = &spec->mounts[i];

		if (m->kind != OCI_MOUNT_BIND)
			continue;
		m->export_id = n;
		out[n++] = (struct gofer_export){ .source = m->source,
						  .readonly = m->readonly ||
							      m->overlay,
						  .shared = true };
	}
	if (spec->overlay_dir) {
		spec->overlay_export = n;
		out[n++] = (struct gofer_export){ .source = spec->overlay_dir };
	}
	return n;
}

static NORETURN void run_gofer(const struct launch_args *args,
			       struct channels *c)
{
	struct gofer_export *exports =
		xzalloc((args->spec->nr_mounts + 2) * sizeof(*exports));
	struct gofer_config config = {
		.exports = exports,
		.nr_exports = list_exports(args->spec, exports),
		.shm_fd = c->gofer_shm,
		.sock_fd = c->gofer_sock[0],
		.log_fd = c->log,
		.err_fd = c->gofer_err[1],
		.log_level = args->log_level,
		.privileged = spawn_privileged(),
	};

	relay_unblock_signals();
	_exit(gofer_main(&config));
}

/* The sentry needs no id of anybody; without privilege there is one only. */
static uint32_t sentry_uid(void)
{
	return spawn_privileged() ? 65534 : geteuid();
}

static uint32_t sentry_gid(void)
{
	return spawn_privileged() ? 65534 : getegid();
}

static NORETURN void run_sentry(const struct launch_args *args,
				struct channels *c)
{
	const struct inherited *in = caller_inherited();
	struct sandbox_config config = {
		.spec = args->spec,
		.platform = args->platform,
		.platform_note = args->platform_note,
		.control_fd = c->control[1],
		.memory_fd = c->memory,
		.gofer_shm_fd = c->gofer_shm,
		.gofer_sock_fd = c->gofer_sock[1],
		.log_fd = c->log,
		.memory_limit = args->spec->memory_limit,
		.strace_fd = c->strace,
		.device_fd = c->device,
		.log_level = args->log_level,
		.tty = args->spec->process.terminal,
		.unprivileged = !spawn_privileged(),
		.uid = sentry_uid(),
		.gid = sentry_gid(),
		.ignored_signals = args->container ? 0 : in->ignored,
		.blocked_signals = args->container ? 0 : in->blocked,
		.umask = args->container ? 022 : in->umask,
		.container = args->container,
		.own_tty = args->own_tty,
		.nr_extra = args->nr_extra,
	};

	for (int i = 0; i < 3; i++)
		config.stdio[i] = in->closed[i] || (args->own_tty && i > 0)
					  ? -1
					  : fcntl(i, F_DUPFD_CLOEXEC, 3);
	for (unsigned int i = 0; i < args->nr_extra; i++)
		config.extra[i] = args->extra[i];
	relay_unblock_signals();
	sentry_main(&config);
}

/* In the parent: true; children never return. */
static bool spawn_both(const struct launch_args *args, struct channels *c,
		       struct child *gofer, struct child *sentry)
{
	bool privileged = spawn_privileged();
	const char *why = "";
	int ret = spawn("gofer", privileged, geteuid(), getegid(), gofer, &why);

	if (ret == 0)
		run_gofer(args, c);
	if (ret > 0) {
		ret = spawn("sentry", false, sentry_uid(), sentry_gid(), sentry,
			    &why);
		if (ret == 0)
			run_sentry(args, c);
		if (ret < 0)
			child_kill(gofer);
	}
	if (ret < 0)
		complain("cannot start the sandbox: %s", why);
	return ret > 0;
}

/* Descriptors above stderr that the caller left open are not the sandbox's. */
static void close_inherited(void)
{
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

bool launch_children(const struct launch_args *args, struct launched *out)
{
	struct channels c = NO_CHANNELS;
	bool ok = channels_open(&c, args);

	out->gofer = out->sentry = (struct child){ .pidfd = -1 };
	out->control_fd = out->gofer_err_fd = -1;
	if (ok) {
		struct gofer_export *exports =
			xzalloc((args->spec->nr_mounts + 2) * sizeof(*exports));

		list_exports(args->spec, exports);
		free(exports);
		ok = spawn_both(args, &c, &out->gofer, &out->sentry);
	}
	if (ok) {
		out->control_fd = c.control[0];
		out->gofer_err_fd = c.gofer_err[0];
		c.control[0] = c.gofer_err[0] = -1;
	}
	channels_close(&c);
	return ok;
}

int launch(const struct launch_args *args)
{
	struct relay relay = { .timeout_ms = args->timeout_ms,
			       .tty = args->spec->process.terminal };
	struct launched l;
	int code = EXIT_MOAT;

	close_inherited();
	fflush(stdout);
	fflush(stderr);
	relay_block_signals();
	if (launch_children(args, &l)) {
		relay.gofer = &l.gofer;
		relay.sentry = &l.sentry;
		relay.control_fd = l.control_fd;
		relay.gofer_err_fd = l.gofer_err_fd;
		code = relay_run(&relay);
		close(l.control_fd);
		close(l.gofer_err_fd);
	}
	relay_unblock_signals();
	return code;
}
