/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci_create: create, run and start: a bundle becomes a container.
 *
 * Whatever fails, nothing of it stays: no process, control group, directory.
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/monitor.h"
#include "sentry/cmd/oci.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

/* Everything about one creation. */
struct creation {
	const struct oci_options *o;
	struct container c;
	struct oci_spec spec;
	struct monitor_args m;
	char *bundle, *config;
	size_t config_size;
	int extra[CONTROL_EXTRA_MAX];
	bool made; /* the directory is there */
};

static bool load_bundle(struct creation *k)
{
	const char *dir = k->o->bundle ? k->o->bundle : ".";
	AUTO_FREE char *path = NULL;
	struct json_error err = { 0 };

	k->bundle = realpath(dir, NULL);
	if (!k->bundle) {
		oci_fail("bundle %s: %s", dir, strerror(errno));
		return false;
	}
	path = xasprintf("%s/config.json", k->bundle);
	k->config = read_whole(AT_FDCWD, path, JSON_TEXT_MAX, &k->config_size);
	if (!k->config) {
		oci_fail("JSON specification file config.json of bundle %s "
			 "cannot be read: %s",
			 k->bundle, strerror(errno));
		return false;
	}
	if (oci_config_parse(k->config, k->config_size, k->bundle, &k->spec,
			     &err) < 0) {
		oci_fail("config.json: %s", err.text);
		return false;
	}
	return true;
}

/* Limits inside the sandbox, from those of the control group. */
static void set_limits(struct oci_spec *spec)
{
	const struct oci_resources *r = &spec->resources;
	int64_t period = r->cpu_period.v > 0 ? r->cpu_period.v : 100000;

	if (r->memory.v > 0)
		spec->memory_limit = (uint64_t)r->memory.v;
	spec->pids_limit = r->pids.given && r->pids.v > 0 ? (uint64_t)r->pids.v
							  : caller_task_limit();
	if (r->cpu_quota.v > 0)
		spec->milli_cpus = MAX((uint64_t)1, (uint64_t)(r->cpu_quota.v *
							       1000 / period));
}

static bool check_terminal(const struct creation *k, bool detach)
{
	bool tty = k->spec.process.terminal, socket = k->o->console_socket;

	if (tty && detach && !socket) {
		oci_fail("cannot allocate tty if moat will detach without "
			 "setting console socket");
		return false;
	}
	if (socket && (!detach || !tty)) {
		oci_fail("cannot use console socket if moat will not detach "
			 "or allocate tty");
		return false;
	}
	if (tty && !detach && !isatty(0)) {
		oci_fail("process.terminal: the standard input is no "
			 "terminal");
		return false;
	}
	return true;
}

static bool complete_spec(struct creation *k, bool detach)
{
	struct oci_spec *spec = &k->spec;
	struct caller who;

	if (k->o->systemd_cgroup) {
		oci_fail("--systemd-cgroup is not supported: use the cgroupfs "
			 "driver of your engine");
		return false;
	}
	if (hooks_any(spec, OCI_HOOK_START_CONTAINER)) {
		oci_fail("hooks.startContainer: is not supported");
		return false;
	}
	if (spec->nr_uid_maps) {
		oci_fail("linux.uidMappings: user namespaces are not "
			 "supported yet");
		return false;
	}
	if (!spec->hostname) {
		caller_read(&who);
		spec->hostname = xstrdup(who.hostname);
		free(who.groups);
		free(who.cwd);
	}
	set_limits(spec);
	return check_terminal(k, detach) &&
	       seccomp_host_compile(&spec->seccomp) && rootfs_prepare(spec);
}

