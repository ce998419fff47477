/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_counter - counts who submits, in memory, until it is written */
#include "milter/usage_counter.h"

#include <string.h>
#include <sys/mman.h>

#include "policy/base/fnv.h"

#define PLACES (2 * USAGE_COUNTER_ENTRIES)

#define IS_EARLY(count, room) ((count) >= (room) / 4 * 3)

struct slot {
	uint64_t hash;
	struct usage_entry entry;
};

struct usage_table {
	size_t count, strangers;
	struct slot slot[USAGE_COUNTER_ENTRIES]; /* the first COUNT are used */
	uint16_t place[PLACES]; /* hash table of 1 + index; 0 is free */
};

/* table_new - an empty one, or NULL */
static struct usage_table *
table_new(void)
{
	void *t = mmap(NULL, sizeof(struct usage_table), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return t != MAP_FAILED ? t : NULL;
}

/* table_empty - and give its memory back: a burst of logins needs it once */
static void
table_empty(struct usage_table *t)
{
	if (madvise(t, sizeof *t, MADV_DONTNEED) != 0) /* which leaves zeros */
		memset(t, 0, sizeof *t);
}

enum error
usage_counter_start(struct usage_counter *c)
{
	c->filling = table_new();
	c->taken = table_new();
	c->started = c->filling != NULL && c->taken != NULL;
	pthread_mutex_init(&c->mutex, NULL);
	return c->started ? OK : ERR_MEMORY;
}

/* add - to the entry of the login and the day, or as a new one; false: no room */
static bool
add(struct usage_counter *c, const struct usage_entry *new)
{
	struct usage_table *t = c->filling;
	uint64_t h = fnv_add(FNV_START ^ new->day.day, new->login.text, new->login.len);
	size_t at;

	for (at = h % PLACES; t->place[at] != 0; at = (at + 1) % PLACES) {
		struct slot *slot = &t->slot[t->place[at] - 1];

		if (slot->hash != h || slot->entry.day.day != new->day.day ||
		    !login_equal(&slot->entry.login, &new->login))
			continue;
		usage_add(&slot->entry.usage, &new->usage);
		usage_day_add(&slot->entry.day, &new->day);
		return true;
	}
	if (t->count == USAGE_COUNTER_ENTRIES ||
	    (new->usage.stranger && t->strangers == USAGE_COUNTER_STRANGERS))
		return false;
	t->slot[t->count++] = (struct slot){h, *new};
	t->place[at] = (uint16_t)t->count;
	t->strangers += new->usage.stranger;
	c->waiting++;
	return true;
}

/* add_or_drop - a stranger without room is added to the others */
static void
add_or_drop(struct usage_counter *c, struct usage_entry *new)
{
	if (add(c, new))
		return;
	if (new->usage.stranger) {
		usage_entry_make_others(new);
		if (add(c, new))
			return;
	}
	c->dropped++;
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
	u->mechanism = usage_mechanism_code(s->mechanism);
	u->tls = usage_tls_code(tls);
	u->has_client = cidr_ip_parse(s->client, &u->client);
	usage_set_listener(u, s->listener);
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
	struct usage_entry new = {.day.day = usage_day_of(s->now)};
	enum usage_kind kind;
	bool hurry;

	if (!c->started)
		return false;
	if (s->login_len > 0 && o->decision.reason == REASON_STORE_ERROR &&
	    decision_passes(o->decision.verdict))
		c->dropped++;
	if (!o->has_login || !usage_kind_of(&o->decision, &kind))
		return false;
	new.login = o->login;
	usage_init(&new.usage);
	new.usage.stranger = !o->has_tenant;
	describe(s, tls, kind, &new.usage);
	new.day.count[kind] = 1;
	if (kind != USAGE_EXEMPT)
		new.day.mechanisms = UINT32_C(1) << new.usage.mechanism;
	pthread_mutex_lock(&c->mutex);
	add_or_drop(c, &new);
	hurry = !c->hurried &&
	    (IS_EARLY(c->filling->count, USAGE_COUNTER_ENTRIES) ||
		IS_EARLY(c->filling->strangers, USAGE_COUNTER_STRANGERS));
	c->hurried = c->hurried || hurry;
	pthread_mutex_unlock(&c->mutex);
	return hurry;
}

size_t
usage_counter_taken(const struct usage_counter *c)
{
	return c->started ? c->taken->count - c->written : 0;
}

void
usage_counter_take(struct usage_counter *c)
{
	struct usage_table *empty = c->taken;

	if (!c->started)
		return;
	pthread_mutex_lock(&c->mutex);
	c->taken = c->filling;
	c->filling = empty;
	c->hurried = false;
	pthread_mutex_unlock(&c->mutex);
}

const struct usage_entry *
usage_counter_entry(const struct usage_counter *c, size_t i)
{
	return &c->taken->slot[c->written + i].entry;
}

void
usage_counter_written(struct usage_counter *c, size_t n)
{
	c->written += n;
	c->waiting -= n;
	if (c->written < c->taken->count)
		return;
	table_empty(c->taken);
	c->written = 0;
}
