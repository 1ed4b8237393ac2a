/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mm_random: address spaces against a model of one entry a page:
 * thousands of random calls in several spaces that fork from each other; after
 * each, what the host maps must be a part of what the model allows, with the
 * right contents, and never writable where another owner would see it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* clang-format off: cmocka needs the four above */
#include <cmocka.h>
/* clang-format on */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mm_world.h"

#define BASE	 0x1000000ull
#define PAGES	 256u /* the playing field of each space */
#define NR_MM	 4u
#define NR_OBJ	 4096u
#define FILE_LEN 64u /* pages of each file */
#define STEPS	 12000

#define RW (LINUX_PROT_READ | LINUX_PROT_WRITE)

/* Objects 0: host file, 1: tmpfs file (both only read through private
 * mappings), 2: host file, 3: tmpfs file (only mapped shared), others: shared
 * anonymous memory. */
#define FIRST_ANON 4u

struct model_page {
	bool mapped, shared, own;
	bool wipe, dontfork;
	uint8_t prot;
	int obj; /* -1: private anonymous */
	uint32_t obj_page;
	uint64_t val; /* if own */
};
struct space {
	struct mm *mm;
	struct model_page page[PAGES];
};
static struct space g_space[NR_MM];
static uint64_t *g_obj[NR_OBJ]; /* contents by page */
static uint32_t g_nr_obj;
static struct fake_file *g_file[FIRST_ANON];
static uint64_t g_next_val = 1;
static bool g_refusing; /* the host refuses an order now and then */

static uint32_t rnd(uint32_t n)
{
	return (uint32_t)random() % n;
}

static uint64_t addr_of(uint32_t page)
{
	return BASE + page * PAGE_SIZE;
}

static uint64_t model_value(const struct model_page *p)
{
	if (p->own)
		return p->val;
	return p->obj < 0 ? 0 : g_obj[p->obj][p->obj_page];
}

static uint8_t model_prot(const struct model_page *p)
{
	return p->prot ? p->prot | PLAT_READ : 0;
}

/* --- checks --------------------------------------------------------------- */

static void check_page(struct space *s, uint32_t i)
{
	struct fake_page *h = host_page(s->mm, addr_of(i));
	struct model_page *m = &s->page[i];
	uint64_t got;

	if (h->fd < 0)
		return;
	assert_true(m->mapped);
	assert_int_equal(h->prot & ~model_prot(m), 0);
	if (h->fd == memfile_fd()) {
		got = *(uint64_t *)memfile_ptr(h->off);
		if (h->prot & PLAT_WRITE && !m->shared)
			assert_true(memfile_sole(h->off, PAGE_SIZE));
	} else {
		assert_true(m->shared || !(h->prot & PLAT_WRITE));
		assert_int_equal(pread(h->fd, &got, 8, (off_t)h->off), 8);
	}
	if (got != model_value(m))
		print_error("page %u of space %zu\n", i, (size_t)(s - g_space));
	assert_int_equal(got, model_value(m));
}

static void check_all(void)
{
	for (uint32_t n = 0; n < NR_MM; n++) {
		struct space *s = &g_space[n];

		if (!s->mm)
			continue;
		mm_check(s->mm);
		for (uint32_t i = 0; i < PAGES; i++) {
			check_page(s, i);
			assert_true(!!vma_at(s->mm, addr_of(i)) ==
				    s->page[i].mapped);
		}
		/* Merging works if there are not more vmas than page runs. */
		assert_true(s->mm->nr_vmas <= PAGES);
	}
}

/* --- operations ----------------------------------------------------------- */

static void model_unmap(struct space *s, uint32_t from, uint32_t n)
{
	memset(&s->page[from], 0, n * sizeof(s->page[0]));
}

static uint8_t random_prot(void)
{
	static const uint8_t prots[] = { RW,
					 RW,
					 RW,
					 LINUX_PROT_READ,
					 LINUX_PROT_NONE,
					 LINUX_PROT_WRITE,
					 LINUX_PROT_READ | LINUX_PROT_EXEC };

	return prots[rnd(ARRAY_SIZE(prots))];
}

