/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_proc_status: stat, statm and status of a made-up process: what parsers
 * expect, with the host's own files as the model of fields and names.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sentry/fs/proc/proc.h"
#include "sentry/host/host.h"

/* --- a world with one process of two threads ----------------------------- */

static struct thread_group group = { .tgid = 7, .exit_signal = 17 };
static struct task tasks[2];
static uint32_t groups[] = { 4, 24 };
static struct cred cred = {
	.uid = 1000, .euid = 1001, .nr_groups = 2, .groups = groups
};
static bool may_access = true, has_mm = true;
static struct mm_marks marks = { .start_code = 0x1000, .end_code = 0x2000 };

struct task *proc_task(const struct synth_ctx *ctx)
{
	if (ctx->id != 7)
		return NULL;
	tasks[0].group = &group;
	ref_init(&tasks[0].ref);
	return &tasks[0];
}

int proc_mm(const struct synth_ctx *ctx, struct mm **out)
{
	(void)ctx;
	*out = has_mm ? (struct mm *)&marks : NULL;
	return 0;
}

void proc_localise(const struct synth_ctx *ctx, struct task_report *r)
{
	(void)ctx;
	(void)r;
}

void proc_show_numbers(const struct synth_ctx *ctx, const char *name,
		       uint32_t pid, struct seq_buf *out)
{
	(void)ctx;
	seq_printf(out, "%s:\t%u\n", name, pid);
}

int64_t proc_boot_offset(void)
{
	return 0;
}

const struct user_ns *proc_viewer(void)
{
	return &g_init_user_ns;
}

void task_put(struct task *t)
{
	(void)t;
}

struct task *thread_group_next_task(struct thread_group *tg, uint32_t after)
{
	(void)tg;
	if (after >= 8)
		return NULL;
	tasks[1].tid = after < 7 ? 7 : 8;
	return &tasks[1];
}

void task_report(struct task *t, struct task_report *out)
{
	*out = (struct task_report){
		.comm = "a) b\n",
		.state = 'S',
		.tid = t == &tasks[0] ? 7 : t->tid,
		.tgid = 7,
		.ppid = 1,
		.pgid = 7,
		.sid = 5,
		.tty_dev = 34816,
		.tty_pgrp = 7,
		.utime_ns = 1500000000,
		.stime_ns = 250000000,
		.group = { .utime_ns = 3000000000, .stime_ns = 500000000 },
		.start_ns = 123450000000,
		.sig_caught = 1ull << 40 | 2,
		.nr_threads = 2,
		.nice = -5,
	};
}

int task_may_access(struct task *t)
{
	(void)t;
	return may_access ? 0 : -EPERM;
}

struct mm *task_get_mm(struct task *t)
{
	(void)t;
	return has_mm ? (struct mm *)&marks : NULL;
}

void mm_put(struct mm *mm)
{
	(void)mm;
}

struct mm_marks *mm_marks(struct mm *mm)
{
	(void)mm;
	return &marks;
}

void mm_stats(struct mm *mm, struct mm_stats *out)
{
	(void)mm;
	*out = (struct mm_stats){ .vm_size = 1 << 20, .rss = 1 << 16 };
}

struct cred *task_get_cred(struct task *t)
{
	(void)t;
	return &cred;
}

void cred_put(struct cred *c)
{
	(void)c;
}

struct fs_ctx *task_get_fs(struct task *t)
{
	static struct fs_ctx fs;

	(void)t;
	mutex_init(&fs.mu, LOCK_FS_CTX);
	fs.umask = 022;
	return &fs;
}

void fs_ctx_put(struct fs_ctx *c)
{
	(void)c;
}

struct fd_table *task_get_fds(struct task *t)
{
	(void)t;
	return NULL;
}

int fd_table_next(struct fd_table *tbl, int fd)
{
	(void)tbl, (void)fd;
	return -1;
}

void fd_table_put(struct fd_table *tbl)
{
	(void)tbl;
}

uint64_t task_rlimit(struct task *t, unsigned int which)
{
	(void)t, (void)which;
	return UINT64_MAX;
}

uint32_t host_nr_cpus(void)
{
	return 4;
}

void proc_show_cpus(struct seq_buf *out, const uint64_t mask[16], uint32_t nr,
		    bool as_list)
{
	(void)mask;
	if (as_list)
		seq_printf(out, "0-%u", nr - 1);
	else
		seq_printf(out, "%x", (1u << nr) - 1);
}

/* --- tests --------------------------------------------------------------- */

static const struct synth_ctx ctx = { .obj = &group, .id = 7 };

