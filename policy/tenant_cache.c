/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_cache - the tenants of the domains that were asked for last */
#include "policy/tenant_cache.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SETS 8192
#define WAYS 2

/* What is kept of a domain: its name, the tenant's name, and the record, in a row. */
struct content {
	struct tenant_view view;      /* of age 0: nothing is kept */
	uint8_t domain, name, record; /* lengths */
	uint8_t at[TENANT_CACHE_BYTES];
};

#define WORDS (sizeof(struct content) / sizeof(uint64_t))
#define HEAD_WORDS 3 /* what stands in front of the bytes */

_Static_assert(sizeof(struct content) % sizeof(uint64_t) == 0, "it is copied in words");
_Static_assert(offsetof(struct content, at) <= HEAD_WORDS * sizeof(uint64_t),
    "the lengths are in the head");

/*
 * Two cache lines. The sequence is odd while somebody writes; who reads looks at it
 * before and after. Words are read with acquire and written with release, so that they
 * stay between the two looks without a fence.
 */
struct place {
	_Atomic uint64_t sequence;
	_Atomic uint64_t word[WORDS];
};

struct tenant_cache {
	_Atomic uint32_t age;
	_Atomic unsigned next; /* decides who has to go */
	struct place place[SETS][WAYS];
};

struct tenant_cache *
tenant_cache_new(void)
{
	struct tenant_cache *cache = calloc(1, sizeof *cache);

	if (cache != NULL)
		atomic_store(&cache->age, 1);
	return cache;
}

void
tenant_cache_free(struct tenant_cache **cache)
{
	free(*cache);
	*cache = NULL;
}

struct tenant_view
tenant_cache_view(const struct tenant_cache *cache, uint64_t snapshot)
{
	return (struct tenant_view){snapshot, atomic_load(&cache->age)};
}

void
tenant_cache_forget(struct tenant_cache *cache)
{
	atomic_fetch_add(&cache->age, 1);
}

/* set_of - FNV-1a, folded */
static struct place *
set_of(struct tenant_cache *cache, const char *domain, size_t n)
{
	uint32_t h = UINT32_C(2166136261);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)domain[i]) * UINT32_C(16777619);
	return cache->place[(h ^ h >> 16) % SETS];
}

/* load - words FROM to END of what is kept there */
static void
load(struct place *p, uint64_t *word, size_t from, size_t end)
{
	for (size_t i = from; i < end; i++)
		word[i] = atomic_load_explicit(&p->word[i], memory_order_acquire);
}

/* begin_reading - the snapshot and the lengths; false while the place is written */
static bool
begin_reading(struct place *p, struct content *c, uint64_t *sequence_r)
{
	uint64_t word[HEAD_WORDS];

	*sequence_r = atomic_load_explicit(&p->sequence, memory_order_acquire);
	load(p, word, 0, HEAD_WORDS);
	memcpy(c, word, sizeof word);
	return *sequence_r % 2 == 0;
}

/* end_reading - the rest, as far as it is used; false where it was written meanwhile */
static bool
end_reading(struct place *p, struct content *c, uint64_t sequence)
{
	size_t used = offsetof(struct content, at) + c->domain + c->name + c->record;
	size_t end = (used + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	uint64_t word[WORDS];

	if (end > WORDS)
		return false;
	load(p, word, 0, end);
	memcpy(c, word, end * sizeof *word);
	return atomic_load_explicit(&p->sequence, memory_order_relaxed) == sequence;
}

/* write_place - unless somebody else does at this moment */
static void
write_place(struct place *p, const struct content *content)
{
	uint64_t word[WORDS];
	uint64_t sequence = atomic_load_explicit(&p->sequence, memory_order_relaxed);

	if (sequence % 2 != 0 ||
	    !atomic_compare_exchange_strong(&p->sequence, &sequence, sequence + 1))
		return;
	memcpy(word, content, sizeof word);
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&p->word[i], word[i], memory_order_release);
	atomic_store_explicit(&p->sequence, sequence + 2, memory_order_release);
}

static bool
is_of(const struct content *c, const struct tenant_view *view)
{
	return c->view.snapshot == view->snapshot && c->view.age == view->age;
}

/* read_domain - what is kept of it at this place */
static bool
read_domain(struct place *p, const struct tenant_view *view, const char *domain,
    size_t n, struct content *c)
{
	uint64_t sequence;

	return begin_reading(p, c, &sequence) && is_of(c, view) && c->domain == n &&
	    end_reading(p, c, sequence) && memcmp(c->at, domain, n) == 0;
}

bool
tenant_cache_find(struct tenant_cache *cache, const struct tenant_view *view,
    const char *domain, struct tenant *out_r)
{
	size_t n = strlen(domain);
	struct place *p = set_of(cache, domain, n), *end = p + WAYS;
	struct content c;

	while (p < end && !read_domain(p, view, domain, n, &c))
		p++;
	if (p == end)
		return false;
	memcpy(out_r->name, c.at + n, c.name);
	out_r->name[c.name] = '\0';
	return tenant_decode((struct bytes){c.at + n + c.name, c.record}, out_r) == OK;
}

/* victim - the place of the set that is used next: an outdated one, or any */
static struct place *
victim(struct tenant_cache *cache, struct place *set, const struct content *c)
{
	struct content have;
	uint64_t sequence;

	for (struct place *p = set; p < set + WAYS; p++)
		if (begin_reading(p, &have, &sequence) && !is_of(&have, &c->view))
			return p;
	return set +
	    atomic_fetch_add_explicit(&cache->next, 1, memory_order_relaxed) % WAYS;
}

void
tenant_cache_keep(struct tenant_cache *cache, const struct tenant_view *view,
    const char *domain, const char *name, struct bytes record)
{
	size_t n = strlen(domain), name_len = strlen(name);
	struct content c = {.view = *view};

	if (n > sizeof c.at || record.len > sizeof c.at ||
	    n + name_len + record.len > sizeof c.at)
		return;
	c.domain = (uint8_t)n;
	c.name = (uint8_t)name_len;
	c.record = (uint8_t)record.len;
	memcpy(c.at, domain, n);
	memcpy(c.at + n, name, name_len);
	memcpy(c.at + n + name_len, record.at, record.len);
	write_place(victim(cache, set_of(cache, domain, n), &c), &c);
}
