/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: `moat run`: options become a spec, the spec becomes a sandbox.
 */
#include <stdio.h>
#include <string.h>

#include "platform.h"
#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/launch.h"
#include "sentry/cmd/host/overlay_dir.h"
#include "sentry/lib/alloc.h"
#include "sentry/oci/spec.h"

static void run_options_fini(struct run_options *o)
{
	free(o->env);
	free(o->mounts);
}

static int run_parsed(const struct run_options *o)
{
	struct launch_args args = { 0 };
	struct oci_spec spec = { 0 };
	int code = EXIT_MOAT;

	args.platform = platform_choose(o->platform, args.platform_note,
					sizeof(args.platform_note));
	if (args.platform && run_spec_build(o, &spec) &&
	    (!spec.overlay_dir ||
	     overlay_dir_take(spec.overlay_dir, spec.root_path))) {
		args.spec = &spec;
		args.log_path = o->log;
		args.log_level = o->log_level;
		args.strace_path = o->strace;
		args.want_strace = o->want_strace;
		args.timeout_ms = o->timeout;
		code = launch(&args);
	}
	oci_spec_fini(&spec);
	return code;
}

int cmd_run(int argc, char **argv)
{
	struct run_options o;
	int code = EXIT_MOAT, ret = caller_inherit();

	if (ret < 0) {
		complain("cannot open /dev/null: %s", strerror(-ret));
		return EXIT_MOAT;
	}
	switch (run_options_parse(&o, argc, argv)) {
	case PARSE_HELP:
		run_options_help();
		code = 0;
		break;
	case PARSE_OK:
		code = run_parsed(&o);
		break;
	case PARSE_BAD:
		break;
	}
	run_options_fini(&o);
	return code;
}
