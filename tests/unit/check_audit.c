/* SPDX-License-Identifier: BSD-2-Clause */
/* check_audit.c - the audit log: every change of it is found, and named. */
#include "tests/lib/audit_findings.h"
#include "tests/lib/suite.h"

#include "policy/audit/audit_prune.h"

#include <stdio.h>
#include <string.h>

enum { BITS = 8, NOON = 1000000 };

static struct state state;
static struct store *store;
static struct store_txn *txn;
static struct audit_log journal;
static struct raw raw[RAW_MOST];
static unsigned entries;

/* summary_append - as an import does */
static void
summary_append(void)
{
	struct audit_entry entry = {.kind = AUDIT_SUMMARY};

	entry.summary.content = *store_content(txn);
	entry.summary.created = 3;
	expect_ok(audit_table_append(txn, &journal, &entry));
}

/* setup - a log that has an entry of each kind but a stub: 1 to 9 */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	log_watch(txn, &journal, "", NOON);
	tenant_store_with(txn, "acme", SMTP_AUTH_DISABLED, "acme.test");
	snprintf(journal.origin.actor, sizeof(journal.origin.actor), "ticket 815");
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, "her printer");
	alias_store(txn, "jane@acme.test", "jane");
	store_watch(txn, NULL, NULL);
	mailbox_store(txn, "joe@acme.test", SMTP_AUTH_DISABLED, "");
	summary_append();
	audit_table_watch(txn, &journal);
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_INHERIT, "");
	mailbox_store(txn, "kim@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "lee@acme.test", SMTP_AUTH_ENABLED, "");
	entries = raw_read(txn, raw);
	ck_assert_uint_eq(entries, 9);
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
}

START_TEST(whole_log_holds)
{
	struct audit_findings found;
	struct digest head;

	for (unsigned i = 0; i < entries; i++) {
		head = raw_hash(&raw[i]);
		audit_findings_take(&found, txn, &head);
		ck_assert_uint_eq(found.count, 0);
		ck_assert_uint_eq(found.account.head_number, i + 1);
		ck_assert_int_eq(found.account.head_when, NOON);
	}
	ck_assert_uint_eq(found.account.entries, entries);
	ck_assert_uint_eq(found.account.first, 1);
	ck_assert_uint_eq(found.account.last, entries);
	ck_assert_uint_eq(found.account.pruned, 0);
	memset(&head, 0, sizeof(head)); /* what a log that has no entry has */
	audit_findings_take(&found, txn, &head);
	ck_assert(audit_findings_have(&found, AUDIT_NO_HEAD, entries));
}
END_TEST

/* flips_expect - each bit of each value, changed in place; ALONE: and nothing else is
 * named */
static void
flips_expect(bool alone)
{
	struct audit_findings found;
	uint64_t number;

	for (unsigned i = 0; i < entries; i++) {
		expect_ok(key_to_number(key_bytes(&raw[i].key), &number));
		for (size_t bit = 0; bit < raw[i].len * BITS; bit++) {
			raw[i].value[bit / BITS] ^= (uint8_t)(1 << bit % BITS);
			raw_put(txn, &raw[i]);
			audit_findings_take(&found, txn, NULL);
			ck_assert_msg(audit_findings_name(&found, number),
			    "entry %u, bit %zu: %u findings", i + 1, bit, found.count);
			ck_assert_msg(found.count == 1 || !alone,
			    "entry %u, bit %zu: %u findings", i + 1, bit, found.count);
			raw[i].value[bit / BITS] ^= (uint8_t)(1 << bit % BITS);
		}
		raw_put(txn, &raw[i]);
	}
	audit_findings_expect_none(txn);
}

START_TEST(every_bit_of_an_entry_counts)
{
	flips_expect(true);
}
END_TEST

