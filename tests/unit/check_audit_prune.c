/* SPDX-License-Identifier: BSD-2-Clause */
/* check_audit_prune.c - pruning the audit log, and finding a time in it. */
#include "tests/lib/audit_findings.h"
#include "tests/lib/suite.h"

#include "policy/audit/audit_prune.h"

#include <stdio.h>
#include <string.h>

enum { CHANGES = 12, NOON = 1000000, NOW = NOON + 1000, RANDOM_LOGS = 200 };

static struct state state;
static struct store *store;
static struct store_txn *txn;
static struct audit_log journal;
static struct raw raw[RAW_MOST];
static struct audit_pruned pruned;
static struct error_text why;

/* change - one more entry, of this time */
static void
change(instant when)
{
	char note[24];

	journal.when = when;
	snprintf(note, sizeof(note), "%llu",
	    (unsigned long long)store_meta(txn)->audit_count);
	mailbox_store(txn, "jane@acme.test", SMTP_AUTH_ENABLED, note);
}

/* setup - entry n is of NOON + n */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	log_watch(txn, &journal, "", NOON);
	for (int i = 1; i <= CHANGES; i++)
		change(NOON + i);
	why.text[0] = '\0';
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
}

static void
prune(instant before)
{
	journal.when = NOW;
	expect_ok(audit_prune(txn, &journal, before, false, &pruned, &why));
	audit_findings_expect_none(txn);
}

/* log_expect - a stub of this number (0: none), and so many records */
static void
log_expect(uint64_t stub, unsigned records)
{
	struct audit_findings found;

	ck_assert_uint_eq(raw_read(txn, raw), records);
	audit_findings_take(&found, txn, NULL);
	ck_assert_uint_eq(found.count, 0);
	ck_assert_uint_eq(found.account.pruned, stub);
	ck_assert_uint_eq(found.account.entries, records - (stub > 0));
}

START_TEST(nothing_older_is_nothing_done)
{
	struct digest head = store_meta(txn)->audit_head;

	prune(NOON + 1); /* entry 1 is of that time, not older */
	ck_assert_uint_eq(pruned.removed, 0);
	ck_assert(digest_equal(&head, &store_meta(txn)->audit_head));
	log_expect(0, CHANGES);
}
END_TEST

START_TEST(old_entries_leave_a_stub)
{
	struct digest fifth, sixth, head;
	struct audit_findings found;

	raw_read(txn, raw);
	fifth = raw_hash(&raw[4]);
	sixth = raw_hash(&raw[5]);
	head = raw_hash(&raw[3]);
	prune(NOON + 6);
	ck_assert_uint_eq(pruned.removed, 5);
	ck_assert_uint_eq(pruned.last, 5);
	log_expect(5, 1 + (CHANGES - 5) + 1);
	audit_findings_take(&found, txn, &fifth); /* a head of then is still good */
	ck_assert_uint_eq(found.account.head_number, 5);
	ck_assert_int_eq(found.account.head_when, INSTANT_NONE);
	audit_findings_take(&found, txn, &sixth);
	ck_assert_uint_eq(found.account.head_number, 6);
	audit_findings_take(&found, txn, &head);
	ck_assert(audit_findings_have(&found, AUDIT_NO_HEAD, CHANGES + 1));
}
END_TEST

START_TEST(second_prune_takes_the_stub_along)
{
	prune(NOON + 4);
	ck_assert_uint_eq(pruned.removed, 3);
	prune(NOON + 9);
	ck_assert_uint_eq(pruned.removed, 5);
	ck_assert_uint_eq(pruned.last, 8);
	log_expect(8, 1 + (CHANGES - 8) + 2);
}
END_TEST

