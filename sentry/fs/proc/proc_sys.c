/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc_sys: /proc/sys.  Each value is what the code does (limits, policies),
 * so nearly all are read-only: a write is refused with EACCES at open, to root
 * too, as Linux does for a read-only entry.  The names of the uts namespace
 * can be written with CAP_SYS_ADMIN.
 *
 * Locks: uts->mu.
 * Tests: tests/conformance/proc.c
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sentry/fs/proc/proc_net_sys.h"
#include "sentry/host/host.h"
#include "sentry/kernel/seccomp.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/vfs/protected.h"

/* --- generators ---------------------------------------------------------- */

/* The row's argument is the text. */
static int show_text(const struct synth_ctx *ctx, struct seq_buf *out)
{
	seq_printf(out, "%s\n", (const char *)synth_ctx_entry(ctx)->arg);
	return 0;
}

static int show_uts(char *(*field)(struct uts_ns *), struct seq_buf *out)
{
	struct uts_ns *uts = task_uts(current_task());
	char name[65];

	mutex_lock(&uts->mu);
	memcpy(name, field(uts), sizeof(name));
	mutex_unlock(&uts->mu);
	seq_printf(out, "%.64s\n", name);
	return 0;
}

static char *nodename_of(struct uts_ns *uts)
{
	return uts->nodename;
}

static char *domainname_of(struct uts_ns *uts)
{
	return uts->domainname;
}

static int show_hostname(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	return show_uts(nodename_of, out);
}

static int show_domainname(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	return show_uts(domainname_of, out);
}

/* As proc_dostring(): the first line, cut to the field's size. */
static long write_uts(char *(*field)(struct uts_ns *), const char *text,
		      size_t size)
{
	struct uts_ns *uts = task_uts(current_task());
	size_t len = strcspn(text, "\n");
	char name[65] = { 0 };

	if (!ns_capable(uts->ns.owner, CAP_NR_SYS_ADMIN))
		return -EPERM;
	memcpy(name, text, MIN(len, sizeof(name) - 1));
	mutex_lock(&uts->mu);
	memcpy(field(uts), name, sizeof(name));
	mutex_unlock(&uts->mu);
	return (long)size;
}

static long write_hostname(const struct synth_ctx *ctx, char *text, size_t size)
{
	(void)ctx;
	return write_uts(nodename_of, text, size);
}

static long write_domainname(const struct synth_ctx *ctx, char *text,
			     size_t size)
{
	(void)ctx;
	return write_uts(domainname_of, text, size);
}

/* --- random -------------------------------------------------------------- */

static int make_uuid(char text[37])
{
	uint8_t b[16];
	int ret = host_getrandom(b, sizeof(b));

	if (ret < 0)
		return -EIO;
	b[6] = (b[6] & 0x0f) | 0x40; /* version 4 */
	b[8] = (b[8] & 0x3f) | 0x80; /* variant 1 */
	snprintf(text, 37,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
		 b[10], b[11], b[12], b[13], b[14], b[15]);
	return 0;
}

static int show_uuid(const struct synth_ctx *ctx, struct seq_buf *out)
{
	char text[37];
	int ret = make_uuid(text);

	(void)ctx;
	if (ret == 0)
		seq_printf(out, "%s\n", text);
	return ret;
}

/* One for the life of the sandbox. */
static int show_boot_id(const struct synth_ctx *ctx, struct seq_buf *out)
{
	static struct mutex mu = MUTEX_INIT(LOCK_INODE);
	static char id[37];
	char text[37];
	int ret = make_uuid(text);

	(void)ctx;
	if (ret < 0)
		return ret;
	mutex_lock(&mu);
	if (!id[0])
		memcpy(id, text, sizeof(id));
	memcpy(text, id, sizeof(text));
	mutex_unlock(&mu);
	seq_printf(out, "%s\n", text);
	return 0;
}

/* --- computed values ----------------------------------------------------- */

