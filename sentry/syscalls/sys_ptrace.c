/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_ptrace: ptrace(2).
 *
 * Tests: tests/conformance/ptrace.c
 */
#include <errno.h>

#include "sentry/kernel/task_private.h"
#include "syscalls.h"

long sys_ptrace(struct task *t, uint64_t request, int32_t pid, uint64_t addr,
		uint64_t data)
{
	AUTO_PUT(task) struct task *p = NULL;

	if (request == LINUX_PTRACE_TRACEME)
		return ptrace_traceme(t);
	p = task_lookup((uint32_t)pid);
	if (!p)
		return -ESRCH;
	if (request == LINUX_PTRACE_ATTACH || request == LINUX_PTRACE_SEIZE)
		return ptrace_attach(p, request == LINUX_PTRACE_SEIZE, addr,
				     data);
	return ptrace_request(p, request, addr, data);
}
