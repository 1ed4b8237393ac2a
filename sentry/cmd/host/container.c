/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container: the state directory.
 *
 * Tests: tests/hostile/oci.sh
 */
#include "sentry/cmd/host/container.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sentry/cmd/host/tree.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/config.h"

#define STATE_MAX (1u << 20)

static const char *const status_names[] = {
	[CONTAINER_CREATING] = "creating", [CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",   [CONTAINER_PAUSED] = "paused",
	[CONTAINER_STOPPED] = "stopped",
};

const char *container_status_name(enum container_status s)
{
	return status_names[s];
}

bool container_id_ok(const char *id)
{
	if (!id[0] || strlen(id) > 1024 || !strcmp(id, ".") ||
	    !strcmp(id, ".."))
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("_+-.", *id))
			return false;
	return true;
}

uint64_t process_start_time(pid_t pid)
{
	char path[64], state;
	unsigned long long start = 0;
	char *text, *at;
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = read_whole(AT_FDCWD, path, 4096, &size);
	if (!text)
		return 0;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %c", &state) != 1 || state == 'Z' ||
	    state == 'X') {
		free(text);
		return 0;
	}
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		start = strtoull(at, NULL, 10);
	free(text);
	return start;
}

/* --- files ---------------------------------------------------------------- */

char *read_whole(int dir, const char *name, size_t max, size_t *size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t used = 0, cap = 4096;
	char *buf;
	ssize_t n;

	if (fd < 0)
		return NULL;
	buf = xzalloc(cap);
	while ((n = read(fd, buf + used, cap - used - 1)) > 0) {
		used += (size_t)n;
		if (used > max) {
			errno = EFBIG;
			n = -1;
			break;
		}
		if (used + 1 < cap)
			continue;
		cap *= 2;
		buf = realloc(buf, cap);
		if (!buf)
			abort();
	}
	close(fd);
	if (n < 0) {
		int err = errno;

		free(buf);
		errno = err;
		return NULL;
	}
	buf[used] = '\0';
	*size = used;
	return buf;
}

int write_whole(int dir, const char *name, const void *data, size_t size)
{
	char temp[NAME_MAX];
	size_t done = 0;
	int fd, ret = 0;

	snprintf(temp, sizeof(temp), ".%.100s.%d", name, getpid());
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (done < size && ret == 0) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0)
			ret = -errno;
		else
			done += (size_t)n;
	}
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0 && renameat(dir, temp, dir, name) < 0)
		ret = -errno;
	if (ret < 0)
		unlinkat(dir, temp, 0);
	return ret;
}

static int make_dirs(const char *path)
{
	AUTO_FREE char *copy = xstrdup(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0711) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(copy, 0711) < 0 && errno != EEXIST ? -errno : 0;
}

/* --- state.json ----------------------------------------------------------- */

static void add_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_common(struct json_object *o, const struct container *c)
{
	struct json_object *notes = json_object_new_object();

	add_str(o, "ociVersion", OCI_VERSION);
	add_str(o, "id", c->id);
	json_object_object_add(
		o, "pid",
		json_object_new_int(c->status == CONTAINER_STOPPED ? 0
								   : c->pid));
	add_str(o, "status", status_names[c->status]);
	add_str(o, "bundle", c->bundle ? c->bundle : "");
	for (uint32_t i = 0; i < c->annotations.nr; i++)
		add_str(notes, c->annotations.items[i].name,
			c->annotations.items[i].value);
	if (c->annotations.nr)
		json_object_object_add(o, "annotations", notes);
	else
		json_object_put(notes);
}

