/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strace_structs: prints what struct pointers refer to.
 *
 * The layouts are the guest's (x86-64), written out here so that the decoder
 * depends on no other part.  What cannot be read is shown as a pointer.
 *
 * Locks: none.
 * Tests: tests/unit/test_strace.c, tests/fuzz/fuzz_strace.c
 */
#include <string.h>

#include "sentry/mm/mm.h"
#include "sentry/syscalls/strace.h"

#define SHOWN_ITEMS 8

/* Every printer of the table is declared here, as the table declares it. */
strace_put_fn strace_put_clone_args, strace_put_envv, strace_put_epoll_event,
	strace_put_fdpair, strace_put_fdset, strace_put_i32, strace_put_i64,
	strace_put_iovec, strace_put_iovec_addr, strace_put_itimerspec,
	strace_put_itimerval, strace_put_msghdr, strace_put_open_how,
	strace_put_pollfd, strace_put_ptr, strace_put_rlimit, strace_put_rusage,
	strace_put_sigaction, strace_put_siginfo, strace_put_sigset,
	strace_put_sockaddr, strace_put_stack, strace_put_stat,
	strace_put_statfs, strace_put_statx, strace_put_str, strace_put_strv,
	strace_put_timespec, strace_put_timespec2, strace_put_timeval,
	strace_put_timezone, strace_put_tms, strace_put_u32, strace_put_u64,
	strace_put_utsname;
extern const struct xlat xlat_clone, xlat_open, xlat_poll, xlat_epoll,
	xlat_sigaction, xlat_filetype, xlat_af;

/* Reads @size bytes, or prints the pointer and returns false. */
static bool get(struct strace_out *o, void *dst, uint64_t addr, size_t size)
{
	if (addr && o->mm && mm_copy_in(o->mm, dst, addr, size, 0) == 0)
		return true;
	strace_printf(o, addr ? "%#lx" : "NULL", addr);
	return false;
}

void strace_put_ptr(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	(void)nr;
	strace_printf(o, addr ? "%#lx" : "NULL", addr);
}

void strace_put_i32(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int32_t v;

	(void)nr;
	if (get(o, &v, addr, sizeof(v)))
		strace_printf(o, "[%d]", v);
}

void strace_put_u32(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint32_t v;

	(void)nr;
	if (get(o, &v, addr, sizeof(v)))
		strace_printf(o, "[%u]", v);
}

void strace_put_i64(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int64_t v;

	(void)nr;
	if (get(o, &v, addr, sizeof(v)))
		strace_printf(o, "[%ld]", v);
}

void strace_put_u64(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t v;

	(void)nr;
	if (get(o, &v, addr, sizeof(v)))
		strace_printf(o, "[%#lx]", v);
}

void strace_put_str(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	(void)nr;
	strace_put_cstr(o, addr);
}

static void put_pair(struct strace_out *o, const int64_t v[2],
		     const char *second)
{
	strace_printf(o, "{tv_sec=%ld, tv_%s=%ld}", v[0], second, v[1]);
}

void strace_put_timespec(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int64_t v[2];

	(void)nr;
	if (get(o, v, addr, sizeof(v)))
		put_pair(o, v, "nsec");
}

void strace_put_timeval(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int64_t v[2];

	(void)nr;
	if (get(o, v, addr, sizeof(v)))
		put_pair(o, v, "usec");
}

void strace_put_timespec2(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int64_t v[4];

	(void)nr;
	if (!get(o, v, addr, sizeof(v)))
		return;
	strace_printf(o, "[");
	put_pair(o, v, "nsec");
	strace_printf(o, ", ");
	put_pair(o, v + 2, "nsec");
	strace_printf(o, "]");
}

static void put_interval(struct strace_out *o, uint64_t addr,
			 const char *second)
{
	int64_t v[4];

	if (!get(o, v, addr, sizeof(v)))
		return;
	strace_printf(o, "{it_interval=");
	put_pair(o, v, second);
	strace_printf(o, ", it_value=");
	put_pair(o, v + 2, second);
	strace_printf(o, "}");
}

void strace_put_itimerspec(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	(void)nr;
	put_interval(o, addr, "nsec");
}

