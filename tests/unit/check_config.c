/* SPDX-License-Identifier: BSD-2-Clause */
/* check_config.c - the configuration file: defaults, values, and where it is wrong. */
#include "policy/config/config.h"
#include "policy/identity/mta.h"
#include "tests/lib/suite.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BYTES(s) (s), sizeof(s) - 1

/* What the name service knows here: this account, and how often it was asked. */
static const char *account = "smtpauth";
static int asked;

/* getpwnam - in the place of the C library's: tests run with the account and without */
struct passwd *
getpwnam(const char *name)
{
	static struct passwd known;

	asked++;
	return strcmp(name, account) == 0 ? &known : NULL;
}

static char path[] = "/tmp/check_config.XXXXXX";

/* read_bytes - config_read() of a file with these N bytes, which is gone afterwards */
static enum error
read_bytes(const char *s, size_t n, struct config *c, struct error_text *why)
{
	enum error e = ERR_IO;
	int fd;

	strcpy(strrchr(path, '.'), ".XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	if (write(fd, s, n) == (ssize_t)n)
		e = config_read(c, path, why);
	close(fd);
	unlink(path);
	return e;
}

static enum error
read_text(const char *s, struct config *c, struct error_text *why)
{
	return read_bytes(s, strlen(s), c, why);
}

/* print - the configuration as config_print() has it; the caller frees it */
static char *
print(const struct config *c)
{
	char *s = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&s, &n);

	ck_assert_ptr_nonnull(to);
	config_print(c, to);
	ck_assert_int_eq(fclose(to), 0);
	return s;
}

/* has_line - whether the print of C has this line */
static bool
has_line(const struct config *c, const char *key, const char *value)
{
	char want[512], *all = print(c), *at;
	bool has;

	snprintf(want, sizeof want, "%s = %s\n", key, value);
	at = strstr(all, want);
	has = at != NULL && (at == all || at[-1] == '\n');
	free(all);
	return has;
}

START_TEST(defaults)
{
	struct error_text why = {""};
	struct config c;

	memset(&c, 0xA5, sizeof c);
	ck_assert_msg(read_text("", &c, &why) == OK, "%s", why.text);
	ck_assert_str_eq(c.socket, "inet:8899@127.0.0.1");
	ck_assert_uint_eq(c.socket_mode, 0660);
	ck_assert_str_eq(c.socket_group, "");
	ck_assert_str_eq(c.user, "smtpauth");
	ck_assert_int_eq(c.mta, MTA_AUTO);
	ck_assert_int_eq(c.on_error, ACTION_TEMPFAIL);
	ck_assert_int_eq(c.log, LOG_TO_STDERR);
	ck_assert_int_eq(c.log_level, LEVEL_INFO);
	ck_assert(c.log_allowed && c.usage);
	ck_assert_uint_eq(c.usage_flush, 10);
	ck_assert_str_eq(c.metrics_file, "");
	ck_assert_ptr_nonnull(strstr(c.state_dir, "/lib/smtpauth-milter"));
	ck_assert_int_eq(c.state_dir[0], '/');
}
END_TEST

/* The name service can be slow, or down: nobody is to wait for what is not used. */
START_TEST(account_is_asked_for_only_where_none_is_named)
{
	struct error_text why;
	struct config c;

	asked = 0;
	ck_assert_int_eq(read_text("usage = no\n", &c, &why), OK);
	ck_assert_str_eq(c.user, "smtpauth");
	ck_assert_int_eq(asked, 1);
	account = "somebody";
	ck_assert_int_eq(read_text("usage = no\n", &c, &why), OK);
	ck_assert_str_eq(c.user, "");
	account = "smtpauth";
	asked = 0;
	ck_assert_int_eq(read_text("user = nobody\n", &c, &why), OK);
	ck_assert_str_eq(c.user, "nobody");
	ck_assert_int_eq(read_text("user =\n", &c, &why), OK);
	ck_assert_str_eq(c.user, "");
	ck_assert_int_eq(read_text("usage = maybe\n", &c, &why), ERR_CONFIG);
	ck_assert_int_eq(asked, 0);
}
END_TEST

