/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core: the notes of a core file on x86-64, linux/elfcore.h; core(5).
 */
#ifndef ABI_CORE_H
#define ABI_CORE_H

#include <assert.h>
#include <stdint.h>

#include "abi/regs.h"

enum { LINUX_ET_CORE = 4, LINUX_PT_NOTE = 4 };

/* Types beside those of abi/ptrace.h; owner "CORE". */
#define LINUX_NT_PRPSINFO 3u
#define LINUX_NT_AUXV	  6u
#define LINUX_NT_SIGINFO  0x53494749u
#define LINUX_NT_FILE	  0x46494c45u

struct linux_prstatus {
	int32_t signo, code, err;
	int16_t cursig, pad;
	uint64_t sigpend, sighold;
	int32_t pid, ppid, pgrp, sid;
	struct {
		int64_t sec, usec;
	} utime, stime, cutime, cstime;
	struct guest_regs regs;
	int32_t fpvalid, pad2;
};
static_assert(sizeof(struct linux_prstatus) == 336, "elf_prstatus");

struct linux_prpsinfo {
	char state, sname, zombie, nice;
	int32_t pad;
	uint64_t flag;
	uint32_t uid, gid;
	int32_t pid, ppid, pgrp, sid;
	char fname[16], psargs[80];
};
static_assert(sizeof(struct linux_prpsinfo) == 136, "elf_prpsinfo");

struct linux_elf_nhdr {
	uint32_t namesz, descsz, type;
};

#endif
