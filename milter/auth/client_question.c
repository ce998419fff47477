/* SPDX-License-Identifier: BSD-2-Clause */
/* client_question - the HTTP request in which pam_smtpauth asks about a login */
#include "milter/auth/client_question.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define ESCAPED_MAX 6              /* bytes of one byte: \u001f */
#define LOGIN_ROOM \
	(CLIENT_QUESTION_LOGIN_MAX * ESCAPED_MAX + sizeof REPLACEMENT) /* with a NUL \
									*/
#define BODY_MAX (LOGIN_ROOM + INET6_ADDRSTRLEN + 64)

_Static_assert(BODY_MAX + CLIENT_KEY_MAX + 256 <= CLIENT_QUESTION_MAX, "head and body");

/* sequence_length - how many bytes the character in UTF-8 at S has; 0: it is none.
 * The first two bytes tell all of overlong forms, surrogates and what is above
 * U+10FFFF. */
static size_t
sequence_length(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xBF;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (n < len)
		return 0;
	if (s[0] == 0xE0)
		low = 0xA0;
	else if (s[0] == 0xED)
		high = 0x9F;
	else if (s[0] == 0xF0)
		low = 0x90;
	else if (s[0] == 0xF4)
		high = 0x8F;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xBF)
			return 0;
	return len;
}

/* escape - the character of LEN bytes at S (0: no UTF-8), as JSON; its end */
static char *
escape(char *to, const char *s, size_t len)
{
	if (len == 0) {
		memcpy(to, REPLACEMENT, strlen(REPLACEMENT));
		return to + strlen(REPLACEMENT);
	}
	if ((unsigned char)*s < ' ')
		return to + sprintf(to, "\\u%04x", (unsigned)(unsigned char)*s);
	if (*s == '"' || *s == '\\')
		*to++ = '\\';
	memcpy(to, s, len);
	return to + len;
}

/* escape_login - LOGIN as what is between the quotes of a string of JSON */
static void
escape_login(char to[LOGIN_ROOM], const char *login)
{
	size_t n = strnlen(login, CLIENT_QUESTION_LOGIN_MAX + 1), len;
	bool cut = n > CLIENT_QUESTION_LOGIN_MAX;
	const char *end;

	end = login + (cut ? CLIENT_QUESTION_LOGIN_MAX : n);
	while (login < end) {
		len = sequence_length(
		    (const unsigned char *)login, (size_t)(end - login));
		to = escape(to, login, len);
		login += len == 0 ? 1 : len;
	}
	if (cut)
		to = escape(to, login, 0);
	*to = '\0';
}

/* is_address - whether S is an address as numbers, which needs no escaping */
static bool
is_address(const char *s)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, s, address) == 1 ||
	    inet_pton(AF_INET6, s, address) == 1;
}

void
client_question_write(struct client_question *q, uint16_t port, const char *key,
    const char *login, const char *remote)
{
	char body[BODY_MAX], name[LOGIN_ROOM];
	bool known =
	    remote != NULL && strlen(remote) < INET6_ADDRSTRLEN && is_address(remote);
	int len;

	escape_login(name, login);
	len = snprintf(body, sizeof body, "{\"login\":\"%s\"%s%s%s,\"mechanism\":\"\"}",
	    name, known ? ",\"remote\":\"" : "", known ? remote : "",
	    known ? "\"" : "");
	q->len = (size_t)snprintf(q->text, sizeof q->text,
	    "POST /v1/auth?command=allow HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%u\r\n"
	    "User-Agent: pam_smtpauth\r\n"
	    "Authorization: Bearer %.*s\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: %d\r\n"
	    "Connection: close\r\n"
	    "\r\n"
	    "%s",
	    (unsigned)port, CLIENT_KEY_MAX, key, len, body);
}
