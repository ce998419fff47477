/* SPDX-License-Identifier: BSD-2-Clause */
/* check_domain.c - the normal form of mail domains. */
#include "policy/identity/domain.h"
#include "tests/lib/suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { ROOM = 600 };

#define L63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"
#define L61 "a23456789b123456789c123456789d123456789e123456789f123456789g1"
#define L64 L63 "4"
#define D253 L63 "." L63 "." L63 "." L61

static const struct {
	const char *name, *in;
	enum error e;
	const char *out;
} cases[] = {
    {"plain", "example.org", OK, "example.org"},
    {"capitals", "EXAMPLE.Org", OK, "example.org"},
    {"one label", "localhost", OK, "localhost"},
    {"trailing dot", "example.org.", OK, "example.org"},
    {"two trailing dots", "example.org..", ERR_DATA, NULL},
    {"dot alone", ".", ERR_DATA, NULL},
    {"empty", "", ERR_DATA, NULL},
    {"leading dot", ".example.org", ERR_DATA, NULL},
    {"empty label", "example..org", ERR_DATA, NULL},
    {"underscore stays", "My_Host.example", OK, "my_host.example"},
    {"hyphens stay", "-a-.example", OK, "-a-.example"},
    {"digits", "1.2.3.4a", OK, "1.2.3.4a"},
    {"address", "1.2.3.4", ERR_DATA, NULL},
    {"label of 63", L63 ".example", OK, L63 ".example"},
    {"label of 64", L64 ".example", ERR_DATA, NULL},
    {"last label of 64", "example." L64, ERR_DATA, NULL},
    {"253 bytes", D253, OK, D253},
    {"253 bytes and a dot", D253 ".", OK, D253},
    {"254 bytes", D253 "2", ERR_DATA, NULL},
    {"A-label", "XN--BCHER-KVA.example", OK, "xn--bcher-kva.example"},
    {"U-label",
	"b\xC3\xBC"
	"cher.example",
	OK, "xn--bcher-kva.example"},
    {"capital U-label",
	"B\xC3\x9C"
	"CHER.Example",
	OK, "xn--bcher-kva.example"},
    {"decomposed U-label",
	"bu\xCC\x88"
	"cher.example",
	OK, "xn--bcher-kva.example"},
    {"capital decomposed U-label",
	"BU\xCC\x88"
	"CHER.EXAMPLE",
	OK, "xn--bcher-kva.example"},
    {"U-label and trailing dot",
	"b\xC3\xBC"
	"cher.example.",
	OK, "xn--bcher-kva.example"},
    {"non-transitional sharp s",
	"stra\xC3\x9F"
	"e.example",
	OK, "xn--strae-oqa.example"},
    {"non-transitional final sigma", "\xCE\xB2\xCF\x8C\xCE\xBB\xCE\xBF\xCF\x82.example",
	OK, "xn--nxasmm1c.example"},
    {"underscore beside a U-label",
	"my_host.b\xC3\xBC"
	"cher.example",
	OK, "my_host.xn--bcher-kva.example"},
    {"full width", "\xEF\xBC\xA5xample.org", OK, "example.org"},
    {"ideographic full stop",
	"b\xC3\xBC"
	"cher\xE3\x80\x82"
	"example",
	OK, "xn--bcher-kva.example"},
    {"ideographic full stop at the end", "example.org\xE3\x80\x82", OK, "example.org"},
    {"only soft hyphen", "\xC2\xAD", ERR_DATA, NULL},
    {"soft hyphen as a label", "a.\xC2\xAD.example", ERR_DATA, NULL},
    {"emoji", "\xF0\x9F\x98\x80.example", ERR_DATA, NULL},
    {"hyphen before a U-label", "-\xC3\xBC.Example", ERR_DATA, NULL},
    {"combining mark first",
	"\xCC\x88"
	"a.Example",
	ERR_DATA, NULL},
    {"joiner alone", "\xE2\x80\x8D.Example.", ERR_DATA, NULL},
    {"false A-label with U", "xn--\xC3\xBC.Example", ERR_DATA, NULL},
    {"unconvertible and empty label", "\xF0\x9F\x98\x80..example", ERR_DATA, NULL},
};

START_TEST(normalize_table)
{
	char out[ROOM];
	size_t len = 0;
	enum error e =
	    domain_normalize(cases[_i].in, strlen(cases[_i].in), out, ROOM, &len);

	ck_assert_msg(
	    e == cases[_i].e, "%s: %d, %.*s", cases[_i].name, (int)e, (int)len, out);
	if (cases[_i].out != NULL)
		ck_assert_msg(len == strlen(cases[_i].out) &&
			memcmp(out, cases[_i].out, len) == 0,
		    "%s: %.*s", cases[_i].name, (int)len, out);
}
END_TEST

START_TEST(normal_form_is_final)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		char once[ROOM], twice[ROOM];
		size_t n = 0, len = 0;
		enum error e =
		    domain_normalize(cases[i].in, strlen(cases[i].in), once, ROOM, &n);

		if (e != OK)
			continue;
		ck_assert_msg(domain_normalize(once, n, twice, ROOM, &len) == e,
		    "%s: %.*s", cases[i].name, (int)n, once);
		ck_assert_msg(len == n && memcmp(once, twice, n) == 0, "%s: %.*s, %.*s",
		    cases[i].name, (int)n, once, (int)len, twice);
	}
}
END_TEST

