/* SPDX-License-Identifier: BSD-2-Clause */
/* verify - whether the whole database holds */
#include "policy/verify.h"

#include <string.h>

#include "policy/mailbox.h"
#include "policy/tenant.h"

struct tally {
	struct hasher *hasher;
	struct digest digest;
	uint64_t records, tenants, domains, mailboxes, aliases;
	union {
		struct tenant tenant;
		struct mailbox mailbox;
	} scratch;
};

/* decode - whether the bytes are a record of their table */
static enum error
decode(struct tally *t, enum table table, struct bytes value)
{
	switch ((int)table) {
	case TABLE_TENANT:
		t->tenants++;
		return tenant_decode(value, &t->scratch.tenant);
	case TABLE_MAILBOX:
		t->mailboxes++;
		return mailbox_decode(value, &t->scratch.mailbox);
	case TABLE_DOMAIN:
		t->domains++;
		return OK;
	case TABLE_ALIAS:
		t->aliases++;
		return OK;
	default:
		return OK;
	}
}

/* count_record - runs inside the guard: no lock, no allocation */
static enum error
count_record(void *arg, struct bytes key, struct bytes value)
{
	struct tally *t = arg;
	enum error e;

	t->records++;
	if (!key_is_policy(key))
		return OK;
	e = decode(t, (enum table) * (const uint8_t *)key.at, value);
	return e == OK ? digest_add(&t->digest, t->hasher, key, value) : e;
}

/* compare - the tally against the meta record */
static enum error
compare(const struct tally *t, const struct store_meta *m, struct error_text *why)
{
	char have[DIGEST_TEXT_MAX], want[DIGEST_TEXT_MAX];

	if (memcmp(&t->digest, &m->digest, sizeof t->digest) != 0)
		return error_set(why, ERR_DAMAGED,
		    "the policy digest does not hold: the records give %.16s..., "
		    "the meta record has %.16s...",
		    digest_print(&t->digest, have), digest_print(&m->digest, want));
	if (t->tenants != m->tenants || t->domains != m->domains ||
	    t->mailboxes != m->mailboxes || t->aliases != m->aliases)
		return error_set(
		    why, ERR_DAMAGED, "the counts of the meta record do not hold");
	return OK;
}

enum error
verify_store(struct store *store, uint64_t *records_r, struct error_text *why)
{
	struct tally t = {.hasher = hasher_new()};
	struct store_txn *txn = NULL;
	enum error e = t.hasher != NULL ? store_begin(store, &txn) : ERR_MEMORY;

	if (e == OK)
		e = db_scan(store_db(txn), count_record, &t);
	if (e == OK)
		e = compare(&t, store_meta(txn), why);
	else
		error_set(why, e, "%s", error_string(e));
	store_abort(&txn);
	hasher_free(&t.hasher);
	if (records_r != NULL)
		*records_r = t.records;
	return e;
}
