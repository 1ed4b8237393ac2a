/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare_kvm: what one exit from ring 3 of a virtual machine and the way back
 * cost, registers included: the floor of the kvm platform.  Prints ns.
 *
 * Long mode, one 2 MiB page, IOPL 3, `out` in a loop.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define ROUNDS 11
#define CALLS  1000
#define MEMORY (2ul << 20)

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int must(int ret, const char *what)
{
	if (ret < 0) {
		perror(what);
		exit(1);
	}
	return ret;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, int code)
{
	return (struct kvm_segment){ .selector = selector,
				     .limit = 0xffffffff,
				     .type = type,
				     .present = 1,
				     .dpl = 3,
				     .s = 1,
				     .l = (uint8_t)code,
				     .db = (uint8_t)!code,
				     .g = 1 };
}

static void setup(int cpu, uint8_t *mem)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = 0x8000, .rflags = 0x3002, .rsp = 0x9000 };

	*(uint64_t *)(mem + 0x1000) = 0x2067;
	*(uint64_t *)(mem + 0x2000) = 0x3067;
	*(uint64_t *)(mem + 0x3000) = 0xe7;
	/* 1: out %al, $0x80; jmp 1b */
	memcpy(mem + 0x8000, "\xe6\x80\xeb\xfc", 4);
	must(ioctl(cpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.cr0 = 0x80050033;
	s.cr3 = 0x1000;
	s.cr4 = 0x6a0;
	s.efer = 0xd00;
	s.cs = segment(0x33, 0xb, 1);
	s.ss = s.ds = s.es = s.fs = s.gs = segment(0x2b, 3, 0);
	must(ioctl(cpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
	must(ioctl(cpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

static void exit_and_back(int cpu, struct kvm_run *run)
{
	must(ioctl(cpu, KVM_RUN, 0), "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_IO) {
		fprintf(stderr, "exit %u\n", run->exit_reason);
		exit(1);
	}
}

int main(void)
{
	int dev = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int vm = must(ioctl(dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	int cpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	uint8_t *mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region slot = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)mem,
	};
	double rounds[ROUNDS];
	struct kvm_run *run = mmap(
		NULL,
		(size_t)must(ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0), "size"),
		PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);

	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "slot");
	setup(cpu, mem);
	exit_and_back(cpu, run);
	for (int i = 0; i < ROUNDS; i++) {
		double start = now_ns();

		for (int k = 0; k < CALLS; k++) {
			run->kvm_valid_regs = KVM_SYNC_X86_REGS;
			exit_and_back(cpu, run);
		}
		rounds[i] = (now_ns() - start) / CALLS;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	printf("%.0f\n", rounds[ROUNDS / 2]);
	return 0;
}
