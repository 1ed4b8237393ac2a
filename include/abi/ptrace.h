/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace: ptrace(2) as the x86-64 guest sees it, linux/ptrace.h and
 * asm/ptrace-abi.h.
 */
#ifndef ABI_PTRACE_H
#define ABI_PTRACE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LINUX_PTRACE_TRACEME,
	LINUX_PTRACE_PEEKTEXT,
	LINUX_PTRACE_PEEKDATA,
	LINUX_PTRACE_PEEKUSR,
	LINUX_PTRACE_POKETEXT,
	LINUX_PTRACE_POKEDATA,
	LINUX_PTRACE_POKEUSR,
	LINUX_PTRACE_CONT,
	LINUX_PTRACE_KILL,
	LINUX_PTRACE_SINGLESTEP,
	LINUX_PTRACE_GETREGS = 12,
	LINUX_PTRACE_SETREGS,
	LINUX_PTRACE_GETFPREGS,
	LINUX_PTRACE_SETFPREGS,
	LINUX_PTRACE_ATTACH,
	LINUX_PTRACE_DETACH,
	LINUX_PTRACE_OLDSETOPTIONS = 21,
	LINUX_PTRACE_SYSCALL = 24,
	LINUX_PTRACE_ARCH_PRCTL = 30,
	LINUX_PTRACE_SYSEMU,
	LINUX_PTRACE_SYSEMU_SINGLESTEP,
	LINUX_PTRACE_SINGLEBLOCK,
	LINUX_PTRACE_SETOPTIONS = 0x4200,
	LINUX_PTRACE_GETEVENTMSG,
	LINUX_PTRACE_GETSIGINFO,
	LINUX_PTRACE_SETSIGINFO,
	LINUX_PTRACE_GETREGSET,
	LINUX_PTRACE_SETREGSET,
	LINUX_PTRACE_SEIZE,
	LINUX_PTRACE_INTERRUPT,
	LINUX_PTRACE_LISTEN,
	LINUX_PTRACE_PEEKSIGINFO,
	LINUX_PTRACE_GETSIGMASK,
	LINUX_PTRACE_SETSIGMASK,
	LINUX_PTRACE_SECCOMP_GET_FILTER,
	LINUX_PTRACE_SECCOMP_GET_METADATA,
	LINUX_PTRACE_GET_SYSCALL_INFO,
	LINUX_PTRACE_GET_RSEQ_CONFIGURATION,
	LINUX_PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG,
	LINUX_PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
	LINUX_PTRACE_SET_SYSCALL_INFO
};

/* Events; the option of event n is bit n of the options, up to SECCOMP. */
enum {
	LINUX_PTRACE_EVENT_FORK = 1,
	LINUX_PTRACE_EVENT_VFORK,
	LINUX_PTRACE_EVENT_CLONE,
	LINUX_PTRACE_EVENT_EXEC,
	LINUX_PTRACE_EVENT_VFORK_DONE,
	LINUX_PTRACE_EVENT_EXIT,
	LINUX_PTRACE_EVENT_SECCOMP,
	LINUX_PTRACE_EVENT_STOP = 128
};

#define LINUX_PTRACE_O_TRACESYSGOOD    1u
#define LINUX_PTRACE_O_EXITKILL	       (1u << 20)
#define LINUX_PTRACE_O_SUSPEND_SECCOMP (1u << 21)
#define LINUX_PTRACE_O_MASK \
	(0xffu | LINUX_PTRACE_O_EXITKILL | LINUX_PTRACE_O_SUSPEND_SECCOMP)

/* PTRACE_GETEVENTMSG at a stop at a system call. */
#define LINUX_PTRACE_EVENTMSG_SYSCALL_ENTRY 1u
#define LINUX_PTRACE_EVENTMSG_SYSCALL_EXIT  2u

/* Register sets, as the notes of a core file. */
#define LINUX_NT_PRSTATUS   1u
#define LINUX_NT_PRFPREG    2u
#define LINUX_NT_X86_XSTATE 0x202u

/* struct user: what PEEKUSR and POKEUSR address. */
#define LINUX_USER_SIZE	    928u
#define LINUX_USER_DEBUGREG 848u

#define LINUX_PTRACE_PEEKSIGINFO_SHARED 1u
struct linux_ptrace_peeksiginfo_args {
	uint64_t off;
	uint32_t flags;
	int32_t nr;
};
static_assert(sizeof(struct linux_ptrace_peeksiginfo_args) == 16,
	      "ptrace_peeksiginfo_args");

struct linux_ptrace_rseq_configuration {
	uint64_t rseq_abi_pointer;
	uint32_t rseq_abi_size, signature, flags, pad;
};
static_assert(sizeof(struct linux_ptrace_rseq_configuration) == 24,
	      "ptrace_rseq_configuration");

struct linux_ptrace_sud_config {
	uint64_t mode, selector, offset, len;
};
static_assert(sizeof(struct linux_ptrace_sud_config) == 32,
	      "ptrace_sud_config");

enum {
	LINUX_PTRACE_SYSCALL_INFO_NONE,
	LINUX_PTRACE_SYSCALL_INFO_ENTRY,
	LINUX_PTRACE_SYSCALL_INFO_EXIT,
	LINUX_PTRACE_SYSCALL_INFO_SECCOMP
};
#define LINUX_AUDIT_ARCH_X86_64 0xc000003eu
struct linux_ptrace_syscall_info {
	uint8_t op, reserved;
	uint16_t flags;
	uint32_t arch;
	uint64_t ip, sp;
	union {
		struct {
			uint64_t nr, args[6];
			uint32_t ret_data, reserved2; /* SECCOMP only */
		} entry;
		struct {
			int64_t rval;
			uint8_t is_error;
		} exit;
	};
};
static_assert(sizeof(struct linux_ptrace_syscall_info) == 88,
	      "ptrace_syscall_info");

#endif
