/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: building a configuration in memory.
 *
 * Tests: tests/unit/test_oci_config.c
 */
#include "sentry/oci/spec.h"

#include <string.h>

#include "abi/mount.h"
#include "sentry/lib/alloc.h"

struct oci_mount *oci_spec_add_mount(struct oci_spec *spec,
				     enum oci_mount_kind kind,
				     const char *source,
				     const char *destination, bool readonly)
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
	m->flags = LINUX_MS_NOSUID;
	return m;
}

void oci_strings_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

static void free_pairs(struct oci_pairs *p)
{
	for (uint32_t i = 0; i < p->nr; i++) {
		free(p->items[i].name);
		free(p->items[i].value);
	}
	free(p->items);
}

static void free_mounts(struct oci_spec *spec)
{
	for (uint32_t i = 0; i < spec->nr_mounts; i++) {
		free(spec->mounts[i].source);
		free(spec->mounts[i].destination);
		free(spec->mounts[i].data);
	}
	free(spec->mounts);
}

static void free_hooks(struct oci_spec *spec)
{
	for (uint32_t i = 0; i < spec->nr_hooks; i++) {
		free(spec->hooks[i].path);
		oci_strings_free(spec->hooks[i].args);
		oci_strings_free(spec->hooks[i].env);
	}
	free(spec->hooks);
}

static void free_seccomp(struct oci_seccomp *s)
{
	for (uint32_t i = 0; i < s->nr_rules; i++) {
		oci_strings_free(s->rules[i].names);
		free(s->rules[i].args);
	}
	free(s->rules);
	oci_strings_free(s->architectures);
	free(s->program);
}

static void free_resources(struct oci_resources *r)
{
	free(r->cpus);
	free(r->mems);
	for (int i = 0; i < OCI_IO_NR; i++)
		free(r->io[i]);
	free_pairs(&r->unified);
}

void oci_process_fini(struct oci_process *p)
{
	oci_strings_free(p->args);
	oci_strings_free(p->env);
	free(p->cwd);
	free(p->user.additional_gids);
	free(p->rlimits);
	*p = (struct oci_process){ 0 };
}

void oci_spec_fini(struct oci_spec *spec)
{
	free(spec->version);
	oci_process_fini(&spec->process);
	free_mounts(spec);
	free_hooks(spec);
	free_pairs(&spec->annotations);
	free_pairs(&spec->sysctl);
	for (uint32_t i = 0; i < spec->nr_devices; i++)
		free(spec->devices[i].path);
	free(spec->devices);
	oci_strings_free(spec->masked_paths);
	oci_strings_free(spec->readonly_paths);
	for (int i = 0; i < OCI_NS_KINDS; i++)
		free(spec->ns[i].path);
	free(spec->uid_maps);
	free(spec->gid_maps);
	free_seccomp(&spec->seccomp);
	free(spec->cgroups_path);
	free_resources(&spec->resources);
	free(spec->root_path);
	free(spec->overlay_dir);
	free(spec->hostname);
	free(spec->domainname);
	*spec = (struct oci_spec){ 0 };
}

const char *oci_annotation(const struct oci_spec *spec, const char *name)
{
	for (uint32_t i = 0; i < spec->annotations.nr; i++)
		if (strcmp(spec->annotations.items[i].name, name) == 0)
			return spec->annotations.items[i].value;
	return NULL;
}
