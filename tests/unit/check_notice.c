/* SPDX-License-Identifier: BSD-2-Clause */
/* check_notice.c - notices: their records, the template, and running sendmail(1). */
#include "policy/base/monotonic.h"
#include "policy/ctl/notify/notice_template.h"
#include "policy/ctl/notify/sendmail.h"
#include "policy/model/contact.h"
#include "policy/tables/notice_table.h"
#include "policy/tables/removal.h"
#include "policy/tables/tenant_table.h"
#include "policy/tables/verify.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct notice sample = {.state = NOTICE_SENT,
    .when = 1700000000,
    .enforce_from = 1800000000,
    .tempfail_until = INSTANT_NONE,
    .address = "it@acme.test"};

static bool
notice_is_same(const struct notice *a, const struct notice *b)
{
	return a->state == b->state && a->when == b->when &&
	    a->enforce_from == b->enforce_from &&
	    a->tempfail_until == b->tempfail_until &&
	    strcmp(a->address, b->address) == 0;
}

START_TEST(record_round)
{
	uint8_t buf[RECORD_MAX];
	struct record_writer w;
	struct notice back;

	record_write_start(&w, buf, sizeof buf);
	notice_encode(&sample, &w);
	ck_assert(!w.failed);
	expect_ok(notice_decode((struct bytes){buf, w.len}, &back));
	ck_assert(notice_is_same(&sample, &back));
	for (size_t n = 0; n < w.len; n++)
		expect_error(ERR_DAMAGED, notice_decode((struct bytes){buf, n}, &back));
	buf[w.len] = 0;
	expect_error(ERR_DAMAGED, notice_decode((struct bytes){buf, w.len + 1}, &back));
	buf[1] = NOTICE_FAILED + 1;
	expect_error(ERR_DAMAGED, notice_decode((struct bytes){buf, w.len}, &back));
	buf[1] = NOTICE_FAILED;
	buf[2] = 0xFF; /* a time that nobody can print */
	expect_error(ERR_DAMAGED, notice_decode((struct bytes){buf, w.len}, &back));
	buf[0] = 2;
	expect_error(ERR_NEWER, notice_decode((struct bytes){buf, w.len}, &back));
}
END_TEST

START_TEST(plans)
{
	struct tenant t;

	tenant_init(&t);
	ck_assert(!notice_is_due(&t, 100));
	t.enforce_from = 100;
	ck_assert(!notice_is_due(&t, 100));
	ck_assert(notice_is_due(&t, 99));
	t.tempfail_until = 200;
	ck_assert(notice_is_due(&t, 199));
	ck_assert(!notice_is_due(&t, 200));
	t.smtp_auth = SMTP_AUTH_ENABLED;
	ck_assert(!notice_is_due(&t, 0));
	t.enforce_from = sample.enforce_from;
	ck_assert(!notice_is_of(&sample, &t));
	t.tempfail_until = INSTANT_NONE;
	ck_assert(notice_is_of(&sample, &t));
	t.enforce_from++;
	ck_assert(!notice_is_of(&sample, &t));
}
END_TEST

START_TEST(table)
{
	struct state state;
	struct store *store;
	struct store_txn *txn;
	struct error_text why;
	struct notice n;
	struct digest before;
	bool found;

	state_begin(&state, &store, &txn);
	tenant_store(txn, "acme", SMTP_AUTH_DISABLED);
	tenant_store(txn, "acme2", SMTP_AUTH_DISABLED);
	before = store_meta(txn)->digest;
	expect_ok(notice_table_get(txn, "acme", &n, &found));
	ck_assert(!found);
	expect_ok(notice_table_put(txn, "acme", &sample));
	expect_ok(notice_table_put(txn, "acme2", &sample));
	ck_assert_mem_eq(&store_meta(txn)->digest, &before, sizeof before);
	txn_commit(&txn);
	ck_assert_uint_eq(store_expect_sound(store), 5);
	txn = txn_begin(store);
	expect_ok(notice_table_get(txn, "acme", &n, &found));
	ck_assert(found);
	ck_assert(notice_is_same(&sample, &n));
	expect_ok(removal_tenant(txn, "acme", true, &why));
	expect_ok(removal_tenant(txn, "acme2", true, &why));
	expect_ok(notice_table_get(txn, "acme", &n, &found));
	ck_assert(!found);
	expect_error(ERR_NOTFOUND, notice_table_remove(txn, "acme2"));
	expect_error(ERR_NOTFOUND, removal_tenant(txn, "acme", true, &why));
	txn_commit(&txn);
	ck_assert_uint_eq(store_expect_sound(store), 1);
	store_close(&store);
}
END_TEST

