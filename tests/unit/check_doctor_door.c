/* SPDX-License-Identifier: BSD-2-Clause */
/* check_doctor_door.c - what the doctor reads of Dovecot, PAM and saslauthd */
#include "policy/doctor/door/auth_url.h"
#include "policy/doctor/door/doveconf.h"
#include "policy/doctor/door/pam_stack.h"
#include "policy/doctor/door/saslauthd.h"
#include "tests/lib/suite.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE_SIZE (1u << 20)
#define LENGTH(array) (sizeof(array) / sizeof *(array))

START_TEST(urls)
{
	static const struct {
		const char *url, *host, *path;
		unsigned port;
		bool tls;
	} cases[] = {
	    {"http://127.0.0.1:8898/v1/auth", "127.0.0.1", "/v1/auth", 8898, false},
	    {"HTTP://h", "h", "/", 80, false},
	    {"https://h", "h", "/", 443, true},
	    {"http://[::1]:65535/a/b?c/d#e", "::1", "/a/b", 65535, false},
	    {"http://[::1]/", "::1", "/", 80, false},
	    {"http://h?x=y", "h", "/", 80, false},
	    {"http://h:1#", "h", "/", 1, false},
	};
	static const char *const bad[] = {"", "http:", "http://", "http:///v1/auth",
	    "ftp://h/", "h:1/", "http://h:/", "http://h:0/", "http://h:65536/",
	    "http://h:8898x/", "http://h:-1/", "http://u@h/", "http://u:p@h:1/",
	    "http://[::1", "http://[::1]x/", "http://[]:1/", "http://:1/"};
	struct auth_url u;

	for (size_t i = 0; i < LENGTH(cases); i++) {
		ck_assert_msg(auth_url_parse(cases[i].url, &u), "case %zu", i);
		ck_assert_str_eq(u.at.name, cases[i].host);
		ck_assert_str_eq(u.path, cases[i].path);
		ck_assert_uint_eq(u.at.port, cases[i].port);
		ck_assert_int_eq(u.tls, cases[i].tls);
	}
	for (size_t i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(!auth_url_parse(bad[i], &u), "%s", bad[i]);
}
END_TEST

START_TEST(urls_that_are_long)
{
	char url[1000] = "http://";
	struct auth_url u;

	memset(url + 7, 'h', ENDPOINT_MAX);
	ck_assert(auth_url_parse(url, &u));
	ck_assert_uint_eq(strlen(u.at.name), ENDPOINT_MAX);
	url[7 + ENDPOINT_MAX] = 'h';
	ck_assert(!auth_url_parse(url, &u));
	memset(url, 0, sizeof url);
	strcpy(url, "http://h/");
	memset(url + 9, 'p', AUTH_URL_PATH_MAX - 1);
	ck_assert(auth_url_parse(url, &u));
	url[8 + AUTH_URL_PATH_MAX] = 'p';
	ck_assert(!auth_url_parse(url, &u));
}
END_TEST

static const char text_24[] = "# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf\n"
			      "auth_policy {\n"
			      "  check_before_auth = no\n"
			      "  request_attributes {\n"
			      "    login = %{requested_username}\n"
			      "    remote = \"a \\\"b\\\" c\"\n"
			      "  }\n"
			      "  server_url = http://h:1/v1/auth\n"
			      "  http_client_request_absolute_timeout = 1 mins\n"
			      "}\n"
			      "auth_policy_server_url = \n"
			      "protocols {\n"
			      "  imap = yes\n"
			      "  pop3 = no\n"
			      "  submission = yes\n"
			      "}\n"
			      "base_dir = /run/dovecot\n"
			      "service anvil {\n"
			      "  unix_listener anvil-auth-penalty {\n"
			      "    mode = 0600\n"
			      "  }\n"
			      "}\n";

START_TEST(settings_in_blocks)
{
	static const struct {
		const char *path, *value;
	} cases[] = {
	    {"auth_policy/server_url", "http://h:1/v1/auth"},
	    {"auth_policy_server_url", ""},
	    {"auth_policy/request_attributes/remote", "a \"b\" c"},
	    {"protocols/pop3", "no"},
	    {"base_dir", "/run/dovecot"},
	    {"service/anvil/unix_listener/anvil-auth-penalty/mode", "0600"},
	};
	static const char *const none[] = {"", "server_url", "/server_url",
	    "auth_policy", "auth_policy/", "auth_policy/request_attributes",
	    "auth_policy/login", "protocols/imap/yes", "base_di", "base_dirs",
	    "service/anvil/mode"};
	char value[DOVECONF_VALUE_MAX + 1];

	ck_assert(doveconf_is_whole(text_24));
	for (size_t i = 0; i < LENGTH(cases); i++) {
		ck_assert_msg(
		    doveconf_value(text_24, cases[i].path, value), "%s", cases[i].path);
		ck_assert_str_eq(value, cases[i].value);
	}
	for (size_t i = 0; i < LENGTH(none); i++)
		ck_assert_msg(!doveconf_value(text_24, none[i], value), "%s", none[i]);
}
END_TEST

START_TEST(settings_of_24)
{
	static struct doveconf c;
	struct error_text why;

	ck_assert_int_eq(doveconf_parse(&c, text_24, &why), OK);
	ck_assert(c.filters && !c.before && c.after && !c.reject_on_fail);
	ck_assert_str_eq(c.url, "http://h:1/v1/auth");
	ck_assert_str_eq(c.nonce, "");
	ck_assert_str_eq(c.login, "%{requested_username}");
	ck_assert_str_eq(c.protocol, "");
	ck_assert_str_eq(c.protocols, " imap submission ");
	ck_assert_int_eq(c.timeout_ms, 60000);
	ck_assert(!c.one_connection);
}
END_TEST

START_TEST(settings_of_23)
{
	static const char text[] =
	    "auth_policy_server_url = http://h:1/v1/auth\n"
	    "auth_policy_check_after_auth = no\n"
	    "auth_policy_reject_on_fail = yes\n"
	    "auth_policy_request_attributes = xlogin=no login=%{user} remote=%{rip}\n"
	    "auth_policy_server_timeout_msecs = 2000\n"
	    "protocols = imap lmtp\n"
	    "base_dir = /run/dovecot\n";
	static struct doveconf c;
	struct error_text why;

	ck_assert_int_eq(doveconf_parse(&c, text, &why), OK);
	ck_assert(!c.filters && c.before && !c.after && c.reject_on_fail);
	ck_assert_str_eq(c.url, "http://h:1/v1/auth");
	ck_assert_str_eq(c.login, "%{user}");
	ck_assert_str_eq(c.remote, "%{rip}");
	ck_assert_str_eq(c.mechanism, "");
	ck_assert_str_eq(c.protocols, " imap lmtp ");
	ck_assert_int_eq(c.timeout_ms, 2000);
	ck_assert(c.one_connection);
}
END_TEST

START_TEST(texts_that_are_no_settings)
{
	static const char *const bad[] = {"", "hello\n", "a = b\n",
	    "base_dir = /x\n}\n", "base_dir = /x\nx {\n", "base_dir = /x\nx {\n}\n}\n",
	    "base_dir = /x\n= y\n", "base_dir = /x\na=b\n", "base_dir = /x\n {\n",
	    "x {\nbase_dir = /x\n}\n"};
	static struct doveconf c;
	struct error_text why;
	char *text = malloc(HUGE_SIZE + 40);

	for (size_t i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(
		    doveconf_parse(&c, bad[i], &why) == ERR_FORMAT, "%s", bad[i]);
	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i + 4 <= HUGE_SIZE; i += 4)
		memcpy(text + i, "x {\n", 5); /* blocks within blocks */
	ck_assert_int_eq(doveconf_parse(&c, text, &why), ERR_FORMAT);
	strcpy(text, "base_dir = /x\nauth_policy_server_url = ");
	memset(text + strlen(text), 'v', HUGE_SIZE - 60);
	text[HUGE_SIZE - 30] = '\0';
	ck_assert_int_eq(doveconf_parse(&c, text, &why), OK);
	ck_assert_str_eq(c.url, ""); /* never a part of it */
	free(text);
}
END_TEST

START_TEST(times)
{
	static const struct {
		const char *text;
		long unit, ms;
	} cases[] = {{"2000", 1, 2000}, {"2", 1000, 2000}, {"0", 1000, 0},
	    {"500ms", 1000, 500}, {"500 msecs", 1000, 500}, {"30 secs", 1, 30000},
	    {"1s", 1, 1000}, {"2 mins", 1, 120000}, {"1 hours", 1, 3600000},
	    {"infinite", 1, 0}, {"", 1, -1}, {"x", 1, -1}, {"-1", 1, -1},
	    {"1 x", 1, -1}, {"99999999999999999999 days", 1, LONG_MAX}};

	for (size_t i = 0; i < LENGTH(cases); i++)
		ck_assert_msg(
		    doveconf_time(cases[i].text, cases[i].unit) == cases[i].ms, "%s",
		    cases[i].text);
}
END_TEST

static char folder[64];

static void
make_folder(void)
{
	strcpy(folder, "/tmp/check-door-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
remove_folder(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static void
write_file(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert(fputs(text, f) >= 0);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(pam_files)
{
	static struct pam_stack s;
	char value[PAM_STACK_TEXT_MAX + 1];

	ck_assert(!pam_stack_read(&s, folder, "smtp"));
	write_file("smtp",
	    "#%PAM-1.0\n\n"
	    "auth\t[success=2  default=ignore] /lib/pam_a.so x=1  port=7 # y\n"
	    "@include more\nauth include more\nsession required pam_s.so\n"
	    "AUTH Required \\\n pam_c.so\naccount\nauth required\n"
	    "account requisite pam_d.so");
	write_file("more", "auth sufficient pam_m.so\naccount optional pam_n.so\n");
	ck_assert(pam_stack_read(&s, folder, "smtp"));
	ck_assert(!s.cut);
	ck_assert_uint_eq(s.count, 6);
	ck_assert_str_eq(s.module[0].name, "pam_a.so");
	ck_assert_str_eq(s.module[0].control, "[success=2  default=ignore]");
	ck_assert_str_eq(pam_stack_action(&s.module[0], "success", value), "2");
	ck_assert_str_eq(
	    pam_stack_action(&s.module[0], "perm_denied", value), "ignore");
	ck_assert(pam_stack_argument(&s.module[0], "port", value));
	ck_assert_str_eq(value, "7");
	ck_assert(!pam_stack_argument(&s.module[0], "y", value));
	ck_assert(!pam_stack_argument(&s.module[0], "ort", value));
	ck_assert_str_eq(s.module[1].name, "pam_m.so");
	ck_assert_str_eq(pam_stack_action(&s.module[1], "success", value), "done");
	ck_assert_int_eq(s.module[2].phase, PAM_PHASE_ACCOUNT);
	ck_assert_str_eq(s.module[3].name, "pam_m.so"); /* auth alone */
	ck_assert_str_eq(s.module[4].name, "pam_c.so");
	ck_assert_str_eq(s.module[5].name, "pam_d.so");
}
END_TEST

START_TEST(pam_files_that_are_hostile)
{
	static struct pam_stack s;
	char *text = malloc(HUGE_SIZE + 1);

	ck_assert_ptr_nonnull(text);
	write_file("smtp", "@include smtp\nauth include smtp\nauth include gone\n");
	ck_assert(pam_stack_read(&s, folder, "smtp"));
	ck_assert(s.cut);
	memset(text, 'x', HUGE_SIZE);
	text[HUGE_SIZE] = '\0';
	memcpy(text, "auth required ", 14);
	write_file("smtp", text);
	ck_assert(pam_stack_read(&s, folder, "smtp"));
	ck_assert(s.cut);
	for (size_t i = 0; i + 16 <= HUGE_SIZE; i += 16)
		memcpy(text + i, "auth required m\n", 16);
	write_file("smtp", text);
	ck_assert(pam_stack_read(&s, folder, "smtp"));
	ck_assert(s.cut);
	ck_assert_uint_eq(s.count, PAM_STACK_MAX);
	write_file("smtp", "auth [success=1 m.so\nauth [] m.so\nauth \\");
	ck_assert(pam_stack_read(&s, folder, "smtp"));
	free(text);
}
END_TEST

START_TEST(flags_of_saslauthd)
{
	static const struct {
		const char *words;
		bool pam, realm, caches;
	} cases[] = {{"-a pam -r -c", true, true, true}, {"-rcapam", true, true, true},
	    {"-a shadow", false, false, false}, {"-m -r -a pam", true, false, false},
	    {"-s 128 -t 9 -c", false, false, true}, {"-a", false, false, false},
	    {"- -- r c", false, false, false}, {"", false, false, false}};
	char text[100], *word[20], *rest;

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct saslauthd s = {.known = false};
		int n = 0;

		strcpy(text, cases[i].words);
		for (char *w = strtok_r(text, " ", &rest); w != NULL;
		     w = strtok_r(NULL, " ", &rest))
			word[n++] = w;
		saslauthd_take(&s, word, n);
		ck_assert_msg(s.pam == cases[i].pam && s.realm == cases[i].realm &&
			s.caches == cases[i].caches,
		    "%s", cases[i].words);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("doctor_door");
	TCase *texts = suite_add_case(suite, "texts");
	TCase *files = suite_add_case(suite, "files");

	tcase_add_checked_fixture(files, make_folder, remove_folder);
	tcase_add_test(texts, urls);
	tcase_add_test(texts, urls_that_are_long);
	tcase_add_test(texts, settings_in_blocks);
	tcase_add_test(texts, settings_of_24);
	tcase_add_test(texts, settings_of_23);
	tcase_add_test(texts, texts_that_are_no_settings);
	tcase_add_test(texts, times);
	tcase_add_test(texts, flags_of_saslauthd);
	tcase_add_test(files, pam_files);
	tcase_add_test(files, pam_files_that_are_hostile);
	return suite_run(suite);
}
