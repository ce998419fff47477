/* SPDX-License-Identifier: BSD-2-Clause */
/* check_reply_text.c - own texts of replies, their fields, and the limits of a line. */
#include "policy/base/text.h"
#include "policy/decision/reply.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define URL "https://example.org/help"

enum { WIRE_MAX = 980 }; /* libmilter's limit on a text with every % doubled */

static const struct reply_names names = {
    "acme", "user@example.org", "192.0.2.7", "a1b2"};

static struct decision
denied(enum verdict verdict, enum reason reason)
{
	return (struct decision){verdict, reason, OVERRIDE_NONE, false};
}

static struct reply
build(const struct settings *s, const struct tenant *t, struct decision d,
    const struct reply_names *n)
{
	struct reply r;

	memset(&r, 0xA5, sizeof r);
	reply_build(s, t, &d, n, &r);
	return r;
}

static const struct {
	const char *own, *text;
} fields[] = {
    {"no", "no [a1b2]"},
    {"{tenant}", "acme [a1b2]"},
    {"{mailbox}", "user@example.org [a1b2]"},
    {"{client}", "192.0.2.7 [a1b2]"},
    {"{url}", URL " [a1b2]"},
    {"{id}", "a1b2 [a1b2]"},
    {"{tenant}{mailbox}{client}", "acmeuser@example.org192.0.2.7 [a1b2]"},
    {"a {tenant}, b {tenant}.", "a acme, b acme. [a1b2]"},
    {"{other}", "{other} [a1b2]"},
    {"{Tenant}", "{Tenant} [a1b2]"},
    {"{tenant", "{tenant [a1b2]"},
    {"{}", "{} [a1b2]"},
    {"{{tenant}}", "{acme} [a1b2]"},
    {"{ tenant }", "{ tenant } [a1b2]"},
    {"ends in {", "ends in { [a1b2]"},
    {"100 % sure", "100 % sure [a1b2]"},
    {"%s %d %n", "%s %d %n [a1b2]"},
    {"j\xC3\xBCrgen \xE2\x82\xAC", "j?rgen ? [a1b2]"},
    {"\xC3\xBC{tenant}", "?acme [a1b2]"},
    {"\xF0\x9F\x98\x80", "? [a1b2]"},
};

START_TEST(own_text_of_a_setting)
{
	struct decision tenant = denied(VERDICT_REJECT, REASON_TENANT_DISABLED);
	struct decision mailbox = denied(VERDICT_REJECT, REASON_MAILBOX_DISABLED);
	struct settings s;
	struct tenant t;
	struct reply r;

	tenant_init(&t);
	for (int style = REPLY_STANDARD; style <= REPLY_EXCHANGE; style++) {
		settings_init(&s);
		s.reply_style = (enum reply_style)style;
		strcpy(s.help_url, URL);
		strcpy(s.reply_tenant, fields[_i].own);
		r = build(&s, &t, tenant, &names);
		ck_assert_str_eq(r.text, fields[_i].text);
		strcpy(s.reply_mailbox, fields[_i].own);
		s.reply_tenant[0] = '\0';
		r = build(&s, NULL, mailbox, &names);
		ck_assert_str_eq(r.text, fields[_i].text);
	}
}
END_TEST

START_TEST(unknown_fields_are_found)
{
	static const struct {
		const char *text, *unknown; /* NULL: none */
	} cases[] = {{"no", NULL}, {"", NULL},
	    {"{tenant} {mailbox} {client} {url} {id}", NULL}, {"ask {foo}", "{foo}"},
	    {"{tenant} {help-url} {x}", "{help-url}"}, {"{Tenant}", "{Tenant}"},
	    {"{{id}", NULL}, {"{}", NULL}, {"{a b}", NULL}, {"{id", NULL},
	    {"{0123456789012345678901234567890}", NULL},
	    {"{012345678901234567890123456789}", NULL},
	    {"{01234567890123456789012345678}", "{01234567890123456789012345678}"}};
	char out[REPLY_FIELD_MAX];

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool found = reply_unknown_field(cases[i].text, out);

		ck_assert_msg(found == (cases[i].unknown != NULL), "%s", cases[i].text);
		if (found)
			ck_assert_str_eq(out, cases[i].unknown);
	}
	ck_assert(reply_is_ascii("Ask ~ {id}"));
	ck_assert(!reply_is_ascii("f\xC3\xBCr"));
	ck_assert(!reply_is_ascii("a\tb"));
}
END_TEST

START_TEST(own_text_of_a_tenant)
{
	struct settings s;
	struct tenant t;
	struct reply r;

	settings_init(&s);
	tenant_init(&t);
	strcpy(s.help_url, URL);
	strcpy(s.reply_tenant, "not this");
	strcpy(t.reply, fields[_i].own);
	r = build(&s, &t, denied(VERDICT_REJECT, REASON_TENANT_DISABLED), &names);
	ck_assert_str_eq(r.text, fields[_i].text);
}
END_TEST