START_TEST(damaged_notice_is_found)
{
	struct state state;
	struct store *store;
	struct store_txn *txn;
	struct error_text why;
	struct key key;

	state_begin(&state, &store, &txn);
	key_name(&key, TABLE_NOTICE, "acme");
	expect_ok(store_put(txn, &key, (struct bytes){"\1\0", 2}));
	txn_commit(&txn);
	expect_error(ERR_DAMAGED, verify_store(store, NULL, &why));
	store_close(&store);
}
END_TEST

static const char *const two[] = {"a@acme.test", "b@acme.test"};

static const struct notice_template_values values = {.to = "it@acme.test",
    .text = {"acme", "at once", "2027-01-01T00:00:00Z", "https://x.test/"},
    .mailbox = two,
    .mailboxes = 2};

#define ADDED \
	"To: it@acme.test\nMIME-Version: 1.0\n" \
	"Content-Type: text/plain; charset=utf-8\n" \
	"Content-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\n"

/* fill - the message that the text gives, to be freed; NULL if it gives none */
static char *
fill(const char *text, const struct notice_template_values *v, struct error_text *why)
{
	struct notice_template *t;
	char *out;
	size_t n;
	FILE *to;
	enum error e;

	expect_ok(notice_template_parse(&t, text, strlen(text), "file", why));
	to = open_memstream(&out, &n);
	e = notice_template_print(t, v, to, why);
	fclose(to);
	notice_template_free(&t);
	if (e == OK)
		return out;
	free(out);
	return NULL;
}

static const struct {
	const char *text, *message;
} good[] = {
    {"Subject: x\n\n", ADDED "Subject: x\n\n"},
    {"Subject: x\n\nbody", ADDED "Subject: x\n\nbody\n"},
    {"\xEF\xBB\xBFSubject: x\r\n\r\nbody\r\n", ADDED "Subject: x\n\nbody\n"},
    {"SUBJECT: {tenant} {enforce-from}\n {url}\n\n{tempfail-until}.\n",
	ADDED "SUBJECT: acme at once\n https://x.test/\n\n2027-01-01T00:00:00Z.\n"},
    {"Subject: {{tenant}\n\n{{{tenant}}{{\n", ADDED "Subject: {tenant}\n\n{acme}{\n"},
    {"Subject: x\n\n  {mailboxes}.\n",
	ADDED "Subject: x\n\n  a@acme.test\n  b@acme.test.\n"},
    {"Subject: x\n\nUsed: {mailboxes}\n.\n",
	ADDED "Subject: x\n\nUsed: a@acme.test\nb@acme.test\n.\n"},
    {"Subject: x\n\nTo: you\nCc: {{\n", ADDED "Subject: x\n\nTo: you\nCc: {\n"},
    {"mime-version: 1.0\nSubject: x\ncontent-type: text/plain\n"
     "Content-transfer-encoding: 7bit\nAuto-Submitted: no\n\n",
	"To: it@acme.test\nmime-version: 1.0\nSubject: x\n"
	"content-type: text/plain\nContent-transfer-encoding: 7bit\n"
	"Auto-Submitted: no\n\n"},
    {"Subject: x\n\nf\xC3\xBCr dich\n", ADDED "Subject: x\n\nf\xC3\xBCr dich\n"},
};

