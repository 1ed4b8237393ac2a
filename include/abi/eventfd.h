/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventfd: flags of eventfd2(2), timerfd_create(2), signalfd4(2), and the
 * record that a signalfd gives.
 */
#ifndef ABI_EVENTFD_H
#define ABI_EVENTFD_H

#include <assert.h>
#include <stdint.h>

#define LINUX_EFD_SEMAPHORE 1u
#define LINUX_EFD_NONBLOCK  04000u
#define LINUX_EFD_CLOEXEC   02000000u
#define LINUX_EFD_ALL \
	(LINUX_EFD_SEMAPHORE | LINUX_EFD_NONBLOCK | LINUX_EFD_CLOEXEC)

#define LINUX_TFD_NONBLOCK	      04000u
#define LINUX_TFD_CLOEXEC	      02000000u
#define LINUX_TFD_TIMER_ABSTIME	      1u
#define LINUX_TFD_TIMER_CANCEL_ON_SET 2u
#define LINUX_TFD_IOC_SET_TICKS	      0x40085400u

#define LINUX_SFD_NONBLOCK 04000u
#define LINUX_SFD_CLOEXEC  02000000u

struct linux_signalfd_siginfo {
	uint32_t signo;
	int32_t err, code;
	uint32_t pid, uid;
	int32_t fd;
	uint32_t tid, band, overrun, trapno;
	int32_t status, value_int;
	uint64_t value_ptr, utime, stime, addr;
	uint16_t addr_lsb, pad2;
	int32_t syscall;
	uint64_t call_addr;
	uint32_t arch;
	uint8_t pad[28];
};
static_assert(sizeof(struct linux_signalfd_siginfo) == 128,
	      "struct signalfd_siginfo");

#endif
