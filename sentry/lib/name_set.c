/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_set: names with records, hashed.
 *
 * Invariant: at most half of the slots are used.
 * Tests:     tests/unit/test_overlay.c, tests/unit/test_goferfs.c
 */
#include "sentry/lib/name_set.h"

#include <stdlib.h>
#include <string.h>

#include "sentry/lib/alloc.h"
#include "sentry/lib/hash.h"

/* The slot of a name: where it is, or the empty one where it would be. */
static uint32_t *slot_of(const struct name_set *s, const char *name, size_t len)
{
	size_t i = hash_bytes(name, len) & (s->nr_slots - 1);

	for (;; i = (i + 1) & (s->nr_slots - 1)) {
		const char *have;

		if (!s->slots[i])
			return &s->slots[i];
		have = s->text.data + s->at[s->slots[i] - 1] + s->record_size;
		if (strncmp(have, name, len) == 0 && have[len] == '\0')
			return &s->slots[i];
	}
}

static bool grow(struct name_set *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64, i;
	size_t *at = realloc(s->at, cap * sizeof(*at));
	uint32_t *slots = kzalloc(cap * 2 * sizeof(*slots));

	if (at)
		s->at = at;
	if (!at || !slots) {
		free(slots);
		return false;
	}
	free(s->slots);
	s->slots = slots;
	s->nr_slots = cap * 2;
	s->cap = cap;
	for (i = 0; i < s->nr; i++) {
		const char *name = s->text.data + s->at[i] + s->record_size;

		*slot_of(s, name, strlen(name)) = (uint32_t)i + 1;
	}
	return true;
}

bool name_set_add(struct name_set *s, const char *name, size_t len,
		  const void *record)
{
	size_t start = s->text.len;
	uint32_t *slot;

	if (s->nr == s->cap && !grow(s))
		return false;
	slot = slot_of(s, name, len);
	if (*slot)
		return true;
	seq_write(&s->text, record, s->record_size);
	seq_write(&s->text, name, len);
	seq_write(&s->text, "", 1);
	if (s->text.failed)
		return false;
	s->at[s->nr] = start;
	*slot = (uint32_t)++s->nr;
	return true;
}

long name_set_find(const struct name_set *s, const char *name, size_t len)
{
	return s->nr ? (long)*slot_of(s, name, len) - 1 : -1;
}

const char *name_set_get(const struct name_set *s, size_t i, void *record)
{
	const char *at = s->text.data + s->at[i];

	memcpy(record, at, s->record_size);
	return at + s->record_size;
}

void name_set_put(struct name_set *s, size_t i, const void *record)
{
	memcpy(s->text.data + s->at[i], record, s->record_size);
}

size_t name_set_bytes(const struct name_set *s)
{
	return s->text.cap + s->cap * sizeof(*s->at) +
	       s->nr_slots * sizeof(*s->slots);
}

void name_set_fini(struct name_set *s)
{
	seq_fini(&s->text);
	free(s->at);
	free(s->slots);
	*s = (struct name_set){ .record_size = s->record_size };
}