void strace_put_itimerval(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	(void)nr;
	put_interval(o, addr, "usec");
}

void strace_put_timezone(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int32_t v[2];

	(void)nr;
	if (get(o, v, addr, sizeof(v)))
		strace_printf(o, "{tz_minuteswest=%d, tz_dsttime=%d}", v[0],
			      v[1]);
}

void strace_put_tms(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int64_t v[4];

	(void)nr;
	if (get(o, v, addr, sizeof(v)))
		strace_printf(o,
			      "{utime=%ld, stime=%ld, cutime=%ld, "
			      "cstime=%ld}",
			      v[0], v[1], v[2], v[3]);
}

static void put_limit(struct strace_out *o, const char *name, uint64_t v)
{
	if (v == UINT64_MAX)
		strace_printf(o, "%s=RLIM64_INFINITY", name);
	else
		strace_printf(o, "%s=%lu", name, v);
}

void strace_put_rlimit(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t v[2];

	(void)nr;
	if (!get(o, v, addr, sizeof(v)))
		return;
	put_limit(o, "{rlim_cur", v[0]);
	put_limit(o, ", rlim_max", v[1]);
	strace_printf(o, "}");
}

void strace_put_rusage(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int64_t v[5];

	(void)nr;
	if (!get(o, v, addr, sizeof(v)))
		return;
	strace_printf(o, "{ru_utime=");
	put_pair(o, v, "usec");
	strace_printf(o, ", ru_stime=");
	put_pair(o, v + 2, "usec");
	strace_printf(o, ", ru_maxrss=%ld, ...}", v[4]);
}

void strace_put_utsname(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	(void)nr;
	strace_printf(o, "{sysname=");
	strace_put_cstr(o, addr);
	strace_printf(o, ", nodename=");
	strace_put_cstr(o, addr + 65);
	strace_printf(o, ", ...}");
}

void strace_put_fdpair(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int32_t v[2];

	(void)nr;
	if (get(o, v, addr, sizeof(v)))
		strace_printf(o, "[%d, %d]", v[0], v[1]);
}

/* Prints at most SHOWN_ITEMS elements of an array through @put. */
static void put_array(struct strace_out *o, uint64_t addr, uint64_t nr,
		      size_t size,
		      bool (*put)(struct strace_out *o, uint64_t addr))
{
	uint64_t i;

	strace_printf(o, "[");
	for (i = 0; i < MIN(nr, SHOWN_ITEMS); i++) {
		if (i > 0)
			strace_printf(o, ", ");
		if (!put(o, addr + i * size))
			break;
	}
	strace_printf(o, nr > SHOWN_ITEMS ? ", ...]" : "]");
}

static bool put_one_iovec(struct strace_out *o, uint64_t addr)
{
	uint64_t v[2];

	if (!get(o, v, addr, sizeof(v)))
		return false;
	strace_printf(o, "{iov_base=");
	strace_put_bytes(o, v[0], v[1]);
	strace_printf(o, ", iov_len=%lu}", v[1]);
	return true;
}

void strace_put_iovec(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	put_array(o, addr, nr, 16, put_one_iovec);
}

static bool put_one_iovec_addr(struct strace_out *o, uint64_t addr)
{
	uint64_t v[2];

	if (!get(o, v, addr, sizeof(v)))
		return false;
	strace_printf(o, "{iov_base=%#lx, iov_len=%lu}", v[0], v[1]);
	return true;
}

void strace_put_iovec_addr(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	put_array(o, addr, nr, 16, put_one_iovec_addr);
}

static bool put_one_pollfd(struct strace_out *o, uint64_t addr)
{
	struct {
		int32_t fd;
		uint16_t events, revents;
	} v;

	if (!get(o, &v, addr, sizeof(v)))
		return false;
	strace_printf(o, "{fd=%d, events=", v.fd);
	strace_put_flags(o, &xlat_poll, v.events);
	if (o->exiting && o->result > 0) {
		strace_printf(o, ", revents=");
		strace_put_flags(o, &xlat_poll, v.revents);
	}
	strace_printf(o, "}");
	return true;
}

void strace_put_pollfd(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	put_array(o, addr, (uint32_t)nr, 8, put_one_pollfd);
}

