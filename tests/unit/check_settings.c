/* SPDX-License-Identifier: BSD-2-Clause */
/* check_settings.c - the table of settings: defaults, values, and their one form. */
#include "policy/model/settings.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define C16 "!\"#$%&'()*+,-./:"

/* line - a string of N bytes 'x', in one of two buffers */
static const char *
line(size_t n)
{
	static char buffer[2][4096];
	static unsigned turn;
	char *s = buffer[turn++ % 2];

	memset(s, 'x', n);
	s[n] = '\0';
	return s;
}

static const struct setting *
row(const char *key)
{
	const struct setting *r = settings_find(key);

	ck_assert_msg(r != NULL, "no setting %s", key);
	return r;
}

static const struct {
	const char *key, *initial; /* NULL: unset */
	enum setting_shape shape;
} keys[] = {{"enforce", "yes", SETTING_WORD}, {"action", "reject", SETTING_WORD},
    {"new-tenant-smtp-auth", "disabled", SETTING_WORD},
    {"unknown-tenant", "accept", SETTING_WORD}, {"login-domain", "keep", SETTING_WORD},
    {"invalid-login", "reject", SETTING_WORD}, {"default-domain", NULL, SETTING_WORD},
    {"login-separators", NULL, SETTING_WORD},
    {"subaddress-delimiter", NULL, SETTING_WORD},
    {"exempt-clients", NULL, SETTING_LIST}, {"exempt-listeners", NULL, SETTING_LIST},
    {"reply-style", "standard", SETTING_WORD}, {"help-url", NULL, SETTING_WORD},
    {"reply-tenant", NULL, SETTING_WORD}, {"reply-mailbox", NULL, SETTING_WORD},
    {"usage-retention", "90", SETTING_NUMBER}, {"usage-nodes", "1", SETTING_NUMBER}};

START_TEST(table_of_keys)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct setting *r = row(keys[i].key);

		ck_assert_msg(r->shape == keys[i].shape, "%s: shape", keys[i].key);
		ck_assert_msg(r->values != NULL && r->values[0] != '\0', "%s: values",
		    keys[i].key);
		if (keys[i].initial == NULL)
			ck_assert_msg(r->initial == NULL, "%s: set", keys[i].key);
		else
			ck_assert_str_eq(r->initial, keys[i].initial);
	}
	while (settings_at(n) != NULL)
		n++;
	ck_assert_uint_eq(n, COUNT(keys));
	ck_assert_ptr_null(settings_at(n + 1000));
	ck_assert_ptr_null(settings_find(""));
	ck_assert_ptr_null(settings_find("Enforce"));
	ck_assert_ptr_null(settings_find("enforc"));
	ck_assert_ptr_null(settings_find("enforcement"));
}
END_TEST

START_TEST(defaults)
{
	struct settings s;

	memset(&s, 0xA5, sizeof s);
	settings_init(&s);
	ck_assert(s.enforce);
	ck_assert_int_eq(s.action, ACTION_REJECT);
	ck_assert_int_eq(s.new_tenant_smtp_auth, SMTP_AUTH_DISABLED);
	ck_assert_int_eq(s.unknown_tenant, ACTION_ACCEPT);
	ck_assert_int_eq(s.invalid_login, ACTION_REJECT);
	ck_assert_str_eq(s.default_domain, "");
	ck_assert_str_eq(s.login_separators, "");
	ck_assert_str_eq(s.subaddress_delimiter, "");
	ck_assert_uint_eq(s.exempt_clients.count, 0);
	ck_assert_str_eq(s.exempt_listeners, "");
	ck_assert_int_eq(s.reply_style, REPLY_STANDARD);
	ck_assert_str_eq(s.help_url, "");
	ck_assert_str_eq(s.reply_tenant, "");
	ck_assert_str_eq(s.reply_mailbox, "");
	ck_assert_uint_eq(s.usage_retention, 90);
	ck_assert_uint_eq(s.usage_nodes, 1);
}
END_TEST

