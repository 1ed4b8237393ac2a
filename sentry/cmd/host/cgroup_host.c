/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_host: the control group that holds a container's processes, on hosts
 * with cgroup version 1, 2, or both (hybrid: only version 1 has controllers).
 *
 * The limits that a program meets are the sentry's (sentry/kernel/cgroup.h);
 * the host's hold the sandbox as a whole, and are larger by what it needs
 * itself: HOST_MEMORY and a sixteenth, two host threads for each of a guest.
 * Tests: tests/hostile/oci.sh
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sentry/cmd/host/container.h"
#include "sentry/lib/alloc.h"

#define HOST_MEMORY  (80ll << 20)
#define HOST_TASKS   64
#define HIERARCHIES  16
#define REMOVE_TRIES 200 /* of 10 ms */

/* A mounted hierarchy; controllers as in /proc/self/cgroup: "cpu,cpuacct". */
struct hierarchy {
	char mount[256], controllers[128];
	bool v2;
};

/* One field of a line of mountinfo, octal escapes left as they are. */
static int find_hierarchies(struct hierarchy *out)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	int nr = 0;

	while (f && nr < HIERARCHIES && fgets(line, sizeof(line), f)) {
		struct hierarchy *h = &out[nr];
		char type[32], options[256], *dash = strstr(line, " - ");
		const char *word;

		if (!dash ||
		    sscanf(dash, " - %31s %*s %255s", type, options) != 2)
			continue;
		if (sscanf(line, "%*s %*s %*s %*s %255s", h->mount) != 1)
			continue;
		*h->controllers = '\0';
		h->v2 = strcmp(type, "cgroup2") == 0;
		if (!h->v2 && strcmp(type, "cgroup"))
			continue;
		for (word = strtok(options, ","); word;
		     word = strtok(NULL, ","))
			if (strcmp(word, "rw") && strcmp(word, "ro") &&
			    strlen(h->controllers) + strlen(word) + 2 <
				    sizeof(h->controllers))
				sprintf(h->controllers + strlen(h->controllers),
					"%s%s", *h->controllers ? "," : "",
					word);
		nr++;
	}
	if (f)
		fclose(f);
	return nr;
}

