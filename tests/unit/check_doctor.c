/* SPDX-License-Identifier: BSD-2-Clause */
/* check_doctor.c - addresses, lists and findings of the doctor, and hostile ones. */
#include "policy/config/endpoint.h"
#include "policy/doctor/findings.h"
#include "policy/doctor/milter_list.h"
#include "policy/doctor/probe.h"
#include "tests/lib/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE_SIZE (1u << 20)
#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* huge - a text of one character, to be freed */
static char *
huge(char c)
{
	char *text = malloc(HUGE_SIZE + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, c, HUGE_SIZE);
	text[HUGE_SIZE] = '\0';
	return text;
}

START_TEST(addresses_of_the_milter)
{
	static const struct {
		const char *text;
		int kind;
		const char *name;
		unsigned port;
	} cases[] = {
	    {"inet:8899@127.0.0.1", ENDPOINT_INET, "127.0.0.1", 8899},
	    {"inet6:65535@::1", ENDPOINT_INET, "::1", 65535},
	    {"inet:1@mx.example", ENDPOINT_INET, "mx.example", 1},
	    {"unix:/run/a@b:c", ENDPOINT_UNIX, "/run/a@b:c", 0},
	    {"local:/run/s", ENDPOINT_UNIX, "/run/s", 0},
	};
	static const char *const bad[] = {"", "inet", "inet:", "inet:@", "inet:1@",
	    "inet:@h", "inet:0@h", "inet:65536@h", "inet:-1@h", "inet:x@h", "inet:8899",
	    "inet:99999999999999999999@h", "unix:", "local:", "fd:3", "unix",
	    "INET:1@h", " inet:1@h", "/run/s", "inet:8899:127.0.0.1"};
	struct endpoint e;

	for (size_t i = 0; i < LENGTH(cases); i++) {
		ck_assert_msg(endpoint_from_milter(cases[i].text, &e), "case %zu", i);
		ck_assert_int_eq((int)e.kind, cases[i].kind);
		ck_assert_str_eq(e.name, cases[i].name);
		ck_assert_uint_eq(e.port, cases[i].port);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		ck_assert_msg(!endpoint_from_milter(bad[i], &e), "\"%s\"", bad[i]);
		ck_assert_int_eq((int)e.kind, ENDPOINT_NONE);
	}
}
END_TEST

START_TEST(addresses_of_postfix)
{
	static const char *const bad[] = {"", "inet:", "inet::", "inet:h",
	    "inet:h:", "inet:h:0", "inet:h:65536", "inet:8899@127.0.0.1",
	    "inet:1:8899@127.0.0.1", "inet::1", "unix:", "local:", "inet:h:smtp"};
	struct endpoint e;

	ck_assert(endpoint_from_postfix("inet:127.0.0.1:8899", &e));
	ck_assert_str_eq(e.name, "127.0.0.1");
	ck_assert_uint_eq(e.port, 8899);
	ck_assert(endpoint_from_postfix("inet:[::1]:8899", &e));
	ck_assert_str_eq(e.name, "::1");
	ck_assert(endpoint_from_postfix("unix:smtpauth/s", &e));
	ck_assert_str_eq(e.name, "smtpauth/s");
	for (size_t i = 0; i < LENGTH(bad); i++) {
		ck_assert_msg(!endpoint_from_postfix(bad[i], &e), "\"%s\"", bad[i]);
		ck_assert_int_eq((int)e.kind, ENDPOINT_NONE);
	}
}
END_TEST

START_TEST(addresses_that_are_long)
{
	char text[ENDPOINT_MAX + 32], printed[ENDPOINT_MAX + 32];
	struct endpoint e;

	for (size_t n = ENDPOINT_MAX - 1; n <= ENDPOINT_MAX + 1; n++) {
		snprintf(text, sizeof text, "unix:%0*d", (int)n, 0);
		ck_assert_int_eq(endpoint_from_milter(text, &e), n <= ENDPOINT_MAX);
		ck_assert_int_eq(endpoint_from_postfix(text, &e), n <= ENDPOINT_MAX);
		if (n <= ENDPOINT_MAX)
			ck_assert_str_eq(endpoint_postfix(&e, printed), text);
	}
}
END_TEST

