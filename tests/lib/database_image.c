/* SPDX-License-Identifier: BSD-2-Clause */
/* database_image.c - whole database files made beforehand, to be put under a running
 * live store. */
#include "tests/lib/database_image.h"

#include "tests/lib/deadline.h"
#include "tests/lib/file.h"

#include "policy/decision/submission.h"
#include "policy/identity/mta.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKER "marker@known.test"

/* ThreadSanitizer, for one, waits a second between the cleaning up and the end. */
void
database_image_init(void)
{
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
		abort();
}

enum { NAME_SIZE = 64 };

/* known_name - the address of known record number n; its note is the same */
static void
known_name(char *name, int n)
{
	snprintf(name, NAME_SIZE, "user%03d.with-a-rather-long-name@known.test", n);
}

/* part_write - what one of several transactions writes */
struct part {
	const char *marker;
	int number, parts;
};

static void
part_write(struct store_txn *txn, void *arg)
{
	const struct part *part = arg;
	int stride = part->marker[0] % 2 == 0 ? 7 : 11;
	char name[NAME_SIZE];

	tenant_store(txn, "shut", SMTP_AUTH_DISABLED);
	domain_store(txn, "known.test", "shut");
	for (int i = part->number; i < DATABASE_IMAGE_KNOWN; i += part->parts) {
		known_name(name, i * stride % DATABASE_IMAGE_KNOWN);
		mailbox_store(txn, name, SMTP_AUTH_ENABLED, name);
		snprintf(name, sizeof(name), "%s%d@other.test", part->marker, i);
		mailbox_store(txn, name, SMTP_AUTH_DISABLED, name);
	}
	snprintf(name, sizeof(name), "part %d", part->number);
	mailbox_store(txn, MARKER, SMTP_AUTH_ENABLED,
	    part->number == part->parts - 1 ? part->marker : name);
}

/* image_fill - writes the parts and takes the file */
static void
image_fill(
    struct database_image *image, struct state *state, const char *marker, int commits)
{
	struct part part = {marker, 0, commits};

	for (; part.number < commits; part.number++)
		state_change(state, part_write, &part);
	image->marker = marker;
	image->bytes = file_read(state->data, &image->size);
	ck_assert_ptr_nonnull(image->bytes);
}

void
database_image_make(struct database_image *image, const char *marker, int commits)
{
	struct state state;

	state_open_ready(&state);
	image_fill(image, &state, marker, commits);
}

void
database_image_continue(struct database_image *image, const struct database_image *from,
    const char *marker, int commits)
{
	struct state state;

	state_open(&state);
	database_image_copy(from, state.data);
	image_fill(image, &state, marker, commits);
}

void
database_image_free(struct database_image *image)
{
	free(image->bytes);
	image->bytes = NULL;
}

void
database_image_copy(const struct database_image *image, const char *path)
{
	ck_assert(file_write(path, image->bytes, image->size));
}

void
database_image_replace(const struct database_image *image, const char *path)
{
	ck_assert(file_replace(path, image->bytes, image->size));
}

/* note_judge - ERR_CONFLICT for a wrong decision, OTHER for another note */
static enum error
note_judge(
    struct store_txn *txn, const char *address, const char *note, enum error other)
{
	const struct submission submission = {
	    .login = address,
	    .login_len = strlen(address),
	    .mta = MTA_POSTFIX,
	    .client = "",
	    .listener = "",
	    .mechanism = "PLAIN",
	};
	struct outcome outcome;
	enum error e = submission_judge(txn, &submission, &outcome, NULL);

	if (e != OK)
		return e;
	if (outcome.decision.reason != REASON_MAILBOX_ENABLED)
		return ERR_CONFLICT;
	return strcmp(outcome.mailbox.note, note) == 0 ? OK : other;
}

enum error
known_judge(struct store_txn *txn, int n)
{
	char name[NAME_SIZE];

	known_name(name, n % DATABASE_IMAGE_KNOWN);
	return note_judge(txn, name, name, ERR_CONFLICT);
}

enum error
marker_judge(struct store_txn *txn, const char *marker)
{
	return note_judge(txn, MARKER, marker, ERR_EXISTS);
}

/* image_judge - the marker, then all known records */
static enum error
image_judge(struct store_txn *txn, const struct database_image *image)
{
	enum error e = marker_judge(txn, image->marker);

	for (int i = 0; i < DATABASE_IMAGE_KNOWN && e == OK; i++)
		e = known_judge(txn, i);
	return e;
}

bool
live_store_serves(
    struct live_store *live, const struct database_image *image, int milliseconds)
{
	int64_t deadline = deadline_in(milliseconds);
	struct store_txn *txn;
	enum error e;
	int slot;

	do {
		e = live_store_take(live, &txn, &slot);
		if (e != OK)
			continue;
		e = image_judge(txn, image);
		live_store_give(live, slot, e == ERR_EXISTS ? OK : e);
		ck_assert_msg(e != ERR_CONFLICT, "a known mailbox was judged wrongly");
	} while (e != OK && deadline_pause(deadline));
	return e == OK;
}

bool
live_store_refuses(struct live_store *live, int milliseconds)
{
	int64_t deadline = deadline_in(milliseconds);
	struct store_txn *txn;
	int slot;

	while (live_store_take(live, &txn, &slot) == OK) {
		live_store_give(live, slot, OK);
		if (!deadline_pause(deadline))
			return false;
	}
	return true;
}
