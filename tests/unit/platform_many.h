/* SPDX-License-Identifier: Apache-2.0 */
/* platform_many: bodies of the platform's tests with several threads; each
 * runs inside in_sandbox(). */
#ifndef TESTS_UNIT_PLATFORM_MANY_H
#define TESTS_UNIT_PLATFORM_MANY_H

void threads(void);
void thread_killed(void);
void interrupts(void);
void syncs(void);
void spaces_in_threads(void);
void spreads(void);

#endif
