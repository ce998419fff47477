/* SPDX-License-Identifier: BSD-2-Clause */
/* check_decision.c - the rows of the decision table, and which of them comes first. */
#include "policy/decision/decision.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define NOW INT64_C(1796083200)

/* A submission and all it is judged by; as it starts, only row 12 applies to it. */
struct scene {
	struct settings settings;
	struct tenant tenant;
	struct mailbox mailbox;
	struct facts facts;
	bool has_tenant;
};

static void
scene_start(struct scene *s)
{
	settings_init(&s->settings);
	s->settings.unknown_tenant = ACTION_REJECT;
	tenant_init(&s->tenant);
	mailbox_init(&s->mailbox);
	s->facts =
	    (struct facts){true, true, true, {{0}}, "MSA", "PLAIN", false, false};
	ck_assert(cidr_ip_parse("192.0.2.7", &s->facts.client));
	s->has_tenant = true;
}

static struct decision
scene_decide(const struct scene *s)
{
	return decision_make(&s->settings, s->has_tenant ? &s->tenant : NULL,
	    &s->mailbox, &s->facts, NOW);
}

/* The rows of the table; LOCKED_TENANT is the other half of row 1. */
enum row {
	UNAUTHENTICATED,
	LOCKED,
	EXEMPT_CLIENT,
	EXEMPT_LISTENER,
	INVALID_LOGIN,
	UNKNOWN_TENANT,
	MAILBOX_DISABLED,
	MAILBOX_ENABLED,
	TENANT_ENABLED,
	MODERN_AUTH,
	SCHEDULED,
	TEMPFAIL_FIRST,
	OTHERWISE,
	ROWS,
	LOCKED_TENANT = ROWS,
};

static const struct {
	enum verdict verdict;
	enum reason reason;
	const char *name;
} rows[ROWS] = {
    {VERDICT_PASS, REASON_UNAUTHENTICATED, "unauthenticated"},
    {VERDICT_REJECT, REASON_LOCKED, "locked"},
    {VERDICT_ALLOW, REASON_EXEMPT_CLIENT, "exempt-client"},
    {VERDICT_ALLOW, REASON_EXEMPT_LISTENER, "exempt-listener"},
    {VERDICT_REJECT, REASON_INVALID_LOGIN, "invalid-login"},
    {VERDICT_REJECT, REASON_UNKNOWN_TENANT, "unknown-tenant"},
    {VERDICT_REJECT, REASON_MAILBOX_DISABLED, "mailbox-disabled"},
    {VERDICT_ALLOW, REASON_MAILBOX_ENABLED, "mailbox-enabled"},
    {VERDICT_ALLOW, REASON_TENANT_ENABLED, "tenant-enabled"},
    {VERDICT_ALLOW, REASON_MODERN_AUTH, "modern-auth"},
    {VERDICT_ALLOW, REASON_SCHEDULED, "scheduled"},
    {VERDICT_TEMPFAIL, REASON_TENANT_DISABLED, "tenant-disabled"},
    {VERDICT_REJECT, REASON_TENANT_DISABLED, "tenant-disabled"},
};

/* scene_exempt - rows 2 and 3 */
static void
scene_exempt(struct scene *s, bool by_client)
{
	if (!by_client)
		strcpy(s->settings.exempt_listeners, "WEB,MSA");
	else
		ck_assert_int_eq(
		    cidr_list_parse("192.0.2.0/24", &s->settings.exempt_clients, NULL),
		    OK);
}

