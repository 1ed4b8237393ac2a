/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_worker: threads of the sentry that are used again.
 *
 * To make a thread and to end it costs 100 us, most of it in the host's kernel
 * (stack, table entries, its last time slice).  So a worker whose function has
 * returned waits for another one; PARKED_MAX may wait, more end.  A parked one
 * sleeps without a timer.
 *
 * Invariant: a worker is in the list, or in somebody's hands, or at work.
 * Locks:     g_mu covers the list; held for no host call.
 * Tests:     tests/conformance/clone.c, every test with threads or processes
 */
#include "sentry/host/host_worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "sentry/host/host.h"

#define PARKED_MAX  8
#define NO_DEADLINE UINT64_MAX

enum { WORKER_PARKED, WORKER_GO };

struct host_worker {
	_Atomic uint32_t word; /* futex */
	void (*fn)(void *arg);
	void *arg;
	struct host_worker *next;
};

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static struct host_worker *g_parked;
static unsigned int g_nr_parked;

/* Back into the list; false: there are enough. */
static bool park(struct host_worker *w)
{
	bool room;

	atomic_store(&w->word, WORKER_PARKED);
	pthread_mutex_lock(&g_mu);
	room = g_nr_parked < PARKED_MAX;
	if (room) {
		w->next = g_parked;
		g_parked = w;
		g_nr_parked++;
	}
	pthread_mutex_unlock(&g_mu);
	return room;
}

/* Whoever says go may still be about to wake us when we have ended: that uses
 * the address of the word only. */
static void worker_thread(void *arg)
{
	struct host_worker *w = arg;

	do {
		while (atomic_load(&w->word) == WORKER_PARKED)
			host_futex_wait(&w->word, WORKER_PARKED, NO_DEADLINE);
		if (w->fn)
			w->fn(w->arg);
	} while (park(w));
	free(w);
}

static struct host_worker *unpark(void)
{
	struct host_worker *w;

	pthread_mutex_lock(&g_mu);
	w = g_parked;
	if (w) {
		g_parked = w->next;
		g_nr_parked--;
	}
	pthread_mutex_unlock(&g_mu);
	return w;
}

int host_worker_get(struct host_worker **out)
{
	struct host_worker *w = unpark();
	int ret;

	if (!w) {
		w = calloc(1, sizeof(*w));
		ret = w ? host_thread_new(worker_thread, w, "task") : -EAGAIN;
		if (ret < 0) {
			free(w);
			return ret;
		}
	}
	*out = w;
	return 0;
}

void host_worker_go(struct host_worker *w, void (*fn)(void *arg), void *arg)
{
	w->fn = fn;
	w->arg = arg;
	atomic_store(&w->word, WORKER_GO);
	host_futex_wake(&w->word, 1);
}

void host_worker_put(struct host_worker *w)
{
	host_worker_go(w, NULL, NULL);
}
