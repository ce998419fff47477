/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_pam.c - what pam_smtpauth asks, and what it takes for an answer, beside
 * jansson's opinion of both.
 */
#include "fuzz.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "milter/auth/client_answer.h"
#include "milter/auth/client_question.h"

#define KEY "0123456789abcdef"
#define REPLACEMENT "\xEF\xBF\xBD"

/* body_of - what is behind the head, or NULL */
static const char *
body_of(const char *text, size_t n)
{
	const char *end = memmem(text, n, "\r\n\r\n", 4);

	return end == NULL ? NULL : end + 4;
}

/* is_whole - the answer is one for jansson, too, with that sign of its status */
static void
is_whole(const char *text, size_t n, bool refused)
{
	const char *body = body_of(text, n);
	json_t *o, *status, *message;

	fuzz_expect(body != NULL && strncmp(text, "HTTP/1.1 200", 12) == 0);
	o = json_loadb(body, n - (size_t)(body - text), JSON_REJECT_DUPLICATES, NULL);
	fuzz_expect(json_is_object(o));
	status = json_object_get(o, "status");
	message = json_object_get(o, "msg");
	fuzz_expect(json_is_integer(status));
	fuzz_expect(
	    refused ? json_integer_value(status) < 0 : json_integer_value(status) == 0);
	fuzz_expect(message == NULL || json_is_string(message));
	json_decref(o);
}

static void
read_answer(const char *text, size_t n)
{
	enum client_verdict v, earlier;
	struct client_answer a, part;
	uint8_t *copy = fuzz_copy((const uint8_t *)text, n);

	memset(&a, 'x', sizeof a);
	v = client_answer_read(&a, (const char *)copy, n);
	fuzz_expect(a.http_status >= 0 && a.http_status <= 999);
	for (const char *s = a.message; *s != '\0'; s++)
		fuzz_expect(*s >= ' ' && *s <= '~');
	if (v == CLIENT_ANSWER_PASS || v == CLIENT_ANSWER_REFUSE)
		is_whole(text, n, v == CLIENT_ANSWER_REFUSE);
	/* What is bad does not get better, and no part of an answer is one. */
	for (size_t i = 0; i < n; i += 1 + n / 64) {
		earlier = client_answer_read(&part, (const char *)copy, i);
		fuzz_expect(earlier != CLIENT_ANSWER_BAD || v == CLIENT_ANSWER_BAD);
		fuzz_expect(earlier == CLIENT_ANSWER_MORE || v == CLIENT_ANSWER_BAD);
	}
	free(copy);
}

/* is_asked - LOGIN is in the body, or it cannot be, and that can be seen */
static void
is_asked(const char *body, size_t n, const char *login)
{
	size_t len = strlen(login);
	json_t *o = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
	const char *there = json_string_value(json_object_get(o, "login"));

	fuzz_expect(there != NULL);
	if (len <= CLIENT_QUESTION_LOGIN_MAX &&
	    u8_check((const uint8_t *)login, len) == NULL)
		fuzz_expect(strcmp(there, login) == 0);
	else
		fuzz_expect(strstr(there, REPLACEMENT) != NULL);
	if (len > CLIENT_QUESTION_LOGIN_MAX)
		fuzz_expect(strlen(there) > CLIENT_QUESTION_LOGIN_MAX);
	json_decref(o);
}

static void
write_question(const char *login, const char *remote)
{
	static const char field[] = "\r\nContent-Length: ";
	struct client_question q;
	const char *body;
	size_t n;

	memset(&q, 'x', sizeof q);
	client_question_write(&q, 8898, KEY, login, remote);
	fuzz_expect(q.len < sizeof q.text && strlen(q.text) == q.len);
	body = body_of(q.text, q.len);
	fuzz_expect(body != NULL);
	n = strlen(body);
	fuzz_expect(strtoul(strstr(q.text, field) + strlen(field), NULL, 10) == n);
	for (size_t i = 0; i < n; i++)
		fuzz_expect((unsigned char)body[i] >= ' ');
	is_asked(body, n, login);
}

/* An answer, or, behind a byte 'q', a login and after a line feed a client. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *login, *remote;

	if (size == 0 || data[0] != 'q') {
		read_answer((const char *)data, size);
		return 0;
	}
	(void)fuzz_byte(&input);
	login = fuzz_piece(&input, '\n');
	remote = fuzz_piece(&input, '\0');
	write_question(login, remote);
	free(login);
	free(remote);
	return 0;
}
