/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the checker and interpreter of system-call filters: random programs
 * are given to the host's kernel too, which must judge and compute the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sentry/kernel/bpf.h"

#define MAX_LEN 64

struct prog {
	struct linux_sock_filter f[MAX_LEN];
	uint32_t len;
};

static void add(struct prog *p, uint16_t code, uint32_t k, uint8_t jt,
		uint8_t jf)
{
	p->f[p->len++] = (struct linux_sock_filter){ code, jt, jf, k };
}

static uint32_t pick(uint32_t below)
{
	return (uint32_t)random() % below;
}

static uint32_t some_k(void)
{
	static const uint32_t k[] = {
		0,  1,	2,	7,	    31,		32,
		60, 64, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff
	};

	if (pick(3))
		return k[pick(ARRAY_SIZE(k))];
	return (uint32_t)random() * 2654435761u;
}

/* --- the host's opinion --------------------------------------------------- */

static long host_load(const struct prog *p)
{
	struct linux_sock_fprog fp = { .len = (uint16_t)p->len,
				       .filter = (uintptr_t)p->f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fp) < 0 ? -errno : 0;
}

static int host_verdict(const struct prog *p)
{
	int st;
	pid_t pid = fork();

	if (pid == 0) {
		/* A program that is loaded and kills us was accepted. */
		if (host_load(p) == -EINVAL)
			_exit(22);
		_exit(0);
	}
	waitpid(pid, &st, 0);
	return WIFEXITED(st) && WEXITSTATUS(st) == 22 ? -EINVAL : 0;
}

static long raw_getppid(const uint64_t *a)
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(SYS_getppid), "D"(a[0]), "S"(a[1]), "d"(a[2]),
			   "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define KILLED 1

/* What getppid(@args) gives under @p: -errno, or KILLED. */
static long host_result(const struct prog *p, const uint64_t *args)
{
	int fds[2], st;
	long ret = KILLED;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		if (host_load(p) < 0)
			_exit(1);
		ret = raw_getppid(args);
		if (write(fds[1], &ret, sizeof(ret)) < 0)
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	waitpid(pid, &st, 0);
	if (read(fds[0], &ret, sizeof(ret)) != sizeof(ret))
		assert_true(WIFSIGNALED(st) && WTERMSIG(st) == SIGSYS);
	close(fds[0]);
	return ret;
}

/* --- random programs ------------------------------------------------------ */

static const uint16_t g_codes[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LDX | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
	BPF_ALU | BPF_NEG,
	BPF_ALU | BPF_ADD,
	BPF_ALU | BPF_SUB,
	BPF_ALU | BPF_MUL,
	BPF_ALU | BPF_DIV,
	BPF_ALU | BPF_OR,
	BPF_ALU | BPF_AND,
	BPF_ALU | BPF_LSH,
	BPF_ALU | BPF_RSH,
	BPF_ALU | BPF_XOR,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ,
	BPF_JMP | BPF_JGT,
	BPF_JMP | BPF_JGE,
	BPF_JMP | BPF_JSET,
	BPF_RET,
	BPF_RET | BPF_A,
};

static uint16_t some_code(void)
{
	uint16_t code = g_codes[pick(ARRAY_SIZE(g_codes))];

	if ((BPF_CLASS(code) == BPF_ALU && code != (BPF_ALU | BPF_NEG)) ||
	    (BPF_CLASS(code) == BPF_JMP && code != (BPF_JMP | BPF_JA)))
		code |= pick(2) ? BPF_X : BPF_K;
	return code;
}

/* Mostly a good instruction, with @left behind it. */
static void add_random(struct prog *p, uint32_t left)
{
	uint16_t code = some_code();
	uint32_t k = some_k();

	if (code == (BPF_LD | BPF_W | BPF_ABS))
		k = 16 + 4 * pick(12);
	if (code == BPF_ST || code == BPF_STX || code == (BPF_LD | BPF_MEM) ||
	    code == (BPF_LDX | BPF_MEM))
		k = pick(4);
	if (code == (BPF_ALU | BPF_LSH) || code == (BPF_ALU | BPF_RSH))
		k = pick(32);
	if (code == (BPF_JMP | BPF_JA))
		k = pick(left + 1);
	add(p, code, k, (uint8_t)pick(left + 1), (uint8_t)pick(left + 1));
}

/* One field of one instruction is spoilt. */
static void spoil(struct prog *p)
{
	struct linux_sock_filter *f = &p->f[pick(p->len)];

	switch (pick(4)) {
	case 0:
		f->code = (uint16_t)pick(pick(8) ? 256 : 65536);
		break;
	case 1:
		f->k = some_k();
		break;
	case 2:
		f->jt = (uint8_t)random();
		break;
	default:
		f->jf = (uint8_t)random();
		break;
	}
}

