/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insn: decodes as much of an x86-64 instruction as tells its memory operands.
 *
 * Prefixes and opcode map first, then the ModRM operand, then what push, call
 * and the string instructions do without one.  Which opcodes have a ModRM
 * operand and which write to it are tables of one bit an opcode.
 *
 * Invariant: never reads behind code[14]; the guest chose the bytes.
 * Tests:     tests/conformance/ptrace_debug.c, ptrace_block.c
 */
#include "sentry/kernel/insn.h"

#include <string.h>

enum { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A };

struct insn {
	const uint8_t *code;
	unsigned int at; /* of the next byte */
	bool opsize, addrsize, repne, rep, rex_w, vector, evex;
	uint8_t rex_x, rex_b; /* 8 if set: bits of register numbers */
	uint64_t segment;
	uint32_t vector_size;
	unsigned int map;
	uint8_t op, modrm;
};

#define REG_FIELD(in) ((in)->modrm >> 3 & 7)

/* --- tables: bit n of word w is opcode 64 * w + n ------------------------- */

#define ROW(n, bits) ((uint64_t)(bits) << ((n) % 4 * 16))

/* One-byte opcodes with ModRM. */
static const uint64_t g_modrm_1[4] = {
	ROW(0, 0x0f0f) | ROW(1, 0x0f0f) | ROW(2, 0x0f0f) | ROW(3, 0x0f0f),
	ROW(6, 0x0a08),
	ROW(8, 0xffff),
	ROW(12, 0x00c3) | ROW(13, 0xff0f) | ROW(15, 0xc0c0),
};
/* Of these, those that write to it (some depend on the reg field). */
static const uint64_t g_write_1[4] = {
	ROW(0, 0x0303) | ROW(1, 0x0303) | ROW(2, 0x0303) | ROW(3, 0x0003),
	0,
	ROW(8, 0x93cf),
	ROW(12, 0x00c3) | ROW(13, 0x000f) | ROW(15, 0xc0c0),
};
/* 0F opcodes without. */
static const uint64_t g_no_modrm_0f[4] = {
	ROW(0, 0x4be0) | ROW(3, 0x00ff),
	ROW(7, 0x0080),
	ROW(8, 0xffff) | ROW(10, 0x0707),
	ROW(12, 0xff00),
};
static const uint64_t g_write_0f[4] = {
	ROW(1, 0x008a) | ROW(2, 0x0a00),
	ROW(7, 0xc000),
	ROW(9, 0xffff) | ROW(10, 0x7830) | ROW(11, 0x0c0b),
	ROW(12, 0x008b) | ROW(13, 0x0040) | ROW(14, 0x0080),
};
/* 0F opcodes whose ModRM names memory that is not touched: hints, nops. */
static const uint64_t g_hint_0f[4] = { ROW(0, 0x2000) | ROW(1, 0xff00) };
/* 0F opcodes on vector registers. */
static const uint64_t g_vector_0f[4] = {
	ROW(1, 0x00ff) | ROW(2, 0xff00),
	ROW(5, 0xffff) | ROW(6, 0xffff) | ROW(7, 0xffff),
	0,
	ROW(12, 0x0074) | ROW(13, 0xffff) | ROW(14, 0xffff) | ROW(15, 0xffff),
};

static bool in_table(const uint64_t table[4], uint8_t op)
{
	return table[op / 64] >> op % 64 & 1;
}

/* --- prefixes and opcode -------------------------------------------------- */

static uint8_t next_byte(struct insn *in)
{
	return in->at < INSN_MAX_SIZE ? in->code[in->at++] : 0;
}

static uint64_t next_int(struct insn *in, unsigned int size)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < size; i++)
		v |= (uint64_t)next_byte(in) << 8 * i;
	return v;
}

/* False: @b is no legacy prefix. */
static bool legacy_prefix(struct insn *in, const struct guest_regs *r,
			  uint8_t b)
{
	switch (b) {
	case 0x26: /* segments without effect, lock */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0xf0:
		return true;
	case 0x64:
		in->segment = r->fs_base;
		return true;
	case 0x65:
		in->segment = r->gs_base;
		return true;
	case 0x66:
		return in->opsize = true;
	case 0x67:
		return in->addrsize = true;
	case 0xf2:
		return in->repne = true;
	case 0xf3:
		return in->rep = true;
	}
	return false;
}

static void simd_prefix(struct insn *in, uint8_t pp)
{
	in->opsize = pp == 1;
	in->rep = pp == 2;
	in->repne = pp == 3;
}

