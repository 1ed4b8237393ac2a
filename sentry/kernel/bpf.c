/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf: checking and running classic BPF on struct seccomp_data.
 *
 * Invariant: a checked program only jumps forward and inside, ends with a
 *            return, reads aligned words inside the data, and reads no scratch
 *            word that was not written on every way to the read.  So it ends
 *            after at most its length in steps, and touches nothing else.
 * Locks:     none; pure functions.
 * Linux:     bpf_check_classic() and seccomp_check_filter() of 6.18.
 * Tests:     tests/unit/test_bpf.c, tests/fuzz/fuzz_bpf.c
 */
#include "sentry/kernel/bpf.h"

#include <errno.h>
#include <string.h>

#include "sentry/lib/alloc.h"

#define LD    LINUX_BPF_LD
#define LDX   LINUX_BPF_LDX
#define ST    LINUX_BPF_ST
#define STX   LINUX_BPF_STX
#define ALU   LINUX_BPF_ALU
#define JMP   LINUX_BPF_JMP
#define RET   LINUX_BPF_RET
#define MISC  LINUX_BPF_MISC
#define W     LINUX_BPF_W
#define IMM   LINUX_BPF_IMM
#define ABS   LINUX_BPF_ABS
#define MEM   LINUX_BPF_MEM
#define LEN   LINUX_BPF_LEN
#define K     LINUX_BPF_K
#define X     LINUX_BPF_X
#define A     LINUX_BPF_A
#define OP(n) LINUX_BPF_##n

#define DATA_SIZE	   ((uint32_t)sizeof(struct linux_seccomp_data))
#define CLASS(code)	   ((code)&7)
#define IS_CONDITION(code) (CLASS(code) == JMP && (code) != (JMP | OP(JA)))

/* --- check ---------------------------------------------------------------- */

/* Is @code one of those that filters may use? */
static bool known_code(uint16_t code)
{
	switch (code) {
	case LD | W | ABS:
	case LD | W | LEN:
	case LDX | W | LEN:
	case LD | IMM:
	case LDX | IMM:
	case LD | MEM:
	case LDX | MEM:
	case ST:
	case STX:
	case MISC | OP(TAX):
	case MISC | OP(TXA):
	case RET | K:
	case RET | A:
	case JMP | OP(JA):
	case ALU | OP(NEG):
		return true;
	}
	code &= (uint16_t)~X;
	switch (code) {
	case ALU | OP(ADD):
	case ALU | OP(SUB):
	case ALU | OP(MUL):
	case ALU | OP(DIV):
	case ALU | OP(OR):
	case ALU | OP(AND):
	case ALU | OP(LSH):
	case ALU | OP(RSH):
	case ALU | OP(XOR):
	case JMP | OP(JEQ):
	case JMP | OP(JGT):
	case JMP | OP(JGE):
	case JMP | OP(JSET):
		return true;
	}
	return false;
}

/* @left: instructions behind this one. */
static int check_one(const struct linux_sock_filter *f, uint32_t left)
{
	if (!known_code(f->code))
		return -EINVAL;
	if (IS_CONDITION(f->code))
		return f->jt >= left || f->jf >= left ? -EINVAL : 0;
	switch (f->code) {
	case LD | W | ABS:
		return f->k >= DATA_SIZE || (f->k & 3) ? -EINVAL : 0;
	case LD | MEM:
	case LDX | MEM:
	case ST:
	case STX:
		return f->k >= LINUX_BPF_MEMWORDS ? -EINVAL : 0;
	case ALU | OP(DIV) | K:
		return f->k == 0 ? -EINVAL : 0;
	case ALU | OP(LSH) | K:
	case ALU | OP(RSH) | K:
		return f->k >= 32 ? -EINVAL : 0;
	case JMP | OP(JA):
		return f->k >= left ? -EINVAL : 0;
	}
	return 0;
}

/*
 * Scratch words are written before they are read, on every way.  @valid[pc]:
 * words that all jumps to pc have written; all ones where none goes.
 */
static int check_scratch(const struct linux_sock_filter *prog, uint32_t len,
			 uint16_t *valid)
{
	uint16_t now = 0;

	memset(valid, 0xff, len * sizeof(*valid));
	for (uint32_t pc = 0; pc < len; pc++) {
		const struct linux_sock_filter *f = &prog[pc];

		now &= valid[pc];
		if (f->code == ST || f->code == STX) {
			now |= (uint16_t)(1u << f->k);
		} else if (f->code == (LD | MEM) || f->code == (LDX | MEM)) {
			if (!(now >> f->k & 1))
				return -EINVAL;
		} else if (f->code == (JMP | OP(JA))) {
			valid[pc + 1 + f->k] &= now;
			now = UINT16_MAX;
		} else if (CLASS(f->code) == JMP) {
			valid[pc + 1 + f->jt] &= now;
			valid[pc + 1 + f->jf] &= now;
			now = UINT16_MAX;
		}
	}
	return 0;
}

