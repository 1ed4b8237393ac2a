/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window: the gigabyte at the end of each space that is the machine's own.
 *
 *   +0x0000  GDT            +0x2000  an entry point per vector
 *   +0x1000  LSTAR          +0x3000  IDT
 *   +0x4000  ring 0 code of window_measure()
 *   +0x10000 a page per processor: TSS at its start, ring 0 stack at its end
 *
 * Every entry point is one instruction that leaves the machine; what happened
 * is told by where it stopped and by the frame on the stack.  All is for ring
 * 0 only, except LSTAR where the host emulates ring 0: there `syscall` stays
 * in ring 3, and the TSS allows ring 3 the one port that this page writes to.
 * A program that uses the port, or jumps there, has made a call or a fault.
 *
 * Tests: tests/unit/test_platform_kvm.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/kvm/kvm.h"
#include "sentry/lib/log.h"

#define OUT_IMM8 0xe6
#define HLT	 0xf4
#define INT3	 0xcc

#define RW_DATA	  0x00cf93000000ffffull
#define USER_DATA 0x00cff3000000ffffull
#define CODE64	  0x00af9b000000ffffull
#define USER32	  0x00cffb000000ffffull
#define USER64	  0x00affb000000ffffull
#define GDT_SIZE  0x40

#define TSS_SIZE   104
#define TSS_BITMAP 33 /* ports 0 to 255, and the byte of ones behind */
#define PROBE_PAGE 4
#define STACKS	   (WINDOW + 0x10000)

/* Table entry bits. */
#define P  1ull
#define RW 2ull
#define US 4ull
#define AD 0x60ull

#define CR0	  0x80050033ull /* PG AM WP NE ET MP PE */
#define CR4_BASE  0x6a0ull	/* OSXMMEXCPT OSFXSR PGE PAE */
#define CR4_FSGS  0x10000ull
#define CR4_XSAVE 0x40000ull
#define EFER	  0xd01ull /* NX LMA LME SCE */

struct gate {
	uint16_t low, selector;
	uint8_t stack, type;
	uint16_t mid;
	uint32_t high, zero;
};
static_assert(sizeof(struct gate) == 16, "an IDT entry");

static uint64_t *g_last; /* the window's last-level table */
static uint8_t *g_entry;

static uint8_t *add_page(struct platform *p, unsigned int nr, uint64_t rights)
{
	uint64_t gpa = phys_table_get(&p->phys);

	if (!gpa)
		return NULL;
	g_last[nr] = gpa | P | AD | rights;
	return phys_ptr(&p->phys, gpa);
}

static bool make_tables(struct platform *p)
{
	uint64_t last = phys_table_get(&p->phys);
	uint64_t middle = phys_table_get(&p->phys);

	if (!last || !middle)
		return false;
	g_last = (uint64_t *)phys_ptr(&p->phys, last);
	*(uint64_t *)phys_ptr(&p->phys, middle) = last | P | RW | US | AD;
	p->window_table = middle | P | RW | US | AD;
	return true;
}

static void fill_traps(uint8_t *traps, struct gate *idt)
{
	for (unsigned int v = 0; v < 256; v++) {
		uint64_t at = WINDOW_TRAPS + v * TRAP_STRIDE;
		/* int3 and into are for everybody, as on Linux. */
		unsigned int dpl = v == 3 || v == 4 ? 3 : 0;

		memset(traps + v * TRAP_STRIDE, INT3, TRAP_STRIDE);
		traps[v * TRAP_STRIDE] = HLT;
		idt[v] = (struct gate){
			.low = (uint16_t)at,
			.selector = KVM_RING0_CS,
			.type = (uint8_t)(0x8e | dpl << 5),
			.mid = (uint16_t)(at >> 16),
			.high = (uint32_t)(at >> 32),
		};
	}
	/* Only exceptions have a gate. */
	memset(idt + 32, 0, (256 - 32) * sizeof(*idt));
}

static void fill_tss(uint8_t *tss, uint64_t stack)
{
	const uint16_t bitmap = TSS_SIZE;

	memcpy(tss + 4, &stack, sizeof(stack));
	memcpy(tss + 102, &bitmap, sizeof(bitmap));
	memset(tss + TSS_SIZE, 0xff, TSS_BITMAP);
	tss[TSS_SIZE + ENTRY_PORT / 8] = (uint8_t) ~(1u << ENTRY_PORT % 8);
}

static void fill_entry(uint8_t *page, bool native)
{
	static const uint8_t offsets[] = { 0, WINDOW_ENTRY32 - WINDOW_ENTRY };
	static const uint8_t iretq[] = { 0x48, 0xcf };

	memset(page, INT3, PAGE_SIZE);
	for (size_t i = 0; i < sizeof(offsets); i++) {
		page[offsets[i]] = native ? HLT : OUT_IMM8;
		page[offsets[i] + 1] = native ? INT3 : ENTRY_PORT;
	}
	memcpy(page + (WINDOW_IRET - WINDOW_ENTRY), iretq, sizeof(iretq));
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, uint8_t dpl,
				  uint8_t is_64)
{
	return (struct kvm_segment){
		.selector = selector,
		.limit = 0xffffffff,
		.type = type,
		.present = 1,
		.dpl = dpl,
		.s = 1,
		.l = is_64,
		.db = !is_64,
		.g = 1,
	};
}