static int show_threads_max(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct proc_memory mem;

	/* As fork_init(): an eighth of memory at 16 KiB of stack each. */
	(void)ctx;
	proc_memory(&mem);
	seq_printf(out, "%lu\n", MAX(mem.total / (8 * 16384), 20ul));
	return 0;
}

static int show_seccomp_avail(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seccomp_show_actions(false, out);
	return 0;
}

static int show_seccomp_logged(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seccomp_show_actions(true, out);
	return 0;
}

static long write_seccomp_logged(const struct synth_ctx *ctx, char *text,
				 size_t size)
{
	int ret;

	(void)ctx;
	if (!capable(CAP_NR_SYS_ADMIN))
		return -EPERM;
	ret = seccomp_set_logged(text);
	return ret < 0 ? ret : (long)size;
}

/* A number from 0 to @top that the sandbox's root may change. */
struct sys_switch {
	_Atomic uint32_t *value;
	uint32_t top;
};

static int show_switch(const struct synth_ctx *ctx, struct seq_buf *out)
{
	const struct sys_switch *s = synth_ctx_entry(ctx)->arg;

	seq_printf(out, "%u\n", *s->value);
	return 0;
}

static long write_switch(const struct synth_ctx *ctx, char *text, size_t size)
{
	const struct sys_switch *s = synth_ctx_entry(ctx)->arg;
	int64_t value;
	int ret = synth_parse_i64(text, 0, s->top, &value);

	if (ret < 0)
		return ret;
	*s->value = (uint32_t)value;
	return (long)size;
}

static uint64_t file_max(void)
{
	struct proc_memory mem;

	/* As files_maxfiles_init(): a tenth of memory at 1 KiB each. */
	proc_memory(&mem);
	return MAX(mem.total / 10240, 8192ul);
}

static int show_file_max(const struct synth_ctx *ctx, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "%lu\n", file_max());
	return 0;
}

/* Open files: those in descriptor tables, each table once a process. */
static int show_file_nr(const struct synth_ctx *ctx, struct seq_buf *out)
{
	struct thread_group *tg = thread_group_next(0);
	uint64_t nr = 0;

	(void)ctx;
	while (tg) {
		uint32_t pid = tg->tgid;
		AUTO_PUT(task) struct task *t = task_lookup_global(pid);
		struct fd_table *fds = t ? task_get_fds(t) : NULL;
		int fd = -1;

		while (fds && (fd = fd_table_next(fds, fd + 1)) >= 0)
			nr++;
		if (fds)
			fd_table_put(fds);
		thread_group_put(tg);
		tg = thread_group_next(pid);
	}
	seq_printf(out, "%lu\t0\t%lu\n", nr, file_max());
	return 0;
}

static int sysctl_permission(const struct synth_ctx *ctx,
			     const struct cred *cred, uint32_t mask,
			     int by_mode)
{
	const struct synth_entry *e = synth_ctx_entry(ctx);

	(void)cred;
	if (mask & MAY_WRITE && (S_ISDIR(e->mode) || !e->write))
		return -EACCES;
	return by_mode;
}

/* --- tables -------------------------------------------------------------- */

#define SHOW(n, fn)                                                \
	{                                                          \
		.name = (n), .mode = S_IFREG | 0444, .show = (fn), \
		.permission = sysctl_permission                    \
	}
#define TEXT(n, text)                                                   \
	{                                                               \
		.name = (n), .mode = S_IFREG | 0444, .show = show_text, \
		.arg = (text), .permission = sysctl_permission          \
	}
/* A switch of vfs/protected.h, up to @top. */
#define PROTECTED(n, field, top)                                          \
	{                                                                 \
		.name = (n), .mode = S_IFREG | 0600, .show = show_switch, \
		.write = write_switch, .arg = &(const struct sys_switch)  \
		{                                                         \
			&g_protected.field, (top)                         \
		}                                                         \
	}
/* Limits of the IPC namespace: proc_ipc.c. */
#define IPC(n, limit)                                                        \
	{                                                                    \
		.name = (n), .mode = S_IFREG | 0644, .show = proc_ipc_limit, \
		.write = proc_ipc_limit_write, .arg = &(limit)               \
	}
