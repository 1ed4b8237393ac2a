/* SPDX-License-Identifier: Apache-2.0 */
/* proc(5): what programs read there. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "tests/harness/guest_test.h"

static char text[1 << 20];

/* The whole file as a string. */
static char *slurp(const char *path)
{
	int fd = EXPECT_OK(open(path, O_RDONLY));
	size_t n = 0;
	long got;

	while ((got = EXPECT_OK(read(fd, text + n, sizeof(text) - 1 - n))) > 0)
		n += (size_t)got;
	text[n] = '\0';
	EXPECT_OK(close(fd));
	return text;
}

/* The value of "Name:" in a file of such lines. */
static long field(const char *path, const char *name)
{
	char *at = strstr(slurp(path), name);
	long v = -1;

	if (!at || sscanf(at + strlen(name), ": %ld", &v) != 1)
		FAIL("%s has no %s", path, name);
	return v;
}

static char *link_of(const char *path)
{
	static char buf[4096];
	ssize_t n = EXPECT_OK(readlink(path, buf, sizeof(buf) - 1));

	buf[n] = '\0';
	return buf;
}

TEST(proc, self_and_thread_self)
{
	char want[64];

	snprintf(want, sizeof(want), "%d", getpid());
	EXPECT_STR(want, link_of("/proc/self"));
	snprintf(want, sizeof(want), "%d/task/%d", getpid(), gettid());
	EXPECT_STR(want, link_of("/proc/thread-self"));
}

TEST(proc, maps_lines_are_parsed)
{
	char *page = EXPECT_OK(
		mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	unsigned long start, end, last = 0, off;
	int stack = 0, mine = 0, exe = 0, used;
	char prot[5];
	unsigned int major, minor, ino;

	for (char *l = strtok(slurp("/proc/self/maps"), "\n"); l;
	     l = strtok(NULL, "\n")) {
		EXPECT_EQ(7,
			  sscanf(l, "%lx-%lx %4s %lx %x:%x %u %n", &start, &end,
				 prot, &off, &major, &minor, &ino, &used));
		EXPECT_TRUE(start < end && start >= last);
		last = end;
		stack += !strcmp(l + used, "[stack]") && prot[1] == 'w';
		mine += start <= (unsigned long)page &&
			(unsigned long)page < end && !strcmp(prot, "r--s");
		exe += l[used] == '/' && prot[2] == 'x' && ino;
	}
	EXPECT_EQ(1, stack);
	EXPECT_EQ(1, mine);
	EXPECT_TRUE(exe >= 1);
}

TEST(proc, maps_name_the_mapped_file)
{
	char want[4200];
	int fd = EXPECT_OK(open("map me", O_RDWR | O_CREAT | O_TRUNC, 0644));
	struct stat st;
	char *at;
	unsigned long ino;

	EXPECT_OK(ftruncate(fd, 8192));
	EXPECT_OK(fstat(fd, &st));
	EXPECT_OK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 4096));
	EXPECT_TRUE(getcwd(want, 4096) != NULL);
	strcat(want, "/map me");
	at = strstr(slurp("/proc/self/maps"), want);
	EXPECT_TRUE(at != NULL);
	while (at > text && at[-1] != '\n')
		at--;
	EXPECT_EQ(1, sscanf(at, "%*x-%*x r--p 00001000 %*x:%*x %lu", &ino));
	EXPECT_EQ(st.st_ino, ino);
}

