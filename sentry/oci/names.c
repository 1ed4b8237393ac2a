/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names: the words of the specification and what they mean.
 *
 * Tests: tests/unit/test_oci_config.c
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "abi/mount.h"
#include "sentry/oci/config.h"

#define SHARED	   LINUX_MS_SHARED
#define REC	   LINUX_MS_REC
#define ATIME_BITS (LINUX_MS_NOATIME | LINUX_MS_RELATIME | LINUX_MS_STRICTATIME)

const char *const oci_hook_names[OCI_HOOK_KINDS] = {
	[OCI_HOOK_PRESTART] = "prestart",
	[OCI_HOOK_CREATE_RUNTIME] = "createRuntime",
	[OCI_HOOK_CREATE_CONTAINER] = "createContainer",
	[OCI_HOOK_START_CONTAINER] = "startContainer",
	[OCI_HOOK_POSTSTART] = "poststart",
	[OCI_HOOK_POSTSTOP] = "poststop",
};

const char *const oci_ns_names[OCI_NS_KINDS] = {
	[OCI_NS_CGROUP] = "cgroup", [OCI_NS_IPC] = "ipc",
	[OCI_NS_MOUNT] = "mount",   [OCI_NS_NETWORK] = "network",
	[OCI_NS_PID] = "pid",	    [OCI_NS_TIME] = "time",
	[OCI_NS_USER] = "user",	    [OCI_NS_UTS] = "uts",
};

static const char *const caps[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

int oci_cap_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		if (strcasecmp(name, caps[i]) == 0)
			return (int)i;
	return -1;
}

const char *oci_cap_name(unsigned int cap)
{
	return cap < ARRAY_SIZE(caps) ? caps[cap] : NULL;
}

/* In the order of getrlimit(2)'s numbers. */
static const char *const rlimits[] = {
	"CPU",	    "FSIZE",  "DATA",	 "STACK",  "CORE",  "RSS",
	"NPROC",    "NOFILE", "MEMLOCK", "AS",	   "LOCKS", "SIGPENDING",
	"MSGQUEUE", "NICE",   "RTPRIO",	 "RTTIME",
};

int oci_rlimit_number(const char *name)
{
	if (strncmp(name, "RLIMIT_", 7))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(rlimits); i++)
		if (strcmp(name + 7, rlimits[i]) == 0)
			return (int)i;
	return -1;
}

const struct oci_mount_option oci_mount_options[] = {
	{ "async", 0, LINUX_MS_SYNCHRONOUS, 0 },
	{ "atime", 0, LINUX_MS_NOATIME, 0 },
	{ "bind", LINUX_MS_BIND, 0, 0 },
	{ "defaults", 0, 0, 0 },
	{ "dev", 0, LINUX_MS_NODEV, 0 },
	{ "diratime", 0, LINUX_MS_NODIRATIME, 0 },
	{ "dirsync", LINUX_MS_DIRSYNC, 0, 0 },
	{ "exec", 0, LINUX_MS_NOEXEC, 0 },
	{ "lazytime", LINUX_MS_LAZYTIME, 0, 0 },
	{ "loud", 0, LINUX_MS_SILENT, 0 },
	{ "noatime", LINUX_MS_NOATIME, ATIME_BITS, 0 },
	{ "nodev", LINUX_MS_NODEV, 0, 0 },
	{ "nodiratime", LINUX_MS_NODIRATIME, 0, 0 },
	{ "noexec", LINUX_MS_NOEXEC, 0, 0 },
	{ "nolazytime", 0, LINUX_MS_LAZYTIME, 0 },
	{ "norelatime", 0, LINUX_MS_RELATIME, 0 },
	{ "nostrictatime", 0, LINUX_MS_STRICTATIME, 0 },
	{ "nosuid", LINUX_MS_NOSUID, 0, 0 },
	{ "nosymfollow", LINUX_MS_NOSYMFOLLOW, 0, 0 },
	{ "private", 0, 0, LINUX_MS_PRIVATE },
	{ "rbind", LINUX_MS_BIND | REC, 0, 0 },
	{ "rdev", 0, LINUX_MS_NODEV, 0 },
	{ "relatime", LINUX_MS_RELATIME, ATIME_BITS, 0 },
	{ "rexec", 0, LINUX_MS_NOEXEC, 0 },
	{ "rnoatime", LINUX_MS_NOATIME, ATIME_BITS, 0 },
	{ "rnodev", LINUX_MS_NODEV, 0, 0 },
	{ "rnoexec", LINUX_MS_NOEXEC, 0, 0 },
	{ "rnosuid", LINUX_MS_NOSUID, 0, 0 },
	{ "rnosymfollow", LINUX_MS_NOSYMFOLLOW, 0, 0 },
	{ "ro", LINUX_MS_RDONLY, 0, 0 },
	{ "rprivate", 0, 0, LINUX_MS_PRIVATE | REC },
	{ "rrelatime", LINUX_MS_RELATIME, ATIME_BITS, 0 },
	{ "rro", LINUX_MS_RDONLY, 0, 0 },
	{ "rrw", 0, LINUX_MS_RDONLY, 0 },
	{ "rshared", 0, 0, SHARED | REC },
	{ "rslave", 0, 0, LINUX_MS_SLAVE | REC },
	{ "rstrictatime", LINUX_MS_STRICTATIME, ATIME_BITS, 0 },
	{ "rsuid", 0, LINUX_MS_NOSUID, 0 },
	{ "runbindable", 0, 0, LINUX_MS_UNBINDABLE | REC },
	{ "rw", 0, LINUX_MS_RDONLY, 0 },
	{ "shared", 0, 0, SHARED },
	{ "silent", LINUX_MS_SILENT, 0, 0 },
	{ "slave", 0, 0, LINUX_MS_SLAVE },
	{ "strictatime", LINUX_MS_STRICTATIME, ATIME_BITS, 0 },
	{ "suid", 0, LINUX_MS_NOSUID, 0 },
	{ "symfollow", 0, LINUX_MS_NOSYMFOLLOW, 0 },
	{ "sync", LINUX_MS_SYNCHRONOUS, 0, 0 },
	{ "unbindable", 0, 0, LINUX_MS_UNBINDABLE },
	{ NULL, 0, 0, 0 },
};

uint64_t oci_propagation(const char *word)
{
	for (const struct oci_mount_option *o = oci_mount_options; o->name; o++)
		if (strcmp(o->name, word) == 0)
			return o->propagation;
	return 0;
}

const struct oci_name oci_seccomp_actions[] = {
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	{ NULL, 0 },
};

/* Numbers as enum scmp_compare of libseccomp has them. */
const struct oci_name oci_seccomp_ops[] = {
	{ "SCMP_CMP_NE", 1 },	     { "SCMP_CMP_LT", 2 }, { "SCMP_CMP_LE", 3 },
	{ "SCMP_CMP_EQ", 4 },	     { "SCMP_CMP_GE", 5 }, { "SCMP_CMP_GT", 6 },
	{ "SCMP_CMP_MASKED_EQ", 7 }, { NULL, 0 },
};
