/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_files: file work that is measured once, not in rounds.
 *
 *	seq-write|seq-read|random-pread FILE MIB   nanoseconds in all, or each
 *	watch FILE N     CLOCK_REALTIME, in ns, when FILE was seen to have 1..N
 *			 bytes
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE  (1u << 20)
#define PREADS 200000
#define KILO4  4096

static char buf[PIECE];

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_files: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void seq(const char *path, long mib, int writes)
{
	int fd = open(path, writes ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY,
		      0644);
	long long start = now_ns(CLOCK_MONOTONIC);

	must(fd >= 0, path);
	for (long i = 0; i < mib; i++)
		must((writes ? write(fd, buf, PIECE) : read(fd, buf, PIECE)) ==
			     PIECE,
		     "read or write");
	close(fd);
	printf("%lld\n", now_ns(CLOCK_MONOTONIC) - start);
}

static void random_pread(const char *path, long mib)
{
	unsigned long pages = (unsigned long)mib * PIECE / KILO4, x = 88172645;
	int fd = open(path, O_RDONLY);
	long long start;

	must(fd >= 0, path);
	start = now_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < PREADS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		must(pread(fd, buf, KILO4, (off_t)(x % pages * KILO4)) == KILO4,
		     "pread");
	}
	printf("%.1f\n", (double)(now_ns(CLOCK_MONOTONIC) - start) / PREADS);
}

static void watch(const char *path, long n)
{
	struct stat st;

	for (long i = 1; i <= n; i++) {
		do
			must(stat(path, &st) == 0, path);
		while (st.st_size < i);
		printf("%lld\n", now_ns(CLOCK_REALTIME));
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	long nr = argc == 4 ? atol(argv[3]) : 0;

	must(nr > 0, "arguments: WHAT FILE NUMBER");
	memset(buf, 'x', sizeof(buf));
	if (strcmp(argv[1], "watch") == 0)
		watch(argv[2], nr);
	else if (strcmp(argv[1], "random-pread") == 0)
		random_pread(argv[2], nr);
	else
		seq(argv[2], nr, strcmp(argv[1], "seq-write") == 0);
	return 0;
}