static bool put_one_epoll_event(struct strace_out *o, uint64_t addr)
{
	struct __attribute__((packed)) {
		uint32_t events;
		uint64_t data;
	} v;

	if (!get(o, &v, addr, sizeof(v)))
		return false;
	strace_printf(o, "{events=");
	strace_put_flags(o, &xlat_epoll, v.events);
	strace_printf(o, ", data=%#lx}", v.data);
	return true;
}

void strace_put_epoll_event(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	if (o->exiting && o->result >= 0)
		nr = MIN(nr, (uint64_t)o->result);
	put_array(o, addr, (uint32_t)nr, 12, put_one_epoll_event);
}

void strace_put_fdset(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t words[16];
	uint64_t bits = MIN((uint64_t)MAX((int32_t)nr, 0), 1024);
	const char *sep = "";
	uint64_t i;

	if (bits && !get(o, words, addr, (bits + 63) / 64 * 8))
		return;
	strace_printf(o, "[");
	for (i = 0; i < bits; i++) {
		if (!(words[i / 64] >> i % 64 & 1))
			continue;
		strace_printf(o, "%s%lu", sep, i);
		sep = " ";
	}
	strace_printf(o, "]");
}

static void put_mask(struct strace_out *o, uint64_t set)
{
	const char *sep = "";
	int sig;

	if (set == UINT64_MAX) {
		strace_printf(o, "~[]");
		return;
	}
	strace_printf(o, "[");
	for (sig = 1; sig <= 64; sig++) {
		if (!(set >> (sig - 1) & 1))
			continue;
		strace_printf(o, "%s", sep);
		strace_put_signal(o, sig);
		sep = " ";
	}
	strace_printf(o, "]");
}

void strace_put_sigset(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t set;

	(void)nr;
	if (get(o, &set, addr, sizeof(set)))
		put_mask(o, set);
}

void strace_put_sigaction(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t v[4];

	(void)nr;
	if (!get(o, v, addr, sizeof(v)))
		return;
	if (v[0] <= 1)
		strace_printf(o, "{sa_handler=SIG_%s", v[0] ? "IGN" : "DFL");
	else
		strace_printf(o, "{sa_handler=%#lx", v[0]);
	strace_printf(o, ", sa_mask=");
	put_mask(o, v[3]);
	strace_printf(o, ", sa_flags=");
	strace_put_flags(o, &xlat_sigaction, v[1]);
	strace_printf(o, "}");
}

void strace_put_siginfo(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	int32_t v[8];

	(void)nr;
	if (!get(o, v, addr, sizeof(v)))
		return;
	strace_printf(o, "{si_signo=");
	strace_put_signal(o, v[0]);
	strace_printf(o, ", si_code=%d, si_pid=%d, si_uid=%u, ...}", v[2], v[4],
		      (uint32_t)v[5]);
}

void strace_put_stack(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t v[3];

	(void)nr;
	if (get(o, v, addr, sizeof(v)))
		strace_printf(o, "{ss_sp=%#lx, ss_flags=%#x, ss_size=%lu}",
			      v[0], (uint32_t)v[1], v[2]);
}

static void put_mode(struct strace_out *o, uint32_t mode)
{
	strace_put_enum(o, &xlat_filetype, mode & 0170000);
	strace_printf(o, "|0%03o", mode & 07777);
}

void strace_put_stat(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	struct {
		uint64_t dev, ino, nlink;
		uint32_t mode, uid, gid, pad;
		uint64_t rdev;
		int64_t size;
	} v;

	(void)nr;
	if (!get(o, &v, addr, sizeof(v)))
		return;
	strace_printf(o, "{st_dev=%#lx, st_ino=%lu, st_mode=", v.dev, v.ino);
	put_mode(o, v.mode);
	strace_printf(o,
		      ", st_nlink=%lu, st_uid=%u, st_gid=%u, st_size=%ld, "
		      "...}",
		      v.nlink, v.uid, v.gid, v.size);
}

