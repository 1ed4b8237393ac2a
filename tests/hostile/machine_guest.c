/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_guest: what a program may not do, instruction by instruction, and
 * the signal that each gives: number, code, address, where it happened, trap
 * number.  Run natively the output is what Linux does; machine.sh compares.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE  ((uint8_t *)0x10000000)
#define STACK ((uint8_t *)0x20000000)
#define SIZE  0x10000

struct attempt {
	const char *name, *code;
	unsigned int len;
};
/* clang-format off */
#define TRY(name, code) { name, code, sizeof(code) - 1 }
#define MOV_RAX(bytes) "\x48\xb8" bytes
/* clang-format on */
#define WINDOW	  "\x00\x00\x00\xc0\xff\x7f\x00\x00"
#define ENTRY	  "\x00\x10\x00\xc0\xff\x7f\x00\x00"
#define TRAPS	  "\x00\x20\x00\xc0\xff\x7f\x00\x00"
#define STACKS	  "\xf8\x0f\x01\xc0\xff\x7f\x00\x00"
#define LOW_HOLE  "\x00\x00\x00\x00\x00\x80\x00\x00"
#define HIGH_HOLE "\xff\xff\xff\xff\xff\x7f\xff\xff"
#define KERNEL	  "\x00\x00\x00\x80\xff\xff\xff\xff"
#define TOP	  "\x00\xf0\xff\xff\xff\xff\xff\xff"