#define DIR(n, kids)                                                     \
	{                                                                \
		.name = (n), .mode = S_IFDIR | 0555, .children = (kids), \
		.permission = sysctl_permission                          \
	}
#define END                  \
	{                    \
		.name = NULL \
	}

static const struct synth_entry random_entries[] = {
	SHOW("boot_id", show_boot_id),
	TEXT("entropy_avail", "256"),
	TEXT("poolsize", "256"),
	TEXT("urandom_min_reseed_secs", "60"),
	SHOW("uuid", show_uuid),
	TEXT("write_wakeup_threshold", "256"),
	END,
};

static const struct synth_entry seccomp_entries[] = {
	{ .name = "actions_avail",
	  .mode = S_IFREG | 0444,
	  .show = show_seccomp_avail,
	  .permission = sysctl_permission },
	{ .name = "actions_logged",
	  .mode = S_IFREG | 0644,
	  .show = show_seccomp_logged,
	  .write = write_seccomp_logged },
	END,
};

static const struct synth_entry keys_entries[] = {
	TEXT("gc_delay", "300"),
	TEXT("maxbytes", "20000"),
	TEXT("maxkeys", "200"),
	TEXT("persistent_keyring_expiry", "259200"),
	TEXT("root_maxbytes", "25000000"),
	TEXT("root_maxkeys", "1000000"),
	END,
};

static const struct synth_entry yama_entries[] = {
	TEXT("ptrace_scope", "0"),
	END,
};

static const struct synth_entry pty_entries[] = {
	TEXT("max", "4096"),
	TEXT("reserve", "1024"),
	END,
};

static const struct synth_entry kernel_entries[] = {
	TEXT("acct", "4\t2\t30"),
	TEXT("arch", "x86_64"),
	TEXT("auto_msgmni", "0"),
	TEXT("bpf_stats_enabled", "0"),
	TEXT("cad_pid", "1"),
	TEXT("cap_last_cap", "40"),
	TEXT("core_pattern", "core"),
	TEXT("core_pipe_limit", "0"),
	TEXT("core_uses_pid", "0"),
	TEXT("dmesg_restrict", "1"),
	{ .name = "domainname",
	  .mode = S_IFREG | 0644,
	  .show = show_domainname,
	  .write = write_domainname },
	{ .name = "hostname",
	  .mode = S_IFREG | 0644,
	  .show = show_hostname,
	  .write = write_hostname },
	TEXT("hung_task_timeout_secs", "0"),
	TEXT("io_uring_disabled", "2"),
	DIR("keys", keys_entries),
	TEXT("kptr_restrict", "1"),
	IPC("msgmax", proc_ipc_msgmax),
	IPC("msgmnb", proc_ipc_msgmnb),
	IPC("msgmni", proc_ipc_msgmni),
	TEXT("msg_next_id", "-1"),
	TEXT("ngroups_max", "65536"),
	TEXT("nmi_watchdog", "0"),
	TEXT("numa_balancing", "0"),
	TEXT("osrelease", MOAT_UTS_RELEASE),
	TEXT("ostype", "Linux"),
	TEXT("overflowgid", "65534"),
	TEXT("overflowuid", "65534"),
	TEXT("panic", "0"),
	TEXT("panic_on_oops", "0"),
	TEXT("perf_event_paranoid", "4"),
	TEXT("pid_max", "32768"),
	TEXT("print-fatal-signals", "0"),
	TEXT("printk", "7\t4\t1\t7"),
	DIR("pty", pty_entries),
	DIR("random", random_entries),
	TEXT("randomize_va_space", "2"),
	TEXT("sched_autogroup_enabled", "0"),
	TEXT("sched_rt_period_us", "1000000"),
	TEXT("sched_rt_runtime_us", "950000"),
	TEXT("sched_rr_timeslice_ms", "100"),
	DIR("seccomp", seccomp_entries),
	IPC("sem", proc_ipc_sem),
	TEXT("sem_next_id", "-1"),
	TEXT("shm_next_id", "-1"),
	TEXT("shm_rmid_forced", "0"),
	IPC("shmall", proc_ipc_shmall),
	IPC("shmmax", proc_ipc_shmmax),
	IPC("shmmni", proc_ipc_shmmni),
	TEXT("soft_watchdog", "0"),
	TEXT("sysctl_writes_strict", "1"),
	TEXT("tainted", "0"),
	SHOW("threads-max", show_threads_max),
	TEXT("timer_migration", "1"),
	TEXT("unprivileged_bpf_disabled", "2"),
	TEXT("version", MOAT_UTS_VERSION),
	DIR("yama", yama_entries),
	END,
};

