/* SPDX-License-Identifier: BSD-2-Clause */
/* check_listener.c - what the daemon does to the file of its socket, and to no other */
#include "milter/service/listener.h"
#include "tests/lib/file.h"
#include "tests/lib/suite.h"
#include "tests/lib/test_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/smtpauth-listener-XXXXXX";
static char path[64], other[64];
static struct config config;
static struct listener listener;
static struct error_text why;

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/socket", folder);
	snprintf(other, sizeof other, "%s/other", folder);
	config = (struct config){.socket_mode = 0666};
	snprintf(config.socket, sizeof config.socket, "unix:%s", path);
}

static void
teardown(void)
{
	unlink(path);
	unlink(other);
	rmdir(folder);
}

/* socket_make - a socket that listens, with the mode 0600 */
static void
socket_make(const char *name)
{
	char spec[80];

	snprintf(spec, sizeof spec, "unix:%s", name);
	ck_assert_int_ge(test_socket_listen(spec), 0);
	ck_assert_int_eq(chmod(name, 0600), 0);
}

static unsigned int
mode_of(const char *name)
{
	struct stat file;

	ck_assert_int_eq(stat(name, &file), 0);
	return file.st_mode & 07777;
}

START_TEST(socket_gets_its_mode)
{
	socket_make(path);
	ck_assert_int_eq(listener_adjust(&config, &listener, &why), OK);
	ck_assert_uint_eq(mode_of(path), 0666);
	ck_assert_int_eq(listener_remove(&config, &listener, &why), OK);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* not_ours - expects an error, and that nothing is removed afterwards */
static void
not_ours(void)
{
	struct stat file;

	ck_assert_int_eq(listener_adjust(&config, &listener, &why), ERR_IO);
	ck_assert_ptr_nonnull(strstr(why.text, path));
	ck_assert_int_eq(listener_remove(&config, &listener, &why), OK);
	ck_assert_int_eq(lstat(path, &file), 0);
}

START_TEST(link_to_a_file_is_not_followed)
{
	ck_assert(file_write(other, "precious", 8));
	ck_assert_int_eq(chmod(other, 0600), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	not_ours();
	ck_assert_uint_eq(mode_of(other), 0600);
}
END_TEST

START_TEST(link_to_a_socket_is_not_followed)
{
	socket_make(other);
	ck_assert_int_eq(symlink(other, path), 0);
	not_ours();
	ck_assert_uint_eq(mode_of(other), 0600);
}
END_TEST

START_TEST(file_in_the_place_of_the_socket_keeps_its_mode)
{
	ck_assert(file_write(path, "precious", 8));
	ck_assert_int_eq(chmod(path, 0600), 0);
	not_ours();
	ck_assert_uint_eq(mode_of(path), 0600);
}
END_TEST

START_TEST(socket_that_is_gone)
{
	ck_assert_int_eq(listener_adjust(&config, &listener, &why), ERR_IO);
	ck_assert(!listener.is_file);
}
END_TEST

START_TEST(place_that_cannot_be_seen)
{
	ck_assert(file_write(other, "precious", 8));
	snprintf(config.socket, sizeof config.socket, "unix:%s/socket", other);
	ck_assert_int_eq(listener_clear(&config, &why), ERR_IO);
	ck_assert_msg(
	    strstr(why.text, strerror(ENOTDIR)) != NULL, "unclear: %s", why.text);
}
END_TEST

START_TEST(free_place)
{
	ck_assert_int_eq(listener_clear(&config, &why), OK);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listener");
	TCase *file = suite_add_case(suite, "file");

	tcase_add_checked_fixture(file, setup, teardown);
	tcase_add_test(file, socket_gets_its_mode);
	tcase_add_test(file, link_to_a_file_is_not_followed);
	tcase_add_test(file, link_to_a_socket_is_not_followed);
	tcase_add_test(file, file_in_the_place_of_the_socket_keeps_its_mode);
	tcase_add_test(file, socket_that_is_gone);
	tcase_add_test(file, place_that_cannot_be_seen);
	tcase_add_test(file, free_place);
	return suite_run(suite);
}
