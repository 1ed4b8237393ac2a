/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait: wait4(2) and waitid(2) as the x86-64 guest sees them.
 */
#ifndef ABI_WAIT_H
#define ABI_WAIT_H

#include <assert.h>
#include <stdint.h>

#define LINUX_WNOHANG	 0x00000001u
#define LINUX_WUNTRACED	 0x00000002u
#define LINUX_WSTOPPED	 LINUX_WUNTRACED
#define LINUX_WEXITED	 0x00000004u
#define LINUX_WCONTINUED 0x00000008u
#define LINUX_WNOWAIT	 0x01000000u
#define LINUX_WNOTHREAD	 0x20000000u
#define LINUX_WALL	 0x40000000u
#define LINUX_WCLONE	 0x80000000u

enum { LINUX_P_ALL, LINUX_P_PID, LINUX_P_PGID, LINUX_P_PIDFD };

#endif
