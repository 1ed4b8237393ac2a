/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platforms: which platform a sandbox gets, and `moat platforms`, which tells
 * what works on this host and what a trap costs on each.
 *
 * Tests: tests/hostile/platforms.sh
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform.h"
#include "sentry/cmd/cmd.h"

#define CODE_ADDR 0x400000ull
#define CALLS	  2000
#define FILE_SIZE (1ull << 20)

/* Appends "NAME: WHY; ". */
static void add_note(char *note, size_t size, const struct platform_ops *p,
		     const char *why)
{
	size_t used = strlen(note);

	snprintf(note + used, size - used, "%s%s is left out: %s",
		 used ? "; " : "", p->name, why);
}

/* The first that works and is fast here, else the first that works. */
static const struct platform_ops *choose_any(char *note, size_t size)
{
	const struct platform_ops *slow = NULL;
	const char *why = "";

	for (size_t i = 0; platform_list[i]; i++) {
		const struct platform_ops *p = platform_list[i];

		if (p->probe(&why) < 0) {
			add_note(note, size, p, why);
			continue;
		}
		if (!p->is_slow || !p->is_slow(&why))
			return p;
		add_note(note, size, p, why);
		if (!slow)
			slow = p;
	}
	return slow;
}

static void complain_unknown(const char *name)
{
	char all[128] = "auto";

	for (size_t i = 0; platform_list[i]; i++) {
		size_t used = strlen(all);

		snprintf(all + used, sizeof(all) - used, ", %s",
			 platform_list[i]->name);
	}
	complain("there is no platform '%s'; this build has: %s", name, all);
}

const struct platform_ops *platform_choose(const char *name, char *note,
					   size_t size)
{
	const struct platform_ops *p;
	const char *why = "";

	note[0] = '\0';
	if (strcmp(name, "auto") == 0) {
		p = choose_any(note, size);
		if (!p)
			complain("no platform works on this machine: %s", note);
		return p;
	}
	for (size_t i = 0; platform_list[i]; i++) {
		p = platform_list[i];
		if (strcmp(p->name, name))
			continue;
		if (p->probe(&why) == 0)
			return p;
		complain("platform %s does not work here: %s", name, why);
		return NULL;
	}
	complain_unknown(name);
	return NULL;
}

/* --- moat platforms ----------------------------------------------------- */

/* A memory file with a program that makes one call after the other; -errno. */
static int make_program(void)
{
	static const uint8_t code[] = { 0x0f, 0x05, 0xeb, 0xfc };
	int fd = memfd_create("moat-probe", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, FILE_SIZE) < 0 ||
	    pwrite(fd, code, sizeof(code), 0) != sizeof(code)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Nanoseconds of a call, 0 if it does not get that far. */
static uint64_t time_calls(struct vcpu *cpu)
{
	struct timespec from, to;
	struct guest_stop stop;

	platform_regs(cpu)->rip = CODE_ADDR;
	for (int i = -CALLS / 10; i < CALLS; i++) {
		if (i == 0)
			clock_gettime(CLOCK_MONOTONIC, &from);
		do
			platform_run(cpu, false, &stop);
		while (stop.kind == STOP_INTERRUPTED);
		if (stop.kind != STOP_SYSCALL)
			return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (uint64_t)((to.tv_sec - from.tv_sec) * 1000000000 +
			  (to.tv_nsec - from.tv_nsec)) /
	       CALLS;
}

/* In a process of its own: a sentry that knows nothing but the platform. */
static uint64_t measure(const struct platform_ops *p)
{
	struct platform_setup setup = { .memory_fd = make_program(),
					.nr_cpus = 1,
					.device_fd = -1 };
	struct map_order code = { .kind = ORDER_MAP,
				  .prot = PLAT_READ | PLAT_EXEC,
				  .fd = setup.memory_fd,
				  .addr = CODE_ADDR,
				  .size = PAGE_SIZE };
	struct platform_as *as;
	struct vcpu *cpu;
	uint64_t ns;

	if (p->open_device)
		setup.device_fd = p->open_device();
	if (setup.memory_fd < 0 || platform_start(p, &setup) < 0 ||
	    platform_as_new(&as) < 0 || platform_as_order(as, &code) < 0 ||
	    platform_vcpu_new(as, NULL, &cpu) < 0 ||
	    platform_vcpu_bind(cpu) < 0)
		return 0;
	ns = time_calls(cpu);
	platform_vcpu_free(cpu);
	platform_as_free(as);
	return ns;
}

/* The figure comes back through a pipe: the child may die. */
static uint64_t measure_apart(const struct platform_ops *p)
{
	uint64_t ns = 0;
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		alarm(10);
		ns = measure(p);
		_exit(write(ends[1], &ns, sizeof(ns)) != sizeof(ns));
	}
	close(ends[1]);
	if (pid < 0 || read(ends[0], &ns, sizeof(ns)) != sizeof(ns))
		ns = 0;
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return ns;
}

static void print_one(const struct platform_ops *p, bool taken)
{
	const char *why = "";
	uint64_t ns;

	printf("%-7s %s\n", p->name, p->summary);
	if (p->probe(&why) < 0) {
		printf("        does not work here: %s\n", why);
		return;
	}
	ns = measure_apart(p);
	if (ns)
		printf("        works, %lu.%02lu us a trap%s\n", ns / 1000,
		       ns % 1000 / 10, taken ? "; auto takes it" : "");
	else
		printf("        fails when it is tried%s\n",
		       taken ? "; auto takes it" : "");
	if (p->is_slow && p->is_slow(&why))
		printf("        slow here: %s\n", why);
}

int cmd_platforms(int argc, char **argv)
{
	const struct platform_ops *taken;
	char note[PLATFORM_NOTE];

	if (argc > 0) {
		bool help = strcmp(argv[0], "--help") == 0;

		fputs("usage: moat platforms\n\nTells which platforms work on "
		      "this host, what a trap costs on each,\nand which one "
		      "'moat run' takes by itself.\n",
		      help ? stdout : stderr);
		return help ? 0 : EXIT_MOAT;
	}
	note[0] = '\0';
	taken = choose_any(note, sizeof(note));
	for (size_t i = 0; platform_list[i]; i++)
		print_one(platform_list[i], platform_list[i] == taken);
	if (!taken)
		puts("no platform works on this machine");
	return taken ? 0 : EXIT_MOAT;
}
