/* SPDX-License-Identifier: Apache-2.0 */
/* platform_world: see the header. */
#include "tests/unit/platform_world.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int g_mem_fd;
uint8_t *g_mem;

static void start(void)
{
	struct platform_setup setup = { 0 };

	g_mem_fd = memfd_create("guest", MFD_CLOEXEC);
	CHECK(g_mem_fd >= 0 && ftruncate(g_mem_fd, MEM_SIZE) == 0);
	g_mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		     g_mem_fd, 0);
	CHECK(g_mem != MAP_FAILED);
	memcpy(g_mem, guest_begin, (size_t)(guest_end - guest_begin));
	setup.memory_fd = g_mem_fd;
	if (test_platform->open_device) {
		setup.device_fd = test_platform->open_device();
		CHECK(setup.device_fd >= 0);
	}
	CHECK_EQ(platform_start(test_platform, &setup), 0);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { 0 };

	CHECK(syscall(SYS_capset, &head, none) == 0);
}

/* Waits for all that the dead child has left to us; kills it after 3 s. */
static int collect(void)
{
	for (int i = 0; i < 3000; i++) {
		int pid = waitpid(-1, NULL, WNOHANG | __WALL);

		if (pid < 0 && errno == ECHILD)
			return 0;
		if (pid == 0)
			usleep(1000);
	}
	return -1;
}

static int finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (collect() < 0) {
		fprintf(stderr, "processes left behind\n");
		return -1;
	}
	return status;
}

int in_sandbox(void (*fn)(void))
{
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		start();
		fn();
		_exit(0);
	}
	return finish(pid);
}

int in_namespace(void (*fn)(void))
{
	pid_t pid;
	int status;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
			_exit(77);
		pid = fork();
		if (pid == 0) {
			start();
			drop_capabilities();
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			fn();
			_exit(0);
		}
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
	}
	return finish(pid);
}

void order(struct platform_as *as, enum order_kind kind, uint32_t prot,
	   uint64_t addr, uint64_t size, uint64_t off)
{
	struct map_order o = {
		.kind = kind,
		.prot = prot,
		.fd = g_mem_fd,
		.addr = addr,
		.size = size,
		.offset = off,
	};

	CHECK_EQ(platform_as_order(as, &o), 0);
}

struct platform_as *new_space(struct vcpu **out_cpu)
{
	struct platform_as *as;

	CHECK_EQ(platform_as_new(&as), 0);
	order(as, ORDER_MAP, PLAT_READ | PLAT_EXEC, GUEST_CODE, PAGE_SIZE, 0);
	order(as, ORDER_MAP, PLAT_READ | PLAT_WRITE, GUEST_DATA, DATA_SIZE,
	      DATA_OFF);
	CHECK_EQ(platform_vcpu_new(as, NULL, out_cpu), 0);
	CHECK_EQ(platform_vcpu_bind(*out_cpu), 0);
	return as;
}

void go(struct vcpu *cpu, uint64_t rip, uint64_t rdi, struct guest_stop *stop)
{
	struct guest_regs *r = platform_regs(cpu);

	r->rip = rip;
	r->rdi = rdi;
	r->rsp = GUEST_DATA + DATA_SIZE;
	platform_run(cpu, false, stop);
}

void resume(struct vcpu *cpu, uint64_t rax, struct guest_stop *stop)
{
	platform_regs(cpu)->rax = rax;
	platform_run(cpu, false, stop);
}

void drop(struct vcpu *cpu, struct platform_as *as)
{
	platform_vcpu_free(cpu);
	platform_as_free(as);
}

/* A stub in use is a child with a traced thread, or one that is dying. */
static bool is_traced(int pid)
{
	char path[64], line[128];
	int tracer, found = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return false;
	for (struct dirent *d; !found && (d = readdir(tasks));) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid,
			 d->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "TracerPid: %d", &tracer) == 1)
				found = tracer != 0;
		if (f)
			fclose(f);
	}
	closedir(tasks);
	return found;
}

/* A stub of the trap platform has two threads at least, its template one. */
static bool has_runner(int pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return stat(path, &st) == 0 && st.st_nlink >= 4;
}

static bool is_trap(void)
{
	return test_platform == &platform_trap;
}

static char state_of(int pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state;
}

/* The template of the trap platform waits, and what it has made is whole. */
static bool nothing_is_being_made(void)
{
	char path[64];
	int pid, waiting = 0, busy = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	CHECK(f);
	while (fscanf(f, "%d", &pid) == 1) {
		char state = state_of(pid);

		if (has_runner(pid) || state == 'Z' || state == 0)
			continue;
		waiting += state == 'S';
		busy += state != 'S';
	}
	fclose(f);
	return waiting <= 1 && !busy;
}

/* Children of this process, of which one is the template and one may be the
 * stub that was made ahead. */
static int list_stubs(int *out_last)
{
	char path[64];
	FILE *f;
	int pid, nr = 0, before = 0;

	/* That made ahead may still be on its way. */
	if (is_trap())
		do
			usleep(30000);
		while (!nothing_is_being_made());
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	CHECK(f);
	*out_last = 0;
	while (fscanf(f, "%d", &pid) == 1) {
		if (is_trap() ? !has_runner(pid) : !is_traced(pid))
			continue;
		nr++;
		before = *out_last;
		*out_last = pid;
	}
	fclose(f);
	/* That made ahead cannot be told by looking; it is the youngest. */
	if (is_trap() && nr > 0) {
		nr--;
		*out_last = before;
	}
	return nr;
}

int nr_stubs(void)
{
	int last;

	if (!has_stubs())
		return 0;
	return list_stubs(&last);
}

int youngest_stub(void)
{
	int last;

	list_stubs(&last);
	return last;
}

bool has_stubs(void)
{
	return test_platform != &platform_kvm;
}

void await_stubs(int nr)
{
	if (!has_stubs())
		return;
	for (int i = 0; i < 1000 && nr_stubs() > nr; i++)
		usleep(1000);
	CHECK_EQ(nr_stubs(), nr);
}

volatile uint64_t *data_word(uint64_t guest_addr)
{
	return (volatile uint64_t *)(g_mem + DATA_OFF +
				     (guest_addr - GUEST_DATA));
}
