/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_verify - whether the audit log is the one that was written */
#include "policy/audit/audit_verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/store/prefix_scan.h"

/*
 * What the next entry can follow from. Behind an altered entry there are two: the hash
 * it has and the one it should have; only one of the two was altered, and so each
 * altered entry is found by itself. Behind a gap there is none: the next entry is
 * believed.
 */
struct link {
	unsigned count;
	struct digest hash[2];
};

struct walk {
	struct store_txn *txn;
	struct hasher *hasher;
	const struct digest *head;
	void (*found)(void *arg, const struct audit_finding *f);
	void *arg;
	struct audit_account *account;

	uint64_t number; /* of the last entry, 0 before the first one */
	struct link link;
	bool policy_known; /* whether POLICY is what was behind the last entry */
	struct digest policy;
	struct digest stub;
	uint64_t prune, pruned; /* number of the last prune entry, and what it names */
	struct digest pruned_hash;
	bool damaged; /* the end has not been seen */
};

const char *
audit_verify_problem_name(enum audit_problem problem)
{
	static const char *const names[] = {[AUDIT_ALTERED] = "altered",
	    [AUDIT_UNREADABLE] = "unreadable",
	    [AUDIT_MISSING] = "missing",
	    [AUDIT_CUT] = "cut",
	    [AUDIT_BEHIND] = "behind-head",
	    [AUDIT_HEAD] = "head",
	    [AUDIT_PRUNED] = "pruned",
	    [AUDIT_POLICY] = "policy",
	    [AUDIT_NO_HEAD] = "no-head",
	    [AUDIT_DAMAGE] = "damage"};

	return names[problem];
}

/* report - one finding about entry NUMBER */
static void __attribute__((format(printf, 5, 6)))
report(struct walk *w, enum audit_problem problem, uint64_t number,
    const struct audit_entry *entry, const char *fmt, ...)
{
	struct audit_finding f = {problem, number, entry, {""}};
	va_list args;

	va_start(args, fmt);
	vsnprintf(f.text.text, sizeof f.text.text, fmt, args);
	va_end(args);
	w->account->findings++;
	w->found(w->arg, &f);
}

static bool
has(const struct link *link, const struct digest *hash)
{
	for (unsigned i = 0; i < link->count; i++)
		if (digest_equal(&link->hash[i], hash))
			return true;
	return false;
}

/* report_missing - entries FIRST to LAST; the one behind them follows from nothing */
static void
report_missing(struct walk *w, uint64_t first, uint64_t last)
{
	if (first == last)
		report(w, AUDIT_MISSING, first, NULL, "entry %" PRIu64 " is missing",
		    first);
	else
		report(w, AUDIT_MISSING, first, NULL,
		    "entries %" PRIu64 " to %" PRIu64 " are missing", first, last);
	w->link.count = 0;
	w->policy_known = false;
}

/* check_number - entry NUMBER comes next; a stub may come first */
static void
check_number(struct walk *w, uint64_t number, bool stub)
{
	if (number > w->number + 1 && !(stub && w->number == 0))
		report_missing(w, w->number + 1, number - 1);
	if (number <= w->number)
		report(w, AUDIT_UNREADABLE, number, NULL,
		    "it stands behind entry %" PRIu64, w->number);
	w->number = number;
}

/* take_stub - it has no hash of its own: all of its bytes are known */
static enum error
take_stub(struct walk *w, const struct audit_entry *stub, struct bytes value)
{
	uint8_t buf[512];
	struct record_writer r;
	struct audit_entry good;
	enum error e;

	audit_stub(&good, stub->number, &stub->hash);
	record_write_start(&r, buf, sizeof buf);
	e = audit_encode(&good, &stub->hash, w->hasher, &r);
	if (e != OK)
		return e;
	if (r.len != value.len || memcmp(buf, value.at, r.len) != 0)
		report(w, AUDIT_ALTERED, stub->number, NULL, "the stub was altered");
	w->account->pruned = stub->number;
	w->stub = stub->hash;
	w->link = (struct link){1, {stub->hash}};
	w->policy_known = false;
	return OK;
}

/*
 * check_hash - whether the bytes follow from the entry before; the link is moved on.
 * HASH is the one that the entry has.
 */
