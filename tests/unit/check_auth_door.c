/* SPDX-License-Identifier: BSD-2-Clause */
/* check_auth_door.c - what is answered at AUTH, by the policy and without one. */
#include "milter/auth/auth_door.h"
#include "milter/service/id.h"
#include "milter/service/log.h"
#include "milter/service/log_writer.h"
#include "policy/json/json_value.h"
#include "policy/tables/tenant_table.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { MESSAGE_MAX = 460, LOG_LINE_MAX = 7000 };

static struct state state;
static struct config config;
static struct auth_metrics metrics;
static struct auth_denials denials;
static struct auth_door door;
static char logged[LOG_LINE_MAX + 1]; /* the last line; "": none */
static unsigned counted;
static bool is_verifying; /* a scan has not ended */
static bool begins_later; /* ... which begins once it was looked for */

void
log_writer_put(enum log_level level, const char *line, size_t n)
{
	(void)level;
	ck_assert_uint_le(n, LOG_LINE_MAX);
	memcpy(logged, line, n);
	logged[n] = '\0';
}

enum error
log_writer_open(enum log_target target, log_writer_notice *notice)
{
	(void)target;
	(void)notice;
	return OK;
}

void
auth_denials_add(
    struct auth_denials *d, const struct outcome *o, const char *client, instant now)
{
	ck_assert_ptr_eq(d, &denials);
	ck_assert_int_eq(o->decision.verdict, VERDICT_REJECT);
	ck_assert(client != NULL && now > 0);
	counted++;
}

enum live_store_state __real_live_store_state(struct live_store *live);
enum live_store_state __wrap_live_store_state(struct live_store *live);

enum live_store_state
__wrap_live_store_state(struct live_store *live)
{
	if (begins_later)
		begins_later = false;
	else if (is_verifying)
		return LIVE_STORE_VERIFYING;
	return __real_live_store_state(live);
}

static void
on_live_store(void *arg, enum live_store_event event, const char *text)
{
	(void)arg;
	(void)event;
	(void)text;
}

