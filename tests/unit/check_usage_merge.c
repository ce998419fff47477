/* SPDX-License-Identifier: BSD-2-Clause */
/* check_usage_merge.c - the usage of several machines adds up. */
#include "policy/usage/auth_denied.h"
#include "policy/usage/usage_merge.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"
#include "tests/lib/usage_image.h"

#include <stdio.h>
#include <string.h>

/* The merge of several images; it lives until the end of the test's process. */
static struct usage_merge *
merge_of(struct usage_image *images, size_t n, const char **left_out)
{
	struct usage_merge *merge = usage_merge_new();
	static const char *const names[] = {"first", "second", "third"};

	for (size_t i = 0; i < n; i++) {
		FILE *from = fmemopen(images[i].at, images[i].n, "r");
		struct usage_file_reader *reader;
		struct error_text why = {.text = ""};

		ck_assert_msg(
		    usage_file_reader_open(&reader, from, names[i], &why) == OK, "%s",
		    why.text);
		expect_ok(usage_merge_add(merge, reader, left_out));
	}
	return merge;
}

static void
expect_row(struct usage_merge *merge, const char *want)
{
	struct error_text why = {.text = ""};
	struct usage_row row;
	char text[512];
	bool found;
	enum error e = usage_merge_next(merge, &row, &found, &why);

	ck_assert_msg(e == OK, "%s", why.text);
	ck_assert(found == (want != NULL));
	if (!found)
		return;
	snprintf(text, sizeof text, "%s %lld-%lld", row.login.text,
	    (long long)row.usage.first_seen, (long long)row.usage.last_seen);
	for (size_t i = 0; i < row.days; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), " %u=%u",
		    (unsigned)row.day[i].day, (unsigned)row.day[i].count[0]);
	ck_assert_str_eq(text, want);
}

START_TEST(merge_two)
{
	static const struct usage_sample a[] = {
	    {"", 5, 2}, {"ann@a", 2, 1}, {"ann@a", 5, 2}, {"zoe@a", 3, 1}};
	static const struct usage_sample b[] = {{"", 5, 4}, {"", 6, 2}, {"ann@a", 1, 4},
	    {"ann@a", 5, 40}, {"ann@a", 9, 4}, {"bob", 3, 3}};
	struct recording_host x = recording_host_make("x", 100, 900),
			      y = recording_host_make("y", 200, 800);
	struct usage_coverage c;
	const char *left_out;
	struct usage_image images[2];
	struct usage_merge *merge;

	x.dropped = 3;
	y.dropped = 4;
	y.last_dropped = 700;
	images[0] = usage_image_make(a, 4, &x);
	images[1] = usage_image_make(b, 6, &y);
	merge = merge_of(images, 2, &left_out);
	ck_assert_ptr_null(left_out);
	c = usage_merge_coverage(merge);
	ck_assert_uint_eq(c.hosts, 2);
	ck_assert_int_eq(c.since, 200);
	ck_assert_int_eq(c.until, 800);
	ck_assert_uint_eq(c.dropped, 7);
	ck_assert_int_eq(c.last_dropped, 700);
	expect_row(merge, " 432002-518402 5=6 6=2");
	expect_row(merge, "bob 259203-259203 3=3");
	expect_row(merge, "ann@a 86404-777604 1=4 2=1 5=42 9=4");
	expect_row(merge, "zoe@a 259201-259201 3=1");
	expect_row(merge, NULL);
	usage_merge_free(&merge);
	ck_assert_ptr_null(merge);
}
END_TEST

/* Of one machine the later file counts, in whatever order they come. */
START_TEST(merge_same_machine)
{
	static const struct usage_sample old[] = {{"ann@a", 2, 1}};
	static const struct usage_sample new[] = {{"ann@a", 2, 1}, {"ann@a", 3, 1}};
	struct recording_host host = recording_host_make("x", 100, 900);
	struct usage_image images[2];
	const char *left_out;
	struct usage_merge *merge;

	for (int i = 0; i < 2; i++) {
		host.until = 900;
		images[i] = usage_image_make(old, 1, &host);
		host.until = 950;
		images[!i] = usage_image_make(new, 2, &host);
		merge = merge_of(images, 2, &left_out);
		ck_assert_str_eq(left_out, i == 0 ? "first" : "second");
		ck_assert_uint_eq(usage_merge_coverage(merge).hosts, 1);
		ck_assert_int_eq(usage_merge_coverage(merge).until, 950);
		expect_row(merge, "ann@a 172801-259201 2=1 3=1");
		expect_row(merge, NULL);
		usage_merge_free(&merge);
	}
}
END_TEST

