/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of identities: setuid(2) and its family, capabilities(7), execve(2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "abi/prctl.h"
#include "sentry/kernel/cred.h"

#define KEEP   UINT32_MAX
#define SETUID (1ull << CAP_NR_SETUID)

struct ids {
	uint32_t r, e, s;
};

static struct cred *make(struct ids ids, uint64_t caps, uint32_t securebits)
{
	struct cred *c;

	assert_int_equal(cred_new(ids.r, 100, NULL, 0, &c), 0);
	c->euid = c->fsuid = ids.e;
	c->suid = ids.s;
	c->egid = c->fsgid = c->sgid = c->gid;
	c->cap_permitted = c->cap_effective = caps;
	c->securebits = securebits;
	return c;
}

/* --- which ids may be taken ----------------------------------------------- */

enum call { SETUID_, SETREUID, SETRESUID, SETFSUID };

static const struct id_case {
	const char *name;
	enum call call;
	struct ids from;
	bool cap;
	uint32_t a, b, c;
	int ret;
	struct ids to;
	uint32_t fsuid;
} g_id_cases[] = {
	{ "root setuid sets all",
	  SETUID_,
	  { 0, 0, 0 },
	  true,
	  5,
	  0,
	  0,
	  0,
	  { 5, 5, 5 },
	  5 },
	{ "setuid to the real id",
	  SETUID_,
	  { 1, 2, 3 },
	  false,
	  1,
	  0,
	  0,
	  0,
	  { 1, 1, 3 },
	  1 },
	{ "setuid to the saved id",
	  SETUID_,
	  { 1, 2, 3 },
	  false,
	  3,
	  0,
	  0,
	  0,
	  { 1, 3, 3 },
	  3 },
	{ "setuid to the effective id",
	  SETUID_,
	  { 1, 2, 3 },
	  false,
	  2,
	  0,
	  0,
	  -EPERM,
	  { 1, 2, 3 },
	  2 },
	{ "setuid to a stranger",
	  SETUID_,
	  { 1, 1, 1 },
	  false,
	  9,
	  0,
	  0,
	  -EPERM,
	  { 1, 1, 1 },
	  1 },
	{ "setuid(-1)",
	  SETUID_,
	  { 0, 0, 0 },
	  true,
	  KEEP,
	  0,
	  0,
	  -EINVAL,
	  { 0, 0, 0 },
	  0 },
	{ "setreuid swaps",
	  SETREUID,
	  { 1, 2, 2 },
	  false,
	  2,
	  1,
	  0,
	  0,
	  { 2, 1, 1 },
	  1 },
	{ "setreuid real from saved",
	  SETREUID,
	  { 1, 2, 3 },
	  false,
	  3,
	  KEEP,
	  0,
	  -EPERM,
	  { 1, 2, 3 },
	  2 },
	{ "setreuid effective from saved",
	  SETREUID,
	  { 1, 2, 3 },
	  false,
	  KEEP,
	  3,
	  0,
	  0,
	  { 1, 3, 3 },
	  3 },
	{ "setreuid effective to real keeps saved",
	  SETREUID,
	  { 1, 2, 3 },
	  false,
	  KEEP,
	  1,
	  0,
	  0,
	  { 1, 1, 3 },
	  1 },
	{ "setreuid of nothing",
	  SETREUID,
	  { 1, 2, 3 },
	  false,
	  KEEP,
	  KEEP,
	  0,
	  0,
	  { 1, 2, 3 },
	  2 },
	{ "setresuid permutes",
	  SETRESUID,
	  { 1, 2, 3 },
	  false,
	  3,
	  1,
	  2,
	  0,
	  { 3, 1, 2 },
	  1 },
	{ "setresuid to a stranger",
	  SETRESUID,
	  { 1, 2, 3 },
	  false,
	  KEEP,
	  KEEP,
	  4,
	  -EPERM,
	  { 1, 2, 3 },
	  2 },
	{ "setresuid with CAP_SETUID",
	  SETRESUID,
	  { 1, 2, 3 },
	  true,
	  7,
	  8,
	  9,
	  0,
	  { 7, 8, 9 },
	  8 },
	{ "setfsuid to saved",
	  SETFSUID,
	  { 1, 2, 3 },
	  false,
	  3,
	  0,
	  0,
	  0,
	  { 1, 2, 3 },
	  3 },
	{ "setfsuid to a stranger",
	  SETFSUID,
	  { 1, 2, 3 },
	  false,
	  4,
	  0,
	  0,
	  -EPERM,
	  { 1, 2, 3 },
	  2 },
};

static int run_case(const struct id_case *k, const struct cred *old,
		    struct cred **out)
{
	switch (k->call) {
	case SETUID_:
		return cred_setuid(old, k->a, out);
	case SETREUID:
		return cred_setreuid(old, k->a, k->b, out);
	case SETRESUID:
		return cred_setresuid(old, k->a, k->b, k->c, out);
	case SETFSUID:
		return cred_setfsuid(old, k->a, out);
	}
	return -ENOSYS;
}

static void ids_follow_the_man_pages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(g_id_cases); i++) {
		const struct id_case *k = &g_id_cases[i];
		struct cred *old = make(k->from, k->cap ? SETUID : 0, 0);
		struct cred *new = NULL;
		int ret = run_case(k, old, &new);

		if (ret != k->ret)
			fail_msg("%s: %d", k->name, ret);
		if (ret == 0) {
			if (new->uid != k->to.r || new->euid != k->to.e ||
			    new->suid != k->to.s || new->fsuid != k->fsuid)
				fail_msg("%s: %u %u %u %u", k->name, new->uid,
					 new->euid, new->suid, new->fsuid);
			assert_int_equal(new->user->uid, new->uid);
			cred_put(new);
		} else {
			assert_null(new);
		}
		cred_put(old);
	}
}

