/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc: memory and scope cleanup.
 *
 * Allocation on behalf of a guest uses kzalloc() and answers -ENOMEM; the x
 * functions end the process with a message and are for start-up and commands.
 */
#ifndef SENTRY_LIB_ALLOC_H
#define SENTRY_LIB_ALLOC_H

#include <stdlib.h>

#include "sentry/lib/compiler.h"

/* Zeroed memory or NULL.  Freed with free(). */
MUST_CHECK void *kzalloc(size_t size);
/* Zeroed array; NULL also if nr * size overflows. */
MUST_CHECK void *kcalloc(size_t nr, size_t size);
MUST_CHECK char *kstrdup(const char *s);
MUST_CHECK char *kstrndup(const char *s, size_t max);

/*
 * Between these the calling thread may use memory that is kept back for what
 * must not fail (sentry/kernel/budget.c).  They nest.
 */
void alloc_reserve_begin(void);
void alloc_reserve_end(void);
bool alloc_in_reserve(void);

/* What the x functions do when memory is out (sentry/host: one line, exit
 * status 125); must not return.  abort() unless set. */
void xalloc_setup(void (*give_up)(void));
/* As above; out of memory prints one line and exits with 125. */
void *xzalloc(size_t size);
char *xstrdup(const char *s);
PRINTF(1, 2) char *xasprintf(const char *fmt, ...);

static inline void free_cleanup(void *pp)
{
	free(*(void **)pp);
}
/* The variable is freed at the end of its scope; take() keeps it. */
#define AUTO_FREE __attribute__((cleanup(free_cleanup)))

/* Yields the pointer in @v and clears @v, so that its cleanup does nothing. */
#define take(v)                             \
	({                                  \
		__typeof__(v) taken_ = (v); \
		(v) = NULL;                 \
		taken_;                     \
	})

/*
 * AUTO_PUT(file) struct file *f = NULL;  drops the reference at scope end.
 * A type takes part with DEFINE_AUTO_PUT(file) beside its x_put().
 */
#define DEFINE_AUTO_PUT(type)                                   \
	static inline void type##_put_cleanup(struct type **pp) \
	{                                                       \
		if (*pp)                                        \
			type##_put(*pp);                        \
	}
#define AUTO_PUT(type) __attribute__((cleanup(type##_put_cleanup)))

#endif