static const struct {
	const char *key, *value, *printed; /* NULL: as it was given */
} good[] = {
    {"socket", "inet:8899@127.0.0.1", NULL},
    {"socket", "inet:1@localhost", NULL},
    {"socket", "inet:65535@0.0.0.0", NULL},
    {"socket", "inet6:8899@::1", NULL},
    {"socket", "unix:/run/smtpauth-milter/socket", NULL},
    {"socket", "fd:3", NULL},
    {"socket-mode", "0600", NULL},
    {"socket-mode", "660", "0660"},
    {"socket-mode", "0777", NULL},
    {"socket-mode", "0", "0000"},
    {"socket-group", "postfix", NULL},
    {"user", "root", NULL},
    {"user", "nobody", NULL},
    {"state-dir", "/srv/state", NULL},
    {"mta", "auto", NULL},
    {"mta", "postfix", NULL},
    {"mta", "sendmail", NULL},
    {"on-error", "tempfail", NULL},
    {"on-error", "reject", NULL},
    {"on-error", "accept", NULL},
    {"log", "syslog", NULL},
    {"log", "stderr", NULL},
    {"log", "json", NULL},
    {"log-level", "error", NULL},
    {"log-level", "warning", NULL},
    {"log-level", "info", NULL},
    {"log-level", "debug", NULL},
    {"log-allowed", "yes", NULL},
    {"log-allowed", "no", NULL},
    {"usage", "yes", NULL},
    {"usage", "no", NULL},
    {"usage-flush", "1", NULL},
    {"usage-flush", "60", NULL},
    {"metrics-file", "/var/lib/metrics/smtpauth.prom", NULL},
};

START_TEST(value_good)
{
	const char *key = good[_i].key, *value = good[_i].value;
	const char *printed = good[_i].printed != NULL ? good[_i].printed : value;
	struct error_text why = {""};
	struct config c;
	char line[512];

	ck_assert_int_eq(read_text("", &c, &why), OK);
	ck_assert_msg(config_set(&c, key, value, &why) == OK, "%s", why.text);
	ck_assert_msg(has_line(&c, key, printed), "%s = %s, set", key, value);
	snprintf(line, sizeof line, "%s = %s\n", key, value);
	ck_assert_msg(read_text(line, &c, &why) == OK, "%s", why.text);
	ck_assert_msg(has_line(&c, key, printed), "%s = %s, read", key, value);
}
END_TEST

static const struct {
	const char *key, *value;
} bad[] = {{"", ""}, {"sockets", "fd:3"}, {"Socket", "fd:3"}, {"socket ", "fd:3"},
    {"state_dir", "/x"}, {"enforce", "yes"}, {"socket", ""}, {"socket", "8899"},
    {"socket", "inet:"}, {"socket", "inet6:"}, {"socket", "unix:"}, {"socket", "fd:"},
    {"socket", "fd:x"}, {"socket", "fd:-1"}, {"socket", "fd:3x"},
    {"socket", "tcp:25@::1"}, {"socket", "INET:8899@::1"}, {"socket", "/run/socket"},
    {"socket", "inet:0@127.0.0.1"}, {"socket", "inet:65536@127.0.0.1"},
    {"socket", "inet:smtp@127.0.0.1"}, {"socket", "inet:8899@"},
    {"socket", "inet:@127.0.0.1"}, {"socket", "inet:-1@127.0.0.1"},
    {"socket", "inet:4294967297@127.0.0.1"}, {"socket-mode", ""}, {"socket-mode", "rw"},
    {"socket-mode", "0888"}, {"socket-mode", "-0660"}, {"socket-mode", "0660x"},
    {"socket-mode", "01777"}, {"socket-mode", "0x1b0"}, {"socket-mode", " 0660"},
    {"socket-mode", "7777777777777777777777777"}, {"state-dir", ""},
    {"state-dir", "state"}, {"state-dir", "./state"}, {"mta", ""}, {"mta", "exim"},
    {"mta", "Postfix"}, {"on-error", ""}, {"on-error", "report"},
    {"on-error", "default"}, {"on-error", "allow"}, {"log", ""}, {"log", "file"},
    {"log", "/var/log/x"}, {"log-level", ""}, {"log-level", "notice"},
    {"log-level", "3"}, {"log-allowed", ""}, {"log-allowed", "true"},
    {"log-allowed", "YES"}, {"usage", "1"}, {"usage", ""}, {"usage-flush", ""},
    {"usage-flush", "0"}, {"usage-flush", "-1"}, {"usage-flush", "1.5"},
    {"usage-flush", "10s"}, {"usage-flush", "4294967297"}, {"usage-flush", " 10"},
    {"usage-flush", "18446744073709551617"}, {"metrics-file", "metrics"}};

