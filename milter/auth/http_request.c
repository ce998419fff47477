/* SPDX-License-Identifier: BSD-2-Clause */
/* http_request - the head of an HTTP/1.1 request (RFC 9112), a strict subset. Pure. */
#include "milter/auth/http_request.h"

#include <string.h>
#include <strings.h>

#define BAD_REQUEST 400
#define FIELDS_TOO_LARGE 431
#define NOT_IMPLEMENTED 501
#define VERSION_NOT_SUPPORTED 505

/* Where the reader is, and which fields were there. */
struct head {
	const char *at, *end;
	struct http_request *out;
	bool has_host, has_length, has_authorization;
	bool is_11; /* HTTP/1.1 */
};

/* is_token - RFC 9110 section 5.6.2; the parts of a target are checked by is_visible()
 */
static bool
is_token(struct http_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.at[i];

		if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') &&
		    (c < 'a' || c > 'z') &&
		    (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return t.len > 0;
}

static bool
is_visible(struct http_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] > '~')
			return false;
	return t.len > 0;
}

/* is_value - no control characters but tabs; bytes above ASCII are RFC 9110's obs-text
 */
static bool
is_value(struct http_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] == 0x7f ||
		    ((unsigned char)t.at[i] < ' ' && t.at[i] != '\t'))
			return false;
	return true;
}

static bool
equals(struct http_text t, const char *word)
{
	return t.len == strlen(word) && strncasecmp(t.at, word, t.len) == 0;
}

/* take_line - the next line without its CR LF; false: a bare CR or LF */
static bool
take_line(struct head *h, struct http_text *line)
{
	const char *lf = memchr(h->at, '\n', (size_t)(h->end - h->at));

	if (lf == NULL || lf == h->at || lf[-1] != '\r')
		return false;
	*line = (struct http_text){h->at, (size_t)(lf - 1 - h->at)};
	h->at = lf + 1;
	return memchr(line->at, '\r', line->len) == NULL;
}

/* take_word - what is before the first C, which is dropped; false: there is no C */
static bool
take_word(struct http_text *from, char c, struct http_text *word)
{
	const char *at = memchr(from->at, c, from->len);

	if (at == NULL)
		return false;
	*word = (struct http_text){from->at, (size_t)(at - from->at)};
	from->len -= word->len + 1;
	from->at = at + 1;
	return true;
}

static void
trim(struct http_text *t)
{
	while (t->len > 0 && (*t->at == ' ' || *t->at == '\t')) {
		t->at++;
		t->len--;
	}
	while (t->len > 0 && (t->at[t->len - 1] == ' ' || t->at[t->len - 1] == '\t'))
		t->len--;
}

/* read_request_line - returns 0 or a status, as those below */
static int
read_request_line(struct head *h)
{
	struct http_request *r = h->out;
	struct http_text line, target;

	if (!take_line(h, &line) || !take_word(&line, ' ', &r->method) ||
	    !take_word(&line, ' ', &target) || !is_token(r->method) ||
	    !is_visible(target) || target.at[0] != '/')
		return BAD_REQUEST;
	if (line.len != 8 || memcmp(line.at, "HTTP/", 5) != 0)
		return BAD_REQUEST;
	h->is_11 = memcmp(line.at, "HTTP/1.1", 8) == 0;
	if (!h->is_11 && memcmp(line.at, "HTTP/1.0", 8) != 0)
		return VERSION_NOT_SUPPORTED;
	r->keep_alive = h->is_11;
	r->query = target;
	if (!take_word(&r->query, '?', &r->path)) {
		r->path = target;
		r->query.len = 0;
	}
	return 0;
}

static int
read_length(struct head *h, struct http_text value)
{
	uint64_t n = 0;

	if (h->has_length || value.len == 0 || value.len > 18)
		return BAD_REQUEST;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return BAD_REQUEST;
		n = 10 * n + (uint64_t)(value.at[i] - '0');
	}
	h->has_length = true;
	h->out->content = n;
	return 0;
}

/* read_connection - "close" among words that commas separate */
static void
read_connection(struct head *h, struct http_text value)
{
	struct http_text word;
	bool more = true;

	while (more) {
		more = take_word(&value, ',', &word);
		if (!more)
			word = value;
		trim(&word);
		if (equals(word, "close"))
			h->out->keep_alive = false;
	}
}

/* take_once - false the second time */
static bool
take_once(bool *has)
{
	bool first = !*has;

	*has = true;
	return first;
}

static int
read_field(struct head *h, struct http_text line)
{
	struct http_text name;

	if (!take_word(&line, ':', &name) || !is_token(name) || !is_value(line))
		return BAD_REQUEST;
	trim(&line);
	if (equals(name, "Content-Length"))
		return read_length(h, line);
	if (equals(name, "Transfer-Encoding") || equals(name, "Expect") ||
	    equals(name, "Upgrade"))
		return NOT_IMPLEMENTED;
	if (equals(name, "Connection"))
		read_connection(h, line);
	else if (equals(name, "User-Agent"))
		h->out->user_agent = line;
	else if (equals(name, "Host"))
		return take_once(&h->has_host) ? 0 : BAD_REQUEST;
	else if (equals(name, "Authorization")) {
		h->out->authorization = line;
		return take_once(&h->has_authorization) ? 0 : BAD_REQUEST;
	}
	return 0;
}

static int
read_head(struct head *h)
{
	struct http_text line;
	int status = read_request_line(h);

	for (int n = 0; status == 0; n++) {
		if (!take_line(h, &line))
			return BAD_REQUEST;
		if (line.len == 0)
			return h->is_11 && !h->has_host ? BAD_REQUEST : 0;
		if (n == HTTP_REQUEST_FIELDS_MAX)
			return FIELDS_TOO_LARGE;
		status = read_field(h, line);
	}
	return status;
}

enum http_request_state
http_request_read(const char *at, size_t n, struct http_request *out_r, int *status_r)
{
	size_t cap = n < HTTP_REQUEST_HEAD_MAX ? n : HTTP_REQUEST_HEAD_MAX;
	const char *last = memmem(at, cap, "\r\n\r\n", 4);
	struct head h = {.at = at, .out = out_r};

	*status_r = FIELDS_TOO_LARGE;
	if (last == NULL)
		return n < HTTP_REQUEST_HEAD_MAX ? HTTP_REQUEST_MORE : HTTP_REQUEST_BAD;
	*out_r = (struct http_request){.head = (size_t)(last - at) + 4};
	h.end = at + out_r->head;
	*status_r = read_head(&h);
	if (*status_r != 0)
		return HTTP_REQUEST_BAD;
	return HTTP_REQUEST_WHOLE;
}

bool
http_request_query_has(const struct http_request *r, const char *part)
{
	struct http_text rest = r->query, word;
	bool more = true;

	while (more) {
		more = take_word(&rest, '&', &word);
		if (!more)
			word = rest;
		if (word.len == strlen(part) && memcmp(word.at, part, word.len) == 0)
			return true;
	}
	return false;
}
