/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysv_sem: semget(2), semop(2), semtimedop(2), semctl(2).
 */
#include <pthread.h>
#include <stdint.h>

#include "tests/harness/sysv_test.h"

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static int set(int id, int num, int val)
{
	return semctl(id, num, SETVAL, (union semun){ .val = val });
}

static int get(int id, int num)
{
	return EXPECT_OK(semctl(id, num, GETVAL));
}

static int op(int id, int num, int n, int flags)
{
	struct sembuf b = { (unsigned short)num, (short)n, (short)flags };

	return semop(id, &b, 1);
}

static int private_set(int nr)
{
	return EXPECT_OK(semget(IPC_PRIVATE, nr, IPC_CREAT | 0600));
}

static void rmid(int id)
{
	EXPECT_OK(semctl(id, 0, IPC_RMID));
}

static struct semid_ds stat_of(int id)
{
	struct semid_ds d;

	EXPECT_OK(semctl(id, 0, IPC_STAT, (union semun){ .buf = &d }));
	return d;
}

TEST(sysv_sem, starts_at_zero_and_counts)
{
	int id = private_set(2);

	EXPECT_EQ(0, get(id, 0));
	EXPECT_OK(op(id, 0, 3, 0));
	EXPECT_OK(op(id, 0, -2, 0));
	EXPECT_EQ(1, get(id, 0));
	EXPECT_EQ(0, get(id, 1));
	EXPECT_EQ(getpid(), semctl(id, 0, GETPID));
	EXPECT_EQ(0, semctl(id, 1, GETPID));
	EXPECT_ERRNO(EAGAIN, op(id, 0, -2, IPC_NOWAIT));
	EXPECT_EQ(1, get(id, 0));
	EXPECT_ERRNO(EAGAIN, op(id, 0, 0, IPC_NOWAIT));
	EXPECT_OK(op(id, 1, 0, IPC_NOWAIT));
	EXPECT_EQ(getpid(), semctl(id, 1, GETPID));
	rmid(id);
}

TEST(sysv_sem, keys_and_sizes)
{
	key_t key = some_key();
	int id = EXPECT_OK(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600));

	EXPECT_ERRNO(EEXIST, semget(key, 3, IPC_CREAT | IPC_EXCL | 0600));
	EXPECT_EQ(id, semget(key, 0, 0));
	EXPECT_EQ(id, semget(key, 3, IPC_CREAT));
	EXPECT_ERRNO(EINVAL, semget(key, 4, 0));
	EXPECT_ERRNO(EINVAL, semget(key, -1, 0));
	rmid(id);
	EXPECT_ERRNO(ENOENT, semget(key, 3, 0));
	EXPECT_ERRNO(EINVAL, semget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
	EXPECT_ERRNO(EINVAL, semget(IPC_PRIVATE, 32001, IPC_CREAT | 0600));
	EXPECT_ERRNO(EINVAL, op(id, 0, 1, 0));
}

TEST(sysv_sem, all_or_nothing)
{
	int id = private_set(3);
	struct sembuf b[] = { { 0, 1, 0 }, { 1, 2, 0 }, { 2, -1, IPC_NOWAIT } };

	EXPECT_ERRNO(EAGAIN, semop(id, b, 3));
	EXPECT_EQ(0, get(id, 0));
	EXPECT_EQ(0, get(id, 1));
	EXPECT_OK(set(id, 2, 1));
	EXPECT_OK(semop(id, b, 3));
	EXPECT_EQ(1, get(id, 0));
	EXPECT_EQ(2, get(id, 1));
	EXPECT_EQ(0, get(id, 2));
	rmid(id);
}

TEST(sysv_sem, several_on_one_semaphore_go_in_order)
{
	int id = private_set(1);
	struct sembuf b[] = { { 0, 0, IPC_NOWAIT },
			      { 0, 1, 0 },
			      { 0, 0, IPC_NOWAIT } };

	EXPECT_OK(semop(id, b, 2)); /* zero, then up: a lock */
	EXPECT_ERRNO(EAGAIN, semop(id, b, 2));
	EXPECT_OK(set(id, 0, 0));
	EXPECT_ERRNO(EAGAIN, semop(id, b, 3));
	EXPECT_EQ(0, get(id, 0));
	rmid(id);
}

