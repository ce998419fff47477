/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_counter - counts who submits, in memory, until it is written down */
#include "milter/usage_counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * The whole table, or one part of it, is so full that it should be emptied early: what
 * comes meanwhile has room.
 */
#define EARLY (USAGE_COUNTER_ENTRIES / 4 * 3)
#define EARLY_SHARD (USAGE_COUNTER_SHARD_ENTRIES - USAGE_COUNTER_SHARD_ENTRIES / 32)
#define EARLY_STRANGERS \
	(USAGE_COUNTER_SHARD_STRANGERS - USAGE_COUNTER_SHARD_ENTRIES / 32)

/* A login that is no longer than that is kept in its slot: memory that is not touched
 * costs nothing, and few logins touch that of the long ones. */
#define SHORT_MAX 64

struct slot {
	uint64_t hash;
	uint16_t len, local;
	bool has_domain;
	char text[SHORT_MAX];
	struct usage usage;
	struct usage_day day;
};

/* What a shard fills and the usage_writer empties. */
struct block {
	struct slot slot[USAGE_COUNTER_SHARD_ENTRIES];
	char long_text[USAGE_COUNTER_SHARD_ENTRIES][LOGIN_MAX];
};

struct shard {
	pthread_mutex_t mutex;
	size_t count, strangers;
	struct block *block; /* the first `count` slots are used */
	uint16_t *place;     /* hash table of 1 + index; 0 is free */
};

#define PLACES (2 * USAGE_COUNTER_SHARD_ENTRIES)

static struct {
	bool started;
	struct shard shard[USAGE_COUNTER_SHARDS];
	struct block *spare; /* exchanged for that of the shard being emptied */
	_Atomic size_t entries;
	_Atomic uint64_t dropped;
	atomic_bool early;   /* that it is full has been said */
	atomic_bool crowded; /* a shard is nearly full, whatever the others are */
} usage_counter;

enum error
usage_counter_start(void)
{
	struct block *blocks = calloc(USAGE_COUNTER_SHARDS, sizeof *blocks);
	uint16_t *places = calloc(USAGE_COUNTER_SHARDS * PLACES, sizeof *places);

	usage_counter.spare = calloc(1, sizeof *usage_counter.spare);
	if (blocks == NULL || places == NULL || usage_counter.spare == NULL) {
		free(blocks);
		free(places);
		free(usage_counter.spare);
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < USAGE_COUNTER_SHARDS; i++) {
		pthread_mutex_init(&usage_counter.shard[i].mutex, NULL);
		usage_counter.shard[i].block = &blocks[i];
		usage_counter.shard[i].place = places + i * PLACES;
	}
	usage_counter.started = true;
	return OK;
}

