/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys_socket_cmsg: control messages of sendmsg(2) and recvmsg(2), cmsg(3).
 *
 * The guest's buffer is copied once, as a whole, and parsed from the copy.
 *
 * Tests: tests/conformance/unix_socket.c
 */
#include "sentry/kernel/pid_ns.h"
#include <errno.h>
#include <string.h>

#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task.h"
#include "sentry/kernel/user_ns.h"
#include "sentry/syscalls/sys_socket.h"

#define CONTROL_MAX 20480u /* net.core.optmem_max of old; Linux: ENOBUFS */
#define HDR	    sizeof(struct linux_cmsghdr)

/* --- in ------------------------------------------------------------------- */

static int add_files(struct task *t, const uint8_t *data, size_t size,
		     struct scm *out)
{
	uint32_t nr = (uint32_t)(size / sizeof(int32_t)), i;
	struct file *f;
	int32_t fd;

	if (nr == 0)
		return 0;
	if (out->nr_files + nr > LINUX_SCM_MAX_FD)
		return -EINVAL;
	if (!out->files)
		out->files = kcalloc(LINUX_SCM_MAX_FD, sizeof(*out->files));
	if (!out->files)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		f = fd_table_lookup_any(t->fds, fd);
		if (!f)
			return -EBADF;
		out->files[out->nr_files++] = f;
	}
	return 0;
}

/* Only what one is, without the capabilities to say something else. */
static int check_cred(struct task *t, const struct linux_ucred *c)
{
	const struct cred *me = t->cred;

	if (c->pid != (int32_t)t->group->tgid &&
	    !ns_capable(task_pid_ns(t)->ns.owner, CAP_NR_SYS_ADMIN))
		return -EPERM;
	if (c->uid != me->uid && c->uid != me->euid && c->uid != me->suid &&
	    !cred_own_capable(me, CAP_NR_SETUID))
		return -EPERM;
	if (c->gid != me->gid && c->gid != me->egid && c->gid != me->sgid &&
	    !cred_own_capable(me, CAP_NR_SETGID))
		return -EPERM;
	return 0;
}

static int one_cmsg(struct task *t, const struct linux_cmsghdr *h,
		    const uint8_t *data, struct scm *out)
{
	size_t size = (size_t)h->len - HDR;

	if (h->level != LINUX_SOL_SOCKET)
		return 0;
	if (h->type == LINUX_SCM_RIGHTS)
		return add_files(t, data, size, out);
	if (h->type != LINUX_SCM_CREDENTIALS || size != sizeof(out->cred))
		return -EINVAL;
	memcpy(&out->cred, data, sizeof(out->cred));
	if (ucred_from_guest(&out->cred) < 0)
		return -EINVAL;
	out->has_cred = true;
	return check_cred(t, &out->cred);
}

static int parse(struct task *t, const uint8_t *buf, size_t len,
		 struct scm *out)
{
	struct linux_cmsghdr h;
	size_t at = 0;
	int ret = 0;

	while (ret == 0 && at < len && len - at >= HDR) {
		memcpy(&h, buf + at, HDR);
		if (h.len < HDR || h.len > len - at)
			return -EINVAL;
		ret = one_cmsg(t, &h, buf + at + HDR, out);
		at += LINUX_CMSG_ALIGN(h.len);
	}
	return ret;
}

int cmsg_in(struct task *t, uaddr_t control, uint64_t len, struct scm *out)
{
	AUTO_FREE uint8_t *buf = NULL;
	int ret;

	*out = (struct scm){ 0 };
	if (len == 0)
		return 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	buf = malloc(len);
	if (!buf)
		return -ENOBUFS;
	ret = copy_in(buf, control, len);
	if (ret == 0)
		ret = parse(t, buf, len, out);
	if (ret < 0)
		scm_fini(out);
	return ret;
}

int cmsg_in_raw(uaddr_t control, uint64_t len, struct socket_msg *m)
{
	if (len == 0)
		return 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	m->ctl = malloc(len);
	if (!m->ctl)
		return -ENOBUFS;
	m->ctl_len = (uint32_t)len;
	return copy_in(m->ctl, control, len);
}

/* --- out ------------------------------------------------------------------ */

struct cmsg_room {
	uaddr_t at;
	uint64_t left, used;
	bool truncated;
};

/* Accounts for a message of @size bytes of data that was written. */
static void advance(struct cmsg_room *r, size_t size)
{
	uint64_t space = MIN(LINUX_CMSG_ALIGN(HDR + size), r->left);

	r->at = uaddr_add(r->at, space);
	r->left -= space;
	r->used += space;
}

