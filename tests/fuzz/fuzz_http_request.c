/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_http_request.c - the head of an HTTP request, whole and in pieces. */
#include "fuzz.h"

#include "milter/auth/http_request.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ROOM = HTTP_REQUEST_HEAD_MAX + 1024, EVERY_SPLIT = 300 };

/* What is read from the first N bytes, in memory that ends there. */
struct reading {
	enum http_request_state state;
	int status;
	struct http_request request;
	char *at;
};

static struct reading
read_head(const uint8_t *data, size_t n)
{
	struct reading r = {.at = (char *)fuzz_copy(data, n)};

	memset(&r.request, 0x5A, sizeof r.request);
	r.state = http_request_read(r.at, n, &r.request, &r.status);
	return r;
}

/* is_within - empty, or bytes of the head */
static bool
is_within(const struct reading *r, struct http_text t)
{
	return t.len == 0 || (t.at >= r->at && t.at + t.len <= r->at + r->request.head);
}

static bool
equal(struct http_text a, struct http_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* is_clean - neither controls nor, but for tabs and blanks INSIDE it, white space */
static bool
is_clean(struct http_text t, bool blanks)
{
	for (size_t i = 0; i < t.len; i++)
		if (iscntrl((unsigned char)t.at[i]) || t.at[i] == ' ')
			if (!blanks || (t.at[i] != ' ' && t.at[i] != '\t'))
				return false;
	return true;
}

/* line_length - bytes before the next LF, or before END */
static size_t
line_length(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && at[n] != '\n')
		n++;
	return n;
}

/* count - lines of the head that begin with NAME and a colon */
static size_t
count(const struct reading *r, const char *name)
{
	const char *end = r->at + r->request.head;
	size_t n = 0, len = strlen(name);

	for (const char *at = r->at; at < end;) {
		size_t line = line_length(at, end);

		fuzz_expect(line > 0 && at + line < end && at[line - 1] == '\r');
		if (line > len && strncasecmp(at, name, len) == 0)
			n += at[len] == ':';
		at += line + 1;
	}
	return n;
}

/* expect_whole - what everybody who reads such a head would agree on */
static void
expect_whole(const struct reading *r, size_t n)
{
	const struct http_request *q = &r->request;

	fuzz_expect(r->status == 0);
	fuzz_expect(q->head >= 4 && q->head <= n && q->head <= HTTP_REQUEST_HEAD_MAX);
	fuzz_expect(memcmp(r->at + q->head - 4, "\r\n\r\n", 4) == 0);
	fuzz_expect(memchr(r->at, '\0', q->head) == NULL);
	fuzz_expect(is_within(r, q->method) && is_within(r, q->path) &&
	    is_within(r, q->query) && is_within(r, q->authorization) &&
	    is_within(r, q->user_agent));
	fuzz_expect(q->method.len > 0 && q->path.len > 0 && q->path.at[0] == '/');
	fuzz_expect(memchr(q->path.at, '?', q->path.len) == NULL);
	fuzz_expect(is_clean(q->method, false) && is_clean(q->path, false) &&
	    is_clean(q->query, false));
	fuzz_expect(is_clean(q->authorization, true) && is_clean(q->user_agent, true));
	fuzz_expect(count(r, "Transfer-Encoding") == 0);
	fuzz_expect(count(r, "Content-Length") <= 1 && count(r, "Authorization") <= 1);
	fuzz_expect(count(r, "Host") <= 1 && (!q->keep_alive || count(r, "Host") == 1));
	fuzz_expect(count(r, "Content-Length") == 1 || q->content == 0);
}

static void
expect_bad(const struct reading *r)
{
	fuzz_expect(r->status == 400 || r->status == 431 || r->status == 501 ||
	    r->status == 505);
}

/* end_of - the number of bytes with which there is an answer */
static size_t
end_of(const uint8_t *data, size_t n)
{
	for (size_t i = 4; i <= n && i <= HTTP_REQUEST_HEAD_MAX; i++)
		if (memcmp(data + i - 4, "\r\n\r\n", 4) == 0)
			return i;
	return HTTP_REQUEST_HEAD_MAX;
}