/* scene_meet - makes the condition of ROW true */
static void
scene_meet(struct scene *s, enum row row)
{
	switch (row) {
	case UNAUTHENTICATED:
		s->facts.authenticated = false;
		break;
	case LOCKED:
		s->facts.login_locked = true;
		break;
	case LOCKED_TENANT:
		s->facts.tenant_locked = true;
		break;
	case EXEMPT_CLIENT:
	case EXEMPT_LISTENER:
		scene_exempt(s, row == EXEMPT_CLIENT);
		break;
	case INVALID_LOGIN:
		s->facts.valid_login = false;
		break;
	case UNKNOWN_TENANT:
		s->has_tenant = false;
		break;
	case MAILBOX_DISABLED:
	case MAILBOX_ENABLED:
		s->mailbox.smtp_auth =
		    row == MAILBOX_ENABLED ? SMTP_AUTH_ENABLED : SMTP_AUTH_DISABLED;
		break;
	case TENANT_ENABLED:
		s->tenant.smtp_auth = SMTP_AUTH_ENABLED;
		break;
	case MODERN_AUTH:
		s->tenant.blocks = BLOCKS_PASSWORDS;
		s->facts.mechanism = "XOAUTH2";
		break;
	case SCHEDULED:
		s->tenant.enforce_from = NOW + 1;
		break;
	case TEMPFAIL_FIRST:
		s->tenant.tempfail_until = NOW + 1;
		break;
	case OTHERWISE:
		break;
	}
}

static void
expect_row(const struct scene *s, unsigned row, const char *what, unsigned rest)
{
	struct decision d = scene_decide(s);

	if (d.verdict != rows[row].verdict || d.reason != rows[row].reason)
		ck_abort_msg("%s, others %04X: %s %s, not row %u", what, rest,
		    decision_verdict_name(d.verdict), decision_reason_name(d.reason),
		    row);
}

START_TEST(row_alone)
{
	struct scene s;

	scene_start(&s);
	scene_meet(&s, (enum row)_i);
	expect_row(&s, (unsigned)_i, rows[_i].name, 0);
}
END_TEST

/* Every set of rows that can apply together: the first of them wins. */
START_TEST(first_row_wins)
{
	for (unsigned set = 0; set < 1U << OTHERWISE; set++) {
		unsigned first = OTHERWISE;
		struct scene s;

		scene_start(&s);
		for (unsigned row = OTHERWISE; row-- > 0;)
			if (set >> row & 1U) {
				scene_meet(&s, (enum row)row);
				first = row;
			}
		expect_row(&s, first, rows[first].name, set);
	}
}
END_TEST

/* A tenant's lock, beside all that does not take the tenant away. */
START_TEST(locked_tenant_wins)
{
	for (unsigned set = 0; set < 1U << OTHERWISE; set++) {
		struct decision d;
		struct scene s;

		if (set & (1U << UNAUTHENTICATED | 1U << UNKNOWN_TENANT))
			continue;
		scene_start(&s);
		for (unsigned row = OTHERWISE; row-- > 0;)
			if (set >> row & 1U)
				scene_meet(&s, (enum row)row);
		scene_meet(&s, LOCKED_TENANT);
		s.settings.enforce = set % 3 != 0;
		s.tenant.action = (enum action)(set % 4);
		expect_row(&s, LOCKED, "tenant locked", set);
		d = scene_decide(&s);
		if (d.login_locked)
			ck_abort_msg("set %04X: the mailbox is named", set);
	}
}
END_TEST

START_TEST(lock_names_what_is_locked)
{
	struct decision d;
	struct scene s;

	scene_start(&s);
	scene_meet(&s, LOCKED);
	d = scene_decide(&s);
	ck_assert(d.reason == REASON_LOCKED && d.login_locked);
	scene_meet(&s, LOCKED_TENANT);
	d = scene_decide(&s);
	ck_assert(d.reason == REASON_LOCKED && !d.login_locked);
	scene_start(&s);
	d = scene_decide(&s);
	ck_assert(!d.login_locked);
	s.has_tenant = false;
	scene_meet(&s, LOCKED);
	d = scene_decide(&s);
	ck_assert(d.reason == REASON_LOCKED && d.login_locked);
}
END_TEST

