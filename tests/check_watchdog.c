/* SPDX-License-Identifier: BSD-2-Clause */
/* check_watchdog.c - when the watchdog gives signs of life; clock and filter are ours.
 */
#include "milter/watchdog.h"
#include "suite.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "milter/filter.h"
#include "milter/log.h"
#include "milter/notify.h"
#include "policy/instant.h"

static _Atomic int64_t clock_ms;
static _Atomic uint64_t decisions;
static atomic_bool idle;
static _Atomic unsigned alive, complaints, looks;

/* What the watchdog calls, instead of the daemon's own. */

int64_t
monotonic_ms(void)
{
	return clock_ms;
}

bool
filter_is_idle(void)
{
	looks++;
	return idle;
}

uint64_t
filter_ended(void)
{
	return decisions;
}

void
notify_alive(void)
{
	alive++;
}

uint64_t
notify_watchdog_usec(void)
{
	return strtoull(getenv("WATCHDOG_USEC"), NULL, 10);
}

void
log_message(enum log_level level, const char *fmt, ...)
{
	(void)fmt;
	complaints += level == LEVEL_ERROR;
}

/* more - waits until the watchdog has looked some times again */
static void
more(void)
{
	const struct timespec moment = {0, 1000000};
	unsigned until = looks + 4;

	while (looks < until)
		nanosleep(&moment, NULL);
}

static void
start(void)
{
	setenv("WATCHDOG_USEC", "20000", 1);
	idle = true;
	ck_assert_int_eq(watchdog_start(), OK);
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

START_TEST(nobody_watches)
{
	setenv("WATCHDOG_USEC", "0", 1);
	ck_assert_int_eq(watchdog_start(), OK);
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
	tcase_add_test(life, nobody_watches);
	return suite_run(suite);
}
