/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_guest: the cost of single operations, as a guest (or natively).
 *
 *	bench_guest NAME DIRECTORY
 *
 * prints the median over rounds, in nanoseconds per operation.  A round lasts
 * about 20 ms, so that one preemption does not decide it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	 11
#define ROUND_NS 20000000.0

static const char *dir;
static char path[4096];
static int fd = -1;
static char page[4096];

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_guest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void op_getppid(void)
{
	getppid();
}

static void op_getppid_raw(void)
{
	syscall(SYS_getppid);
}

/* Not after a form that the trap platform patches. */
static void op_getppid_plain(void)
{
	long ret = SYS_getppid;

	__asm__ volatile("nop\n\tsyscall"
			 : "+a"(ret)
			 :
			 : "rcx", "r11", "memory");
	must(ret >= 0, "getppid");
}

/* One more process than CPUs, so that nobody can wait by looking. */
static void setup_busy(void)
{
	cpu_set_t set;

	must(sched_getaffinity(0, sizeof(set), &set) == 0, "affinity");
	for (int i = CPU_COUNT(&set); i > 0; i--) {
		if (fork() != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(STDOUT_FILENO);
		for (;;)
			;
	}
}

#define THREADS	     8
#define THREAD_CALLS 2000

/* Computes for about a microsecond between calls. */
static void *call_and_compute(void *arg)
{
	for (int i = 0; i < THREAD_CALLS; i++) {
		for (volatile int j = 0; j < 1000; j++)
			;
		getppid();
	}
	return arg;
}

static void op_threads(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		must(pthread_create(&t[i], NULL, call_and_compute, NULL) == 0,
		     "thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void op_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
}

static void setup_null(void)
{
	fd = open("/dev/null", O_WRONLY);
	must(fd >= 0, "/dev/null");
}

static void op_write_null(void)
{
	must(write(fd, page, 1) == 1, "write");
}

static void setup_file(void)
{
	snprintf(path, sizeof(path), "%s/bench-file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	must(fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page), path);
}

static void op_pread(void)
{
	must(pread(fd, page, sizeof(page), 0) == sizeof(page), "pread");
}

static void op_stat(void)
{
	struct stat st;

	must(stat(path, &st) == 0, "stat");
}

static void op_open_read_close(void)
{
	int f = open(path, O_RDONLY);

	must(f >= 0 && read(f, page, 100) == 100, "open, read");
	close(f);
}

static void op_create_unlink(void)
{
	char name[4200];
	int f;

	snprintf(name, sizeof(name), "%s/bench-new", dir);
	f = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
	must(f >= 0, "create");
	close(f);
	must(unlink(name) == 0, "unlink");
}

static void setup_many(void)
{
	char name[4200];

	snprintf(path, sizeof(path), "%s/bench-many", dir);
	must(mkdir(path, 0755) == 0 || errno == EEXIST, path);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "%s/%d", path, i);
		int f = open(name, O_WRONLY | O_CREAT, 0644);

		must(f >= 0, name);
		close(f);
	}
}

static void op_readdir(void)
{
	DIR *d = opendir(path);
	int n = 0;

	must(d != NULL, path);
	while (readdir(d))
		n++;
	closedir(d);
	must(n == 10002, "readdir");
}

static int to_child[2], to_parent[2];

static void setup_pipe(void)
{
	char c;

	must(pipe(to_child) == 0 && pipe(to_parent) == 0, "pipe");
	if (fork() == 0) {
		close(to_child[1]);
		while (read(to_child[0], &c, 1) == 1)
			if (write(to_parent[1], &c, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(to_child[0]);
}

static void op_pipe(void)
{
	char c = 0;

	must(write(to_child[1], &c, 1) == 1 && read(to_parent[0], &c, 1) == 1,
	     "pipe");
}

static int *words;

static void futex_flip(int from, int to)
{
	while (__atomic_load_n(words, __ATOMIC_ACQUIRE) != from)
		syscall(SYS_futex, words, FUTEX_WAIT, to, NULL, NULL, 0);
	__atomic_store_n(words, to, __ATOMIC_RELEASE);
	syscall(SYS_futex, words, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void setup_futex(void)
{
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(words != MAP_FAILED, "mmap");
	if (fork() == 0) {
		/* It sleeps when we end, and holds our stdout. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			futex_flip(1, 0);
	}
}

static void op_futex(void)
{
	futex_flip(0, 1);
	while (__atomic_load_n(words, __ATOMIC_ACQUIRE) == 1)
		syscall(SYS_futex, words, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static void op_fork_wait(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
}

/* A process with much memory in use, which fork copies (or not). */
static void setup_big(void)
{
	size_t size = 100ul << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED, "mmap");
	memset(p, 1, size);
}

static void op_fork_exec(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	int st;
	must(pid > 0 && waitpid(pid, &st, 0) == pid && st == 0, "exec");
}

static void *nothing(void *arg)
{
	return arg;
}

static void op_thread(void)
{
	pthread_t t;

	must(pthread_create(&t, NULL, nothing, NULL) == 0, "thread");
	pthread_join(t, NULL);
}

static void op_mmap(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED, "mmap");
	for (int i = 0; i < 1 << 20; i += 4096)
		p[i] = 1;
	munmap(p, 1 << 20);
}

/* A private file page that is written: the fault that a kernel must see. */
static void op_fault(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	must(p != MAP_FAILED, "mmap");
	*p = 1;
	munmap(p, 4096);
}

/* Nothing but the CPU: what an exit, or a missing page, would add. */
static void op_compute(void)
{
	uint64_t x = 1;

	for (int i = 0; i < 1000000; i++)
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	__asm__ volatile("" : : "r"(x));
}

static void no_setup(void)
{
}

static const struct bench {
	const char *name;
	void (*setup)(void);
	void (*op)(void);
} benches[] = {
	{ "getppid", no_setup, op_getppid },
	{ "getppid-raw", no_setup, op_getppid_raw },
	{ "getppid-plain", no_setup, op_getppid_plain },
	{ "getppid-busy", setup_busy, op_getppid },
	{ "threads-8", no_setup, op_threads },
	{ "clock_gettime", no_setup, op_clock },
	{ "write-null", setup_null, op_write_null },
	{ "pread-4k", setup_file, op_pread },
	{ "stat", setup_file, op_stat },
	{ "open-read-close", setup_file, op_open_read_close },
	{ "create-unlink", no_setup, op_create_unlink },
	{ "readdir-10000", setup_many, op_readdir },
	{ "pipe-ping-pong", setup_pipe, op_pipe },
	{ "futex-ping-pong", setup_futex, op_futex },
	{ "fork-wait", no_setup, op_fork_wait },
	{ "fork-wait-100m", setup_big, op_fork_wait },
	{ "fork-exec", no_setup, op_fork_exec },
	{ "thread-join", no_setup, op_thread },
	{ "mmap-1m", no_setup, op_mmap },
	{ "page-fault", setup_file, op_fault },
	{ "compute", no_setup, op_compute },
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure(void (*op)(void))
{
	double rounds[ROUNDS], start = now_ns(), once;
	long n = 0;

	do {
		op();
		n++;
		once = (now_ns() - start) / (double)n;
	} while (once * (double)n < ROUND_NS / 4 && n < 100000);
	n = (long)(ROUND_NS / once) + 1;
	for (int r = 0; r < ROUNDS; r++) {
		start = now_ns();
		for (long i = 0; i < n; i++)
			op();
		rounds[r] = (now_ns() - start) / (double)n;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	return rounds[ROUNDS / 2];
}

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* "hold-threads", "hold-processes": has that many asleep and says so. */
static int hold(const char *what, int nr)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (int i = 0; i < nr; i++) {
		if (strcmp(what, "hold-threads") == 0)
			must(pthread_create(&t, &attr, sleep_on, NULL) == 0,
			     what);
		else if (fork() == 0)
			sleep_on(NULL);
	}
	printf("ready\n");
	fflush(stdout);
	sleep_on(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: bench_guest NAME DIRECTORY|NUMBER\n");
		return 2;
	}
	if (strncmp(argv[1], "hold-", 5) == 0)
		return hold(argv[1], atoi(argv[2]));
	dir = argv[2];
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		if (strcmp(benches[i].name, argv[1]))
			continue;
		benches[i].setup();
		printf("%.1f\n", measure(benches[i].op));
		return 0;
	}
	fprintf(stderr, "bench_guest: no operation %s\n", argv[1]);
	return 2;
}
