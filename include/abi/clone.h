/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone: clone(2), clone3(2), unshare(2).
 */
#ifndef ABI_CLONE_H
#define ABI_CLONE_H

#include <assert.h>
#include <stdint.h>

#define LINUX_CSIGNAL		   0x000000ffull
#define LINUX_CLONE_NEWTIME	   0x00000080ull
#define LINUX_CLONE_VM		   0x00000100ull
#define LINUX_CLONE_FS		   0x00000200ull
#define LINUX_CLONE_FILES	   0x00000400ull
#define LINUX_CLONE_SIGHAND	   0x00000800ull
#define LINUX_CLONE_PIDFD	   0x00001000ull
#define LINUX_CLONE_PTRACE	   0x00002000ull
#define LINUX_CLONE_VFORK	   0x00004000ull
#define LINUX_CLONE_PARENT	   0x00008000ull
#define LINUX_CLONE_THREAD	   0x00010000ull
#define LINUX_CLONE_NEWNS	   0x00020000ull
#define LINUX_CLONE_SYSVSEM	   0x00040000ull
#define LINUX_CLONE_SETTLS	   0x00080000ull
#define LINUX_CLONE_PARENT_SETTID  0x00100000ull
#define LINUX_CLONE_CHILD_CLEARTID 0x00200000ull
#define LINUX_CLONE_DETACHED	   0x00400000ull
#define LINUX_CLONE_UNTRACED	   0x00800000ull
#define LINUX_CLONE_CHILD_SETTID   0x01000000ull
#define LINUX_CLONE_NEWCGROUP	   0x02000000ull
#define LINUX_CLONE_NEWUTS	   0x04000000ull
#define LINUX_CLONE_NEWIPC	   0x08000000ull
#define LINUX_CLONE_NEWUSER	   0x10000000ull
#define LINUX_CLONE_NEWPID	   0x20000000ull
#define LINUX_CLONE_NEWNET	   0x40000000ull
#define LINUX_CLONE_IO		   0x80000000ull
#define LINUX_CLONE_CLEAR_SIGHAND  0x100000000ull
#define LINUX_CLONE_INTO_CGROUP	   0x200000000ull

/* Every namespace that a clone or an unshare could make. */
#define LINUX_CLONE_NAMESPACES                                             \
	(LINUX_CLONE_NEWTIME | LINUX_CLONE_NEWNS | LINUX_CLONE_NEWCGROUP | \
	 LINUX_CLONE_NEWUTS | LINUX_CLONE_NEWIPC | LINUX_CLONE_NEWUSER |   \
	 LINUX_CLONE_NEWPID | LINUX_CLONE_NEWNET)

struct linux_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack,
		stack_size, tls, set_tid, set_tid_size, cgroup;
};
static_assert(sizeof(struct linux_clone_args) == 88, "CLONE_ARGS_SIZE_VER2");
#define LINUX_CLONE_ARGS_SIZE_VER0 64

#endif
