/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace_debug: the debug registers of a tracee, for hardware breakpoints and
 * watchpoints, and steps from branch to branch.
 *
 * No platform lends the processor's.  A tracee with any in use runs step by
 * step, and after each instruction its decoded memory operands are compared
 * with what is watched; or it is looked at whether that was a branch.
 *
 * Locks: none; the tracer sets while the tracee is frozen, the tracee looks.
 * Linux: as perf's breakpoints behind 6.18's POKEUSR.
 * Tests: tests/conformance/ptrace_debug.c, ptrace_block.c, tests/real/gdb.sh
 */
#include <errno.h>

#include "sentry/kernel/insn.h"
#include "sentry/kernel/task_private.h"
#include "sentry/mm/mm.h"

#define DR7_ENABLED(n)	(3ull << 2 * (n))
#define DR7_ENABLED_ALL 0xffull
#define DR6_STEP	0x4000ull
#define TRAP_HWBKPT	4

enum { KIND_EXEC, KIND_WRITE, KIND_IO, KIND_READ_WRITE };

static unsigned int kind_of(uint64_t control, unsigned int n)
{
	return control >> (16 + 4 * n) & 3;
}

/* Bytes; the code for 8 is 2. */
static unsigned int size_of(uint64_t control, unsigned int n)
{
	static const unsigned int sizes[] = { 1, 2, 8, 4 };

	return sizes[control >> (18 + 4 * n) & 3];
}

static int check_one(uint64_t control, unsigned int n, uint64_t addr)
{
	unsigned int size = size_of(control, n);

	if (addr >= platform_limits()->max_user_addr)
		return -EINVAL;
	if (!(control & DR7_ENABLED(n)))
		return 0;
	switch (kind_of(control, n)) {
	case KIND_EXEC:
		if (size != 1)
			return -EINVAL;
		break;
	case KIND_IO:
		return -EINVAL;
	}
	return addr % size ? -EINVAL : 0;
}

uint64_t ptrace_get_debugreg(struct task *p, unsigned int n)
{
	const struct ptrace_debug *d = p->priv->ptrace.debug;

	if (!d)
		return 0;
	if (n < 4)
		return d->addr[n];
	return n == 6 ? d->status : n == 7 ? d->control : 0;
}

static int set_control(struct ptrace_debug *d, uint64_t value)
{
	int ret = 0;

	for (unsigned int n = 0; n < 4 && ret == 0; n++)
		ret = check_one(value, n, d->addr[n]);
	if (ret == 0)
		d->control = value;
	return ret;
}

static int need_debug(struct ptrace_state *ps)
{
	if (!ps->debug)
		ps->debug = kzalloc(sizeof(*ps->debug));
	return ps->debug ? 0 : -ENOMEM;
}

int ptrace_block_prepare(struct task *p)
{
	return need_debug(&p->priv->ptrace);
}

int ptrace_set_debugreg(struct task *p, unsigned int n, uint64_t value)
{
	struct ptrace_state *ps = &p->priv->ptrace;
	uint32_t watch = PTRACE_CALLS_WATCH;
	int ret = 0;

	if (n == 4 || n == 5)
		return -EIO;
	ret = need_debug(ps);
	if (ret < 0)
		return ret;
	if (n < 4) {
		ret = check_one(ps->debug->control, n, value);
		if (ret == 0)
			ps->debug->addr[n] = value;
	} else if (n == 6) {
		ps->debug->status = value;
	} else {
		ret = set_control(ps->debug, value);
	}
	if (ps->debug->control & DR7_ENABLED_ALL)
		atomic_fetch_or(&ps->calls, watch);
	else
		atomic_fetch_and(&ps->calls, ~watch);
	return ret;
}

/* --- looking -------------------------------------------------------------- */

static bool overlaps(const struct ptrace_debug *d, unsigned int n,
		     const struct insn_access *a)
{
	uint64_t size = size_of(d->control, n);

	return a->addr - d->addr[n] < size || d->addr[n] - a->addr < a->size;
}

static bool is_hit(const struct ptrace_debug *d, unsigned int n, uint64_t rip,
		   const struct insn_access *a, unsigned int nr)
{
	unsigned int kind = kind_of(d->control, n);

	if (kind == KIND_EXEC)
		return rip == d->addr[n];
	for (; nr > 0; nr--, a++)
		if ((a->write || kind == KIND_READ_WRITE) && overlaps(d, n, a))
			return true;
	return false;
}

void ptrace_watch_begin(struct task *t)
{
	struct ptrace_debug *d = t->priv->ptrace.debug;

	if (d)
		d->before = *platform_regs(t->cpu);
}

void ptrace_watch_end(struct task *t)
{
	struct ptrace_state *ps = &t->priv->ptrace;

	if (ps->debug)
		*ps->debug = (struct ptrace_debug){ 0 };
	atomic_fetch_and(&ps->calls, ~(uint32_t)PTRACE_CALLS_WATCH);
}

bool ptrace_watch_stepped(struct task *t, struct guest_stop *stop)
{
	struct ptrace_debug *d = t->priv->ptrace.debug;
	uint32_t calls = t->priv->ptrace.calls;
	uint64_t rip = platform_regs(t->cpu)->rip;
	uint64_t status;
	struct insn_access a[INSN_ACCESSES_MAX];
	uint8_t code[INSN_MAX_SIZE] = { 0 };
	unsigned int nr;
	bool step;

	/* Fewer bytes at the end of what is mapped: the rest counts as 0. */
	(void)!mm_copy_in(t->mm, code, d->before.rip, sizeof(code), 0);
	step = (calls & PTRACE_CALLS_STEP) &&
	       (!(calls & PTRACE_CALLS_BLOCK) ||
		insn_branched(code, d->before.rip, rip));
	status = step ? DR6_STEP : 0;
	nr = insn_accesses(&d->before, code, rip, a);
	for (unsigned int n = 0; n < 4; n++)
		if ((d->control & DR7_ENABLED(n)) && is_hit(d, n, rip, a, nr))
			status |= 1ull << n;
	if (!status)
		return false;
	d->status = status;
	if (!step)
		stop->code = TRAP_HWBKPT;
	stop->addr = rip;
	return true;
}