/* hash - FNV-1a of the login and the day, mixed so that all bits count */
static uint64_t
hash(const struct login *login, uint32_t day)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ day;

	for (size_t i = 0; i < login->len; i++)
		h = (h ^ (unsigned char)login->text[i]) * UINT64_C(1099511628211);
	/* the finisher of MurmurHash3: FNV alone fills some parts by a third too much
	 */
	h = (h ^ h >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
	h = (h ^ h >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
	return h ^ h >> 33;
}

/* text_of - where a slot's login is */
static char *
text_of(struct block *b, struct slot *slot)
{
	return slot->len <= SHORT_MAX ? slot->text : b->long_text[slot - b->slot];
}

static void
keep_login(struct block *b, struct slot *slot, const struct login *login)
{
	slot->len = (uint16_t)login->len;
	slot->local = (uint16_t)login->local;
	slot->has_domain = login->has_domain;
	memcpy(text_of(b, slot), login->text, login->len);
}

static bool
is_of(struct block *b, struct slot *slot, const struct login *login)
{
	return slot->len == login->len && slot->local == login->local &&
	    slot->has_domain == login->has_domain &&
	    memcmp(text_of(b, slot), login->text, login->len) == 0;
}

/*
 * find - the slot of the login and the day, a new one where there is none yet, or NULL
 * where there is no room; the shard is locked
 */
static struct slot *
find(struct shard *s, uint64_t h, const struct login *login, uint32_t day,
    bool stranger, bool *new_r)
{
	size_t at = (size_t)(h >> 8) % PLACES;
	struct slot *slot;

	for (*new_r = false; s->place[at] != 0; at = (at + 1) % PLACES) {
		slot = &s->block->slot[s->place[at] - 1];
		if (slot->hash == h && slot->day.day == day &&
		    is_of(s->block, slot, login))
			return slot;
	}
	if (s->count == USAGE_COUNTER_SHARD_ENTRIES ||
	    (stranger && s->strangers == USAGE_COUNTER_SHARD_STRANGERS))
		return NULL;
	s->strangers += stranger;
	*new_r = true;
	slot = &s->block->slot[s->count++];
	s->place[at] = (uint16_t)s->count;
	slot->hash = h;
	keep_login(s->block, slot, login);
	return slot;
}

/* add - the usage and the counts of a day; true unless there is no room */
static bool
add(const struct login *login, const struct usage *usage, const struct usage_day *day)
{
	uint64_t h = hash(login, day->day);
	struct shard *s = &usage_counter.shard[h % USAGE_COUNTER_SHARDS];
	struct slot *slot;
	bool is_new;

	pthread_mutex_lock(&s->mutex);
	slot = find(s, h, login, day->day, usage->stranger, &is_new);
	if (slot != NULL && is_new) {
		slot->usage = *usage;
		slot->day = *day;
		atomic_fetch_add_explicit(
		    &usage_counter.entries, 1, memory_order_relaxed);
	} else if (slot != NULL) {
		usage_add(&slot->usage, usage);
		usage_day_add(&slot->day, day);
	}
	if (s->count >= EARLY_SHARD || s->strangers >= EARLY_STRANGERS)
		atomic_store_explicit(
		    &usage_counter.crowded, true, memory_order_relaxed);
	pthread_mutex_unlock(&s->mutex);
	return slot != NULL;
}

/* is_full - so that it should be emptied early */
static bool
is_full(void)
{
	return atomic_load_explicit(&usage_counter.entries, memory_order_relaxed) >=
	    EARLY ||
	    atomic_load_explicit(&usage_counter.crowded, memory_order_relaxed);
}

/* describe - one submission as a usage */
static void
describe(const struct usage_counter_event *event, struct usage *u)
{
	usage_init(u);
	u->stranger = event->stranger;
	if (event->kind == USAGE_EXEMPT) {
		u->last_exempt = event->now;
		return;
	}
	u->first_seen = u->last_seen = event->now;
	u->mechanism = mechanism_code(event->mechanism);
	u->tls = tls_code(event->tls);
	u->has_client = cidr_ip_parse(event->client, &u->client);
	u->elsewhere = !u->has_client || !cidr_ip_is_loopback(&u->client);
	if (event->kind == USAGE_DENIED)
		return;
	u->last_use = event->now;
	if (!decision_is_modern(event->mechanism))
		u->last_password_use = event->now;
}

/* count_others - what a stranger did that found no room of its own */
static bool
count_others(const struct usage *usage, const struct usage_day *day)
{
	struct usage_entry entry = {.usage = *usage, .day = *day};

	usage_entry_make_others(&entry);
	return add(&entry.login, &entry.usage, &entry.day);
}

bool
usage_counter_count(const struct usage_counter_event *event)
{
	struct usage_day day = {.day = usage_day_of(event->now)};
	struct usage usage;

	if (!usage_counter.started)
		return false;
	describe(event, &usage);
	day.count[event->kind] = 1;
	if (event->kind != USAGE_EXEMPT)
		day.mechanisms = UINT32_C(1) << usage.mechanism;
	if (!add(event->login, &usage, &day) &&
	    !(usage.stranger && count_others(&usage, &day)))
		usage_counter_drop(1);
	return is_full() && !atomic_exchange(&usage_counter.early, true);
}

/* take_entry - what a slot holds, as others know it */
static void
take_entry(struct block *b, struct slot *slot, struct usage_entry *out)
{
	struct login *login = &out->login;

	login->len = slot->len;
	login->local = slot->local;
	login->has_domain = slot->has_domain;
	memcpy(login->text, text_of(b, slot), slot->len);
	login->text[login->len] = '\0';
	out->usage = slot->usage;
	out->day = slot->day;
}

size_t
usage_counter_drain(unsigned shard, struct usage_entry *out)
{
	struct shard *s = &usage_counter.shard[shard];
	struct block *full;
	size_t n;

	if (!usage_counter.started)
		return 0;
	pthread_mutex_lock(&s->mutex);
	full = s->block;
	n = s->count;
	s->block = usage_counter.spare;
	s->count = s->strangers = 0;
	memset(s->place, 0, PLACES * sizeof *s->place);
	pthread_mutex_unlock(&s->mutex);
	usage_counter.spare = full;
	for (size_t i = 0; i < n; i++)
		take_entry(full, &full->slot[i], &out[i]);
	atomic_fetch_sub(&usage_counter.entries, n);
	atomic_store(&usage_counter.crowded, false);
	atomic_store(&usage_counter.early, false);
	return n;
}

void
usage_counter_restore(const struct usage_entry *entry, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!add(&entry[i].login, &entry[i].usage, &entry[i].day) &&
		    !(entry[i].usage.stranger &&
			count_others(&entry[i].usage, &entry[i].day)))
			for (int k = 0; k < USAGE_KINDS; k++)
				usage_counter_drop(entry[i].day.count[k]);
}

size_t
usage_counter_entries(void)
{
	return atomic_load(&usage_counter.entries);
}

uint64_t
usage_counter_take_dropped(void)
{
	return atomic_exchange(&usage_counter.dropped, 0);
}

void
usage_counter_drop(uint64_t n)
{
	if (usage_counter.started)
		atomic_fetch_add(&usage_counter.dropped, n);
}
