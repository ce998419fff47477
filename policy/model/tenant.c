/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant - a customer's setting, as a struct and as a stored record */
#include "policy/model/tenant.h"

#include <string.h>

#include "policy/model/contact.h"

#define TENANT_VERSION 1

void
tenant_init(struct tenant *t)
{
	memset(t, 0, sizeof *t);
	t->smtp_auth = SMTP_AUTH_DISABLED;
	t->enforce_from = t->tempfail_until = INSTANT_NONE;
}

enum error
tenant_name_parse(const char *name, char *out, struct error_text *why)
{
	size_t n = strlen(name);

	if (n == 0 || n > TENANT_NAME_MAX)
		goto bad;
	for (size_t i = 0; i < n; i++) {
		char c =
		    (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
		bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!word && (i == 0 || (c != '.' && c != '_' && c != '-')))
			goto bad;
		out[i] = c;
	}
	out[n] = '\0';
	return OK;
bad:
	return error_set(why, ERR_DATA,
	    "bad tenant name \"%s\": 1 to %d of a-z 0-9 . _ -, a letter or digit first",
	    name, TENANT_NAME_MAX);
}

bool
tenant_contact_is_valid(const char *s)
{
	char address[CONTACT_ASCII_MAX];

	return *s == '\0' || contact_to_ascii(s, address);
}

void
tenant_encode(const struct tenant *t, struct record_writer *w)
{
	record_put_u8(w, TENANT_VERSION);
	record_put_u8(w, (uint8_t)t->smtp_auth);
	record_put_u8(w, (uint8_t)t->action);
	record_put_u8(w, (uint8_t)t->blocks);
	record_put_u64(w, (uint64_t)t->enforce_from);
	record_put_u64(w, (uint64_t)t->tempfail_until);
	record_put_string(w, t->contact);
	record_put_string(w, t->reply);
	record_put_string(w, t->note);
}

enum error
tenant_decode(struct bytes from, struct tenant *out_r)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, TENANT_VERSION);

	if (e != OK)
		return e;
	out_r->smtp_auth = (enum smtp_auth)record_get_u8(&r);
	out_r->action = (enum action)record_get_u8(&r);
	out_r->blocks = (enum blocks)record_get_u8(&r);
	out_r->enforce_from = (instant)record_get_u64(&r);
	out_r->tempfail_until = (instant)record_get_u64(&r);
	record_get_string(&r, out_r->contact, sizeof out_r->contact);
	record_get_string(&r, out_r->reply, sizeof out_r->reply);
	record_get_string(&r, out_r->note, sizeof out_r->note);
	if ((out_r->smtp_auth != SMTP_AUTH_ENABLED &&
		out_r->smtp_auth != SMTP_AUTH_DISABLED) ||
	    out_r->action > ACTION_REPORT || out_r->blocks > BLOCKS_PASSWORDS)
		return ERR_DAMAGED;
	return record_end(&r);
}
