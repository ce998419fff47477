/* SPDX-License-Identifier: BSD-2-Clause */
/* check_daemon_report.c - what the helper process says, and what it could say. */
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include "policy/ctl/usage/daemon.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NOW 1800000000
#define SOCKET "unix:/run/x.sock"

static struct heartbeat latest, asked;
static struct recording_host host;

/* A report as bytes, with room for more. */
static char bytes[DAEMON_REPORT_MAX + 1];
static size_t len;

static void
setup(void)
{
	latest = (struct heartbeat){.socket = "inet:8899@127.0.0.1",
	    .version = "1.0",
	    .pid = 1,
	    .interval = 10,
	    .started = NOW - 100,
	    .beat = NOW,
	    .policy = HEARTBEAT_FAULT,
	    .log_replaced = true,
	    .counters = {.rejected = 12}};
	asked = latest;
	snprintf(asked.socket, sizeof asked.socket, SOCKET);
	asked.beat--;
	expect_ok(recording_host_init(&host, NOW));
}

/* write_report - of a database with the two beats and the machine, or an empty one */
static void
write_report(const char *socket, bool full)
{
	struct state state;
	struct db_txn *txn;
	struct db *db;
	FILE *to;

	db = usage_image_open(&state);
	expect_ok(db_begin(db, true, &txn));
	if (full) {
		expect_ok(heartbeat_put(txn, &latest));
		expect_ok(heartbeat_put(txn, &asked));
		expect_ok(usage_database_put_host(txn, &host));
	}
	expect_ok(db_commit(&txn));
	to = fmemopen(bytes, sizeof bytes, "w");
	expect_ok(daemon_report_write(db, socket, to));
	len = (size_t)ftell(to);
	fclose(to);
	db_close(&db);
}

/* read_bytes - the first N bytes of the report */
static enum error
read_bytes(size_t n, struct daemon_report *r)
{
	FILE *from = n > 0 ? fmemopen(bytes, n, "r") : fopen("/dev/null", "r");
	enum error e = daemon_report_read(from, r);

	fclose(from);
	return e;
}

START_TEST(report_comes_back)
{
	struct daemon_report r;

	write_report(SOCKET, true);
	expect_ok(read_bytes(len, &r));
	ck_assert_int_eq(r.error, OK);
	ck_assert(r.has_asked && r.has_latest && r.has_host);
	ck_assert_str_eq(r.asked.socket, SOCKET);
	ck_assert_str_eq(r.latest.socket, "inet:8899@127.0.0.1");
	ck_assert_uint_eq(r.latest.pid, 1);
	ck_assert_int_eq(r.latest.beat, NOW);
	ck_assert_uint_eq(r.latest.counters.rejected, 12);
	ck_assert(r.latest.log_replaced);
	ck_assert(recording_host_same(&r.host, &host));
}
END_TEST

/* An older daemon may still run, and its last beat stays in the database. */
START_TEST(beat_of_an_older_version_is_read)
{
	uint8_t buf[HEARTBEAT_BYTES_MAX];
	struct record_writer w;
	struct heartbeat h;

	record_write_start(&w, buf, sizeof buf);
	heartbeat_encode(&latest, &w);
	ck_assert_uint_eq(buf[0], 2);
	buf[0] = 1;
	expect_error(ERR_DAMAGED, heartbeat_decode((struct bytes){buf, w.len}, &h));
	expect_ok(heartbeat_decode((struct bytes){buf, w.len - 9}, &h));
	ck_assert(!h.log_replaced);
	ck_assert_uint_eq(h.config, 0);
	ck_assert_uint_eq(h.counters.rejected, 12);
	buf[0] = 3;
	expect_error(ERR_NEWER, heartbeat_decode((struct bytes){buf, w.len}, &h));
}
END_TEST

START_TEST(nothing_is_a_report_too)
{
	struct daemon_report r;

	write_report(SOCKET, false);
	expect_ok(read_bytes(len, &r));
	ck_assert_int_eq(r.error, OK);
	ck_assert(!r.has_asked && !r.has_latest && !r.has_host);
}
END_TEST

