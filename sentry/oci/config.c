/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: the top of config.json, root, hooks; and what must fit together.
 *
 * Tests: tests/unit/test_oci_config.c, tests/fuzz/fuzz_oci_config.c
 */
#include "sentry/oci/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/mount.h"
#include "sentry/lib/alloc.h"

#define HOSTNAME_MAX 64
#define HOOKS_MAX    256

char *oci_from_bundle(const char *bundle, const char *path)
{
	if (path[0] == '/')
		return xstrdup(path);
	return xasprintf("%s/%s", bundle, path);
}

static int read_version(const struct json_node *top, struct oci_spec *spec)
{
	unsigned int major, minor, patch;
	int ret = json_dup(top, "ociVersion", &spec->version);

	if (ret < 0)
		return ret;
	if (!spec->version)
		return json_fault_at(top, "ociVersion", "is missing");
	if (sscanf(spec->version, "%u.%u.%u", &major, &minor, &patch) != 3)
		return json_fault_at(top, "ociVersion",
				     "'%.32s' is no version number",
				     spec->version);
	if (major != 1)
		return json_fault_at(top, "ociVersion",
				     "version %u is not known, only 1", major);
	return 0;
}

static int read_root(const struct json_node *top, const char *bundle,
		     struct oci_spec *spec)
{
	const char *path = NULL;
	struct json_node root;
	int ret = json_obj(top, "root", &root);

	if (ret == 0)
		return json_fault_at(top, "root", "is missing");
	if (ret > 0)
		ret = json_str(&root, "path", &path);
	if (ret < 0)
		return ret;
	if (!path || !path[0])
		return json_fault_at(&root, "path", "is missing");
	ret = json_truth(&root, "readonly", &spec->root_readonly);
	if (ret == 0)
		spec->root_path = oci_from_bundle(bundle, path);
	return ret;
}

static int read_name(const struct json_node *top, const char *key, char **out)
{
	int ret = json_dup(top, key, out);

	if (ret == 0 && *out && strlen(*out) > HOSTNAME_MAX)
		ret = json_fault_at(top, key, "longer than %d bytes",
				    HOSTNAME_MAX);
	return ret;
}

/* --- hooks ---------------------------------------------------------------- */

static int read_hook(const struct json_node *n, struct oci_hook *h)
{
	int64_t timeout = 0;
	bool given = false;
	int ret = json_dup(n, "path", &h->path);

	if (ret == 0 && (!h->path || h->path[0] != '/'))
		ret = json_fault_at(n, "path", "an absolute path is expected");
	if (ret == 0)
		ret = json_strings(n, "args", &h->args);
	if (ret == 0)
		ret = json_strings(n, "env", &h->env);
	if (ret == 0)
		ret = json_int(n, "timeout", 1, INT32_MAX, &timeout, &given);
	h->timeout = (uint32_t)timeout;
	return ret;
}

static int read_hook_list(const struct json_node *hooks,
			  enum oci_hook_kind kind, struct oci_spec *spec)
{
	struct json_node arr, item;
	uint32_t nr;
	int ret = json_arr(hooks, oci_hook_names[kind], &arr, &nr);

