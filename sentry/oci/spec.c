/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: building a configuration in memory.
 *
 * Tests: tests/unit/test_options.c
 */
#include "sentry/oci/spec.h"

#include "sentry/lib/alloc.h"

void oci_spec_add_mount(struct oci_spec *spec, enum oci_mount_kind kind,
			const char *source, const char *destination,
			bool readonly)
{
	struct oci_mount *grown =
		xzalloc((spec->nr_mounts + 1) * sizeof(*grown));
	struct oci_mount *m = &grown[spec->nr_mounts];

	for (uint32_t i = 0; i < spec->nr_mounts; i++)
		grown[i] = spec->mounts[i];
	free(spec->mounts);
	spec->mounts = grown;
	spec->nr_mounts++;
	m->kind = kind;
	m->source = source ? xstrdup(source) : NULL;
	m->destination = xstrdup(destination);
	m->readonly = readonly;
}

static void free_strings(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

void oci_spec_fini(struct oci_spec *spec)
{
	for (uint32_t i = 0; i < spec->nr_mounts; i++) {
		free(spec->mounts[i].source);
		free(spec->mounts[i].destination);
	}
	free(spec->mounts);
	free_strings(spec->process.args);
	free_strings(spec->process.env);
	free(spec->process.cwd);
	free(spec->process.user.additional_gids);
	free(spec->root_path);
	free(spec->overlay_dir);
	free(spec->hostname);
	*spec = (struct oci_spec){ 0 };
}