void strace_put_statx(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	struct {
		uint32_t mask, blksize;
		uint64_t attributes;
		uint32_t nlink, uid, gid;
		uint16_t mode, pad;
		uint64_t ino, size;
	} v;

	(void)nr;
	if (!get(o, &v, addr, sizeof(v)))
		return;
	strace_printf(o, "{stx_mask=%#x, stx_ino=%lu, stx_mode=", v.mask,
		      v.ino);
	put_mode(o, v.mode);
	strace_printf(o, ", stx_nlink=%u, stx_uid=%u, stx_size=%lu, ...}",
		      v.nlink, v.uid, v.size);
}

void strace_put_statfs(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t v[5];

	(void)nr;
	if (get(o, v, addr, sizeof(v)))
		strace_printf(o,
			      "{f_type=%#lx, f_bsize=%lu, f_blocks=%lu, "
			      "f_bfree=%lu, ...}",
			      v[0], v[1], v[2], v[3]);
}

static void put_sockaddr_un(struct strace_out *o, const char *path, size_t len)
{
	size_t i;

	strace_printf(o, "sun_path=%s\"", len && !path[0] ? "@" : "");
	for (i = len && !path[0] ? 1 : 0; i < len && path[i]; i++)
		strace_printf(o,
			      path[i] >= 0x20 && path[i] < 0x7f ? "%c" : "\\%o",
			      (uint8_t)path[i]);
	strace_printf(o, "\"}");
}

void strace_put_sockaddr(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	struct {
		uint16_t family;
		char data[108];
	} v;
	size_t size = MIN((uint64_t)MAX((int32_t)nr, 0), sizeof(v));

	if (size < sizeof(v.family) || !get(o, &v, addr, size)) {
		if (size < sizeof(v.family))
			strace_printf(o, "%#lx", addr);
		return;
	}
	strace_printf(o, "{sa_family=");
	strace_put_enum(o, &xlat_af, v.family);
	strace_printf(o, ", ");
	if (v.family == 1)
		put_sockaddr_un(o, v.data, size - sizeof(v.family));
	else
		strace_printf(o, "...}");
}

void strace_put_msghdr(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	struct {
		uint64_t name;
		uint32_t namelen, pad;
		uint64_t iov, iovlen, control, controllen;
		uint32_t flags, pad2;
	} v;

	(void)nr;
	if (!get(o, &v, addr, sizeof(v)))
		return;
	strace_printf(o, "{msg_name=");
	if (v.name)
		strace_put_sockaddr(o, v.name, v.namelen);
	else
		strace_printf(o, "NULL");
	strace_printf(o, ", msg_iov=");
	strace_put_iovec(o, v.iov, v.iovlen);
	strace_printf(o, ", msg_controllen=%lu, msg_flags=%#x}", v.controllen,
		      v.flags);
}

void strace_put_clone_args(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t v[8];

	(void)nr;
	if (!get(o, v, addr, sizeof(v)))
		return;
	strace_printf(o, "{flags=");
	strace_put_flags(o, &xlat_clone, v[0]);
	strace_printf(o, ", exit_signal=");
	strace_put_signal(o, (int)v[4]);
	strace_printf(o, ", stack=%#lx, stack_size=%#lx, tls=%#lx}", v[5], v[6],
		      v[7]);
}

void strace_put_open_how(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t v[3];

	(void)nr;
	if (!get(o, v, addr, sizeof(v)))
		return;
	strace_printf(o, "{flags=");
	strace_put_flags(o, &xlat_open, v[0]);
	strace_printf(o, ", mode=%#lo, resolve=%#lx}", v[1], v[2]);
}

void strace_put_strv(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t p = 0, i;

	(void)nr;
	strace_printf(o, "[");
	for (i = 0; i < SHOWN_ITEMS * 4; i++) {
		if (!get(o, &p, addr + i * 8, sizeof(p)) || !p)
			break;
		if (i > 0)
			strace_printf(o, ", ");
		strace_put_cstr(o, p);
	}
	strace_printf(o, "]");
}

void strace_put_envv(struct strace_out *o, uint64_t addr, uint64_t nr)
{
	uint64_t p = 0, i;

	(void)nr;
	for (i = 0; o->mm && i < 1024; i++)
		if (mm_copy_in(o->mm, &p, addr + i * 8, sizeof(p), 0) || !p)
			break;
	strace_printf(o, "%#lx /* %lu vars */", addr, i);
}