START_TEST(every_bit_of_a_stub_counts)
{
	struct audit_pruned pruned;
	struct error_text why;

	journal.when = NOON + 1;
	mailbox_store(txn, "lee@acme.test", SMTP_AUTH_DISABLED, "");
	journal.when = NOON + 2;
	expect_ok(audit_prune(txn, &journal, NOON + 1, false, &pruned, &why));
	ck_assert_uint_eq(pruned.removed, 9);
	entries = raw_read(txn, raw);
	ck_assert_uint_eq(entries, 3);
	flips_expect(false);
}
END_TEST

START_TEST(every_bit_of_a_key_counts)
{
	struct audit_findings found;
	struct raw moved;

	for (unsigned i = 0; i < entries; i++) {
		for (size_t bit = 0; bit < raw[i].key.len * BITS; bit++) {
			raw_delete(txn, &raw[i]);
			moved = raw[i];
			moved.key.at[bit / BITS] ^= (uint8_t)(1 << bit % BITS);
			raw_put(txn, &moved);
			audit_findings_take(&found, txn, NULL);
			ck_assert_msg(audit_findings_name(&found, i + 1),
			    "entry %u, bit %zu: %u findings", i + 1, bit, found.count);
			raw_delete(txn, &moved);
			for (unsigned k = 0; k < entries; k++)
				raw_put(txn, &raw[k]);
		}
	}
	audit_findings_expect_none(txn);
}
END_TEST

START_TEST(shortened_entries_are_found)
{
	struct audit_findings found;
	struct raw cut;

	for (unsigned i = 0; i < entries; i++) {
		for (cut = raw[i]; cut.len-- > 0;) {
			raw_put(txn, &cut);
			audit_findings_take(&found, txn, NULL);
			ck_assert(audit_findings_name(&found, i + 1));
		}
		raw_put(txn, &raw[i]);
	}
}
END_TEST

START_TEST(removed_entries_are_found)
{
	for (unsigned i = 0; i < entries; i++) {
		raw_delete(txn, &raw[i]);
		audit_findings_expect_one(
		    txn, i + 1 < entries ? AUDIT_MISSING : AUDIT_CUT, i + 1);
		raw_put(txn, &raw[i]);
	}
	raw_delete(txn, &raw[3]);
	raw_delete(txn, &raw[4]);
	audit_findings_expect_one(txn, AUDIT_MISSING, 4); /* to 5 */
	for (unsigned i = 0; i < entries; i++)
		if (i != 3 && i != 4)
			raw_delete(txn, &raw[i]);
	audit_findings_expect_one(txn, AUDIT_CUT, 1);
}
END_TEST

START_TEST(swapped_entries_are_found)
{
	struct audit_findings found;
	struct raw other;

	for (unsigned i = 0; i < entries; i++) {
		for (unsigned k = 0; k < i; k++) {
			other = raw[i];
			other.key = raw[k].key;
			raw_put(txn, &other);
			other = raw[k];
			other.key = raw[i].key;
			raw_put(txn, &other);
			audit_findings_take(&found, txn, NULL);
			ck_assert(audit_findings_have(&found, AUDIT_ALTERED, i + 1));
			ck_assert(audit_findings_have(&found, AUDIT_ALTERED, k + 1));
			raw_put(txn, &raw[i]);
			raw_put(txn, &raw[k]);
		}
	}
	audit_findings_expect_none(txn);
}
END_TEST

/* forge - entry I as its own author would have written it: with a hash that holds */
static void
forge(struct raw *forged, const struct digest *previous, const char *actor)
{
	struct bytes value = {forged->value, forged->len};
	struct audit_entry entry;
	struct record_writer w;
	uint8_t buf[AUDIT_ENTRY_MAX / 2];

	expect_ok(audit_decode(key_bytes(&forged->key), value, &entry));
	snprintf(entry.origin.actor, sizeof(entry.origin.actor), "%s", actor);
	record_write_start(&w, buf, sizeof(buf));
	expect_ok(audit_encode(&entry, previous, store_hasher(txn), &w));
	memcpy(forged->value, buf, w.len);
	forged->len = w.len;
}

