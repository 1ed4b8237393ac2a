/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_ns_map: /proc/PID/uid_map, gid_map, projid_map and setgroups: their
 * text, and who may write what, user_namespaces(7).
 *
 * Invariant: extents of a map overlap neither inside nor outside.
 * Locks:     g_user_ns_mu while a map or setgroups is set.
 * Linux:     map_write(), proc_setgroups_write() of 6.18.
 * Tests:     tests/conformance/userns.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/lib/seq_buf.h"

static const unsigned int map_cap[ID_KINDS] = {
	[ID_UID] = CAP_NR_SETUID,
	[ID_GID] = CAP_NR_SETGID,
	[ID_PROJID] = CAP_NR_SYS_ADMIN,
};

void user_ns_show_map(const struct user_ns *u, enum id_kind kind,
		      const struct user_ns *viewer, struct seq_buf *out)
{
	const struct id_map *m = atomic_load(&u->maps[kind]);

	/* A process inside sees what the parent calls them. */
	if (viewer == u && u->parent)
		viewer = u->parent;
	for (uint32_t i = 0; m && i < m->nr; i++)
		seq_printf(out, "%10u %10u %10u\n", m->e[i].first,
			   user_ns_map_up(viewer, kind, m->e[i].lower),
			   m->e[i].count);
}

/* --- parsing -------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* A decimal number behind blanks, and then blanks or the end. */
static bool parse_u32(const char **at, uint32_t *out)
{
	const char *p = skip_blanks(*at);
	uint64_t v = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > UINT32_MAX)
			return false;
	}
	if (*p && *p != ' ' && *p != '\t')
		return false;
	*at = p;
	*out = (uint32_t)v;
	return true;
}

static bool ranges_meet(uint32_t a, uint32_t b, uint32_t na, uint32_t nb)
{
	return (uint64_t)a < (uint64_t)b + nb && (uint64_t)b < (uint64_t)a + na;
}

static int parse_extent(const char *line, struct id_map *m)
{
	struct id_extent *e = &m->e[m->nr];

	if (!parse_u32(&line, &e->first) || !parse_u32(&line, &e->lower) ||
	    !parse_u32(&line, &e->count) || *skip_blanks(line))
		return -EINVAL;
	if (e->first == UINT32_MAX || e->lower == UINT32_MAX || !e->count ||
	    e->first + e->count <= e->first || e->lower + e->count <= e->lower)
		return -EINVAL;
	for (uint32_t i = 0; i < m->nr; i++)
		if (ranges_meet(m->e[i].first, e->first, m->e[i].count,
				e->count) ||
		    ranges_meet(m->e[i].lower, e->lower, m->e[i].count,
				e->count))
			return -EINVAL;
	m->nr++;
	return 0;
}

static int parse_map(char *text, struct id_map *m)
{
	char *line, *next;
	int ret;

	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next) {
			*next++ = '\0';
			if (*next == '\0')
				next = NULL;
		}
		if (m->nr == USER_NS_MAX_EXTENTS)
			return -EINVAL;
		ret = parse_extent(line, m);
		if (ret < 0)
			return ret;
	}
	return m->nr ? 0 : -EINVAL;
}

/* --- who may -------------------------------------------------------------- */

/* Mapping root of the parent needs CAP_SETFCAP: of the maker, or the writer. */
static bool may_map_root(const struct user_ns *u, const struct cred *writer,
			 enum id_kind kind, const struct id_map *m)
{
	if (kind != ID_UID)
		return true;
	for (uint32_t i = 0; i < m->nr; i++) {
		if (m->e[i].lower != 0)
			continue;
		return writer->user_ns == u ? u->parent_could_setfcap
					    : cred_ns_capable(writer, u->parent,
							      CAP_NR_SETFCAP);
	}
	return true;
}