START_TEST(longest_report_has_room)
{
	struct daemon_report r;
	char why[ERROR_TEXT_MAX];
	FILE *to;

	memset(latest.version, 'v', HEARTBEAT_TEXT_MAX);
	asked = latest;
	memset(latest.socket, 's', HEARTBEAT_TEXT_MAX);
	memset(asked.socket, 't', HEARTBEAT_TEXT_MAX);
	memset(host.name, 'h', RECORDING_HOST_NAME_MAX);
	write_report(asked.socket, true);
	/* an error in the place of the end */
	memset(why, 'w', sizeof why - 1);
	why[sizeof why - 1] = '\0';
	to = fmemopen(bytes + len - USAGE_FRAME_HEAD, DAEMON_REPORT_MAX - len, "w");
	usage_frame_write_error(to, ERR_DAMAGED, why);
	len += (size_t)ftell(to) - USAGE_FRAME_HEAD;
	ck_assert_int_eq(fclose(to), 0);
	expect_ok(read_bytes(len, &r));
	ck_assert_int_eq(r.error, ERR_DAMAGED);
	ck_assert_str_eq(r.why.text, why);
	ck_assert(r.has_asked && r.has_latest);
	ck_assert_str_eq(r.host.name, host.name);
}
END_TEST

START_TEST(part_of_a_report_is_none)
{
	struct daemon_report r;

	write_report(SOCKET, true);
	for (size_t n = 0; n < len; n++)
		expect_error(ERR_DAMAGED, read_bytes(n, &r));
	bytes[len] = 0;
	expect_error(ERR_DAMAGED, read_bytes(len + 1, &r));
}
END_TEST

/* Each bit of each byte: an error, or a report that can be printed. */
START_TEST(other_bits_are_checked)
{
	struct daemon_report r;

	write_report(SOCKET, true);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		if (read_bytes(len, &r) == OK) {
			ck_assert_int_lt(r.error, WALK_STOP);
			ck_assert_int_le(r.latest.policy, HEARTBEAT_FAULT);
			ck_assert(!r.has_latest || instant_is_valid(r.latest.beat));
			ck_assert(!r.has_host || instant_is_valid(r.host.since));
			ck_assert_ptr_null(strpbrk(r.why.text, "\n\033"));
			ck_assert_ptr_null(strpbrk(r.latest.socket, "\n\033"));
		}
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
	}
}
END_TEST

/* Frames of a report in any order, some more than once: one order is right. */
START_TEST(order_is_checked)
{
	enum { FRAMES = 3, PLACES = 4, CHOICES = 4 * 4 * 4 * 4 };
	char part[FRAMES + 1][HEARTBEAT_BYTES_MAX + 2 * USAGE_FRAME_HEAD];
	size_t size[FRAMES + 1], from = 0;
	struct daemon_report r;

	write_report(SOCKET, true);
	for (size_t i = 0; i <= FRAMES; i++) {
		size[i] = USAGE_FRAME_HEAD + (uint8_t)bytes[from + 3] +
		    256u * (uint8_t)bytes[from + 2];
		memcpy(part[i], bytes + from, size[i]);
		from += size[i];
	}
	ck_assert_uint_eq(from, len);
	for (int choice = 0; choice < CHOICES; choice++) {
		bool right = true;
		int last = -1;

		len = 0;
		for (int i = 0, rest = choice; i < PLACES; i++, rest /= PLACES) {
			int next = rest % PLACES; /* FRAMES: none here */

			if (next == FRAMES)
				continue;
			right = right && next > last;
			last = next;
			memcpy(bytes + len, part[next], size[next]);
			len += size[next];
		}
		memcpy(bytes + len, part[FRAMES], size[FRAMES]);
		len += size[FRAMES];
		expect_error(right ? OK : ERR_DAMAGED, read_bytes(len, &r));
	}
}
END_TEST

START_TEST(texts_must_be_lines)
{
	struct daemon_report r;
	FILE *to = fmemopen(bytes, sizeof bytes, "w");

	usage_frame_write_error(to, ERR_DAMAGED, "two\nlines");
	len = (size_t)ftell(to);
	fclose(to);
	expect_error(ERR_DAMAGED, read_bytes(len, &r));
	write_report(SOCKET, true);
	*(char *)memmem(bytes, len, "inet:", 5) = '\033';
	expect_error(ERR_DAMAGED, read_bytes(len, &r));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("daemon_report");
	TCase *tcase = state_add_case(suite, "codec");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, report_comes_back);
	tcase_add_test(tcase, beat_of_an_older_version_is_read);
	tcase_add_test(tcase, nothing_is_a_report_too);
	tcase_add_test(tcase, longest_report_has_room);
	tcase_add_test(tcase, part_of_a_report_is_none);
	tcase_add_test(tcase, other_bits_are_checked);
	tcase_add_test(tcase, order_is_checked);
	tcase_add_test(tcase, texts_must_be_lines);
	return suite_run(suite);
}
