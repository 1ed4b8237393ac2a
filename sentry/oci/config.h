/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: config.json (OCI runtime specification 1.2) becomes a spec.
 *
 * Fields that are not known are ignored; what is known and cannot be done is
 * refused.  The text is whatever an engine, or its enemy, wrote.
 */
#ifndef SENTRY_OCI_CONFIG_H
#define SENTRY_OCI_CONFIG_H

#include "sentry/oci/json.h"
#include "sentry/oci/spec.h"

/* The version of the specification that is followed, and the oldest. */
#define OCI_VERSION	"1.2.0"
#define OCI_VERSION_MIN "1.0.0"

/*
 * Reads @text into *spec (zeroed by the caller; oci_spec_fini() in any case).
 * Relative paths are meant from @bundle, an absolute path.
 * Returns 0; -EINVAL with *err filled.
 */
MUST_CHECK int oci_config_parse(const char *text, size_t size,
				const char *bundle, struct oci_spec *spec,
				struct json_error *err);
/* A process object alone, as `exec --process` has it. */
MUST_CHECK int oci_process_parse(const char *text, size_t size,
				 struct oci_process *p, struct json_error *err);

/* --- names (names.c) ------------------------------------------------------ */

/* "CAP_KILL" (with or without the prefix, any case): 5; -1: unknown. */
int oci_cap_number(const char *name);
/* NULL beyond the last. */
const char *oci_cap_name(unsigned int cap);
/* "RLIMIT_NOFILE": 7; -1: unknown. */
int oci_rlimit_number(const char *name);
/* What a mount option does; name NULL ends the table. */
struct oci_mount_option {
	const char *name;
	uint64_t set, clear, propagation; /* LINUX_MS_* */
};
extern const struct oci_mount_option oci_mount_options[];
extern const char *const oci_hook_names[OCI_HOOK_KINDS];
extern const char *const oci_ns_names[OCI_NS_KINDS];
struct oci_name {
	const char *name;
	uint32_t v;
};
/* SCMP_ACT_*, SCMP_CMP_*; name NULL ends them. */
extern const struct oci_name oci_seccomp_actions[], oci_seccomp_ops[];

/* --- parts of config.json, for config.c ----------------------------------- */

/* @bundle and a relative path, or the path itself; allocated. */
char *oci_from_bundle(const char *bundle, const char *path);
MUST_CHECK int oci_read_process(const struct json_node *n,
				struct oci_process *p);
MUST_CHECK int oci_read_mounts(const struct json_node *top, const char *bundle,
			       struct oci_spec *spec);
MUST_CHECK int oci_read_hooks(const struct json_node *top,
			      struct oci_spec *spec);
/* The object linux. */
MUST_CHECK int oci_read_linux(const struct json_node *lx,
			      struct oci_spec *spec);
MUST_CHECK int oci_read_resources(const struct json_node *r,
				  struct oci_resources *out);
MUST_CHECK int oci_read_seccomp(const struct json_node *lx,
				struct oci_seccomp *out);
/* The propagation that one word ("rslave") means; 0: none. */
uint64_t oci_propagation(const char *word);

#endif
