/* SPDX-License-Identifier: BSD-2-Clause */
/* check_tenant_usage.c - the use of every tenant, and when it can be relied on. */
#include "policy/usage/tenant_usage.h"
#include "tests/lib/deadline.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include "policy/usage/usage_database.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY INT64_C(86400)
#define NOW (INT64_C(20000) * DAY + 3600)
#define SINCE (NOW - 90 * DAY)

static struct state state;
static struct store *store;
static struct store_txn *txn;
static struct usage_merge *merge;
static struct tenant_usage_list list;
static struct error_text why;

/* setup - tenants a-b, ab, abc (two domains) and b; names of other orders */
static void
setup(void)
{
	state_begin(&state, &store, &txn);
	tenant_store(txn, "b", SMTP_AUTH_DISABLED);
	tenant_store(txn, "abc", SMTP_AUTH_ENABLED);
	tenant_store(txn, "ab", SMTP_AUTH_ENABLED);
	tenant_store(txn, "a-b", SMTP_AUTH_ENABLED);
	domain_store(txn, "b.test", "b");
	domain_store(txn, "abc.test", "abc");
	domain_store(txn, "more.test", "abc");
	domain_store(txn, "ab.test", "ab");
	domain_store(txn, "a-b.test", "a-b");
	merge = usage_merge_new();
	memset(&list, 0, sizeof list);
	why.text[0] = '\0';
}

static void
teardown(void)
{
	tenant_usage_free(&list);
	usage_merge_free(&merge);
	state_abandon(&store, &txn);
}

/* A database of usage that is being filled. */
struct recording {
	struct state state;
	struct db *db;
	struct db_txn *txn;
};

static void
file_open(struct recording *f)
{
	f->db = usage_image_open(&f->state);
	expect_ok(db_begin(f->db, true, &f->txn));
}

/* saw - the login N times, AGO seconds before now */
static void
saw(struct recording *f, const char *login, int64_t ago, enum usage_kind kind,
    uint32_t n)
{
	struct usage_entry e = {.login = login_make(login)};
	instant t = NOW - ago;

	usage_init(&e.usage);
	e.day.day = usage_day_of(t);
	e.day.count[kind] = n;
	if (kind == USAGE_EXEMPT) {
		e.usage.last_exempt = t;
	} else {
		e.usage.first_seen = e.usage.last_seen = t;
		e.usage.mechanism = usage_mechanism_code("PLAIN");
		if (kind != USAGE_DENIED)
			e.usage.last_use = e.usage.last_password_use = t;
	}
	expect_ok(usage_database_add(f->txn, &e));
}

/* file_close - what was recorded, as a stream */
static struct usage_image
file_close(struct recording *f)
{
	struct recording_host host = recording_host_make("x", NOW - 100 * DAY, NOW);
	struct usage_image image;
	FILE *to;

	expect_ok(usage_database_put_host(f->txn, &host));
	expect_ok(db_commit(&f->txn));
	to = open_memstream(&image.at, &image.n);
	ck_assert_ptr_nonnull(to);
	expect_ok(usage_file_write(f->db, to, NULL));
	fclose(to);
	db_close(&f->db);
	return image;
}

/* merge_image - as a source; the image lives until the end of the test's process */
static void
merge_image(const struct usage_image *image)
{
	struct usage_file_reader *reader;
	const char *left_out;
	enum error e = usage_file_reader_open(
	    &reader, fmemopen(image->at, image->n, "r"), "file", &why);

	ck_assert_msg(e == OK, "%s", why.text);
	expect_ok(usage_merge_add(merge, reader, &left_out));
}

/* merge_file - the whole way */
static void
merge_file(struct recording *f)
{
	struct usage_image image = file_close(f);

	merge_image(&image);
}

/* The logins that were visited, with their tenants. */
struct visits {
	char text[512];
	enum error answer;
};

static enum error
visit(void *arg, const struct login_usage *s)
{
	struct visits *v = arg;
	size_t n = strlen(v->text), left = sizeof v->text - n;
	int wrote = snprintf(v->text + n, left, " %s=%s", s->row->login.text,
	    s->outcome.has_tenant ? s->outcome.tenant.name : "-");

	ck_assert_int_lt(wrote, (int)left);
	return v->answer;
}

static enum error
run(const char *only, struct visits *v)
{
	list.since = SINCE;
	list.now = NOW;
	list.only = only;
	return tenant_usage_read(&list, txn, merge, v != NULL ? visit : NULL, v, &why);
}

