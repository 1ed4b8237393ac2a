/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_old: calls that few programs know: ustat(2), sysfs(2), syslog(2),
 * vhangup(2).
 *
 * The kernel's log of a sandbox is empty: what the sentry has to say is for
 * whoever runs it.
 * Tests: tests/conformance/old_calls.c
 */
#include <errno.h>
#include <string.h>

#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/vfs.h"
#include "syscalls.h"

/* --- ustat, sysfs --------------------------------------------------------- */

struct ustat {
	int32_t tfree, pad;
	uint64_t tinode;
	char fname[6], fpack[6];
	uint32_t pad2;
};
static_assert(sizeof(struct ustat) == 32, "struct ustat");

/* A device number as stat(2) of old packed it into 32 bits. */
static uint64_t decode_dev(uint32_t dev)
{
	uint64_t major = dev >> 8 & 0xfff;
	uint64_t minor = (dev & 0xff) | (dev >> 12 & 0xfff00);

	return (minor & 0xff) | major << 8 | (minor & ~0xffull) << 12;
}

long sys_ustat(struct task *t, uint32_t dev, uaddr_t buf)
{
	AUTO_PUT(super) struct super *sb = NULL;
	struct kstatfs k = { 0 };
	struct ustat u = { 0 };
	int ret;

	sb = mount_ns_find_super(task_mount_ns(t), decode_dev(dev));
	if (!sb)
		return -EINVAL;
	if (!sb->ops->statfs)
		return -ENOSYS;
	ret = sb->ops->statfs(sb, &k);
	if (ret < 0)
		return ret;
	u.tfree = (int32_t)k.bfree;
	u.tinode = k.ffree;
	return copy_out(buf, &u, sizeof(u));
}

/* As /proc/filesystems lists them. */
static const char *const g_fs_names[] = { "sysfs",    "tmpfs",	"proc",
					  "devtmpfs", "devpts", "overlay" };

long sys_sysfs(struct task *t, int32_t option, uint64_t arg1, uint64_t arg2)
{
	char name[64];
	long len;

	(void)t;
	switch (option) {
	case 1:
		len = copy_in_str(name, uaddr(arg1), sizeof(name));
		if (len == -ENAMETOOLONG)
			return -EINVAL;
		if (len < 0)
			return len;
		for (size_t i = 0; i < ARRAY_SIZE(g_fs_names); i++)
			if (strcmp(name, g_fs_names[i]) == 0)
				return (long)i;
		return -EINVAL;
	case 2:
		if (arg1 >= ARRAY_SIZE(g_fs_names))
			return -EINVAL;
		return copy_out(uaddr(arg2), g_fs_names[arg1],
				strlen(g_fs_names[arg1]) + 1);
	case 3:
		return (long)ARRAY_SIZE(g_fs_names);
	default:
		return -EINVAL;
	}
}

/* --- syslog --------------------------------------------------------------- */

enum {
	LOG_CLOSE,
	LOG_OPEN,
	LOG_READ,
	LOG_READ_ALL,
	LOG_READ_CLEAR,
	LOG_CLEAR,
	LOG_CONSOLE_OFF,
	LOG_CONSOLE_ON,
	LOG_CONSOLE_LEVEL,
	LOG_SIZE_UNREAD,
	LOG_SIZE_BUFFER
};
#define LOG_BUFFER_SIZE 131072

/* Nothing will ever come. */
static long wait_for_log(struct task *t)
{
	struct task_waiter w;
	int ret = 0;

	task_waiter_init(&w, t);
	while (ret == 0)
		ret = task_sleep(&w, NO_DEADLINE);
	return ret;
}

/* dmesg_restrict is 1: all of it is for CAP_SYSLOG. */
long sys_syslog(struct task *t, int32_t type, uaddr_t buf, int32_t size)
{
	if (!capable(CAP_NR_SYSLOG))
		return -EPERM;
	switch (type) {
	case LOG_READ:
	case LOG_READ_ALL:
	case LOG_READ_CLEAR:
		if (uaddr_is_null(buf) || size < 0)
			return -EINVAL;
		return type == LOG_READ && size ? wait_for_log(t) : 0;
	case LOG_CLOSE:
	case LOG_OPEN:
	case LOG_CLEAR:
	case LOG_CONSOLE_OFF:
	case LOG_CONSOLE_ON:
	case LOG_SIZE_UNREAD:
		return 0;
	case LOG_CONSOLE_LEVEL:
		return size < 1 || size > 8 ? -EINVAL : 0;
	case LOG_SIZE_BUFFER:
		return LOG_BUFFER_SIZE;
	default:
		return -EINVAL;
	}
}

/* --- vhangup -------------------------------------------------------------- */

long sys_vhangup(struct task *t)
{
	if (!capable(CAP_NR_SYS_TTY_CONFIG))
		return -EPERM;
	return task_tty_dev(t) ? -ENOSYS : 0;
}