static void
make_policy(struct store_txn *txn, void *arg)
{
	(void)arg;
	tenant_store_with(txn, "acme", SMTP_AUTH_DISABLED, "acme.test");
	tenant_store_with(txn, "open", SMTP_AUTH_ENABLED, "open.test");
	mailbox_store(txn, "on@acme.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "off@open.test", SMTP_AUTH_DISABLED, "");
	lock_store(txn, "locked@open.test", INSTANT_NONE);
}

/* start_door - on the folder, with or without a database */
static void
start_door(void)
{
	struct error_text why;

	ck_assert_int_eq(config_read_authd(&config, "/dev/null", &why), OK);
	ck_assert_int_eq(log_open(LOG_TO_STDERR, LEVEL_DEBUG), OK);
	ck_assert_int_eq(id_start(), OK);
	door = (struct auth_door){&config, NULL, &denials, &metrics};
	expect_ok(live_store_start(&door.store, state.dir, on_live_store, NULL));
	while (live_store_state(door.store) == LIVE_STORE_VERIFYING)
		usleep(1000);
}

static void
setup(void)
{
	state_open_ready(&state);
	state_change(&state, make_policy, NULL);
	start_door();
}

static void
setup_without(void)
{
	state_open(&state);
	start_door();
}

/* set - a setting, which counts at the next question */
static void
set(const char *key, const char *value)
{
	struct store *store = state_store(&state, STORE_WRITE);
	struct store_txn *txn = txn_begin(store);

	setting_store(txn, key, value);
	txn_commit(&txn);
	store_close(&store);
}

/* message_of - of an answer with this status, which lasts until the next one */
static const char *
message_of(const char *answer, int status)
{
	static char message[AUTH_DOOR_ANSWER_MAX];
	struct error_text why;
	json_value *v;

	ck_assert_int_eq(json_value_parse(answer, strlen(answer), &v, &why), OK);
	ck_assert_msg(
	    json_value_integer(json_value_member(v, "status")) == status, "%s", answer);
	strcpy(message, json_value_string(json_value_member(v, "msg")));
	json_value_free(v);
	return message;
}

/* expect_id - at the message's end, and in the log */
static void
expect_id(const char *message)
{
	size_t n = strlen(message);
	char id[ID_LENGTH + 5];

	ck_assert_uint_gt(n, ID_LENGTH + 3);
	ck_assert_uint_le(n, MESSAGE_MAX);
	for (size_t i = 0; i < n; i++)
		ck_assert(message[i] >= ' ' && message[i] <= '~');
	ck_assert_int_eq(strncmp(message + n - ID_LENGTH - 3, " [", 2), 0);
	snprintf(id, sizeof id, "id=%.*s ", ID_LENGTH, message + n - ID_LENGTH - 1);
	ck_assert_msg(strstr(logged, id) != NULL, "%s in %s", id, logged);
}

/* ask - the body; returns the message, which is the beginning WANTED, and the id */
static const char *
ask(const char *body, const char *wanted)
{
	int status = wanted == NULL ? 0 : -1;
	char answer[AUTH_DOOR_ANSWER_MAX];
	unsigned before = counted;
	const char *message;

	memset(answer, 'x', sizeof answer);
	logged[0] = '\0';
	auth_door_ask(&door, body, body != NULL ? strlen(body) : 0, false, answer);
	message = message_of(answer, status);
	ck_assert_uint_eq(counted, before + (wanted != NULL));
	ck_assert_msg(
	    strstr(logged, wanted != NULL ? "answer=refuse" : "answer=continue") !=
		    NULL ||
		logged[0] == '\0',
	    "%s", logged);
	if (wanted == NULL) {
		ck_assert_str_eq(message, "");
		return message;
	}
	ck_assert_msg(
	    strncmp(message, wanted, strlen(wanted)) == 0, "%s: %s", body, message);
	expect_id(message);
	return message;
}

static const char *
ask_login(const char *login, const char *wanted)
{
	static char body[20000];

	snprintf(body, sizeof body,
	    "{\"login\":\"%s\",\"remote\":\"203.0.113.9\",\"protocol\":\"smtp\"}",
	    login);
	return ask(body, wanted);
}

START_TEST(verdicts_have_answers)
{
	ask_login("jane@acme.test", "5.7.1 SMTP AUTH is disabled for tenant acme [");
	ck_assert_ptr_nonnull(strstr(logged, "verdict=reject reason=tenant-disabled"));
	ck_assert_ptr_nonnull(strstr(logged, "client=203.0.113.9 "));
	ck_assert_ptr_nonnull(strstr(logged, "listener=smtp "));
	ask_login(
	    "off@open.test", "5.7.1 SMTP AUTH is disabled for mailbox off@open.test [");
	ask_login("locked@open.test",
	    "5.7.1 SMTP AUTH is locked for mailbox locked@open.test [");
	ask_login("on@acme.test", NULL);
	ask_login("jane@open.test", NULL);
	ask_login("jane@free.test", NULL);
	set("unknown-tenant", "reject");
	ask_login("jane@free.test", "5.7.1 SMTP AUTH login not accepted [");
	set("action", "tempfail");
	ask_login("jane@acme.test", NULL);
	ck_assert_ptr_nonnull(strstr(logged, "verdict=tempfail"));
	ask_login("locked@open.test", "5.7.1 SMTP AUTH is locked ");
	set("action", "report");
	ask_login("jane@acme.test", NULL);
	set("action", "reject");
	set("reply-style", "exchange");
	ask_login("jane@acme.test",
	    "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. [");
	set("enforce", "no");
	ask_login("jane@acme.test", NULL);
	ask_login("locked@open.test", "5.7.139 ");
	ck_assert_uint_eq(metrics.refused, counted);
	ck_assert_int_eq(metrics.in_progress, 0);
}
END_TEST

/* What cannot be read is decided as an invalid login. */
START_TEST(bad_questions_are_invalid_logins)
{
	static const char *const bodies[] = {NULL, "", "{", "[]", "{}", "null",
	    "{\"login\":\"\"}", "{\"login\":1}", "{\"login\":\"on@acme.test\"",
	    "{\"login\":\"on@acme.test\",\"login\":\"on@acme.test\"}",
	    "{\"login\":\"on\\u0000@acme.test\"}", "{\"login\":\"\\ufffd@free.test\"}",
	    "{\"login\":\"\xFF@free.test\"}", "{\"login\":\"a\\n@free.test\"}",
	    "{\"login\":\"@free.test\"}", "{\"login\":\"a\\u202e@free.test\"}"};

	for (size_t i = 0; i < COUNT(bodies); i++)
		ask(bodies[i], "5.7.1 SMTP AUTH login not accepted [");
	set("invalid-login", "tempfail");
	for (size_t i = 0; i < COUNT(bodies); i++)
		ask(bodies[i], NULL);
	set("invalid-login", "accept");
	for (size_t i = 0; i < COUNT(bodies); i++)
		ask(bodies[i], NULL);
}
END_TEST

START_TEST(long_logins_are_invalid)
{
	enum { LONG = 10000 };
	static char login[LONG + 20];

	snprintf(login, sizeof login, "%0*d@open.test", LONG, 7);
	ask_login(login, "5.7.1 SMTP AUTH login not accepted [");
	ck_assert_uint_lt(strlen(logged), LOG_LINE_MAX);
}
END_TEST

/* Only the milter knows a client or listener that is not told here. */
START_TEST(unknown_clients_are_left_to_the_milter)
{
	static const char pam[] = "{\"login\":\"jane@acme.test\"}";
	static const char locked[] = "{\"login\":\"locked@open.test\"}";

	ask(pam, "5.7.1 ");
	set("exempt-clients", "198.51.100.0/24");
	ask(pam, NULL);
	ck_assert_ptr_nonnull(strstr(logged, "verdict=reject"));
	ask(locked, "5.7.1 SMTP AUTH is locked ");
	ask_login("jane@acme.test", "5.7.1 ");
	ask("{\"login\":\"jane@acme.test\",\"remote\":\"\",\"protocol\":\"smtp\"}",
	    NULL);
	ask("{\"login\":\"jane@acme.test\",\"remote\":\"203.0.113.9\"}", "5.7.1 ");
	set("exempt-listeners", "webmail");
	ask("{\"login\":\"jane@acme.test\",\"remote\":\"203.0.113.9\"}", NULL);
	ask_login("jane@acme.test", "5.7.1 ");
	ask("{\"login\":\"jane@acme.test\",\"remote\":\"203.0.113.9\",\"protocol\":\"webmail\"}",
	    NULL);
	ck_assert_ptr_nonnull(strstr(logged, "reason=exempt-listener"));
}
END_TEST

START_TEST(mechanism_counts)
{
	struct store *store = state_store(&state, STORE_WRITE);
	struct store_txn *txn = txn_begin(store);
	struct tenant tenant;
	bool found;

	expect_ok(tenant_table_get(txn, "acme", &tenant, &found));
	tenant.blocks = BLOCKS_PASSWORDS;
	expect_ok(tenant_table_put(txn, &tenant));
	txn_commit(&txn);
	store_close(&store);
	ask("{\"login\":\"jane@acme.test\",\"mechanism\":\"XOAUTH2\"}", NULL);
	ask("{\"login\":\"jane@acme.test\",\"mechanism\":\"PLAIN\"}", "5.7.1 ");
	ask("{\"login\":\"jane@acme.test\",\"mechanism\":\"\"}", "5.7.1 ");
	ask("{\"login\":\"jane@acme.test\",\"mechanism\":7}", "5.7.1 ");
}
END_TEST

enum { LOGIN_LENGTH = 100 };

/* ask_long - with an own text of N bytes; the message, which has to begin as it does */
static const char *
ask_long(const char *unit, size_t n)
{
	char text[REPLY_TEXT_MAX + 1] = "{mailbox}", login[LOGIN_LENGTH + 1];
	size_t fill = n - LOGIN_LENGTH, at = strlen(text);

	ck_assert_uint_le(at + fill, REPLY_TEXT_MAX);
	for (size_t i = 0; i < fill; i++)
		text[at + i] = unit[i % strlen(unit)];
	text[at + fill] = '\0';
	set("reply-tenant", text);
	snprintf(login, sizeof login, "%0*d@acme.test", LOGIN_LENGTH - 10, 7);
	ck_assert_uint_eq(strlen(login), LOGIN_LENGTH);
	return ask_login(login, "5.7.1 00000000");
}

/* The longest that reaches the client, one byte more, and the longest there is. */
START_TEST(long_texts_keep_the_id)
{
	const size_t before = sizeof "5.7.1 " - 1, id = ID_LENGTH + 3;
	const size_t fits = MESSAGE_MAX - before - id;
	const size_t most = REPLY_TEXT_MAX - (sizeof "{mailbox}" - 1) + LOGIN_LENGTH;

	ck_assert_uint_gt(most, fits);
	ck_assert_uint_eq(strlen(ask_long("0123456789", fits - 1)), MESSAGE_MAX - 1);
	ck_assert_uint_eq(strlen(ask_long("0123456789", fits)), MESSAGE_MAX);
	ck_assert_uint_eq(strlen(ask_long("0123456789", fits + 1)), MESSAGE_MAX);
	ck_assert_uint_eq(strlen(ask_long("0123456789", most)), MESSAGE_MAX);
	/* each is two bytes of JSON */
	ck_assert_uint_eq(strlen(ask_long("\"\\", most)), MESSAGE_MAX);
}
END_TEST

START_TEST(own_texts_have_fields)
{
	set("reply-tenant", "{mailbox}: 100% of {tenant}, {client} {id}");
	ask_login("jane@acme.test", "5.7.1 jane@acme.test: 100% of acme, 203.0.113.9 ");
	ask("{\"login\":\"jane@acme.test\",\"remote\":\"\\u00e4\\n\"}",
	    "5.7.1 jane@acme.test: 100% of acme, ?? ");
}
END_TEST

START_TEST(probes_leave_no_trace)
{
	static const char body[] = "{\"login\":\"jane@acme.test\"}";
	char answer[AUTH_DOOR_ANSWER_MAX];

	logged[0] = '\0';
	auth_door_ask(&door, body, sizeof body - 1, true, answer);
	message_of(answer, -1);
	ck_assert_str_eq(logged, "");
	ck_assert_uint_eq(counted, 0);
}
END_TEST

START_TEST(log_has_what_is_asked_for)
{
	ask_login("jane@open.test", NULL);
	ck_assert_ptr_nonnull(strstr(logged, " door=auth "));
	config.log_allowed = false;
	ask_login("jane@open.test", NULL);
	ck_assert_str_eq(logged, "");
	ask_login("jane@acme.test", "5.7.1 ");
	ck_assert_ptr_nonnull(strstr(logged, " door=auth "));
}
END_TEST

START_TEST(without_a_database_on_error_decides)
{
	static const char pam[] = "{\"login\":\"jane@acme.test\"}";

	config.on_error = ACTION_TEMPFAIL;
	ask_login("jane@acme.test", NULL);
	ck_assert_ptr_nonnull(strstr(logged, "verdict=tempfail reason=store-error"));
	config.on_error = ACTION_ACCEPT;
	ask_login("jane@acme.test", NULL);
	ck_assert_ptr_nonnull(strstr(logged, "verdict=allow reason=store-error"));
	config.on_error = ACTION_REJECT;
	ask_login("jane@acme.test", "5.3.0 SMTP AUTH policy temporarily unavailable [");
	ask(pam, "5.3.0 ");
	ask("{", "5.3.0 ");
	ask(NULL, "5.3.0 ");
}
END_TEST

/* Nobody waits for the first scan here: at MAIL the milter does. */
START_TEST(first_scan_is_not_waited_for)
{
	is_verifying = true;
	for (int i = 0; i < 2; i++) {
		config.on_error = i == 0 ? ACTION_TEMPFAIL : ACTION_REJECT;
		ask_login("jane@acme.test", NULL);
		ck_assert_ptr_nonnull(strstr(logged, "reason=store-error"));
		ask_login("locked@open.test", NULL);
		ask(NULL, NULL);
	}
	is_verifying = false;
	ask_login("jane@acme.test", "5.7.1 ");
}
END_TEST

/* The database was replaced: the decision fails, and a scan is under way then. */
START_TEST(scan_that_begins_meanwhile_is_left_to_the_milter)
{
	config.on_error = ACTION_REJECT;
	is_verifying = begins_later = true;
	ask_login("jane@acme.test", NULL);
	ck_assert(!begins_later);
	is_verifying = false;
	ask_login("jane@acme.test", "5.3.0 ");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auth_door");
	TCase *with = state_add_case(suite, "with a policy");
	TCase *without = state_add_case(suite, "without");

	tcase_add_checked_fixture(with, setup, NULL);
	tcase_add_test(with, verdicts_have_answers);
	tcase_add_test(with, bad_questions_are_invalid_logins);
	tcase_add_test(with, long_logins_are_invalid);
	tcase_add_test(with, unknown_clients_are_left_to_the_milter);
	tcase_add_test(with, mechanism_counts);
	tcase_add_test(with, long_texts_keep_the_id);
	tcase_add_test(with, own_texts_have_fields);
	tcase_add_test(with, probes_leave_no_trace);
	tcase_add_test(with, log_has_what_is_asked_for);
	tcase_add_test(with, first_scan_is_not_waited_for);
	tcase_add_checked_fixture(without, setup_without, NULL);
	tcase_add_test(without, without_a_database_on_error_decides);
	tcase_add_test(without, scan_that_begins_meanwhile_is_left_to_the_milter);
	return suite_run(suite);
}
