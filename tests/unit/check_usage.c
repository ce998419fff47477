/* SPDX-License-Identifier: BSD-2-Clause */
/* check_usage.c - what is kept of a login's use: adding up, bytes, keys, and the
 * record of the machine. */
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_key.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include <stdlib.h>
#include <string.h>

#define USAGE_BYTES_MIN 44 /* without client and listener */
#define USAGE_DAY_BYTES 21
#define DAY INT64_C(86400)
#define NOW (INT64_C(20000) * DAY + 3600)

static bool
same(const struct usage *a, const struct usage *b)
{
	return a->first_seen == b->first_seen && a->last_seen == b->last_seen &&
	    a->last_use == b->last_use &&
	    a->last_password_use == b->last_password_use &&
	    a->last_exempt == b->last_exempt && a->has_client == b->has_client &&
	    a->mechanism == b->mechanism && a->tls == b->tls &&
	    a->elsewhere == b->elsewhere && a->stranger == b->stranger &&
	    strcmp(a->listener, b->listener) == 0 &&
	    (!a->has_client || memcmp(&a->client, &b->client, sizeof a->client) == 0);
}

START_TEST(kinds)
{
	static const struct {
		enum verdict verdict;
		enum reason reason;
		int kind; /* -1: nothing */
	} cases[] = {{VERDICT_PASS, REASON_UNAUTHENTICATED, -1},
	    {VERDICT_ALLOW, REASON_STORE_ERROR, -1},
	    {VERDICT_TEMPFAIL, REASON_STORE_ERROR, -1},
	    {VERDICT_ALLOW, REASON_EXEMPT_CLIENT, USAGE_EXEMPT},
	    {VERDICT_ALLOW, REASON_EXEMPT_LISTENER, USAGE_EXEMPT},
	    {VERDICT_ALLOW, REASON_TENANT_ENABLED, USAGE_ALLOWED},
	    {VERDICT_ALLOW, REASON_SCHEDULED, USAGE_ALLOWED},
	    {VERDICT_REPORT, REASON_TENANT_DISABLED, USAGE_WOULD_DENY},
	    {VERDICT_TEMPFAIL, REASON_TENANT_DISABLED, USAGE_DENIED},
	    {VERDICT_REJECT, REASON_LOCKED, USAGE_DENIED}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct decision d = {cases[i].verdict, cases[i].reason, 0, false};
		enum usage_kind kind = USAGE_KINDS;
		bool counts = usage_kind_of(&d, &kind);

		ck_assert_msg(counts == (cases[i].kind >= 0) &&
			(!counts || (int)kind == cases[i].kind),
		    "case %zu", i);
	}
}
END_TEST

START_TEST(later_and_earlier)
{
	ck_assert_int_eq(usage_later(INSTANT_NONE, 0), 0);
	ck_assert_int_eq(usage_later(5, INSTANT_NONE), 5);
	ck_assert_int_eq(usage_later(5, 6), 6);
	ck_assert(usage_later(INSTANT_NONE, INSTANT_NONE) == INSTANT_NONE);
	ck_assert_int_eq(usage_earlier(INSTANT_NONE, 7), 7);
	ck_assert_int_eq(usage_earlier(7, INSTANT_NONE), 7);
	ck_assert_int_eq(usage_earlier(7, 3), 3);
	ck_assert(usage_earlier(INSTANT_NONE, INSTANT_NONE) == INSTANT_NONE);
}
END_TEST

/* Any order of any of these gives the same, and adding twice changes nothing. */
START_TEST(add_in_any_order)
{
	struct usage part[] = {usage_image_seen(100, "192.0.2.1", "PLAIN"),
	    usage_image_seen(100, "192.0.2.9", "LOGIN"),
	    usage_image_seen(100, "", "XOAUTH2"),
	    usage_image_seen(50, "2001:db8::1", "PLAIN"),
	    usage_image_seen(0, "192.0.2.3", ""),
	    usage_image_seen(100, "192.0.2.9", "PLAIN")};
	enum { N = sizeof part / sizeof *part };
	unsigned short seed[3] = {1, 2, 3};
	struct usage first;

	part[3].last_password_use = 50;
	part[2].last_exempt = 300;
	part[4].tls = 3;
	for (int round = 0; round < 2000; round++) {
		struct usage sum;

		usage_init(&sum);
		for (int i = N - 1; i > 0; i--) {
			int j = (int)(nrand48(seed) % (i + 1));
			struct usage t = part[i];

			part[i] = part[j];
			part[j] = t;
		}
		for (int i = 0; i < N; i++) {
			usage_add(&sum, &part[i]);
			if (round % 2)
				usage_add(&sum, &part[i]);
		}
		if (round == 0)
			first = sum;
		ck_assert_msg(same(&first, &sum), "round %d", round);
	}
	ck_assert_int_eq(first.first_seen, 0);
	ck_assert_int_eq(first.last_seen, 100);
	ck_assert_int_eq(first.last_exempt, 300);
	ck_assert_int_eq(first.last_password_use, 50);
	ck_assert(first.has_client);
}
END_TEST