static enum error
check_hash(struct walk *w, struct bytes value, const struct digest *hash, bool *holds_r)
{
	struct link before = w->link;
	struct digest should;
	enum error e = OK;

	*holds_r = before.count == 0;
	w->link = (struct link){1, {*hash}};
	for (unsigned i = 0; i < before.count && e == OK && !*holds_r; i++) {
		e = audit_hash(w->number, value, &before.hash[i], w->hasher, &should);
		*holds_r = e == OK && digest_equal(&should, hash);
		if (i == 0)
			w->link.hash[1] = should;
	}
	w->link.count = *holds_r ? 1 : 2;
	return e;
}

/*
 * check_policy - the digest behind a change is the one before with the change in it; a
 * summary has both
 */
static enum error
check_policy(struct walk *w, const struct audit_entry *entry)
{
	const struct digest *follows =
	    entry->kind == AUDIT_SUMMARY ? &entry->summary.previous : &entry->policy;
	bool counts = entry->kind == AUDIT_CHANGE && key_is_policy(entry->object);
	enum error e = OK;

	if (counts && entry->before.at != NULL)
		e = digest_subtract(
		    &w->policy, w->hasher, entry->object, entry->before);
	if (e == OK && counts && entry->after.at != NULL)
		e = digest_add(&w->policy, w->hasher, entry->object, entry->after);
	if (e == OK && w->policy_known && !digest_equal(&w->policy, follows))
		report(w, AUDIT_POLICY, entry->number, entry,
		    "before it the policy was changed without an entry");
	w->policy = entry->policy;
	w->policy_known = true;
	return e;
}

/* take_entry - one whose hash holds and that can be read */
static enum error
take_entry(struct walk *w, const struct audit_entry *entry)
{
	if (entry->kind == AUDIT_STUB)
		report(w, AUDIT_UNREADABLE, entry->number, NULL,
		    "a stub does not stand behind other entries");
	if (entry->kind == AUDIT_PRUNE) {
		w->prune = entry->number;
		w->pruned = entry->summary.serial;
		w->pruned_hash = entry->summary.content;
	}
	return check_policy(w, entry);
}

/* note_heads - whether the head asked for, and that of the meta record, are here */
static void
note_heads(struct walk *w, const struct audit_entry *entry)
{
	const struct store_meta *m = store_meta(w->txn);

	if (w->head != NULL && has(&w->link, w->head)) {
		w->account->head_number = w->number;
		w->account->head_when = entry != NULL ? entry->when : INSTANT_NONE;
	}
	if (w->number == m->audit_count && !has(&w->link, &m->audit_head))
		report(w, AUDIT_HEAD, w->number, entry,
		    "its hash is not the head that the meta record has: the meta record was altered, or entries up to this one were");
}

/* check_bytes - the entry with these bytes, of which READ tells whether ENTRY is it */
static enum error
check_bytes(
    struct walk *w, struct bytes value, struct audit_entry *entry, enum error read)
{
	const uint8_t *end = (const uint8_t *)value.at + value.len;
	bool holds;
	enum error e;

	memcpy(entry->hash.byte, end - DIGEST_BYTES, DIGEST_BYTES);
	e = check_hash(w, value, &entry->hash, &holds);
	w->policy_known = w->policy_known && holds && read == OK;
	if (e != OK)
		return e;
	if (!holds)
		report(w, AUDIT_ALTERED, w->number, read == OK ? entry : NULL,
		    "its hash does not hold: it was altered, or it does not belong behind the entry before it");
	else if (read != OK)
		report(w, AUDIT_UNREADABLE, w->number, NULL, "it cannot be read: %s",
		    error_string(read));
	else
		e = take_entry(w, entry);
	note_heads(w, read == OK ? entry : NULL);
	return e;
}

/* check_entry - all that a record with a number can be wrong in */
static enum error
check_entry(struct walk *w, uint64_t number, struct bytes key, struct bytes value)
{
	struct audit_entry entry = {0};
	enum error read = audit_decode(key, value, &entry), e;
	bool stub = read == OK && entry.kind == AUDIT_STUB && w->number == 0;

	check_number(w, number, stub);
	if (stub) {
		e = take_stub(w, &entry, value);
		note_heads(w, NULL);
		return e;
	}
	if (w->account->entries++ == 0)
		w->account->first = number;
	w->account->last = number;
	if (value.len >= DIGEST_BYTES)
		return check_bytes(w, value, &entry, read);
	report(w, AUDIT_UNREADABLE, number, NULL, "it is cut short");
	w->link.count = 0;
	w->policy_known = false;
	return OK;
}

