/* SPDX-License-Identifier: BSD-2-Clause */
/* check_csv.c - CSV as RFC 4180 has it, and mailboxes from it. */
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/import/csv_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1800000000

static struct error_text why;

/* next_row - the next row, which must be there */
static enum error
next_row(struct csv_reader *r)
{
	bool found = false;
	enum error e = csv_reader_next(r, &found, &why);

	ck_assert(e != OK || found);
	return e;
}

static void
expect_end(struct csv_reader *r)
{
	bool found = true;

	expect_ok(csv_reader_next(r, &found, &why));
	ck_assert(!found);
}

/* print_row - "a|b" of the row just read */
static void
print_row(const struct csv_reader *r, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->columns && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? "|" : "",
		    csv_reader_field(r, i));
}

static const struct {
	const char *text, *rows[4];
} good[] = {
    {"a,b\n", {"a|b"}},
    {"a,b", {"a|b"}},
    {"a,b\r\nc,d\r\n", {"a|b", "c|d"}},
    {"a,b\r", {"a|b"}},
    {"a,\n,\n,b\n", {"a|", "|b"}},
    {"\n\r\n  \na\n\n", {"a"}},
    {"\"\"\n", {""}},
    {"\"a,b\",c\n", {"a,b|c"}},
    {"\"a\"\"b\"\n\"\"\"\"", {"a\"b", "\""}},
    {"\"a\r\nb\n\",c\nd\n", {"a\r\nb\n|c", "d"}},
    {"\"a\"\r\n\"b\"", {"a", "b"}},
    {" a , b \n", {"a|b"}},
    {"a, \"b\" ,c\n", {"a|b|c"}},
    {"\" a \",\" \"\n", {"a|"}},
    {"a;b,c\nd;e\n", {"a|b,c", "d|e"}},
    {"a\tb;c\n\td\n", {"a|b;c", "|d"}},
    {"a,b\tc;\n", {"a|b\tc;"}},
    {"\"a;b\",c\n", {"a;b|c"}},
    {"\xC3\xBC\n", {"\xC3\xBC"}},
    {"", {NULL}},
    {"\n\n\r\n", {NULL}},
};

START_TEST(rows_are_read)
{
	struct csv_reader *r = malloc(sizeof *r);
	char row[100];

	csv_reader_start(r, file_of(good[_i].text, strlen(good[_i].text)), 1);
	for (size_t i = 0; good[_i].rows[i] != NULL; i++) {
		expect_ok(next_row(r));
		print_row(r, row, sizeof row);
		ck_assert_str_eq(row, good[_i].rows[i]);
	}
	expect_end(r);
	expect_end(r);
	fclose(r->in);
	csv_reader_end(r);
	free(r);
}
END_TEST

#define TEXT(s) s, sizeof s - 1

static const struct {
	const char *text;
	size_t n;
	const char *word;
	unsigned line;
} bad[] = {
    {TEXT("a\"b\nok\n"), "quote", 1},
    {TEXT("\"a\"b\nok\n"), "closing quote", 1},
    {TEXT("\"a\" x,b\nok\n"), "closing quote", 1},
    {TEXT("a\rb\nok\n"), "carriage return", 1},
    {TEXT("a\0b\nok\n"), "NUL", 1},
    {TEXT("\"a\0b\"\nok\n"), "NUL", 1},
    {TEXT("\n\"a\nb\"c\nok\n"), "closing quote", 2},
};

START_TEST(bad_rows_are_told_and_left_behind)
{
	struct csv_reader *r = malloc(sizeof *r);

	csv_reader_start(r, file_of(bad[_i].text, bad[_i].n), 1);
	expect_error(ERR_DATA, next_row(r));
	ck_assert_ptr_nonnull(strstr(why.text, bad[_i].word));
	ck_assert_uint_eq(r->line, bad[_i].line);
	expect_ok(next_row(r));
	ck_assert_str_eq(csv_reader_field(r, 0), "ok");
	expect_end(r);
	fclose(r->in);
	csv_reader_end(r);
	free(r);
}
END_TEST

START_TEST(an_end_within_quotes_is_told)
{
	struct csv_reader *r = malloc(sizeof *r);

	csv_reader_start(r, file_of(TEXT("\"abc\n,d\n")), 1);
	expect_error(ERR_DATA, next_row(r));
	ck_assert_ptr_nonnull(strstr(why.text, "ends within quotes"));
	expect_end(r);
	fclose(r->in);
	csv_reader_end(r);
	free(r);
}
END_TEST

