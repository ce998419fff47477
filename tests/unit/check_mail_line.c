/* SPDX-License-Identifier: BSD-2-Clause */
/* check_mail_line.c - lines of mail logs, and hostile ones. */
#include "policy/doctor/mail_line.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1796000000 /* 2026-11-30T00:53:20Z */
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static void
utc(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
}

START_TEST(beginnings)
{
	static const struct {
		const char *line;
		instant at;
	} rows[] = {
	    {"Nov 23 10:00:00 mx postfix/smtpd[17]: text", 1795428000},
	    {"Nov  3 10:00:00 mx postfix/smtpd[17]: text", 1793700000},
	    {"Dec 31 23:59:59 mx postfix/smtpd[17]: text", 1767225599},
	    {"2026-11-23T10:00:00Z mx postfix/smtpd[17]: text", 1795428000},
	    {"2026-11-23T10:00:00.123456+01:00 mx postfix/smtpd[1]: text", 1795424400},
	    {"2026-11-23T10:00:00-0100 mx postfix/smtpd: text", 1795431600},
	};
	struct mail_line line;

	for (size_t i = 0; i < LENGTH(rows); i++) {
		ck_assert_msg(
		    mail_line_read(rows[i].line, NOW, &line), "%s", rows[i].line);
		ck_assert_int_eq(line.at, rows[i].at);
		ck_assert_str_eq(line.host, "mx");
		ck_assert_str_eq(line.program, "postfix/smtpd");
		ck_assert_str_eq(line.text, "text");
	}
}
END_TEST

START_TEST(local_time_counts)
{
	struct mail_line line;

	setenv("TZ", "XYZ-5:30", 1);
	tzset();
	ck_assert(mail_line_read("Nov 23 10:00:00 mx a[1]: b", NOW, &line));
	ck_assert_int_eq(line.at, 1795428000 - 19800);
	utc();
}
END_TEST

START_TEST(no_beginnings)
{
	static const char *const lines[] = {"", "\n", "Nov", "Nov 23 10:00:00",
	    "Nov 23 10:00:00 mx", "Nov 23 10:00:00 mx a[1]:", "ovD 23 10:00:00 mx a: b",
	    "Nov 23 10:00:00mx a: b", "Nov 23 1x:00:00 mx a: b",
	    "Nov  0 10:00:00 mx a: b", "Nov 23 10-00-00 mx a: b", "+30d mx a: b",
	    "today mx a: b", "2026-11-23 mx a: b", "2026-13-23T10:00:00Z mx a: b",
	    "2026-11-23T10:00:00Z mx", "99999-11-23T10:00:00Z mx a: b"};
	struct mail_line line;

	for (size_t i = 0; i < LENGTH(lines); i++)
		ck_assert_msg(!mail_line_read(lines[i], NOW, &line), "%s", lines[i]);
}
END_TEST

/* long_line - whether a line with N characters between two others is read */
static bool
long_line(const char *before, size_t n, const char *after)
{
	struct mail_line out;
	size_t from = strlen(before);
	char *line = malloc(from + n + strlen(after) + 1);
	bool good;

	ck_assert_ptr_nonnull(line);
	memcpy(line, before, from);
	memset(line + from, 'x', n);
	strcpy(line + from + n, after);
	good = mail_line_read(line, NOW, &out);
	free(line);
	return good;
}

START_TEST(long_words)
{
	static const char *const forms[][2] = {
	    {"Nov 23 10:00:00 ", " a: b"}, {"Nov 23 10:00:00 mx ", " b"}};

	for (size_t i = 0; i < LENGTH(forms); i++) {
		ck_assert(long_line(forms[i][0], MAIL_LINE_WORD_MAX, forms[i][1]));
		ck_assert(!long_line(forms[i][0], MAIL_LINE_WORD_MAX + 1, forms[i][1]));
		ck_assert(!long_line(forms[i][0], 1u << 20, forms[i][1]));
	}
	ck_assert(!long_line("", 1u << 20, " mx a: b"));
}
END_TEST

START_TEST(logins)
{
	static const struct {
		const char *line, *login, *client;
		enum mta mta;
		bool mail;
	} rows[] = {
	    {"x postfix/smtpd[1]: 4B2C9: client=mua[192.0.2.7], sasl_method=PLAIN, sasl_username=a@b\n",
		"a@b", "192.0.2.7", MTA_POSTFIX, true},
	    {"x postfix/smtpd[1]: 4Zq3Rn2Wz9z1: client=m[2001:db8::1], sasl_username=a\r\n",
		"a", "2001:db8::1", MTA_POSTFIX, true},
	    {"x: NOQUEUE: client=mua[192.0.2.7], sasl_method=PLAIN, sasl_username=a@b",
		"a@b", "192.0.2.7", MTA_POSTFIX, false},
	    {"x: NOQUEUE: reject: MAIL from mua[192.0.2.7]: 550; sasl_username=<a,b>, x",
		"a,b", "192.0.2.7", MTA_POSTFIX, false},
	    {"x: AUTH=server, relay=mua [192.0.2.7], authid=a+2Bb@c, mech=PLAIN",
		"a+2Bb@c", "192.0.2.7", MTA_SENDMAIL, false},
	    {"sasl_username=a", "a", "", MTA_POSTFIX, false},
	};
	struct mail_login login;

	for (size_t i = 0; i < LENGTH(rows); i++) {
		ck_assert_msg(
		    mail_line_login(rows[i].line, &login), "%s", rows[i].line);
		ck_assert_str_eq(login.login, rows[i].login);
		ck_assert_str_eq(login.client, rows[i].client);
		ck_assert_int_eq(login.mta, rows[i].mta);
		ck_assert_int_eq(login.mail, rows[i].mail);
	}
}
END_TEST

START_TEST(no_logins)
{
	static const char *const lines[] = {"", "sasl_username=", "sasl_username=,",
	    "authid=a", "AUTH=server, authid=",
	    "warning: m[192.0.2.9]: SASL PLAIN authentication failed: x, sasl_username=a"};
	struct mail_login login;

	for (size_t i = 0; i < LENGTH(lines); i++)
		ck_assert_msg(!mail_line_login(lines[i], &login), "%s", lines[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mail_line");
	TCase *lines = suite_add_case(suite, "lines");

	utc();
	tcase_add_test(lines, beginnings);
	tcase_add_test(lines, local_time_counts);
	tcase_add_test(lines, no_beginnings);
	tcase_add_test(lines, long_words);
	tcase_add_test(lines, logins);
	tcase_add_test(lines, no_logins);
	return suite_run(suite);
}