static void judged_as_by_host(void **state)
{
	int refused = 0, rounds = 1500;

	(void)state;
	srandom(1);
	for (int i = 0; i < rounds; i++) {
		struct prog p = { .len = 0 };
		uint32_t body = pick(12);
		int host;

		/* Starts with words that may be read. */
		for (uint32_t w = 0; w < pick(4); w++)
			add(&p, BPF_ST, w, 0, 0);
		for (uint32_t j = 0; j < body; j++)
			add_random(&p, body - j - 1);
		add(&p, BPF_RET, SECCOMP_RET_ALLOW, 0, 0);
		if (pick(2))
			spoil(&p);
		host = host_verdict(&p);
		if (host < 0)
			refused++;
		if (bpf_check(p.f, p.len) != host) {
			for (uint32_t j = 0; j < p.len; j++)
				print_message("%#x %u %u %#x\n", p.f[j].code,
					      p.f[j].jt, p.f[j].jf, p.f[j].k);
			fail_msg("round %d: the host says %d", i, host);
		}
	}
	/* Both verdicts occur. */
	assert_in_range(refused, rounds / 10, rounds * 9 / 10);
}

/* Every code of 16 bits that could be one, alone. */
static void codes_as_by_host(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 256; code++) {
		struct prog p = { .len = 0 };

		add(&p, BPF_ST, 4, 0, 0);
		add(&p, (uint16_t)code, 4, 0, 0);
		add(&p, BPF_LD | BPF_IMM, 0, 0, 0);
		for (int i = 0; i < 4; i++)
			add(&p, BPF_RET, SECCOMP_RET_ALLOW, 0, 0);
		if (bpf_check(p.f, p.len) != host_verdict(&p))
			fail_msg("code %#x", code);
	}
}

static void computes_as_host(void **state)
{
	int kills = 0;

	(void)state;
	srandom(2);
	for (int i = 0; i < 1000; i++) {
		struct linux_seccomp_data d = {
			.nr = SYS_getppid, .arch = LINUX_AUDIT_ARCH_X86_64
		};
		struct prog p = { .len = 0 };
		uint32_t body = 1 + pick(24), got;
		long want;

		add(&p, BPF_LD | BPF_W | BPF_ABS, 0, 0, 0);
		add(&p, BPF_JMP | BPF_JEQ, SYS_getppid, 1, 0);
		add(&p, BPF_RET, SECCOMP_RET_ALLOW, 0, 0);
		for (uint32_t w = 0; w < 4; w++)
			add(&p, BPF_ST, w, 0, 0);
		for (uint32_t j = 0; j < body; j++)
			add_random(&p, body - j - 1);
		/* What is left in A, 12 bits of it, is the error. */
		add(&p, BPF_ALU | BPF_RSH, pick(3) * 10, 0, 0);
		add(&p, BPF_ALU | BPF_AND, 0xfff, 0, 0);
		add(&p, BPF_ALU | BPF_OR, SECCOMP_RET_ERRNO, 0, 0);
		add(&p, BPF_RET | BPF_A, 0, 0, 0);
		for (uint32_t j = 0; j < p.len; j++)
			if (p.f[j].code == BPF_RET ||
			    (p.f[j].code == (BPF_RET | BPF_A) &&
			     j + 1 < p.len && j > 2))
				p.f[j] = p.f[3]; /* no early end */
		p.f[2] = (struct linux_sock_filter){ BPF_RET, 0, 0,
						     SECCOMP_RET_ALLOW };
		if (bpf_check(p.f, p.len) < 0)
			continue;
		for (int a = 0; a < 6; a++)
			d.args[a] = (uint64_t)some_k() << 32 | some_k();
		got = bpf_run(p.f, &d);
		want = host_result(&p, d.args);
		if (want == KILLED) {
			kills++;
			assert_int_equal(got, 0);
			continue;
		}
		assert_int_equal(got, SECCOMP_RET_ERRNO | (uint32_t)-want);
	}
	assert_true(kills > 0);
}

static void known_results_are_right(void **state)
{
	struct linux_seccomp_data d = { .arch = LINUX_AUDIT_ARCH_X86_64 };
	uint32_t r;

	(void)state;
	srandom(3);
	for (int i = 0; i < 20000; i++) {
		struct prog p = { .len = 0 };
		uint32_t body = 1 + pick(10);

		add(&p, BPF_LD | BPF_W | BPF_ABS, pick(3) * 4, 0, 0);
		for (uint32_t w = 0; w < 4; w++)
			add(&p, BPF_ST, w, 0, 0);
		for (uint32_t j = 0; j < body; j++)
			add_random(&p, body - j - 1);
		add(&p, BPF_RET | BPF_A, 0, 0, 0);
		if (bpf_check(p.f, p.len) < 0)
			continue;
		d.nr = (int32_t)pick(500);
		d.instruction_pointer = (uint64_t)some_k();
		for (int a = 0; a < 6; a++)
			d.args[a] = some_k();
		if (bpf_run_known(p.f, d.nr, d.arch, &r))
			assert_int_equal(r, bpf_run(p.f, &d));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_as_by_host),
		cmocka_unit_test(judged_as_by_host),
		cmocka_unit_test(computes_as_host),
		cmocka_unit_test(known_results_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
