/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks: programs of the engine that run at moments of a container's life.
 *
 * Each gets the state on stdin, its own environment and nothing of ours; one
 * that takes too long is killed with its process group.
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/cmd/host/container.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

bool hooks_any(const struct oci_spec *spec, enum oci_hook_kind kind)
{
	for (uint32_t i = 0; i < spec->nr_hooks; i++)
		if (spec->hooks[i].kind == kind)
			return true;
	return false;
}

static int state_file(const struct container *c)
{
	AUTO_FREE char *text = container_state_json(c, false);
	int fd = memfd_create("moat-state", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static NORETURN void run_child(const struct oci_hook *h, int state)
{
	char *just_path[] = { h->path, NULL }, *no_env[] = { NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	dup2(state, 0);
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	execve(h->path, h->args && h->args[0] ? h->args : just_path,
	       h->env ? h->env : no_env);
	dprintf(2, "%s: %s\n", h->path, strerror(errno));
	_exit(127);
}

/* Its wait status; -ETIMEDOUT after it was killed. */
static int await(pid_t pid, uint32_t timeout)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int ms = timeout == 0	     ? -1
		 : timeout > 2000000 ? 2000000000
				     : (int)timeout * 1000;
	bool late = pidfd >= 0 && poll(&p, 1, ms) == 0;

	if (late)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	return late ? -ETIMEDOUT : status;
}

static bool run_one(const struct oci_hook *h, const struct container *c)
{
	int state = state_file(c), status;
	const char *kind = oci_hook_names[h->kind];
	pid_t pid;

	if (state < 0) {
		oci_warn("hook %s: %s", h->path, strerror(-state));
		return false;
	}
	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid == 0)
		run_child(h, state);
	close(state);
	if (pid < 0) {
		oci_warn("hook %s: %s", h->path, strerror(errno));
		return false;
	}
	status = await(pid, h->timeout);
	if (status == 0)
		return true;
	if (status == -ETIMEDOUT)
		oci_warn("%s hook %s: took longer than %u s", kind, h->path,
			 h->timeout);
	else if (WIFSIGNALED(status))
		oci_warn("%s hook %s: killed by signal %d", kind, h->path,
			 WTERMSIG(status));
	else
		oci_warn("%s hook %s: exit status %d", kind, h->path,
			 WEXITSTATUS(status));
	return false;
}

bool hooks_run(const struct oci_spec *spec, enum oci_hook_kind kind,
	       const struct container *c, bool ignore)
{
	for (uint32_t i = 0; i < spec->nr_hooks; i++) {
		if (spec->hooks[i].kind != kind || run_one(&spec->hooks[i], c))
			continue;
		if (ignore)
			continue;
		oci_fail("error running %s hook #%u", oci_hook_names[kind], i);
		return false;
	}
	return true;
}
