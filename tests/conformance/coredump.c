/* SPDX-License-Identifier: Apache-2.0 */
/* core(5): when a signal leaves a core file, what wait says, what is in it. */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/harness/guest_test.h"

#define BIG (1ul << 30)

/* An empty directory, in which core files are called "core". */
static void enter_fresh_directory(void)
{
	char pattern[64] = "";
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);

	if (fd >= 0 && read(fd, pattern, sizeof(pattern) - 1) < 0)
		pattern[0] = '\0';
	close(fd);
	if (strcmp(pattern, "core\n"))
		SKIP("core_pattern is not \"core\"");
	fd = open("/proc/sys/kernel/core_uses_pid", O_RDONLY);
	if (fd >= 0 && read(fd, pattern, 1) == 1 && pattern[0] != '0')
		SKIP("core_uses_pid is set");
	close(fd);
}

static void set_limit(rlim_t soft)
{
	struct rlimit r;

	EXPECT_OK(getrlimit(RLIMIT_CORE, &r));
	if (r.rlim_max < soft)
		SKIP("the hard limit of RLIMIT_CORE is too low");
	r.rlim_cur = soft;
	EXPECT_OK(setrlimit(RLIMIT_CORE, &r));
}

static int status_of(pid_t pid)
{
	int st = 0;

	EXPECT_EQ(pid, waitpid(pid, &st, 0));
	return st;
}

static long core_size(void)
{
	struct stat st;

	return stat("core", &st) < 0 ? -1 : st.st_size;
}

TEST(coredump, signals_that_dump)
{
	const int dumping[] = { SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
				SIGFPE,	 SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS };

	enter_fresh_directory();
	set_limit(BIG);
	for (size_t i = 0; i < sizeof(dumping) / sizeof(*dumping); i++) {
		EXPECT_EQ(dumping[i] | 0x80,
			  status_of(CHILD(raise(dumping[i]))));
		EXPECT_TRUE(core_size() > 4096);
		EXPECT_OK(unlink("core"));
	}
}

TEST(coredump, signals_that_do_not)
{
	const int others[] = { SIGHUP,	SIGINT, SIGKILL, SIGUSR1,
			       SIGTERM, SIGIO,	SIGALRM, SIGRTMIN };

	enter_fresh_directory();
	set_limit(BIG);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		EXPECT_EQ(others[i], status_of(CHILD(raise(others[i]))));
	EXPECT_EQ(-1, core_size());
}

TEST(coredump, the_limit)
{
	enter_fresh_directory();
	EXPECT_EQ(SIGABRT, status_of(CHILD(set_limit(0); abort())));
	EXPECT_EQ(SIGABRT, status_of(CHILD(set_limit(4095); abort())));
	EXPECT_EQ(-1, core_size());
	/* Enough to begin with, not to end: what there is stays, and counts. */
	EXPECT_EQ(SIGABRT | 0x80, status_of(CHILD(set_limit(8192); abort())));
	EXPECT_TRUE(core_size() > 0 && core_size() <= 8192);
	EXPECT_EQ(SIGABRT | 0x80, status_of(CHILD(set_limit(BIG); abort())));
	EXPECT_TRUE(core_size() > 8192);
}

TEST(coredump, not_of_what_is_undumpable)
{
	enter_fresh_directory();
	set_limit(BIG);
	EXPECT_EQ(SIGABRT,
		  status_of(CHILD(prctl(PR_SET_DUMPABLE, 0); abort())));
	EXPECT_EQ(-1, core_size());
}

TEST(coredump, waitid_and_sigchld_say_dumped)
{
	siginfo_t si;
	sigset_t s;
	pid_t kid;

	enter_fresh_directory();
	set_limit(BIG);
	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	EXPECT_OK(sigprocmask(SIG_BLOCK, &s, NULL));
	kid = CHILD(raise(SIGQUIT));
	EXPECT_EQ(SIGCHLD, sigwaitinfo(&s, &si));
	EXPECT_EQ(CLD_DUMPED, si.si_code);
	EXPECT_EQ(SIGQUIT, si.si_status);
	EXPECT_OK(waitid(P_PID, kid, &si, WEXITED));
	EXPECT_EQ(CLD_DUMPED, si.si_code);
	EXPECT_EQ(SIGQUIT, si.si_status);
}