START_TEST(all_can_be_pruned)
{
	prune(NOW);
	ck_assert_uint_eq(pruned.removed, CHANGES);
	log_expect(CHANGES, 2);
	journal.when = NOW + 5; /* the prune entry alone is not worth another one */
	expect_ok(audit_prune(txn, &journal, NOW + 5, false, &pruned, &why));
	ck_assert_uint_eq(pruned.removed, 0);
	log_expect(CHANGES, 2);
	change(NOW + 6);
	expect_ok(audit_prune(txn, &journal, NOW + 7, false, &pruned, &why));
	ck_assert_uint_eq(pruned.removed, 2);
	log_expect(CHANGES + 2, 2);
	change(NOW + 8);
	audit_findings_expect_none(txn);
}
END_TEST

START_TEST(only_the_front_is_pruned)
{
	change(NOON); /* the clock was set back: it stays behind one that stays */
	prune(NOON + 12);
	ck_assert_uint_eq(pruned.removed, 11);
	log_expect(11, 1 + 2 + 1);
}
END_TEST

START_TEST(pruned_log_outlives_its_transaction)
{
	struct audit_findings found;

	prune(NOON + 6);
	txn_commit(&txn);
	store_close(&store);
	store = state_store(&state, STORE_READ);
	txn = txn_begin(store);
	audit_findings_take(&found, txn, NULL);
	ck_assert_uint_eq(found.count, 0);
	ck_assert_uint_eq(found.account.pruned, 5);
}
END_TEST

START_TEST(front_cut_without_a_prune_is_found)
{
	struct record_writer w;
	struct audit_entry stub;
	struct digest hash;

	raw_read(txn, raw);
	hash = raw_hash(&raw[2]);
	for (int i = 0; i < 3; i++)
		raw_delete(txn, &raw[i]);
	audit_findings_expect_one(txn, AUDIT_MISSING, 1);
	audit_stub(&stub, 3, &hash);
	record_write_start(&w, raw[2].value, sizeof(raw[2].value));
	expect_ok(audit_encode(&stub, &hash, store_hasher(txn), &w));
	raw[2].len = w.len;
	raw_put(txn, &raw[2]);
	audit_findings_expect_one(txn, AUDIT_PRUNED, 3);
	expect_error(
	    ERR_CONFLICT, audit_prune(txn, &journal, NOON, false, &pruned, &why));
}
END_TEST

START_TEST(more_cut_than_the_prune_says_is_found)
{
	struct audit_findings found;

	prune(NOON + 4);
	raw_read(txn, raw);
	raw_delete(txn, &raw[1]); /* 4 */
	audit_findings_expect_one(txn, AUDIT_MISSING, 4);
	raw_delete(txn, &raw[0]);
	audit_findings_take(&found, txn, NULL);
	ck_assert(audit_findings_have(&found, AUDIT_MISSING, 1)); /* to 4 */
	ck_assert(audit_findings_have(&found, AUDIT_PRUNED, 3));
}
END_TEST

/* damage - of entry 2, so that its hash does not hold */
static void
damage(size_t at)
{
	raw_read(txn, raw);
	raw[1].value[at] ^= 1;
	raw_put(txn, &raw[1]);
}

START_TEST(log_that_does_not_hold_is_pruned_by_force_only)
{
	journal.when = NOW;
	for (size_t at = 0; at <= 2; at += 2) { /* unreadable, or of another time */
		damage(at);
		expect_error(ERR_CONFLICT,
		    audit_prune(txn, &journal, NOON + 6, false, &pruned, &why));
		ck_assert_ptr_nonnull(strstr(why.text, "entry 2"));
		ck_assert_ptr_nonnull(strstr(why.text, "--force"));
		ck_assert_uint_eq(raw_read(txn, raw), CHANGES);
		damage(at);
	}
	damage(0);
	expect_ok(audit_prune(txn, &journal, NOON + 6, true, &pruned, &why));
	ck_assert_uint_eq(pruned.removed, 5);
	log_expect(5, 1 + (CHANGES - 5) + 1);
}
END_TEST

