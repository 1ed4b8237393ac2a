/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_crash: see the header.
 *
 * Everything here runs in a process that is lost already: no locks, no
 * allocation of ours, and a second fault ends it at once.
 * Tests: tests/hostile/crash.sh
 */
#define UNW_LOCAL_ONLY
#include "sentry/host/host_crash.h"

#include <elf.h>
#include <fcntl.h>
#include <libunwind.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sentry/host/host.h"
#include "sentry/host/host_threads.h"

/* The request for a backtrace; no thread blocks it (host_thread.c). */
#define ASK_SIGNAL SIGTRAP
#define FRAMES	   48
#define WAIT_NS	   1000000000ull

static struct {
	const char *file; /* the mapped ELF file, NULL if not mapped */
	size_t size;
	const Elf64_Sym *syms;
	size_t nr_syms;
	const char *names;
	size_t names_size;
	uint64_t bias; /* load address minus linked address */
} image;

/* Where the shared objects are, so that frames in them can be named. */
static struct {
	uint64_t start, end, bias;
	const char *name;
} g_modules[16];
static unsigned int g_nr_modules;

/* The pipe by which libunwind tests whether memory can be read; -1: none. */
static int g_probe_fds[2] = { -1, -1 };

static _Atomic uint32_t g_asked; /* thread id whose turn it is, 0: answered */
static void (*g_report)(int signo, void *ucontext);

static int note_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size, (void)arg;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *ph = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) ||
		    g_nr_modules == ARRAY_SIZE(g_modules))
			continue;
		/* The first is the program itself. */
		if (g_nr_modules == 0)
			image.bias = info->dlpi_addr;
		g_modules[g_nr_modules].start = start;
		g_modules[g_nr_modules].end = start + ph->p_memsz;
		g_modules[g_nr_modules].bias = info->dlpi_addr;
		g_modules[g_nr_modules++].name =
			slash ? slash + 1 : info->dlpi_name;
	}
	return 0;
}

/* True if [off, off + size) lies in the file. */
static bool in_file(uint64_t off, uint64_t size)
{
	uint64_t end;

	return !add_overflows(off, size, &end) && end <= image.size;
}

static void find_symbols(void)
{
	const Elf64_Ehdr *eh = (const void *)image.file;
	const Elf64_Shdr *sh = (const void *)(image.file + eh->e_shoff);

	if (!in_file(0, sizeof(*eh)) ||
	    !in_file(eh->e_shoff, (uint64_t)eh->e_shnum * sizeof(*sh)))
		return;
	for (unsigned int i = 0; i < eh->e_shnum; i++) {
		if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_link >= eh->e_shnum)
			continue;
		if (!in_file(sh[i].sh_offset, sh[i].sh_size) ||
		    !in_file(sh[sh[i].sh_link].sh_offset,
			     sh[sh[i].sh_link].sh_size))
			return;
		image.syms = (const void *)(image.file + sh[i].sh_offset);
		image.nr_syms = sh[i].sh_size / sizeof(*image.syms);
		image.names = image.file + sh[sh[i].sh_link].sh_offset;
		image.names_size = sh[sh[i].sh_link].sh_size;
		return;
	}
}

void host_crash_map_symbols(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			 0);
		if (p != MAP_FAILED) {
			image.file = p;
			image.size = (size_t)st.st_size;
			dl_iterate_phdr(note_module, NULL);
		}
	}
	close(fd);
}

/* The function that holds @pc, or NULL. */
static const char *symbol_at(uint64_t pc, uint64_t *offset)
{
	const Elf64_Sym *best = NULL;

	pc -= image.bias;
	for (size_t i = 0; image.syms && i < image.nr_syms; i++) {
		const Elf64_Sym *s = &image.syms[i];

		if (ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
		    s->st_value <= pc && pc < s->st_value + s->st_size)
			best = s;
	}
	if (!best || best->st_name >= image.names_size)
		return NULL;
	*offset = pc - best->st_value;
	return image.names + best->st_name;
}

/* One line: a function of ours, or a place in a shared object. */
static void print_frame(int i, uint64_t pc)
{
	uint64_t offset = 0;
	const char *name = symbol_at(pc, &offset);

	for (unsigned int m = 0; !name && m < g_nr_modules; m++) {
		if (pc < g_modules[m].start || pc >= g_modules[m].end)
			continue;
		name = g_modules[m].name[0] ? g_modules[m].name : "moat";
		offset = pc - g_modules[m].bias;
	}
	host_crash_print("    #%-2d %s+%#llx", i, name ? name : "?",
			 (unsigned long long)(name ? offset : pc));
}

