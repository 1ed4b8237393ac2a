/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci_life: start, state, kill, delete, list, pause, resume.
 *
 * Tests: tests/hostile/oci.sh
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/cmd/host/monitor.h"
#include "sentry/cmd/oci.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

bool oci_open(const struct oci_options *o, struct container *c)
{
	return container_open(c, o->root, o->args[0], false);
}

bool oci_write_pid(const struct oci_options *o, pid_t pid)
{
	AUTO_FREE char *dir = NULL;
	char text[16], *slash;
	int fd, ret;

	if (!o->pid_file)
		return true;
	dir = xstrdup(o->pid_file);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(text, sizeof(text), "%d", pid);
	ret = fd < 0 ? -errno
		     : write_whole(fd,
				   slash ? o->pid_file + (slash - dir) + 1
					 : o->pid_file,
				   text, strlen(text));
	if (fd >= 0)
		close(fd);
	if (ret < 0)
		oci_fail("--pid-file %s: %s", o->pid_file, strerror(-ret));
	return ret == 0;
}

bool oci_load_spec(const struct container *c, struct oci_spec *spec)
{
	struct json_error err = { 0 };
	size_t size = 0;
	char *text = read_whole(c->dir, "config.json", JSON_TEXT_MAX, &size);
	int ret = -EINVAL;

	if (text)
		ret = oci_config_parse(text, size, c->bundle ? c->bundle : "/",
				       spec, &err);
	else
		snprintf(err.text, sizeof(err.text), "%s", strerror(errno));
	free(text);
	if (ret < 0)
		oci_fail("the configuration of container %s: %s", c->id,
			 err.text);
	return ret == 0;
}

int oci_start(const struct oci_options *o)
{
	struct oci_spec spec = { 0 };
	struct container c;
	int code = 1;

	if (!oci_open(o, &c))
		;
	else if (c.status == CONTAINER_STOPPED)
		oci_fail("cannot start a container that has stopped");
	else if (c.status != CONTAINER_CREATED)
		oci_fail("cannot start an already running container");
	else if (oci_load_spec(&c, &spec) && oci_start_container(&c, &spec))
		code = 0;
	oci_spec_fini(&spec);
	container_close(&c);
	return code;
}

int oci_state(const struct oci_options *o)
{
	struct container c;
	bool ok = oci_open(o, &c);

	if (ok) {
		AUTO_FREE char *text = container_state_json(&c, true);

		puts(text);
	}
	container_close(&c);
	return ok ? 0 : 1;
}

/* --- kill ----------------------------------------------------------------- */

int oci_signal_number(const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*text && !*end)
		return v > 0 && v < NSIG ? (int)v : 0;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < 32; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, text) == 0)
			return i;
	}
	if (strncasecmp(text, "RTMIN", 5) == 0)
		return SIGRTMIN + atoi(text + 5);
	if (strncasecmp(text, "RTMAX", 5) == 0)
		return SIGRTMAX + atoi(text + 5);
	return 0;
}

int oci_kill(const struct oci_options *o)
{
	const char *text = o->nr_args > 1 ? o->args[1] : "TERM";
	int signo = oci_signal_number(text), ret = 0;
	struct control_msg msg = { .kind = o->all ? CONTROL_SIGNAL_ALL
						  : CONTROL_SIGNAL,
				   .status = signo };
	struct container c;
	bool ok = oci_open(o, &c);

	if (ok && (signo <= 0 || signo >= NSIG)) {
		oci_fail("unknown signal \"%s\"", text);
		ok = false;
	} else if (ok && c.status == CONTAINER_STOPPED) {
		if (!o->all)
			oci_fail("container not running");
		ok = o->all;
	} else if (ok) {
		ret = monitor_ask(&c, &msg, NULL, 0);
		/* It may have ended by it before it answered. */
		ok = ret == 0 || ret == -ECONNRESET;
		if (!ok)
			oci_fail("cannot signal container %s: %s", c.id,
				 ret < 0 ? strerror(-ret) : msg.text);
	}
	container_close(&c);
	return ok ? 0 : 1;
}

/* --- delete --------------------------------------------------------------- */

