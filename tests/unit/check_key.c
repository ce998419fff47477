/* SPDX-License-Identifier: BSD-2-Clause */
/* check_key.c - database keys: their bytes, their ranges, and the way back. */
#include "policy/model/key.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(s) (s), sizeof(s) - 1

static struct login
login_of(const char *s)
{
	struct login login;

	ck_assert_msg(login_normalize(s, strlen(s), "", &login, NULL) == OK, "%s", s);
	return login;
}

static void
expect(const struct key *k, const char *what, const char *want, size_t n)
{
	struct bytes b = key_bytes(k);

	ck_assert_msg(
	    b.len == n && memcmp(b.at, want, n) == 0, "%s: %zu bytes", what, b.len);
}

START_TEST(bytes_of_keys)
{
	struct login mailbox = login_of("user@example.org"), bare = login_of("user");
	struct login alias = login_of("login.x@y.zz");
	struct key k;

	key_table(&k, TABLE_META);
	expect(&k, "meta", BYTES("!"));
	key_name(&k, TABLE_SETTING, "enforce");
	expect(&k, "setting", BYTES("senforce"));
	key_name(&k, TABLE_TENANT, "acme");
	expect(&k, "tenant", BYTES("tacme"));
	key_name(&k, TABLE_DOMAIN, "example.org");
	expect(&k, "domain", BYTES("dexample.org"));
	key_login(&k, TABLE_MAILBOX, &mailbox);
	expect(&k, "mailbox", BYTES("zexample.org\0user"));
	key_login(&k, TABLE_ALIAS, &bare);
	expect(&k, "alias", BYTES("a\0user"));
	key_domain_range(&k, TABLE_MAILBOX, "example.org");
	expect(&k, "range of a domain", BYTES("zexample.org\0"));
	key_tenant_domain(&k, "acme", "example.org");
	expect(&k, "index of domains", BYTES("Dacme\0example.org"));
	key_tenant_domain(&k, "acme", "");
	expect(&k, "range of a tenant", BYTES("Dacme\0"));
	key_mailbox_alias(&k, &mailbox, NULL);
	expect(&k, "range of aliases", BYTES("Aexample.org\0user"));
	key_mailbox_alias(&k, &mailbox, &alias);
	expect(&k, "index of aliases",
	    BYTES("Aexample.org\0user"
		  "\x8E\x10\xE4\x2A\x31\x70\x2B\x83\x97"));
}
END_TEST

