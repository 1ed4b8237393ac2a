/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console: the caller's terminal.  Each stdio descriptor of it is one end; a
 * file uses the first end whose access mode allows what it does, so that
 * /dev/tty works as long as one of them is open for reading and writing.
 *
 * Only the commands of struct tty_driver reach the host, with structures that
 * we copied.  TIOCSPGRP and its like never do: groups of the guest are ours.
 *
 * Invariant: the caller's is made at start-up by one thread, never freed; one
 *            of a container's own has one end and goes with its last file.
 * Locks:     none.
 * Tests:     tests/hostile/terminal.sh
 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/tty.h"
#include "sentry/fs/devpts/devpts.h"
#include "sentry/fs/host/host_end.h"
#include "sentry/fs/tty/console.h"
#include "sentry/fs/tty/tty.h"
#include "sentry/host/host_tty.h"
#include "sentry/kernel/signal.h"
#include "sentry/time/clock.h"

#define CONSOLE_ENDS 3

struct console {
	struct tty tty;
	IMMUTABLE bool own; /* of a container: freed, always in front */
	IMMUTABLE struct host_end ends[CONSOLE_ENDS];
	IMMUTABLE unsigned int nr_ends;
	IMMUTABLE uint64_t host_dev, host_ino;
};

static struct console *g_console;

/* What the launcher last said; answers are counted: one can be awaited. */
static _Atomic bool g_foreground;
static _Atomic uint32_t g_answers;

/* A launcher that does not answer is stopped, as a job is. */
#define ANSWER_NS (2 * NSEC_PER_SEC)

static struct console *console_of(struct tty *t)
{
	return container_of(t, struct console, tty);
}

struct tty *console_tty(void)
{
	return g_console ? &g_console->tty : NULL;
}

/* An end that may do what @flags (an access mode) asks, or NULL. */
static struct host_end *find_end(struct console *c, uint32_t flags)
{
	unsigned int i;

	for (i = 0; i < c->nr_ends; i++)
		if (host_end_allows(&c->ends[i], flags))
			return &c->ends[i];
	return NULL;
}

static int con_open(struct tty *t, struct file *f)
{
	return find_end(console_of(t), f->flags) ? 0 : -EACCES;
}

static int con_ioctl(struct tty *t, unsigned long cmd, void *arg)
{
	int ret;

	do
		ret = host_ioctl(console_of(t)->ends[0].fd, cmd, arg);
	while (ret == -EINTR);
	return ret;
}

static int con_get_termios(struct tty *t, struct linux_termios *out)
{
	return con_ioctl(t, LINUX_TCGETS, out);
}

static int con_set_termios(struct tty *t, const struct linux_termios *in,
			   enum tty_when when)
{
	static const unsigned long cmds[] = {
		[TTY_NOW] = LINUX_TCSETS,
		[TTY_DRAIN] = LINUX_TCSETSW,
		[TTY_FLUSH] = LINUX_TCSETSF,
	};
	struct linux_termios copy = *in;

	return con_ioctl(t, cmds[when], &copy);
}

/*
 * VMIN and VTIME are obeyed by the host, except that we wait for the first
 * byte ourselves.  With VMIN 0 the host would not wait at all.
 */
static long con_read(struct tty *t, struct file *f, struct uio *u)
{
	struct host_end *e = find_end(console_of(t), LINUX_O_RDONLY);
	uint64_t deadline = NO_DEADLINE;
	bool nonblock = file_nonblock(f), poll_only = false;
	struct linux_termios termios;
	long ret = con_get_termios(t, &termios);

	if (!e)
		return -EIO;
	if (ret < 0)
		return ret;
	if (!(termios.lflag & LINUX_ICANON) && termios.cc[LINUX_VMIN] == 0) {
		poll_only = termios.cc[LINUX_VTIME] == 0;
		deadline = clock_monotonic() +
			   termios.cc[LINUX_VTIME] * (NSEC_PER_SEC / 10);
	}
	ret = host_end_read(e, u, nonblock || poll_only, deadline);
	return ret == -EAGAIN && poll_only ? 0 : ret;
}

static long con_write(struct tty *t, struct file *f, struct uio *u)
{
	struct host_end *e = find_end(console_of(t), LINUX_O_WRONLY);

	return e ? host_end_write(e, u, file_nonblock(f)) : -EIO;
}

static uint32_t con_poll(struct tty *t, struct file *f, struct poll_table *pt)
{
	struct host_end *in = find_end(console_of(t), LINUX_O_RDONLY);
	struct host_end *out = find_end(console_of(t), LINUX_O_WRONLY);
	const uint32_t out_events = LINUX_POLLOUT | LINUX_POLLWRNORM;
	uint32_t events = 0;

	(void)f;
	if (in)
		events = host_end_poll(in, pt);
	if (out && out != in)
		events = (events & ~out_events) |
			 (host_end_poll(out, pt) & out_events);
	return events;
}

static int con_get_winsize(struct tty *t, struct linux_winsize *out)
{
	return con_ioctl(t, LINUX_TIOCGWINSZ, out);
}

/* The host signals its foreground group, the launcher forwards that to us. */
static int con_set_winsize(struct tty *t, const struct linux_winsize *in)
{
	struct linux_winsize copy = *in;

	return con_ioctl(t, LINUX_TIOCSWINSZ, &copy);
}

