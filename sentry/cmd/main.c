/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main: picks the subcommand.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/oci.h"

#define MOAT_VERSION "0.1.0"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
	{ "apply", cmd_apply, "make changes of 'run --overlay' real" },
	{ "diff", cmd_diff, "show what 'run --overlay' has changed" },
	{ "discard", cmd_discard, "throw such changes away" },
	{ "platforms", cmd_platforms,
	  "tell what runs guest code here, and how fast" },
	{ "run", cmd_run, "run a program of this machine in a sandbox" },
};

void complain(const char *fmt, ...)
{
	va_list ap;

	fputs("moat: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void print_usage(FILE *to)
{
	fputs("usage: moat COMMAND [OPTIONS]\n\ncommands:\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name,
			commands[i].summary);
	fputs("\ncontainers (OCI, as runc): checkpoint create delete events "
	      "exec features\n  kill list pause ps resume run spec start state "
	      "update; see docs/oci.md\n",
	      to);
	fputs("\n'moat COMMAND --help' explains a command; "
	      "'moat --version' prints the version.\n",
	      to);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_MOAT;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("moat " MOAT_VERSION);
		return 0;
	}
	if (oci_is_command(argc - 1, argv + 1))
		return oci_main(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	complain("there is no command '%s'; 'moat --help' lists them", argv[1]);
	return EXIT_MOAT;
}