START_TEST(forged_entry_does_not_fit_the_next)
{
	struct digest previous = raw_hash(&raw[2]);
	struct raw forged = raw[3];

	forge(&forged, &previous, "nobody");
	raw_put(txn, &forged);
	audit_findings_expect_one(txn, AUDIT_ALTERED, 5);
	raw_put(txn, &raw[3]);
	previous = raw_hash(&raw[entries - 2]);
	forged = raw[entries - 1];
	forge(&forged, &previous, "nobody");
	raw_put(txn, &forged);
	audit_findings_expect_one(txn, AUDIT_HEAD, entries);
}
END_TEST

START_TEST(inserted_entries_are_found)
{
	struct raw odd = raw[3], shifted;
	struct audit_findings found;

	odd.key.at[odd.key.len++] = 0; /* between 4 and 5 */
	raw_put(txn, &odd);
	audit_findings_expect_one(txn, AUDIT_UNREADABLE, 4);
	raw_delete(txn, &odd);
	key_number(&odd.key, TABLE_AUDIT, 0);
	raw_put(txn, &odd);
	audit_findings_expect_one(txn, AUDIT_UNREADABLE, 0);
	raw_delete(txn, &odd);
	for (unsigned i = entries; i-- > 4;) { /* make room for another number 5 */
		shifted = raw[i];
		key_number(&shifted.key, TABLE_AUDIT, i + 2);
		raw_put(txn, &shifted);
	}
	audit_findings_take(&found, txn, NULL);
	for (uint64_t n = 6; n <= entries + 1; n++)
		ck_assert(audit_findings_have(&found, AUDIT_ALTERED, n));
	ck_assert(audit_findings_have(&found, AUDIT_BEHIND, entries + 1));
}
END_TEST

START_TEST(entry_behind_the_head_is_found)
{
	struct digest previous = raw_hash(&raw[entries - 1]);
	struct raw more = raw[entries - 1];
	struct audit_entry entry = {.kind = AUDIT_SUMMARY};
	struct audit_findings found;

	key_number(&more.key, TABLE_AUDIT, entries + 1);
	forge(&more, &previous, "");
	raw_put(txn, &more);
	audit_findings_take(&found, txn, NULL);
	ck_assert(audit_findings_have(&found, AUDIT_BEHIND, entries + 1));
	expect_error(ERR_DAMAGED, audit_table_append(txn, &journal, &entry));
}
END_TEST

START_TEST(cut_tail_shows_against_a_head)
{
	struct digest head = store_meta(txn)->audit_head, last = raw_hash(&raw[6]);
	struct audit_findings found;

	raw_delete(txn, &raw[8]);
	raw_delete(txn, &raw[7]);
	audit_findings_expect_one(txn, AUDIT_CUT, 8);
	store_set_audit(txn, 7, &last); /* the meta record mended */
	audit_findings_expect_one(txn, AUDIT_POLICY, 7);
	audit_findings_take(&found, txn, &head);
	ck_assert(audit_findings_have(&found, AUDIT_NO_HEAD, 7));
	store_watch(txn, NULL, NULL); /* and the policy as it was then */
	mailbox_store(txn, "kim@acme.test", SMTP_AUTH_INHERIT, "");
	mailbox_store(txn, "lee@acme.test", SMTP_AUTH_INHERIT, "");
	audit_findings_expect_none(txn);
	audit_findings_take(&found, txn, &last);
	ck_assert_uint_eq(found.count, 0);
	ck_assert_uint_eq(found.account.head_number, 7);
	audit_findings_take(&found, txn, &head);
	ck_assert_uint_eq(found.count, 1);
	ck_assert(audit_findings_have(&found, AUDIT_NO_HEAD, 7));
	ck_assert_uint_eq(found.account.head_number, 0);
}
END_TEST

