/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysv_shm: shmget(2), shmat(2), shmdt(2), shmctl(2).
 */
#include <limits.h>
#include <stdint.h>
#include <sys/resource.h>

#include "tests/harness/sysv_test.h"

#define PAGE 4096

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds d;

	EXPECT_OK(shmctl(id, IPC_STAT, &d));
	return d;
}

static int private_seg(size_t size)
{
	return EXPECT_OK(shmget(IPC_PRIVATE, size, IPC_CREAT | 0600));
}

static void rmid(int id)
{
	EXPECT_OK(shmctl(id, IPC_RMID, NULL));
}

TEST(sysv_shm, attached_twice_shows_the_same_bytes)
{
	int id = private_seg(3 * PAGE);
	char *a = EXPECT_OK(shmat(id, NULL, 0));
	char *b = EXPECT_OK(shmat(id, NULL, 0));

	EXPECT_TRUE(a != b);
	EXPECT_EQ(0, a[0]);
	a[0] = 'x';
	b[3 * PAGE - 1] = 'y';
	EXPECT_EQ('x', b[0]);
	EXPECT_EQ('y', a[3 * PAGE - 1]);
	EXPECT_OK(shmdt(a));
	EXPECT_EQ('x', b[0]);
	EXPECT_OK(shmdt(b));
	EXPECT_ERRNO(EINVAL, shmdt(b));
	rmid(id);
}

TEST(sysv_shm, contents_outlive_attachments)
{
	int id = private_seg(PAGE);
	char *a = EXPECT_OK(shmat(id, NULL, 0));

	strcpy(a, "kept");
	EXPECT_OK(shmdt(a));
	a = EXPECT_OK(shmat(id, NULL, SHM_RDONLY));
	EXPECT_STR("kept", a);
	EXPECT_OK(shmdt(a));
	rmid(id);
}

TEST(sysv_shm, keys)
{
	key_t key = some_key();
	int id = EXPECT_OK(shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0600));

	EXPECT_ERRNO(EEXIST, shmget(key, PAGE, IPC_CREAT | IPC_EXCL | 0600));
	EXPECT_EQ(id, shmget(key, PAGE, IPC_CREAT | 0600));
	EXPECT_EQ(id, shmget(key, 0, 0));
	EXPECT_EQ(id, shmget(key, 0, IPC_CREAT));
	EXPECT_ERRNO(EINVAL, shmget(key, PAGE + 1, 0));
	EXPECT_EQ(key, stat_of(id).shm_perm.__key);
	rmid(id);
	EXPECT_ERRNO(ENOENT, shmget(key, PAGE, 0));
	EXPECT_ERRNO(EINVAL, shmctl(id, IPC_RMID, NULL));
}

