/* SPDX-License-Identifier: BSD-2-Clause */
/* check_reply.c - every cell of the table of replies, in both styles. */
#include "policy/decision/reply.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define URL "https://example.org/help"

static const struct reply_names names = {"acme", "user@example.org", "192.0.2.7", ""};

/* build - the whole line of a decision */
static const char *
build(const struct settings *s, const struct tenant *t, struct decision d,
    const struct reply_names *n)
{
	static char line[2 * REPLY_LINE_MAX];
	struct reply r;

	memset(&r, 0xA5, sizeof r);
	reply_build(s, t, &d, n, &r);
	snprintf(line, sizeof line, "%s%s%s%s%s", r.code, r.code[0] == '\0' ? "" : " ",
	    r.xcode, r.xcode[0] == '\0' ? "" : " ", r.text);
	return line;
}

static struct decision
decided(enum verdict verdict, enum reason reason, bool login_locked)
{
	return (struct decision){verdict, reason, OVERRIDE_NONE, login_locked};
}

#define R VERDICT_REJECT
#define T VERDICT_TEMPFAIL
#define DISABLED \
	"Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
#define LOCKED \
	"Authentication unsuccessful, user is locked by your organization's security " \
	"policy."

static const struct {
	enum verdict verdict;
	enum reason reason;
	bool login_locked;
	const char *standard, *exchange;
} cells[] = {
    {R, REASON_TENANT_DISABLED, false,
	"550 5.7.1 SMTP AUTH is disabled for tenant acme",
	"535 5.7.139 " DISABLED "Tenant."},
    {T, REASON_TENANT_DISABLED, false,
	"450 4.7.1 SMTP AUTH is disabled for tenant acme",
	"454 4.7.0 " DISABLED "Tenant."},
    {R, REASON_MAILBOX_DISABLED, false,
	"550 5.7.1 SMTP AUTH is disabled for mailbox user@example.org",
	"535 5.7.139 " DISABLED "Mailbox."},
    {T, REASON_MAILBOX_DISABLED, false,
	"450 4.7.1 SMTP AUTH is disabled for mailbox user@example.org",
	"454 4.7.0 " DISABLED "Mailbox."},
    {R, REASON_LOCKED, false, "550 5.7.1 SMTP AUTH is locked for tenant acme",
	"535 5.7.139 " LOCKED},
    {R, REASON_LOCKED, true,
	"550 5.7.1 SMTP AUTH is locked for mailbox user@example.org",
	"535 5.7.139 " LOCKED},
    {R, REASON_INVALID_LOGIN, false, "550 5.7.1 SMTP AUTH login not accepted",
	"535 5.7.3 Authentication unsuccessful"},
    {T, REASON_INVALID_LOGIN, false, "450 4.7.1 SMTP AUTH login not accepted",
	"454 4.7.0 Authentication unsuccessful"},
    {R, REASON_UNKNOWN_TENANT, false, "550 5.7.1 SMTP AUTH login not accepted",
	"535 5.7.3 Authentication unsuccessful"},
    {T, REASON_UNKNOWN_TENANT, false, "450 4.7.1 SMTP AUTH login not accepted",
	"454 4.7.0 Authentication unsuccessful"},
};

/* expect_cell - one cell, without and with an id */
static void
expect_cell(const struct settings *s, size_t i, const char *want, const char *more)
{
	struct decision d =
	    decided(cells[i].verdict, cells[i].reason, cells[i].login_locked);
	struct reply_names n = names;
	struct tenant t;
	char line[512];

	tenant_init(&t);
	snprintf(line, sizeof line, "%s%s", want, more);
	ck_assert_str_eq(build(s, &t, d, &n), line);
	ck_assert_str_eq(build(s, NULL, d, &n), line);
	snprintf(line, sizeof line, "%s%s [a1b2]", want, more);
	n.id = "a1b2";
	ck_assert_str_eq(build(s, &t, d, &n), line);
}

START_TEST(cell)
{
	struct settings s;

	settings_init(&s);
	expect_cell(&s, (size_t)_i, cells[_i].standard, "");
	s.reply_style = REPLY_EXCHANGE;
	expect_cell(&s, (size_t)_i, cells[_i].exchange, "");
}
END_TEST

START_TEST(cell_with_help_url)
{
	struct settings s;

	settings_init(&s);
	strcpy(s.help_url, URL);
	expect_cell(&s, (size_t)_i, cells[_i].standard, "; see " URL);
	s.reply_style = REPLY_EXCHANGE;
	expect_cell(
	    &s, (size_t)_i, cells[_i].exchange, " Visit " URL " for more information.");
}
END_TEST