static const struct attempt attempts[] = {
	TRY("hlt", "\xf4"),
	TRY("cli", "\xfa"),
	TRY("sti", "\xfb"),
	TRY("clts", "\x0f\x06"),
	TRY("invd", "\x0f\x08"),
	TRY("wbinvd", "\x0f\x09"),
	TRY("rdmsr", "\x0f\x32"),
	TRY("wrmsr", "\x0f\x30"),
	TRY("rdpmc", "\x0f\x33"),
	TRY("read cr0", "\x0f\x20\xc0"),
	TRY("write cr0", "\x0f\x22\xc0"),
	TRY("read cr3", "\x0f\x20\xd8"),
	TRY("write cr3", "\x0f\x22\xd8"),
	TRY("write cr4", "\x0f\x22\xe0"),
	TRY("read cr8", "\x44\x0f\x20\xc0"),
	TRY("read dr7", "\x0f\x21\xf8"),
	TRY("write dr7", "\x0f\x23\xf8"),
	TRY("lgdt", "\x0f\x01\x14\x24"),
	TRY("lidt", "\x0f\x01\x1c\x24"),
	TRY("lldt", "\x0f\x00\xd0"),
	TRY("ltr", "\x0f\x00\xd8"),
	TRY("lmsw", "\x0f\x01\xf0"),
	TRY("invlpg", "\x0f\x01\x3c\x24"),
	TRY("swapgs", "\x0f\x01\xf8"),
	TRY("sysret", "\x48\x0f\x07"),
	TRY("sysret32", "\x0f\x07"),
	TRY("sysexit", "\x0f\x35"),
	TRY("xsetbv", "\x31\xc9\x0f\x01\xd1"),
	TRY("xgetbv 77", "\xb9\x4d\x00\x00\x00\x0f\x01\xd0"),
	TRY("monitor", "\x0f\x01\xc8"),
	TRY("mwait", "\x0f\x01\xc9"),
	TRY("vmrun", "\x0f\x01\xd8"),
	TRY("vmload", "\x0f\x01\xda"),
	TRY("stgi", "\x0f\x01\xdc"),
	TRY("invlpga", "\x0f\x01\xdf"),
	TRY("in imm", "\xe4\x60"),
	TRY("in imm 80", "\xe4\x80"),
	TRY("in dx", "\x66\xba\x80\x00\xec"),
	TRY("out imm", "\xe6\x60"),
	TRY("out imm 80", "\xe6\x80"),
	TRY("out dx 80", "\x66\xba\x80\x00\xee"),
	TRY("outl dx 80", "\x66\xba\x80\x00\xef"),
	TRY("out dx 3f8", "\x66\xba\xf8\x03\xee"),
	TRY("out dx ffff", "\x66\xba\xff\xff\xee"),
	TRY("insb 80", "\x66\xba\x80\x00\x48\x89\xe7\x6c"),
	TRY("popf iopl; cli", "\x9c\x81\x0c\x24\x00\x30\x00\x00\x9d\xfa"),
	TRY("int 3", "\xcc"),
	TRY("int imm 3", "\xcd\x03"),
	TRY("int 0", "\xcd\x00"),
	TRY("int 2", "\xcd\x02"),
	TRY("int 4", "\xcd\x04"),
	TRY("int 8", "\xcd\x08"),
	TRY("int 14", "\xcd\x0e"),
	TRY("int 32", "\xcd\x20"),
	TRY("int 255", "\xcd\xff"),
	TRY("int1", "\xf1"),
	TRY("ud2", "\x0f\x0b"),
	TRY("ud0", "\x0f\xff\xc0"),
	TRY("lock nop", "\xf0\x90"),
	TRY("32-bit push es", "\x06"),
	TRY("far jump m", "\xff\x2c\x24"),
	TRY("divide", "\x31\xc9\xf7\xf1"),
	TRY("divide overflow", "\xb2\x7f\xb1\x01\xf6\xf1\x31\xd2\xff\xca"
			       "\xb1\x01\xf7\xf1"),
	TRY("rdsspq; endbr",
	    "\x31\xc0\xf3\x48\x0f\x1e\xc8\xf3\x0f\x1e\xfa\xf4"),
	TRY("rsm", "\x0f\xaa"),
	TRY("getsec", "\x0f\x37"),
	TRY("read 0", "\x31\xc0\x48\x8b\x00"),
	TRY("read 8", "\x31\xc0\x48\x8b\x40\x08"),
	TRY("read window", MOV_RAX(WINDOW) "\x48\x8b\x00"),
	TRY("write window", MOV_RAX(WINDOW) "\x48\x89\x00"),
	TRY("read entry", MOV_RAX(TRAPS) "\x48\x8b\x00"),
	TRY("write entry", MOV_RAX(ENTRY) "\x48\x89\x00"),
	TRY("write ring 0 stack", MOV_RAX(STACKS) "\x48\x89\x00"),
	TRY("jump to window", MOV_RAX(WINDOW) "\xff\xe0"),
	TRY("jump to traps", MOV_RAX(TRAPS) "\xff\xe0"),
	TRY("read hole", MOV_RAX(LOW_HOLE) "\x48\x8b\x00"),
	TRY("write hole", MOV_RAX(HIGH_HOLE) "\x48\x89\x00"),
	TRY("jump to hole", MOV_RAX(LOW_HOLE) "\xff\xe0"),
	TRY("read kernel", MOV_RAX(KERNEL) "\x48\x8b\x00"),
	TRY("write kernel", MOV_RAX(KERNEL) "\x48\x89\x00"),
	TRY("jump to kernel", MOV_RAX(KERNEL) "\xff\xe0"),
	TRY("read top", MOV_RAX(TOP) "\x48\x8b\x00"),
	TRY("stack in hole: push", MOV_RAX(LOW_HOLE) "\x48\x94\x50"),
	TRY("stack in hole: call", MOV_RAX(HIGH_HOLE) "\x48\x94\xe8\x00\x00\x00"
						      "\x00"),
	TRY("stack in hole: rbp", MOV_RAX(LOW_HOLE) "\x48\x95\x48\x8b\x45\x00"),
	TRY("stack in kernel: push", MOV_RAX(KERNEL) "\x48\x94\x50"),
	TRY("stack in kernel: ud2", MOV_RAX(KERNEL) "\x48\x94\x0f\x0b"),
	TRY("stack in hole: ud2", MOV_RAX(LOW_HOLE) "\x48\x94\x0f\x0b"),
	TRY("ret to hole", MOV_RAX(LOW_HOLE) "\x50\xc3"),
	TRY("ret to kernel", MOV_RAX(KERNEL) "\x50\xc3"),
	TRY("lret to ring 0", "\x6a\x10\x6a\x00\x48\xcb"),
	TRY("lret to null", "\x6a\x00\x6a\x00\x48\xcb"),
	TRY("iret to ring 0", "\x6a\x00\x6a\x00\x9c\x6a\x10\x6a\x00\x48\xcf"),
	TRY("iret to hole",
	    "\x6a\x2b\x6a\x00\x9c\x6a\x33" MOV_RAX(LOW_HOLE) "\x50"
							     "\x48\xcf"),
	TRY("mov ss null", "\x31\xc0\x8e\xd0"),
	TRY("mov ss 10", "\xb8\x10\x00\x00\x00\x8e\xd0"),
	TRY("mov ds 8", "\xb8\x08\x00\x00\x00\x8e\xd8"),
	TRY("mov ds fff8", "\xb8\xf8\xff\x00\x00\x8e\xd8"),
	TRY("mov es ldt", "\xb8\x07\x00\x00\x00\x8e\xc0"),
	TRY("mov cs", "\xb8\x33\x00\x00\x00\x8e\xc8"),
	TRY("mov ds 2b; hlt",
	    "\xb8\x2b\x00\x00\x00\x8e\xd8\x31\xc0\x8e\xd8\xf4"),
	TRY("wrfsbase hole; hlt", MOV_RAX(LOW_HOLE) "\xf3\x48\x0f\xae\xd8"),
	TRY("wrgsbase kernel; read gs",
	    MOV_RAX(KERNEL) "\xf3\x48\x0f\xae\xd8\x65\x48\x8b\x04\x25\x00\x00"
			    "\x00\x00"),
	TRY("wrgsbase top; call; rdgsbase; cmp; hlt",
	    MOV_RAX(TOP) "\xf3\x48\x0f\xae\xd8\xb8\x27\x00\x00\x00\x0f\x05"
			 "\xf3\x48\x0f\xae\xc8\x48\xc1\xe8\x3f\x48\x8d\x04"
			 "\x40\x48\xff\xc8\xf4"),
	TRY("alignment check",
	    "\x9c\x81\x0c\x24\x00\x00\x04\x00\x9d\x48\x8b\x44\x24\x01"),
	TRY("trap flag", "\x9c\x81\x0c\x24\x00\x01\x00\x00\x9d\x90\x90\x90"),
	TRY("trap flag over call", "\xb8\x27\x00\x00\x00\x9c\x81\x0c\x24\x00"
				   "\x01\x00\x00\x9d\x0f\x05\x90\x90"),
	TRY("nested task; iret", "\x9c\x81\x0c\x24\x00\x40\x00\x00\x9d\xf4"),
	TRY("xrstor bad header",
	    "\x48\x81\xe4\x00\xff\xff\xff\x48\x81\xec\x00\x20\x00\x00\xc7\x84"
	    "\x24\x08\x02\x00\x00\xff\xff\xff\xff\xb8\xff\xff\xff\xff\x89\xc2"
	    "\x0f\xae\x2c\x24"),
	TRY("xrstor unaligned",
	    "\x48\x81\xe4\x00\xff\xff\xff\xb8\x03\x00\x00\x00\x31\xd2\x0f\xae"
	    "\x6c\x24\x08"),
	TRY("fxrstor bad mxcsr",
	    "\x48\x81\xe4\x00\xff\xff\xff\x48\x81\xec\x00\x10\x00\x00\xc7\x44"
	    "\x24\x18\xff\xff\xff\xff\x0f\xae\x0c\x24"),
	TRY("ldmxcsr bad", "\x6a\xff\x0f\xae\x14\x24"),
	TRY("movaps unaligned", "\x0f\x28\x44\x24\x01"),
	TRY("sse exception", "\x68\x00\x00\x00\x00\x0f\xae\x14\x24\x0f\x57\xc0"
			     "\x0f\x57\xc9\xf3\x0f\x5e\xc1"),
	TRY("x87 exception", "\x6a\x00\xd9\x2c\x24\xd9\xee\xd9\xe8\xde\xf1"
			     "\x9b\xdd\xd8"),
	TRY("int 80", "\xb8\x14\x00\x00\x00\xcd\x80\xf4"),
	TRY("sgdt; hlt", "\x0f\x01\x44\x24\x80\xf4"),
	TRY("sidt; hlt", "\x0f\x01\x4c\x24\x80\xf4"),
	TRY("smsw; hlt", "\x0f\x01\xe0\xf4"),
	TRY("lar; hlt", "\xb8\x10\x00\x00\x00\x0f\x02\xc0\xf4"),
	TRY("verw 10; hlt", "\xb8\x10\x00\x00\x00\x0f\x00\xe8\xf4"),
	TRY("prefetch hole; hlt", MOV_RAX(LOW_HOLE) "\x0f\x18\x08\xf4"),
	TRY("clflush hole", MOV_RAX(LOW_HOLE) "\x0f\xae\x38\xf4"),
	TRY("xbegin", "\x31\xc0\xc7\xf8\x00\x00\x00\x00\xf4"),
	TRY("modify own code", "\x48\x8d\x05\x0d\x00\x00\x00\xc6\x00\x0f\xc6"
			       "\x40\x01\x0b\x90\x90\x90\x90\x90\x90\x90\xf4"),
	TRY("across pages", ""),
};

