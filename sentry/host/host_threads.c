/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_threads: a lock-free table of thread ids.
 *
 * A slot is claimed by compare-and-swap from 0 and given back by its owner;
 * readers in a crash may see a thread that has just ended, which tgkill
 * answers with ESRCH.
 */
#include "sentry/host/host_threads.h"

#include <stdatomic.h>

#include "sentry/host/host.h"

static _Atomic uint32_t g_tids[HOST_THREADS_MAX];
static _Atomic uint32_t g_used; /* slots below this were ever claimed */
static __thread unsigned int own_slot = HOST_THREADS_MAX;

void host_threads_enter(void)
{
	uint32_t tid = host_gettid();

	for (unsigned int i = 0; i < HOST_THREADS_MAX; i++) {
		uint32_t free_slot = 0, used = g_used;

		if (!atomic_compare_exchange_strong(&g_tids[i], &free_slot,
						    tid))
			continue;
		own_slot = i;
		while (used <= i &&
		       !atomic_compare_exchange_weak(&g_used, &used, i + 1))
			;
		return;
	}
}

void host_threads_leave(void)
{
	if (own_slot < HOST_THREADS_MAX)
		atomic_store(&g_tids[own_slot], 0);
	own_slot = HOST_THREADS_MAX;
}

uint32_t host_threads_at(unsigned int i)
{
	return i < g_used ? atomic_load(&g_tids[i]) : 0;
}
