/* SPDX-License-Identifier: BSD-2-Clause */
/* verify - whether the whole database holds */
#include "policy/tables/verify.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "policy/model/alias_record.h"
#include "policy/model/domain_record.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/notice.h"
#include "policy/model/tenant.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"

/*
 * The digest does not cover the indexes, which say nothing new. But they have to agree
 * with the records: each record takes its index entry from the sum `index`, each index
 * entry adds itself, so that at the end the sum is zero.
 */
struct tally {
	struct hasher *hasher;
	struct digest digest, local, index;
	uint64_t records, tenants, domains, mailboxes, aliases, locks;
	union {
		struct tenant tenant;
		struct mailbox mailbox;
		struct lock lock;
		struct notice notice;
		uint8_t value[LOGIN_MAX + 1];
	} scratch;
};

static enum error
take_domain(struct tally *t, struct bytes key, struct bytes value)
{
	struct key index;
	enum error e = domain_record_index(key, value, &index);

	t->domains++;
	if (e != OK)
		return e;
	return digest_subtract(
	    &t->index, t->hasher, key_bytes(&index), (struct bytes){"", 0});
}

static enum error
take_alias(struct tally *t, struct bytes key, struct bytes value)
{
	struct bytes entry;
	struct key index;
	enum error e = alias_record_index(key, value, &index, t->scratch.value, &entry);

	t->aliases++;
	return e == OK ? digest_subtract(&t->index, t->hasher, key_bytes(&index), entry)
		       : e;
}

/* take - whether the bytes are a record of their table, and its index entry */
static enum error
take(struct tally *t, enum table table, struct bytes key, struct bytes value)
{
	switch (table) {
	case TABLE_TENANT:
		t->tenants++;
		return tenant_decode(value, &t->scratch.tenant);
	case TABLE_MAILBOX:
		t->mailboxes++;
		return mailbox_decode(value, &t->scratch.mailbox);
	case TABLE_DOMAIN:
		return take_domain(t, key, value);
	case TABLE_ALIAS:
		return take_alias(t, key, value);
	case TABLE_NOTICE:
		return notice_decode(value, &t->scratch.notice);
	case TABLE_LOCK:
	case TABLE_LOCAL_LOCK:
		t->locks++;
		return lock_record_check(key, value, &t->scratch.lock);
	case INDEX_ALIAS:
	case INDEX_DOMAIN:
		return digest_add(&t->index, t->hasher, key, value);
	case TABLE_AUDIT: /* a chain of its own: audit_verify() */
	case TABLE_META:
	case TABLE_SETTING:
		break;
	}
	return OK;
}

/* count_record - runs inside the guard: no lock, no allocation */
static enum error
count_record(void *arg, struct bytes key, struct bytes value)
{
	struct tally *t = arg;
	enum error e = take(t, (enum table) * (const uint8_t *)key.at, key, value);

	t->records++;
	if (e != OK)
		return e;
	if (key_is_local(key))
		return digest_add(&t->local, t->hasher, key, value);
	return key_is_policy(key) ? digest_add(&t->digest, t->hasher, key, value) : OK;
}

/* compare - the tally against the meta record */
static enum error
compare(const struct tally *t, const struct store_meta *m, struct error_text *why)
{
	static const struct digest zero;
	char have[DIGEST_TEXT_MAX], want[DIGEST_TEXT_MAX];

	if (memcmp(&t->digest, &m->digest, sizeof t->digest) != 0)
		return error_set(why, ERR_DAMAGED,
		    "the policy digest does not hold: the records give %.16s..., "
		    "the meta record has %.16s...",
		    digest_print(&t->digest, have), digest_print(&m->digest, want));
	if (!digest_equal(&t->local, &m->local))
		return error_set(why, ERR_DAMAGED,
		    "the digest of the locks made here does not hold");
	if (memcmp(&t->index, &zero, sizeof zero) != 0)
		return error_set(why, ERR_DAMAGED,
		    "the indexes of domains and aliases do not fit the records");
	if (t->tenants != m->tenants || t->domains != m->domains ||
	    t->mailboxes != m->mailboxes || t->aliases != m->aliases ||
	    t->locks != m->locks)
		return error_set(
		    why, ERR_DAMAGED, "the counts of the meta record do not hold");
	return OK;
}

