/* SPDX-License-Identifier: BSD-2-Clause */
/* check_http_request.c - heads of HTTP requests, and what is none. */
#include "milter/auth/http_request.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define HOST "Host: a\r\n"
#define END "\r\n"

static struct http_request request;

/* read_text - from memory that ends where the text does; 0, a status, or -1 for more */
static int
read_text(const char *text, size_t n)
{
	static char *copy;
	enum http_request_state state;
	int status = 99;

	free(copy);
	copy = malloc(n > 0 ? n : 1);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, n);
	memset(&request, 0xA5, sizeof request);
	state = http_request_read(copy, n, &request, &status);
	if (state == HTTP_REQUEST_MORE)
		return -1;
	ck_assert_int_eq(state == HTTP_REQUEST_WHOLE, status == 0);
	return status;
}

static void
expect_text(struct http_text t, const char *wanted)
{
	ck_assert_uint_eq(t.len, strlen(wanted));
	if (t.len > 0)
		ck_assert_mem_eq(t.at, wanted, t.len);
}

static const char dovecot[] = "POST /v1/auth?command=allow HTTP/1.1\r\n"
			      "Host: 127.0.0.1:8898\r\n"
			      "Date: Sun, 29 Nov 2026 01:03:47 GMT\r\n"
			      "User-Agent: dovecot/auth-policy-client\r\n"
			      "Content-Length: 125\r\n"
			      "Connection: Keep-Alive\r\n"
			      "Content-Type: application/json\r\n"
			      "Authorization: Bearer 0123456789abcdef\r\n"
			      "\r\n"
			      "{\"device_id\":";

START_TEST(dovecot_is_understood)
{
	ck_assert_int_eq(read_text(dovecot, sizeof dovecot - 1), 0);
	expect_text(request.method, "POST");
	expect_text(request.path, "/v1/auth");
	expect_text(request.query, "command=allow");
	expect_text(request.authorization, "Bearer 0123456789abcdef");
	expect_text(request.user_agent, "dovecot/auth-policy-client");
	ck_assert_uint_eq(request.content, 125);
	ck_assert_uint_eq(request.head, strstr(dovecot, "{") - dovecot);
	ck_assert(request.keep_alive);
}
END_TEST

START_TEST(less_than_the_head_is_not_enough)
{
	size_t head = (size_t)(strstr(dovecot, "{") - dovecot);

	for (size_t n = 0; n < head; n++)
		ck_assert_int_eq(read_text(dovecot, n), -1);
	for (size_t n = head; n < sizeof dovecot; n++)
		ck_assert_int_eq(read_text(dovecot, n), 0);
}
END_TEST

