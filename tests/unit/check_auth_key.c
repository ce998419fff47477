/* SPDX-License-Identifier: BSD-2-Clause */
/* check_auth_key.c - the key of smtpauth-authd, and what is none. */
#include "policy/store/auth_key.h"
#include "tests/lib/file.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define KEY "0123456789abcdef0123456789ABCDEF"

static struct state state;
static char path[STATE_PATH];
static struct error_text why;

static void
setup(void)
{
	state_open(&state);
	snprintf(path, sizeof path, "%s/" AUTH_KEY_FILE, state.dir);
}

/* read_text - the file with these bytes as a key */
static enum error
read_text(struct auth_key *key, const void *text, size_t n)
{
	ck_assert(file_write(path, text, n));
	why.text[0] = '\0';
	return auth_key_read(key, path, &why);
}

START_TEST(path_is_told_or_in_the_folder)
{
	char out[PATH_MAX], longer[PATH_MAX + 1];

	expect_ok(auth_key_path(out, "", "/state", &why));
	ck_assert_str_eq(out, "/state/auth.key");
	expect_ok(auth_key_path(out, "/etc/key", "/state", &why));
	ck_assert_str_eq(out, "/etc/key");
	memset(longer, 'a', sizeof longer);
	longer[PATH_MAX] = '\0';
	expect_error(ERR_LIMIT, auth_key_path(out, longer, "/state", &why));
	longer[PATH_MAX - 1] = '\0';
	expect_ok(auth_key_path(out, longer, "/state", &why));
}
END_TEST

START_TEST(made_once)
{
	struct auth_key one, two;
	struct stat st;
	bool made;

	expect_ok(auth_key_make(state.dir, &made, &why));
	ck_assert(made);
	expect_ok(auth_key_read(&one, path, &why));
	ck_assert_uint_eq(one.len, 64);
	ck_assert_uint_eq(strspn(one.text, "0123456789abcdef"), 64);
	ck_assert(!one.exposed);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(st.st_size, 65);
	expect_ok(auth_key_make(state.dir, &made, &why));
	ck_assert(!made);
	expect_ok(auth_key_read(&two, path, &why));
	ck_assert_str_eq(one.text, two.text);
	ck_assert_int_eq(unlink(path), 0);
	expect_ok(auth_key_make(state.dir, &made, &why));
	expect_ok(auth_key_read(&two, path, &why));
	ck_assert_str_ne(one.text, two.text);
}
END_TEST

/* What an init that was killed has left is no obstacle, and is not followed. */
START_TEST(half_made_is_made_anew)
{
	char part[STATE_PATH + 8], other[STATE_PATH];
	struct auth_key key;
	bool made;

	snprintf(part, sizeof part, "%s.new", path);
	snprintf(other, sizeof other, "%s/other", state.dir);
	ck_assert_int_eq(symlink(other, part), 0);
	expect_ok(auth_key_make(state.dir, &made, &why));
	ck_assert(made);
	expect_ok(auth_key_read(&key, path, &why));
	ck_assert_int_eq(access(part, F_OK), -1);
	ck_assert_int_eq(access(other, F_OK), -1);
}
END_TEST

START_TEST(file_that_is_there_stays)
{
	char other[STATE_PATH];
	bool made;
	char *text;

	ck_assert(file_write(path, "bad\n", 4));
	expect_ok(auth_key_make(state.dir, &made, &why));
	ck_assert(!made);
	text = file_read(path, NULL);
	ck_assert_str_eq(text, "bad\n");
	free(text);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(other, sizeof other, "%s/other", state.dir);
	ck_assert_int_eq(symlink(other, path), 0);
	expect_ok(auth_key_make(state.dir, &made, &why));
	ck_assert(!made);
	ck_assert_int_eq(access(other, F_OK), -1);
	expect_error(ERR_MISSING, auth_key_make("/nowhere/at/all", &made, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "/nowhere/at/all"));
}
END_TEST

START_TEST(file_is_a_key)
{
	static const char *const good[] = {
	    KEY, KEY "\n", "abcdefghijklmnop", "-._~+/0123456789=="};
	struct auth_key key;

	for (size_t i = 0; i < COUNT(good); i++) {
		memset(&key, 0xA5, sizeof key);
		expect_ok(read_text(&key, good[i], strlen(good[i])));
		ck_assert_uint_eq(key.len, strcspn(good[i], "\n"));
		ck_assert_uint_eq(strlen(key.text), key.len);
		ck_assert_mem_eq(key.text, good[i], key.len);
	}
}
END_TEST