int bpf_check(const struct linux_sock_filter *prog, uint32_t len)
{
	AUTO_FREE uint16_t *valid = NULL;

	for (uint32_t pc = 0; pc < len; pc++)
		if (check_one(&prog[pc], len - pc - 1) < 0)
			return -EINVAL;
	if (len == 0 || CLASS(prog[len - 1].code) != RET)
		return -EINVAL;
	valid = kcalloc(len, sizeof(*valid));
	if (!valid)
		return -ENOMEM;
	return check_scratch(prog, len, valid);
}

/* --- run ------------------------------------------------------------------ */

/* @b for a division was checked by the caller. */
static inline uint32_t compute(uint16_t code, uint32_t a, uint32_t b)
{
	switch (code & 0xf0) {
	case OP(ADD):
		return a + b;
	case OP(SUB):
		return a - b;
	case OP(MUL):
		return a * b;
	case OP(DIV):
		return a / b;
	case OP(OR):
		return a | b;
	case OP(AND):
		return a & b;
	case OP(LSH):
		return a << (b & 31);
	case OP(RSH):
		return a >> (b & 31);
	case OP(XOR):
		return a ^ b;
	default: /* NEG */
		return -a;
	}
}

static inline bool compare(uint16_t code, uint32_t a, uint32_t b)
{
	switch (code & 0xf0) {
	case OP(JEQ):
		return a == b;
	case OP(JGT):
		return a > b;
	case OP(JGE):
		return a >= b;
	default: /* JSET */
		return a & b;
	}
}

struct machine {
	uint32_t a, x, mem[LINUX_BPF_MEMWORDS];
};

/* Loads and stores other than of the data. */
static inline void move(struct machine *m, const struct linux_sock_filter *f)
{
	switch (f->code) {
	case LD | IMM:
		m->a = f->k;
		break;
	case LDX | IMM:
		m->x = f->k;
		break;
	case LD | W | LEN:
		m->a = DATA_SIZE;
		break;
	case LDX | W | LEN:
		m->x = DATA_SIZE;
		break;
	case LD | MEM:
		m->a = m->mem[f->k];
		break;
	case LDX | MEM:
		m->x = m->mem[f->k];
		break;
	case ST:
		m->mem[f->k] = m->a;
		break;
	case STX:
		m->mem[f->k] = m->x;
		break;
	case MISC | OP(TAX):
		m->x = m->a;
		break;
	default: /* TXA */
		m->a = m->x;
		break;
	}
}

/*
 * The one loop behind both ways to run.  @limit: bytes of @data that are
 * known; a read beyond makes *out_unknown true and ends it.
 */
static inline uint32_t run(const struct linux_sock_filter *f, const void *data,
			   uint32_t limit, bool *out_unknown)
{
	struct machine m = { 0 };

	for (;; f++) {
		uint32_t b = f->code & X ? m.x : f->k;

		switch (CLASS(f->code)) {
		case RET:
			return f->code == (RET | A) ? m.a : f->k;
		case JMP:
			if (f->code == (JMP | OP(JA)))
				f += f->k;
			else
				f += compare(f->code, m.a, b) ? f->jt : f->jf;
			break;
		case ALU:
			/* As Linux: a division by zero returns 0 (KILL). */
			if ((f->code & 0xf0) == OP(DIV) && b == 0)
				return 0;
			m.a = compute(f->code, m.a, b);
			break;
		case LD:
			if (f->code == (LD | W | ABS)) {
				if (f->k >= limit) {
					*out_unknown = true;
					return 0;
				}
				memcpy(&m.a, (const char *)data + f->k, 4);
				break;
			}
			__attribute__((fallthrough));
		default:
			move(&m, f);
			break;
		}
	}
}

uint32_t bpf_run(const struct linux_sock_filter *prog,
		 const struct linux_seccomp_data *data)
{
	bool unknown;

	return run(prog, data, DATA_SIZE, &unknown);
}

bool bpf_run_known(const struct linux_sock_filter *prog, int32_t nr,
		   uint32_t arch, uint32_t *out)
{
	const struct {
		int32_t nr;
		uint32_t arch;
	} known = { nr, arch };
	bool unknown = false;

	*out = run(prog, &known, sizeof(known), &unknown);
	return !unknown;
}

/* --- length --------------------------------------------------------------- */

static uint32_t jump_len(const struct linux_sock_filter *f)
{
	/* A constant that looks negative is loaded into a register first. */
	uint32_t n = !(f->code & X) && (int32_t)f->k < 0 ? 1 : 0;
	bool inverts = (f->code & 0xf0) != OP(JSET);

	return n + (f->jf == 0 || (f->jt == 0 && inverts) ? 1 : 2);
}

uint32_t bpf_linux_len(const struct linux_sock_filter *prog, uint32_t len)
{
	uint32_t n = 3; /* two registers cleared, one moved */

	for (uint32_t i = 0; i < len; i++) {
		const struct linux_sock_filter *f = &prog[i];

		if (IS_CONDITION(f->code))
			n += jump_len(f);
		else if (f->code == (RET | K))
			n += 2;
		else if (f->code == (ALU | OP(DIV) | X))
			n += 5; /* and what looks for a zero */
		else
			n++;
	}
	return n;
}
