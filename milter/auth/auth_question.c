/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_question - what a mail server asks at AUTH: a JSON object. Pure. */
#include "milter/auth/auth_question.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* text_of - the string member KEY, or "" */
static const char *
text_of(const struct auth_question *q, const char *key)
{
	const char *s = json_value_string(json_value_member(q->json, key));

	return s != NULL ? s : "";
}

void
auth_question_read(struct auth_question *q, const char *body, size_t n)
{
	struct error_text why;

	q->json = NULL;
	if (body != NULL && json_value_parse(body, n, &q->json, &why) != OK)
		q->json = NULL;
	q->login = text_of(q, "login");
	q->client = text_of(q, "remote");
	q->listener = text_of(q, "protocol");
	q->mechanism = text_of(q, "mechanism");
	q->valid = q->login[0] != '\0' && strstr(q->login, REPLACEMENT) == NULL;
}

void
auth_question_end(struct auth_question *q)
{
	json_value_free(q->json);
	q->json = NULL;
}