/* --- capabilities follow the ids ------------------------------------------ */

static void leaving_root_loses_capabilities(void **state)
{
	struct cred *c = make((struct ids){ 0, 0, 0 }, CAP_FULL_SET, 0),
		    *n = NULL;

	(void)state;
	assert_int_equal(cred_setuid(c, 1000, &n), 0);
	assert_int_equal(n->cap_permitted, 0);
	assert_int_equal(n->cap_effective, 0);
	cred_put(n);
	/* With one id left 0 only the effective set goes... */
	assert_int_equal(cred_setresuid(c, KEEP, 1000, KEEP, &n), 0);
	assert_true(n->cap_permitted == CAP_FULL_SET);
	assert_int_equal(n->cap_effective, 0);
	cred_put(c);
	/* ... and comes back. */
	assert_int_equal(cred_setresuid(n, KEEP, 0, KEEP, &c), 0);
	assert_true(c->cap_effective == CAP_FULL_SET);
	cred_put(n);
	cred_put(c);
}

static void keepcaps_keeps_the_permitted_set(void **state)
{
	struct cred *c = make((struct ids){ 0, 0, 0 }, CAP_FULL_SET,
			      LINUX_SECBIT_KEEP_CAPS);
	struct cred *n = NULL;

	(void)state;
	assert_int_equal(cred_setuid(c, 1000, &n), 0);
	assert_true(n->cap_permitted == CAP_FULL_SET);
	assert_int_equal(n->cap_effective, 0);
	cred_put(n);
	c->securebits = LINUX_SECBIT_NO_SETUID_FIXUP;
	assert_int_equal(cred_setuid(c, 1000, &n), 0);
	assert_true(n->cap_effective == CAP_FULL_SET);
	cred_put(n);
	cred_put(c);
}