START_TEST(value_bad)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct error_text why = {""};
		struct config c;

		ck_assert_int_eq(read_text("", &c, NULL), OK);
		ck_assert_msg(
		    config_set(&c, bad[i].key, bad[i].value, &why) == ERR_CONFIG,
		    "%s = \"%s\" was taken", bad[i].key, bad[i].value);
		ck_assert_msg(strstr(why.text, bad[i].key) != NULL, "%s = \"%s\": %s",
		    bad[i].key, bad[i].value, why.text);
		ck_assert_int_eq(
		    config_set(&c, bad[i].key, bad[i].value, NULL), ERR_CONFIG);
	}
}
END_TEST

/* An empty value is the way to say "none", wherever none is possible. */
START_TEST(empty_value_clears)
{
	static const char *const keys[][2] = {
	    {"socket-group", "mail"}, {"user", "nobody"}, {"metrics-file", "/x"}};

	for (size_t i = 0; i < COUNT(keys); i++) {
		struct error_text why = {""};
		struct config c;

		ck_assert_int_eq(read_text("", &c, &why), OK);
		ck_assert_int_eq(config_set(&c, keys[i][0], keys[i][1], &why), OK);
		ck_assert_msg(config_set(&c, keys[i][0], "", &why) == ERR_CONFIG ||
			has_line(&c, keys[i][0], ""),
		    "%s: the empty value was taken and the old one kept", keys[i][0]);
	}
}
END_TEST

START_TEST(shapes_of_a_good_file)
{
	static const char *const texts[] = {"log = json\nmta = postfix\n",
	    "log=json\nmta=postfix\n", "log = json\nmta = postfix",
	    "log\t=\tjson\n\nmta = postfix\n",
	    "# comment\nlog = json\n; comment\nmta = postfix\n",
	    "log = json\r\nmta = postfix\r\n", "  log = json\n\tmta = postfix\n",
	    "log = json   \nmta = postfix\t\n",
	    "log = syslog\nlog = json\nmta = postfix\n",
	    "\n\n\nlog = json\n   \nmta = postfix\n\n"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct error_text why = {""};
		struct config c;

		ck_assert_msg(
		    read_text(texts[i], &c, &why) == OK, "case %zu: %s", i, why.text);
		ck_assert_msg(
		    c.log == LOG_TO_JSON && c.mta == MTA_POSTFIX, "case %zu", i);
		ck_assert_str_eq(c.socket, "inet:8899@127.0.0.1");
	}
}
END_TEST

