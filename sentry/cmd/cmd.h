/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd: the subcommands of the command line, one file each.
 */
#ifndef SENTRY_CMD_CMD_H
#define SENTRY_CMD_CMD_H

#include "sentry/lib/compiler.h"
#include "sentry/lib/log.h"

struct oci_spec;
struct platform_ops;

/* Exit codes of `moat run`: env(1)'s convention. */
enum {
	EXIT_TIMED_OUT = 124, /* --timeout */
	EXIT_MOAT = 125,      /* moat itself failed */
	EXIT_CANNOT_EXEC = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128, /* plus the signal that ended the program */
};

/* Prints "moat: text" on stderr. */
void complain(const char *fmt, ...) PRINTF(1, 2);

/* Everything `moat run` was asked for. */
struct run_options {
	const char *platform; /* "auto" or a name */
	const char *overlay;  /* keeps what is written; NULL: memory */
	const char *cwd, *rootfs, *hostname, *user, *log, *strace;
	bool no_suid;	  /* no_new_privs for the program and all its own */
	bool want_strace; /* --strace, to stderr unless .strace names a file */
	enum log_level log_level;
	uint64_t memory;     /* bytes */
	uint64_t pids;	     /* 0: what the caller may have */
	uint64_t milli_cpus; /* thousandths; 0: no limit */
	uint64_t timeout;    /* ms; 0: none */
	const char **env;    /* KEY=VALUE, --env in order */
	unsigned int nr_env;
	struct run_mount {
		enum { RUN_BIND, RUN_RO_BIND, RUN_TMPFS } kind;
		const char *text; /* SRC:DST or DST */
	} * mounts;
	unsigned int nr_mounts;
	char **program; /* argv of the program, NULL-terminated */
};

/* Room for why platforms were not taken. */
#define PLATFORM_NOTE 512
/*
 * The platform @name, or with "auto" the fastest that works; NULL after a
 * complaint.  @note: why others were left out, empty if none was.
 */
const struct platform_ops *platform_choose(const char *name, char *note,
					   size_t size);

enum parse_result { PARSE_OK, PARSE_HELP, PARSE_BAD };
/*
 * Parses what follows `moat run`; strings are borrowed from @argv.  A bad line
 * is complained about once (what, which, how to see the help).
 */
enum parse_result run_options_parse(struct run_options *o, int argc,
				    char **argv);
void run_options_help(void);
/* "64M", "2g", "4096": bytes.  False if malformed or too large. */
bool parse_size(const char *text, uint64_t *out);
/* "1.5", "90s", "2m", "100ms": milliseconds. */
bool parse_duration(const char *text, uint64_t *out);

/*
 * Fills @spec from options and the caller's identity, environment and working
 * directory.  False after a complaint.
 */
MUST_CHECK bool run_spec_build(const struct run_options *o,
			       struct oci_spec *spec);

/* The subcommands; each returns the exit code. */
int cmd_platforms(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_discard(int argc, char **argv);

#endif
