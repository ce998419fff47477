/* SPDX-License-Identifier: BSD-2-Clause */
/* pattern - a pattern of addresses: "*" is any text, "?" any one character */
#include "policy/identity/pattern.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/identity/domain.h"

/* put_label - one of the domain; with a wildcard it stays as it was typed */
static enum error
put_label(struct text *t, const char *label, size_t n)
{
	char out[DOMAIN_MAX + 1];
	size_t len;
	bool wild = memchr(label, '*', n) != NULL || memchr(label, '?', n) != NULL;

	if (wild || domain_normalize(label, n, out, sizeof out, &len) != OK) {
		enum error e = unicode_lower_nfc(label, n, out, sizeof out, &len);

		if (e != OK)
			return e;
	}
	text_add(t, out, len);
	return OK;
}

/* put_domain - label by label */
static enum error
put_domain(struct text *t, const char *domain)
{
	enum error e = OK;

	while (e == OK && *domain != '\0') {
		size_t n = strcspn(domain, ".");

		e = put_label(t, domain, n);
		domain += n;
		if (*domain == '.') {
			text_puts(t, ".");
			domain++;
		}
	}
	return e;
}

enum error
pattern_parse(struct pattern *p, const char *typed)
{
	const char *at = strrchr(typed, '@');
	size_t local = at != NULL ? (size_t)(at - typed) + 1 : strlen(typed), n;
	struct text t;
	enum error e;

	if (*typed == '\0' || strlen(typed) > LOGIN_RAW_MAX)
		return ERR_DATA;
	e = unicode_lower_nfc(typed, local, p->text, LOGIN_MAX, &n);
	if (e == OK && at != NULL) {
		text_init(&t, p->text + n, sizeof p->text - n);
		e = put_domain(&t, at + 1);
		n += t.len;
		if (e == OK && t.cut)
			e = ERR_LIMIT;
	}
	if (e != OK)
		return e == ERR_LIMIT ? ERR_DATA : e;
	p->text[n] = '\0';
	return OK;
}

/* step - bytes of the character at S */
static size_t
step(const char *s)
{
	size_t n = unicode_length(s, strlen(s));

	return n > 0 ? n : 1;
}

bool
pattern_matches(const struct pattern *p, const char *address)
{
	const char *at = p->text, *star = NULL, *from = NULL;

	while (*address != '\0') {
		if (*at == '*') {
			star = ++at;
			from = address;
		} else if (*at == '?') {
			at++;
			address += step(address);
		} else if (*at == *address) {
			at++;
			address++;
		} else if (star != NULL) { /* the last star takes one more */
			at = star;
			from += step(from);
			address = from;
		} else {
			return false;
		}
	}
	return at[strspn(at, "*")] == '\0';
}