static void fsuid_moves_the_file_capabilities(void **state)
{
	struct cred *c = make((struct ids){ 0, 0, 0 }, CAP_FULL_SET, 0), *n, *m;

	(void)state;
	assert_int_equal(cred_setfsuid(c, 1000, &n), 0);
	assert_false(cred_capable(n, CAP_NR_DAC_OVERRIDE));
	assert_false(cred_capable(n, CAP_NR_MKNOD));
	assert_true(cred_capable(n, CAP_NR_KILL));
	assert_int_equal(cred_setfsuid(n, 0, &m), 0);
	assert_true(m->cap_effective == CAP_FULL_SET);
	cred_put(m);
	cred_put(n);
	cred_put(c);
}

static void capset_never_adds(void **state)
{
	uint64_t kill = 1ull << CAP_NR_KILL, chown = 1ull << CAP_NR_CHOWN;
	struct cred *c = make((struct ids){ 5, 5, 5 }, kill, 0), *n = NULL;

	(void)state;
	assert_int_equal(cred_capset(c, chown, chown, 0, &n), -EPERM);
	assert_int_equal(cred_capset(c, kill | chown, kill, 0, &n), -EPERM);
	assert_int_equal(cred_capset(c, 0, kill, chown, &n), -EPERM);
	assert_int_equal(cred_capset(c, 0, kill, kill, &n), 0);
	cred_put(c);
	assert_int_equal(cred_raise_ambient(n, CAP_NR_KILL, &c), 0);
	assert_true(c->cap_ambient == kill);
	cred_put(n);
	/* Dropping it from the permitted set drops the ambient one. */
	assert_int_equal(cred_capset(c, 0, 0, kill, &n), 0);
	assert_int_equal(n->cap_ambient, 0);
	cred_put(n);
	cred_put(c);
}

static void securebit_locks_hold(void **state)
{
	struct cred *c = make((struct ids){ 0, 0, 0 }, CAP_FULL_SET,
			      LINUX_SECBIT_KEEP_CAPS_LOCKED);
	struct cred *n = NULL;

	(void)state;
	assert_int_equal(cred_set_securebits(c, 0, &n), -EPERM);
	assert_int_equal(cred_set_securebits(c, 0x30, &n), -EPERM);
	assert_int_equal(cred_set_securebits(c, 0x21, &n), 0);
	cred_put(n);
	assert_int_equal(cred_set_securebits(c, 0x1021, &n), -EPERM);
	cred_put(c);
}

/* --- execve --------------------------------------------------------------- */

static int exec_as(const struct cred *c, uint32_t mode, uint32_t uid,
		   uint32_t gid, bool no_new_privs, struct cred **out,
		   bool *secure)
{
	struct exec_file f = { .mode = mode,
			       .uid = uid,
			       .gid = gid,
			       .no_new_privs = no_new_privs };
	struct exec_cred r;
	int ret = cred_exec(c, &f, &r);

	if (ret == 0) {
		*out = r.cred;
		*secure = r.secure;
	}
	return ret;
}

static const uint64_t g_kill = 1ull << CAP_NR_KILL;

static void capabilities_of_the_file(void **state)
{
	struct cred *c = make((struct ids){ 5, 5, 5 }, 0, 0);
	struct exec_file f = {
		.mode = 0755, .caps = { .present = true, .permitted = g_kill }
	};
	struct exec_cred r;

	(void)state;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_true(r.cred->cap_permitted == g_kill);
	assert_int_equal(r.cred->cap_effective, 0);
	assert_true(r.secure && r.changed && r.clear_personality);
	cred_put(r.cred);
	f.caps.effective = true;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_true(r.cred->cap_effective == g_kill);
	cred_put(r.cred);
	/* Only meant for another namespace's root. */
	f.caps.root = 100000;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->cap_permitted, 0);
	cred_put(r.cred);
	f.caps.root = 0;
	f.ignore_suid = true;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->cap_permitted, 0);
	assert_false(r.secure);
	cred_put(r.cred);
	f.ignore_suid = false;
	f.no_new_privs = true;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->cap_permitted, 0);
	cred_put(r.cred);
	f.no_new_privs = false;
	f.traced = true;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->cap_permitted, 0);
	cred_put(r.cred);
	cred_put(c);
}

