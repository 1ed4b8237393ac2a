/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fd_table: descriptors at random against an array; limits; fork; exec.
 */
#include <errno.h>

#include "tests/unit/vfs_world.h"

#define FDS   700
#define FILES 8
#define STEPS 40000

static const struct file_ops g_ops = { .name = "test" };
static struct file *g_files[FILES];
static struct file *g_model[FDS];
static bool g_cloexec[FDS];

static int model_lowest(int from)
{
	while (from < FDS && g_model[from])
		from++;
	return from;
}

static void step(struct fd_table *tbl)
{
	struct file *f = g_files[world_random() % FILES];
	int fd = (int)(world_random() % FDS), want;
	bool cloexec = world_random() % 2;

	switch (world_random() % 5) {
	case 0:
	case 1:
		want = model_lowest(0);
		if (world_random() % 4 == 0)
			want = model_lowest(fd);
		else
			fd = 0;
		assert_int_equal(fd_table_install_from(tbl, f, cloexec, fd),
				 want < FDS ? want : -EMFILE);
		fd = want;
		break;
	case 2:
		assert_int_equal(fd_table_replace(tbl, fd, f, cloexec), fd);
		break;
	case 3:
		assert_int_equal(fd_table_close(tbl, fd),
				 g_model[fd] ? 0 : -EBADF);
		f = NULL;
		break;
	default:
		assert_int_equal(fd_table_get_cloexec(tbl, fd),
				 g_model[fd] ? g_cloexec[fd] : -EBADF);
		return;
	}
	if (fd < FDS) {
		g_model[fd] = f;
		g_cloexec[fd] = f && cloexec;
	}
}

static void check(struct fd_table *tbl)
{
	int fd, next = -1;

	for (fd = 0; fd < FDS; fd++) {
		struct file *f = fd_table_lookup(tbl, fd);

		assert_ptr_equal(f, g_model[fd]);
		if (f)
			file_put(f);
	}
	for (fd = 0; fd < FDS; fd++) {
		if (!g_model[fd])
			continue;
		next = fd_table_next(tbl, next + 1);
		assert_int_equal(next, fd);
	}
	assert_int_equal(fd_table_next(tbl, next + 1), -1);
}

static void random_against_array(void **state)
{
	struct fd_table *tbl, *copy;
	int i;

	(void)state;
	world_task(NULL, 0);
	world_set_nofile(FDS);
	for (i = 0; i < FILES; i++)
		assert_int_equal(
			file_new_anon("t", &g_ops, NULL, 0600, 2, &g_files[i]),
			0);
	assert_int_equal(fd_table_new(&tbl), 0);
	for (i = 0; i < STEPS; i++) {
		step(tbl);
		if (i % 1000 == 0)
			check(tbl);
	}
	assert_int_equal(fd_table_fork(tbl, &copy), 0);
	check(copy);
	fd_table_close_on_exec(copy);
	fd_table_put(tbl);
	for (i = 0; i < FDS; i++)
		if (g_cloexec[i])
			g_model[i] = NULL;
	check(copy);
	assert_int_equal(fd_table_close_range(copy, 10, UINT32_MAX, false), 0);
	for (i = 10; i < FDS; i++)
		g_model[i] = NULL;
	check(copy);
	fd_table_put(copy);
	for (i = 0; i < FILES; i++) {
		assert_int_equal(ref_read(&g_files[i]->ref), 1);
		file_put(g_files[i]);
	}
	world_task_gone();
}

static void limits(void **state)
{
	struct fd_table *tbl;
	struct file *f;

	(void)state;
	world_task(NULL, 0);
	world_set_nofile(3);
	assert_int_equal(fd_table_new(&tbl), 0);
	assert_int_equal(file_new_anon("a:[%lu]", &g_ops, NULL, 0600, 2, &f),
			 0);
	assert_int_equal(fd_table_install(tbl, f, false), 0);
	assert_int_equal(fd_table_install(tbl, f, false), 1);
	assert_int_equal(fd_table_install(tbl, f, false), 2);
	assert_int_equal(fd_table_install(tbl, f, false), -EMFILE);
	assert_int_equal(fd_table_replace(tbl, 3, f, false), -EBADF);
	assert_int_equal(fd_table_replace(tbl, -1, f, false), -EBADF);
	assert_int_equal(fd_table_close(tbl, -1), -EBADF);
	assert_int_equal(fd_table_close(tbl, 1), 0);
	assert_int_equal(fd_table_install(tbl, f, false), 1);
	fd_table_put(tbl);
	file_put(f);
	world_task_gone();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_against_array),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
