/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub_filter: see the header.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/stub_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* libseccomp 2.5 writes programs to descriptors only. */
int stub_filter_export(scmp_filter_ctx ctx, struct sock_fprog *out)
{
	int fd = memfd_create("moat-filter", MFD_CLOEXEC);
	void *code = NULL;
	ssize_t size;
	int ret;

	if (fd < 0)
		return -errno;
	ret = seccomp_export_bpf(ctx, fd);
	size = ret < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (ret == 0 && size > 0)
		code = malloc((size_t)size);
	if (ret == 0 && (!code || pread(fd, code, (size_t)size, 0) != size))
		ret = -ENOMEM;
	close(fd);
	if (ret < 0) {
		free(code);
		return ret;
	}
	out->filter = code;
	out->len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	return 0;
}
