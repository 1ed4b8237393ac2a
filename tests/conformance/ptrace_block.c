/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): PTRACE_SINGLEBLOCK, steps from branch to branch. */
#include "tests/harness/ptrace_test.h"

/*
 * Code with known branches.  The numbers are the places where a tracer that
 * goes on with SINGLEBLOCK sees it.
 */
__asm__(".text\n"
	".globl block_code, block_1, block_2, block_3, block_4, block_5\n"
	"block_code:\n"
	"	int3\n"
	"	mov $3, %ecx\n"
	"	xor %eax, %eax\n"
	"	test %eax, %eax\n"
	"	jne block_5\n" /* not taken */
	"	jmp block_1\n"
	"	nop\n"
	"block_1:\n"
	"	inc %eax\n"
	"	call block_2\n"
	"block_4:\n"
	"	nop\n"
	"	.byte 0x0f, 0x85\n" /* a long conditional one, taken */
	"	.long block_5 - . - 4\n"
	"	nop\n"
	"block_2:\n"
	"	lea 1(%rax), %rax\n"
	"block_3:\n"
	"	dec %ecx\n"
	"	jnz block_3\n"
	"	or %eax, %eax\n"
	"	ret\n"
	"block_5:\n"
	"	int3\n"
	"	nop\n");
extern const char block_code[], block_1[], block_2[], block_3[], block_4[],
	block_5[];

TEST(ptrace_block, stops_after_taken_branches)
{
	const char *const where[] = { block_1, block_2, block_3,
				      block_3, block_4, block_5 };
	pid_t kid = TRACEE(((void (*)(void))(uintptr_t)block_code)());

	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ((uintptr_t)block_code + 1, get_regs(kid).rip);
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		EXPECT_OK(PTRACE(PTRACE_SINGLEBLOCK, kid, 0, 0));
		EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
		EXPECT_EQ(2 /* TRAP_TRACE */, get_siginfo(kid).si_code);
		if (get_regs(kid).rip == (uintptr_t)block_code + 6)
			SKIP("the processor does not trap at branches");
		EXPECT_EQ((uintptr_t)where[i], get_regs(kid).rip);
	}
	/* One step is one instruction again. */
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ((uintptr_t)block_5 + 1, get_regs(kid).rip);
	EXPECT_OK(PTRACE(PTRACE_SINGLESTEP, kid, 0, 0));
	EXPECT_STATUS(STOP_STATUS(SIGTRAP), kid);
	EXPECT_EQ((uintptr_t)block_5 + 2, get_regs(kid).rip);
	EXPECT_OK(kill(kid, SIGKILL));
	EXPECT_KILLED(SIGKILL, kid);
}

TEST(ptrace_block, ends_with_the_program)
{
	pid_t kid = TRACEE(_exit(5));
	int status, blocks = 0;

	for (;;) {
		EXPECT_OK(PTRACE(PTRACE_SINGLEBLOCK, kid, 0, 0));
		EXPECT_OK(waitpid(kid, &status, 0));
		if (!WIFSTOPPED(status))
			break;
		EXPECT_EQ(SIGTRAP, WSTOPSIG(status));
		blocks++;
	}
	EXPECT_EQ(5, WEXITSTATUS(status));
	EXPECT_TRUE(blocks > 0);
}

TEST(ptrace_block, bad_signal)
{
	pid_t kid = TRACEE(_exit(5));

	EXPECT_ERRNO(EIO, PTRACE(PTRACE_SINGLEBLOCK, kid, 0, 65));
	EXPECT_OK(PTRACE(PTRACE_CONT, kid, 0, 0));
	EXPECT_EXIT(5, kid);
}

TEST_MAIN