/*
 * Refusals at AUTH add up, and whoever does not ask for them never sees a login that
 * has nothing else.
 */
START_TEST(merge_refusals)
{
	static const struct usage_sample a[] = {{"!", 5, 2}, {"ann@a", 2, 1},
	    {"!ann@a", 3, 7}, {"!bob@a", 4, 6}, {"!zoe@a", 4, 1}};
	static const struct usage_sample b[] = {
	    {"!ann@a", 3, 8}, {"!ann@a", 6, 2}, {"zoe@a", 3, 1}};
	static const struct {
		const char *login;
		uint64_t count;
		instant last;
		bool used;
	} want[] = {{"", 2, 5 * 86400 + 2, false}, {"ann@a", 17, 6 * 86400 + 2, true},
	    {"bob@a", 6, 4 * 86400 + 6, false}, {"zoe@a", 1, 4 * 86400 + 1, true}};
	struct recording_host x = recording_host_make("x", 100, 900),
			      y = recording_host_make("y", 200, 800);
	struct error_text why = {.text = ""};
	struct usage_image images[2] = {
	    usage_image_make(a, 5, &x), usage_image_make(b, 3, &y)};
	const char *left_out;
	struct usage_merge *merge = merge_of(images, 2, &left_out);
	struct usage_row row;
	bool found;

	expect_row(merge, "ann@a 172801-172801 2=1");
	expect_row(merge, "zoe@a 259201-259201 3=1");
	expect_row(merge, NULL);
	usage_merge_free(&merge);
	merge = merge_of(images, 2, &left_out);
	usage_merge_show_auth_denied(merge);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		expect_ok(usage_merge_next(merge, &row, &found, &why));
		ck_assert_str_eq(row.login.text, want[i].login);
		ck_assert(usage_row_is_used(&row) == want[i].used);
		ck_assert_ptr_nonnull(row.auth_denied);
		ck_assert_uint_eq(auth_denied_count(row.auth_denied, 0), want[i].count);
		ck_assert_int_eq(row.auth_denied->last, want[i].last);
	}
	expect_row(merge, NULL);
	usage_merge_free(&merge);
}
END_TEST

/* One bad source spoils all, also after good rows. */
START_TEST(merge_with_a_bad_one)
{
	static const struct usage_sample a[] = {{"ann@a", 2, 1}, {"zoe@a", 3, 1}};
	struct recording_host x = recording_host_make("x", 100, 900),
			      y = recording_host_make("y", 200, 800);
	struct usage_image images[2] = {
	    usage_image_make(a, 2, &x), usage_image_make(a, 2, &y)};
	struct error_text why = {.text = ""};
	struct usage_merge *merge;
	const char *left_out;
	struct usage_row row;
	bool found = true;
	enum error e = OK;

	images[1].at[images[1].n - 1] ^= 1;
	merge = merge_of(images, 2, &left_out);
	while (e == OK && found)
		e = usage_merge_next(merge, &row, &found, &why);
	ck_assert_int_eq(e, ERR_DAMAGED);
	ck_assert_str_eq(why.text, "second is damaged");
	usage_merge_free(&merge);
	merge = usage_merge_new();
	ck_assert(usage_merge_coverage(merge).since == INSTANT_NONE);
	expect_row(merge, NULL);
	usage_merge_free(&merge);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage_merge");
	TCase *merge = state_add_case(suite, "merge");

	tcase_add_test(merge, merge_two);
	tcase_add_test(merge, merge_same_machine);
	tcase_add_test(merge, merge_refusals);
	tcase_add_test(merge, merge_with_a_bad_one);
	return suite_run(suite);
}