TEST(proc, stat_fields)
{
	char comm[64], state;
	int pid, ppid, pgrp, session;
	long threads;

	EXPECT_OK(prctl(PR_SET_NAME, "a) b (c"));
	EXPECT_TRUE(strrchr(slurp("/proc/self/stat"), ')') != NULL);
	EXPECT_EQ(2, sscanf(text, "%d (%63[^\n]", &pid, comm));
	EXPECT_EQ(0, strncmp(comm, "a) b (c) ", 9));
	EXPECT_EQ(5, sscanf(strrchr(text, ')') + 2,
			    "%c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u "
			    "%*u %*d %*d %*d %*d %ld",
			    &state, &ppid, &pgrp, &session, &threads));
	EXPECT_EQ('R', state);
	EXPECT_EQ(getpid(), pid);
	EXPECT_EQ(getppid(), ppid);
	EXPECT_EQ(getpgrp(), pgrp);
	EXPECT_EQ(getsid(0), session);
	EXPECT_EQ(1, threads);
	pid = 0;
	for (char *p = text; *p; p++)
		pid += *p == ' ';
	EXPECT_EQ(51 + 2, pid);
}

TEST(proc, status_fields)
{
	EXPECT_EQ(getpid(), field("/proc/self/status", "\nPid"));
	EXPECT_EQ(getpid(), field("/proc/self/status", "\nTgid"));
	EXPECT_EQ(getppid(), field("/proc/self/status", "\nPPid"));
	EXPECT_EQ((long)getuid(), field("/proc/self/status", "\nUid"));
	EXPECT_EQ(1, field("/proc/self/status", "\nThreads"));
	EXPECT_TRUE(field("/proc/self/status", "\nVmSize") > 0);
	EXPECT_TRUE(field("/proc/self/status", "\nVmRSS") > 0);
	EXPECT_TRUE(strstr(text, "\nSigBlk:\t0000000000000000\n") != NULL);
	EXPECT_TRUE(strstr(text, "\nState:\tR (running)\n") != NULL);
}

TEST(proc, zombies_and_stopped_processes)
{
	pid_t pid = CHILD((void)0);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	EXPECT_SOON(strstr(slurp(path), "State:\tZ (zombie)"));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	EXPECT_STR("", slurp(path));
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	EXPECT_STR("", slurp(path));
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	EXPECT_ERRNO(ENOENT, readlink(path, text, sizeof(text)));
	EXPECT_EXIT(0, pid);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	EXPECT_ERRNO(ENOENT, open(path, O_RDONLY));
	pid = CHILD(raise(SIGSTOP));
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	EXPECT_SOON(strstr(slurp(path), ") T "));
	EXPECT_OK(kill(pid, SIGKILL));
}

TEST(proc, open_file_of_a_process_that_is_gone)
{
	int up[2], fd;
	char path[64], c;
	pid_t pid;

	EXPECT_OK(pipe(up));
	pid = CHILD(EXPECT_EQ(1, read(up[0], &c, 1)));
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = EXPECT_OK(open(path, O_RDONLY));
	EXPECT_EQ(1, write(up[1], "x", 1));
	EXPECT_EXIT(0, pid);
	EXPECT_ERRNO(ESRCH, read(fd, text, 100));
}

TEST(proc, exe_cwd_root)
{
	char cwd[4096];
	struct stat a, b;

	EXPECT_TRUE(getcwd(cwd, sizeof(cwd)) != NULL);
	EXPECT_STR(cwd, link_of("/proc/self/cwd"));
	EXPECT_STR("/", link_of("/proc/self/root"));
	EXPECT_EQ('/', link_of("/proc/self/exe")[0]);
	EXPECT_OK(stat("/proc/self/exe", &a));
	EXPECT_OK(stat(link_of("/proc/self/exe"), &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_OK(mkdir("gone", 0755));
	EXPECT_OK(chdir("gone"));
	EXPECT_OK(rmdir("../gone"));
	strcat(cwd, "/gone (deleted)");
	EXPECT_STR(cwd, link_of("/proc/self/cwd"));
}

TEST(proc, descriptor_links)
{
	char path[64], want[64], cwd[4200];
	int p[2], fd, copy;
	struct stat st;

	EXPECT_OK(pipe(p));
	EXPECT_OK(fstat(p[0], &st));
	snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)st.st_ino);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	EXPECT_STR(want, link_of(path));
	EXPECT_OK(lstat(path, &st));
	EXPECT_TRUE(S_ISLNK(st.st_mode));
	EXPECT_EQ(0500, st.st_mode & 0777);
	fd = EXPECT_OK(open("f", O_RDWR | O_CREAT, 0600));
	EXPECT_EQ(3, write(fd, "abc", 3));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_OK(unlink("f"));
	EXPECT_TRUE(getcwd(cwd, 4096) != NULL);
	strcat(cwd, "/f (deleted)");
	EXPECT_STR(cwd, link_of(path));
	/* Opening it is a description of its own on the same file. */
	copy = EXPECT_OK(open(path, O_RDONLY));
	EXPECT_EQ(3, read(copy, want, 9));
	EXPECT_OK(close(copy));
	EXPECT_ERRNO(ENOENT, readlink("/proc/self/fd/999", want, 9));
}

