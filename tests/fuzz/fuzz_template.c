/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_template.c - notices: whatever is filled in, one mail to one person */
#include "fuzz.h"

#include "policy/base/text.h"
#include "policy/base/unicode.h"
#include "policy/ctl/notify/notice_template.h"
#include "policy/model/contact.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAILBOXES = 3 };

/* take_value - a piece of the input without control characters, as callers promise */
static char *
take_value(struct fuzz_input *input)
{
	char *piece = fuzz_piece(input, '\n');

	if (!text_is_line(piece, strlen(piece)))
		piece[0] = '\0';
	return piece;
}

/* count_header - the lines of the head that begin with the name and a colon */
static size_t
count_header(const char *head, const char *end, const char *name)
{
	size_t n = 0;

	for (; head < end; head = strchr(head, '\n') + 1)
		n += strncasecmp(head, name, strlen(name)) == 0;
	return n;
}

/* head_is_sound - to one person, of ASCII, with a subject */
static void
head_is_sound(const char *text, const char *to)
{
	const char *end = strstr(text, "\n\n") + 1;
	char *wanted = malloc(strlen(to) + 8);

	fuzz_expect(wanted != NULL);
	sprintf(wanted, "To: %s\n", to);
	fuzz_expect(count_header(text, end, "To:") == 1);
	fuzz_expect(count_header(text, end, wanted) == 1);
	fuzz_expect(count_header(text, end, "Cc:") == 0);
	fuzz_expect(count_header(text, end, "Bcc:") == 0);
	fuzz_expect(count_header(text, end, "Subject:") >= 1);
	fuzz_expect(count_header(text, end, "MIME-Version:") >= 1);
	fuzz_expect(count_header(text, end, "Auto-Submitted:") >= 1);
	for (; text < end; text++)
		fuzz_expect((unsigned char)*text < 0x80);
	free(wanted);
}

/* lines_are_sound - of any mail: UTF-8, and not too long */
static void
lines_are_sound(const char *text, size_t n)
{
	size_t len;

	fuzz_expect(strlen(text) == n && n > 0 && text[n - 1] == '\n');
	fuzz_expect(strchr(text, '\r') == NULL);
	for (const char *s = text; *s != '\0'; s += len) {
		len = unicode_length(s, strlen(s));
		fuzz_expect(len > 0);
	}
	for (; *text != '\0'; text += strcspn(text, "\n") + 1)
		fuzz_expect(strcspn(text, "\n") <= NOTICE_TEMPLATE_LINE_MAX);
}

static void
print(const struct notice_template *t, const struct notice_template_values *values)
{
	struct error_text why = {""};
	char *text;
	size_t n;
	FILE *to = open_memstream(&text, &n);
	enum error e;

	fuzz_expect(to != NULL);
	e = notice_template_print(t, values, to, &why);
	fclose(to);
	fuzz_expect(e == OK || (e == ERR_DATA && why.text[0] != '\0'));
	if (e == OK) {
		lines_are_sound(text, n);
		fuzz_expect(strstr(text, "\n\n") != NULL);
		head_is_sound(text, values->to);
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t flags = fuzz_byte(&input);
	struct notice_template_values values = {
	    .mailboxes = flags % (MAILBOXES + 1), .more = flags >> 2};
	char *piece[1 + NOTICE_TEMPLATE_TEXTS + MAILBOXES];
	struct error_text why = {""};
	struct notice_template *t;
	size_t n = 0;
	enum error e;

	for (; n < sizeof piece / sizeof *piece; n++)
		piece[n] = take_value(&input);
	values.to = contact_can_address(piece[0]) ? piece[0] : "it@acme.test";
	for (size_t i = 0; i < NOTICE_TEMPLATE_TEXTS; i++)
		values.text[i] = piece[1 + i];
	values.mailbox = (const char *const *)piece + 1 + NOTICE_TEMPLATE_TEXTS;
	e = notice_template_parse(
	    &t, (const char *)input.at, input.left, "LETTER", &why);
	fuzz_expect(e == OK || e == ERR_DATA || e == ERR_LIMIT);
	fuzz_expect((e == OK) == (why.text[0] == '\0'));
	if (e == OK)
		print(t, &values);
	notice_template_free(&t);
	while (n > 0)
		free(piece[--n]);
	return 0;
}
