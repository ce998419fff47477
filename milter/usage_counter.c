/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_counter - counts who submits, in memory, until it is written */
#include "milter/usage_counter.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PLACES (2 * USAGE_COUNTER_ENTRIES)

/* So full a table should be emptied early: what comes meanwhile has room. */
#define IS_EARLY(count, room) ((count) >= (room) / 4 * 3)

struct slot {
	uint64_t hash;
	size_t at; /* of the login in the table's text */
	uint16_t len, local;
	bool has_domain;
	struct usage usage;
	struct usage_day day;
};

struct usage_table {
	size_t count, strangers, text_len;
	struct slot slot[USAGE_COUNTER_ENTRIES]; /* the first COUNT are used */
	uint16_t place[PLACES]; /* hash table of 1 + index; 0 is free */
	char text[USAGE_COUNTER_ENTRIES * LOGIN_MAX];
};

enum error
usage_counter_start(struct usage_counter *c)
{
	c->filling = calloc(1, sizeof *c->filling);
	c->taken = calloc(1, sizeof *c->taken);
	if (c->filling != NULL && c->taken != NULL) {
		pthread_mutex_init(&c->mutex, NULL);
		return OK;
	}
	free(c->filling);
	free(c->taken);
	c->filling = c->taken = NULL;
	return ERR_MEMORY;
}

/* hash - FNV-1a of the login and the day */
static uint64_t
hash(const struct login *login, uint32_t day)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ day;

	for (size_t i = 0; i < login->len; i++)
		h = (h ^ (unsigned char)login->text[i]) * UINT64_C(1099511628211);
	return h;
}

static bool
is_of(const struct usage_table *t, const struct slot *slot, const struct login *login)
{
	return slot->len == login->len && slot->local == login->local &&
	    slot->has_domain == login->has_domain &&
	    memcmp(t->text + slot->at, login->text, login->len) == 0;
}

/* append - a slot for the login; its usage and day are not set */
static struct slot *
append(struct usage_table *t, uint64_t h, const struct login *login)
{
	struct slot *slot = &t->slot[t->count++];

	slot->hash = h;
	slot->at = t->text_len;
	slot->len = (uint16_t)login->len;
	slot->local = (uint16_t)login->local;
	slot->has_domain = login->has_domain;
	memcpy(t->text + t->text_len, login->text, login->len);
	t->text_len += login->len;
	return slot;
}

/* add - to the entry of the login and the day, or as a new one; false: no room */
static bool
add(struct usage_counter *c, const struct login *login, const struct usage *usage,
    const struct usage_day *day)
{
	struct usage_table *t = c->filling;
	uint64_t h = hash(login, day->day);
	struct slot *slot;
	size_t at;

	for (at = h % PLACES; t->place[at] != 0; at = (at + 1) % PLACES) {
		slot = &t->slot[t->place[at] - 1];
		if (slot->hash != h || slot->day.day != day->day ||
		    !is_of(t, slot, login))
			continue;
		usage_add(&slot->usage, usage);
		usage_day_add(&slot->day, day);
		return true;
	}
	if (t->count == USAGE_COUNTER_ENTRIES ||
	    (usage->stranger && t->strangers == USAGE_COUNTER_STRANGERS))
		return false;
	slot = append(t, h, login);
	slot->usage = *usage;
	slot->day = *day;
	t->place[at] = (uint16_t)t->count;
	t->strangers += usage->stranger;
	c->waiting++;
	return true;
}

/* add_others - what a stranger did that found no room of its own */
static bool
add_others(
    struct usage_counter *c, const struct usage *usage, const struct usage_day *day)
{
	struct usage_entry entry = {.usage = *usage, .day = *day};

	usage_entry_make_others(&entry);
	return add(c, &entry.login, &entry.usage, &entry.day);
}

/* describe - one submission as a usage */
static void
describe(
    const struct submission *s, const char *tls, enum usage_kind kind, struct usage *u)
{
	if (kind == USAGE_EXEMPT) {
		u->last_exempt = s->now;
		return;
	}
	u->first_seen = u->last_seen = s->now;
	u->mechanism = mechanism_code(s->mechanism);
	u->tls = tls_code(tls);
	u->has_client = cidr_ip_parse(s->client, &u->client);
	u->elsewhere = !u->has_client || !cidr_ip_is_loopback(&u->client);
	if (kind == USAGE_DENIED)
		return;
	u->last_use = s->now;
	if (!decision_is_modern(s->mechanism))
		u->last_password_use = s->now;
}

bool
usage_counter_add(struct usage_counter *c, const struct submission *s, const char *tls,
    const struct outcome *o)
{
	struct usage_day day = {.day = usage_day_of(s->now)};
	enum usage_kind kind;
	struct usage usage;
	bool hurry;

	if (c->filling == NULL || !o->has_login || !usage_kind_of(&o->decision, &kind))
		return false;
	usage_init(&usage);
	usage.stranger = !o->has_tenant;
	describe(s, tls, kind, &usage);
	day.count[kind] = 1;
	if (kind != USAGE_EXEMPT)
		day.mechanisms = UINT32_C(1) << usage.mechanism;
	pthread_mutex_lock(&c->mutex);
	if (!add(c, &o->login, &usage, &day) &&
	    !(usage.stranger && add_others(c, &usage, &day)))
		c->dropped++;
	hurry = !c->hurried &&
	    (IS_EARLY(c->filling->count, USAGE_COUNTER_ENTRIES) ||
		IS_EARLY(c->filling->strangers, USAGE_COUNTER_STRANGERS));
	c->hurried = c->hurried || hurry;
	pthread_mutex_unlock(&c->mutex);
	return hurry;
}

void
usage_counter_drop(struct usage_counter *c, uint64_t n)
{
	if (c->filling != NULL)
		c->dropped += n;
}

uint64_t
usage_counter_take_dropped(struct usage_counter *c)
{
	return atomic_exchange(&c->dropped, 0);
}

size_t
usage_counter_taken(const struct usage_counter *c)
{
	return c->taken != NULL ? c->taken->count - c->written : 0;
}

void
usage_counter_take(struct usage_counter *c)
{
	struct usage_table *empty = c->taken;

	if (empty == NULL)
		return;
	empty->count = empty->strangers = empty->text_len = 0;
	memset(empty->place, 0, sizeof empty->place);
	c->written = 0;
	pthread_mutex_lock(&c->mutex);
	c->taken = c->filling;
	c->filling = empty;
	c->hurried = false;
	pthread_mutex_unlock(&c->mutex);
}

void
usage_counter_entry(const struct usage_counter *c, size_t i, struct usage_entry *out_r)
{
	const struct usage_table *t = c->taken;
	const struct slot *slot = &t->slot[c->written + i];
	struct login *login = &out_r->login;

	login->len = slot->len;
	login->local = slot->local;
	login->has_domain = slot->has_domain;
	memcpy(login->text, t->text + slot->at, slot->len);
	login->text[login->len] = '\0';
	out_r->usage = slot->usage;
	out_r->day = slot->day;
}

void
usage_counter_written(struct usage_counter *c, size_t n)
{
	c->written += n;
	c->waiting -= n;
}
