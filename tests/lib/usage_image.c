/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_image.c - usage files in memory, for tests. */
#include "tests/lib/usage_image.h"

#include "policy/db/db.h"
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_file.h"
#include "tests/lib/state.h"

#include <stdio.h>
#include <sys/stat.h>

#define DAY INT64_C(86400)

static struct usage_entry
entry_make(const struct usage_sample *from)
{
	struct usage_entry e = {.day = {from->day, {from->count}, 4}};

	if (*from->login == '\0')
		usage_others(&e.login);
	else
		e.login = login_make(from->login);
	usage_init(&e.usage);
	e.usage.first_seen = e.usage.last_seen = from->day * DAY + from->count;
	e.usage.has_client =
	    from->count % 2 && cidr_ip_parse("192.0.2.1", &e.usage.client);
	return e;
}

static struct auth_denied_entry
denied_make(const struct usage_sample *from)
{
	struct auth_denied_entry e = {.day = from->day, .count = from->count};

	if (from->login[1] != '\0')
		e.login = login_make(from->login + 1);
	e.last = from->day * DAY + from->count;
	e.has_client = from->count % 2 && cidr_ip_parse("192.0.2.2", &e.client);
	return e;
}

static void
sample_add(struct db_txn *txn, const struct usage_sample *sample)
{
	struct auth_denied_entry denied;
	struct usage_entry entry;
	bool others;

	if (*sample->login == '!') {
		denied = denied_make(sample);
		expect_ok(auth_denied_table_add(txn, &denied, &others));
	} else {
		entry = entry_make(sample);
		expect_ok(usage_database_add(txn, &entry));
	}
}

struct db *
usage_image_open(struct state *state)
{
	struct error_text why = {.text = ""};
	char path[STATE_PATH];
	struct db *db;
	enum error e;

	state_open(state);
	snprintf(path, sizeof path, "%s/usage", state->dir);
	ck_assert_int_eq(mkdir(path, 0770), 0);
	e = usage_database_open(&db, state->dir, true, &why);
	ck_assert_msg(e == OK, "%s", why.text);
	return db;
}

struct usage
usage_image_seen(instant t, const char *client, const char *mechanism)
{
	struct usage u;

	usage_init(&u);
	u.first_seen = u.last_seen = u.last_use = t;
	u.has_client = cidr_ip_parse(client, &u.client);
	u.mechanism = usage_mechanism_code(mechanism);
	return u;
}

struct usage_image
usage_image_make(
    const struct usage_sample *samples, size_t n, const struct recording_host *host)
{
	struct usage_image image = {NULL, 0};
	struct state state;
	struct db_txn *txn;
	struct db *db;
	FILE *to;

	db = usage_image_open(&state);
	expect_ok(db_begin(db, true, &txn));
	for (size_t i = 0; i < n; i++)
		sample_add(txn, &samples[i]);
	expect_ok(usage_database_put_host(txn, host));
	expect_ok(db_commit(&txn));
	to = open_memstream(&image.at, &image.n);
	ck_assert_ptr_nonnull(to);
	expect_ok(usage_file_write(db, to, NULL));
	fclose(to);
	db_close(&db);
	return image;
}

struct recording_host
recording_host_make(const char *name, instant since, instant until)
{
	struct recording_host host;

	expect_ok(recording_host_init(&host, since));
	host.until = until;
	snprintf(host.name, sizeof host.name, "%s", name);
	return host;
}
