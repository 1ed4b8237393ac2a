/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci_exec: one more process in a running container.
 *
 * The process that waits for it on the host ends as it does: this one, or with
 * --detach a child that an engine can wait for.  Signals to it go to the
 * process; when it dies, the process is killed.
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/monitor.h"
#include "sentry/cmd/oci.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"
#include "sentry/oci/process_codec.h"

#define EXIT_EXEC 255 /* as runc: it could not be started */

struct executor {
	const struct oci_options *o;
	int monitor; /* connection */
	struct oci_process p;
	int signals, console;
	int fds[CONTROL_FDS_MAX];
	unsigned int nr;
};

/* --- what is to be run ---------------------------------------------------- */

static char **append(char **list, const char *word)
{
	size_t nr = 0;
	char **grown;

	while (list[nr])
		nr++;
	grown = xzalloc((nr + 2) * sizeof(*grown));
	memcpy(grown, list, nr * sizeof(*grown));
	grown[nr] = xstrdup(word);
	free(list);
	return grown;
}

/* NAME=VALUE replaces what was said of NAME. */
static void set_env(struct oci_process *p, const char *word)
{
	size_t len = strcspn(word, "=") + 1;

	for (char **e = p->env; *e; e++) {
		if (strncmp(*e, word, len))
			continue;
		free(*e);
		*e = xstrdup(word);
		return;
	}
	p->env = append(p->env, word);
}

static bool set_user(struct oci_process *p, const char *text)
{
	unsigned int uid, gid = 0;
	char rest;

	if (sscanf(text, "%u:%u%c", &uid, &gid, &rest) != 2 &&
	    sscanf(text, "%u%c", &uid, &rest) != 1) {
		oci_fail("--user takes UID[:GID] in numbers, not '%s'", text);
		return false;
	}
	p->user.uid = uid;
	p->user.gid = gid;
	return true;
}

static bool add_groups(struct oci_process *p, const struct oci_options *o)
{
	for (unsigned int i = 0; i < o->nr_gids; i++) {
		uint32_t nr = p->user.nr_additional_gids;
		uint32_t *grown = xzalloc((nr + 1) * sizeof(*grown));
		char *end;
		unsigned long gid = strtoul(o->gids[i], &end, 10);

		if (nr)
			memcpy(grown, p->user.additional_gids,
			       nr * sizeof(*grown));
		free(p->user.additional_gids);
		p->user.additional_gids = grown;
		if (!*o->gids[i] || *end || gid >= UINT32_MAX) {
			oci_fail("--additional-gids takes a number, not '%s'",
				 o->gids[i]);
			return false;
		}
		grown[nr] = (uint32_t)gid;
		p->user.nr_additional_gids = nr + 1;
	}
	return true;
}

static bool add_caps(struct oci_process *p, const struct oci_options *o)
{
	for (unsigned int i = 0; i < o->nr_caps; i++) {
		int cap = oci_cap_number(o->caps[i]);

		if (cap < 0) {
			oci_fail("unknown capability '%s'", o->caps[i]);
			return false;
		}
		p->caps.bounding |= 1ull << cap;
		p->caps.permitted |= 1ull << cap;
		p->caps.effective |= 1ull << cap;
	}
	return true;
}

static bool read_process_file(struct executor *x)
{
	struct json_error err = { 0 };
	size_t size = 0;
	char *text = read_whole(AT_FDCWD, x->o->process, JSON_TEXT_MAX, &size);
	int ret = -EINVAL;

	if (text)
		ret = oci_process_parse(text, size, &x->p, &err);
	else
		snprintf(err.text, sizeof(err.text), "%s", strerror(errno));
	free(text);
	if (ret < 0)
		oci_fail("process file %s: %s", x->o->process, err.text);
	return ret == 0;
}

/* The container's own process with what the command line changes. */
static bool build_process(struct executor *x, const struct container *c)
{
	const struct oci_options *o = x->o;
	struct oci_spec spec = { 0 };
	bool ok;

	if (o->process)
		return read_process_file(x);
	if (o->nr_args < 2) {
		oci_fail("process args cannot be empty");
		return false;
	}
	ok = oci_load_spec(c, &spec);
	if (ok) {
		x->p = spec.process;
		spec.process = (struct oci_process){ 0 };
		oci_strings_free(x->p.args);
		x->p.args = xzalloc(sizeof(char *));
		for (int i = 1; i < o->nr_args; i++)
			x->p.args = append(x->p.args, o->args[i]);
		x->p.terminal = o->tty;
		if (o->cwd) {
			free(x->p.cwd);
			x->p.cwd = xstrdup(o->cwd);
		}
		for (unsigned int i = 0; i < o->nr_env; i++)
			set_env(&x->p, o->env[i]);
		x->p.no_new_privileges |= o->no_new_privs;
		ok = (!o->user || set_user(&x->p, o->user)) &&
		     add_groups(&x->p, o) && add_caps(&x->p, o);
	}
	oci_spec_fini(&spec);
	return ok;
}

/* --- descriptors ---------------------------------------------------------- */

static int process_file(const struct oci_process *p)
{
	int fd = memfd_create("moat-process", MFD_CLOEXEC);
	struct seq_buf s = { 0 };
	int ret = fd < 0 ? -errno : fd;

	oci_process_encode(p, &s);
	if (s.failed || s.len > OCI_PROCESS_MAX)
		ret = -E2BIG;
	else if (ret >= 0 && write(fd, s.data, s.len) != (ssize_t)s.len)
		ret = -EIO;
	seq_fini(&s);
	if (ret < 0 && fd >= 0)
		close(fd);
	return ret;
}