/* decision_make() without a record of the mailbox is as with an empty one. */
START_TEST(no_mailbox_record)
{
	static const enum row which[] = {UNAUTHENTICATED, LOCKED_TENANT, EXEMPT_CLIENT,
	    EXEMPT_LISTENER, INVALID_LOGIN, UNKNOWN_TENANT, TENANT_ENABLED, MODERN_AUTH,
	    SCHEDULED, TEMPFAIL_FIRST, OTHERWISE};

	for (size_t i = 0; i < COUNT(which); i++) {
		struct decision a, b;
		struct scene s;

		scene_start(&s);
		scene_meet(&s, which[i]);
		a = scene_decide(&s);
		b = decision_make(
		    &s.settings, s.has_tenant ? &s.tenant : NULL, NULL, &s.facts, NOW);
		ck_assert_msg(a.verdict == b.verdict && a.reason == b.reason &&
			a.override == b.override && a.login_locked == b.login_locked,
		    "row %d", (int)which[i]);
		ck_assert_int_eq(b.override, OVERRIDE_NONE);
	}
}
END_TEST

START_TEST(mechanisms)
{
	static const char *const modern[] = {"XOAUTH2", "OAUTHBEARER", "EXTERNAL",
	    "GSSAPI", "GSS-SPNEGO", "xoauth2", "OAuthBearer", "external", "gssapi",
	    "Gss-Spnego"};
	static const char *const password[] = {"", "PLAIN", "LOGIN", "CRAM-MD5",
	    "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "NTLM",
	    "APOP", "OTP", "ANONYMOUS", "KERBEROS_V4", "XOAUTH", "XOAUTH2 ", " XOAUTH2",
	    "XOAUTH22", "GSS", "GSSAPIX", "EXTERNAL,PLAIN", "OAUTH"};
	struct scene s;

	scene_start(&s);
	s.tenant.blocks = BLOCKS_PASSWORDS;
	for (size_t i = 0; i < COUNT(modern); i++) {
		ck_assert_msg(decision_is_modern(modern[i]), "%s", modern[i]);
		s.facts.mechanism = modern[i];
		expect_row(&s, MODERN_AUTH, modern[i], 0);
	}
	for (size_t i = 0; i < COUNT(password); i++) {
		ck_assert_msg(!decision_is_modern(password[i]), "%s", password[i]);
		s.facts.mechanism = password[i];
		expect_row(&s, OTHERWISE, password[i], 0);
	}
	s.tenant.blocks = BLOCKS_ALL;
	s.facts.mechanism = "XOAUTH2";
	expect_row(&s, OTHERWISE, "blocks all", 0);
	s.tenant.blocks = BLOCKS_PASSWORDS;
	scene_meet(&s, MAILBOX_DISABLED);
	expect_row(&s, MAILBOX_DISABLED, "a disabled mailbox, modern", 0);
}
END_TEST

START_TEST(names)
{
	static const char *const verdicts[] = {
	    "pass", "allow", "report", "tempfail", "reject"};

	for (unsigned i = 0; i < ROWS; i++)
		ck_assert_str_eq(decision_reason_name(rows[i].reason), rows[i].name);
	ck_assert_str_eq(decision_reason_name(REASON_STORE_ERROR), "store-error");
	for (unsigned i = VERDICT_PASS; i <= VERDICT_REJECT; i++) {
		ck_assert_str_eq(decision_verdict_name((enum verdict)i), verdicts[i]);
		ck_assert(decision_passes((enum verdict)i) == (i < VERDICT_TEMPFAIL));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decision");
	TCase *row = suite_add_case(suite, "row");
	TCase *order = suite_add_case(suite, "order");

	tcase_add_loop_test(row, row_alone, 0, ROWS);
	tcase_add_test(row, lock_names_what_is_locked);
	tcase_add_test(row, no_mailbox_record);
	tcase_add_test(row, mechanisms);
	tcase_add_test(row, names);
	tcase_add_test(order, first_row_wins);
	tcase_add_test(order, locked_tenant_wins);
	return suite_run(suite);
}