static const struct {
	const char *key, *value, *canonical;
} good[] = {
    {"enforce", "yes", "yes"},
    {"enforce", "no", "no"},
    {"action", "reject", "reject"},
    {"action", "tempfail", "tempfail"},
    {"action", "report", "report"},
    {"new-tenant-smtp-auth", "disabled", "disabled"},
    {"new-tenant-smtp-auth", "enabled", "enabled"},
    {"unknown-tenant", "accept", "accept"},
    {"unknown-tenant", "tempfail", "tempfail"},
    {"unknown-tenant", "reject", "reject"},
    {"login-domain", "keep", "keep"},
    {"login-domain", "default", "default"},
    {"invalid-login", "accept", "accept"},
    {"invalid-login", "tempfail", "tempfail"},
    {"invalid-login", "reject", "reject"},
    {"default-domain", "example.org", "example.org"},
    {"default-domain", "EXAMPLE.Org.", "example.org"},
    {"default-domain", "b\xC3\xBC.example", "xn--b-eha.example"},
    {"default-domain", "my_host", "my_host"},
    {"login-separators", "%", "%"},
    {"login-separators", "%!#", "%!#"},
    {"login-separators", C16, C16},
    {"subaddress-delimiter", "+", "+"},
    {"subaddress-delimiter", "+-", "+-"},
    {"subaddress-delimiter", "\\", "\\"},
    {"exempt-clients", "192.0.2.1", "192.0.2.1"},
    {"exempt-clients", "192.0.2.0/24, 2001:DB8::/32 192.0.2.0/24",
	"192.0.2.0/24,2001:db8::/32"},
    {"exempt-clients", "2001:db8::/32,192.0.2.1/32", "192.0.2.1,2001:db8::/32"},
    {"exempt-clients", "127.0.0.1", "127.0.0.1"},
    {"exempt-listeners", "MSA", "MSA"},
    {"exempt-listeners", "MSA,Web", "MSA,Web"},
    {"exempt-listeners", " MSA ,  Web ", "MSA,Web"},
    {"exempt-listeners", "MSA,MSA,msa", "MSA,msa"},
    {"exempt-listeners", ",MSA,,", "MSA"},
    {"reply-style", "standard", "standard"},
    {"reply-style", "exchange", "exchange"},
    {"help-url", "https://example.org/help?a=b%20c",
	"https://example.org/help?a=b%20c"},
    {"reply-tenant", "Ask {tenant}: \"100 %\"", "Ask {tenant}: \"100 %\""},
    {"reply-tenant", "j\xC3\xBCrgen", "j\xC3\xBCrgen"},
    {"reply-mailbox", "x", "x"},
    {"usage-retention", "1", "1"},
    {"usage-retention", "3650", "3650"},
    {"usage-nodes", "1", "1"},
    {"usage-nodes", "12", "12"},
};

START_TEST(value_good)
{
	char out[SETTING_TEXT_MAX + 1], again[SETTING_TEXT_MAX + 1];
	const struct setting *r = row(good[_i].key);
	struct error_text why = {""};
	struct settings s;

	ck_assert_msg(
	    settings_canonical(r, good[_i].value, out, sizeof out, &why) == OK,
	    "%s = %s: %s", r->key, good[_i].value, why.text);
	ck_assert_str_eq(out, good[_i].canonical);
	ck_assert_int_eq(settings_canonical(r, out, again, sizeof again, NULL), OK);
	ck_assert_str_eq(again, out);
	settings_init(&s);
	ck_assert_int_eq(settings_apply(r, out, &s), OK);
	if (r->room > 0)
		ck_assert_str_eq((const char *)&s + r->offset, out);
}
END_TEST

