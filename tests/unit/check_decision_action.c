/* SPDX-License-Identifier: BSD-2-Clause */
/* check_decision_action.c - the effect of a denial: actions, dry run, store errors */
#include "policy/decision/decision.h"
#include "tests/lib/suite.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define NOW INT64_C(1796083200)

static const struct facts facts = {true, true, false, {{0}}, "", "PLAIN", false, false};

/* Columns: what rows 6, 11 and 12 become while enforce=yes. */
static const struct {
	enum action tenant, setting;
	enum verdict mailbox, first, otherwise;
} actions[] = {
    {ACTION_DEFAULT, ACTION_REJECT, VERDICT_REJECT, VERDICT_TEMPFAIL, VERDICT_REJECT},
    {ACTION_DEFAULT, ACTION_TEMPFAIL, VERDICT_TEMPFAIL, VERDICT_TEMPFAIL,
	VERDICT_TEMPFAIL},
    {ACTION_DEFAULT, ACTION_REPORT, VERDICT_REJECT, VERDICT_REPORT, VERDICT_REPORT},
    {ACTION_REJECT, ACTION_REJECT, VERDICT_REJECT, VERDICT_TEMPFAIL, VERDICT_REJECT},
    {ACTION_REJECT, ACTION_TEMPFAIL, VERDICT_REJECT, VERDICT_TEMPFAIL, VERDICT_REJECT},
    {ACTION_REJECT, ACTION_REPORT, VERDICT_REJECT, VERDICT_TEMPFAIL, VERDICT_REJECT},
    {ACTION_TEMPFAIL, ACTION_REJECT, VERDICT_TEMPFAIL, VERDICT_TEMPFAIL,
	VERDICT_TEMPFAIL},
    {ACTION_TEMPFAIL, ACTION_TEMPFAIL, VERDICT_TEMPFAIL, VERDICT_TEMPFAIL,
	VERDICT_TEMPFAIL},
    {ACTION_TEMPFAIL, ACTION_REPORT, VERDICT_TEMPFAIL, VERDICT_TEMPFAIL,
	VERDICT_TEMPFAIL},
    {ACTION_REPORT, ACTION_REJECT, VERDICT_REJECT, VERDICT_REPORT, VERDICT_REPORT},
    {ACTION_REPORT, ACTION_TEMPFAIL, VERDICT_TEMPFAIL, VERDICT_REPORT, VERDICT_REPORT},
    {ACTION_REPORT, ACTION_REPORT, VERDICT_REJECT, VERDICT_REPORT, VERDICT_REPORT},
};

struct policy {
	struct settings settings;
	struct tenant tenant;
	struct mailbox mailbox;
};

static void
policy_start(struct policy *s, enum action tenant, enum action setting, bool enforce)
{
	settings_init(&s->settings);
	s->settings.action = setting;
	s->settings.enforce = enforce;
	tenant_init(&s->tenant);
	s->tenant.action = tenant;
	mailbox_init(&s->mailbox);
}

static void
expect(
    const struct policy *s, enum verdict verdict, enum reason reason, const char *row)
{
	struct decision d =
	    decision_make(&s->settings, &s->tenant, &s->mailbox, &facts, NOW);

	ck_assert_msg(d.verdict == verdict && d.reason == reason,
	    "row %s, tenant %s, setting %s, enforce %d: %s %s", row,
	    word_of_action(s->tenant.action), word_of_action(s->settings.action),
	    s->settings.enforce, decision_verdict_name(d.verdict),
	    decision_reason_name(d.reason));
}

/* expect_denials - rows 6, 11 and 12 of actions[I], enforced or in a dry run */
static void
expect_denials(size_t i, bool enforce)
{
	struct policy s;

	policy_start(&s, actions[i].tenant, actions[i].setting, enforce);
	expect(&s, enforce ? actions[i].otherwise : VERDICT_REPORT,
	    REASON_TENANT_DISABLED, "12");
	s.tenant.tempfail_until = NOW + 1;
	expect(&s, enforce ? actions[i].first : VERDICT_REPORT, REASON_TENANT_DISABLED,
	    "11");
	s.mailbox.smtp_auth = SMTP_AUTH_DISABLED;
	expect(&s, enforce ? actions[i].mailbox : VERDICT_REPORT,
	    REASON_MAILBOX_DISABLED, "6");
	s.tenant.tempfail_until = INSTANT_NONE;
	expect(&s, enforce ? actions[i].mailbox : VERDICT_REPORT,
	    REASON_MAILBOX_DISABLED, "6");
	s.tenant.smtp_auth = SMTP_AUTH_ENABLED;
	expect(&s, enforce ? actions[i].mailbox : VERDICT_REPORT,
	    REASON_MAILBOX_DISABLED, "6");
}

START_TEST(denial_enforced)
{
	expect_denials((size_t)_i, true);
}
END_TEST

START_TEST(denial_in_a_dry_run)
{
	expect_denials((size_t)_i, false);
}
END_TEST

/* expect_locked - whatever else would hold, a lock of either kind does */
static void
expect_locked(const struct policy *s)
{
	struct facts f = facts;
	struct decision d;

	f.login_locked = true;
	d = decision_make(&s->settings, &s->tenant, &s->mailbox, &f, NOW);
	ck_assert(d.verdict == VERDICT_REJECT && d.reason == REASON_LOCKED);
	ck_assert(d.login_locked);
	f.tenant_locked = true;
	d = decision_make(&s->settings, &s->tenant, &s->mailbox, &f, NOW);
	ck_assert(d.verdict == VERDICT_REJECT && d.reason == REASON_LOCKED);
	ck_assert(!d.login_locked);
}

