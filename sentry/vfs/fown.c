/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fown: signals that files send to their owner (fcntl F_SETOWN, F_SETSIG).
 *
 * Locks: f->mu for the owner; none while a signal is sent.
 * Tests: tests/conformance/lease.c, dnotify.c
 */
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/kernel/signal.h"
#include "sentry/vfs/leases.h"

/* si_band by si_code. */
static const uint16_t band_of_code[] = {
	0,
	LINUX_POLLIN | LINUX_POLLRDNORM,
	LINUX_POLLOUT | LINUX_POLLWRNORM | LINUX_POLLWRBAND,
	LINUX_POLLIN | LINUX_POLLRDNORM | LINUX_POLLMSG,
	LINUX_POLLERR,
	LINUX_POLLPRI | LINUX_POLLRDBAND,
	LINUX_POLLHUP | LINUX_POLLERR,
};

void file_own_if_none(struct file *f)
{
	mutex_lock(&f->mu);
	if (f->owner_pid == 0) {
		f->owner_pid = (int32_t)current_task()->group->tgid;
		f->owner_type = LINUX_F_OWNER_PID;
	}
	mutex_unlock(&f->mu);
}

void file_disown(struct file *f)
{
	mutex_lock(&f->mu);
	f->owner_pid = 0;
	f->owner_sig = 0;
	mutex_unlock(&f->mu);
}

void file_owner(struct file *f, struct file_owner *out)
{
	mutex_lock_nested(&f->mu);
	out->pid = f->owner_pid;
	out->type = f->owner_type;
	out->sig = f->owner_sig;
	mutex_unlock(&f->mu);
}

void file_owner_signal(const struct file_owner *own, int fd, int code)
{
	struct linux_siginfo si = { 0 };

	if (own->pid <= 0)
		return;
	if (own->sig) {
		si.signo = own->sig;
		si.code = code;
		si.poll.band = band_of_code[code];
		si.poll.fd = fd;
		if (signal_send_owner(own->type, (uint32_t)own->pid, &si) == 0)
			return; /* else its queue is full: SIGIO says that */
	}
	siginfo_kernel(&si, LINUX_SIGIO);
	(void)signal_send_owner(own->type, (uint32_t)own->pid, &si);
}

void file_sigio(struct file *f, int fd, int code)
{
	struct file_owner own;

	file_owner(f, &own);
	file_owner_signal(&own, fd, code);
}
