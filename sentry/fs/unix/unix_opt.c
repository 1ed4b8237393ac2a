/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_opt: socket options of AF_UNIX, socket(7).
 *
 * Tests: tests/conformance/unix_socket.c
 */
#include <errno.h>
#include <string.h>

#include "abi/time.h"
#include "sentry/fs/unix/unix.h"
#include "sentry/kernel/pidfd.h"
#include "sentry/kernel/task.h"
#include "sentry/time/clock.h"

static int put(void *val, uint32_t *len, const void *from, uint32_t size)
{
	*len = MIN(*len, size);
	memcpy(val, from, *len);
	return 0;
}

static int put_timeout(void *val, uint32_t *len, uint64_t ns)
{
	struct linux_timeval tv = {
		.sec = (int64_t)(ns / NSEC_PER_SEC),
		.usec = (int64_t)(ns % NSEC_PER_SEC / 1000),
	};

	return put(val, len, &tv, sizeof(tv));
}

/* Kept and told, but without meaning for AF_UNIX. */
static bool is_plain_flag(int name)
{
	switch (name) {
	case LINUX_SO_DEBUG:
	case LINUX_SO_REUSEADDR:
	case LINUX_SO_DONTROUTE:
	case LINUX_SO_BROADCAST:
	case LINUX_SO_KEEPALIVE:
	case LINUX_SO_NO_CHECK:
	case LINUX_SO_PASSSEC:
	case LINUX_SO_NOFCS:
		return true;
	default:
		return false;
	}
}

/* Options with an int; -ENOPROTOOPT for others. */
static int get_int(struct unix_sock *u, int name, int32_t *out)
{
	const struct {
		int name;
		int32_t value;
	} known[] = {
		{ LINUX_SO_TYPE, u->sock.type },
		{ LINUX_SO_DOMAIN, u->sock.family },
		{ LINUX_SO_PROTOCOL, u->sock.protocol },
		{ LINUX_SO_SNDBUF, (int32_t)u->sndbuf },
		{ LINUX_SO_RCVBUF, (int32_t)u->rcvbuf },
		{ LINUX_SO_PASSCRED, u->passcred },
		{ LINUX_SO_PASSPIDFD, u->passpidfd },
		{ LINUX_SO_PASSRIGHTS, !u->no_rights },
		{ LINUX_SO_OOBINLINE, u->oobinline },
		{ LINUX_SO_RCVLOWAT, (int32_t)u->rcvlowat },
		{ LINUX_SO_SNDLOWAT, 1 },
		{ LINUX_SO_PRIORITY, (int32_t)u->priority },
		{ LINUX_SO_PEEK_OFF, u->peek_off },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].name == name) {
			*out = known[i].value;
			return 0;
		}
	if (!is_plain_flag(name))
		return -ENOPROTOOPT;
	*out = u->flags_on >> name & 1;
	return 0;
}

static int get_locked(struct unix_sock *u, int name, int32_t *out)
{
	int ret = 0;

	mutex_lock(&u->mu);
	if (name == LINUX_SO_ERROR) {
		*out = u->err;
		u->err = 0;
	} else if (name == LINUX_SO_ACCEPTCONN) {
		*out = u->state == UNIX_LISTEN;
	} else {
		ret = get_int(u, name, out);
	}
	mutex_unlock(&u->mu);
	return ret;
}

static int get_peercred(struct unix_sock *u, void *val, uint32_t *len)
{
	struct linux_ucred cred;

	mutex_lock(&u->mu);
	cred = u->peer_id.ucred;
	if (!u->peer_id.cred)
		cred = (struct linux_ucred){ 0, UINT32_MAX, UINT32_MAX };
	mutex_unlock(&u->mu);
	ucred_to_guest(&cred);
	return put(val, len, &cred, sizeof(cred));
}

/* A copy of who the peer is; -ENODATA: nobody. */
static int get_peer_id(struct unix_sock *u, struct unix_peer_id *out)
{
	*out = (struct unix_peer_id){ 0 };
	mutex_lock(&u->mu);
	unix_id_copy(&u->peer_id, out);
	mutex_unlock(&u->mu);
	return out->cred ? 0 : -ENODATA;
}

static int get_peerpidfd(struct unix_sock *u, void *val, uint32_t *len)
{
	AUTO_PUT(file) struct file *f = NULL;
	struct unix_peer_id id;
	int32_t fd;
	int ret = get_peer_id(u, &id);

	if (ret == 0)
		ret = pidfd_new(id.tg, 0, &f);
	unix_id_clear(&id);
	if (ret < 0)
		return ret;
	fd = fd_table_install(current_task()->fds, f, true);
	return fd < 0 ? fd : put(val, len, &fd, sizeof(fd));
}

static int get_peergroups(struct unix_sock *u, void *val, uint32_t *len)
{
	struct unix_peer_id id;
	uint32_t size;
	int ret = get_peer_id(u, &id);

	if (ret == 0) {
		size = id.cred->nr_groups * (uint32_t)sizeof(uint32_t);
		if (*len < size)
			ret = -ERANGE;
		else if (size)
			memcpy(val, id.cred->groups, size);
		*len = size;
	}
	unix_id_clear(&id);
	return ret;
}