/* One table's or domain's range must not hold a neighbour's keys. */
START_TEST(ranges_part_neighbours)
{
	static const struct {
		const char *domain, *login;
		bool in;
	} cases[] = {{"example.org", "user@example.org", true},
	    {"example.org", "a@example.org", true},
	    {"example.org", "user@example.orga", false},
	    {"example.org", "user@sub.example.org", false},
	    {"example", "user@example.org", false},
	    {"example.org", "example.org@x", false}, {"", "user", true},
	    {"", "user@x", false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct login login = login_of(cases[i].login);
		struct key range, k, other;

		key_domain_range(&range, TABLE_MAILBOX, cases[i].domain);
		key_login(&k, TABLE_MAILBOX, &login);
		key_login(&other, TABLE_ALIAS, &login);
		ck_assert_msg(key_has_prefix(key_bytes(&k), &range) == cases[i].in,
		    "%s, %s", cases[i].domain, cases[i].login);
		ck_assert_msg(!key_has_prefix(key_bytes(&other), &range),
		    "%s: other table", cases[i].login);
	}
}
END_TEST

START_TEST(tenants_part_neighbours)
{
	struct key range, k;

	key_tenant_domain(&range, "acme", "");
	key_tenant_domain(&k, "acme", "example.org");
	ck_assert(key_has_prefix(key_bytes(&k), &range));
	key_tenant_domain(&k, "acme2", "example.org");
	ck_assert(!key_has_prefix(key_bytes(&k), &range));
	key_tenant_domain(&k, "acm", "example.org");
	ck_assert(!key_has_prefix(key_bytes(&k), &range));
}
END_TEST

START_TEST(prefix_needs_all_its_bytes)
{
	struct key prefix;

	key_name(&prefix, TABLE_TENANT, "ab");
	ck_assert(key_has_prefix((struct bytes){"tab", 3}, &prefix));
	ck_assert(key_has_prefix((struct bytes){"tabc", 4}, &prefix));
	ck_assert(!key_has_prefix((struct bytes){"ta", 2}, &prefix));
	ck_assert(!key_has_prefix((struct bytes){"tac", 3}, &prefix));
	ck_assert(!key_has_prefix((struct bytes){"", 0}, &prefix));
}
END_TEST

START_TEST(aliases_of_a_mailbox)
{
	struct login mailbox = login_of("user@example.org"),
		     longer = login_of("user2@example.org");
	struct login one = login_of("one"), two = login_of("two@example.org"), back;
	struct key range, a, b, other;

	key_mailbox_alias(&range, &mailbox, NULL);
	key_mailbox_alias(&a, &mailbox, &one);
	key_mailbox_alias(&b, &mailbox, &two);
	key_mailbox_alias(&other, &longer, &one);
	ck_assert(key_has_prefix(key_bytes(&a), &range));
	ck_assert(key_has_prefix(key_bytes(&b), &range));
	ck_assert(a.len != b.len || memcmp(a.at, b.at, a.len) != 0);
	ck_assert_int_eq(key_to_indexed(key_bytes(&a), &back), OK);
	ck_assert(login_equal(&back, &mailbox));
	ck_assert_int_eq(key_to_indexed(key_bytes(&other), &back), OK);
	ck_assert(login_equal(&back, &longer));
	key_mailbox_alias(&b, &mailbox, &one);
	ck_assert_msg(
	    a.len == b.len && memcmp(a.at, b.at, a.len) == 0, "one alias, two keys");
}
END_TEST

START_TEST(policy_or_not)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t at[] = {(uint8_t)byte, 'x'};
		bool policy = byte == 's' || byte == 't' || byte == 'd' ||
		    byte == 'z' || byte == 'a' || byte == 'l';

		ck_assert_msg(
		    key_is_policy((struct bytes){at, 2}) == policy, "table %02X", byte);
		ck_assert_msg(
		    key_is_policy((struct bytes){at, 1}) == policy, "table %02X", byte);
		ck_assert_msg(key_is_local((struct bytes){at, 2}) == (byte == 'k'),
		    "table %02X", byte);
	}
	ck_assert(!key_is_policy((struct bytes){"", 0}));
}
END_TEST

/* comes_back - LOGIN's key leads back to it, and fits LMDB */
static void
comes_back(const struct login *login, const char *what)
{
	struct login back;
	struct key k;

	key_login(&k, TABLE_ALIAS, login);
	ck_assert_msg(k.len <= KEY_MAX, "%s: %zu bytes", what, k.len);
	ck_assert_msg(key_to_login(key_bytes(&k), &back) == OK, "%s is refused", what);
	ck_assert_msg(login_equal(login, &back) && login->local == back.local &&
		strlen(back.text) == back.len,
	    "%s: %s", what, back.text);
}

START_TEST(logins_come_back)
{
	static const char *const cases[] = {"user@example.org", "user", "a", "a@b",
	    "a@b@c.example", "dom\\user", "j\xC3\xBCrgen@example.org",
	    "u@b\xC3\xBC.example", "a b", "\xF0\x9F\x98\x80@b.example"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct login login = login_of(cases[i]);

		comes_back(&login, cases[i]);
	}
}
END_TEST

/* longest - a login of LOGIN_MAX bytes in normal form, with or without a domain */
static struct login
longest(bool domain)
{
	struct login login;
	size_t n = 0;
	char in[256];

	while (n < 160) { /* 40 times U+1D160, which takes 12 bytes in NFC */
		memcpy(in + n, "\xF0\x9D\x85\xA0", 4);
		n += 4;
	}
	memcpy(in + n, domain ? "xxxxxxxxxxxx@example" : "xxxxxxxxxxxxxxxxxxxx", 20);
	ck_assert_int_eq(login_normalize(in, n + 20, "", &login, NULL), OK);
	ck_assert_uint_eq(login.len, LOGIN_MAX);
	return login;
}

