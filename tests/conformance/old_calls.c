/* SPDX-License-Identifier: Apache-2.0 */
/* ustat(2), sysfs(2), syslog(2), vhangup(2). */
#include <stdbool.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

TEST(old_calls, ustat_finds_a_mounted_device)
{
	unsigned long buf[8];
	struct stat st;

	EXPECT_OK(stat("/proc", &st));
	EXPECT_OK(syscall(SYS_ustat, (unsigned int)st.st_dev, buf));
	EXPECT_ERRNO(EINVAL, syscall(SYS_ustat, 0x12345678u, buf));
	EXPECT_ERRNO(EFAULT,
		     syscall(SYS_ustat, (unsigned int)st.st_dev, (void *)8));
}

TEST(old_calls, sysfs_names_and_numbers_agree)
{
	char name[64];
	long nr = EXPECT_OK(syscall(SYS_sysfs, 3, 0, 0));
	long proc = EXPECT_OK(syscall(SYS_sysfs, 1, "proc", 0));

	EXPECT_TRUE(proc < nr);
	EXPECT_OK(syscall(SYS_sysfs, 2, proc, name));
	EXPECT_STR("proc", name);
	EXPECT_ERRNO(EINVAL, syscall(SYS_sysfs, 2, nr, name));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sysfs, 1, "nosuchfs", 0));
	EXPECT_ERRNO(EINVAL, syscall(SYS_sysfs, 4, 0, 0));
	EXPECT_ERRNO(EFAULT, syscall(SYS_sysfs, 1, (void *)8, 0));
}

static bool log_is_restricted(void)
{
	FILE *f = fopen("/proc/sys/kernel/dmesg_restrict", "r");
	int on = 1;

	if (f && fscanf(f, "%d", &on) != 1)
		on = 1;
	if (f)
		fclose(f);
	return on;
}

TEST(old_calls, the_log_is_for_the_privileged)
{
	char buf[16];

	if (geteuid() == 0 || !log_is_restricted())
		SKIP("needs an ordinary user and a restricted log");
	EXPECT_ERRNO(EPERM, klogctl(3, buf, sizeof(buf)));
	EXPECT_ERRNO(EPERM, klogctl(10, NULL, 0));
	EXPECT_ERRNO(EPERM, klogctl(5, NULL, 0));
}

TEST(old_calls, the_log_answers_root)
{
	char buf[16];

	if (geteuid() != 0)
		SKIP("needs root");
	EXPECT_TRUE(klogctl(10, NULL, 0) > 0);
	EXPECT_TRUE(klogctl(9, NULL, 0) >= 0);
	EXPECT_TRUE(klogctl(3, buf, sizeof(buf)) >= 0);
	EXPECT_EQ(0, klogctl(3, buf, 0));
	EXPECT_ERRNO(EINVAL, klogctl(3, NULL, 8));
	EXPECT_ERRNO(EINVAL, klogctl(3, buf, -1));
	EXPECT_ERRNO(EINVAL, klogctl(8, NULL, 99));
	EXPECT_ERRNO(EINVAL, klogctl(77, NULL, 0));
}

TEST(old_calls, vhangup_needs_privilege_or_does_nothing)
{
	if (geteuid() == 0)
		EXPECT_OK(vhangup()); /* a new session has no terminal */
	else
		EXPECT_ERRNO(EPERM, vhangup());
}

TEST_MAIN
