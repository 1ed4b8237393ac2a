/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strace_args: prints arguments and results by their kind.
 *
 * Invariant: o->len + 2 <= o->size always, so that a newline and a NUL fit.
 * Locks:     none.
 * Tests:     tests/unit/test_strace.c, tests/fuzz/fuzz_strace.c
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/signal.h"
#include "sentry/kernel/task.h"
#include "sentry/mm/mm.h"
#include "sentry/syscalls/strace.h"

#define SHOWN_BYTES 32
#define SHOWN_PATH  256

void strace_printf(struct strace_out *o, const char *fmt, ...)
{
	size_t room = o->size - 1 - o->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	/* A false alarm when clang-tidy looks at several files at once. */
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	n = vsnprintf(o->buf + o->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		o->len += MIN((size_t)n, room - 1);
}

void strace_put_flags(struct strace_out *o, const struct xlat *x, uint64_t v)
{
	const char *sep = "";
	uint64_t rest = v;
	uint32_t i;

	for (i = 0; i < x->nr; i++) {
		const struct xlat_name *n = &x->names[i];

		if (n->mask == 0 || (v & n->mask) != n->value ||
		    (rest & n->mask) != n->value)
			continue;
		strace_printf(o, "%s%s", sep, n->name);
		rest &= ~n->mask;
		sep = "|";
	}
	if (rest)
		strace_printf(o, "%s%#lx", sep, rest);
	else if (!*sep)
		strace_printf(o, "0");
}

void strace_put_enum(struct strace_out *o, const struct xlat *x, uint64_t v)
{
	bool composed = false;
	uint32_t i;

	for (i = 0; i < x->nr; i++) {
		if ((uint32_t)x->names[i].value == (uint32_t)v) {
			strace_printf(o, "%s", x->names[i].name);
			return;
		}
		composed |= x->names[i].mask != 0;
	}
	if (composed)
		strace_put_flags(o, x, (uint32_t)v);
	else
		strace_printf(o, "%#x", (uint32_t)v);
}

static void put_escaped(struct strace_out *o, const uint8_t *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (p[i] == '\n')
			strace_printf(o, "\\n");
		else if (p[i] == '\t')
			strace_printf(o, "\\t");
		else if (p[i] == '"' || p[i] == '\\')
			strace_printf(o, "\\%c", p[i]);
		else if (p[i] >= 0x20 && p[i] < 0x7f)
			strace_printf(o, "%c", p[i]);
		else if (i + 1 < size && p[i + 1] >= '0' && p[i + 1] <= '9')
			strace_printf(o, "\\%03o", p[i]);
		else
			strace_printf(o, "\\%o", p[i]);
	}
}

/* Bytes of @size that could be read from @addr. */
static size_t read_some(struct strace_out *o, void *dst, uint64_t addr,
			size_t size)
{
	if (!o->mm || !addr || !size)
		return 0;
	return size - mm_copy_in(o->mm, dst, addr, size, 0);
}

void strace_put_bytes(struct strace_out *o, uint64_t addr, uint64_t size)
{
	uint8_t data[SHOWN_BYTES];
	size_t want = MIN(size, sizeof(data));

	if (read_some(o, data, addr, want) < want || !addr) {
		strace_printf(o, addr ? "%#lx" : "NULL", addr);
		return;
	}
	strace_printf(o, "\"");
	put_escaped(o, data, want);
	strace_printf(o, size > want ? "\"..." : "\"");
}

static void put_string(struct strace_out *o, uint64_t addr, size_t max)
{
	char data[SHOWN_PATH + 1];
	size_t got = read_some(o, data, addr, max + 1);
	size_t len = strnlen(data, got);

	if (got == 0) {
		strace_printf(o, addr ? "%#lx" : "NULL", addr);
		return;
	}
	strace_printf(o, "\"");
	put_escaped(o, (uint8_t *)data, MIN(len, max));
	strace_printf(o, len == got ? "\"..." : "\"");
}

void strace_put_cstr(struct strace_out *o, uint64_t addr)
{
	put_string(o, addr, SHOWN_BYTES);
}

void strace_put_signal(struct strace_out *o, int sig)
{
	const char *name;

	if (sig >= LINUX_SIGRTMIN && sig <= LINUX_NSIG) {
		strace_printf(o, "SIGRT_%d", sig - LINUX_SIGRTMIN);
		return;
	}
	name = sig > 0 && sig < LINUX_SIGRTMIN ? sigabbrev_np(sig) : NULL;
	if (name)
		strace_printf(o, "SIG%s", name);
	else
		strace_printf(o, "%d", sig);
}