START_TEST(cut_log_begins_anew_by_force)
{
	raw_read(txn, raw);
	raw_delete(txn, &raw[CHANGES - 1]);
	journal.when = NOW;
	expect_error(
	    ERR_CONFLICT, audit_prune(txn, &journal, NOW, false, &pruned, &why));
	expect_ok(audit_prune(txn, &journal, NOW, true, &pruned, &why));
	ck_assert_uint_eq(pruned.removed, CHANGES - 1);
	log_expect(CHANGES, 2);
	change(NOW);
	audit_findings_expect_none(txn);
}
END_TEST

START_TEST(garbage_at_the_end_goes_by_force)
{
	struct audit_entry entry = {.kind = AUDIT_SUMMARY};

	raw_read(txn, raw);
	raw[0].value[0] = 0;
	key_number(&raw[0].key, TABLE_AUDIT, store_meta(txn)->audit_count + 1);
	raw_put(txn, &raw[0]);
	expect_error(ERR_DAMAGED, audit_table_append(txn, &journal, &entry));
	store_abort(&txn);
	txn = txn_begin(store);
	log_watch(txn, &journal, "", NOW);
	for (int i = 1; i <= 3; i++)
		change(NOON + i);
	raw[0].key.at[1] = 1; /* far behind the last one */
	raw_put(txn, &raw[0]);
	journal.when = NOW;
	expect_ok(audit_prune(txn, &journal, NOW, true, &pruned, &why));
	ck_assert_uint_eq(pruned.removed, 4);
	log_expect(3, 2);
}
END_TEST

static uint64_t dice = 1;

/* roll - a number below SIDES (an LCG's high bits) */
static unsigned
roll(unsigned sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % sides;
}

/* since_expect - entries in front of the start are older, and it is not late */
static void
since_expect(const instant *when, unsigned count, unsigned pruned_up_to, instant since)
{
	uint64_t first, want = pruned_up_to + 1;

	while (want <= count && when[want - 1] < since)
		want++;
	expect_ok(audit_table_since(txn, since, &first));
	ck_assert_msg(first == want, "since %lld: %llu, not %llu", (long long)since,
	    (unsigned long long)first, (unsigned long long)want);
}

START_TEST(since_is_right_although_clocks_jump)
{
	instant when[CHANGES + 16];
	unsigned count, gone;

	for (int i = 0; i < RANDOM_LOGS; i++) {
		store_abort(&txn);
		txn = txn_begin(store);
		log_watch(txn, &journal, "", NOON);
		count = roll(16);
		for (unsigned k = 0; k < count; k++) {
			when[k] = NOON + roll(10);
			change(when[k]);
		}
		gone = 0;
		journal.when = when[count] = NOON + 20;
		if (count > 0 && roll(2) == 0) {
			expect_ok(
			    audit_prune(txn, &journal, NOON + 5, false, &pruned, &why));
			gone = (unsigned)pruned.last;
			count += pruned.removed > 0;
		}
		for (instant since = NOON - 1; since < NOON + 22; since++)
			since_expect(when, count, gone, since);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("audit_prune");
	TCase *tcase = state_add_case(suite, "prune");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_older_is_nothing_done);
	tcase_add_test(tcase, old_entries_leave_a_stub);
	tcase_add_test(tcase, second_prune_takes_the_stub_along);
	tcase_add_test(tcase, all_can_be_pruned);
	tcase_add_test(tcase, only_the_front_is_pruned);
	tcase_add_test(tcase, pruned_log_outlives_its_transaction);
	tcase_add_test(tcase, front_cut_without_a_prune_is_found);
	tcase_add_test(tcase, more_cut_than_the_prune_says_is_found);
	tcase_add_test(tcase, log_that_does_not_hold_is_pruned_by_force_only);
	tcase_add_test(tcase, cut_log_begins_anew_by_force);
	tcase_add_test(tcase, garbage_at_the_end_goes_by_force);
	tcase_add_test(tcase, since_is_right_although_clocks_jump);
	return suite_run(suite);
}