START_TEST(errors_name_their_line)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *word;
	} cases[] = {{"logs = json\n", 1, "logs"},
	    {"log = json\n\n# x\nmta = exim\n", 4, "exim"},
	    {"log = json\n[section]\nmta = auto\n", 2, "section"},
	    {"log = json\n  [section]\n", 2, "section"},
	    {"log = json\nnonsense\n", 2, ""}, {"log =\n", 1, "log"},
	    {"log = json\n = x\n", 2, ""},
	    {"log = json\nmta = exim\nlog = file\n", 2, "exim"},
	    {"nonsense\nmta = exim\n", 1, ""},
	    {"log = json\n  mta = exim\n", 2, "exim"},
	    {"log = json\nlog = json mta = postfix\n", 2, "log"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error_text why = {""};
		struct config c;
		char want[64];

		ck_assert_msg(read_text(cases[i].text, &c, &why) == ERR_CONFIG,
		    "case %zu was taken", i);
		snprintf(want, sizeof want, "%s:%u: ", path, cases[i].line);
		ck_assert_msg(strncmp(why.text, want, strlen(want)) == 0,
		    "case %zu: %s", i, why.text);
		ck_assert_msg(strstr(why.text, cases[i].word) != NULL, "case %zu: %s",
		    i, why.text);
	}
}
END_TEST

/* No line is cut: it is read whole, or it is an error. */
START_TEST(long_lines)
{
	for (size_t n = 180; n <= 420; n++)
		for (int newline = 0; newline <= 1; newline++) {
			static const char front[] = "state-dir = ";
			char text[512] = "state-dir = /";
			struct error_text why = {""};
			struct config c;
			enum error e;

			memset(text + strlen(text), 'x', n - strlen(text));
			text[n] = newline ? '\n' : '\0';
			e = read_text(text, &c, &why);
			ck_assert_msg(n > CONFIG_VALUE_MAX || e == OK, "%zu bytes: %s",
			    n, why.text);
			ck_assert_msg(n <= CONFIG_VALUE_MAX + 1 || e == ERR_CONFIG,
			    "%zu bytes were taken", n);
			ck_assert_msg(
			    e != OK || strlen(c.state_dir) == n - strlen(front),
			    "%zu bytes were cut", n);
		}
}
END_TEST

START_TEST(long_values)
{
	char value[CONFIG_VALUE_MAX + 2] = "/";
	struct config c;

	ck_assert_int_eq(read_text("", &c, NULL), OK);
	memset(value + 1, 'x', sizeof value - 2);
	value[sizeof value - 1] = '\0';
	ck_assert_int_eq(config_set(&c, "state-dir", value, NULL), ERR_CONFIG);
	value[CONFIG_VALUE_MAX] = '\0';
	ck_assert_int_eq(config_set(&c, "state-dir", value, NULL), OK);
	ck_assert_str_eq(c.state_dir, value);
}
END_TEST

START_TEST(file_that_cannot_be_read)
{
	static const char *const files[] = {"/nonexistent/smtpauth-milter.conf", "/"};

	for (size_t i = 0; i < COUNT(files); i++) {
		struct error_text why = {""};
		struct config c;

		ck_assert_msg(
		    config_read(&c, files[i], &why) == ERR_CONFIG, "%s", files[i]);
		ck_assert_msg(strncmp(why.text, files[i], strlen(files[i])) == 0,
		    "%s: %s", files[i], why.text);
	}
}
END_TEST

START_TEST(bytes_behind_a_nul_are_not_dropped)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {{BYTES("log = json\0x\n")}, {BYTES("log = json\0\n")},
	    {BYTES("log = json\0mta = postfix")}, {BYTES("\0\nlog = json\n")}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config c;

		ck_assert_msg(
		    read_bytes(cases[i].text, cases[i].n, &c, NULL) == ERR_CONFIG,
		    "case %zu was taken", i);
	}
}
END_TEST

