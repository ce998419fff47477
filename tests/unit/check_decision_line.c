/* SPDX-License-Identifier: BSD-2-Clause */
/* check_decision_line.c - the daemon's line of a decision, as logs have it. */
#include "policy/ctl/why/decision_line.h"
#include "policy/ctl/why/flat_json.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "458bhpx12b"
#define WORDS \
	"id=" ID \
	" verdict=reject reason=locked login=a mailbox= tenant=acme client=192.0.2.7 mech=PLAIN listener= sender=s@a.test"
#define JSON \
	"{\"time\":\"2026-11-30T09:12:01Z\",\"level\":\"info\",\"id\":\"" ID \
	"\",\"verdict\":\"reject\",\"reason\":\"locked\",\"login\":\"a\",\"mailbox\":null}"
#define NINE_TWELVE INT64_C(1796029921) /* 2026-11-30T09:12:01Z */
#define NOW (NINE_TWELVE + 3600)

static const struct {
	const char *line;
	instant when; /* 0: it is none of ours */
} lines[] = {
    {WORDS, INSTANT_NONE},
    {"smtpauth-milter: " WORDS "\n", INSTANT_NONE},
    {"<6>smtpauth-milter: " WORDS, INSTANT_NONE},
    {JSON, NINE_TWELVE},
    {JSON "\n", NINE_TWELVE},
    {"Nov 30 09:12:01 mx smtpauth-milter[865]: " WORDS, NINE_TWELVE},
    {"Nov 30 09:12:01 mx smtpauth-milter[865]: smtpauth-milter: " WORDS, NINE_TWELVE},
    {"Nov 30 09:12:01 smtpauth-milter: " WORDS, NINE_TWELVE},
    {"2026-11-30T09:12:01.123456+00:00 mx smtpauth-milter[865]: " WORDS, NINE_TWELVE},
    {"2026-11-30T10:12:01+0100 mx smtpauth-milter[865]: " WORDS, NINE_TWELVE},
    {"1796029921.654321 mx smtpauth-milter[865]: " WORDS, NINE_TWELVE},
    {"1796029921.654321 mx smtpauth-milter[865]: " JSON, NINE_TWELVE},
    /* not later than now: of the year before */
    {"Dec 31 09:12:01 mx smtpauth-milter[865]: " WORDS,
	NINE_TWELVE + 31 * 86400 - 365 * 86400},
    /* What other programs log, who may have been told to, and what is cut. */
    {"Nov 30 09:12:01 mx postfix/smtpd[9]: " WORDS, 0},
    {"Nov 30 09:12:01 mx smtpauth-milterx[9]: " WORDS, 0},
    {"Nov 30 09:12:01 mx smtpauth-milter[x]: " WORDS, 0},
    {"Nov 30 09:12:01 mx postfix/smtpd[9]: from=<\"smtpauth-milter: " WORDS "\"@x>", 0},
    {"Nov 30 09:12:01 mx smtpauth-milter[865]: x " WORDS, 0},
    {"Nov 30 09:12:01 mx smtpauth-milter[865]: id=458bhpx12c verdict=allow reason=locked login=" ID,
	0},
    {"id=" ID "x verdict=reject", 0},
    {"id=" ID, 0},
    {"id=" ID " login=a", 0},
    {"{\"id\":\"" ID "\"", 0},
    {"{\"id\":\"" ID "\",\"verdict\":\"reject\"} x", 0},
    {"{\"login\":\"" ID "\",\"verdict\":\"reject\"}", 0},
    {"", 0},
};

START_TEST(is_ours_or_not)
{
	struct decision_line line;
	bool ours = decision_line_read(&line, lines[_i].line, ID, NOW);

	ck_assert_int_eq(ours, lines[_i].when != 0);
	if (!ours)
		return;
	ck_assert_int_eq(line.when, lines[_i].when);
	ck_assert_str_eq(line.id, ID);
	ck_assert_str_eq(line.verdict.at, "reject");
	ck_assert_str_eq(line.reason.at, "locked");
	ck_assert_str_eq(line.login.at, "a");
	ck_assert_str_eq(line.mailbox.at, "");
}
END_TEST

START_TEST(escapes_are_undone)
{
	struct decision_line line;

	ck_assert(decision_line_read(&line,
	    "id=" ID " verdict=allow reason=x login=a\\x20b\\x5Cx41\\xFF=c sender=\\x",
	    ID, NOW));
	ck_assert_str_eq(line.login.at, "a b\\x41\xFF=c");
	ck_assert_str_eq(line.sender.at, "\\x");
	ck_assert(decision_line_read(&line,
	    "{\"id\":\"" ID
	    "\",\"verdict\":\"allow\",\"login\":\"a\\u0001\\n\\\"\\u00e9\\ud83d\\ude00\"}",
	    ID, NOW));
	ck_assert_str_eq(line.login.at, "a\1\n\"\xC3\xA9\xF0\x9F\x98\x80");
}
END_TEST

