/* SPDX-License-Identifier: BSD-2-Clause */
/* denial_counter - counts refusals at AUTH, in memory, until they are written */
#include "milter/auth/denial_counter.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "policy/base/fnv.h"
#include "policy/usage/usage.h"

#define PLACES (2 * DENIAL_COUNTER_ENTRIES)
#define OTHERS 2 /* entries that only usage_others() get: of two days */

#define IS_EARLY(count, room) ((count) >= (room) / 4 * 3)

struct denial_table {
	size_t count, guesses;
	struct auth_denied_entry entry[DENIAL_COUNTER_ENTRIES]; /* the first COUNT */
	uint16_t place[PLACES]; /* hash table of 1 + index; 0 is free */
};

/* table_new - an empty one, or NULL */
static struct denial_table *
table_new(void)
{
	void *t = mmap(NULL, sizeof(struct denial_table), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return t != MAP_FAILED ? t : NULL;
}

/* table_empty - and give its memory back: a burst of guesses needs it once */
static void
table_empty(struct denial_table *t)
{
	if (madvise(t, sizeof *t, MADV_DONTNEED) != 0) /* which leaves zeros */
		memset(t, 0, sizeof *t);
}

enum error
denial_counter_start(struct denial_counter *c)
{
	if (getrandom(&c->seed, sizeof c->seed, 0) != (ssize_t)sizeof c->seed)
		c->seed = 0; /* slower at worst, never wrong */
	c->filling = table_new();
	c->taken = table_new();
	pthread_mutex_init(&c->mutex, NULL);
	return c->filling != NULL && c->taken != NULL ? OK : ERR_MEMORY;
}

static bool
is_guess(const struct auth_denied_entry *entry)
{
	return !entry->known && !usage_is_others(&entry->login);
}

/* has_room - for a new entry such as this one */
static bool
has_room(const struct denial_table *t, const struct auth_denied_entry *entry)
{
	if (usage_is_others(&entry->login))
		return t->count < DENIAL_COUNTER_ENTRIES;
	return t->count < DENIAL_COUNTER_ENTRIES - OTHERS &&
	    (entry->known || t->guesses < DENIAL_COUNTER_GUESSES);
}

/* merge - of one login and day */
static void
merge(struct auth_denied_entry *into, const struct auth_denied_entry *from)
{
	into->count = from->count > UINT32_MAX - into->count
	    ? UINT32_MAX
	    : into->count + from->count;
	into->known = into->known || from->known;
	if (from->last < into->last)
		return;
	into->last = from->last;
	into->has_client = from->has_client;
	into->client = from->client;
}

/* add - to the entry of the login and the day, or as a new one; false: no room */
static bool
add(struct denial_counter *c, const struct auth_denied_entry *new)
{
	struct denial_table *t = c->filling;
	uint64_t h =
	    fnv_add(FNV_START ^ c->seed ^ new->day, new->login.text, new->login.len);
	size_t at;

	for (at = h % PLACES; t->place[at] != 0; at = (at + 1) % PLACES) {
		struct auth_denied_entry *entry = &t->entry[t->place[at] - 1];

		if (entry->day != new->day || !login_equal(&entry->login, &new->login))
			continue;
		t->guesses -= is_guess(entry);
		merge(entry, new);
		t->guesses += is_guess(entry);
		return true;
	}
	if (!has_room(t, new))
		return false;
	t->entry[t->count++] = *new;
	t->place[at] = (uint16_t)t->count;
	t->guesses += is_guess(new);
	c->waiting++;
	return true;
}

/* add_or_drop - what has no room is added to the others */
static void
add_or_drop(struct denial_counter *c, const struct auth_denied_entry *new)
{
	struct auth_denied_entry others;

	if (add(c, new))
		return;
	others = *new;
	auth_denied_entry_make_others(&others);
	if (!add(c, &others))
		c->dropped += new->count;
}

bool
denial_counter_add(struct denial_counter *c, const struct auth_denied_entry *entry)
{
	bool hurry;

	pthread_mutex_lock(&c->mutex);
	add_or_drop(c, entry);
	hurry = !c->hurried &&
	    (IS_EARLY(c->filling->count, DENIAL_COUNTER_ENTRIES) ||
		IS_EARLY(c->filling->guesses, DENIAL_COUNTER_GUESSES));
	c->hurried = c->hurried || hurry;
	pthread_mutex_unlock(&c->mutex);
	return hurry;
}

size_t
denial_counter_taken(const struct denial_counter *c)
{
	return c->taken->count - c->written;
}

void
denial_counter_take(struct denial_counter *c)
{
	struct denial_table *empty = c->taken;

	pthread_mutex_lock(&c->mutex);
	c->taken = c->filling;
	c->filling = empty;
	c->hurried = false;
	pthread_mutex_unlock(&c->mutex);
}

const struct auth_denied_entry *
denial_counter_entry(const struct denial_counter *c, size_t i)
{
	return &c->taken->entry[c->written + i];
}

void
denial_counter_written(struct denial_counter *c, size_t n)
{
	c->written += n;
	c->waiting -= n;
	if (c->written < c->taken->count)
		return;
	table_empty(c->taken);
	c->written = 0;
}