/* A scan, or the part of one that has a thread of its own. */
struct part {
	struct tally tally;
	struct db_txn *txn;
	unsigned number, count;
	enum error failed;
};

static void *
scan(void *arg)
{
	struct part *p = arg;

	p->tally.hasher = hasher_new();
	p->failed = p->tally.hasher == NULL
	    ? ERR_MEMORY
	    : db_scan(p->txn, p->number, p->count, count_record, &p->tally);
	hasher_free(&p->tally.hasher);
	return NULL;
}

/* add - what the other part has found */
static void
add(struct tally *t, const struct tally *other)
{
	digest_plus(&t->digest, &other->digest);
	digest_plus(&t->local, &other->local);
	digest_plus(&t->index, &other->index);
	t->records += other->records;
	t->tenants += other->tenants;
	t->domains += other->domains;
	t->mailboxes += other->mailboxes;
	t->aliases += other->aliases;
	t->locks += other->locks;
}

/* finish - what is to be said of a scan that has ended */
static enum error
finish(const struct part *p, const struct store_txn *txn, uint64_t *records_r,
    struct error_text *why)
{
	if (records_r != NULL)
		*records_r = p->tally.records;
	return p->failed == OK ? compare(&p->tally, store_meta(txn), why)
			       : store_about(why, p->failed, store_of(txn));
}

enum error
verify_txn(struct store_txn *txn, uint64_t *records_r, struct error_text *why)
{
	struct part whole = {.txn = store_db(txn), .number = 0, .count = 1};

	scan(&whole);
	return finish(&whole, txn, records_r, why);
}

/* scan_halves - one on this thread; false where that cannot be done, and nothing is */
static bool
scan_halves(struct part *half)
{
	pthread_t thread;

	if (db_begin_same(half[0].txn, &half[1].txn) != OK)
		return false;
	if (pthread_create(&thread, NULL, scan, &half[1]) != 0) {
		db_abort(&half[1].txn);
		return false;
	}
	scan(&half[0]);
	pthread_join(thread, NULL);
	db_abort(&half[1].txn);
	return true;
}

/* verify_fast - with two threads; false where that is not worth it, or cannot be done
 */
static bool __attribute__((noinline)) /* a large frame */
verify_fast(
    struct store_txn *txn, uint64_t *records_r, struct error_text *why, enum error *e_r)
{
	struct part half[] = {
	    {.txn = store_db(txn), .number = 0, .count = 2},
	    {.number = 1, .count = 2},
	};

	if (store_meta(txn)->mailboxes < VERIFY_LARGE ||
	    sysconf(_SC_NPROCESSORS_ONLN) < 2 || !scan_halves(half))
		return false;
	add(&half[0].tally, &half[1].tally);
	if (half[0].failed == OK)
		half[0].failed = half[1].failed;
	*e_r = finish(&half[0], txn, records_r, why);
	return true;
}

/* verify_in_txn - in a transaction of its own */
static enum error
verify_in_txn(
    struct store *store, bool fast, uint64_t *records_r, struct error_text *why)
{
	struct store_txn *txn;
	enum error e = store_begin(store, &txn);

	if (records_r != NULL)
		*records_r = 0;
	if (e != OK)
		return store_about(why, e, store);
	if (!fast || !verify_fast(txn, records_r, why, &e))
		e = verify_txn(txn, records_r, why);
	store_abort(&txn);
	return e;
}

enum error
verify_store(struct store *store, uint64_t *records_r, struct error_text *why)
{
	return verify_in_txn(store, true, records_r, why);
}

enum error
verify_store_calmly(struct store *store, struct error_text *why)
{
	return verify_in_txn(store, false, NULL, why);
}