/* What a head is answered by; 0: it is read. */
static const struct {
	const char *text;
	int status;
} heads[] = {
    {"GET / HTTP/1.1\r\n" HOST END, 0},
    {"GET / HTTP/1.0\r\n" END, 0},
    {"GET / HTTP/1.1\r\nhOST:a\r\n" END, 0},
    {"GET / HTTP/1.1\r\nHost:\r\n" END, 0},
    {"GET / HTTP/1.1\r\n" HOST "X:\r\n" END, 0},
    {"GET / HTTP/1.1\r\n" HOST "X: a:b\tc \xC3\xA4\r\n" END, 0},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END, 0},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length:\t7 \r\n" END, 0},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 999999999999999999\r\n" END, 0},
    /* the request line */
    {END END, 400},
    {"\r\nGET / HTTP/1.1\r\n" HOST END, 400},
    {"GET /\r\n" HOST END, 400},
    {"GET  / HTTP/1.1\r\n" HOST END, 400},
    {"GET /  HTTP/1.1\r\n" HOST END, 400},
    {"GET / HTTP/1.1 \r\n" HOST END, 400},
    {" GET / HTTP/1.1\r\n" HOST END, 400},
    {"GET\t/\tHTTP/1.1\r\n" HOST END, 400},
    {"G(T / HTTP/1.1\r\n" HOST END, 400},
    {"G\xC3T / HTTP/1.1\r\n" HOST END, 400},
    {"GET http://a/ HTTP/1.1\r\n" HOST END, 400},
    {"GET * HTTP/1.1\r\n" HOST END, 400},
    {"GET  HTTP/1.1\r\n" HOST END, 400},
    {"GET /\xC3\xA4 HTTP/1.1\r\n" HOST END, 400},
    {"GET /\x7F HTTP/1.1\r\n" HOST END, 400},
    {"GET / http/1.1\r\n" HOST END, 400},
    {"GET / HTTP/1.1x\r\n" HOST END, 400},
    {"GET / HTTP/1\r\n" HOST END, 400},
    {"GET / HTTP/1.2\r\n" HOST END, 505},
    {"GET / HTTP/2.0\r\n" HOST END, 505},
    {"PRI * HTTP/2.0\r\n" END, 400},
    /* where readers disagree on where a request ends */
    {"GET / HTTP/1.1\n" HOST END END, 400},
    {"GET / HTTP/1.1\r\nHost: a\n" END END, 400},
    {"GET / HTTP/1.1\r\nHost: a\nContent-Length: 1\r\n" END, 400},
    {"GET / HTTP/1.1\r\nHost: a\rContent-Length: 1\r\n" END, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST " X: a\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "X : a\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length : 1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST ": a\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "X\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "X: \x01\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "X: \x7F\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1, 1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1.0\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1000000000000000000\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\ncontent-LENGTH: 2\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END, 501},
    {"GET / HTTP/1.1\r\n" HOST "TRANSFER-encoding: identity\r\n" END, 501},
    {"GET / HTTP/1.1\r\n" HOST
     "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END,
	501},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END, 501},
    {"GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n" END, 501},
    /* fields that are there once */
    {"GET / HTTP/1.1\r\n" END, 400},
    {"GET / HTTP/1.1\r\n" HOST HOST END, 400},
    {"GET / HTTP/1.0\r\n" HOST HOST END, 400},
    {"GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n" END, 400},
};

START_TEST(head_is_read_or_not)
{
	const char *text = heads[_i].text;

	ck_assert_msg(read_text(text, strlen(text)) == heads[_i].status, "%d of %s",
	    read_text(text, strlen(text)), text);
}
END_TEST

/* Wherever a NUL or another control character stands, the head is none. */
START_TEST(controls_are_nowhere)
{
	static const char good[] =
	    "GET /a?b HTTP/1.1\r\n" HOST "Authorization: c d\r\n" END;
	static const char bad[] = {'\0', '\x01', '\x0B', '\x1F', '\x7F'};
	char text[sizeof good];

	ck_assert_int_eq(read_text(good, sizeof good - 1), 0);
	for (size_t i = 0; i < sizeof good - 1 - 4; i++)
		for (size_t b = 0; b < sizeof bad; b++) {
			memcpy(text, good, sizeof good);
			text[i] = bad[b];
			ck_assert_int_gt(read_text(text, sizeof good - 1), 0);
		}
}
END_TEST