TEST(proc, descriptor_folder_lists_exactly_the_open_ones)
{
	DIR *d;
	struct dirent *e;
	int found = 0, open_ones = 0;

	EXPECT_EQ(200, dup2(0, 200));
	d = opendir("/proc/self/fd");
	EXPECT_TRUE(d != NULL);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			EXPECT_OK(fcntl(atoi(e->d_name), F_GETFD));
			found++;
		}
	for (int i = 0; i < 1024; i++)
		open_ones += fcntl(i, F_GETFD) >= 0;
	EXPECT_EQ(open_ones, found);
}

TEST(proc, fdinfo)
{
	int fd = EXPECT_OK(open("f", O_RDWR | O_CREAT | O_APPEND, 0600));
	char path[64];

	EXPECT_EQ(5, write(fd, "12345", 5));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	EXPECT_EQ(5, field(path, "pos"));
	EXPECT_TRUE(strstr(text, "flags:\t0102002\n") != NULL);
	EXPECT_TRUE(strstr(text, "mnt_id:\t") != NULL);
}

TEST(proc, cmdline_comm_and_environment)
{
	slurp("/proc/self/cmdline");
	EXPECT_TRUE(strstr(text, "proc") != NULL);
	EXPECT_OK(prctl(PR_SET_NAME, "new name"));
	EXPECT_STR("new name\n", slurp("/proc/self/comm"));
	int fd = EXPECT_OK(open("/proc/self/comm", O_WRONLY));

	EXPECT_EQ(25, write(fd, "a name that is far too long", 25));
	EXPECT_STR("a name that is \n", slurp("/proc/self/comm"));
	EXPECT_TRUE(strchr(slurp("/proc/self/environ"), '=') != NULL);
}

static void *wait_there(void *arg)
{
	char c;

	return read(*(int *)arg, &c, 1) == 1 ? arg : NULL;
}

TEST(proc, task_folder)
{
	struct dirent *e;
	pthread_t th[3];
	int p[2], n = 0;
	DIR *d;

	EXPECT_OK(pipe(p));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_create(&th[i], NULL, wait_there, p));
	d = opendir("/proc/self/task");
	EXPECT_TRUE(d != NULL);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	EXPECT_EQ(4, n);
	EXPECT_EQ(4, field("/proc/self/status", "\nThreads"));
	EXPECT_EQ(3, write(p[1], "xxx", 3));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_join(th[i], NULL));
}

TEST(proc, mem_reads_and_writes_memory)
{
	volatile int here = 77;
	int fd = EXPECT_OK(open("/proc/self/mem", O_RDWR)), v = 0;

	EXPECT_EQ(4, pread(fd, &v, 4, (off_t)(unsigned long)&here));
	EXPECT_EQ(77, v);
	v = 78;
	EXPECT_EQ(4, pwrite(fd, &v, 4, (off_t)(unsigned long)&here));
	EXPECT_EQ(78, here);
	EXPECT_ERRNO(EIO, pread(fd, &v, 4, 8));
}