static void vex_prefix(struct insn *in, uint8_t first)
{
	uint8_t b = next_byte(in), c = b;

	in->map = MAP_0F;
	if (first == 0xc4) {
		c = next_byte(in);
		in->map = b & 3;
		in->rex_x = b & 0x40 ? 0 : 8;
		in->rex_b = b & 0x20 ? 0 : 8;
		in->rex_w = c & 0x80;
	}
	in->vector = true;
	in->vector_size = c & 4 ? 32 : 16;
	simd_prefix(in, c & 3);
}

static void evex_prefix(struct insn *in)
{
	uint8_t a = next_byte(in), b = next_byte(in), c = next_byte(in);

	in->map = a & 3;
	in->rex_x = a & 0x40 ? 0 : 8;
	in->rex_b = a & 0x20 ? 0 : 8;
	in->rex_w = b & 0x80;
	in->vector = in->evex = true;
	in->vector_size = 16u << MIN(c >> 5 & 3, 2);
	simd_prefix(in, b & 3);
}

static void escape(struct insn *in)
{
	in->map = MAP_0F;
	in->op = next_byte(in);
	if (in->op == 0x38 || in->op == 0x3a) {
		in->map = in->op == 0x38 ? MAP_0F38 : MAP_0F3A;
		in->op = next_byte(in);
	}
}

static void decode_opcode(struct insn *in, const struct guest_regs *r)
{
	uint8_t b = next_byte(in);

	while (legacy_prefix(in, r, b) && in->at < INSN_MAX_SIZE)
		b = next_byte(in);
	if ((b & 0xf0) == 0x40) {
		in->rex_w = b & 8;
		in->rex_x = b & 2 ? 8 : 0;
		in->rex_b = b & 1 ? 8 : 0;
		b = next_byte(in);
	}
	in->op = b;
	if (b == 0x0f) {
		escape(in);
	} else if (b == 0xc4 || b == 0xc5 || b == 0x62) {
		if (b == 0x62)
			evex_prefix(in);
		else
			vex_prefix(in, b);
		in->op = next_byte(in);
	}
}

static bool has_modrm(const struct insn *in)
{
	if (in->map == MAP_1)
		return in_table(g_modrm_1, in->op);
	return in->map != MAP_0F || !in_table(g_no_modrm_0f, in->op);
}

/* --- the ModRM operand ---------------------------------------------------- */

static uint64_t reg(const struct guest_regs *r, unsigned int n)
{
	const uint64_t v[16] = { r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp,
				 r->rsi, r->rdi, r->r8,	 r->r9,	 r->r10, r->r11,
				 r->r12, r->r13, r->r14, r->r15 };

	return v[n & 15];
}

/* Base, index and scale; *mod0_disp: there is no base but a displacement. */
static uint64_t sib_address(struct insn *in, const struct guest_regs *r,
			    bool *mod0_disp)
{
	uint8_t sib = next_byte(in);
	unsigned int index = (sib >> 3 & 7) + in->rex_x;
	uint64_t addr = 0;

	if (index != 4)
		addr = reg(r, index) << (sib >> 6);
	if ((sib & 7) == 5 && in->modrm < 0x40)
		*mod0_disp = true;
	else
		addr += reg(r, (sib & 7) + in->rex_b);
	return addr;
}

static uint64_t modrm_address(struct insn *in, const struct guest_regs *r,
			      uint64_t next)
{
	unsigned int mod = in->modrm >> 6, rm = in->modrm & 7;
	bool disp32 = mod == 2;
	uint64_t addr, disp8;

	if (rm == 4) {
		addr = sib_address(in, r, &disp32);
	} else if (mod == 0 && rm == 5) {
		addr = next;
		disp32 = true;
	} else {
		addr = reg(r, rm + in->rex_b);
	}
	if (mod == 1) {
		disp8 = (uint64_t)(int8_t)next_byte(in);
		addr += in->evex ? disp8 * in->vector_size : disp8;
	} else if (disp32) {
		addr += (uint64_t)(int32_t)next_int(in, 4);
	}
	if (in->addrsize)
		addr = (uint32_t)addr;
	return addr + in->segment;
}

static uint32_t x87_size(const struct insn *in)
{
	unsigned int n = REG_FIELD(in);

	switch (in->op) {
	case 0xd9:
		return n == 5 || n == 7 ? 2 : 4;
	case 0xdb:
		return n >= 5 ? 10 : 4;
	case 0xdc:
		return 8;
	case 0xdd:
		return n == 7 ? 2 : 8;
	case 0xde:
		return 2;
	case 0xdf:
		return n < 4 ? 2 : n & 1 ? 8 : 10;
	}
	return 4;
}

static uint32_t word_size(const struct insn *in)
{
	return in->rex_w ? 8 : in->opsize ? 2 : 4;
}