static int con_flush(struct tty *t, uint32_t queue)
{
	return con_ioctl(t, LINUX_TCFLSH, (void *)(uintptr_t)queue);
}

static int con_flow(struct tty *t, uint32_t action)
{
	return con_ioctl(t, LINUX_TCXONC, (void *)(uintptr_t)action);
}

static int con_drain(struct tty *t, uint32_t arg)
{
	return con_ioctl(t, LINUX_TCSBRK, (void *)(uintptr_t)arg);
}

static long con_queued(struct tty *t, bool input)
{
	int32_t nr = 0;
	int ret = con_ioctl(t, input ? LINUX_TIOCINQ : LINUX_TIOCOUTQ, &nr);

	return ret < 0 ? ret : nr;
}

void console_set_foreground(bool foreground)
{
	atomic_store(&g_foreground, foreground);
	atomic_fetch_add(&g_answers, 1);
	host_futex_wake(&g_answers, INT32_MAX);
}

void console_forget_foreground(void)
{
	atomic_store(&g_foreground, false);
}

/*
 * The host cannot tell: the sentry is in a session of its own, which may read
 * whenever it likes.  A job starts and goes on in the foreground or the
 * background, and changes sides while it runs only from back to front.
 */
static bool con_foreground(struct tty *t)
{
	uint64_t deadline = clock_monotonic() + ANSWER_NS;
	uint32_t answers = atomic_load(&g_answers);

	if (console_of(t)->own || atomic_load(&g_foreground))
		return true;
	sandbox_ask_foreground();
	while (atomic_load(&g_answers) == answers &&
	       clock_monotonic() < deadline)
		host_futex_wait(&g_answers, answers, deadline);
	return atomic_load(&g_foreground);
}

static void con_free(struct tty *t)
{
	struct console *c = console_of(t);

	assert(c->own); /* g_console holds a reference for ever */
	for (unsigned int i = 0; i < c->nr_ends; i++)
		host_end_fini(&c->ends[i]);
	free(c);
}

static const struct tty_driver console_driver = {
	.open = con_open,
	.read = con_read,
	.write = con_write,
	.poll = con_poll,
	.get_termios = con_get_termios,
	.set_termios = con_set_termios,
	.get_winsize = con_get_winsize,
	.set_winsize = con_set_winsize,
	.flush = con_flush,
	.flow = con_flow,
	.drain = con_drain,
	.queued = con_queued,
	.foreground = con_foreground,
	.free = con_free,
};

/* The console if it is on this host terminal; the first one makes it. */
static int get_console(const struct stat *st, struct console **out)
{
	struct console *c = g_console;
	int ret;

	if (c) {
		if (c->host_dev != st->st_rdev || c->host_ino != st->st_ino ||
		    c->nr_ends == CONSOLE_ENDS)
			return -ENOTTY; /* a second terminal: a stream */
		*out = c;
		return 0;
	}
	c = kzalloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->host_dev = st->st_rdev;
	c->host_ino = st->st_ino;
	ret = tty_register(&c->tty, &console_driver, 0, 0);
	if (ret < 0) {
		free(c);
		return ret;
	}
	*out = g_console = c;
	return 0;
}

int console_file_new(int host_fd, uint32_t flags, const struct stat *st,
		     struct file **out)
{
	struct linux_termios termios;
	struct console *c;
	int ret = host_ioctl(host_fd, LINUX_TCGETS, &termios);

	if (ret < 0)
		return -ENOTTY;
	ret = get_console(st, &c);
	if (ret < 0)
		return ret;
	host_end_init(&c->ends[c->nr_ends], host_fd, flags);
	c->nr_ends++;
	/* Whether O_NONBLOCK is set on the host does not concern the guest. */
	ret = devpts_file_new(&c->tty,
			      LINUX_O_NOCTTY | (flags & (LINUX_O_ACCMODE |
							 LINUX_O_LARGEFILE)),
			      out);
	if (ret < 0)
		c->nr_ends--;
	return ret;
}

/* A console of a container's own; owns @host_fd on success. */
static int new_own(int host_fd, struct console **out)
{
	struct linux_termios termios;
	int flags = host_fcntl_getfl(host_fd), ret;
	struct console *c;

	if (flags < 0 || host_ioctl(host_fd, LINUX_TCGETS, &termios) < 0)
		return -ENOTTY;
	c = kzalloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->own = true;
	ret = tty_register(&c->tty, &console_driver, 0, 0);
	if (ret < 0) {
		free(c);
		return ret;
	}
	host_end_init(&c->ends[0], host_fd, (uint32_t)flags);
	c->nr_ends = 1;
	*out = c;
	return 0;
}

int console_file_own(int host_fd, bool main, struct file **out)
{
	struct console *c;
	int ret = new_own(host_fd, &c);

	if (ret < 0) {
		host_close(host_fd);
		return ret;
	}
	ret = devpts_file_new(&c->tty, LINUX_O_NOCTTY | LINUX_O_RDWR, out);
	if (ret == 0 && main)
		g_console = c; /* keeps the reference */
	else
		tty_put(&c->tty);
	return ret;
}

struct tty_ctl *console_setup(struct file *f)
{
	struct tty *t = tty_of_file(f);

	return t && t->drv == &console_driver ? t->ctl : NULL;
}

void console_signal(int signo)
{
	if (g_console)
		tty_ctl_signal(g_console->tty.ctl, signo);
}
