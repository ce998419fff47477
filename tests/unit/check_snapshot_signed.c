/* SPDX-License-Identifier: BSD-2-Clause */
/* check_snapshot_signed.c - signed nonsense, and keys that are none. */
#include "tests/lib/snapshot_image.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

#define KEY SNAPSHOT_KEY
#define TRUST SNAPSHOT_TRUST
#define OTHER SNAPSHOT_OTHER

#define BODY(text) text, sizeof text - 1

/* Bodies that a signer could sign by mistake; "d" begins the key of a domain. */
static const struct {
	const char *body;
	size_t n;
} nonsense[] = {
    {BODY("\1\1")},                      /* shares with no key */
    {BODY("\0")},                        /* no more */
    {BODY("\200")},                      /* half of a number */
    {BODY("\0\202\0")},                  /* key of 512 bytes */
    {BODY("\0\5da")},                    /* key is cut */
    {BODY("\0\2da")},                    /* no value */
    {BODY("\0\2da\6\1")},                /* value is cut */
    {BODY("\0\2da\220\1\1")},            /* value of 4097 bytes */
    {BODY("\0\0\0")},                    /* no key */
    {BODY("\0\1!\1\1")},                 /* the meta record */
    {BODY("\0\11u\0\0\0\0\0\0\0\1\0")},  /* an audit entry */
    {BODY("\0\3da.\0")},                 /* value of no bytes */
    {BODY("\0\7senforx\5\1\0\2no")},     /* no such setting */
    {BODY("\0\10senforce\5\143\0\2no")}, /* of version 99 */
};

START_TEST(signed_nonsense)
{
	struct error_text why = {""};
	struct snapshot_image image;
	struct state state;
	enum error e;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	image.at = realloc(image.at, AT_BODY + 64);
	image.n = AT_BODY + nonsense[_i].n;
	memcpy(image.at + AT_BODY, nonsense[_i].body, nonsense[_i].n);
	snapshot_image_sign(&image);
	expect_ok(snapshot_image_verify(&image, TRUST, &why));
	e = snapshot_image_read(&image, NULL, 0, &why);
	ck_assert_msg(e == ERR_DATA && strstr(why.text, "record 1 of it"), "%s: %s",
	    error_string(e), why.text);
	expect_error(ERR_DATA, snapshot_image_apply(&state, &image));
	free(image.at);
}
END_TEST

/* What stands before a number as high as there is: a key's, then a value's length. */
static const struct {
	const char *at;
	size_t n;
} before_long[] = {{BODY("\0")}, {BODY("\0\2da")}};

START_TEST(signed_and_too_long)
{
	enum { LONGEST = 0x7fff };
	size_t n = before_long[_i].n;
	struct error_text why = {""};
	struct snapshot_image image;
	struct state state;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	image.n = AT_BODY + n + 2 + LONGEST; /* all of it is there */
	image.at = realloc(image.at, image.n);
	memset(image.at + AT_BODY, 'd', image.n - AT_BODY);
	memcpy(image.at + AT_BODY, before_long[_i].at, n);
	memset(image.at + AT_BODY + n, 0xff, 2);
	snapshot_image_sign(&image);
	expect_error(ERR_DATA, snapshot_image_read(&image, NULL, 0, &why));
	ck_assert_msg(strstr(why.text, "record 1 of it"), "%s", why.text);
	free(image.at);
}
END_TEST

START_TEST(signed_records_in_no_order)
{
	struct digest before, after;
	struct snapshot_image image;
	struct state state;
	size_t n;

	snapshot_state_small(&state);
	before = state_digest(&state);
	image = snapshot_image_make(&state);
	/* The whole body twice: each record is sound, the keys do not ascend. */
	n = image.n - AT_BODY;
	image.at = realloc(image.at, image.n + n);
	memcpy(image.at + image.n, image.at + AT_BODY, n);
	image.n += n;
	snapshot_image_sign(&image);
	expect_error(ERR_DATA, snapshot_image_apply(&state, &image));
	/* Once, but it is not what the digest says. */
	image.n -= n;
	image.at[AT_DIGEST] ^= 1;
	snapshot_image_sign(&image);
	expect_error(ERR_DAMAGED, snapshot_image_apply(&state, &image));
	after = state_digest(&state);
	ck_assert(digest_equal(&before, &after));
	free(image.at);
}
END_TEST

/* What a head cannot say, whoever signed it. */
static const struct {
	size_t at;
	const char *bytes;
	const char *why;
} heads[] = {
    {0, "SMTPAUTH", "not a snapshot"},
    {AT_VERSION, "\0\0\0\2\0\0\0\1", "newer version"},
    {AT_VERSION, "\0\0\0\0\0\0\0\1", "makes no sense"},
    {AT_SERIAL, "\0\0\0\0\0\0\0\0", "makes no sense"},
    {AT_SERIAL, "\x80\0\0\0\0\0\0\0", "makes no sense"},
    {AT_MADE, "\xff\xff\xff\xff\xff\xff\xff\xff", "makes no sense"},
    {AT_MADE, "\0\0\1\0\0\0\0\0", "makes no sense"},
    {AT_MAILBOXES, "\x80\0\0\0\0\0\0\0", "makes no sense"},
    {AT_LENGTH, "\xff\xff\xff\xff\xff\xff\xff\xff", "makes no sense"},
    {AT_LENGTH, "\x3f\xff\xff\xff\xff\xff\xff\xff", "not complete"},
    {AT_LENGTH, "\0\0\0\0\0\0\0\0", "longer than"},
};

