/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_limits: see the header.
 *
 * Tests: tests/unit/test_platform_ptrace.c
 */
#include "platform/host_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sentry/lib/compiler.h"

#define DEFAULT_MAX_MAPS 65530
/* Kept for the stub region and for splits in the middle of an order. */
#define MAPS_RESERVE 16

uint32_t host_max_maps(void)
{
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	long v = DEFAULT_MAX_MAPS;
	char buf[32];
	ssize_t n;

	if (fd >= 0) {
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		buf[MAX(n, 0)] = '\0';
		if (n > 0)
			v = strtol(buf, NULL, 10);
	}
	if (v <= MAPS_RESERVE || v > INT32_MAX)
		v = DEFAULT_MAX_MAPS;
	return (uint32_t)(v - MAPS_RESERVE);
}

uint64_t host_min_user_addr(void)
{
	uint64_t at = 0x10000;

	for (; at < 0x1000000; at *= 2) {
		void *p =
			mmap((void *)(uintptr_t)at, PAGE_SIZE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			     -1, 0);

		if (p != MAP_FAILED)
			munmap(p, PAGE_SIZE);
		if (p != MAP_FAILED || errno == EEXIST)
			return at;
	}
	return at;
}