static void fill_sregs(struct kvm_sregs *s)
{
	s->cr0 = CR0;
	s->cr4 = CR4_BASE | CR4_FSGS | CR4_XSAVE;
	s->efer = EFER;
	s->gdt = (struct kvm_dtable){ .base = WINDOW, .limit = GDT_SIZE - 1 };
	s->idt = (struct kvm_dtable){ .base = WINDOW + 0x3000, .limit = 4095 };
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->tr = (struct kvm_segment){
		.limit = TSS_SIZE + TSS_BITMAP - 1,
		.selector = 0x38,
		.type = 0xb,
		.present = 1,
	};
	s->cs = segment(KVM_USER_CS, 0xb, 3, 1);
	s->ss = segment(KVM_USER_SS, 3, 3, 0);
	s->ds = s->es = s->fs = s->gs = (struct kvm_segment){ .unusable = 1 };
}

int window_start(struct platform *p)
{
	const uint64_t gdt[] = { 0,	 0,	    CODE64, RW_DATA,
				 USER32, USER_DATA, USER64, 0 };
	uint8_t *at, *idt;

	if (!make_tables(p))
		return -ENOMEM;
	at = add_page(p, 0, RW);
	if (!at)
		return -ENOMEM;
	memcpy(at, gdt, sizeof(gdt));
	at = add_page(p, 1, US);
	if (!at)
		return -ENOMEM;
	memset(at, INT3, PAGE_SIZE);
	fill_entry(at, false);
	g_entry = at;
	at = add_page(p, 2, 0);
	idt = add_page(p, 3, 0);
	if (!at || !idt)
		return -ENOMEM;
	fill_traps(at, (struct gate *)idt);
	fill_sregs(&p->sregs);
	for (uint32_t i = 0; i < p->pool.nr; i++) {
		struct hw *hw = &p->pool.hw[i];

		hw->stack = add_page(p, 16 + i, RW);
		if (!hw->stack)
			return -ENOMEM;
		hw->stack_addr = STACKS + i * PAGE_SIZE;
		fill_tss(hw->stack, hw->stack_addr + PAGE_SIZE);
	}
	return 0;
}

/* --- is ring 0 native? -------------------------------------------------- */

#define LOOPS	     200
#define TRIES	     3
#define NATIVE_BELOW 40000	      /* ns; emulated they take 200,000 */
#define OVERRIDE     "MOAT_KVM_RING0" /* "native" or "emulated" */

/* Nanoseconds of @loops in ring 0 with the way there and back; -errno. */
static int64_t time_loop(struct platform *p, uint64_t root, uint64_t loops)
{
	struct hw *hw = &p->pool.hw[0];
	struct kvm_run *run = hw->run;
	struct kvm_sregs *s = &run->s.regs.sregs;
	struct timespec from, to;
	long ret;

	*s = p->sregs;
	s->tr.base = hw->stack_addr;
	s->cr3 = root;
	s->cs = segment(KVM_RING0_CS, 0xb, 0, 1);
	s->ss = segment(0, 3, 0, 0);
	run->s.regs.regs = (struct kvm_regs){
		.rip = WINDOW + PROBE_PAGE * PAGE_SIZE,
		.rsp = hw->stack_addr + PAGE_SIZE,
		.rcx = loops,
		.rflags = 2,
	};
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		ret = kvm_ioctl(hw->fd, KVM_RUN, NULL);
	while (ret == -EINTR);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (ret < 0 || run->exit_reason != KVM_EXIT_HLT) {
		log_warning("kvm: ring 0 does not run: error %ld, exit %u",
			    -ret, run->exit_reason);
		return ret < 0 ? ret : -EIO;
	}
	return (to.tv_sec - from.tv_sec) * 1000000000 +
	       (to.tv_nsec - from.tv_nsec);
}

static void go_native(struct platform *p)
{
	/* Nobody has been there yet: nothing to flush. */
	g_last[1] &= ~US;
	fill_entry(g_entry, true);
	for (uint32_t i = 0; i < p->pool.nr; i++)
		p->pool.hw[i].stack[TSS_SIZE + ENTRY_PORT / 8] = 0xff;
	p->native = true;
}

/* Nanoseconds that LOOPS take beyond one of them; -errno. */
static int64_t time_ring0(struct platform *p, uint64_t root)
{
	int64_t one = INT64_MAX, all = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		int64_t a = time_loop(p, root, 1);
		int64_t b = time_loop(p, root, LOOPS);

		if (a < 0 || b < 0)
			return MIN(a, b);
		one = MIN(one, a);
		all = MIN(all, b);
	}
	return MAX(all - one, (int64_t)0);
}

/* A space with nothing but the window; 0: no memory. */
static uint64_t window_root(struct platform *p)
{
	uint64_t root = phys_table_get(&p->phys);
	uint64_t upper = phys_table_get(&p->phys);

	if (!root || !upper)
		return 0;
	((uint64_t *)phys_ptr(&p->phys, root))[WINDOW >> 39] =
		upper | P | RW | US | AD;
	((uint64_t *)phys_ptr(&p->phys, upper))[WINDOW >> 30 & 511] =
		p->window_table;
	return root;
}

int window_measure(struct platform *p)
{
	/* 1: dec %ecx; jnz 1b; hlt */
	static const uint8_t loop[] = { 0xff, 0xc9, 0x75, 0xfc, HLT };
	const char *want = getenv(OVERRIDE);
	uint64_t root = window_root(p);
	uint8_t *code = add_page(p, PROBE_PAGE, 0);
	int64_t ns;

	if (!root || !code)
		return -ENOMEM;
	memcpy(code, loop, sizeof(loop));
	ns = time_ring0(p, root);
	if (ns < 0)
		return (int)ns;
	if (want ? strcmp(want, "native") == 0 : ns < NATIVE_BELOW)
		go_native(p);
	log_info("kvm: ring 0 is %s (%s; %ld ns an instruction)",
		 p->native ? "native" : "emulated",
		 want ? OVERRIDE : "measured", (long)ns / (2 * LOOPS));
	return 0;
}
