/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_template - a message with fields to fill in */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"

#define NOTICE_TEMPLATE_BYTES_MAX (64u << 10)
#define NOTICE_TEMPLATE_LINE_MAX 998 /* bytes, RFC 5322 section 2.1.1 */

/*
 * The text is headers, an empty line, and the body. `{tenant}`, `{enforce-from}`,
 * `{tempfail-until}`, `{url}` and, in the body, `{mailboxes}` are filled in; `{{` is a
 * brace.
 */
enum notice_template_field {
	NOTICE_TEMPLATE_TENANT,
	NOTICE_TEMPLATE_ENFORCE_FROM,
	NOTICE_TEMPLATE_TEMPFAIL_UNTIL,
	NOTICE_TEMPLATE_URL,
	NOTICE_TEMPLATE_MAILBOXES,
};

#define NOTICE_TEMPLATE_TEXTS \
	NOTICE_TEMPLATE_MAILBOXES /* fields that are one text each */

/* What is filled in. No text has control characters. */
struct notice_template_values {
	const char *to; /* an address of ASCII characters */
	const char *text[NOTICE_TEMPLATE_TEXTS];
	const char *const *mailbox;
	size_t mailboxes;
	uint64_t more; /* mailboxes that are not shown */
};

struct notice_template;

/*
 * Reads N bytes of TEXT; NAME is for messages. ERR_DATA, with the line in WHY, where
 * that cannot become a message: an unknown field, a malformed header, a header with a
 * recipient, no Subject, text that is not UTF-8 (in headers: ASCII), a line over
 * NOTICE_TEMPLATE_LINE_MAX bytes. ERR_LIMIT, ERR_MEMORY.
 */
enum error notice_template_parse(struct notice_template **template_r, const char *text,
    size_t n, const char *name, struct error_text *why) MUST_USE;
void notice_template_free(struct notice_template **t);

/* Whether the field stands anywhere in it. */
bool notice_template_uses(
    const struct notice_template *t, enum notice_template_field field);

/* Whether a line of the body is about {url} alone: it has no other field. */
bool notice_template_has_url_line(const struct notice_template *t);

/*
 * Writes the message, its lines ended by LF. To, and what the template lacks of
 * MIME-Version, Content-Type, Content-Transfer-Encoding and Auto-Submitted, come first.
 * A line that is about {url} alone is left out where that is "", with one of two empty
 * lines around it. ERR_DATA where a value does not fit its line; what was written is
 * useless then.
 */
enum error notice_template_print(const struct notice_template *t,
    const struct notice_template_values *values, FILE *to,
    struct error_text *why) MUST_USE;