char *container_state_json(const struct container *c, bool full)
{
	struct json_object *o = json_object_new_object();
	char *text;

	add_common(o, c);
	if (full) {
		add_str(o, "rootfs", c->rootfs ? c->rootfs : "");
		add_str(o, "created", c->created ? c->created : "");
		json_object_object_add(o, "owner",
				       json_object_new_int64(c->owner));
	}
	text = xstrdup(json_object_to_json_string_ext(
		o,
		full ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE
		     : JSON_C_TO_STRING_PLAIN |
				JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return text;
}

bool container_save(struct container *c)
{
	struct json_object *o = json_object_new_object();
	struct json_object *dirs = json_object_new_array();
	const char *text;
	int ret;

	add_common(o, c);
	add_str(o, "rootfs", c->rootfs ? c->rootfs : "");
	add_str(o, "created", c->created ? c->created : "");
	json_object_object_add(o, "owner", json_object_new_int64(c->owner));
	json_object_object_add(o, "startTime",
			       json_object_new_uint64(c->start_time));
	for (char **d = c->cgroups; d && *d; d++)
		json_object_array_add(dirs, json_object_new_string(*d));
	json_object_object_add(o, "cgroups", dirs);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	ret = write_whole(c->dir, "state.json", text, strlen(text));
	json_object_put(o);
	if (ret < 0)
		oci_fail("cannot write the state of container %s: %s", c->id,
			 strerror(-ret));
	return ret == 0;
}

static int read_fields(const struct json_node *top, struct container *c)
{
	const char *status = "";
	int64_t pid = 0;
	int ret = json_str(top, "status", &status);

	if (ret == 0)
		ret = json_int(top, "pid", 0, INT32_MAX, &pid, NULL);
	if (ret == 0)
		ret = json_u64(top, "startTime", UINT64_MAX, &c->start_time,
			       NULL);
	if (ret == 0)
		ret = json_dup(top, "bundle", &c->bundle);
	if (ret == 0)
		ret = json_dup(top, "rootfs", &c->rootfs);
	if (ret == 0)
		ret = json_dup(top, "created", &c->created);
	if (ret == 0)
		ret = json_u32(top, "owner", &c->owner);
	if (ret == 0)
		ret = json_pairs(top, "annotations", &c->annotations);
	if (ret == 0)
		ret = json_strings(top, "cgroups", &c->cgroups);
	c->pid = (pid_t)pid;
	c->status = CONTAINER_STOPPED;
	for (size_t i = 0; i < ARRAY_SIZE(status_names); i++)
		if (strcmp(status, status_names[i]) == 0)
			c->status = (enum container_status)i;
	return ret;
}

static bool read_state(struct container *c)
{
	struct json_error err = { 0 };
	struct json_doc doc;
	struct json_node top;
	size_t size = 0;
	char *text = read_whole(c->dir, "state.json", STATE_MAX, &size);
	int ret;

	if (!text) {
		/* Its maker died before it had written one. */
		c->status = CONTAINER_STOPPED;
		return errno == ENOENT;
	}
	ret = json_doc_parse(&doc, text, size, &err);
	if (ret == 0) {
		top = json_top(&doc);
		ret = read_fields(&top, c);
	}
	json_doc_free(&doc);
	free(text);
	if (ret < 0) {
		oci_fail("the state of container %s is damaged: %s", c->id,
			 err.text);
		return false;
	}
	if (c->status != CONTAINER_STOPPED &&
	    (!c->pid || process_start_time(c->pid) != c->start_time))
		c->status = CONTAINER_STOPPED;
	return true;
}

/* --- directories ---------------------------------------------------------- */

static void start_empty(struct container *c, const char *root, const char *id)
{
	*c = (struct container){ .dir = -1,
				 .root = xstrdup(root),
				 .id = xstrdup(id),
				 .owner = geteuid() };
}

static int open_dir(const struct container *c)
{
	AUTO_FREE char *path = xasprintf("%s/%s", c->root, c->id);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Locks what is under the name now; -ENOENT: it went away meanwhile. */
static int lock_dir(struct container *c)
{
	struct stat locked, named;
	AUTO_FREE char *path = xasprintf("%s/%s", c->root, c->id);

	c->dir = open_dir(c);
	if (c->dir < 0)
		return c->dir;
	while (flock(c->dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	if (stat(path, &named) < 0 || fstat(c->dir, &locked) < 0 ||
	    named.st_ino != locked.st_ino || named.st_dev != locked.st_dev)
		return -ENOENT;
	return 0;
}

bool container_new(struct container *c, const char *root, const char *id)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, id);
	int ret;

	start_empty(c, root, id);
	ret = make_dirs(root);
	if (ret < 0) {
		oci_fail("cannot make the directory %s: %s", root,
			 strerror(-ret));
		return false;
	}
	if (mkdir(path, 0711) < 0) {
		if (errno == EEXIST)
			oci_fail("container with given ID already exists: %s",
				 id);
		else
			oci_fail("cannot make the directory %s: %s", path,
				 strerror(errno));
		return false;
	}
	ret = lock_dir(c);
	if (ret < 0)
		oci_fail("cannot lock container %s: %s", id, strerror(-ret));
	return ret == 0;
}

bool container_open(struct container *c, const char *root, const char *id,
		    bool quiet)
{
	int ret;

	start_empty(c, root, id);
	if (!container_id_ok(id)) {
		oci_fail("invalid container id '%s'", id);
		return false;
	}
	ret = lock_dir(c);
	if (ret < 0) {
		if (ret != -ENOENT)
			oci_fail("cannot open container %s: %s", id,
				 strerror(-ret));
		else if (!quiet)
			oci_fail("container %s does not exist", id);
		return false;
	}
	return read_state(c);
}

void container_remove(struct container *c)
{
	int root = open(c->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || tree_remove(root, c->id) < 0)
		oci_warn("cannot remove %s/%s: %s", c->root, c->id,
			 strerror(errno));
	if (root >= 0)
		close(root);
}

void container_close(struct container *c)
{
	if (c->dir >= 0)
		close(c->dir);
	free(c->root);
	free(c->id);
	free(c->bundle);
	free(c->rootfs);
	free(c->created);
	for (uint32_t i = 0; i < c->annotations.nr; i++) {
		free(c->annotations.items[i].name);
		free(c->annotations.items[i].value);
	}
	free(c->annotations.items);
	oci_strings_free(c->cgroups);
	*c = (struct container){ .dir = -1 };
}

char **container_list(const char *root)
{
	struct name_list l;
	int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || tree_names(dir, &l) < 0) {
		if (dir >= 0)
			close(dir);
		return xzalloc(sizeof(char *));
	}
	close(dir);
	l.names = realloc(l.names, (l.nr + 1) * sizeof(*l.names));
	if (!l.names)
		abort();
	l.names[l.nr] = NULL;
	return l.names;
}
