/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf: the 64-bit little-endian file format, as far as the loader reads it.
 */
#ifndef ABI_ELF_H
#define ABI_ELF_H

#include <assert.h>
#include <stdint.h>

#define LINUX_ELFMAG "\177ELF"
enum { LINUX_ET_EXEC = 2, LINUX_ET_DYN = 3, LINUX_EM_X86_64 = 62 };
enum {
	LINUX_PT_LOAD = 1,
	LINUX_PT_DYNAMIC = 2,
	LINUX_PT_INTERP = 3,
	LINUX_PT_GNU_STACK = 0x6474e551,
};
enum { LINUX_PF_X = 1, LINUX_PF_W = 2, LINUX_PF_R = 4 };
enum { LINUX_SHT_DYNSYM = 11 };

struct linux_elf64_ehdr {
	unsigned char ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(struct linux_elf64_ehdr) == 64, "Elf64_Ehdr");

struct linux_elf64_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
static_assert(sizeof(struct linux_elf64_phdr) == 56, "Elf64_Phdr");

struct linux_elf64_shdr {
	uint32_t name, type;
	uint64_t flags, addr, offset, size;
	uint32_t link, info;
	uint64_t addralign, entsize;
};
static_assert(sizeof(struct linux_elf64_shdr) == 64, "Elf64_Shdr");

struct linux_elf64_sym {
	uint32_t name;
	uint8_t info, other;
	uint16_t shndx;
	uint64_t value, size;
};
static_assert(sizeof(struct linux_elf64_sym) == 24, "Elf64_Sym");

#endif