static int put_cred(struct cmsg_room *r, const struct linux_ucred *cred)
{
	struct {
		struct linux_cmsghdr h;
		struct linux_ucred cred;
	} m = { { HDR + sizeof(*cred), LINUX_SOL_SOCKET,
		  LINUX_SCM_CREDENTIALS },
		*cred };
	size_t size = HDR + sizeof(*cred);

	ucred_to_guest(&m.cred);
	if (r->left < HDR) {
		r->truncated = true;
		return 0;
	}
	if (r->left < size) { /* cut, and its length says so */
		size = (size_t)r->left;
		m.h.len = size;
		r->truncated = true;
	}
	if (copy_out(r->at, &m, size) < 0)
		return -EFAULT;
	advance(r, size - HDR);
	return 0;
}

/* The sender's process, as a descriptor (or why there is none). */
static int put_pidfd(struct task *t, struct cmsg_room *r, struct scm *scm)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct {
		struct linux_cmsghdr h;
		int32_t fd, pad;
	} m = { { HDR + sizeof(int32_t), LINUX_SOL_SOCKET, LINUX_SCM_PIDFD },
		-ESRCH,
		0 };
	const size_t size = HDR + sizeof(int32_t);

	if (r->left < size) {
		r->truncated = true;
		return 0;
	}
	if (scm->sender)
		m.fd = pidfd_new(scm->sender, 0, &f);
	if (f)
		m.fd = fd_table_install(t->fds, f, true);
	if (copy_out(r->at, &m, size) < 0) {
		if (f && m.fd >= 0)
			fd_table_close(t->fds, m.fd);
		return -EFAULT;
	}
	advance(r, sizeof(int32_t));
	return 0;
}

/* Installs as many as there is room for; the others are closed. */
static int put_files(struct task *t, struct cmsg_room *r, struct scm *scm,
		     bool cloexec)
{
	uint64_t room = r->left > HDR ? (r->left - HDR) / 4 : 0;
	struct linux_cmsghdr h = { 0, LINUX_SOL_SOCKET, LINUX_SCM_RIGHTS };
	uint32_t i;
	int32_t fd;

	for (i = 0; i < scm->nr_files && i < room; i++) {
		fd = fd_table_install(t->fds, scm->files[i], cloexec);
		if (fd < 0)
			break;
		if (copy_out(uaddr_add(r->at, HDR + 4ul * i), &fd, 4) < 0) {
			fd_table_close(t->fds, fd);
			break;
		}
	}
	if (i < scm->nr_files)
		r->truncated = true;
	if (i == 0)
		return 0;
	h.len = HDR + 4ul * i;
	if (copy_out(r->at, &h, sizeof(h)) < 0)
		return -EFAULT;
	advance(r, 4ul * i);
	return 0;
}

/* Messages that are laid out already; the last that fits may be cut. */
static int put_ready(struct cmsg_room *r, const uint8_t *ctl, size_t len)
{
	struct linux_cmsghdr h;
	size_t size;

	for (size_t at = 0; at < len; at += LINUX_CMSG_ALIGN(h.len)) {
		memcpy(&h, ctl + at, HDR);
		size = (size_t)h.len;
		if (r->left < size)
			r->truncated = true;
		if (r->left < HDR)
			return 0;
		size = MIN(size, (size_t)r->left);
		if (copy_out(r->at, ctl + at, size) < 0)
			return -EFAULT;
		if (size < h.len) {
			uint64_t cut = size;

			if (copy_out(r->at, &cut, sizeof(cut)) < 0)
				return -EFAULT;
		}
		advance(r, size - HDR);
	}
	return 0;
}

int cmsg_out(struct task *t, struct socket_msg *m, bool cloexec,
	     uaddr_t control, uint64_t *len, uint32_t *flags)
{
	struct scm *scm = &m->scm;
	struct cmsg_room r = { control, uaddr_is_null(control) ? 0 : *len, 0,
			       false };
	int ret = 0;

	if (scm->has_cred)
		ret = put_cred(&r, &scm->cred);
	if (ret == 0 && scm->has_pidfd)
		ret = put_pidfd(t, &r, scm);
	if (ret == 0 && scm->nr_files)
		ret = put_files(t, &r, scm, cloexec);
	if (ret == 0 && m->ctl)
		ret = put_ready(&r, m->ctl, m->ctl_len);
	scm_fini(scm);
	if (r.truncated)
		*flags |= LINUX_MSG_CTRUNC;
	*len = r.used;
	return ret;
}
