/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes_patch: a change as a unified diff, by diff(1) of diffutils, which
 * gets both files as open descriptors.
 *
 * Tests: tests/hostile/overlay.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/cmd/host/changes.h"
#include "sentry/cmd/host/tree.h"
#include "sentry/lib/alloc.h"

/* The directory of a change's path, now or before, and the last name. */
static int open_side(const struct overlay_dir *od, const struct change *c,
		     bool now, const char **name)
{
	const char *slash = strrchr(c->path, '/');
	AUTO_FREE char *dir = xstrdup(c->path);

	*name = slash ? slash + 1 : c->path;
	dir[*name - c->path] = '\0';
	return tree_open_path(now ? od->upper_fd : od->lower_fd, dir);
}

static int open_content(const struct overlay_dir *od, const struct change *c,
			bool now)
{
	const struct stat *st = now ? &c->now : &c->was;
	const char *name;
	int dir, fd;

	if (!S_ISREG(st->st_mode))
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	dir = open_side(od, c, now, &name);
	if (dir < 0)
		return dir;
	fd = tree_open_file(dir, name);
	close(dir);
	return fd;
}

char *change_link(const struct overlay_dir *od, const struct change *c,
		  bool now)
{
	const char *name;
	int dir = open_side(od, c, now, &name);
	char *target;

	if (dir < 0)
		return NULL;
	target = tree_readlink(dir, name);
	close(dir);
	return target;
}

static NORETURN void run_diff(const char *old_label, const char *new_label,
			      int was, int now)
{
	/* 10 and 11 are free: nothing else was opened that is inherited. */
	if (dup2(was, 10) < 0 || dup2(now, 11) < 0)
		_exit(2);
	execlp("diff", "diff", "-u", "--label", old_label, "--label", new_label,
	       "/dev/fd/10", "/dev/fd/11", NULL);
	_exit(127);
}

int change_patch(const struct overlay_dir *od, const struct change *c)
{
	size_t size = strlen(c->path) + 3;
	AUTO_FREE char *old_label = xzalloc(size), *new_label = xzalloc(size);
	int was, now, status = 0, ret = 0;
	pid_t pid;

	snprintf(old_label, size, "a/%s", c->path);
	snprintf(new_label, size, "b/%s", c->path);
	was = open_content(od, c, false);
	now = open_content(od, c, true);
	fflush(stdout);
	pid = was >= 0 && now >= 0 ? fork() : -1;
	if (pid == 0)
		run_diff(c->kind == CHANGE_ADDED ? "/dev/null" : old_label,
			 c->kind == CHANGE_DELETED ? "/dev/null" : new_label,
			 was, now);
	if (pid < 0)
		ret = was < 0 ? was : now < 0 ? now : -errno;
	else if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		ret = -EIO;
	else if (WEXITSTATUS(status) == 127)
		ret = -ENOENT;
	if (was >= 0)
		close(was);
	if (now >= 0)
		close(now);
	return ret;
}
