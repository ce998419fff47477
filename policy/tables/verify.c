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
#include "policy/model/policy_record.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/tenant_table.h"

/*
 * The digest does not cover the indexes, which say nothing new. But they have to agree
 * with the records: each record takes its index entry from the sum `index`, each index
 * entry adds itself, so that at the end the sum is zero.
 */
struct tally {
	struct hasher *hasher;
	struct store_meta meta; /* its counts, and the digests that they belong to */
	struct digest index;
	uint64_t records;
	union {
		struct tenant tenant;
		struct mailbox mailbox;
		struct lock lock;
		struct notice notice;
		uint8_t value[LOGIN_MAX + 1];
	} scratch;
};

/* tally_index - take the index entry of a record from the sum */
static enum error
tally_index(struct tally *t, struct bytes key, struct bytes value)
{
	struct bytes entry;
	struct key index;
	enum error e =
	    policy_record_index(key, value, &index, t->scratch.value, &entry);

	if (e != OK)
		return e;
	return digest_subtract(&t->index, t->hasher, key_bytes(&index), entry);
}

/* tally_check - whether the bytes are a record of their table */
static enum error
tally_check(struct tally *t, struct bytes key, struct bytes value)
{
	switch ((enum table) * (const uint8_t *)key.at) {
	case TABLE_TENANT:
		return tenant_decode(value, &t->scratch.tenant);
	case TABLE_MAILBOX:
		return mailbox_decode(value, &t->scratch.mailbox);
	case TABLE_DOMAIN:
	case TABLE_ALIAS:
		return tally_index(t, key, value);
	case TABLE_NOTICE:
		return notice_decode(value, &t->scratch.notice);
	case TABLE_LOCK:
	case TABLE_LOCAL_LOCK:
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

/* tally_record - runs inside the guard: no lock, no allocation */
static enum error
tally_record(void *arg, struct bytes key, struct bytes value)
{
	struct tally *t = arg;
	struct digest *digest = meta_digest(&t->meta, key);
	uint64_t *count = meta_count(&t->meta, key);
	enum error e = tally_check(t, key, value);

	t->records++;
	if (count != NULL)
		(*count)++;
	return e == OK && digest != NULL ? digest_add(digest, t->hasher, key, value)
					 : e;
}

/* tally_compare - with the meta record */
static enum error
tally_compare(const struct tally *t, const struct store_meta *m, struct error_text *why)
{
	static const struct digest zero;
	char have[DIGEST_TEXT_MAX], want[DIGEST_TEXT_MAX];

	if (!digest_equal(&t->meta.digest, &m->digest))
		return error_set(why, ERR_DAMAGED,
		    "the policy digest does not hold: the records give %.16s..., the meta record has %.16s...",
		    digest_print(&t->meta.digest, have),
		    digest_print(&m->digest, want));
	if (!digest_equal(&t->meta.local, &m->local))
		return error_set(why, ERR_DAMAGED,
		    "the digest of the locks made here does not hold");
	if (!digest_equal(&t->index, &zero))
		return error_set(why, ERR_DAMAGED,
		    "the indexes of domains and aliases do not fit the records");
	if (t->meta.tenants != m->tenants || t->meta.domains != m->domains ||
	    t->meta.mailboxes != m->mailboxes || t->meta.aliases != m->aliases ||
	    t->meta.locks != m->locks)
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
	    : db_scan(p->txn, p->number, p->count, tally_record, &p->tally);
	hasher_free(&p->tally.hasher);
	return NULL;
}

/* tally_add - what the other part has found */
static void
tally_add(struct tally *t, const struct tally *other)
{
	digest_plus(&t->meta.digest, &other->meta.digest);
	digest_plus(&t->meta.local, &other->meta.local);
	digest_plus(&t->index, &other->index);
	t->records += other->records;
	t->meta.tenants += other->meta.tenants;
	t->meta.domains += other->meta.domains;
	t->meta.mailboxes += other->meta.mailboxes;
	t->meta.aliases += other->meta.aliases;
	t->meta.locks += other->meta.locks;
}

/* finish - the result of a scan that has ended */
static enum error
finish(const struct part *p, const struct store_txn *txn, uint64_t *records_r,
    struct error_text *why)
{
	if (records_r != NULL)
		*records_r = p->tally.records;
	return p->failed == OK ? tally_compare(&p->tally, store_meta(txn), why)
			       : store_about(why, p->failed, store_of(txn));
}

enum error
verify_txn(struct store_txn *txn, uint64_t *records_r, struct error_text *why)
{
	struct part whole = {.txn = store_db(txn), .number = 0, .count = 1};

	scan(&whole);
	return finish(&whole, txn, records_r, why);
}

/* scan_halves - one on this thread; false if there can be no other thread */
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

/* verify_fast - with two threads; false if that is not worth it, or cannot be done */
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
	tally_add(&half[0].tally, &half[1].tally);
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

/* Whether the records fit each other. */
struct link_walk {
	struct store_txn *txn;
	struct error_text *why;
	bool has_any; /* somebody owns "*" */
	char domain[DOMAIN_MAX + 1],
	    owner[TENANT_NAME_MAX + 1]; /* by name, of the last domain asked for */
};

/* link_has_record - whether the record is there, with this value */
static enum error
link_has_record(
    struct link_walk *w, const struct key *key, struct bytes value, bool *has_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes there;
	enum error e = store_get(w->txn, key, buf, &there);

	*has_r = e == OK && there.at != NULL && there.len == value.len &&
	    memcmp(there.at, value.at, value.len) == 0;
	return e;
}

/* link_find_owner - by name, "" for none; once for a run of one domain */
static enum error
link_find_owner(struct link_walk *w, const char *domain)
{
	if (strcmp(domain, w->domain) == 0)
		return OK;
	memcpy(w->domain, domain, strlen(domain) + 1);
	return domain_table_get(w->txn, domain, w->owner);
}

/* link_check_owner - somebody must own the domain of this mailbox */
static enum error
link_check_owner(struct link_walk *w, const struct login *mailbox)
{
	enum error e;

	if (!mailbox->has_domain)
		return error_set(
		    w->why, ERR_DAMAGED, "mailbox %s has no domain", mailbox->text);
	e = link_find_owner(w, login_domain(mailbox));
	if (e != OK || w->owner[0] != '\0' || w->has_any)
		return e;
	return error_set(w->why, ERR_DAMAGED, "no tenant owns the domain of mailbox %s",
	    mailbox->text);
}

static enum error
link_check_domain(struct link_walk *w, struct bytes key, struct bytes value)
{
	char domain[DOMAIN_MAX + 1], name[TENANT_NAME_MAX + 1];
	struct tenant t;
	struct key index;
	bool found, has = false;
	enum error e = domain_record_index(key, value, &index);

	if (e == OK)
		e = domain_record_decode(value, name);
	if (e == OK)
		e = key_to_name(key, 1, DOMAIN_MAX, domain);
	if (e != OK)
		return e;
	e = tenant_table_get(w->txn, name, &t, &found);
	if (e == OK && !found)
		return error_set(w->why, ERR_DAMAGED,
		    "domain %s belongs to tenant %s, which does not exist", domain,
		    name);
	if (e == OK)
		e = link_has_record(w, &index, (struct bytes){"", 0}, &has);
	if (e != OK || has)
		return e;
	return error_set(w->why, ERR_DAMAGED,
	    "domain %s is missing among those of tenant %s", domain, name);
}

/* link_check_tenants - an alias in a domain with an owner must not lead out of it */
static enum error
link_check_tenants(
    struct link_walk *w, const struct login *alias, const struct login *mailbox)
{
	char owner[TENANT_NAME_MAX + 1];
	enum error e = OK;

	if (!alias->has_domain)
		return OK;
	e = link_find_owner(w, login_domain(mailbox));
	if (e != OK)
		return e;
	memcpy(owner, w->owner, sizeof owner);
	e = link_find_owner(w, login_domain(alias));
	if (e != OK || w->owner[0] == '\0' || strcmp(owner, w->owner) == 0)
		return e;
	return error_set(w->why, ERR_DAMAGED,
	    "login alias %s of tenant %s leads to %s, which is not that tenant's",
	    alias->text, w->owner, mailbox->text);
}

static enum error
link_check_alias(struct link_walk *w, struct bytes key, struct bytes value)
{
	struct login alias, mailbox;
	uint8_t buf[LOGIN_MAX + 1];
	struct bytes entry;
	struct key index;
	bool has = false;
	enum error e = alias_record_index(key, value, &index, buf, &entry);

	if (e == OK)
		e = key_to_login(key, &alias);
	if (e == OK)
		e = alias_record_decode(value, &mailbox);
	if (e == OK)
		e = link_has_record(w, &index, entry, &has);
	if (e != OK)
		return e;
	if (!has)
		return error_set(w->why, ERR_DAMAGED,
		    "login alias %s is missing among those of mailbox %s", alias.text,
		    mailbox.text);
	e = link_check_owner(w, &mailbox);
	return e == OK ? link_check_tenants(w, &alias, &mailbox) : e;
}

static enum error
link_check_mailbox(struct link_walk *w, struct bytes key)
{
	struct login address;
	enum error e = key_to_login(key, &address);

	return e == OK ? link_check_owner(w, &address) : e;
}

/* link_check_domain_entry - "D TENANT NUL DOMAIN" stands for a record */
static enum error
link_check_domain_entry(struct link_walk *w, struct bytes key)
{
	const char *tenant = (const char *)key.at + 1;
	const char *end = memchr(tenant, '\0', key.len - 1);
	char domain[DOMAIN_MAX + 1], owner[TENANT_NAME_MAX + 1];
	enum error e;

	if (end == NULL)
		return ERR_DAMAGED;
	e = key_to_name(key, (size_t)(end - tenant) + 2, DOMAIN_MAX, domain);
	if (e == OK)
		e = domain_table_get(w->txn, domain, owner);
	if (e == OK && (owner[0] == '\0' || strcmp(owner, tenant) != 0))
		return error_set(w->why, ERR_DAMAGED,
		    "domain %s stands among those of tenant %.100s, and belongs to %s",
		    domain, tenant, owner[0] != '\0' ? owner : "nobody");
	return e;
}

/* link_check_alias_entry - its value must be an alias of this mailbox */
static enum error
link_check_alias_entry(struct link_walk *w, struct bytes key, struct bytes value)
{
	struct login alias, mailbox;
	struct key index;
	bool found;
	enum error e = alias_record_decode(value, &alias);

	if (e != OK)
		return e;
	e = alias_table_get(w->txn, &alias, &mailbox, &found);
	if (e == OK && !found)
		return error_set(w->why, ERR_DAMAGED,
		    "login %s stands among the aliases of a mailbox, and is none",
		    alias.text);
	if (e != OK)
		return e;
	key_mailbox_alias(&index, &mailbox, &alias);
	if (index.len == key.len && memcmp(index.at, key.at, key.len) == 0)
		return OK;
	return error_set(w->why, ERR_DAMAGED,
	    "login alias %s of mailbox %s stands among those of another mailbox",
	    alias.text, mailbox.text);
}

/* link_check - one record; what cannot even be read has no line yet */
static enum error
link_check(struct link_walk *w, struct bytes key, struct bytes value)
{
	enum error e = key_is_policy(key) ? policy_record_check(key, value) : OK;

	if (e != OK)
		return e;
	switch ((enum table) * (const uint8_t *)key.at) {
	case TABLE_DOMAIN:
		return link_check_domain(w, key, value);
	case TABLE_MAILBOX:
		return link_check_mailbox(w, key);
	case TABLE_ALIAS:
		return link_check_alias(w, key, value);
	case INDEX_DOMAIN:
		return link_check_domain_entry(w, key);
	case INDEX_ALIAS:
		return link_check_alias_entry(w, key, value);
	case TABLE_META:
	case TABLE_NOTICE:
	case TABLE_SETTING:
	case TABLE_TENANT:
	case TABLE_LOCK: /* it stays when what it is of goes */
	case TABLE_LOCAL_LOCK:
	case TABLE_AUDIT:
		break;
	}
	return OK;
}

/* link_unreadable - the line for a record that cannot be decoded, with its key */
static enum error
link_unreadable(struct link_walk *w, struct bytes key, enum error e)
{
	struct key shown = key_copy(key);

	for (size_t i = 0; i < shown.len; i++)
		if (shown.at[i] == '\0')
			shown.at[i] = ' ';
	return error_set(w->why, e, "the record \"%.*s\" cannot be read: %s",
	    (int)shown.len, (const char *)shown.at, error_string(e));
}

/* link_next - the record behind that at the cursor; the audit log is passed over */
static enum error
link_next(struct db_cursor *cursor)
{
	struct key behind;

	if (*(const uint8_t *)db_cursor_key(cursor).at != TABLE_AUDIT)
		return db_cursor_next(cursor);
	key_table(&behind, TABLE_AUDIT);
	behind.at[0]++;
	return db_cursor_seek(cursor, &behind);
}

/* link_walk - all records but the audit log, which has a verification of its own */
static enum error
link_walk(struct link_walk *w, struct db_cursor *cursor)
{
	struct key first = {.len = 1};
	enum error e = db_cursor_seek(cursor, &first), found = OK;

	while (e == OK && db_cursor_key(cursor).at != NULL) {
		found = link_check(w, db_cursor_key(cursor), db_cursor_value(cursor));
		if (found != OK && w->why->text[0] == '\0')
			return link_unreadable(w, db_cursor_key(cursor), found);
		if (found != OK)
			return found;
		e = link_next(cursor);
	}
	return e == OK ? OK : store_about(w->why, e, store_of(w->txn));
}

enum error
verify_links(struct store_txn *txn, struct error_text *why)
{
	char owner[TENANT_NAME_MAX + 1];
	struct link_walk w = {.txn = txn, .why = why};
	struct db_cursor *cursor;
	enum error e = domain_table_get(txn, DOMAIN_ANY, owner);

	why->text[0] = '\0';
	w.has_any = owner[0] != '\0';
	if (e == OK)
		e = db_cursor_open(store_db(txn), &cursor);
	if (e != OK)
		return store_about(why, e, store_of(txn));
	e = link_walk(&w, cursor);
	db_cursor_close(&cursor);
	return e;
}
