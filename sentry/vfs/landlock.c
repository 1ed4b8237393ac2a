/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock: rulesets, and the layers that are made of them.
 *
 * Invariant: rules are sorted by inode and each inode has one; a layer never
 *            changes.  A rule keeps its dentry, so that the file keeps its
 *            inode as long as the rule is there.
 * Locks:     rs->mu (LOCK_PIPE) covers a ruleset's rules.
 * Linux:     security/landlock/{ruleset,syscalls}.c of 6.18, ABI 3.
 * Tests:     tests/conformance/landlock.c
 */
#include <errno.h>
#include <string.h>

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "sentry/vfs/dcache.h"
#include "sentry/vfs/landlock_private.h"
#include "sentry/vfs/namei.h"

#define MAX_RULES 65536u /* of one ruleset; Linux is bounded by memory */

struct ruleset {
	struct mutex mu; /* LOCK_PIPE */
	IMMUTABLE uint32_t handled;
	uint32_t nr, room;	     /* mu */
	struct landlock_rule *rules; /* mu */
};

static const struct file_ops ruleset_ops;

static void rule_get(const struct landlock_rule *r)
{
	super_get(r->sb);
	dentry_get(r->dentry);
}

static void rules_put(const struct landlock_rule *r, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		dentry_put(r[i].dentry);
		super_put(r[i].sb);
	}
}

/* --- rulesets ------------------------------------------------------------- */

static void ruleset_release(struct file *f)
{
	struct ruleset *rs = f->priv;

	rules_put(rs->rules, rs->nr);
	free(rs->rules);
	free(rs);
}

static const struct file_ops ruleset_ops = {
	.name = "landlock-ruleset",
	.release = ruleset_release,
};

bool landlock_is_ruleset(const struct file *f)
{
	return f->ops == &ruleset_ops;
}

uint32_t landlock_handled(const struct file *f)
{
	const struct ruleset *rs = f->priv;

	return rs->handled;
}

int landlock_ruleset_new(uint32_t handled, struct file **out)
{
	struct ruleset *rs = kzalloc(sizeof(*rs));
	int ret;

	if (!rs)
		return -ENOMEM;
	mutex_init(&rs->mu, LOCK_PIPE);
	rs->handled = handled;
	ret = file_new_anon("anon_inode:[landlock-ruleset]", &ruleset_ops, rs,
			    0600, LINUX_O_RDWR, out);
	if (ret < 0)
		free(rs);
	return ret;
}

/* Where the rule of @inode is, or would be. */
static uint32_t find_at(const struct landlock_rule *rules, uint32_t nr,
			const struct inode *inode)
{
	uint32_t lo = 0, hi = nr;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((uintptr_t)rules[mid].inode < (uintptr_t)inode)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int grow_locked(struct ruleset *rs)
{
	uint32_t room = MAX(rs->room * 2, 8u);
	struct landlock_rule *rules;

	if (rs->nr < rs->room)
		return 0;
	if (rs->nr >= MAX_RULES)
		return -E2BIG;
	rules = kcalloc(room, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	if (rs->nr)
		memcpy(rules, rs->rules, rs->nr * sizeof(*rules));
	free(rs->rules);
	rs->rules = rules;
	rs->room = room;
	return 0;
}

static int add_locked(struct ruleset *rs, struct landlock_rule *new)
{
	uint32_t at = find_at(rs->rules, rs->nr, new->inode);
	int ret;

	if (at < rs->nr && rs->rules[at].inode == new->inode) {
		rs->rules[at].access |= new->access;
		return 0;
	}
	ret = grow_locked(rs);
	if (ret < 0)
		return ret;
	memmove(&rs->rules[at + 1], &rs->rules[at],
		(rs->nr - at) * sizeof(*new));
	rule_get(new);
	rs->rules[at] = *new;
	rs->nr++;
	return 0;
}

int landlock_add_rule(struct file *f, const struct path *at, uint32_t access)
{
	struct ruleset *rs = f->priv;
	struct landlock_rule rule = {
		.inode = dentry_inode(at->dentry),
		.dentry = at->dentry,
		.sb = at->dentry->sb,
		.access = access,
	};
	int ret;

	if (!inode_is(rule.inode, LINUX_S_IFDIR) &&
	    (access & ~LINUX_LANDLOCK_FS_FILE))
		return -EINVAL;
	mutex_lock(&rs->mu);
	ret = add_locked(rs, &rule);
	mutex_unlock(&rs->mu);
	return ret;
}

/* --- layers --------------------------------------------------------------- */

static void layer_free(struct cred_part *p)
{
	struct landlock_layer *l = container_of(p, struct landlock_layer, part);

	rules_put(l->rules, l->nr_rules);
	if (l->parent)
		cred_part_put(&l->parent->part);
	free(l);
}

static struct landlock_layer *layer_new_locked(const struct ruleset *rs)
{
	struct landlock_layer *l =
		kzalloc(sizeof(*l) + rs->nr * sizeof(l->rules[0]));

	if (!l)
		return NULL;
	cred_part_init(&l->part, layer_free);
	l->handled = rs->handled;
	l->nr_rules = rs->nr;
	for (uint32_t i = 0; i < rs->nr; i++) {
		rule_get(&rs->rules[i]);
		l->rules[i] = rs->rules[i];
	}
	return l;
}

int landlock_restrict(struct cred *c, struct file *f)
{
	struct ruleset *rs = f->priv;
	struct landlock_layer *l, *parent = NULL;

	if (c->parts[CRED_LANDLOCK])
		parent = container_of(c->parts[CRED_LANDLOCK],
				      struct landlock_layer, part);
	if (parent && parent->nr_layers >= LINUX_LANDLOCK_MAX_LAYERS)
		return -E2BIG;
	mutex_lock(&rs->mu);
	l = layer_new_locked(rs);
	mutex_unlock(&rs->mu);
	if (!l)
		return -ENOMEM;
	l->nr_layers = parent ? parent->nr_layers + 1 : 1;
	l->parent = parent; /* the reference of @c passes */
	c->parts[CRED_LANDLOCK] = &l->part;
	return 0;
}