/* What passed as exempt says nothing about the last client. */
START_TEST(exempt_keeps_the_client)
{
	struct usage sum = usage_image_seen(100, "192.0.2.1", "PLAIN"), exempt;

	usage_init(&exempt);
	exempt.last_exempt = 500;
	usage_add(&sum, &exempt);
	ck_assert(sum.has_client);
	ck_assert_int_eq(sum.last_seen, 100);
	ck_assert_int_eq(sum.last_exempt, 500);
	usage_add(&exempt, &sum);
	ck_assert(same(&sum, &exempt));
}
END_TEST

START_TEST(counts_stop)
{
	struct usage_day a = {7, {UINT32_MAX - 1, 1, 0, 0}, 1};
	const struct usage_day b = {9, {2, 2, 0, UINT32_MAX}, 6};

	usage_day_add(&a, &b);
	ck_assert_uint_eq(a.day, 7);
	ck_assert_uint_eq(a.count[0], UINT32_MAX);
	ck_assert_uint_eq(a.count[1], 3);
	ck_assert_uint_eq(a.count[3], UINT32_MAX);
	ck_assert_uint_eq(a.mechanisms, 7);
	ck_assert_uint_eq(usage_day_of(INSTANT_NONE), 0);
	ck_assert_uint_eq(usage_day_of(-1), 0);
	ck_assert_uint_eq(usage_day_of(DAY - 1), 0);
	ck_assert_uint_eq(usage_day_of(DAY), 1);
}
END_TEST

START_TEST(codes)
{
	char buf[USAGE_MECHANISMS_TEXT_MAX];

	ck_assert_uint_eq(usage_mechanism_code(""), 0);
	ck_assert_uint_eq(usage_mechanism_code("X-NEW"), 1);
	ck_assert_uint_eq(usage_mechanism_code("plain"), usage_mechanism_code("PLAIN"));
	ck_assert_str_eq(usage_mechanism_name(255), "OTHER");
	ck_assert_str_eq(usage_mechanism_name(0), "");
	for (uint8_t i = 2; i < USAGE_MECHANISM_CODES; i++)
		ck_assert_uint_eq(usage_mechanism_code(usage_mechanism_name(i)), i);
	for (uint8_t i = 2; i < USAGE_TLS_CODES; i++)
		ck_assert_uint_eq(usage_tls_code(usage_tls_name(i)), i);
	ck_assert_uint_eq(usage_tls_code("TLSv9"), 1);
	ck_assert_str_eq(usage_tls_name(99), "other");
	ck_assert_str_eq(usage_mechanisms_print(0, buf), "");
	ck_assert_str_eq(usage_mechanisms_print(1, buf), "");
	ck_assert_str_eq(usage_mechanisms_print(4 | 8, buf), "PLAIN,LOGIN");
	ck_assert_str_eq(
	    usage_mechanisms_print(UINT32_C(1) << 31 | 4, buf), "OTHER,PLAIN");
	ck_assert_uint_lt(
	    strlen(usage_mechanisms_print(UINT32_MAX, buf)), sizeof buf - 1);
}
END_TEST