START_TEST(a_cut_value_is_called_so)
{
	struct decision_line line;
	char text[DECISION_LINE_MAX];

	ck_assert(decision_line_read(&line,
	    "id=" ID
	    " verdict=reject reason=x login=aaa...[700 bytes] tenant=acme sender=b",
	    ID, NOW));
	ck_assert(line.login.cut);
	ck_assert(!line.tenant.cut);
	ck_assert_str_eq(line.tenant.at, "acme");
	ck_assert(decision_line_read(&line,
	    "{\"id\":\"" ID "\",\"verdict\":\"allow\",\"login\":\"(too long)\"}", ID,
	    NOW));
	ck_assert(line.login.cut);
	for (int n = DECISION_VALUE_MAX; n <= DECISION_VALUE_MAX + 1; n++) {
		snprintf(text, sizeof text, "id=" ID " verdict=%0*d", n, 0);
		ck_assert(decision_line_read(&line, text, ID, NOW));
		ck_assert_int_eq(line.verdict.cut, n > DECISION_VALUE_MAX);
		ck_assert_uint_eq(line.verdict.len, DECISION_VALUE_MAX);
	}
}
END_TEST

static const struct {
	const char *id;
	bool is;
} ids[] = {{ID, true}, {"0123456789", true}, {"vwxyzabcde", true}, {"458bhpx12", false},
    {"458bhpx12b0", false}, {"458bhpx12i", false}, {"458bhpx12B", false}, {"", false},
    {"458bhpx1 b", false}};

START_TEST(an_id_has_ten_of_these)
{
	ck_assert_int_eq(decision_line_is_id(ids[_i].id), ids[_i].is);
}
END_TEST

static void
count(void *arg, const char *key, const char *value, size_t n)
{
	ck_assert_uint_eq(strlen(value), n);
	ck_assert_ptr_nonnull(key);
	++*(int *)arg;
}

static const struct {
	const char *json;
	int members; /* -1: it is none */
} objects[] = {
    {"{\"a\":\"b\"}", 1},
    {"{ \"a\" : null , \"b\":\"\" }\n", 2},
    {"{}", -1},
    {"{\"a\":1}", -1},
    {"{\"a\":{}}", -1},
    {"{\"a\":\"b\",}", -1},
    {"{\"a\":\"b\"", -1},
    {"{\"a\":\"b", -1},
    {"{\"a\":\"\\u0000\"}", -1},
    {"{\"a\":\"\\ud800\"}", -1},
    {"{\"a\":\"\\x\"}", -1},
    {"{\"a\":\"\\", -1},
    {"{\"a\":\"\t\"}", -1},
    {"[]", -1},
    {"{\"0123456789012345678901234567890123\":\"\"}", -1},
};

START_TEST(json_is_flat_or_none)
{
	int n = 0;
	bool is = flat_json_read(objects[_i].json, count, &n);

	ck_assert_int_eq(is, objects[_i].members >= 0);
	if (is)
		ck_assert_int_eq(n, objects[_i].members);
}
END_TEST

START_TEST(json_has_a_longest_value)
{
	char json[FLAT_JSON_VALUE_MAX + 40];
	int n = 0;

	snprintf(json, sizeof json, "{\"a\":\"%0*d\"}", FLAT_JSON_VALUE_MAX, 0);
	ck_assert(flat_json_read(json, count, &n));
	snprintf(json, sizeof json, "{\"a\":\"%0*d\"}", FLAT_JSON_VALUE_MAX + 1, 0);
	ck_assert(!flat_json_read(json, count, &n));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("decision_line");
	TCase *tcase = suite_add_case(suite, "decision_line");

	setenv("TZ", "UTC", 1);
	tcase_add_loop_test(tcase, is_ours_or_not, 0, sizeof lines / sizeof *lines);
	tcase_add_test(tcase, escapes_are_undone);
	tcase_add_test(tcase, a_cut_value_is_called_so);
	tcase_add_loop_test(tcase, an_id_has_ten_of_these, 0, sizeof ids / sizeof *ids);
	tcase_add_loop_test(
	    tcase, json_is_flat_or_none, 0, sizeof objects / sizeof *objects);
	tcase_add_test(tcase, json_has_a_longest_value);
	return suite_run(suite);
}