START_TEST(template_good)
{
	struct error_text why = {""};
	char *out = fill(good[_i].text, &values, &why);

	ck_assert_msg(out != NULL, "%s", why.text);
	ck_assert_str_eq(out, good[_i].message);
	free(out);
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
    {"", "no empty line"},
    {"\n", "no Subject"},
    {"Subject: x\n", "no empty line"},
    {"From: x\n\nSubject: x\n", "no Subject"},
    {"Subject: x\n\na\n{tenants}\n", "file:4: unknown field \"{tenants}\""},
    {"Subject: x\n\n{Tenant}\n", "file:3: unknown field"},
    {"Subject: {\n\n", "file:1: unknown field"},
    {"Subject: x\n\n{tenant", "file:3: unknown field"},
    {"Subject: {{{\n\n", "file:1: unknown field"},
    {"Subject: {mailboxes}\n\n", "file:1: {mailboxes} has no place"},
    {"Subject: x\nTo: a@b\n\n", "file:2: the message goes to the tenant's contact"},
    {"cc: a@b\nSubject: x\n\n", "without Cc"},
    {"Subject: x\nBCC: a@b\n\n", "without Bcc"},
    {"Subject: x\nResent-To: a@b\n\n", "without Resent-To"},
    {"Subject: x\nBcc : a@b\n\n", "file:2: not a header"},
    {"Subject: x\nB{url}cc: a@b\n\n", "file:2: not a header"},
    {"Subject: x\n{tenant}: a@b\n\n", "file:2: not a header"},
    {"From me\nSubject: x\n\n", "file:1: not a header"},
    {"Subject: x\nHello,\n\n", "file:2: not a header"},
    {": x\nSubject: x\n\n", "file:1: not a header"},
    {" Subject: x\n\n", "file:1: a folded line"},
    {"Subject: x\n \t\n\n", "file:2: a folded line"},
    {"Subject: f\xC3\xBCr\n\n", "RFC 2047"},
    {"Subject: a\rBcc: b@c\n\n", "file:1: a control character"},
    {"Subject: \x1B[31m\n\n", "file:1: a control character"},
    {"Subject: x\n\na\rb\n", "file:3: a carriage return"},
    {"Subject: x\n\n\xFF\n", "file:3: not valid UTF-8"},
};

START_TEST(notice_template_bad)
{
	struct error_text why = {""};
	struct notice_template *t;

	expect_error(ERR_DATA,
	    notice_template_parse(
		&t, bad[_i].text, strlen(bad[_i].text), "file", &why));
	ck_assert_ptr_null(t);
	ck_assert_msg(strstr(why.text, bad[_i].why) != NULL, "\"%s\" is not: %s",
	    why.text, bad[_i].why);
}
END_TEST

START_TEST(template_limits)
{
	static char text[NOTICE_TEMPLATE_BYTES_MAX + 1];
	struct error_text why;
	struct notice_template *t;
	int n = snprintf(text, sizeof text, "Subject: x\n\n");

	memset(text + n, 'y', 999);
	expect_ok(notice_template_parse(&t, text, (size_t)n + 998, "file", &why));
	notice_template_free(&t);
	expect_error(
	    ERR_DATA, notice_template_parse(&t, text, (size_t)n + 999, "file", &why));
	memcpy(text + n, "a\0b", 3);
	expect_error(
	    ERR_DATA, notice_template_parse(&t, text, (size_t)n + 3, "file", &why));
	memset(text + n, '\n', sizeof text - (size_t)n);
	expect_ok(notice_template_parse(&t, text, sizeof text - 1, "file", &why));
	notice_template_free(&t);
	expect_error(
	    ERR_LIMIT, notice_template_parse(&t, text, sizeof text, "file", &why));
}
END_TEST

START_TEST(template_values_fit)
{
	static char text[1100];
	struct notice_template_values v = values;
	struct error_text why;
	char *out;
	int n = snprintf(text, sizeof text, "Subject: {url}\n\n");

	memset(text + n, 'y', 983); /* and the 15 bytes of the URL */
	memcpy(text + n + 983, "{url}", 6);
	out = fill(text, &v, &why);
	ck_assert_ptr_nonnull(out);
	free(out);
	v.text[NOTICE_TEMPLATE_URL] = "https://x.test/a";
	ck_assert_ptr_null(fill(text, &v, &why));
	out = fill("Subject: {url}\n\n{url}", &v, &why);
	ck_assert_ptr_nonnull(out);
	free(out);
	v = values;
	v.text[NOTICE_TEMPLATE_URL] = "https://x.test/\xC3\xBC";
	ck_assert_ptr_null(fill(text, &v, &why));
	v.text[NOTICE_TEMPLATE_URL] = "x\nBcc: you@x.test";
	ck_assert_ptr_null(fill(text, &v, &why));
	ck_assert_ptr_null(fill("Subject: x\n\n{url}\n", &v, &why));
}
END_TEST

START_TEST(template_mailboxes)
{
	struct notice_template_values v = values;
	struct error_text why;
	char *out;

	v.mailboxes = 0;
	out = fill("Subject: x\n\n\t{mailboxes}\n", &v, &why);
	ck_assert_str_eq(out, ADDED "Subject: x\n\n\t(none)\n");
	free(out);
	v.mailboxes = 2;
	v.more = 7;
	out = fill("Subject: x\n\n\t{mailboxes}\n", &v, &why);
	ck_assert_str_eq(
	    out, ADDED "Subject: x\n\n\ta@acme.test\n\tb@acme.test\n\tand 7 more\n");
	free(out);
}
END_TEST

