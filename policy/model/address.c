/* SPDX-License-Identifier: BSD-2-Clause */
/* address - logins and mailbox addresses as administrators type them */
#include "policy/model/address.h"

#include <ctype.h>
#include <string.h>

const char *
address_trim(const char *typed, size_t *len_r)
{
	const char *start = typed + strspn(typed, " ");
	size_t n = strlen(start);

	while (n > 0 && start[n - 1] == ' ')
		n--;
	*len_r = n;
	return start;
}

enum error
address_exact(const struct settings *s, const char *typed, struct login *out_r,
    struct error_text *why)
{
	size_t n;
	const char *start = address_trim(typed, &n);
	struct error_text reason;
	enum error e = login_normalize(start, n, s->login_separators, out_r, &reason);
	if (e == ERR_DATA)
		return error_set(
		    why, e, "bad login \"%.400s\": %.200s", typed, reason.text);
	return e == OK ? OK : error_about(why, e, typed);
}

enum error
address_login(const struct settings *s, const char *typed, struct login *out_r,
    struct error_text *why)
{
	enum error e = address_exact(s, typed, out_r, why);

	if (e == OK && settings_replace_domain(s) && out_r->has_domain) {
		login_drop_domain(out_r);
		if (login_append_domain(out_r, s->default_domain) != OK)
			return error_set(why, ERR_DATA, "\"%s\" is too long", typed);
	}
	return e;
}

/* is_plain_word - a name as people give it to a mailbox: letters, digits, "._-+'" */
static bool
is_plain_word(const struct login *name)
{
	for (size_t i = 0; i < name->len; i++)
		if ((unsigned char)name->text[i] < 0x80 &&
		    !isalnum((unsigned char)name->text[i]) &&
		    strchr("._-+'", name->text[i]) == NULL)
			return false;
	return true;
}

/* check_typed - that an address is not the result of a slip */
static enum error
check_typed(const struct login *address, const char *typed, struct error_text *why)
{
	size_t n = strcspn(address->text, ":;,<>\\\"*@");

	if (n < address->local)
		return error_set(why, ERR_DATA,
		    "\"%s\" is no mailbox: the name has '%c' in it", typed,
		    address->text[n]);
	if (!address->has_domain && !is_plain_word(address))
		return error_set(why, ERR_DATA,
		    "\"%s\" is no mailbox: it has no @, and is no plain name", typed);
	return OK;
}

enum error
address_normalize(const struct settings *s, const char *typed, struct login *out_r,
    struct error_text *why)
{
	const char *domain = s->default_domain;
	enum error e = address_exact(s, typed, out_r, why);

	if (e == OK)
		e = check_typed(out_r, typed, why);
	if (e != OK)
		return e;
	if (!out_r->has_domain && domain[0] == '\0')
		return error_set(
		    why, ERR_DATA, "\"%s\" is no mailbox: it has no @", typed);
	if (!out_r->has_domain && login_append_domain(out_r, domain) != OK)
		return error_set(why, ERR_DATA, "\"%s\" is too long", typed);
	return OK;
}
