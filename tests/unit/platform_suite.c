/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform interface on test_platform, one vcpu at a time: calls,
 * faults, registers, FPU, order errors, life and death.  platform_many.c has
 * the tests with several threads.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/platform_many.h"
#include "tests/unit/platform_world.h"

static void calls(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct guest_regs *r = platform_regs(cpu);

	go(cpu, GUEST(calls), 0, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(r->orig_rax, 110);
	CHECK_EQ(r->rax, -ENOSYS);
	CHECK_EQ(r->rdi, 1);
	for (uint64_t i = 2; i < 2000; i++) {
		resume(cpu, i * 7, &stop);
		CHECK_EQ(stop.kind, STOP_SYSCALL);
		CHECK_EQ(r->rdi, i * 7);
		CHECK_EQ(r->orig_rax, 110);
	}
	/* A result that looks like a restart is only a result. */
	resume(cpu, (uint64_t)-512, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(r->rdi, -512);
	CHECK(platform_guest_time(cpu) > 0);
	drop(cpu, as);
}

struct fault_case {
	uint64_t rip, addr;
	int signo, code;
	uint32_t access;
};

static void faults(void)
{
	const struct fault_case cases[] = {
		{ GUEST(read), 0x700000, SIGSEGV, SEGV_MAPERR, PLAT_READ },
		{ GUEST(write), GUEST_CODE, SIGSEGV, SEGV_ACCERR, PLAT_WRITE },
		{ GUEST(jump), GUEST_DATA, SIGSEGV, SEGV_ACCERR, PLAT_EXEC },
		{ GUEST(jump), 0x700000, SIGSEGV, SEGV_MAPERR, PLAT_EXEC },
		{ GUEST(read), 0, SIGSEGV, SEGV_MAPERR, PLAT_READ },
		{ GUEST(read), 0xffffffff80000000, SIGSEGV, SEGV_MAPERR,
		  PLAT_READ },
	};
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		go(cpu, cases[i].rip, cases[i].addr, &stop);
		CHECK_EQ(stop.kind, STOP_FAULT);
		CHECK_EQ(stop.signo, cases[i].signo);
		CHECK_EQ(stop.code, cases[i].code);
		CHECK_EQ(stop.addr, cases[i].addr);
		/* Not every platform knows what was tried. */
		CHECK(stop.access == 0 || stop.access == cases[i].access);
	}
	/* Mapping what was missing lets the instruction go on. */
	go(cpu, GUEST(write), 0x700000, &stop);
	CHECK_EQ(stop.kind, STOP_FAULT);
	order(as, ORDER_MAP, PLAT_READ | PLAT_WRITE, 0x700000, PAGE_SIZE,
	      DATA_OFF);
	platform_run(cpu, false, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(*data_word(GUEST_DATA), 0x700000);
	/* Beyond the end of the file. */
	order(as, ORDER_MAP, PLAT_READ, 0x800000, PAGE_SIZE, MEM_SIZE);
	go(cpu, GUEST(read), 0x800000, &stop);
	CHECK_EQ(stop.kind, STOP_FAULT);
	CHECK_EQ(stop.signo, SIGBUS);
	CHECK_EQ(stop.code, BUS_ADRERR);
	drop(cpu, as);
}

static void exceptions(void)
{
	const struct {
		uint64_t rip, rdi;
		int signo, code;
		uint32_t trapno;
	} cases[] = {
		{ GUEST(divide), 0, SIGFPE, FPE_INTDIV, 0 },
		{ GUEST(undefined), 0, SIGILL, ILL_ILLOPN, 6 },
		{ GUEST(breakpoint), 0, SIGTRAP, SI_KERNEL, 3 },
		{ GUEST(privileged), 0, SIGSEGV, SI_KERNEL, 13 },
		{ GUEST(read), 1ull << 60, SIGSEGV, SI_KERNEL, 13 },
		{ GUEST(badstack), 0, SIGBUS, SI_KERNEL, 12 },
		{ GUEST(int80), 0, SIGSEGV, SI_KERNEL, 13 },
		{ 1ull << 60, 0, SIGSEGV, SI_KERNEL, 13 },
	};
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		go(cpu, cases[i].rip, cases[i].rdi, &stop);
		CHECK_EQ(stop.kind, STOP_EXCEPTION);
		CHECK_EQ(stop.signo, cases[i].signo);
		CHECK_EQ(stop.code, cases[i].code);
		CHECK_EQ(stop.trapno, cases[i].trapno);
	}
	drop(cpu, as);
}

static void step(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct guest_regs *r = platform_regs(cpu);

	r->rip = GUEST(steps);
	for (int i = 1; i <= 3; i++) {
		platform_run(cpu, true, &stop);
		CHECK_EQ(stop.kind, STOP_EXCEPTION);
		CHECK_EQ(stop.signo, SIGTRAP);
		CHECK_EQ(stop.code, TRAP_TRACE);
		CHECK_EQ(r->rip, GUEST(steps) + (uint64_t)i);
		CHECK_EQ(r->eflags & 0x100, 0);
	}
	platform_run(cpu, true, &stop);
	platform_run(cpu, true, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	platform_run(cpu, false, &stop); /* no step is left over */
	CHECK(stop.kind != STOP_EXCEPTION || stop.signo != SIGTRAP);
	drop(cpu, as);
}

static void vsyscall(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct guest_regs *r = platform_regs(cpu);

	go(cpu, GUEST(vsyscall), 0, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(r->orig_rax, SYS_time);
	CHECK_EQ(r->rsp, GUEST_DATA + DATA_SIZE);
	resume(cpu, 12345, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(r->orig_rax, 12345);
	drop(cpu, as);
}

/* Registers that the host refuses or chokes on are the guest's trouble. */
static void hostile_registers(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct guest_regs *r = platform_regs(cpu), good;

	go(cpu, GUEST(calls), 0, &stop);
	good = *r;
	for (int i = 0; i < 8; i++) {
		*r = good;
		switch (i) {
		case 0:
			r->cs = 0;
			break;
		case 1:
			r->cs = 0x10;
			break;
		case 2:
			r->ss = 0x18;
			break;
		case 3:
			r->fs_base = 1ull << 63;
			break;
		case 4:
			r->gs_base = ~0ull;
			break;
		case 5:
			r->ds = 0x77 & ~3;
			break;
		case 6:
			r->cs = 0x7b;
			break;
		case 7:
			r->ss = 0x53;
			break;
		}
		platform_run(cpu, false, &stop);
		CHECK_EQ(stop.kind, STOP_EXCEPTION);
		CHECK(stop.signo == SIGSEGV || stop.signo == SIGBUS);
		CHECK_EQ(stop.code, SI_KERNEL);
	}
	*r = good;
	r->eflags = ~0ull & ~0x100ull; /* IOPL, VM, NT ... */
	platform_run(cpu, false, &stop);
	*r = good;
	resume(cpu, 5, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(r->rdi, 5);
	drop(cpu, as);
}

static void fpu(void)
{
	size_t size = platform_limits()->xsave_size;
	uint8_t *img = calloc(1, size), *bad = calloc(1, size);
	struct guest_stop stop;
	struct vcpu *cpu, *cpu2;
	struct platform_as *as = new_space(&cpu), *as2;

	/* A fresh space has nothing of the sentry's registers. */
	go(cpu, GUEST(xmm), GUEST_DATA, &stop);
	CHECK_EQ(data_word(GUEST_DATA)[0], 0);
	CHECK_EQ(platform_get_fpu(cpu, img), 0);
	CHECK_EQ(*(uint16_t *)img, 0x37f);
	CHECK_EQ(*(uint32_t *)(img + 24), 0x1f80);
	memset(img + 160, 0x5a, 16); /* xmm0 */
	img[512] |= 2;
	CHECK_EQ(platform_set_fpu(cpu, img), 0);
	resume(cpu, 0, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(data_word(GUEST_DATA)[1], 0x5a5a5a5a5a5a5a5a);
	/* To another space, before it is bound and without a run between. */
	CHECK_EQ(platform_as_new(&as2), 0);
	order(as2, ORDER_MAP, PLAT_READ | PLAT_EXEC, GUEST_CODE, PAGE_SIZE, 0);
	order(as2, ORDER_MAP, PLAT_READ | PLAT_WRITE, GUEST_DATA, DATA_SIZE,
	      DATA_OFF + DATA_SIZE);
	CHECK_EQ(platform_vcpu_new(as2, NULL, &cpu2), 0);
	CHECK_EQ(platform_get_fpu(cpu, img), 0);
	CHECK_EQ(platform_set_fpu(cpu2, img), 0);
	CHECK_EQ(platform_vcpu_bind(cpu2), 0);
	go(cpu2, GUEST(xmm), GUEST_DATA + 0x100, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(data_word(GUEST_DATA + DATA_SIZE + 0x100)[1],
		 0x5a5a5a5a5a5a5a5a);
	/* What XRSTOR would fault on. */
	for (int i = 0; i < 4; i++) {
		memcpy(bad, img, size);
		switch (i) {
		case 0:
			memset(bad + 24, 0xff, 4);
			break;
		case 1:
			bad[512 + 7] = 0x40;
			break;
		case 2:
			bad[512 + 8] = 1;
			break;
		case 3:
			bad[512 + 40] = 1;
			break;
		}
		CHECK_EQ(platform_set_fpu(cpu, bad), -EINVAL);
	}
	drop(cpu2, as2);
	drop(cpu, as);
}

static void many_orders(void)
{
	const uint64_t at = 0x10000000, nr = 3000;
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct guest_regs *r = platform_regs(cpu);

	/* Every other page, so that nothing coalesces. */
	for (uint64_t i = 0; i < nr; i++)
		order(as, ORDER_MAP, PLAT_READ | PLAT_WRITE,
		      at + i * 2 * PAGE_SIZE, PAGE_SIZE,
		      FREE_OFF + i * 3 * PAGE_SIZE);
	r->rsi = 2 * PAGE_SIZE;
	r->rdx = nr;
	go(cpu, GUEST(touch), at, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	for (uint64_t i = 0; i < nr; i++)
		CHECK_EQ(g_mem[FREE_OFF + i * 3 * PAGE_SIZE], 1);
	/* Page by page, joined to few calls. */
	for (uint64_t i = 0; i < nr * 2; i++)
		order(as, ORDER_UNMAP, 0, at + i * PAGE_SIZE, PAGE_SIZE, 0);
	CHECK_EQ(platform_as_flush(as, cpu), 0);
	go(cpu, GUEST(touch), at + 2 * PAGE_SIZE, &stop);
	CHECK_EQ(stop.kind, STOP_FAULT);
	drop(cpu, as);
}

/* The host's limit on mappings: -ENOMEM, and the rest is not there. */
static void order_refused(void)
{
	const uint64_t at = 0x10000000, max = platform_limits()->max_host_maps;
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);

	for (uint64_t i = 0; i < max + 100; i++)
		order(as, ORDER_MAP, PLAT_READ, at + i * 2 * PAGE_SIZE,
		      PAGE_SIZE, FREE_OFF);
	/* This one takes something away, behind those that fail. */
	order(as, ORDER_PROTECT, PLAT_READ, GUEST_DATA, PAGE_SIZE, 0);
	CHECK_EQ(platform_as_flush(as, cpu), -ENOMEM);
	go(cpu, GUEST(read), at, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	go(cpu, GUEST(read), at + (max + 50) * 2 * PAGE_SIZE, &stop);
	CHECK_EQ(stop.kind, STOP_FAULT);
	go(cpu, GUEST(write), GUEST_DATA, &stop);
	CHECK_EQ(stop.kind, STOP_FAULT);
	order(as, ORDER_UNMAP, 0, at, (max + 200) * 2 * PAGE_SIZE, 0);
	CHECK_EQ(platform_as_flush(as, cpu), 0);
	drop(cpu, as);
}

/* A refusal at entry is told by the next flush. */
static void late_error(void)
{
	const uint64_t at = 0x10000000, max = platform_limits()->max_host_maps;
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);

	for (uint64_t i = 0; i < max + 100; i++)
		order(as, ORDER_MAP, PLAT_READ, at + i * 2 * PAGE_SIZE,
		      PAGE_SIZE, FREE_OFF);
	go(cpu, GUEST(calls), 0, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	CHECK_EQ(platform_as_flush(as, cpu), -ENOMEM);
	CHECK_EQ(platform_as_flush(as, cpu), 0);
	drop(cpu, as);
}

/* The lowest and the highest page, private and populated mappings. */
static void order_kinds(void)
{
	const struct platform_limits *l = platform_limits();
	struct map_order o = {
		.kind = ORDER_MAP,
		.prot = PLAT_READ,
		.fd = g_mem_fd,
		.priv = true,
		.addr = 0x700000,
		.size = PAGE_SIZE,
		.offset = FREE_OFF,
	};
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	uint64_t last = l->max_user_addr - PAGE_SIZE;

	order(as, ORDER_MAP, PLAT_READ | PLAT_WRITE, l->min_user_addr,
	      PAGE_SIZE, FREE_OFF);
	order(as, ORDER_MAP, PLAT_READ | PLAT_WRITE, last, PAGE_SIZE,
	      FREE_OFF + PAGE_SIZE);
	CHECK_EQ(platform_as_order(as, &o), 0);
	o.priv = false;
	o.populate = true;
	o.addr = 0x800000;
	o.size = 1 << 20;
	CHECK_EQ(platform_as_order(as, &o), 0);
	CHECK_EQ(platform_as_flush(as, cpu), 0);
	go(cpu, GUEST(write), l->min_user_addr, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	go(cpu, GUEST(write), last, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	go(cpu, GUEST(read), 0x700000, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	go(cpu, GUEST(write), 0x700000, &stop);
	CHECK_EQ(stop.kind, STOP_FAULT);
	go(cpu, GUEST(read), 0x8ff000, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	/* A closed descriptor is a refusal like any other. */
	o.fd = 500;
	CHECK_EQ(platform_as_order(as, &o), 0);
	CHECK_EQ(platform_as_flush(as, cpu), -ENOMEM);
	go(cpu, GUEST(read), 0x8ff000, &stop);
	CHECK_EQ(stop.kind, STOP_FAULT);
	drop(cpu, as);
}

static void exec_moves(void)
{
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu), *next;
	int before = nr_stubs();

	for (int i = 0; i < 20; i++) {
		CHECK_EQ(platform_as_new(&next), 0);
		order(next, ORDER_MAP, PLAT_READ | PLAT_EXEC, GUEST_CODE,
		      PAGE_SIZE, 0);
		CHECK_EQ(platform_vcpu_move(cpu, next), 0);
		platform_as_free(as);
		as = next;
		go(cpu, GUEST(calls), 0, &stop);
		CHECK_EQ(stop.kind, STOP_SYSCALL);
		go(cpu, GUEST(read), GUEST_DATA, &stop);
		CHECK_EQ(stop.kind, STOP_FAULT);
	}
	await_stubs(before);
	drop(cpu, as);
}

static void killed(void)
{
	struct guest_stop stop;
	struct vcpu *cpu, *cpu2;
	struct platform_as *as = new_space(&cpu), *as2 = new_space(&cpu2);

	go(cpu, GUEST(calls), 0, &stop);
	go(cpu2, GUEST(calls), 0, &stop);
	CHECK(kill(youngest_stub(), SIGKILL) == 0);
	usleep(10000);
	resume(cpu2, 0, &stop);
	CHECK_EQ(stop.kind, STOP_GONE);
	platform_run(cpu2, false, &stop);
	CHECK_EQ(stop.kind, STOP_GONE);
	order(as2, ORDER_UNMAP, 0, GUEST_DATA, PAGE_SIZE, 0);
	CHECK_EQ(platform_as_flush(as2, cpu2), -ESRCH);
	resume(cpu, 0, &stop);
	CHECK_EQ(stop.kind, STOP_SYSCALL);
	platform_vcpu_free(cpu2);
	platform_as_free(as2);
	drop(cpu, as);
}

/* What the host's users send to stubs is not the guest's business. */
static void host_signals(void)
{
	const int sigs[] = { SIGTERM, SIGINT,  SIGHUP,	SIGUSR1,
			     SIGALRM, SIGTSTP, SIGSTOP, SIGCONT,
			     SIGSEGV, SIGTRAP, SIGSYS,	SIGCHLD };
	struct guest_stop stop;
	struct vcpu *cpu;
	struct platform_as *as = new_space(&cpu);
	struct guest_regs *r = platform_regs(cpu);
	int pid = youngest_stub();

	go(cpu, GUEST(calls), 0, &stop);
	for (uint64_t i = 0; i < 200; i++) {
		int sig = sigs[i % ARRAY_SIZE(sigs)];

		/* Who stops a stub that nobody traces has stopped it. */
		if (sig == SIGSTOP && test_platform == &platform_trap)
			continue;
		CHECK(kill(pid, sig) == 0);
		resume(cpu, i, &stop);
		if (i % 7 == 0) {
			order(as, ORDER_PROTECT, i % 2 ? 1 : 3, GUEST_DATA,
			      PAGE_SIZE, 0);
			CHECK_EQ(platform_as_flush(as, cpu), 0);
		}
		while (stop.kind == STOP_INTERRUPTED)
			platform_run(cpu, false, &stop);
		CHECK_EQ(stop.kind, STOP_SYSCALL);
		CHECK_EQ(r->rdi, i);
	}
	drop(cpu, as);
}

static void basics(void)
{
	calls();
	faults();
	exceptions();
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void measure(void)
{
	enum { CALLS = 20000, SPACES = 200 };
	struct guest_stop stop;
	struct vcpu *cpu, *other;
	struct platform_as *as = new_space(&cpu), *as2;
	double start;

	go(cpu, GUEST(calls), 0, &stop);
	start = now_us();
	for (int i = 0; i < CALLS; i++)
		resume(cpu, 1, &stop);
	printf("# a system call %.2f us\n", (now_us() - start) / CALLS);
	start = now_us();
	for (int i = 0; i < CALLS / 10; i++) {
		order(as, ORDER_PROTECT, i % 2 ? 1 : 3, GUEST_DATA, PAGE_SIZE,
		      0);
		CHECK_EQ(platform_as_flush(as, cpu), 0);
	}
	printf("# a flushed order %.2f us\n",
	       (now_us() - start) / (CALLS / 10));
	start = now_us();
	for (int i = 0; i < SPACES; i++) {
		CHECK_EQ(platform_as_new(&as2), 0);
		CHECK_EQ(platform_vcpu_new(as2, NULL, &other), 0);
		platform_vcpu_free(other);
		platform_as_free(as2);
	}
	printf("# a space %.1f us\n", (now_us() - start) / SPACES);
	start = now_us();
	for (int i = 0; i < SPACES; i++) {
		CHECK_EQ(platform_as_new(&as2), 0);
		order(as2, ORDER_MAP, 5, GUEST_CODE, PAGE_SIZE, 0);
		CHECK_EQ(platform_vcpu_move(cpu, as2), 0);
		platform_as_free(as);
		as = as2;
		go(cpu, GUEST(calls), 0, &stop);
	}
	printf("# a move with its first call %.1f us\n",
	       (now_us() - start) / SPACES);
	fflush(stdout);
	drop(cpu, as);
}

static void nothing(void)
{
}

/* A platform that this host cannot run is tested elsewhere. */
static bool is_there(void)
{
	const char *why = "";

	if (test_platform->probe(&why) == 0)
		return true;
	printf("# %s: %s\n", test_platform->name, why);
	return false;
}

#define SANDBOX_TEST_IF(name, cond)                    \
	static void test_##name(void **state)          \
	{                                              \
		(void)state;                           \
		if (!is_there() || !(cond))            \
			skip();                        \
		assert_int_equal(in_sandbox(name), 0); \
	}
#define SANDBOX_TEST(name) SANDBOX_TEST_IF(name, true)
/* What is done to processes that others do not have. */
#define STUB_TEST(name) SANDBOX_TEST_IF(name, has_stubs())
SANDBOX_TEST(nothing)
SANDBOX_TEST(calls)
SANDBOX_TEST(faults)
SANDBOX_TEST(exceptions)
SANDBOX_TEST(step)
SANDBOX_TEST(vsyscall)
SANDBOX_TEST(hostile_registers)
SANDBOX_TEST(fpu)
SANDBOX_TEST(many_orders)
STUB_TEST(order_refused)
STUB_TEST(late_error)
SANDBOX_TEST(order_kinds)
SANDBOX_TEST(exec_moves)
STUB_TEST(killed)
STUB_TEST(host_signals)
SANDBOX_TEST(threads)
STUB_TEST(thread_killed)
SANDBOX_TEST(interrupts)
SANDBOX_TEST(syncs)
SANDBOX_TEST(spaces_in_threads)
STUB_TEST(spreads)
SANDBOX_TEST(measure)

static void test_probe(void **state)
{
	const char *why = NULL;

	(void)state;
	if (!is_there())
		skip();
	assert_int_equal(test_platform->probe(&why), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_without_rights(void **state)
{
	int status;

	(void)state;
	if (!is_there())
		skip();
	status = in_namespace(basics);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int platform_suite(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_vsyscall),
		cmocka_unit_test(test_hostile_registers),
		cmocka_unit_test(test_fpu),
		cmocka_unit_test(test_many_orders),
		cmocka_unit_test(test_order_refused),
		cmocka_unit_test(test_late_error),
		cmocka_unit_test(test_order_kinds),
		cmocka_unit_test(test_exec_moves),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_host_signals),
		cmocka_unit_test(test_without_rights),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_thread_killed),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_syncs),
		cmocka_unit_test(test_spaces_in_threads),
		cmocka_unit_test(test_spreads),
		cmocka_unit_test(test_measure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
