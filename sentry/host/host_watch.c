/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_watch: one epoll thread tells when host descriptors become ready.
 *
 * Invariant: a slot is in use while its watch is registered; an event carries
 *            slot and generation, so that one that was fetched before its
 *            watch went away finds nobody.
 * Locks:     g_mu, a leaf without a rank: nothing is called under it.
 * Tests:     tests/conformance (stdin, terminals)
 */
#include "sentry/host/host.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_EVENTS 16
#define WATCH_EVENTS                                                        \
	(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLERR | EPOLLHUP | \
	 EPOLLET)

struct slot {
	struct host_watch *watch;
	uint32_t generation;
};

static pthread_mutex_t g_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t g_idle = PTHREAD_COND_INITIALIZER;
static int g_epoll = -1;	       /* g_mu; constant once >= 0 */
static struct slot *g_slots;	       /* g_mu */
static uint32_t g_nr_slots;	       /* g_mu */
static struct host_watch *g_notifying; /* g_mu */
static pthread_t g_thread;	       /* set before the first event */

static uint64_t slot_key(uint32_t at)
{
	return (uint64_t)g_slots[at].generation << 32 | at;
}

static void deliver(uint64_t key, uint32_t events)
{
	uint32_t at = (uint32_t)key;
	struct host_watch *w = NULL;

	pthread_mutex_lock(&g_mu);
	if (at < g_nr_slots && slot_key(at) == key)
		w = g_slots[at].watch;
	g_notifying = w;
	pthread_mutex_unlock(&g_mu);
	if (!w)
		return;
	w->notify(w, events);
	pthread_mutex_lock(&g_mu);
	g_notifying = NULL;
	pthread_cond_broadcast(&g_idle);
	pthread_mutex_unlock(&g_mu);
}

static void watch_thread(void *arg)
{
	int epoll = (int)(intptr_t)arg;
	struct epoll_event events[MAX_EVENTS];

	pthread_mutex_lock(&g_mu);
	g_thread = pthread_self();
	pthread_mutex_unlock(&g_mu);
	for (;;) {
		int nr = epoll_wait(epoll, events, MAX_EVENTS, -1);

		for (int i = 0; i < nr; i++)
			deliver(events[i].data.u64, events[i].events);
	}
}

static int start_locked(void)
{
	int epoll, ret;

	if (g_epoll >= 0)
		return 0;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return -errno;
	ret = host_thread_new(watch_thread, (void *)(intptr_t)epoll,
			      "moat-watch");
	if (ret < 0) {
		close(epoll);
		return ret;
	}
	g_epoll = epoll;
	return 0;
}

/* A free slot's number, or -ENOMEM. */
static int take_slot_locked(struct host_watch *w)
{
	struct slot *grown;
	uint32_t at = 0;

	while (at < g_nr_slots && g_slots[at].watch)
		at++;
	if (at == g_nr_slots) {
		grown = realloc(g_slots, (at + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		g_slots = grown;
		g_slots[at].generation = 0;
		g_nr_slots++;
	}
	g_slots[at].watch = w;
	g_slots[at].generation++;
	return (int)at;
}

static void drop_slot_locked(uint32_t at)
{
	g_slots[at].watch = NULL;
	g_slots[at].generation++;
}

static int add_locked(struct host_watch *w)
{
	struct epoll_event ev = { .events = WATCH_EVENTS };
	int at, err;

	at = start_locked();
	if (at == 0)
		at = take_slot_locked(w);
	if (at < 0)
		return at;
	ev.data.u64 = slot_key((uint32_t)at);
	if (epoll_ctl(g_epoll, EPOLL_CTL_ADD, w->fd, &ev) == 0)
		return 0;
	err = errno;
	drop_slot_locked((uint32_t)at);
	return err == EPERM ? 0 : -err; /* EPERM: a file, always ready */
}

int host_watch_add(struct host_watch *w)
{
	int ret;

	pthread_mutex_lock(&g_mu);
	ret = add_locked(w);
	pthread_mutex_unlock(&g_mu);
	return ret;
}

void host_watch_del(struct host_watch *w)
{
	pthread_mutex_lock(&g_mu);
	for (uint32_t i = 0; i < g_nr_slots; i++) {
		if (g_slots[i].watch != w)
			continue;
		epoll_ctl(g_epoll, EPOLL_CTL_DEL, w->fd, NULL);
		drop_slot_locked(i);
	}
	/* Called from its own notify(): that one call ends after this. */
	while (g_notifying == w && !pthread_equal(g_thread, pthread_self()))
		pthread_cond_wait(&g_idle, &g_mu);
	pthread_mutex_unlock(&g_mu);
}