static void end_monitor(const struct container *c)
{
	int pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		return;
	/* The number may be another's by now: the time tells. */
	if (process_start_time(c->pid) == c->start_time) {
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		(void)poll(&p, 1, 10000);
	}
	close(pidfd);
}

void oci_destroy(struct container *c)
{
	struct oci_spec spec = { 0 };
	bool hooks = faccessat(c->dir, "config.json", F_OK, 0) == 0 &&
		     oci_load_spec(c, &spec);

	if (c->status != CONTAINER_STOPPED)
		end_monitor(c);
	c->status = CONTAINER_STOPPED;
	cgroup_host_remove(c->cgroups);
	if (hooks)
		hooks_run(&spec, OCI_HOOK_POSTSTOP, c, true);
	container_remove(c);
	oci_spec_fini(&spec);
}

int oci_delete(const struct oci_options *o)
{
	struct container c;
	int code = 0;

	if (!container_open(&c, o->root, o->args[0], o->force))
		code = o->force ? 0 : 1;
	else if (c.status != CONTAINER_STOPPED &&
		 c.status != CONTAINER_CREATED && !o->force)
		code = oci_fail("cannot delete container %s that is not "
				"stopped: %s",
				c.id, container_status_name(c.status));
	else
		oci_destroy(&c);
	container_close(&c);
	return code;
}

/* --- list ----------------------------------------------------------------- */

static void print_row(const struct container *c)
{
	const struct passwd *user = getpwuid(c->owner);
	char owner[32];

	snprintf(owner, sizeof(owner), "%u", c->owner);
	printf("%-11s %-11d %-11s %-20s %-31s %s\n", c->id,
	       c->status == CONTAINER_STOPPED ? 0 : c->pid,
	       container_status_name(c->status), c->bundle ? c->bundle : "",
	       c->created ? c->created : "", user ? user->pw_name : owner);
}

int oci_list(const struct oci_options *o)
{
	bool json = o->format && strcmp(o->format, "json") == 0;
	char **names = container_list(o->root);
	unsigned int shown = 0;

	if (o->format && !json && strcmp(o->format, "table"))
		return oci_fail("invalid format option");
	if (!json && !o->quiet)
		printf("%-11s %-11s %-11s %-20s %-31s %s\n", "ID", "PID",
		       "STATUS", "BUNDLE", "CREATED", "OWNER");
	for (char **n = names; *n; n++) {
		struct container c;

		if (!container_id_ok(*n) ||
		    !container_open(&c, o->root, *n, true)) {
			continue;
		}
		if (o->quiet) {
			puts(c.id);
		} else if (json) {
			AUTO_FREE char *text = container_state_json(&c, true);

			printf("%s%s", shown ? "," : "[", text);
		} else {
			print_row(&c);
		}
		shown++;
		container_close(&c);
	}
	if (json && !o->quiet)
		puts(shown ? "]" : "null");
	oci_strings_free(names);
	return 0;
}

/* --- pause, resume -------------------------------------------------------- */

static int freeze(const struct oci_options *o, bool pause)
{
	struct control_msg msg = { .kind = pause ? CONTROL_PAUSE
						 : CONTROL_RESUME };
	struct container c;
	int code = 1, ret;

	if (!oci_open(o, &c)) {
		container_close(&c);
		return 1;
	}
	if (pause && c.status != CONTAINER_RUNNING)
		oci_fail("container not running: %s",
			 container_status_name(c.status));
	else if (!pause && c.status != CONTAINER_PAUSED)
		oci_fail("container not paused");
	else if ((ret = monitor_ask(&c, &msg, NULL, 0)) != 0)
		oci_fail("cannot %s container %s: %s",
			 pause ? "pause" : "resume", c.id,
			 ret < 0 ? strerror(-ret) : msg.text);
	else {
		c.status = pause ? CONTAINER_PAUSED : CONTAINER_RUNNING;
		code = container_save(&c) ? 0 : 1;
	}
	container_close(&c);
	return code;
}

int oci_pause(const struct oci_options *o)
{
	return freeze(o, true);
}

int oci_resume(const struct oci_options *o)
{
	return freeze(o, false);
}

int oci_refuse_checkpoint(const struct oci_options *o)
{
	(void)o;
	return oci_fail("checkpoint and restore are not supported yet");
}