static sigjmp_buf back;
static const char *current;

static void on_signal(int sig, siginfo_t *si, void *ctx)
{
	const greg_t *r = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	uint64_t rip = (uint64_t)r[REG_RIP], addr = (uint64_t)si->si_addr;
	char at[32], where[32];

	/* The flag for alignment checks is still set. */
	__asm__ volatile("pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq"
			 :
			 :
			 : "memory", "cc");
	snprintf(at, sizeof(at),
		 addr - (uint64_t)CODE < SIZE ? "code+%lx" : "%lx",
		 addr - (uint64_t)CODE < SIZE ? addr - (uint64_t)CODE : addr);
	snprintf(where, sizeof(where),
		 rip - (uint64_t)CODE < SIZE ? "code+%lx" : "%lx",
		 rip - (uint64_t)CODE < SIZE ? rip - (uint64_t)CODE : rip);
	printf("%s: signal %d code %d addr %s rip %s trap %d error %x cs %x\n",
	       current, sig, si->si_code, at, where, (int)r[REG_TRAPNO],
	       (unsigned int)r[REG_ERR],
	       (unsigned int)(r[REG_CSGSFS] & 0xffff));
	siglongjmp(back, 1);
}

static void fill(const struct attempt *a)
{
	memset(CODE, 0x90, SIZE);
	memcpy(CODE, a->code, a->len);
	/* Whatever goes on ends here. */
	memcpy(CODE + a->len, "\x0f\x0b", 2);
	if (a->len == 0)
		memcpy(CODE + SIZE - 1, "\x0f", 1);
}