static void put_number(struct strace_out *o, const struct syscall_arg *a,
		       uint64_t v)
{
	if (a->kind == ARG_DIRFD && (int32_t)v == -100)
		strace_printf(o, "AT_FDCWD");
	else if (a->kind == ARG_MODE)
		strace_printf(o, "0%03o", (uint32_t)v);
	else if (a->kind == ARG_UADDR)
		strace_printf(o, v ? "%#lx" : "NULL", v);
	else if (a->kind == ARG_UID && (int32_t)v == -1)
		strace_printf(o, "-1");
	else if (a->kind == ARG_U32 || a->kind == ARG_UID)
		strace_printf(o, "%u", (uint32_t)v);
	else if (a->kind == ARG_I64 || a->kind == ARG_OFF)
		strace_printf(o, "%ld", (int64_t)v);
	else if (a->kind == ARG_U64 || a->kind == ARG_SIZE)
		strace_printf(o, v >> 32 ? "%#lx" : "%lu", v);
	else
		strace_printf(o, "%d", (int32_t)v);
}

/* A buffer: what came in, or as much as the result says went out. */
static void put_buf(struct strace_out *o, const struct syscall_arg *a,
		    uint64_t addr, uint64_t size)
{
	if (a->dir == DIR_IN) {
		strace_put_bytes(o, addr, size);
		return;
	}
	if (!o->exiting || o->result < 0) {
		strace_printf(o, addr ? "%#lx" : "NULL", addr);
		return;
	}
	strace_put_bytes(o, addr, MIN(size, (uint64_t)o->result));
}

static void put_struct(struct strace_out *o, const struct syscall_arg *a,
		       uint64_t addr, uint64_t nr)
{
	if (!addr)
		strace_printf(o, "NULL");
	else if (a->dir == DIR_OUT && (!o->exiting || o->result < 0))
		strace_printf(o, "%#lx", addr);
	else
		a->put(o, addr, nr);
}

static void put_arg(struct strace_out *o, const struct syscall_arg *a,
		    const uint64_t args[6], uint64_t v)
{
	uint64_t len = a->len_at < 0 ? 1 : args[a->len_at];

	switch (a->kind) {
	case ARG_ENUM:
	case ARG_UENUM:
		strace_put_enum(o, a->xlat, v);
		break;
	case ARG_FLAGS:
		strace_put_flags(o, a->xlat, (uint32_t)v);
		break;
	case ARG_SIG:
		strace_put_signal(o, (int32_t)v);
		break;
	case ARG_STR:
		put_string(o, v, SHOWN_BYTES);
		break;
	case ARG_PATH:
		put_string(o, v, SHOWN_PATH);
		break;
	case ARG_BUF:
		put_buf(o, a, v, len);
		break;
	case ARG_STRUCT:
		put_struct(o, a, v, len);
		break;
	default:
		put_number(o, a, v);
	}
}

void strace_put_args(struct strace_out *o, const struct syscall_desc *desc,
		     const uint64_t args[6], unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++) {
		if (i > 0)
			strace_printf(o, ", ");
		put_arg(o, &desc->args[i], args, args[i]);
	}
}

const char *strace_errno_name(int err)
{
	switch (err) {
	case ERESTARTSYS:
		return "ERESTARTSYS";
	case ERESTARTNOINTR:
		return "ERESTARTNOINTR";
	case ERESTARTNOHAND:
		return "ERESTARTNOHAND";
	case ERESTART_RESTARTBLOCK:
		return "ERESTART_RESTARTBLOCK";
	}
	return strerrorname_np(err);
}

void strace_put_result(struct strace_out *o, const struct syscall_desc *desc,
		       long result)
{
	int err = result < 0 && result >= -4095 ? (int)-result : 0;
	const char *name = err ? strace_errno_name(err) : NULL;
	size_t room = o->size - o->len;

	if (room < 96)
		o->len -= 96 - room; /* a cut line still shows its result */
	if (err >= ERESTARTSYS && name)
		strace_printf(o, " = ? %s", name);
	else if (name)
		strace_printf(o, " = -1 %s (%s)", name, strerrordesc_np(err));
	else if (desc->traits & TRAIT_ADDR || err == 0)
		strace_printf(o,
			      desc->traits & TRAIT_ADDR ? " = %#lx" : " = %ld",
			      result);
	else
		strace_printf(o, " = %ld", result);
}