TEST(coredump, the_file_is_new_and_private)
{
	struct stat st;
	int fd;

	enter_fresh_directory();
	set_limit(BIG);
	umask(0);
	fd = EXPECT_OK(open("core", O_CREAT | O_RDWR, 0666));
	EXPECT_EQ(3, write(fd, "old", 3));
	EXPECT_EQ(SIGABRT | 0x80, status_of(CHILD(abort())));
	/* The old one was unlinked, not written. */
	EXPECT_OK(fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	EXPECT_EQ(3, st.st_size);
	EXPECT_OK(stat("core", &st));
	EXPECT_EQ(S_IFREG | 0600, st.st_mode);
	EXPECT_EQ(geteuid(), st.st_uid);
}

TEST(coredump, a_directory_in_the_way)
{
	enter_fresh_directory();
	set_limit(BIG);
	EXPECT_OK(mkdir("core", 0777));
	EXPECT_EQ(SIGABRT, status_of(CHILD(abort())));
}

TEST(coredump, no_right_to_write)
{
	enter_fresh_directory();
	set_limit(BIG);
	if (geteuid() == 0)
		SKIP("needs an ordinary user");
	EXPECT_OK(chmod(".", 0555));
	EXPECT_EQ(SIGABRT, status_of(CHILD(abort())));
	EXPECT_OK(chmod(".", 0755));
	EXPECT_EQ(-1, core_size());
}

/* --- contents ------------------------------------------------------------- */

struct core {
	char *at;
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;
};

static struct core map_core(void)
{
	struct core c;
	int fd = EXPECT_OK(open("core", O_RDONLY));

	c.at = EXPECT_OK(
		mmap(NULL, (size_t)core_size(), PROT_READ, MAP_PRIVATE, fd, 0));
	c.eh = (Elf64_Ehdr *)c.at;
	c.ph = (Elf64_Phdr *)(c.at + c.eh->e_phoff);
	EXPECT_EQ(0, memcmp(c.eh->e_ident, ELFMAG, 4));
	EXPECT_EQ(ET_CORE, c.eh->e_type);
	EXPECT_EQ(EM_X86_64, c.eh->e_machine);
	EXPECT_EQ(PT_NOTE, c.ph[0].p_type);
	return c;
}

/* The bytes of guest address @va in the file, NULL if they are not there. */
static const char *core_at(const struct core *c, const void *va)
{
	for (int i = 1; i < c->eh->e_phnum; i++) {
		const Elf64_Phdr *p = &c->ph[i];

		if ((size_t)va - p->p_vaddr < p->p_filesz)
			return c->at + p->p_offset + ((size_t)va - p->p_vaddr);
	}
	return NULL;
}

/* The @n-th note of @type; its size in *size. */
static const void *core_note(const struct core *c, unsigned int type, int n,
			     size_t *size)
{
	const char *p = c->at + c->ph[0].p_offset;
	const char *end = p + c->ph[0].p_filesz;

	while (p < end) {
		const Elf64_Nhdr *h = (const Elf64_Nhdr *)p;
		const char *desc = p + sizeof(*h) + ((h->n_namesz + 3) & ~3u);

		if (h->n_type == type && n-- == 0) {
			if (size)
				*size = h->n_descsz;
			return desc;
		}
		p = desc + ((h->n_descsz + 3) & ~3u);
	}
	return NULL;
}

static char g_data[] = "initialised and changed";
static long *g_shared, *g_private, *g_hidden;

static void make_memory(void)
{
	g_shared = EXPECT_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	g_private = EXPECT_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	g_hidden = EXPECT_OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT_OK(madvise(g_hidden, 8192, MADV_DONTDUMP));
}

TEST(coredump, memory)
{
	struct core c;

	enter_fresh_directory();
	set_limit(BIG);
	make_memory();
	EXPECT_EQ(SIGSEGV | 0x80,
		  status_of(CHILD(g_data[0] = 'I'; *g_shared = 5;
				  *g_private = 6; *g_hidden = 7;
				  mprotect(g_private, 4096, PROT_NONE);
				  *(volatile long *)g_private = 1)));
	c = map_core();
	EXPECT_TRUE(core_at(&c, g_data));
	EXPECT_STR("Initialised and changed", core_at(&c, g_data));
	EXPECT_TRUE(core_at(&c, g_shared) && core_at(&c, g_private));
	EXPECT_EQ(5, *(const long *)core_at(&c, g_shared));
	EXPECT_EQ(6, *(const long *)core_at(&c, g_private));
	EXPECT_TRUE(!core_at(&c, g_hidden));
}

TEST(coredump, notes_of_the_process)
{
	const struct elf_prstatus *ps;
	const struct elf_prpsinfo *pi;
	const siginfo_t *si;
	const Elf64_auxv_t *av;
	const unsigned long *files;
	struct core c;
	size_t size = 0;
	pid_t kid;

	enter_fresh_directory();
	set_limit(BIG);
	kid = CHILD(prctl(PR_SET_NAME, "dumper");
		    __asm__ volatile("mov $0x123456789, %%rbx\n"
				     "movq %%rbx, %%xmm3\n"
				     "movl $7, (0x18)" ::
					     : "rbx", "xmm3"));
	EXPECT_EQ(SIGSEGV | 0x80, status_of(kid));
	c = map_core();
	ps = core_note(&c, NT_PRSTATUS, 0, &size);
	EXPECT_TRUE(ps);
	EXPECT_EQ(sizeof(*ps), size);
	EXPECT_EQ(SIGSEGV, ps->pr_cursig);
	EXPECT_EQ(kid, ps->pr_pid);
	EXPECT_EQ(getpid(), ps->pr_ppid);
	EXPECT_EQ(0x123456789, ps->pr_reg[5]);		  /* rbx */
	EXPECT_TRUE(core_at(&c, (void *)ps->pr_reg[19])); /* rsp */
	pi = core_note(&c, NT_PRPSINFO, 0, &size);
	EXPECT_TRUE(pi);
	EXPECT_EQ(sizeof(*pi), size);
	EXPECT_STR("dumper", pi->pr_fname);
	EXPECT_TRUE(strstr(pi->pr_psargs, "coredump"));
	EXPECT_EQ(kid, pi->pr_pid);
	EXPECT_EQ(getuid(), pi->pr_uid);
	si = core_note(&c, NT_SIGINFO, 0, NULL);
	EXPECT_TRUE(si);
	EXPECT_EQ(SIGSEGV, si->si_signo);
	EXPECT_EQ(0x18, (long)si->si_addr);
	av = core_note(&c, NT_AUXV, 0, &size);
	EXPECT_TRUE(av);
	EXPECT_EQ(AT_NULL, av[size / sizeof(*av) - 1].a_type);
	files = core_note(&c, NT_FILE, 0, &size);
	EXPECT_TRUE(files && files[0] > 0);
	EXPECT_EQ(4096, files[1]);
	EXPECT_TRUE(
		strstr((const char *)(files + 2 + 3 * files[0]), "/coredump"));
	EXPECT_TRUE(core_note(&c, NT_PRFPREG, 0, &size));
	EXPECT_EQ(512, size);
	EXPECT_EQ(0x123456789,
		  *(const long *)((const char *)core_note(&c, NT_PRFPREG, 0,
							  NULL) +
				  160 + 3 * 16));
	EXPECT_TRUE(core_note(&c, NT_X86_XSTATE, 0, NULL));
	EXPECT_TRUE(!core_note(&c, NT_PRSTATUS, 1, NULL));
}

static _Atomic int g_up;

static void *spin(void *arg)
{
	(void)arg;
	g_up++;
	for (;;)
		__asm__ volatile("mov $0x77, %%r12" ::: "r12");
	return NULL;
}

static void *block(void *arg)
{
	(void)arg;
	g_up++;
	for (;;)
		pause();
	return NULL;
}

TEST(coredump, all_threads_are_in_it)
{
	const struct elf_prstatus *ps;
	bool spun = false;
	struct core c;
	pid_t kid;

	enter_fresh_directory();
	set_limit(BIG);
	kid = CHILD(pthread_t th; pthread_create(&th, NULL, spin, NULL);
		    pthread_create(&th, NULL, block, NULL); while (g_up < 2);
		    raise(SIGQUIT));
	EXPECT_EQ(SIGQUIT | 0x80, status_of(kid));
	c = map_core();
	for (int i = 0; i < 3; i++) {
		ps = core_note(&c, NT_PRSTATUS, i, NULL);
		EXPECT_TRUE(ps);
		EXPECT_EQ(i == 0, ps->pr_pid == kid);
		spun |= ps->pr_reg[3] == 0x77; /* r12 */
	}
	EXPECT_TRUE(spun);
	EXPECT_TRUE(!core_note(&c, NT_PRSTATUS, 3, NULL));
}

TEST_MAIN
