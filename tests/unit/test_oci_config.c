/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_oci_config: config.json becomes a spec, or is refused with the place of
 * the fault; a process survives encoding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off: cmocka needs the four above */
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "abi/mount.h"
#include "sentry/oci/config.h"
#include "sentry/oci/process_codec.h"

#define NS_MOUNT "{\"type\":\"mount\"},{\"type\":\"uts\"}"
#define NS	 "\"linux\":{\"namespaces\":[" NS_MOUNT "]"
#define PROCESS	 "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"}"
#define HEAD	 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},"

static struct json_error err;

static int parse(const char *text, struct oci_spec *spec)
{
	*spec = (struct oci_spec){ 0 };
	return oci_config_parse(text, strlen(text), "/b", spec, &err);
}

static void refused(const char *text, const char *why)
{
	struct oci_spec spec;

	assert_int_not_equal(parse(text, &spec), 0);
	if (!strstr(err.text, why))
		fail_msg("'%s' is not in '%s'", why, err.text);
	oci_spec_fini(&spec);
}

static void test_minimal(void **state)
{
	struct oci_spec spec;

	(void)state;
	assert_int_equal(parse(HEAD PROCESS "," NS "}}", &spec), 0);
	assert_string_equal(spec.root_path, "/b/r");
	assert_string_equal(spec.process.args[0], "sh");
	assert_null(spec.process.args[1]);
	assert_true(spec.ns[OCI_NS_MOUNT].listed);
	assert_false(spec.ns[OCI_NS_NETWORK].listed);
	assert_true(spec.process.caps.given);
	assert_int_equal(spec.process.caps.bounding, 0);
	oci_spec_fini(&spec);
}

static void test_process(void **state)
{
	struct oci_spec spec;
	struct oci_process *p = &spec.process;

	(void)state;
	assert_int_equal(
		parse(HEAD "\"process\":{\"args\":[\"a\",\"b\"],\"cwd\":\"/x\","
			   "\"env\":[\"A=1\"],\"terminal\":true,"
			   "\"consoleSize\":{\"height\":24,\"width\":80},"
			   "\"user\":{\"uid\":4294967294,\"gid\":2,"
			   "\"umask\":18,\"additionalGids\":[5,6]},"
			   "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
			   "\"soft\":5,\"hard\":18446744073709551615}],"
			   "\"capabilities\":{\"permitted\":[\"CAP_KILL\","
			   "\"CAP_NEWER\"],\"effective\":[\"CAP_KILL\","
			   "\"CAP_CHOWN\"]},\"oomScoreAdj\":-5,"
			   "\"noNewPrivileges\":true}," NS "}}",
		      &spec),
		0);
	assert_int_equal(p->user.uid, 4294967294u);
	assert_int_equal(p->user.nr_additional_gids, 2);
	assert_int_equal(p->umask, 18);
	assert_int_equal(p->rows, 24);
	assert_true(p->rlimits[0].hard == UINT64_MAX);
	assert_int_equal(p->rlimits[0].type, 7);
	assert_int_equal(p->caps.permitted, 1 << 5);
	assert_int_equal(p->caps.effective, 1 << 5);
	assert_int_equal(p->oom_score_adj, -5);
	oci_spec_fini(&spec);
}

static void test_mounts(void **state)
{
	struct oci_spec spec;

	(void)state;
	assert_int_equal(parse(HEAD PROCESS
			       ",\"mounts\":[{\"destination\":\"/t\","
			       "\"type\":\"tmpfs\",\"source\":\"x\","
			       "\"options\":[\"nosuid\",\"ro\",\"size=1k\","
			       "\"mode=755\"]},{\"destination\":\"rel\","
			       "\"type\":\"none\",\"source\":\"d\","
			       "\"options\":[\"rbind\",\"rslave\"]}]," NS "}}",
			       &spec),
			 0);
	assert_int_equal(spec.nr_mounts, 2);
	assert_string_equal(spec.mounts[0].data, "size=1k,mode=755");
	assert_true(spec.mounts[0].readonly);
	assert_int_equal(spec.mounts[0].flags, LINUX_MS_NOSUID);
	assert_int_equal(spec.mounts[1].kind, OCI_MOUNT_BIND);
	assert_string_equal(spec.mounts[1].source, "/b/d");
	assert_string_equal(spec.mounts[1].destination, "/rel");
	assert_int_equal(spec.mounts[1].propagation,
			 LINUX_MS_SLAVE | LINUX_MS_REC);
	oci_spec_fini(&spec);
}