static bool gather_fds(struct executor *x)
{
	int ret = process_file(&x->p);

	if (ret >= 0) {
		x->fds[0] = ret;
		ret = x->console < 0 ? 0
				     : console_make(x->console, x->p.rows,
						    x->p.columns);
	}
	if (ret < 0) {
		oci_fail("exec failed: %s", strerror(-ret));
		return false;
	}
	x->fds[1] = ret;
	x->fds[2] = 1;
	x->fds[3] = 2;
	x->nr = 4;
	for (int i = 0; i < (int)x->o->preserve_fds; i++)
		x->fds[x->nr++] = 3 + i;
	return true;
}

/* --- running -------------------------------------------------------------- */

static void pass_signals(struct executor *x)
{
	struct signalfd_siginfo si;

	while (read(x->signals, &si, sizeof(si)) == sizeof(si)) {
		struct control_msg msg = { .kind = CONTROL_EXEC_SIGNAL,
					   .status = (int32_t)si.ssi_signo };

		msg.text[0] = si.ssi_code == SI_KERNEL;
		(void)!monitor_send(x->monitor, &msg, NULL, 0);
	}
}

/* The next record of @kind, signals passed on meanwhile; false: the container
 * has ended. */
static bool await(struct executor *x, struct control_msg *msg)
{
	unsigned int none;

	for (;;) {
		struct pollfd p[] = {
			{ .fd = x->monitor, .events = POLLIN },
			{ .fd = x->signals, .events = POLLIN },
		};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return false;
		if (p[1].revents)
			pass_signals(x);
		if (p[0].revents)
			return monitor_recv(x->monitor, msg, NULL, 0, &none) >
			       0;
	}
}

/* Starts it: 0, or the exit code after a message. */
static int start(struct executor *x)
{
	struct control_msg msg = { .kind = CONTROL_EXEC };
	int ret = 0;

	if (!gather_fds(x))
		return EXIT_EXEC;
	x->signals = monitor_signals();
	if (x->signals < 0)
		return EXIT_EXEC;
	ret = monitor_send(x->monitor, &msg, x->fds, x->nr);
	close(x->fds[0]);
	if (x->console >= 0)
		close(x->fds[1]);
	if (ret < 0 || !await(x, &msg) || msg.kind != CONTROL_REPLY) {
		oci_fail("exec failed: the container is ending");
		return EXIT_EXEC;
	}
	if (msg.status) {
		oci_fail("exec failed: unable to start container process: %s",
			 msg.text);
		return EXIT_EXEC;
	}
	return 0;
}

/* Waits for its end; a wait status. */
static int wait_end(struct executor *x)
{
	struct control_msg msg;

	while (await(x, &msg))
		if (msg.kind == CONTROL_EXEC_EXITED)
			return msg.status;
	return SIGKILL; /* it went with the container */
}

static void quiet_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* In the child of --detach; the byte tells the parent how it began. */
static NORETURN void run_detached(struct executor *x, int tell)
{
	unsigned char code;

	if (x->console < 0)
		(void)setsid();
	code = (unsigned char)start(x);
	if (write(tell, &code, 1) != 1 || code)
		_exit(code);
	close(tell);
	quiet_stdio();
	end_as(wait_end(x));
}

static int detach(struct executor *x)
{
	unsigned char code = EXIT_EXEC;
	int tell[2];
	pid_t pid;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return oci_fail("exec failed: %s", strerror(errno));
	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid == 0) {
		close(tell[0]);
		run_detached(x, tell[1]);
	}
	close(tell[1]);
	if (pid < 0 || read(tell[0], &code, 1) != 1)
		code = EXIT_EXEC;
	close(tell[0]);
	if (code == 0 && !oci_write_pid(x->o, pid))
		code = EXIT_EXEC;
	if (code && pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return code;
}

static int run_attached(struct executor *x)
{
	int code = start(x), status;

	if (code)
		return code;
	if (!oci_write_pid(x->o, getpid()))
		return EXIT_EXEC;
	status = wait_end(x);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static bool check(const struct executor *x, const struct container *c)
{
	const struct oci_options *o = x->o;

	if (c->status == CONTAINER_STOPPED || c->status == CONTAINER_CREATED)
		oci_fail("cannot exec in a %s container",
			 container_status_name(c->status));
	else if (c->status == CONTAINER_PAUSED && !o->ignore_paused)
		oci_fail("cannot exec in a paused container (use "
			 "--ignore-paused to override)");
	else if (o->preserve_fds > CONTROL_EXTRA_MAX)
		oci_fail("--preserve-fds: at most %d", CONTROL_EXTRA_MAX);
	else
		return true;
	return false;
}

static bool connect_console(struct executor *x)
{
	x->console = -1;
	if (x->p.terminal && x->o->detach && !x->o->console_socket) {
		oci_fail("cannot allocate tty if moat will detach without "
			 "setting console socket");
		return false;
	}
	if (!x->p.terminal || !x->o->console_socket)
		return true;
	x->console = console_connect(x->o->console_socket);
	if (x->console < 0)
		oci_fail("--console-socket %s: %s", x->o->console_socket,
			 strerror(-x->console));
	return x->console >= 0;
}

int oci_exec(const struct oci_options *o)
{
	struct executor x = { .o = o, .monitor = -1 };
	struct container c;
	int code = EXIT_EXEC;
	bool ok = oci_open(o, &c) && check(&x, &c) && build_process(&x, &c) &&
		  connect_console(&x);

	if (ok) {
		x.monitor = monitor_connect(&c);
		if (x.monitor < 0)
			oci_fail("cannot reach container %s: %s", c.id,
				 strerror(-x.monitor));
	}
	container_close(&c); /* and its lock */
	if (x.monitor >= 0)
		code = o->detach ? detach(&x) : run_attached(&x);
	oci_process_fini(&x.p);
	return code;
}
