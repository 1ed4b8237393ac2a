/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: whether this host lets a process trace its child the way we do.
 *
 * Really tries: a child is seized and run to its next system call with SYSEMU.
 * About 0.3 ms, most of it fork and exit.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include <sys/prctl.h>

#include "platform/ptrace/pt.h"

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#endif

/* Seizes @pid and lets it run to its next call.  0 or -errno. */
static int try_trace(uint32_t pid)
{
	int status = 0;
	int ret = tracee_seize(pid);

	if (ret < 0)
		return ret;
	ret = (int)raw_ptrace(PTRACE_SYSEMU, pid, 0, NULL);
	if (ret < 0)
		return ret;
	if (raw_wait(pid, &status) < 0)
		return -ESRCH;
	return status == PT_SYSCALL_STOP ? 0 : -EIO;
}

static int try_child(void)
{
	long parent = raw_call(SYS_getpid, 0, 0, 0, 0);
	long pid = raw_call(SYS_clone, SIGCHLD, 0, 0, 0);
	int ret, status = 0;

	if (pid < 0)
		return (int)pid;
	if (pid == 0) {
		raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
		/* If it has died meanwhile there is nobody to kill us. */
		while (raw_call(SYS_getppid, 0, 0, 0, 0) == parent)
			raw_call(SYS_pause, 0, 0, 0, 0);
		raw_call(SYS_exit_group, 0, 0, 0, 0);
	}
	ret = try_trace((uint32_t)pid);
	raw_call(SYS_kill, (uint64_t)pid, SIGKILL, 0, 0);
	while (raw_wait((uint32_t)pid, &status) >= 0 && PT_IS_STOP(status))
		;
	return ret;
}

int pt_probe(const char **why)
{
	int ret;

	if (!xsave_present()) {
		*why = "the CPU or the host kernel has no XSAVE: "
		       "this machine cannot run it";
		return -ENODEV;
	}
	ret = try_child();
	switch (ret) {
	case 0:
		return 0;
	case -EAGAIN:
	case -ENOMEM:
		*why = "no process could be made for the test: raise the "
		       "limit on processes (ulimit -u) or on memory";
		return ret;
	case -EIO:
	case -EINVAL:
		*why = "the host kernel has no PTRACE_SYSEMU, or emulates "
		       "ptrace itself: use another platform";
		return ret;
	default:
		*why = "ptrace is not permitted here: set "
		       "kernel.yama.ptrace_scope to 0 or 1, or let the "
		       "container's seccomp profile allow ptrace";
		return ret;
	}
}
