/* SPDX-License-Identifier: BSD-2-Clause */
/* check_daemon_report.c - what the helper process says, and what it could say. */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include "policy/ctl/usage/daemon_report.h"

#include <stdio.h>
#include <string.h>

#define NOW 1800000000

static uint8_t bytes[DAEMON_REPORT_MAX + 1];

static struct daemon_report
full(void)
{
	struct daemon_report r = {.error = ERR_DAMAGED,
	    .has_asked = true,
	    .has_latest = true,
	    .has_host = true};

	snprintf(r.why.text, sizeof r.why.text, "usage/usage.mdb: it is damaged");
	r.latest = (struct heartbeat){.socket = "inet:8899@127.0.0.1",
	    .version = "1.0",
	    .pid = 4711,
	    .interval = 10,
	    .started = NOW - 100,
	    .beat = NOW,
	    .policy = HEARTBEAT_FAULT};
	r.latest.counters.rejected = 12;
	r.asked = r.latest;
	snprintf(r.asked.socket, sizeof r.asked.socket, "unix:/run/x.sock");
	expect_ok(recording_host_init(&r.host, NOW));
	return r;
}

static struct bytes
encode(const struct daemon_report *r)
{
	struct record_writer w;

	record_write_start(&w, bytes, DAEMON_REPORT_MAX);
	daemon_report_encode(r, &w);
	ck_assert(!w.failed);
	return (struct bytes){bytes, w.len};
}

START_TEST(report_comes_back)
{
	struct daemon_report r = full(), back;

	expect_ok(daemon_report_decode(encode(&r), &back));
	ck_assert_int_eq(back.error, ERR_DAMAGED);
	ck_assert_str_eq(back.why.text, r.why.text);
	ck_assert(back.has_asked && back.has_latest && back.has_host);
	ck_assert_str_eq(back.asked.socket, "unix:/run/x.sock");
	ck_assert_uint_eq(back.latest.pid, 4711);
	ck_assert_int_eq(back.latest.beat, NOW);
	ck_assert_uint_eq(back.latest.counters.rejected, 12);
	ck_assert(recording_host_same(&back.host, &r.host));
}
END_TEST

START_TEST(nothing_is_a_report_too)
{
	struct daemon_report r = {.error = OK}, back;

	expect_ok(daemon_report_decode(encode(&r), &back));
	ck_assert_int_eq(back.error, OK);
	ck_assert(!back.has_asked && !back.has_latest && !back.has_host);
}
END_TEST

START_TEST(longest_report_has_room)
{
	struct daemon_report r = full(), back;

	memset(r.why.text, 'w', sizeof r.why.text - 1);
	r.why.text[sizeof r.why.text - 1] = '\0';
	memset(r.latest.socket, 's', HEARTBEAT_TEXT_MAX);
	memset(r.latest.version, 'v', HEARTBEAT_TEXT_MAX);
	r.asked = r.latest;
	memset(r.host.name, 'h', RECORDING_HOST_NAME_MAX);
	expect_ok(daemon_report_decode(encode(&r), &back));
	ck_assert_str_eq(back.why.text, r.why.text);
	ck_assert_str_eq(back.host.name, r.host.name);
}
END_TEST

START_TEST(part_of_a_report_is_none)
{
	struct daemon_report r = full(), back;
	struct bytes all = encode(&r);

	for (size_t n = 0; n < all.len; n++)
		expect_error(
		    ERR_DAMAGED, daemon_report_decode((struct bytes){bytes, n}, &back));
	bytes[all.len] = 0;
	expect_error(ERR_DAMAGED,
	    daemon_report_decode((struct bytes){bytes, all.len + 1}, &back));
}
END_TEST

/* Each bit of each byte: an error, or a report that can be printed. */
START_TEST(other_bits_are_checked)
{
	struct daemon_report r = full(), back;
	struct bytes all = encode(&r);

	for (size_t bit = 0; bit < 8 * all.len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (daemon_report_decode(all, &back) == OK) {
			ck_assert_int_le(back.error, ERR_INTERNAL);
			ck_assert_int_le(back.latest.policy, HEARTBEAT_FAULT);
			ck_assert(instant_is_valid(back.latest.beat));
			ck_assert(instant_is_valid(back.host.since));
			ck_assert_ptr_null(strpbrk(back.why.text, "\n\033"));
			ck_assert_ptr_null(strpbrk(back.latest.socket, "\n\033"));
		}
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

START_TEST(texts_must_be_lines)
{
	struct daemon_report r = full(), back;

	snprintf(r.why.text, sizeof r.why.text, "two\nlines");
	expect_error(ERR_DAMAGED, daemon_report_decode(encode(&r), &back));
	r = full();
	snprintf(r.latest.version, sizeof r.latest.version, "\033[2J");
	expect_error(ERR_DAMAGED, daemon_report_decode(encode(&r), &back));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("daemon_report");
	TCase *tcase = tcase_create("codec");

	tcase_add_test(tcase, report_comes_back);
	tcase_add_test(tcase, nothing_is_a_report_too);
	tcase_add_test(tcase, longest_report_has_room);
	tcase_add_test(tcase, part_of_a_report_is_none);
	tcase_add_test(tcase, other_bits_are_checked);
	tcase_add_test(tcase, texts_must_be_lines);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