START_TEST(template_names_are_fit_to_be_seen)
{
	static const char *const odd[] = {"a\xE2\x80\xAE"
					  "b@acme.test",
	    "c\\xd@acme.test"};
	static char longest[500];
	const char *const one[] = {longest};
	struct notice_template_values v = values;
	struct error_text why;
	char *out;

	v.mailbox = odd;
	out = fill("Subject: x\n\n{mailboxes}\n", &v, &why);
	ck_assert_str_eq(out,
	    ADDED "Subject: x\n\na\\xE2\\x80\\xAE"
		  "b@acme.test\nc\\x5Cxd@acme.test\n");
	free(out);
	/* one that has no room when it is escaped has its beginning */
	memset(longest, '\b', sizeof longest - 1);
	v.mailbox = one;
	v.mailboxes = 1;
	out = fill("Subject: x\n\n    {mailboxes}\n", &v, &why);
	ck_assert_ptr_nonnull(out);
	ck_assert_ptr_nonnull(strstr(out, "\n    \\x08\\x08"));
	ck_assert_ptr_nonnull(strstr(out, "\\x08...[499 bytes]\n"));
	free(out);
	memset(longest, 'l', sizeof longest - 1);
	out = fill("Subject: x\n\n{mailboxes}\n", &v, &why);
	ck_assert_ptr_nonnull(strstr(out, longest));
	free(out);
}
END_TEST

START_TEST(lines_about_no_url_are_left_out)
{
	static const struct {
		const char *body, *left;
	} cases[] = {{"a\n\nSee {url}\n\nb\n", "a\n\nb\n"},
	    {"a\nSee {url} or {url}.\n\nb\n", "a\n\nb\n"},
	    {"a\n\n{url}\nb\n", "a\n\nb\n"}, {"a\n\n{url}\n{url}\n\n\nb\n", "a\n\nb\n"},
	    {"{tenant}: {url}\n", "acme: \n"}, {"{{url}\n", "{url}\n"},
	    {"a\n\n\nb\n", "a\n\n\nb\n"}};
	struct notice_template_values v = values;
	char text[200], left[400];
	struct error_text why;
	char *out;

	v.text[NOTICE_TEMPLATE_TENANT] = "acme";
	v.text[NOTICE_TEMPLATE_URL] = "";
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof text, "Subject: x\n\n%s", cases[i].body);
		snprintf(left, sizeof left, ADDED "Subject: x\n\n%s", cases[i].left);
		out = fill(text, &v, &why);
		ck_assert_str_eq(out, left);
		free(out);
	}
}
END_TEST