/* field_of - a row of one field of N bytes, quoted or not, and a row "ok" */
static FILE *
field_of(size_t n, bool quoted)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	if (quoted)
		putc('"', f);
	for (size_t i = 0; i < n; i++)
		putc('a' + (int)(i % 26), f);
	fputs(quoted ? "\"\nok\n" : "\nok\n", f);
	rewind(f);
	return f;
}

START_TEST(fields_have_a_limit)
{
	struct csv_reader *r = malloc(sizeof *r);

	csv_reader_start(r, field_of(CSV_FIELD_MAX, _i), 1);
	expect_ok(next_row(r));
	ck_assert_uint_eq(strlen(csv_reader_field(r, 0)), CSV_FIELD_MAX);
	fclose(r->in);
	csv_reader_end(r);
	/* ten times the block that is read at once */
	for (size_t n = CSV_FIELD_MAX + 1; n < 700000; n += 655360) {
		csv_reader_start(r, field_of(n, _i), 1);
		expect_error(ERR_DATA, next_row(r));
		ck_assert_ptr_nonnull(strstr(why.text, "too long"));
		expect_ok(next_row(r));
		ck_assert_str_eq(csv_reader_field(r, 0), "ok");
		fclose(r->in);
		csv_reader_end(r);
	}
	free(r);
}
END_TEST

START_TEST(columns_have_a_limit)
{
	struct csv_reader *r = malloc(sizeof *r);

	for (int n = CSV_COLUMNS_MAX; n <= CSV_COLUMNS_MAX + 1; n++) {
		FILE *f = tmpfile();

		for (int i = 1; i < n; i++)
			fputs("x,", f);
		fputs("x\nok\n", f);
		rewind(f);
		csv_reader_start(r, f, 1);
		expect_error(n > CSV_COLUMNS_MAX ? ERR_DATA : OK, next_row(r));
		expect_ok(next_row(r));
		ck_assert_str_eq(csv_reader_field(r, 0), "ok");
		fclose(f);
		csv_reader_end(r);
	}
	free(r);
}
END_TEST

/* A file's only row, or the error of its head or of that row. */
static enum error
only_row(const char *text, struct row *row, struct csv_rows *c)
{
	bool found = false;
	enum error e;

	csv_rows_start(c, file_of(text, strlen(text)), 1, false, NOW);
	e = csv_rows_next(c, row, &found, &why);
	ck_assert(e != OK || found);
	return e;
}

static void
rows_end(struct csv_rows *c)
{
	fclose(c->reader.in);
	csv_rows_end(c);
	free(c);
}

static const struct {
	const char *text;
	enum smtp_auth smtp_auth;
	unsigned says, clients;
	const char *note;
} rows[] = {
    {"address,smtp_auth\nu@a.test,enabled\n", SMTP_AUTH_ENABLED, 0, 0, ""},
    {"SMTP_AUTH,Address\ndisabled,u@a.test\n", SMTP_AUTH_DISABLED, 0, 0, ""},
    {"address,smtp_auth,until,clients,note\n"
     "u@a.test,enabled,2099-01-01,\"10.0.0.0/8,::1\",\"a \"\"b\"\"\"\n",
	SMTP_AUTH_ENABLED, ROW_UNTIL | ROW_CLIENTS | ROW_NOTE, 2, "a \"b\""},
    {"note,address,smtp_auth\nhello,u@a.test,inherit\n", SMTP_AUTH_INHERIT, ROW_NOTE, 0,
	"hello"},
    {"#TYPE Deserialized.Microsoft.Exchange\r\n"
     "\"Name\",\"PrimarySmtpAddress\",\"SmtpClientAuthenticationDisabled\"\r\n"
     "\"U\",\"u@a.test\",\"True\"\r\n",
	SMTP_AUTH_DISABLED, 0, 0, ""},
    {"primarysmtpaddress,SMTPCLIENTAUTHENTICATIONDISABLED\nu@a.test,false\n",
	SMTP_AUTH_ENABLED, 0, 0, ""},
    {"PrimarySmtpAddress,SmtpClientAuthenticationDisabled\nu@a.test,\n",
	SMTP_AUTH_INHERIT, 0, 0, ""},
    {"PrimarySmtpAddress,SmtpClientAuthenticationDisabled\nu@a.test,$true\n",
	SMTP_AUTH_DISABLED, 0, 0, ""},
};

