/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main: the gofer's start: takes the exports, gives up everything else, serves.
 *
 * Invariant: once the filter is closed, no memory is allocated and no path but
 *            those of host_file.c is named.
 * Locks:     none, one thread.
 * Tests:     tests/gofer/test_gofer.c
 */
#include "gofer/gofer.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "gofer/session.h"

#define BIT(cap) (1ull << (cap))
/* To look for the sandbox at files of any owner. */
#define CAPS_READ BIT(CAP_DAC_READ_SEARCH)
/* To change them: as any owner, for any owner, keeping set-id bits. */
#define CAPS_WRITE                                            \
	(CAPS_READ | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_CHOWN) | \
	 BIT(CAP_FOWNER) | BIT(CAP_FSETID))

static struct session g_session; /* zeroed; only touched pages cost memory */

/* One line for the launcher: "what arg: cause".  Returns @err. */
static int fail(int err_fd, int err, const char *what, const char *arg)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "%s%.400s: %s", what, arg,
			   strerror(-err));

	gofer_host_report(err_fd, line,
			  MIN((size_t)MAX(len, 0), sizeof(line) - 1));
	return err;
}

/* An export that cannot be used; number 0 is the root. */
static int fail_export(int err_fd, int err, const struct gofer_config *c,
		       unsigned int i)
{
	return fail(err_fd, err,
		    i == 0 ? "cannot read rootfs " : "cannot read ",
		    c->exports[i].source);
}

/* Detached mounts of all exports.  Fills @fds from FD_EXPORTS on. */
static int open_exports(const struct gofer_config *c, int *fds)
{
	for (unsigned int i = 0; i < c->nr_exports; i++) {
		const struct gofer_export *e = &c->exports[i];
		int fd = gofer_host_export(e->source, e->readonly);

		if (fd < 0)
			return fail_export(c->err_fd, fd, c, i);
		fds[FD_EXPORTS + i] = fd;
		g_session.readonly[i] = e->readonly;
		g_session.shared[i] = e->shared;
		g_session.any_shared |= e->shared;
		g_session.any_writable |= !e->readonly;
	}
	g_session.nr_exports = c->nr_exports;
	return 0;
}

/* Namespace of files: exports in, everything else out. */
static int make_tree(const struct gofer_config *c, int *fds)
{
	int ret = gofer_host_mounts_private();

	if (ret < 0)
		return fail(c->err_fd, ret, "gofer: cannot detach its mounts",
			    "");
	ret = open_exports(c, fds);
	if (ret < 0)
		return ret;
	ret = gofer_host_own_fds();
	if (ret < 0)
		return fail(c->err_fd, ret, "gofer: cannot use /proc", "");
	fds[FD_PROC] = ret;
	ret = gofer_host_empty_root();
	if (ret < 0)
		return fail(c->err_fd, ret, "gofer: cannot leave the root", "");
	return 0;
}

/* An export of a directory that cannot be searched serves nothing. */
static int check_readable(const struct gofer_config *c)
{
	struct statx sx;

	for (unsigned int i = 0; i < c->nr_exports; i++) {
		int fd = FD_EXPORTS + (int)i;
		unsigned int need, have;
		int ret = gofer_host_statx(fd, &sx);

		if (ret < 0)
			return fail_export(FD_ERR, ret, c, i);
		need = S_ISDIR(sx.stx_mode) ? 5 : 4;
		have = gofer_host_access(fd);
		if (S_ISREG(sx.stx_mode) || S_ISDIR(sx.stx_mode))
			if ((have & need) != need)
				return fail_export(FD_ERR, -EACCES, c, i);
	}
	return 0;
}

static uint64_t caps_needed(const struct gofer_config *c)
{
	if (!c->privileged)
		return 0;
	return g_session.any_writable ? CAPS_WRITE : CAPS_READ;
}

/* Descriptors in place, rights gone, filter closed. */
static int confine(const struct gofer_config *c, int *fds)
{
	unsigned int nr = FD_EXPORTS + c->nr_exports;
	int ret = gofer_host_place_fds(fds, nr);

	if (ret < 0)
		return fail(c->err_fd, ret, "gofer: cannot place descriptors",
			    "");
	ret = gofer_host_drop_caps(caps_needed(c));
	if (ret == 0)
		ret = gofer_host_enter_proc();
	if (ret < 0)
		return fail(FD_ERR, ret, "gofer: cannot give up its rights",
			    "");
	ret = check_readable(c);
	if (ret < 0)
		return ret;
	ret = gofer_host_end_on_hangup();
	if (ret == 0 && g_session.any_shared)
		ret = gofer_host_watch_start(&g_session.shm->bell);
	if (ret == 0)
		ret = gofer_seccomp_load(g_session.any_writable,
					 g_session.any_shared);
	if (ret < 0)
		return fail(FD_ERR, ret, "gofer: cannot close its filter", "");
	return 0;
}

static int start(const struct gofer_config *c)
{
	int fds[FD_EXPORTS + GOFER_MAX_EXPORTS];
	void *shm;
	int max_fds, ret;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = -1;
	if (c->nr_exports == 0 || c->nr_exports > GOFER_MAX_EXPORTS)
		return fail(c->err_fd, -EINVAL, "gofer: number of exports", "");
	max_fds = gofer_host_settle();
	ret = max_fds;
	if (ret >= 0)
		ret = gofer_host_map_shared(c->shm_fd, GOFER_SHM_SIZE, &shm);
	if (ret == 0)
		ret = node_table_init(&g_session.table, (unsigned int)max_fds);
	if (ret < 0)
		return fail(c->err_fd, ret, "gofer: cannot start", "");
	g_session.shm = shm;
	g_session.cpu = UINT32_MAX;
	g_session.privileged = c->privileged;
	gofer_host_ids(&g_session.uid, &g_session.gid);
	ret = make_tree(c, fds);
	if (ret < 0)
		return ret;
	fds[FD_SOCK] = c->sock_fd;
	/* Without a log the number is still taken: no file may get it. */
	fds[FD_LOG] = c->log_fd >= 0 ? c->log_fd : fds[FD_PROC];
	fds[FD_ERR] = c->err_fd;
	fds[FD_WATCH] = fds[FD_PROC];
	if (g_session.any_shared) {
		ret = gofer_host_watch_new();
		if (ret < 0)
			g_session.any_shared = false; /* asked each time */
		else
			fds[FD_WATCH] = ret;
	}
	return confine(c, fds);
}

int gofer_main(const struct gofer_config *config)
{
	if (start(config) < 0)
		return 1;
	if (config->log_fd >= 0)
		log_setup(gofer_host_log, config->log_level, "gofer");
	gofer_host_close(FD_ERR);
	log_debug("start: serving %u exports", config->nr_exports);
	return session_serve(&g_session) < 0 ? 1 : 0;
}