/* One dot is the root's; one more, however it is spelt, is an empty label. */
START_TEST(one_trailing_dot_only)
{
	static const char *const bad[] = {"b\xC3\xBC\xE3\x80\x82.",
	    "b\xC3\xBC.\xE3\x80\x82", "b\xC3\xBC\xE3\x80\x82\xE3\x80\x82",
	    "b\xC3\xBC..", "b\xEF\xBC\x8E.", "b\xEF\xBD\xA1."};

	for (size_t i = 0; i < COUNT(bad); i++) {
		char out[ROOM];
		size_t len = 0;
		enum error e =
		    domain_normalize(bad[i], strlen(bad[i]), out, ROOM, &len);

		ck_assert_msg(
		    e == ERR_DATA, "case %zu: %d, %.*s", i, (int)e, (int)len, out);
	}
}
END_TEST

/* No character may turn into what parts, or ends, an address. */
START_TEST(no_mapping_makes_an_at_sign)
{
	static const char *const signs[] = {"\xEF\xBC\xA0", "\xEF\xB9\xAB"};

	for (size_t i = 0; i < COUNT(signs); i++) {
		char in[32], out[ROOM];
		size_t len = 0;
		enum error e;

		strcpy(in, "a");
		strcat(in, signs[i]);
		strcat(in, "b.example");
		e = domain_normalize(in, strlen(in), out, ROOM, &len);
		ck_assert_msg(e == ERR_DATA || memchr(out, '@', len) == NULL,
		    "case %zu: %d, %.*s", i, (int)e, (int)len, out);
	}
}
END_TEST

START_TEST(small_room)
{
	static const struct {
		const char *in, *out;
	} rooms[] = {{"Example.org.", "example.org"},
	    {"b\xC3\xBC.example", "xn--b-eha.example"}, {"my_host", "my_host"}};

	for (size_t i = 0; i < COUNT(rooms); i++) {
		size_t want = strlen(rooms[i].out);

		for (size_t cap = 0; cap <= want + 1; cap++) {
			char out[64];
			size_t len = 0;
			enum error e;

			memset(out, 'Z', sizeof out);
			e = domain_normalize(
			    rooms[i].in, strlen(rooms[i].in), out, cap, &len);
			ck_assert_msg((e == ERR_LIMIT) == (cap < want), "%s in %zu: %d",
			    rooms[i].out, cap, (int)e);
			ck_assert_msg(
			    out[cap] == 'Z', "%s in %zu: bounds", rooms[i].out, cap);
		}
	}
}
END_TEST

START_TEST(ascii_bytes_that_names_have)
{
	for (int byte = 1; byte < 128; byte++) {
		const char in[] = {'a', (char)byte, 'b'};
		char want = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
		bool name =
		    strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", want) != NULL;
		char out[ROOM];
		size_t len = 0;

		ck_assert_msg(
		    domain_normalize(in, 3, out, ROOM, &len) == (name ? OK : ERR_DATA),
		    "%02X", (unsigned)byte);
		ck_assert_msg(
		    !name || (len == 3 && out[1] == want), "%02X", (unsigned)byte);
	}
}
END_TEST

/* is_normal - whether the N bytes S are their own normal form */
static bool
is_normal(const char *s, size_t n)
{
	char out[ROOM];
	size_t len = 0;

	return domain_normalize(s, n, out, ROOM, &len) == OK && len == n &&
	    memcmp(s, out, n) == 0;
}

START_TEST(names_to_register)
{
	static const char *const good[] = {"example.org", "localhost", "my_host",
	    "a-b.c_d", "xn--bcher-kva.example", "1.2.3.4a", "0.example", "123.example",
	    "a"};
	static const char *const bad[] = {"", "*", "1.2.3.4", "123", "example.1", "a b",
	    "a@b", "[192.0.2.1]", "a/b", "a:b", "a,b", "b\xC3\xBC", "example.",
	    "A.example", "*.example", "a\\b", "a'b"};

	for (size_t i = 0; i < COUNT(good); i++)
		ck_assert_msg(is_normal(good[i], strlen(good[i])), "%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!is_normal(bad[i], strlen(bad[i])), "%s", bad[i]);
	ck_assert_msg(is_normal("exampleX", 7), "past the end");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("domain");
	TCase *normalize = suite_add_case(suite, "normalize");
	TCase *name = suite_add_case(suite, "name");

	tcase_add_loop_test(normalize, normalize_table, 0, (int)COUNT(cases));
	tcase_add_test(normalize, normal_form_is_final);
	tcase_add_test(normalize, one_trailing_dot_only);
	tcase_add_test(normalize, no_mapping_makes_an_at_sign);
	tcase_add_test(normalize, small_room);
	tcase_add_test(normalize, ascii_bytes_that_names_have);
	tcase_add_test(name, names_to_register);
	return suite_run(suite);
}
