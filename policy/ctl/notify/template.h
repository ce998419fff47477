/* SPDX-License-Identifier: BSD-2-Clause */
/* template - a message with fields to fill in */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/base/error.h"

#define TEMPLATE_BYTES_MAX (64u << 10)
#define TEMPLATE_LINE_MAX 998 /* bytes, RFC 5322 section 2.1.1 */

/*
 * The text is headers, an empty line, and the body. `{tenant}`, `{enforce-from}`,
 * `{tempfail-until}`, `{url}` and, in the body, `{mailboxes}` are filled in; `{{` is a
 * brace.
 */
enum template_field {
	TEMPLATE_TENANT,
	TEMPLATE_ENFORCE_FROM,
	TEMPLATE_TEMPFAIL_UNTIL,
	TEMPLATE_URL,
	TEMPLATE_MAILBOXES,
};

#define TEMPLATE_TEXTS TEMPLATE_MAILBOXES /* fields that are one text each */

/* What is filled in. No text has control characters. */
struct template_values {
	const char *to; /* an address of ASCII characters */
	const char *text[TEMPLATE_TEXTS];
	const char *const *mailbox;
	size_t mailboxes;
	uint64_t more; /* mailboxes that are not shown */
};

struct template;

/*
 * Reads N bytes of TEXT; NAME is for messages. ERR_DATA, with the line in WHY, where
 * that cannot become a message: an unknown field, a malformed header, a header with a
 * recipient, no Subject, text that is not UTF-8 (in headers: ASCII), a line over
 * TEMPLATE_LINE_MAX bytes. ERR_LIMIT, ERR_MEMORY.
 */
enum error template_parse(struct template **template_r, const char *text, size_t n,
    const char *name, struct error_text *why) MUST_USE;
void template_free(struct template **template);

/* Whether the field stands anywhere in it. */
bool template_uses(const struct template *template, enum template_field field);

/*
 * Writes the message, its lines ended by LF. To, and what the template lacks of
 * MIME-Version, Content-Type, Content-Transfer-Encoding and Auto-Submitted, come first.
 * ERR_DATA where a value does not fit its line; what was written is useless then.
 */
enum error template_print(const struct template *template,
    const struct template_values *values, FILE *to, struct error_text *why) MUST_USE;

/*
 * Whether ADDRESS is one that every sendmail(1) takes as one recipient, and nothing
 * else: local@domain, of ASCII letters, digits and what RFC 5322 section 3.2.3 has for
 * an atom, with dots between, and not beginning with a dash.
 */
bool template_can_address(const char *address);
