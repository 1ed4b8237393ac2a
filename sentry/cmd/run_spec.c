/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_spec: the runtime configuration that `moat run` means.
 *
 * Root: the host's (or --rootfs) below a memory overlay; proc, sys, dev, pts
 * and shm of the sandbox's own; then the user's mounts in their order.
 * Tests: tests/hostile/errors.sh, stdio.sh
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/launch.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/spec.h"

extern char **environ;

static bool parse_id(const char *text, char **end, uint32_t *out)
{
	unsigned long v;

	if (text[0] < '0' || text[0] > '9')
		return false;
	v = strtoul(text, end, 10);
	*out = (uint32_t)v;
	return v < UINT32_MAX;
}

static bool set_user_ids(const char *text, struct oci_user *user)
{
	char *end;

	if (!parse_id(text, &end, &user->uid))
		return false;
	user->gid = user->uid;
	if (*end == ':' && !parse_id(end + 1, &end, &user->gid))
		return false;
	return *end == '\0';
}

static size_t count_env(void)
{
	size_t n = 0;

	while (environ[n])
		n++;
	return n;
}

/* The caller's environment with @set replacing or adding variables. */
static char **build_env(const char *const *set, unsigned int nr_set)
{
	size_t n = 0;
	char **out = xzalloc((count_env() + nr_set + 1) * sizeof(*out));

	for (char **e = environ; *e; e++)
		out[n++] = xstrdup(*e);
	for (unsigned int i = 0; i < nr_set; i++) {
		size_t len = (size_t)(strchr(set[i], '=') - set[i]) + 1, at = 0;

		while (at < n && strncmp(out[at], set[i], len))
			at++;
		free(out[at]);
		out[at] = xstrdup(set[i]);
		if (at == n)
			n++;
	}
	return out;
}

static char **copy_args(char **args)
{
	size_t n = 0;
	char **out;

	while (args[n])
		n++;
	out = xzalloc((n + 1) * sizeof(*out));
	for (size_t i = 0; i < n; i++)
		out[i] = xstrdup(args[i]);
	return out;
}

/* The last word of SRC:DST:HOW is cut off if it is one of ro, rw, overlay. */
static void split_how(char *text, bool *readonly, bool *overlay)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return;
	*overlay = strcmp(colon, ":overlay") == 0;
	if (strcmp(colon, ":ro") == 0)
		*readonly = true;
	else if (!*overlay && strcmp(colon, ":rw"))
		return;
	*colon = '\0';
}

static bool add_user_mount(struct oci_spec *spec, const struct run_mount *m)
{
	AUTO_FREE char *text = xstrdup(m->text), *source = NULL;
	bool readonly = m->kind == RUN_RO_BIND, overlay = false;
	const char *dest;
	char *colon;
	int ret;

	if (m->kind == RUN_TMPFS) {
		oci_spec_add_mount(spec, OCI_MOUNT_TMPFS, NULL, text, false);
		return true;
	}
	split_how(text, &readonly, &overlay);
	colon = strrchr(text, ':');
	if (colon)
		*colon = '\0';
	source = caller_absolute(text);
	dest = colon ? colon + 1 : source;
	if (dest[0] != '/') {
		complain("the destination of --%s %s is not absolute",
			 m->kind == RUN_BIND ? "bind" : "ro-bind", m->text);
		return false;
	}
	ret = caller_can_open(source, true);
	if (ret < 0) {
		complain("cannot bind %s: %s", source, strerror(-ret));
		return false;
	}
	oci_spec_add_mount(spec, OCI_MOUNT_BIND, source, dest, readonly);
	spec->mounts[spec->nr_mounts - 1].overlay = overlay;
	return true;
}

static bool build_mounts(const struct run_options *o, struct oci_spec *spec)
{
	static const struct {
		enum oci_mount_kind kind;
		const char *dest;
	} own[] = {
		{ OCI_MOUNT_PROC, "/proc" },
		{ OCI_MOUNT_SYSFS, "/sys" },
		{ OCI_MOUNT_CGROUP, "/sys/fs/cgroup" },
		{ OCI_MOUNT_DEV, "/dev" },
		{ OCI_MOUNT_DEVPTS, "/dev/pts" },
		{ OCI_MOUNT_TMPFS, "/dev/shm" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		oci_spec_add_mount(spec, own[i].kind, NULL, own[i].dest, false);
	for (unsigned int i = 0; i < o->nr_mounts; i++)
		if (!add_user_mount(spec, &o->mounts[i]))
			return false;
	return true;
}

bool run_spec_build(const struct run_options *o, struct oci_spec *spec)
{
	struct oci_process *p = &spec->process;
	struct caller who;
	bool own_root = strcmp(o->rootfs, "/") == 0;
	int ret;

	caller_read(&who);
	spec->root_path = caller_absolute(o->rootfs);
	spec->root_overlay = true;
	ret = caller_can_open(spec->root_path, false);
	if (ret < 0)
		complain("cannot read the root directory %s: %s",
			 spec->root_path, strerror(-ret));
	if (o->overlay)
		spec->overlay_dir = caller_absolute(o->overlay);
	p->no_new_privileges = o->no_suid;
	p->user.uid = who.uid;
	p->user.gid = who.gid;
	p->user.additional_gids = who.groups;
	p->user.nr_additional_gids = who.nr_groups;
	if (o->user) {
		p->user.nr_additional_gids = 0;
		if (!set_user_ids(o->user, &p->user)) {
			complain("--user takes UID[:GID] in numbers, not '%s'",
				 o->user);
			ret = -1;
		}
	}
	p->args = copy_args(o->program);
	p->env = build_env(o->env, o->nr_env);
	p->cwd = xstrdup(o->cwd ? o->cwd : own_root && who.cwd ? who.cwd : "/");
	p->terminal = isatty(0);
	spec->hostname = xstrdup(o->hostname ? o->hostname : who.hostname);
	spec->memory_limit = o->memory;
	spec->pids_limit = o->pids ? o->pids : caller_task_limit();
	spec->milli_cpus = o->milli_cpus;
	free(who.cwd);
	return ret >= 0 && build_mounts(o, spec);
}
