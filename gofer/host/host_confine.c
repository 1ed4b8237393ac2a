/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_confine: what the gofer gives up before it serves, beside its filter.
 *
 * Locks: none, one thread.
 * Tests: tests/gofer/test_gofer.c
 */
#include "gofer/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PLACE_ABOVE 256 /* more than GOFER_MAX_EXPORTS + FD_EXPORTS */

int gofer_host_place_fds(int *fds, unsigned int nr)
{
	/* Out of the way first, so that no placement hits a source. */
	for (unsigned int i = 0; i < nr; i++) {
		if (fds[i] < 0)
			continue;
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, PLACE_ABOVE);
		if (fds[i] < 0)
			return -errno;
	}
	for (unsigned int i = 0; i < nr; i++) {
		close((int)i);
		if (fds[i] >= 0 && dup3(fds[i], (int)i, O_CLOEXEC) < 0)
			return -errno;
	}
	return syscall(SYS_close_range, nr, ~0u, 0) < 0 ? -errno : 0;
}

static int drop_bounding(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap) < 0 && errno != EPERM)
			return -errno;
	return 0;
}

int gofer_host_drop_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)caps, (uint32_t)caps, 0 },
		{ (uint32_t)(caps >> 32), (uint32_t)(caps >> 32), 0 },
	};
	int ret = drop_bounding();

	if (ret < 0)
		return ret;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, data) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    /* Last: a change of credentials clears it. */
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return 0;
}

int gofer_host_settle(void)
{
	struct rlimit lim;
	sigset_t set;

	umask(0);
	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGABRT);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0 ||
	    prctl(PR_SET_NAME, "moat-gofer") < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return -errno;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
		return -errno;
	return (int)MIN(lim.rlim_cur, (rlim_t)(1 << 20));
}

int gofer_host_enter_proc(void)
{
	return fchdir(FD_PROC) < 0 ? -errno : 0;
}

void gofer_host_report(int fd, const char *text, size_t size)
{
	ssize_t n = write(fd, text, size);

	(void)n; /* the launcher says that the gofer ended, without a cause */
}

void gofer_host_ids(uint32_t *uid, uint32_t *gid)
{
	*uid = geteuid();
	*gid = getegid();
}

void gofer_host_exit(int status)
{
	_exit(status);
}
