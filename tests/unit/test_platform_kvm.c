/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of platform_suite.c and platform_many.c on the kvm platform. */
#include "tests/unit/platform_world.h"

const struct platform_ops *const test_platform = &platform_kvm;

int main(void)
{
	return platform_suite();
}