static const struct {
	const char *key, *value;
} bad[] = {{"enforce", ""}, {"enforce", "YES"}, {"enforce", "true"},
    {"enforce", "yes "}, {"action", ""}, {"action", "accept"}, {"action", "default"},
    {"action", "Reject"}, {"new-tenant-smtp-auth", "inherit"},
    {"new-tenant-smtp-auth", ""}, {"unknown-tenant", "report"},
    {"unknown-tenant", "default"}, {"unknown-tenant", ""}, {"login-domain", "drop"},
    {"login-domain", ""}, {"invalid-login", "report"}, {"invalid-login", "default"},
    {"invalid-login", "allow"}, {"default-domain", ""}, {"default-domain", "."},
    {"default-domain", "*"}, {"default-domain", "a b"}, {"default-domain", "a..b"},
    {"default-domain", "@a"}, {"default-domain", "192.0.2.1"},
    {"default-domain", "\xF0\x9F\x98\x80"}, {"default-domain", "a\nb"},
    {"default-domain", "u@example.org"},
    {"default-domain",
	"a\xEF\xBC\xA0"
	"b.example"},
    {"default-domain",
	"a\xE3\x80\x80"
	"b.example"},
    {"login-separators", ""}, {"login-separators", "@"}, {"login-separators", "%@"},
    {"login-separators", "\\"}, {"login-separators", "%\\"}, {"login-separators", "a"},
    {"login-separators", "1"}, {"login-separators", " "}, {"login-separators", "\t"},
    {"login-separators", "\xC2\xA7"}, {"login-separators", C16 ";"},
    {"subaddress-delimiter", ""}, {"subaddress-delimiter", "@"},
    {"subaddress-delimiter", "+@"}, {"subaddress-delimiter", "x"},
    {"subaddress-delimiter", C16 ";"}, {"exempt-clients", ""}, {"exempt-clients", ","},
    {"exempt-clients", "localhost"}, {"exempt-clients", "192.0.2.1/24"},
    {"exempt-clients", "192.0.2.1,x"}, {"exempt-listeners", ""},
    {"exempt-listeners", " , "}, {"exempt-listeners", "a\nb"}, {"reply-style", ""},
    {"reply-style", "Exchange"}, {"help-url", ""}, {"help-url", "example"},
    {"help-url", "https://a b"}, {"help-url", "https://a\tb"},
    {"help-url", "<https://a>"}, {"help-url", "https://a\r\nb"},
    {"help-url", "https://a\x7F"}, {"help-url", "https://a\xFF"}, {"reply-tenant", ""},
    {"reply-tenant", "a\nb"}, {"reply-tenant", "a\rb"}, {"reply-tenant", "\xFF"},
    {"reply-mailbox", ""}, {"reply-mailbox", "a\x1B"}, {"reply-mailbox", "\xC2\x85"},
    {"usage-retention", ""}, {"usage-retention", "0"}, {"usage-retention", "-1"},
    {"usage-retention", "+1"}, {"usage-retention", "1.5"}, {"usage-retention", "90d"},
    {"usage-retention", " 90"}, {"usage-retention", "90 "},
    {"usage-retention", "ninety"}, {"usage-retention", "4294967297"},
    {"usage-retention", "18446744073709551617"},
    {"usage-retention", "99999999999999999999999999"}, {"usage-nodes", "0"},
    {"usage-nodes", ""}, {"usage-nodes", "4294967297"}, {"usage-nodes", "0x1"}};

START_TEST(value_bad)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct setting *r = row(bad[i].key);
		char out[SETTING_TEXT_MAX + 1];
		struct error_text why = {""};
		struct settings s;

		ck_assert_msg(settings_canonical(
				  r, bad[i].value, out, sizeof out, &why) == ERR_DATA,
		    "%s = \"%s\" was taken", bad[i].key, bad[i].value);
		ck_assert_msg(why.text[0] != '\0', "%s = \"%s\": no words", bad[i].key,
		    bad[i].value);
		settings_init(&s);
		ck_assert_msg(settings_apply(r, bad[i].value, &s) == ERR_DAMAGED,
		    "%s = \"%s\" was applied", bad[i].key, bad[i].value);
	}
}
END_TEST

START_TEST(value_lengths)
{
	static const struct {
		const char *key;
		size_t max;
	} cases[] = {{"reply-tenant", REPLY_TEXT_MAX},
	    {"reply-mailbox", REPLY_TEXT_MAX},
	    {"exempt-listeners", SETTING_LISTENERS_MAX}};
	char out[SETTING_TEXT_MAX + 1];

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct setting *r = row(cases[i].key);

		ck_assert_msg(settings_canonical(
				  r, line(cases[i].max), out, sizeof out, NULL) == OK,
		    "%s of %zu", r->key, cases[i].max);
		ck_assert_uint_eq(strlen(out), cases[i].max);
		ck_assert_msg(settings_canonical(r, line(cases[i].max + 1), out,
				  sizeof out, NULL) == ERR_DATA,
		    "%s of one more", r->key);
	}
}
END_TEST

START_TEST(url_length)
{
	const struct setting *r = row("help-url");
	char out[SETTING_TEXT_MAX + 1], url[SETTING_URL_MAX + 2];

	strcpy(url, line(SETTING_URL_MAX));
	memcpy(url, "https:", 6);
	ck_assert_int_eq(settings_canonical(r, url, out, sizeof out, NULL), OK);
	ck_assert_str_eq(out, url);
	strcat(url, "x");
	ck_assert_int_eq(settings_canonical(r, url, out, sizeof out, NULL), ERR_DATA);
}
END_TEST

/* One number has one form, as the digest of two machines has to be one. */
START_TEST(numbers_have_one_form)
{
	static const char *const cases[] = {"07", "0090", "00000000000000000000001"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[SETTING_TEXT_MAX + 1];
		enum error e = settings_canonical(
		    row("usage-retention"), cases[i], out, sizeof out, NULL);

		ck_assert_msg(e == ERR_DATA || (e == OK && out[0] != '0'),
		    "%s is kept as %s", cases[i], out);
	}
}
END_TEST

