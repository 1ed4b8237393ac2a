/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm_world: a host for sentry/mm: a platform that carries orders out in a page
 * array, a guest that reads and writes through it and faults, and files.
 */
#ifndef TESTS_UNIT_MM_WORLD_H
#define TESTS_UNIT_MM_WORLD_H

#include "sentry/mm/mm_private.h"

#define WORLD_PAGES 65536u /* 256 MiB of guest addresses */
#define WORLD_END   (WORLD_PAGES * PAGE_SIZE)

struct fake_page {
	int fd; /* -1: not mapped */
	uint8_t prot;
	uint64_t off;
};
struct platform_as {
	struct fake_page pages[WORLD_PAGES];
	struct map_order *queue;
	unsigned int nr_queued, max_queued;
	unsigned int nr_maps, nr_unmaps, nr_protects, flushes, syncs;
	int refuse; /* orders until one is refused; -1: never */
	bool lossy; /* one was: holes where mm thinks it is mapped */
};

struct fake_file {
	struct file file;
	struct inode inode;
	struct mapping mapping;
	bool memory;	    /* tmpfs: a range of the memory file */
	int fd;		    /* else a host file */
	uint64_t off, size; /* of the range; of the file */
	unsigned int asked;
	/* Called (once) inside mmap_backing, to race with it. */
	void (*race)(struct fake_file *f);
};

/* Starts the memory file, and a task that runs in no space yet. */
void world_start(uint64_t memory_limit);
/* The current task runs in @mm from now on. */
void world_run(struct mm *mm);
/* A space with a small layout, without randomness. */
struct mm *world_mm(void);
void world_rlimit(unsigned int which, uint64_t value);

struct fake_file *fake_host_file(uint64_t pages, uint32_t flags);
struct fake_file *fake_tmpfs_file(uint64_t pages, uint32_t flags);
void fake_file_drop(struct fake_file *f);

/* The page behind @addr as the guest sees it now. */
struct fake_page *host_page(struct mm *mm, uint64_t addr);
/* Accesses of the guest; 0, or the signal. */
int guest_read(struct mm *mm, uint64_t addr, uint64_t *out);
int guest_write(struct mm *mm, uint64_t addr, uint64_t v);
/* All orders done, then: how many host VMAs are there? */
unsigned int host_vmas(struct mm *mm);

/* Shorthands. */
long map_anon(struct mm *mm, uint64_t addr, uint64_t pages, uint32_t prot,
	      uint32_t flags);
long map_file(struct mm *mm, struct fake_file *f, uint64_t addr, uint64_t pages,
	      uint64_t pgoff, uint32_t prot, uint32_t flags);

#endif