static void capabilities_beyond_the_bounding_set(void **state)
{
	struct cred *c = make((struct ids){ 5, 5, 5 }, 0, 0);
	struct exec_file f = {
		.mode = 0755, .caps = { .present = true, .permitted = g_kill }
	};
	struct exec_cred r;

	(void)state;
	c->cap_bounding &= ~g_kill;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->cap_permitted, 0);
	cred_put(r.cred);
	f.caps.effective = true;
	assert_int_equal(cred_exec(c, &f, &r), -EPERM);
	cred_put(c);
}

static void inheritable_capabilities_of_the_file(void **state)
{
	struct cred *c = make((struct ids){ 5, 5, 5 }, g_kill, 0);
	struct exec_file f = { .mode = 0755,
			       .caps = { .present = true,
					 .effective = true,
					 .inheritable = g_kill } };
	struct exec_cred r;

	(void)state;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->cap_permitted, 0);
	cred_put(r.cred);
	c->cap_inheritable = g_kill;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_true(r.cred->cap_effective == g_kill);
	cred_put(r.cred);
	/* A file with capabilities ends ambient ones. */
	c->cap_ambient = g_kill;
	f.caps.inheritable = 0;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->cap_ambient, 0);
	assert_int_equal(r.cred->cap_permitted, 0);
	cred_put(r.cred);
	cred_put(c);
}

static void set_user_root_with_capabilities_gets_those(void **state)
{
	struct cred *c = make((struct ids){ 5, 5, 5 }, 0, 0);
	struct exec_file f = { .mode = 04755,
			       .caps = { .present = true,
					 .effective = true,
					 .permitted = g_kill } };
	struct exec_cred r;

	(void)state;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->euid, 0);
	assert_true(r.cred->cap_permitted == g_kill);
	cred_put(r.cred);
	cred_put(c);
}

static void a_tracer_keeps_set_id_from_having_effect(void **state)
{
	struct cred *c = make((struct ids){ 5, 5, 5 }, 0, 0);
	struct exec_file f = { .mode = 04755, .traced = true };
	struct exec_cred r;

	(void)state;
	assert_int_equal(cred_exec(c, &f, &r), 0);
	assert_int_equal(r.cred->euid, 5);
	assert_int_equal(r.cred->cap_permitted, 0);
	cred_put(r.cred);
	cred_put(c);
}

static void attributes_are_checked(void **state)
{
	uint32_t d[7] = { 0x02000001, 0x21, 0x1, 0x100, 0xffffffff, 77, 0 };
	struct file_caps caps;

	(void)state;
	assert_int_equal(file_caps_parse(d, 20, &caps), 0);
	assert_true(caps.present && caps.effective);
	assert_true(caps.permitted == 0x10000000021ull);
	assert_true(caps.inheritable == (0x1ffull << 32 | 1));
	assert_int_equal(caps.root, 0);
	for (size_t size = 0; size <= 28; size++)
		assert_int_equal(file_caps_parse(d, size, &caps),
				 size == 20 ? 0 : -EINVAL);
	d[0] = 0x03000000;
	assert_int_equal(file_caps_parse(d, 24, &caps), 0);
	assert_int_equal(caps.root, 77);
	assert_false(caps.effective);
	assert_int_equal(file_caps_parse(d, 20, &caps), -EINVAL);
	d[0] = 0x01000000;
	assert_int_equal(file_caps_parse(d, 12, &caps), 0);
	assert_true(caps.permitted == 0x21);
	d[0] = 0x04000000;
	assert_int_equal(file_caps_parse(d, 24, &caps), -EINVAL);
}