START_TEST(longest_login_with_a_domain_comes_back)
{
	struct login login = longest(true);

	comes_back(&login, "500 bytes with a domain");
}
END_TEST

START_TEST(longest_login_without_a_domain_comes_back)
{
	struct login login = longest(false);

	comes_back(&login, "500 bytes without a domain");
}
END_TEST

START_TEST(longest_alias_of_the_longest_mailbox)
{
	for (int i = 0; i < 4; i++) {
		struct login mailbox = longest(i % 2), alias = longest(i / 2), back;
		struct key range, k;

		key_mailbox_alias(&range, &mailbox, NULL);
		key_mailbox_alias(&k, &mailbox, &alias);
		ck_assert_uint_le(k.len, KEY_MAX);
		ck_assert(key_has_prefix(key_bytes(&k), &range));
		ck_assert_int_eq(key_to_indexed(key_bytes(&k), &back), OK);
		ck_assert(login_equal(&back, &mailbox));
	}
}
END_TEST

START_TEST(keys_of_no_login)
{
	static const struct {
		const char *at;
		size_t len;
	} cases[] = {{BYTES("")}, {BYTES("m")}, {BYTES("m\0")}, {BYTES("mx")},
	    {BYTES("zexample.org")}, {BYTES("mexample.org\0")},
	    {BYTES("zexample.org\0us\0er")}, {BYTES("m\0\0")}, {BYTES("m\0a\0")},
	    {BYTES("zexample.org\0\0user")}};
	char in[KEY_MAX];
	struct login login;

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(key_to_login((struct bytes){cases[i].at, cases[i].len},
				  &login) == ERR_DAMAGED,
		    "case %zu was taken", i);
	memset(in, 'x', sizeof in);
	in[0] = TABLE_MAILBOX;
	in[10] = '\0';
	ck_assert_int_eq(key_to_login((struct bytes){in, 1 + LOGIN_MAX}, &login), OK);
	ck_assert_int_eq(
	    key_to_login((struct bytes){in, 2 + LOGIN_MAX}, &login), ERR_DAMAGED);
	ck_assert_int_eq(
	    key_to_login((struct bytes){in, KEY_MAX}, &login), ERR_DAMAGED);
}
END_TEST

START_TEST(random_bytes_as_keys)
{
	unsigned short seed[3] = {4, 2, 0};
	unsigned taken = 0;

	for (int round = 0; round < 200000; round++) {
		size_t n = (size_t)nrand48(seed) % 12;
		uint8_t in[12];
		struct login login;
		struct key k;

		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t) "ma.@\0\0bc"[nrand48(seed) % 8];
		if (n > 0)
			in[0] = TABLE_MAILBOX;
		if (key_to_login((struct bytes){in, n}, &login) != OK)
			continue;
		taken++;
		key_login(&k, TABLE_MAILBOX, &login);
		if (k.len != n || memcmp(k.at, in, n) != 0)
			ck_abort_msg("round %d: %s has another key", round, login.text);
	}
	ck_assert_uint_gt(taken, 10000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("key");
	TCase *key = suite_add_case(suite, "key");
	TCase *back = suite_add_case(suite, "back");

	tcase_add_test(key, bytes_of_keys);
	tcase_add_test(key, ranges_part_neighbours);
	tcase_add_test(key, tenants_part_neighbours);
	tcase_add_test(key, prefix_needs_all_its_bytes);
	tcase_add_test(key, aliases_of_a_mailbox);
	tcase_add_test(key, policy_or_not);
	tcase_add_test(back, logins_come_back);
	tcase_add_test(back, longest_login_with_a_domain_comes_back);
	tcase_add_test(back, longest_login_without_a_domain_comes_back);
	tcase_add_test(back, longest_alias_of_the_longest_mailbox);
	tcase_add_test(back, keys_of_no_login);
	tcase_add_test(back, random_bytes_as_keys);
	return suite_run(suite);
}