START_TEST(addresses_are_printed)
{
	char out[ENDPOINT_MAX + 32];
	struct endpoint e;

	ck_assert(endpoint_from_milter("inet6:1@::1", &e));
	ck_assert_str_eq(endpoint_postfix(&e, out), "inet:[::1]:1");
	ck_assert_str_eq(endpoint_milter(&e, out), "inet6:1@::1");
	ck_assert(endpoint_from_postfix("inet:h:1", &e));
	ck_assert_str_eq(endpoint_postfix(&e, out), "inet:h:1");
	ck_assert_str_eq(endpoint_milter(&e, out), "inet:1@h");
	ck_assert(endpoint_from_milter("local:/s", &e));
	ck_assert_str_eq(endpoint_milter(&e, out), "unix:/s");
}
END_TEST

/* reaches - from Postfix's spelling to the milter's */
static bool
reaches(const char *client, const char *server)
{
	struct endpoint a, b;

	(void)endpoint_from_postfix(client, &a);
	(void)endpoint_from_milter(server, &b);
	return endpoint_reaches(&a, &b);
}

START_TEST(who_reaches_whom)
{
	ck_assert(reaches("inet:127.0.0.1:1", "inet:1@127.0.0.1"));
	ck_assert(reaches("inet:localhost:1", "inet:1@127.0.0.1"));
	ck_assert(!reaches("inet:[::1]:1", "inet:1@127.0.0.1"));
	ck_assert(!reaches("inet:127.0.0.2:1", "inet:1@127.0.0.1"));
	ck_assert(reaches("inet:MX.example:1", "inet:1@mx.example"));
	ck_assert(reaches("inet:127.0.0.1:1", "inet:1@0.0.0.0"));
	ck_assert(reaches("inet:127.0.0.1:1", "inet6:1@::"));
	ck_assert(!reaches("inet:192.0.2.1:1", "inet:1@0.0.0.0"));
	ck_assert(!reaches("inet:192.0.2.1:1", "inet6:1@::"));
	ck_assert(!reaches("inet:127.0.0.1:2", "inet:1@127.0.0.1"));
	ck_assert(!reaches("inet:192.0.2.1:1", "inet:1@127.0.0.1"));
	ck_assert(!reaches("inet:127.0.0.1:1", "inet:1@192.0.2.1"));
	ck_assert(reaches("unix:/s", "unix:/s"));
	ck_assert(!reaches("unix:/s", "unix:/t"));
	ck_assert(!reaches("unix:/s", "inet:1@127.0.0.1"));
	ck_assert(!reaches("", ""));
}
END_TEST

START_TEST(case_of_a_path_counts)
{
	ck_assert(!reaches("unix:/S", "unix:/s"));
}
END_TEST

START_TEST(nobody_answers)
{
	struct endpoint e;

	ck_assert(endpoint_from_milter("unix:/no/such/socket", &e));
	ck_assert_int_eq(endpoint_connect(&e), -1);
	snprintf(e.name, sizeof e.name, "/%0200d", 0);
	ck_assert_int_eq(endpoint_connect(&e), -1);
	ck_assert(endpoint_from_milter("inet:1@no host", &e));
	ck_assert_int_eq(endpoint_connect(&e), -1);
}
END_TEST

START_TEST(nobody_takes_the_connection)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/check_doctor-XXXXXX";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), first;
	struct endpoint e = {.kind = ENDPOINT_UNIX};

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(e.name, sizeof e.name, "%s/s", folder);
	strcpy(un.sun_path, e.name);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	first = endpoint_connect(&e); /* and the queue is full */
	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(endpoint_connect(&e), -1);
	ck_assert_int_eq(errno, ETIMEDOUT);
	close(first);
	close(fd);
	unlink(e.name);
	rmdir(folder);
}
END_TEST

START_TEST(list_of_milters)
{
	struct milter_list list;

	milter_list_parse(
	    " inet:a:1,{ inet:b:2 , connect_timeout=3s, { default_action = reject },"
	    "command_timeout=2m,protocol=6},\tunix:c\n{unix:d}",
	    &list);
	ck_assert_uint_eq(list.count, 4);
	ck_assert(!list.cut);
	ck_assert_str_eq(list.entry[0].address, "inet:a:1");
	ck_assert_str_eq(list.entry[0].default_action, "");
	ck_assert_int_eq(list.entry[0].command_timeout, -1);
	ck_assert_str_eq(list.entry[1].address, "inet:b:2");
	ck_assert_str_eq(list.entry[1].default_action, "reject");
	ck_assert_int_eq(list.entry[1].command_timeout, 120);
	ck_assert_str_eq(list.entry[2].address, "unix:c");
	ck_assert_str_eq(list.entry[3].endpoint.name, "d");
}
END_TEST

