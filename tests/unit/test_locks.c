/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_locks: record locks against a byte array at random; blocking, deadlock,
 * conversion and release.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sentry/vfs/locks.h"
#include "tests/unit/vfs_world.h"

#define BYTES  48
#define OWNERS 4
#define STEPS  20000

static char g_owner[OWNERS];
static struct file *g_file[1];
static struct inode *g_inode;
static uint8_t g_model[OWNERS][BYTES]; /* enum lock_type + 1; 0: none */

static struct lock_req request(int owner, enum lock_type type, int64_t start,
			       int64_t end)
{
	struct lock_req r = { .kind = LOCK_KIND_POSIX,
			      .type = type,
			      .start = start,
			      .end = end,
			      .owner = &g_owner[owner],
			      .pid = owner };

	return r;
}

static bool model_conflict(int owner, enum lock_type type, int64_t start,
			   int64_t end)
{
	int o;
	int64_t b;

	for (o = 0; o < OWNERS; o++) {
		for (b = start; o != owner && b <= end; b++) {
			if (g_model[o][b] == LOCK_WRITE + 1 ||
			    (g_model[o][b] && type == LOCK_WRITE))
				return true;
		}
	}
	return false;
}

static void check_all(void)
{
	int o;
	int64_t b;

	for (o = 0; o < OWNERS; o++) {
		for (b = 0; b < BYTES; b++) {
			struct lock_req r = request(o, LOCK_WRITE, b, b);

			locks_test(g_inode, &r);
			assert_int_equal(r.type != LOCK_NONE,
					 model_conflict(o, LOCK_WRITE, b, b));
			r = request(o, LOCK_READ, b, b);
			locks_test(g_inode, &r);
			assert_int_equal(r.type != LOCK_NONE,
					 model_conflict(o, LOCK_READ, b, b));
		}
	}
}

static void random_against_bytes(void **state)
{
	int i, ret;

	(void)state;
	for (i = 0; i < STEPS; i++) {
		int o = (int)(world_random() % OWNERS);
		enum lock_type type = world_random() % 3;
		int64_t start = world_random() % BYTES;
		int64_t end = start + world_random() % 12;
		struct lock_req r;

		end = MIN(end, BYTES - 1);
		if (world_random() % 50 == 0) {
			locks_close_posix(g_inode, &g_owner[o]);
			memset(g_model[o], 0, BYTES);
			continue;
		}
		r = request(o, type, start, end);
		ret = locks_set(g_inode, &r, false);
		if (type != LOCK_NONE && model_conflict(o, type, start, end)) {
			assert_int_equal(ret, -EAGAIN);
			continue;
		}
		assert_int_equal(ret, 0);
		memset(&g_model[o][start], type == LOCK_NONE ? 0 : type + 1,
		       (size_t)(end - start + 1));
		if (i % 20 == 0)
			check_all();
	}
	for (i = 0; i < OWNERS; i++)
		locks_close_posix(g_inode, &g_owner[i]);
	assert_false(locks_any(g_inode));
}

/* Unlocking the middle leaves two pieces; to the end means INT64_MAX. */
static void split_reports_pieces(void **state)
{
	struct lock_req r = request(0, LOCK_WRITE, 10, INT64_MAX);

	(void)state;
	assert_int_equal(locks_set(g_inode, &r, false), 0);
	r = request(0, LOCK_NONE, 20, 29);
	assert_int_equal(locks_set(g_inode, &r, false), 0);
	r = request(1, LOCK_READ, 0, INT64_MAX);
	locks_test(g_inode, &r);
	assert_int_equal(r.start, 10);
	assert_int_equal(r.end, 19);
	r = request(1, LOCK_READ, 20, INT64_MAX);
	locks_test(g_inode, &r);
	assert_int_equal(r.start, 30);
	assert_true(r.end == INT64_MAX);
	locks_close_posix(g_inode, &g_owner[0]);
}

static void *lock_second_byte(void *arg)
{
	struct lock_req r = request(1, LOCK_WRITE, 0, 0);

	world_task(NULL, 0);
	*(int *)arg = locks_set(g_inode, &r, true);
	world_task_gone();
	return NULL;
}

static void wait_for_sleeper(void)
{
	while (world_sleepers() == 0)
		usleep(1000);
}

static void circle_is_refused(void **state)
{
	struct lock_req r = request(0, LOCK_WRITE, 0, 0);
	pthread_t th;
	int other = -1;

	(void)state;
	world_task(NULL, 0);
	assert_int_equal(locks_set(g_inode, &r, false), 0);
	r = request(1, LOCK_WRITE, 1, 1);
	assert_int_equal(locks_set(g_inode, &r, false), 0);
	assert_int_equal(pthread_create(&th, NULL, lock_second_byte, &other),
			 0);
	wait_for_sleeper(); /* owner 1 waits for owner 0 */
	r = request(0, LOCK_WRITE, 1, 1);
	assert_int_equal(locks_set(g_inode, &r, true), -EDEADLK);
	locks_close_posix(g_inode, &g_owner[0]);
	pthread_join(th, NULL);
	assert_int_equal(other, 0);
	locks_close_posix(g_inode, &g_owner[1]);
	world_task_gone();
}

static void flock_conversion_gives_up_the_old(void **state)
{
	struct lock_req a = { .kind = LOCK_KIND_FLOCK,
			      .type = LOCK_READ,
			      .end = INT64_MAX,
			      .owner = &g_file[0] };
	struct lock_req b = a;

	(void)state;
	b.owner = &g_owner[0];
	assert_int_equal(locks_set(g_inode, &a, false), 0);
	assert_int_equal(locks_set(g_inode, &b, false), 0);
	a.type = LOCK_WRITE;
	assert_int_equal(locks_set(g_inode, &a, false), -EAGAIN);
	b.type = LOCK_WRITE; /* a's shared lock is gone: as on Linux */
	assert_int_equal(locks_set(g_inode, &b, false), 0);
	locks_close_file(g_inode, (const void *)&g_owner[0]);
	assert_false(locks_any(g_inode));
}

static int setup(void **state)
{
	static const struct inode_ops ops;
	static struct super sb;

	(void)state;
	g_inode = calloc(1, sizeof(*g_inode));
	inode_init(g_inode, &sb, &ops, 1, 0100644);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	inode_put(g_inode);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_against_bytes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(split_reports_pieces, setup,
						teardown),
		cmocka_unit_test_setup_teardown(circle_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			flock_conversion_gives_up_the_old, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