/* comes_back - the bytes of U are read as U, and not with one more or fewer */
static void
comes_back(const struct usage *u)
{
	uint8_t buf[USAGE_BYTES_MAX + 1] = {0};
	struct record_writer w;
	struct usage again;

	record_write_start(&w, buf, USAGE_BYTES_MAX);
	usage_encode(u, &w);
	ck_assert(!w.failed);
	ck_assert_uint_eq(w.len,
	    USAGE_BYTES_MIN + (u->has_client ? 16 : 0) +
		(*u->listener != '\0' ? 2 + strlen(u->listener) : 0));
	expect_ok(usage_decode((struct bytes){buf, w.len}, &again));
	ck_assert(same(u, &again));
	expect_error(ERR_DAMAGED, usage_decode((struct bytes){buf, w.len + 1}, &again));
	for (size_t n = 0; n < w.len; n++)
		expect_error(ERR_DAMAGED, usage_decode((struct bytes){buf, n}, &again));
	buf[0]++;
	expect_error(ERR_NEWER, usage_decode((struct bytes){buf, w.len}, &again));
	buf[0] = 1;
	buf[USAGE_BYTES_MIN - 1] = 2;
	expect_error(ERR_DAMAGED, usage_decode((struct bytes){buf, w.len}, &again));
	buf[USAGE_BYTES_MIN - 1] = u->has_client;
	memset(buf + 1, 0x7F, 8); /* no year of ours */
	expect_error(ERR_DAMAGED, usage_decode((struct bytes){buf, w.len}, &again));
}

START_TEST(bytes)
{
	struct usage u = usage_image_seen(NOW, "2001:db8::1", "OTP");
	struct usage_day day = {5, {1, 2, 3, 4}, 5}, again = {.day = 5};
	uint8_t buf[USAGE_DAY_BYTES];
	struct record_writer w;

	comes_back(&u);
	u.elsewhere = true;
	comes_back(&u);
	u.stranger = true;
	comes_back(&u);
	usage_set_listener(&u, "x");
	comes_back(&u);
	memset(u.listener, 'x', USAGE_LISTENER_MAX);
	comes_back(&u);
	u.has_client = false;
	comes_back(&u);
	usage_init(&u);
	comes_back(&u);
	record_write_start(&w, buf, sizeof buf);
	usage_day_encode(&day, &w);
	ck_assert_uint_eq(w.len, USAGE_DAY_BYTES);
	expect_ok(usage_day_decode((struct bytes){buf, w.len}, &again));
	ck_assert_mem_eq(&day, &again, sizeof day);
	for (size_t n = 0; n < w.len; n++)
		expect_error(
		    ERR_DAMAGED, usage_day_decode((struct bytes){buf, n}, &again));
	buf[0] = 2;
	expect_error(ERR_NEWER, usage_day_decode((struct bytes){buf, w.len}, &again));
}
END_TEST

START_TEST(listeners)
{
	char name[USAGE_LISTENER_MAX + 2] = "";
	uint8_t buf[USAGE_BYTES_MAX];
	struct record_writer w;
	struct usage u;

	usage_init(&u);
	memset(name, 'n', USAGE_LISTENER_MAX);
	usage_set_listener(&u, name);
	ck_assert_str_eq(u.listener, name);
	name[USAGE_LISTENER_MAX] = 'n'; /* not cut, but not known */
	usage_set_listener(&u, name);
	ck_assert_str_eq(u.listener, "");
	usage_set_listener(&u, "a\nb");
	ck_assert_str_eq(u.listener, "");
	usage_set_listener(&u, "MSA");
	record_write_start(&w, buf, sizeof buf);
	usage_encode(&u, &w);
	buf[0] = 2;
	expect_error(ERR_DAMAGED, usage_decode((struct bytes){buf, w.len}, &u));
	buf[0] = 3;
	expect_ok(usage_decode((struct bytes){buf, w.len}, &u));
	ck_assert_str_eq(u.listener, "MSA");
	buf[w.len - 1] = '\033';
	expect_error(ERR_DAMAGED, usage_decode((struct bytes){buf, w.len}, &u));
	usage_set_listener(&u, "");
	record_write_start(&w, buf, sizeof buf);
	usage_encode(&u, &w);
	buf[0] = 2; /* of an older daemon */
	expect_ok(usage_decode((struct bytes){buf, w.len}, &u));
}
END_TEST

/* The name that was seen last; of one second, any that all would choose. */
START_TEST(last_listener_stays)
{
	struct usage a = usage_image_seen(100, "192.0.2.1", "PLAIN"), b = a, sum = a;

	usage_set_listener(&a, "a");
	usage_set_listener(&b, "b");
	sum = a;
	usage_add(&sum, &b);
	ck_assert_str_eq(sum.listener, "b");
	sum = b;
	usage_add(&sum, &a);
	ck_assert_str_eq(sum.listener, "b");
	a.last_seen++;
	usage_add(&sum, &a);
	ck_assert_str_eq(sum.listener, "a");
}
END_TEST