static uint32_t vector_size(const struct insn *in)
{
	uint8_t op = in->op;

	if (in->map == MAP_0F) {
		if (op == 0x12 || op == 0x13 || op == 0x16 || op == 0x17 ||
		    op == 0xd6)
			return 8;
		if (op == 0x6e || (op == 0x7e && !in->rep))
			return in->rex_w ? 8 : 4;
		if (op == 0x7e)
			return 8;
		if (in->repne && (op & 0xf0) != 0x70)
			return 8;
		if (in->rep && (op & 0xf0) != 0x70 && op != 0x6f)
			return op == 0xe6 ? 8 : 4;
		if (!in->vector && !in->opsize && op >= 0x60 && op != 0xc6)
			return 8; /* MMX */
	}
	return in->vector ? in->vector_size : 16;
}

static uint32_t size_0f(const struct insn *in)
{
	switch (in->op) {
	case 0xb0: /* cmpxchg, xadd, movzx, movsx of a byte */
	case 0xc0:
	case 0xb6:
	case 0xbe:
		return 1;
	case 0xb7:
	case 0xbf:
		return 2;
	case 0xc7:
		return in->rex_w ? 16 : 8;
	case 0xae: /* fxsave and its like; ldmxcsr, stmxcsr */
		return REG_FIELD(in) == 2 || REG_FIELD(in) == 3 ? 4 : 512;
	}
	if ((in->op & 0xf0) == 0x90) /* setcc */
		return 1;
	if (in->vector || in_table(g_vector_0f, in->op))
		return vector_size(in);
	return word_size(in);
}

static uint32_t modrm_size(const struct insn *in)
{
	if (in->map == MAP_0F)
		return size_0f(in);
	if (in->map == MAP_0F38)
		return in->op >= 0xf0 ? word_size(in) : vector_size(in);
	if (in->map == MAP_0F3A) { /* pextrb, pextrw, pextrd, extractps */
		if (in->op == 0x14 || in->op == 0x20)
			return 1;
		if (in->op == 0x15)
			return 2;
		if (in->op >= 0x16 && in->op <= 0x17)
			return in->rex_w ? 8 : 4;
		return vector_size(in);
	}
	if (in->op >= 0xd8 && in->op <= 0xdf)
		return x87_size(in);
	if (in->op == 0x63) /* movslq */
		return 4;
	if (in->op == 0x8c || in->op == 0x8e)
		return 2;
	if (in->op == 0x8f || (in->op == 0xff && REG_FIELD(in) >= 2))
		return 8;
	return in->op & 1 ? word_size(in) : 1;
}

static bool x87_writes(const struct insn *in)
{
	unsigned int n = REG_FIELD(in);

	switch (in->op) {
	case 0xd9:
		return n == 2 || n == 3 || n >= 6;
	case 0xdb:
	case 0xdd:
	case 0xdf:
		return (n >= 1 && n <= 3) || n >= 6;
	}
	return false;
}

static bool modrm_writes(const struct insn *in)
{
	unsigned int n = REG_FIELD(in);

	switch (in->map) {
	case MAP_0F:
		if (in->op == 0xba)
			return n >= 5;
		if (in->op == 0xae)
			return n == 0 || n == 3 || n == 4 || n == 6;
		if (in->op == 0x7e && in->rep)
			return false;
		if (in->vector && (in->op & 0xf0) == 0x90)
			return in->op == 0x91; /* kmov */
		return in_table(g_write_0f, in->op);
	case MAP_0F38:
		return (in->op == 0xf1 && !in->repne) ||
		       (in->op & 0xf0) == 0xa0 || in->op == 0x2e ||
		       in->op == 0x2f || in->op == 0x8e;
	case MAP_0F3A:
		return (in->op >= 0x14 && in->op <= 0x17) || in->op == 0x19 ||
		       in->op == 0x1b || in->op == 0x1d || in->op == 0x39 ||
		       in->op == 0x3b;
	}
	if (in->op >= 0x80 && in->op <= 0x83)
		return n != 7; /* cmp */
	if (in->op == 0xf6 || in->op == 0xf7)
		return n == 2 || n == 3; /* not, neg */
	if (in->op == 0xfe || in->op == 0xff)
		return n < 2; /* inc, dec */
	if (in->op >= 0xd8 && in->op <= 0xdf)
		return x87_writes(in);
	return in_table(g_write_1, in->op);
}

static bool modrm_is_memory(const struct insn *in)
{
	if (in->modrm >= 0xc0 || (in->map == MAP_1 && in->op == 0x8d))
		return false;
	return in->map != MAP_0F || !in_table(g_hint_0f, in->op) || in->vector;
}

/* --- operands without ModRM ----------------------------------------------- */

static void add(struct insn_access *out, unsigned int *nr, uint64_t addr,
		uint32_t size, bool write)
{
	out[(*nr)++] = (struct insn_access){ addr, size, write };
}

