/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor: see the header.
 *
 * Invariant: a request that was passed on to the sentry carries the number of
 *            its client's slot and how often that was used, so that an answer
 *            that is late finds nobody.
 * Tests:     tests/hostile/oci.sh
 */
#include "sentry/cmd/host/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sentry/lib/alloc.h"

#define CLIENTS	      256
#define KILL_GRACE_MS 5000 /* for the sentry to end its program */

struct client {
	int fd; /* -1: free */
	uint32_t id;
	bool exec; /* has a process, which goes with it */
};

struct monitor {
	struct launched l;
	struct client clients[CLIENTS];
	uint32_t uses;
	int listen_fd, sync_fd, signals;
	bool created, started;
	int64_t kill_at; /* monotonic ms; 0: not asked */
	int status;	 /* wait status of the container; -1: it lives */
	char why[500];	 /* of a failure */
};

static struct monitor g_mon;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int monitor_signals(void)
{
	static const int kept[] = { SIGCHLD, SIGSEGV, SIGBUS, SIGILL,  SIGFPE,
				    SIGABRT, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP,
				    SIGPIPE, SIGTTIN, SIGTTOU };
	sigset_t set;
	int fd;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		sigdelset(&set, kept[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			signal(i, i == SIGTTOU || i == SIGPIPE ? SIG_IGN
							       : SIG_DFL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

void end_as(int status)
{
	static const struct rlimit no_core = { 0, 0 };

	if (WIFSIGNALED(status)) {
		sigset_t set;

		setrlimit(RLIMIT_CORE, &no_core);
		signal(WTERMSIG(status), SIG_DFL);
		sigemptyset(&set);
		sigprocmask(SIG_SETMASK, &set, NULL);
		kill(getpid(), WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

/* --- before the sandbox --------------------------------------------------- */

static void sync_say(int fd, uint32_t kind, int32_t code, const char *text)
{
	struct control_msg msg = { .kind = kind, .status = code };

	if (text)
		strncpy(msg.text, text, sizeof(msg.text) - 1);
	if (fd >= 0 && send(fd, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
		return; /* `create` is gone */
}

static NORETURN void give_up(int sync_fd, const char *what, int err)
{
	char text[400];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(-err));
	sync_say(sync_fd, SYNC_FAILED, 1, text);
	_exit(1);
}

static void raise_loopback(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	r.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
	(void)ioctl(fd, SIOCSIFFLAGS, &r);
	close(fd);
}

/* The container's network is this process's, for hooks and engines, too. */
static int enter_network(const struct oci_ns *ns)
{
	int fd, ret = 0;

	if (!ns->listed)
		return 0;
	if (!ns->path) {
		if (!spawn_privileged())
			return 0; /* the children's user namespace has one */
		if (unshare(CLONE_NEWNET) < 0)
			return -errno;
		raise_loopback();
		return 0;
	}
	fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void await_go(int fd)
{
	struct control_msg msg;

	if (recv(fd, &msg, sizeof(msg), 0) != sizeof(msg) ||
	    msg.kind != SYNC_GO)
		_exit(1); /* `create` has failed, or was killed */
}

/* Descriptors of `create` that are not ours: its lock above all. */
static void keep_only(const struct monitor_args *a)
{
	int keep[CONTROL_EXTRA_MAX + 3], nr = 0, next = 3;

	keep[nr++] = a->listen_fd;
	keep[nr++] = a->sync_fd;
	keep[nr++] = a->console_fd;
	for (unsigned int i = 0; i < a->launch.nr_extra; i++)
		keep[nr++] = a->launch.extra[i];
	while (next >= 0) {
		int lowest = INT32_MAX;

		for (int i = 0; i < nr; i++)
			if (keep[i] >= next && keep[i] < lowest)
				lowest = keep[i];
		if (lowest > next)
			close_range((unsigned int)next,
				    lowest == INT32_MAX
					    ? ~0U
					    : (unsigned int)lowest - 1,
				    0);
		next = lowest == INT32_MAX ? -1 : lowest + 1;
	}
}

static void prepare(struct monitor_args *a)
{
	const struct oci_spec *spec = a->launch.spec;
	int ret;

	if (!cgroup_host_enter(a->c->cgroups, spawn_privileged()))
		give_up(a->sync_fd, "cannot enter the control group", -EIO);
	ret = enter_network(&spec->ns[OCI_NS_NETWORK]);
	if (ret < 0)
		give_up(a->sync_fd, "cannot enter the network namespace", ret);
	if (hooks_any(spec, OCI_HOOK_PRESTART) ||
	    hooks_any(spec, OCI_HOOK_CREATE_RUNTIME)) {
		sync_say(a->sync_fd, SYNC_NAMESPACES, 0, NULL);
		await_go(a->sync_fd);
	}
	if (!hooks_run(spec, OCI_HOOK_CREATE_CONTAINER, a->c, false))
		give_up(a->sync_fd, "createContainer hook", -EIO);
	if (a->console_fd >= 0) {
		ret = console_make(a->console_fd, spec->process.rows,
				   spec->process.columns);
		if (ret < 0)
			give_up(a->sync_fd, "cannot make the terminal", ret);
		if (dup2(ret, 0) < 0)
			give_up(a->sync_fd, "cannot make the terminal", -errno);
	} else if (!a->keep_session) {
		(void)setsid();
	}
}

/* --- clients -------------------------------------------------------------- */

static void drop_client(struct monitor *m, struct client *c)
{
	struct control_msg msg = { .kind = CONTROL_EXEC_SIGNAL,
				   .status = SIGKILL,
				   .id = c->id };

	if (c->exec)
		(void)!monitor_send(m->l.control_fd, &msg, NULL, 0);
	close(c->fd);
	*c = (struct client){ .fd = -1 };
}

static void accept_client(struct monitor *m)
{
	int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (uint32_t i = 0; i < CLIENTS; i++) {
		if (m->clients[i].fd >= 0)
			continue;
		m->clients[i].fd = fd;
		m->clients[i].id = (++m->uses % 0xfffff + 1) * CLIENTS + i;
		return;
	}
	close(fd); /* too many at once */
}

static void answer(struct client *c, int32_t status, const char *text)
{
	struct control_msg msg = { .kind = CONTROL_REPLY, .status = status };

	if (text)
		strncpy(msg.text, text, sizeof(msg.text) - 1);
	(void)!monitor_send(c->fd, &msg, NULL, 0);
}

/* Before the program runs there is nobody to handle a signal. */
static bool kills_unstarted(const struct monitor *m, int signo)
{
	return !m->started &&
	       (signo == SIGKILL || signo == SIGTERM || signo == SIGINT ||
		signo == SIGHUP || signo == SIGQUIT);
}

static void take_signal(struct monitor *m, int signo, bool terminal)
{
	struct control_msg msg = { .kind = CONTROL_SIGNAL, .status = signo };

	if (kills_unstarted(m, signo)) {
		m->status = signo;
		return;
	}
	if (signo == SIGWINCH && terminal)
		msg.kind = CONTROL_WINCH;
	msg.text[0] = terminal;
	if (m->started)
		(void)!monitor_send(m->l.control_fd, &msg, NULL, 0);
	if (signo == SIGKILL && !m->kill_at)
		m->kill_at = now_ms() + KILL_GRACE_MS;
}

static void serve(struct monitor *m, struct client *c, struct control_msg *msg,
		  const int *fds, unsigned int nr)
{
	msg->id = c->id;
	switch (msg->kind) {
	case CONTROL_SIGNAL:
		take_signal(m, msg->status, false);
		answer(c, 0, NULL);
		return;
	case CONTROL_SIGNAL_ALL:
		if (kills_unstarted(m, msg->status)) {
			m->status = msg->status;
			answer(c, 0, NULL);
			return;
		}
		break;
	case CONTROL_START:
		if (m->started) {
			answer(c, 1,
			       "cannot start an already running "
			       "container");
			return;
		}
		m->started = true;
		break;
	case CONTROL_EXEC:
		if (!m->started) {
			answer(c, 1, "the container is not running");
			return;
		}
		c->exec = true;
		break;
	case CONTROL_EXEC_SIGNAL:
	case CONTROL_PAUSE:
	case CONTROL_RESUME:
	case CONTROL_PS:
	case CONTROL_STATS:
	case CONTROL_UPDATE:
		break;
	default:
		answer(c, 1, "unknown request");
		return;
	}
	if (monitor_send(m->l.control_fd, msg, fds, nr) < 0)
		answer(c, 1, "the sandbox is ending");
}

static void read_client(struct monitor *m, struct client *c)
{
	int fds[CONTROL_FDS_MAX];
	struct control_msg msg;
	unsigned int nr;

	if (monitor_recv(c->fd, &msg, fds, CONTROL_FDS_MAX, &nr) <= 0)
		drop_client(m, c);
	else
		serve(m, c, &msg, fds, nr);
	for (unsigned int i = 0; i < nr; i++)
		close(fds[i]);
}

/* --- the sentry ----------------------------------------------------------- */

static void pass_answer(struct monitor *m, const struct control_msg *msg)
{
	struct client *c = &m->clients[msg->id % CLIENTS];

	if (c->fd < 0 || c->id != msg->id)
		return;
	if (msg->kind == CONTROL_EXEC_EXITED || msg->status)
		c->exec = false;
	if (monitor_send(c->fd, msg, NULL, 0) < 0)
		drop_client(m, c);
}

static bool in_foreground(void)
{
	pid_t group = tcgetpgrp(0);

	return group <= 0 || group == getpgrp();
}

/* One record; false: there are no more. */
static bool take_control(struct monitor *m)
{
	struct control_msg msg;
	unsigned int nr;

	if (monitor_recv(m->l.control_fd, &msg, NULL, 0, &nr) <= 0)
		return false;
	switch (msg.kind) {
	case CONTROL_CREATED:
		m->created = true;
		sync_say(m->sync_fd, SYNC_CREATED, 0, NULL);
		close(m->sync_fd);
		m->sync_fd = -1;
		break;
	case CONTROL_EXITED:
		m->status = msg.status;
		break;
	case CONTROL_FAILED:
		snprintf(m->why, sizeof(m->why), "%.490s", msg.text);
		m->status = (msg.status & 0xff) << 8;
		break;
	case CONTROL_ASK_TTY:
		msg = (struct control_msg){ .kind = CONTROL_TTY,
					    .status = in_foreground() };
		(void)!monitor_send(m->l.control_fd, &msg, NULL, 0);
		break;
	case CONTROL_REPLY:
	case CONTROL_EXEC_EXITED:
		pass_answer(m, &msg);
		break;
	default:
		break;
	}
	return true;
}

static void gofer_text(struct monitor *m)
{
	struct pollfd p = { .fd = m->l.gofer_err_fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return;
	n = read(m->l.gofer_err_fd, m->why, sizeof(m->why) - 1);
	if (n > 0) {
		m->why[n] = '\0';
		m->why[strcspn(m->why, "\n")] = '\0';
	}
}

static void check_children(struct monitor *m)
{
	struct pollfd p = { .fd = m->l.control_fd, .events = POLLIN };
	bool sentry = child_reap(&m->l.sentry);
	bool gofer = child_reap(&m->l.gofer);

	if (!sentry && gofer && m->l.gofer.status == 0)
		return; /* it has seen the sentry hang up */
	while (m->status < 0 && poll(&p, 1, 0) > 0 && p.revents & POLLIN)
		if (!take_control(m)) /* last words */
			break;
	if (m->status >= 0 || (!sentry && !gofer))
		return;
	snprintf(m->why, sizeof(m->why), "the %s ended unexpectedly",
		 sentry ? "sentry" : "gofer");
	m->status = sentry && WIFSIGNALED(m->l.sentry.status)
			    ? m->l.sentry.status
			    : 125 << 8;
}

static void read_signals(struct monitor *m)
{
	struct signalfd_siginfo si;

	while (read(m->signals, &si, sizeof(si)) == sizeof(si))
		take_signal(m, (int)si.ssi_signo, si.ssi_code == SI_KERNEL);
}

static void loop_once(struct monitor *m)
{
	struct pollfd p[5 + CLIENTS];
	int nr = 5;

	p[0] = (struct pollfd){ m->l.control_fd, POLLIN, 0 };
	p[1] = (struct pollfd){ m->signals, POLLIN, 0 };
	p[2] = (struct pollfd){ m->l.sentry.pidfd, POLLIN, 0 };
	p[3] = (struct pollfd){ m->l.gofer.pidfd, POLLIN, 0 };
	p[4] = (struct pollfd){ m->listen_fd, POLLIN, 0 };
	for (int i = 0; i < CLIENTS; i++)
		if (m->clients[i].fd >= 0)
			p[nr++] =
				(struct pollfd){ m->clients[i].fd, POLLIN, 0 };
	if (poll(p, (nfds_t)nr, m->kill_at ? 100 : -1) < 0 && errno != EINTR)
		m->status = SIGKILL;
	if (p[0].revents & POLLIN)
		(void)!take_control(m);
	if (p[1].revents)
		read_signals(m);
	if (p[2].revents || p[3].revents || p[0].revents & POLLHUP)
		check_children(m);
	for (int i = 5, at = 0; i < nr; i++, at++) {
		while (at < CLIENTS - 1 && m->clients[at].fd != p[i].fd)
			at++;
		if (p[i].revents && m->clients[at].fd == p[i].fd)
			read_client(m, &m->clients[at]);
	}
	if (p[4].revents)
		accept_client(m);
	if (m->kill_at && now_ms() > m->kill_at)
		m->status = SIGKILL; /* it had its time */
}

static void close_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void monitor_main(struct monitor_args *a)
{
	struct monitor *m = &g_mon;

	keep_only(a);
	for (int i = 0; i < CLIENTS; i++)
		m->clients[i].fd = -1;
	m->listen_fd = a->listen_fd;
	m->sync_fd = a->sync_fd;
	m->status = -1;
	prepare(a);
	relay_block_signals();
	if (!launch_children(&a->launch, &m->l)) {
		sync_say(a->sync_fd, SYNC_FAILED, 1,
			 "cannot make the sandbox's processes");
		_exit(1);
	}
	prctl(PR_SET_NAME, "moat-monitor");
	m->signals = monitor_signals();
	if (!a->keep_session)
		close_stdio();
	while (m->status < 0)
		loop_once(m);
	if (!m->created) {
		/* The gofer's own words say more than those about it. */
		gofer_text(m);
		sync_say(m->sync_fd, SYNC_FAILED, WEXITSTATUS(m->status),
			 m->why);
	}
	child_kill(&m->l.sentry);
	child_kill(&m->l.gofer);
	end_as(m->status);
}