static bool has(const struct hierarchy *h, const char *controller)
{
	size_t len = strlen(controller);

	for (const char *at = h->controllers; *at;) {
		size_t n = strcspn(at, ",");

		if (n == len && strncmp(at, controller, n) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

/* Our own path in @h, from /proc/self/cgroup; allocated. */
static char *own_path(const struct hierarchy *h)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096];
	char *found = NULL;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *names = strchr(line, ':'), *path;

		path = names ? strchr(names + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		names++;
		path[strcspn(path, "\n")] = '\0';
		if (h->v2 ? *names == '\0'
			  : *names && strncmp(h->controllers, names,
					      strlen(names)) == 0)
			found = xstrdup(path);
	}
	if (f)
		fclose(f);
	return found ? found : xstrdup("/");
}

/* --- files ---------------------------------------------------------------- */

static int write_file(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int write_number(const char *dir, const char *name, int64_t v)
{
	char text[32];

	if (v < 0)
		return write_file(dir, name,
				  strncmp(name, "memory.m", 8) == 0 ||
						  strncmp(name, "pids", 4) == 0
					  ? "max"
					  : "-1");
	snprintf(text, sizeof(text), "%ld", (long)v);
	return write_file(dir, name, text);
}

/* A new cpuset of version 1 has nothing in it: as its parent has. */
static void inherit_cpuset(const char *parent, const char *dir)
{
	static const char *const names[] = { "cpuset.cpus", "cpuset.mems" };

	for (int i = 0; i < 2; i++) {
		AUTO_FREE char *from = xasprintf("%s/%s", parent, names[i]);
		AUTO_FREE char *to = xasprintf("%s/%s", dir, names[i]);
		size_t size;
		char *now = read_whole(AT_FDCWD, to, 4096, &size);
		char *text = read_whole(AT_FDCWD, from, 4096, &size);

		if (now && text && now[0] <= ' ')
			(void)!write_file(dir, names[i], text);
		free(now);
		free(text);
	}
}

static void enable_below(const char *dir)
{
	static const char *const names[] = { "+cpu", "+memory", "+pids", "+io",
					     "+cpuset" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)!write_file(dir, "cgroup.subtree_control", names[i]);
}

/* mkdir -p below the mount point; what is needed is handed down. */
static int make_dir(const struct hierarchy *h, const char *path)
{
	AUTO_FREE char *full = xasprintf("%s%s", h->mount, path);
	size_t at = strlen(h->mount);

	while (full[at]) {
		AUTO_FREE char *parent = NULL;
		size_t end = at + 1 + strcspn(full + at + 1, "/");
		char kept = full[end];

		full[at] = '\0';
		parent = xstrdup(full);
		full[at] = '/';
		full[end] = '\0';
		if (h->v2)
			enable_below(parent);
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (has(h, "cpuset"))
			inherit_cpuset(parent, full);
		full[end] = kept;
		at = end;
	}
	return 0;
}

/* --- limits --------------------------------------------------------------- */

/* Which file of a limit, and its value; dir says the version by its files. */
struct setting {
	const char *name;
	int64_t value;
	bool given, optional; /* optional: kernels lack it */
};

static int64_t host_memory(int64_t limit)
{
	if (limit <= 0 || limit > INT64_MAX / 2)
		return -1;
	return limit + limit / 16 + HOST_MEMORY;
}

static int64_t host_tasks(int64_t limit)
{
	return limit <= 0 || limit > (1 << 22) ? -1 : 2 * limit + HOST_TASKS;
}

/* cpu.shares, 2 to 262144, as cpu.weight, 1 to 10000. */
static int64_t weight_of(int64_t shares)
{
	if (shares < 2)
		shares = 2;
	return 1 + (shares - 2) * 9999 / 262142;
}

static bool has_file(const char *dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);

	return access(path, F_OK) == 0;
}

static bool apply(const char *dir, const struct setting *s, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		int ret;

		if (!s[i].given)
			continue;
		ret = write_number(dir, s[i].name, s[i].value);
		if (ret == 0 || (ret == -ENOENT && s[i].optional))
			continue;
		oci_fail("cannot set %s of the control group to %ld: %s",
			 s[i].name, (long)s[i].value, strerror(-ret));
		return false;
	}
	return true;
}

static bool apply_text(const char *dir, const char *name, const char *text)
{
	int ret = text ? write_file(dir, name, text) : 0;

	if (ret < 0)
		oci_fail("cannot set %s of the control group to '%s': %s", name,
			 text, strerror(-ret));
	return ret == 0;
}

static bool apply_io(const char *dir, const struct oci_resources *r, bool v2)
{
	static const char *const v1[OCI_IO_NR] = {
		"blkio.throttle.read_bps_device",
		"blkio.throttle.write_bps_device",
		"blkio.throttle.read_iops_device",
		"blkio.throttle.write_iops_device",
	};
	static const char *const keys[OCI_IO_NR] = { "rbps", "wbps", "riops",
						     "wiops" };

	for (int k = 0; k < OCI_IO_NR; k++) {
		for (uint32_t i = 0; i < r->nr_io[k]; i++) {
			const struct oci_throttle *t = &r->io[k][i];
			char text[96];

			snprintf(text, sizeof(text), "%u:%u %s%s%lu", t->major,
				 t->minor, v2 ? keys[k] : "", v2 ? "=" : "",
				 (unsigned long)t->rate);
			if (!apply_text(dir, v2 ? "io.max" : v1[k], text))
				return false;
		}
	}
	return true;
}

