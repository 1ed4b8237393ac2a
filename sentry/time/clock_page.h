/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_page: where the clock's parameters are published for guests.
 */
#ifndef SENTRY_TIME_CLOCK_PAGE_H
#define SENTRY_TIME_CLOCK_PAGE_H

#include "sentry/time/vvar.h"

/* From now on each refresh is written to @page too (a page of the memory file
 * that guests map read-only).  Start-up, once. */
void clock_publish(struct vvar_data *page);

#endif