	if (ret <= 0)
		return ret;
	if (nr > HOOKS_MAX)
		return json_fault(&arr, "more than %d hooks", HOOKS_MAX);
	for (uint32_t i = 0; i < nr; i++) {
		struct oci_hook *h = &spec->hooks[spec->nr_hooks];

		ret = json_item(&arr, i, &item);
		if (ret < 0)
			return ret;
		h->kind = kind;
		spec->nr_hooks++;
		ret = read_hook(&item, h);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int oci_read_hooks(const struct json_node *top, struct oci_spec *spec)
{
	struct json_node hooks;
	int ret = json_obj(top, "hooks", &hooks);

	if (ret <= 0)
		return ret;
	spec->hooks =
		xzalloc((HOOKS_MAX * OCI_HOOK_KINDS) * sizeof(*spec->hooks));
	ret = 0;
	for (int k = 0; k < OCI_HOOK_KINDS && ret == 0; k++)
		ret = read_hook_list(&hooks, (enum oci_hook_kind)k, spec);
	return ret;
}

/* --- what must fit together ----------------------------------------------- */

/* A sysctl of something that is not the container's own. */
static bool sysctl_is_shared(const struct oci_spec *spec, const char *name)
{
	if (strncmp(name, "net.", 4) == 0)
		return !spec->ns[OCI_NS_NETWORK].listed;
	if (strncmp(name, "fs.mqueue.", 10) == 0 ||
	    strncmp(name, "kernel.msg", 10) == 0 ||
	    strncmp(name, "kernel.shm", 10) == 0 ||
	    strcmp(name, "kernel.sem") == 0)
		return !spec->ns[OCI_NS_IPC].listed;
	if (strcmp(name, "kernel.domainname") == 0)
		return !spec->ns[OCI_NS_UTS].listed;
	return true;
}

static int check_ids(const struct json_node *top, const struct oci_spec *spec)
{
	bool mapped = spec->nr_uid_maps || spec->nr_gid_maps;

	if (spec->ns[OCI_NS_USER].listed && !spec->ns[OCI_NS_USER].path &&
	    (!spec->nr_uid_maps || !spec->nr_gid_maps))
		return json_fault_at(top, "linux",
				     "a user namespace needs uidMappings and "
				     "gidMappings");
	if (!spec->ns[OCI_NS_USER].listed && mapped)
		return json_fault_at(top, "linux",
				     "uidMappings and gidMappings need a user "
				     "namespace");
	return 0;
}

static int check_whole(const struct json_node *top, const struct oci_spec *spec)
{
	if (!spec->ns[OCI_NS_MOUNT].listed)
		return json_fault_at(top, "linux.namespaces",
				     "a sandbox has a mount namespace of its "
				     "own; it must be listed");
	if (spec->hostname && !spec->ns[OCI_NS_UTS].listed)
		return json_fault_at(top, "hostname",
				     "cannot be set without a uts namespace");
	if (spec->domainname && !spec->ns[OCI_NS_UTS].listed)
		return json_fault_at(top, "domainname",
				     "cannot be set without a uts namespace");
	for (uint32_t i = 0; i < spec->sysctl.nr; i++)
		if (sysctl_is_shared(spec, spec->sysctl.items[i].name))
			return json_fault_at(
				top, "linux.sysctl",
				"%.100s is not of a namespace of the "
				"container's own",
				spec->sysctl.items[i].name);
	return check_ids(top, spec);
}

static int read_all(const struct json_node *top, const char *bundle,
		    struct oci_spec *spec)
{
	struct json_node part;
	int ret = read_version(top, spec);

	if (ret == 0)
		ret = read_root(top, bundle, spec);
	if (ret == 0)
		ret = json_obj(top, "process", &part);
	if (ret == 0)
		return json_fault_at(top, "process", "is missing");
	if (ret > 0)
		ret = oci_read_process(&part, &spec->process);
	if (ret == 0)
		ret = read_name(top, "hostname", &spec->hostname);
	if (ret == 0)
		ret = read_name(top, "domainname", &spec->domainname);
	if (ret == 0)
		ret = json_pairs(top, "annotations", &spec->annotations);
	if (ret == 0)
		ret = oci_read_mounts(top, bundle, spec);
	if (ret == 0)
		ret = oci_read_hooks(top, spec);
	if (ret == 0)
		ret = json_obj(top, "linux", &part);
	if (ret == 0)
		return json_fault_at(top, "linux", "is missing");
	return ret < 0 ? ret : oci_read_linux(&part, spec);
}

int oci_config_parse(const char *text, size_t size, const char *bundle,
		     struct oci_spec *spec, struct json_error *err)
{
	struct json_doc doc;
	struct json_node top;
	int ret = json_doc_parse(&doc, text, size, err);

	if (ret == 0) {
		top = json_top(&doc);
		spec->default_devices = true;
		ret = read_all(&top, bundle, spec);
		if (ret == 0)
			ret = check_whole(&top, spec);
	}
	json_doc_free(&doc);
	return ret;
}