START_TEST(file_is_no_key)
{
	static const struct {
		const char *text;
		size_t n;
	} bad[] = {{"", 0}, {"\n", 1}, {"short\n", 6}, {"abcdefghijklmno\n", 16},
	    {KEY "\r\n", sizeof KEY + 1}, {KEY "\n\n", sizeof KEY + 1},
	    {"\n" KEY, sizeof KEY}, {KEY " ", sizeof KEY}, {" " KEY, sizeof KEY},
	    {KEY "\0", sizeof KEY}, {KEY "\0\n", sizeof KEY + 1},
	    {KEY "\n" KEY "\n", 2 * sizeof KEY}, {"key = " KEY, sizeof KEY + 5},
	    {"\xEF\xBB\xBF" KEY, sizeof KEY + 2}, {KEY "\xC3\xA4", sizeof KEY + 1},
	    {"\"" KEY "\"", sizeof KEY + 1}};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct auth_key key;

		expect_error(ERR_CONFIG, read_text(&key, bad[i].text, bad[i].n));
		ck_assert_ptr_nonnull(strstr(why.text, path));
		ck_assert_ptr_null(strstr(why.text, "0123456789"));
	}
}
END_TEST

START_TEST(key_has_a_limit)
{
	char text[AUTH_KEY_MAX + 3];
	struct auth_key key;

	memset(text, 'k', sizeof text);
	expect_error(ERR_CONFIG, read_text(&key, text, AUTH_KEY_MIN - 1));
	expect_ok(read_text(&key, text, AUTH_KEY_MIN));
	expect_ok(read_text(&key, text, AUTH_KEY_MAX));
	ck_assert_uint_eq(key.len, AUTH_KEY_MAX);
	for (size_t n = AUTH_KEY_MAX + 1; n <= sizeof text; n++)
		expect_error(ERR_CONFIG, read_text(&key, text, n));
	text[AUTH_KEY_MAX] = '\n';
	expect_ok(read_text(&key, text, AUTH_KEY_MAX + 1));
	expect_error(ERR_CONFIG, read_text(&key, text, AUTH_KEY_MAX + 2));
}
END_TEST

START_TEST(what_is_no_file)
{
	struct auth_key key;

	expect_error(ERR_MISSING, auth_key_read(&key, path, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "smtpauthctl init"));
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_error(ERR_CONFIG, auth_key_read(&key, path, &why));
	ck_assert(auth_key_read(&key, state.dir, &why) != OK);
	ck_assert_ptr_nonnull(strstr(why.text, state.dir));
	expect_error(ERR_CONFIG, auth_key_read(&key, "/dev/null", &why));
	expect_error(ERR_CONFIG, auth_key_read(&key, "/dev/zero", &why));
}
END_TEST

START_TEST(who_can_read_it_is_seen)
{
	static const struct {
		mode_t mode;
		bool exposed;
	} cases[] = {
	    {0600, false}, {0640, false}, {0660, false}, {0644, true}, {0604, true}};
	struct auth_key key;

	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert(file_write(path, KEY, sizeof KEY - 1));
		ck_assert_int_eq(chmod(path, cases[i].mode), 0);
		expect_ok(auth_key_read(&key, path, &why));
		ck_assert_int_eq(key.exposed, cases[i].exposed);
	}
}
END_TEST

START_TEST(value_is_the_key_or_not)
{
	static const struct {
		const char *value;
		bool is;
	} cases[] = {{"Bearer " KEY, true}, {"bearer " KEY, true},
	    {"BEARER " KEY, true}, {"", false}, {"Bearer", false}, {"Bearer ", false},
	    {KEY, false}, {"Basic " KEY, false}, {"Digest " KEY, false},
	    {"Bearer  " KEY, false}, {"Bearer\t" KEY, false}, {"Bearer=" KEY, false},
	    {"Bearer " KEY "0", false}, {"Bearer " KEY " ", false},
	    {"Bearer " KEY KEY, false},
	    {"Bearer 0123456789abcdef0123456789ABCDE", false},
	    {"Bearer 0123456789abcdef0123456789ABCDEf", false},
	    {"Bearer 0123456789ABCDEF0123456789ABCDEF", false},
	    {"Bearer 1123456789abcdef0123456789ABCDEF", false},
	    {"Bearer 0123456789abcdef0123456789ABCDEG", false}};
	struct auth_key key;

	expect_ok(read_text(&key, KEY "\n", sizeof KEY));
	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(auth_key_is(&key, cases[i].value,
				  strlen(cases[i].value)) == cases[i].is,
		    "%s", cases[i].value);
	ck_assert(!auth_key_is(&key, NULL, 0));
	ck_assert(auth_key_is(&key, "Bearer " KEY "0", sizeof "Bearer " KEY - 1));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auth_key");
	TCase *t = state_add_case(suite, "auth_key");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, path_is_told_or_in_the_folder);
	tcase_add_test(t, made_once);
	tcase_add_test(t, half_made_is_made_anew);
	tcase_add_test(t, file_that_is_there_stays);
	tcase_add_test(t, file_is_a_key);
	tcase_add_test(t, file_is_no_key);
	tcase_add_test(t, key_has_a_limit);
	tcase_add_test(t, what_is_no_file);
	tcase_add_test(t, who_can_read_it_is_seen);
	tcase_add_test(t, value_is_the_key_or_not);
	return suite_run(suite);
}
