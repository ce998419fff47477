/* SPDX-License-Identifier: BSD-2-Clause */
/* check_doctor_files.c - files that the doctor reads or judges, and hostile ones. */
#include "policy/doctor/account.h"
#include "policy/doctor/listener.h"
#include "policy/doctor/postfix_tables.h"
#include "policy/doctor/sendmail.h"
#include "tests/lib/suite.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HUGE_SIZE (1u << 20)
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static char folder[64];

static void
make_folder(void)
{
	strcpy(folder, "/tmp/check-doctor-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
remove_folder(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

/* file_of - a file with these bytes; the name is valid until the next call */
static const char *
file_of(const char *name, const char *bytes, size_t n)
{
	static char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

/* huge - a text of one character, to be freed */
static char *
huge(char c)
{
	char *text = malloc(HUGE_SIZE + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, c, HUGE_SIZE);
	text[HUGE_SIZE] = '\0';
	return text;
}

#define OURS ":8899"

/* table_of - what a file of this type makes the tables */
static enum postfix_tables
table_of(const char *type, const char *bytes, size_t n)
{
	char maps[300], table[300];

	snprintf(maps, sizeof maps, "%s:%s", type, file_of("table", bytes, n));
	return postfix_tables_look(NULL, maps, OURS, table, sizeof table);
}

START_TEST(tables_in_files)
{
	static const struct {
		const char *text;
		enum postfix_tables expected;
	} cases[] = {
	    {"", TABLES_KEEP},
	    {"\n\n", TABLES_KEEP},
	    {"10.0.0.0/8 DISABLE", TABLES_DISABLE},
	    {"10.0.0.0/8\tdisable\r\n", TABLES_DISABLE},
	    {"#10.0.0.0/8 DISABLE\n", TABLES_KEEP},
	    {" \t# DISABLE\n", TABLES_KEEP},
	    {"# x\n10.0.0.0/8 DISABLE\n", TABLES_DISABLE},
	    {"10.0.0.0/8 inet:disabled.test:8899, DISABLED xDISABLE\n", TABLES_KEEP},
	    {"10.0.0.0/8 inet:127.0.0.1:1\n", TABLES_REPLACE},
	    {"10/8 inet:a:8899\n11/8 inet:a:1\n12/8 inet:a:8899\n", TABLES_REPLACE},
	    {"10/8 inet:a:1\n11/8 DISABLE\n", TABLES_DISABLE},
	    {"if 10/8\n10/9 { inet:a:1 },\n  inet:a:8899\nendif\n", TABLES_REPLACE},
	};
	char *text = huge('x');

	for (size_t i = 0; i < LENGTH(cases); i++)
		ck_assert_msg(table_of("cidr", cases[i].text, strlen(cases[i].text)) ==
			cases[i].expected,
		    "case %zu", i);
	ck_assert_int_eq(table_of("pcre", "a\0b\n10/8 DISABLE\n", 17), TABLES_DISABLE);
	ck_assert_int_eq(table_of("regexp", text, HUGE_SIZE), TABLES_REPLACE);
	memcpy(text + HUGE_SIZE - 8, " DISABLE", 8);
	ck_assert_int_eq(table_of("texthash", text, HUGE_SIZE), TABLES_DISABLE);
	free(text);
}
END_TEST

START_TEST(tables_by_name)
{
	static const struct {
		const char *maps;
		enum postfix_tables expected;
		const char *table;
	} cases[] = {
	    {"", TABLES_KEEP, "-"},
	    {" , ", TABLES_KEEP, "-"},
	    {"x", TABLES_UNKNOWN, "x"},
	    {"cidr:/no/such/file", TABLES_UNKNOWN, "cidr:/no/such/file"},
	    {"cidr:/", TABLES_UNKNOWN, "cidr:/"},
	    {"inline:{ {192.0.2.1=DISABLE}, b=c }", TABLES_DISABLE,
		"inline:{ {192.0.2.1=DISABLE}, b=c }"},
	    {"inline:{a=b}", TABLES_REPLACE, "inline:{a=b}"},
	    {"inline:{a=inet:b:8899}", TABLES_KEEP, "-"},
	    {"cidr:{{10/8 inet:b:8899}}", TABLES_KEEP, "-"},
	    {"x, inline:{a=b}", TABLES_REPLACE, "inline:{a=b}"},
	    {"x static:DISABLE y", TABLES_DISABLE, "static:DISABLE"},
	    {"x, y", TABLES_UNKNOWN, "x"},
	    {"inline:{", TABLES_REPLACE, "inline:{"},
	    {"}}} static:disable", TABLES_DISABLE, "static:disable"},
	};
	char table[60];

	for (size_t i = 0; i < LENGTH(cases); i++) {
		strcpy(table, "-");
		ck_assert_msg(postfix_tables_look(NULL, cases[i].maps, OURS, table,
				  sizeof table) == cases[i].expected,
		    "case %zu", i);
		ck_assert_str_eq(table, cases[i].table);
	}
}
END_TEST

START_TEST(tables_with_long_names)
{
	char *text = huge('{'), table[10];

	ck_assert_int_eq(
	    postfix_tables_look(NULL, text, OURS, table, sizeof table), TABLES_UNKNOWN);
	ck_assert_str_eq(table, "{{{{{{{{{");
	free(text);
}
END_TEST

/* read_text - a sendmail.cf of these bytes */
static struct sendmail *
read_text(const char *bytes, size_t n)
{
	static struct sendmail cf;
	struct error_text why;

	ck_assert_int_eq(sendmail_read(&cf, file_of("cf", bytes, n), &why), OK);
	return &cf;
}

START_TEST(sendmail_cf)
{
	static const char text[] =
	    "# Xnone, S=inet:1@h\r\n"
	    "Xone, S=inet:8899@127.0.0.1, F=T, T=C:3s;S:5s;R:15s;E:30s\n"
	    "Xtwo,\tSocket= local:/s ,\n\tFlags=R,\n  T=R:2m\n"
	    "Xthree\n"
	    "O InputMailFilters = one, two\n"
	    "O DaemonPortOptions=Port=smtp, Name=MTA, M=EA\n"
	    "O daemonportoptions=N=MSA,Modifiers=E,I=one;two\n"
	    "O DaemonPortOptions=Port=1, InputMailFilters=";
	const struct sendmail *cf = read_text(text, sizeof text - 1);

	ck_assert(!cf->cut);
	ck_assert_uint_eq(cf->filters, 3);
	ck_assert_str_eq(cf->filter[0].name, "one");
	ck_assert_uint_eq(cf->filter[0].endpoint.port, 8899);
	ck_assert_int_eq(cf->filter[0].flag, 'T');
	ck_assert_int_eq(cf->filter[0].answer_s, 15);
	ck_assert_str_eq(cf->filter[1].address, "local:/s");
	ck_assert_int_eq(cf->filter[1].flag, 'R');
	ck_assert_int_eq(cf->filter[1].answer_s, 120);
	ck_assert_int_eq(cf->filter[2].flag, 0);
	ck_assert_int_eq(cf->filter[2].answer_s, 10);
	ck_assert_int_eq((int)cf->filter[2].endpoint.kind, ENDPOINT_NONE);
	ck_assert_str_eq(cf->input_filters, "one, two");
	ck_assert_uint_eq(cf->daemons, 3);
	ck_assert(cf->daemon[0].no_auth && !cf->daemon[0].own_filters);
	ck_assert_str_eq(cf->daemon[1].name, "MSA");
	ck_assert(!cf->daemon[1].no_auth && cf->daemon[1].own_filters);
	ck_assert_str_eq(cf->daemon[1].filters, "one;two");
	ck_assert(cf->daemon[2].own_filters);
	ck_assert_str_eq(cf->daemon[2].name, "");
}
END_TEST

START_TEST(sendmail_cf_that_is_hostile)
{
	static const char *const texts[] = {"", "\n", "X", "X,", "X,=", "X,S",
	    "X,S=", "X,S= ", "X,S=,", "Xa,F=,T=", "O", "O ", "O DaemonPortOptions",
	    "O DaemonPortOptions=", "O DaemonPortOptions=,,=,M=,N", " X", "\tO ",
	    "Xa,T=R:", "Xa,T=R:99999999999999999999w", "Xa\0,S=b", "Xa,S  =b"};
	static const char starts[] = "XOa \t,\0";

	for (size_t i = 0; i < LENGTH(texts); i++)
		(void)read_text(texts[i], strlen(texts[i]));
	(void)read_text("X\0\0\nXa\n", 7);
	for (size_t i = 0; i < sizeof starts - 1; i++) {
		char *text = huge('a');

		text[0] = starts[i];
		ck_assert_int_eq(read_text(text, HUGE_SIZE)->cut,
		    starts[i] == 'X' || starts[i] == 'O');
		free(text);
	}
}
END_TEST

START_TEST(sendmail_cf_that_is_long)
{
	char text[20 * (SENDMAIL_ITEMS_MAX + 1)] = "";
	const struct sendmail *cf;

	for (int i = 0; i < SENDMAIL_ITEMS_MAX; i++)
		strcat(text, "Xa,S=inet:1@h\n");
	cf = read_text(text, strlen(text));
	ck_assert(!cf->cut && cf->filters == SENDMAIL_ITEMS_MAX);
	strcat(text, "Xb\n");
	cf = read_text(text, strlen(text));
	ck_assert(cf->cut && cf->filters == SENDMAIL_ITEMS_MAX);
}
END_TEST

START_TEST(sendmail_cf_that_is_missing)
{
	static struct sendmail cf;
	struct error_text why;

	ck_assert_int_eq(sendmail_read(&cf, "/no/such/file", &why), ERR_MISSING);
	ck_assert_ptr_nonnull(strstr(why.text, "/no/such/file"));
	ck_assert_int_eq(sendmail_read(&cf, folder, &why), ERR_IO);
}
END_TEST

START_TEST(lists_of_sendmail)
{
	ck_assert(sendmail_list_has("a;b,c d", "a"));
	ck_assert(sendmail_list_has("a;b,c d", "c"));
	ck_assert(sendmail_list_has(" ;d", "d"));
	ck_assert(!sendmail_list_has("ab;b", "a"));
	ck_assert(!sendmail_list_has("", "a"));
	ck_assert(!sendmail_list_has(",;", "a"));
}
END_TEST

/* may - what account_may() says about FILE in the folder */
static enum error
may(const struct account *account, const char *file, int mode)
{
	struct error_text why;
	char path[200];
	enum error e;

	snprintf(path, sizeof path, "%s/%s", folder, file);
	e = account_may(account, folder, path, mode, &why);
	if (e != OK)
		ck_assert_ptr_nonnull(strstr(why.text, folder));
	return e;
}

START_TEST(owners_and_modes)
{
	const struct account owner = {"owner", getuid() + 1000, {1}, 1};
	const struct account member = {"member", 4242, {7, getgid()}, 2};
	const struct account other = {"other", 4243, {7}, 1};
	const struct account root = {"root", 0, {0}, 1};
	char path[200];

	if (geteuid() != 0) {
		suite_skip("owners_and_modes", "needs root");
		return;
	}
	strcpy(path, file_of("file", "x", 1));
	ck_assert_int_eq(chown(path, owner.uid, getgid()), 0);
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(chmod(folder, 0711), 0);
	ck_assert_int_eq(may(&owner, "file", R_OK | W_OK), OK);
	ck_assert_int_eq(may(&member, "file", R_OK), OK);
	ck_assert_int_eq(may(&member, "file", W_OK), ERR_PERMISSION);
	ck_assert_int_eq(may(&other, "file", R_OK), ERR_PERMISSION);
	ck_assert_int_eq(chmod(path, 0066), 0); /* the first set that fits counts */
	ck_assert_int_eq(may(&owner, "file", R_OK), ERR_PERMISSION);
	ck_assert_int_eq(may(&other, "file", R_OK | W_OK), OK);
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(may(&root, "file", R_OK | W_OK), OK);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(chmod(folder, 0710), 0);
	ck_assert_int_eq(may(&member, "file", R_OK), OK);
	ck_assert_int_eq(may(&other, "file", R_OK), ERR_PERMISSION);
	ck_assert_int_eq(may(&member, "missing", R_OK), ERR_MISSING);
}
END_TEST

START_TEST(paths_that_are_odd)
{
	const struct account root = {"root", 0, {0}, 1};
	struct error_text why;
	char *text = huge('/');

	ck_assert_int_eq(account_may(&root, "", text, R_OK, &why), ERR_DATA);
	ck_assert_int_eq(
	    account_may(&root, "/queue", "/other/s", R_OK, &why), ERR_DATA);
	ck_assert_int_eq(account_may(&root, "", "/", R_OK, &why), OK);
	free(text);
}
END_TEST

START_TEST(accounts)
{
	static struct account a;
	char *name = huge('a');

	ck_assert(account_find("root", &a));
	ck_assert_uint_eq(a.uid, 0);
	ck_assert_str_eq(a.name, "root");
	ck_assert(account_in_group(&a, 0));
	ck_assert(!account_in_group(&a, 4242));
	ck_assert(!account_find("no such user", &a));
	ck_assert(!account_find("", &a));
	ck_assert(!account_find(name, &a));
	free(name);
}
END_TEST

#define TABLE_HEAD "  sl  local_address rem_address   st tx_queue rx_queue\n"

/* line_of - of the kernel's table of TCP sockets */
static void
line_of(char *table, const char *address, unsigned port, unsigned state, unsigned uid)
{
	uint32_t word[4] = {0};
	size_t words = strchr(address, ':') != NULL ? 4 : 1;

	ck_assert_int_eq(inet_pton(words == 4 ? AF_INET6 : AF_INET, address, word), 1);
	table += strlen(table);
	table += sprintf(table, "   0: ");
	for (size_t i = 0; i < words; i++)
		table += sprintf(table, "%08X", word[i]);
	table += sprintf(table, ":%04X ", port);
	for (size_t i = 0; i < words; i++)
		table += sprintf(table, "00000000");
	sprintf(table,
	    ":0000 %02X 00000000:00000000 00:00000000 00000000 %5u        0 1 1\n",
	    state, uid);
}

/* listeners_expect - of the address in the two tables, in this order; 0 ends them */
static void
listeners_expect(
    const char *address, const char *four, const char *six, const unsigned *expected)
{
	char path[2][200];
	uid_t users[LISTENER_MAX];
	struct endpoint e;
	size_t n, count = 0;

	ck_assert(endpoint_from_milter(address, &e));
	strcpy(path[0], file_of("tcp", four, strlen(four)));
	strcpy(path[1], file_of("tcp6", six, strlen(six)));
	n = listener_in(&e, path[0], path[1], users);
	while (expected[count] != 0)
		count++;
	ck_assert_uint_eq(n, count);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(users[i], expected[i]);
}

#define NUMBERS(...) \
	(const unsigned[]) \
	{ \
		__VA_ARGS__ 0 \
	}

START_TEST(who_listens)
{
	char four[1000] = TABLE_HEAD, six[1000] = TABLE_HEAD;

	listeners_expect("inet:8899@127.0.0.1", four, six, NUMBERS());
	line_of(four, "127.0.0.1", 8899, 10, 11);
	line_of(four, "127.0.0.1", 8899, 1, 12); /* a connection */
	line_of(four, "127.0.0.1", 8898, 10, 13);
	line_of(four, "127.0.0.2", 8899, 10, 14);
	line_of(four, "0.0.0.0", 8899, 10, 15);
	line_of(four, "0.0.0.0", 8899, 10, 15);
	line_of(six, "::1", 8899, 10, 16);
	line_of(six, "::ffff:127.0.0.1", 8899, 10, 17);
	line_of(six, "::ffff:127.0.0.3", 8899, 10, 18);
	listeners_expect("inet:8899@127.0.0.1", four, six, NUMBERS(11, 15, 17, ));
	listeners_expect("inet:8899@127.0.0.3", four, six, NUMBERS(15, 18, ));
	listeners_expect("inet6:8899@::1", four, six, NUMBERS(16, ));
	line_of(six, "::", 8899, 10, 19);
	listeners_expect("inet6:8899@::1", four, six, NUMBERS(16, 19, ));
	listeners_expect("inet:8899@127.0.0.2", four, six, NUMBERS(14, 15, 19, ));
}
END_TEST

START_TEST(tables_that_are_odd)
{
	static const char *const odd[] = {"", ":", "x", "0:", "0: ", "0: 0100007F",
	    "0: 0100007F:", "0: 0100007F:22C3", "0: 0100007F:22C3 0:0 0A",
	    "0: 0100007F:22C3 0:0 0A 0 0 0 ", "0: 0100007F:22C3 0:0 0A 0 0 0 x ",
	    "0: 0100007F:22C3 0:0 zz 0 0 0 7 ", "0: 010000:22C3 0:0 0A 0 0 0 7 "};
	char *long_line = huge('0');

	for (size_t i = 0; i < LENGTH(odd); i++)
		listeners_expect("inet:8899@127.0.0.1", odd[i], odd[i], NUMBERS());
	listeners_expect("inet:8899@127.0.0.1", long_line, long_line, NUMBERS());
	free(long_line);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("doctor_files");
	TCase *files = suite_add_case(suite, "files");

	tcase_add_checked_fixture(files, make_folder, remove_folder);
	tcase_add_test(files, tables_in_files);
	tcase_add_test(files, tables_by_name);
	tcase_add_test(files, tables_with_long_names);
	tcase_add_test(files, sendmail_cf);
	tcase_add_test(files, sendmail_cf_that_is_hostile);
	tcase_add_test(files, sendmail_cf_that_is_long);
	tcase_add_test(files, sendmail_cf_that_is_missing);
	tcase_add_test(files, lists_of_sendmail);
	tcase_add_test(files, owners_and_modes);
	tcase_add_test(files, paths_that_are_odd);
	tcase_add_test(files, accounts);
	tcase_add_test(files, who_listens);
	tcase_add_test(files, tables_that_are_odd);
	return suite_run(suite);
}
