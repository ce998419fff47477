/* SPDX-License-Identifier: BSD-2-Clause */
/* check_decision_edge.c - the decision at the seconds and addresses where it turns. */
#include "policy/decision/decision.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define T INT64_C(1796083200)

struct scene {
	struct settings settings;
	struct tenant tenant;
	struct mailbox mailbox;
	struct facts facts;
};

static void
scene_start(struct scene *s)
{
	settings_init(&s->settings);
	tenant_init(&s->tenant);
	mailbox_init(&s->mailbox);
	s->facts = (struct facts){true, true, true, {{0}}, "", "PLAIN", false, false};
	ck_assert(cidr_ip_parse("192.0.2.7", &s->facts.client));
}

static struct decision
scene_at(const struct scene *s, instant now)
{
	return decision_make(&s->settings, &s->tenant, &s->mailbox, &s->facts, now);
}

/* expect - the reason and override at NOW */
static void
expect(const struct scene *s, instant now, enum reason reason, enum override override)
{
	struct decision d = scene_at(s, now);

	ck_assert_msg(d.reason == reason && d.override == override,
	    "%+lld seconds: %s, override %d", (long long)(now - T),
	    decision_reason_name(d.reason), (int)d.override);
}

static const instant before[] = {INT64_MIN + 1, -1, 0, T - 86400, T - 1};
static const instant after[] = {T, T + 1, T + 86400, INT64_MAX};

/* expect_turn - one answer up to T - 1, another one from T on */
static void
expect_turn(const struct scene *s, enum reason first, enum override first_override,
    enum reason then, enum override then_override)
{
	for (size_t i = 0; i < COUNT(before); i++)
		expect(s, before[i], first, first_override);
	for (size_t i = 0; i < COUNT(after); i++)
		expect(s, after[i], then, then_override);
}

START_TEST(enabled_until)
{
	struct scene s;

	scene_start(&s);
	s.mailbox.smtp_auth = SMTP_AUTH_ENABLED;
	s.mailbox.until = T;
	expect_turn(&s, REASON_MAILBOX_ENABLED, OVERRIDE_HELD, REASON_TENANT_DISABLED,
	    OVERRIDE_EXPIRED);
	s.mailbox.until = INSTANT_NONE;
	expect_turn(&s, REASON_MAILBOX_ENABLED, OVERRIDE_HELD, REASON_MAILBOX_ENABLED,
	    OVERRIDE_HELD);
}
END_TEST

START_TEST(disabled_until)
{
	struct scene s;

	scene_start(&s);
	s.tenant.smtp_auth = SMTP_AUTH_ENABLED;
	s.mailbox.smtp_auth = SMTP_AUTH_DISABLED;
	s.mailbox.until = T;
	expect_turn(&s, REASON_MAILBOX_DISABLED, OVERRIDE_HELD, REASON_TENANT_ENABLED,
	    OVERRIDE_EXPIRED);
}
END_TEST

START_TEST(inherit_until)
{
	struct scene s;

	scene_start(&s);
	s.mailbox.until = T;
	expect_turn(&s, REASON_TENANT_DISABLED, OVERRIDE_NONE, REASON_TENANT_DISABLED,
	    OVERRIDE_NONE);
}
END_TEST

START_TEST(enforce_from)
{
	struct scene s;

	scene_start(&s);
	s.tenant.enforce_from = T;
	expect_turn(
	    &s, REASON_SCHEDULED, OVERRIDE_NONE, REASON_TENANT_DISABLED, OVERRIDE_NONE);
	s.mailbox.smtp_auth = SMTP_AUTH_DISABLED;
	expect_turn(&s, REASON_MAILBOX_DISABLED, OVERRIDE_HELD, REASON_MAILBOX_DISABLED,
	    OVERRIDE_HELD);
}
END_TEST

START_TEST(tempfail_until)
{
	struct scene s;

	scene_start(&s);
	s.tenant.tempfail_until = T;
	for (size_t i = 0; i < COUNT(before); i++)
		ck_assert_int_eq(scene_at(&s, before[i]).verdict, VERDICT_TEMPFAIL);
	for (size_t i = 0; i < COUNT(after); i++)
		ck_assert_int_eq(scene_at(&s, after[i]).verdict, VERDICT_REJECT);
	s.mailbox.smtp_auth = SMTP_AUTH_DISABLED;
	ck_assert_int_eq(scene_at(&s, T - 1).verdict, VERDICT_REJECT);
}
END_TEST

/* A roll-out: open, then 450 for a while, then 550. */
START_TEST(schedule_in_order)
{
	struct scene s;

	scene_start(&s);
	s.tenant.enforce_from = T;
	s.tenant.tempfail_until = T + 100;
	ck_assert_int_eq(scene_at(&s, T - 1).verdict, VERDICT_ALLOW);
	ck_assert_int_eq(scene_at(&s, T).verdict, VERDICT_TEMPFAIL);
	ck_assert_int_eq(scene_at(&s, T + 99).verdict, VERDICT_TEMPFAIL);
	ck_assert_int_eq(scene_at(&s, T + 100).verdict, VERDICT_REJECT);
	s.tenant.tempfail_until = T - 100;
	ck_assert_int_eq(scene_at(&s, T - 101).verdict, VERDICT_ALLOW);
	ck_assert_int_eq(scene_at(&s, T).verdict, VERDICT_REJECT);
}
END_TEST