static void step_map(struct space *s)
{
	uint32_t from = rnd(PAGES), n = 1 + rnd(MIN(PAGES - from, 40u));
	uint32_t kind = rnd(8), pgoff = 0;
	uint8_t prot = random_prot();
	bool shared = false;
	int obj = -1;
	long ret;

	if (kind < 4) {
		ret = map_anon(s->mm, addr_of(from), n, prot,
			       LINUX_MAP_PRIVATE | LINUX_MAP_FIXED);
	} else if (kind < 5 && g_nr_obj < NR_OBJ) {
		shared = true;
		obj = (int)g_nr_obj++;
		g_obj[obj] = calloc(512, sizeof(uint64_t));
		ret = map_anon(s->mm, addr_of(from), n, prot,
			       LINUX_MAP_SHARED | LINUX_MAP_FIXED);
	} else {
		obj = (int)rnd(FIRST_ANON);
		shared = obj >= 2;
		n = MIN(n, FILE_LEN);
		pgoff = rnd(FILE_LEN - n + 1);
		ret = map_file(s->mm, g_file[obj], addr_of(from), n, pgoff,
			       prot,
			       (shared ? LINUX_MAP_SHARED : LINUX_MAP_PRIVATE) |
				       LINUX_MAP_FIXED);
	}
	if (g_refusing && ret == -ENOMEM) {
		model_unmap(s, from, n);
		return;
	}
	assert_int_equal(ret, addr_of(from));
	for (uint32_t i = 0; i < n; i++)
		s->page[from + i] =
			(struct model_page){ .mapped = true,
					     .shared = shared,
					     .prot = prot,
					     .obj = obj,
					     .obj_page = pgoff + i };
}

static void step_unmap(struct space *s)
{
	uint32_t from = rnd(PAGES), n = 1 + rnd(MIN(PAGES - from, 40u));

	assert_int_equal(mm_munmap(s->mm, addr_of(from), n * PAGE_SIZE), 0);
	model_unmap(s, from, n);
}

static void step_protect(struct space *s)
{
	uint32_t from = rnd(PAGES), n = 1 + rnd(MIN(PAGES - from, 40u)), i;
	uint8_t prot = random_prot();
	int ret = mm_mprotect(s->mm, addr_of(from), n * PAGE_SIZE, prot);

	for (i = from; i < from + n && s->page[i].mapped; i++)
		s->page[i].prot = prot;
	assert_int_equal(ret, i < from + n ? -ENOMEM : 0);
}

/* Length of the run of pages from @from on that is one vma in any case. */
static uint32_t same_run(struct space *s, uint32_t from)
{
	struct vma *v = vma_at(s->mm, addr_of(from));

	return v ? (uint32_t)MIN((v->end - addr_of(from)) / PAGE_SIZE,
				 PAGES - from)
		 : 0;
}

static bool all_free(struct space *s, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++)
		if (i >= PAGES || s->page[i].mapped)
			return false;
	return true;
}

/* What a grown mapping shows in its new pages. */
static void model_grow(struct space *s, const struct model_page *last,
		       uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct model_page *p = &s->page[at + i];

		*p = *last;
		p->own = false;
		p->obj_page = last->obj_page + 1 + i;
	}
}

static void step_remap(struct space *s)
{
	uint32_t from = rnd(PAGES), run = same_run(s, from), n, m, to;
	struct model_page old[PAGES];
	long ret;

	if (run == 0)
		return;
	n = 1 + rnd(MIN(run, 30u));
	m = 1 + rnd(30);
	/* Files end somewhere: do not grow over that here. */
	if (m > n && s->page[from].obj >= 0)
		m = n;
	to = rnd(PAGES - m + 1);
	if (!(to + m <= from || from + n <= to))
		return;
	memcpy(old, &s->page[from], n * sizeof(old[0]));
	if (rnd(2)) {
		ret = mm_mremap(
			s->mm, addr_of(from), n * PAGE_SIZE, m * PAGE_SIZE,
			LINUX_MREMAP_MAYMOVE | LINUX_MREMAP_FIXED, addr_of(to));
		assert_int_equal(ret, addr_of(to));
		model_unmap(s, to, m);
		model_unmap(s, from, n);
		memcpy(&s->page[to], old, MIN(n, m) * sizeof(old[0]));
		if (m > n)
			model_grow(s, &old[n - 1], to + n, m - n);
		return;
	}
	ret = mm_mremap(s->mm, addr_of(from), n * PAGE_SIZE, m * PAGE_SIZE, 0,
			0);
	if (m <= n) {
		assert_int_equal(ret, addr_of(from));
		model_unmap(s, from + m, n - m);
	} else if (run == n && from + m <= PAGES &&
		   all_free(s, from + n, m - n)) {
		if (g_refusing && ret == -ENOMEM)
			return;
		assert_int_equal(ret, addr_of(from));
		model_grow(s, &old[n - 1], from + n, m - n);
	} else if (ret >= 0) {
		/* Grew past the playing field: take it back. */
		assert_true(from + m > PAGES);
		assert_int_equal(mm_munmap(s->mm, addr_of(PAGES),
					   (from + m - PAGES) * PAGE_SIZE),
				 0);
		model_grow(s, &old[n - 1], from + n, PAGES - from - n);
	}
}