static int get_cookie(struct unix_sock *u, void *val, uint32_t *len)
{
	uint64_t cookie = u->sock.ino;

	if (*len < sizeof(cookie))
		return -EINVAL;
	return put(val, len, &cookie, sizeof(cookie));
}

int unix_getsockopt(struct socket *s, int level, int name, void *val,
		    uint32_t *len)
{
	static const int32_t no_linger[2] = { 0, 0 };
	struct unix_sock *u = unix_of(s);
	int32_t v;
	int ret;

	if (level != LINUX_SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (name) {
	case LINUX_SO_PEERCRED:
		return get_peercred(u, val, len);
	case LINUX_SO_PEERPIDFD:
		return get_peerpidfd(u, val, len);
	case LINUX_SO_PEERGROUPS:
		return get_peergroups(u, val, len);
	case LINUX_SO_COOKIE:
		return get_cookie(u, val, len);
	case LINUX_SO_RCVTIMEO:
		return put_timeout(val, len, u->rcvtimeo);
	case LINUX_SO_SNDTIMEO:
		return put_timeout(val, len, u->sndtimeo);
	case LINUX_SO_LINGER:
		return put(val, len, no_linger, sizeof(no_linger));
	}
	ret = get_locked(u, name, &v);
	return ret < 0 ? ret : put(val, len, &v, sizeof(v));
}

static int set_timeout(_Atomic uint64_t *to, const void *val, uint32_t len)
{
	struct linux_timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	if (tv.sec < 0)
		tv.sec = tv.usec = 0;
	if ((uint64_t)tv.sec >= INT64_MAX / NSEC_PER_SEC / 2)
		*to = 0; /* as good as for ever */
	else
		*to = (uint64_t)tv.sec * NSEC_PER_SEC +
		      (uint64_t)tv.usec * 1000;
	return 0;
}

/* The kernel doubles what is asked for, between its bounds. */
static uint32_t buffer_size(int32_t want)
{
	uint32_t v = MIN((uint32_t)want, UNIX_BUF_MAX / 2);

	return MAX(v * 2, UNIX_BUF_MIN);
}

/* Beyond the limits, for who may. */
static int force_buffer(_Atomic uint32_t *buf, int32_t v)
{
	if (!capable(CAP_NR_NET_ADMIN))
		return -EPERM;
	*buf = buffer_size(MAX(v, 0));
	return 0;
}

static int set_peek_off(struct unix_sock *u, int32_t v)
{
	mutex_lock(&u->mu);
	u->peek_off = v;
	mutex_unlock(&u->mu);
	return 0;
}

static int set_priority(struct unix_sock *u, int32_t v)
{
	if ((v < 0 || v > 6) && !capable(CAP_NR_NET_RAW) &&
	    !capable(CAP_NR_NET_ADMIN))
		return -EPERM;
	u->priority = (uint32_t)v;
	return 0;
}

/* Flags of which there is one word. */
static int set_flag(struct unix_sock *u, int name, bool on)
{
	if (name == LINUX_SO_DEBUG && on && !capable(CAP_NR_NET_ADMIN))
		return -EACCES;
	if (!is_plain_flag(name))
		return -ENOPROTOOPT;
	if (on)
		u->flags_on |= 1ull << name;
	else
		u->flags_on &= ~(1ull << name);
	return 0;
}

static int set_int(struct unix_sock *u, int name, int32_t v)
{
	switch (name) {
	case LINUX_SO_PASSCRED:
		u->passcred = v != 0;
		return 0;
	case LINUX_SO_PASSPIDFD:
		u->passpidfd = v != 0;
		return 0;
	case LINUX_SO_PASSRIGHTS:
		u->no_rights = v == 0;
		return 0;
	case LINUX_SO_OOBINLINE:
		u->oobinline = v != 0;
		return 0;
	case LINUX_SO_SNDBUF:
		u->sndbuf = buffer_size(v);
		return 0;
	case LINUX_SO_RCVBUF:
		u->rcvbuf = buffer_size(v);
		return 0;
	case LINUX_SO_SNDBUFFORCE:
		return force_buffer(&u->sndbuf, v);
	case LINUX_SO_RCVBUFFORCE:
		return force_buffer(&u->rcvbuf, v);
	case LINUX_SO_RCVLOWAT:
		u->rcvlowat = v < 0 ? INT32_MAX : MAX((uint32_t)v, 1u);
		return 0;
	case LINUX_SO_PRIORITY:
		return set_priority(u, v);
	case LINUX_SO_PEEK_OFF:
		return set_peek_off(u, v);
	default:
		return set_flag(u, name, v != 0);
	}
}

int unix_setsockopt(struct socket *s, int level, int name, const void *val,
		    uint32_t len)
{
	struct unix_sock *u = unix_of(s);
	int32_t v;

	if (level != LINUX_SOL_SOCKET)
		return -EOPNOTSUPP;
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	switch (name) {
	case LINUX_SO_RCVTIMEO:
		return set_timeout(&u->rcvtimeo, val, len);
	case LINUX_SO_SNDTIMEO:
		return set_timeout(&u->sndtimeo, val, len);
	case LINUX_SO_LINGER: /* a close never waits */
		return len < 2 * sizeof(v) ? -EINVAL : 0;
	default:
		return set_int(u, name, v);
	}
}
