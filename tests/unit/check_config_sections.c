/* SPDX-License-Identifier: BSD-2-Clause */
/* check_config_sections.c - which daemon a line of the configuration file is for */
#include "policy/config/config.h"
#include "policy/identity/mta.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char path[] = "/tmp/check_config_sections.XXXXXX";

/* write_file - one with these N bytes, at `path` */
static void
write_file(const char *s, size_t n)
{
	int fd;

	strcpy(strrchr(path, '.'), ".XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, s, n), n);
	close(fd);
}

/* What stands before a section, and in [authd], for both daemons. */
START_TEST(sections)
{
	static const char text[] =
	    "socket = unix:/run/milter\nlog = json\nmta = sendmail\n"
	    "metrics-file = /m/milter.prom\nlog-level = debug\nuser = nobody\n"
	    "on-error = reject\n"
	    " [authd] # the door at AUTH\n"
	    "log = syslog\nkey-file = /etc/key\n";
	struct error_text why = {""};
	struct config milter, authd;

	write_file(text, sizeof text - 1);
	ck_assert_msg(config_read(&milter, path, &why) == OK, "%s", why.text);
	ck_assert_msg(config_read_authd(&authd, path, &why) == OK, "%s", why.text);
	unlink(path);
	ck_assert_str_eq(milter.socket, "unix:/run/milter");
	ck_assert_str_eq(authd.socket, CONFIG_AUTHD_SOCKET);
	ck_assert(milter.socket_is_set && !authd.socket_is_set);
	ck_assert_int_eq(milter.log, LOG_TO_JSON);
	ck_assert_int_eq(authd.log, LOG_TO_SYSLOG);
	ck_assert_int_eq(milter.mta, MTA_SENDMAIL);
	ck_assert_int_eq(authd.mta, MTA_AUTO);
	ck_assert_str_eq(milter.metrics_file, "/m/milter.prom");
	ck_assert_str_eq(authd.metrics_file, "");
	ck_assert_str_eq(authd.user, "nobody");
	ck_assert_int_eq(authd.log_level, LEVEL_DEBUG);
	ck_assert_int_eq(authd.on_error, ACTION_REJECT);
	ck_assert_str_eq(authd.key_file, "/etc/key");
	ck_assert_str_eq(milter.key_file, "");
}
END_TEST

/* Whichever daemon reads the file. */
START_TEST(bad_sections)
{
	static const char *const cases[] = {"[milter]\n", "[authd\n", "[authd] x\n",
	    "[Authd]\n", "[]\n", "[authd]\nmta = postfix\n",
	    "[authd]\nstate-dir = /srv\n", "[authd]\non-error = reject\n",
	    "[authd]\nsocket = nowhere\n", "key-file = /etc/key\n",
	    "[authd]\nkey-file = key\n", "[authd]\ncolour = blue\n"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error_text why = {""};
		struct config c;

		write_file(cases[i], strlen(cases[i]));
		ck_assert_msg(
		    config_read(&c, path, &why) == ERR_CONFIG, "%s", cases[i]);
		ck_assert_msg(strstr(why.text, path) == why.text, "%s", why.text);
		ck_assert_msg(
		    config_read_authd(&c, path, NULL) == ERR_CONFIG, "%s", cases[i]);
		unlink(path);
	}
}
END_TEST

/* What is printed for smtpauth-authd is read as the same. */
START_TEST(print_authd_comes_back)
{
	static const char *const keys[][2] = {{"socket", "inet:1@127.0.0.1"},
	    {"user", "root"}, {"state-dir", "/srv/state"}, {"on-error", "accept"},
	    {"log", "syslog"}, {"metrics-file", "/m"}};
	struct config c, back;
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	ck_assert_int_eq(config_read_authd(&c, "/dev/null", NULL), OK);
	for (size_t i = 0; i < COUNT(keys); i++)
		ck_assert_int_eq(config_set(&c, keys[i][0], keys[i][1], NULL), OK);
	ck_assert_int_eq(config_set(&c, "key-file", "/etc/key", NULL), OK);
	config_print_authd(&c, to);
	fclose(to);
	write_file(text, n);
	ck_assert_int_eq(config_read_authd(&back, path, NULL), OK);
	unlink(path);
	free(text);
	ck_assert_str_eq(back.socket, "inet:1@127.0.0.1");
	ck_assert_str_eq(back.user, "root");
	ck_assert_str_eq(back.state_dir, "/srv/state");
	ck_assert_int_eq(back.on_error, ACTION_ACCEPT);
	ck_assert_int_eq(back.log, LOG_TO_SYSLOG);
	ck_assert_str_eq(back.metrics_file, "/m");
	ck_assert_str_eq(back.key_file, "/etc/key");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config_sections");
	TCase *file = suite_add_case(suite, "file");

	tcase_add_test(file, sections);
	tcase_add_test(file, bad_sections);
	tcase_add_test(file, print_authd_comes_back);
	return suite_run(suite);
}
