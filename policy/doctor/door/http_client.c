/* SPDX-License-Identifier: BSD-2-Clause */
/* http_client - one question over HTTP, and its answer */
#include "policy/doctor/door/http_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
#include "policy/base/number.h"
#include "policy/base/text.h"

#define REQUEST_MAX 1024
#define HEAD_MAX 2048

/* By this name authd knows that nobody has tried to log in. */
#define USER_AGENT "smtpauthctl-doctor"

/* A connection, and what has come of the answer. */
struct exchange {
	int fd;
	int64_t deadline;
	size_t len;
	char text[HEAD_MAX + HTTP_CLIENT_BODY_MAX + 1];
};

/* exchange_limit - the socket's, to what is left; false when the time is over */
static bool
exchange_limit(const struct exchange *x, int option)
{
	const int64_t left = x->deadline - monotonic_ms();
	const struct timeval limit = {left / 1000, left % 1000 * 1000};

	errno = EAGAIN;
	return left > 0 &&
	    setsockopt(x->fd, SOL_SOCKET, option, &limit, sizeof limit) == 0;
}

static bool
exchange_send(const struct exchange *x, const char *s, size_t n)
{
	while (n > 0) {
		ssize_t sent;

		if (!exchange_limit(x, SO_SNDTIMEO))
			return false;
		sent = send(x->fd, s, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		s += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* exchange_more - false at the end (errno 0), for an error, and without room */
static bool
exchange_more(struct exchange *x)
{
	ssize_t n;

	do {
		if (!exchange_limit(x, SO_RCVTIMEO))
			return false;
		errno = 0;
		n = recv(x->fd, x->text + x->len, sizeof x->text - 1 - x->len, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	x->len += (size_t)n;
	x->text[x->len] = '\0';
	return true;
}

/* no_answer - why there is none */
static enum error
no_answer(struct error_text *why)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETIMEDOUT)
		return error_set(why, ERR_BUSY, "no answer within %d s", HTTP_CLIENT_S);
	if (errno == 0)
		return error_set(
		    why, ERR_FORMAT, "it closes the connection without an answer");
	return error_set(why, ERR_IO, "%s", strerror(errno));
}

static enum error
no_http(struct error_text *why)
{
	return error_set(
	    why, ERR_FORMAT, "what it answers is not HTTP of smtpauth-authd");
}

/* header_value - of the line "NAME: VALUE"; NULL if it is another's */
static const char *
header_value(const char *line, const char *name, size_t *len_r)
{
	size_t n = strlen(name), len = strcspn(line, "\r\n");

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1, len -= n + 1;
	for (; len > 0 && (*line == ' ' || *line == '\t'); line++)
		len--;
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	*len_r = len;
	return line;
}

/* take_line - what is needed of a line of the head: the length of the body */
static bool
take_line(const char *line, bool *has_length, size_t *body)
{
	char digits[8];
	uint64_t number;
	size_t n;
	const char *value = header_value(line, "Content-Length", &n);

	if (value == NULL)
		return header_value(line, "Transfer-Encoding", &n) == NULL;
	if (*has_length || n >= sizeof digits)
		return false;
	memcpy(digits, value, n);
	digits[n] = '\0';
	*has_length = number_parse(digits, HTTP_CLIENT_BODY_MAX, &number);
	*body = (size_t)number;
	return *has_length;
}

/* take_head - "HTTP/1.1 200 OK" and the lines up to END; the length of the body */
static bool
take_head(const char *text, const char *end, struct http_answer *out, size_t *body)
{
	bool has_length = false;

	if (strncmp(text, "HTTP/1.", 7) != 0 || text[7] < '0' || text[7] > '1' ||
	    text[8] != ' ' || strspn(text + 9, "0123456789") != 3 ||
	    (text[12] != ' ' && text[12] != '\r'))
		return false;
	out->status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0';
	for (const char *line = text; line < end; line = strstr(line, "\r\n") + 2)
		if (!take_line(line, &has_length, body))
			return false;
	return has_length;
}

/* receive - the whole answer */
static enum error
receive(struct exchange *x, struct http_answer *out, struct error_text *why)
{
	size_t head, body = 0;
	char *end;

	while ((end = strstr(x->text, "\r\n\r\n")) == NULL) {
		if (strlen(x->text) < x->len || x->len > HEAD_MAX)
			return no_http(why);
		if (!exchange_more(x))
			return x->len > 0 && errno == 0 ? no_http(why) : no_answer(why);
	}
	if (!take_head(x->text, end, out, &body))
		return no_http(why);
	head = (size_t)(end - x->text) + 4;
	if (head > HEAD_MAX)
		return no_http(why);
	while (x->len < head + body)
		if (!exchange_more(x))
			return errno == 0 ? no_http(why) : no_answer(why);
	memcpy(out->body, x->text + head, body);
	out->body[body] = '\0';
	out->len = body;
	return OK;
}

/* connect_error - why nobody could be asked */
static enum error
connect_error(struct error_text *why)
{
	enum error e = errno == ECONNREFUSED || errno == ENOENT ? ERR_MISSING
	    : errno == EACCES || errno == EPERM                 ? ERR_PERMISSION
	    : errno == ETIMEDOUT                                ? ERR_BUSY
								: ERR_IO;

	return error_set(why, e, "%s", strerror(errno));
}

/* write_request - its head */
static bool
write_request(struct text *t, const struct endpoint *at, const char *path,
    const char *key, const char *body)
{
	bool v6 = strchr(at->name, ':') != NULL;

	text_printf(t, "%s %s HTTP/1.1\r\nHost: %s%s%s:%u\r\n",
	    body != NULL ? "POST" : "GET", path, v6 ? "[" : "", at->name, v6 ? "]" : "",
	    at->port);
	text_puts(t, "User-Agent: " USER_AGENT "\r\nConnection: close\r\n");
	if (key != NULL)
		text_printf(t, "Authorization: Bearer %s\r\n", key);
	if (body != NULL)
		text_printf(t,
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n",
		    strlen(body));
	text_puts(t, "\r\n");
	return !t->cut;
}

enum error
http_client_ask(const struct endpoint *at, const char *path, const char *key,
    const char *body, struct http_answer *out, struct error_text *why)
{
	struct exchange x = {.deadline = monotonic_ms() + 1000 * HTTP_CLIENT_S};
	char request[REQUEST_MAX];
	struct text t;
	enum error e;

	*out = (struct http_answer){0};
	text_init(&t, request, sizeof request);
	if (!write_request(&t, at, path, key, body))
		return error_set(why, ERR_LIMIT, "the question is too long");
	x.fd = endpoint_connect(at);
	if (x.fd < 0)
		return connect_error(why);
	if (exchange_send(&x, request, t.len) &&
	    (body == NULL || exchange_send(&x, body, strlen(body))))
		e = receive(&x, out, why);
	else
		e = no_answer(why);
	close(x.fd);
	return e;
}
