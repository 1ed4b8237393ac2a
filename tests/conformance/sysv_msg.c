/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysv_msg: msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
 */
#include <limits.h>
#include <stdint.h>

#include "tests/harness/sysv_test.h"

struct text {
	long type;
	char body[9000];
};

static struct text buf;

static int private_queue(void)
{
	return EXPECT_OK(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
}

static int put(int id, long type, const char *body, int flags)
{
	struct text t = { .type = type };

	strcpy(t.body, body);
	return msgsnd(id, &t, strlen(body) + 1, flags);
}

/* The message's text, in buf. */
static const char *take(int id, long type, int flags)
{
	memset(&buf, 0, sizeof(buf));
	EXPECT_OK(msgrcv(id, &buf, sizeof(buf.body), type, flags));
	return buf.body;
}

static struct msqid_ds stat_of(int id)
{
	struct msqid_ds d;

	EXPECT_OK(msgctl(id, IPC_STAT, &d));
	return d;
}

static void rmid(int id)
{
	EXPECT_OK(msgctl(id, IPC_RMID, NULL));
}

TEST(sysv_msg, in_order_and_by_type)
{
	int id = private_queue();

	EXPECT_OK(put(id, 3, "a", 0));
	EXPECT_OK(put(id, 1, "b", 0));
	EXPECT_OK(put(id, 2, "c", 0));
	EXPECT_OK(put(id, 1, "d", 0));
	EXPECT_STR("a", take(id, 0, 0));
	EXPECT_EQ(3, buf.type);
	EXPECT_STR("c", take(id, 2, 0));
	EXPECT_OK(put(id, 5, "e", 0));
	EXPECT_STR("b", take(id, -4, 0)); /* the lowest up to 4, the oldest */
	EXPECT_STR("e", take(id, 1, MSG_EXCEPT));
	EXPECT_STR("d", take(id, LONG_MIN, 0));
	EXPECT_ERRNO(ENOMSG, msgrcv(id, &buf, 10, 0, IPC_NOWAIT));
	EXPECT_ERRNO(ENOMSG, msgrcv(id, &buf, 10, 1, IPC_NOWAIT));
	rmid(id);
}

TEST(sysv_msg, keys)
{
	key_t key = some_key();
	int id = EXPECT_OK(msgget(key, IPC_CREAT | IPC_EXCL | 0600));

	EXPECT_ERRNO(EEXIST, msgget(key, IPC_CREAT | IPC_EXCL | 0600));
	EXPECT_EQ(id, msgget(key, 0));
	EXPECT_EQ(id, msgget(key, IPC_CREAT));
	rmid(id);
	EXPECT_ERRNO(ENOENT, msgget(key, 0));
	EXPECT_ERRNO(EINVAL, put(id, 1, "x", 0));
	EXPECT_ERRNO(EINVAL, msgrcv(id, &buf, 10, 0, IPC_NOWAIT));
}

TEST(sysv_msg, short_buffers)
{
	int id = private_queue();

	EXPECT_OK(put(id, 1, "0123456789", 0));
	EXPECT_ERRNO(E2BIG, msgrcv(id, &buf, 5, 0, 0));
	EXPECT_EQ(1, stat_of(id).msg_qnum);
	memset(&buf, 'x', sizeof(buf));
	EXPECT_EQ(5, msgrcv(id, &buf, 5, 0, MSG_NOERROR));
	EXPECT_EQ(0, memcmp(buf.body, "01234x", 6));
	EXPECT_EQ(0, stat_of(id).msg_qnum);
	EXPECT_OK(msgsnd(id, &buf, 0, 0)); /* empty ones are messages too */
	EXPECT_EQ(0, msgrcv(id, &buf, 0, 0, 0));
	rmid(id);
}

TEST(sysv_msg, errors)
{
	struct text t = { .type = 0 };
	int id = private_queue();

	EXPECT_ERRNO(EINVAL, msgsnd(id, &t, 1, 0));
	t.type = -1;
	EXPECT_ERRNO(EINVAL, msgsnd(id, &t, 1, 0));
	t.type = 1;
	EXPECT_ERRNO(EINVAL, msgsnd(id, &t, 8193, 0));
	EXPECT_OK(msgsnd(id, &t, 8192, 0));
	EXPECT_ERRNO(EINVAL, msgsnd(id, &t, SIZE_MAX, 0));
	EXPECT_ERRNO(EINVAL, msgsnd(-1, &t, 1, 0));
	EXPECT_ERRNO(EFAULT, msgsnd(id, (void *)8, 1, 0));
	EXPECT_ERRNO(EINVAL, msgrcv(id, &buf, SIZE_MAX, 0, 0));
	EXPECT_ERRNO(EINVAL, msgrcv(-1, &buf, 1, 0, 0));
	EXPECT_ERRNO(EFAULT, msgrcv(id, (void *)8, 8192, 0, 0));
	/* The message went with the attempt. */
	EXPECT_EQ(0, stat_of(id).msg_qnum);
	EXPECT_ERRNO(EINVAL, msgctl(id, 99, NULL));
	EXPECT_ERRNO(EFAULT, msgctl(id, IPC_STAT, (void *)8));
	EXPECT_ERRNO(EINVAL, msgctl(-1, IPC_RMID, NULL));
	rmid(id);
}

TEST(sysv_msg, stat_tells_who_and_how_much)
{
	time_t before = time(NULL) - 1;
	int id = private_queue();
	struct msqid_ds d = stat_of(id);

	EXPECT_EQ(0, d.msg_qnum);
	EXPECT_EQ(16384, d.msg_qbytes);
	EXPECT_EQ(0, d.msg_stime);
	EXPECT_EQ(0, d.msg_lspid);
	EXPECT_TRUE(d.msg_ctime >= before);
	EXPECT_OK(put(id, 1, "abc", 0));
	d = stat_of(id);
	EXPECT_EQ(1, d.msg_qnum);
	EXPECT_EQ(4, d.__msg_cbytes);
	EXPECT_EQ(getpid(), d.msg_lspid);
	EXPECT_TRUE(d.msg_stime >= before);
	take(id, 0, 0);
	d = stat_of(id);
	EXPECT_EQ(0, d.__msg_cbytes);
	EXPECT_EQ(getpid(), d.msg_lrpid);
	EXPECT_TRUE(d.msg_rtime >= before);
	rmid(id);
}

TEST(sysv_msg, full_queue_blocks_the_sender)
{
	int id = private_queue();
	struct msqid_ds d;
	pid_t child;

	memset(&buf, 'x', sizeof(buf));
	buf.type = 1;
	EXPECT_OK(msgsnd(id, &buf, 8192, 0));
	EXPECT_OK(msgsnd(id, &buf, 8192, 0));
	EXPECT_ERRNO(EAGAIN, msgsnd(id, &buf, 1, IPC_NOWAIT));
	child = CHILD({ EXPECT_OK(msgsnd(id, &buf, 100, 0)); });
	EXPECT_SOON(state_of(child) == 'S');
	EXPECT_EQ(8192, msgrcv(id, &buf, sizeof(buf.body), 0, 0));
	EXPECT_EXIT(0, child);
	EXPECT_EQ(2, stat_of(id).msg_qnum);
	/* More room by IPC_SET wakes too. */
	buf.type = 1;
	child = CHILD({ EXPECT_OK(msgsnd(id, &buf, 8192, 0)); });
	EXPECT_SOON(state_of(child) == 'S');
	d = stat_of(id);
	d.msg_qbytes = 16384 * 2;
	if (msgctl(id, IPC_SET, &d) == 0) {
		EXPECT_EXIT(0, child);
	} else { /* needs CAP_SYS_RESOURCE */
		EXPECT_EQ(EPERM, errno);
		EXPECT_OK(kill(child, SIGKILL));
		EXPECT_KILLED(SIGKILL, child);
	}
	rmid(id);
}

TEST(sysv_msg, count_is_bounded_by_bytes)
{
	int id = private_queue();
	struct msqid_ds d = stat_of(id);

	d.msg_qbytes = 3;
	EXPECT_OK(msgctl(id, IPC_SET, &d));
	buf.type = 1;
	for (int i = 0; i < 3; i++)
		EXPECT_OK(msgsnd(id, &buf, 0, 0));
	EXPECT_ERRNO(EAGAIN, msgsnd(id, &buf, 0, IPC_NOWAIT));
	rmid(id);
}

TEST(sysv_msg, receiver_sleeps_until_its_type_comes)
{
	int id = private_queue();
	pid_t child = CHILD({ EXPECT_STR("mine", take(id, 7, 0)); });

	EXPECT_SOON(state_of(child) == 'S');
	EXPECT_OK(put(id, 6, "other", 0));
	EXPECT_EQ(1, stat_of(id).msg_qnum);
	EXPECT_OK(put(id, 7, "mine", 0));
	/* Handed over: it never was in the queue. */
	EXPECT_EQ(1, stat_of(id).msg_qnum);
	EXPECT_EXIT(0, child);
	EXPECT_EQ(child, stat_of(id).msg_lrpid);
	rmid(id);
}

TEST(sysv_msg, sleeping_receiver_is_told_of_what_is_too_long)
{
	int id = private_queue();
	pid_t child =
		CHILD({ EXPECT_ERRNO(E2BIG, msgrcv(id, &buf, 2, 0, 0)); });

	EXPECT_SOON(state_of(child) == 'S');
	EXPECT_OK(put(id, 1, "long", 0));
	EXPECT_EXIT(0, child);
	EXPECT_EQ(1, stat_of(id).msg_qnum);
	rmid(id);
}

TEST(sysv_msg, removal_and_signals_end_waits)
{
	struct sigaction sa = { .sa_handler = ignore_signal,
				.sa_flags = SA_RESTART };
	int id = private_queue();
	pid_t a = CHILD({ EXPECT_ERRNO(EIDRM, msgrcv(id, &buf, 2, 0, 0)); });
	pid_t b = CHILD({
		sigaction(SIGUSR1, &sa, NULL);
		EXPECT_ERRNO(EINTR, msgrcv(id, &buf, 2, 0, 0));
	});

	EXPECT_SOON(state_of(a) == 'S' && state_of(b) == 'S');
	EXPECT_OK(kill(b, SIGUSR1));
	EXPECT_EXIT(0, b);
	rmid(id);
	EXPECT_EXIT(0, a);
}

TEST(sysv_msg, copy_leaves_the_message)
{
	int id = private_queue(), ret;

	EXPECT_OK(put(id, 4, "first", 0));
	EXPECT_OK(put(id, 5, "second", 0));
	EXPECT_ERRNO(EINVAL, msgrcv(id, &buf, 10, 0, MSG_COPY));
	EXPECT_ERRNO(EINVAL, msgrcv(id, &buf, 10, 0,
				    MSG_COPY | IPC_NOWAIT | MSG_EXCEPT));
	ret = (int)msgrcv(id, &buf, 10, 1, MSG_COPY | IPC_NOWAIT);
	if (ret < 0 && errno == ENOSYS)
		SKIP("no MSG_COPY here");
	EXPECT_EQ(7, ret);
	EXPECT_STR("second", buf.body);
	EXPECT_EQ(5, buf.type);
	EXPECT_ERRNO(ENOMSG, msgrcv(id, &buf, 10, 2, MSG_COPY | IPC_NOWAIT));
	EXPECT_EQ(2, stat_of(id).msg_qnum);
	rmid(id);
}

TEST(sysv_msg, permissions)
{
	struct msqid_ds d;
	int id;
	pid_t child;

	if (geteuid() != 0)
		SKIP("needs root");
	own_ipc();
	id = EXPECT_OK(msgget(79, IPC_CREAT | 0602));
	child = CHILD({
		become_nobody();
		EXPECT_OK(put(id, 1, "x", 0));
		EXPECT_ERRNO(EACCES, msgrcv(id, &buf, 10, 0, IPC_NOWAIT));
		EXPECT_ERRNO(EACCES, msgctl(id, IPC_STAT, &d));
		EXPECT_ERRNO(EPERM, msgctl(id, IPC_RMID, NULL));
		EXPECT_ERRNO(EACCES, msgget(79, 0400));
		/* A queue of its own may not be made bigger either. */
		int own = private_queue();
		d = stat_of(own);
		d.msg_qbytes = 16385;
		EXPECT_ERRNO(EPERM, msgctl(own, IPC_SET, &d));
		d.msg_qbytes = 100;
		EXPECT_OK(msgctl(own, IPC_SET, &d));
		rmid(own);
	});
	EXPECT_EXIT(0, child);
	rmid(id);
}

/* A sleeper that loses its right is told, not left asleep. */
TEST(sysv_msg, lost_permission_ends_a_wait)
{
	struct msqid_ds d;
	int id;
	pid_t child;

	if (geteuid() != 0)
		SKIP("needs root");
	own_ipc();
	id = EXPECT_OK(msgget(79, IPC_CREAT | 0606));
	child = CHILD({
		become_nobody();
		EXPECT_ERRNO(EACCES, msgrcv(id, &buf, 10, 0, 0));
	});
	EXPECT_SOON(state_of(child) == 'S');
	d = stat_of(id);
	d.msg_perm.mode = 0600;
	EXPECT_OK(msgctl(id, IPC_SET, &d));
	EXPECT_EXIT(0, child);
	rmid(id);
}

TEST(sysv_msg, info_and_stat_by_index)
{
	struct msginfo info;
	struct msqid_ds d;
	int id;

	if (!own_ipc())
		SKIP("needs a namespace of its own");
	EXPECT_EQ(0, msgctl(0, IPC_INFO, (struct msqid_ds *)&info));
	EXPECT_EQ(8192, info.msgmax);
	EXPECT_EQ(16384, info.msgmnb);
	EXPECT_EQ(32000, info.msgmni);
	EXPECT_EQ(512000, info.msgpool);
	EXPECT_EQ(16384, info.msgmap);
	EXPECT_EQ(16, info.msgssz);
	EXPECT_EQ(16384, info.msgtql);
	EXPECT_EQ(0xffff, info.msgseg);
	private_queue();
	id = private_queue();
	EXPECT_OK(put(id, 1, "abc", 0));
	EXPECT_EQ(1, msgctl(0, MSG_INFO, (struct msqid_ds *)&info));
	EXPECT_EQ(2, info.msgpool);
	EXPECT_EQ(1, info.msgmap);
	EXPECT_EQ(4, info.msgtql);
	EXPECT_EQ(id, msgctl(1, MSG_STAT, &d));
	EXPECT_EQ(1, d.msg_qnum);
	EXPECT_EQ(id, msgctl(1, 13, &d));
	EXPECT_ERRNO(EINVAL, msgctl(2, MSG_STAT, &d));
}

TEST(sysv_msg, proc_lists_it)
{
	char line[400];
	int id = private_queue(), seen = 0;
	long key, sid, bytes, nr;
	unsigned mode;
	FILE *f;

	EXPECT_OK(put(id, 1, "abc", 0));
	f = fopen("/proc/sysvipc/msg", "r");
	EXPECT_TRUE(f && fgets(line, sizeof(line), f));
	EXPECT_STR("       key      msqid perms      cbytes       qnum lspid "
		   "lrpid   uid   gid  cuid  cgid      stime      rtime      "
		   "ctime\n",
		   line);
	while (fgets(line, sizeof(line), f)) {
		EXPECT_EQ(5, sscanf(line, "%ld %ld %o %ld %ld", &key, &sid,
				    &mode, &bytes, &nr));
		if (sid != id)
			continue;
		seen = 1;
		EXPECT_EQ(0600, mode);
		EXPECT_EQ(4, bytes);
		EXPECT_EQ(1, nr);
	}
	EXPECT_EQ(1, seen);
	rmid(id);
}

static void write_file(const char *path, const char *text)
{
	int fd = EXPECT_OK(open(path, O_WRONLY));

	EXPECT_EQ(strlen(text), write(fd, text, strlen(text)));
	EXPECT_OK(close(fd));
}

/* The limits of /proc/sys/kernel count, in their namespace. */
TEST(sysv_msg, limits_are_of_the_namespace)
{
	if (geteuid() != 0 || !own_ipc())
		SKIP("needs root");
	write_file("/proc/sys/kernel/msgmax", "10\n");
	write_file("/proc/sys/kernel/msgmnb", "30\n");
	write_file("/proc/sys/kernel/msgmni", "1\n");
	int id = private_queue();

	EXPECT_EQ(30, stat_of(id).msg_qbytes);
	EXPECT_ERRNO(ENOSPC, msgget(IPC_PRIVATE, 0600));
	buf.type = 1;
	EXPECT_ERRNO(EINVAL, msgsnd(id, &buf, 11, 0));
	EXPECT_OK(msgsnd(id, &buf, 10, 0));
	EXPECT_OK(unshare(CLONE_NEWIPC));
	EXPECT_EQ(16384, stat_of(private_queue()).msg_qbytes);
	write_file("/proc/sys/kernel/sem", "7 100 3 2");
	EXPECT_ERRNO(EINVAL, semget(IPC_PRIVATE, 8, 0600));
	EXPECT_OK(semget(IPC_PRIVATE, 7, 0600));
	write_file("/proc/sys/kernel/shmmax", "4096");
	EXPECT_ERRNO(EINVAL, shmget(IPC_PRIVATE, 4097, 0600));
	write_file("/proc/sys/kernel/shmall", "1");
	EXPECT_OK(shmget(IPC_PRIVATE, 4096, 0600));
	EXPECT_ERRNO(ENOSPC, shmget(IPC_PRIVATE, 1, 0600));
}

/* Each message arrives once. */
TEST(sysv_msg, race_of_senders_and_receivers)
{
	int id = private_queue();
	pid_t from[3], to[3];

	for (int i = 0; i < 3; i++) {
		from[i] = CHILD({
			for (int n = 0; n < 400; n++)
				EXPECT_OK(put(id, 1 + n % 3, "message", 0));
		});
		to[i] = CHILD({
			for (int n = 0; n < 400; n++)
				EXPECT_STR("message", take(id, 0, 0));
		});
	}
	for (int i = 0; i < 3; i++) {
		EXPECT_EXIT(0, from[i]);
		EXPECT_EXIT(0, to[i]);
	}
	EXPECT_EQ(0, stat_of(id).msg_qnum);
	rmid(id);
}

TEST_MAIN
