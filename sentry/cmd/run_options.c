/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_options: the command line of `moat run`, from one table.
 *
 * Options end at "--" or at the first word without a dash.
 * Tests: tests/hostile/errors.sh, stdio.sh
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sentry/cmd/cmd.h"
#include "sentry/lib/alloc.h"

enum arg_kind { ARG_NONE, ARG_NEEDED, ARG_OPTIONAL };

struct option_row {
	const char *name;
	enum arg_kind arg;
	const char *arg_name;
	const char *help;
	/* Takes the value (NULL if none); false: not understood. */
	bool (*set)(struct run_options *o, const char *value);
};

static bool is_absolute(const char *path)
{
	return path[0] == '/';
}

bool parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "kmgt";
	const char *unit;
	uint64_t v;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || (end[0] && end[1] && strcasecmp(end + 1, "b") &&
		      strcasecmp(end + 1, "ib")))
		return false;
	if (end[0]) {
		unit = strchr(units, end[0] | 32);
		if (!unit)
			return false;
		for (const char *u = units; u <= unit; u++)
			if (mul_overflows(v, 1024ull, &v))
				return false;
	}
	*out = v;
	return true;
}

bool parse_duration(const char *text, uint64_t *out)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "", 1000 },
		      { "ms", 1 },
		      { "s", 1000 },
		      { "m", 60000 },
		      { "h", 3600000 } };
	char *end;
	double v;

	if (!strchr("0123456789.", text[0]) || !text[0])
		return false;
	v = strtod(text, &end);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].unit))
			continue;
		v *= units[i].ms;
		if (!(v >= 0 && v < 1e15))
			return false;
		*out = v > 0 && v < 1 ? 1 : (uint64_t)v;
		return true;
	}
	return false;
}

static bool set_platform(struct run_options *o, const char *value)
{
	o->platform = value;
	return true;
}

static bool set_cwd(struct run_options *o, const char *value)
{
	o->cwd = value;
	return is_absolute(value);
}

static bool set_env(struct run_options *o, const char *value)
{
	o->env[o->nr_env++] = value;
	return value[0] != '=' && strchr(value, '=');
}

static bool set_user(struct run_options *o, const char *value)
{
	o->user = value;
	return true;
}

static bool set_no_suid(struct run_options *o, const char *value)
{
	o->no_suid = true;
	return !value;
}

static bool set_hostname(struct run_options *o, const char *value)
{
	o->hostname = value;
	return value[0] && strlen(value) <= 64;
}

static bool add_mount(struct run_options *o, int kind, const char *value)
{
	o->mounts[o->nr_mounts].kind = kind;
	o->mounts[o->nr_mounts++].text = value;
	if (kind == RUN_TMPFS)
		return is_absolute(value);
	return value[0] && value[0] != ':';
}

static bool add_bind(struct run_options *o, const char *value)
{
	return add_mount(o, RUN_BIND, value);
}

static bool add_ro_bind(struct run_options *o, const char *value)
{
	return add_mount(o, RUN_RO_BIND, value);
}

static bool add_tmpfs(struct run_options *o, const char *value)
{
	return add_mount(o, RUN_TMPFS, value);
}

static bool set_rootfs(struct run_options *o, const char *value)
{
	o->rootfs = value;
	return value[0];
}

static bool set_overlay(struct run_options *o, const char *value)
{
	o->overlay = value;
	return value[0];
}

static bool set_memory(struct run_options *o, const char *value)
{
	return parse_size(value, &o->memory) && o->memory >= 1 << 20;
}

static bool set_pids(struct run_options *o, const char *value)
{
	return parse_size(value, &o->pids) && o->pids > 0;
}

static bool set_cpus(struct run_options *o, const char *value)
{
	char *end;
	double v = strtod(value, &end);

	if (!strchr("0123456789.", value[0]) || *end || !(v >= 0.01) ||
	    v > 10000)
		return false;
	o->milli_cpus = (uint64_t)(v * 1000 + 0.5);
	return true;
}

static bool set_strace(struct run_options *o, const char *value)
{
	o->want_strace = true;
	o->strace = value;
	return true;
}

static bool set_log(struct run_options *o, const char *value)
{
	o->log = value;
	return value[0];
}

static bool set_log_level(struct run_options *o, const char *value)
{
	static const char *const names[] = { "error", "warning", "info",
					     "debug" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]))
			continue;
		o->log_level = i;
		return true;
	}
	return false;
}

static bool set_timeout(struct run_options *o, const char *value)
{
	return parse_duration(value, &o->timeout) && o->timeout > 0;
}

