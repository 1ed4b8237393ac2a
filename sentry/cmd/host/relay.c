/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: the launcher while the sandbox runs: signals in, status out.
 *
 * A signal from the terminal goes to the foreground group of the sandbox, one
 * from kill(1) to the program.  When the program is stopped, the launcher
 * stops too, so that the caller's shell sees it; SIGCONT goes the other way.
 * Whoever dies first decides the message; the others are killed then.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "sentry/cmd/cmd.h"
#include "sentry/cmd/host/launch.h"
#include "sentry/sandbox.h"

static const int passed_on[] = { SIGINT,  SIGQUIT, SIGTERM,  SIGHUP,  SIGUSR1,
				 SIGUSR2, SIGALRM, SIGWINCH, SIGTSTP, SIGCONT };

static sigset_t caller_mask;

void relay_block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	sigprocmask(SIG_BLOCK, &set, &caller_mask);
	/* What the caller ignores (nohup) is passed on too: the program
	 * ignores it, until it says otherwise. */
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		signal(passed_on[i], SIG_DFL);
}

void relay_unblock_signals(void)
{
	sigprocmask(SIG_SETMASK, &caller_mask, NULL);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void send_control(const struct relay *r, uint32_t kind, int32_t status,
			 bool to_foreground)
{
	struct control_msg msg = { .kind = kind, .status = status };

	msg.text[0] = to_foreground;
	if (send(r->control_fd, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
		return; /* the sentry is ending; its pidfd tells */
}

/* Whether the terminal is ours to read: a shell decides that by its foreground
 * group.  A terminal that is not our session's has no such rule. */
static bool in_foreground(void)
{
	for (int fd = 0; fd < 3; fd++) {
		pid_t group = tcgetpgrp(fd);

		if (group > 0)
			return group == getpgrp();
	}
	return true;
}

static void pass_signals(const struct relay *r, int fd)
{
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGWINCH) {
			send_control(r, CONTROL_WINCH, 0, true);
			continue;
		}
		/* A shell continues a job, which is all that was stopped. */
		if (si.ssi_signo == SIGCONT)
			send_control(r, CONTROL_SIGNAL, SIGCONT, true);
		send_control(r, CONTROL_SIGNAL, (int32_t)si.ssi_signo,
			     si.ssi_code == SI_KERNEL);
	}
}

/* What the loop has learned; code >= 0 ends it. */
struct outcome {
	int code;
	bool clean; /* the program ended by itself: leave the terminal as is */
};

static void decide(struct outcome *o, int code, bool clean)
{
	if (o->code < 0)
		*o = (struct outcome){ code, clean };
}

/* The gofer's start-up error, if it left one. */
static bool print_gofer_error(const struct relay *r)
{
	char text[512];
	struct pollfd p = { .fd = r->gofer_err_fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return false;
	n = read(r->gofer_err_fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	complain("%s", text);
	return true;
}

static void take_control(const struct relay *r, struct outcome *o)
{
	struct control_msg msg;
	ssize_t n = recv(r->control_fd, &msg, sizeof(msg), MSG_DONTWAIT);

	if (n != sizeof(msg))
		return;
	msg.text[sizeof(msg.text) - 1] = '\0';
	switch (msg.kind) {
	case CONTROL_EXITED:
		decide(o,
		       WIFSIGNALED(msg.status)
			       ? EXIT_SIGNAL + WTERMSIG(msg.status)
			       : WEXITSTATUS(msg.status),
		       !WIFSIGNALED(msg.status));
		break;
	case CONTROL_FAILED:
		if (!print_gofer_error(r))
			complain("%s", msg.text);
		decide(o, msg.status, true);
		break;
	case CONTROL_ASK_TTY:
		send_control(r, CONTROL_TTY, in_foreground(), false);
		break;
	case CONTROL_STOPPED:
		kill(getpid(), SIGSTOP);
		break;
	default:
		break;
	}
}

static void print_death(const struct child *c)
{
	if (WIFSIGNALED(c->status))
		complain("the %s was killed by signal %d (%s); the sandbox is "
			 "gone",
			 c->name, WTERMSIG(c->status),
			 strsignal(WTERMSIG(c->status)));
	else if (WEXITSTATUS(c->status) > EXIT_SIGNAL)
		/* PID 1 of a namespace cannot die by its own signal. */
		complain("the %s crashed by signal %d (%s); the sandbox is "
			 "gone",
			 c->name, WEXITSTATUS(c->status) - EXIT_SIGNAL,
			 strsignal(WEXITSTATUS(c->status) - EXIT_SIGNAL));
	else
		complain("the %s ended unexpectedly with status %d; the "
			 "sandbox is gone",
			 c->name, WEXITSTATUS(c->status));
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A gofer that ended in order has seen the sentry hang up: the sentry's end,
 * which says more, is at hand. */
static bool gofer_died(const struct relay *r)
{
	struct pollfd p = { .fd = r->sentry->pidfd, .events = POLLIN };

	if (!child_reap(r->gofer))
		return false;
	return r->gofer->status != 0 || poll(&p, 1, 2000) <= 0;
}

static void check_children(const struct relay *r, struct outcome *o)
{
	bool gofer = gofer_died(r);

	if (o->code < 0 && child_reap(r->sentry)) {
		take_control(r, o); /* its last words */
		if (o->code < 0 && !print_gofer_error(r))
			print_death(r->sentry);
		decide(o, EXIT_MOAT, false);
	}
	if (o->code < 0 && gofer) {
		if (!print_gofer_error(r))
			print_death(r->gofer);
		decide(o, EXIT_MOAT, false);
	}
}

static void loop(const struct relay *r, int signals, struct outcome *o)
{
	int64_t deadline = now_ms() + (int64_t)r->timeout_ms;
	int control = r->control_fd;

	while (o->code < 0) {
		struct pollfd p[] = {
			{ .fd = control, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = r->sentry->pidfd, .events = POLLIN },
			{ .fd = r->gofer->pidfd, .events = POLLIN },
		};
		int64_t left = deadline - now_ms();
		int wait = r->timeout_ms == 0 ? -1
			   : left > 60000     ? 60000
					      : (int)MAX(left, 0);

		if (poll(p, ARRAY_SIZE(p), wait) < 0 && errno != EINTR) {
			complain("poll: %s", strerror(errno));
			decide(o, EXIT_MOAT, false);
		}
		if (p[0].revents & POLLIN)
			take_control(r, o);
		else if (p[0].revents)
			control = -1; /* closed: the pidfd follows */
		if (p[1].revents & POLLIN)
			pass_signals(r, signals);
		if (p[2].revents || p[3].revents)
			check_children(r, o);
		if (r->timeout_ms && o->code < 0 && now_ms() >= deadline) {
			complain("the time limit of %.1f s is over",
				 (double)r->timeout_ms / 1000);
			decide(o, EXIT_TIMED_OUT, false);
		}
	}
}

int relay_run(struct relay *r)
{
	struct outcome o = { .code = -1 };
	struct termios saved;
	bool have_saved = r->tty && tcgetattr(0, &saved) == 0;
	int signals = open_signals();

	if (signals < 0) {
		complain("signalfd: %s", strerror(errno));
		decide(&o, EXIT_MOAT, false);
	}
	loop(r, signals, &o);
	child_kill(r->sentry);
	child_kill(r->gofer);
	if (have_saved && !o.clean) {
		/* From the background this must not stop us. */
		signal(SIGTTOU, SIG_IGN);
		tcsetattr(0, TCSADRAIN, &saved);
	}
	if (signals >= 0)
		close(signals);
	return o.code;
}
