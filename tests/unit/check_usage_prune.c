/* SPDX-License-Identifier: BSD-2-Clause */
/* check_usage_prune.c - "usage prune" believes no answer of its helper that makes no
 * sense. The helper is a stub here. */
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/as_usage_user.h"
#include "policy/usage/usage_frame.h"
#include "tests/lib/state.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_SIZE = 2000, DAYS = 3, CLIENTS = 4, LOGINS = 5, DENIED = 6 };

static struct state state;
static uint8_t answer[ANSWER_SIZE];
static size_t length;
static char *out_text, *err_text;

enum error
transaction_begin(struct ctl *c)
{
	c->store = state_store(&state, STORE_READ);
	return store_begin(c->store, &c->txn);
}

void
as_usage_user_alive(FILE *to)
{
	(void)to;
}

enum error
as_usage_user_ask(struct ctl *c, as_usage_user_fn *fn, void *arg, uint8_t *buf,
    size_t size, FILE **answer_r)
{
	(void)fn, (void)arg, (void)buf;
	ck_assert_ptr_null(c->store);
	ck_assert_uint_lt(length, size);
	*answer_r =
	    length > 0 ? fmemopen(answer, length, "r") : fopen("/dev/null", "r");
	return OK;
}

static enum error
prune(void)
{
	size_t out_length, err_length;
	struct ctl c = {.now = 1800000000};
	enum error e;

	free(out_text);
	free(err_text);
	c.out = open_memstream(&out_text, &out_length);
	c.err = open_memstream(&err_text, &err_length);
	print_open(&c.print, c.out, false);
	e = ctl_usage_prune(&c);
	print_finish(&c.print);
	print_close(&c.print);
	fclose(c.out);
	fclose(c.err);
	return e;
}

static void
write_answer(uint8_t doubt)
{
	struct record_writer w;
	uint8_t body[64];
	FILE *to = fmemopen(answer, sizeof answer, "w");

	record_write_start(&w, body, sizeof body);
	record_put_u64(&w, DAYS);
	record_put_u64(&w, CLIENTS);
	record_put_u64(&w, LOGINS);
	record_put_u64(&w, DENIED);
	record_put_u8(&w, doubt);
	usage_frame_write(to, USAGE_FRAME_PRUNED, &w);
	length = (size_t)ftell(to);
	fclose(to);
}

static void
setup(void)
{
	state_open_ready(&state);
}

START_TEST(good_answers)
{
	write_answer(0);
	expect_ok(prune());
	ck_assert_str_eq(out_text,
	    "3 days and 4 client addresses forgotten, and 5 logins of no tenant, and 6 logins refused at AUTH\n");
	ck_assert_str_eq(err_text, "");
	write_answer(1);
	expect_ok(prune());
	ck_assert_ptr_nonnull(strstr(err_text, "may be left"));
}
END_TEST

START_TEST(other_answers)
{
	write_answer(2);
	expect_error(ERR_IO, prune());
	ck_assert_str_eq(out_text, "");
	write_answer(0);
	answer[length++] = '\0';
	expect_error(ERR_IO, prune());
	while (length-- > 0)
		if (length != USAGE_FRAME_HEAD + 4 * sizeof(uint64_t) + 1)
			expect_error(ERR_IO, prune());
	length = 0;
}
END_TEST

/* Each bit of the head: neither a longer body nor another type is believed. */
START_TEST(other_heads)
{
	for (size_t bit = 0; bit < (size_t)8 * USAGE_FRAME_HEAD; bit++) {
		write_answer(0);
		answer[bit / 8] = (uint8_t)(answer[bit / 8] ^ 1 << bit % 8);
		expect_error(ERR_IO, prune());
		ck_assert_str_eq(out_text, "");
	}
}
END_TEST

START_TEST(errors)
{
	FILE *to = fmemopen(answer, sizeof answer, "w");

	usage_frame_write_error(to, ERR_FULL, "no room");
	length = (size_t)ftell(to);
	fclose(to);
	expect_error(ERR_FULL, prune());
	answer[length++] = '\0';
	expect_error(ERR_IO, prune());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("usage_prune");
	TCase *tcase = state_add_case(suite, "answer");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, good_answers);
	tcase_add_test(tcase, other_answers);
	tcase_add_test(tcase, other_heads);
	tcase_add_test(tcase, errors);
	return suite_run(suite);
}
