/* SPDX-License-Identifier: Apache-2.0 */
/* uname(2), sysinfo(2), sethostname(2), getcpu(2), getrandom(2). */
#include <sched.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "tests/harness/guest_test.h"

TEST(info, uname)
{
	struct utsname u;

	EXPECT_OK(uname(&u));
	EXPECT_STR("Linux", u.sysname);
	EXPECT_STR("x86_64", u.machine);
	EXPECT_TRUE(u.release[0] >= '4' && u.version[0] == '#');
	EXPECT_ERRNO(EFAULT, syscall(SYS_uname, 8));
}

TEST(info, uname_agrees_with_proc)
{
	struct utsname u;
	char line[80] = "";
	FILE *f = fopen("/proc/sys/kernel/osrelease", "r");

	EXPECT_OK(uname(&u));
	EXPECT_TRUE(f && fgets(line, sizeof(line), f));
	line[strcspn(line, "\n")] = 0;
	EXPECT_STR(u.release, line);
}

TEST(info, hostname_checks)
{
	if (getuid() == 0) {
		EXPECT_ERRNO(EINVAL, syscall(SYS_sethostname, "x", 65));
		EXPECT_ERRNO(EINVAL, syscall(SYS_sethostname, "x", -1));
		EXPECT_ERRNO(EFAULT, syscall(SYS_sethostname, 8, 3));
		EXPECT_ERRNO(EINVAL, syscall(SYS_setdomainname, "x", 65));
	} else {
		EXPECT_ERRNO(EPERM, syscall(SYS_sethostname, "x", 1));
		EXPECT_ERRNO(EPERM, syscall(SYS_setdomainname, "x", 65));
	}
}

TEST(info, hostname_in_a_namespace_of_its_own)
{
	char name[70] = "";

	if (unshare(CLONE_NEWUTS) < 0)
		SKIP("needs a UTS namespace");
	EXPECT_OK(sethostname("inside-test", 11));
	EXPECT_OK(gethostname(name, sizeof(name)));
	EXPECT_STR("inside-test", name);
	EXPECT_OK(sethostname("", 0));
	EXPECT_OK(gethostname(name, sizeof(name)));
	EXPECT_STR("", name);
}

TEST(info, sysinfo)
{
	struct sysinfo si;

	EXPECT_OK(sysinfo(&si));
	EXPECT_TRUE(si.totalram > 0 && si.freeram <= si.totalram);
	EXPECT_TRUE(si.mem_unit > 0);
	EXPECT_TRUE(si.procs > 0);
	EXPECT_TRUE(si.uptime >= 0);
	EXPECT_ERRNO(EFAULT, syscall(SYS_sysinfo, 8));
}

TEST(info, getcpu)
{
	unsigned int cpu = 9999, node = 9999;
	cpu_set_t set;

	EXPECT_OK(syscall(SYS_getcpu, &cpu, &node, NULL));
	EXPECT_OK(sched_getaffinity(0, sizeof(set), &set));
	EXPECT_TRUE(CPU_ISSET(cpu, &set));
	EXPECT_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getcpu, 8, NULL, NULL));
}

TEST(info, getrandom)
{
	unsigned char a[300], b[300];
	int zeros = 0;

	EXPECT_EQ(300, getrandom(a, 300, 0));
	EXPECT_EQ(300, getrandom(b, 300, GRND_NONBLOCK));
	EXPECT_TRUE(memcmp(a, b, 300));
	for (int i = 0; i < 300; i++)
		zeros += a[i] == 0;
	EXPECT_TRUE(zeros < 30);
	EXPECT_EQ(0, getrandom(a, 0, 0));
	EXPECT_ERRNO(EINVAL, getrandom(a, 1, 8));
	EXPECT_ERRNO(EINVAL, getrandom(a, 1, GRND_RANDOM | 4));
	EXPECT_ERRNO(EFAULT, syscall(SYS_getrandom, 8, 10, 0));
}

TEST_MAIN
