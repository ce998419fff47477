/* SPDX-License-Identifier: BSD-2-Clause */
/* check_spellings.c - a locked or disabled account under another spelling, which its
 * password database may take for the same, does not pass. */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/decision/submission.h"
#include "policy/identity/mta.h"
#include "policy/tables/mailbox_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1000000, VARIANTS = 10000, ROOM = 512, STEPS_SIZE = 8192 };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct state state;
static struct store *store;
static struct store_txn *txn;

/* The accounts; all are in a tenant that lets pass. */
static const struct account {
	const char *name;
	bool locked; /* else disabled */
} accounts[] = {{"alice", true}, {"mike.ski", false}, {"andr\xC3\xA9", true},
    {"stra\xC3\x9F"
     "e",
	false}};

static void
account_store(const struct account *account)
{
	struct mailbox mailbox =
	    mailbox_make(account->locked ? SMTP_AUTH_INHERIT : SMTP_AUTH_DISABLED, "");
	char address[ROOM];
	struct login login;

	snprintf(address, sizeof address, "%s@open.test", account->name);
	login = login_make(address);
	expect_ok(mailbox_table_put(txn, &login, &mailbox));
	if (account->locked)
		lock_store(txn, address, INSTANT_NONE);
}

static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store_with(txn, "open", SMTP_AUTH_ENABLED, "open.test");
	for (size_t i = 0; i < COUNT(accounts); i++)
		account_store(&accounts[i]);
}

static void
teardown(void)
{
	state_abandon(&store, &txn);
}

/* settle - makes what was stored the policy */
static void
settle(void)
{
	txn_commit(&txn);
	txn = txn_begin(store);
}

static struct decision
judge_from(const char *login, enum mta mta, const char *listener)
{
	struct submission submission = {
	    login, strlen(login), false, mta, "192.0.2.10", listener, "PLAIN", NOW};
	static struct outcome outcome;

	expect_ok(submission_judge(txn, &submission, &outcome, NULL));
	return outcome.decision;
}

/* to_xtext - as Sendmail sends it */
static void
to_xtext(const char *login, char *out, size_t size)
{
	size_t n = 0;

	for (; *login != '\0'; login++) {
		ck_assert_uint_lt(n + 4, size);
		if (*login > ' ' && *login <= '~' && *login != '+' && *login != '=')
			out[n++] = *login;
		else
			n += (size_t)snprintf(
			    out + n, size - n, "+%02X", (unsigned char)*login);
	}
	out[n] = '\0';
}

static void
expect(const char *login, enum verdict verdict, enum reason reason)
{
	char xtext[3 * ROOM];

	to_xtext(login, xtext, sizeof xtext);
	for (int sendmail = 0; sendmail <= 1; sendmail++) {
		struct decision d = judge_from(sendmail ? xtext : login,
		    sendmail ? MTA_SENDMAIL : MTA_POSTFIX, "");

		ck_assert_msg(d.verdict == verdict && d.reason == reason,
		    "%s (%s): %s, %s", login, xtext, decision_verdict_name(d.verdict),
		    decision_reason_name(d.reason));
	}
}

START_TEST(spellings_that_log_in_as_a_locked_account)
{
	static const struct {
		const char *login;
		enum reason reason;
	} known[] = {{"alice@open.test", REASON_LOCKED},
	    {"\xEF\xBD\x81lice@open.test", REASON_LOCKED},
	    {"AL\xC4\xB0"
	     "CE@open.test",
		REASON_LOCKED},
	    {"ali\xCC\x87"
	     "ce@open.test",
		REASON_LOCKED},
	    {"al\xC4\xB1"
	     "ce@open.test",
		REASON_LOCKED},
	    {"alice\xEF\xBC\xA0open.test", REASON_LOCKED},
	    {"\xF0\x9D\x90\x9A\xE2\x93\x9B\xE1\xB5\xA2"
	     "ce@open.test",
		REASON_LOCKED},
	    {"alice@\xEF\xBD\x8Fpen.test", REASON_LOCKED},
	    {"alice@open.test\xC2\xA0", REASON_INVALID_LOGIN},
	    {"alice@open.test\xE3\x80\x80", REASON_INVALID_LOGIN},
	    {"alice@open.test ", REASON_INVALID_LOGIN},
	    {"alice @open.test", REASON_INVALID_LOGIN},
	    {"ali\xE2\x80\x8B"
	     "ce@open.test",
		REASON_INVALID_LOGIN}};

	settle();
	for (size_t i = 0; i < COUNT(known); i++)
		expect(known[i].login, VERDICT_REJECT, known[i].reason);
}
END_TEST

