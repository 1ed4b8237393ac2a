/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_info: what the system says of itself, and random bytes.
 *
 * Tests: tests/conformance/info.c
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "abi/sysinfo.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/host/host.h"
#include "sentry/host/host_info.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/task_ns.h"
#include "sentry/kernel/task_private.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/mm/memfile.h"
#include "sentry/time/clock.h"
#include "syscalls.h"

#define GRND_NONBLOCK 1u
#define GRND_RANDOM   2u
#define GRND_INSECURE 4u

long sys_uname(struct task *t, uaddr_t buf)
{
	struct linux_utsname u = {
		.sysname = "Linux",
		.release = MOAT_UTS_RELEASE,
		.version = MOAT_UTS_VERSION,
		.machine = "x86_64",
	};

	mutex_lock(&task_uts(t)->mu);
	memcpy(u.nodename, task_uts(t)->nodename, sizeof(u.nodename));
	memcpy(u.domainname, task_uts(t)->domainname, sizeof(u.domainname));
	mutex_unlock(&task_uts(t)->mu);
	return copy_out(buf, &u, sizeof(u));
}

static long set_uts_name(struct task *t, char *field, uaddr_t name,
			 int32_t size)
{
	char text[65] = { 0 };

	if (!ns_capable(task_uts(t)->ns.owner, CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (size < 0 || size > 64)
		return -EINVAL;
	if (copy_in(text, name, (size_t)size) < 0)
		return -EFAULT;
	mutex_lock(&task_uts(t)->mu);
	memcpy(field, text, sizeof(text));
	mutex_unlock(&task_uts(t)->mu);
	return 0;
}

long sys_sethostname(struct task *t, uaddr_t name, int32_t size)
{
	return set_uts_name(t, task_uts(t)->nodename, name, size);
}

long sys_setdomainname(struct task *t, uaddr_t name, int32_t size)
{
	return set_uts_name(t, task_uts(t)->domainname, name, size);
}

long sys_sysinfo(struct task *t, uaddr_t info)
{
	struct linux_sysinfo si = { .mem_unit = 1 };
	struct memfile_stats m;
	double load[3];

	(void)t;
	proc_loads(load);
	for (int i = 0; i < 3; i++)
		si.loads[i] = (uint64_t)(load[i] * LINUX_SI_LOAD_ONE);
	memfile_stats(&m);
	si.uptime =
		(int64_t)((clock_monotonic() + (uint64_t)task_boot_offset(t)) /
			  NSEC_PER_SEC);
	si.totalram = memory_total();
	si.freeram = si.totalram - MIN(m.used, si.totalram);
	si.procs = (uint16_t)MIN(kernel_nr_tasks(), UINT16_MAX);
	return copy_out(info, &si, sizeof(si));
}

/* In pieces; a signal ends a long one after the first page, as on Linux. */
long sys_getrandom(struct task *t, uaddr_t buf, uint64_t size, uint32_t flags)
{
	uint8_t piece[2048];
	uint64_t done = 0;
	int ret;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & GRND_RANDOM) && (flags & GRND_INSECURE))
		return -EINVAL;
	size = MIN(size, (uint64_t)INT_MAX);
	while (done < size) {
		size_t n = MIN(size - done, sizeof(piece));

		ret = host_getrandom(piece, n);
		if (ret == 0)
			ret = copy_out(uaddr_add(buf, done), piece, n);
		if (ret < 0)
			return done ? (long)done : ret;
		done += n;
		if (done % PAGE_SIZE == 0 && task_signal_pending(t))
			break;
	}
	return (long)done;
}

long sys_getcpu(struct task *t, uaddr_t cpu, uaddr_t node, uaddr_t cache)
{
	uint32_t nr = task_which_cpu(t), zero = 0;

	(void)cache;
	if (!uaddr_is_null(cpu) && copy_out(cpu, &nr, sizeof(nr)) < 0)
		return -EFAULT;
	if (!uaddr_is_null(node) && copy_out(node, &zero, sizeof(zero)) < 0)
		return -EFAULT;
	return 0;
}