TEST(sysv_sem, errors)
{
	struct sembuf many[501];
	struct timespec bad = { 0, 1000000000 };
	int id = private_set(2);

	for (int i = 0; i < 501; i++)
		many[i] = (struct sembuf){ 0, 1, 0 };
	EXPECT_ERRNO(EFBIG, op(id, 2, 1, 0));
	EXPECT_ERRNO(EINVAL, semop(id, many, 0));
	EXPECT_ERRNO(E2BIG, semop(id, many, 501));
	EXPECT_OK(semop(id, many, 500));
	EXPECT_ERRNO(EINVAL, semop(-1, many, 1));
	EXPECT_ERRNO(EFAULT, semop(id, (void *)8, 1));
	EXPECT_ERRNO(EFAULT, semtimedop(id, many, 1, (void *)8));
	EXPECT_ERRNO(EINVAL, semtimedop(id, many, 1, &bad));
	EXPECT_OK(set(id, 0, 32767));
	EXPECT_ERRNO(ERANGE, op(id, 0, 1, 0));
	EXPECT_ERRNO(ERANGE, set(id, 0, 32768));
	EXPECT_ERRNO(ERANGE, set(id, 0, -1));
	EXPECT_ERRNO(EINVAL, set(id, 2, 1));
	EXPECT_ERRNO(EINVAL, set(id, -1, 1));
	EXPECT_ERRNO(EINVAL, semctl(id, 2, GETVAL));
	EXPECT_ERRNO(EINVAL, semctl(id, 0, 99));
	EXPECT_ERRNO(EINVAL, semctl(-1, 0, GETVAL));
	EXPECT_ERRNO(EFAULT, semctl(id, 0, GETALL, (union semun){ .val = 8 }));
	EXPECT_ERRNO(EFAULT,
		     semctl(id, 0, IPC_STAT, (union semun){ .val = 8 }));
	rmid(id);
}

TEST(sysv_sem, all_values_at_once)
{
	unsigned short v[4] = { 1, 2, 3, 32767 }, w[4];
	int id = private_set(4);

	EXPECT_OK(semctl(id, 0, SETALL, (union semun){ .array = v }));
	EXPECT_OK(semctl(id, 0, GETALL, (union semun){ .array = w }));
	EXPECT_EQ(0, memcmp(v, w, sizeof(v)));
	v[2] = 32768;
	EXPECT_ERRNO(ERANGE,
		     semctl(id, 0, SETALL, (union semun){ .array = v }));
	EXPECT_EQ(getpid(), semctl(id, 3, GETPID));
	rmid(id);
}

TEST(sysv_sem, stat_and_set)
{
	time_t before = time(NULL) - 1;
	int id = private_set(5);
	struct semid_ds d = stat_of(id);

	EXPECT_EQ(5, d.sem_nsems);
	EXPECT_EQ(0, d.sem_otime);
	EXPECT_TRUE(d.sem_ctime >= before);
	EXPECT_EQ(geteuid(), d.sem_perm.cuid);
	EXPECT_OK(op(id, 0, 1, 0));
	EXPECT_TRUE(stat_of(id).sem_otime >= before);
	d.sem_perm.mode = 0777644;
	EXPECT_OK(semctl(id, 0, IPC_SET, (union semun){ .buf = &d }));
	EXPECT_EQ(0644, stat_of(id).sem_perm.mode);
	rmid(id);
}

/* --- waiting -------------------------------------------------------------- */

TEST(sysv_sem, waiter_is_served_by_who_changes_the_value)
{
	int id = private_set(1);
	pid_t child = CHILD({ EXPECT_OK(op(id, 0, -2, 0)); });

	EXPECT_SOON(semctl(id, 0, GETNCNT) == 1);
	EXPECT_EQ(0, semctl(id, 0, GETZCNT));
	EXPECT_OK(op(id, 0, 1, 0));
	EXPECT_EQ(1, semctl(id, 0, GETNCNT));
	EXPECT_OK(op(id, 0, 2, 0));
	/* It has been done already, whether the child ran or not. */
	EXPECT_EQ(1, get(id, 0));
	EXPECT_EQ(0, semctl(id, 0, GETNCNT));
	EXPECT_EQ(child, semctl(id, 0, GETPID));
	EXPECT_EXIT(0, child);
	rmid(id);
}