START_TEST(other_accounts_are_let_alone)
{
	settle();
	expect("alicia@open.test", VERDICT_ALLOW, REASON_TENANT_ENABLED);
	expect("\xEF\xBD\x81licia@open.test", VERDICT_ALLOW, REASON_TENANT_ENABLED);
	/* these are two, as identities go; and what a collation alone calls equal */
	expect("strasse@open.test", VERDICT_ALLOW, REASON_TENANT_ENABLED);
	expect("\xC3\xA1lice@open.test", VERDICT_ALLOW, REASON_TENANT_ENABLED);
	expect("\xEF\xBD\x81lice@free.test", VERDICT_ALLOW, REASON_UNKNOWN_TENANT);
}
END_TEST

START_TEST(question_mark_of_postfix_stands_for_what_is_overlooked)
{
	static const char *const locked[] = {
	    "al?ice@open.test", "?alice?@open.test", "\xEF\xBD\x81l?ice@open.test"};

	settle();
	for (size_t i = 0; i < COUNT(locked); i++)
		expect(locked[i], VERDICT_REJECT, REASON_LOCKED);
	expect("alice@op?en.test", VERDICT_REJECT, REASON_INVALID_LOGIN);
	/* which one it was, by Dovecot */
	ck_assert_int_eq(
	    judge_from("al?1ice@open.test", MTA_POSTFIX, "").reason, REASON_LOCKED);
	ck_assert_int_eq(
	    judge_from("?talice?n?r@open.test", MTA_AUTO, "").reason, REASON_LOCKED);
	ck_assert_int_eq(
	    judge_from("mike.?xski@open.test", MTA_AUTO, "").verdict, VERDICT_ALLOW);
	setting_store(txn, "invalid-login", "accept");
	settle();
	expect("alice@op?en.test", VERDICT_REJECT, REASON_LOCKED);
	ck_assert_int_eq(
	    judge_from("alice@op?1en.test", MTA_AUTO, "").reason, REASON_LOCKED);
	expect("mike?.ski@open.test", VERDICT_REJECT, REASON_MAILBOX_DISABLED);
	expect("who?@open.test", VERDICT_ALLOW, REASON_TENANT_ENABLED);
	expect("alice?@free.test", VERDICT_ALLOW, REASON_UNKNOWN_TENANT);
}
END_TEST

START_TEST(question_marks_of_postfix_for_bytes_are_no_login)
{
	static const char *const logins[] = {
	    "???lice@open.test", "andr??@open.test", "alice@???pen.test", "??"};

	settle();
	for (size_t i = 0; i < COUNT(logins); i++) {
		ck_assert_int_eq(judge_from(logins[i], MTA_POSTFIX, "").reason,
		    REASON_INVALID_LOGIN);
		ck_assert_int_eq(
		    judge_from(logins[i], MTA_AUTO, "").reason, REASON_INVALID_LOGIN);
	}
	expect("w?h?o?@open.test", VERDICT_ALLOW, REASON_TENANT_ENABLED);
	/* Sendmail shows all bytes */
	ck_assert_int_eq(judge_from("who??@open.test", MTA_SENDMAIL, "").reason,
	    REASON_TENANT_ENABLED);
}
END_TEST

START_TEST(looser_form_is_judged_as_a_whole)
{
	alias_store(txn, "alice@open.test", "wonder");
	tenant_store_with(txn, "shut", SMTP_AUTH_DISABLED, "shut.test");
	mailbox_store(txn, "bob@shut.test", SMTP_AUTH_ENABLED, "");
	settle();
	expect("\xEF\xBD\x97onder", VERDICT_REJECT, REASON_LOCKED);
	expect("bob\xEF\xBC\xA0shut.test", VERDICT_ALLOW, REASON_UNKNOWN_TENANT);
	expect("carl\xEF\xBC\xA0shut.test", VERDICT_REJECT, REASON_TENANT_DISABLED);
	/* an exception is no reason to let the other spelling pass */
	expect("\xEF\xBD\x82ob@shut.test", VERDICT_REJECT, REASON_TENANT_DISABLED);
	setting_store(txn, "default-domain", "open.test");
	settle();
	expect("\xE2\x93\x90lice", VERDICT_REJECT, REASON_LOCKED);
	expect("\xE2\x93\x90licia", VERDICT_ALLOW, REASON_TENANT_ENABLED);
}
END_TEST