/* Version 1 had no flags but that of the client, which tells where it was seen last. */
START_TEST(bytes_of_version_1)
{
	static const struct {
		const char *client;
		bool elsewhere;
	} cases[] = {{"192.0.2.1", true}, {"127.0.0.1", false}, {"", true}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct usage u = usage_image_seen(NOW, cases[i].client, "PLAIN"), again;
		uint8_t buf[USAGE_BYTES_MAX];
		struct record_writer w;

		record_write_start(&w, buf, sizeof buf);
		usage_encode(&u, &w);
		buf[0] = 1;
		expect_ok(usage_decode((struct bytes){buf, w.len}, &again));
		u.elsewhere = cases[i].elsewhere;
		ck_assert_msg(same(&u, &again), "%s", cases[i].client);
	}
}
END_TEST

/* Who was known once stays so; what was seen elsewhere stays so, too. */
START_TEST(flags_add_up)
{
	struct usage a = usage_image_seen(100, "127.0.0.1", "PLAIN"), b = a;

	a.stranger = b.stranger = true;
	usage_add(&a, &b);
	ck_assert(a.stranger && !a.elsewhere);
	b.elsewhere = true;
	b.stranger = false;
	usage_add(&a, &b);
	ck_assert(!a.stranger && a.elsewhere);
	b.elsewhere = false;
	b.stranger = true;
	usage_add(&a, &b);
	ck_assert(!a.stranger && a.elsewhere);
}
END_TEST

static enum error
parse(const void *at, size_t n, struct login *login, uint32_t *day, bool *has_day)
{
	return usage_key_parse((struct bytes){at, n}, login, day, has_day);
}

START_TEST(keys)
{
	static const char *const logins[] = {"ann@a.example", "bob", "a b@x", "x\\y",
	    "a@b@c.example", "jörg@xn--bcher-kva.test"};

	for (size_t i = 0; i < sizeof logins / sizeof *logins; i++) {
		struct login login = login_make(logins[i]), again;
		struct key k;
		uint32_t day = 0;
		bool has_day = true;

		usage_key_login(&k, &login);
		expect_ok(parse(k.at, k.len, &again, &day, &has_day));
		ck_assert(!has_day && login_equal(&login, &again));
		usage_key_add_day(&k, 0xFE000102);
		expect_ok(parse(k.at, k.len, &again, &day, &has_day));
		ck_assert(has_day && login_equal(&login, &again));
		ck_assert_uint_eq(day, 0xFE000102);
		for (size_t n = 0; n < k.len; n++)
			if (n != k.len - 4)
				expect_error(ERR_DAMAGED,
				    parse(k.at, n, &again, &day, &has_day));
		k.at[k.len] = 0;
		expect_error(
		    ERR_DAMAGED, parse(k.at, k.len + 1, &again, &day, &has_day));
	}
}
END_TEST

START_TEST(keys_that_are_none)
{
	static const struct {
		const char *at;
		size_t n;
	} bad[] = {{"", 0}, {"u", 1}, {"ua", 2}, {"u\0", 2}, {"u\0\0x", 4},
	    {"ua\0\0", 4}, {"ma\0b\0", 5}, {"ua@b\0c\0", 7}, {"u\0a@b\0", 6},
	    {"ua\0\x1b\0", 5}, {"ua\0\xff\0", 5}, {"ua\0b\0abc", 8},
	    {"ua\0b\0abcde", 10}, {"u\n\0b\0", 5}};
	struct login login;
	uint32_t day;
	bool has_day;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(
		    parse(bad[i].at, bad[i].n, &login, &day, &has_day) == ERR_DAMAGED,
		    "key %zu", i);
}
END_TEST

START_TEST(key_of_others)
{
	struct login others, again = login_make("x"), first = login_make("!");
	struct key k;
	uint32_t day;
	bool has_day;

	usage_others(&others);
	ck_assert(usage_is_others(&others) && !usage_is_others(&first));
	usage_key_login(&k, &others);
	expect_ok(parse(k.at, k.len, &again, &day, &has_day));
	ck_assert(usage_is_others(&again) && !has_day);
	usage_key_add_day(&k, 7);
	expect_ok(parse(k.at, k.len, &again, &day, &has_day));
	ck_assert(usage_is_others(&again) && has_day && day == 7);
	ck_assert_int_lt(usage_key_order(&others, &first), 0);
}
END_TEST

