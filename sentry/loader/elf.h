/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf: checks and reads an ELF file's tables.  Pure: no memory but its own, no
 * files, no guest; every byte of the input is hostile (tests/fuzz).
 */
#ifndef SENTRY_LOADER_ELF_H
#define SENTRY_LOADER_ELF_H

#include "abi/elf.h"
#include "sentry/lib/compiler.h"

/* Addresses at or above it are refused, as TASK_SIZE on Linux. */
#define ELF_TASK_SIZE	   0x7ffffffff000ull
#define ELF_MAX_PHDR_BYTES 65536u

struct elf_segment { /* one PT_LOAD; filesz <= memsz, all within user space */
	uint64_t vaddr, offset, filesz, memsz;
	uint32_t flags; /* LINUX_PF_* */
};

struct elf_image {
	uint16_t type;	/* ET_EXEC or ET_DYN */
	uint64_t entry; /* not checked */
	uint64_t phoff; /* of the program headers */
	uint32_t phnum;
	uint64_t phdr_vaddr; /* where a segment puts them; 0: nowhere */
	uint64_t align;	     /* largest sane p_align, at least a page */
	uint64_t start, end; /* of all segments; start page aligned */
	bool has_interp;
	uint64_t interp_off, interp_size; /* 2..PATH_MAX bytes with the NUL */
	bool exec_stack;
	/* As Linux keeps them for /proc/pid/stat, without the load bias. */
	uint64_t start_code, end_code, start_data, end_data, bss_end;
	/* A segment is senseless: none may be mapped.  Linux finds that out
	 * when the old program is gone already. */
	bool bad_segments;
	uint32_t nr_segs;
	struct elf_segment *segs; /* in file order; owned */
};

/*
 * Reads the file header from the first @size bytes of a file.  Fills type,
 * entry, phoff, phnum.
 * Returns: 0; -ENOEXEC for anything that Linux's loader does not take.
 */
MUST_CHECK int elf_parse_header(const void *head, size_t size,
				struct elf_image *img);
/*
 * Reads the program headers (phnum of them, at @table).  @img comes from
 * elf_parse_header() and gets the rest of its fields.
 * Returns: 0; -ENOEXEC for a bad PT_INTERP; -ENOMEM.
 */
MUST_CHECK int elf_parse_table(const void *table, size_t size,
			       struct elf_image *img);
/* Both, for a file that is in memory whole. */
MUST_CHECK int elf_parse(const void *file, size_t size, struct elf_image *img);
/* Frees what parsing allocated; harmless after a failure. */
void elf_fini(struct elf_image *img);

#endif
