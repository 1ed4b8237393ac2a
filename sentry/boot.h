/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot: the file tree, descriptors and first task of a sandbox.
 */
#ifndef SENTRY_BOOT_H
#define SENTRY_BOOT_H

#include "sentry/sandbox.h"

/* Why a boot failed: an exit code (125..127) and a sentence for the caller. */
struct boot_error {
	int exit_code;
	char text[400];
};

/*
 * Mounts what the spec asks for, opens stdio, loads the program and starts its
 * task.  The gofer is connected and the filter closed.
 * Returns 0, or -errno with *err filled.
 */
MUST_CHECK int sandbox_boot(const struct sandbox_config *config,
			    struct boot_error *err);

/*
 * boot_fs.c: the mount tree of the spec.  From its root on, a boot task that
 * may do everything is current.
 */
struct mount_ns;
MUST_CHECK int boot_mounts(const struct sandbox_config *config,
			   struct mount_ns **out, struct boot_error *err);
/* boot_oci.c: what else a container's tree gets: devices, masked and read-only
 * paths, the working directory, sysctls. */
MUST_CHECK int boot_container(const struct sandbox_config *config,
			      struct boot_error *err);
/* Mount points that are missing are made; a file if !@directory. */
struct path;
MUST_CHECK int boot_mount_point(const struct path *root, const char *dest,
				bool directory, struct path *out);

/* --- boot_process.c ------------------------------------------------------- */

struct arg_block;
struct cred;
struct file;
struct fs_ctx;
struct oci_process;
struct rlimit_pair;
/*
 * Finds args[0] along PATH.  *found: the path that was used; allocated in any
 * case.  0 and *out; -errno of execve(2).
 */
MUST_CHECK int boot_find_program(const struct oci_process *p, struct file **out,
				 char **found);
/* Appends the list to @out; -ENOMEM. */
MUST_CHECK int boot_strings(char *const *strings, struct arg_block *out);
MUST_CHECK int boot_cred(const struct oci_process *p, struct cred **out);
void boot_rlimits(const struct oci_process *p, struct rlimit_pair *out);
/* Makes the working directory that of @fs. */
MUST_CHECK int boot_enter_cwd(const struct oci_process *p,
			      const struct cred *cred, struct fs_ctx *fs,
			      uint32_t mask, struct boot_error *err);
/* Fills *err for a program that cannot be run; returns @ret. */
int boot_fail_program(const struct oci_process *p, int ret, bool container,
		      struct boot_error *err);

/* --- boot_exec.c: further processes, CONTROL_EXEC ------------------------- */

struct control_msg;
/* Start-up: whose filter such processes get. */
void boot_exec_setup(const struct sandbox_config *config);
/*
 * Starts the process that @fds[0] describes, with stdio and more from @fds[1]
 * on; answers by CONTROL_REPLY, later CONTROL_EXEC_EXITED.  Takes over @fds.
 */
void boot_exec(const struct control_msg *msg, const int *fds, unsigned int nr);
/* It has ended: its number is free. */
void boot_exec_forget(uint32_t id);
/* CONTROL_EXEC_SIGNAL. */
void boot_exec_signal(const struct control_msg *msg);

/* Fills *err and returns @ret. */
int boot_fail(struct boot_error *err, int exit_code, int ret, const char *fmt,
	      ...) PRINTF(4, 5);

#endif
