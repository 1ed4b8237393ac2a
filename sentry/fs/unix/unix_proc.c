/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_proc: all AF_UNIX sockets, as /proc/net/unix lists them.
 *
 * Locks: g_all_mu (rank LOCK_PIPE) > u->mu.  A socket leaves the list before
 *        it is freed, under the lock, so those in the list can be looked at.
 * Tests: tests/conformance/unix_more.c
 */
#include "sentry/fs/unix/unix.h"
#include "sentry/lib/seq_buf.h"

static struct mutex g_all_mu = MUTEX_INIT(LOCK_PIPE);
static struct list g_all = { &g_all, &g_all };

void unix_list_add(struct unix_sock *u)
{
	mutex_lock(&g_all_mu);
	list_append(&g_all, &u->all_node);
	mutex_unlock(&g_all_mu);
}

void unix_list_del(struct unix_sock *u)
{
	mutex_lock(&g_all_mu);
	list_del(&u->all_node);
	mutex_unlock(&g_all_mu);
}

/* As enum socket_state of Linux: unconnected or connected. */
static unsigned int shown_state(const struct unix_sock *u)
{
	return u->state == UNIX_CONNECTED ? 3 : 1;
}

/* An abstract name is shown with '@' for each NUL. */
static void print_name(struct seq_buf *out, const struct unix_name *n)
{
	uint32_t len =
		n->len - (uint32_t)offsetof(struct linux_sockaddr_un, path);
	bool abstract = n->addr.path[0] == '\0';

	if (!abstract)
		len--; /* its NUL */
	seq_printf(out, " ");
	for (uint32_t i = 0; i < len; i++)
		seq_printf(out, "%c", n->addr.path[i] ? n->addr.path[i] : '@');
}

static void print_one(struct seq_buf *out, struct unix_sock *u)
{
	mutex_lock_nested(&u->mu);
	if (!u->dead) {
		seq_printf(out, "%016x: %08X %08X %08X %04X %02X %5lu", 0,
			   ref_read(&u->ref), 0u,
			   u->state == UNIX_LISTEN ? 1u << 16 : 0u,
			   (unsigned int)u->sock.type, shown_state(u),
			   (unsigned long)u->sock.ino);
		if (u->name)
			print_name(out, u->name);
		seq_printf(out, "\n");
	}
	mutex_unlock(&u->mu);
}

void unix_print(struct seq_buf *out)
{
	struct unix_sock *u;

	seq_printf(out, "Num       RefCount Protocol Flags    Type St Inode "
			"Path\n");
	mutex_lock(&g_all_mu);
	list_for_each_entry (u, &g_all, all_node)
		print_one(out, u);
	mutex_unlock(&g_all_mu);
}