static bool preserve_fds(struct creation *k)
{
	uint64_t nr = k->o->preserve_fds;

	if (nr > CONTROL_EXTRA_MAX) {
		oci_fail("--preserve-fds: at most %d", CONTROL_EXTRA_MAX);
		return false;
	}
	for (int i = 0; i < (int)nr; i++) {
		if (fcntl(3 + i, F_GETFD) < 0) {
			oci_fail("--preserve-fds: descriptor %d is not open",
				 3 + i);
			return false;
		}
		k->extra[i] = 3 + i;
	}
	k->m.launch.extra = k->extra;
	k->m.launch.nr_extra = (unsigned int)nr;
	return true;
}

static char *time_now(void)
{
	struct timespec t;
	struct tm tm;
	char day[64];

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return xasprintf("%s.%09ldZ", day, t.tv_nsec);
}

/* The directory, the control group, the sockets. */
static bool make_state(struct creation *k, int sync[2])
{
	const char *id = k->o->args[0];
	int ret;

	if (!container_id_ok(id)) {
		oci_fail("invalid container id '%s'", id);
		return false;
	}
	k->made = container_new(&k->c, k->o->root, id);
	if (!k->made)
		return false;
	k->c.bundle = xstrdup(k->bundle);
	k->c.rootfs = xstrdup(k->spec.root_path);
	k->c.created = time_now();
	k->c.annotations = k->spec.annotations;
	k->c.status = CONTAINER_CREATING;
	ret = write_whole(k->c.dir, "config.json", k->config, k->config_size);
	if (ret < 0) {
		oci_fail("cannot write the state of container %s: %s", id,
			 strerror(-ret));
		return false;
	}
	if (!cgroup_host_make(&k->spec, id, spawn_privileged(),
			      &k->c.cgroups) ||
	    !container_save(&k->c))
		return false;
	ret = monitor_listen(&k->c);
	k->m.listen_fd = ret;
	if (ret >= 0 &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0)
		ret = -errno;
	if (ret < 0)
		oci_fail("cannot make the sockets of container %s: %s", id,
			 strerror(-ret));
	return ret >= 0;
}

static bool connect_console(struct creation *k)
{
	k->m.console_fd = -1;
	if (!k->o->console_socket)
		return true;
	k->m.console_fd = console_connect(k->o->console_socket);
	if (k->m.console_fd < 0)
		oci_fail("--console-socket %s: %s", k->o->console_socket,
			 strerror(-k->m.console_fd));
	return k->m.console_fd >= 0;
}

