/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strace: the trace's lines.
 *
 * A call that may sleep is printed when it starts, so that the trace shows
 * where a program hangs; if another task prints before it ends, its line is
 * closed with "<unfinished ...>" and taken up by "<... NAME resumed>".  Other
 * calls are one write at their end.
 *
 * Invariant: g_open names the call whose line is open at the end of the output.
 * Locks:     g_mu (LOCK_LOG) covers g_open and the order of writes.
 * Tests:     tests/unit/test_strace.c, tests/fuzz/fuzz_strace.c
 */
#include "sentry/syscalls/strace.h"

#include <string.h>
#include <sys/uio.h>

#include "sentry/host/host.h"
#include "sentry/kernel/task.h"
#include "sentry/lib/lock.h"
#include "sentry/lib/log.h"
#include "syscalls.h"

bool g_strace_enabled;
static int g_fd = -1;
static struct mutex g_mu = MUTEX_INIT(LOCK_LOG);
static const struct strace_call *g_open; /* compared, never followed */

static const struct syscall_desc desc_none = { .name = "syscall",
					       .nr_args = 0 };

void strace_setup(int fd)
{
	g_fd = fd;
	g_strace_enabled = fd >= 0;
}

/* A trace that cannot be written is not worth ending a sandbox for. */
static void emit(const char *text, size_t size)
{
	struct iovec iov;
	long n;

	while (size > 0) {
		iov.iov_base = (void *)(uintptr_t)text;
		iov.iov_len = size;
		n = host_writev(g_fd, &iov, 1);
		if (n <= 0)
			return;
		text += n;
		size -= (size_t)n;
	}
}

/* Prints the line that @c holds; @open: its end follows later. */
static void flush(struct strace_call *c, bool open)
{
	static const char unfinished[] = " <unfinished ...>\n";

	mutex_lock(&g_mu);
	if (g_open && g_open != c)
		emit(unfinished, sizeof(unfinished) - 1);
	emit(c->line, c->out.len);
	g_open = open ? c : NULL;
	mutex_unlock(&g_mu);
}

static void put_prefix(struct strace_call *c, struct task *t)
{
	char comm[sizeof(t->comm)];
	char quoted[sizeof(comm) * 4 + 1];

	mutex_lock(&t->mu);
	memcpy(comm, t->comm, sizeof(comm));
	mutex_unlock(&t->mu);
	log_quote(quoted, sizeof(quoted), comm, strnlen(comm, sizeof(comm)));
	strace_printf(&c->out, "[%u] %s: ", t->tid, quoted);
}

static unsigned int first_out_arg(const struct syscall_desc *desc)
{
	unsigned int i;

	for (i = 0; i < desc->nr_args; i++)
		if (desc->args[i].dir == DIR_OUT)
			break;
	return i;
}

void strace_enter(struct strace_call *c, struct task *t, uint32_t nr,
		  const uint64_t args[6])
{
	const struct syscall_desc *d = &desc_none;

	if (nr < SYSCALL_TABLE_SIZE && g_syscalls[nr].name)
		d = &g_syscalls[nr];
	c->desc = d;
	c->nr = nr;
	memcpy(c->args, args, sizeof(c->args));
	c->out = (struct strace_out){ .buf = c->line,
				      .size = sizeof(c->line),
				      .mm = t->mm };
	c->next = first_out_arg(d);
	c->unfinished = (d->traits & (TRAIT_BLOCK | TRAIT_NORETURN)) != 0;
	put_prefix(c, t);
	strace_printf(&c->out, "%s(", d->name);
	if (d == &desc_none)
		strace_printf(&c->out, "%#x", nr);
	strace_put_args(&c->out, d, args, 0, c->next);
	if (d->traits & TRAIT_NORETURN) {
		strace_printf(&c->out, ") = ?\n");
		flush(c, false);
	} else if (c->unfinished) {
		flush(c, true);
	}
}

/* Is the line that @c began still the last one? */
static bool still_open(const struct strace_call *c)
{
	bool open;

	mutex_lock(&g_mu);
	open = g_open == c;
	mutex_unlock(&g_mu);
	return open;
}

void strace_exit(struct strace_call *c, struct task *t, long result)
{
	struct strace_out *o = &c->out;

	if (c->desc->traits & TRAIT_NORETURN)
		return;
	if (c->unfinished) {
		o->len = 0;
		if (!still_open(c)) {
			put_prefix(c, t);
			strace_printf(o, "<... %s resumed>", c->desc->name);
		}
	}
	o->exiting = true;
	o->result = result;
	o->mm = t->mm;
	strace_put_args(o, c->desc, c->args, c->next, c->desc->nr_args);
	strace_printf(o, ")");
	strace_put_result(o, c->desc, result);
	/* The line's end is never cut off: room for it is kept by printf. */
	o->buf[o->len++] = '\n';
	flush(c, false);
}