START_TEST(rewritten_log_shows_against_a_head)
{
	struct digest previous = {{0}}, head;
	struct audit_findings found;

	for (unsigned i = 0; i < entries; i++) {
		head = raw_hash(&raw[i]);
		forge(&raw[i], &previous, "somebody else");
		raw_put(txn, &raw[i]);
		previous = raw_hash(&raw[i]);
		ck_assert(!digest_equal(&head, &previous));
	}
	head = store_meta(txn)->audit_head;
	audit_findings_expect_one(txn, AUDIT_HEAD, entries);
	store_set_audit(txn, entries, &previous);
	audit_findings_expect_none(txn);
	audit_findings_take(&found, txn, &head);
	ck_assert_uint_eq(found.count, 1);
	ck_assert(audit_findings_have(&found, AUDIT_NO_HEAD, entries));
}
END_TEST

START_TEST(meta_record_is_compared)
{
	struct digest head = store_meta(txn)->audit_head;
	struct audit_findings found;

	for (size_t bit = 0; bit < (size_t)DIGEST_BYTES * BITS; bit++) {
		struct digest other = head;

		other.byte[bit / BITS] ^= (uint8_t)(1 << bit % BITS);
		store_set_audit(txn, entries, &other);
		audit_findings_expect_one(txn, AUDIT_HEAD, entries);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		store_set_audit(txn, entries ^ UINT64_C(1) << bit, &head);
		audit_findings_take(&found, txn, NULL);
		ck_assert_uint_gt(found.count, 0);
	}
}
END_TEST

START_TEST(policy_changed_behind_the_log_is_found)
{
	store_watch(txn, NULL, NULL);
	mailbox_store(txn, "eve@acme.test", SMTP_AUTH_ENABLED, "");
	audit_findings_expect_one(txn, AUDIT_POLICY, entries);
	audit_table_watch(txn, &journal);
	mailbox_store(txn, "fay@acme.test", SMTP_AUTH_ENABLED, "");
	audit_findings_expect_one(txn, AUDIT_POLICY, entries + 1); /* for ever */
	mailbox_store(txn, "gus@acme.test", SMTP_AUTH_ENABLED, "");
	audit_findings_expect_one(txn, AUDIT_POLICY, entries + 1);
}
END_TEST

START_TEST(policy_changed_in_front_of_a_summary_is_found)
{
	store_watch(txn, NULL, NULL);
	mailbox_store(txn, "eve@acme.test", SMTP_AUTH_ENABLED, "");
	txn_commit(&txn);
	txn = txn_begin(store);
	mailbox_store(txn, "fay@acme.test", SMTP_AUTH_ENABLED, "");
	summary_append(); /* of fay, and not of eve */
	audit_findings_expect_one(txn, AUDIT_POLICY, entries + 1);
	summary_append(); /* of nothing */
	audit_findings_expect_one(txn, AUDIT_POLICY, entries + 1);
}
END_TEST

START_TEST(empty_log_is_that_of_an_empty_policy)
{
	struct digest none = {{0}};

	for (unsigned i = 0; i < entries; i++)
		raw_delete(txn, &raw[i]);
	store_set_audit(txn, 0, &none);
	audit_findings_expect_one(txn, AUDIT_POLICY, 0);
	store_abort(&txn);
	txn = txn_begin(store);
	audit_findings_expect_none(txn);
}
END_TEST

START_TEST(newer_entry_is_told_from_an_altered_one)
{
	struct digest previous = raw_hash(&raw[entries - 2]), hash;
	struct raw newer = raw[entries - 1];

	newer.value[0]++;
	expect_ok(audit_hash(entries, (struct bytes){newer.value, newer.len}, &previous,
	    store_hasher(txn), &hash));
	memcpy(newer.value + newer.len - DIGEST_BYTES, hash.byte, DIGEST_BYTES);
	raw_put(txn, &newer);
	store_set_audit(txn, entries, &hash);
	audit_findings_expect_one(txn, AUDIT_UNREADABLE, entries);
}
END_TEST

