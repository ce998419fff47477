/* SPDX-License-Identifier: BSD-2-Clause */
/* check_jsonl.c - rows from JSON Lines. */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/import/jsonl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1800000000

static struct error_text why;
static struct jsonl *j;
static struct row row;

static void
setup(void)
{
	j = malloc(sizeof *j);
	ck_assert_ptr_nonnull(j);
	memset(&row, 0, sizeof row);
}

static void
teardown(void)
{
	free(row.domain);
	free(j);
}

static void
start(const char *text, size_t n)
{
	jsonl_start(j, file_of(text, n), 1, NOW);
}

static void
end(void)
{
	FILE *in = j->reader.in;

	jsonl_end(j);
	fclose(in);
}

/* next - reads a row, which must be there */
static enum error
next(void)
{
	bool found = false;
	enum error e = jsonl_next(j, &row, &found, &why);

	ck_assert(e != OK || found);
	return e;
}

static void
expect_end(void)
{
	bool found = true;

	expect_ok(jsonl_next(j, &row, &found, &why));
	ck_assert(!found);
}

START_TEST(all_types_are_read)
{
	static const char text[] =
	    "{\"type\":\"setting\",\"key\":\"enforce\",\"value\":\"no\"}\r\n"
	    "\n"
	    "{\"type\":\"setting\",\"key\":\"usage-nodes\",\"value\":3}\n"
	    "{\"type\":\"setting\",\"key\":\"exempt-listeners\",\"value\":[\"a\",\"b\"]"
	    "}\n"
	    "{\"type\":\"tenant\",\"name\":\"ACME\",\"domains\":[\"a.test\",\"b.test\"]"
	    ","
	    "\"smtp_auth\":\"disabled\",\"action\":\"tempfail\",\"blocks\":"
	    "\"passwords\","
	    "\"enforce_from\":\"2026-12-01\",\"lock\":{\"until\":\"2099-01-01T00:00:"
	    "00Z\"},"
	    "\"contact\":\"x@y.test\",\"reply\":null,\"note\":\"n\"}\n"
	    "{\"type\":\"mailbox\",\"address\":\"u@a.test\",\"smtp_auth\":\"enabled\","
	    "\"clients\":[\"10.0.0.0/8\"],\"lock\":{\"until\":null}}\n"
	    "{\"type\":\"alias\",\"login\":\"old\",\"mailbox\":\"u@a.test\"}\n"
	    "{\"type\":\"lock\",\"login\":\"jane\",\"until\":\"2099-01-01T00:00:00Z\","
	    "\"who\":\"eve\",\"note\":\"stolen\",\"when\":null}\n"
	    "{\"type\":\"lock\",\"tenant\":\"acme\",\"when\":\"2026-12-01\"}";

	start(text, sizeof text - 1);
	expect_ok(next());
	ck_assert_str_eq(row.name, "enforce");
	ck_assert_str_eq(row.value, "no");
	expect_ok(next());
	ck_assert_uint_eq(row.line, 3);
	ck_assert_str_eq(row.value, "3");
	expect_ok(next());
	ck_assert_str_eq(row.value, "a,b");
	expect_ok(next());
	ck_assert_int_eq(row.type, ROW_TENANT);
	ck_assert_str_eq(row.tenant.name, "acme");
	ck_assert_uint_eq(row.domains, 2);
	ck_assert_str_eq(row.domain[1], "b.test");
	ck_assert_int_eq(row.tenant.action, ACTION_TEMPFAIL);
	ck_assert_int_eq(row.tenant.blocks, BLOCKS_PASSWORDS);
	ck_assert_int_eq(row.tenant.enforce_from, 1796083200);
	ck_assert(row.locked);
	ck_assert_int_eq(row.lock.until, 4070908800);
	expect_ok(next());
	ck_assert_int_eq(row.type, ROW_MAILBOX);
	ck_assert(row.locked);
	ck_assert_int_eq(row.lock.until, INSTANT_NONE);
	ck_assert_uint_eq(row.mailbox.clients.count, 1);
	ck_assert_uint_eq(row.says, ROW_ALL);
	expect_ok(next());
	ck_assert_int_eq(row.type, ROW_ALIAS);
	ck_assert_str_eq(row.name, "old");
	ck_assert_str_eq(row.value, "u@a.test");
	ck_assert(!row.locked);
	expect_ok(next());
	ck_assert_int_eq(row.type, ROW_LOCK);
	ck_assert_str_eq(row.name, "jane");
	ck_assert_int_eq(row.lock.until, 4070908800);
	ck_assert_int_eq(row.lock.when, INSTANT_NONE);
	ck_assert_str_eq(row.lock.who, "eve");
	ck_assert_str_eq(row.lock.note, "stolen");
	expect_ok(next());
	ck_assert_str_eq(row.value, "acme");
	ck_assert_ptr_null(row.name);
	ck_assert_int_eq(row.lock.when, 1796083200);
	ck_assert_str_eq(row.lock.note, "");
	expect_end();
	end();
}
END_TEST