static const struct synth_entry inotify_entries[] = {
	TEXT("max_queued_events", "16384"),
	TEXT("max_user_instances", "128"),
	TEXT("max_user_watches", "65536"),
	END,
};

static const struct synth_entry mqueue_entries[] = {
	IPC("msg_default", proc_mq_msg_default),
	IPC("msg_max", proc_mq_msg),
	IPC("msgsize_default", proc_mq_msgsize_default),
	IPC("msgsize_max", proc_mq_msgsize),
	IPC("queues_max", proc_mq_queues),
	END,
};

static const struct synth_entry fs_entries[] = {
	TEXT("aio-max-nr", "65536"),
	TEXT("aio-nr", "0"),
	TEXT("dir-notify-enable", "1"),
	SHOW("file-max", show_file_max),
	SHOW("file-nr", show_file_nr),
	DIR("inotify", inotify_entries),
	DIR("mqueue", mqueue_entries),
	TEXT("lease-break-time", "45"),
	TEXT("leases-enable", "1"),
	TEXT("mount-max", "100000"),
	TEXT("nr_open", "1048576"),
	TEXT("overflowgid", "65534"),
	TEXT("overflowuid", "65534"),
	TEXT("pipe-max-size", "1048576"),
	TEXT("pipe-user-pages-hard", "0"),
	TEXT("pipe-user-pages-soft", "16384"),
	PROTECTED("protected_fifos", fifos, 2),
	PROTECTED("protected_hardlinks", hardlinks, 1),
	PROTECTED("protected_regular", regular, 2),
	PROTECTED("protected_symlinks", symlinks, 1),
	TEXT("suid_dumpable", "0"),
	END,
};

static const struct synth_entry vm_entries[] = {
	TEXT("admin_reserve_kbytes", "8192"),
	TEXT("dirty_background_ratio", "10"),
	TEXT("dirty_ratio", "20"),
	TEXT("dirty_background_bytes", "0"),
	TEXT("dirty_bytes", "0"),
	TEXT("dirty_expire_centisecs", "3000"),
	TEXT("dirty_writeback_centisecs", "500"),
	TEXT("laptop_mode", "0"),
	TEXT("legacy_va_layout", "0"),
	TEXT("max_map_count", "65530"),
	TEXT("memfd_noexec", "0"),
	TEXT("min_free_kbytes", "0"),
	TEXT("mmap_min_addr", "65536"),
	TEXT("mmap_rnd_bits", "28"),
	TEXT("mmap_rnd_compat_bits", "8"),
	TEXT("nr_hugepages", "0"),
	TEXT("nr_overcommit_hugepages", "0"),
	TEXT("oom_dump_tasks", "0"),
	TEXT("oom_kill_allocating_task", "0"),
	TEXT("overcommit_kbytes", "0"),
	TEXT("overcommit_memory", "1"),
	TEXT("overcommit_ratio", "50"),
	TEXT("page-cluster", "3"),
	TEXT("panic_on_oom", "0"),
	TEXT("stat_interval", "1"),
	TEXT("swappiness", "60"),
	TEXT("unprivileged_userfaultfd", "0"),
	TEXT("user_reserve_kbytes", "131072"),
	TEXT("vfs_cache_pressure", "100"),
	TEXT("zone_reclaim_mode", "0"),
	END,
};

