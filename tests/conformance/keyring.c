/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/guest_test.h"
TEST_MAIN