#define M "{\"type\":\"mailbox\",\"address\":\"u@a.test\""
#define T "{\"type\":\"tenant\",\"name\":\"acme\",\"smtp_auth\":\"disabled\""
#define TEXT(s) s, sizeof s - 1

static const struct {
	const char *text;
	size_t n;
	const char *word;
} bad[] = {
    {TEXT("nonsense"), "JSON"},
    {TEXT("{"), "JSON"},
    {TEXT("{} {}"), "JSON"},
    {TEXT("[]"), "object"},
    {TEXT("{}"), "no type"},
    {TEXT("{\"type\":7}"), "no type"},
    {TEXT("{\"type\":\"box\"}"), "unknown type"},
    {TEXT("{\"type\":\"mailbox\"}"), "\"address\" is missing"},
    {TEXT("{\"type\":\"mailbox\",\"address\":null}"), "\"address\" is missing"},
    {TEXT("{\"type\":\"mailbox\",\"address\":[]}"), "address"},
    {TEXT("{\"type\":\"tenant\",\"name\":\"acme\"}"), "\"smtp_auth\" is missing"},
    {TEXT("{\"type\":\"setting\",\"key\":\"enforce\"}"), "\"value\" is missing"},
    {TEXT("{\"type\":\"alias\",\"login\":\"x\"}"), "\"mailbox\" is missing"},
    {TEXT("{\"type\":\"setting\",\"key\":\"enforce\",\"value\":true}"), "value"},
    {TEXT("{\"type\":\"setting\",\"key\":\"x\",\"value\":\"y\",\"z\":1}"),
	"unknown key"},
    {TEXT("{\"type\":\"alias\",\"login\":\"x\",\"mailbox\":\"y\",\"z\":1}"),
	"unknown key"},
    {TEXT(M ",\"address\":\"v@a.test\"}"), "JSON"},
    {TEXT(M ",\"untill\":\"x\"}"), "unknown key \"untill\""},
    {TEXT(M ",\"smtp_auth\":\"on\"}"), "smtp_auth"},
    {TEXT(M ",\"smtp_auth\":true}"), "smtp_auth"},
    {TEXT(M ",\"smtp_auth\":[]}"), "smtp_auth"},
    {TEXT(M ",\"smtp_auth\":\"enabled\",\"until\":\"soon\"}"), "until"},
    {TEXT(M ",\"until\":\"2099-01-01\"}"), "until goes with"},
    {TEXT(M ",\"clients\":\"10.0.0.0/8\"}"), "array"},
    {TEXT(M ",\"clients\":[1]}"), "string"},
    {TEXT(M ",\"clients\":[\"10.0.0.1/8\"]}"), "10.0.0.1"},
    {TEXT(M ",\"clients\":[\"10.0.0.0/8\"]}"), "clients go with"},
    {TEXT(M ",\"lock\":true}"), "lock"},
    {TEXT(M ",\"lock\":{\"until\":null,\"x\":1}}"), "lock"},
    {TEXT(M ",\"lock\":{\"until\":7}}"), "lock"},
    {TEXT(M ",\"lock\":{\"until\":\"soon\"}}"), "lock"},
    {TEXT(M ",\"note\":\"a\\nb\"}"), "note"},
    {TEXT(M ",\"note\":\"a\\u0000b\"}"), "JSON"},
    {TEXT(M ",\"note\":\"a\0b\"}"), "JSON"},
    {TEXT(M ",\"note\":\"\xff\"}"), "JSON"},
    {TEXT(T ",\"domains\":\"a.test\"}"), "domains"},
    {TEXT(T ",\"domains\":[1]}"), "domains"},
    {TEXT(T ",\"action\":\"accept\"}"), "action"},
    {TEXT(T ",\"blocks\":\"some\"}"), "blocks"},
    {TEXT(T ",\"contact\":\"nobody\"}"), "contact"},
    {TEXT(T ",\"until\":\"2099-01-01\"}"), "unknown key"},
    {TEXT("{\"type\":\"tenant\",\"name\":\"-\",\"smtp_auth\":\"enabled\"}"),
	"tenant name"},
    {TEXT("{\"type\":\"tenant\",\"name\":\"a\",\"smtp_auth\":\"inherit\"}"),
	"smtp_auth"},
};