TEST(proc, mountinfo_and_mounts)
{
	int id, parent, used, root = 0, proc = 0;
	unsigned int major, minor;
	char from[256], to[256];

	for (char *l = strtok(slurp("/proc/self/mountinfo"), "\n"); l;
	     l = strtok(NULL, "\n")) {
		EXPECT_EQ(6, sscanf(l, "%d %d %u:%u %255s %255s %n", &id,
				    &parent, &major, &minor, from, to, &used));
		EXPECT_TRUE(strstr(l + used, " - ") != NULL);
		root += !strcmp(to, "/");
		proc += !strcmp(to, "/proc") && strstr(l, " - proc ");
	}
	EXPECT_TRUE(root >= 1);
	EXPECT_TRUE(proc >= 1);
	EXPECT_TRUE(strstr(slurp("/proc/mounts"), " /proc proc ") != NULL);
}

TEST(proc, meminfo_and_sysinfo_agree)
{
	struct sysinfo si;
	long total = field("/proc/meminfo", "MemTotal");

	EXPECT_OK(sysinfo(&si));
	EXPECT_EQ(total, (long)(si.totalram * si.mem_unit / 1024));
	EXPECT_TRUE(field("/proc/meminfo", "MemFree") <= total);
	EXPECT_TRUE(field("/proc/meminfo", "MemAvailable") <= total);
	EXPECT_TRUE(field("/proc/meminfo", "MemAvailable") > 0);
}

TEST(proc, system_files)
{
	double up, idle;
	int cpus = 0;

	EXPECT_EQ(2, sscanf(slurp("/proc/uptime"), "%lf %lf", &up, &idle));
	EXPECT_TRUE(up > 0);
	EXPECT_EQ(0, strncmp(slurp("/proc/version"), "Linux version ", 14));
	for (char *p = slurp("/proc/cpuinfo"); (p = strstr(p, "processor\t"));
	     p++)
		cpus++;
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_ONLN), cpus);
	EXPECT_EQ(0, strncmp(slurp("/proc/stat"), "cpu  ", 5));
	EXPECT_TRUE(strstr(text, "\nbtime ") != NULL);
	EXPECT_EQ(3, sscanf(slurp("/proc/loadavg"), "%lf %lf %*f %d/", &up,
			    &idle, &cpus));
	EXPECT_TRUE(strstr(slurp("/proc/filesystems"), "nodev\tproc\n"));
	EXPECT_TRUE(atol(slurp("/proc/sys/kernel/pid_max")) > 300);
	EXPECT_TRUE(strlen(slurp("/proc/sys/kernel/osrelease")) > 3);
	EXPECT_EQ(37, strlen(slurp("/proc/sys/kernel/random/boot_id")));
}

TEST(proc, refusals)
{
	EXPECT_ERRNO(ENOENT, open("/proc/self/nothing", O_RDONLY));
	EXPECT_ERRNO(ENOENT, open("/proc/99999999", O_RDONLY));
	EXPECT_ERRNO(ENOENT, open("/proc/+1", O_RDONLY));
	EXPECT_ERRNO(ENOENT, open("/proc/01", O_RDONLY));
	EXPECT_TRUE(open("/proc/new", O_WRONLY | O_CREAT, 0600) == -1);
	EXPECT_TRUE(mkdir("/proc/dir", 0700) == -1);
	EXPECT_TRUE(unlink("/proc/version") == -1);
	EXPECT_ERRNO(ENOTDIR, open("/proc/version/x", O_RDONLY));
}

TEST(proc, small_reads_and_seeks_agree)
{
	int fd = EXPECT_OK(open("/proc/self/status", O_RDONLY));
	static char whole[8192], part[8192];
	long n = EXPECT_OK(read(fd, whole, sizeof(whole)));

	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	for (long i = 0; i < 100; i++)
		EXPECT_EQ(1, read(fd, part + i, 1));
	EXPECT_EQ(0, memcmp(whole, part, 100));
	EXPECT_EQ(5, pread(fd, part, 5, 7));
	EXPECT_EQ(0, memcmp(whole + 7, part, 5));
	EXPECT_TRUE(n > 200);
}

TEST_MAIN