static void step_dontneed(struct space *s)
{
	uint32_t from = rnd(PAGES), n = 1 + rnd(MIN(PAGES - from, 40u));
	int ret = mm_madvise(s->mm, addr_of(from), n * PAGE_SIZE,
			     LINUX_MADV_DONTNEED);
	bool hole = false;

	for (uint32_t i = from; i < from + n; i++) {
		hole |= !s->page[i].mapped;
		s->page[i].own = false;
	}
	assert_int_equal(ret, hole ? -ENOMEM : 0);
}

static void step_fork_advice(struct space *s)
{
	uint32_t from = rnd(PAGES);
	bool wipe = rnd(2) && s->page[from].obj < 0;
	int advice = wipe ? LINUX_MADV_WIPEONFORK : LINUX_MADV_DONTFORK;

	if (!s->page[from].mapped)
		return;
	assert_int_equal(mm_madvise(s->mm, addr_of(from), PAGE_SIZE, advice),
			 0);
	if (wipe)
		s->page[from].wipe = true;
	else
		s->page[from].dontfork = true;
}

static void step_fork(struct space *s)
{
	struct space *to = &g_space[rnd(NR_MM)];

	if (to->mm)
		return;
	assert_int_equal(mm_fork(s->mm, &to->mm), 0);
	memcpy(to->page, s->page, sizeof(to->page));
	for (uint32_t i = 0; i < PAGES; i++) {
		if (to->page[i].dontfork)
			memset(&to->page[i], 0, sizeof(to->page[i]));
		if (to->page[i].wipe)
			to->page[i].own = false;
	}
}

static void step_exit(struct space *s)
{
	unsigned int alive = 0;

	for (uint32_t n = 0; n < NR_MM; n++)
		alive += g_space[n].mm != NULL;
	if (alive < 2)
		return;
	world_run(NULL);
	mm_put(s->mm);
	memset(s, 0, sizeof(*s));
}

static void model_store(struct model_page *p, uint64_t v)
{
	if (p->shared) {
		g_obj[p->obj][p->obj_page] = v;
	} else {
		p->own = true;
		p->val = v;
	}
}

static void step_access(struct space *s)
{
	uint32_t i = rnd(PAGES);
	struct model_page *p = &s->page[i];
	uint8_t prot = model_prot(p);
	uint64_t v = 0;
	int want;

	if (rnd(2)) {
		want = prot & PLAT_READ ? 0 : LINUX_SIGSEGV;
		assert_int_equal(guest_read(s->mm, addr_of(i), &v), want);
		if (want == 0)
			assert_int_equal(v, model_value(p));
	} else {
		want = prot & PLAT_WRITE ? 0 : LINUX_SIGSEGV;
		v = g_next_val++;
		assert_int_equal(guest_write(s->mm, addr_of(i), v), want);
		if (want == 0)
			model_store(p, v);
	}
}

/* The sentry's copies: two words on either side of a page border. */
static void step_copy(struct space *s)
{
	uint32_t i = rnd(PAGES - 1);
	struct model_page *p = &s->page[i], *q = p + 1;
	char buf[PAGE_SIZE + 8];
	uint64_t v = g_next_val++;
	size_t left, want;

	left = mm_copy_in(s->mm, buf, addr_of(i), sizeof(buf), 0);
	want = !(model_prot(p) & PLAT_READ)   ? sizeof(buf)
	       : !(model_prot(q) & PLAT_READ) ? 8
					      : 0;
	assert_int_equal(left, want);
	if (left <= 8)
		assert_int_equal(*(uint64_t *)buf, model_value(p));
	if (left == 0)
		assert_int_equal(*(uint64_t *)(buf + PAGE_SIZE),
				 model_value(q));
	left = mm_copy_out(s->mm, addr_of(i), &v, sizeof(v), 0);
	assert_int_equal(left, model_prot(p) & PLAT_WRITE ? 0 : sizeof(v));
	if (left == 0)
		model_store(p, v);
}

