/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci_info: ps, events, update, spec, features.
 *
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/monitor.h"
#include "sentry/cmd/oci.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

#define ANSWER_MAX (4u << 20)

static struct json_object *str(const char *s)
{
	return json_object_new_string(s);
}

static void print_json(struct json_object *o, int flags)
{
	puts(json_object_to_json_string_ext(
		o, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

/* The text that the sentry answers @kind with; NULL after a message. */
static char *ask_text(const struct container *c, uint32_t kind)
{
	struct control_msg msg = { .kind = kind };
	int fd = memfd_create("moat-answer", MFD_CLOEXEC), ret;
	char *text = NULL, path[64];
	size_t size = 0;

	if (c->status != CONTAINER_RUNNING && c->status != CONTAINER_PAUSED) {
		oci_fail("container %s is not running: %s", c->id,
			 container_status_name(c->status));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	ret = fd < 0 ? -errno : monitor_ask(c, &msg, &fd, 1);
	if (ret == 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		text = read_whole(AT_FDCWD, path, ANSWER_MAX, &size);
	}
	if (!text)
		oci_fail("cannot ask container %s: %s", c->id,
			 ret > 0 ? msg.text : strerror(-ret));
	if (fd >= 0)
		close(fd);
	return text;
}

/* --- ps ------------------------------------------------------------------- */

static void print_process(const char *line)
{
	unsigned int pid, ppid, uid;
	unsigned long start, ms;
	char comm[80];

	if (sscanf(line, "%u %u %u %lu %lu %79s", &pid, &ppid, &uid, &start,
		   &ms, comm) == 6)
		printf("%-8u %7u %7u %02lu:%02lu:%02lu %s\n", uid, pid, ppid,
		       ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, comm);
}

int oci_ps(const struct oci_options *o)
{
	bool json = o->format && strcmp(o->format, "json") == 0;
	struct json_object *list;
	struct container c;
	char *text = NULL;

	if (oci_open(o, &c))
		text = ask_text(&c, CONTROL_PS);
	container_close(&c);
	if (!text)
		return 1;
	list = json_object_new_array();
	if (!json)
		printf("%-8s %7s %7s %8s %s\n", "UID", "PID", "PPID", "TIME",
		       "CMD");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (json)
			json_object_array_add(list,
					      json_object_new_int(atoi(line)));
		else
			print_process(line);
	}
	if (json)
		print_json(list, JSON_C_TO_STRING_PLAIN);
	else
		json_object_put(list);
	free(text);
	return 0;
}

/* --- events --------------------------------------------------------------- */

static uint64_t figure(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, len) == 0 && at[len] == ' ')
			return strtoull(at + len, NULL, 10);
	}
	return 0;
}

