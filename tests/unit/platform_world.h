/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform_world: a sentry in miniature for the platform's tests: a child
 * process that starts the platform, one address space with a code and a data
 * page, guest programs of platform_guest.S.
 */
#ifndef TESTS_UNIT_PLATFORM_WORLD_H
#define TESTS_UNIT_PLATFORM_WORLD_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform.h"

#define GUEST_CODE 0x400000ull
#define GUEST_DATA 0x500000ull
#define DATA_SIZE  0x10000ull /* mapped at GUEST_DATA */
#define DATA_OFF   0x10000ull /* in the memory file */
#define FREE_OFF   0x100000ull
#define MEM_SIZE   (512ull << 20)

/* Which platform this program tests; its tests, for main(). */
extern const struct platform_ops *const test_platform;
int platform_suite(void);

/* Ends the miniature sentry: the test has failed. */
#define CHECK(cond)                                                        \
	do {                                                               \
		if (!(cond)) {                                             \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
				#cond);                                    \
			_exit(1);                                          \
		}                                                          \
	} while (0)
#define CHECK_EQ(a, b)                                                  \
	do {                                                            \
		unsigned long a_ = (unsigned long)(a),                  \
			      b_ = (unsigned long)(b);                  \
		if (a_ != b_) {                                         \
			fprintf(stderr, "%s:%d: %s: %#lx, want %#lx\n", \
				__FILE__, __LINE__, #a, a_, b_);        \
			_exit(1);                                       \
		}                                                       \
	} while (0)

extern int g_mem_fd;
extern uint8_t *g_mem; /* the memory file */
extern const char guest_begin[], guest_end[];
#define GUEST(name)                                                  \
	({                                                           \
		extern const char guest_##name[];                    \
		GUEST_CODE + (uint64_t)(guest_##name - guest_begin); \
	})

/*
 * Runs @fn in a child with the platform started, then looks for processes
 * that were left behind.  Returns the child's wait status, -1 for leftovers.
 */
int in_sandbox(void (*fn)(void));
/* As above; the child is in a user and PID namespace and without rights. */
int in_namespace(void (*fn)(void));

void order(struct platform_as *as, enum order_kind kind, uint32_t prot,
	   uint64_t addr, uint64_t size, uint64_t off);
/* Code and data page; with *out_cpu bound to the caller. */
struct platform_as *new_space(struct vcpu **out_cpu);
/* Starts @cpu at @rip with @rdi, runs it to its next stop. */
void go(struct vcpu *cpu, uint64_t rip, uint64_t rdi, struct guest_stop *stop);
/* Runs on with @rax as the result. */
void resume(struct vcpu *cpu, uint64_t rax, struct guest_stop *stop);
void drop(struct vcpu *cpu, struct platform_as *as);
/* Whether guest code runs in processes of the host. */
bool has_stubs(void);
/* Number of stub processes in use; 0 without. */
int nr_stubs(void);
/* Waits at most a second until only @nr are left; their exit is not awaited
 * by the platform. */
void await_stubs(int nr);
/* The stub process that was seized last, or 0. */
int youngest_stub(void);
volatile uint64_t *data_word(uint64_t guest_addr);

#endif
