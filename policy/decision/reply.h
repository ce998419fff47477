/* SPDX-License-Identifier: BSD-2-Clause */
/* reply - the SMTP reply that goes with a decision */
#pragma once

#include "policy/decision/decision.h"
#include "policy/model/settings.h"
#include "policy/model/tenant.h"

/*
 * The whole line, "CODE X.Y.Z TEXT" without CR LF: with them it fills the 512 bytes
 * of RFC 5321 section 4.5.3.1.5.
 */
#define REPLY_LINE_MAX 510

/*
 * A reply. `code` is empty for a verdict that passes. `text` is printable ASCII,
 * with `%` single; its length with every `%` doubled stays within libmilter's 980.
 */
struct reply {
	char code[4];
	char xcode[10];
	char text[REPLY_LINE_MAX + 1];
};

/*
 * Whether TEXT, an own text, has a {word} that is none of the fields; the first is
 * copied to OUT (REPLY_FIELD_MAX bytes).
 */
#define REPLY_FIELD_MAX 32
bool reply_unknown_field(const char *text, char *out);

/* Whether all of TEXT can be sent: other characters become '?'. */
bool reply_is_ascii(const char *text);

/* What a reply may name. Strings are never NULL; "" for what there is not. */
struct reply_names {
	const char *tenant;
	const char *mailbox;
	const char *client;
	const char *id; /* also appended in brackets, unless "" */
};

/*
 * Fills OUT for the decision. TENANT (for its own text) may be NULL. Pure. For
 * REASON_STORE_ERROR the settings are not looked at and may be NULL.
 */
void reply_build(const struct settings *settings, const struct tenant *tenant,
    const struct decision *decision, const struct reply_names *names,
    struct reply *out);
