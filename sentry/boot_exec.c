/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot_exec: further processes of a container, as `moat exec` asks.
 *
 * Each is made by a thread of its own, since loading a program may wait for
 * the gofer, and the thread that serves the launcher must not.
 *
 * Invariant: an id is in g_execs from its request until it was said to have
 *            ended, or could not be started.
 * Locks:     g_mu, a leaf without a rank: a signal is sent without it.
 * Tests:     tests/hostile/oci.sh
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/boot.h"
#include "sentry/control.h"
#include "sentry/fs/tty/console.h"
#include "sentry/host/host.h"
#include "sentry/kernel/boot.h"
#include "sentry/oci/process_codec.h"
#include "sentry/vfs/vfs.h"

struct exec {
	struct list node;
	uint32_t id;
	struct thread_group *tg; /* +1 once it runs */
	struct file *tty;	 /* +1: kept while it runs; or NULL */
	int early;		 /* a signal before it ran; 0: none */
	int fds[CONTROL_FDS_MAX];
	unsigned int nr;
};

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static struct list g_execs = LIST_INIT(g_execs);
static const struct sandbox_config *g_config;

void boot_exec_setup(const struct sandbox_config *config)
{
	g_config = config;
}

static struct exec *find_locked(uint32_t id)
{
	struct exec *e;

	list_for_each_entry (e, &g_execs, node)
		if (e->id == id)
			return e;
	return NULL;
}

static void free_exec(struct exec *e)
{
	for (unsigned int i = 0; i < e->nr; i++)
		if (e->fds[i] >= 0)
			host_close(e->fds[i]);
	if (e->tty)
		file_put(e->tty);
	if (e->tg)
		thread_group_put(e->tg);
	free(e);
}

void boot_exec_forget(uint32_t id)
{
	struct exec *e;

	pthread_mutex_lock(&g_mu);
	e = find_locked(id);
	if (e)
		list_del(&e->node);
	pthread_mutex_unlock(&g_mu);
	if (e)
		free_exec(e);
}

/* --- what it is made of --------------------------------------------------- */

static int read_process(int fd, struct oci_process *p)
{
	struct stat st;
	AUTO_FREE void *data = NULL;
	struct iovec iov;
	long n;
	int ret = host_fstat(fd, &st);

	if (ret < 0)
		return ret;
	if (st.st_size <= 0 || st.st_size > OCI_PROCESS_MAX)
		return -EINVAL;
	data = kzalloc((size_t)st.st_size);
	if (!data)
		return -ENOMEM;
	iov = (struct iovec){ data, (size_t)st.st_size };
	n = host_preadv(fd, &iov, 1, 0);
	if (n < 0)
		return (int)n;
	return oci_process_decode(data, (size_t)n, p);
}

/* The file of descriptor @i of the request, which is used up. */
static int take_file(struct exec *e, unsigned int i, struct file **out)
{
	int fd = e->fds[i], ret = hostfile_new(fd, out);

	if (ret == 0)
		e->fds[i] = -1;
	return ret;
}

static int open_files(struct exec *e, const struct oci_process *p,
		      struct kernel_boot_args *a)
{
	int ret = fd_table_new(&a->fds);

	if (ret == 0 && p->terminal && e->nr > 1) {
		int fd = e->fds[1];

		e->fds[1] = -1;
		ret = console_file_own(fd, false, &e->tty);
		for (int i = 0; i < 3 && ret == 0; i++)
			ret = fd_table_replace(a->fds, i, e->tty, false);
		if (ret == 0)
			a->console = console_setup(e->tty);
	}
	for (unsigned int i = 1; i < e->nr && ret == 0; i++) {
		AUTO_PUT(file) struct file *f = NULL;

		if (e->fds[i] < 0 || (p->terminal && i < 4))
			continue;
		ret = take_file(e, i, &f);
		if (ret == 0)
			ret = fd_table_replace(a->fds, (int)i - 1, f, false);
	}
	return ret;
}

/* A copy of process 1's directories, and its mount namespace. */
static int join_tree(struct task *init, struct kernel_boot_args *a)
{
	AUTO_PUT(cred) struct cred *maker = NULL;
	struct fs_ctx *fs = task_get_fs(init);
	struct mount_ns *ns;
	int ret = fs ? fs_ctx_copy(fs, &a->fs) : -ESRCH;

	if (fs)
		fs_ctx_put(fs);
	if (ret == 0)
		ret = cred_new(0, 0, NULL, 0, &maker);
	if (ret < 0)
		return ret;
	mutex_lock(&init->mu);
	ns = task_mount_ns(init);
	if (ns)
		mount_ns_get(ns);
	mutex_unlock(&init->mu);
	if (!ns)
		return -ESRCH;
	ret = kernel_boot_task(a->cred, a->fs, ns);
	mount_ns_put(ns);
	return ret;
}

static struct task *first_task(void)
{
	return task_lookup_global(1);
}

/* --- starting ------------------------------------------------------------- */