/* @m holds the parent's ids still.  @me: the current task. */
static bool may_map(const struct user_ns *u, const struct cred *writer,
		    const struct cred *me, enum id_kind kind,
		    const struct id_map *m)
{
	if (!may_map_root(u, writer, kind, m))
		return false;
	if (m->nr == 1 && m->e[0].count == 1 && writer->euid == u->uid) {
		uint32_t kid = user_ns_map_down(u->parent, kind, m->e[0].lower);

		if (kind == ID_UID && kid == writer->euid)
			return true;
		if (kind == ID_GID && u->setgroups_denied &&
		    kid == writer->egid)
			return true;
	}
	if (kind == ID_PROJID)
		return true;
	return cred_ns_capable(me, u->parent, map_cap[kind]) &&
	       cred_ns_capable(writer, u->parent, map_cap[kind]);
}

/* Extents to kernel ids; a range that the parent splits is refused. */
static int lower_to_kernel(const struct user_ns *u, enum id_kind kind,
			   struct id_map *m)
{
	for (uint32_t i = 0; i < m->nr; i++) {
		struct id_extent *e = &m->e[i];
		uint32_t last = user_ns_map_down(u->parent, kind,
						 e->lower + (e->count - 1));

		e->lower = user_ns_map_down(u->parent, kind, e->lower);
		if (e->lower == UINT32_MAX || last != e->lower + (e->count - 1))
			return -EPERM;
	}
	return 0;
}

static int set_map_locked(struct user_ns *u, enum id_kind kind,
			  const struct cred *writer, struct id_map *m,
			  char *text)
{
	const struct cred *me = current_task()->cred;
	int ret;

	if (atomic_load(&u->maps[kind]))
		return -EPERM; /* once only */
	if (kind != ID_PROJID && !cred_ns_capable(writer, u, CAP_NR_SYS_ADMIN))
		return -EPERM;
	ret = parse_map(text, m);
	if (ret < 0)
		return ret;
	if (!may_map(u, writer, me, kind, m))
		return -EPERM;
	ret = lower_to_kernel(u, kind, m);
	if (ret == 0)
		atomic_store(&u->maps[kind], m);
	return ret;
}

long user_ns_write_map(struct user_ns *u, enum id_kind kind,
		       const struct cred *writer, char *text, size_t size)
{
	struct id_map *m;
	int ret;

	if (!u->parent)
		return -EPERM;
	if (writer->user_ns != u && writer->user_ns != u->parent)
		return -EPERM;
	if (strlen(text) != size)
		return -EINVAL;
	m = kzalloc(sizeof(*m) + USER_NS_MAX_EXTENTS * sizeof(m->e[0]));
	if (!m)
		return -ENOMEM;
	mutex_lock(&g_user_ns_mu);
	ret = set_map_locked(u, kind, writer, m, text);
	mutex_unlock(&g_user_ns_mu);
	if (ret < 0) {
		free(m);
		return ret;
	}
	return (long)size;
}

long user_ns_write_setgroups(struct user_ns *u, const struct cred *writer,
			     char *text, size_t size)
{
	size_t len = 0;
	bool allow;
	int ret = 0;

	if (!cred_ns_capable(writer, u, CAP_NR_SYS_ADMIN))
		return -EACCES;
	if (size >= 8)
		return -EINVAL;
	if (strncmp(text, "allow", 5) == 0) {
		len = 5;
		allow = true;
	} else if (strncmp(text, "deny", 4) == 0) {
		len = 4;
		allow = false;
	} else {
		return -EINVAL;
	}
	while (text[len] == ' ' || text[len] == '\t' || text[len] == '\n')
		len++;
	if (text[len])
		return -EINVAL;
	mutex_lock(&g_user_ns_mu);
	if (allow) {
		if (u->setgroups_denied)
			ret = -EPERM;
	} else if (atomic_load(&u->maps[ID_GID])) {
		ret = -EPERM; /* too late to take it away */
	} else {
		u->setgroups_denied = true;
	}
	mutex_unlock(&g_user_ns_mu);
	return ret < 0 ? ret : (long)size;
}