START_TEST(canonical_in_small_room)
{
	static const struct {
		const char *key, *value;
	} cases[] = {{"enforce", "yes"}, {"exempt-clients", "192.0.2.0/24,::1"},
	    {"reply-tenant", "text"}, {"usage-nodes", "12"}};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t cap = 1; cap <= strlen(cases[i].value) + 1; cap++) {
			bool fits = cap > strlen(cases[i].value);
			char out[64];

			memset(out, 'z', sizeof out);
			ck_assert_msg(
			    (settings_canonical(row(cases[i].key), cases[i].value, out,
				 cap, NULL) == OK) == fits,
			    "%s in %zu", cases[i].key, cap);
			ck_assert_msg(
			    out[cap] == 'z', "%s in %zu: bounds", cases[i].key, cap);
		}
}
END_TEST

START_TEST(apply_keeps_the_others)
{
	struct settings s;

	settings_init(&s);
	ck_assert_int_eq(settings_apply(row("enforce"), "no", &s), OK);
	ck_assert_int_eq(settings_apply(row("action"), "report", &s), OK);
	ck_assert_int_eq(settings_apply(row("unknown-tenant"), "reject", &s), OK);
	ck_assert_int_eq(settings_apply(row("invalid-login"), "tempfail", &s), OK);
	ck_assert_int_eq(
	    settings_apply(row("new-tenant-smtp-auth"), "enabled", &s), OK);
	ck_assert_int_eq(settings_apply(row("reply-style"), "exchange", &s), OK);
	ck_assert_int_eq(
	    settings_apply(row("exempt-clients"), "192.0.2.1,::1", &s), OK);
	ck_assert_int_eq(settings_apply(row("usage-retention"), "30", &s), OK);
	ck_assert_int_eq(settings_apply(row("usage-nodes"), "2", &s), OK);
	ck_assert(!s.enforce);
	ck_assert_int_eq(s.action, ACTION_REPORT);
	ck_assert_int_eq(s.unknown_tenant, ACTION_REJECT);
	ck_assert_int_eq(s.invalid_login, ACTION_TEMPFAIL);
	ck_assert_int_eq(s.new_tenant_smtp_auth, SMTP_AUTH_ENABLED);
	ck_assert_int_eq(s.reply_style, REPLY_EXCHANGE);
	ck_assert_uint_eq(s.exempt_clients.count, 2);
	ck_assert_uint_eq(s.usage_retention, 30);
	ck_assert_uint_eq(s.usage_nodes, 2);
	ck_assert_str_eq(s.help_url, "");
}
END_TEST

START_TEST(listener_whatever_its_case)
{
	static const struct {
		const char *list, *name;
		bool has;
	} cases[] = {{"MSA", "MSA", true}, {"MSA", "msa", true}, {"msa", "MSA", true},
	    {"MSA", "MS", false}, {"MSA", "MSAX", false}, {"MSA", "", false},
	    {"MSA,Web,TLS", "MSA", true}, {"MSA,Web,TLS", "Web", true},
	    {"MSA,Web,TLS", "TLS", true}, {"MSA,Web,TLS", "MSA,Web", false},
	    {"MSA,Web,TLS", ",", false}, {"MSA,Web,TLS", "wEB", true},
	    {"MSA,Web,TLS", "SA", false}, {"A[B", "a{b", false},
	    {"\xC3\x84", "\xC3\xA4", false}, {"", "MSA", false}, {"", "", false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct settings s;

		settings_init(&s);
		if (cases[i].list[0] != '\0')
			ck_assert_int_eq(
			    settings_apply(row("exempt-listeners"), cases[i].list, &s),
			    OK);
		ck_assert_msg(
		    settings_exempt_listener(&s, cases[i].name) == cases[i].has,
		    "\"%s\" in \"%s\"", cases[i].name, cases[i].list);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("settings");
	TCase *table = suite_add_case(suite, "table");
	TCase *value = suite_add_case(suite, "value");

	tcase_add_test(table, table_of_keys);
	tcase_add_test(table, defaults);
	tcase_add_test(table, apply_keeps_the_others);
	tcase_add_test(table, listener_whatever_its_case);
	tcase_add_loop_test(value, value_good, 0, (int)COUNT(good));
	tcase_add_test(value, value_bad);
	tcase_add_test(value, value_lengths);
	tcase_add_test(value, url_length);
	tcase_add_test(value, numbers_have_one_form);
	tcase_add_test(value, canonical_in_small_room);
	return suite_run(suite);
}
