/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci: from the command line to a verb; messages as engines expect them.
 *
 * Options are one table: which verbs know each, and where its value goes.
 * Tests: tests/hostile/oci.sh
 */
#include "sentry/cmd/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/launch.h"
#include "sentry/lib/alloc.h"

/* --- messages ------------------------------------------------------------- */

static int log_fd = -1;
static bool log_json;

void oci_log_setup(const struct oci_options *o)
{
	if (o->log) {
		log_fd = open(o->log,
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
				      O_NOCTTY,
			      0644);
		if (log_fd < 0)
			complain("cannot write the log file %s: %s", o->log,
				 strerror(errno));
	}
	log_json = o->log_format && strcmp(o->log_format, "json") == 0;
}

static void log_text(const char *level, const char *text)
{
	struct json_object *o;
	struct tm tm;
	time_t now = time(NULL);
	char when[64];

	if (log_fd < 0)
		return;
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!log_json) {
		dprintf(log_fd, "time=\"%s\" level=%s msg=\"%s\"\n", when,
			level, text);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "level", json_object_new_string(level));
	json_object_object_add(o, "msg", json_object_new_string(text));
	json_object_object_add(o, "time", json_object_new_string(when));
	dprintf(log_fd, "%s\n",
		json_object_to_json_string_ext(
			o, JSON_C_TO_STRING_PLAIN |
				   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static void say(const char *level, const char *fmt, va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_text(level, text);
	complain("%s", text);
}

int oci_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error", fmt, ap);
	va_end(ap);
	return 1;
}

int oci_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warning", fmt, ap);
	va_end(ap);
	return 0;
}

/* --- verbs and options ---------------------------------------------------- */

enum {
	V_CREATE = 1 << 0,
	V_RUN = 1 << 1,
	V_START = 1 << 2,
	V_STATE = 1 << 3,
	V_KILL = 1 << 4,
	V_DELETE = 1 << 5,
	V_LIST = 1 << 6,
	V_EXEC = 1 << 7,
	V_PS = 1 << 8,
	V_PAUSE = 1 << 9,
	V_RESUME = 1 << 10,
	V_EVENTS = 1 << 11,
	V_UPDATE = 1 << 12,
	V_SPEC = 1 << 13,
	V_FEATURES = 1 << 14,
	V_CHECKPOINT = 1 << 15,
	V_GLOBAL = 1 << 16,
};

static const struct verb {
	const char *name;
	unsigned int bit;
	int min_args, max_args;
	int (*run)(const struct oci_options *o);
	const char *usage;
} verbs[] = {
	{ "checkpoint", V_CHECKPOINT, 0, 99, oci_refuse_checkpoint, "ID" },
	{ "create", V_CREATE, 1, 1, oci_create, "[--bundle DIR] ID" },
	{ "delete", V_DELETE, 1, 1, oci_delete, "[--force] ID" },
	{ "events", V_EVENTS, 1, 1, oci_events, "[--stats] ID" },
	{ "exec", V_EXEC, 1, 1 << 20, oci_exec,
	  "[OPTIONS] ID PROGRAM [ARGUMENTS]" },
	{ "features", V_FEATURES, 0, 0, oci_features, "" },
	{ "kill", V_KILL, 1, 2, oci_kill, "[--all] ID [SIGNAL]" },
	{ "list", V_LIST, 0, 0, oci_list, "[--quiet] [--format json]" },
	{ "pause", V_PAUSE, 1, 1, oci_pause, "ID" },
	{ "ps", V_PS, 1, 1 << 20, oci_ps, "[--format json] ID" },
	{ "restore", V_CHECKPOINT, 0, 99, oci_refuse_checkpoint, "ID" },
	{ "resume", V_RESUME, 1, 1, oci_resume, "ID" },
	{ "run", V_RUN, 1, 1, oci_run, "--bundle DIR [--detach] ID" },
	{ "spec", V_SPEC, 0, 0, oci_spec_file, "[--bundle DIR]" },
	{ "start", V_START, 1, 1, oci_start, "ID" },
	{ "state", V_STATE, 1, 1, oci_state, "ID" },
	{ "update", V_UPDATE, 1, 1, oci_update, "[OPTIONS] ID" },
};

enum option_kind { TEXT, FLAG, NUMBER, LIST, IGNORED, IGNORED_TEXT };