static void add(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static struct json_object *child(struct json_object *o, const char *key)
{
	struct json_object *c = json_object_new_object();

	json_object_object_add(o, key, c);
	return c;
}

/* In the shape that runc prints: engines read it. */
static void add_stats(struct json_object *data, const char *text)
{
	uint64_t user = figure(text, "cpu_user_ns");
	uint64_t system = figure(text, "cpu_system_ns");
	uint64_t limit = figure(text, "memory_limit");
	uint64_t pids = figure(text, "pids_limit");
	struct json_object *cpu = child(data, "cpu"), *o;

	o = child(cpu, "usage");
	add(o, "total", user + system);
	add(o, "kernel", system);
	add(o, "user", user);
	o = child(cpu, "throttling");
	add(o, "periods", figure(text, "periods"));
	add(o, "throttledPeriods", figure(text, "throttled_periods"));
	add(o, "throttledTime", figure(text, "throttled_ns"));
	(void)child(data, "cpuset");
	o = child(child(data, "memory"), "usage");
	add(o, "limit", limit);
	add(o, "usage", figure(text, "memory"));
	add(o, "max", figure(text, "memory_peak"));
	add(o, "failcnt", figure(text, "memory_refused"));
	o = child(data, "pids");
	add(o, "current", figure(text, "pids"));
	if (pids != UINT64_MAX)
		add(o, "limit", pids);
	(void)child(data, "blkio");
	(void)child(data, "hugetlb");
	(void)child(data, "intel_rdt");
	json_object_object_add(data, "network_interfaces", NULL);
}

static bool print_event(const struct container *c)
{
	struct json_object *o;
	char *text = ask_text(c, CONTROL_STATS);

	if (!text)
		return false;
	o = json_object_new_object();
	json_object_object_add(o, "type", str("stats"));
	json_object_object_add(o, "id", str(c->id));
	add_stats(child(o, "data"), text);
	free(text);
	print_json(o, JSON_C_TO_STRING_PLAIN);
	fflush(stdout);
	return true;
}

int oci_events(const struct oci_options *o)
{
	uint64_t ms = 5000;
	bool ok;

	if (o->interval && (!parse_duration(o->interval, &ms) || ms == 0))
		return oci_fail("--interval: '%s' is no duration", o->interval);
	for (;;) {
		struct timespec t = { (time_t)(ms / 1000),
				      (long)(ms % 1000) * 1000000 };
		struct container c;

		ok = oci_open(o, &c);
		/* The end of the container is the end of its events. */
		if (ok && !o->stats && c.status == CONTAINER_STOPPED) {
			container_close(&c);
			return 0;
		}
		ok = ok && print_event(&c);
		container_close(&c);
		if (!ok || o->stats)
			return ok ? 0 : 1;
		nanosleep(&t, NULL);
	}
}

/* --- update --------------------------------------------------------------- */

static bool set_number(struct oci_number *n, const char *text, const char *what)
{
	uint64_t v;

	if (!text)
		return true;
	n->given = true;
	if (strcmp(text, "-1") == 0) {
		n->v = -1;
		return true;
	}
	if (!parse_size(text, &v) || v > INT64_MAX) {
		oci_fail("invalid value for %s: '%s'", what, text);
		return false;
	}
	n->v = (int64_t)v;
	return true;
}

static bool read_limits(const struct oci_options *o, struct oci_resources *r)
{
	struct oci_number *const at[LIMIT_NR] = {
		[LIMIT_MEMORY] = &r->memory,
		[LIMIT_RESERVATION] = &r->reservation,
		[LIMIT_SWAP] = &r->swap,
		[LIMIT_CPU_PERIOD] = &r->cpu_period,
		[LIMIT_CPU_QUOTA] = &r->cpu_quota,
		[LIMIT_CPU_SHARE] = &r->cpu_shares,
		[LIMIT_CPU_BURST] = &r->cpu_burst,
		[LIMIT_CPU_IDLE] = &r->cpu_idle,
		[LIMIT_PIDS] = &r->pids,
		[LIMIT_IO_WEIGHT] = &r->io_weight,
	};

	for (int i = 0; i < LIMIT_NR; i++)
		if (at[i] && !set_number(at[i], o->limits[i], "a limit"))
			return false;
	if (o->limits[LIMIT_CPUS])
		r->cpus = xstrdup(o->limits[LIMIT_CPUS]);
	if (o->limits[LIMIT_MEMS])
		r->mems = xstrdup(o->limits[LIMIT_MEMS]);
	return true;
}

static bool read_resources_file(const char *path, struct oci_resources *r)
{
	struct json_error err = { 0 };
	struct json_doc doc;
	struct json_node top;
	size_t size = 0;
	char *text = strcmp(path, "-")
			     ? read_whole(AT_FDCWD, path, JSON_TEXT_MAX, &size)
			     : read_whole(AT_FDCWD, "/proc/self/fd/0",
					  JSON_TEXT_MAX, &size);
	int ret;

	if (!text) {
		oci_fail("resources file %s: %s", path, strerror(errno));
		return false;
	}
	ret = json_doc_parse(&doc, text, size, &err);
	if (ret == 0) {
		top = json_top(&doc);
		ret = oci_read_resources(&top, r);
	}
	json_doc_free(&doc);
	free(text);
	if (ret < 0)
		oci_fail("resources file %s: %s", path, err.text);
	return ret == 0;
}

/* The sandbox's own limits; a program sees them at once. */
static void inner_limits(const struct oci_resources *r,
			 struct control_limits *l)
{
	if (r->memory.given && r->memory.v)
		l->memory =
			r->memory.v < 0 ? UINT64_MAX : (uint64_t)r->memory.v;
	if (r->pids.given && r->pids.v)
		l->pids = r->pids.v < 0 ? UINT64_MAX : (uint64_t)r->pids.v;
	if (r->cpu_quota.given && r->cpu_quota.v) {
		l->quota_us = r->cpu_quota.v < 0 ? UINT64_MAX
						 : (uint64_t)r->cpu_quota.v;
		l->period_us = r->cpu_period.v > 0 ? (uint64_t)r->cpu_period.v
						   : 100000;
	}
}

static bool update(const struct container *c, const struct oci_resources *r)
{
	struct control_msg msg = { .kind = CONTROL_UPDATE };
	struct control_limits l = { 0 };
	int ret;

	if (c->status == CONTAINER_STOPPED) {
		oci_fail("container not running");
		return false;
	}
	if (!cgroup_host_update(c->cgroups, r))
		return false;
	inner_limits(r, &l);
	memcpy(msg.text, &l, sizeof(l));
	ret = monitor_ask(c, &msg, NULL, 0);
	if (ret)
		oci_fail("cannot update container %s: %s", c->id,
			 ret < 0 ? strerror(-ret) : msg.text);
	return ret == 0;
}

int oci_update(const struct oci_options *o)
{
	struct oci_spec spec = { 0 }; /* owns the resources */
	struct container c;
	bool ok = oci_open(o, &c) &&
		  (!o->resources ||
		   read_resources_file(o->resources, &spec.resources)) &&
		  read_limits(o, &spec.resources) &&
		  update(&c, &spec.resources);

	container_close(&c);
	oci_spec_fini(&spec);
	return ok ? 0 : 1;
}

/* --- spec, features ------------------------------------------------------- */

/* A place to start from, as runc's: one mount a line. */
#define CAPS "[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]"
static const char template[] =
	"{\"ociVersion\":\"" OCI_VERSION "\",\"process\":{\"terminal\":true,"
	"\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
	"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
	"/sbin:/bin\",\"TERM=xterm\"],\"cwd\":\"/\",\"capabilities\":{"
	"\"bounding\":" CAPS ",\"effective\":" CAPS ",\"permitted\":" CAPS
	"},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,"
	"\"soft\":1024}],\"noNewPrivileges\":true},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"hostname\":\"moat\",\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\","
	"\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\","
	"\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\","
	"\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\","
	"\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\","
	"\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\","
	"\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\","
	"\"source\":\"cgroup\",\"options\":[\"nosuid\",\"noexec\",\"nodev\","
	"\"relatime\",\"ro\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},"
	"{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}],"
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\","
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\","
	"\"/proc/sched_debug\",\"/sys/firmware\",\"/proc/scsi\"],"
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\","
	"\"/proc/sys\",\"/proc/sysrq-trigger\"]}}";

int oci_spec_file(const struct oci_options *o)
{
	int dir = open(o->bundle ? o->bundle : ".",
		       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct json_object *spec = json_tokener_parse(template);
	const char *text = json_object_to_json_string_ext(
		spec, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
			      JSON_C_TO_STRING_NOSLASHESCAPE);
	int ret = dir < 0 ? -errno : 0;

	if (ret == 0 && faccessat(dir, "config.json", F_OK, 0) == 0)
		ret = -EEXIST;
	if (ret == 0)
		ret = write_whole(dir, "config.json", text, strlen(text));
	json_object_put(spec);
	if (dir >= 0)
		close(dir);
	return ret < 0 ? oci_fail("cannot write config.json: %s",
				  strerror(-ret))
		       : 0;
}

static struct json_object *names(const char *const *list, size_t nr)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < nr; i++)
		json_object_array_add(a, str(list[i]));
	return a;
}

