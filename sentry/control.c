/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control: messages between sentry and launcher.
 *
 * The launcher is trusted, yet its records are checked: a wrong size or kind
 * is ignored and logged.
 */
#include "sentry/control.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "sentry/boot.h"
#include "sentry/fs/gofer/client.h"
#include "sentry/fs/tty/console.h"
#include "sentry/host/host.h"
#include "sentry/host/host_control.h"
#include "sentry/kernel/boot.h"
#include "sentry/kernel/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/vfs/dcache.h"

static int control_fd = -1;
static struct host_watch watch;
static _Atomic uint32_t started; /* CONTROL_START came */

static void send_record(int fd, uint32_t kind, int32_t status, uint32_t id,
			const char *text)
{
	struct control_msg msg = { .kind = kind, .status = status, .id = id };

	if (text)
		strncpy(msg.text, text, sizeof(msg.text) - 1);
	host_control_send(fd, &msg, sizeof(msg));
}

static void close_all(const int *fds, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		host_close(fds[i]);
}

void control_reply(uint32_t id, int32_t status, const char *text)
{
	send_record(control_fd, CONTROL_REPLY, status, id, text);
}

void sandbox_exec_exited(uint32_t exec_id, int wait_status)
{
	boot_exec_forget(exec_id);
	send_record(control_fd, CONTROL_EXEC_EXITED, wait_status, exec_id,
		    NULL);
}

void control_await_start(void)
{
	send_record(control_fd, CONTROL_CREATED, 0, 0, NULL);
	while (!atomic_load(&started))
		host_futex_wait(&started, 0, UINT64_MAX);
}

void control_send_failed(int fd, int exit_code, const char *text)
{
	send_record(fd, CONTROL_FAILED, exit_code, 0, text);
}

/* What only containers are asked; true: it was something of that kind.  Takes
 * over @fds if so. */
static bool handle_request(const struct control_msg *msg, const int *fds,
			   unsigned int nr)
{
	switch (msg->kind) {
	case CONTROL_START:
		atomic_store(&started, 1);
		host_futex_wake(&started, 1);
		control_reply(msg->id, 0, NULL);
		break;
	case CONTROL_EXEC:
		boot_exec(msg, fds, nr);
		return true;
	case CONTROL_EXEC_SIGNAL:
		boot_exec_signal(msg);
		break;
	case CONTROL_SIGNAL_ALL:
	case CONTROL_PAUSE:
	case CONTROL_RESUME:
	case CONTROL_PS:
	case CONTROL_STATS:
	case CONTROL_UPDATE:
		control_serve(msg, nr ? fds[0] : -1);
		break;
	default:
		return false;
	}
	close_all(fds, nr);
	return true;
}

static void handle(const struct control_msg *msg)
{
	switch (msg->kind) {
	case CONTROL_SIGNAL:
		if (msg->status <= 0 || msg->status > LINUX_NSIG)
			log_warning("control: signal %d", msg->status);
		else if (msg->text[0])
			kernel_signal_foreground(msg->status);
		else
			kernel_signal_init(msg->status);
		break;
	case CONTROL_WINCH:
		console_signal(LINUX_SIGWINCH);
		break;
	case CONTROL_TTY:
		console_set_foreground(msg->status);
		break;
	case CONTROL_KILL:
		host_exit(125);
	default:
		log_warning("control: unknown record %u", msg->kind);
	}
}

static void on_ready(struct host_watch *w, uint32_t events)
{
	int fds[CONTROL_FDS_MAX];
	struct control_msg msg;
	unsigned int nr;
	long n;

	while ((n = host_control_recv_fds(w->fd, &msg, sizeof(msg), fds,
					  CONTROL_FDS_MAX, &nr)) > 0) {
		msg.text[sizeof(msg.text) - 1] = '\0';
		if (n == sizeof(msg) && handle_request(&msg, fds, nr))
			continue;
		if (n == sizeof(msg))
			handle(&msg);
		else
			log_warning("control: record of %ld bytes", n);
		close_all(fds, nr);
	}
	if (n == 0 || (events & (POLLHUP | POLLERR)))
		host_exit(125); /* the launcher is gone */
}

int control_start(int fd)
{
	control_fd = fd;
	watch.fd = fd;
	watch.notify = on_ready;
	return host_watch_add(&watch);
}

void sandbox_init_exited(int wait_status)
{
	log_debug("end: %llu messages to the gofer, %u handles, %u names",
		  (unsigned long long)gofer_nr_messages(), gofer_nr_handles(),
		  dcache_count());
	send_record(control_fd, CONTROL_EXITED, wait_status, 0, NULL);
	host_exit(0);
}

void sandbox_ask_foreground(void)
{
	send_record(control_fd, CONTROL_ASK_TTY, 0, 0, NULL);
}

void sandbox_init_stopped(int signo)
{
	console_forget_foreground();
	send_record(control_fd, CONTROL_STOPPED, signo, 0, NULL);
}

NORETURN void sandbox_die(const char *why)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&said)) {
		log_error("the sandbox ends: %s", why);
		send_record(control_fd, CONTROL_FAILED, 125, 0, why);
	}
	host_exit(125);
}
