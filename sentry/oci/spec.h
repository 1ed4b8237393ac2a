/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: the part of an OCI runtime configuration that the sandbox acts on
 * (runtime-spec 1.2, config.md), in memory.  `moat run` builds one from its
 * options; the OCI verbs will read one from config.json.
 *
 * Plain data owned by the process that built it; the sentry and the gofer see
 * it through fork.  All strings are allocated, never NULL unless said.
 */
#ifndef SENTRY_OCI_SPEC_H
#define SENTRY_OCI_SPEC_H

#include "sentry/lib/compiler.h"

struct oci_user {
	uint32_t uid, gid;
	uint32_t *additional_gids;
	uint32_t nr_additional_gids;
};

struct oci_process {
	char **args; /* NULL-terminated, at least one */
	char **env;  /* NULL-terminated */
	char *cwd;   /* absolute */
	struct oci_user user;
	bool terminal; /* stdin is the caller's terminal */
	bool no_new_privileges;
};

enum oci_mount_kind {
	OCI_MOUNT_BIND,
	OCI_MOUNT_TMPFS,
	OCI_MOUNT_PROC,
	OCI_MOUNT_SYSFS,
	OCI_MOUNT_DEV,
	OCI_MOUNT_DEVPTS,
	OCI_MOUNT_CGROUP
};

struct oci_mount {
	enum oci_mount_kind kind;
	char *source;	   /* BIND: absolute host path; else NULL */
	char *destination; /* absolute path inside */
	bool readonly;
	bool overlay;	    /* BIND: writes go to memory above it */
	uint32_t export_id; /* BIND: the gofer's number; set by the launcher */
};

struct oci_spec {
	struct oci_process process;
	char *root_path;   /* host directory */
	bool root_overlay; /* writes go to memory above it */
	/* Host directory that keeps the writes (overlay_dir.h); or NULL. */
	char *overlay_dir;
	uint32_t overlay_export; /* the gofer's number of it */
	char *hostname;
	struct oci_mount *mounts; /* in mounting order */
	uint32_t nr_mounts;
	uint64_t memory_limit; /* bytes; 0: none */
	uint64_t pids_limit;   /* processes and threads; 0: none */
	uint64_t milli_cpus;   /* CPU time a time, thousandths; 0: any */
};

/* Appends a mount (strings are copied); ends the process if out of memory. */
void oci_spec_add_mount(struct oci_spec *spec, enum oci_mount_kind kind,
			const char *source, const char *destination,
			bool readonly);
/* Frees what @spec owns. */
void oci_spec_fini(struct oci_spec *spec);

#endif