/* tenant_expect - name, sums and mailboxes of tenant I, as one line */
static void
tenant_expect(size_t i, const char *want)
{
	const struct tenant_usage *t = &list.at[i];
	char have[160];

	ck_assert_uint_lt(i, list.count);
	snprintf(have, sizeof have,
	    "%s %" PRIu64 "/%" PRIu64 "/%" PRIu64 "/%" PRIu64 " used=%u excepted=%u "
	    "exposed=%u",
	    t->name, t->count[USAGE_ALLOWED], t->count[USAGE_DENIED],
	    t->count[USAGE_WOULD_DENY], t->count[USAGE_EXEMPT], t->mailboxes,
	    t->excepted, t->exposed);
	ck_assert_str_eq(have, want);
}

START_TEST(sums)
{
	struct visits v = {"", OK};
	const struct tenant_usage *t;
	struct recording f;

	mailbox_store(txn, "x@more.test", SMTP_AUTH_ENABLED, "");
	mailbox_store(txn, "y@more.test", SMTP_AUTH_ENABLED, "not used in the span");
	file_open(&f);
	saw(&f, "x@abc.test", 60, USAGE_ALLOWED, 3);
	saw(&f, "x@abc.test", 95 * DAY, USAGE_ALLOWED, 100);
	saw(&f, "x@more.test", 30, USAGE_WOULD_DENY, 4);
	saw(&f, "y@more.test", 91 * DAY, USAGE_ALLOWED, 5);
	saw(&f, "z@b.test", 10, USAGE_DENIED, 6);
	saw(&f, "z@ab.test", 20, USAGE_EXEMPT, 7);
	saw(&f, "bare", 20, USAGE_ALLOWED, 8);
	merge_file(&f);
	expect_ok(run(NULL, &v));
	ck_assert_str_eq(v.text,
	    " bare=- z@ab.test=ab x@abc.test=abc z@b.test=b x@more.test=abc "
	    "y@more.test=abc");
	tenant_expect(0, "a-b 0/0/0/0 used=0 excepted=0 exposed=0");
	tenant_expect(1, "ab 0/0/0/7 used=0 excepted=0 exposed=0");
	tenant_expect(2, "abc 3/0/4/0 used=2 excepted=1 exposed=1");
	tenant_expect(3, "b 0/6/0/0 used=0 excepted=0 exposed=0");
	ck_assert_uint_eq(list.count, 4);
	t = &list.at[2];
	ck_assert_int_eq(t->first_seen, NOW - 95 * DAY);
	ck_assert_int_eq(t->last_use, NOW - 30);
	t = &list.at[3];
	ck_assert_int_eq(t->last_seen, NOW - 10);
	ck_assert(t->last_use == INSTANT_NONE);
	ck_assert(list.at[1].last_seen == INSTANT_NONE);
	ck_assert_int_eq(t->smtp_auth, SMTP_AUTH_DISABLED);
}
END_TEST

/* The span is exact: a second decides. */
START_TEST(edge_of_the_span)
{
	struct recording f;

	file_open(&f);
	saw(&f, "in@ab.test", 90 * DAY, USAGE_ALLOWED, 1);
	saw(&f, "out@b.test", 90 * DAY + 1, USAGE_ALLOWED, 1);
	merge_file(&f);
	expect_ok(run(NULL, NULL));
	ck_assert_uint_eq(list.at[1].mailboxes, 1);
	ck_assert_uint_eq(list.at[3].mailboxes, 0);
}
END_TEST

START_TEST(catch_all)
{
	struct recording f;

	domain_store(txn, "*", "b");
	file_open(&f);
	saw(&f, "x@ab.test", 60, USAGE_ALLOWED, 1);
	saw(&f, "x@else.test", 60, USAGE_ALLOWED, 1);
	saw(&f, "bare", 60, USAGE_ALLOWED, 1);
	merge_file(&f);
	expect_ok(run(NULL, NULL));
	tenant_expect(1, "ab 1/0/0/0 used=1 excepted=0 exposed=1");
	tenant_expect(3, "b 2/0/0/0 used=2 excepted=0 exposed=2");
}
END_TEST

START_TEST(one_tenant_only)
{
	struct visits v = {"", OK};
	struct recording f;

	file_open(&f);
	saw(&f, "x@ab.test", 60, USAGE_ALLOWED, 1);
	saw(&f, "x@abc.test", 60, USAGE_ALLOWED, 2);
	saw(&f, "bare", 60, USAGE_ALLOWED, 3);
	merge_file(&f);
	expect_ok(run("abc", &v));
	ck_assert_str_eq(v.text, " x@abc.test=abc");
	tenant_expect(0, "abc 2/0/0/0 used=1 excepted=0 exposed=1");
	ck_assert_uint_eq(list.count, 1);
}
END_TEST

/* The caller has looked: if it cannot be found now, the table is not whole. */
START_TEST(one_that_is_not_there)
{
	expect_error(ERR_DAMAGED, run("none", NULL));
	ck_assert_ptr_null(list.at);
}
END_TEST