START_TEST(damage_of_the_database_is_a_finding)
{
	static const uint8_t value[DB_VALUE_MAX + 1];
	struct audit_findings found;

	expect_ok(
	    db_put(store_db(txn), &raw[4].key, (struct bytes){value, sizeof(value)}));
	audit_findings_take(&found, txn, NULL); /* a cursor cannot take it */
	ck_assert_uint_eq(found.count, 1);
	ck_assert(audit_findings_have(&found, AUDIT_DAMAGE, 4));
}
END_TEST

START_TEST(change_of_nothing_is_no_entry)
{
	static const uint8_t record[] = {1};
	struct audit_entry entry = {.kind = AUDIT_CHANGE}, got;
	struct raw last;

	entry.object = (struct bytes){record, 0};
	entry.after = (struct bytes){record, sizeof(record)};
	expect_ok(audit_table_append(txn, &journal, &entry));
	ck_assert_uint_eq(raw_read(txn, raw), entries + 1);
	last = raw[entries];
	expect_error(ERR_DAMAGED,
	    audit_decode(
		key_bytes(&last.key), (struct bytes){last.value, last.len}, &got));
}
END_TEST

START_TEST(longest_entry_fits)
{
	static uint8_t record[RECORD_MAX];
	struct audit_entry entry = {.kind = AUDIT_CHANGE}, got;
	struct raw last;
	struct key key = {.len = KEY_MAX};

	memset(key.at, 'x', sizeof(key.at));
	key.at[0] = TABLE_MAILBOX;
	memset(journal.origin.actor, 'a', AUDIT_ACTOR_MAX);
	memset(journal.origin.command, 'c', AUDIT_COMMAND_MAX);
	entry.object = key_bytes(&key);
	entry.before = entry.after = (struct bytes){record, sizeof(record)};
	expect_ok(audit_table_append(txn, &journal, &entry));
	ck_assert_uint_eq(raw_read(txn, raw), entries + 1);
	last = raw[entries];
	ck_assert_uint_le(last.len, AUDIT_ENTRY_MAX);
	expect_ok(audit_decode(
	    key_bytes(&last.key), (struct bytes){last.value, last.len}, &got));
	ck_assert_uint_eq(strlen(got.origin.actor), AUDIT_ACTOR_MAX);
	ck_assert_uint_eq(strlen(got.origin.command), AUDIT_COMMAND_MAX);
	ck_assert_uint_eq(got.after.len, RECORD_MAX);
	entry.after = entry.before = (struct bytes){last.value, last.len};
	expect_error(ERR_LIMIT, audit_table_append(txn, &journal, &entry));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("audit");
	TCase *tcase = state_add_case(suite, "log");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, whole_log_holds);
	tcase_add_test(tcase, every_bit_of_an_entry_counts);
	tcase_add_test(tcase, every_bit_of_a_stub_counts);
	tcase_add_test(tcase, every_bit_of_a_key_counts);
	tcase_add_test(tcase, shortened_entries_are_found);
	tcase_add_test(tcase, removed_entries_are_found);
	tcase_add_test(tcase, swapped_entries_are_found);
	tcase_add_test(tcase, forged_entry_does_not_fit_the_next);
	tcase_add_test(tcase, inserted_entries_are_found);
	tcase_add_test(tcase, entry_behind_the_head_is_found);
	tcase_add_test(tcase, cut_tail_shows_against_a_head);
	tcase_add_test(tcase, rewritten_log_shows_against_a_head);
	tcase_add_test(tcase, meta_record_is_compared);
	tcase_add_test(tcase, policy_changed_behind_the_log_is_found);
	tcase_add_test(tcase, policy_changed_in_front_of_a_summary_is_found);
	tcase_add_test(tcase, empty_log_is_that_of_an_empty_policy);
	tcase_add_test(tcase, newer_entry_is_told_from_an_altered_one);
	tcase_add_test(tcase, damage_of_the_database_is_a_finding);
	tcase_add_test(tcase, change_of_nothing_is_no_entry);
	tcase_add_test(tcase, longest_entry_fits);
	return suite_run(suite);
}
