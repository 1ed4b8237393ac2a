/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: the part of an OCI runtime configuration that the sandbox acts on
 * (runtime-spec 1.2, config.md), in memory.  `moat run` builds one from its
 * options; the OCI verbs read one from config.json (config.h).
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

/* The five sets of capabilities(7); bit n is capability n. */
struct oci_caps {
	bool given; /* else those that root has, or none */
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct oci_rlimit {
	uint32_t type; /* RLIM_* of sentry/kernel/task.h: Linux's numbers */
	uint64_t soft, hard;
};

struct oci_process {
	char **args; /* NULL-terminated, at least one */
	char **env;  /* NULL-terminated */
	char *cwd;   /* absolute */
	struct oci_user user;
	bool has_umask;
	uint32_t umask;
	bool terminal;		/* stdin is the caller's terminal */
	uint16_t rows, columns; /* consoleSize; 0: not given */
	bool no_new_privileges;
	struct oci_caps caps;
	struct oci_rlimit *rlimits;
	uint32_t nr_rlimits;
	int32_t oom_score_adj;
};

enum oci_mount_kind {
	OCI_MOUNT_BIND,
	OCI_MOUNT_TMPFS,
	OCI_MOUNT_PROC,
	OCI_MOUNT_SYSFS,
	OCI_MOUNT_DEV,
	OCI_MOUNT_DEVPTS,
	OCI_MOUNT_CGROUP,
	OCI_MOUNT_MQUEUE
};

struct oci_mount {
	enum oci_mount_kind kind;
	char *source;	   /* BIND: absolute host path; else NULL */
	char *destination; /* absolute path inside */
	bool readonly;
	bool overlay;	    /* BIND: writes go to memory above it */
	uint32_t export_id; /* BIND: the gofer's number; set by the launcher */
	uint64_t flags;	    /* LINUX_MS_* beside ro */
	uint64_t propagation; /* LINUX_MS_SHARED and its like; 0: none */
	char *data;	      /* of the file system: "size=64k"; or NULL */
};

/* The six kinds, in the order of a life. */
enum oci_hook_kind {
	OCI_HOOK_PRESTART,
	OCI_HOOK_CREATE_RUNTIME,
	OCI_HOOK_CREATE_CONTAINER,
	OCI_HOOK_START_CONTAINER,
	OCI_HOOK_POSTSTART,
	OCI_HOOK_POSTSTOP,
	OCI_HOOK_KINDS
};

struct oci_hook {
	enum oci_hook_kind kind;
	char *path;	    /* absolute */
	char **args, **env; /* NULL-terminated; args may be NULL: { path } */
	uint32_t timeout;   /* seconds; 0: none */
};

/* A name and a value: annotations, sysctls, files of a control group. */
struct oci_pair {
	char *name, *value;
};
struct oci_pairs {
	struct oci_pair *items;
	uint32_t nr;
};

struct oci_device {
	char *path;
	uint32_t mode; /* with the type bits */
	uint32_t major, minor, uid, gid;
};

struct oci_id_map {
	uint32_t inside, host, size;
};

enum oci_ns_kind {
	OCI_NS_CGROUP,
	OCI_NS_IPC,
	OCI_NS_MOUNT,
	OCI_NS_NETWORK,
	OCI_NS_PID,
	OCI_NS_TIME,
	OCI_NS_USER,
	OCI_NS_UTS,
	OCI_NS_KINDS
};
struct oci_ns {
	bool listed; /* else: that of the caller */
	char *path;  /* the one to join; NULL: a new one */
};

struct oci_throttle {
	uint32_t major, minor;
	uint64_t rate;
};
enum oci_io { OCI_IO_RBPS, OCI_IO_WBPS, OCI_IO_RIOPS, OCI_IO_WIOPS, OCI_IO_NR };

/* A number that config.json may leave out; -1 there means no limit. */
struct oci_number {
	bool given;
	int64_t v;
};

/* linux.resources: limits of the control group. */
struct oci_resources {
	struct oci_number memory, reservation, swap, swappiness;
	struct oci_number cpu_shares, cpu_quota, cpu_period, cpu_burst,
		cpu_idle;
	char *cpus, *mems; /* NULL: not given */
	struct oci_number pids, io_weight;
	struct oci_throttle *io[OCI_IO_NR];
	uint32_t nr_io[OCI_IO_NR];
	struct oci_pairs unified; /* file of cgroup v2, content */
};

/* linux.seccomp as it is written; compiled by the launcher. */
struct oci_seccomp_arg {
	uint32_t index, op; /* op: SCMP_CMP_* */
	uint64_t value, value_two;
};
struct oci_seccomp_rule {
	char **names;
	uint32_t action; /* SCMP_ACT_*, errno folded in */
	struct oci_seccomp_arg *args;
	uint32_t nr_args;
};
struct oci_seccomp {
	bool given;
	uint32_t default_action;
	char **architectures; /* SCMP_ARCH_*; may be NULL */
	bool log;	      /* SECCOMP_FILTER_FLAG_LOG */
	struct oci_seccomp_rule *rules;
	uint32_t nr_rules;
	/* The program, struct sock_filter each; filled by the launcher. */
	void *program;
	uint32_t nr_insns;
};

struct oci_spec {
	char *version; /* ociVersion; NULL: not from a config.json */
	struct oci_process process;
	char *root_path;   /* host directory */
	bool root_overlay; /* writes go to memory above it */
	bool root_readonly;
	uint64_t root_propagation; /* LINUX_MS_*; 0: none */
	/* Host directory that keeps the writes (overlay_dir.h); or NULL. */
	char *overlay_dir;
	uint32_t overlay_export; /* the gofer's number of it */
	char *hostname;
	char *domainname;	  /* NULL: none */
	struct oci_mount *mounts; /* in mounting order */
	uint32_t nr_mounts;
	struct oci_hook *hooks;
	uint32_t nr_hooks;
	struct oci_pairs annotations, sysctl;
	struct oci_device *devices;
	uint32_t nr_devices;
	bool default_devices; /* /dev/null and its like are made if missing */
	char **masked_paths, **readonly_paths; /* NULL: none */
	struct oci_ns ns[OCI_NS_KINDS];
	struct oci_id_map *uid_maps, *gid_maps;
	uint32_t nr_uid_maps, nr_gid_maps;
	struct oci_seccomp seccomp;
	char *cgroups_path; /* NULL: not given */
	struct oci_resources resources;
	uint64_t memory_limit; /* bytes; 0: none */
	uint64_t pids_limit;   /* processes and threads; 0: none */
	uint64_t milli_cpus;   /* CPU time a time, thousandths; 0: any */
};

/* Appends a mount (strings are copied); ends the process if out of memory. */
struct oci_mount *oci_spec_add_mount(struct oci_spec *spec,
				     enum oci_mount_kind kind,
				     const char *source,
				     const char *destination, bool readonly);
/* Frees what @spec owns. */
void oci_spec_fini(struct oci_spec *spec);
void oci_process_fini(struct oci_process *p);
/* Frees a NULL-terminated list of allocated strings; NULL is harmless. */
void oci_strings_free(char **v);
/* The value of annotation @name, or NULL. */
const char *oci_annotation(const struct oci_spec *spec, const char *name);

#endif