/* expect_prefix - of the first K bytes, which may be all there are at some time */
static void
expect_prefix(const uint8_t *data, size_t k, size_t end, const struct reading *all)
{
	struct reading r = read_head(data, k);

	if (k < end) {
		fuzz_expect(r.state == HTTP_REQUEST_MORE);
	} else {
		fuzz_expect(r.state == all->state && r.status == all->status);
		if (r.state == HTTP_REQUEST_WHOLE)
			fuzz_expect(r.request.head == all->request.head &&
			    r.request.content == all->request.content &&
			    r.request.keep_alive == all->request.keep_alive &&
			    equal(r.request.path, all->request.path));
	}
	free(r.at);
}

static void
expect_prefixes(const uint8_t *data, size_t n, const struct reading *all)
{
	size_t end = end_of(data, n), step = n <= EVERY_SPLIT ? 1 : n / 16;

	for (size_t k = 0; k < n; k += step)
		expect_prefix(data, k, end, all);
	for (size_t k = end - 1; k <= end + 1 && k <= n; k++)
		expect_prefix(data, k, end, all);
}

/* Writing a head again, with only what was read of it. */
struct head {
	char text[ROOM];
	size_t n;
};

static void
add(struct head *h, const char *before, struct http_text t, const char *after)
{
	int n = snprintf(h->text + h->n, sizeof h->text - h->n, "%s%.*s%s", before,
	    (int)t.len, t.len > 0 ? t.at : "", after);

	fuzz_expect(n >= 0 && (size_t)n < sizeof h->text - h->n);
	h->n += (size_t)n;
}

/* expect_again - it reads as the same */
static void
expect_again(const struct http_request *q)
{
	static struct head h;
	struct reading r;
	char length[32];

	h.n = 0;
	add(&h, "", q->method, " ");
	add(&h, "", q->path, "");
	add(&h, q->query.len > 0 ? "?" : "", q->query, " HTTP/1.1\r\nHost: a\r\n");
	add(&h, "Authorization:", q->authorization, "\r\n");
	add(&h, "User-Agent:\t", q->user_agent, "\t\r\n");
	snprintf(length, sizeof length, "%llu", (unsigned long long)q->content);
	add(&h, "content-length: ", (struct http_text){length, strlen(length)}, "\r\n");
	if (!q->keep_alive)
		add(&h, "Connection: a, CLOSE", (struct http_text){0}, "\r\n");
	add(&h, "\r\n", (struct http_text){0}, "");
	if (h.n > HTTP_REQUEST_HEAD_MAX)
		return;
	r = read_head((uint8_t *)h.text, h.n);
	fuzz_expect(r.state == HTTP_REQUEST_WHOLE && r.request.head == h.n);
	fuzz_expect(
	    equal(r.request.method, q->method) && equal(r.request.path, q->path));
	fuzz_expect(equal(r.request.query, q->query));
	fuzz_expect(equal(r.request.authorization, q->authorization));
	fuzz_expect(equal(r.request.user_agent, q->user_agent));
	fuzz_expect(
	    r.request.content == q->content && r.request.keep_alive == q->keep_alive);
	free(r.at);
}

/* expect_query - a search for the part, where each has a "&" on both sides */
static void
expect_query(const struct http_request *q)
{
	static struct head h;
	bool has = http_request_query_has(q, "command=report");

	h.n = 0;
	add(&h, "&", q->query, "&");
	fuzz_expect(has == (strstr(h.text, "&command=report&") != NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading all = read_head(data, size);

	if (all.state == HTTP_REQUEST_WHOLE) {
		expect_whole(&all, size);
		expect_again(&all.request);
		expect_query(&all.request);
	} else if (all.state == HTTP_REQUEST_BAD) {
		expect_bad(&all);
	}
	expect_prefixes(data, size, &all);
	free(all.at);
	return 0;
}
