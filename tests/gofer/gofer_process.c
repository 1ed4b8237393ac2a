/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gofer_process: starts, asks and ends a gofer for tests.
 */
#include "tests/gofer/gofer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAMESPACES                                                   \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWIPC | CLONE_NEWUTS)

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	ssize_t n = write(fd, text, strlen(text));

	(void)n;
	close(fd);
}

static void in_tree(const struct gofer_process *g, const char *name, char *out)
{
	snprintf(out, 256, "%s/%s", g->tree, name);
}

void gofer_process_tree(struct gofer_process *g)
{
	const char *tmp = getenv("TMPDIR");
	char path[256], target[256];

	snprintf(g->tree, sizeof(g->tree), "%s/moat-gofer-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(g->tree))
		abort();
	chmod(g->tree, 0755);
	in_tree(g, "file", path);
	write_text(path, "hello\n");
	in_tree(g, "dir", path);
	mkdir(path, 0755);
	in_tree(g, "dir/sub", path);
	mkdir(path, 0755);
	in_tree(g, "dir/sub/deep", path);
	write_text(path, "deep\n");
	in_tree(g, "link", path);
	if (symlink("dir/sub", path) < 0)
		abort();
	in_tree(g, "out", path);
	if (symlink("/etc/passwd", path) < 0)
		abort();
	in_tree(g, "fifo", path);
	mkfifo(path, 0644);
	in_tree(g, "file", target);
	in_tree(g, "hard", path);
	if (link(target, path) < 0)
		abort();
}

static void map_ids(pid_t pid, const char *which, bool privileged,
		    unsigned int id)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	if (privileged)
		snprintf(text, sizeof(text), "0 0 65536\n");
	else
		snprintf(text, sizeof(text), "%u %u 1\n", id, id);
	write_text(path, text);
}

static void run_child(struct gofer_process *g, const char *source,
		      bool readonly, bool privileged, int sync, int sock,
		      int err)
{
	struct gofer_export export = { source, readonly, true };
	struct gofer_config config = {
		.exports = &export,
		.nr_exports = 1,
		.shm_fd = g->shm_fd,
		.sock_fd = sock,
		.log_fd = getenv("GOFER_LOG") ? 2 : -1,
		.err_fd = err,
		.log_level = LOG_DEBUG,
		.privileged = privileged,
	};
	char byte;
	ssize_t n = read(sync, &byte, 1);

	(void)n;
	_exit(gofer_main(&config));
}

int gofer_process_start(struct gofer_process *g, const char *source,
			bool readonly)
{
	int sync[2], sock[2], err[2];
	bool privileged = geteuid() == 0;
	unsigned int uid = geteuid(), gid = getegid();
	char path[64];
	pid_t pid;
	ssize_t n;

	g->shm_fd = memfd_create("gofer-test", MFD_CLOEXEC);
	if (g->shm_fd < 0 || pipe2(sync, O_CLOEXEC) < 0 ||
	    pipe2(err, O_CLOEXEC) < 0 ||
	    ftruncate(g->shm_fd, GOFER_SHM_SIZE) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return -errno;
	g->shm = mmap(NULL, GOFER_SHM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      g->shm_fd, 0);
	g->seq = 0;
	fflush(NULL);
	pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(sock[1]);
		close(sync[1]);
		close(err[0]);
		run_child(g, source, readonly, privileged, sync[0], sock[0],
			  err[1]);
	}
	close(sock[0]);
	close(sync[0]);
	close(err[1]);
	snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	if (!privileged)
		write_text(path, "deny");
	map_ids(pid, "uid_map", privileged, uid);
	map_ids(pid, "gid_map", privileged, gid);
	n = write(sync[1], "", 1);
	(void)n;
	close(sync[1]);
	g->pid = pid;
	g->sock = sock[1];
	g->err_fd = err[0];
	return 0;
}

size_t gofer_process_error(struct gofer_process *g, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1 &&
	       (n = read(g->err_fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	buf[used] = '\0';
	return used;
}

int gofer_process_wait(struct gofer_process *g)
{
	int status;

	for (int i = 0; i < 6000 && g->pid > 0; i++) {
		if (waitpid(g->pid, &status, WNOHANG) == g->pid) {
			g->pid = 0;
			return status;
		}
		usleep(10000);
	}
	return -1;
}

void gofer_process_stop(struct gofer_process *g)
{
	char cmd[128];

	close(g->sock);
	close(g->err_fd);
	close(g->shm_fd);
	munmap(g->shm, GOFER_SHM_SIZE);
	if (g->pid > 0 && gofer_process_wait(g) == -1) {
		kill(g->pid, SIGKILL);
		waitpid(g->pid, NULL, 0);
	}
	if (g->tree[0]) {
		snprintf(cmd, sizeof(cmd), "rm -rf %s", g->tree);
		if (system(cmd) != 0)
			fprintf(stderr, "cannot remove %s\n", g->tree);
	}
}

char *gofer_process_data(struct gofer_process *g, unsigned int slot)
{
	return (char *)g->shm + GOFER_SLOTS_AT + slot * GOFER_DATA_SIZE;
}

static bool has_ended(struct gofer_process *g)
{
	struct pollfd p = { .fd = g->sock, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP));
}

long gofer_process_call(struct gofer_process *g, unsigned int slot, uint32_t op,
			const void *req, size_t size, void *rep, size_t cap)
{
	struct gofer_slot *s = &g->shm->slots[slot];
	struct timespec wait = { 0, 50000000 };
	uint32_t state;

	memcpy(gofer_process_data(g, slot), req, size);
	s->op = op;
	s->seq = ++g->seq;
	s->req_size = (uint32_t)size;
	s->cpu = (uint32_t)sched_getcpu();
	atomic_store(&s->state, GOFER_SLOT_WAITING);
	atomic_fetch_add(&g->shm->bell, 1);
	syscall(SYS_futex, &g->shm->bell, FUTEX_WAKE, 1);
	while ((state = atomic_load(&s->state)) == GOFER_SLOT_WAITING) {
		if (has_ended(g))
			return -ENOTCONN;
		syscall(SYS_futex, &s->state, FUTEX_WAIT, state, &wait);
	}
	if (state != GOFER_SLOT_DONE)
		return -ENOTCONN;
	if (s->error)
		return s->error;
	size = s->rep_size;
	memcpy(rep, gofer_process_data(g, slot), size < cap ? size : cap);
	return (long)size;
}

int gofer_process_fd(struct gofer_process *g)
{
	struct gofer_fd_tag tag;
	struct iovec iov = { &tag, sizeof(tag) };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control.buf) };
	int fd = -1;

	if (recvmsg(g->sock, &msg, MSG_DONTWAIT) != sizeof(tag) ||
	    !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}