START_TEST(heads_that_make_no_sense)
{
	struct error_text why = {""};
	struct snapshot_image image;
	struct snapshot *s;
	struct state state;
	FILE *from;

	snapshot_state_small(&state);
	image = snapshot_image_make(&state);
	memcpy(image.at + heads[_i].at, heads[_i].bytes, 8);
	from = snapshot_image_stream(&image);
	expect_error(ERR_DATA, snapshot_open(&s, from, "it", &why));
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(why.text, heads[_i].why), "%s", why.text);
	fclose(from);
	free(image.at);
}
END_TEST

static const struct {
	const char *pem, *why;
} keys_no[] = {
    {"", "is empty"},
    {"\n", "not PEM"},
    {"MC4CAQAwBQYDK2VwBCIEIHNtdHBhdXRoLW1pbHRlcjogZmlyc3QgdGVzdCBrZXku", "not PEM"},
    {"-----BEGIN PRIVATE KEY-----\n", "damaged"},
    {"-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n", "damaged"},
    {PEM_PRIVATE("Zmlyc3QgdGVzdCBrZXkuLg=="), "damaged"},
    {PEM_PRIVATE("Zmlyc3QgdGVzdCBrZXk"), "damaged"},
    {TRUST, "public key"},
    {KEY KEY, "more than"},
    {KEY TRUST, "more than"},
};

START_TEST(keys_to_sign_with)
{
	const char *pem = keys_no[_i].pem;
	struct error_text why = {""};
	struct signature_keys *key;

	expect_error(ERR_DATA,
	    signature_keys_read(
		&key, SIGNATURE_PRIVATE, pem, strlen(pem), "FILE", &why));
	ck_assert_ptr_null(key);
	ck_assert_msg(strstr(why.text, keys_no[_i].why), "%s", why.text);
	ck_assert_msg(strstr(why.text, "FILE") == why.text, "%s", why.text);
}
END_TEST

static const struct {
	const char *pem, *why;
} trust_no[] = {
    {"", "is empty"},
    {"hello\n", "not PEM"},
    {KEY, "private key"},
    {TRUST KEY, "private key"},
    {TRUST "-----BEGIN PUBLIC KEY-----\nMCow\n", "damaged"},
    {TRUST PEM_PUBLIC("MCowBQYDK2VwAyEA+GjE4KLTDO4hdZaIjUGzEEx50gbFDtqrsAAnrAK5pg=="),
	"damaged"},
    {TRUST "-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n",
	"\"CERTIFICATE\""},
};

START_TEST(keys_to_trust)
{
	const char *pem = trust_no[_i].pem;
	struct error_text why = {""};
	struct signature_keys *keys;

	expect_error(ERR_DATA,
	    signature_keys_read(
		&keys, SIGNATURE_PUBLIC, pem, strlen(pem), "FILE", &why));
	ck_assert_ptr_null(keys);
	ck_assert_msg(strstr(why.text, trust_no[_i].why), "%s", why.text);
}
END_TEST

START_TEST(most_keys)
{
	static char pem[(SIGNATURE_KEYS_MAX + 1) * sizeof TRUST];
	struct signature_keys *keys;
	struct error_text why;

	for (int i = 0; i < SIGNATURE_KEYS_MAX; i++)
		strcat(pem, TRUST);
	keys = snapshot_trust(pem);
	ck_assert_uint_eq(signature_keys_count(keys), SIGNATURE_KEYS_MAX);
	signature_keys_free(&keys);
	strcat(pem, OTHER);
	expect_error(ERR_DATA,
	    signature_keys_read(
		&keys, SIGNATURE_PUBLIC, pem, strlen(pem), "FILE", &why));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot_signed");
	TCase *tcase = state_add_case(suite, "snapshot_signed");

	tcase_add_loop_test(tcase, signed_nonsense, 0, COUNT(nonsense));
	tcase_add_loop_test(tcase, signed_and_too_long, 0, COUNT(before_long));
	tcase_add_test(tcase, signed_records_in_no_order);
	tcase_add_loop_test(tcase, heads_that_make_no_sense, 0, COUNT(heads));
	tcase_add_loop_test(tcase, keys_to_sign_with, 0, COUNT(keys_no));
	tcase_add_loop_test(tcase, keys_to_trust, 0, COUNT(trust_no));
	tcase_add_test(tcase, most_keys);
	return suite_run(suite);
}