/* check_record - a record of the log, whatever it is */
static enum error
check_record(void *arg, struct bytes key, struct bytes value)
{
	struct walk *w = arg;
	uint64_t number;

	if (key_to_number(key, &number) == OK && number > 0)
		return check_entry(w, number, key, value);
	report(w, AUDIT_UNREADABLE, w->number, NULL,
	    "behind it stands a record that is no entry");
	return OK;
}

/* check_end - what the meta record says of the last entry */
static void
check_end(struct walk *w)
{
	const struct store_meta *m = store_meta(w->txn);

	if (w->number == 0 && m->audit_count > 0)
		report(w, AUDIT_CUT, 1, NULL,
		    "the log is empty; %" PRIu64 " entries were made", m->audit_count);
	else if (w->number < m->audit_count)
		report(w, AUDIT_CUT, w->number + 1, NULL,
		    "the end was cut off: from this one on, up to entry %" PRIu64
		    ", they are missing",
		    m->audit_count);
	else if (w->number > m->audit_count)
		report(w, AUDIT_BEHIND, m->audit_count + 1, NULL,
		    "the meta record counts %" PRIu64
		    " entries, and those up to %" PRIu64 " are there",
		    m->audit_count, w->number);
	/* an empty log is that of an empty policy */
	if (w->number >= m->audit_count && w->policy_known &&
	    !digest_equal(&w->policy, &m->digest))
		report(w, AUDIT_POLICY, w->number, NULL,
		    "behind it the policy was changed without an entry");
}

/* check_pruned - the last prune entry and the stub name each other */
static void
check_pruned(struct walk *w)
{
	const struct audit_account *a = w->account;

	if (a->pruned > 0 && w->prune == 0)
		report(w, AUDIT_PRUNED, a->pruned, NULL,
		    "entries up to it are gone, and no entry says that they were pruned");
	else if (w->prune > 0 &&
	    (a->pruned != w->pruned || !digest_equal(&w->stub, &w->pruned_hash)))
		report(w, AUDIT_PRUNED, w->pruned, NULL,
		    "entry %" PRIu64
		    " says that entries up to this one were pruned, which does not fit what stands here",
		    w->prune);
}

/* check_head - the one that was noted somewhere else */
static void
check_head(struct walk *w)
{
	if (w->head == NULL || w->account->head_number > 0)
		return;
	report(w, AUDIT_NO_HEAD, w->number, NULL,
	    "no entry has the given head: the end of the log was cut off, or the log was written anew%s; or the head is another database's",
	    w->account->pruned > 0 ? ", or the entry was pruned" : "");
}

/* walk - all records of the table; damage of the database ends it as a finding */
static enum error
walk(struct walk *w)
{
	struct key all;
	enum error e;

	key_table(&all, TABLE_AUDIT);
	e = prefix_scan_each(w->txn, &all, check_record, w);
	w->damaged = e == ERR_DAMAGED;
	if (w->damaged)
		report(w, AUDIT_DAMAGE, w->number, NULL,
		    "behind it the database is damaged, and the log cannot be read any further");
	return w->damaged ? OK : e;
}

enum error
audit_verify(struct store_txn *txn, const struct digest *head,
    void (*found)(void *arg, const struct audit_finding *f), void *arg,
    struct audit_account *out_r)
{
	struct walk w = {.txn = txn,
	    .hasher = hasher_new(),
	    .head = head,
	    .found = found,
	    .arg = arg,
	    .account = out_r,
	    .link = {1, {{{0}}}},
	    .policy_known = true}; /* and empty */
	enum error e = w.hasher != NULL ? OK : ERR_MEMORY;

	memset(out_r, 0, sizeof *out_r);
	out_r->head_when = INSTANT_NONE;
	if (e == OK)
		e = walk(&w);
	hasher_free(&w.hasher);
	if (e != OK || w.damaged)
		return e;
	check_end(&w);
	check_pruned(&w);
	check_head(&w);
	return OK;
}