static const struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t at; /* in struct oci_options */
	unsigned int verbs;
} rows[] = {
#define AT(field) offsetof(struct oci_options, field)
#define MAKES	  (V_CREATE | V_RUN)
	{ "root", 0, TEXT, AT(root), V_GLOBAL },
	{ "log", 0, TEXT, AT(log), V_GLOBAL },
	{ "log-format", 0, TEXT, AT(log_format), V_GLOBAL },
	{ "debug", 0, FLAG, AT(debug), V_GLOBAL },
	{ "debug-log", 0, TEXT, AT(debug_log), V_GLOBAL },
	{ "systemd-cgroup", 0, FLAG, AT(systemd_cgroup), V_GLOBAL },
	{ "platform", 0, TEXT, AT(platform), V_GLOBAL },
	{ "rootless", 0, IGNORED_TEXT, 0, V_GLOBAL },
	{ "criu", 0, IGNORED_TEXT, 0, V_GLOBAL },
	{ "cgroup-manager", 0, IGNORED_TEXT, 0, V_GLOBAL },
	{ "bundle", 'b', TEXT, AT(bundle), MAKES | V_SPEC },
	{ "console-socket", 0, TEXT, AT(console_socket), MAKES | V_EXEC },
	{ "pid-file", 0, TEXT, AT(pid_file), MAKES | V_EXEC },
	{ "preserve-fds", 0, NUMBER, AT(preserve_fds), MAKES | V_EXEC },
	{ "no-pivot", 0, IGNORED, 0, MAKES },
	{ "no-new-keyring", 0, IGNORED, 0, MAKES },
	{ "no-subreaper", 0, IGNORED, 0, V_RUN | V_EXEC },
	{ "detach", 'd', FLAG, AT(detach), V_RUN | V_EXEC },
	{ "keep", 0, FLAG, AT(keep), V_RUN },
	{ "process", 'p', TEXT, AT(process), V_EXEC },
	{ "cwd", 0, TEXT, AT(cwd), V_EXEC },
	{ "user", 'u', TEXT, AT(user), V_EXEC },
	{ "additional-gids", 'g', LIST, AT(gids), V_EXEC },
	{ "env", 'e', LIST, AT(env), V_EXEC },
	{ "cap", 'c', LIST, AT(caps), V_EXEC },
	{ "tty", 't', FLAG, AT(tty), V_EXEC },
	{ "no-new-privs", 0, FLAG, AT(no_new_privs), V_EXEC },
	{ "ignore-paused", 0, FLAG, AT(ignore_paused), V_EXEC },
	{ "process-label", 0, IGNORED_TEXT, 0, V_EXEC },
	{ "apparmor", 0, IGNORED_TEXT, 0, V_EXEC },
	{ "cgroup", 0, IGNORED_TEXT, 0, V_EXEC },
	{ "all", 'a', FLAG, AT(all), V_KILL },
	{ "force", 'f', FLAG, AT(force), V_DELETE },
	{ "format", 'f', TEXT, AT(format), V_LIST | V_PS },
	{ "quiet", 'q', FLAG, AT(quiet), V_LIST },
	{ "stats", 0, FLAG, AT(stats), V_EVENTS },
	{ "interval", 0, TEXT, AT(interval), V_EVENTS },
	{ "rootless", 0, FLAG, AT(rootless), V_SPEC },
	{ "resources", 'r', TEXT, AT(resources), V_UPDATE },
	{ "memory", 0, TEXT, AT(limits[LIMIT_MEMORY]), V_UPDATE },
	{ "memory-reservation", 0, TEXT, AT(limits[LIMIT_RESERVATION]),
	  V_UPDATE },
	{ "memory-swap", 0, TEXT, AT(limits[LIMIT_SWAP]), V_UPDATE },
	{ "cpu-period", 0, TEXT, AT(limits[LIMIT_CPU_PERIOD]), V_UPDATE },
	{ "cpu-quota", 0, TEXT, AT(limits[LIMIT_CPU_QUOTA]), V_UPDATE },
	{ "cpu-share", 0, TEXT, AT(limits[LIMIT_CPU_SHARE]), V_UPDATE },
	{ "cpu-burst", 0, TEXT, AT(limits[LIMIT_CPU_BURST]), V_UPDATE },
	{ "cpu-idle", 0, TEXT, AT(limits[LIMIT_CPU_IDLE]), V_UPDATE },
	{ "cpuset-cpus", 0, TEXT, AT(limits[LIMIT_CPUS]), V_UPDATE },
	{ "cpuset-mems", 0, TEXT, AT(limits[LIMIT_MEMS]), V_UPDATE },
	{ "pids-limit", 0, TEXT, AT(limits[LIMIT_PIDS]), V_UPDATE },
	{ "blkio-weight", 0, TEXT, AT(limits[LIMIT_IO_WEIGHT]), V_UPDATE },
};

/* --- parsing -------------------------------------------------------------- */

static void set_list(struct oci_options *o, const char **list,
		     const char *value)
{
	unsigned int *nr = list == o->env    ? &o->nr_env
			   : list == o->caps ? &o->nr_caps
					     : &o->nr_gids;

	list[(*nr)++] = value;
}

