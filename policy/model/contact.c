/* SPDX-License-Identifier: BSD-2-Clause */
/* contact - the address of whoever is told about a tenant */
#include "policy/model/contact.h"

#include <string.h>

static bool
is_atom(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

bool
contact_can_address(const char *address)
{
	const char *at = strchr(address, '@');
	char last = '.';

	if (at == NULL || *address == '-')
		return false;
	for (const char *s = address; *s != '\0'; last = *s++) {
		bool dot = *s == '.' || s == at;

		if (dot ? last == '.' || last == '@' : !is_atom(*s))
			return false;
		if (s > at && !dot && strchr("!#$%&'*+/=?^`{|}~", *s) != NULL)
			return false;
	}
	return last != '.' && last != '@' && at[1] != '-';
}

bool
contact_to_ascii(const char *s, char *out)
{
	const char *at = strrchr(s, '@');
	size_t local = at != NULL ? (size_t)(at - s) + 1 : 0, len;

	if (at == NULL || strlen(s) > CONTACT_MAX)
		return false;
	memcpy(out, s, local);
	if (domain_normalize(at + 1, strlen(at + 1), out + local,
		CONTACT_ASCII_MAX - local - 1, &len) != OK)
		return false;
	out[local + len] = '\0';
	return contact_can_address(out);
}
