/* SPDX-License-Identifier: BSD-2-Clause */
/* check_cidr.c - client addresses, networks, and lists of them. */
#include "policy/base/cidr.h"
#include "tests/lib/suite.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* v6 - the 16 bytes of an address written as IPv6 */
static struct cidr_ip
v6(const char *s)
{
	struct cidr_ip a;

	ck_assert_msg(inet_pton(AF_INET6, s, a.byte) == 1, "%s", s);
	return a;
}

START_TEST(address_good)
{
	static const char *const cases[][2] = {{"192.0.2.1", "::ffff:192.0.2.1"},
	    {"0.0.0.0", "::ffff:0:0"}, {"255.255.255.255", "::ffff:ffff:ffff"},
	    {"2001:db8::1", "2001:db8::1"}, {"2001:DB8::1", "2001:db8::1"},
	    {"::", "::"}, {"::1", "::1"}, {"IPv6:2001:db8::1", "2001:db8::1"},
	    {"ipv6:2001:db8::1", "2001:db8::1"}, {"IPV6:::1", "::1"},
	    {"IPv6:192.0.2.1", "::ffff:192.0.2.1"},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	    {"IPv6:::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	    {"::FFFF:c000:0201", "::ffff:192.0.2.1"},
	    {"0:0:0:0:0:ffff:192.0.2.1", "::ffff:192.0.2.1"},
	    {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr_ip a, want = v6(cases[i][1]);

		ck_assert_msg(
		    cidr_ip_parse(cases[i][0], &a), "%s is refused", cases[i][0]);
		ck_assert_msg(memcmp(&a, &want, sizeof a) == 0, "%s", cases[i][0]);
	}
}
END_TEST

START_TEST(address_bad)
{
	static const char *const cases[] = {"", " ", "localhost", "192.0.2",
	    "192.0.2.256", "192.0.2.1.5", "192.0.2.1 ", " 192.0.2.1", "192.0.2.1/32",
	    "0x7f.0.0.1", "127.1", "2130706433", "192.0.2.-1", "IPv6:", "IPv6",
	    "IPv4:192.0.2.1", "IPv6:IPv6:::1", "[::1]", "[192.0.2.1]", ":::", "1::2::3",
	    "2001:db8::g", "2001:db8", "12345::", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7",
	    "::192.0.2.256", "::1/128", "unknown", "2001:db8::1\n",
	    "2001:0db8:0000:0000:0000:0000:0000:0001:2001:0db8:0000:0000:0000:0"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr_ip a;

		ck_assert_msg(
		    !cidr_ip_parse(cases[i], &a), "\"%s\" was taken", cases[i]);
	}
}
END_TEST

static const struct {
	const char *in, *base;
	unsigned bits;
	const char *printed;
} networks[] = {
    {"192.0.2.1", "::ffff:192.0.2.1", 128, "192.0.2.1"},
    {"192.0.2.1/32", "::ffff:192.0.2.1", 128, "192.0.2.1"},
    {"192.0.2.0/24", "::ffff:192.0.2.0", 120, "192.0.2.0/24"},
    {"192.0.2.2/31", "::ffff:192.0.2.2", 127, "192.0.2.2/31"},
    {"10.0.0.0/8", "::ffff:10.0.0.0", 104, "10.0.0.0/8"},
    {"128.0.0.0/1", "::ffff:128.0.0.0", 97, "128.0.0.0/1"},
    {"0.0.0.0/0", "::ffff:0.0.0.0", 96, "0.0.0.0/0"},
    {"::ffff:10.0.0.0/104", "::ffff:10.0.0.0", 104, "10.0.0.0/8"},
    {"::ffff:0:0/96", "::ffff:0.0.0.0", 96, "0.0.0.0/0"},
    {"::/0", "::", 0, "::/0"},
    {"8000::/1", "8000::", 1, "8000::/1"},
    {"2001:DB8::/32", "2001:db8::", 32, "2001:db8::/32"},
    {"2001:db8:0:1::/64", "2001:db8:0:1::", 64, "2001:db8:0:1::/64"},
    {"2001:db8::1", "2001:db8::1", 128, "2001:db8::1"},
    {"2001:db8::1/128", "2001:db8::1", 128, "2001:db8::1"},
    {"2001:db8::2/127", "2001:db8::2", 127, "2001:db8::2/127"},
    {"::1", "::1", 128, "::1"},
};

START_TEST(network_good)
{
	struct cidr_ip want = v6(networks[_i].base);
	char buf[CIDR_TEXT_MAX];
	struct error_text why;
	struct cidr net, again;

	ck_assert_int_eq(cidr_parse(networks[_i].in, &net, &why), OK);
	ck_assert_uint_eq(net.bits, networks[_i].bits);
	ck_assert_mem_eq(&net.base, &want, sizeof want);
	ck_assert_ptr_eq(cidr_print(&net, buf), buf);
	ck_assert_str_eq(buf, networks[_i].printed);
	ck_assert_int_eq(cidr_parse(buf, &again, NULL), OK);
	ck_assert_mem_eq(&net, &again, sizeof net);
}
END_TEST

START_TEST(network_bad)
{
	static const char *const cases[] = {"", "/", "/24", "192.0.2.0/",
	    "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+24", "192.0.2.0/024",
	    "192.0.2.0/24 ", "192.0.2.0/24/24", "192.0.2.0/255.255.255.0",
	    "192.0.2.0/x", "192.0.2.0/ 24", "192.0.2.1/24", "192.0.2.1/31",
	    "10.1.0.0/8", "1.0.0.0/0", "2001:db8::/129", "2001:db8::/1000",
	    "2001:db8::1/64", "2001:db8::1/127", "::1/0", "1::/0",
	    "::ffff:10.0.0.1/104", "example.org", "example.org/24",
	    "192.0.2.0-192.0.2.255", "192.0.2.*", "*", "192.0.2.0/18446744073709551640",
	    "192.0.2.0/4294967320", "2001:db8::/256", "192.0.2.0/280"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error_text why = {""};
		struct cidr net;

		ck_assert_msg(cidr_parse(cases[i], &net, &why) == ERR_DATA,
		    "\"%s\" was taken", cases[i]);
		ck_assert_msg(why.text[0] != '\0', "\"%s\": no words", cases[i]);
		ck_assert_int_eq(cidr_parse(cases[i], &net, NULL), ERR_DATA);
	}
}
END_TEST

START_TEST(network_wide)
{
	static const struct {
		const char *text;
		bool wide;
	} cases[] = {{"10.0.0.0/8", true}, {"10.0.0.0/15", true},
	    {"10.0.0.0/16", false}, {"192.0.2.1", false}, {"0.0.0.0/0", true},
	    {"127.0.0.0/8", false}, {"126.0.0.0/7", true}, {"::1", false},
	    {"2001:db8::/31", true}, {"2001:db8::/32", false}, {"::/0", true}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr net;
		enum error e = cidr_parse(cases[i].text, &net, NULL);

		ck_assert_int_eq(e, OK);
		ck_assert_msg(cidr_is_wide(&net) == cases[i].wide, "%s", cases[i].text);
	}
}
END_TEST

/* canonical - the list of S as it is printed */
static void
canonical(const char *s, char *buf, size_t cap)
{
	struct cidr_list list;
	struct error_text why;
	struct text t;

	ck_assert_msg(cidr_list_parse(s, &list, &why) == OK, "%s", s);
	text_init(&t, buf, cap);
	cidr_list_print(&list, &t);
	ck_assert(!t.cut);
}

START_TEST(list_parse_and_print)
{
	static const char *const cases[][2] = {{"192.0.2.1", "192.0.2.1"},
	    {"192.0.2.0/24,2001:db8::/32", "192.0.2.0/24,2001:db8::/32"},
	    {"192.0.2.0/24 2001:db8::/32", "192.0.2.0/24,2001:db8::/32"},
	    {" 192.0.2.0/24 ,  ::1 ", "::1,192.0.2.0/24"}, {"::1,::1", "::1"},
	    {"192.0.2.1,::1,192.0.2.1/32", "::1,192.0.2.1"},
	    {"192.0.2.1,::ffff:192.0.2.1", "192.0.2.1"},
	    {"2001:DB8::/32", "2001:db8::/32"},
	    {"10.0.0.0,10.0.0.0/16,10.0.0.0/8", "10.0.0.0/8,10.0.0.0/16,10.0.0.0"},
	    {"192.0.2.9,192.0.2.10", "192.0.2.9,192.0.2.10"}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char buf[256];

		canonical(cases[i][0], buf, sizeof buf);
		ck_assert_str_eq(buf, cases[i][1]);
		canonical(cases[i][1], buf, sizeof buf);
		ck_assert_str_eq(buf, cases[i][1]);
	}
}
END_TEST

START_TEST(list_in_any_order_is_one_list)
{
	const char *words[] = {"::1", "10.0.0.0/8", "10.0.0.0/9", "2001:db8::/32",
	    "10.0.0.0", "::/0", "0.0.0.0/0", "192.0.2.128/25", "192.0.2.0/25"};
	char first[256], buf[256], in[256];
	unsigned short seed[3] = {5, 5, 5};

	for (int round = 0; round < 1000; round++) {
		struct text t;

		for (size_t i = COUNT(words) - 1; i > 0; i--) {
			size_t k = (size_t)nrand48(seed) % (i + 1);
			const char *keep = words[i];

			words[i] = words[k];
			words[k] = keep;
		}
		text_init(&t, in, sizeof in);
		for (size_t i = 0; i < COUNT(words); i++)
			text_printf(&t, "%s,%s,", words[i], words[i / 2]);
		canonical(in, buf, sizeof buf);
		if (round == 0)
			memcpy(first, buf, sizeof first);
		else
			ck_assert_str_eq(buf, first);
	}
}
END_TEST

START_TEST(list_bad)
{
	static const char *const cases[] = {"", " ", ",", ", ,", "192.0.2.1,x",
	    "x,192.0.2.1", "192.0.2.1/24,::1", "192.0.2.1;192.0.2.2",
	    "192.0.2.1\n192.0.2.2", "none",
	    "111111111122222222223333333333444444444455555555556666666666777777777788"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error_text why = {""};
		struct cidr_list list;

		ck_assert_msg(cidr_list_parse(cases[i], &list, &why) == ERR_DATA,
		    "\"%s\" was taken", cases[i]);
		ck_assert_msg(why.text[0] != '\0', "\"%s\": no words", cases[i]);
	}
}
END_TEST

/* fill - a list of COUNT different addresses as text */
static void
fill(struct text *t, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		text_printf(t, "%s192.0.2.%u", i == 0 ? "" : ",", i);
}

START_TEST(list_limit)
{
	struct cidr more, first;
	struct cidr_list list;
	char buf[4096];
	struct text t;

	text_init(&t, buf, sizeof buf);
	fill(&t, CIDR_LIST_MAX);
	ck_assert(!t.cut);
	ck_assert_int_eq(cidr_list_parse(buf, &list, NULL), OK);
	ck_assert_uint_eq(list.count, CIDR_LIST_MAX);
	ck_assert_int_eq(cidr_parse("192.0.2.0", &first, NULL), OK);
	ck_assert_int_eq(cidr_parse("2001:db8::/32", &more, NULL), OK);
	ck_assert_msg(cidr_list_add(&list, &first), "what is there needs no room");
	ck_assert_msg(!cidr_list_add(&list, &more), "a full list took one more");
	ck_assert_uint_eq(list.count, CIDR_LIST_MAX);
	text_puts(&t, ",192.0.2.0");
	ck_assert_int_eq(cidr_list_parse(buf, &list, NULL), OK);
	text_puts(&t, ",2001:db8::/32");
	ck_assert_int_eq(cidr_list_parse(buf, &list, NULL), ERR_DATA);
}
END_TEST

START_TEST(list_has)
{
	static const struct {
		const char *list, *address;
		bool has;
	} cases[] = {{"192.0.2.0/24", "192.0.2.0", true},
	    {"192.0.2.0/24", "192.0.2.255", true},
	    {"192.0.2.0/24", "192.0.1.255", false},
	    {"192.0.2.0/24", "192.0.3.0", false},
	    {"192.0.2.0/24", "::ffff:192.0.2.7", true},
	    {"192.0.2.0/24", "IPv6:::ffff:192.0.2.7", true},
	    {"192.0.2.0/24", "::192.0.2.7", false}, {"192.0.2.4/31", "192.0.2.5", true},
	    {"192.0.2.4/31", "192.0.2.6", false}, {"192.0.2.4", "192.0.2.4", true},
	    {"192.0.2.4", "192.0.2.5", false}, {"0.0.0.0/0", "255.1.2.3", true},
	    {"0.0.0.0/0", "::1", false}, {"0.0.0.0/0", "2001:db8::1", false},
	    {"::/0", "2001:db8::1", true}, {"::/0", "::1", true},
	    {"::/0", "192.0.2.1", false},
	    {"2001:db8::/32", "IPv6:2001:db8:ffff::1", true},
	    {"2001:db8::/32", "2001:db9::1", false},
	    {"2001:db8::/33", "2001:db8:8000::", false},
	    {"10.0.0.0/8,2001:db8::/32,192.0.2.1", "192.0.2.1", true},
	    {"10.0.0.0/8,2001:db8::/32,192.0.2.1", "10.255.255.255", true},
	    {"10.0.0.0/8,2001:db8::/32,192.0.2.1", "11.0.0.0", false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr_list list;
		struct cidr_ip a;

		ck_assert_int_eq(cidr_list_parse(cases[i].list, &list, NULL), OK);
		ck_assert(cidr_ip_parse(cases[i].address, &a));
		ck_assert_msg(cidr_list_has(&list, &a) == cases[i].has, "%s in %s",
		    cases[i].address, cases[i].list);
	}
}
END_TEST

START_TEST(list_has_loopback)
{
	static const struct {
		const char *list;
		bool has;
	} cases[] = {{"127.0.0.1", true}, {"127.0.0.0/8", true}, {"0.0.0.0/0", true},
	    {"::1", true}, {"::/0", true}, {"192.0.2.1,::1", true},
	    {"192.0.2.0/24", false}, {"2001:db8::/32", false},
	    {"10.0.0.0/8,::2", false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cidr_list list;

		ck_assert_int_eq(cidr_list_parse(cases[i].list, &list, NULL), OK);
		ck_assert_msg(
		    cidr_list_has_loopback(&list) == cases[i].has, "%s", cases[i].list);
	}
}
END_TEST

START_TEST(address_of_this_machine)
{
	static const char *const yes[] = {
	    "127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"};
	static const char *const no[] = {"126.255.255.255", "128.0.0.1", "::", "::2",
	    "::ffff:192.0.2.127", "7f00::1"};
	struct cidr_ip a;

	for (size_t i = 0; i < COUNT(yes); i++)
		ck_assert_msg(
		    cidr_ip_parse(yes[i], &a) && cidr_ip_is_loopback(&a), "%s", yes[i]);
	for (size_t i = 0; i < COUNT(no); i++)
		ck_assert_msg(
		    cidr_ip_parse(no[i], &a) && !cidr_ip_is_loopback(&a), "%s", no[i]);
}
END_TEST

START_TEST(empty_list_has_nothing)
{
	struct cidr_list list = {0};
	struct cidr_ip a = v6("::");

	ck_assert(!cidr_list_has(&list, &a));
	ck_assert(!cidr_list_has_loopback(&list));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cidr");
	TCase *address = suite_add_case(suite, "address");
	TCase *network = suite_add_case(suite, "network");
	TCase *list = suite_add_case(suite, "list");

	tcase_add_test(address, address_good);
	tcase_add_test(address, address_bad);
	tcase_add_test(address, address_of_this_machine);
	tcase_add_loop_test(network, network_good, 0, (int)COUNT(networks));
	tcase_add_test(network, network_bad);
	tcase_add_test(network, network_wide);
	tcase_add_test(list, list_parse_and_print);
	tcase_add_test(list, list_in_any_order_is_one_list);
	tcase_add_test(list, list_bad);
	tcase_add_test(list, list_limit);
	tcase_add_test(list, list_has);
	tcase_add_test(list, list_has_loopback);
	tcase_add_test(list, empty_list_has_nothing);
	return suite_run(suite);
}