/* Follows the monitor until it has made the container. */
static bool follow(struct creation *k, int sync)
{
	struct control_msg msg;

	while (recv(sync, &msg, sizeof(msg), 0) == sizeof(msg)) {
		msg.text[sizeof(msg.text) - 1] = '\0';
		switch (msg.kind) {
		case SYNC_NAMESPACES:
			if (!hooks_run(&k->spec, OCI_HOOK_PRESTART, &k->c,
				       false) ||
			    !hooks_run(&k->spec, OCI_HOOK_CREATE_RUNTIME, &k->c,
				       false))
				return false;
			msg = (struct control_msg){ .kind = SYNC_GO };
			if (send(sync, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
				return false;
			break;
		case SYNC_CREATED:
			return true;
		default:
			oci_fail("unable to start container process: %s",
				 msg.text);
			return false;
		}
	}
	oci_fail("the monitor of container %s ended while it was made",
		 k->c.id);
	return false;
}

static bool start_monitor(struct creation *k, int sync[2])
{
	pid_t pid;

	k->m.c = &k->c;
	k->m.launch.spec = &k->spec;
	k->m.launch.container = true;
	k->m.launch.own_tty = k->m.console_fd >= 0;
	k->m.launch.log_path = k->o->debug_log ? k->o->debug_log : "/dev/null";
	k->m.launch.log_level = k->o->debug ? LOG_DEBUG : LOG_WARNING;
	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid == 0) {
		k->m.sync_fd = sync[1];
		monitor_main(&k->m);
	}
	close(sync[1]);
	if (pid < 0) {
		oci_fail("cannot start a process: %s", strerror(errno));
		return false;
	}
	k->c.pid = pid;
	k->c.start_time = process_start_time(pid);
	return container_save(&k->c) && follow(k, sync[0]);
}

static void undo(struct creation *k)
{
	if (k->c.pid > 0) {
		kill(k->c.pid, SIGKILL);
		waitpid(k->c.pid, NULL, 0);
	}
	if (k->made) {
		cgroup_host_remove(k->c.cgroups);
		container_remove(&k->c);
	}
}

static void creation_fini(struct creation *k)
{
	k->c.annotations = (struct oci_pairs){ 0 }; /* the spec's */
	container_close(&k->c);
	oci_spec_fini(&k->spec);
	free(k->bundle);
	free(k->config);
}

/* The container is there, not started; false after a message. */
static bool create(struct creation *k, bool detach)
{
	int sync[2] = { -1, -1 };
	bool ok = load_bundle(k) && complete_spec(k, detach) && preserve_fds(k);

	if (ok) {
		k->m.launch.platform = platform_choose(
			k->o->platform, k->m.launch.platform_note,
			sizeof(k->m.launch.platform_note));
		ok = k->m.launch.platform && connect_console(k);
	}
	ok = ok && make_state(k, sync) && start_monitor(k, sync);
	if (sync[0] >= 0)
		close(sync[0]);
	if (ok) {
		close(k->m.listen_fd);
		k->c.status = CONTAINER_CREATED;
		ok = container_save(&k->c) && oci_write_pid(k->o, k->c.pid);
	}
	if (!ok)
		undo(k);
	return ok;
}

int oci_create(const struct oci_options *o)
{
	struct creation k = { .o = o, .c = { .dir = -1 } };
	bool ok = create(&k, true);

	creation_fini(&k);
	return ok ? 0 : 1;
}

bool oci_start_container(struct container *c, const struct oci_spec *spec)
{
	struct control_msg msg = { .kind = CONTROL_START };
	int ret = monitor_ask(c, &msg, NULL, 0);

	if (ret < 0)
		oci_fail("cannot start container %s: %s", c->id,
			 strerror(-ret));
	else if (ret > 0)
		oci_fail("%s", msg.text);
	if (ret)
		return false;
	c->status = CONTAINER_RUNNING;
	if (!container_save(c))
		return false;
	hooks_run(spec, OCI_HOOK_POSTSTART, c, true);
	return true;
}

/* --- run ------------------------------------------------------------------ */

/* Waits for the monitor; signals that are not the terminal's go to it. */
static int wait_for(pid_t pid, int signals)
{
	struct signalfd_siginfo si;
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return 125 << 8;
		if (read(signals, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo != SIGCHLD && si.ssi_code != SI_KERNEL)
			kill(pid, (int)si.ssi_signo);
	}
}

static int all_signals(void)
{
	sigset_t set;
	int fd;

	sigfillset(&set);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -1;
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd;
}

static int run_to_end(struct creation *k)
{
	int signals = all_signals(), status;
	pid_t pid = k->c.pid;

	if (signals < 0 || !oci_start_container(&k->c, &k->spec)) {
		undo(k);
		return 1;
	}
	/* Other commands are let in meanwhile. */
	close(k->c.dir);
	k->c.dir = -1;
	status = wait_for(pid, signals);
	if (!k->o->keep) {
		struct container again;

		if (container_open(&again, k->o->root, k->o->args[0], true)) {
			hooks_run(&k->spec, OCI_HOOK_POSTSTOP, &again, true);
			cgroup_host_remove(again.cgroups);
			container_remove(&again);
		}
		container_close(&again);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

int oci_run(const struct oci_options *o)
{
	struct creation k = { .o = o, .c = { .dir = -1 } };
	int code = 1;

	k.m.keep_session = !o->detach;
	if (create(&k, o->detach)) {
		if (!o->detach)
			code = run_to_end(&k);
		else if (oci_start_container(&k.c, &k.spec))
			code = 0;
		else
			undo(&k);
	}
	creation_fini(&k);
	return code;
}
