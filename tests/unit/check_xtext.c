/* SPDX-License-Identifier: BSD-2-Clause */
/* check_xtext.c - the encoding of a login in Sendmail, and which MTA it is. */
#include "policy/identity/login.h"
#include "policy/identity/mta.h"
#include "policy/identity/xtext.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(s) (s), sizeof(s) - 1

START_TEST(decode_table)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;
		size_t len;
		enum error e;
	} cases[] = {{BYTES(""), BYTES(""), OK}, {BYTES("user@x"), BYTES("user@x"), OK},
	    {BYTES("a+2Bb@x"), BYTES("a+b@x"), OK}, {BYTES("+3D"), BYTES("="), OK},
	    {BYTES("+20"), BYTES(" "), OK}, {BYTES("+2B+2B"), BYTES("++"), OK},
	    {BYTES("+2B2B"), BYTES("+2B"), OK}, {BYTES("+00"), BYTES("\0"), OK},
	    {BYTES("+0A"), BYTES("\n"), OK}, {BYTES("+C3+BC"), BYTES("\xC3\xBC"), OK},
	    {BYTES("+FF"), BYTES("\xFF"), OK}, {BYTES("a+41"), BYTES("aA"), OK},
	    {BYTES("+"), NULL, 0, ERR_DATA}, {BYTES("a+"), NULL, 0, ERR_DATA},
	    {BYTES("+2"), NULL, 0, ERR_DATA}, {BYTES("a+2"), NULL, 0, ERR_DATA},
	    {BYTES("+2b"), NULL, 0, ERR_DATA}, {BYTES("+c3"), NULL, 0, ERR_DATA},
	    {BYTES("+G0"), NULL, 0, ERR_DATA}, {BYTES("+0G"), NULL, 0, ERR_DATA},
	    {BYTES("++2B"), NULL, 0, ERR_DATA}, {BYTES("+2+2B"), NULL, 0, ERR_DATA},
	    {BYTES("a+b@x"), NULL, 0, ERR_DATA}, {BYTES("+ 0"), NULL, 0, ERR_DATA},
	    {BYTES("+-1"), NULL, 0, ERR_DATA}, {BYTES("a=b"), NULL, 0, ERR_DATA},
	    {BYTES("a b"), NULL, 0, ERR_DATA}, {BYTES("a\tb"), NULL, 0, ERR_DATA},
	    {BYTES("a\0b"), NULL, 0, ERR_DATA}, {BYTES("a\x7F"), NULL, 0, ERR_DATA},
	    {BYTES("\xC3\xBC"), NULL, 0, ERR_DATA}, {BYTES("+\0"), NULL, 0, ERR_DATA}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[32];
		size_t len = 99;
		enum error e =
		    xtext_decode(cases[i].in, cases[i].n, out, sizeof out, &len);

		ck_assert_msg(
		    e == cases[i].e, "case %zu, %s: %d", i, cases[i].in, (int)e);
		if (e == OK)
			ck_assert_msg(
			    len == cases[i].len && memcmp(out, cases[i].out, len) == 0,
			    "case %zu, %s", i, cases[i].in);
	}
}
END_TEST

START_TEST(decode_every_byte_as_it_is)
{
	for (int byte = 0; byte < 256; byte++) {
		bool good = byte > ' ' && byte < 0x7F && byte != '+' && byte != '=';
		char in = (char)byte, out = 0;
		size_t len = 0;
		enum error e = xtext_decode(&in, 1, &out, 1, &len);

		ck_assert_msg(
		    e == (good ? OK : ERR_DATA), "byte %02X: %d", byte, (int)e);
		ck_assert_msg(!good || (len == 1 && out == in), "byte %02X", byte);
	}
}
END_TEST

