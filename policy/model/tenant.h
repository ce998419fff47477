/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant - a customer's setting, as a struct and as a stored record */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/model/word.h"

#define TENANT_NAME_MAX 63
#define CONTACT_MAX 320
#define NOTE_MAX 500
#define REPLY_TEXT_MAX 400

struct tenant {
	char name[TENANT_NAME_MAX + 1]; /* the record's key */
	enum smtp_auth smtp_auth;       /* never SMTP_AUTH_INHERIT */
	enum action action;             /* never ACTION_ACCEPT */
	enum blocks blocks;
	instant enforce_from;   /* INSTANT_NONE: at once */
	instant tempfail_until; /* INSTANT_NONE: never tempfailed first */
	char contact[CONTACT_MAX + 1];
	char reply[REPLY_TEXT_MAX + 1];
	char note[NOTE_MAX + 1];
};

/* A tenant that is disabled with everything else at its default. */
void tenant_init(struct tenant *t);

/*
 * Copies NAME in lower case to OUT (TENANT_NAME_MAX + 1 bytes). ERR_DATA unless it
 * is [a-z0-9][a-z0-9._-]{0,62}.
 */
enum error tenant_name_parse(
    const char *name, char *out, struct error_text *why) MUST_USE;

/* Whether S can be a contact: an address, see contact.h, or "" for none. */
bool tenant_contact_is_valid(const char *s);

/* Encodes all but the name into W. */
void tenant_encode(const struct tenant *t, struct record_writer *w);

/* Decodes a record. ERR_DAMAGED or ERR_NEWER where it is not one of ours. */
enum error tenant_decode(struct bytes from, struct tenant *out_r) MUST_USE;
