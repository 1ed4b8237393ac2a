/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci: the verbs of an OCI runtime, with runc's command line.
 */
#ifndef SENTRY_CMD_OCI_H
#define SENTRY_CMD_OCI_H

#include "sentry/cmd/host/container.h"
#include "sentry/lib/compiler.h"

#define OCI_PRESERVE_MAX 16

/* What the command line said; strings are of argv. */
struct oci_options {
	/* Before the verb. */
	const char *root, *log, *log_format, *debug_log, *platform;
	bool systemd_cgroup, debug;
	/* create, run, spec */
	const char *bundle, *console_socket, *pid_file;
	uint64_t preserve_fds;
	bool detach, keep;
	/* exec */
	const char *process, *cwd, *user;
	const char **env, **caps, **gids;
	unsigned int nr_env, nr_caps, nr_gids;
	bool tty, no_new_privs, ignore_paused;
	/* kill, delete, list, ps, events */
	bool all, force, quiet, stats, rootless;
	const char *format, *interval;
	/* update: text of each, or NULL */
	const char *resources;
	const char *limits[16];
	/* What is left: the id and more, NULL-terminated. */
	char **args;
	int nr_args;
};

/*
 * `moat [GLOBAL OPTIONS] VERB ...`: argv[0] is "moat".  Returns the exit code.
 */
int oci_main(int argc, char **argv);
/* Is @argv (after "moat") for oci_main()? */
bool oci_is_command(int argc, char **argv);

/* The verbs; each returns the exit code. */
int oci_create(const struct oci_options *o);
int oci_run(const struct oci_options *o);
int oci_start(const struct oci_options *o);
int oci_state(const struct oci_options *o);
int oci_kill(const struct oci_options *o);
int oci_delete(const struct oci_options *o);
int oci_list(const struct oci_options *o);
int oci_exec(const struct oci_options *o);
int oci_ps(const struct oci_options *o);
int oci_pause(const struct oci_options *o);
int oci_resume(const struct oci_options *o);
int oci_events(const struct oci_options *o);
int oci_update(const struct oci_options *o);
int oci_spec_file(const struct oci_options *o);
int oci_features(const struct oci_options *o);
int oci_refuse_checkpoint(const struct oci_options *o);

/* Numbers of oci_options.limits. */
enum {
	LIMIT_MEMORY,
	LIMIT_RESERVATION,
	LIMIT_SWAP,
	LIMIT_CPU_PERIOD,
	LIMIT_CPU_QUOTA,
	LIMIT_CPU_SHARE,
	LIMIT_CPU_BURST,
	LIMIT_CPU_IDLE,
	LIMIT_CPUS,
	LIMIT_MEMS,
	LIMIT_PIDS,
	LIMIT_IO_WEIGHT,
	LIMIT_NR
};

/* --- shared by the verbs -------------------------------------------------- */

struct monitor_args;
struct platform_ops;
/* Opens the container named by the first word; false after a message. */
MUST_CHECK bool oci_open(const struct oci_options *o, struct container *c);
/* Writes a process id to --pid-file, if there is one.  False after a message */
MUST_CHECK bool oci_write_pid(const struct oci_options *o, pid_t pid);
/* The configuration of a container that exists; false after a message. */
MUST_CHECK bool oci_load_spec(const struct container *c, struct oci_spec *spec);
/* Starts the program of @c.  False after a message. */
MUST_CHECK bool oci_start_container(struct container *c,
				    const struct oci_spec *spec);
/* Ends @c if it lives (SIGKILL), takes all of it away, runs its last hooks. */
void oci_destroy(struct container *c);
/* A signal by name or number; 0: no such. */
int oci_signal_number(const char *text);
/* As printed in the log before the process ends: where errors go. */
void oci_log_setup(const struct oci_options *o);

#endif