static void attempt(const struct attempt *a)
{
	uint8_t *start = a->len ? CODE : CODE + SIZE - 1;
	uint64_t gs;

	current = a->name;
	fill(a);
	__asm__ volatile("rdgsbase %0" : "=r"(gs));
	if (sigsetjmp(back, 1) == 0) {
		__asm__ volatile("mov %0, %%rsp\n\tpushq $0x202\n\tpopfq\n\t"
				 "xor %%ebx, %%ebx\n\txor %%edx, %%edx\n\t"
				 "xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\t"
				 "jmp *%1"
				 :
				 : "r"(STACK + SIZE / 2), "S"(start)
				 : "memory");
		__builtin_unreachable();
	}
	__asm__ volatile("wrgsbase %0" : : "r"(gs));
	__asm__ volatile("cld; fninit" : : : "memory");
}

/* Names given as arguments are left out. */
static int left_out(const char *name, char **argv)
{
	for (argv++; *argv; argv++)
		if (strcmp(name, *argv) == 0)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	static uint8_t alt[1 << 16];
	const int signals[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS
	};
	struct sigaction act = { .sa_sigaction = on_signal,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = alt, .ss_size = sizeof(alt) };

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaltstack(&stack, NULL);
	for (unsigned int i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &act, NULL);
	if (mmap(CODE, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED ||
	    mmap(STACK, SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return 1;
	for (unsigned int i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
		if (!left_out(attempts[i].name, argv))
			attempt(&attempts[i]);
	puts("still there");
	return 0;
}
