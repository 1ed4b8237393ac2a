/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn: a child process in namespaces of its own.
 *
 * The child waits on a pipe until its id maps are written.  As an ordinary
 * user one id can be mapped (user_namespaces(7)); with privilege all that the
 * caller's own namespace has, so that the gofer can act for any owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/launch.h"

#define NAMESPACES                                                   \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWIPC | CLONE_NEWUTS)

static int write_file(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int ret;

	if (fd < 0)
		return -errno;
	n = write(fd, text, size);
	ret = n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}

/* The caller's own map, as an identity map of its inner ids. */
static int identity_map(const char *own_map, char *out, size_t size)
{
	FILE *f = fopen(own_map, "re");
	unsigned long inner, outer, count;
	size_t used = 0;

	if (!f)
		return -errno;
	while (fscanf(f, "%lu %lu %lu", &inner, &outer, &count) == 3 &&
	       used < size)
		used += (size_t)snprintf(out + used, size - used,
					 "%lu %lu %lu\n", inner, inner, count);
	fclose(f);
	return used > 0 && used < size ? (int)used : -EINVAL;
}

static int write_map(pid_t pid, const char *which, bool all, uint32_t id)
{
	char path[64], text[512];
	int size;

	if (all) {
		snprintf(path, sizeof(path), "/proc/self/%s", which);
		size = identity_map(path, text, sizeof(text));
	} else {
		size = snprintf(text, sizeof(text), "%u %u 1\n", id, id);
	}
	if (size < 0)
		return size;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	return write_file(path, text, (size_t)size);
}

static int write_maps(pid_t pid, bool all, uint32_t uid, uint32_t gid)
{
	char path[64];
	int ret;

	if (!spawn_privileged()) {
		snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
		ret = write_file(path, "deny", 4);
		if (ret < 0 && ret != -ENOENT)
			return ret;
	}
	ret = write_map(pid, "uid_map", all, uid);
	return ret < 0 ? ret : write_map(pid, "gid_map", all, gid);
}

bool spawn_privileged(void)
{
	static int known = -1;

	if (known < 0) {
		cap_t caps = cap_get_proc();
		cap_flag_value_t uid = CAP_CLEAR, gid = CAP_CLEAR;

		if (caps) {
			cap_get_flag(caps, CAP_SETUID, CAP_EFFECTIVE, &uid);
			cap_get_flag(caps, CAP_SETGID, CAP_EFFECTIVE, &gid);
			cap_free(caps);
		}
		known = geteuid() == 0 && uid == CAP_SET && gid == CAP_SET;
	}
	return known;
}

static const char *explain(int err)
{
	switch (err) {
	case ENOSPC:
	case EUSERS:
		return "the limit of namespaces is reached (sysctl "
		       "user.max_user_namespaces and its neighbours)";
	case EPERM:
	case EACCES:
		return "this user may not make user namespaces (sysctl "
		       "kernel.unprivileged_userns_clone, AppArmor, or the "
		       "surrounding container forbids it)";
	case EINVAL:
	case ENOSYS:
		return "this kernel lacks user, pid or network namespaces";
	default:
		return strerror(err);
	}
}

/* In the child: waits for the byte that says that the maps are written; none
 * comes from a launcher that has died. */
static void await_maps(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(EXIT_MOAT);
	close(fd);
}

int spawn(const char *name, bool map_all, uint32_t uid, uint32_t gid,
	  struct child *out, const char **why)
{
	int sync[2], pidfd = -1, ret;
	struct clone_args args = {
		.flags = NAMESPACES | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (pipe2(sync, O_CLOEXEC) < 0) {
		*why = strerror(errno);
		return -errno;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		close(sync[1]);
		await_maps(sync[0]);
		return 0;
	}
	ret = pid < 0 ? -errno : 0;
	close(sync[0]);
	if (ret == 0) {
		*out = (struct child){ name, (pid_t)pid, pidfd, 0 };
		ret = write_maps((pid_t)pid, map_all, uid, gid);
		if (ret < 0)
			child_kill(out);
		else if (write(sync[1], "", 1) != 1)
			ret = -EIO;
	}
	close(sync[1]);
	if (ret < 0) {
		*why = explain(-ret);
		return ret;
	}
	return 1;
}

bool child_reap(struct child *c)
{
	siginfo_t info = { 0 };

	if (c->pidfd < 0)
		return true;
	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG) < 0 ||
	    info.si_pid == 0)
		return false;
	c->status = info.si_code == CLD_EXITED ? info.si_status << 8
					       : info.si_status;
	close(c->pidfd);
	c->pidfd = -1;
	return true;
}

void child_kill(struct child *c)
{
	siginfo_t info = { 0 };

	if (c->pidfd < 0)
		return;
	syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0 &&
	       errno == EINTR)
		;
	c->status = info.si_code == CLD_EXITED ? info.si_status << 8
					       : info.si_status;
	close(c->pidfd);
	c->pidfd = -1;
}