static const struct option_row rows[] = {
	{ "bind", ARG_NEEDED, "SRC[:DST[:HOW]]",
	  "show host SRC at DST, HOW: rw (default), ro, overlay", add_bind },
	{ "cpus", ARG_NEEDED, "NUMBER",
	  "CPU time of all together, e.g. 0.5 or 2 (default: any)", set_cpus },
	{ "cwd", ARG_NEEDED, "DIR", "start in DIR (default: the current one)",
	  set_cwd },
	{ "env", ARG_NEEDED, "NAME=VALUE", "set an environment variable",
	  set_env },
	{ "hostname", ARG_NEEDED, "NAME", "the name that the program sees",
	  set_hostname },
	{ "log", ARG_NEEDED, "FILE", "append log lines to FILE, not to stderr",
	  set_log },
	{ "log-level", ARG_NEEDED, "LEVEL",
	  "error, warning (default), info or debug", set_log_level },
	{ "memory", ARG_NEEDED, "SIZE",
	  "limit of the program's memory, e.g. 512M", set_memory },
	{ "no-suid", ARG_NONE, "",
	  "no set-user-ID bit or file capability gives rights", set_no_suid },
	{ "overlay", ARG_NEEDED, "DIR",
	  "keep what is written in DIR; see 'moat diff'", set_overlay },
	{ "pids", ARG_NEEDED, "N", "limit of processes and threads", set_pids },
	{ "platform", ARG_NEEDED, "NAME", "auto (default), kvm, trap, ptrace",
	  set_platform },
	{ "ro-bind", ARG_NEEDED, "SRC[:DST]", "show host SRC at DST, read-only",
	  add_ro_bind },
	{ "rootfs", ARG_NEEDED, "DIR", "the root directory (default: /)",
	  set_rootfs },
	{ "strace", ARG_OPTIONAL, "FILE",
	  "print each system call, to FILE or stderr", set_strace },
	{ "timeout", ARG_NEEDED, "TIME",
	  "kill all after TIME (90, 1.5s, 2m); exit code 124", set_timeout },
	{ "tmpfs", ARG_NEEDED, "DST", "an empty directory in memory at DST",
	  add_tmpfs },
	{ "user", ARG_NEEDED, "UID[:GID]", "run as these ids (default: yours)",
	  set_user },
};

void run_options_help(void)
{
	puts("usage: moat run [OPTIONS] [--] PROGRAM [ARGUMENTS]\n\n"
	     "Runs PROGRAM in a sandbox that shows this machine's files; what\n"
	     "it writes stays in memory and is thrown away, unless it goes to\n"
	     "a --bind or there is an --overlay.  The exit status is the\n"
	     "program's; 128+N if signal N ended it, 127 if it was not found,\n"
	     "126 if it cannot be run, 125 if moat itself failed.\n\n"
	     "options:");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s%s", rows[i].name,
			 rows[i].arg == ARG_OPTIONAL ? "[="
			 : rows[i].arg == ARG_NEEDED ? " "
						     : "",
			 rows[i].arg_name,
			 rows[i].arg == ARG_OPTIONAL ? "]" : "");
		printf("  %-24s %s\n", left, rows[i].help);
	}
	printf("  %-24s %s\n", "--help", "this text");
}

static const struct option_row *find_row(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == len &&
		    memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

/* One option word at argv[0]; *used counts the words it takes. */
static enum parse_result parse_one(struct run_options *o, int argc, char **argv,
				   int *used)
{
	const char *name = argv[0] + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	const struct option_row *row;
	const char *value = eq ? eq + 1 : NULL;

	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
		return PARSE_HELP;
	row = argv[0][1] == '-' ? find_row(name, len) : NULL;
	if (!row) {
		complain("unknown option '%s'; 'moat run --help' lists them",
			 argv[0]);
		return PARSE_BAD;
	}
	*used = 1;
	if (row->arg == ARG_NEEDED && !value) {
		if (argc < 2) {
			complain("--%s needs a value: --%s %s", row->name,
				 row->name, row->arg_name);
			return PARSE_BAD;
		}
		value = argv[1];
		*used = 2;
	}
	if (!row->set(o, value)) {
		complain("--%s does not accept '%s'; it takes %s: %s",
			 row->name, value, row->arg_name, row->help);
		return PARSE_BAD;
	}
	return PARSE_OK;
}

enum parse_result run_options_parse(struct run_options *o, int argc,
				    char **argv)
{
	int at = 0;

	*o = (struct run_options){ .platform = "auto",
				   .rootfs = "/",
				   .log_level = LOG_WARNING };
	o->env = xzalloc(sizeof(*o->env) * (size_t)(argc + 1));
	o->mounts = xzalloc(sizeof(*o->mounts) * (size_t)(argc + 1));
	while (at < argc && argv[at][0] == '-' && argv[at][1]) {
		enum parse_result r;
		int used = 1;

		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		r = parse_one(o, argc - at, argv + at, &used);
		if (r != PARSE_OK)
			return r;
		at += used;
	}
	if (at == argc) {
		complain("no program given; usage: moat run [OPTIONS] -- "
			 "PROGRAM [ARGUMENTS]");
		return PARSE_BAD;
	}
	o->program = argv + at;
	return PARSE_OK;
}
