/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: seccomp(2), seccomp_unotify(2), and classic BPF as far as filters
 * of system calls use it.
 */
#ifndef ABI_SECCOMP_H
#define ABI_SECCOMP_H

#include <assert.h>
#include <stdint.h>

enum {
	LINUX_SECCOMP_MODE_DISABLED,
	LINUX_SECCOMP_MODE_STRICT,
	LINUX_SECCOMP_MODE_FILTER
};
enum {
	LINUX_SECCOMP_SET_MODE_STRICT,
	LINUX_SECCOMP_SET_MODE_FILTER,
	LINUX_SECCOMP_GET_ACTION_AVAIL,
	LINUX_SECCOMP_GET_NOTIF_SIZES
};

#define LINUX_SECCOMP_FILTER_FLAG_TSYNC		     1u
#define LINUX_SECCOMP_FILTER_FLAG_LOG		     2u
#define LINUX_SECCOMP_FILTER_FLAG_SPEC_ALLOW	     4u
#define LINUX_SECCOMP_FILTER_FLAG_NEW_LISTENER	     8u
#define LINUX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH	     16u
#define LINUX_SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32u
#define LINUX_SECCOMP_FILTER_FLAG_ALL		     63u

/* Results of a filter: the smallest as a signed number wins. */
#define LINUX_SECCOMP_RET_KILL_PROCESS 0x80000000u
#define LINUX_SECCOMP_RET_KILL_THREAD  0x00000000u
#define LINUX_SECCOMP_RET_TRAP	       0x00030000u
#define LINUX_SECCOMP_RET_ERRNO	       0x00050000u
#define LINUX_SECCOMP_RET_USER_NOTIF   0x7fc00000u
#define LINUX_SECCOMP_RET_TRACE	       0x7ff00000u
#define LINUX_SECCOMP_RET_LOG	       0x7ffc0000u
#define LINUX_SECCOMP_RET_ALLOW	       0x7fff0000u
#define LINUX_SECCOMP_RET_ACTION_FULL  0xffff0000u
#define LINUX_SECCOMP_RET_DATA	       0x0000ffffu

#define LINUX_AUDIT_ARCH_X86_64 0xc000003eu
#define LINUX_SYS_SECCOMP	1 /* si_code of SIGSYS */
#define LINUX_SYS_USER_DISPATCH 2

struct linux_seccomp_data {
	int32_t nr;
	uint32_t arch;
	uint64_t instruction_pointer;
	uint64_t args[6];
};
static_assert(sizeof(struct linux_seccomp_data) == 64, "seccomp_data");

/* --- user notification --- */
struct linux_seccomp_notif_sizes {
	uint16_t notif, notif_resp, data;
};
struct linux_seccomp_notif {
	uint64_t id;
	uint32_t pid, flags;
	struct linux_seccomp_data data;
};
static_assert(sizeof(struct linux_seccomp_notif) == 80, "seccomp_notif");
struct linux_seccomp_notif_resp {
	uint64_t id;
	int64_t val;
	int32_t error;
	uint32_t flags;
};
static_assert(sizeof(struct linux_seccomp_notif_resp) == 24, "notif_resp");
struct linux_seccomp_notif_addfd {
	uint64_t id;
	uint32_t flags, srcfd, newfd, newfd_flags;
};
static_assert(sizeof(struct linux_seccomp_notif_addfd) == 24, "notif_addfd");

#define LINUX_SECCOMP_USER_NOTIF_FLAG_CONTINUE	 1u
#define LINUX_SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1ul
#define LINUX_SECCOMP_ADDFD_FLAG_SETFD		 1u
#define LINUX_SECCOMP_ADDFD_FLAG_SEND		 2u
#define LINUX_SECCOMP_IOCTL_NOTIF_RECV		 0xc0502100u
#define LINUX_SECCOMP_IOCTL_NOTIF_SEND		 0xc0182101u
#define LINUX_SECCOMP_IOCTL_NOTIF_ID_VALID	 0x40082102u
#define LINUX_SECCOMP_IOCTL_NOTIF_ID_VALID_OLD	 0x80082102u
#define LINUX_SECCOMP_IOCTL_NOTIF_ADDFD		 0x40182103u
#define LINUX_SECCOMP_IOCTL_NOTIF_SET_FLAGS	 0x40082104u
/* An ioctl number without its size field: ADDFD's struct may grow. */
#define LINUX_IOC_WITHOUT_SIZE(cmd) ((cmd) & ~(0x3fffu << 16))
#define LINUX_IOC_SIZE(cmd)	    ((cmd) >> 16 & 0x3fffu)

/* PTRACE_SECCOMP_GET_METADATA. */
struct linux_seccomp_metadata {
	uint64_t filter_off, flags;
};
static_assert(sizeof(struct linux_seccomp_metadata) == 16, "metadata");

/* --- classic BPF --- */
struct linux_sock_filter {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
static_assert(sizeof(struct linux_sock_filter) == 8, "sock_filter");
struct linux_sock_fprog {
	uint16_t len, pad[3];
	uint64_t filter;
};
static_assert(sizeof(struct linux_sock_fprog) == 16, "sock_fprog");

#define LINUX_BPF_MAXINSNS 4096u
#define LINUX_BPF_MEMWORDS 16u
enum { /* classes */
       LINUX_BPF_LD,
       LINUX_BPF_LDX,
       LINUX_BPF_ST,
       LINUX_BPF_STX,
       LINUX_BPF_ALU,
       LINUX_BPF_JMP,
       LINUX_BPF_RET,
       LINUX_BPF_MISC
};
enum { /* sizes and modes of loads */
       LINUX_BPF_W = 0x00,
       LINUX_BPF_IMM = 0x00,
       LINUX_BPF_ABS = 0x20,
       LINUX_BPF_MEM = 0x60,
       LINUX_BPF_LEN = 0x80
};
enum { /* operands; BPF_A only for RET */
       LINUX_BPF_K = 0x00,
       LINUX_BPF_X = 0x08,
       LINUX_BPF_A = 0x10
};
enum { /* arithmetic */
       LINUX_BPF_ADD = 0x00,
       LINUX_BPF_SUB = 0x10,
       LINUX_BPF_MUL = 0x20,
       LINUX_BPF_DIV = 0x30,
       LINUX_BPF_OR = 0x40,
       LINUX_BPF_AND = 0x50,
       LINUX_BPF_LSH = 0x60,
       LINUX_BPF_RSH = 0x70,
       LINUX_BPF_NEG = 0x80,
       LINUX_BPF_MOD = 0x90,
       LINUX_BPF_XOR = 0xa0
};
enum { /* jumps */
       LINUX_BPF_JA = 0x00,
       LINUX_BPF_JEQ = 0x10,
       LINUX_BPF_JGT = 0x20,
       LINUX_BPF_JGE = 0x30,
       LINUX_BPF_JSET = 0x40
};
enum { /* MISC */
       LINUX_BPF_TAX = 0x00,
       LINUX_BPF_TXA = 0x80
};

#endif
