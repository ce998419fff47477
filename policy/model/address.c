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

#define SLIPS ":;,<>\\\"*"
#define ADDRESS_NEEDED "an address is needed, as name@example.com"

/* is_guid - as Exchange shows it: 8-4-4-4-12 hexadecimal digits */
static bool
is_guid(const char *name)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(name) != sizeof form - 1)
		return false;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)name[i]) : name[i] != '-')
			return false;
	return true;
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
	return !is_guid(name->text);
}

/* refuse_slip - for what SLIP stands in; it is one of the characters below */
static enum error
refuse_slip(const char *typed, char slip, struct error_text *why)
{
	static const struct {
		char slip;
		const char *hint;
	} hints[] = {
	    {'@', "; write one address"},
	    {';', "; write one address"},
	    {'<', "; write the address alone, without name and <>"},
	    {'*', "; " ADDRESS_NEEDED ", and a whole domain follows its tenant"},
	    {'\\',
		"; " ADDRESS_NEEDED
		", which may have a login such as this as its alias"},
	    {'\0', "; " ADDRESS_NEEDED},
	};
	size_t i = 0;

	while (hints[i].slip != slip && hints[i].slip != '\0')
		i++;
	return error_set(why, ERR_DATA,
	    "\"%s\" is no mailbox: the name has '%c' in it%s", typed, slip,
	    hints[i].hint);
}

/* check_typed - that an address is not the result of a slip */
static enum error
check_typed(const struct login *address, const char *typed, struct error_text *why)
{
	size_t n = strcspn(address->text, SLIPS "@");

	if (n < address->local)
		return refuse_slip(typed, address->text[n], why);
	if (!address->has_domain && !is_plain_word(address))
		return error_set(why, ERR_DATA,
		    "\"%s\" is no mailbox: it has no @, and is no plain name; " ADDRESS_NEEDED,
		    typed);
	return OK;
}

enum error
address_normalize(const struct settings *s, const char *typed, struct login *out_r,
    struct error_text *why)
{
	const char *domain = s->default_domain;
	enum error e = address_exact(s, typed, out_r, why);

	if (e == ERR_DATA && typed[strcspn(typed, SLIPS)] != '\0')
		return refuse_slip(typed, typed[strcspn(typed, SLIPS)], why);
	if (e == OK)
		e = check_typed(out_r, typed, why);
	if (e != OK)
		return e;
	if (!out_r->has_domain && domain[0] == '\0')
		return error_set(why, ERR_DATA,
		    "\"%s\" is no mailbox: it has no @; " ADDRESS_NEEDED
		    ", or the setting default-domain",
		    typed);
	if (!out_r->has_domain && login_append_domain(out_r, domain) != OK)
		return error_set(why, ERR_DATA, "\"%s\" is too long", typed);
	return OK;
}