/* No action and no dry run changes what is allowed or locked. */
START_TEST(rest_is_untouched)
{
	for (int enforce = 0; enforce <= 1; enforce++) {
		struct policy s;

		policy_start(&s, actions[_i].tenant, actions[_i].setting, enforce);
		s.mailbox.smtp_auth = SMTP_AUTH_ENABLED;
		expect(&s, VERDICT_ALLOW, REASON_MAILBOX_ENABLED, "7");
		expect_locked(&s);
		mailbox_init(&s.mailbox);
		s.tenant.enforce_from = NOW + 1;
		expect(&s, VERDICT_ALLOW, REASON_SCHEDULED, "10");
		s.tenant.smtp_auth = SMTP_AUTH_ENABLED;
		expect(&s, VERDICT_ALLOW, REASON_TENANT_ENABLED, "8");
		expect_locked(&s);
	}
}
END_TEST

static const struct {
	enum action action;
	enum verdict enforced, dry;
} three_way[] = {{ACTION_ACCEPT, VERDICT_ALLOW, VERDICT_ALLOW},
    {ACTION_TEMPFAIL, VERDICT_TEMPFAIL, VERDICT_REPORT},
    {ACTION_REJECT, VERDICT_REJECT, VERDICT_REPORT}};

/* expect_stranger - rows 4 and 5, whatever `action` says */
static void
expect_stranger(
    const struct settings *s, bool valid, enum verdict verdict, enum reason reason)
{
	struct facts f = facts;
	struct decision d;

	f.valid_login = valid;
	d = decision_make(s, NULL, NULL, &f, NOW);
	ck_assert_msg(d.verdict == verdict && d.reason == reason,
	    "%s, action %s, enforce %d: %s", decision_reason_name(reason),
	    word_of_action(s->action), s->enforce, decision_verdict_name(d.verdict));
}

START_TEST(invalid_login_and_unknown_tenant)
{
	static const enum action other[] = {
	    ACTION_REJECT, ACTION_TEMPFAIL, ACTION_REPORT};

	for (size_t i = 0; i < COUNT(three_way); i++)
		for (size_t k = 0; k < COUNT(three_way); k++)
			for (size_t a = 0; a < COUNT(other); a++) {
				struct settings s;

				settings_init(&s);
				s.action = other[a];
				s.invalid_login = three_way[i].action;
				s.unknown_tenant = three_way[k].action;
				expect_stranger(&s, false, three_way[i].enforced,
				    REASON_INVALID_LOGIN);
				expect_stranger(&s, true, three_way[k].enforced,
				    REASON_UNKNOWN_TENANT);
				s.enforce = false;
				expect_stranger(
				    &s, false, three_way[i].dry, REASON_INVALID_LOGIN);
				expect_stranger(
				    &s, true, three_way[k].dry, REASON_UNKNOWN_TENANT);
			}
}
END_TEST

START_TEST(strangers_by_default)
{
	struct settings s;

	settings_init(&s);
	expect_stranger(&s, false, VERDICT_REJECT, REASON_INVALID_LOGIN);
	expect_stranger(&s, true, VERDICT_ALLOW, REASON_UNKNOWN_TENANT);
}
END_TEST

START_TEST(store_error)
{
	for (size_t i = 0; i < COUNT(three_way); i++) {
		struct decision d = decision_store_error(three_way[i].action);

		ck_assert_msg(d.verdict == three_way[i].enforced, "on-error=%s: %s",
		    word_of_action(three_way[i].action),
		    decision_verdict_name(d.verdict));
		ck_assert_int_eq(d.reason, REASON_STORE_ERROR);
		ck_assert_int_eq(d.override, OVERRIDE_NONE);
		ck_assert(!d.login_locked);
	}
}
END_TEST

START_TEST(unauthenticated_always_passes)
{
	struct facts f = facts;
	struct decision d;
	struct policy s;

	policy_start(&s, ACTION_REJECT, ACTION_REJECT, true);
	s.settings.unknown_tenant = s.settings.invalid_login = ACTION_REJECT;
	s.mailbox.smtp_auth = SMTP_AUTH_DISABLED;
	f.authenticated = f.valid_login = false;
	f.login_locked = f.tenant_locked = true;
	d = decision_make(&s.settings, &s.tenant, &s.mailbox, &f, NOW);
	ck_assert_int_eq(d.verdict, VERDICT_PASS);
	ck_assert_int_eq(d.reason, REASON_UNAUTHENTICATED);
	d = decision_make(&s.settings, NULL, NULL, &f, NOW);
	ck_assert_int_eq(d.verdict, VERDICT_PASS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decision_action");
	TCase *denial = suite_add_case(suite, "denial");
	TCase *other = suite_add_case(suite, "other");

	tcase_add_loop_test(denial, denial_enforced, 0, (int)COUNT(actions));
	tcase_add_loop_test(denial, denial_in_a_dry_run, 0, (int)COUNT(actions));
	tcase_add_loop_test(denial, rest_is_untouched, 0, (int)COUNT(actions));
	tcase_add_test(other, invalid_login_and_unknown_tenant);
	tcase_add_test(other, strangers_by_default);
	tcase_add_test(other, store_error);
	tcase_add_test(other, unauthenticated_always_passes);
	return suite_run(suite);
}