static bool set_option(struct oci_options *o, const struct option_row *r,
		       const char *value)
{
	char *field = (char *)o + r->at, *end;

	switch (r->kind) {
	case TEXT:
		*(const char **)(void *)field = value;
		break;
	case FLAG:
		*(bool *)(void *)field = true;
		break;
	case NUMBER:
		*(uint64_t *)(void *)field = strtoull(value, &end, 10);
		if (!*value || *end || *value == '-') {
			oci_fail("--%s takes a number, not '%s'", r->name,
				 value);
			return false;
		}
		break;
	case LIST:
		set_list(o, *(const char ***)(void *)field, value);
		break;
	default:
		break;
	}
	return true;
}

/* Words of getopt_long(3) for the options that @bit knows. */
static void make_tables(unsigned int bit, struct option *longs, char *shorts)
{
	size_t nr = 0, len = 1;

	shorts[0] = '+';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool text = rows[i].kind != FLAG && rows[i].kind != IGNORED;

		if (!(rows[i].verbs & bit))
			continue;
		longs[nr++] = (struct option){ rows[i].name, text, NULL,
					       (int)i + 256 };
		if (!rows[i].letter)
			continue;
		shorts[len++] = rows[i].letter;
		if (text)
			shorts[len++] = ':';
	}
	longs[nr] = (struct option){ 0 };
	shorts[len] = '\0';
}

static const struct option_row *row_of(int found, unsigned int bit)
{
	if (found >= 256)
		return &rows[found - 256];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((rows[i].verbs & bit) && rows[i].letter == found)
			return &rows[i];
	return NULL;
}

/* Options of one level; the index behind them, or -1 after a message. */
static int parse_level(struct oci_options *o, unsigned int bit, int argc,
		       char **argv)
{
	struct option longs[ARRAY_SIZE(rows) + 1];
	char shorts[2 * ARRAY_SIZE(rows) + 2];
	int found;

	make_tables(bit, longs, shorts);
	optind = 0; /* starts anew, glibc */
	opterr = 0;
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *r =
			found == '?' ? NULL : row_of(found, bit);

		if (!r) {
			oci_fail("flag provided but not defined, or without "
				 "its value: %s",
				 argv[optind - 1]);
			return -1;
		}
		if (!set_option(o, r, optarg))
			return -1;
	}
	return optind;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* The first option of `moat run` tells runc's verb from the plain command. */
static bool is_oci_run(const char *word)
{
	if (word[0] != '-')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].name);

		if (!(rows[i].verbs & V_RUN))
			continue;
		if (word[1] == '-' &&
		    strncmp(word + 2, rows[i].name, len) == 0 &&
		    (word[2 + len] == '\0' || word[2 + len] == '='))
			return true;
		if (rows[i].letter && word[1] == rows[i].letter && !word[2])
			return true;
	}
	return false;
}

bool oci_is_command(int argc, char **argv)
{
	if (argc < 1)
		return false;
	if (argv[0][0] == '-')
		return strcmp(argv[0], "--") != 0;
	if (strcmp(argv[0], "run") == 0)
		return argc > 1 && is_oci_run(argv[1]);
	return find_verb(argv[0]) != NULL;
}

static const char *default_root(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0 || !dir || dir[0] != '/')
		return geteuid() == 0 ? "/run/moat" : "/tmp/moat";
	return xasprintf("%s/moat", dir);
}

static bool check_globals(const struct oci_options *o)
{
	if (o->log_format && strcmp(o->log_format, "json") &&
	    strcmp(o->log_format, "text")) {
		oci_fail("unknown log-format '%s'", o->log_format);
		return false;
	}
	return true;
}

static int run_verb(struct oci_options *o, int argc, char **argv)
{
	const struct verb *v = find_verb(argv[0]);
	int at;

	if (!v)
		return oci_fail("there is no command '%s'; 'moat --help' "
				"lists them",
				argv[0]);
	if (argc > 1 &&
	    (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		printf("usage: moat [GLOBAL OPTIONS] %s %s\n", v->name,
		       v->usage);
		return 0;
	}
	at = parse_level(o, v->bit, argc, argv);
	if (at < 0)
		return 1;
	o->args = argv + at;
	o->nr_args = argc - at;
	if (o->nr_args < v->min_args || o->nr_args > v->max_args)
		return oci_fail("usage: moat %s %s", v->name, v->usage);
	return v->run(o);
}

int oci_main(int argc, char **argv)
{
	struct oci_options o = { .root = default_root(),
				 .platform = "auto",
				 .env = xzalloc(sizeof(char *) * (size_t)argc),
				 .caps = xzalloc(sizeof(char *) * (size_t)argc),
				 .gids = xzalloc(sizeof(char *) *
						 (size_t)argc) };
	int at = caller_inherit(), code = 1;

	if (at == 0)
		at = parse_level(&o, V_GLOBAL, argc, argv);
	oci_log_setup(&o);
	if (at > 0 && at == argc)
		oci_fail("no command given; 'moat --help' lists them");
	else if (at > 0 && check_globals(&o))
		code = run_verb(&o, argc - at, argv + at);
	free(o.env);
	free(o.caps);
	free(o.gids);
	return code;
}
