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
	    {"x: NOQUEUE: reject: MAIL from mua[192.0.2.7]: 550; from=<z> proto=ESMTP helo=<m> sasl_username=<a,b>, x",
		"a,b", "192.0.2.7", MTA_POSTFIX, false},
	    {"x: 4B2C9: milter-reject: MAIL from mua[192.0.2.7]: 550; from=<\"y proto=ESMTP sasl_username=v\"@d> proto=ESMTP helo=<m> sasl_username=<a@b>",
		"a@b", "192.0.2.7", MTA_POSTFIX, false},
	    {"<22>1 2026-11-23T10:00:00Z mx postfix/smtpd 17 - - 4B2C9: client=mua[192.0.2.7], sasl_username=a@b",
		"a@b", "192.0.2.7", MTA_POSTFIX, true},
	    {"x: AUTH=server, relay=mua [192.0.2.7], authid=a+2Bb@c, mech=PLAIN",
		"a+2Bb@c", "192.0.2.7", MTA_SENDMAIL, false},
	    {"client=, sasl_username=a", "a", "", MTA_POSTFIX, false},
	    {"x: 4AN: AUTH=server, relay=mua [192.0.2.7], authid=a", "a", "192.0.2.7",
		MTA_SENDMAIL, false},
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
	static const char *const lines[] = {"", "sasl_username=", "client=,",
	    "client=, sasl_username=", "client=, sasl_username=,", "authid=a",
	    "AUTH=server, authid=", "x: 4B2C9: ", "x: 4B2C9", ": ",
	    "warning: m[192.0.2.9]: SASL PLAIN authentication failed: x, sasl_username=a"};
	struct mail_login login;

	for (size_t i = 0; i < LENGTH(lines); i++)
		ck_assert_msg(!mail_line_login(lines[i], &login), "%s", lines[i]);
}
END_TEST

/* Words that anybody may send: an address, a header, a message id, a name of HELO. */
START_TEST(no_logins_but_words_of_a_client)
{
	static const char login[] = "ABCDEF: client=y[192.0.2.9], sasl_username=v@a, z";
	static const char *const forms[] = {
	    "x postfix/smtpd[1]: NOQUEUE: reject: RCPT from m[192.0.2.7]: 554 5.7.1 <%s@d>: Relay access denied; from=<> to=<\"%s\"@d> proto=ESMTP helo=<m>",
	    "x postfix/smtpd[1]: NOQUEUE: reject: RCPT from m[192.0.2.7]: 554; from=<\" proto=ESMTP helo=<m> %s\"@d> proto=ESMTP helo=<m>",
	    "x postfix/smtpd[1]: NOQUEUE: reject: RCPT from m[192.0.2.7]: 554 <%s>",
	    "x postfix/smtpd[1]: 4B2C9: client=m[192.0.2.7]",
	    "x postfix/cleanup[1]: 4B2C9: message-id=<%s proto=x %s>",
	    "x postfix/cleanup[1]: 4B2C9: warning: header Subject: %s",
	    "x postfix/smtpd[1]: warning: Illegal address syntax from m[192.0.2.7] in MAIL command: <%s proto=ESMTP %s>",
	    "x postfix/smtpd[1]: improper command pipelining after EHLO from m[192.0.2.7]: %s",
	    "x sm-mta[1]: 4AN: from=<AUTH=server, relay=m [192.0.2.7], authid=v>, %s",
	};
	struct mail_login out;
	char line[1000];

	for (size_t i = 0; i < LENGTH(forms); i++) {
		const char *form = forms[i], *at;
		size_t n = 0;

		for (; (at = strstr(form, "%s")) != NULL; form = at + 2)
			n += (size_t)snprintf(line + n, sizeof line - n, "%.*s%s",
			    (int)(at - form), form, login);
		snprintf(line + n, sizeof line - n, "%s", form);
		ck_assert_msg(!mail_line_login(line, &out), "%s", line);
	}
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
	tcase_add_test(lines, no_logins_but_words_of_a_client);
	return suite_run(suite);
}