START_TEST(mailboxes_are_read)
{
	struct csv_rows *c = malloc(sizeof *c);
	struct row row = {0};

	expect_ok(only_row(rows[_i].text, &row, c));
	ck_assert_int_eq(row.type, ROW_MAILBOX);
	ck_assert_str_eq(row.name, "u@a.test");
	ck_assert_int_eq(row.mailbox.smtp_auth, rows[_i].smtp_auth);
	ck_assert_uint_eq(row.says, rows[_i].says);
	ck_assert_uint_eq(row.mailbox.clients.count, rows[_i].clients);
	ck_assert_str_eq(row.mailbox.note, rows[_i].note);
	rows_end(c);
}
END_TEST

static const struct {
	enum error error;
	const char *text, *word;
} bad_rows[] = {
    {ERR_FORMAT, "", "names the columns"},
    {ERR_FORMAT, "#TYPE x\n", "names the columns"},
    {ERR_FORMAT, "mail,auth\n", "no column that is known"},
    {ERR_FORMAT, "address\nu@a.test\n", "smtp_auth"},
    {ERR_FORMAT, "smtp_auth\nenabled\n", "address"},
    {ERR_FORMAT, "PrimarySmtpAddress\nu@a.test\n", "SmtpClientAuthenticationDisabled"},
    {ERR_FORMAT, "address,smtp_auth,untill\n", "do you mean \"until\""},
    {ERR_FORMAT, "PrimarySmtpAddress,SmtpClientAuthenticationDisabled,Client\n",
	"do you mean \"clients\""},
    {ERR_FORMAT, "u@a.test\nv@a.test\n", "begin with the line"},
    {ERR_FORMAT, "Sender address,Domain\n", "report"},
    {ERR_FORMAT, "sep=|\naddress|smtp_auth\n", "no column that is known"},
    {ERR_FORMAT, "address,smtp_auth,address\n", "twice"},
    {ERR_FORMAT, "address,smtp_auth,PrimarySmtpAddress\n", "both kinds"},
    {ERR_FORMAT, "\"address,smtp_auth\n", "quotes"},
    {ERR_DATA, "address,smtp_auth\nu@a.test\n", "1 fields, but 2 columns"},
    {ERR_DATA, "address,smtp_auth\nu@a.test,enabled,x\n", "3 fields"},
    {ERR_DATA, "address,smtp_auth\n,enabled\n", "address is empty"},
    {ERR_DATA, "address,smtp_auth\nu@a.test,\n", "smtp_auth"},
    {ERR_DATA, "address,smtp_auth\nu@a.test,True\n", "smtp_auth"},
    {ERR_DATA, "PrimarySmtpAddress,SmtpClientAuthenticationDisabled\nu@a.test,yes\n",
	"yes"},
    {ERR_DATA, "address,smtp_auth,until\nu@a.test,enabled,soon\n", "until"},
    {ERR_DATA, "address,smtp_auth,clients\nu@a.test,enabled,10.0.0.1/8\n", "10.0.0.1"},
    {ERR_DATA, "address,smtp_auth,clients\nu@a.test,disabled,10.0.0.0/8\n", "clients"},
    {ERR_DATA, "address,smtp_auth,until\nu@a.test,inherit,2099-01-01\n", "until"},
    {ERR_DATA, "address,smtp_auth,note\nu@a.test,enabled,a\x01z\n", "note"},
    {ERR_DATA, "address,smtp_auth,note\nu@a.test,enabled,\xff\n", "note"},
};

START_TEST(bad_mailboxes_are_told)
{
	struct csv_rows *c = malloc(sizeof *c);
	struct row row = {0};

	expect_error(bad_rows[_i].error, only_row(bad_rows[_i].text, &row, c));
	ck_assert_msg(strstr(why.text, bad_rows[_i].word) != NULL, "%s", why.text);
	rows_end(c);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("csv");
	TCase *tcase = suite_add_case(suite, "csv");

	tcase_add_loop_test(tcase, rows_are_read, 0, sizeof good / sizeof *good);
	tcase_add_loop_test(
	    tcase, bad_rows_are_told_and_left_behind, 0, sizeof bad / sizeof *bad);
	tcase_add_test(tcase, an_end_within_quotes_is_told);
	tcase_add_loop_test(tcase, fields_have_a_limit, 0, 2);
	tcase_add_test(tcase, columns_have_a_limit);
	tcase_add_loop_test(tcase, mailboxes_are_read, 0, sizeof rows / sizeof *rows);
	tcase_add_loop_test(
	    tcase, bad_mailboxes_are_told, 0, sizeof bad_rows / sizeof *bad_rows);
	return suite_run(suite);
}