static void exec_of_setuid_root_gives_root(void **state)
{
	struct cred *c = make((struct ids){ 1000, 1000, 1000 }, 0, 0),
		    *n = NULL;
	bool secure;

	(void)state;
	assert_int_equal(exec_as(c, 04755, 0, 0, false, &n, &secure), 0);
	assert_int_equal(n->euid, 0);
	assert_int_equal(n->suid, 0);
	assert_int_equal(n->uid, 1000);
	assert_true(n->cap_effective == CAP_FULL_SET);
	assert_true(secure);
	cred_put(n);
	assert_int_equal(exec_as(c, 04755, 0, 0, true, &n, &secure), 0);
	assert_int_equal(n->euid, 1000);
	assert_int_equal(n->cap_permitted, 0);
	assert_false(secure);
	cred_put(n);
	/* set-group-ID without group execute is no identity. */
	assert_int_equal(exec_as(c, 02744, 0, 7, false, &n, &secure), 0);
	assert_int_equal(n->egid, 100);
	cred_put(n);
	assert_int_equal(exec_as(c, 02755, 0, 7, false, &n, &secure), 0);
	assert_int_equal(n->egid, 7);
	assert_int_equal(n->sgid, 7);
	assert_true(secure);
	cred_put(n);
	cred_put(c);
}

static void exec_of_root_respects_the_bounding_set(void **state)
{
	struct cred *c = make((struct ids){ 0, 0, 0 }, CAP_FULL_SET, 0),
		    *n = NULL;
	bool secure;

	(void)state;
	c->cap_bounding &= ~(1ull << CAP_NR_SYS_ADMIN);
	assert_int_equal(exec_as(c, 0755, 0, 0, false, &n, &secure), 0);
	assert_false(cred_capable(n, CAP_NR_SYS_ADMIN));
	assert_true(cred_capable(n, CAP_NR_KILL));
	assert_false(secure);
	cred_put(n);
	c->securebits = LINUX_SECBIT_NOROOT;
	assert_int_equal(exec_as(c, 0755, 0, 0, false, &n, &secure), 0);
	assert_int_equal(n->cap_permitted, 0);
	cred_put(n);
	cred_put(c);
}

static void ambient_capabilities_survive_exec(void **state)
{
	uint64_t kill = 1ull << CAP_NR_KILL;
	struct cred *c = make((struct ids){ 5, 5, 5 }, kill, 0), *n = NULL;
	bool secure;

	(void)state;
	c->cap_inheritable = c->cap_ambient = kill;
	assert_int_equal(exec_as(c, 0755, 0, 0, false, &n, &secure), 0);
	assert_true(n->cap_effective == kill);
	assert_true(n->cap_permitted == kill);
	assert_false(secure);
	cred_put(n);
	cred_put(c);
}

static void groups_are_sorted_and_found(void **state)
{
	uint32_t ids[] = { 30, 10, 20 };
	struct cred *c;

	(void)state;
	assert_int_equal(cred_new(1, 5, ids, 3, &c), 0);
	assert_true(cred_in_group(c, 10));
	assert_true(cred_in_group(c, 30));
	assert_true(cred_in_group(c, 5));
	assert_false(cred_in_group(c, 15));
	assert_int_equal(c->groups[0], 10);
	cred_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_follow_the_man_pages),
		cmocka_unit_test(leaving_root_loses_capabilities),
		cmocka_unit_test(keepcaps_keeps_the_permitted_set),
		cmocka_unit_test(fsuid_moves_the_file_capabilities),
		cmocka_unit_test(capset_never_adds),
		cmocka_unit_test(securebit_locks_hold),
		cmocka_unit_test(capabilities_of_the_file),
		cmocka_unit_test(capabilities_beyond_the_bounding_set),
		cmocka_unit_test(inheritable_capabilities_of_the_file),
		cmocka_unit_test(set_user_root_with_capabilities_gets_those),
		cmocka_unit_test(a_tracer_keeps_set_id_from_having_effect),
		cmocka_unit_test(attributes_are_checked),
		cmocka_unit_test(exec_of_setuid_root_gives_root),
		cmocka_unit_test(exec_of_root_respects_the_bounding_set),
		cmocka_unit_test(ambient_capabilities_survive_exec),
		cmocka_unit_test(groups_are_sorted_and_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
