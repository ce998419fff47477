/* SPDX-License-Identifier: BSD-2-Clause */
/* sample_policy.c - the policy most milter tests start from, and the milter's own
 * words. */
#include "tests/lib/sample_policy.h"

#include "tests/lib/deadline.h"

#include <check.h>
#include <time.h>

enum { CHANGE_LIMIT = 15000, SLOW_SECONDS = 2 };

void
sample_policy_open(struct instance *instance)
{
	instance_open_ready(instance);
	instance_do(instance, "tenant add open --domain open.test --smtp-auth enabled");
	instance_do(
	    instance, "tenant add shut --domain shut.test --smtp-auth disabled");
}

void
sample_policy_expect_styles(const struct instance *instance, const char *login,
    const char *standard, const char *exchange, const char *verdict, const char *reason)
{
	expect_denial(instance, login, standard, verdict, reason);
	instance_do(instance, "settings set reply-style exchange");
	expect_denial(instance, login, exchange, verdict, reason);
	instance_do(instance, "settings set reply-style standard");
}

bool
sample_policy_await(const struct instance *instance, const char *login, bool passes)
{
	int64_t deadline = deadline_in(CHANGE_LIMIT);
	bool passed;

	do {
		struct mta_reply reply = mail_from_send_by(instance, login);

		passed = reply.kind == MTA_ACCEPT;
	} while (passed != passes && deadline_pause(deadline));
	return passed == passes;
}

void
sample_policy_time(char *text, size_t size, int seconds)
{
	time_t then = time(NULL) + seconds + (deadline_factor() > 1 ? SLOW_SECONDS : 0);
	struct tm parts;

	strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&then, &parts));
}