static void step_pin(struct space *s)
{
	uint32_t i = rnd(PAGES), n = 1 + rnd(MIN(PAGES - i, 8u)), k;
	uint64_t v = g_next_val++;
	struct mm_pin pin;
	long ret = mm_pin(s->mm, addr_of(i), n * PAGE_SIZE, PLAT_WRITE, &pin);

	for (k = 0; k < n && model_prot(&s->page[i + k]) & PLAT_WRITE; k++)
		;
	assert_int_equal(ret, k ? (long)(k * PAGE_SIZE) : -EFAULT);
	if (ret > 0) {
		*(uint64_t *)pin.iov[0].iov_base = v;
		model_store(&s->page[i], v);
	}
	mm_unpin(&pin);
}

static const struct {
	unsigned int weight;
	void (*step)(struct space *s);
} g_steps[] = {
	{ 12, step_map },  { 5, step_unmap },	 { 8, step_protect },
	{ 6, step_remap }, { 4, step_dontneed }, { 1, step_fork_advice },
	{ 3, step_fork },  { 3, step_exit },	 { 25, step_access },
	{ 15, step_copy }, { 5, step_pin },
};

static void one_step(void)
{
	unsigned int total = 0, at;
	struct space *s;

	do
		s = &g_space[rnd(NR_MM)];
	while (!s->mm);
	world_run(rnd(10) ? s->mm : NULL); /* also as a stranger */
	for (size_t i = 0; i < ARRAY_SIZE(g_steps); i++)
		total += g_steps[i].weight;
	at = rnd(total);
	for (size_t i = 0; i < ARRAY_SIZE(g_steps); i++) {
		if (at < g_steps[i].weight) {
			g_steps[i].step(s);
			return;
		}
		at -= g_steps[i].weight;
	}
}

static void fill_file(uint32_t n)
{
	g_obj[n] = calloc(512, sizeof(uint64_t));
	for (uint32_t i = 0; i < FILE_LEN; i++) {
		uint64_t v = g_obj[n][i] = 1000000 + n * 1000 + i;
		off_t at = (off_t)(i * PAGE_SIZE);

		if (g_file[n]->memory)
			*(uint64_t *)memfile_ptr(g_file[n]->off +
						 (uint64_t)at) = v;
		else
			assert_int_equal(pwrite(g_file[n]->fd, &v, 8, at), 8);
	}
}

static void run_world(unsigned int seed, int refuse_every)
{
	struct memfile_stats st;

	srandom(seed);
	g_refusing = refuse_every > 0;
	for (uint32_t n = 0; n < FIRST_ANON; n++) {
		g_file[n] = n & 1 ? fake_tmpfs_file(FILE_LEN, 2)
				  : fake_host_file(FILE_LEN, 2);
		fill_file(n);
	}
	g_nr_obj = FIRST_ANON;
	g_space[0].mm = world_mm();
	for (int i = 0; i < STEPS; i++) {
		one_step();
		if (refuse_every && i % refuse_every == 0)
			for (uint32_t n = 0; n < NR_MM; n++)
				if (g_space[n].mm)
					g_space[n].mm->as->refuse =
						(int)rnd(20);
		if (i % 8 == 0)
			check_all();
	}
	world_run(NULL);
	for (uint32_t n = 0; n < NR_MM; n++)
		if (g_space[n].mm)
			mm_put(g_space[n].mm);
	memset(g_space, 0, sizeof(g_space));
	for (uint32_t n = 0; n < FIRST_ANON; n++)
		fake_file_drop(g_file[n]);
	for (uint32_t n = 0; n < g_nr_obj; n++)
		free(g_obj[n]);
	memfile_stats(&st);
	assert_int_equal(st.used, 0);
	memfile_check();
}

static void test_model(void **state)
{
	(void)state;
	run_world(1, 0);
	run_world(2, 0);
	run_world(3, 0);
}

static void test_model_with_refusals(void **state)
{
	(void)state;
	run_world(4, 3);
	run_world(5, 50);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_model_with_refusals),
	};

	world_start(0);
	if (argc > 1) {
		run_world((unsigned int)atoi(argv[1]),
			  argc > 2 ? atoi(argv[2]) : 0);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