START_TEST(list_that_is_hostile)
{
	static const char *const texts[] = {"", " ", ",", "{", "}", "{}", "{ }", "{{",
	    "}}", "{{}}", "}{", "{a", "{a,{b", "a}b,c", "{,}", "{=}", "{a,=}", "{a,b=}",
	    "{a,=b}", "{a,{=,=}}", "\x01\x7f\xff", "{ { { } }"};
	static const char chars[] = "{}, =a";
	struct milter_list list;

	for (size_t i = 0; i < LENGTH(texts); i++)
		milter_list_parse(texts[i], &list);
	for (size_t i = 0; chars[i] != '\0'; i++) {
		char *text = huge(chars[i]);

		milter_list_parse(text, &list);
		ck_assert_uint_le(list.count, MILTER_LIST_MAX);
		free(text);
	}
}
END_TEST

START_TEST(list_that_is_long)
{
	char text[2 * (MILTER_LIST_MAX + 1) + 1] = "";
	char address[ENDPOINT_MAX + 100];
	struct milter_list list;

	for (int i = 0; i < MILTER_LIST_MAX; i++)
		strcat(text, "a ");
	milter_list_parse(text, &list);
	ck_assert_uint_eq(list.count, MILTER_LIST_MAX);
	ck_assert(!list.cut);
	strcat(text, "b");
	milter_list_parse(text, &list);
	ck_assert_uint_eq(list.count, MILTER_LIST_MAX);
	ck_assert(list.cut);
	snprintf(address, sizeof address, "unix:%0*d b", ENDPOINT_MAX + 20, 0);
	milter_list_parse(address, &list);
	ck_assert_uint_eq(list.count, 1);
	ck_assert(list.cut);
}
END_TEST

START_TEST(list_without_space)
{
	static const char *const cases[][2] = {
	    {"", ""},
	    {" , ", ""},
	    {"a", "a"},
	    {" a  b,c ,\td ", "a,b,c,d"},
	    {"{ inet:b:2 , { x = y } , z=1 } c", "{inet:b:2,{x=y},z=1},c"},
	    {"{a}{b}", "{a}{b}"},
	};
	char out[40];

	for (size_t i = 0; i < LENGTH(cases); i++) {
		ck_assert(milter_list_squeeze(cases[i][0], out, sizeof out));
		ck_assert_str_eq(out, cases[i][1]);
	}
	for (size_t cap = 1; cap <= 12; cap++) {
		out[cap] = '!';
		(void)milter_list_squeeze("a b c d e f g", out, cap);
		ck_assert_int_eq(out[cap], '!');
	}
	ck_assert(!milter_list_squeeze("a b c d e f g", out, 12));
}
END_TEST

START_TEST(times_of_postfix)
{
	ck_assert_int_eq(milter_list_seconds("0"), 0);
	ck_assert_int_eq(milter_list_seconds("15s"), 15);
	ck_assert_int_eq(milter_list_seconds("2m"), 120);
	ck_assert_int_eq(milter_list_seconds("1h"), 3600);
	ck_assert_int_eq(milter_list_seconds("1w"), 604800);
	ck_assert_int_eq(milter_list_seconds(""), -1);
	ck_assert_int_eq(milter_list_seconds("s"), -1);
	ck_assert_int_eq(milter_list_seconds("-1"), -1);
	ck_assert_int_eq(milter_list_seconds("1x"), -1);
	ck_assert_int_eq(milter_list_seconds("1ss"), -1);
	ck_assert_int_eq(milter_list_seconds("99999999999999999999w"), -1);
}
END_TEST

START_TEST(findings_are_kept)
{
	struct findings list = {0};
	char where[] = "here", *text = huge('%');

	findings_fix(&list, "of nothing");
	findings_add(&list, "one", where, "a %d %s", 7, "b");
	where[0] = 'x';
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.item[0].id, "one");
	ck_assert_str_eq(list.item[0].where, "here");
	ck_assert_str_eq(list.item[0].text, "a 7 b");
	ck_assert_str_eq(list.item[0].fix, "");
	findings_fix(&list, "do %s", "this");
	findings_fix(&list, "do %s", "that");
	findings_add(&list, "two", "", "%s", text);
	ck_assert_str_eq(list.item[0].fix, "do that");
	ck_assert_str_eq(list.item[1].text, text);
	ck_assert_str_eq(list.item[1].fix, "");
	ck_assert(!list.failed);
	free(text);
	findings_free(&list);
	ck_assert_uint_eq(list.count, 0);
	findings_free(&list);
}
END_TEST

