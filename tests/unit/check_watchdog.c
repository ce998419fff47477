/* SPDX-License-Identifier: BSD-2-Clause */
/* check_watchdog.c - when the watchdog gives signs of life; clock and counters are
 * ours.
 */
#include "milter/service/watchdog.h"
#include "tests/lib/suite.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "milter/service/log.h"
#include "milter/service/service_notify.h"
#include "policy/base/instant.h"
#include "policy/base/monotonic.h"

static struct watchdog watchdog;
static _Atomic int64_t clock_ms;
static _Atomic uint64_t decisions;
static atomic_bool idle;
static _Atomic unsigned alive, complaints, looks;
/* The watchdog's pauses only move the clock, while one decision is under way. */
static atomic_bool pauses_fly;
static _Atomic int64_t begins_ms, ends_ms;
static _Atomic int64_t shortest_ms = INT64_MAX, longest_ms; /* between signs of life */

/* What the watchdog calls, instead of the daemon's own. */

int64_t
monotonic_ms(void)
{
	return clock_ms;
}

int
nanosleep(const struct timespec *pause, struct timespec *left)
{
	const struct timespec moment = {0, 100000};

	(void)left;
	if (!pauses_fly)
		return clock_nanosleep(CLOCK_MONOTONIC, 0, pause, NULL);
	clock_ms += pause->tv_sec * 1000 + pause->tv_nsec / 1000000;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
}

void
service_notify(const char *state)
{
	static int64_t last;
	int64_t pause = clock_ms - last;

	ck_assert_str_eq(state, "WATCHDOG=1");
	if (alive > 0 && pause > longest_ms)
		longest_ms = pause;
	if (alive > 0 && pause < shortest_ms)
		shortest_ms = pause;
	last = clock_ms;
	alive++;
}

uint64_t
service_notify_watchdog_usec(void)
{
	return strtoull(getenv("WATCHDOG_USEC"), NULL, 10);
}

void
log_message(enum log_level level, const char *fmt, ...)
{
	(void)fmt;
	complaints += level == LEVEL_ERROR;
}

/* progress - see watchdog_progress */
static uint64_t
progress(void *arg, bool *busy_r)
{
	(void)arg;
	looks++;
	*busy_r = pauses_fly ? clock_ms >= begins_ms && clock_ms < ends_ms : !idle;
	return decisions;
}

/* more - waits until the watchdog has looked some times again */
static void
more(void)
{
	const struct timespec moment = {0, 1000000};
	unsigned until = looks + 4;

	while (looks < until)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
}

/* clock_reach - waits until the clock that flies is there */
static void
clock_reach(int64_t ms)
{
	const struct timespec moment = {0, 1000000};

	while (clock_ms < ms)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
}

static void
start(void)
{
	setenv("WATCHDOG_USEC", "20000", 1);
	idle = true;
	ck_assert_int_eq(watchdog_start(&watchdog, progress, NULL), OK);
	more();
}

/* signs - how many came while the watchdog looked some times more */
static unsigned
signs(void)
{
	unsigned before;

	more();
	before = alive;
	more();
	return alive - before;
}

START_TEST(idle_daemon_is_alive)
{
	start();
	ck_assert_uint_gt(signs(), 0);
	clock_ms += 10 * WATCHDOG_PATIENCE_MS;
	ck_assert_uint_gt(signs(), 0);
	ck_assert_uint_eq(complaints, 0);
}
END_TEST

START_TEST(decisions_that_end_are_life)
{
	start();
	idle = false;
	for (int i = 0; i < 5; i++) {
		decisions++;
		more();
		clock_ms += WATCHDOG_PATIENCE_MS - 1;
		ck_assert_uint_gt(signs(), 0);
	}
	ck_assert_uint_eq(complaints, 0);
}
END_TEST

START_TEST(decisions_that_do_not_end_are_none)
{
	start();
	idle = false;
	clock_ms += WATCHDOG_PATIENCE_MS;
	ck_assert_uint_eq(signs(), 0);
	ck_assert_uint_eq(complaints, 1);
	decisions++;
	ck_assert_uint_gt(signs(), 0);
	clock_ms += WATCHDOG_PATIENCE_MS;
	ck_assert_uint_eq(signs(), 0);
	ck_assert_uint_eq(complaints, 2);
	idle = true;
	ck_assert_uint_gt(signs(), 0);
}
END_TEST

/* fly - one decision of some seconds under a manager that wants a sign in 30 s */
static void
fly(int64_t begins, int64_t seconds)
{
	setenv("WATCHDOG_USEC", "30000000", 1);
	begins_ms = begins;
	ends_ms = begins + 1000 * seconds;
	pauses_fly = true;
	ck_assert_int_eq(watchdog_start(&watchdog, progress, NULL), OK);
	clock_reach(ends_ms + 60000);
}

/*
 * The decision begins right before a look, be they 1 s apart or 15 s: since the look
 * before that one nothing has ended.
 */
START_TEST(long_decision_is_no_stuck_one)
{
	fly(59999, WATCHDOG_PATIENCE_MS / 1000 - 1);
	ck_assert_uint_eq(complaints, 0);
}
END_TEST

START_TEST(stuck_decision_is_seen_in_time)
{
	fly(59999, WATCHDOG_PATIENCE_MS / 1000 + 1);
	ck_assert_uint_eq(complaints, 1);
}
END_TEST

START_TEST(signs_come_every_half_of_the_time)
{
	fly(0, 0);
	ck_assert_uint_gt(alive, 2);
	ck_assert_int_eq(shortest_ms, 15000);
	ck_assert_int_eq(longest_ms, 15000);
}
END_TEST

START_TEST(nobody_watches)
{
	setenv("WATCHDOG_USEC", "0", 1);
	ck_assert_int_eq(watchdog_start(&watchdog, progress, NULL), OK);
	ck_assert_uint_eq(looks, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("watchdog");
	TCase *life = suite_add_case(suite, "life");

	tcase_add_test(life, idle_daemon_is_alive);
	tcase_add_test(life, decisions_that_end_are_life);
	tcase_add_test(life, decisions_that_do_not_end_are_none);
	tcase_add_test(life, long_decision_is_no_stuck_one);
	tcase_add_test(life, stuck_decision_is_seen_in_time);
	tcase_add_test(life, signs_come_every_half_of_the_time);
	tcase_add_test(life, nobody_watches);
	return suite_run(suite);
}