TEST(sysv_sem, waiting_for_zero)
{
	int id = private_set(1);
	pid_t a, b;

	EXPECT_OK(set(id, 0, 2));
	a = CHILD({ EXPECT_OK(op(id, 0, 0, 0)); });
	b = CHILD({ EXPECT_OK(op(id, 0, 0, 0)); });
	EXPECT_SOON(semctl(id, 0, GETZCNT) == 2);
	EXPECT_OK(op(id, 0, -1, 0));
	EXPECT_EQ(2, semctl(id, 0, GETZCNT));
	EXPECT_OK(op(id, 0, -1, 0));
	EXPECT_EXIT(0, a);
	EXPECT_EXIT(0, b);
	rmid(id);
}

TEST(sysv_sem, setval_and_setall_wake)
{
	unsigned short one = 1;
	int id = private_set(1);
	pid_t a = CHILD({ EXPECT_OK(op(id, 0, -1, 0)); });

	EXPECT_SOON(semctl(id, 0, GETNCNT) == 1);
	EXPECT_OK(set(id, 0, 1));
	EXPECT_EXIT(0, a);
	a = CHILD({ EXPECT_OK(op(id, 0, -1, 0)); });
	EXPECT_SOON(semctl(id, 0, GETNCNT) == 1);
	EXPECT_OK(semctl(id, 0, SETALL, (union semun){ .array = &one }));
	EXPECT_EXIT(0, a);
	rmid(id);
}

TEST(sysv_sem, first_come_first_served)
{
	int id = private_set(1), fds[2];
	char c = 0;
	pid_t child[3];

	EXPECT_OK(pipe(fds));
	for (int i = 0; i < 3; i++) {
		child[i] = CHILD({
			EXPECT_OK(op(id, 0, -1, 0));
			c = (char)('a' + i);
			EXPECT_EQ(1, write(fds[1], &c, 1));
		});
		EXPECT_SOON(semctl(id, 0, GETNCNT) == i + 1);
	}
	for (int i = 0; i < 3; i++) {
		EXPECT_OK(op(id, 0, 1, 0));
		EXPECT_EQ(1, read(fds[0], &c, 1));
		EXPECT_EQ('a' + i, c);
		EXPECT_EXIT(0, child[i]);
	}
	rmid(id);
}

TEST(sysv_sem, removal_ends_waits)
{
	int id = private_set(1);
	pid_t child = CHILD({ EXPECT_ERRNO(EIDRM, op(id, 0, -1, 0)); });

	EXPECT_SOON(semctl(id, 0, GETNCNT) == 1);
	rmid(id);
	EXPECT_EXIT(0, child);
}

TEST(sysv_sem, signals_interrupt_always)
{
	struct sigaction sa = { .sa_handler = ignore_signal,
				.sa_flags = SA_RESTART };
	int id = private_set(1);
	pid_t child = CHILD({
		sigaction(SIGUSR1, &sa, NULL);
		EXPECT_ERRNO(EINTR, op(id, 0, -1, 0));
	});

	EXPECT_SOON(semctl(id, 0, GETNCNT) == 1);
	EXPECT_OK(kill(child, SIGUSR1));
	EXPECT_EXIT(0, child);
	EXPECT_EQ(0, semctl(id, 0, GETNCNT));
	rmid(id);
}