START_TEST(findings_of_one_cause)
{
	struct findings list = {0};

	for (int i = 0; i < 3; i++) {
		const char *where = i == 0 ? "a" : i == 1 ? "b" : "a";

		findings_add(&list, "one", where, "text");
		findings_fix(&list,
		    "postconf -P '%s; x'; postfix reload; or: postconf -P '%s=no'",
		    where, where);
	}
	findings_add(&list, "one", "ab", "text");
	findings_add(&list, "one", "c", "another text");
	findings_add(&list, "two", "c", "text");
	ck_assert_uint_eq(list.count, 3);
	ck_assert_str_eq(list.item[0].where, "a, b, ab");
	ck_assert_str_eq(list.item[0].fix,
	    "postconf -P 'a; x'; postconf -P 'b; x'; postfix reload; "
	    "or: postconf -P 'a=no'; or: postconf -P 'b=no'");
	ck_assert_str_eq(list.item[1].where, "c");
	findings_add(&list, "one", "d", "text");
	findings_fix(&list, "stop");
	ck_assert_str_eq(list.item[0].fix,
	    "postconf -P 'a; x'; postconf -P 'b; x'; stop; postfix reload; "
	    "or: postconf -P 'a=no'; or: postconf -P 'b=no'");
	ck_assert(!list.failed);
	findings_free(&list);
}
END_TEST

START_TEST(list_with_another_entry)
{
	static const struct {
		const char *value, *address, *expected;
	} cases[] = {
	    {"inet:a:1", "inet:a:1", "x"},
	    {"{ inet:a:1, b=c }, d", "inet:a:1", "{ x, b=c }, d"},
	    {"inet:a:12,{inet:a:1}", "inet:a:1", "inet:a:12,{x}"},
	    {"xinet:a:1 inet:a:1", "inet:a:1", "xinet:a:1 x"},
	    {"inet:a:1", "inet:a", NULL},
	    {"", "inet:a:1", NULL},
	    {"a", "", NULL},
	};
	char out[40];

	for (size_t i = 0; i < LENGTH(cases); i++) {
		bool done = milter_list_replace(
		    cases[i].value, cases[i].address, "x", out, sizeof out);

		ck_assert_msg(done == (cases[i].expected != NULL), "case %zu", i);
		if (done)
			ck_assert_str_eq(out, cases[i].expected);
	}
	ck_assert(!milter_list_replace("abc", "abc", "xyz", out, 3));
	ck_assert(milter_list_replace("abc", "abc", "xyz", out, 4));
}
END_TEST

START_TEST(list_with_another_option)
{
	static const struct {
		const char *value;
		size_t number;
		const char *expected;
	} cases[] = {
	    {"a", 0, "{ a, o=v }"},
	    {"a, b c", 1, "a, { b, o=v } c"},
	    {"{ a, o=w }, b", 0, "{ a, o=v }, b"},
	    {"{ a, { o = w }, p=q }", 0, "{ a, { o =v}, p=q }"},
	    {"{ a, op=w }", 0, "{ a, op=w, o=v }"},
	    {"{a}", 0, "{a, o=v}"},
	    {"a", 1, NULL},
	    {"", 0, NULL},
	};
	char out[40];

	for (size_t i = 0; i < LENGTH(cases); i++) {
		bool done = milter_list_set(
		    cases[i].value, cases[i].number, "o", "v", out, sizeof out);

		ck_assert_msg(done == (cases[i].expected != NULL), "case %zu", i);
		if (done)
			ck_assert_str_eq(out, cases[i].expected);
	}
	ck_assert(!milter_list_set("a", 0, "o", "v", out, 10));
	ck_assert(milter_list_set("a", 0, "o", "v", out, 11));
}
END_TEST

START_TEST(list_with_open_braces)
{
	static const struct {
		const char *value;
		unsigned open;
	} cases[] = {{"", 0}, {"{ a }", 0}, {"{ a", 1}, {"{ a, { b=c }", 1},
	    {"{ a, { b=c", 2}, {"}{", 1}, {"a}", 0}};
	struct milter_list list;

	for (size_t i = 0; i < LENGTH(cases); i++) {
		milter_list_parse(cases[i].value, &list);
		ck_assert_msg(list.open == cases[i].open, "case %zu", i);
	}
}
END_TEST