/* An `enabled` that does not hold leaves the answer to each of the tenant's rows. */
START_TEST(fall_through)
{
	for (int other_client = 0; other_client <= 1; other_client++) {
		enum override why =
		    other_client ? OVERRIDE_OTHER_CLIENT : OVERRIDE_EXPIRED;
		struct scene s;

		scene_start(&s);
		s.mailbox.smtp_auth = SMTP_AUTH_ENABLED;
		if (other_client)
			ck_assert_int_eq(cidr_list_parse("198.51.100.0/24",
					     &s.mailbox.clients, NULL),
			    OK);
		else
			s.mailbox.until = T;
		expect(&s, T, REASON_TENANT_DISABLED, why);
		s.tenant.tempfail_until = T + 1;
		expect(&s, T, REASON_TENANT_DISABLED, why);
		ck_assert_int_eq(scene_at(&s, T).verdict, VERDICT_TEMPFAIL);
		s.tenant.enforce_from = T + 1;
		expect(&s, T, REASON_SCHEDULED, why);
		s.tenant.blocks = BLOCKS_PASSWORDS;
		s.facts.mechanism = "GSSAPI";
		expect(&s, T, REASON_MODERN_AUTH, why);
		s.tenant.smtp_auth = SMTP_AUTH_ENABLED;
		expect(&s, T, REASON_TENANT_ENABLED, why);
	}
}
END_TEST

START_TEST(clients_of_an_exception)
{
	static const struct {
		const char *client; /* NULL: the MTA names none */
		bool covered;
	} cases[] = {{"192.0.2.7", true}, {NULL, false}, {"192.0.2.255", true},
	    {"192.0.3.0", false}, {"IPv6:::ffff:192.0.2.1", true},
	    {"IPv6:2001:db8::1", true}, {NULL, false}, {"2001:db9::1", false}};
	struct scene s;

	scene_start(&s);
	s.mailbox.smtp_auth = SMTP_AUTH_ENABLED;
	ck_assert_int_eq(
	    cidr_list_parse("192.0.2.0/24,2001:db8::/32", &s.mailbox.clients, NULL),
	    OK);
	for (size_t i = 0; i < COUNT(cases); i++) {
		s.facts.has_client = cases[i].client != NULL &&
		    cidr_ip_parse(cases[i].client, &s.facts.client);
		expect(&s, T,
		    cases[i].covered ? REASON_MAILBOX_ENABLED : REASON_TENANT_DISABLED,
		    cases[i].covered ? OVERRIDE_HELD : OVERRIDE_OTHER_CLIENT);
	}
	s.mailbox.clients.count = 0;
	expect(&s, T, REASON_MAILBOX_ENABLED, OVERRIDE_HELD);
}
END_TEST

/* A list of clients narrows an `enabled`, never a `disabled`. */
START_TEST(clients_do_not_narrow_disabled)
{
	struct scene s;

	scene_start(&s);
	s.tenant.smtp_auth = SMTP_AUTH_ENABLED;
	s.mailbox.smtp_auth = SMTP_AUTH_DISABLED;
	ck_assert_int_eq(cidr_list_parse("198.51.100.1", &s.mailbox.clients, NULL), OK);
	expect(&s, T, REASON_MAILBOX_DISABLED, OVERRIDE_HELD);
	s.facts.has_client = false;
	expect(&s, T, REASON_MAILBOX_DISABLED, OVERRIDE_HELD);
}
END_TEST

START_TEST(no_client_matches_no_list)
{
	struct scene s;

	scene_start(&s);
	ck_assert_int_eq(
	    cidr_list_parse("0.0.0.0/0,::/0", &s.settings.exempt_clients, NULL), OK);
	expect(&s, T, REASON_EXEMPT_CLIENT, OVERRIDE_NONE);
	s.facts.has_client = false;
	expect(&s, T, REASON_TENANT_DISABLED, OVERRIDE_NONE);
	memset(&s.facts.client, 0, sizeof s.facts.client);
	expect(&s, T, REASON_TENANT_DISABLED, OVERRIDE_NONE);
}
END_TEST

START_TEST(listener_of_the_list)
{
	static const struct {
		const char *listener;
		bool exempt;
	} cases[] = {{"MSA", true}, {"WEB", true}, {"msa", true}, {"MS", false},
	    {"", false}, {"MSA,WEB", false}, {"MSAWEB", false}};
	struct scene s;

	scene_start(&s);
	strcpy(s.settings.exempt_listeners, "MSA,WEB");
	for (size_t i = 0; i < COUNT(cases); i++) {
		s.facts.listener = cases[i].listener;
		expect(&s, T,
		    cases[i].exempt ? REASON_EXEMPT_LISTENER : REASON_TENANT_DISABLED,
		    OVERRIDE_NONE);
	}
	s.settings.exempt_listeners[0] = '\0';
	s.facts.listener = "";
	expect(&s, T, REASON_TENANT_DISABLED, OVERRIDE_NONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decision_edge");
	TCase *second = suite_add_case(suite, "second");
	TCase *client = suite_add_case(suite, "client");

	tcase_add_test(second, enabled_until);
	tcase_add_test(second, disabled_until);
	tcase_add_test(second, inherit_until);
	tcase_add_test(second, enforce_from);
	tcase_add_test(second, tempfail_until);
	tcase_add_test(second, schedule_in_order);
	tcase_add_test(second, fall_through);
	tcase_add_test(client, clients_of_an_exception);
	tcase_add_test(client, clients_do_not_narrow_disabled);
	tcase_add_test(client, no_client_matches_no_list);
	tcase_add_test(client, listener_of_the_list);
	return suite_run(suite);
}