START_TEST(decode_every_byte_in_hexadecimal)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		char in[4], out = 0;
		size_t len = 0;

		snprintf(in, sizeof in, "+%02X", byte);
		ck_assert_msg(xtext_decode(in, 3, &out, 1, &len) == OK, "%s", in);
		ck_assert_msg(
		    len == 1 && (unsigned char)out == byte, "%s: %d", in, out);
	}
}
END_TEST

/* Of all pairs behind a plus, only two upper-case digits are good. */
START_TEST(decode_every_pair)
{
	static const char digits[] = "0123456789ABCDEF";

	for (int a = 1; a < 256; a++)
		for (int b = 1; b < 256; b++) {
			bool good =
			    strchr(digits, a) != NULL && strchr(digits, b) != NULL;
			const char in[] = {'+', (char)a, (char)b};
			char out[3];
			size_t len;

			if ((xtext_decode(in, 3, out, 3, &len) == OK) != good)
				ck_abort_msg("+%02X %02X", (unsigned)a, (unsigned)b);
		}
}
END_TEST

/* encode - xtext as RFC 3461 section 4 has it */
static size_t
encode(const char *s, size_t n, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] < '!' || s[i] > '~' || s[i] == '+' || s[i] == '=')
			len += (size_t)sprintf(out + len, "+%02X", (unsigned char)s[i]);
		else
			out[len++] = s[i];
	return len;
}

START_TEST(decode_what_was_encoded)
{
	char all[256], coded[3 * sizeof all + 1], out[sizeof all];
	size_t len = 0, n;

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	n = encode(all, sizeof all, coded);
	ck_assert_int_eq(xtext_decode(coded, n, out, sizeof out, &len), OK);
	ck_assert_uint_eq(len, sizeof all);
	ck_assert_mem_eq(out, all, sizeof all);
}
END_TEST

START_TEST(decode_into_small_room)
{
	static const char in[] = "a+2Bb";

	for (size_t cap = 0; cap <= 4; cap++) {
		char out[5] = "zzzz";
		size_t len = 0;
		enum error e = xtext_decode(in, sizeof in - 1, out, cap, &len);

		ck_assert_msg(
		    e == (cap < 3 ? ERR_LIMIT : OK), "room %zu: %d", cap, (int)e);
		ck_assert_msg(cap >= 3 ? len == 3 && memcmp(out, "a+bz", 4) == 0
				       : out[cap] == 'z',
		    "room %zu: %s", cap, out);
	}
}
END_TEST

START_TEST(mta_by_version)
{
	static const struct {
		const char *v;
		enum mta mta;
	} cases[] = {{NULL, MTA_AUTO}, {"", MTA_AUTO}, {"8.18.1", MTA_SENDMAIL},
	    {"8", MTA_SENDMAIL}, {"9.0", MTA_SENDMAIL}, {"0", MTA_SENDMAIL},
	    {"8.17.1.9/Debian-2", MTA_SENDMAIL}, {"Postfix 3.7.11", MTA_POSTFIX},
	    {"Postfix", MTA_POSTFIX}, {"Example Mail", MTA_POSTFIX},
	    {" 8.18", MTA_POSTFIX}, {"v8.18", MTA_POSTFIX}, {"-8", MTA_POSTFIX},
	    {"/", MTA_POSTFIX}, {":", MTA_POSTFIX}, {"\xD9\xA8", MTA_POSTFIX}};

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(mta_from_version(cases[i].v) == cases[i].mta, "\"%s\"",
		    cases[i].v == NULL ? "(absent)" : cases[i].v);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("xtext");
	TCase *decode = suite_add_case(suite, "decode");
	TCase *mta = suite_add_case(suite, "mta");

	tcase_add_test(decode, decode_table);
	tcase_add_test(decode, decode_every_byte_as_it_is);
	tcase_add_test(decode, decode_every_byte_in_hexadecimal);
	tcase_add_test(decode, decode_every_pair);
	tcase_add_test(decode, decode_what_was_encoded);
	tcase_add_test(decode, decode_into_small_room);
	tcase_add_test(mta, mta_by_version);
	return suite_run(suite);
}
