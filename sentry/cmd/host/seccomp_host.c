/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_host: linux.seccomp becomes a program, by libseccomp.
 *
 * The program is the guest's own filter, run by the sentry (kernel/seccomp.c);
 * nothing of it is loaded on the host.
 * Tests: tests/hostile/oci.sh
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sentry/cmd/host/container.h"
#include "sentry/lib/alloc.h"

#define INSN_SIZE 8 /* struct sock_filter */

/* What the specification calls them; libseccomp has other names. */
static const struct {
	const char *name;
	uint32_t arch;
} arches[] = {
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 },
};

/* Others than these cannot run here: their rules mean nothing. */
static int add_arches(scmp_filter_ctx ctx, char **names)
{
	for (; names && *names; names++) {
		for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
			int ret;

			if (strcmp(arches[i].name, *names))
				continue;
			ret = seccomp_arch_add(ctx, arches[i].arch);
			if (ret < 0 && ret != -EEXIST)
				return ret;
		}
	}
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, const struct oci_seccomp *s,
		    const struct oci_seccomp_rule *r)
{
	struct scmp_arg_cmp args[6];

	if (r->action == s->default_action)
		return 0;
	for (uint32_t i = 0; i < r->nr_args; i++)
		args[i] = (struct scmp_arg_cmp){
			r->args[i].index, (enum scmp_compare)r->args[i].op,
			r->args[i].value, r->args[i].value_two
		};
	for (char **name = r->names; *name; name++) {
		int nr = seccomp_syscall_resolve_name(*name), ret;

		if (nr == __NR_SCMP_ERROR)
			continue; /* of a newer kernel: no program knows it */
		ret = seccomp_rule_add_array(ctx, r->action, nr, r->nr_args,
					     args);
		/* The same argument twice is two rules, as for runc. */
		for (uint32_t i = 0; ret == -EINVAL && i < r->nr_args; i++)
			if (seccomp_rule_add_array(ctx, r->action, nr, 1,
						   &args[i]) < 0)
				return -EINVAL;
		if (ret < 0 && ret != -EINVAL && ret != -EEXIST)
			return ret;
	}
	return 0;
}

/* Through a file: older libraries know no other way. */
static int export_program(scmp_filter_ctx ctx, struct oci_seccomp *s)
{
	int fd = memfd_create("moat-seccomp", MFD_CLOEXEC);
	struct stat st;
	int ret = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (ret == 0 && fstat(fd, &st) < 0)
		ret = -errno;
	if (ret == 0) {
		s->program = xzalloc((size_t)st.st_size + 1);
		if (pread(fd, s->program, (size_t)st.st_size, 0) != st.st_size)
			ret = -EIO;
		s->nr_insns = (uint32_t)(st.st_size / INSN_SIZE);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

bool seccomp_host_compile(struct oci_seccomp *s)
{
	scmp_filter_ctx ctx;
	int ret;

	if (!s->given)
		return true;
	ctx = seccomp_init(s->default_action);
	ret = ctx ? add_arches(ctx, s->architectures) : -ENOMEM;
	for (uint32_t i = 0; i < s->nr_rules && ret == 0; i++)
		ret = add_rule(ctx, s, &s->rules[i]);
	if (ret == 0)
		ret = export_program(ctx, s);
	if (ctx)
		seccomp_release(ctx);
	if (ret < 0)
		oci_fail("linux.seccomp: cannot be compiled: %s",
			 strerror(-ret));
	return ret == 0;
}