START_TEST(connection_ends_or_not)
{
	static const struct {
		const char *text;
		bool keep;
	} cases[] = {{"HTTP/1.1\r\n" HOST, true},
	    {"HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n", true},
	    {"HTTP/1.1\r\n" HOST "Connection: close\r\n", false},
	    {"HTTP/1.1\r\n" HOST "connection: CLOSE\r\n", false},
	    {"HTTP/1.1\r\n" HOST "Connection: te , Close\t,\r\n", false},
	    {"HTTP/1.1\r\n" HOST "Connection: closed, not close\r\n", true},
	    {"HTTP/1.1\r\n" HOST "Connection: close\r\nConnection: keep-alive\r\n",
		false},
	    {"HTTP/1.0\r\n", false}, {"HTTP/1.0\r\nConnection: keep-alive\r\n", false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[200];

		snprintf(text, sizeof text, "GET / %s\r\n", cases[i].text);
		ck_assert_int_eq(read_text(text, strlen(text)), 0);
		ck_assert_msg(request.keep_alive == cases[i].keep, "%s", text);
	}
}
END_TEST

START_TEST(values_are_trimmed)
{
	static const char text[] =
	    "GET / HTTP/1.1\r\nHost:\t a \r\n"
	    "Authorization: \tBearer  x\t \r\nuser-agent:b\r\n\r\n";

	ck_assert_int_eq(read_text(text, sizeof text - 1), 0);
	expect_text(request.authorization, "Bearer  x");
	expect_text(request.user_agent, "b");
	expect_text(request.query, "");
	ck_assert_uint_eq(request.content, 0);
}
END_TEST

/* head_of - a head of N bytes, in memory that lasts until the next one */
static const char *
head_of(size_t n)
{
	static char text[HTTP_REQUEST_HEAD_MAX + 100];
	int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");

	memset(text + len, 'x', n - 4 - (size_t)len);
	memcpy(text + n - 4, "\r\n\r\n", 5);
	return text;
}

START_TEST(head_has_a_limit)
{
	const size_t most = HTTP_REQUEST_HEAD_MAX;

	ck_assert_int_eq(read_text(head_of(most), most), 0);
	ck_assert_uint_eq(request.head, most);
	ck_assert_int_eq(read_text(head_of(most), most - 1), -1);
	ck_assert_int_eq(read_text(head_of(most + 1), most - 1), -1);
	ck_assert_int_eq(read_text(head_of(most + 1), most), 431);
	ck_assert_int_eq(read_text(head_of(most + 1), most + 1), 431);
}
END_TEST

START_TEST(fields_have_a_limit)
{
	for (int n = HTTP_REQUEST_FIELDS_MAX - 1; n <= HTTP_REQUEST_FIELDS_MAX + 1;
	     n++) {
		char text[1000] = "GET / HTTP/1.1\r\n" HOST;

		for (int i = 1; i < n; i++)
			strcat(text, "a:\r\n");
		strcat(text, END);
		ck_assert_int_eq(read_text(text, strlen(text)),
		    n <= HTTP_REQUEST_FIELDS_MAX ? 0 : 431);
	}
}
END_TEST

START_TEST(query_has_parts)
{
	static const struct {
		const char *target;
		bool has;
	} cases[] = {{"/?command=report", true}, {"/?a&command=report", true},
	    {"/?command=report&a", true}, {"/?&command=report&", true}, {"/", false},
	    {"/?", false}, {"/?command=reports", false}, {"/?xcommand=report", false},
	    {"/?command=allow", false}, {"/?command", false},
	    {"/command=report", false}, {"/?x?command=report", false},
	    {"/?Command=report", false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[200];

		snprintf(
		    text, sizeof text, "GET %s HTTP/1.1\r\n" HOST END, cases[i].target);
		ck_assert_int_eq(read_text(text, strlen(text)), 0);
		ck_assert_msg(
		    http_request_query_has(&request, "command=report") == cases[i].has,
		    "%s", text);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_request");
	TCase *t = suite_add_case(suite, "http_request");

	tcase_add_test(t, dovecot_is_understood);
	tcase_add_test(t, less_than_the_head_is_not_enough);
	tcase_add_loop_test(t, head_is_read_or_not, 0, (int)COUNT(heads));
	tcase_add_test(t, controls_are_nowhere);
	tcase_add_test(t, connection_ends_or_not);
	tcase_add_test(t, values_are_trimmed);
	tcase_add_test(t, head_has_a_limit);
	tcase_add_test(t, fields_have_a_limit);
	tcase_add_test(t, query_has_parts);
	return suite_run(suite);
}