START_TEST(longest_login)
{
	char text[LOGIN_MAX + 2];
	struct login login, again;
	struct key k;
	uint32_t day;
	bool has_day;

	memset(text, 'a', sizeof text);
	expect_ok(login_from_normal(text, LOGIN_MAX, &login));
	usage_key_login(&k, &login);
	usage_key_add_day(&k, 1);
	ck_assert_uint_le(k.len, KEY_MAX);
	expect_ok(usage_key_parse(key_bytes(&k), &again, &day, &has_day));
	ck_assert(login_equal(&login, &again));
}
END_TEST

START_TEST(order_of_logins)
{
	static const char *const logins[] = {
	    "a", "ab", "b", "z@a.example", "a@ab.example", "b@ab.example", "a@b"};
	enum { N = sizeof logins / sizeof *logins };

	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			struct login a = login_make(logins[i]);
			struct login b = login_make(logins[j]);
			int order = usage_key_order(&a, &b);

			ck_assert_msg((order > 0) - (order < 0) == (i > j) - (i < j),
			    "%s, %s: %d", logins[i], logins[j], order);
		}
}
END_TEST

START_TEST(nodes)
{
	struct recording_host n, m, again;
	char id[RECORDING_HOST_ID_TEXT_MAX];
	uint8_t buf[512];
	struct record_writer w;

	expect_ok(recording_host_init(&n, NOW));
	expect_ok(recording_host_init(&m, NOW));
	ck_assert(recording_host_same(&n, &n) && !recording_host_same(&n, &m));
	ck_assert_uint_eq(
	    strlen(recording_host_id_print(&n, id)), RECORDING_HOST_ID_TEXT_MAX - 1);
	recording_host_touch(&n, NOW + 10, true, 0);
	ck_assert_int_eq(n.since, NOW);
	ck_assert_int_eq(n.until, NOW + 10);
	ck_assert(n.last_dropped == INSTANT_NONE);
	recording_host_touch(&n, NOW + 10 + RECORDING_HOST_GAP_SECONDS, true, 3);
	ck_assert_int_eq(n.since, NOW);
	ck_assert_uint_eq(n.dropped, 3);
	ck_assert_int_eq(n.last_dropped, NOW + 10 + RECORDING_HOST_GAP_SECONDS);
	recording_host_touch(&n, n.until + RECORDING_HOST_GAP_SECONDS + 1, true, 0);
	ck_assert_int_eq(n.since, n.until);
	recording_host_touch(&n, n.until + 5, false, 0);
	ck_assert_int_eq(n.since, n.until);
	recording_host_touch(&n, n.since - 1, true, 0); /* the clock was set back */
	ck_assert_int_eq(n.since, n.until);
	record_write_start(&w, buf, sizeof buf);
	recording_host_encode(&n, &w);
	expect_ok(recording_host_decode((struct bytes){buf, w.len}, &again));
	ck_assert(recording_host_same(&n, &again) && n.until == again.until);
	ck_assert_str_eq(n.name, again.name);
	for (size_t i = 0; i < w.len; i++)
		expect_error(
		    ERR_DAMAGED, recording_host_decode((struct bytes){buf, i}, &again));
	n.name[0] = '\x1b';
	n.name[1] = '\0';
	record_write_start(&w, buf, sizeof buf);
	recording_host_encode(&n, &w);
	expect_error(
	    ERR_DAMAGED, recording_host_decode((struct bytes){buf, w.len}, &again));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage");
	TCase *facts = suite_add_case(suite, "facts");
	TCase *names = suite_add_case(suite, "keys");

	tcase_add_test(facts, kinds);
	tcase_add_test(facts, later_and_earlier);
	tcase_add_test(facts, add_in_any_order);
	tcase_add_test(facts, exempt_keeps_the_client);
	tcase_add_test(facts, counts_stop);
	tcase_add_test(facts, codes);
	tcase_add_test(facts, bytes);
	tcase_add_test(facts, listeners);
	tcase_add_test(facts, last_listener_stays);
	tcase_add_test(facts, bytes_of_version_1);
	tcase_add_test(facts, flags_add_up);
	tcase_add_test(facts, nodes);
	tcase_add_test(names, keys);
	tcase_add_test(names, keys_that_are_none);
	tcase_add_test(names, key_of_others);
	tcase_add_test(names, longest_login);
	tcase_add_test(names, order_of_logins);
	return suite_run(suite);
}