START_TEST(locks_hold_where_invalid_logins_pass)
{
	static const char *const logins[] = {"alice ", "alice @open.test",
	    "alice\xC2\xAD@open.test", "\xEF\xBD\x81lice\xC2\xA0@open.test"};

	setting_store(txn, "default-domain", "open.test");
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			setting_store(txn, "enforce", "no");
		if (i == 1)
			setting_store(txn, "invalid-login", "accept");
		if (i == 2)
			setting_store(txn, "exempt-listeners", "WEBMAIL");
		settle();
		for (size_t k = 0; k < COUNT(logins); k++) {
			struct decision d =
			    judge_from(logins[k], MTA_POSTFIX, "WEBMAIL");

			ck_assert_msg(d.reason == REASON_LOCKED, "%d: %s: %s", i,
			    logins[k], decision_reason_name(d.reason));
		}
	}
}
END_TEST

START_TEST(both_readings_are_among_the_steps)
{
	static const char login[] = "\xEF\xBD\x81lice@open.test";
	struct submission submission = {
	    login, sizeof login - 1, false, MTA_POSTFIX, "", "", "", NOW};
	struct outcome outcome;
	char text[STEPS_SIZE];
	struct text steps;

	settle();
	text_init(&steps, text, sizeof text);
	expect_ok(submission_judge(txn, &submission, &outcome, &steps));
	ck_assert_str_eq(submission_mailbox(&outcome), "alice@open.test");
	ck_assert(outcome.decision.login_locked);
	ck_assert_ptr_nonnull(strstr(text, "normal form: \xEF\xBD\x81lice@open.test"));
	ck_assert_ptr_nonnull(strstr(text, "decision: allow, reason tenant-enabled"));
	ck_assert_ptr_nonnull(
	    strstr(text, "may be read as the login: alice@open.test"));
	ck_assert_ptr_nonnull(strstr(text, "decision: reject, reason locked"));
}
END_TEST

START_TEST(login_domain_default_looks_at_the_name_alone)
{
	setting_store(txn, "login-domain", "default");
	settle();
	/* nothing can take the place of the domain, so it counts */
	expect("alice@free.test", VERDICT_ALLOW, REASON_UNKNOWN_TENANT);
	expect("alice@open.test", VERDICT_REJECT, REASON_LOCKED);
	setting_store(txn, "default-domain", "open.test");
	alias_store(txn, "alice@open.test", "wonder");
	settle();
	expect("alice@free.test", VERDICT_REJECT, REASON_LOCKED);
	expect("Alice@FREE.test", VERDICT_REJECT, REASON_LOCKED);
	expect("alice", VERDICT_REJECT, REASON_LOCKED);
	expect("wonder@free.test", VERDICT_REJECT, REASON_LOCKED);
	expect("\xEF\xBD\x81lice@free.test", VERDICT_REJECT, REASON_LOCKED);
	expect("alice@free..test", VERDICT_REJECT, REASON_INVALID_LOGIN);
	expect("alicia@free.test", VERDICT_ALLOW, REASON_TENANT_ENABLED);
	setting_store(txn, "enforce", "no");
	settle();
	expect("alice@free..test", VERDICT_REJECT, REASON_LOCKED);
}
END_TEST

static size_t
pick(unsigned short *seed, size_t n)
{
	return (size_t)nrand48(seed) % n;
}

/* put - the UTF-8 of C behind OUT */
static void
put(char *out, unsigned c)
{
	size_t n = strlen(out);

	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xC0 | c >> 6);
	} else if (c < 0x10000) {
		out[n++] = (char)(0xE0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	} else {
		out[n++] = (char)(0xF0 | c >> 18);
		out[n++] = (char)(0x80 | (c >> 12 & 0x3F));
		out[n++] = (char)(0x80 | (c >> 6 & 0x3F));
	}
	if (c >= 0x80)
		out[n++] = (char)(0x80 | (c & 0x3F));
	out[n] = '\0';
}

/* put_letter - a variant of a small ASCII letter */
static void
put_letter(char *out, char letter, unsigned short *seed)
{
	/* the first of 26: small, capital, full width, circled, bold, sans-serif */
	static const unsigned forms[] = {
	    'a', 'A', 0xFF41, 0xFF21, 0x24D0, 0x24B6, 0x1D41A, 0x1D400, 0x1D5BA};
	static const struct {
		char letter;
		unsigned c;
	} signs[] = {{'i', 0x130}, {'i', 0x131}, {'i', 0x2139}, {'k', 0x212A},
	    {'s', 0x17F}, {'e', 0x2091}, {'l', 0x2113}, {'c', 0x217D}, {'n', 0x207F}};
	size_t i = pick(seed, COUNT(signs));

	if (signs[i].letter == letter)
		put(out, signs[i].c);
	else
		put(out, forms[pick(seed, COUNT(forms))] + (unsigned)(letter - 'a'));
}

