/* SPDX-License-Identifier: BSD-2-Clause */
/* check_listen_fault.c - the reason, and that looking for it leaves nothing behind;
 * t_start.py has the others. */
#include "milter/service/listen_fault.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/test_socket.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 106 };

static void
reason_is(const char *spec, const char *words)
{
	struct error_text why = {.text = ""};
	char begin[200];

	snprintf(begin, sizeof begin, "cannot listen on %s: ", spec);
	expect_error(ERR_IO, listen_fault_find(spec, &why));
	ck_assert_msg(strncmp(why.text, begin, strlen(begin)) == 0, "%s", why.text);
	ck_assert_msg(strstr(why.text, words) != NULL, "%s", why.text);
}

START_TEST(path_without_fault)
{
	struct state state;
	char spec[200];

	state_open(&state);
	snprintf(spec, sizeof spec, "unix:%s/s", state.dir);
	reason_is(spec, "nothing is wrong at a second look");
	ck_assert_int_ne(access(spec + strlen("unix:"), F_OK), 0);
	reason_is(spec, "nothing is wrong at a second look");
}
END_TEST

START_TEST(port_without_fault)
{
	int port = test_socket_free_port("127.0.0.1");
	char spec[60];

	snprintf(spec, sizeof spec, "inet:%d@127.0.0.1", port);
	reason_is(spec, "nothing is wrong at a second look");
	reason_is(spec, "nothing is wrong at a second look");
}
END_TEST

START_TEST(path_in_use)
{
	struct state state;
	char spec[200];
	FILE *file;

	state_open(&state);
	snprintf(spec, sizeof spec, "unix:%s/s", state.dir);
	file = fopen(spec + strlen("unix:"), "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
	reason_is(spec, "Address already in use");
	ck_assert_int_eq(access(spec + strlen("unix:"), F_OK), 0);
	strcat(spec, "/t");
	reason_is(spec, "Not a directory");
}
END_TEST

START_TEST(folder_is_the_root)
{
	reason_is("unix:/dev/null/x", "Not a directory");
	reason_is("unix:/no-such-folder/s", "there is no folder /no-such-folder: ");
	reason_is("unix:/", "in use");
}
END_TEST

START_TEST(no_address)
{
	reason_is("fd:3", "no address that libmilter takes");
}
END_TEST

START_TEST(length_of_a_path)
{
	char spec[sizeof "local:" + LONGEST + 1] = "local:/";
	struct error_text why;

	memset(spec + strlen(spec), 's', LONGEST - 1);
	expect_ok(listen_fault_of_name(spec, &why));
	spec[strlen(spec)] = 's';
	expect_error(ERR_CONFIG, listen_fault_of_name(spec, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "107 bytes"));
	reason_is(spec, "the path has 107 bytes, and a socket's may have 106");
	expect_ok(listen_fault_of_name("inet:1@localhost", &why));
	expect_ok(listen_fault_of_name("fd:3", &why));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listen_fault");
	TCase *tcase = state_add_case(suite, "listen_fault");

	tcase_add_test(tcase, path_without_fault);
	tcase_add_test(tcase, port_without_fault);
	tcase_add_test(tcase, path_in_use);
	tcase_add_test(tcase, folder_is_the_root);
	tcase_add_test(tcase, no_address);
	tcase_add_test(tcase, length_of_a_path);
	return suite_run(suite);
}