/* An own text changes the text alone: the codes are those of style and verdict. */
START_TEST(own_text_keeps_the_codes)
{
	static const struct {
		enum reply_style style;
		enum verdict verdict;
		const char *code, *xcode;
	} cases[] = {{REPLY_STANDARD, VERDICT_REJECT, "550", "5.7.1"},
	    {REPLY_STANDARD, VERDICT_TEMPFAIL, "450", "4.7.1"},
	    {REPLY_EXCHANGE, VERDICT_REJECT, "535", "5.7.139"},
	    {REPLY_EXCHANGE, VERDICT_TEMPFAIL, "454", "4.7.0"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings s;
		struct reply r;

		settings_init(&s);
		s.reply_style = cases[i].style;
		strcpy(s.reply_tenant, "own");
		r = build(
		    &s, NULL, denied(cases[i].verdict, REASON_TENANT_DISABLED), &names);
		ck_assert_str_eq(r.code, cases[i].code);
		ck_assert_str_eq(r.xcode, cases[i].xcode);
		ck_assert_str_eq(r.text, "own [a1b2]");
	}
}
END_TEST

START_TEST(each_reply_has_its_own_text)
{
	struct settings s;
	struct reply r;

	settings_init(&s);
	strcpy(s.reply_tenant, "of the tenant");
	r = build(&s, NULL, denied(VERDICT_REJECT, REASON_MAILBOX_DISABLED), &names);
	ck_assert_str_eq(
	    r.text, "SMTP AUTH is disabled for mailbox user@example.org [a1b2]");
	strcpy(s.reply_mailbox, "of the mailbox");
	r = build(&s, NULL, denied(VERDICT_REJECT, REASON_MAILBOX_DISABLED), &names);
	ck_assert_str_eq(r.text, "of the mailbox [a1b2]");
	r = build(&s, NULL, denied(VERDICT_REJECT, REASON_TENANT_DISABLED), &names);
	ck_assert_str_eq(r.text, "of the tenant [a1b2]");
}
END_TEST

START_TEST(no_own_text_for_other_denials)
{
	static const struct {
		enum reason reason;
		const char *text;
	} cases[] = {{REASON_LOCKED, "SMTP AUTH is locked for tenant acme [a1b2]"},
	    {REASON_INVALID_LOGIN, "SMTP AUTH login not accepted [a1b2]"},
	    {REASON_UNKNOWN_TENANT, "SMTP AUTH login not accepted [a1b2]"},
	    {REASON_STORE_ERROR, "SMTP AUTH policy temporarily unavailable [a1b2]"}};
	struct settings s;
	struct tenant t;

	settings_init(&s);
	tenant_init(&t);
	strcpy(s.reply_tenant, "own");
	strcpy(s.reply_mailbox, "own");
	strcpy(t.reply, "own");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply r =
		    build(&s, &t, denied(VERDICT_REJECT, cases[i].reason), &names);

		ck_assert_str_eq(r.text, cases[i].text);
	}
}
END_TEST

/* What a field is filled with is not searched for fields, nor trusted. */
START_TEST(values_are_not_expanded)
{
	struct reply_names n = {"{id}", "{tenant}\r\n250 ok", "{url}", "a1b2"};
	struct settings s;
	struct reply r;

	settings_init(&s);
	strcpy(s.help_url, "x:{id}");
	strcpy(s.reply_tenant, "{tenant} {mailbox} {client} {url}");
	r = build(&s, NULL, denied(VERDICT_REJECT, REASON_TENANT_DISABLED), &n);
	ck_assert_str_eq(r.text, "{id} {tenant}??250 ok {url} x:{id} [a1b2]");
}
END_TEST

START_TEST(missing_values_are_empty)
{
	struct reply_names n = {"", "", "", ""};
	struct settings s;
	struct reply r;

	settings_init(&s);
	strcpy(s.reply_tenant, "<{tenant}{mailbox}{client}{url}{id}>");
	r = build(&s, NULL, denied(VERDICT_REJECT, REASON_TENANT_DISABLED), &n);
	ck_assert_str_eq(r.text, "<>");
}
END_TEST

/* check_limits - the line fits SMTP and libmilter, and still ends in the id */
static void
check_limits(const struct reply *r, const char *id, const char *what)
{
	size_t line = strlen(r->code) + strlen(r->xcode) + 2 + strlen(r->text);
	size_t wire = strlen(r->text), suffix = *id == '\0' ? 0 : strlen(id) + 3;
	char end[32] = "";

	if (suffix > 0)
		snprintf(end, sizeof end, " [%s]", id);
	for (const char *c = r->text; *c != '\0'; c++) {
		wire += *c == '%';
		if (*c < ' ' || *c > '~')
			ck_abort_msg("%s: byte %02X", what, (unsigned char)*c);
	}
	if (line > REPLY_LINE_MAX || wire > WIRE_MAX)
		ck_abort_msg("%s: %zu bytes, %zu on the wire", what, line, wire);
	if (strlen(r->text) < suffix ||
	    strcmp(r->text + strlen(r->text) - suffix, end) != 0)
		ck_abort_msg(
		    "%s: ends in %s", what, r->text + strlen(r->text) - suffix);
}