static bool limits_v2(const char *dir, const struct oci_resources *r)
{
	const struct oci_number *m = &r->memory;
	struct setting s[] = {
		{ "memory.max", host_memory(m->v), m->given, false },
		{ "memory.low", r->reservation.v, r->reservation.given, false },
		{ "memory.swap.max",
		  r->swap.v < 0 ? -1 : MAX(r->swap.v - m->v, (int64_t)0),
		  r->swap.given && r->swap.v, true },
		{ "pids.max", host_tasks(r->pids.v), r->pids.given, false },
		{ "cpu.weight", weight_of(r->cpu_shares.v),
		  r->cpu_shares.given && r->cpu_shares.v, false },
		{ "cpu.idle", r->cpu_idle.v, r->cpu_idle.given, true },
		{ "cpu.max.burst", r->cpu_burst.v, r->cpu_burst.given, true },
		{ "io.weight", r->io_weight.v,
		  r->io_weight.given && r->io_weight.v, true },
	};
	char max[64] = "max";
	bool ok;

	/* A hybrid host: the first version has the controllers. */
	if (!has_file(dir, "memory.max") && !has_file(dir, "cpu.max") &&
	    !has_file(dir, "pids.max"))
		return true;
	ok = apply(dir, s, ARRAY_SIZE(s));

	if (ok && (r->cpu_quota.given || r->cpu_period.given)) {
		long period = r->cpu_period.v > 0 ? r->cpu_period.v : 100000;

		if (r->cpu_quota.v > 0)
			snprintf(max, sizeof(max), "%ld %ld",
				 (long)r->cpu_quota.v, period);
		else
			snprintf(max, sizeof(max), "max %ld", period);
		ok = apply_text(dir, "cpu.max", max);
	}
	ok = ok && apply_text(dir, "cpuset.cpus", r->cpus) &&
	     apply_text(dir, "cpuset.mems", r->mems) && apply_io(dir, r, true);
	for (uint32_t i = 0; ok && i < r->unified.nr; i++)
		ok = apply_text(dir, r->unified.items[i].name,
				r->unified.items[i].value);
	return ok;
}

static bool limits_v1(const char *dir, const struct oci_resources *r)
{
	struct setting memory[] = {
		{ "memory.limit_in_bytes", host_memory(r->memory.v),
		  r->memory.given && r->memory.v, false },
		{ "memory.soft_limit_in_bytes", r->reservation.v,
		  r->reservation.given && r->reservation.v, false },
		{ "memory.swappiness", r->swappiness.v, r->swappiness.given,
		  true },
	};
	struct setting cpu[] = {
		{ "cpu.shares", r->cpu_shares.v,
		  r->cpu_shares.given && r->cpu_shares.v, false },
		{ "cpu.cfs_period_us", r->cpu_period.v,
		  r->cpu_period.given && r->cpu_period.v, false },
		{ "cpu.cfs_quota_us", r->cpu_quota.v,
		  r->cpu_quota.given && r->cpu_quota.v, false },
		{ "cpu.cfs_burst_us", r->cpu_burst.v, r->cpu_burst.given,
		  true },
		{ "cpu.idle", r->cpu_idle.v, r->cpu_idle.given, true },
	};
	struct setting pids[] = {
		{ "pids.max", host_tasks(r->pids.v), r->pids.given, false },
	};
	struct setting io[] = {
		{ "blkio.bfq.weight", r->io_weight.v,
		  r->io_weight.given && r->io_weight.v, true },
	};

	if (has_file(dir, "memory.limit_in_bytes"))
		if (memory[0].value < 0)
			memory[0].given = r->memory.v < 0;
	if (has_file(dir, "memory.limit_in_bytes") && memory[0].given &&
	    memory[0].value < 0)
		return apply_text(dir, "memory.limit_in_bytes", "-1");
	if (has_file(dir, "memory.limit_in_bytes"))
		return apply(dir, memory, ARRAY_SIZE(memory));
	if (has_file(dir, "cpu.shares"))
		return apply(dir, cpu, ARRAY_SIZE(cpu));
	if (has_file(dir, "cpuset.cpus"))
		return apply_text(dir, "cpuset.cpus", r->cpus) &&
		       apply_text(dir, "cpuset.mems", r->mems);
	if (has_file(dir, "pids.max"))
		return apply(dir, pids, ARRAY_SIZE(pids));
	if (has_file(dir, "blkio.reset_stats"))
		return apply(dir, io, ARRAY_SIZE(io)) &&
		       apply_io(dir, r, false);
	return true;
}

