/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_denied - the refusals of a login at AUTH: how they add up, and their bytes */
#include "policy/usage/auth_denied.h"

#include <string.h>

#include "policy/usage/usage.h"

#define AUTH_DENIED_VERSION 1

/* The bits of a record's flags. */
#define HAS_CLIENT 1
#define GUESSED 2

void
auth_denied_init(struct auth_denied *d)
{
	memset(d, 0, sizeof *d);
	d->last = INSTANT_NONE;
}

void
auth_denied_entry_make_others(struct auth_denied_entry *entry)
{
	usage_others(&entry->login);
	entry->known = entry->has_client = false;
	memset(&entry->client, 0, sizeof entry->client);
}

/* is_later - than the last one of D; of one second, any that all would choose */
static bool
is_later(const struct auth_denied *d, instant t, bool has_client,
    const struct cidr_ip *client)
{
	if (t != d->last)
		return t > d->last;
	if (has_client != d->has_client)
		return has_client;
	return memcmp(client, &d->client, sizeof *client) > 0;
}

/* add_last - a refusal, but for its count */
static void
add_last(struct auth_denied *d, instant t, bool has_client,
    const struct cidr_ip *client, bool guessed)
{
	d->guessed = guessed && (d->last == INSTANT_NONE || d->guessed);
	if (!is_later(d, t, has_client, client))
		return;
	d->last = t;
	d->has_client = has_client;
	d->client = *client;
}

static uint32_t
sum_of(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/*
 * add_day - in its place. Where there is none left, the oldest day goes, which may be
 * this one. Most often the day is the last one, or comes after it.
 */
static void
add_day(struct auth_denied *d, const struct auth_denied_day *day)
{
	uint32_t at = d->days;

	while (at > 0 && d->day[at - 1].day > day->day)
		at--;
	if (at > 0 && d->day[at - 1].day == day->day) {
		d->day[at - 1].count = sum_of(d->day[at - 1].count, day->count);
		return;
	}
	if (d->days < AUTH_DENIED_DAYS_MAX) {
		memmove(d->day + at + 1, d->day + at, (d->days - at) * sizeof *day);
		d->day[at] = *day;
		d->days++;
	} else if (at > 0) {
		memmove(d->day, d->day + 1, (at - 1) * sizeof *day);
		d->day[at - 1] = *day;
	}
}

void
auth_denied_add(struct auth_denied *into, const struct auth_denied *from)
{
	add_last(into, from->last, from->has_client, &from->client, from->guessed);
	for (uint32_t i = 0; i < from->days; i++)
		add_day(into, &from->day[i]);
}

void
auth_denied_add_entry(
    struct auth_denied *into, const struct auth_denied_entry *entry, bool guessed)
{
	const struct auth_denied_day day = {entry->day, entry->count};

	add_last(into, entry->last, entry->has_client, &entry->client, guessed);
	add_day(into, &day);
}

void
auth_denied_forget(struct auth_denied *d, uint32_t first_day)
{
	uint32_t old = 0;

	while (old < d->days && d->day[old].day < first_day)
		old++;
	d->days -= old;
	memmove(d->day, d->day + old, d->days * sizeof *d->day);
}

uint64_t
auth_denied_count(const struct auth_denied *d, uint32_t first_day)
{
	uint64_t sum = 0;

	for (uint32_t i = d->days; i > 0 && d->day[i - 1].day >= first_day; i--)
		sum += d->day[i - 1].count;
	return sum;
}

void
auth_denied_encode(const struct auth_denied *d, struct record_writer *w)
{
	record_put_u8(w, AUTH_DENIED_VERSION);
	record_put_u64(w, (uint64_t)d->last);
	record_put_u8(w,
	    (uint8_t)((d->has_client ? HAS_CLIENT : 0) | (d->guessed ? GUESSED : 0)));
	if (d->has_client)
		record_put_bytes(w, d->client.byte, sizeof d->client.byte);
	record_put_u32(w, d->days);
	for (uint32_t i = 0; i < d->days; i++) {
		record_put_u32(w, d->day[i].day);
		record_put_u32(w, d->day[i].count);
	}
}

/* get_days - in order, each once */
static void
get_days(struct record_reader *r, struct auth_denied *d)
{
	uint32_t n = record_get_u32(r);

	if (n > AUTH_DENIED_DAYS_MAX)
		r->failed = true;
	for (uint32_t i = 0; i < n && !r->failed; i++) {
		d->day[i].day = record_get_u32(r);
		d->day[i].count = record_get_u32(r);
		if (i > 0 && d->day[i].day <= d->day[i - 1].day)
			r->failed = true;
	}
	d->days = n;
}

enum error
auth_denied_read(struct record_reader *r, struct auth_denied *out_r)
{
	enum error e =
	    record_read_version(r, (struct bytes){r->at, r->left}, AUTH_DENIED_VERSION);
	uint8_t flags;

	auth_denied_init(out_r);
	if (e != OK)
		return e;
	out_r->last = (instant)record_get_u64(r);
	flags = record_get_u8(r);
	out_r->has_client = flags & HAS_CLIENT;
	out_r->guessed = flags & GUESSED;
	if (out_r->has_client)
		record_get_bytes(r, out_r->client.byte, sizeof out_r->client.byte);
	get_days(r, out_r);
	if (!r->failed && instant_is_valid(out_r->last) &&
	    flags <= (HAS_CLIENT | GUESSED))
		return OK;
	auth_denied_init(out_r);
	return ERR_DAMAGED;
}

enum error
auth_denied_decode(struct bytes from, struct auth_denied *out_r)
{
	struct record_reader r = {.at = from.at, .left = from.len};
	enum error e = auth_denied_read(&r, out_r);

	return e == OK ? record_end(&r) : e;
}