TEST(sysv_sem, times_out)
{
	struct timespec ts = { 0, 20000000 }, none = { 0, 0 }, a, b;
	struct sembuf down = { 0, -1, 0 };
	int id = private_set(1);

	clock_gettime(CLOCK_MONOTONIC, &a);
	EXPECT_ERRNO(EAGAIN, semtimedop(id, &down, 1, &ts));
	clock_gettime(CLOCK_MONOTONIC, &b);
	EXPECT_TRUE((b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec -
			    a.tv_nsec >=
		    20000000);
	EXPECT_ERRNO(EAGAIN, semtimedop(id, &down, 1, &none));
	EXPECT_OK(set(id, 0, 1));
	EXPECT_OK(semtimedop(id, &down, 1, &none));
	rmid(id);
}

/* --- SEM_UNDO ------------------------------------------------------------- */

TEST(sysv_sem, undone_at_exit)
{
	int id = private_set(2);
	pid_t child;

	EXPECT_OK(set(id, 0, 5));
	child = CHILD({
		EXPECT_OK(op(id, 0, -3, SEM_UNDO));
		EXPECT_OK(op(id, 0, 1, SEM_UNDO));
		EXPECT_OK(op(id, 1, 4, SEM_UNDO));
		EXPECT_OK(op(id, 1, 1, 0));
		EXPECT_EQ(3, get(id, 0));
	});
	EXPECT_EXIT(0, child);
	EXPECT_EQ(5, get(id, 0));
	EXPECT_EQ(1, get(id, 1));
	EXPECT_EQ(child, semctl(id, 0, GETPID));
	rmid(id);
}

TEST(sysv_sem, undone_when_killed_and_wakes)
{
	int id = private_set(1);
	pid_t holder, waiter;

	EXPECT_OK(set(id, 0, 1));
	holder = CHILD({
		EXPECT_OK(op(id, 0, -1, SEM_UNDO));
		pause();
	});
	EXPECT_SOON(get(id, 0) == 0);
	waiter = CHILD({ EXPECT_OK(op(id, 0, -1, 0)); });
	EXPECT_SOON(semctl(id, 0, GETNCNT) == 1);
	EXPECT_OK(kill(holder, SIGKILL));
	EXPECT_KILLED(SIGKILL, holder);
	EXPECT_EXIT(0, waiter);
	rmid(id);
}

TEST(sysv_sem, undo_never_leaves_the_range)
{
	int id = private_set(1);
	pid_t child = CHILD({
		EXPECT_OK(op(id, 0, 5, SEM_UNDO));
		EXPECT_OK(op(id, 0, -3, 0));
	});

	EXPECT_EXIT(0, child);
	EXPECT_EQ(0, get(id, 0));
	rmid(id);
}

TEST(sysv_sem, undo_is_not_inherited_and_survives_exec)
{
	int id = private_set(1), fds[2];
	pid_t child;

	EXPECT_OK(pipe(fds));
	EXPECT_OK(set(id, 0, 9));
	child = CHILD({
		EXPECT_OK(op(id, 0, -2, SEM_UNDO));
		pid_t p = CHILD({});
		EXPECT_EXIT(0, p);
		EXPECT_EQ(7, get(id, 0));
		close(fds[1]);
		dup2(fds[0], 0);
		execlp("cat", "cat", NULL);
		_exit(9);
	});
	EXPECT_SOON(get(id, 0) == 7);
	close(fds[1]);
	EXPECT_EXIT(0, child);
	EXPECT_EQ(9, get(id, 0));
	rmid(id);
}

TEST(sysv_sem, setval_forgets_what_was_to_be_undone)
{
	int id = private_set(1);
	pid_t child = CHILD({
		EXPECT_OK(op(id, 0, 2, SEM_UNDO));
		EXPECT_OK(set(id, 0, 6));
	});

	EXPECT_EXIT(0, child);
	EXPECT_EQ(6, get(id, 0));
	rmid(id);
}

TEST(sysv_sem, adjustments_have_limits)
{
	int id = private_set(1);

	EXPECT_OK(set(id, 0, 32767));
	EXPECT_OK(op(id, 0, -32767, SEM_UNDO));
	EXPECT_OK(op(id, 0, 1, 0));
	EXPECT_ERRNO(ERANGE, op(id, 0, -1, SEM_UNDO));
	EXPECT_EQ(1, get(id, 0));
	rmid(id);
}

static int thread_id;

static void *thread_takes(void *arg)
{
	(void)arg;
	EXPECT_OK(op(thread_id, 0, -1, SEM_UNDO));
	return NULL;
}

TEST(sysv_sem, threads_share_what_is_undone)
{
	int id = thread_id = private_set(1);
	pthread_t th;
	pid_t child;

	EXPECT_OK(set(id, 0, 3));
	child = CHILD({
		EXPECT_EQ(0, pthread_create(&th, NULL, thread_takes, NULL));
		EXPECT_EQ(0, pthread_join(th, NULL));
		EXPECT_EQ(2, get(id, 0)); /* the process still lives */
	});
	EXPECT_EXIT(0, child);
	EXPECT_EQ(3, get(id, 0));
	rmid(id);
}

TEST(sysv_sem, unshare_undoes)
{
	int id = private_set(1);
	pid_t child = CHILD({
		EXPECT_OK(op(id, 0, 1, SEM_UNDO));
		EXPECT_OK(unshare(CLONE_SYSVSEM));
		EXPECT_EQ(0, get(id, 0));
	});

	EXPECT_EXIT(0, child);
	rmid(id);
}

/* --- rights and reports --------------------------------------------------- */

TEST(sysv_sem, permissions)
{
	int id;
	pid_t child;

	if (geteuid() != 0)
		SKIP("needs root");
	own_ipc();
	id = EXPECT_OK(semget(78, 1, IPC_CREAT | 0604));
	child = CHILD({
		become_nobody();
		EXPECT_EQ(0, get(id, 0));
		EXPECT_OK(op(id, 0, 0, 0)); /* reads only */
		EXPECT_ERRNO(EACCES, op(id, 0, 1, 0));
		EXPECT_ERRNO(EACCES, set(id, 0, 1));
		EXPECT_ERRNO(EPERM, semctl(id, 0, IPC_RMID));
		EXPECT_ERRNO(EACCES, semget(78, 1, 0200));
	});
	EXPECT_EXIT(0, child);
	rmid(id);
}

TEST(sysv_sem, info_and_stat_by_index)
{
	struct seminfo info;
	struct semid_ds d;
	int id, top;

	if (!own_ipc())
		SKIP("needs a namespace of its own");
	EXPECT_EQ(0, semctl(0, 0, IPC_INFO, (union semun){ .info = &info }));
	EXPECT_EQ(32000, info.semmsl);
	EXPECT_EQ(32000, info.semmni);
	EXPECT_EQ(500, info.semopm);
	EXPECT_EQ(32767, info.semvmx);
	EXPECT_EQ(32767, info.semaem);
	EXPECT_EQ(1024000000, info.semmns);
	EXPECT_EQ(1024000000, info.semmap);
	EXPECT_EQ(1024000000, info.semmnu);
	EXPECT_EQ(500, info.semume);
	EXPECT_EQ(20, info.semusz);
	private_set(2);
	id = private_set(3);
	top = semctl(0, 0, SEM_INFO, (union semun){ .info = &info });
	EXPECT_EQ(1, top);
	EXPECT_EQ(2, info.semusz);
	EXPECT_EQ(5, info.semaem);
	EXPECT_EQ(id, semctl(top, 0, SEM_STAT, (union semun){ .buf = &d }));
	EXPECT_EQ(3, d.sem_nsems);
	EXPECT_EQ(id, semctl(top, 0, 20, (union semun){ .buf = &d }));
	EXPECT_ERRNO(EINVAL,
		     semctl(top + 1, 0, SEM_STAT, (union semun){ .buf = &d }));
}

TEST(sysv_sem, proc_lists_it)
{
	char line[400];
	int id = private_set(7), seen = 0;
	long key, sid, nr;
	unsigned mode;
	FILE *f = fopen("/proc/sysvipc/sem", "r");

	EXPECT_TRUE(f && fgets(line, sizeof(line), f));
	EXPECT_STR("       key      semid perms      nsems   uid   gid  cuid  "
		   "cgid      otime      ctime\n",
		   line);
	while (fgets(line, sizeof(line), f)) {
		EXPECT_EQ(4, sscanf(line, "%ld %ld %o %ld", &key, &sid, &mode,
				    &nr));
		if (sid != id)
			continue;
		seen = 1;
		EXPECT_EQ(0600, mode);
		EXPECT_EQ(7, nr);
	}
	EXPECT_EQ(1, seen);
	rmid(id);
}

/* Many processes take and give one semaphore: it is a lock. */
TEST(sysv_sem, race_for_a_lock)
{
	volatile int *count =
		EXPECT_OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	int id = private_set(1);
	pid_t child[4];

	EXPECT_OK(set(id, 0, 1));
	for (int i = 0; i < 4; i++)
		child[i] = CHILD({
			for (int n = 0; n < 300; n++) {
				EXPECT_OK(op(id, 0, -1, SEM_UNDO));
				int was = *count;
				sched_yield();
				*count = was + 1;
				EXPECT_OK(op(id, 0, 1, SEM_UNDO));
			}
		});
	for (int i = 0; i < 4; i++)
		EXPECT_EXIT(0, child[i]);
	EXPECT_EQ(1200, *count);
	EXPECT_EQ(1, get(id, 0));
	rmid(id);
}

TEST_MAIN