/* Names of all lengths, of letters, of % and of letters beyond ASCII. */
START_TEST(limits_of_a_long_name)
{
	static const char *const units[] = {"x", "%", "\xC3\xBC", "%x"};
	static const char *const ids[] = {"", "a1b2", "0123456789abcdef"};
	const char *unit = units[_i];

	for (size_t n = 0; n <= 520; n++) {
		char mailbox[1100] = "";
		struct settings s;

		for (size_t i = 0; i < n; i++)
			memcpy(mailbox + i * strlen(unit), unit, strlen(unit) + 1);
		settings_init(&s);
		for (int style = REPLY_STANDARD; style <= REPLY_EXCHANGE; style++)
			for (size_t i = 0; i < COUNT(ids); i++) {
				struct reply_names named = {"t", mailbox, "c", ids[i]};
				struct decision d =
				    denied(n % 2 ? VERDICT_REJECT : VERDICT_TEMPFAIL,
					REASON_MAILBOX_DISABLED);
				struct reply r;

				s.reply_style = (enum reply_style)style;
				s.reply_mailbox[0] = '\0';
				r = build(&s, NULL, d, &named);
				check_limits(&r, ids[i], "own words");
				strcpy(s.reply_mailbox, "{mailbox}{mailbox}");
				r = build(&s, NULL, d, &named);
				check_limits(&r, ids[i], "own text");
			}
	}
}
END_TEST

START_TEST(limits_of_a_long_text)
{
	struct settings s;
	struct reply r;
	struct text t;

	settings_init(&s);
	text_init(&t, s.reply_tenant, sizeof s.reply_tenant);
	while (!t.cut)
		text_puts(&t, _i ? "{tenant}%{client}" : "%%%%{mailbox}{id}");
	r = build(&s, NULL, denied(VERDICT_REJECT, REASON_TENANT_DISABLED), &names);
	check_limits(&r, names.id, s.reply_tenant);
}
END_TEST

/* A cut uses the whole line, and cuts the text alone. */
START_TEST(cut_at_the_last_byte)
{
	char tenant[REPLY_LINE_MAX + 1];
	struct reply_names n = {tenant, "", "", "a1b2"};
	struct settings s;

	settings_init(&s);
	for (size_t len = 440; len < sizeof tenant; len++) {
		static const char front[] = "SMTP AUTH is disabled for tenant ";
		size_t room = REPLY_LINE_MAX - strlen("550 5.7.1 ") -
		    strlen(" [a1b2]") - strlen(front);
		char want[2 * REPLY_LINE_MAX];
		struct reply r;

		memset(tenant, 'x', len);
		tenant[len] = '\0';
		r = build(&s, NULL, denied(VERDICT_REJECT, REASON_TENANT_DISABLED), &n);
		snprintf(want, sizeof want, "%s%.*s [a1b2]", front, (int)room, tenant);
		ck_assert_msg(strcmp(r.text, want) == 0, "%zu bytes: %s", len, r.text);
	}
}
END_TEST

START_TEST(cut_takes_all_that_follows)
{
	static const char *const ids[] = {
	    "a1b2", "a1b2c"}; /* an odd byte and an even one */

	for (size_t i = 0; i < COUNT(ids); i++) {
		char mailbox[501];
		struct reply_names n = {"t", mailbox, "c", ids[i]};
		struct settings s;
		struct reply r;

		memset(mailbox, '%', 500);
		mailbox[500] = '\0';
		settings_init(&s);
		strcpy(s.reply_mailbox, "{mailbox}tail");
		r = build(
		    &s, NULL, denied(VERDICT_REJECT, REASON_MAILBOX_DISABLED), &n);
		check_limits(&r, n.id, "cut");
		ck_assert_msg(
		    strchr(r.text, 't') == NULL, "a text with a hole: %s", r.text);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reply_text");
	TCase *own = suite_add_case(suite, "own");
	TCase *limit = suite_add_case(suite, "limit");

	tcase_add_loop_test(own, own_text_of_a_setting, 0, (int)COUNT(fields));
	tcase_add_test(own, unknown_fields_are_found);
	tcase_add_loop_test(own, own_text_of_a_tenant, 0, (int)COUNT(fields));
	tcase_add_test(own, own_text_keeps_the_codes);
	tcase_add_test(own, each_reply_has_its_own_text);
	tcase_add_test(own, no_own_text_for_other_denials);
	tcase_add_test(own, values_are_not_expanded);
	tcase_add_test(own, missing_values_are_empty);
	tcase_add_loop_test(limit, limits_of_a_long_name, 0, 4);
	tcase_add_loop_test(limit, limits_of_a_long_text, 0, 2);
	tcase_add_test(limit, cut_at_the_last_byte);
	tcase_add_test(limit, cut_takes_all_that_follows);
	return suite_run(suite);
}