START_TEST(store_error)
{
	static const char unavailable[] = "SMTP AUTH policy temporarily unavailable";
	struct reply_names n = names;
	struct settings s;
	char line[128];

	settings_init(&s);
	n.id = "a1b2";
	strcpy(s.help_url, URL);
	strcpy(s.reply_tenant, "own");
	for (int style = -1; style <= REPLY_EXCHANGE; style++) {
		const struct settings *which = style < 0 ? NULL : &s;

		s.reply_style =
		    style == REPLY_EXCHANGE ? REPLY_EXCHANGE : REPLY_STANDARD;
		snprintf(line, sizeof line, "451 4.3.0 %s [a1b2]", unavailable);
		ck_assert_str_eq(
		    build(which, NULL, decision_store_error(ACTION_TEMPFAIL), &n),
		    line);
		snprintf(line, sizeof line, "550 5.3.0 %s [a1b2]", unavailable);
		ck_assert_str_eq(
		    build(which, NULL, decision_store_error(ACTION_REJECT), &n), line);
		ck_assert_str_eq(
		    build(which, NULL, decision_store_error(ACTION_ACCEPT), &n), "");
	}
}
END_TEST

START_TEST(nothing_for_what_passes)
{
	static const enum verdict passing[] = {
	    VERDICT_PASS, VERDICT_ALLOW, VERDICT_REPORT};
	struct reply_names n = names;
	struct settings s;

	settings_init(&s);
	n.id = "a1b2";
	for (size_t i = 0; i < COUNT(passing); i++)
		for (unsigned reason = 0; reason <= REASON_STORE_ERROR; reason++) {
			struct decision d =
			    decided(passing[i], (enum reason)reason, false);

			ck_assert_msg(build(&s, NULL, d, &n)[0] == '\0', "%s %s",
			    decision_verdict_name(passing[i]),
			    decision_reason_name((enum reason)reason));
		}
}
END_TEST

/* The class of either code is the verdict's, whatever the reason and the style. */
START_TEST(class_of_the_verdict)
{
	static const enum verdict denying[] = {VERDICT_TEMPFAIL, VERDICT_REJECT};
	struct settings s;

	settings_init(&s);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned reason = 0; reason <= REASON_STORE_ERROR; reason++) {
			struct decision d =
			    decided(denying[i % 2], (enum reason)reason, false);
			char class = i % 2 ? '5' : '4';
			struct reply r;

			s.reply_style = i / 2 ? REPLY_EXCHANGE : REPLY_STANDARD;
			reply_build(&s, NULL, &d, &names, &r);
			ck_assert_msg(r.code[0] == class && r.xcode[0] == class,
			    "%s %s: %s %s", decision_verdict_name(d.verdict),
			    decision_reason_name(d.reason), r.code, r.xcode);
			ck_assert_msg(strlen(r.code) == 3 && r.text[0] != '\0', "%s",
			    decision_reason_name(d.reason));
		}
}
END_TEST

/* What an MTA or a person named cannot break the line or leave ASCII. */
START_TEST(names_are_made_safe)
{
	static const struct {
		const char *mailbox, *shown;
	} cases[] = {{"j\xC3\xBCrgen@example.org", "j?rgen@example.org"},
	    {"\xF0\x9F\x98\x80@x", "?@x"}, {"a\r\nb@x", "a??b@x"}, {"a\tb@x", "a?b@x"},
	    {"a\x7F@x", "a?@x"}, {"a\xC2\x85@x", "a?@x"}, {"a\xFF@x", "a?@x"},
	    {"a\xC3@x", "a?@x"}, {"100%@x", "100%@x"}, {"%s%n@x", "%s%n@x"},
	    {"\xE2\x80\xA8@x", "?@x"}};
	struct settings s;

	settings_init(&s);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply_names n = names;
		char line[128];

		n.mailbox = cases[i].mailbox;
		snprintf(line, sizeof line,
		    "550 5.7.1 SMTP AUTH is disabled for mailbox %s", cases[i].shown);
		ck_assert_str_eq(
		    build(&s, NULL, decided(R, REASON_MAILBOX_DISABLED, false), &n),
		    line);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reply");
	TCase *table = suite_add_case(suite, "table");
	TCase *other = suite_add_case(suite, "other");

	tcase_add_loop_test(table, cell, 0, (int)COUNT(cells));
	tcase_add_loop_test(table, cell_with_help_url, 0, (int)COUNT(cells));
	tcase_add_test(table, store_error);
	tcase_add_test(other, nothing_for_what_passes);
	tcase_add_test(other, class_of_the_verdict);
	tcase_add_test(other, names_are_made_safe);
	return suite_run(suite);
}
