/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile: the one memory file that backs all application memory.
 *
 * A sparse memfd, mapped whole into the sentry once.  Ranges are allocated,
 * shared and released by reference counts kept per range, never per page.
 * Pages of an allocated range read as zero.  Freed ranges stay warm (their
 * pages in place, zeroed again before the next owner) up to a bound; beyond
 * it a hole is punched.
 *
 * Locks: one leaf lock (LOCK_MEMFILE) inside.
 */
#ifndef SENTRY_MM_MEMFILE_H
#define SENTRY_MM_MEMFILE_H

#include "sentry/lib/compiler.h"

/* Size of the sparse file and of the sentry's view; ThreadSanitizer leaves
 * little of the address space. */
#ifdef MOAT_TSAN
#define MEMFILE_SIZE (256ull << 30)
#else
#define MEMFILE_SIZE (16ull << 40)
#endif
#define MEMFILE_NONE UINT64_MAX

/*
 * Adopts @fd (a memfd, sized here) and maps it.  @limit: bytes of application
 * memory that may be in use at once, 0 for none (--memory).  Start-up only.
 */
MUST_CHECK int memfile_start(int fd, uint64_t limit);
int memfile_fd(void);

enum {
	/*
	 * Address space only: not counted as used until memfile_commit(), and
	 * NOT zero: who commits a part overwrites its pages whole.
	 */
	MEMFILE_RESERVE = 1,
};

/*
 * A contiguous zero-filled range of @size bytes (page multiple) with one
 * reference.  @hint: offset where it should start so that host mappings merge,
 * or MEMFILE_NONE.  *out_warm (may be NULL): its pages are in place already,
 * so that mapping it with .populate is cheap.
 * Returns: 0; -ENOMEM at the limit.
 */
MUST_CHECK int memfile_alloc(uint64_t size, uint64_t hint, uint32_t flags,
			     uint64_t *out_off, bool *out_warm);
/* Counts part of a reserved range as used; what is counted already is not
 * counted twice.  -ENOMEM at the limit. */
MUST_CHECK int memfile_commit(uint64_t off, uint64_t size);
/* Adds or drops one reference on every byte of the range.  The last drop
 * frees; the caller made sure that no vcpu and no pin can reach it. */
void memfile_get(uint64_t off, uint64_t size);
void memfile_put(uint64_t off, uint64_t size);
/* The first part of the range with more than one reference: its bounds, page
 * multiples; false if there is none. */
bool memfile_shared_part(uint64_t off, uint64_t size, uint64_t *out_start,
			 uint64_t *out_end);
/* True if the whole range has exactly one reference. */
bool memfile_sole(uint64_t off, uint64_t size);
/* Gives the pages back to the host; the range stays allocated and zero. */
void memfile_decommit(uint64_t off, uint64_t size);
/* Bytes of the range that have pages (a look at the host's tables). */
uint64_t memfile_resident(uint64_t off, uint64_t size);
/* The sentry's view.  Touching it can fault on host memory exhaustion: go
 * through safe_copy.h. */
void *memfile_ptr(uint64_t off);

/* --- accounts ------------------------------------------------------------- */

/*
 * Used memory is charged to the account of the task that allotted it first,
 * and to all accounts above that one (control groups).  All fields are in
 * bytes, private to memfile.c and memfile_acct.c, under the former's lock.
 */
struct memfile_acct {
	struct memfile_acct *parent;
	uint64_t used, peak, limit;
	uint64_t refused; /* charges that the limit did not allow */
};
/*
 * The account whose limit refused the calling thread's last charge since
 * memfile_forget_refusal(), for comparing only; NULL: none did.
 */
const struct memfile_acct *memfile_refused_by(void);
void memfile_forget_refusal(void);
/* The account of everything; its limit is memfile_start()'s. */
struct memfile_acct *memfile_root_acct(void);
/* An empty account without limit below @parent. */
void memfile_acct_init(struct memfile_acct *a, struct memfile_acct *parent);
/* What is charged to @a alone moves to its parent; @a has no children. */
void memfile_acct_fini(struct memfile_acct *a);
/* A copy of the figures of now. */
void memfile_acct_read(struct memfile_acct *a, struct memfile_acct *out);
/* A new limit (UINT64_MAX: none), effective for later charges. */
void memfile_acct_limit(struct memfile_acct *a, uint64_t limit);
/* The peak starts again from what is used now. */
void memfile_acct_reset_peak(struct memfile_acct *a);
/*
 * @current tells which account the calling thread charges; called under the
 * lock, so that an account that nobody is told any more can be ended.  Without
 * it all is charged to the root.  Start-up only.
 */
void memfile_acct_setup(struct memfile_acct *(*current)(void));

struct memfile_stats {
	uint64_t limit, used, warm; /* bytes; limit 0: none */
};
/* Figures of now; each is right, the sum may be of different moments. */
void memfile_stats(struct memfile_stats *out);
/* Bytes that programs may use at most: the limit, or what the machine has. */
uint64_t memory_total(void);
/* Debugging and tests: aborts if the ranges contradict each other. */
void memfile_check(void);

#endif
