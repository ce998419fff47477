/* SPDX-License-Identifier: BSD-2-Clause */
/* settings - the global settings: one table of keys, values and defaults */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/cidr.h"
#include "policy/base/error.h"
#include "policy/base/record.h"
#include "policy/identity/domain.h"
#include "policy/model/tenant.h"

#define SETTING_KEY_MAX 40
#define SETTING_CHARACTERS_MAX 16
#define SETTING_LISTENERS_MAX 1000
#define SETTING_URL_MAX 256
#define SETTING_TEXT_MAX 2450 /* the longest value as text */

/* LOGIN_DOMAIN_DEFAULT: the password database looks at the name alone, so no login's
 * domain counts; default-domain takes its place. */
enum login_domain { LOGIN_DOMAIN_KEEP, LOGIN_DOMAIN_DEFAULT };

enum reply_style { REPLY_STANDARD, REPLY_EXCHANGE };

struct settings {
	enum yes_no enforce;
	enum action action; /* reject, tempfail, report */
	enum smtp_auth new_tenant_smtp_auth;
	enum action unknown_tenant; /* accept, tempfail, reject */
	enum login_domain login_domain;
	enum action invalid_login; /* reject, tempfail, accept */
	char default_domain[DOMAIN_MAX + 1];
	char login_separators[SETTING_CHARACTERS_MAX + 1];
	char subaddress_delimiter[SETTING_CHARACTERS_MAX + 1];
	struct cidr_list exempt_clients;
	char exempt_listeners[SETTING_LISTENERS_MAX + 1]; /* separated by commas */
	enum reply_style reply_style;
	char help_url[SETTING_URL_MAX + 1];
	char reply_tenant[REPLY_TEXT_MAX + 1];
	char reply_mailbox[REPLY_TEXT_MAX + 1];
	unsigned usage_retention; /* days */
	unsigned usage_nodes;
};

/* The shape of a value, for printing. */
enum setting_shape { SETTING_WORD, SETTING_NUMBER, SETTING_LIST };

/* One row of the table of settings, in the order of the documentation. */
struct setting {
	const char *key;
	const char *values;  /* for "settings show" */
	const char *initial; /* the default as text, NULL for unset */
	enum setting_shape shape;
	enum error (*set)(const struct setting *row, void *member, const char *value,
	    struct error_text *why);
	size_t offset;        /* of the member of struct settings */
	size_t room;          /* of one that holds text or characters; 0: another */
	const char *expected; /* the words, for an error message */
	const char *const *words;
	const char *forbidden; /* characters */
	unsigned most;         /* of a number */
	bool identifies;       /* the mailbox or tenant of a login depends on it */
};

/* Returns row I, or NULL past the end. */
const struct setting *settings_at(size_t i);

/* Returns the row of KEY, or NULL. */
const struct setting *settings_find(const char *key);

/* ERR_DATA for a KEY without a row, with WHY: the key that may be meant. */
enum error settings_unknown(const char *key, struct error_text *why) MUST_USE;

/* All settings at their defaults. */
void settings_init(struct settings *s);

/*
 * Checks VALUE for the setting and writes its canonical text to OUT (CAP bytes;
 * SETTING_TEXT_MAX + 1 is enough for all). Returns OK, or ERR_DATA with WHY.
 */
enum error settings_canonical(const struct setting *setting, const char *value,
    char *out, size_t cap, struct error_text *why) MUST_USE;

/* Puts a canonical value into S; ERR_DAMAGED where a stored text is not one. */
enum error settings_apply(
    const struct setting *setting, const char *value, struct settings *s) MUST_USE;

/* A stored record of a setting: a version byte and the canonical text. */
void settings_encode(const char *value, struct record_writer *w);
enum error settings_decode(struct bytes from, char *out, size_t cap) MUST_USE;

/* Whether default-domain takes the place of every login's domain. */
bool settings_replace_domain(const struct settings *s);

/* Whether NAME is one of the exempt listeners; the case of ASCII letters is ignored. */
bool settings_exempt_listener(const struct settings *s, const char *name);