void host_crash_print(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	n = MIN(MAX(n, 0), (int)sizeof(line) - 2);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

void host_crash_backtrace(void *ucontext)
{
	unw_context_t here;
	unw_cursor_t cursor;
	int ret;

	if (!image.syms && image.file)
		find_symbols();
	if (ucontext) {
		ret = unw_init_local2(&cursor, ucontext, UNW_INIT_SIGNAL_FRAME);
	} else {
		unw_getcontext(&here);
		ret = unw_init_local(&cursor, &here);
	}
	for (int i = 0; ret >= 0 && i < FRAMES; i++) {
		unw_word_t pc = 0;

		unw_get_reg(&cursor, UNW_REG_IP, &pc);
		print_frame(i, pc);
		if (unw_step(&cursor) <= 0)
			break;
	}
}

static void on_ask(int signo, siginfo_t *info, void *ucontext)
{
	uint32_t me = host_gettid();

	(void)info;
	if (atomic_load(&g_asked) != me) {
		/* A real trap in the sentry. */
		g_report(signo, ucontext);
		return;
	}
	host_crash_backtrace(ucontext);
	atomic_store(&g_asked, 0);
}

static void on_fatal(int signo, siginfo_t *info, void *ucontext)
{
	(void)info;
	g_report(signo, ucontext);
}

/* Both ends of one pipe? */
static bool is_pipe(const int *fds)
{
	struct stat a, b;

	return fstat(fds[0], &a) == 0 && fstat(fds[1], &b) == 0 &&
	       S_ISFIFO(a.st_mode) && S_ISFIFO(b.st_mode) &&
	       a.st_ino == b.st_ino;
}

/*
 * libunwind opens what it needs at its first walk; later the filter forbids
 * that.  It keeps a pipe, which nobody else may take for his own: it gets the
 * lowest two numbers that are free.
 */
static void warm_up(void)
{
	int low[2] = { fcntl(0, F_DUPFD_CLOEXEC, 0),
		       fcntl(0, F_DUPFD_CLOEXEC, 0) };
	unw_context_t here;
	unw_cursor_t cursor;
	int ret;

	close(low[0]);
	close(low[1]);
	ret = unw_getcontext(&here);
	if (ret >= 0)
		ret = unw_init_local(&cursor, &here);
	for (int i = 0; ret >= 0 && i < FRAMES; i++)
		if (unw_step(&cursor) <= 0)
			break;
	if (is_pipe(low))
		memcpy(g_probe_fds, low, sizeof(low));
}

void host_crash_fds(int *out)
{
	memcpy(out, g_probe_fds, sizeof(g_probe_fds));
}

void host_crash_install(void (*report)(int signo, void *ucontext))
{
	static const int fatal[] = { SIGABRT, SIGILL, SIGFPE, SIGSYS };
	struct sigaction act = { .sa_flags = SA_SIGINFO | SA_NODEFER };

	warm_up();
	g_report = report;
	act.sa_sigaction = on_fatal;
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &act, NULL);
	act.sa_sigaction = on_ask;
	act.sa_flags |= SA_RESTART;
	sigaction(ASK_SIGNAL, &act, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void ask(uint32_t tid)
{
	uint64_t deadline = now_ns() + WAIT_NS;

	host_crash_print("  thread %u:", tid);
	atomic_store(&g_asked, tid);
	if (syscall(SYS_tgkill, getpid(), tid, ASK_SIGNAL) < 0) {
		host_crash_print("    ended");
		return;
	}
	while (atomic_load(&g_asked) == tid && now_ns() < deadline)
		syscall(SYS_sched_yield);
	if (atomic_load(&g_asked) == tid)
		host_crash_print("    does not answer");
}

void host_crash_backtrace_others(void)
{
	uint32_t me = host_gettid();

	for (unsigned int i = 0; i < HOST_THREADS_MAX; i++) {
		uint32_t tid = host_threads_at(i);

		if (tid && tid != me)
			ask(tid);
	}
}

NORETURN void host_crash_die(int signo)
{
	struct sigaction act = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigaction(signo, &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	syscall(SYS_tgkill, getpid(), host_gettid(), signo);
	_exit(128 + signo);
}
