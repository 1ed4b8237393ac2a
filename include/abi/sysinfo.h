/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysinfo: uname(2), sysinfo(2), personality(2).
 */
#ifndef ABI_SYSINFO_H
#define ABI_SYSINFO_H

#include <assert.h>
#include <stdint.h>

struct linux_utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65],
		domainname[65];
};
static_assert(sizeof(struct linux_utsname) == 390, "struct new_utsname");

struct linux_sysinfo {
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap,
		freeswap;
	uint16_t procs, pad0;
	uint32_t pad1;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit, pad2;
};
static_assert(sizeof(struct linux_sysinfo) == 112, "struct sysinfo");

#define LINUX_SI_LOAD_ONE 65536 /* fixed point of loads */

#define LINUX_PER_QUERY		 0xffffffffu
#define LINUX_ADDR_NO_RANDOMIZE	 0x0040000u
#define LINUX_PER_CLEAR_ON_SETID 0x05d40000u

#endif
