/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_login.c - a login of any bytes: its normal form is one, and stays one. */
#include "fuzz.h"

#include "policy/base/text.h"
#include "policy/base/unicode.h"
#include "policy/identity/domain.h"
#include "policy/identity/login.h"
#include "policy/model/key.h"

#include <stdlib.h>
#include <string.h>

static const char *const separators[] = {"", "%", "%!/", "#"};
static const char delimiters[] = "+-";

/* is_sound - what every reader of a login relies on */
static void
is_sound(const struct login *login)
{
	fuzz_expect(login->len > 0 && login->len <= LOGIN_MAX);
	fuzz_expect(strlen(login->text) == login->len);
	fuzz_expect(text_is_line(login->text, login->len));
	fuzz_expect(login->local > 0 && login->local <= login->len);
	fuzz_expect(login->has_domain == (login->local < login->len));
	if (login->has_domain) {
		fuzz_expect(login->text[login->local] == '@');
		fuzz_expect(
		    strlen(login_domain(login)) == login->len - login->local - 1);
	}
}

/*
 * is_stable - normalised again, and read as it is stored, it is the same; but that what
 * has grown beyond the limit on logins as they come is none any more
 */
static void
is_stable(const struct login *login, const char *parting)
{
	struct login again;
	enum error e = login_normalize(login->text, login->len, parting, &again, NULL);

	fuzz_expect(e == (login->len > LOGIN_RAW_MAX ? ERR_DATA : OK));
	if (e == OK)
		fuzz_expect(login_equal(login, &again));
	fuzz_expect(login_from_normal(login->text, login->len, &again) == OK);
	fuzz_expect(login_equal(login, &again));
}

/* local_is_normal - lower case, and composed */
static void
local_is_normal(const struct login *login)
{
	char again[LOGIN_MAX];
	size_t n = 0;

	fuzz_expect(unicode_lower_nfc(
			login->text, login->local, again, sizeof again, &n) == OK);
	fuzz_expect(n == login->local && memcmp(again, login->text, n) == 0);
}

/* has_key - a key of the database, from which it is read back */
static void
has_key(const struct login *login)
{
	char domain[DOMAIN_MAX + 1];
	struct login again;
	struct key key;

	key_login(&key, TABLE_MAILBOX, login);
	fuzz_expect(key.len > 0 && key.len <= KEY_MAX);
	fuzz_expect(key_to_login(key_bytes(&key), &again) == OK);
	fuzz_expect(login_equal(login, &again));
	fuzz_expect(
	    (key_to_domain(key_bytes(&key), domain) == OK) == login->has_domain);
	fuzz_expect(!login->has_domain || strcmp(domain, login_domain(login)) == 0);
}

/* domain_is_stable - the domain, and what a tenant could own */
static void
domain_is_stable(const struct login *login)
{
	const char *domain = login_domain(login);
	char again[DOMAIN_MAX];
	size_t n = strlen(domain), len = 0;

	fuzz_expect(n <= DOMAIN_MAX);
	fuzz_expect(domain_normalize(domain, n, again, sizeof again, &len) == OK);
	fuzz_expect(len == n && memcmp(domain, again, n) == 0);
}

/* is_domain_kept - the same one, or none in both */
static bool
is_domain_kept(const struct login *login, const struct login *part)
{
	if (!login->has_domain || !part->has_domain)
		return login->has_domain == part->has_domain;
	return strcmp(login_domain(login), login_domain(part)) == 0;
}

/* parts_are_sound - without its subaddress, and with a domain, it is a login, too */
static void
parts_are_sound(const struct login *login)
{
	struct login part = *login;

	if (!login->has_domain && login_append_domain(&part, "example.org") == OK) {
		is_sound(&part);
		is_stable(&part, "");
	}
	if (!login_strip_subaddress(login, delimiters, &part))
		return;
	is_sound(&part);
	fuzz_expect(is_domain_kept(login, &part));
	/* "a@+b@example.org" leaves a name nobody has: none ends in '@' or ' ' */
	if (part.text[part.local - 1] != '@' && part.text[part.local - 1] != ' ')
		is_stable(&part, "");
	fuzz_expect(!login_strip_subaddress(&part, delimiters, &part));
}

/* looser_forms_settle - each is a login, and its own looser form */
static void
looser_forms_settle(const char *s, size_t n, const char *parting)
{
	struct login loose, again;

	for (int how = LOOSE_BLANKS; how <= LOOSE_FOLDED; how++) {
		enum error e =
		    login_loosen(s, n, (enum looseness)how, true, parting, &loose);

		fuzz_expect(e == OK || e == ERR_DATA);
		if (e != OK)
			continue;
		is_sound(&loose);
		is_stable(&loose, parting);
		e = login_loosen(
		    loose.text, loose.len, (enum looseness)how, true, parting, &again);
		fuzz_expect(
		    e == OK ? login_equal(&loose, &again) : loose.len > LOGIN_RAW_MAX);
	}
}

/* case_is_nothing - with ASCII letters in upper case it is the same login */
static void
case_is_nothing(const char *s, size_t n, const char *parting, const struct login *login)
{
	char *upper = fuzz_string((const uint8_t *)s, n);
	struct login again;

	for (size_t i = 0; i < n; i++)
		if (upper[i] >= 'a' && upper[i] <= 'z')
			upper[i] = (char)(upper[i] - 32);
	fuzz_expect(login_normalize(upper, n, parting, &again, NULL) == OK);
	fuzz_expect(login_equal(login, &again));
	free(upper);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	const char *parting = separators[fuzz_byte(&input) % 4];
	char *typed = (char *)fuzz_copy(input.at, input.left);
	struct error_text why = {""};
	struct login login;
	enum error e = login_normalize(typed, input.left, parting, &login, &why);

	fuzz_expect(e == OK || e == ERR_DATA);
	fuzz_expect((e == OK) == (why.text[0] == '\0'));
	if (e == OK) {
		is_sound(&login);
		is_stable(&login, parting);
		local_is_normal(&login);
		has_key(&login);
		if (login.has_domain)
			domain_is_stable(&login);
		parts_are_sound(&login);
		case_is_nothing(typed, input.left, parting, &login);
	}
	looser_forms_settle(typed, input.left, parting);
	free(typed);
	return 0;
}