START_TEST(bad_lines_are_told_and_left_behind)
{
	static const char good[] =
	    "\n{\"type\":\"alias\",\"login\":\"l\",\"mailbox\":\"m\"}\n";
	char text[400];

	memcpy(text, bad[_i].text, bad[_i].n);
	memcpy(text + bad[_i].n, good, sizeof good - 1);
	start(text, bad[_i].n + sizeof good - 1);
	expect_error(ERR_DATA, next());
	ck_assert_uint_eq(row.line, 1);
	ck_assert_msg(strstr(why.text, bad[_i].word) != NULL, "%s", why.text);
	expect_ok(next());
	ck_assert_str_eq(row.name, "l");
	end();
}
END_TEST

/* long_note - a mailbox whose note has N bytes */
static char *
long_line(size_t n, size_t *len)
{
	static const char head[] = M ",\"note\":\"", tail[] = "\"}\n" M "}\n";
	char *text = malloc(sizeof head + n + sizeof tail);

	ck_assert_ptr_nonnull(text);
	memcpy(text, head, sizeof head - 1);
	memset(text + sizeof head - 1, 'x', n);
	memcpy(text + sizeof head - 1 + n, tail, sizeof tail - 1);
	*len = sizeof head - 1 + n + sizeof tail - 1;
	return text;
}

START_TEST(texts_and_lines_have_a_limit)
{
	static const struct {
		size_t n;
		enum error error;
		const char *word;
	} lengths[] = {{NOTE_MAX, OK, NULL}, {NOTE_MAX + 1, ERR_DATA, "note is longer"},
	    {200000, ERR_DATA, "note is longer"},
	    {JSONL_LINE_MAX - 100, ERR_DATA, "note is longer"},
	    {JSONL_LINE_MAX, ERR_DATA, "the line is longer"},
	    {3 * JSONL_LINE_MAX, ERR_DATA, "the line is longer"}};
	size_t len;
	char *text = long_line(lengths[_i].n, &len);

	start(text, len);
	expect_error(lengths[_i].error, next());
	if (lengths[_i].error != OK)
		ck_assert_msg(
		    strstr(why.text, lengths[_i].word) != NULL, "%s", why.text);
	expect_ok(next());
	ck_assert_uint_eq(row.line, 2);
	expect_end();
	end();
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("jsonl");
	TCase *tcase = suite_add_case(suite, "jsonl");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, all_types_are_read);
	tcase_add_loop_test(
	    tcase, bad_lines_are_told_and_left_behind, 0, sizeof bad / sizeof *bad);
	tcase_add_loop_test(tcase, texts_and_lines_have_a_limit, 0, 6);
	return suite_run(suite);
}