static void test_refusals(void **state)
{
	(void)state;
	refused("", "ends");
	refused("[]", "an object is expected");
	refused("{", "ends");
	refused("{\"a\":1}x", "follows the end");
	refused("{\"a\":nul}", "line 1");
	refused("{}", "ociVersion: is missing");
	refused("{\"ociVersion\":1}", "ociVersion: a string is expected, not "
				      "a number");
	refused("{\"ociVersion\":\"x\"}", "no version number");
	refused(HEAD "\"process\":[]}", "process: an object is expected");
	refused(HEAD "\"process\":{\"args\":[\"a\",2],\"cwd\":\"/\"}}",
		"process.args[1]: a string is expected, not a number");
	refused(HEAD "\"process\":{\"args\":[\"a\\u0000b\"],\"cwd\":\"/\"}}",
		"NUL");
	refused(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":"
		     "{\"uid\":4294967296}}}",
		"process.user.uid: not within");
	refused(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":"
		     "{\"uid\":1.5}}}",
		"a number with a fraction");
	refused(HEAD PROCESS "}", "linux: is missing");
	refused(HEAD PROCESS ",\"linux\":{\"namespaces\":[{\"type\":\"q\"}]}}",
		"linux.namespaces[0].type");
	refused(HEAD PROCESS ",\"linux\":{\"namespaces\":[{\"type\":\"pid\","
			     "\"path\":\"/proc/1/ns/pid\"}]}}",
		"cannot be joined");
	refused(HEAD PROCESS ",\"linux\":{}}", "mount namespace");
	refused(HEAD PROCESS "," NS ",\"sysctl\":{\"kernel.panic\":\"1\"}}}",
		"kernel.panic");
	refused(HEAD PROCESS "," NS ",\"seccomp\":{\"defaultAction\":\"X\"}}}",
		"linux.seccomp.defaultAction: 'X' is not known");
	refused(HEAD PROCESS "," NS ",\"resources\":{\"unified\":{\"../x\":"
			     "\"1\"}}}}",
		"no file of a control group");
	refused(HEAD PROCESS "," NS ",\"intelRdt\":{}}}", "not supported");
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(oci_cap_number("CAP_CHOWN"), 0);
	assert_int_equal(oci_cap_number("sys_admin"), 21);
	assert_int_equal(oci_cap_number("CAP_CHECKPOINT_RESTORE"), 40);
	assert_int_equal(oci_cap_number("CAP_"), -1);
	assert_null(oci_cap_name(41));
	assert_int_equal(oci_rlimit_number("RLIMIT_RTTIME"), 15);
	assert_int_equal(oci_rlimit_number("NOFILE"), -1);
	assert_int_equal(oci_propagation("rshared"),
			 LINUX_MS_SHARED | LINUX_MS_REC);
	assert_int_equal(oci_propagation("ro"), 0);
}

static void test_codec(void **state)
{
	char *args[] = { (char *)"a", (char *)"", NULL };
	char *env[] = { NULL };
	struct oci_process p = { .args = args,
				 .env = env,
				 .cwd = (char *)"/",
				 .oom_score_adj = -7 },
			   q;
	struct seq_buf s = { 0 };

	(void)state;
	oci_process_encode(&p, &s);
	assert_false(s.failed);
	assert_int_equal(oci_process_decode(s.data, s.len, &q), 0);
	assert_string_equal(q.args[0], "a");
	assert_string_equal(q.args[1], "");
	assert_null(q.args[2]);
	assert_int_equal(q.oom_score_adj, -7);
	oci_process_fini(&q);
	for (size_t cut = 0; cut < s.len; cut++) {
		assert_int_not_equal(oci_process_decode(s.data, cut, &q), 0);
		oci_process_fini(&q);
	}
	seq_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minimal), cmocka_unit_test(test_process),
		cmocka_unit_test(test_mounts),	cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