/* All keys, none at its default: what is printed is read as the same. */
START_TEST(print_comes_back)
{
	static const char *const values[][2] = {{"socket", "unix:/run/x"},
	    {"socket-mode", "0666"}, {"socket-group", "mail"}, {"user", "root"},
	    {"state-dir", "/srv/state"}, {"mta", "sendmail"}, {"on-error", "accept"},
	    {"log", "syslog"}, {"log-level", "debug"}, {"log-allowed", "no"},
	    {"usage", "no"}, {"usage-flush", "3600"}, {"metrics-file", "/srv/metrics"}};
	struct config c, back;
	char *first, *second;

	ck_assert_int_eq(read_text("", &c, NULL), OK);
	for (size_t i = 0; i < COUNT(values); i++)
		ck_assert_int_eq(config_set(&c, values[i][0], values[i][1], NULL), OK);
	first = print(&c);
	ck_assert_int_eq(read_text(first, &back, NULL), OK);
	second = print(&back);
	ck_assert_str_eq(first, second);
	for (size_t i = 0; i < COUNT(values); i++)
		ck_assert_msg(
		    has_line(&back, values[i][0], values[i][1]), "%s", values[i][0]);
	free(first);
	free(second);
}
END_TEST

START_TEST(socket_set_to_its_default)
{
	struct config c;
	struct error_text why;

	ck_assert_int_eq(read_text("usage = no\n", &c, &why), OK);
	ck_assert(!c.socket_is_set);
	ck_assert_int_eq(read_text("socket = " CONFIG_SOCKET "\n", &c, &why), OK);
	ck_assert(c.socket_is_set);
}
END_TEST

START_TEST(defaults_come_back)
{
	struct error_text why = {""};
	struct config c, back;
	char *first, *second;

	ck_assert_int_eq(read_text("", &c, NULL), OK);
	first = print(&c);
	ck_assert_msg(read_text(first, &back, &why) == OK, "%s", why.text);
	second = print(&back);
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
}
END_TEST

/* What config_state_dir() complained about, a line each. */
static char warned[4096];

static void
note_warning(const char *text)
{
	size_t n = strlen(warned);

	snprintf(warned + n, sizeof warned - n, "%s\n", text);
}

/* state_dir - config_state_dir() of a file with these N bytes */
static enum error
state_dir(const char *s, size_t n, char *dir, struct error_text *why)
{
	enum error e = ERR_IO;
	int fd;

	warned[0] = '\0';
	strcpy(strrchr(path, '.'), ".XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	if (write(fd, s, n) == (ssize_t)n)
		e = config_state_dir(dir, path, note_warning, why);
	close(fd);
	unlink(path);
	return e;
}

#define LONG_50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_LINE "log = " LONG_50 LONG_50 LONG_50 LONG_50 LONG_50 " state-dir = /bad\n"

/* In an emergency the state folder is all that is asked for. */
START_TEST(state_dir_alone)
{
	static const struct {
		const char *text;
		size_t n;
		unsigned line; /* of the one warning; 0: none */
	} cases[] = {{BYTES("state-dir = /srv\n"), 0},
	    {BYTES("# x\n\nlog = json\n state-dir=/srv\r\n"), 0},
	    {BYTES("mta = exim\nstate-dir = /srv\n"), 1},
	    {BYTES("state-dir = /srv\ncolour = blue\n"), 2},
	    {BYTES("nonsense\nstate-dir = /srv\n"), 1},
	    {BYTES(LONG_LINE "state-dir = /srv\n"), 1},
	    {BYTES("state-dir = /srv\n" LONG_LINE), 2},
	    {BYTES("state-dir = /srv\n\n[main]\nstate-dir = /bad\nlog = x\n"), 3},
	    {BYTES("state-dir = /srv\n[authd]\nlog = x\nlog = json\n"), 3}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char dir[CONFIG_VALUE_MAX + 1], want[64] = "";
		struct error_text why = {""};

		asked = 0;
		ck_assert_msg(state_dir(cases[i].text, cases[i].n, dir, &why) == OK,
		    "case %zu: %s", i, why.text);
		ck_assert_msg(strcmp(dir, "/srv") == 0, "case %zu: %s", i, dir);
		if (cases[i].line > 0)
			snprintf(want, sizeof want, "%s:%u: ", path, cases[i].line);
		ck_assert_msg(strncmp(warned, want, strlen(want)) == 0, "case %zu: %s",
		    i, warned);
		ck_assert_msg(
		    strcspn(warned, "\n") + (cases[i].line > 0) == strlen(warned),
		    "case %zu: %s", i, warned);
		ck_assert_int_eq(asked, 0);
	}
}
END_TEST

START_TEST(bad_state_dir)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {{BYTES("state-dir = here\n")}, {BYTES("log = x\nstate-dir\n")},
	    {BYTES("state-dir = /x\0y\n")}, {BYTES(" state-dir=/" LONG_LINE)}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char dir[CONFIG_VALUE_MAX + 1];
		struct error_text why = {""};

		ck_assert_msg(
		    state_dir(cases[i].text, cases[i].n, dir, &why) == ERR_CONFIG,
		    "case %zu was taken", i);
		ck_assert_msg(strncmp(why.text, path, strlen(path)) == 0,
		    "case %zu: %s", i, why.text);
	}
}
END_TEST