/* As procps does: the name ends at the last parenthesis. */
static unsigned int stat_fields(const char *text, long long *v)
{
	const char *p = strrchr(text, ')') + 3; /* behind the state */
	unsigned int nr = 3;
	int used;

	while (sscanf(p, " %lld%n", &v[nr + 1], &used) == 1) {
		p += used;
		nr++;
	}
	return nr;
}

static void stat_format(void **state)
{
	struct seq_buf s = { 0 };
	long long v[64] = { 0 };

	(void)state;
	assert_int_equal(proc_stat_group(&ctx, &s), 0);
	assert_int_equal(strncmp(s.data, "7 (a) b\n) S ", 12), 0);
	assert_int_equal(stat_fields(s.data, v), 52);
	assert_int_equal(s.data[s.len - 1], '\n');
	assert_int_equal(v[4], 1);	  /* ppid */
	assert_int_equal(v[7], 34816);	  /* tty_nr */
	assert_int_equal(v[14], 300);	  /* utime of both threads */
	assert_int_equal(v[15], 50);	  /* stime */
	assert_int_equal(v[18], 15);	  /* priority */
	assert_int_equal(v[19], -5);	  /* nice */
	assert_int_equal(v[20], 2);	  /* num_threads */
	assert_int_equal(v[22], 12345);	  /* starttime */
	assert_int_equal(v[23], 1 << 20); /* vsize */
	assert_int_equal(v[24], 16);	  /* rss */
	assert_int_equal(v[26], 0x1000);  /* startcode */
	assert_int_equal(v[34], 2);	  /* sigcatch, low half */
	assert_int_equal(v[38], 17);	  /* exit_signal */
	seq_fini(&s);
}

static void stat_of_a_stranger(void **state)
{
	struct seq_buf s = { 0 };
	long long v[64] = { 0 };

	(void)state;
	may_access = false;
	assert_int_equal(proc_stat_task(&ctx, &s), 0);
	may_access = true;
	assert_int_equal(stat_fields(s.data, v), 52);
	assert_int_equal(v[14], 150); /* one thread */
	assert_int_equal(v[26], 1);   /* code is hidden */
	seq_fini(&s);
}

static void gone(void **state)
{
	const struct synth_ctx other = { .obj = &group, .id = 9 };
	struct seq_buf s = { 0 };

	(void)state;
	assert_int_equal(proc_stat_task(&other, &s), -ESRCH);
	assert_int_equal(proc_status(&other, &s), -ESRCH);
	has_mm = false;
	assert_int_equal(proc_statm(&ctx, &s), 0);
	assert_string_equal(s.data, "0 0 0 0 0 0 0\n");
	seq_fini(&s);
	s = (struct seq_buf){ 0 };
	assert_int_equal(proc_status(&ctx, &s), 0);
	assert_null(strstr(s.data, "VmSize"));
	has_mm = true;
	seq_fini(&s);
}

/* Every name that the host shows is there, in the host's order. */
static void status_names(void **state)
{
	FILE *host = fopen("/proc/self/status", "r");
	struct seq_buf s = { 0 };
	char line[4096];
	const char *at;

	(void)state;
	if (!host)
		skip();
	assert_int_equal(proc_status(&ctx, &s), 0);
	at = s.data;
	while (fgets(line, sizeof(line), host)) {
		char *colon = strchr(line, ':');
		const char *found;

		assert_non_null(colon);
		colon[1] = '\0';
		if (strncmp(line, "x86_", 4) == 0)
			continue; /* not with every configuration */
		found = strstr(at, line);
		if (!found)
			print_error("%s is missing\n", line);
		assert_non_null(found);
		at = found;
	}
	fclose(host);
	seq_fini(&s);
}

static void status_values(void **state)
{
	struct seq_buf s = { 0 };

	(void)state;
	assert_int_equal(proc_status(&ctx, &s), 0);
	assert_int_equal(strncmp(s.data, "Name:\ta) b\\n\n", 13), 0);
	assert_non_null(strstr(s.data, "\nUmask:\t0022\n"));
	assert_non_null(strstr(s.data, "\nState:\tS (sleeping)\n"));
	assert_non_null(strstr(s.data, "\nUid:\t1000\t1001\t0\t0\n"));
	assert_non_null(strstr(s.data, "\nGroups:\t4 24 \n"));
	assert_non_null(strstr(s.data, "\nVmSize:\t    1024 kB\n"));
	assert_non_null(strstr(s.data, "\nSigCgt:\t0000010000000002\n"));
	assert_non_null(strstr(s.data, "\nCpus_allowed:\tf\n"));
	seq_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_format),
		cmocka_unit_test(stat_of_a_stranger),
		cmocka_unit_test(gone),
		cmocka_unit_test(status_names),
		cmocka_unit_test(status_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