START_TEST(addresses)
{
	static const char *const yes[] = {"it@acme.test", "a.b+c@x", "o'neil@x-y.test",
	    "!#$%&'*+/=?^_`{|}~-@my_host.test", "A@B.C", "1@2"};
	static const char *const no[] = {"", "it", "@", "it@", "@x.test", "-bs@x.test",
	    "-oQ/tmp", "a b@x.test", "a,b@x.test", "a@x.test,b@x.test", "<a@x.test>",
	    "\"a\"@x.test", "a@b@x.test", ".a@x.test", "a.@x.test", "a..b@x.test",
	    "a@.x.test", "a@x.test.", "a@x..test", "a@x.test\nBcc: b@x.test",
	    "a@[192.0.2.1]", "a(b)@x.test", "a:b@x.test", "a;@x.test", "a\\b@x.test",
	    "f\xC3\xBCr@x.test", "a@-x.test", "a@x!y", "a@x\x7F", "a@x\t"};

	for (size_t i = 0; i < COUNT(yes); i++)
		ck_assert_msg(contact_can_address(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < COUNT(no); i++)
		ck_assert_msg(!contact_can_address(no[i]), "%s", no[i]);
}
END_TEST

/* program - a shell script in the state folder */
static const char *
program(const struct state *state, const char *script)
{
	static char path[STATE_PATH];
	FILE *file;

	snprintf(path, sizeof path, "%s/sendmail", state->dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", state->dir, script);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0700), 0);
	return path;
}

static const struct {
	const char *script, *reason; /* NULL: sent */
} runs[] = {
    {"cat >/dev/null", NULL},
    {"cat >/dev/null; echo never mind >&2", NULL},
    {"cat | cmp -s - message", NULL},
    {"cat >/dev/null; test \"$*\" = \"-i -- it@acme.test\"", NULL},
    {"cat >/dev/null; (sleep 20 >/dev/null) & exit 0", NULL},
    {"yes >&2 & cat >/dev/null; kill $!", NULL},
    {"cat >/dev/null; exit 75", "EX_TEMPFAIL"},
    {"cat >/dev/null; exit 78", "EX_CONFIG"},
    {"cat >/dev/null; exit 64", "EX_USAGE"},
    {"cat >/dev/null; exit 1", "exit status 1"},
    {"cat >/dev/null; exit 79", "exit status 79"},
    {"cat >/dev/null; printf '\\n no room\\nat all\\n' >&2; exit 73",
	"EX_CANTCREAT: no room"},
    {"echo early >&2; exit 67", "EX_NOUSER: early"},
    {"exit 0", "it ended before it had read the message"},
    {"kill -9 $$", "ended by signal 9"},
    {"cat >/dev/null; sleep 20", "not done after 1 seconds"},
    {"sleep 20", "not done after 1 seconds"},
};

START_TEST(sending)
{
	enum { SIZE = 200000 };
	char reason[SENDMAIL_REASON_MAX] = "", path[STATE_PATH + 10];
	char *message = malloc(SIZE);
	int64_t start = monotonic_ms();
	struct state state;
	FILE *file;
	enum error e;

	state_open(&state);
	memset(message, 'm', SIZE);
	snprintf(path, sizeof path, "%s/message", state.dir);
	file = fopen(path, "w");
	fwrite(message, 1, SIZE, file);
	fclose(file);
	e = sendmail_send(program(&state, runs[_i].script), "it@acme.test", message,
	    SIZE, runs[_i].reason != NULL && strstr(runs[_i].reason, "1 s") ? 1 : 15,
	    reason);
	free(message);
	expect_error(runs[_i].reason != NULL ? ERR_IO : OK, e);
	ck_assert_str_eq(reason, runs[_i].reason != NULL ? runs[_i].reason : "");
	ck_assert_msg(monotonic_ms() - start < 14000, "it was waited for");
}
END_TEST

START_TEST(sending_too_long_ends_all_of_it)
{
	char reason[SENDMAIL_REASON_MAX], late[STATE_PATH];
	struct state state;

	state_open(&state);
	snprintf(late, sizeof late, "%s/late", state.dir);
	expect_error(ERR_IO,
	    sendmail_send(program(&state, "(sleep 2; echo >late) & wait"), "a@b", "x",
		1, 1, reason));
	sleep(2);
	ck_assert_msg(access(late, F_OK) != 0, "what it had started went on");
}
END_TEST

START_TEST(sending_without_a_program)
{
	char reason[SENDMAIL_REASON_MAX];
	struct state state;
	const char *path;

	state_open(&state);
	expect_error(
	    ERR_IO, sendmail_send("/nonexistent/sendmail", "a@b", "x", 1, 5, reason));
	ck_assert_str_eq(
	    reason, "cannot run /nonexistent/sendmail: No such file or directory");
	path = program(&state, "cat");
	ck_assert_int_eq(chmod(path, 0600), 0);
	expect_error(ERR_IO, sendmail_send(path, "a@b", "x", 1, 5, reason));
	ck_assert_ptr_nonnull(strstr(reason, "Permission denied"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notice");
	TCase *tcase = state_add_case(suite, "notice");

	tcase_add_test(tcase, record_round);
	tcase_add_test(tcase, plans);
	tcase_add_test(tcase, table);
	tcase_add_test(tcase, damaged_notice_is_found);
	tcase_add_loop_test(tcase, template_good, 0, COUNT(good));
	tcase_add_loop_test(tcase, notice_template_bad, 0, COUNT(bad));
	tcase_add_test(tcase, template_limits);
	tcase_add_test(tcase, template_values_fit);
	tcase_add_test(tcase, template_mailboxes);
	tcase_add_test(tcase, template_names_are_fit_to_be_seen);
	tcase_add_test(tcase, lines_about_no_url_are_left_out);
	tcase_add_test(tcase, addresses);
	tcase_add_loop_test(tcase, sending, 0, COUNT(runs));
	tcase_add_test(tcase, sending_too_long_ends_all_of_it);
	tcase_add_test(tcase, sending_without_a_program);
	return suite_run(suite);
}
