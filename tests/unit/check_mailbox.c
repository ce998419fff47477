/* SPDX-License-Identifier: BSD-2-Clause */
/* check_mailbox.c - a mailbox's own setting and its record. */
#include "policy/model/mailbox.h"
#include "tests/lib/record_case.h"
#include "tests/lib/suite.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { UNTIL = 1, CLIENTS = 2, NOTE = 4, PARTS = 8 };

/* make - a mailbox with the PARTS that are named */
static struct mailbox
make(enum smtp_auth smtp_auth, unsigned parts)
{
	struct mailbox m;

	mailbox_init(&m);
	m.smtp_auth = smtp_auth;
	if (parts & UNTIL)
		m.until = 1796083200;
	if (parts & CLIENTS)
		ck_assert_int_eq(cidr_list_parse("192.0.2.0/24,2001:db8::/33,10.1.2.3",
				     &m.clients, NULL),
		    OK);
	if (parts & NOTE)
		strcpy(m.note, "printer in room 7");
	return m;
}

static bool
same(const void *one, const void *other)
{
	const struct mailbox *a = one, *b = other;

	return a->smtp_auth == b->smtp_auth && a->until == b->until &&
	    a->clients.count == b->clients.count &&
	    memcmp(a->clients.net, b->clients.net,
		a->clients.count * sizeof a->clients.net[0]) == 0 &&
	    strcmp(a->note, b->note) == 0;
}

/* network_valid - prefix in range, and no bit set past it */
static bool
network_valid(const struct cidr *net)
{
	for (unsigned i = net->bits; i < 128; i++)
		if (net->base.byte[i / 8] & (0x80U >> i % 8))
			return false;
	return net->bits <= 128;
}

static bool
valid(const void *object)
{
	const struct mailbox *m = object;

	for (unsigned i = 0; i < m->clients.count && i < CIDR_LIST_MAX; i++)
		if (!network_valid(&m->clients.net[i]))
			return false;
	return (unsigned)m->smtp_auth <= SMTP_AUTH_DISABLED &&
	    m->clients.count <= CIDR_LIST_MAX &&
	    memchr(m->note, '\0', sizeof m->note) != NULL;
}

static void
encode(const void *object, struct record_writer *w)
{
	mailbox_encode(object, w);
}

static enum error
decode(struct bytes from, void *object_r)
{
	return mailbox_decode(from, object_r);
}

static const struct record_case records = {
    sizeof(struct mailbox), encode, decode, valid, same};

START_TEST(init_is_empty)
{
	struct mailbox m;

	memset(&m, 0xA5, sizeof m);
	mailbox_init(&m);
	ck_assert(mailbox_is_empty(&m));
	ck_assert(!mailbox_overrides(&m, 0));
	ck_assert_int_eq(m.smtp_auth, SMTP_AUTH_INHERIT);
	ck_assert_int_eq(m.until, INSTANT_NONE);
	ck_assert_uint_eq(m.clients.count, 0);
	ck_assert_str_eq(m.note, "");
}
END_TEST

START_TEST(empty_or_not)
{
	static const unsigned parts[] = {UNTIL, CLIENTS, NOTE};

	for (size_t i = 0; i < COUNT(parts); i++) {
		struct mailbox m = make(SMTP_AUTH_INHERIT, parts[i]);

		ck_assert_msg(!mailbox_is_empty(&m), "part %u", parts[i]);
	}
	for (int auth = SMTP_AUTH_ENABLED; auth <= SMTP_AUTH_DISABLED; auth++) {
		struct mailbox m = make((enum smtp_auth)auth, 0);

		ck_assert_msg(!mailbox_is_empty(&m), "%d", auth);
	}
}
END_TEST

START_TEST(overrides_until_its_end)
{
	for (int auth = SMTP_AUTH_INHERIT; auth <= SMTP_AUTH_DISABLED; auth++) {
		bool own = auth != SMTP_AUTH_INHERIT;
		struct mailbox m = make((enum smtp_auth)auth, 0);

		ck_assert(mailbox_overrides(&m, 0) == own);
		ck_assert(mailbox_overrides(&m, INT64_MAX) == own);
		m.until = 1000;
		ck_assert(mailbox_overrides(&m, 999) == own);
		ck_assert(!mailbox_overrides(&m, 1000));
		ck_assert(!mailbox_overrides(&m, 1001));
	}
}
END_TEST

START_TEST(round_trip_of_all_parts)
{
	for (int auth = SMTP_AUTH_INHERIT; auth <= SMTP_AUTH_DISABLED; auth++)
		for (unsigned parts = 0; parts < PARTS; parts++) {
			struct mailbox m = make((enum smtp_auth)auth, parts);

			record_case_expect_return(&records, &m);
		}
}
END_TEST

START_TEST(round_trip_of_the_longest)
{
	struct mailbox m = make(SMTP_AUTH_ENABLED, PARTS - 1);

	m.until = INT64_MAX;
	memset(m.note, 'n', NOTE_MAX);
	m.note[NOTE_MAX] = '\0';
	for (unsigned i = 0; m.clients.count < CIDR_LIST_MAX; i++) {
		struct cidr net = {{{0x20, 1, (uint8_t)i}}, 128};

		ck_assert(cidr_list_add(&m.clients, &net));
	}
	record_case_expect_return(&records, &m);
}
END_TEST

START_TEST(cut_or_extended)
{
	for (unsigned parts = 0; parts < PARTS; parts++) {
		struct mailbox m = make(SMTP_AUTH_ENABLED, parts);

		record_case_expect_length(&records, &m);
	}
}
END_TEST

START_TEST(every_changed_byte)
{
	struct mailbox m = make(SMTP_AUTH_ENABLED, (unsigned)_i);

	record_case_expect_bytes(&records, &m);
}
END_TEST

static const struct {
	const char *name;
	uint8_t at[24];
	size_t len;
} odd[] = {{"smtp-auth 3", {1, 0x03}, 2}, {"unknown flag", {1, 0x81}, 2},
    {"no clients", {1, 0x09, 0}, 3}, {"too many clients", {1, 0x09, 129}, 3},
    {"prefix of 129", {1, 0x09, 1, [19] = 129}, 20},
    {"prefix of 255", {1, 0x09, 1, [19] = 255}, 20},
    {"bits past the prefix", {1, 0x09, 1, 0x20, [18] = 1, [19] = 8}, 20}};

START_TEST(odd_records)
{
	struct mailbox back;

	ck_assert_msg(
	    record_case_decode(&records, odd[_i].at, odd[_i].len, &back) == ERR_DAMAGED,
	    "%s was taken", odd[_i].name);
}
END_TEST

START_TEST(newer_version)
{
	struct mailbox m = make(SMTP_AUTH_ENABLED, NOTE);

	record_case_expect_version(&records, &m);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mailbox");
	TCase *value = suite_add_case(suite, "value");
	TCase *record = suite_add_case(suite, "record");

	tcase_add_test(value, init_is_empty);
	tcase_add_test(value, empty_or_not);
	tcase_add_test(value, overrides_until_its_end);
	tcase_add_test(record, round_trip_of_all_parts);
	tcase_add_test(record, round_trip_of_the_longest);
	tcase_add_test(record, cut_or_extended);
	tcase_add_loop_test(record, every_changed_byte, 0, PARTS);
	tcase_add_loop_test(record, odd_records, 0, (int)COUNT(odd));
	tcase_add_test(record, newer_version);
	return suite_run(suite);
}
