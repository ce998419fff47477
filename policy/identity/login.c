/* SPDX-License-Identifier: BSD-2-Clause */
/* login - the SASL login name and its normal form */
#include "policy/identity/login.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/base/unicode.h"
#include "policy/identity/domain.h"

/* find_split - where the separator of local part and domain is, or N */
static size_t
find_split(const char *s, size_t n, const char *separators)
{
	const char *at = memrchr(s, '@', n);

	if (at != NULL)
		return (size_t)(at - s);
	for (size_t i = n; i-- > 0;)
		if (s[i] != '\0' && strchr(separators, s[i]) != NULL)
			return i;
	return n;
}

/* has_empty_part - whether one side is empty of some '@' */
static bool
has_empty_part(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '@' && (i == 0 || i + 1 == n || s[i + 1] == '@'))
			return true;
	return false;
}

/* lower_local - the local part in normal form, at the start of out->text */
static enum error
lower_local(const char *s, size_t n, struct login *out)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return unicode_lower_nfc(
			    s, n, out->text, LOGIN_MAX, &out->local);
		out->text[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	}
	out->local = n;
	return OK;
}

/*
 * check_blanks - that no blank is one which a password database overlooks: at an end,
 * beside another, or around an '@'
 */
static enum error
check_blanks(const char *s, size_t n, struct error_text *why)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != ' ' ||
		    (i > 0 && i + 1 < n && strchr(" @", s[i + 1]) == NULL &&
			s[i - 1] != '@'))
			continue;
		return error_set(why, ERR_DATA,
		    "the login has a blank that is not a single one between words");
	}
	return OK;
}

/* append_normal_domain - '@' and the domain, after the local part */
static enum error
append_normal_domain(const char *s, size_t n, struct login *out)
{
	size_t len = 0;
	enum error e;

	if (out->local + 1 >= LOGIN_MAX)
		return ERR_LIMIT;
	out->text[out->local] = '@';
	e = domain_normalize(
	    s, n, out->text + out->local + 1, LOGIN_MAX - out->local - 1, &len);
	if (e != OK)
		return e;
	out->has_domain = true;
	out->len = out->local + 1 + len;
	return OK;
}

/* check_bytes - the limits on the login as it came */
static enum error
check_bytes(const char *s, size_t n, struct error_text *why)
{
	if (n == 0)
		return error_set(why, ERR_DATA, "the login is empty");
	if (n > LOGIN_RAW_MAX)
		return error_set(
		    why, ERR_DATA, "the login is longer than %d bytes", LOGIN_RAW_MAX);
	if (!text_is_line(s, n))
		return error_set(
		    why, ERR_DATA, "the login has control characters or is not UTF-8");
	if (!unicode_is_visible(s, n))
		return error_set(why, ERR_DATA,
		    "the login has characters that cannot be seen, or white space other than blanks");
	return OK;
}

enum error
login_normalize(const char *s, size_t n, const char *separators, struct login *out_r,
    struct error_text *why)
{
	enum error e = check_bytes(s, n, why);
	size_t split;

	if (e != OK)
		return e;
	split = find_split(s, n, separators);
	if (split == 0 || split + 1 == n || has_empty_part(s, n))
		return error_set(why, ERR_DATA,
		    "the local part or the domain of the login is empty");
	e = check_blanks(s, split, why);
	if (e != OK)
		return e;
	out_r->has_domain = false;
	e = lower_local(s, split, out_r);
	out_r->len = out_r->local;
	if (e == OK && split < n)
		e = append_normal_domain(s + split + 1, n - split - 1, out_r);
	if (e == ERR_LIMIT)
		return error_set(why, ERR_DATA,
		    "the login is longer than %d bytes after normalisation", LOGIN_MAX);
	if (e == ERR_DATA)
		return error_set(
		    why, e, "the domain of the login is none that a tenant could own");
	if (e == OK)
		out_r->text[out_r->len] = '\0';
	return e;
}

enum error
login_loosen(const char *s, size_t n, enum looseness how, bool with_domain,
    const char *separators, struct login *out_r)
{
	size_t split = find_split(s, n, ""), len = 0, more = 0;
	char text[LOGIN_MAX];
	enum error e = unicode_loosen(s, split, how, text, sizeof text - 1, &len);

	if (e == OK && with_domain && split < n) {
		text[len++] = '@';
		e = unicode_loosen(s + split + 1, n - split - 1, LOOSE_BLANKS,
		    text + len, sizeof text - len, &more);
	}
	if (e != OK)
		return e == ERR_LIMIT ? ERR_DATA : e;
	return login_normalize(text, len + more, separators, out_r, NULL);
}

void
login_drop_domain(struct login *login)
{
	login->len = login->local;
	login->text[login->len] = '\0';
	login->has_domain = false;
}

enum error
login_append_domain(struct login *login, const char *domain)
{
	size_t n = strlen(domain);

	if (login->local + 1 + n > LOGIN_MAX)
		return ERR_LIMIT;
	login->text[login->local] = '@';
	memcpy(login->text + login->local + 1, domain, n + 1);
	login->len = login->local + 1 + n;
	login->has_domain = true;
	return OK;
}

bool
login_strip_subaddress(
    const struct login *in, const char *delimiters, struct login *out_r)
{
	size_t keep = 1;

	if (*delimiters == '\0')
		return false;
	while (keep < in->local && strchr(delimiters, in->text[keep]) == NULL)
		keep++;
	if (keep >= in->local)
		return false;
	/* At the new end of the local part a sigma has another lower case. */
	if (lower_local(in->text, keep, out_r) != OK ||
	    out_r->local + (in->len - in->local) > LOGIN_MAX)
		return false;
	memcpy(
	    out_r->text + out_r->local, in->text + in->local, in->len - in->local + 1);
	out_r->len = out_r->local + in->len - in->local;
	out_r->has_domain = in->has_domain;
	return true;
}

const char *
login_domain(const struct login *login)
{
	return login->text + login->local + (login->has_domain ? 1 : 0);
}

enum error
login_from_normal(const char *s, size_t n, struct login *out_r)
{
	size_t split = find_split(s, n, "");

	if (n == 0 || n > LOGIN_MAX || split == 0 || split + 1 == n)
		return ERR_DAMAGED;
	memcpy(out_r->text, s, n);
	out_r->text[n] = '\0';
	out_r->len = n;
	out_r->local = split;
	out_r->has_domain = split < n;
	return OK;
}

bool
login_equal(const struct login *a, const struct login *b)
{
	return a->len == b->len && a->local == b->local &&
	    a->has_domain == b->has_domain && memcmp(a->text, b->text, a->len) == 0;
}