TEST(sysv_shm, sizes_are_checked)
{
	EXPECT_ERRNO(EINVAL, shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
	EXPECT_ERRNO(EINVAL,
		     shmget(IPC_PRIVATE, SIZE_MAX - PAGE, IPC_CREAT | 0600));
	int id = private_seg(1);

	EXPECT_EQ(1, stat_of(id).shm_segsz);
	rmid(id);
}

TEST(sysv_shm, size_is_rounded_up_to_pages)
{
	int id = private_seg(PAGE + 1);
	char *a = EXPECT_OK(shmat(id, NULL, 0));

	a[2 * PAGE - 1] = 1;
	EXPECT_EQ(PAGE + 1, stat_of(id).shm_segsz);
	EXPECT_OK(shmdt(a));
	rmid(id);
}

TEST(sysv_shm, stat_tells_who_and_how_many)
{
	time_t before = time(NULL) - 1;
	int id = private_seg(PAGE);
	struct shmid_ds d = stat_of(id);
	char *a, *b;

	EXPECT_EQ(0, d.shm_nattch);
	EXPECT_EQ(getpid(), d.shm_cpid);
	EXPECT_EQ(0, d.shm_lpid);
	EXPECT_EQ(0, d.shm_atime);
	EXPECT_EQ(0, d.shm_dtime);
	EXPECT_TRUE(d.shm_ctime >= before);
	EXPECT_EQ(geteuid(), d.shm_perm.uid);
	EXPECT_EQ(getegid(), d.shm_perm.cgid);
	EXPECT_EQ(0600, d.shm_perm.mode);
	a = EXPECT_OK(shmat(id, NULL, 0));
	b = EXPECT_OK(shmat(id, NULL, 0));
	d = stat_of(id);
	EXPECT_EQ(2, d.shm_nattch);
	EXPECT_EQ(getpid(), d.shm_lpid);
	EXPECT_TRUE(d.shm_atime >= before);
	EXPECT_OK(shmdt(a));
	EXPECT_OK(shmdt(b));
	d = stat_of(id);
	EXPECT_EQ(0, d.shm_nattch);
	EXPECT_TRUE(d.shm_dtime >= before);
	rmid(id);
}

TEST(sysv_shm, fork_exit_and_exec_count)
{
	int id = private_seg(PAGE), to[2], from[2];
	char *a = EXPECT_OK(shmat(id, NULL, 0)), c;
	pid_t child;

	EXPECT_OK(pipe(to));
	EXPECT_OK(pipe(from));
	child = CHILD({
		a[0] = 'c';
		EXPECT_EQ(1, write(from[1], "x", 1));
		EXPECT_EQ(1, read(to[0], &c, 1));
	});
	EXPECT_EQ(1, read(from[0], &c, 1));
	EXPECT_EQ(2, stat_of(id).shm_nattch);
	EXPECT_EQ(1, write(to[1], "x", 1));
	EXPECT_EXIT(0, child);
	EXPECT_EQ(1, stat_of(id).shm_nattch);
	EXPECT_EQ('c', a[0]);
	EXPECT_EQ(child, stat_of(id).shm_lpid);
	child = CHILD({
		EXPECT_OK(close(to[1]));
		dup2(to[0], 0);
		execlp("cat", "cat", NULL);
		_exit(9);
	});
	/* Running cat it has none any more. */
	EXPECT_SOON(stat_of(id).shm_nattch == 1);
	EXPECT_OK(close(to[1]));
	EXPECT_EXIT(0, child);
	EXPECT_OK(shmdt(a));
	rmid(id);
}

TEST(sysv_shm, removed_while_attached_lives_on)
{
	key_t key = some_key();
	int id = EXPECT_OK(shmget(key, PAGE, IPC_CREAT | 0600));
	char *a = EXPECT_OK(shmat(id, NULL, 0)), *b;
	struct shmid_ds d;

	rmid(id);
	d = stat_of(id);
	EXPECT_EQ(SHM_DEST | 0600, d.shm_perm.mode);
	EXPECT_EQ(IPC_PRIVATE, d.shm_perm.__key);
	EXPECT_ERRNO(ENOENT, shmget(key, PAGE, 0));
	a[0] = 'x';
	b = EXPECT_OK(shmat(id, NULL, 0));
	EXPECT_EQ('x', b[0]);
	EXPECT_OK(shmdt(a));
	EXPECT_EQ(1, stat_of(id).shm_nattch);
	EXPECT_OK(shmdt(b));
	EXPECT_ERRNO(EINVAL, shmctl(id, IPC_STAT, &d));
	EXPECT_ERRNO(EINVAL, shmat(id, NULL, 0));
}

TEST(sysv_shm, addresses)
{
	int id = private_seg(2 * PAGE);
	char *room = EXPECT_OK(mmap(NULL, 8 * PAGE, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	EXPECT_ERRNO(EINVAL, shmat(id, room, 0)); /* something is there */
	EXPECT_ERRNO(EINVAL, shmat(id, room + 1, 0));
	EXPECT_ERRNO(EINVAL, shmat(id, NULL, SHM_REMAP));
	EXPECT_EQ((long)room + PAGE,
		  (long)shmat(id, room + PAGE + 5, SHM_RND | SHM_REMAP));
	room[PAGE] = 1;
	EXPECT_EQ(1, stat_of(id).shm_nattch);
	EXPECT_OK(shmdt(room + PAGE));
	/* The hole that it left is free. */
	EXPECT_EQ((long)room + PAGE, (long)shmat(id, room + PAGE, 0));
	EXPECT_ERRNO(EINVAL, shmdt(room));
	EXPECT_ERRNO(EINVAL, shmdt(room + 2 * PAGE));
	EXPECT_ERRNO(EINVAL, shmdt(room + PAGE + 1));
	EXPECT_OK(shmdt(room + PAGE));
	EXPECT_ERRNO(EINVAL, shmat(-1, NULL, 0));
	rmid(id);
}

TEST(sysv_shm, detach_takes_what_munmap_left)
{
	int id = private_seg(4 * PAGE);
	char *a = EXPECT_OK(shmat(id, NULL, 0));
	unsigned char vec;

	EXPECT_OK(munmap(a + PAGE, PAGE));
	EXPECT_EQ(2, stat_of(id).shm_nattch);
	EXPECT_OK(munmap(a, PAGE));
	EXPECT_EQ(1, stat_of(id).shm_nattch);
	EXPECT_OK(shmdt(a));
	EXPECT_EQ(0, stat_of(id).shm_nattch);
	EXPECT_ERRNO(ENOMEM, mincore(a + 2 * PAGE, PAGE, &vec));
	rmid(id);
}

TEST(sysv_shm, detach_leaves_other_mappings_alone)
{
	int id = private_seg(2 * PAGE);
	char *a = EXPECT_OK(shmat(id, NULL, 0)), *m;

	/* The second page is something else by now. */
	m = EXPECT_OK(mmap(a + PAGE, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	*m = 7;
	EXPECT_OK(shmdt(a));
	EXPECT_EQ(7, *m);
	rmid(id);
}

static char *volatile victim;

static void on_segv(int sig)
{
	(void)sig;
	_exit(victim ? 33 : 34);
}

TEST(sysv_shm, read_only_attachment_faults_on_write)
{
	int id = private_seg(PAGE);
	pid_t child = CHILD({
		victim = EXPECT_OK(shmat(id, NULL, SHM_RDONLY));
		signal(SIGSEGV, on_segv);
		EXPECT_ERRNO(EACCES, mprotect((void *)victim, PAGE,
					      PROT_READ | PROT_WRITE));
		*victim = 1;
	});

	EXPECT_EXIT(33, child);
	rmid(id);
}

TEST(sysv_shm, permissions)
{
	int id;
	pid_t child;
	struct shmid_ds d;

	if (geteuid() != 0)
		SKIP("needs root");
	own_ipc();
	id = EXPECT_OK(shmget(77, PAGE, IPC_CREAT | 0604));
	child = CHILD({
		become_nobody();
		EXPECT_ERRNO(EACCES, shmat(id, NULL, 0));
		EXPECT_TRUE(shmat(id, NULL, SHM_RDONLY) != (void *)-1);
		EXPECT_ERRNO(EACCES, shmat(id, NULL, SHM_RDONLY | SHM_EXEC));
		EXPECT_ERRNO(EPERM, shmctl(id, IPC_RMID, NULL));
		EXPECT_OK(shmctl(id, IPC_STAT, &d));
		EXPECT_ERRNO(EPERM, shmctl(id, IPC_SET, &d));
		EXPECT_ERRNO(EACCES, shmget(77, PAGE, 0600));
		EXPECT_EQ(id, shmget(77, PAGE, 0400));
		EXPECT_ERRNO(EPERM, shmctl(id, SHM_LOCK, NULL));
	});
	EXPECT_EXIT(0, child);
	d = stat_of(id);
	d.shm_perm.mode = 0600;
	d.shm_perm.uid = NOBODY;
	EXPECT_OK(shmctl(id, IPC_SET, &d));
	child = CHILD({
		become_nobody();
		EXPECT_TRUE(shmat(id, NULL, 0) != (void *)-1);
		EXPECT_OK(shmctl(id, IPC_RMID, NULL));
	});
	EXPECT_EXIT(0, child);
}

TEST(sysv_shm, lock_shows_in_the_mode)
{
	int id = private_seg(PAGE);

	EXPECT_OK(shmctl(id, SHM_LOCK, NULL));
	EXPECT_EQ(SHM_LOCKED | 0600, stat_of(id).shm_perm.mode);
	EXPECT_OK(shmctl(id, SHM_UNLOCK, NULL));
	EXPECT_EQ(0600, stat_of(id).shm_perm.mode);
	rmid(id);
}

TEST(sysv_shm, info_and_stat_by_index)
{
	struct shminfo lim;
	struct shm_info used;
	struct shmid_ds d;
	int id, top, found = 0;

	if (!own_ipc())
		SKIP("needs a namespace of its own");
	EXPECT_EQ(0, shmctl(0, IPC_INFO, (struct shmid_ds *)&lim));
	EXPECT_EQ(4096, lim.shmmni);
	EXPECT_EQ(1, lim.shmmin);
	EXPECT_EQ(ULONG_MAX - (1ul << 24), lim.shmmax);
	private_seg(PAGE);
	id = private_seg(5 * PAGE);
	memset(EXPECT_OK(shmat(id, NULL, 0)), 1, PAGE + 1);
	top = EXPECT_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&used));
	EXPECT_EQ(1, top);
	EXPECT_EQ(2, used.used_ids);
	EXPECT_EQ(6, used.shm_tot);
	EXPECT_EQ(0, used.shm_swp);
	EXPECT_TRUE(used.shm_rss >= 2 && used.shm_rss <= 6);
	for (int i = 0; i <= top; i++) {
		EXPECT_TRUE(shmctl(i, SHM_STAT, &d) >= 0);
		found += shmctl(i, SHM_STAT_ANY, &d) == id;
	}
	EXPECT_EQ(1, found);
	EXPECT_ERRNO(EINVAL, shmctl(top + 1, SHM_STAT, &d));
}

TEST(sysv_shm, ids_are_not_reused_at_once)
{
	int a, b;

	if (!own_ipc())
		SKIP("needs a namespace of its own");
	a = private_seg(PAGE);
	EXPECT_EQ(0, a);
	rmid(a);
	/* Slots in turn, then again with another number above them. */
	for (int i = 1; i < 64; i++) {
		b = private_seg(PAGE);
		EXPECT_EQ(i, b);
		rmid(b);
	}
	b = private_seg(PAGE);
	EXPECT_EQ(1 << 15, b);
	rmid(b);
	EXPECT_ERRNO(EINVAL, shmat(a, NULL, 0));
}

TEST(sysv_shm, bad_commands_and_pointers)
{
	int id = private_seg(PAGE);

	EXPECT_ERRNO(EINVAL, shmctl(id, 99, NULL));
	EXPECT_ERRNO(EFAULT, shmctl(id, IPC_STAT, (void *)8));
	EXPECT_ERRNO(EFAULT, shmctl(id, IPC_SET, (void *)8));
	EXPECT_ERRNO(EINVAL, shmctl(id + 1, IPC_STAT, NULL));
	EXPECT_ERRNO(EINVAL, shmctl(-1, IPC_STAT, NULL));
	rmid(id);
}

TEST(sysv_shm, maps_show_key_and_id)
{
	char line[300], want[40];
	int id = private_seg(PAGE), seen = 0;
	char *a = EXPECT_OK(shmat(id, NULL, 0));
	unsigned long start, ino;
	FILE *f = fopen("/proc/self/maps", "r");

	EXPECT_TRUE(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		EXPECT_EQ(2, sscanf(line, "%lx-%*x %*s %*s %*s %lu", &start,
				    &ino));
		if (start != (unsigned long)a)
			continue;
		seen = 1;
		EXPECT_EQ(id, ino);
		snprintf(want, sizeof(want), "/SYSV00000000 (deleted)\n");
		EXPECT_STR(want, strchr(line, '/'));
	}
	EXPECT_EQ(1, seen);
	rmid(id);
	EXPECT_OK(shmdt(a));
}

TEST(sysv_shm, proc_lists_it)
{
	char line[400];
	int id = private_seg(3 * PAGE), seen = 0;
	long key, sid, size;
	unsigned mode, cpid;
	FILE *f = fopen("/proc/sysvipc/shm", "r");

	EXPECT_TRUE(f && fgets(line, sizeof(line), f));
	EXPECT_STR("       key      shmid perms                  size  cpid  "
		   "lpid nattch   uid   gid  cuid  cgid      atime      dtime "
		   "     ctime                   rss                  swap\n",
		   line);
	while (fgets(line, sizeof(line), f)) {
		EXPECT_EQ(5, sscanf(line, "%ld %ld %o %ld %u", &key, &sid,
				    &mode, &size, &cpid));
		if (sid != id)
			continue;
		seen = 1;
		EXPECT_EQ(0600, mode);
		EXPECT_EQ(3 * PAGE, size);
		EXPECT_EQ(getpid(), cpid);
	}
	EXPECT_EQ(1, seen);
	rmid(id);
}

TEST(sysv_shm, namespace_has_its_own)
{
	key_t key = some_key();
	int status, id = EXPECT_OK(shmget(key, PAGE, IPC_CREAT | 0600));
	char *a = EXPECT_OK(shmat(id, NULL, 0));
	pid_t child = CHILD({
		if (!own_ipc())
			_exit(7);
		EXPECT_ERRNO(ENOENT, shmget(key, PAGE, 0));
		EXPECT_ERRNO(EINVAL, shmctl(id, IPC_RMID, NULL));
		a[0] = 1; /* stays attached */
		EXPECT_OK(shmdt(a));
	});

	EXPECT_OK(waitpid(child, &status, 0));
	rmid(id);
	if (WEXITSTATUS(status) == 7)
		SKIP("needs a namespace of its own");
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, a[0]);
}

/* Attachments come and go in several processes; the count is right. */
TEST(sysv_shm, race_of_attach_fork_and_detach)
{
	int id = private_seg(PAGE);
	pid_t child[4];

	for (int i = 0; i < 4; i++)
		child[i] = CHILD({
			for (int n = 0; n < 60; n++) {
				char *a = EXPECT_OK(shmat(id, NULL, 0));
				pid_t p = CHILD({ a[0] = 1; });

				EXPECT_EXIT(0, p);
				EXPECT_OK(shmdt(a));
			}
		});
	for (int i = 0; i < 4; i++)
		EXPECT_EXIT(0, child[i]);
	EXPECT_EQ(0, stat_of(id).shm_nattch);
	rmid(id);
}

TEST_MAIN