/* If the file may name another folder, nothing is done in the default one. */
START_TEST(state_dir_is_not_guessed)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {{BYTES("log = js\0on\nstate-dir = /srv\n")},
	    {BYTES("state-dirs = /bad\nstate-dir = /srv")},
	    {BYTES("State-Dir = /srv\n")}, {BYTES("state_dir = /srv\n")},
	    {BYTES("state-dir\xC2\xA0= /srv\n")}, {BYTES("[main]\nstate-dir = /srv\n")},
	    {BYTES("state-dir = /srv\n[authd]\nstate-dir = /bad\n")},
	    {BYTES("state-dir /srv\n")},
	    {BYTES("s\0t\0a\0t\0e\0-\0d\0i\0r\0 \0=\0/\0s\0\n\0")}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char dir[CONFIG_VALUE_MAX + 1];
		struct error_text why = {""};

		ck_assert_msg(
		    state_dir(cases[i].text, cases[i].n, dir, &why) == ERR_CONFIG,
		    "case %zu: %s", i, why.text);
	}
}
END_TEST

START_TEST(state_dir_of_a_file_that_cannot_be_read)
{
	static const char *const files[] = {"/nonexistent/smtpauth-milter.conf", "/"};

	for (size_t i = 0; i < COUNT(files); i++) {
		char dir[CONFIG_VALUE_MAX + 1] = "";
		struct error_text why = {""};

		ck_assert_int_eq(
		    config_state_dir(dir, files[i], note_warning, &why), ERR_CONFIG);
		ck_assert_msg(strncmp(why.text, files[i], strlen(files[i])) == 0,
		    "%s: %s", files[i], why.text);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *value = suite_add_case(suite, "value");
	TCase *file = suite_add_case(suite, "file");

	tcase_add_test(value, defaults);
	tcase_add_test(value, account_is_asked_for_only_where_none_is_named);
	tcase_add_loop_test(value, value_good, 0, (int)COUNT(good));
	tcase_add_test(value, value_bad);
	tcase_add_test(value, empty_value_clears);
	tcase_add_test(value, long_values);
	tcase_add_test(file, shapes_of_a_good_file);
	tcase_add_test(file, errors_name_their_line);
	tcase_add_test(file, long_lines);
	tcase_add_test(file, file_that_cannot_be_read);
	tcase_add_test(file, bytes_behind_a_nul_are_not_dropped);
	tcase_add_test(file, print_comes_back);
	tcase_add_test(file, defaults_come_back);
	tcase_add_test(file, socket_set_to_its_default);
	tcase_add_test(file, state_dir_alone);
	tcase_add_test(file, bad_state_dir);
	tcase_add_test(file, state_dir_is_not_guessed);
	tcase_add_test(file, state_dir_of_a_file_that_cannot_be_read);
	return suite_run(suite);
}
