/* SPDX-License-Identifier: Apache-2.0 */
/* ioprio_get(2), ioprio_set(2). */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/harness/guest_test.h"

enum { WHO_PROCESS = 1, WHO_PGRP, WHO_USER };
enum { NONE, RT, BE, IDLE };
#define PRIO(class, level) ((class) << 13 | (level))

static int get(int which, int who)
{
	return (int)syscall(SYS_ioprio_get, which, who);
}

static int set(int which, int who, int prio)
{
	return (int)syscall(SYS_ioprio_set, which, who, prio);
}

TEST(ioprio, begins_as_none_and_is_kept)
{
	EXPECT_EQ(0, get(WHO_PROCESS, 0));
	EXPECT_EQ(0, set(WHO_PROCESS, 0, PRIO(BE, 3)));
	EXPECT_EQ(PRIO(BE, 3), get(WHO_PROCESS, 0));
	EXPECT_EQ(0, set(WHO_PROCESS, getpid(), PRIO(IDLE, 0)));
	EXPECT_EQ(PRIO(IDLE, 0), get(WHO_PROCESS, getpid()));
}

TEST(ioprio, a_group_tells_its_best)
{
	pid_t kid;

	EXPECT_OK(setpgid(0, 0) < 0 && errno != EPERM ? -1 : 0);
	/* What its nice value amounts to, 0 as a rule. */
	EXPECT_EQ(PRIO(BE, (getpriority(PRIO_PROCESS, 0) + 20) / 5),
		  get(WHO_PGRP, 0));
	EXPECT_EQ(0, set(WHO_PGRP, 0, PRIO(BE, 5)));
	EXPECT_EQ(PRIO(BE, 5), get(WHO_PROCESS, 0));
	kid = CHILD(set(WHO_PROCESS, 0, PRIO(BE, 2)); for (;;) pause());
	EXPECT_SOON(get(WHO_PROCESS, kid) == PRIO(BE, 2));
	EXPECT_EQ(PRIO(BE, 2), get(WHO_PGRP, 0));
	kill(kid, SIGKILL);
}

TEST(ioprio, children_inherit)
{
	pid_t kid;

	EXPECT_EQ(0, set(WHO_PROCESS, 0, PRIO(BE, 6)));
	kid = CHILD(_exit(get(WHO_PROCESS, 0) == PRIO(BE, 6) ? 0 : 1));
	EXPECT_EXIT(0, kid);
}

TEST(ioprio, nice_is_the_default)
{
	EXPECT_OK(setpriority(PRIO_PROCESS, 0, 19));
	EXPECT_EQ(0, get(WHO_PROCESS, 0));
	EXPECT_EQ(PRIO(BE, 7), get(WHO_PGRP, getpgrp()));
}

TEST(ioprio, errors)
{
	EXPECT_ERRNO(EINVAL, get(0, 0));
	EXPECT_ERRNO(EINVAL, get(4, 0));
	EXPECT_ERRNO(ESRCH, get(WHO_PROCESS, 99999999));
	EXPECT_ERRNO(ESRCH, get(WHO_PGRP, 99999999));
	EXPECT_ERRNO(EINVAL, set(0, 0, PRIO(BE, 0)));
	EXPECT_ERRNO(ESRCH, set(WHO_PROCESS, 99999999, PRIO(BE, 0)));
	EXPECT_ERRNO(EINVAL, set(WHO_PROCESS, 0, PRIO(NONE, 1)));
	EXPECT_ERRNO(EINVAL, set(WHO_PROCESS, 0, PRIO(5, 0)));
	EXPECT_EQ(0, set(WHO_PROCESS, 0, PRIO(NONE, 0)));
}

TEST(ioprio, real_time_needs_privilege)
{
	if (geteuid() != 0)
		EXPECT_ERRNO(EPERM, set(WHO_PROCESS, 0, PRIO(RT, 0)));
	else
		EXPECT_EQ(0, set(WHO_PROCESS, 0, PRIO(RT, 0)));
}

TEST_MAIN
