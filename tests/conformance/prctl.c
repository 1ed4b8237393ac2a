/* SPDX-License-Identifier: Apache-2.0 */
/* prctl(2), arch_prctl(2), personality(2). */
#include <asm/prctl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

static long arch(int code, unsigned long arg)
{
	return syscall(SYS_arch_prctl, code, arg);
}

TEST(prctl, unknown_options)
{
	EXPECT_ERRNO(EINVAL, prctl(9999));
	EXPECT_ERRNO(EINVAL, prctl(-1));
}

TEST(prctl, name_is_cut_at_fifteen)
{
	char name[17] = "";

	EXPECT_OK(prctl(PR_SET_NAME, "abcdefghijklmnopqrstuv"));
	EXPECT_OK(prctl(PR_GET_NAME, name));
	EXPECT_STR("abcdefghijklmno", name);
	EXPECT_ERRNO(EFAULT, prctl(PR_SET_NAME, 8));
	EXPECT_ERRNO(EFAULT, prctl(PR_GET_NAME, 8));
}

TEST(prctl, dumpable)
{
	EXPECT_EQ(1, prctl(PR_GET_DUMPABLE));
	EXPECT_OK(prctl(PR_SET_DUMPABLE, 0));
	EXPECT_EQ(0, prctl(PR_GET_DUMPABLE));
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_DUMPABLE, 2));
	EXPECT_EXIT(0, CHILD(_exit(prctl(PR_GET_DUMPABLE))));
}

TEST(prctl, death_signal)
{
	int sig = -1;

	EXPECT_ERRNO(EINVAL, prctl(PR_SET_PDEATHSIG, 65));
	EXPECT_OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	EXPECT_OK(prctl(PR_GET_PDEATHSIG, &sig));
	EXPECT_EQ(SIGUSR1, sig);
	EXPECT_ERRNO(EFAULT, prctl(PR_GET_PDEATHSIG, 8));
	/* Not for children. */
	EXPECT_EXIT(0, CHILD({
			    prctl(PR_GET_PDEATHSIG, &sig);
			    _exit(sig);
		    }));
}

TEST(prctl, no_new_privs_is_for_ever)
{
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	EXPECT_ERRNO(EINVAL, prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT_EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	EXPECT_EXIT(1, CHILD(_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))));
}

TEST(prctl, timer_slack)
{
	EXPECT_EQ(50000, prctl(PR_GET_TIMERSLACK));
	EXPECT_OK(prctl(PR_SET_TIMERSLACK, 77));
	EXPECT_EQ(77, prctl(PR_GET_TIMERSLACK));
	EXPECT_EXIT(77, CHILD(_exit(prctl(PR_GET_TIMERSLACK))));
	EXPECT_OK(prctl(PR_SET_TIMERSLACK, 0));
	EXPECT_EQ(50000, prctl(PR_GET_TIMERSLACK));
}

TEST(prctl, small_settings)
{
	int v = -1;

	EXPECT_EQ(PR_TIMING_STATISTICAL, prctl(PR_GET_TIMING));
	EXPECT_ERRNO(EINVAL, prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP));
	EXPECT_OK(prctl(PR_GET_TSC, &v));
	EXPECT_EQ(PR_TSC_ENABLE, v);
	EXPECT_OK(prctl(PR_SET_CHILD_SUBREAPER, 5));
	EXPECT_OK(prctl(PR_GET_CHILD_SUBREAPER, &v));
	EXPECT_EQ(1, v);
	EXPECT_ERRNO(EFAULT, prctl(PR_GET_CHILD_SUBREAPER, 8));
	EXPECT_EXIT(0, CHILD({
			    prctl(PR_GET_CHILD_SUBREAPER, &v);
			    _exit(v);
		    }));
}

TEST(prctl, thread_pointers)
{
	unsigned long v = 0;

	EXPECT_OK(arch(ARCH_GET_FS, (unsigned long)&v));
	EXPECT_EQ((unsigned long)pthread_self(), v);
	EXPECT_OK(arch(ARCH_SET_GS, (unsigned long)&v));
	EXPECT_OK(arch(ARCH_GET_GS, (unsigned long)&v));
	EXPECT_EQ((unsigned long)&v, v);
	v = 0x4242;
	unsigned long got;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(got));
	EXPECT_EQ(0x4242, got);
	EXPECT_ERRNO(EPERM, arch(ARCH_SET_GS, 1ul << 63));
	EXPECT_ERRNO(EPERM, arch(ARCH_SET_FS, 1ul << 63));
	EXPECT_ERRNO(EFAULT, arch(ARCH_GET_GS, 8));
	EXPECT_ERRNO(EINVAL, arch(0x9999, 0));
}

TEST(prctl, personality)
{
	int old = EXPECT_OK(personality(0xffffffff));

	EXPECT_EQ(old, personality(ADDR_NO_RANDOMIZE));
	EXPECT_EQ(ADDR_NO_RANDOMIZE, personality(0xffffffff));
	EXPECT_EXIT(0,
		    CHILD(_exit(personality(0xffffffff) != ADDR_NO_RANDOMIZE)));
}

TEST_MAIN