/* serve - one client: a greeting, an answer to whatever it sends, and the end */
static void
serve(int fd, const char *greeting, const char *answer)
{
	char request[512];
	int client = accept(fd, NULL, NULL);

	for (const char *c = greeting; *c != '\0'; c++) /* in as many pieces */
		(void)!write(client, c, 1);
	if (answer != NULL && read(client, request, sizeof request) > 0) {
		(void)!write(client, answer, strlen(answer));
		while (read(client, request, sizeof request) > 0)
			;
	}
	_exit(0);
}

/* probed - what the probe says of such a server */
static enum probe_service
probed(const char *greeting, const char *answer, bool tls)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof in;
	struct endpoint at = {.kind = ENDPOINT_INET, .name = "127.0.0.1"};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	enum probe_service result;
	pid_t pid;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	at.port = ntohs(in.sin_port);
	if (greeting == NULL) {
		result = probe_service(&at, tls); /* nobody listens */
		close(fd);
		return result;
	}
	ck_assert_int_eq(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0)
		serve(fd, greeting, answer);
	close(fd);
	result = probe_service(&at, tls);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return result;
}

START_TEST(services_that_answer)
{
	static const char banner[] = "220-mx ESMTP\r\n220 more\r\n";

	ck_assert_int_eq(
	    probed(banner, "250-mx\r\n250-AUTH PLAIN\r\n250 DSN\r\n", false),
	    PROBE_SERVICE_WELL);
	ck_assert_int_eq(
	    probed(banner, "250-mx\r\n250 auth=login\r\n", false), PROBE_SERVICE_WELL);
	ck_assert_int_eq(
	    probed(banner, "250-mx AUTH\r\n250-AUTHOR\r\n250 DSN\r\n", false),
	    PROBE_SERVICE_NO_AUTH);
	ck_assert_int_eq(probed(banner, "502 no\r\n", false), PROBE_SERVICE_OTHER);
}
END_TEST

START_TEST(services_of_another_kind)
{
	ck_assert_int_eq(probed("554 go away\r\n", "", false), PROBE_SERVICE_OTHER);
	ck_assert_int_eq(probed("SSH-2.0\r\n", "", false), PROBE_SERVICE_OTHER);
}
END_TEST

START_TEST(services_that_do_not_answer)
{
	struct endpoint at = {ENDPOINT_INET, "192.0.2.1", 25};

	ck_assert_int_eq(probed(NULL, NULL, false), PROBE_SERVICE_ABSENT);
	ck_assert_int_eq(probed("", NULL, false), PROBE_SERVICE_CLOSED);
	ck_assert_int_eq(probed("220 mx\r\n", NULL, false), PROBE_SERVICE_CLOSED);
	ck_assert_int_eq(probed("220 m", NULL, false), PROBE_SERVICE_OTHER);
	ck_assert_int_eq(probe_service(&at, false), PROBE_SERVICE_OTHER);
}
END_TEST

START_TEST(services_with_tls)
{
	ck_assert_int_eq(probed("", "\x15\x03\x01", true), PROBE_SERVICE_WELL);
	ck_assert_int_eq(probed("", NULL, true), PROBE_SERVICE_CLOSED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *endpoint = suite_add_case(suite, "endpoint");
	TCase *lists = suite_add_case(suite, "lists");
	TCase *probes = suite_add_case(suite, "probes");

	tcase_add_test(endpoint, addresses_of_the_milter);
	tcase_add_test(endpoint, addresses_of_postfix);
	tcase_add_test(endpoint, addresses_that_are_long);
	tcase_add_test(endpoint, addresses_are_printed);
	tcase_add_test(endpoint, who_reaches_whom);
	tcase_add_test(endpoint, case_of_a_path_counts);
	tcase_add_test(endpoint, nobody_answers);
	tcase_add_test(lists, list_of_milters);
	tcase_add_test(lists, list_that_is_hostile);
	tcase_add_test(lists, list_that_is_long);
	tcase_add_test(lists, list_without_space);
	tcase_add_test(lists, times_of_postfix);
	tcase_add_test(lists, findings_are_kept);
	tcase_add_test(lists, findings_of_one_cause);
	tcase_add_test(lists, list_with_another_entry);
	tcase_add_test(lists, list_with_another_option);
	tcase_add_test(lists, list_with_open_braces);
	tcase_add_test(probes, services_that_answer);
	tcase_add_test(probes, services_that_do_not_answer);
	tcase_add_test(probes, services_with_tls);
	if (suite_at_length()) { /* they wait for the end of our patience */
		tcase_add_test(endpoint, nobody_takes_the_connection);
		tcase_add_test(probes, services_of_another_kind);
	}
	return suite_run(suite);
}
