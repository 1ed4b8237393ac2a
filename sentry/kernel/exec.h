/* SPDX-License-Identifier: Apache-2.0 */
/* exec: replacing the program of a process, execve(2). */
#ifndef SENTRY_KERNEL_EXEC_H
#define SENTRY_KERNEL_EXEC_H

#include "sentry/kernel/task.h"
#include "sentry/loader/loader.h"

/*
 * Copies the guest's argv and envp (NULL-terminated arrays of strings; a null
 * array is empty) with Linux's limits: -E2BIG, -EFAULT, -ENOMEM.  An empty argv
 * becomes { "" }.  Free with exec_args_fini() in any case.
 */
struct exec_args {
	struct arg_block argv, envp;
	uint64_t left; /* bytes of strings that still fit */
};
MUST_CHECK int exec_args_copy(struct task *t, uaddr_t argv, uaddr_t envp,
			      size_t filename_size, struct exec_args *out);
void exec_args_fini(struct exec_args *a);

/*
 * execve of @file by the current task.  Returns -errno while the old program
 * goes on; 0 when the new one is in place, or the process is killed because it
 * failed too late.
 */
int task_execve(struct task *t, struct file *file, const char *filename,
		struct exec_args *args);
/* Opens a program: path look-up, regular file, may-exec, nosuid. */
MUST_CHECK int exec_open(int dirfd, const char *name, uint32_t walk,
			 struct file **out);

#endif