bool cgroup_host_update(char *const *dirs, const struct oci_resources *r)
{
	for (; dirs && *dirs; dirs++)
		if (!(has_file(*dirs, "cgroup.controllers")
			      ? limits_v2(*dirs, r)
			      : limits_v1(*dirs, r)))
			return false;
	return true;
}

/* --- making, entering, removing ------------------------------------------- */

/* Where it goes in @h: absolute from the top, else below our own. */
static char *path_in(const struct hierarchy *h, const struct oci_spec *spec,
		     const char *id)
{
	const char *asked = spec->cgroups_path;
	AUTO_FREE char *own = NULL;

	if (asked && asked[0] == '/')
		return xstrdup(asked);
	own = own_path(h);
	return xasprintf("%s/%s", strcmp(own, "/") ? own : "",
			 asked && asked[0] ? asked : id);
}

static bool leaves(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += strspn(at, "/");
		if (strncmp(at, "..", 2) == 0 && (!at[2] || at[2] == '/'))
			return true;
	}
	return false;
}

/* A hybrid host's second version has no controllers, and no use here. */
static bool is_used(const struct hierarchy *h, int nr)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;

	if (!h->v2 || nr == 1)
		return true;
	AUTO_FREE char *path = xasprintf("%s/cgroup.controllers", h->mount);

	text = read_whole(AT_FDCWD, path, 4096, &size);
	return text && text[0] > ' ';
}

bool cgroup_host_make(const struct oci_spec *spec, const char *id, bool must,
		      char ***made)
{
	struct hierarchy all[HIERARCHIES];
	int nr = find_hierarchies(all), used = 0, ret;
	char **dirs = xzalloc(((size_t)nr + 1) * sizeof(*dirs));

	*made = dirs;
	if (spec->cgroups_path && leaves(spec->cgroups_path)) {
		oci_fail("linux.cgroupsPath: '%s' leaves the hierarchy",
			 spec->cgroups_path);
		return false;
	}
	for (int i = 0; i < nr; i++) {
		AUTO_FREE char *path = NULL;

		if (!is_used(&all[i], nr))
			continue;
		path = path_in(&all[i], spec, id);
		ret = make_dir(&all[i], path);
		if (ret < 0 && !must)
			continue;
		if (ret < 0) {
			oci_fail("cannot make the control group %s%s: %s",
				 all[i].mount, path, strerror(-ret));
			return false;
		}
		dirs[used++] = xasprintf("%s%s", all[i].mount, path);
	}
	return cgroup_host_update(dirs, &spec->resources) || !must;
}

bool cgroup_host_enter(char *const *dirs, bool must)
{
	for (; dirs && *dirs; dirs++) {
		int ret = write_file(*dirs, "cgroup.procs", "0");

		if (ret < 0 && must) {
			oci_fail("cannot enter the control group %s: %s", *dirs,
				 strerror(-ret));
			return false;
		}
	}
	return true;
}

static void kill_members(const char *dir)
{
	AUTO_FREE char *path = xasprintf("%s/cgroup.procs", dir);
	size_t size = 0;
	char *text = read_whole(AT_FDCWD, path, 1 << 20, &size), *at, *end;

	for (at = text; at && *at; at = end + 1) {
		long pid = strtol(at, &end, 10);

		if (pid > 1)
			kill((pid_t)pid, SIGKILL);
		if (!*end)
			break;
	}
	free(text);
}

void cgroup_host_remove(char *const *dirs)
{
	static const struct timespec pause = { 0, 10000000 };

	for (; dirs && *dirs; dirs++) {
		for (int i = 0; i < REMOVE_TRIES; i++) {
			if (rmdir(*dirs) == 0 || errno != EBUSY)
				break;
			kill_members(*dirs);
			nanosleep(&pause, NULL);
		}
	}
}
