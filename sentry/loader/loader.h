/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader: builds the image of a program in a new address space (execve).
 */
#ifndef SENTRY_LOADER_LOADER_H
#define SENTRY_LOADER_LOADER_H

#include "sentry/kernel/cred.h"
#include "sentry/lib/seq_buf.h"
#include "sentry/mm/mm.h"

struct file;
struct path;

/* Argument or environment strings, already in the sentry; checked against
 * RLIMIT_STACK/4 and MAX_ARG_STRLEN by who gathers them (-E2BIG). */
struct arg_block {
	struct seq_buf text; /* each string with its NUL */
	uint32_t nr;
};

struct load_args {
	struct file *file;    /* the program, opened and may-exec checked */
	const char *filename; /* as given to execve: AT_EXECFN, comm */
	struct arg_block *argv, *envp; /* argv is changed by #! scripts */
	const struct cred *cred; /* of the caller, for AT_UID.. and AT_SECURE */
	bool no_new_privs, no_aslr;
	bool traced;	      /* by one without rights: none are gained */
	uint64_t stack_limit; /* RLIMIT_STACK */
	/* May be NULL.  Set on an error that Linux meets when the old program
	 * is gone already: the caller gets SIGSEGV instead of the errno. */
	bool *out_too_late;
};

struct load_result {
	struct mm *mm;	    /* the new space, one reference */
	uint64_t entry, sp; /* initial rip and rsp */
	char comm[16];
	struct exec_cred id; /* the new identity, cred +1 */
};

/*
 * The vcpu of the caller has NOT moved yet; the new mm is filled from the
 * sentry's side (orders are queued).  Interpreters and #! are followed.
 * Returns: 0; -ENOEXEC, -EACCES, -ENOENT, -ELIBBAD, -ENOMEM, -E2BIG, -EINVAL,
 * -ELOOP as execve(2); *out untouched.
 */
MUST_CHECK int load_program(const struct load_args *args,
			    struct load_result *out);

/* The vDSO image in the memory file; start-up, after clock_start(). */
MUST_CHECK int vdso_start(void);
/* Offsets of symbols the kernel needs, relative to the image. */
uint64_t vdso_rt_sigreturn_offset(void);

#endif