/* What was visited before the end is found bad counts for nothing. */
START_TEST(damage_at_the_end)
{
	struct visits v = {"", OK};
	struct usage_image image;
	struct recording f;

	file_open(&f);
	saw(&f, "x@ab.test", 60, USAGE_ALLOWED, 1);
	saw(&f, "y@ab.test", 60, USAGE_ALLOWED, 1);
	image = file_close(&f);
	image.at[image.n - 1] ^= 1;
	merge_image(&image);
	expect_error(ERR_DAMAGED, run(NULL, &v));
	ck_assert_str_eq(v.text, " x@ab.test=ab");
	ck_assert_ptr_null(list.at);
	ck_assert_str_eq(why.text, "file is damaged");
}
END_TEST

/* What a visit says ends the reading; "not found" does not look like the end. */
START_TEST(errors_of_a_visit)
{
	static const enum error answers[] = {ERR_NOTFOUND, ERR_FULL};
	struct usage_image image;
	struct recording f;

	file_open(&f);
	saw(&f, "x@ab.test", 60, USAGE_ALLOWED, 1);
	saw(&f, "y@ab.test", 60, USAGE_ALLOWED, 1);
	image = file_close(&f);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct visits v = {"", answers[i]};

		merge_image(&image);
		expect_error(answers[i], run(NULL, &v));
		ck_assert_str_eq(v.text, " x@ab.test=ab");
		ck_assert_ptr_null(list.at);
		usage_merge_free(&merge);
		merge = usage_merge_new();
	}
}
END_TEST

START_TEST(nothing_recorded)
{
	expect_ok(run(NULL, NULL));
	tenant_expect(0, "a-b 0/0/0/0 used=0 excepted=0 exposed=0");
	ck_assert_uint_gt(list.count, 3);
}
END_TEST

/* covers_expect - "" where the coverage is good enough, or a word of the reason */
static void
covers_expect(struct usage_coverage c, unsigned wanted, const char *word)
{
	enum error e = tenant_usage_covers(&c, wanted, SINCE, NOW, &why);

	expect_error(*word != '\0' ? ERR_PROTECTED : OK, e);
	ck_assert_msg(e == OK || strstr(why.text, word) != NULL, "\"%s\" has no \"%s\"",
	    why.text, word);
}

START_TEST(coverage)
{
	const struct usage_coverage good = {2, SINCE, NOW, 0, INSTANT_NONE};
	struct usage_coverage c = good;

	covers_expect(good, 2, "");
	covers_expect(good, 1, "");
	covers_expect(good, 3, "2 machines, and usage-nodes says 3");
	c.since = SINCE + 1;
	covers_expect(c, 2, "would have to be since");
	c = good;
	c.until = NOW - DAY;
	covers_expect(c, 2, "");
	c.until--;
	covers_expect(c, 2, "some machine ends at");
	c = good;
	c.dropped = 3;
	c.last_dropped = SINCE - 1;
	covers_expect(c, 2, "");
	c.last_dropped++;
	covers_expect(c, 2, "3 submissions could not be counted");
	c = usage_merge_coverage(merge);
	covers_expect(c, 1, "0 machines");
	covers_expect(c, 0, "would have to be since");
}
END_TEST

/* 100,000 tenants, every other one in use. */
START_TEST(many)
{
	enum { TENANTS = 100000 };
	struct recording f;
	char text[64], domain[64];
	int64_t begin;
	size_t used = 0;

	file_open(&f);
	for (int i = 0; i < TENANTS; i++) {
		snprintf(text, sizeof text, "t%d", i);
		tenant_store(txn, text, SMTP_AUTH_ENABLED);
		snprintf(domain, sizeof domain, "t%d.test", i);
		domain_store(txn, domain, text);
	}
	for (int i = 0; i < TENANTS; i += 2) {
		snprintf(text, sizeof text, "x@t%d.test", i);
		saw(&f, text, 60, USAGE_ALLOWED, 1);
	}
	merge_file(&f);
	begin = clock_now();
	expect_ok(run(NULL, NULL));
	printf(
	    "# survey of %d tenants: %" PRId64 " ms\n", TENANTS, clock_now() - begin);
	for (size_t i = 0; i < list.count; i++)
		used += list.at[i].mailboxes;
	ck_assert_uint_eq(used, TENANTS / 2);
	ck_assert_int_lt(clock_now() - begin, 10000 * deadline_factor());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tenant_usage");
	TCase *tcase = state_add_case(suite, "tenant_usage");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, sums);
	tcase_add_test(tcase, edge_of_the_span);
	tcase_add_test(tcase, catch_all);
	tcase_add_test(tcase, one_tenant_only);
	tcase_add_test(tcase, one_that_is_not_there);
	tcase_add_test(tcase, damage_at_the_end);
	tcase_add_test(tcase, errors_of_a_visit);
	tcase_add_test(tcase, nothing_recorded);
	tcase_add_test(tcase, coverage);
	tcase_add_test(tcase, many);
	return suite_run(suite);
}