static int load(struct exec *e, const struct oci_process *p,
		struct kernel_boot_args *a, struct boot_error *err)
{
	struct arg_block argv = { 0 }, envp = { 0 };
	AUTO_FREE char *found = NULL;
	struct thread_group *tg = NULL;
	int ret = boot_find_program(p, &a->program, &found);

	if (ret == 0)
		ret = boot_strings(p->args, &argv);
	if (ret == 0)
		ret = boot_strings(p->env, &envp);
	if (ret == 0) {
		a->filename = found;
		/* Reset below: they are read by kernel_spawn() only. */
		/* cppcheck-suppress autoVariables */
		a->argv = &argv;
		/* cppcheck-suppress autoVariables */
		a->envp = &envp;
		ret = kernel_spawn(a, &tg);
		a->argv = a->envp = NULL;
		file_put(a->program);
	}
	seq_fini(&argv.text);
	seq_fini(&envp.text);
	if (ret < 0)
		return boot_fail_program(p, ret, true, err);
	/* It may have ended already, and e be gone. */
	pthread_mutex_lock(&g_mu);
	e = find_locked(a->exec_id);
	if (e && e->early)
		kernel_signal_spawned(tg, e->early, false);
	if (e) {
		e->tg = tg;
		tg = NULL;
	}
	pthread_mutex_unlock(&g_mu);
	if (tg)
		thread_group_put(tg);
	return 0;
}

static int prepare(struct exec *e, const struct oci_process *p,
		   struct kernel_boot_args *a, struct boot_error *err)
{
	int ret = boot_cred(p, &a->cred);

	if (ret == 0)
		ret = join_tree(a->beside, a);
	if (ret == 0)
		ret = open_files(e, p, a);
	if (ret < 0)
		return boot_fail(err, 125, ret, "cannot start: %s",
				 strerror(-ret));
	boot_rlimits(p, a->rlimits);
	ret = boot_enter_cwd(p, a->cred, a->fs, p->has_umask ? p->umask : 022,
			     err);
	return ret < 0 ? ret : load(e, p, a, err);
}

static void put_args(struct kernel_boot_args *a)
{
	if (a->fds)
		fd_table_put(a->fds);
	if (a->fs)
		fs_ctx_put(a->fs);
	if (a->cred)
		cred_put(a->cred);
	if (a->beside)
		task_put(a->beside);
}

static void exec_thread(void *arg)
{
	const struct oci_seccomp *filter = &g_config->spec->seccomp;
	struct exec *e = arg;
	uint32_t id = e->id;
	struct boot_error err = { .exit_code = 125 };
	struct oci_process p = { 0 };
	struct kernel_boot_args a = {
		.exec_id = id,
		.beside = first_task(),
		.filter = filter->program,
		.nr_filter = filter->nr_insns,
		.log_filter = filter->log,
	};
	int ret = read_process(e->fds[0], &p);

	a.no_new_privs = p.no_new_privileges;
	a.oom_score_adj = p.oom_score_adj;
	if (ret == 0 && !a.beside)
		ret = -ESRCH;
	if (ret < 0)
		ret = boot_fail(&err, 125, ret, "cannot start: %s",
				strerror(-ret));
	else
		ret = prepare(e, &p, &a, &err);
	kernel_drop_boot_task();
	put_args(&a);
	oci_process_fini(&p);
	if (ret < 0) {
		boot_exec_forget(id);
		control_reply(id, err.exit_code, err.text);
	} else {
		control_reply(id, 0, NULL);
	}
}

void boot_exec(const struct control_msg *msg, const int *fds, unsigned int nr)
{
	struct exec *e = nr >= 2 && msg->id ? kzalloc(sizeof(*e)) : NULL;
	int ret = -ENOMEM;

	if (!e) {
		for (unsigned int i = 0; i < nr; i++)
			host_close(fds[i]);
		control_reply(msg->id, 125, "cannot start: out of memory");
		return;
	}
	e->id = msg->id;
	e->nr = nr;
	memcpy(e->fds, fds, nr * sizeof(*fds));
	pthread_mutex_lock(&g_mu);
	list_append(&g_execs, &e->node);
	pthread_mutex_unlock(&g_mu);
	ret = host_thread_new(exec_thread, e, "exec");
	if (ret < 0) {
		boot_exec_forget(e->id);
		control_reply(msg->id, 125, "cannot start: no thread");
	}
}

void boot_exec_signal(const struct control_msg *msg)
{
	struct thread_group *tg = NULL;
	struct exec *e;

	if (msg->status <= 0 || msg->status > 64)
		return;
	pthread_mutex_lock(&g_mu);
	e = find_locked(msg->id);
	if (e && e->tg) {
		tg = e->tg;
		thread_group_get(tg);
	} else if (e) {
		e->early = msg->status;
	}
	pthread_mutex_unlock(&g_mu);
	if (!tg)
		return;
	kernel_signal_spawned(tg, msg->status, msg->text[0]);
	thread_group_put(tg);
}
