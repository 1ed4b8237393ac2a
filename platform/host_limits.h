/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_limits: what the host allows any process in its address space.  Called
 * while the platform starts: /proc may be gone already, files are not opened
 * later.
 */
#ifndef PLATFORM_HOST_LIMITS_H
#define PLATFORM_HOST_LIMITS_H

#include <stdint.h>

/* vm.max_map_count if /proc is there, else the kernel's default; less what a
 * platform keeps for its own region and for splits within an order. */
uint32_t host_max_maps(void);
/* The lowest address that an ordinary process may map (vm.mmap_min_addr). */
uint64_t host_min_user_addr(void);

#endif