/* put_name - a variant of a name, of which nothing is left out */
static void
put_name(char *out, const char *name, unsigned short *seed)
{
	for (; *name != '\0'; name++) {
		if (*name >= 'a' && *name <= 'z') {
			put_letter(out, *name, seed);
		} else if (strncmp(name, "\xC3\xA9", 2) == 0) { /* e acute */
			if (pick(seed, 2) == 0) {
				put(out, pick(seed, 2) == 0 ? 0xE9 : 0xC9);
			} else {
				put_letter(out, 'e', seed);
				put(out, pick(seed, 2) == 0 ? 0x301 : 0x341);
			}
			name++;
		} else if (strncmp(name, "\xC3\x9F", 2) == 0) { /* sharp s */
			put(out, pick(seed, 2) == 0 ? 0xDF : 0x1E9E);
			name++;
		} else {
			put(out, pick(seed, 2) == 0 ? (unsigned)*name : 0xFF0E);
		}
	}
}

/* put_noise - now and then a blank, or what cannot be seen */
static void
put_noise(char *out, unsigned short *seed)
{
	static const unsigned noise[] = {' ', 0xA0, 0x3000, 0x2003, 0x202F, 0xAD,
	    0x200B, 0x200D, 0x2060, 0xFEFF, 0x34F, 0xFE0F, 0x202E, 0xE0041, 0x115F};

	if (pick(seed, 8) == 0)
		put(out, noise[pick(seed, COUNT(noise))]);
}

/* variant_of - ACCOUNT under a spelling that folds to it */
static void
variant_of(const struct account *account, char *out, unsigned short *seed)
{
	static const unsigned at_signs[] = {'@', '@', '@', 0xFF20, 0xFE6B};
	char name[ROOM] = "";

	out[0] = '\0';
	put_name(name, account->name, seed);
	put_noise(out, seed);
	strcat(out, name);
	put_noise(out, seed);
	put(out, at_signs[pick(seed, COUNT(at_signs))]);
	put_noise(out, seed);
	put_name(out, "open", seed);
	put(out, pick(seed, 2) == 0 ? '.' : 0xFF0E);
	put_name(out, "test", seed);
	put_noise(out, seed);
}

/* none_passes - VARIANTS of the accounts, from LISTENER; WANTED: for this reason */
static void
none_passes(const char *listener, bool locked_only, const enum reason *wanted)
{
	unsigned short seed[3] = {11, 29, 2026};
	char login[ROOM], xtext[3 * ROOM];

	for (int i = 0; i < VARIANTS; i++) {
		const struct account *account = &accounts[pick(seed, COUNT(accounts))];
		enum mta mta = i % 2 == 0 ? MTA_POSTFIX : MTA_SENDMAIL;
		struct decision d;

		variant_of(account, login, seed);
		if (locked_only && !account->locked)
			continue;
		to_xtext(login, xtext, sizeof xtext);
		d = judge_from(mta == MTA_POSTFIX ? login : xtext, mta, listener);
		ck_assert_msg(d.verdict == VERDICT_REJECT, "%d: %s (%s): %s, %s", i,
		    login, xtext, decision_verdict_name(d.verdict),
		    decision_reason_name(d.reason));
		ck_assert_msg(wanted == NULL || d.reason == *wanted, "%d: %s (%s): %s",
		    i, login, xtext, decision_reason_name(d.reason));
	}
}

START_TEST(no_variant_passes)
{
	settle();
	none_passes("", false, NULL);
}
END_TEST

START_TEST(no_variant_of_a_locked_account_is_exempt)
{
	static const enum reason locked = REASON_LOCKED;

	setting_store(txn, "exempt-listeners", "WEBMAIL");
	settle();
	none_passes("WEBMAIL", true, &locked);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spellings");
	TCase *table = state_add_case(suite, "table");
	TCase *random = state_add_case(suite, "random");

	tcase_add_checked_fixture(table, setup, teardown);
	tcase_add_test(table, spellings_that_log_in_as_a_locked_account);
	tcase_add_test(table, other_accounts_are_let_alone);
	tcase_add_test(table, question_mark_of_postfix_stands_for_what_is_overlooked);
	tcase_add_test(table, question_marks_of_postfix_for_bytes_are_no_login);
	tcase_add_test(table, looser_form_is_judged_as_a_whole);
	tcase_add_test(table, locks_hold_where_invalid_logins_pass);
	tcase_add_test(table, both_readings_are_among_the_steps);
	tcase_add_test(table, login_domain_default_looks_at_the_name_alone);
	tcase_add_checked_fixture(random, setup, teardown);
	tcase_add_test(random, no_variant_passes);
	tcase_add_test(random, no_variant_of_a_locked_account_is_exempt);
	return suite_run(suite);
}