static const struct synth_entry core_entries[] = {
	TEXT("netdev_max_backlog", "1000"),
	TEXT("optmem_max", "131072"),
	TEXT("rmem_default", "212992"),
	TEXT("rmem_max", "212992"),
	NET_SETTING("somaxconn", NET_SOMAXCONN, 0, INT32_MAX),
	TEXT("wmem_default", "212992"),
	TEXT("wmem_max", "212992"),
	END,
};

static const struct synth_entry ipv4_entries[] = {
	TEXT("ip_forward", "0"),
	NET_SETTING("ip_default_ttl", NET_DEFAULT_TTL, 1, 255),
	{ .name = "ip_local_port_range",
	  .mode = S_IFREG | 0644,
	  .show = proc_net_port_range,
	  .write = proc_net_port_range_write,
	  .permission = proc_net_sys_permission },
	TEXT("ip_local_reserved_ports", ""),
	NET_SETTING("ip_nonlocal_bind", NET_NONLOCAL_BIND, 0, 1),
	NET_SETTING("ip_unprivileged_port_start", NET_UNPRIV_PORT, 0, 65535),
	TEXT("ping_group_range", "1\t0"),
	TEXT("tcp_allowed_congestion_control", "reno cubic"),
	TEXT("tcp_available_congestion_control", "reno cubic"),
	TEXT("tcp_congestion_control", "cubic"),
	TEXT("tcp_fin_timeout", "60"),
	TEXT("tcp_keepalive_intvl", "75"),
	TEXT("tcp_keepalive_probes", "9"),
	TEXT("tcp_keepalive_time", "7200"),
	TEXT("tcp_max_syn_backlog", "1024"),
	TEXT("tcp_rmem", "4096\t131072\t6291456"),
	TEXT("tcp_sack", "1"),
	TEXT("tcp_syncookies", "1"),
	TEXT("tcp_timestamps", "1"),
	TEXT("tcp_window_scaling", "1"),
	TEXT("tcp_wmem", "4096\t16384\t4194304"),
	END,
};

static const struct synth_entry ipv6_all_entries[] = {
	TEXT("disable_ipv6", "0"),
	TEXT("forwarding", "0"),
	END,
};
static const struct synth_entry ipv6_conf_entries[] = {
	DIR("all", ipv6_all_entries),
	DIR("default", ipv6_all_entries),
	DIR("lo", ipv6_all_entries),
	END,
};
static const struct synth_entry ipv6_entries[] = {
	NET_SETTING("bindv6only", NET_BINDV6ONLY, 0, 1),
	DIR("conf", ipv6_conf_entries),
	END,
};

static const struct synth_entry unix_entries[] = {
	TEXT("max_dgram_qlen", "512"),
	END,
};

static const struct synth_entry net_entries[] = {
	DIR("core", core_entries),
	DIR("ipv4", ipv4_entries),
	DIR("ipv6", ipv6_entries),
	DIR("unix", unix_entries),
	END,
};

#define MAX_NS(n, kind)                                                      \
	{                                                                    \
		.name = "max_" n "_namespaces", .mode = S_IFREG | 0644,      \
		.show = proc_ns_max, .write = proc_ns_max_write,             \
		.permission = proc_ns_max_permission, .arg = &ns_types[kind] \
	}

static const struct synth_entry user_entries[] = {
	TEXT("max_inotify_instances", "128"),
	TEXT("max_inotify_watches", "65536"),
	MAX_NS("cgroup", NS_CGROUP),
	MAX_NS("ipc", NS_IPC),
	MAX_NS("mnt", NS_MNT),
	MAX_NS("net", NS_NET),
	MAX_NS("pid", NS_PID),
	MAX_NS("time", NS_TIME),
	MAX_NS("user", NS_USER),
	MAX_NS("uts", NS_UTS),
	END,
};

const struct synth_entry proc_sys_entries[] = {
	DIR("fs", fs_entries),	 DIR("kernel", kernel_entries),
	DIR("net", net_entries), DIR("user", user_entries),
	DIR("vm", vm_entries),	 END,
};
