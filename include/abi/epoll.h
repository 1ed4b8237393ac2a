/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll: constants and events of epoll(7).  Event bits below 0x8000 are those
 * of poll.h.
 */
#ifndef ABI_EPOLL_H
#define ABI_EPOLL_H

#include <assert.h>
#include <stdint.h>

#define LINUX_EPOLL_CLOEXEC 02000000

enum { LINUX_EPOLL_CTL_ADD = 1, LINUX_EPOLL_CTL_DEL, LINUX_EPOLL_CTL_MOD };

#define LINUX_EPOLLEXCLUSIVE (1u << 28)
#define LINUX_EPOLLWAKEUP    (1u << 29)
#define LINUX_EPOLLONESHOT   (1u << 30)
#define LINUX_EPOLLET	     (1u << 31)

struct linux_epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));
static_assert(sizeof(struct linux_epoll_event) == 12, "struct epoll_event");

/* Busy polling of network devices: EPIOCSPARAMS of ioctl_eventpoll(2). */
#define LINUX_EPIOCSPARAMS	0x40088a01u
#define LINUX_EPIOCGPARAMS	0x80088a02u
#define LINUX_EPOLL_BUDGET_FREE 64 /* more needs CAP_NET_ADMIN */
struct linux_epoll_params {
	uint32_t busy_poll_usecs;
	uint16_t busy_poll_budget;
	uint8_t prefer_busy_poll, pad;
};
static_assert(sizeof(struct linux_epoll_params) == 8, "epoll_params");

#endif
