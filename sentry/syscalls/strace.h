/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strace: one line for each system call of the sandbox, with decoded arguments.
 *
 * The generated table (g_syscalls) says what each argument is.  Everything
 * that is printed comes from the guest and is hostile: it is read with
 * mm_copy_in() only, once, into bounded buffers, and escaped.
 */
#ifndef SENTRY_SYSCALLS_STRACE_H
#define SENTRY_SYSCALLS_STRACE_H

#include <stddef.h>
#include <stdint.h>

#include "sentry/lib/compiler.h"

struct mm;
struct task;

/* --- the generated table ------------------------------------------------- */

enum syscall_level { LEVEL_NONE, LEVEL_ENOSYS, LEVEL_PARTIAL, LEVEL_FULL };

enum {
	TRAIT_BLOCK = 1,
	TRAIT_RESTART = 2,
	TRAIT_NEWFD = 4,
	TRAIT_ADDR = 8,
	TRAIT_NORETURN = 16,
	TRAIT_CLONE = 32
};

enum arg_kind {
	ARG_FD,
	ARG_DIRFD,
	ARG_I32,
	ARG_PID,
	ARG_SIG,
	ARG_ENUM,
	ARG_U32,
	ARG_UID,
	ARG_MODE,
	ARG_FLAGS,
	ARG_UENUM,
	ARG_I64,
	ARG_OFF,
	ARG_U64,
	ARG_SIZE,
	ARG_UADDR,
	ARG_STR,
	ARG_PATH,
	ARG_BUF,
	ARG_STRUCT,
};
enum arg_dir { DIR_IN, DIR_OUT, DIR_INOUT };

/* Names of values.  A flag set ends with unnamed bits in hexadecimal; a field
 * inside a flag word (O_ACCMODE) has .mask covering more than .value. */
struct xlat_name {
	uint64_t value, mask;
	const char *name;
};
struct xlat {
	const struct xlat_name *names;
	uint32_t nr;
};

/* A line under construction: cut, never overrun. */
struct strace_out {
	char *buf;
	size_t size, len;
	struct mm *mm; /* the address space that pointers mean; may be NULL */
	long result;   /* of the call; bounds what out buffers show */
	bool exiting;  /* result is known */
};

/* Prints what the guest pointer @addr refers to; @nr: number of elements. */
typedef void strace_put_fn(struct strace_out *o, uint64_t addr, uint64_t nr);

struct syscall_arg {
	const char *name;
	enum arg_kind kind;
	enum arg_dir dir;
	int len_at; /* which argument holds size or count; -1: none */
	const struct xlat *xlat;
	strace_put_fn *put; /* ARG_STRUCT */
};

struct syscall_desc {
	const char *name; /* NULL: no such number */
	enum syscall_level level;
	uint32_t traits;
	uint32_t nr_args;
	struct syscall_arg args[6];
};

/* Indexed by number; size SYSCALL_TABLE_SIZE. */
extern const struct syscall_desc g_syscalls[];

/* --- the trace ------------------------------------------------------------ */

/* Set by strace_setup() before the first task, constant afterwards. */
extern bool g_strace_enabled;

/* Turns the trace on; lines go to host descriptor @fd.  Start-up only. */
void strace_setup(int fd);

#define STRACE_LINE_SIZE 1024

/* One call between entry and exit; lives on the caller's stack. */
struct strace_call {
	const struct syscall_desc *desc;
	uint64_t args[6];
	uint32_t nr;
	unsigned int next; /* first argument that is printed at exit */
	bool unfinished;   /* the entry was printed as a line of its own */
	struct strace_out out;
	char line[STRACE_LINE_SIZE];
};
void strace_enter(struct strace_call *c, struct task *t, uint32_t nr,
		  const uint64_t args[6]);
void strace_exit(struct strace_call *c, struct task *t, long result);

/*
 * Formats arguments [@from, @to) of @desc; no task needed (fuzzed).  With
 * o->exiting unset, out arguments are printed as pointers.
 */
void strace_put_args(struct strace_out *o, const struct syscall_desc *desc,
		     const uint64_t args[6], unsigned int from,
		     unsigned int to);
/* " = 3", " = -1 ENOENT (No such file or directory)", " = ?". */
void strace_put_result(struct strace_out *o, const struct syscall_desc *desc,
		       long result);

/* Building blocks. */
void strace_printf(struct strace_out *o, const char *fmt, ...) PRINTF(2, 3);
void strace_put_flags(struct strace_out *o, const struct xlat *x, uint64_t v);
void strace_put_enum(struct strace_out *o, const struct xlat *x, uint64_t v);
/* Quoted and escaped, at most 32 bytes. */
void strace_put_bytes(struct strace_out *o, uint64_t addr, uint64_t size);
void strace_put_cstr(struct strace_out *o, uint64_t addr);
void strace_put_signal(struct strace_out *o, int sig);
const char *strace_errno_name(int err); /* "ENOENT", NULL if unknown */

#endif
