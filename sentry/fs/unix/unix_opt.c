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

/* Options with an int; -ENOPROTOOPT for others. */
static int get_int(struct unix_sock *u, int name, int32_t *out)
{
	switch (name) {
	case LINUX_SO_TYPE:
		*out = u->sock.type;
		return 0;
	case LINUX_SO_DOMAIN:
		*out = u->sock.family;
		return 0;
	case LINUX_SO_PROTOCOL:
		*out = u->sock.protocol;
		return 0;
	case LINUX_SO_SNDBUF:
		*out = (int32_t)u->sndbuf;
		return 0;
	case LINUX_SO_RCVBUF:
		*out = (int32_t)u->rcvbuf;
		return 0;
	case LINUX_SO_PASSCRED:
		*out = u->passcred;
		return 0;
	case LINUX_SO_RCVLOWAT:
	case LINUX_SO_SNDLOWAT:
		*out = 1;
		return 0;
	case LINUX_SO_DEBUG:
	case LINUX_SO_REUSEADDR:
	case LINUX_SO_DONTROUTE:
	case LINUX_SO_BROADCAST:
	case LINUX_SO_KEEPALIVE:
	case LINUX_SO_OOBINLINE:
	case LINUX_SO_PRIORITY:
		*out = 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
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
	cred = u->peer_cred;
	if (u->state != UNIX_CONNECTED && !cred.pid)
		cred = (struct linux_ucred){ 0, UINT32_MAX, UINT32_MAX };
	mutex_unlock(&u->mu);
	return put(val, len, &cred, sizeof(cred));
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
	case LINUX_SO_PASSCRED:
		u->passcred = v != 0;
		return 0;
	case LINUX_SO_SNDBUF:
		u->sndbuf = buffer_size(v);
		return 0;
	case LINUX_SO_RCVBUF:
		u->rcvbuf = buffer_size(v);
		return 0;
	case LINUX_SO_RCVTIMEO:
		return set_timeout(&u->rcvtimeo, val, len);
	case LINUX_SO_SNDTIMEO:
		return set_timeout(&u->sndtimeo, val, len);
	case LINUX_SO_TYPE:
	case LINUX_SO_DOMAIN:
	case LINUX_SO_PROTOCOL:
	case LINUX_SO_ERROR:
	case LINUX_SO_ACCEPTCONN:
	case LINUX_SO_PEERCRED:
		return -ENOPROTOOPT;
	/* Without meaning for AF_UNIX, accepted by Linux. */
	case LINUX_SO_REUSEADDR:
	case LINUX_SO_KEEPALIVE:
	case LINUX_SO_BROADCAST:
	case LINUX_SO_DONTROUTE:
	case LINUX_SO_OOBINLINE:
	case LINUX_SO_LINGER:
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