static struct json_object *seccomp_features(void)
{
	struct json_object *o = json_object_new_object();
	struct json_object *actions = json_object_new_array();
	struct json_object *ops = json_object_new_array();
	const struct oci_name *n;

	for (n = oci_seccomp_actions; n->name; n++)
		json_object_array_add(actions, str(n->name));
	for (n = oci_seccomp_ops; n->name; n++)
		json_object_array_add(ops, str(n->name));
	json_object_object_add(o, "enabled", json_object_new_boolean(true));
	json_object_object_add(o, "actions", actions);
	json_object_object_add(o, "operators", ops);
	return o;
}

int oci_features(const struct oci_options *o)
{
	struct json_object *f = json_object_new_object(), *lx, *list, *cg;

	(void)o;
	json_object_object_add(f, "ociVersionMin", str(OCI_VERSION_MIN));
	json_object_object_add(f, "ociVersionMax", str(OCI_VERSION));
	/* startContainer, the fourth, is not there. */
	list = names(oci_hook_names, OCI_HOOK_START_CONTAINER);
	json_object_array_add(list, str(oci_hook_names[OCI_HOOK_POSTSTART]));
	json_object_array_add(list, str(oci_hook_names[OCI_HOOK_POSTSTOP]));
	json_object_object_add(f, "hooks", list);
	list = json_object_new_array();
	for (const struct oci_mount_option *m = oci_mount_options; m->name; m++)
		json_object_array_add(list, str(m->name));
	json_object_object_add(f, "mountOptions", list);
	lx = child(f, "linux");
	list = names(oci_ns_names, OCI_NS_KINDS);
	json_object_object_add(lx, "namespaces", list);
	list = json_object_new_array();
	for (unsigned int i = 0; oci_cap_name(i); i++) {
		AUTO_FREE char *name = xasprintf("CAP_%s", oci_cap_name(i));

		json_object_array_add(list, str(name));
	}
	json_object_object_add(lx, "capabilities", list);
	cg = child(lx, "cgroup");
	json_object_object_add(cg, "v1", json_object_new_boolean(true));
	json_object_object_add(cg, "v2", json_object_new_boolean(true));
	json_object_object_add(cg, "systemd", json_object_new_boolean(false));
	json_object_object_add(lx, "seccomp", seccomp_features());
	print_json(f, JSON_C_TO_STRING_PRETTY);
	return 0;
}