static void add_strings(const struct insn *in, const struct guest_regs *r,
			struct insn_access *out, unsigned int *nr)
{
	uint32_t size = in->op & 1 ? word_size(in) : 1;
	bool none = (in->rep || in->repne) && r->rcx == 0;

	if (none)
		return;
	switch (in->op & ~1) {
	case 0xa4: /* movs */
		add(out, nr, r->rsi + in->segment, size, false);
		add(out, nr, r->rdi, size, true);
		break;
	case 0xa6: /* cmps */
		add(out, nr, r->rsi + in->segment, size, false);
		add(out, nr, r->rdi, size, false);
		break;
	case 0xaa: /* stos */
		add(out, nr, r->rdi, size, true);
		break;
	case 0xac: /* lods */
		add(out, nr, r->rsi + in->segment, size, false);
		break;
	case 0xae: /* scas */
		add(out, nr, r->rdi, size, false);
		break;
	}
}

static bool pushes(const struct insn *in)
{
	uint8_t op = in->op;

	if (in->map == MAP_0F)
		return op == 0xa0 || op == 0xa8;
	return in->map == MAP_1 &&
	       ((op >= 0x50 && op <= 0x57) || op == 0x68 || op == 0x6a ||
		op == 0x9c || op == 0xc8 || op == 0xe8 ||
		(op == 0xff && (REG_FIELD(in) == 2 || REG_FIELD(in) == 6)));
}

static bool pops(const struct insn *in)
{
	uint8_t op = in->op;

	if (in->map == MAP_0F)
		return op == 0xa1 || op == 0xa9;
	return in->map == MAP_1 && ((op >= 0x58 && op <= 0x5f) || op == 0x8f ||
				    op == 0x9d || op == 0xc2 || op == 0xc3);
}

static void add_implicit(struct insn *in, const struct guest_regs *r,
			 struct insn_access *out, unsigned int *nr)
{
	if (pushes(in))
		add(out, nr, r->rsp - 8, 8, true);
	else if (pops(in))
		add(out, nr, r->rsp, 8, false);
	if (in->map != MAP_1)
		return;
	if (in->op == 0xc9) /* leave */
		add(out, nr, r->rbp, 8, false);
	else if (in->op >= 0xa0 && in->op <= 0xa3)
		add(out, nr, next_int(in, 8) + in->segment,
		    in->op & 1 ? word_size(in) : 1, in->op >= 0xa2);
	else if (in->op >= 0xa4 && in->op <= 0xaf && (in->op & ~1) != 0xa8)
		add_strings(in, r, out, nr);
}

unsigned int insn_accesses(const struct guest_regs *r,
			   const uint8_t code[INSN_MAX_SIZE], uint64_t next,
			   struct insn_access out[INSN_ACCESSES_MAX])
{
	struct insn in = { .code = code };
	unsigned int nr = 0;
	uint64_t addr;

	decode_opcode(&in, r);
	if (has_modrm(&in)) {
		in.modrm = next_byte(&in);
		if (modrm_is_memory(&in)) {
			/* call and jmp end elsewhere, but have no immediate:
			 * the displacement is the instruction's end. */
			if (in.map == MAP_1 && in.op == 0xff)
				next = r->rip + in.at + 4;
			addr = modrm_address(&in, r, next);
			add(out, &nr, addr, modrm_size(&in), modrm_writes(&in));
		}
	}
	add_implicit(&in, r, out, &nr);
	return nr;
}

/* --- branches ------------------------------------------------------------- */

static bool is_prefix(uint8_t b)
{
	static const struct guest_regs none;
	struct insn in = { 0 };

	return legacy_prefix(&in, &none, b) || (b & 0xf0) == 0x40;
}

bool insn_branched(const uint8_t code[INSN_MAX_SIZE], uint64_t rip,
		   uint64_t next)
{
	unsigned int n = 0;
	uint8_t op, reg;

	while (n < INSN_MAX_SIZE - 2 && is_prefix(code[n]))
		n++;
	op = code[n];
	reg = code[n + 1] >> 3 & 7;
	if ((op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0)
		return next != rip + n + 2; /* jcc, loop, jrcxz */
	if (op == 0x0f && (code[n + 1] & 0xf0) == 0x80)
		return next != rip + n + 6; /* jcc with 32 bits */
	switch (op) {
	case 0xc2: /* ret */
	case 0xc3:
	case 0xca: /* far ret, iret */
	case 0xcb:
	case 0xcf:
	case 0xe8: /* call, jmp */
	case 0xe9:
	case 0xeb:
		return true;
	case 0xff: /* call and jmp by operand */
		return reg >= 2 && reg <= 5;
	}
	return false;
}
